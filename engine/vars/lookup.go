package vars

import (
	"os"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/inventory"
	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/pyre"
	"github.com/fairlead-project/fairlead/engine/value"
)

// Lookup is a lookup plugin: it gives a list from terms and options.
type Lookup struct {
	Run func(s *Scope, terms []value.Value, opts jinja.Args) ([]value.Value, error)
	// Impure lookups read the controller or a clock; look-ahead takes them as
	// unknown.
	Impure bool
}

func builtinLookups() map[string]Lookup {
	return map[string]Lookup{
		"items":         {Run: lookupItems},
		"list":          {Run: func(_ *Scope, t []value.Value, _ jinja.Args) ([]value.Value, error) { return t, nil }},
		"dict":          {Run: lookupDict},
		"together":      {Run: lookupTogether},
		"nested":        {Run: lookupNested},
		"indexed_items": {Run: lookupIndexed},
		"flattened":     {Run: lookupFlattened},
		"subelements":   {Run: lookupSubelements},
		"sequence":      {Run: lookupSequence},
		"random_choice": {Run: lookupRandomChoice, Impure: true},
		"vars":          {Run: lookupVars},
		"env":           {Run: lookupEnv, Impure: true},
		"file":          {Run: lookupFile, Impure: true},
		"template":      {Run: lookupTemplate, Impure: true},
		"fileglob":      {Run: lookupFileglob, Impure: true},
		"first_found":   {Run: lookupFirstFound, Impure: true},
		"lines":         {Run: lookupLines, Impure: true},
		"pipe":          {Run: lookupPipe, Impure: true},

		"varnames":            {Run: lookupVarNames},
		"inventory_hostnames": {Run: lookupInventoryHostnames},
		"config":              {Run: lookupConfig, Impure: true},
		"csvfile":             {Run: lookupCSV, Impure: true},
		"ini":                 {Run: lookupINI, Impure: true},
		"unvault":             {Run: lookupUnvault, Impure: true},
		"url":                 {Run: lookupURL, Impure: true},
		"password":            {Run: lookupPassword, Impure: true},

		// Of community.general.
		"cartesian":       {Run: lookupNested},
		"dependent":       {Run: lookupDependent},
		"filetree":        {Run: lookupFiletree, Impure: true},
		"random_string":   {Run: lookupRandomString, Impure: true},
		"merge_variables": {Run: lookupMergeVariables},

		// Of ansible.utils.
		"get_path": {Run: lookupFilter("ansible.utils.get_path", false)},
		"index_of": {Run: lookupFilter("ansible.utils.index_of", true)},
		"to_paths": {Run: lookupFilter("ansible.utils.to_paths", false)},
	}
}

// lookupFilter is a lookup that does what a filter does with its first term. each
// makes the elements of a list that it gives those of the lookup.
func lookupFilter(name string, each bool) func(*Scope, []value.Value, jinja.Args) ([]value.Value, error) {
	return func(s *Scope, terms []value.Value, o jinja.Args) ([]value.Value, error) {
		if len(terms) == 0 {
			return nil, says("missing required arguments: the value to look into")
		}
		env := s.eng.env
		v, err := env.Filters[name].Fn(s.context(env), terms[0], jinja.Args{Pos: terms[1:], Kw: o.Kw})
		if each && v.Kind() == value.KindList {
			return v.Items(), err
		}
		return []value.Value{v}, err
	}
}

// says is an error in the words of Ansible's plugins, which playbooks look for.
func says(format string, args ...any) error { return jinja.Says(format, args...) }

// option gives an option of a lookup, or null.
func option(o jinja.Args, names ...string) value.Value {
	for _, n := range names {
		if v, ok := o.Get(n); ok {
			return v
		}
	}
	return value.Null
}

// flag is an option that is a boolean.
func flag(o jinja.Args, name string, def bool) bool {
	if v, ok := o.Get(name); ok {
		return jinja.ToBool(v)
	}
	return def
}

// textOption is an option that is a text.
func textOption(o jinja.Args, name, def string) string {
	if v, ok := o.Get(name); ok && !v.IsNull() {
		return v.Text()
	}
	return def
}

func lookupItems(_ *Scope, terms []value.Value, _ jinja.Args) ([]value.Value, error) {
	var out []value.Value
	for _, t := range terms {
		if t.Kind() == value.KindList {
			out = append(out, t.Items()...)
		} else {
			out = append(out, t)
		}
	}
	return out, nil
}

func lookupDict(_ *Scope, terms []value.Value, _ jinja.Args) ([]value.Value, error) {
	var out []value.Value
	for _, t := range terms {
		m := t.Map()
		if m == nil {
			return nil, says("with_dict expects a dict")
		}
		for k, v := range m.All() {
			out = append(out, value.FromMap(value.M("key", k, "value", v.WithMarks(t.Marks()))))
		}
	}
	return out, nil
}

// Elements are what a loop of Python's sees of a term that is to be a list: of a
// dict its keys; anything else is one element.
func Elements(t value.Value) []value.Value {
	switch {
	case t.Kind() == value.KindList:
		return t.Items()
	case t.Map() == nil:
		return []value.Value{t}
	}
	keys := slices.Clone(t.Map().Keys())
	for i, k := range keys {
		keys[i] = k.WithMarks(t.Marks())
	}
	return keys
}

func lookupTogether(_ *Scope, terms []value.Value, _ jinja.Args) ([]value.Value, error) {
	if len(terms) == 0 {
		return nil, says("with_together requires at least one element in each list")
	}
	longest := 0
	columns := make([][]value.Value, len(terms))
	for j, t := range terms {
		columns[j] = Elements(t)
		longest = max(longest, len(columns[j]))
	}
	out := make([]value.Value, longest)
	for i := range out {
		row := make([]value.Value, len(terms))
		for j, items := range columns {
			if i < len(items) {
				row[j] = items[i]
			}
		}
		out[i] = value.List(row...)
	}
	return out, nil
}

func lookupNested(_ *Scope, terms []value.Value, _ jinja.Args) ([]value.Value, error) {
	if len(terms) == 0 {
		return nil, says("with_nested requires at least one element in the nested list")
	}
	rows := Elements(terms[0])
	for _, t := range terms[1:] {
		items := Elements(t)
		next := make([]value.Value, 0, len(rows)*len(items))
		for _, r := range rows {
			for _, it := range items {
				next = append(next, value.List(unwrap(value.List(r, it))...))
			}
		}
		rows = next
	}
	out := make([]value.Value, len(rows))
	for i, r := range rows {
		out[i] = value.List(unwrap(r)...)
	}
	return out, nil
}

// unwrap gives the elements of v, and of lists among them theirs: with_nested of Ansible
// flattens one level each time that it combines, and once at the end; of a text it
// takes the letters.
func unwrap(v value.Value) []value.Value {
	if v.IsString() {
		var letters []value.Value
		for _, r := range v.Str() {
			letters = append(letters, value.String(string(r)).WithMarks(v.Marks()))
		}
		return letters
	}
	var out []value.Value
	for _, e := range Elements(v) {
		if e.Kind() == value.KindList {
			out = append(out, e.Items()...)
		} else {
			out = append(out, e)
		}
	}
	return out
}

func lookupIndexed(s *Scope, terms []value.Value, o jinja.Args) ([]value.Value, error) {
	items, err := lookupItems(s, terms, o)
	for i, it := range items {
		items[i] = value.Tuple(value.Int(int64(i)), it)
	}
	return items, err
}

func lookupFlattened(_ *Scope, terms []value.Value, _ jinja.Args) ([]value.Value, error) {
	var out []value.Value
	var flatten func(v value.Value)
	flatten = func(v value.Value) {
		if v.Kind() != value.KindList {
			out = append(out, v)
			return
		}
		for _, it := range v.Items() {
			flatten(it)
		}
	}
	for _, t := range terms {
		flatten(t)
	}
	return out, nil
}

func lookupVars(s *Scope, terms []value.Value, o jinja.Args) ([]value.Value, error) {
	var out []value.Value
	for _, t := range terms {
		if !t.IsString() {
			return nil, says("Invalid setting identifier, \"%s\" is not a string, its a <class '%s'>", t.Text(), t.TypeName())
		}
		v, ok, err := s.Variable(t.Str())
		if err != nil {
			return nil, err
		}
		if !ok || v.IsUndefined() {
			def, has := o.Get("default")
			if !has {
				return nil, diag.Errorf(diag.Pos{}, jinja.CodeUndefined, "No variable found with this name: %s", t.Str())
			}
			v = def
		}
		out = append(out, v)
	}
	return out, nil
}

func lookupEnv(_ *Scope, terms []value.Value, o jinja.Args) ([]value.Value, error) {
	var out []value.Value
	for _, t := range terms {
		name, _, _ := strings.Cut(t.Text(), " ")
		x, ok := os.LookupEnv(name)
		v := value.String(x)
		if def, has := o.Get("default"); !ok && has {
			v = def
		}
		if v.IsUndefined() {
			return nil, diag.Errorf(diag.Pos{}, jinja.CodeUndefined, `The "env" lookup, found an undefined variable: %s`, name)
		}
		out = append(out, v.WithMarks(value.Unsafe))
	}
	return out, nil
}

// lookupVarNames gives the names of variables that patterns are found in.
func lookupVarNames(s *Scope, terms []value.Value, _ jinja.Args) ([]value.Value, error) {
	var out []value.Value
	names := s.AllNames()
	for _, t := range terms {
		if !t.IsString() {
			return nil, says("Invalid setting identifier, \"%s\" is not a string, it is a <class '%s'>", t.Text(), t.TypeName())
		}
		re, err := pyre.CompileText(t.Str())
		if err != nil {
			return nil, says("Unable to use \"%s\" as a search parameter: %w", t.Str(), err)
		}
		for _, n := range names {
			if m, err := re.Search([]byte(n)); err != nil {
				return nil, err
			} else if m != nil {
				out = append(out, value.String(n))
			}
		}
	}
	return out, nil
}

// lookupInventoryHostnames gives the hosts that a pattern means.
func lookupInventoryHostnames(s *Scope, terms []value.Value, _ jinja.Args) ([]value.Value, error) {
	var patterns []string
	for _, t := range terms {
		if t.Kind() == value.KindList {
			patterns = append(patterns, texts(t)...)
		} else {
			patterns = append(patterns, t.Text())
		}
	}
	hosts, err := s.eng.Inventory.MatchList(patterns, diag.Pos{})
	if err != nil && !inventory.NamesNothing(err) {
		return nil, nil //nolint:nilerr // as in Ansible: what is no pattern means nobody
	}
	out := make([]value.Value, len(hosts))
	for i, h := range hosts {
		out[i] = value.String(h.Name)
	}
	return out, nil
}
