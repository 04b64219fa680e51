package run

import (
	"os"
	"strings"
	"sync"

	"github.com/fairlead-project/fairlead/engine/config"
	"github.com/fairlead-project/fairlead/engine/value"
)

// namedSettings finds settings by the names that Ansible's lookup config knows
// them by: those of their variables or entries, with DEFAULT_ before many.
func namedSettings(c *config.Config) func(name string) (v value.Value, origin string, ok bool) {
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
	return func(name string) (value.Value, string, bool) {
		d, ok := by[name]
		if !ok {
			v, ok := displayed()[name]
			if own := os.Getenv("ANSIBLE_" + name); ok && own != "" && v.IsString() {
				return value.String(own), "env: ANSIBLE_" + name, true
			}
			return v, "default", ok
		}
		return settingValue(c, d), settingOrigin(c.Get(d.Key)), true
	}
}

// settingValue is a setting as a value of its kind.
func settingValue(c *config.Config, d config.Setting) value.Value {
	switch d.Kind {
	case config.Bool:
		return value.Bool(c.Bool(d.Key))
	case config.Int:
		if c.Text(d.Key) == "" {
			return value.Null
		}
		return value.Int(int64(c.Int(d.Key)))
	case config.List, config.PathSpec, config.PathList:
		return value.Strings(c.List(d.Key)...)
	}
	return value.String(c.Text(d.Key))
}

// settingOrigin says as Ansible does where a setting comes from.
func settingOrigin(v config.Value) string {
	switch v.Source {
	case config.File:
		return v.Pos.File
	case config.Environment:
		return "env: " + v.Env
	}
	return "default"
}

// displayed are settings about how Ansible's output looks, which have no effect here, but
// which playbooks may ask for: their defaults.
var displayed = sync.OnceValue(func() map[string]value.Value {
	m := map[string]value.Value{}
	for name, color := range map[string]string{"CHANGED": "yellow", "CONSOLE_PROMPT": "white", "DEBUG": "dark gray", "DEPRECATE": "purple", "DIFF_ADD": "green", "DIFF_LINES": "cyan",
		"DIFF_REMOVE": "red", "ERROR": "red", "HIGHLIGHT": "white", "OK": "green", "SKIP": "cyan", "UNREACHABLE": "bright red", "VERBOSE": "blue", "WARN": "bright purple"} {
		m["COLOR_"+name] = value.String(color)
	}
	m["RETRY_FILES_ENABLED"] = value.Bool(false)
	m["ANSIBLE_NOCOLOR"], m["ANSIBLE_FORCE_COLOR"], m["ANSIBLE_NOCOWS"] = value.Bool(false), value.Bool(false), value.Bool(false)
	m["ANSIBLE_COW_SELECTION"] = value.String("default")
	m["ANSIBLE_COW_ACCEPTLIST"] = value.Strings("bud-frogs", "bunny", "cheese", "daemon", "default", "dragon", "elephant-in-snake", "elephant", "eyes", "hellokitty", "kitty",
		"luke-koala", "meow", "milk", "moofasa", "moose", "ren", "sheep", "small", "stegosaurus", "stimpy", "supermilker", "three-eyes", "turkey", "turtle", "tux", "udder",
		"vader-koala", "vader", "www")
	return m
})
