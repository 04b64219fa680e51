package pycodec

import "testing"

// The bytes are what Python 3.11 writes.
func TestEncode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"utf-8", "é", "\xc3\xa9"}, {"UTF8", "é", "\xc3\xa9"}, {"utf-8-sig", "é", "\xef\xbb\xbf\xc3\xa9"},
		{"latin-1", "é", "\xe9"}, {"ISO-8859-1", "é", "\xe9"}, {"iso8859-15", "€", "\xa4"}, {"windows-1252", "€", "\x80"}, {"cp1252", "é", "\xe9"},
		{"utf-16-le", "a😀", "a\x00\x3d\xd8\x00\xde"}, {"utf-16", "a", "\xff\xfea\x00"}, {"utf_16_be", "a", "\x00a"},
		{"utf-32-le", "a", "a\x00\x00\x00"}, {"koi8-r", "я", "\xd1"}, {"shift_jis", "あ", "\x82\xa0"}, {"ascii", "abc", "abc"},
	} {
		got, err := Encode(c.text, c.name)
		if err != nil || got != c.want {
			t.Errorf("%s in %s: %q, %v", c.text, c.name, got, err)
		}
		back, err := Decode(got, c.name)
		if err != nil || back != c.text {
			t.Errorf("%q of %s: %q, %v", got, c.name, back, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"ascii": "é", "latin-1": "€", "cp1252": "あ", "nosuch": "a"} {
		if _, err := Encode(text, name); err == nil {
			t.Errorf("%s was written in %s", text, name)
		}
	}
	for name, bytes := range map[string]string{"ascii": "\xe9", "utf-8": "\xff", "utf-16": "a", "nosuch": "a"} {
		if _, err := Decode(bytes, name); err == nil {
			t.Errorf("%q was read as %s", bytes, name)
		}
	}
}
