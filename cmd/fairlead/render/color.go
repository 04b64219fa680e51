package render

type color string

const (
	bold    color = "1"
	red     color = "0;31"
	green   color = "0;32"
	yellow  color = "0;33"
	blue    color = "0;34"
	magenta color = "1;35"
	cyan    color = "0;36"
	dark    color = "0;90"
)

func (t *Terminal) paint(c color, s string) string {
	if !t.o.Color || s == "" || c == "" {
		return s
	}
	return paint(c, s)
}

func paint(c color, s string) string { return "\x1b[" + string(c) + "m" + s + "\x1b[0m" }
