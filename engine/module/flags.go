package module

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// flagged are arguments that may ask for the flags of a file (chattr).
type flagged interface{ fileFlags() Opt[string] }

func (a FileAttrs) fileFlags() Opt[string] { return a.Attributes }

// listFlags prints the flags of the path in $1; nothing where there is no lsattr
// or the file system has none.
const listFlags = `command -v lsattr >/dev/null 2>&1 || exit 0; lsattr -d -- "$1" 2>/dev/null || :`

// withFlags adds to a planned change what the argument attributes asks for: the
// file's flags, set with chattr when they differ from what lsattr says. "+A"
// and "=A" count as there when A is all there is, as in Ansible; "-A" is done
// always.
func withFlags(asked flagged, c Change, v state.View) (Change, error) {
	flags, given := asked.fileFlags().Get()
	if !given || len(c.Need) > 0 || c.Result == nil {
		return c, nil
	}
	at := flagsPath(c.Result)
	if at == "" {
		return c, nil
	}
	sign := "="
	if strings.HasPrefix(flags, "+") || strings.HasPrefix(flags, "-") {
		sign, flags = flags[:1], flags[1:]
	}
	g := Gathering(v)
	said := g.Output(listFlags, at)
	if need, missing, err := g.Missing(); missing {
		return need, err
	}
	now, _, _ := strings.Cut(said.Stdout, " ")
	if now = strings.ReplaceAll(now, "-", ""); now == flags && sign != "-" {
		return c, nil
	}
	c.Result = c.Result.Clone()
	c.Result.Set("changed", value.Bool(true))
	noteFlags(c.Result, now, sign+flags)
	c.Ops = append(c.Ops[:len(c.Ops):len(c.Ops)], state.Exec{Argv: []string{"chattr", sign + flags, at}})
	c.Then = flagsSet(c, at)
	return c, nil
}

// flagsPath is the file that a result is about, "" when there is none in the end.
func flagsPath(r *value.Map) string {
	if s, ok := r.Get("state"); ok && s.Text() == "absent" {
		return ""
	}
	for _, k := range []string{"dest", "path"} {
		if p, ok := r.Get(k); ok && p.IsString() {
			return p.Str()
		}
	}
	return ""
}

// noteFlags adds the flags to a registered difference that is a map of two sides.
func noteFlags(r *value.Map, before, after string) {
	d, ok := r.Get("diff")
	if !ok || d.Map() == nil {
		return
	}
	sides := d.Map().Clone()
	for k, text := range map[string]string{"before": before, "after": after} {
		side, ok := sides.Get(k)
		if !ok || side.Map() == nil {
			return
		}
		m := side.Map().Clone()
		m.Set("attributes", value.String(text))
		sides.Set(k, value.FromMap(m))
	}
	r.Set("diff", value.FromMap(sides))
}

// flagsSet looks at how chattr ended, and goes on as the change would have.
func flagsSet(c Change, at string) func(state.View, []state.OpResult) (Change, error) {
	then, result := c.Then, c.Result
	return func(v state.View, did []state.OpResult) (Change, error) {
		last := did[len(did)-1]
		if last.RC != 0 {
			return Change{}, Fail("chattr failed", "path", at, "details", "Error while setting attributes: "+string(last.Stdout)+string(last.Stderr))
		}
		if then == nil {
			return Change{Result: result}, nil
		}
		next, err := then(v, did[:len(did)-1])
		if err == nil && next.Result != nil {
			next.Result = next.Result.Clone()
			next.Result.Set("changed", value.Bool(true))
		}
		return next, err
	}
}
