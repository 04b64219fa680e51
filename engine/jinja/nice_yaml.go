package jinja

import "github.com/fairlead-project/fairlead/engine/value"

// NiceYAML writes a value as PyYAML's dump does in block style, keys sorted.
func NiceYAML(v value.Value) (string, error) {
	return dumpYAML(v, yamlStyle{indent: 2, width: 80, sorted: true})
}
