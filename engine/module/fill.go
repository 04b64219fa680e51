package module

import (
	"fmt"
	"reflect"
	"sort"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
)

// fill puts checked arguments into the fields of a struct.
func (d *decoder) fill(dst reflect.Value, args []Arg, got map[string]arg, pos diag.Pos) {
	for _, f := range structFields(dst.Type()) {
		field := dst.FieldByIndex(f.Index)
		name := f.Tag.Get("arg")
		if name == "*" {
			field.Set(reflect.ValueOf(everything(args, got)))
			continue
		}
		x, ok := got[name]
		if a := findArg(args, name); a != nil && a.Name != name { // an alias
			x, ok = got[a.Name]
			ok = ok && x.given.Name == name
		}
		if !ok || x.value.IsNull() && field.Type() != reflect.TypeFor[value.Value]() {
			continue
		}
		if err := d.assign(field, x.value, findArg(args, name)); err != nil {
			d.problem(x.given.ValuePos, "bad-argument", "argument '%s': %s", name, err)
		}
	}
}

func everything(args []Arg, got map[string]arg) *value.Map {
	m := value.NewMap()
	for i := range args {
		if x, ok := got[args[i].Name]; ok {
			m.Set(args[i].Name, x.value)
		}
	}
	names := sortedNames(got)
	sort.SliceStable(names, func(i, j int) bool { return got[names[i]].place < got[names[j]].place }) // as written
	for _, n := range names {
		if !m.Has(n) {
			m.Set(n, got[n].value)
		}
	}
	return m
}

// assign stores v, converted as the argument declares, into one field.
func (d *decoder) assign(dst reflect.Value, v value.Value, a *Arg) error {
	if s, ok := dst.Addr().Interface().(slotter); ok {
		return d.assign(s.slot(), v, a)
	}
	switch p := dst.Addr().Interface().(type) {
	case *FileMode:
		*p = fileModeOf(v)
		return nil
	case *value.Value:
		if a.Type == Mode && !v.IsNull() {
			v = value.String(modeText(v)).WithMarks(v.Marks())
		}
		*p = v
		return nil
	case **value.Map:
		if v.Map() == nil {
			return fmt.Errorf("%s is no dict", pyType(v))
		}
		*p = v.Map()
		return nil
	}
	if v.IsUnknown() {
		return fmt.Errorf("is not known yet: %s", v.Origin().What)
	}
	return d.assignKind(dst, v, a)
}

func (d *decoder) assignKind(dst reflect.Value, v value.Value, a *Arg) error {
	switch dst.Kind() {
	case reflect.Pointer:
		dst.Set(reflect.New(dst.Type().Elem()))
		return d.assign(dst.Elem(), v, a)
	case reflect.String:
		if a.Type == Mode {
			dst.SetString(modeText(v))
			return nil
		}
		dst.SetString(v.Text())
	case reflect.Bool:
		dst.SetBool(v.Truthy())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, ok := v.AsInt()
		if !ok || dst.OverflowInt(n) {
			return fmt.Errorf("%s is out of range", v.Text())
		}
		dst.SetInt(n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, ok := v.AsInt()
		if !ok || n < 0 || dst.OverflowUint(uint64(n)) {
			return fmt.Errorf("%s is out of range", v.Text())
		}
		dst.SetUint(uint64(n))
	case reflect.Float32, reflect.Float64:
		f, _ := v.AsFloat()
		dst.SetFloat(f)
	case reflect.Slice:
		return d.assignSlice(dst, v, a)
	case reflect.Map:
		return d.assignMap(dst, v, a)
	case reflect.Struct:
		return d.assignStruct(dst, v, a)
	default:
		return fmt.Errorf("field of type %s", dst.Type())
	}
	return nil
}

func (d *decoder) assignSlice(dst reflect.Value, v value.Value, a *Arg) error {
	e := Arg{Name: a.Name, Type: a.Elem, Options: a.Options}
	items := v.Items()
	out := reflect.MakeSlice(dst.Type(), len(items), len(items))
	for i, it := range items {
		if err := d.assign(out.Index(i), it, &e); err != nil {
			return err
		}
	}
	dst.Set(out)
	return nil
}

func (d *decoder) assignMap(dst reflect.Value, v value.Value, a *Arg) error {
	out := reflect.MakeMap(dst.Type())
	if v.Map() == nil {
		return fmt.Errorf("%s is no dict", pyType(v))
	}
	for k, e := range v.Map().All() {
		x := reflect.New(dst.Type().Elem()).Elem()
		if err := d.assign(x, e.WithMarks(v.Marks()), &Arg{Type: a.Elem}); err != nil {
			return err
		}
		out.SetMapIndex(reflect.ValueOf(k.Text()).Convert(dst.Type().Key()), x)
	}
	dst.Set(out)
	return nil
}

func (d *decoder) assignStruct(dst reflect.Value, v value.Value, a *Arg) error {
	if v.Map() == nil {
		return fmt.Errorf("%s is no dict", pyType(v))
	}
	got := map[string]arg{}
	for k, e := range v.Map().All() {
		got[k.Text()] = arg{value: e.WithMarks(v.Marks()), set: true}
	}
	d.fill(dst, a.Options, got, diag.Pos{})
	return nil
}
