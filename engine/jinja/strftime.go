package jinja

import (
	"fmt"
	"strconv"
	"strings"
	"time"
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
		pad := true
		if format[i] == '-' && i+1 < len(format) {
			pad = false
			i++
		}
		s := strftimeVerb(format[i], t)
		if !pad {
			if trimmed := strings.TrimLeft(s, "0 "); trimmed != "" {
				s = trimmed
			} else {
				s = "0"
			}
		}
		b.WriteString(s)
	}
	return b.String()
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
	case 'f':
		return fmt.Sprintf("%06d", t.Nanosecond()/1000)
	case 'w':
		return strconv.Itoa(int(t.Weekday()))
	case 'u':
		return strconv.Itoa((int(t.Weekday())+6)%7 + 1)
	case 'U':
		return fmt.Sprintf("%02d", (t.YearDay()+6-int(t.Weekday()))/7)
	case 'W':
		return fmt.Sprintf("%02d", (t.YearDay()+6-(int(t.Weekday())+6)%7)/7)
	case 'V', 'G':
		y, w := t.ISOWeek()
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
		return t, fmt.Errorf("time data does not match format '%s'", format)
	}
	return t, nil
}

// Strftime writes t by a C format string, in the C locale.
func Strftime(format string, t time.Time) string { return strftime(format, t) }
