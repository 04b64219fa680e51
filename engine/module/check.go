package module

import "github.com/fairlead-project/fairlead/engine/diag"

// CheckArgs says what is wrong with the arguments of a task as far as it can
// be told without a host: unknown and missing names, values that do not
// convert, combinations that are not allowed. Values that are unknown
// (templates) are not looked at. whole tells that no other argument can come
// from elsewhere (module_defaults, args: "{{ x }}"); missing ones are only then
// reported.
func CheckArgs(spec *Spec, given []Given, at diag.Pos, whole bool) diag.List {
	d := &decoder{spec: spec, partial: true, early: true, meant: map[string]bool{}}
	got := d.decode(given, at, whole)
	for _, x := range got {
		a := findArg(spec.Args, x.given.Name)
		if a == nil {
			continue
		}
		if a.Deprecated != "" {
			w := d.problem(x.given.Pos, "deprecated-argument", "argument '%s' is deprecated: %s", x.given.Name, a.Deprecated)
			w.Warning = true
		}
		if a.Type == Mode {
			if m := fileModeOf(x.value); m.Trap() != "" {
				w := d.problem(x.given.ValuePos, "octal-trap", "%s", m.Trap())
				w.Warning = true
				w.Hint = `write the mode in quotes, such as "0644"`
			}
		}
	}
	d.problems.Sort()
	return d.problems
}
