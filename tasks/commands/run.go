package commands

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// guard looks at creates and removes. done tells that the task ends here (or
// must ask first).
func (a commandArgs) guard(g *module.Gather, in module.Inputs, cmd value.Value) (module.Change, bool, error) {
	dir := a.dir(g)
	var creates, removes bool
	if a.Creates != "" {
		creates = exists(g, dir, a.Creates)
	}
	if a.Removes != "" {
		removes = exists(g, dir, a.Removes)
	}
	if c, missing, err := g.Missing(); missing {
		return c, true, err
	}
	var said, why string
	switch {
	case a.Creates != "" && creates:
		at := g.Expand(a.Creates)
		said, why = fmt.Sprintf("since '%s' exists", at), "skipped, since "+at+" exists"
	case a.Removes != "" && !removes:
		at := g.Expand(a.Removes)
		said, why = fmt.Sprintf("since '%s' does not exist", at), "skipped, since "+at+" does not exist"
	default:
		return module.Change{}, false, nil
	}
	would := "Did"
	if in.Check {
		would = "Would"
	}
	return module.OK("cmd", cmd, "rc", 0, "stdout", why, "stderr", "", "start", nil, "end", nil, "delta", nil,
		"msg", would+" not run command "+said, "stdout_lines", []string{why}, "stderr_lines", []string{}), true, nil
}

// exists tells whether a path, or anything that matches a pattern, exists.
func exists(g *module.Gather, dir, p string) bool {
	p = g.Path(within(dir, p))
	if !strings.ContainsAny(p, "*?[") {
		return g.File(path.Clean(p), 0).Exists()
	}
	// The folder above the first component with a pattern is looked through.
	root, levels := "/", 0
	parts := strings.Split(strings.Trim(path.Clean(p), "/"), "/")
	for i, part := range parts {
		if strings.ContainsAny(part, "*?[") {
			root, levels = "/"+strings.Join(parts[:i], "/"), len(parts)-i
			break
		}
	}
	f := g.File(path.Clean(root), 0)
	if !f.IsDir() {
		return false
	}
	for _, e := range g.TreeTo(f.Resolved, levels) {
		if ok, err := path.Match(path.Clean(p), path.Join(root, e.Rel)); err == nil && ok {
			return true
		}
	}
	return false
}

// within is a path as a program sees it that runs in dir ("": at home).
func within(dir, p string) string {
	if dir != "" && !path.IsAbs(p) && !strings.HasPrefix(p, "~") && !strings.HasPrefix(p, "$") {
		return path.Join(dir, p)
	}
	return p
}

var reVariable = lazyregexp.New(`\$(\w+|\{[^}]*\})`)

// expand puts variables of the environment, and the home folder in for ~, into
// arguments, as Ansible does for commands without a shell. The host is asked for its
// environment only where neither the task nor the login tells. A variable that there
// is not stays as it is written.
func expand(g *module.Gather, argv, env []string) []string {
	variable := func(ref string) string {
		name := strings.Trim(ref, "${}")
		for _, e := range slices.Backward(env) {
			if n, text, _ := strings.Cut(e, "="); n == name {
				return text
			}
		}
		switch name {
		case "HOME":
			return g.Login().Home
		case "USER", "LOGNAME":
			return g.Login().User
		}
		if name == "" || name[0] >= '0' && name[0] <= '9' { // as awk and shells count their arguments
			return ref
		}
		known := module.Answer[*value.Map](g, state.Facts{Families: "env"})
		vars, _ := known.Get("env")
		if v, ok := vars.Map().Get(name); ok {
			return v.Text()
		}
		return ref
	}
	out := make([]string, len(argv))
	for i, w := range argv {
		w = reVariable().ReplaceAllStringFunc(w, variable)
		if w == "~" || strings.HasPrefix(w, "~/") {
			w = g.Login().Home + w[1:]
		}
		out[i] = w
	}
	return out
}

// later is a field that only the end of the command can tell; in check mode
// no flush will bring it.
func later(in module.Inputs) value.Value {
	if in.Check {
		return value.Unknown(&value.Origin{What: "a command that would run"})
	}
	return module.Later()
}

// runs is the change that runs one command, whatever its end.
func runs(op state.Exec, in module.Inputs, cmd value.Value, strip bool) module.Change {
	m := value.MRoom(10, "changed", true, "cmd", cmd)
	for _, k := range []string{"rc", "stdout", "stderr", "stdout_lines", "stderr_lines", "start", "end", "delta"} {
		m.Set(k, later(in))
	}
	if in.Check {
		m.Set("msg", value.String("Command would have run if not in check mode"))
	}
	return module.Change{
		Ops:    []state.Op{op},
		Result: m,
		Then: func(_ state.View, did []state.OpResult) (module.Change, error) {
			return ended(did, cmd, strip)
		},
		Failed: func(_ int, r state.OpResult) *module.Failure { return notRun(r, cmd) },
	}
}

// notRun is a command that could not even be started.
func notRun(r state.OpResult, cmd value.Value) *module.Failure {
	msg := r.Msg
	if msg == "" && r.Err != nil {
		msg = r.Err.Error()
	}
	if words := cmd.Items(); cmd.Kind() == value.KindList {
		quoted := make([]string, len(words))
		for i, w := range words {
			quoted[i] = module.ShlexQuote(w.Text())
		}
		cmd = value.String(strings.Join(quoted, " ")).WithMarks(cmd.DeepMarks())
	}
	rc := 2
	if r.RC > 0 {
		rc = r.RC
	}
	f := module.Fail(msg, "changed", false, "cmd", cmd, "rc", rc, "stdout", "", "stderr", "", "stdout_lines", []string{}, "stderr_lines", []string{})
	f.Err = r.Err
	return f
}

// ended makes the result of a command that ran.
func ended(did []state.OpResult, cmd value.Value, strip bool) (module.Change, error) {
	if len(did) == 0 {
		return module.Change{}, module.Fail("the command was not run", "cmd", cmd)
	}
	r := did[len(did)-1]
	if !r.OK {
		return module.Change{}, notRun(r, cmd)
	}
	out, errText := string(r.Stdout), string(r.Stderr)
	if strip {
		out, errText = strings.TrimRight(out, "\r\n"), strings.TrimRight(errText, "\r\n")
	}
	m := value.MRoom(12, "changed", true, "stdout", nil, "stderr", nil, "rc", r.RC, "cmd", cmd, // in Ansible's order, which a text of the whole shows
		"start", stampOf(r.Start), "end", stampOf(r.End), "delta", delta(r.End.Sub(r.Start)), "msg", "")
	output(m, "stdout", out, r.StdoutTruncated)
	output(m, "stderr", errText, r.StderrTruncated)
	if r.RC != 0 {
		m.Delete("msg")
		return module.Change{}, &module.Failure{Msg: "non-zero return code", Result: m}
	}
	return module.Change{Result: m}, nil
}

// output adds an output and its lines; one that was cut short is an error when
// it is used in an expression.
func output(m *value.Map, name, text string, truncated bool) {
	if truncated {
		cut := value.UndefinedOf(&value.Undef{Name: name, Msg: name + " was too long and was truncated: redirect it to a file on the host"})
		m.Set(name, cut)
		m.Set(name+"_lines", cut)
		m.Set(name+"_truncated", value.String(text).WithMarks(value.Unsafe))
		return
	}
	m.Set(name, value.String(text).WithMarks(value.Unsafe))
	m.Set(name+"_lines", value.Strings(value.SplitLines(text)...).MarkDeep(value.Unsafe))
}

func stampOf(t time.Time) string { return t.Format("2006-01-02 15:04:05.000000") }

// delta is a duration as Python writes a timedelta.
func delta(d time.Duration) string {
	if d < 0 {
		d = 0
	}
	us := d.Microseconds()
	days := us / 86400e6
	us %= 86400e6
	s := fmt.Sprintf("%d:%02d:%02d.%06d", us/3600e6, us/60e6%60, us/1e6%60, us%1e6)
	switch {
	case days == 1:
		return "1 day, " + s
	case days > 1:
		return fmt.Sprintf("%d days, %s", days, s)
	}
	return s
}

// unsplit says why a command line cannot be taken apart, as Python does.
type unsplit string

// Error is the text.
func (e unsplit) Error() string { return string(e) }

// split takes a command line apart as Python's shlex does in POSIX mode.
func split(s string) ([]string, error) {
	var out []string
	var word strings.Builder
	in, has := byte(0), false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case in == '\'':
			if c == '\'' {
				in = 0
			} else {
				word.WriteByte(c)
			}
		case in == '"':
			switch {
			case c == '"':
				in = 0
			case c == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
				i++
				word.WriteByte(s[i])
			default:
				word.WriteByte(c)
			}
		case c == '\'' || c == '"':
			in, has = c, true
		case c == '\\':
			if i+1 == len(s) {
				return nil, unsplit("No escaped character")
			}
			i++
			word.WriteByte(s[i])
			has = true
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			if has {
				out = append(out, word.String())
				word.Reset()
				has = false
			}
		default:
			word.WriteByte(c)
			has = true
		}
	}
	if in != 0 {
		return nil, unsplit("No closing quotation")
	}
	if has {
		out = append(out, word.String())
	}
	return out, nil
}
