package jinja

import (
	"errors"

	"github.com/fairlead-project/fairlead/engine/value"
)

func addAnsibleJSON(f map[string]Filter) {
	f["to_json"], f["to_nice_json"] = toJSON(false), toJSON(true)
	f["to_yaml"], f["to_nice_yaml"] = toYAML(false), toYAML(true)
	f["from_json"] = bound(func(_ *Context, in value.Value, _ *Bound) (value.Value, error) {
		if !in.IsString() {
			return in, errors.New("the JSON object must be str, bytes or bytearray, not " + in.TypeName())
		}
		v, err := parseJSON(in.Str())
		if err != nil {
			return in, err
		}
		return v, nil
	}, "strict?")
	f["from_yaml"] = bound(func(c *Context, in value.Value, _ *Bound) (value.Value, error) {
		if !in.IsString() {
			return in, nil
		}
		docs, err := c.Env.loadYAML(in.Str())
		if err == nil && len(docs) > 1 {
			err = errors.New("expected a single document in the stream")
		}
		if err != nil {
			err = &raised{"yaml.error.YAMLError", err}
		}
		if err != nil || len(docs) == 0 {
			return value.Null, err
		}
		return docs[0], nil
	})
	f["from_yaml_all"] = bound(func(c *Context, in value.Value, _ *Bound) (value.Value, error) {
		if !in.IsString() {
			return in, nil
		}
		docs, err := c.Env.loadYAML(in.Str())
		return value.List(docs...), err
	})
	s := f["string"]
	inner := s.Fn
	s.Fn = func(c *Context, in value.Value, a Args) (value.Value, error) {
		v, err := inner(c, in, a)
		return v.WithMarks(Verbatim), err
	}
	f["string"] = s
}

func toJSON(nice bool) Filter {
	return Filter{Fn: func(_ *Context, in value.Value, a Args) (value.Value, error) {
		st := jsonStyle{ascii: true}
		if nice {
			st = jsonStyle{ascii: true, sorted: true, multiline: true, indent: 4}
		}
		if nice && len(a.Pos) > 0 {
			a = Args{Kw: a.Kw}.With("indent", a.Pos[0])
		}
		b := Args{Kw: a.Kw}.Bind("indent?", "sort_keys?", "ensure_ascii?", "separators?", "vault_to_text?", "preprocess_unsafe?", "default?", "allow_nan?", "skipkeys?", "cls?")
		st.sorted, st.ascii = b.Bool("sort_keys", st.sorted), b.Bool("ensure_ascii", st.ascii)
		if v := b.Value("indent"); v.IsString() {
			st.multiline, st.pad = true, v.Str()
		} else if b.Has("indent") && !v.IsNull() {
			st.multiline, st.indent = true, max(0, min(b.Int("indent", 4), 1000))
		}
		if s := b.Value("separators").Items(); len(s) == 2 {
			st.separators = &[2]string{text(s[0]), text(s[1])}
		}
		s, err := dumpJSON(in, st)
		return value.String(s).WithMarks(Verbatim), errors.Join(b.Err, err)
	}}
}

func toYAML(nice bool) Filter {
	return Filter{Fn: func(_ *Context, in value.Value, a Args) (value.Value, error) {
		st := yamlStyle{indent: 2, flowLeaves: !nice}
		if nice {
			st.indent = 4
		}
		if nice && len(a.Pos) > 0 {
			a = Args{Kw: a.Kw}.With("indent", a.Pos[0])
		}
		b := Args{Kw: a.Kw}.Bind("indent?", "sort_keys?", "width?", "default_flow_style?", "explicit_start?", "explicit_end?", "allow_unicode?", "default_style?", "line_break?", "encoding?", "version?", "tags?", "canonical?")
		if st.indent = b.Int("indent", st.indent); st.indent < 2 || st.indent > 9 {
			st.indent = 2
		}
		st.sorted, st.width = b.Bool("sort_keys", true), b.Int("width", 80)
		if d := b.Value("default_flow_style"); !d.IsNull() {
			st.flowLeaves, st.flowAll = false, d.Truthy()
		}
		st.start, st.end = b.Bool("explicit_start", false), b.Bool("explicit_end", false)
		if q := b.Str("default_style", ""); q != "" {
			st.scalar = q[0]
		}
		if nl := b.Str("line_break", ""); nl == "\r" || nl == "\r\n" {
			st.newline = nl
		}
		s, err := dumpYAML(in, st)
		return value.String(s).WithMarks(Verbatim), errors.Join(b.Err, err)
	}}
}
