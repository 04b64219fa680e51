package remote

import (
	"fmt"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// maxArgument is what one argument of a program may hold on Linux, a little less.
const maxArgument = 128<<10 - 1024

var envName = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]*$`)

// exec adds a command. It runs in place of a command substitution whose only
// output is its own pid, so that the kept shell knows the pid of what it waits
// for in the foreground; the real stdout and stderr are fd 5 and 6. (The shell's
// own word about a killed command goes to /dev/null.)
func (w *writing) exec(n string, o state.Exec) error {
	if len(o.Argv) == 0 && o.Shell == "" {
		return diag.New(diag.Usage, diag.Pos{}, "command", "no command given")
	}
	if err := checkText("a command", append(append(append([]string{}, o.Argv...), o.Env...), o.Shell, o.Executable, o.Chdir)...); err != nil {
		return err
	}
	run, err := w.program(n, o)
	if err != nil {
		return err
	}
	w.f.procs++
	switch {
	case o.Detach:
		// Nothing of it comes back but the pid: not even why it could not start.
		fmt.Fprintf(w.f.text, "_o %s && { (_m() { :; }; %s >/dev/null 2>&1) >/dev/null & _M x %s $!; _M y %s 0 0; }\n", n, run, n, n)
	case o.HasStdin && len(o.Stdin) <= maxInline && inlineable(o.Stdin):
		w.f.text.WriteString("_c=")
		writeQuoted(w.f.text, o.Stdin)
		w.f.text.WriteByte('\n')
		fmt.Fprintf(w.f.text, "_o %s && { { printf %%s \"$_c\" | (%s) >/dev/null; } 2>/dev/null; _F %s $? ''; }\n", n, run, n)
		w.f.procs++
	case o.HasStdin:
		if len(o.Stdin) > rawBlock {
			return diag.New(diag.Usage, diag.Pos{}, "stdin", "a command's stdin of %d bytes is larger than %d", len(o.Stdin), rawBlock)
		}
		w.f.raws = append(w.f.raws, rawContent{state.Bytes(o.Stdin), -1})
		fmt.Fprintf(w.f.text, "if _o %s; then { dd bs=%d count=1 iflag=fullblock <&3 | (%s) >/dev/null; } 2>/dev/null; _F %s $? ''; else _raw %d ''; fi\n",
			n, len(o.Stdin), run, n, len(o.Stdin))
		w.f.procs++
	default:
		fmt.Fprintf(w.f.text, "_o %s && { { _p=$(%s); } 2>/dev/null; _F %s $? \"$_p\"; }\n", n, run, n)
	}
	return nil
}

// program gives the text that turns the subshell into the command.
func (w *writing) program(n string, o state.Exec) (string, error) {
	f := newFrame()
	defer f.release()
	f.cmd("_R "+n, o.Chdir)
	f.text.WriteString("; ")
	for _, e := range o.Env {
		name, val, ok := strings.Cut(e, "=")
		if !ok || !envName().MatchString(name) {
			return "", diag.New(diag.Usage, diag.Pos{}, "environment", "%q is no name of an environment variable", name)
		}
		f.cmd("export", name+"="+val)
		f.text.WriteString("; ")
	}
	exe := executable(o)
	f.cmd("_C "+n, exe)
	args := o.Argv
	switch {
	case o.Shell == "":
	case o.Shown == "" && len(o.Shell) < maxArgument:
		args = []string{exe, "-c", o.Shell}
	default:
		// A secret text must not be among the arguments: everybody can read those.
		w.f.text.WriteString("_c" + n + "=" + quote(o.Shell) + "\n")
		w.f.procs++
		f.text.WriteString("; exec 4<<_END\nexec 4<&-\n$_c" + n + "\n_END\n:")
		args = []string{exe, "/dev/fd/4"}
	}
	f.cmd("; exec $_ss", args...)
	return f.text.String(), nil
}

// executable is the program that a command starts.
func executable(o state.Exec) string {
	switch {
	case o.Shell == "":
		return o.Argv[0]
	case o.Executable == "":
		return "/bin/sh"
	}
	return o.Executable
}

// execResult makes the result of a command from what was received.
func execResult(o state.Exec, x *execution) state.OpResult {
	r := state.OpResult{
		OK: x.refused == "", RC: x.rc, Stdout: x.out.bytes(), Stderr: x.err.bytes(),
		StdoutTruncated: x.out.truncated, StderrTruncated: x.err.truncated, Start: x.begin, End: x.end,
	}
	switch x.refused {
	case "":
		if x.expired {
			return expiredResult(o, r)
		}
		return r
	case "chdir":
		r.Msg = "Unable to change directory before execution: " + o.Chdir
	case "program":
		r.Msg = "[Errno 2] No such file or directory: b" + value.String(executable(o)).Repr()
		r.RC = 2
	case "denied":
		r.Msg = "[Errno 13] Permission denied: b" + value.String(executable(o)).Repr()
		r.RC = 13
	default:
		r.Msg = "the command could not be started"
	}
	r.Err = diag.New(diag.Failed, diag.Pos{}, "not-started", "%s", r.Msg)
	return r
}
