package jinja

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

// addXMLFilters adds from_xml, to_xml, consolidate and param_list_compare of ansible.utils. XML is
// read and written as Python's xmltodict does: an attribute is a key that begins with @,
// the text beside attributes or elements is #text, and elements of one name are a list.
func addXMLFilters(f map[string]Filter) {
	const utils = "ansible.utils."
	f[utils+"from_xml"] = bound(fromXML, "engine?")
	f[utils+"to_xml"] = bound(toXML, "engine?", "indent?", "indent_width?", "full_document?")
	f[utils+"consolidate"] = bound(consolidate, "fail_missing_match_key?", "fail_missing_match_value?", "fail_duplicate?")
	f[utils+"param_list_compare"] = bound(paramListCompare, "target")
}

func xmlEngine(plugin string, b *Bound) error {
	if e := b.Str("engine", "xmltodict"); b.Err == nil && e != "xmltodict" {
		return refusal("Error when using plugin '%s': engine: %s is not supported ", plugin, e)
	}
	return b.Err
}

// fromXML gives the JSON text of a document.
func fromXML(_ *Context, in value.Value, b *Bound) (value.Value, error) {
	if err := xmlEngine("from_xml", b); err != nil {
		return in, err
	}
	v, err := readXML(in.Text())
	if err != nil {
		return in, refusal("Error when using plugin 'from_xml': Input Xml is not valid")
	}
	return value.String(v.PythonJSON()), nil
}

// xmlElement is an element that is being read.
type xmlElement struct {
	name string
	keys *value.Map // attributes and elements
	text strings.Builder
}

// push adds an entry; the second of a name makes a list.
func (e *xmlElement) push(name string, v value.Value) {
	old, ok := e.keys.Get(name)
	switch {
	case !ok:
		e.keys.Set(name, v)
	case old.Kind() == value.KindList:
		e.keys.Set(name, value.List(append(slices.Clone(old.Items()), v)...))
	default:
		e.keys.Set(name, value.List(old, v))
	}
}

func (e *xmlElement) value() value.Value {
	text := strings.TrimSpace(e.text.String())
	if e.keys.Len() == 0 {
		if text == "" {
			return value.Null
		}
		return value.String(text)
	}
	if text != "" {
		e.push("#text", value.String(text))
	}
	return value.FromMap(e.keys)
}

// rawName is a name as it is written, with its prefix.
func rawName(n xml.Name) string {
	if n.Space != "" {
		return n.Space + ":" + n.Local
	}
	return n.Local
}

func readXML(text string) (value.Value, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // it is UTF-8 already
	top := &xmlElement{keys: value.NewMap()}
	open := []*xmlElement{top}
	for {
		tok, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return value.Null, err
		}
		last := open[len(open)-1]
		switch t := tok.(type) {
		case xml.StartElement:
			if last == top && top.keys.Len() > 0 {
				return value.Null, errors.New("more than one root")
			}
			e := &xmlElement{name: rawName(t.Name), keys: value.NewMap()}
			for _, a := range t.Attr {
				name := "@" + rawName(a.Name)
				if e.keys.Has(name) {
					return value.Null, errors.New("an attribute stands twice")
				}
				e.keys.Set(name, value.String(a.Value))
			}
			open = append(open, e)
		case xml.EndElement:
			if last == top || last.name != rawName(t.Name) {
				return value.Null, errors.New("an end without a start")
			}
			open = open[:len(open)-1]
			open[len(open)-1].push(last.name, last.value())
		case xml.CharData:
			if last == top && strings.TrimSpace(string(t)) != "" {
				return value.Null, errors.New("text outside the root")
			}
			last.text.Write(t)
		}
	}
	if len(open) > 1 || top.keys.Len() == 0 {
		return value.Null, errors.New("no whole element")
	}
	return value.FromMap(top.keys), nil
}

// toXML writes a dict as a document, with one element a line.
func toXML(_ *Context, in value.Value, b *Bound) (value.Value, error) {
	if err := xmlEngine("to_xml", b); err != nil {
		return in, err
	}
	w := xmlWriter{indent: "\t"}
	if b.Str("indent", "tabs") == "spaces" {
		w.indent = strings.Repeat(" ", max(b.Int("indent_width", 4), 0))
	}
	full := b.Bool("full_document", true)
	if b.Err != nil {
		return in, b.Err
	}
	m := in.Map()
	if m == nil || full && (m.Len() != 1 || len(xmlItems(firstOf(m))) > 1) {
		return in, refusal("Error when using plugin 'to_xml': Input json is not valid")
	}
	if full {
		w.WriteString("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n")
	}
	for k, v := range m.All() {
		w.elements(k.Text(), v, 0)
	}
	return value.String(w.String()), nil
}

func firstOf(m *value.Map) value.Value {
	v, _ := m.GetKey(m.Keys()[0])
	return v
}

// xmlItems are the elements that a value makes under one name.
func xmlItems(v value.Value) []value.Value {
	if v.Kind() == value.KindList {
		return v.Items()
	}
	return []value.Value{v}
}

type xmlWriter struct {
	strings.Builder
	indent string
}

var (
	xmlText      = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	xmlAttribute = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\n", "&#10;", "\r", "&#13;", "\t", "&#9;")
)

// plainXML is a value as text: truths are written small.
func plainXML(v value.Value) string {
	if v.Kind() == value.KindBool {
		return strings.ToLower(v.Text())
	}
	if v.IsNull() {
		return ""
	}
	return v.Text()
}

func quotedXML(s string) string {
	s = xmlAttribute.Replace(s)
	switch {
	case !strings.Contains(s, `"`):
		return `"` + s + `"`
	case !strings.Contains(s, "'"):
		return "'" + s + "'"
	}
	return `"` + strings.ReplaceAll(s, `"`, "&quot;") + `"`
}

func (w *xmlWriter) elements(name string, v value.Value, depth int) {
	type child struct {
		name string
		v    value.Value
	}
	for _, item := range xmlItems(v) {
		var children []child
		text := ""
		w.WriteString(strings.Repeat(w.indent, depth) + "<" + name)
		if m := item.Map(); m != nil {
			for k, e := range m.All() {
				switch key := k.Text(); {
				case key == "#text":
					text = plainXML(e)
				case strings.HasPrefix(key, "@"):
					w.WriteString(" " + key[1:] + "=" + quotedXML(e.Text()))
				case !(e.Kind() == value.KindList) || len(e.Items()) > 0:
					children = append(children, child{key, e})
				}
			}
		} else {
			text = plainXML(item)
		}
		w.WriteString(">")
		if children != nil {
			w.WriteString("\n")
		}
		for _, c := range children {
			w.elements(c.name, c.v, depth+1)
		}
		w.WriteString(xmlText.Replace(text))
		if children != nil {
			w.WriteString(strings.Repeat(w.indent, depth))
		}
		w.WriteString("</" + name + ">")
		if depth > 0 {
			w.WriteString("\n")
		}
	}
}

// paramListCompare chooses of a base what a list names: all of it, single ones, and none
// that has a ! before it.
func paramListCompare(_ *Context, in value.Value, b *Bound) (value.Value, error) {
	target := b.Value("target")
	if b.Err != nil {
		return in, b.Err
	}
	if !(in.Kind() == value.KindList) || !(target.Kind() == value.KindList) {
		return in, refusal("argspec validation failed for param_list_compare filter: base and target are lists, not %s and %s", in.TypeName(), target.TypeName())
	}
	var base, chosen, unsupported []string
	for _, v := range in.Items() {
		base = append(base, v.Text())
	}
	var bangs, named []string
	for _, v := range target.Items() {
		switch s := v.Text(); {
		case s == "all":
			chosen = slices.Clone(base)
		case strings.HasPrefix(s, "!"):
			bangs = append(bangs, s[1:])
		case slices.Contains(base, s):
			named = append(named, s)
		default:
			unsupported = append(unsupported, s)
		}
	}
	for _, s := range bangs {
		if i := slices.Index(chosen, s); i >= 0 {
			chosen = slices.Delete(chosen, i, i+1)
		}
	}
	for _, s := range named {
		if !slices.Contains(chosen, s) {
			chosen = append(chosen, s)
		}
	}
	slices.Sort(chosen)
	return value.FromMap(value.M("actionable", value.Strings(chosen...), "unsupported", value.Strings(unsupported...))), nil
}
