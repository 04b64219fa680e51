package jinja

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/value"
)

// strftime writes t by a C format string, in the C locale.
func strftime(format string, t time.Time) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 >= len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		flags := i
		for i+1 < len(format) && strings.IndexByte("-_0^#", format[i]) >= 0 {
			i++
		}
		flag, width := format[flags:i], 0
		for ; i+1 < len(format) && format[i] >= '0' && format[i] <= '9'; i++ {
			width = width*10 + int(format[i]-'0')
		}
		b.WriteString(strftimeFlags(strftimeVerb(format[i], t), flag, min(width, 1000)))
	}
	return b.String()
}

// strftimeFlags applies glibc's flags and width to one field.
func strftimeFlags(s, flag string, width int) string {
	digits := strings.Trim(s, "0123456789 ") == ""
	fill := " "
	if digits {
		fill = "0"
	}
	for _, f := range flag {
		trimmed := strings.TrimLeft(s, "0 ")
		if trimmed == "" {
			trimmed = "0"
		}
		switch {
		case f == '-' && digits:
			s = trimmed
		case f == '_' && digits:
			s, fill = strings.Repeat(" ", len(s)-len(trimmed))+trimmed, " "
		case f == '0':
			s, fill = strings.ReplaceAll(s, " ", "0"), "0"
		case f == '^':
			s = strings.ToUpper(s)
		}
	}
	return strings.Repeat(fill, max(width-len(s), 0)) + s
}

var strftimeLayouts = map[byte]string{'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'h': "Jan", 'd': "02", 'm': "01",
	'y': "06", 'Y': "2006", 'H': "15", 'I': "03", 'M': "04", 'S': "05", 'p': "PM", 'Z': "MST", 'z': "-0700", 'e': "_2",
	'F': "2006-01-02", 'T': "15:04:05", 'R': "15:04", 'D': "01/02/06", 'c': "Mon Jan _2 15:04:05 2006", 'x': "01/02/06", 'X': "15:04:05",
	'r': "03:04:05 PM"}

func strftimeVerb(c byte, t time.Time) string {
	if layout, ok := strftimeLayouts[c]; ok {
		return t.Format(layout)
	}
	switch c {
	case '%':
		return "%"
	case 'n':
		return "\n"
	case 't':
		return "\t"
	case 'j':
		return fmt.Sprintf("%03d", t.YearDay())
	case 's':
		return strconv.FormatInt(t.Unix(), 10)
	case 'P':
		return strings.ToLower(t.Format("PM"))
	case 'w':
		return strconv.Itoa(int(t.Weekday()))
	case 'u':
		return strconv.Itoa((int(t.Weekday())+6)%7 + 1)
	case 'U':
		return fmt.Sprintf("%02d", (t.YearDay()+6-int(t.Weekday()))/7)
	case 'W':
		return fmt.Sprintf("%02d", (t.YearDay()+6-(int(t.Weekday())+6)%7)/7)
	case 'V', 'G', 'g':
		y, w := t.ISOWeek()
		if c == 'g' {
			return fmt.Sprintf("%02d", y%100)
		}
		if c == 'G' {
			return strconv.Itoa(y)
		}
		return fmt.Sprintf("%02d", w)
	case 'C':
		return fmt.Sprintf("%02d", t.Year()/100)
	case 'k':
		return fmt.Sprintf("%2d", t.Hour())
	case 'l':
		return fmt.Sprintf("%2d", (t.Hour()+11)%12+1)
	}
	return "%" + string(rune(c))
}

// strptime reads s by a C format string, as Python's datetime.strptime.
func strptime(s, format string) (time.Time, error) {
	var layout strings.Builder
	frac := -1
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 >= len(format) {
			layout.WriteByte(format[i])
			continue
		}
		i++
		switch c := format[i]; c {
		case '%':
			layout.WriteByte('%')
		case 'f':
			frac = layout.Len()
			layout.WriteString("000000")
		case 'd':
			layout.WriteString("2")
		case 'm':
			layout.WriteString("1")
		case 'I':
			layout.WriteString("3")
		case 'M':
			layout.WriteString("4")
		case 'S':
			layout.WriteString("5")
		case 'z':
			layout.WriteString("Z0700")
		default:
			l, ok := strftimeLayouts[c]
			if !ok {
				return time.Time{}, fmt.Errorf("'%c' is a bad directive in format '%s'", c, format)
			}
			layout.WriteString(l)
		}
	}
	l := layout.String()
	if frac > 0 && (l[frac-1] == '.' || l[frac-1] == ',') {
		l = strings.Replace(l, l[frac-1:frac+6], l[frac-1:frac]+"999999", 1)
	}
	t, err := time.Parse(l, s)
	if err != nil {
		return t, fmt.Errorf("time data %s does not match format %s", value.String(s).Repr(), value.String(format).Repr())
	}
	return t, nil
}

// Strftime writes t by a C format string, in the C locale.
func Strftime(format string, t time.Time) string { return strftime(format, t) }
