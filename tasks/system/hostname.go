package system

import (
	"fmt"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type hostnameArgs struct {
	Name string `arg:"name"`
	Use  string `arg:"use"`
}

var hostnameSpec = module.Spec{
	Name:    "hostname",
	Summary: "Set the name of a host",
	Doc:     "Sets the name that the host has now and the one that it will have after its next start. It does not touch /etc/hosts.",
	Args: []module.Arg{
		{Name: "name", Required: true, Doc: "The name."},
		{Name: "use", Choices: []string{"alpine", "debian", "freebsd", "generic", "macos", "macosx", "darwin", "openbsd", "openrc", "redhat", "sles", "solaris", "systemd"},
			Doc: "How the name is kept; found out without it. debian is systemd. Those of other systems than Linux fail."},
	},
	Returns: []module.Return{
		{Name: "name", Type: "str", When: "always", Doc: "The name."},
		{Name: "ansible_facts", Type: "dict", When: "always", Doc: "The facts ansible_hostname, ansible_nodename, ansible_fqdn and ansible_domain."},
	},
	Examples: "- hostname: {name: web1.example.org}\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// Hostname is the module hostname.
func Hostname() module.Module { return module.New(hostnameSpec, planHostname) }

// scriptHostname prints what keeps the host's name, the name that it has (twice,
// the second by the program hostname), the fully qualified forms of $1 and of the
// present name, and what hostnamectl says is kept.
const scriptHostname = `s=; [ -d /run/systemd/system ] && command -v systemctl >/dev/null && s=systemd
command -v hostnamectl >/dev/null && s="$s ctl"
full() {
	f=$1
	if command -v getent >/dev/null; then
		a=$(getent ahostsv4 "$1" 2>/dev/null); a=${a%%[ 	]*}
		[ -z "$a" ] || { l=$(getent hosts "$a" 2>/dev/null); set -- $l; [ $# -gt 1 ] && { shift; f=$1; for n; do case $n in *.*) f=$n; break;; esac; done; }; }
	fi
	printf '%s\n' "$f"
}
n=$(uname -n)
printf '%s\n%s\n%s\n' "$s" "$n" "$(hostname 2>/dev/null || uname -n)"
full "$1"; full "$n"
case $2$s in systemd*ctl|debian*ctl) hostnamectl --static status 2>/dev/null || printf '!%s\n' "$?";; esac
:`

// naming is one run of hostname.
type naming struct {
	hostnameArgs
	current, permanent string
	set                *state.Exec // sets the current name
	keep               state.Op    // keeps the name
	text               string      // of the file that keeps it
}

// namePaths are where a host keeps and finds its name.
var namePaths = []string{"/etc/hostname", "/etc/HOSTNAME", "/etc/hosts", "/etc/nsswitch.conf", "/etc/resolv.conf", "/etc/machine-info", "/etc/systemd", "/run/systemd"}

func planHostname(a hostnameArgs, in module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	out := g.OutputUnder(namePaths, scriptHostname, a.Name, a.Use)
	facts := module.Answer[*value.Map](g, state.Facts{Families: "distribution"})
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	f := strings.Split(out.Stdout+"\n\n\n\n\n\n", "\n")
	n := &naming{hostnameArgs: a, current: f[2]}
	distribution, _ := facts.Get("distribution")
	family, _ := facts.Get("os_family")
	if c, missing, err := n.strategy(g, f[0], f[5], distribution.Text(), family.Text()); missing || err != nil {
		return c, err
	}
	if n.set == nil {
		return n.change(in, f[4]), nil // the name that it has stays
	}
	return n.change(in, f[3]), nil
}

// strategy finds out how the name is kept, and what is kept.
func (n *naming) strategy(g *module.Gather, has, static, distribution, family string) (module.Change, bool, error) {
	use := n.Use
	if use == "" {
		switch {
		case strings.HasPrefix(has, "systemd"):
			use = "systemd"
		case distribution == "Alpine":
			use = "alpine"
		case distribution == "Gentoo":
			use = "openrc"
		case family == "RedHat":
			use = "redhat"
		case family == "Debian" || family == "Archlinux" || distribution == "NixOS":
			use = "file"
		case family == "Suse":
			use = "sles"
		default:
			return module.Change{}, true, module.Fail("hostname module cannot be used on platform Linux (" + distribution + ")")
		}
	}
	switch use {
	case "systemd", "debian":
		return module.Change{}, false, n.systemd(has, static)
	case "generic":
		return module.Change{}, true, module.Fail("use generic keeps no name: it has no way to do so")
	case "file", "alpine", "sles", "redhat", "openrc":
		return n.file(g, use)
	}
	return module.Change{}, true, module.Fail("hostname: " + use + " is not a way of Linux to keep a name")
}

func (n *naming) systemd(has, static string) error {
	if !strings.HasSuffix(has, "ctl") {
		return module.Fail(`Failed to find required executable "hostnamectl" in paths of the host`)
	}
	if strings.HasPrefix(static, "!") {
		return module.Fail("Command failed rc=" + static[1:] + ", out=, err=hostnamectl could not tell the name: is systemd running?")
	}
	if n.permanent = strings.TrimSpace(static); n.permanent != n.Name && len(n.Name) > 64 {
		return module.Fail("name cannot be longer than 64 characters on systemd servers, try a shorter name")
	}
	n.keep = state.Exec{Argv: []string{"hostnamectl", "--pretty", "--static", "set-hostname", n.Name}}
	n.set = &state.Exec{Argv: []string{"hostnamectl", "--transient", "set-hostname", n.Name}}
	return nil
}

var (
	redhatName = lazyregexp.New(`(?m)^[ \t]*HOSTNAME[^\n]*=[ \t]*([^\n]*)\n?`)
	openrcName = lazyregexp.New(`(?m)^[ \t]*hostname=([^\n]*)$`)
)

// file are the ways that keep the name in a file.
func (n *naming) file(g *module.Gather, use string) (module.Change, bool, error) {
	p := map[string]string{"file": "/etc/hostname", "alpine": "/etc/hostname", "sles": "/etc/HOSTNAME",
		"redhat": "/etc/sysconfig/network", "openrc": "/etc/conf.d/hostname"}[use]
	f := g.File(p, state.WantContent)
	if c, missing, err := g.Missing(); missing {
		return c, true, err
	}
	n.text = string(f.Content)
	next := n.Name + "\n"
	switch use {
	case "redhat":
		m := redhatName().FindStringSubmatch(n.text)
		if m == nil {
			return module.Change{}, true, module.Fail("Unable to locate HOSTNAME entry in " + p)
		}
		n.permanent = strings.TrimSpace(m[1])
		next = redhatName().ReplaceAllLiteralString(n.text, "HOSTNAME="+n.Name+"\n")
	case "openrc":
		if m := openrcName().FindStringSubmatch(n.text); m != nil {
			n.permanent = strings.Trim(strings.TrimSpace(m[1]), `"`)
		}
		next = openrcName().ReplaceAllLiteralString(n.text, `hostname="`+n.Name+`"`)
	default:
		n.permanent = strings.TrimSpace(n.text)
	}
	if use == "openrc" && !f.IsRegular() {
		return module.Change{}, true, module.Fail("failed to update hostname: [Errno 2] No such file or directory: '" + p + "'")
	}
	n.keep = state.WriteFile{Path: f.Resolved, Content: state.Bytes([]byte(next))}
	switch use {
	case "alpine":
		n.set = &state.Exec{Argv: []string{"hostname", "-F", p}}
	case "file", "sles", "openrc", "redhat":
		n.current = n.permanent // only what is kept counts
	}
	return module.Change{}, false, nil
}

// change makes the operations; what is kept comes first.
func (n *naming) change(in module.Inputs, fqdn string) module.Change {
	c := module.Change{}
	if n.permanent != n.Name {
		c.Ops = append(c.Ops, n.keep)
	}
	if n.current != n.Name && n.set != nil {
		c.Ops = append(c.Ops, *n.set)
	}
	if changed := n.permanent != n.Name || n.current != n.Name; changed && in.Diff {
		before := n.current
		if n.current == n.Name {
			before = n.permanent
		}
		c.Diff = state.Diff{{BeforeHeader: "hostname", AfterHeader: "hostname", Before: "hostname = " + before + "\n", After: "hostname = " + n.Name + "\n"}}
	}
	short, _, _ := strings.Cut(n.Name, ".")
	_, domain, _ := strings.Cut(fqdn, ".")
	facts := value.M("ansible_hostname", short, "ansible_nodename", n.Name, "ansible_fqdn", fqdn, "ansible_domain", domain)
	c.Result = value.M("changed", len(c.Ops) > 0, "name", n.Name, "ansible_facts", facts)
	c.Do = []module.Directive{module.SetFacts{Facts: facts, Gathered: true}}
	if len(c.Ops) == 0 {
		return c
	}
	done := module.Change{Result: c.Result, Do: c.Do}
	c.Then = func(_ state.View, did []state.OpResult) (module.Change, error) {
		for _, r := range did {
			if r.RC != 0 {
				return module.Change{}, module.Fail(fmt.Sprintf("Command failed rc=%d, out=%s, err=%s", r.RC, r.Stdout, r.Stderr))
			}
		}
		return done, nil
	}
	return c
}
