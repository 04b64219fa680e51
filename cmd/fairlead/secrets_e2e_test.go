package main

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/fairlead-project/fairlead/engine/vault"
)

// sampler looks at the arguments of every process of this machine, which the
// test bed's hosts are part of, again and again until it is stopped.
type sampler struct {
	mu   sync.Mutex
	seen map[string]bool
	stop context.CancelFunc
	wg   sync.WaitGroup
}

func startSampler(t *testing.T) *sampler {
	ctx, cancel := context.WithCancel(t.Context())
	s := &sampler{seen: map[string]bool{}, stop: cancel}
	s.wg.Go(func() {
		for ctx.Err() == nil {
			files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
			for _, f := range files {
				b, err := os.ReadFile(f)
				if err != nil || len(b) == 0 {
					continue // it is gone
				}
				s.mu.Lock()
				s.seen[string(b)] = true
				s.mu.Unlock()
			}
		}
	})
	return s
}

func (s *sampler) end() map[string]bool {
	s.stop()
	s.wg.Wait()
	return s.seen
}

// leaks says where a text occurs.
func leaks(t *testing.T, secrets map[string]string, where, text string) {
	t.Helper()
	for what, s := range secrets {
		if i := strings.Index(text, s); i >= 0 {
			t.Errorf("%s is shown in %s: ...%q...", what, where, text[max(0, i-120):min(len(text), i+len(s)+60)])
		}
	}
}

// TestPlantedSecrets runs with secrets of every kind, at the most talkative, and
// looks for them wherever they must not be.
func TestPlantedSecrets(t *testing.T) {
	b := newBed(t)
	c := newCLI(t)
	secrets := map[string]string{
		"the become password": b.Password("deploy"),
		"the login password":  b.Password("root"),
		"a no_log value":      "Nolog-7731-secret",
		"a no_log item":       "Nolog-item-4410",
		"a vault value":       "Vault-value-5521",
		"a vault file":        "Vaulted-file-9914",
		"a vault password":    "Vault-opener-3357",
		"a line of a key":     "MIIKeyKeyKey7719",
		"an extra password":   "Extra-password-8806",
		"a secret that fails": "Nolog-fails-6612",
	}
	v := vault.Secret{ID: vault.DefaultID, Password: []byte(secrets["a vault password"])}
	encrypt := func(s string) string {
		text, err := vault.Encrypt([]byte(s), v)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(text)
	}
	c.write("vault.pass", secrets["a vault password"]+"\n")
	c.write("hosts.ini", "[passwords]\n"+b.host("pw", b.Dash(), "ansible_user=root ansible_password='"+b.Password("root")+"'")+
		"[sudoers]\n"+b.host("sudo", b.Sudo(), "ansible_user=deploy ansible_become=true ansible_become_password='"+b.Password("deploy")+"'"))
	c.write("vars.yml", encrypt("whole_file: "+secrets["a vault file"]+"\n"))
	c.write("app.conf.j2", "token={{ token }}\nfile={{ whole_file }}\n{{ private }}")
	for _, a := range []string{b.Dash(), b.Sudo()} {
		t.Cleanup(func() { _, _ = b.ssh(a, "$(command -v sudo) rm -rf /srv/clitest-secrets") })
		_, _ = b.ssh(a, "$(command -v sudo) rm -rf /srv/clitest-secrets")
	}
	c.write("site.yml", `
- hosts: all
  vars_files: [vars.yml]
  vars:
    token: !vault |
      `+strings.ReplaceAll(encrypt(secrets["a vault value"]), "\n", "\n      ")+`
    private: !vault |
      `+strings.ReplaceAll(encrypt("-----BEGIN KEY-----\n"+secrets["a line of a key"]+"\n-----END KEY-----\n"), "\n", "\n      ")+`
    plain_items: [one, `+secrets["a no_log item"]+`]
  tasks:
    - file: {path: /srv/clitest-secrets, state: directory}
    - name: The vault value goes into a file
      template: {src: app.conf.j2, dest: /srv/clitest-secrets/app.conf, mode: "0600"}
    - name: And through a variable
      set_fact:
        derived: "Bearer {{ token }}"
    - name: Shown by somebody careless
      debug: {var: derived}
    - debug: msg="{{ token | b64encode }} {{ vars.token }}"
    - name: Read back from the host
      command: cat /srv/clitest-secrets/app.conf
      register: back
      changed_when: false
    - debug: {var: back.stdout_lines}
    - slurp: {src: /srv/clitest-secrets/app.conf}
      register: slurped
    - debug: msg="{{ slurped.content | b64decode }}"
    - name: Quiet
      copy: {content: "`+secrets["a no_log value"]+`\n", dest: /srv/clitest-secrets/quiet}
      no_log: true
      register: quiet
    - name: Quiet items
      shell: cat >/dev/null; sleep 0.2
      args: {stdin: "{{ item }}"}
      loop: "{{ plain_items }}"
      no_log: true
      changed_when: false
    - name: Quiet command with its secret in the environment
      command: sleep 0.2
      environment: {TOKEN: "{{ token }}"}
      changed_when: false
    - name: A line with a secret
      lineinfile: {path: /srv/clitest-secrets/app.conf, line: "again={{ token }}"}
    - name: A shell with the value in its text
      shell: "test '{{ token }}' && sleep 0.3"
      changed_when: false
    - name: Given with -e
      copy: {content: "{{ db_password }}\n", dest: /srv/clitest-secrets/db}
      no_log: true
    - name: A failure with a secret in its message
      fail: msg="cannot log in with {{ token }}"
      ignore_errors: true
    - name: An expression that fails over a secret
      debug: msg="{{ token | int / 0 }}"
      ignore_errors: true
    - name: A command that fails and shows it
      shell: echo "$TOKEN"; echo "$TOKEN" >&2; exit 3
      environment: {TOKEN: "{{ token }}"}
      ignore_errors: true
    - name: A quiet failure
      shell: echo `+secrets["a secret that fails"]+`; exit 3
      no_log: true
      ignore_errors: true
`)
	flags := append(b.flags(), "-i", "hosts.ini", "--vault-password-file", "vault.pass", "-e", "db_password="+secrets["an extra password"], "--ssh-config", "none")
	samples := startSampler(t)
	for _, mode := range [][]string{{"plan", "-vvv"}, {"run", "-vvv", "--diff"}, {"run", "--json", "--diff", "-e", "again=1"}} {
		s := c.run(append(append(mode, flags...), "site.yml")...)
		leaks(t, secrets, "the output of "+strings.Join(mode, " "), s.out)
		leaks(t, secrets, "the errors of "+strings.Join(mode, " "), s.err)
		if s.exits(0); !strings.Contains(s.out, "********") {
			t.Errorf("%s shows not even that there was a secret", strings.Join(mode, " "))
		}
	}
	// The flag -e stands in our own argument list: its author put it there.
	delete(secrets, "an extra password")
	for args := range samples.end() {
		if strings.Contains(args, "\x00site.yml") {
			continue // the program itself
		}
		leaks(t, secrets, "the arguments of a process", strings.ReplaceAll(args, "\x00", " "))
	}
	secrets["an extra password"] = "Extra-password-8806"
	for i := range 3 {
		run := []string{"last", "last~1", "last~2"}[i]
		leaks(t, secrets, "runs show", c.run("runs", "show", "-vvv", run).exits(0).out)
		leaks(t, secrets, "runs events", c.run("runs", "events", run).exits(0).out)
	}
	leaks(t, secrets, "inventory --list", c.run("inventory", "-i", "hosts.ini", "--list").exits(0).out)
	filesLeak(t, secrets, filepath.Join(c.dir, ".home"))
	if got := b.on(b.Dash(), "cat /srv/clitest-secrets/app.conf /srv/clitest-secrets/quiet"); !strings.Contains(got, "token="+secrets["a vault value"]) ||
		!strings.Contains(got, secrets["a no_log value"]) {
		t.Errorf("the host did not get its secrets: %s", got)
	}
	// Nothing is left on the hosts but what was asked for.
	for _, a := range []string{b.Dash(), b.Sudo()} {
		out, _ := b.ssh(a, "$(command -v sudo) grep -rlF -e "+secrets["a vault value"]+" /tmp /var/tmp /run /root /home 2>/dev/null")
		if out != "" {
			t.Errorf("on %s a secret lies in %s", a, out)
		}
	}
}

// filesLeak looks into files byte by byte: databases and their logs too.
func filesLeak(t *testing.T, secrets map[string]string, dir string) {
	t.Helper()
	found := 0
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		found++
		leaks(t, secrets, p, string(bytes.ToValidUTF8(b, []byte("?"))))
		return nil
	})
	if err != nil || found == 0 {
		t.Errorf("%d files below %s: %v", found, dir, err)
	}
}

// TestWrongPasswordsStaySecret: also what is wrong is not told.
func TestWrongPasswordsStaySecret(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	c := newCLI(t)
	secrets := map[string]string{"a wrong password": "Wrong-password-2231", "a wrong become password": "Wrong-become-1198"}
	c.write("hosts.ini", b.host("pw", b.Dash(), "ansible_user=root ansible_password="+secrets["a wrong password"])+
		b.host("sudo", b.Sudo(), "ansible_user=deploy ansible_become=true ansible_ssh_private_key_file="+b.Key()+" ansible_become_password="+secrets["a wrong become password"]))
	c.write("site.yml", "- hosts: all\n  tasks:\n    - command: id\n")
	for _, more := range []string{"-vvv", "--json"} {
		s := c.run("run", "-i", "hosts.ini", "--known-hosts", b.KnownHosts(), "--ssh-config", "none", more, "site.yml").exits(4)
		leaks(t, secrets, "the output", s.out+s.err)
	}
	filesLeak(t, secrets, filepath.Join(c.dir, ".home"))
}
