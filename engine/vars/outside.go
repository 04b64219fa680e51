package vars

import (
	"errors"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/inventory"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// Outside is the world where nothing runs: hosts have what the inventory says.
type Outside struct{ Inventory *inventory.Inventory }

// HostState implements World.
func (o Outside) HostState(name string) (*Host, bool) {
	h := o.Inventory.Host(name)
	if h == nil {
		return nil, false
	}
	return NewHost(h), true
}

// PlayHosts implements World: there is no play.
func (Outside) PlayHosts() ([]string, bool) { return nil, true }

// Batch implements World: there is no play.
func (Outside) Batch() ([]string, bool) { return nil, true }

// AllPlayHosts implements World: there is no play.
func (Outside) AllPlayHosts() []string { return nil }

// ConnectionDefault implements World: variables are shown as they are set.
func (Outside) ConnectionDefault(string) string { return "" }

// forInventory evaluates the templates of inventory plugins.
type forInventory struct{ plain, extra *Engine }

// ForInventory evaluates the templates of inventory plugins while the inventory
// is read: over the variables that hosts have so far.
func ForInventory(inv *inventory.Inventory, extra *yaml.Vars) inventory.Evaluator {
	e := &forInventory{plain: New(inv, &yaml.Vars{}), extra: New(inv, extra)}
	return e
}

// Template implements inventory.Evaluator.
func (f *forInventory) Template(text string, pos diag.Pos, sees inventory.Sees) (value.Value, error) {
	eng := f.plain
	if sees.Extra {
		eng = f.extra
	}
	var host *Host
	if sees.Host != nil {
		host = NewHost(sees.Host)
	}
	s := eng.Scope(Outside{eng.Inventory}, host, nil, nil, Moment{})
	if sees.Locals != nil {
		s = s.With(sees.Locals)
	}
	v, err := s.Eval(yaml.FromValue(pos, value.String(text)))
	if err == nil && v.IsUndefined() {
		err = Undefined(v, pos)
	}
	if o, unknown := v.FindUnknown(); err == nil && unknown {
		err = errors.New("not known before the run: " + o.What)
	}
	return v, err
}
