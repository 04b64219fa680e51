package net

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestSSHConfig(t *testing.T) {
	t.Parallel()
	const file = "# top\nHost a b\n  HostName x\n  # within\n  IdentityFile k1\n  IdentityFile k2\n  SendEnv A=1\n  SendEnv B\nHost empty\nHost=eq\n  Port=22\n"
	const ab = "Host a b\n    hostname x\n    identityfile k1\n    identityfile k2\n    sendenv A=1\n    sendenv B\n# within\n"
	for name, c := range map[string]struct {
		file string
		args []any
		want string // the file, or what fails
	}{
		"new":           {file, []any{"host", "new", "port", "2", "forward_agent", false}, "# top\n" + ab + "Host eq\n    port 22\nHost new\n    port 2\n    forwardagent no\n"},
		"as it is":      {file, []any{"host", "eq", "port", "22"}, file},
		"changed":       {file, []any{"host", "eq", "hostname", "h"}, "# top\n" + ab + "Host eq\n    port 22\n    hostname h\n"},
		"one key":       {file, []any{"host", "a b", "hostname", "x", "identity_file", "/k"}, "# top\n" + strings.Replace(ab, "    identityfile k1\n    identityfile k2\n", "    identityfile /k\n", 1) + "Host eq\n    port 22\n"},
		"gone":          {file, []any{"host", "a b", "state", "absent"}, "# top\n# within\nHost eq\n    port 22\n"},
		"was gone":      {file, []any{"host", "a", "state", "absent"}, file},
		"nothing to it": {file, []any{"host", "z"}, file},
		"before hosts":  {"Port 1\nHost c\nUser u\n", []any{"host", "c", "state", "absent"}, "Host *\n    port 1\n"},
		"match":         {"Match user x\n  Port 1\n", []any{"host", "c", "port", "1"}, "! cannot keep what is under Match"},
		"odd":           {"Port\n", []any{"host", "c", "port", "1"}, "! Unparsable line: 'Port'"},
		"no key":        {file, []any{"host", "c", "identity_file", "none"}, "! IdentityFile none does not exist"},
	} {
		h := &moduletest.Host{Files: map[string]string{"/c": c.file, "/k": "key"}}
		_, err := h.Run(t, SSHConfig(), value.M(append([]any{"ssh_config_file", "/c"}, c.args...)...))
		if want, fails := strings.CutPrefix(c.want, "! "); fails {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
		} else if err != nil || h.Files["/c"] != c.want {
			t.Errorf("%s: %v\n%s\nwant\n%s", name, err, h.Files["/c"], c.want)
		}
	}
}
