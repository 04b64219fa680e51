package files

import (
	"fmt"
	"strings"
	"time"
)

// layouts are the directives of strptime as Go writes them.
var layouts = map[byte]string{
	'Y': "2006", 'm': "01", 'd': "02", 'H': "15", 'M': "04", 'S': "05", 'y': "06", 'b': "Jan", 'B': "January",
	'a': "Mon", 'A': "Monday", 'I': "03", 'p': "PM", 'j': "002", 'Z': "MST", 'z': "-0700", '%': "%",
	'T': "15:04:05", 'F': "2006-01-02", 'D': "01/02/06", 'R': "15:04",
}

// strptime reads a time as Python's strptime does with the common directives.
func strptime(text, format string, loc *time.Location) (time.Time, error) {
	rest := text
	var got, want strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			if rest == "" || rest[0] != format[i] {
				return time.Time{}, mismatch(text, format)
			}
			rest = rest[1:]
			continue
		}
		i++
		layout, known := layouts[format[i]]
		if !known {
			return time.Time{}, fmt.Errorf("'%c' is a bad directive in format '%s'", format[i], format)
		}
		n := min(len(layout), len(rest))
		if strings.ContainsAny(layout, "JMP") {
			n = len(rest) - len(strings.TrimLeft(rest, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"))
		}
		got.WriteString(rest[:n] + "\x00")
		want.WriteString(layout + "\x00")
		rest = rest[n:]
	}
	if rest != "" {
		return time.Time{}, fmt.Errorf("unconverted data remains: %s", rest)
	}
	t, err := time.ParseInLocation(want.String(), got.String(), loc)
	if err != nil {
		return t, mismatch(text, format)
	}
	return t, nil
}

func mismatch(text, format string) error {
	return fmt.Errorf("time data '%s' does not match format '%s'", text, format)
}
