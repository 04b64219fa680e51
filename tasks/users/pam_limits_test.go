package users

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/value"
)

func TestPamLimits(t *testing.T) {
	t.Parallel()
	const file = "/etc/security/limits.conf"
	for name, c := range map[string]struct {
		old   string
		value string
		more  []any
		want  string // the text, "" for no change, "! message"
	}{
		"new":        {"# c\n", "5", nil, "# c\napp\tsoft\tnofile\t5\n"},
		"there":      {"app soft  nofile 5 # x\n", "5", nil, ""},
		"changed":    {"app soft nofile 5 # x\n", "6", nil, "app\tsoft\tnofile\t6\t# x\n"},
		"commented":  {"", "unlimited", []any{"comment", "why"}, "app\tsoft\tnofile\tunlimited\t#why\n"},
		"max":        {"app soft nofile 9\n", "6", []any{"use_max", true}, ""},
		"max of all": {"app soft nofile 9\n", "-1", []any{"use_max", true}, "app\tsoft\tnofile\t-1\n"},
		"min":        {"app soft nofile unlimited\n", "6", []any{"use_min", true}, "app\tsoft\tnofile\t6\n"},
		"min stays":  {"app soft nofile 3\n", "infinity", []any{"use_min", true}, ""},
		"bad":        {"", "lots", nil, "! Value of 'lots' for item 'nofile' is invalid."},
		"bad file":   {"x soft nofile many\n", "1", nil, "! Invalid configuration found in '" + file + "'. Value of 'many'"},
		"both":       {"", "1", []any{"use_min", true, "use_max", true}, "! Cannot use use_min and use_max at the same time."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost()
			h.files["/etc/security"] = ""
			if c.old != "" {
				h.files[file] = c.old
			}
			args := value.M(append([]any{"domain", "app", "limit_type", "soft", "limit_item", "nofile", "value", c.value}, c.more...)...)
			_, last, err := h.run(t, PamLimits(), args)
			if msg, fails := strings.CutPrefix(c.want, "! "); fails {
				checkFails(t, err, msg)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if changed, _ := last.Result.Get("changed"); changed.AsBool() != (c.want != "") || c.want != "" && h.files[file] != c.want {
				t.Errorf("changed %s, %q", changed.Text(), h.files[file])
			}
		})
	}
}
