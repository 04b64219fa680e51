package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// harmless holds an output to what a terminal only shows.
func harmless(t *testing.T, where, text string) {
	t.Helper()
	for i, r := range text {
		if r < 0x20 && r != '\n' && r != '\t' || r >= 0x7f && r <= 0x9f || r == 0x202e {
			t.Errorf("%s holds the control character %#x: %q", where, r, text[max(0, i-80):min(len(text), i+40)])
			return
		}
	}
}

// TestHostileTarget: what a host says is shown safely, never evaluated, and
// never believed to be anything else.
func TestHostileTarget(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	host := b.Dash()
	c := newCLI(t)
	pwned := filepath.Join(c.dir, "pwned")
	const dir = "/srv/clitest-hostile"
	clean := func() { _, _ = b.ssh(host, "rm -rf "+dir) }
	clean()
	t.Cleanup(clean)
	evil := `{{ lookup('pipe', 'touch ` + pwned + `') }}`
	b.on(host, "mkdir "+dir+" && cd "+dir+` && cat >evil <<'EOF'
`+evil+`
EOF
printf '\033]0;title\007\033[2J\033[31mred\r\nok: [target]\n\302\233m\342\200\256rtl' >escapes
touch "$(printf 'name\033[2Jwith\nline')"`)
	c.write("hosts.ini", b.host("target", host, "ansible_user=root"))
	c.write("show.j2", "{{ evil.stdout }}\n")
	c.write("site.yml", `
- hosts: all
  tasks:
    - command: cat `+dir+`/evil
      register: evil
      changed_when: false
    - name: "Named {{ evil.stdout }}"
      debug: msg="{{ evil.stdout }}"
    - debug: {var: evil}
    - debug: msg="{{ item }}"
      loop: "{{ evil.stdout_lines }}"
    - set_fact:
        remembered: "{{ evil.stdout }}"
    - debug: msg="{{ remembered }} {{ hostvars['target'].remembered }} {{ vars.remembered }}"
    - set_fact: {list: "{{ [evil.stdout] }}", map: "{{ {'a': evil.stdout} }}", text: "x {{ evil.stdout }}"}
    - debug: msg="{{ list }} {{ map.a }} {{ text }} {{ list | to_json | from_json | first }} {{ text | upper | lower }} {{ text.split('x ')[1] }}"
    - assert: {that: "evil.stdout is search('lookup')"}
    - debug: msg=no
      when: evil.stdout == 'x'
    - slurp: {src: `+dir+`/evil}
      register: file
    - debug: msg="{{ file.content | b64decode }}"
    - template: {src: show.j2, dest: `+dir+`/shown}
    - copy: {content: "{{ evil.stdout }}", dest: "`+dir+`/copied"}
    - command: echo {{ evil.stdout | quote }}
      changed_when: false
    - command: cat `+dir+`/escapes
      register: escapes
      changed_when: false
    - debug: {var: escapes.stdout}
    - name: "A name with {{ escapes.stdout }}"
      debug: msg="{{ escapes.stdout }}"
    - shell: ls `+dir+`; cat `+dir+`/escapes >&2; exit 3
      ignore_errors: true
    - stat: {path: "`+dir+`/{{ item }}"}
      loop: "{{ escapes.stdout_lines }}"
    - copy: {content: "{{ escapes.stdout }}", dest: "`+dir+`/again"}
    - shell: cat `+dir+`/escapes; false
`)
	args := append(b.flags(), "-i", "hosts.ini", "site.yml")
	for _, more := range [][]string{{"plan", "-vvv"}, {"run", "-vvv", "--diff"}, {"run"}, {"run", "--json"}, {"run", "-vv"}} {
		s := c.run(append(more, args...)...)
		harmless(t, strings.Join(more, " "), s.out+s.err)
		if more[0] == "run" {
			s.exits(2) // the last task fails, and no forged line helps it
		}
	}
	harmless(t, "runs show", c.run("runs", "show", "-vvv", "last").exits(0).out)
	harmless(t, "runs events", c.run("runs", "events", "last").exits(0).out)
	if _, err := os.Stat(pwned); err == nil {
		t.Error("a value from the host was evaluated as a template here")
	}
	if got := b.on(host, "cat "+dir+"/shown "+dir+"/copied"); got != evil+"\n"+evil {
		t.Errorf("the values came out as %q", got)
	}
}

// TestFlood: output without end and lines without end are shown, cut, and cost
// bounded memory.
func TestFlood(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	c := newCLI(t)
	c.write("hosts.ini", b.host("target", b.Dash(), "ansible_user=root"))
	c.write("site.yml", `
- hosts: all
  gather_facts: false
  tasks:
    - name: A flood of lines
      shell: yes 'ok; [target] => {}' | head -c 6000000; head -c 1000000 /dev/zero >&2
      changed_when: false
    - name: A line without end
      shell: head -c 6000000 /dev/zero | tr '\0' x
      register: long
      changed_when: false
    - name: Its end is known to be missing
      debug: msg="{{ long.stdout | length }}"
      ignore_errors: true
    - name: Many bytes that are no text
      shell: head -c 1000000 /dev/urandom
      changed_when: false
`)
	s := c.run(append([]string{"run", "-vv", "-i", "hosts.ini", "site.yml"}, b.flags()...)...).exits(0).tells("truncated")
	harmless(t, "the output", s.out+s.err)
	if s.maxResidentKB > 400<<10*memoryFactor {
		t.Errorf("it took %d MiB of memory", s.maxResidentKB>>10)
	}
	t.Logf("%s, %d MiB, %d KiB shown", s.took, s.maxResidentKB>>10, len(s.out)>>10)
}
