package vars

import (
	"path/filepath"
	"strings"

	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/value"
)

// lookupFirstFound takes the first file that exists, of names, or of dicts with
// files, paths and skip.
func lookupFirstFound(s *Scope, terms []value.Value, o jinja.Args) ([]value.Value, error) {
	if len(terms) == 0 { // all of it is in the options
		terms = []value.Value{value.String("")}
	}
	candidates, skip, err := firstFound(terms, o)
	if err != nil {
		return nil, err
	}
	kind := s.fileKind
	if kind == "" {
		kind = "files"
	}
	for _, c := range candidates {
		if c == "" {
			continue
		}
		c = expandHome(c)
		switch dir, err := s.findIn(kind, c); {
		case err != nil:
		case dir == "":
			return []value.Value{value.String(filepath.Clean(c))}, nil
		default: // the name stays as it is written
			return []value.Value{value.String(dir + "/" + c)}, nil
		}
	}
	if skip {
		return nil, nil
	}
	return nil, says("No file was found when using first_found. (looked for %s)", strings.Join(candidates, ", "))
}

func firstFound(terms []value.Value, o jinja.Args) (candidates []string, skip bool, err error) {
	for _, t := range terms {
		get := func(name string) value.Value { return option(o, name) }
		switch t.Kind() {
		case value.KindMap:
			get = func(name string) value.Value { v, _ := t.Get(name); return v }
		case value.KindString, value.KindUndefined:
		case value.KindList:
			var more []string
			if more, skip, err = firstFound(t.Items(), o); err != nil {
				return nil, false, err
			}
			candidates = append(candidates, more...)
			continue
		default:
			return nil, false, says("Invalid term supplied, can handle string, mapping or list of strings but got: <class '%s'> for %s", t.TypeName(), t.Text())
		}
		files, paths := splitOn(get("files"), ",;"), splitOn(get("paths"), ",:;")
		skip = jinja.ToBool(get("skip"))
		switch {
		case len(paths) > 0:
			if t.IsString() && t.Str() != "" && len(files) == 0 {
				files = []string{t.Str()}
			}
			for _, p := range paths {
				for _, f := range files {
					candidates = append(candidates, under(p, f))
				}
			}
		case len(files) > 0:
			candidates = files
		case t.IsString():
			candidates = append(candidates, t.Str())
		}
	}
	return candidates, skip, nil
}

// under puts a name behind a folder, both as they are written.
func under(dir, name string) string {
	if dir == "" || filepath.IsAbs(name) {
		return name
	}
	return strings.TrimSuffix(dir, "/") + "/" + name
}

// splitOn reads a list of names, or names in one text. What is undefined is
// left out: the file cannot be meant.
func splitOn(v value.Value, seps string) []string {
	var out []string
	switch v.Kind() {
	case value.KindNull, value.KindUndefined:
	case value.KindList:
		for _, it := range v.Items() {
			out = append(out, splitOn(it, seps)...)
		}
	default:
		for _, p := range strings.FieldsFunc(v.Text(), func(r rune) bool { return strings.ContainsRune(seps, r) }) {
			out = append(out, strings.TrimSpace(p))
		}
	}
	return out
}

// texts are the elements of a list, or the one text, as texts.
func texts(v value.Value) []string { return splitOn(v, ",;:\n") }
