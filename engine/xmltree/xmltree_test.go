package xmltree

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// TestWritten compares documents with what lxml (libxml2) writes of them; the
// keys say whether blanks were dropped, CDATA read as text, and it was made pretty.
func TestWritten(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/written.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []map[string]string
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		for key, want := range c {
			if key == "text" {
				continue
			}
			doc, err := Parse([]byte(c["text"]), Options{DropBlanks: key[0] == '1', PlainCDATA: key[1] == '1'})
			if err != nil {
				t.Errorf("%q: %v", c["text"], err)
				continue
			}
			if got := string(doc.Write(key[2] == '1')); got != want {
				t.Errorf("%q %s:\n got %q\nwant %q", c["text"], key, got, want)
			}
		}
	}
}

func TestParseFails(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                           "Document is empty",
		"<a>":                        "the element a is not closed",
		"<a></b>":                    "Opening and ending tag mismatch: a and b",
		"<a/><b/>":                   "Extra content at the end of the document",
		"<a/>x":                      "there is text outside the root element",
		"<p:a/>":                     "Namespace prefix p on a is not defined",
		"<a x='1' x='2'/>":           "Attribute x redefined",
		"<a>&none;</a>":              "invalid character entity &none;",
		"<a b=c/>":                   "unquoted or missing attribute value",
		" <?xml version='1.0'?><a/>": "XML or text declaration not at start of entity",
		"<?xml version='1.0' encoding='none'?><a/>": "the encoding none is not known",
	} {
		if _, err := Parse([]byte(text), Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	doc, err := Parse([]byte("<?xml version='1.0' encoding='iso-8859-1'?><a>\xfc</a>"), Options{})
	if err != nil || doc.Root().String() != "<a>ü</a>" {
		t.Errorf("latin-1: %v", err)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	doc, err := Parse([]byte(`<r xmlns:p="u"><a n="1">x</a><a n="2"><b/></a><p:a/><!--c--></r>`), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for expr, want := range map[string]string{
		"/r/a":             "/r/a[1] /r/a[2]",
		"//a[@n='2']/b":    "/r/a[2]/b",
		"/r/a[1]/@n":       "/r/a[1]@n=1",
		"//q:*":            "/r/p:a",
		"//*[.='q:*']":     "",
		"a":                "/r/a[1] /r/a[2]",
		"//q:a":            "/r/p:a",
		"/r/a/text()":      "/r/a[1]/text()",
		"/r/a[text()='x']": "/r/a[1]",
		"/r/a[last()]":     "/r/a[2]",
		"/r/none":          "",
		"//comment()":      "/r/comment()",
		"//b/..":           "/r/a[2]",
	} {
		x, err := Compile(expr, map[string]string{"q": "u"})
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		found, err := x.Find(doc)
		var got []string
		for _, m := range found {
			s := m.Node.Path()
			if m.Attr != nil {
				s += "@" + m.Attr.Local + "=" + m.Attr.Value
			}
			got = append(got, s)
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %v %v, want %s", expr, err, got, want)
		}
	}
	for _, bad := range []string{"/r/[", "//x:a", "///"} {
		if x, err := Compile(bad, nil); err == nil {
			if _, err = x.Find(doc); err == nil {
				t.Errorf("%s: no error", bad)
			}
		}
	}
}
