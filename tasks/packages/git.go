package packages

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type gitArgs struct {
	Repo         string          `arg:"repo"`
	Dest         string          `arg:"dest"`
	Version      string          `arg:"version"`
	Remote       string          `arg:"remote"`
	Refspec      string          `arg:"refspec"`
	Reference    string          `arg:"reference"`
	Force        bool            `arg:"force"`
	Depth        module.Opt[int] `arg:"depth"`
	Clone        bool            `arg:"clone"`
	Update       bool            `arg:"update"`
	Verify       bool            `arg:"verify_commit"`
	Allow        []string        `arg:"gpg_whitelist"`
	AcceptKey    bool            `arg:"accept_hostkey"`
	AcceptNewKey bool            `arg:"accept_newhostkey"`
	KeyFile      string          `arg:"key_file"`
	SSHOpts      string          `arg:"ssh_opts"`
	Executable   string          `arg:"executable"`
	Bare         bool            `arg:"bare"`
	Recursive    bool            `arg:"recursive"`
	Single       bool            `arg:"single_branch"`
	Track        bool            `arg:"track_submodules"`
	Umask        value.Value     `arg:"umask"`
	Archive      string          `arg:"archive"`
	Prefix       string          `arg:"archive_prefix"`
	Separate     string          `arg:"separate_git_dir"`
}

// Git is the module git.
func Git() module.Module {
	on := func(name, doc string, def bool) module.Arg {
		return module.Arg{Name: name, Type: module.Bool, Default: def, Doc: doc}
	}
	return module.New(module.Spec{
		Name:    "git",
		Summary: "Have a clone of a git repository, at a version",
		Doc: `Clones a repository, or fetches and checks out what is asked. It runs git on the host at every
run, since only that can tell what is new; a dry run asks the remote repository and fetches nothing.`,
		Args: []module.Arg{
			{Name: "repo", Aliases: []string{"name"}, Required: true, Doc: "The address of the repository."},
			{Name: "dest", Type: module.Path, Doc: "The folder of the clone; it may be left out with clone off."},
			{Name: "version", Default: "HEAD", Doc: "A branch, a tag or a commit."},
			{Name: "remote", Default: "origin", Doc: "What the clone calls the repository."},
			{Name: "refspec", Doc: "Fetch this, too."},
			{Name: "reference", Doc: "A clone on the host to borrow objects from."},
			on("force", "Throw local changes away; without it they are a failure.", false),
			{Name: "depth", Type: module.Int, Doc: "So many commits of history, at least 1."},
			on("clone", "With false nothing is cloned.", true),
			on("update", "With false a clone that is there stays as it is.", true),
			on("verify_commit", "The commit or tag must be signed well.", false),
			{Name: "gpg_whitelist", Type: module.List, Elem: module.Str, Default: []string{}, Doc: "Fingerprints of keys that may have signed."},
			on("accept_hostkey", "Have ssh take any host key.", false),
			on("accept_newhostkey", "Have ssh take the host keys of unknown hosts.", false),
			{Name: "key_file", Type: module.Path, Doc: "The private key for ssh, on the host."},
			{Name: "ssh_opts", Doc: "Options of ssh."},
			{Name: "executable", Type: module.Path, Doc: "The program git."},
			on("bare", "A clone without files.", false),
			on("recursive", "Submodules, too.", true),
			on("single_branch", "Only the history of the version.", false),
			on("track_submodules", "Submodules at the newest commit of their branch.", false),
			{Name: "umask", Type: module.Raw, Doc: "The umask, as text of octal digits."},
			{Name: "archive", Type: module.Path, Doc: "Also write the version into this archive: .zip, .tar, .tar.gz or .tgz."},
			{Name: "archive_prefix", Doc: "A folder in front of the names in the archive."},
			{Name: "separate_git_dir", Type: module.Path, Doc: "Keep .git elsewhere."},
		},
		MutuallyExclusive: [][]string{{"separate_git_dir", "bare"}, {"accept_hostkey", "accept_newhostkey"}},
		RequiredBy:        map[string][]string{"archive_prefix": {"archive"}},
		Returns: []module.Return{
			{Name: "before", Type: "str", When: "always", Doc: "The commit that was checked out, none for a new clone."},
			{Name: "after", Type: "str", When: "always", Doc: "The commit that is checked out."},
			{Name: "remote_url_changed", Type: "bool", When: "the clone was there", Doc: "Whether the address was another one."},
			{Name: "submodules_changed", Type: "bool", When: "they did", Doc: "Whether submodules changed."},
			{Name: "git_dir_before", Type: "str", When: "it was moved", Doc: "Where .git was."},
			{Name: "git_dir_now", Type: "str", When: "it was moved", Doc: "Where .git is."},
		},
		Examples: "- git: {repo: 'https://git.example.org/app.git', dest: /srv/app, version: v1.2}\n",
		Traits:   module.Traits{Reach: state.ReachExternal},
	}, planGit)
}

// gitRun is one run of git.
type gitRun struct {
	gitArgs
	in   module.Inputs
	mask string
}

func planGit(a gitArgs, in module.Inputs, v state.View) (module.Change, error) {
	r := &gitRun{gitArgs: a, in: in}
	if a.Dest == "" && a.Clone {
		return module.Change{}, module.Fail("the destination directory must be specified unless clone=no")
	}
	if !a.Umask.IsNull() {
		if !a.Umask.IsString() {
			return module.Change{}, module.Fail("umask must be defined as a quoted octal integer")
		}
		r.mask = a.Umask.Text()
		if _, err := strconv.ParseUint(r.mask, 8, 32); err != nil {
			return module.Change{}, module.Fail("umask must be an octal integer")
		}
	}
	g := module.Gathering(v)
	for _, p := range []*string{&r.Dest, &r.KeyFile, &r.Archive, &r.Separate, &r.Executable} {
		if *p != "" {
			*p = strings.TrimSuffix(g.Path(*p), "/")
		}
	}
	if strings.HasPrefix(r.Repo, "~") {
		r.Repo = g.Path(r.Repo)
	}
	if strings.HasPrefix(r.Repo, "/") {
		r.Repo = "file://" + r.Repo
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if in.Check || a.Dest == "" {
		out := g.Output(r.script(true))
		if c, missing, err := g.Missing(); missing {
			return c, err
		}
		return r.foresee(out)
	}
	predicted := value.M("changed", module.Later(), "before", module.Later(), "after", module.Later())
	op := state.Exec{Shell: r.script(false), Shown: "git " + r.Repo + " " + r.Version}
	return module.Steps([]state.Exec{op}, module.Change{Result: predicted}, func(_ state.View, did []state.OpResult) (module.Change, error) {
		d := did[len(did)-1]
		return r.end(string(d.Stdout), string(d.Stderr), d.RC)
	}), nil
}

// script is scriptGit with its variables in front.
func (r *gitRun) script(check bool) string {
	exe := r.Executable
	if exe == "" {
		exe = "git"
	}
	set := func(on bool) string { return flag(on, "1") }
	depth := ""
	if n, given := r.Depth.Get(); given {
		depth = strconv.Itoa(n)
	}
	var b strings.Builder
	for _, x := range [][2]string{{"git", exe}, {"repo", r.Repo}, {"dest", r.Dest}, {"version", r.Version}, {"remote", r.Remote}, {"refspec", r.Refspec},
		{"reference", r.Reference}, {"depth", depth}, {"archive", r.Archive}, {"prefix", r.Prefix}, {"separate", r.Separate}, {"allow", strings.Join(r.Allow, " ")},
		{"force", set(r.Force)}, {"clone", set(r.Clone)}, {"update", set(r.Update)}, {"verify", set(r.Verify)}, {"bare", set(r.Bare)},
		{"recursive", set(r.Recursive)}, {"single", set(r.Single)}, {"track", set(r.Track)}, {"check", set(check)}, {"diff", set(r.in.Diff)}} {
		b.WriteString(x[0] + "=" + quote(x[1]) + "\n")
	}
	if r.mask != "" {
		b.WriteString("umask " + r.mask + "\n")
	}
	b.WriteString("LANG=C LC_ALL=C LC_MESSAGES=C; export LANG LC_ALL LC_MESSAGES\nGIT_SSH_COMMAND=\"${GIT_SSH:-${GIT_SSH_COMMAND:-ssh}} $GIT_SSH_OPTS\"" +
		quote(r.ssh()) + "; export GIT_SSH_COMMAND; unset GIT_SSH\n")
	return b.String() + scriptGit
}

// ssh are the options of ssh.
func (r *gitRun) ssh() string {
	opts := r.SSHOpts
	add := func(o string) { opts += " -o " + o }
	if accepts := strings.Contains(opts, "-o StrictHostKeyChecking=no") || strings.Contains(opts, "-o StrictHostKeyChecking=accept-new"); !accepts {
		switch {
		case r.AcceptKey:
			add("StrictHostKeyChecking=no")
		case r.AcceptNewKey:
			add("StrictHostKeyChecking=accept-new")
		}
	}
	if !strings.Contains(opts, "BatchMode=yes") {
		add("BatchMode=yes")
	}
	if r.KeyFile != "" {
		opts += " -i " + r.KeyFile
		if !strings.Contains(opts, "IdentitiesOnly=yes") {
			add("IdentitiesOnly=yes")
		}
	}
	return " " + strings.TrimSpace(opts)
}

var gitSaid = lazyregexp.New(`(?m)^@(\w+) (.*)\n`)

// said reads what the script printed.
func said(text string) map[string]string {
	m := map[string]string{}
	for text != "" {
		at := gitSaid().FindStringSubmatchIndex(text)
		if at == nil {
			break
		}
		k, v := text[at[2]:at[3]], text[at[4]:at[5]]
		text = text[at[1]:]
		if n, err := strconv.Atoi(v); (k == "out" || k == "err") && err == nil && n <= len(text) {
			v, text = text[:n], text[n:]
		}
		m[k] = v
	}
	return m
}

// failure is the failure that the script told, nil when there is none.
func (r *gitRun) failure(m map[string]string) *module.Failure {
	if f := toldFailure(m); f != nil {
		return f
	}
	if m["mods"] != "" && !r.Force {
		return module.Fail("Local modifications exist in the destination: "+r.Dest+" (force=no).", "before", m["before"])
	}
	return nil
}

// toldFailure is the failure that a script told with die (scriptTell), nil when there is none.
func toldFailure(m map[string]string) *module.Failure {
	rc, _ := strconv.Atoi(m["rc"])
	full := []any{"rc", rc, "stdout", text([]byte(m["out"])), "stderr", text([]byte(m["err"]))}
	if cmd, ok := m["run"]; ok {
		return module.Fail(orElse(strings.TrimSpace(m["err"]), "cannot run "+cmd), append(full, "cmd", cmd)...)
	}
	if what, ok := m["text"]; ok {
		return module.Fail(fmt.Sprintf("Failed to %s: %s %s", what, m["out"], m["err"]))
	}
	if what, ok := m["full"]; ok {
		if cmd, ok := m["cmd"]; ok {
			full = append(full, "cmd", cmd)
		}
		return module.Fail(what, full...)
	}
	if what, ok := m["plain"]; ok {
		return module.Fail(what)
	}
	return nil
}

// foresee tells what a run would do.
func (r *gitRun) foresee(out state.OutputInfo) (module.Change, error) {
	m := said(out.Stdout)
	if f := r.failure(m); f != nil {
		return module.Change{}, f
	}
	if m["after"] == "" {
		return module.Change{}, module.Fail(orElse(strings.TrimSpace(out.Stderr), "git ended with "+strconv.Itoa(out.RC)))
	}
	res := value.M("changed", true, "before", nil, "after", m["after"])
	c := module.Change{Result: res}
	if m["new"] == "" {
		res.Set("before", value.String(m["before"]))
		moved := m["remote_url_changed"] != ""
		changed := m["before"] != m["after"] || moved || m["mods"] != "" || m["moved"] != ""
		if !r.Update {
			changed = r.Archive != ""
		} else {
			res.Set("remote_url_changed", value.Bool(moved))
		}
		res.Set("changed", value.Bool(changed))
		if !changed {
			return c, nil
		}
	}
	if r.Clone && r.Dest != "" {
		c.Ops = []state.Op{state.Exec{Shell: r.script(false), Shown: "git " + r.Repo + " " + r.Version}}
	}
	return c, nil
}

// end makes the result of a run.
func (r *gitRun) end(stdout, stderr string, rc int) (module.Change, error) {
	m := said(stdout)
	if f := r.failure(m); f != nil {
		return module.Change{}, f
	}
	if m["after"] == "" || rc != 0 {
		return module.Change{}, module.Fail(orElse(strings.TrimSpace(stderr), "git ended with "+strconv.Itoa(rc)), "rc", rc)
	}
	res := value.M("changed", false, "before", nil, "after", m["after"])
	changed := m["before"] != m["after"] || m["mods"] != "" || m["remote_url_changed"] != "" || m["submodules_changed"] != "" || m["moved"] != ""
	if m["before"] != "" {
		res.Set("before", value.String(m["before"]))
		if r.Update {
			res.Set("remote_url_changed", value.Bool(m["remote_url_changed"] != ""))
		}
	}
	if m["mods"] != "" {
		res.Set("msg", value.String("Local modifications exist in the destination: "+r.Dest))
	}
	if m["submodules_changed"] != "" {
		res.Set("submodules_changed", value.Bool(true))
	}
	if m["moved"] != "" {
		res.Set("git_dir_before", value.String(m["moved"]))
		res.Set("git_dir_now", value.String(r.Separate))
	}
	if was, ok := m["archived"]; ok {
		changed = was == "true"
	}
	res.Set("changed", value.Bool(changed || m["new"] != ""))
	c := module.Change{Result: res}
	if _, warns := m["warn"]; warns {
		c.Warnings = []string{m["warn"]}
	}
	if r.in.Diff && m["before"] != m["after"] {
		shown := m["out"]
		switch {
		case m["before"] == "":
			shown = ">> Newly checked out " + m["after"]
		case shown == "":
			shown = ">> No visual differences between " + m["before"] + " and " + m["after"]
		}
		c.Diff = state.Diff{{After: shown, Prepared: true}}
	}
	return c, nil
}
