package jinja

import (
	"errors"
	"io"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/fairlead-project/fairlead/engine/value"
)

// loadYAML reads documents with the environment's reader, or plainly.
func (e *Env) loadYAML(s string) ([]value.Value, error) {
	if e.LoadYAML != nil {
		return e.LoadYAML(s)
	}
	dec := yaml.NewDecoder(strings.NewReader(s))
	var out []value.Value
	for {
		var n yaml.Node
		err := dec.Decode(&n)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		budget := 1_000_000
		v, err := fromNode(&n, 0, &budget)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
}

func fromNode(n *yaml.Node, depth int, budget *int) (value.Value, error) {
	if *budget--; depth > maxNesting || *budget < 0 {
		return value.Null, errors.New("the YAML is nested too deep or repeats too much")
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return fromNode(n.Content[0], depth, budget)
	case yaml.AliasNode:
		return fromNode(n.Alias, depth+1, budget)
	case yaml.SequenceNode:
		items := make([]value.Value, len(n.Content))
		for i, c := range n.Content {
			var err error
			if items[i], err = fromNode(c, depth+1, budget); err != nil {
				return value.Null, err
			}
		}
		return value.List(items...), nil
	case yaml.MappingNode:
		m := value.NewMap()
		for i := 0; i+1 < len(n.Content); i += 2 {
			k, err := fromNode(n.Content[i], depth+1, budget)
			if err != nil {
				return k, err
			}
			if !k.Hashable() {
				return k, errors.New("found unhashable key")
			}
			v, err := fromNode(n.Content[i+1], depth+1, budget)
			if err != nil {
				return v, err
			}
			m.SetKey(k, v)
		}
		return value.FromMap(m), nil
	}
	return yamlScalar(n)
}

func yamlScalar(n *yaml.Node) (value.Value, error) {
	if n.Style == 0 {
		switch strings.ToLower(n.Value) {
		case "yes", "on":
			return value.Bool(true), nil
		case "no", "off":
			return value.Bool(false), nil
		}
	}
	var x any
	if err := n.Decode(&x); err != nil {
		return value.Null, err
	}
	switch x := x.(type) {
	case nil, bool, int, int64, uint64, float64, string:
		return value.FromGo(x), nil
	}
	return value.String(n.Value), nil
}
