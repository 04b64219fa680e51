package jinja

import (
	"github.com/fairlead-project/fairlead/engine/pycsv"
	"github.com/fairlead-project/fairlead/engine/value"
)

func fromCSV(_ *Context, in value.Value, b *Bound) (value.Value, error) {
	name := b.Str("dialect", "excel")
	d, ok := pycsv.Named(name)
	if !ok {
		return in, refusal("Dialect '%s' is not supported by your version of python.", name)
	}
	if s := b.Str("delimiter", ""); s != "" {
		d.Delimiter = []rune(s)[0]
	}
	d.SkipInitialSpace, d.Strict = b.Bool("skipinitialspace", false), b.Bool("strict", false)
	rows, err := d.Read(text(in))
	if err != nil {
		return in, refusal("Unable to process file: %w", err)
	}
	_, dicts := pycsv.Dicts(rows, b.Value("fieldnames").Items())
	return value.List(dicts...), nil
}
