package commands

import (
	"errors"
	"io"
	"path"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

var scriptSpec = module.Spec{
	Name:     "script",
	Summary:  "Run a script of the controller on a host",
	Doc:      "Brings a script over, runs it with its arguments, and leaves nothing behind.",
	FreeForm: "_raw_params",
	Args: append(commandSpecArgs(),
		module.Arg{Name: "decrypt", Type: module.Bool, Default: true, Doc: "Decrypt a script that is encrypted with Ansible Vault."}),
	Returns: commandReturns[1:6],
	Traits:  module.Traits{Reach: state.ReachHost, Opaque: true},
}

// Script is the module script.
func Script() module.Module { return module.New(scriptSpec, planScript) }

func planScript(a commandArgs, in module.Inputs, v state.View) (module.Change, error) {
	text, _, err := a.text(false)
	if f, ok := errors.AsType[*module.Failure](err); ok {
		return module.Change{}, module.Fail(f.Msg)
	} else if err != nil {
		return module.Change{}, err
	}
	words, err := split(text)
	if err != nil || len(words) == 0 {
		return module.Change{}, module.Fail("no script given")
	}
	g := module.Gathering(v)
	login := g.Login()
	if c, done, err := a.guard(g, in, value.Null); done {
		if c.Result != nil {
			said, _ := c.Result.Get("stdout")
			why := strings.TrimPrefix(said.Str(), "skipped, since ")
			option := "creates"
			if strings.HasSuffix(why, " does not exist") {
				option = "removes"
			}
			why += ", matching " + option + " option"
			c.Result, c.Skip = value.M("changed", false, "msg", why), true
		}
		return c, err
	}
	dir := a.dir(g)
	if c, done, err := checkDir(g, dir, value.Null); done {
		if f, ok := errors.AsType[*module.Failure](err); ok { // as when the shell cannot go there
			f.Result = value.M("changed", true, "rc", 2, "stdout", "", "stderr", "")
		}
		return c, err
	}
	body, err := readScript(in.Sources, words[0])
	if err != nil {
		return module.Change{}, err
	}
	if dir == "" {
		dir = login.Home
	}
	c := bare(scriptOp(body, path.Base(words[0]), dir, a.Executable, words[1:]), in)
	switch guarded := a.Creates != "" || a.Removes != ""; {
	case !guarded:
		c.NoCheck = "Check mode is not supported for this task."
	case in.Check:
		c.Result = value.M("changed", true)
	}
	return c, nil
}

func readScript(src module.Sources, name string) ([]byte, error) {
	found, err := src.Find("files", name)
	if err != nil {
		return nil, module.Fail(err.Error())
	}
	file, err := src.File(found)
	if err != nil {
		return nil, err
	}
	r, err := file.Content.Reader()
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(r)
	if cerr := r.Close(); err == nil {
		err = cerr
	}
	return body, err
}

// scriptOp runs a script that is brought over on stdin: it is put into a
// private folder, run, and removed.
func scriptOp(body []byte, name, dir, executable string, args []string) state.Exec {
	const wrap = `d=$(mktemp -d) || exit 1; trap 'rm -rf "$d"' EXIT HUP INT TERM; ` +
		`n=$1; c=$2; x=$3; shift 3; cat >"$d/$n" && chmod 700 "$d/$n" && cd "$c" || exit 1; ` +
		`if [ -n "$x" ]; then $x "$d/$n" "$@"; else "$d/$n" "$@"; fi </dev/null`
	argv := append([]string{"/bin/sh", "-c", wrap, "sh", name, dir, executable}, args...)
	return state.Exec{Argv: argv, Stdin: body, HasStdin: true, Shown: "script " + name}
}
