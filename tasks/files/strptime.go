package files

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// directives are those of Python's strptime: what they match, and how Go writes it.
var directives = map[byte]struct{ match, layout string }{
	'Y': {`\d\d\d\d`, "2006"}, 'y': {`\d\d`, "06"},
	'm': {`1[0-2]|0[1-9]|[1-9]`, "1"}, 'd': {`3[0-1]|[1-2]\d|0[1-9]|[1-9]| [1-9]`, "_2"},
	'H': {`2[0-3]|[0-1]\d|\d`, "15"}, 'I': {`1[0-2]|0[1-9]|[1-9]`, "3"},
	'M': {`[0-5]\d|\d`, "4"}, 'S': {`6[0-1]|[0-5]\d|\d`, "5"},
	'j': {`36[0-6]|3[0-5]\d|[1-2]\d\d|0[1-9]\d|00[1-9]|[1-9]\d|0[1-9]|[1-9]`, "002"},
	'b': {`[a-z]{3}`, "Jan"}, 'B': {`[a-z]+`, "January"}, 'a': {`[a-z]{3}`, "Mon"}, 'A': {`[a-z]+`, "Monday"},
	'p': {`am|pm`, "PM"}, 'Z': {`[a-z]*`, "MST"}, 'z': {`[+-]\d\d[0-5]\d`, "-0700"},
}

// strptime reads a time as Python's strptime does with the common directives.
func strptime(text, format string, loc *time.Location) (time.Time, error) {
	pattern, layout := "(?i)^", ""
	for i := 0; i < len(format); i++ {
		c := format[i]
		switch {
		case c != '%' || i+1 == len(format):
			pattern += regexp.QuoteMeta(string(c))
			continue
		case format[i+1] == '%':
			pattern += "%"
			i++
			continue
		}
		i++
		d, known := directives[format[i]]
		if !known {
			return time.Time{}, fmt.Errorf("'%c' is a bad directive in format '%s'", format[i], format)
		}
		pattern += "(" + d.match + ")"
		layout += d.layout + "\x00"
	}
	found := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if found == nil {
		return time.Time{}, mismatch(text, format)
	}
	if rest := text[len(found[0]):]; rest != "" {
		return time.Time{}, fmt.Errorf("unconverted data remains: %s", rest)
	}
	got := ""
	for i, l := range strings.Split(strings.TrimSuffix(layout, "\x00"), "\x00") {
		field := found[i+1]
		switch l { // Go wants these with all digits, or in capitals
		case "002":
			field = strings.Repeat("0", 3-len(field)) + field
		case "15":
			field = strings.Repeat("0", 2-len(field)) + field
		case "PM":
			field = strings.ToUpper(field)
		}
		got += field + "\x00"
	}
	t, err := time.ParseInLocation(layout, got, loc)
	if err != nil {
		return t, mismatch(text, format)
	}
	return t, nil
}

func mismatch(text, format string) error {
	return fmt.Errorf("time data '%s' does not match format '%s'", text, format)
}
