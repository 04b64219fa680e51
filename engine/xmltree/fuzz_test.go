package xmltree

import "testing"

// FuzzParse: what is written of a document is read as the same document.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"<a/>", "<a x='1'>t<b/><![CDATA[c]]><!-- d --><?e f?></a>", "<p:a xmlns:p='u' xmlns='v' p:x='&#10;&lt;'/>", "<!DOCTYPE a [<!ENTITY x 'y'>]><a> </a>", "<a>\r\n&#13;</a>"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		doc, err := Parse(text, Options{})
		if err != nil {
			return
		}
		first := doc.Write(false)
		again, err := Parse(first, Options{})
		if err != nil {
			t.Fatalf("%q became %q: %v", text, first, err)
		}
		if second := again.Write(false); string(first) != string(second) {
			t.Fatalf("%q: first %q, then %q", text, first, second)
		}
		if x, err := Compile("//*[@x]/text()", nil); err == nil {
			if _, err = x.Find(doc); err != nil {
				t.Fatal(err)
			}
		}
	})
}
