package run

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/config"
	"github.com/fairlead-project/fairlead/engine/value"
)

// namedSettings finds settings by the names that Ansible's lookup config knows
// them by: those of their variables or entries, with DEFAULT_ before many.
func namedSettings(c *config.Config) func(name string) (value.Value, bool) {
	by := map[string]config.Setting{}
	for _, d := range config.Settings() {
		names := []string{string(d.Key)}
		for _, e := range d.Env {
			names = append(names, strings.TrimPrefix(e, "ANSIBLE_"))
		}
		for _, e := range d.Ini {
			names = append(names, e.Key)
		}
		for _, n := range names {
			n = strings.ToUpper(n)
			for _, full := range []string{n, "DEFAULT_" + n} {
				if _, taken := by[full]; !taken {
					by[full] = d
				}
			}
		}
	}
	return func(name string) (value.Value, bool) {
		d, ok := by[name]
		if !ok {
			return value.Null, false
		}
		switch d.Kind {
		case config.Bool:
			return value.Bool(c.Bool(d.Key)), true
		case config.Int:
			return value.Int(int64(c.Int(d.Key))), true
		case config.List, config.PathSpec, config.PathList:
			return value.Strings(c.List(d.Key)...), true
		}
		return value.String(c.Text(d.Key)), true
	}
}
