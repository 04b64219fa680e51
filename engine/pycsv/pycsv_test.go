package pycsv

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/value"
)

// What Python's csv.DictReader says.
func TestDicts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ dialect, text, header, want string }{
		{"excel", "a,b\n1,2\n\n3,\"x,\"\"y\"\n", "", "[{'a': '1', 'b': '2'}, {'a': '3', 'b': 'x,\"y'}]"},
		{"excel", "a,b\n1\n1,2,3,4\n", "", "[{'a': '1', 'b': None}, {'a': '1', 'b': '2', None: ['3', '4']}]"},
		{"excel-tab", "1\t2\n", "x y", "[{'x': '1', 'y': '2'}]"},
		{"unix", "\"a\",\"b\nc\"\r\n\"1\",\"2\n3\"", "", "[{'a': '1', 'b\\nc': '2\\n3'}]"},
		{"excel", "", "", "[]"},
	} {
		d, ok := Named(c.dialect)
		rows, err := d.Read(c.text)
		var header []value.Value
		if c.header != "" {
			header = value.Strings(strings.Fields(c.header)...).Items()
		}
		if _, got := Dicts(rows, header); !ok || err != nil || value.List(got...).Repr() != c.want {
			t.Errorf("%q: %v %s, want %s", c.text, err, value.List(got...).Repr(), c.want)
		}
	}
	strict := Dialect{Delimiter: ',', Strict: true}
	for text, want := range map[string]string{"\"a\"b\n": "',' expected after '\"'", "\"a": "unexpected end of data"} {
		if _, err := strict.Read(text); err == nil || err.Error() != want {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, ok := Named("none"); ok {
		t.Error("a dialect that Python does not have")
	}
}
