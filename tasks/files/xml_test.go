package files

import (
	"os"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// TestXMLRecorded compares what becomes of documents, and what is registered,
// with what the original made of them (scripts/record-xml.py).
func TestXMLRecorded(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/xml.json")
	if err != nil {
		t.Fatal(err)
	}
	cases, err := value.ParseJSON(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases.Items() {
		xmlRecorded(t, c)
	}
}

func xmlRecorded(t *testing.T, c value.Value) {
	before, _ := c.Get("before")
	after, _ := c.Get("after")
	args, _ := c.Get("args")
	want, _ := c.Get("result")
	h := newHost(t)
	h.file("/d/f", before.Str(), 0o644)
	a := args.Map().Clone()
	if _, given := a.Get("xmlstring"); !given {
		a.Set("path", value.String("/d/f"))
	}
	name := args.Repr()
	got, err := h.plan(XML(), a)
	if failed, _ := want.Get("failed"); failed.Truthy() {
		if err == nil {
			t.Errorf("%s: no failure", name)
		}
		return
	}
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	text := before.Str()
	for _, op := range got.Ops {
		text = string(op.(state.WriteFile).Content.Data)
	}
	if text != after.Str() && after.IsString() {
		t.Errorf("%s:\n got %q\nwant %q", name, text, after.Str())
	}
	for k, v := range want.Map().All() {
		if g, _ := got.Result.GetKey(k); g.Repr() != v.Repr() {
			t.Errorf("%s: %s = %s, want %s", name, k.Str(), g.Repr(), v.Repr())
		}
	}
	for k := range got.Result.All() {
		if _, has := want.Map().GetKey(k); !has {
			t.Errorf("%s: also %s", name, k.Str())
		}
	}
}

func TestXML(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.file("/d/f", "<a><b>1</b></a>", 0o640)
	c := h.twice(XML(), value.M("path", "/d/f", "xpath", "/a/b", "value", "2", "backup", true))
	if op := c.Ops[0].(state.WriteFile); op.Backup == "" || get(c, "backup_file") != op.Backup || !strings.Contains(c.Diff[0].After, "<b>2</b>") {
		t.Errorf("%+v", c)
	}
	for want, args := range map[string]*value.Map{
		"The target XML source '/d/none' does not exist.":             value.M("path", "/d/none", "xpath", "/a", "value", "1"),
		"Error while parsing document: xml_string (the element a":     value.M("xmlstring", "<a>", "xpath", "/a", "value", "1"),
		"Syntax error in xpath expression: /a[ (":                     value.M("path", "/d/f", "xpath", "/a[", "value", "1"),
		"a text of XML must be a string: write the value 5 in quotes": value.M("path", "/d/f", "xpath", "/a", "value", 5),
		"namespaces does not say what the prefix p of p:x stands for": value.M("path", "/d/f", "xpath", "/a", "value", "5", "attribute", "p:x"),
		"state=absent needs an xpath":                                 value.M("path", "/d/f", "state", "absent", "pretty_print", true),
	} {
		if _, err := h.plan(XML(), args); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
