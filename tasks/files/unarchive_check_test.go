package files

import (
	"archive/zip"
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/value"
)

// TestUnarchiveForeseesZip: in check mode an archive of the controller is compared with
// the folder without anything being brought to the host.
func TestUnarchiveForeseesZip(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	head := &zip.FileHeader{Name: "f", Modified: at}
	head.SetMode(0o644)
	f, err := w.CreateHeader(head)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("text")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, there string
		mode        uint32
		kv          []any
		want        string
	}{
		{"missing", "", 0, nil, "changed=True handler=ZipArchive dest=/d"},
		{"as it is", "text", 0o644, []any{"list_files", true}, `changed=False files=['f']`},
		{"other content", "TEXT", 0o644, nil, "changed=True"},
		{"other mode", "text", 0o600, nil, "changed=True"},
		{"as it is asked", "text", 0o600, []any{"mode", "0600"}, "changed=False"},
		{"left out", "", 0, []any{"exclude", []string{"f"}}, "changed=False"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			h.in.Check, h.in.Sources, h.says = true, sources{"/c/files/a.zip": b.String()}, "+0000\n"
			if c.there != "" {
				h.file("/d/f", c.there, c.mode)
				n := h.nodes["/d/f"]
				n.MTime = at
				h.nodes["/d/f"] = n
			}
			args := value.M("src", "a.zip", "dest", "/d")
			for k, v := range value.M(c.kv...).All() {
				args.SetKey(k, v)
			}
			got, did, err := h.stages(Unarchive(), args)
			if err != nil || did != "" {
				t.Fatalf("%v, did %q", err, did)
			}
			for _, pair := range strings.Fields(c.want) {
				if key, want, _ := strings.Cut(pair, "="); get(got, key) != want {
					t.Errorf("%s = %s, want %s", key, get(got, key), want)
				}
			}
		})
	}
}
