package vars

import (
	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// merged gives a variable that several levels define as mappings, each merged
// into those below it (hash_behaviour = merge); nil when there is nothing to
// merge. from is the level that defines it first. As in Ansible, mappings are
// merged as they are written, before anything is evaluated.
func (s *Scope) merged(name string, from int) *yaml.Node {
	var found []*yaml.Node // highest first
	for _, l := range s.layers[from:] {
		n, v, ok := l.find(name)
		if !ok {
			continue
		}
		if n == nil {
			if v.Kind() != value.KindMap {
				break
			}
			n = yaml.FromValue(diag.Pos{}, v)
		}
		if n.Kind != yaml.Mapping {
			break
		}
		found = append(found, n)
	}
	if len(found) < 2 {
		return nil
	}
	out := found[len(found)-1]
	for i := len(found) - 2; i >= 0; i-- {
		out = mergeNodes(out, found[i])
	}
	return out
}

// mergeNodes puts the pairs of over into those of under, mappings into mappings.
func mergeNodes(under, over *yaml.Node) *yaml.Node {
	pairs := append([]yaml.Pair(nil), under.Pairs...)
	at := make(map[string]int, len(pairs))
	for i, p := range pairs {
		at[p.Key.Value().Repr()] = i
	}
	for _, p := range over.Pairs {
		i, ok := at[p.Key.Value().Repr()]
		switch {
		case !ok:
			pairs = append(pairs, p)
		case pairs[i].Value.Kind == yaml.Mapping && p.Value.Kind == yaml.Mapping:
			pairs[i].Value = mergeNodes(pairs[i].Value, p.Value)
		default:
			pairs[i] = p
		}
	}
	return yaml.NewMapping(over.Pos, pairs)
}
