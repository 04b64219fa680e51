package files

import (
	"testing"
	"time"
)

func TestStrptimeReadsAsPythonDoes(t *testing.T) {
	t.Parallel()
	at := time.Date(2022, 2, 8, 14, 14, 0, 0, time.UTC)
	for _, c := range []struct {
		text, format string
		want         time.Time
		err          string
	}{
		{"202202081414.00", "%Y%m%d%H%M.%S", at, ""},
		{"202202081414.0", "%Y%m%d%H%M.%S", at, ""},
		{"2022-2-8 2:14 pm", "%Y-%m-%d %I:%M %p", at, ""},
		{"2022 39 14:14%", "%Y %j %H:%M%%", at, ""},
		{"8 feb 22 14:14", "%d %b %y %H:%M", at, ""},
		{"202202081414.00Z", "%Y%m%d%H%M.%S", at, "unconverted data remains: Z"},
		{"yesterday", "%Y%m%d", at, "time data 'yesterday' does not match format '%Y%m%d'"},
		{"2022", "%Q", at, "'Q' is a bad directive in format '%Q'"},
	} {
		got, err := strptime(c.text, c.format, time.UTC)
		switch {
		case c.err != "" && (err == nil || err.Error() != c.err):
			t.Errorf("%s by %s: error %v, not %s", c.text, c.format, err, c.err)
		case c.err == "" && (err != nil || !got.Equal(c.want)):
			t.Errorf("%s by %s: %v %v, not %v", c.text, c.format, got, err, c.want)
		}
	}
}
