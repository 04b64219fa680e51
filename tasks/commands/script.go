package commands

import (
	"errors"
	"fmt"
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
	if c, done, err := a.guard(g, in, value.Null); done {
		if c.Result != nil {
			why := a.Creates + " exists, matching creates option"
			if said, _ := c.Result.Get("stdout"); strings.HasSuffix(said.Str(), " does not exist") {
				why = a.Removes + " does not exist, matching removes option"
			}
			c.Result, c.Skip = value.M("changed", false, "msg", why), true
		}
		return c, err
	}
	if a.Chdir != "" && !strings.HasPrefix(a.Chdir, "/") {
		return module.Change{}, module.Fail("chdir " + a.Chdir + " must be an absolute path for a Unix-aware remote node")
	}
	if c, done, err := checkDir(g, a.Chdir, value.Null); done {
		if f, ok := errors.AsType[*module.Failure](err); ok { // as when the shell cannot go there
			f.Result = value.M("changed", true, "rc", 2, "stdout", "", "stderr", "")
		}
		return c, err
	}
	body, err := readScript(in.Sources, words[0])
	if err != nil {
		return module.Change{}, err
	}
	name := path.Base(words[0])
	at := fmt.Sprintf("/tmp/fairlead-%x", in.Seed[:8])
	// What is behind the script is for the host's shell: variables, pipes and all.
	line := strings.ReplaceAll(strings.TrimSpace(text), words[0], at+"/"+name)
	if a.Executable != "" {
		line = a.Executable + " " + line
	}
	c := bare(scriptOp(body, name, at, a.Chdir, line), in)
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

// scriptOp runs a script that is brought over on stdin: it is put into the new private
// folder at, where line, a command for the shell, finds it, and is removed with that.
func scriptOp(body []byte, name, at, dir, line string) state.Exec {
	const wrap = `d=$1; n=$2; c=$3; x=$4; shift 4; (umask 077; mkdir "$d") || exit 1; trap 'rm -rf "$d"' EXIT HUP INT TERM; ` +
		`cat >"$d/$n" && chmod 700 "$d/$n" || exit 1; if [ -n "$c" ]; then cd "$c" || exit 2; fi; (eval "$x") </dev/null`
	argv := []string{"/bin/sh", "-c", wrap, "sh", at, name, dir, line}
	return state.Exec{Argv: argv, Stdin: body, HasStdin: true, Shown: "script " + name}
}
