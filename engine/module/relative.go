package module

import (
	"errors"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// pathKeys are where results name files of the host.
var pathKeys = []string{"path", "dest", "src", "source", "before_header", "after_header"}

// pathFields are the fields of a module's struct that hold arguments of type Path.
func pathFields(spec *Spec, t reflect.Type) [][]int {
	var out [][]int
	for _, f := range structFields(t) {
		if arg := findArg(spec.Args, f.Tag.Get("arg")); arg != nil && arg.Type == Path {
			out = append(out, f.Index)
		}
	}
	return out
}

// relatives are the arguments of type Path that are relative, as they were given.
func (m *typed[T]) relatives(args any) []string {
	m.lookPaths.Do(func() { m.paths = pathFields(m.spec, reflect.TypeFor[T]()) })
	var found []string
	fields := reflect.ValueOf(args)
	for _, index := range m.paths {
		var text string
		if f := fields.FieldByIndex(index); f.Kind() == reflect.String {
			text = f.String()
		} else if opt, ok := f.Interface().(Opt[string]); ok {
			text = opt.Or("")
		}
		if text != "" && !strings.ContainsAny(text[:1], "/~$") {
			found = append(found, text)
		}
	}
	return found
}

// asGiven has a change name relative paths as they were given: modules work with
// absolute ones (Gather.Path), and Ansible's give back what they got.
func asGiven(given []string, c Change, v state.View) Change {
	if len(c.Need) > 0 {
		return c
	}
	g := Gathering(v)
	r := newRelative(given, g.Login())
	if !g.Complete() {
		return c
	}
	if c.Result != nil {
		c.Result = r.in(value.FromMap(c.Result)).Map()
	}
	c.Diff = slices.Clone(c.Diff)
	for i := range c.Diff {
		c.Diff[i].BeforeHeader, c.Diff[i].AfterHeader = r.path(c.Diff[i].BeforeHeader), r.path(c.Diff[i].AfterHeader)
		if c.Diff[i].BeforeHeader == "" {
			c.Diff[i].Before, c.Diff[i].After = r.text(c.Diff[i].Before), r.text(c.Diff[i].After)
		}
	}
	if then := c.Then; then != nil {
		c.Then = func(v state.View, did []state.OpResult) (Change, error) {
			next, err := then(v, did)
			return asGiven(given, next, v), failedAsGiven(given, err, v)
		}
	}
	return c
}

// failedAsGiven is asGiven for a failure.
func failedAsGiven(given []string, err error, v state.View) error {
	var f *Failure
	if !errors.As(err, &f) {
		return err
	}
	g := Gathering(v)
	r := newRelative(given, g.Login())
	if !g.Complete() {
		return err
	}
	f.Msg = r.text(f.Msg)
	if f.Result != nil {
		f.Result = r.in(value.FromMap(f.Result)).Map()
	}
	return err
}

// relative turns absolute paths into those that were given.
type relative struct{ abs, given []string }

func newRelative(given []string, l state.LoginInfo) relative {
	r := relative{given: make([]string, len(given)), abs: make([]string, len(given))}
	base := l.Dir
	if base == "" {
		base = l.Home
	}
	for i, p := range given {
		r.given[i] = strings.TrimRight(p, "/")
		r.abs[i] = path.Join("/", base, p)
	}
	return r
}

// path is s as it was given where it is one of the paths, or something below.
func (r relative) path(s string) string {
	for i, abs := range r.abs {
		if rest, ok := strings.CutPrefix(s, abs); ok && (rest == "" || rest[0] == '/' || rest[0] == ' ') {
			return r.given[i] + rest
		}
	}
	return s
}

// text is s with the paths in it as they were given.
func (r relative) text(s string) string {
	for i, abs := range r.abs {
		s = strings.ReplaceAll(s, abs, r.given[i])
	}
	return s
}

// in is a result with the paths as they were given.
func (r relative) in(v value.Value) value.Value {
	switch v.Kind() {
	case value.KindMap:
		m := v.Map().Clone()
		for k, x := range v.Map().All() {
			if x.IsString() && slices.Contains(pathKeys, k.Text()) {
				m.SetKey(k, value.String(r.path(x.Str())).WithMarks(x.Marks()))
			} else {
				m.SetKey(k, r.in(x))
			}
		}
		return value.FromMap(m).WithMarks(v.Marks())
	case value.KindList:
		items := slices.Clone(v.Items())
		for i := range items {
			items[i] = r.in(items[i])
		}
		return value.List(items...).WithMarks(v.Marks())
	}
	return v
}
