package value

import (
	"testing"
)

func TestReprIsPythons(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]Value{
		"None": Null, "True": Bool(true), "1": Int(1), "1.0": Float(1), "1e+16": Float(1e16), "1e-05": Float(1e-5),
		`'a'`: String("a"), `"it's"`: String("it's"), `'\'"'`: String(`'"`), `'\x1b\n'`: String("\x1b\n"), `'é'`: String("é"),
		"(1,)": Tuple(Int(1)), "[1, 'x', {'k': None}]": List(Int(1), String("x"), FromMap(M("k", nil))),
	} {
		if got := v.Repr(); got != want {
			t.Errorf("Repr = %s, want %s", got, want)
		}
	}
}

func TestJSONKeepsOrderAndSize(t *testing.T) {
	t.Parallel()
	const doc = `{"z":1,"a":[true,null,1.5,"<é>"],"big":123456789012345678901234567890}`
	v, err := ParseJSON([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	out, err := v.MarshalJSON()
	if err != nil || string(out) != doc {
		t.Errorf("round trip = %s, %v", out, err)
	}
	if _, err := ParseJSON([]byte("{} x")); err == nil {
		t.Error("trailing data accepted")
	}
}

func TestMapKeysArePythons(t *testing.T) {
	t.Parallel()
	m := NewMap()
	for i := range 20 {
		m.SetKey(Int(int64(i)), Int(int64(i)))
	}
	m.SetKey(Float(3), String("three"))
	m.SetKey(Bool(true), String("one"))
	if got, _ := m.GetKey(Int(3)); got.Str() != "three" || m.Len() != 20 {
		t.Errorf("3 and 3.0 are different keys: %v", got)
	}
	if got, _ := m.GetKey(Int(1)); got.Str() != "one" {
		t.Errorf("1 and True are different keys")
	}
	if m.Has("3") {
		t.Error("'3' and 3 are the same key")
	}
	m.DeleteKey(Int(0))
	if got, ok := m.GetKey(Int(19)); !ok || got.Text() != "19" {
		t.Error("lost an entry on delete")
	}
}

func TestMarksFollowElements(t *testing.T) {
	t.Parallel()
	v := FromMap(M("a", List(String("x")))).WithMarks(Secret)
	a, _ := v.Get("a")
	if !a.Items()[0].IsSecret() {
		t.Error("element of a secret dict is not secret")
	}
	if v := List(String("a"), String("b").WithMarks(Unsafe)); v.Marks() != 0 || v.DeepMarks() != Unsafe {
		t.Error("DeepMarks does not look inside")
	}
}

func TestEqualAndCompare(t *testing.T) {
	t.Parallel()
	if !Equal(Int(1), Float(1)) || !Equal(Bool(true), Int(1)) || Equal(String("1"), Int(1)) {
		t.Error("numbers do not compare as in Python")
	}
	if Equal(List(Int(1)), Tuple(Int(1))) {
		t.Error("a list equals a tuple")
	}
	if _, ok := Compare(String("a"), Int(1)); ok {
		t.Error("a string compares with a number")
	}
	if c, ok := Compare(List(Int(1), Int(2)), List(Int(1), Int(3))); !ok || c >= 0 {
		t.Error("lists do not compare by element")
	}
}
