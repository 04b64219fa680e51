package files

import (
	"fmt"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/pycsv"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type csvArgs struct {
	Path       string             `arg:"path"`
	Key        module.Opt[string] `arg:"key"`
	Dialect    string             `arg:"dialect"`
	Fieldnames value.Value        `arg:"fieldnames"`
	Unique     bool               `arg:"unique"`
	Delimiter  module.Opt[string] `arg:"delimiter"`
	SkipSpace  bool               `arg:"skipinitialspace"`
	Strict     bool               `arg:"strict"`
}

var csvSpec = module.Spec{
	Name:    "read_csv",
	Aliases: []string{"community.general.read_csv"},
	Summary: "Read a table of comma-separated values of a host",
	Doc:     "Registers the rows of a file, up to 8 MiB, as dicts: in a list, or with a key by one of the columns.",
	Args: []module.Arg{
		{Name: "path", Aliases: []string{"filename"}, Type: module.Path, Required: true, Doc: "The file, in UTF-8."},
		{Name: "key", Doc: "The column whose values name the rows; without it the rows are a list."},
		{Name: "dialect", Default: "excel", Doc: "excel, excel-tab or unix, as Python's csv module means them."},
		{Name: "fieldnames", Type: module.List, Elem: module.Str, Doc: "The names of the columns; without it the first row has them."},
		{Name: "unique", Type: module.Bool, Default: true, Doc: "A value of the key that comes twice is a failure."},
		{Name: "delimiter", Doc: "The character between fields, in place of the dialect's."},
		{Name: "skipinitialspace", Type: module.Bool, Doc: "Blanks behind the delimiter do not count."},
		{Name: "strict", Type: module.Bool, Doc: "Wrong quotes are a failure."},
	},
	Returns: []module.Return{
		{Name: "list", Type: "list", When: "success", Doc: "The rows, without a key."},
		{Name: "dict", Type: "dict", When: "success", Doc: "The rows by key."},
	},
	Examples: "- read_csv: {path: /srv/users.csv, key: name}\n  register: users\n",
	Traits:   module.Traits{Reads: true},
}

// ReadCSV is the module read_csv.
func ReadCSV() module.Module { return module.New(csvSpec, planCSV) }

// reading is how the file is to be read.
func (a csvArgs) reading() (pycsv.Dialect, error) {
	d, ok := pycsv.Named(a.Dialect)
	if !ok {
		return d, module.Fail("Dialect '" + a.Dialect + "' is not supported by your version of python.")
	}
	if s, given := a.Delimiter.Get(); given {
		rs := []rune(s)
		if len(rs) != 1 {
			return d, module.Fail(`Unable to create custom dialect: "delimiter" must be a 1-character string`)
		}
		d.Delimiter = rs[0]
	}
	d.SkipInitialSpace, d.Strict = a.SkipSpace, a.Strict
	return d, nil
}

func planCSV(a csvArgs, _ module.Inputs, v state.View) (module.Change, error) {
	d, err := a.reading()
	if err != nil {
		return module.Change{}, err
	}
	g := module.Gathering(v)
	p := g.Path(a.Path)
	f, err := g.TryFile(trim(p), state.WantContent)
	if c, missing, gerr := g.Missing(); missing {
		return c, gerr
	}
	switch {
	case err != nil:
		return module.Change{}, module.Fail("Unable to open file: " + err.Error())
	case f.Followed.Type == state.TypeNone:
		return module.Change{}, module.Fail("Unable to open file: [Errno 2] No such file or directory: '" + p + "'")
	case !f.IsRegular():
		return module.Change{}, module.Fail("Unable to open file: " + p + " is no regular file")
	}
	rows, err := d.Read(strings.TrimPrefix(string(f.Content), "\ufeff"))
	if err != nil {
		return module.Change{}, module.Fail("Unable to process file: " + err.Error())
	}
	names, dicts := pycsv.Dicts(rows, a.Fieldnames.Items())
	list, dict := []value.Value{}, value.NewMap()
	key, keyed := a.Key.Get()
	if keyed && key != "" && !hasField(names, key) {
		return module.Change{}, module.Fail(fmt.Sprintf("Key '%s' was not found in the CSV header fields: %s", key, fieldList(names)))
	}
	for _, row := range dicts {
		row = registeredRow(row)
		if !keyed {
			list = append(list, row)
			continue
		}
		at, _ := row.Get(key)
		name := registeredName(at)
		if _, taken := dict.Get(name); taken && a.Unique {
			return module.Change{}, module.Fail(fmt.Sprintf("Key '%s' is not unique for value '%s'", key, at.Text()))
		}
		dict.Set(name, row)
	}
	return module.OK("dict", value.FromMap(dict).MarkDeep(value.Unsafe), "list", value.List(list...).MarkDeep(value.Unsafe)), nil
}

// registeredRow is a row as a module's answer holds it: names in JSON are texts.
func registeredRow(row value.Value) value.Value {
	m := value.NewMap()
	for k, v := range row.Map().All() {
		m.Set(registeredName(k), v)
	}
	return value.FromMap(m)
}

func registeredName(k value.Value) string {
	if k.IsNull() {
		return "null"
	}
	return k.Text()
}

func hasField(names []value.Value, key string) bool {
	for _, n := range names {
		if n.Text() == key {
			return true
		}
	}
	return false
}

func fieldList(names []value.Value) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = n.Text()
	}
	return strings.Join(out, ", ")
}
