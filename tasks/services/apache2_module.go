package services

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type apacheArgs struct {
	Name       string `arg:"name"`
	State      string `arg:"state"`
	Identifier string `arg:"identifier"`
	Force      bool   `arg:"force"`
	Ignore     bool   `arg:"ignore_configcheck"`
	WarnMPM    bool   `arg:"warn_mpm_absent"`
}

var apacheSpec = module.Spec{
	Name:    "apache2_module",
	Aliases: []string{"community.general.apache2_module"},
	Summary: "Have a module of the Apache web server enabled, or not",
	Doc:     "Asks apache2ctl what is loaded, and runs a2enmod or a2dismod.",
	Args: []module.Arg{
		{Name: "name", Required: true, Doc: "The module, as a2enmod names it."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether it is enabled."},
		{Name: "identifier", Doc: "The module, as apache2ctl -M names it; guessed from its name where it is not given."},
		{Name: "force", Type: module.Bool, Default: false, Doc: "Disable it even if others need it."},
		{Name: "ignore_configcheck", Type: module.Bool, Default: false, Doc: "Take a module for disabled when the configuration is in error."},
		{Name: "warn_mpm_absent", Type: module.Bool, Default: true, Doc: "Warn where no module for processing is loaded, and errors are ignored."},
	},
	Returns: []module.Return{
		{Name: "result", Type: "str", When: "always", Doc: "What the module is."},
		{Name: "stdout", Type: "str", When: "failure", Doc: "What a2enmod or a2dismod printed."},
	},
	Examples: "- apache2_module: {name: rewrite, state: present}\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// Apache2Module is the module apache2_module.
func Apache2Module() module.Module { return module.New(apacheSpec, planApache) }

// scriptLoaded runs Apache's control program with its words; 127 means that there
// is none. Where it fails, the last line of standard error is its path.
const scriptLoaded = `for c in apache2ctl apachectl; do p=$(command -v $c) && break; done; [ -n "$p" ] || exit 127; "$p" "$@"; r=$?; [ $r = 0 ] || printf '\n%s' "$p" >&2; exit $r`

var (
	apacheThreaded = lazyregexp.New(`threaded:[ ]*yes`)
	apachePHP      = lazyregexp.New(`^(php\d)\.`)
)

// identifier guesses what apache2ctl calls a module (community.general 6,
// create_apache_identifier).
func (a apacheArgs) identifier() string {
	switch m := apachePHP().FindStringSubmatch(a.Name); {
	case a.Identifier != "":
		return a.Identifier
	case strings.Contains(a.Name, "shib"):
		return "mod_shib"
	case strings.Contains(a.Name, "evasive"):
		return "evasive20_module"
	case m != nil:
		return m[1] + "_module"
	}
	return a.Name + "_module"
}

// loaded reads what the control program said of the modules.
func (a apacheArgs) loaded(rc int, stdout, stderr string) (yes bool, warning string, err error) {
	if rc == 127 {
		return false, "", module.Fail("Neither of apache2ctl nor apachectl found. At least one apache control binary is necessary.")
	}
	if rc == 0 {
		return strings.Contains(stdout, " "+a.identifier()), "", nil
	}
	program := stderr[strings.LastIndexByte(stderr, '\n')+1:]
	msg := "Error executing " + program + ": " + strings.TrimSuffix(stderr, "\n"+program)
	switch {
	case !a.Ignore:
		return false, "", module.Fail(msg)
	case !strings.Contains(stderr, "AH00534") || !strings.Contains(a.Name, "mpm_"):
		return false, msg, nil
	case a.WarnMPM:
		return false, "No MPM module loaded! apache2 reload AND other module actions will fail if no MPM module is loaded immediately.", nil
	}
	return false, "", nil
}

func planApache(a apacheArgs, _ module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	now := g.Output(scriptLoaded, "-M")
	built := state.OutputInfo{}
	if a.Name == "cgi" {
		built = g.Output(scriptLoaded, "-V")
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if apacheThreaded().MatchString(built.Stdout) {
		return module.Change{}, module.Fail("Your MPM seems to be threaded. No automatic actions on module cgi possible.")
	}
	is, warning, err := a.loaded(now.RC, now.Stdout, now.Stderr)
	if err != nil {
		return module.Change{}, err
	}
	want, program, done := true, "a2enmod", "enabled"
	if a.State == "absent" {
		want, program, done = false, "a2dismod", "disabled"
	}
	c := module.Change{Result: value.M("changed", is != want, "result", "Module "+a.Name+" "+done)}
	if warning != "" {
		c.Warnings = []string{warning}
	}
	if is == want {
		return c, nil
	}
	argv := []string{program}
	if !want && a.Force {
		argv = append(argv, "-f")
	}
	return a.set(c, append(argv, a.Name), want, done), nil
}

// set runs the program and asks the server what came of it, whatever the program
// returned.
func (a apacheArgs) set(c module.Change, argv []string, want bool, done string) module.Change {
	run := state.Exec{Argv: argv, Env: english}
	ask := state.Exec{Argv: append([]string{"sh", "-c", scriptLoaded, "sh"}, "-M"), Env: english}
	c.Ops = []state.Op{run}
	c.Then = func(_ state.View, did []state.OpResult) (module.Change, error) {
		r := did[len(did)-1]
		if r.RC == 127 {
			return module.Change{}, module.Fail(argv[0] + " not found. Perhaps this system does not use " + argv[0] + " to manage apache")
		}
		next := module.Change{Result: c.Result, Warnings: c.Warnings, Ops: []state.Op{ask}}
		next.Then = func(_ state.View, did []state.OpResult) (module.Change, error) {
			m := did[len(did)-1]
			is, warning, err := a.loaded(m.RC, string(m.Stdout), string(m.Stderr))
			if err != nil {
				return module.Change{}, err
			}
			if is != want {
				return module.Change{}, module.Fail("Failed to set module "+a.Name+" to "+done+":\n"+string(r.Stdout)+"\nMaybe the module identifier ("+a.identifier()+
					`) was guessed incorrectly.Consider setting the "identifier" option.`, "rc", r.RC, "stdout", string(r.Stdout), "stderr", string(r.Stderr))
			}
			end := module.Change{Result: c.Result, Warnings: c.Warnings}
			if warning != "" {
				end.Warnings = append(end.Warnings, warning)
			}
			return end, nil
		}
		return next, nil
	}
	return c
}
