package jinja

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/value"
)

// moment is Python's datetime, duration its timedelta.
type moment struct {
	t     time.Time
	aware bool // it knows its zone
}
type duration struct{ d time.Duration }

// Datetime makes a datetime of a time.
func Datetime(t time.Time) value.Value { return value.FromObject(&moment{t: t}) }

func (m *moment) TypeName() string { return "datetime" }

// Attr implements value.Object.
func (m *moment) Attr(name string) (value.Value, bool) {
	n := func(i int) (value.Value, bool) { return value.Int(int64(i)), true }
	switch name {
	case "year":
		return n(m.t.Year())
	case "month":
		return n(int(m.t.Month()))
	case "day":
		return n(m.t.Day())
	case "hour":
		return n(m.t.Hour())
	case "minute":
		return n(m.t.Minute())
	case "second":
		return n(m.t.Second())
	case "microsecond":
		return n(m.t.Nanosecond() / 1000)
	case "strftime":
		return goFunc(name, func(_ *Context, a Args) (value.Value, error) {
			b := a.Bind("format")
			return value.String(m.strftime(b.Str("format", ""))), b.Err
		}), true
	case "isoformat":
		return goFunc(name, func(*Context, Args) (value.Value, error) { return value.String(m.iso("T")), nil }), true
	case "timestamp":
		return goFunc(name, func(*Context, Args) (value.Value, error) {
			return value.Float(float64(m.t.UnixMicro()) / 1e6), nil
		}), true
	case "weekday":
		return goFunc(name, func(*Context, Args) (value.Value, error) {
			return value.Int(int64(m.t.Weekday()+6) % 7), nil
		}), true
	case "isoweekday":
		return goFunc(name, func(*Context, Args) (value.Value, error) {
			return value.Int(int64(m.t.Weekday()+6)%7 + 1), nil
		}), true
	case "timetuple":
		return goFunc(name, func(*Context, Args) (value.Value, error) { return m.fields(), nil }), true
	case "time":
		return goFunc(name, func(*Context, Args) (value.Value, error) {
			_, clock, _ := strings.Cut((&moment{t: m.t}).iso(" "), " ")
			return value.String(clock), nil
		}), true
	case "date":
		return goFunc(name, func(*Context, Args) (value.Value, error) {
			return value.String(m.t.Format(time.DateOnly)), nil
		}), true
	}
	return value.Null, false
}

func (m *moment) iso(sep string) string {
	s := m.t.Format("2006-01-02" + sep + "15:04:05")
	if us := m.t.Nanosecond() / 1000; us != 0 {
		s += fmt.Sprintf(".%06d", us)
	}
	if m.aware {
		s += m.t.Format("-07:00")
	}
	return s
}

// strftime is that of the time with what a datetime adds and leaves out.
func (m *moment) strftime(format string) string {
	format = strings.ReplaceAll(format, "%f", fmt.Sprintf("%06d", m.t.Nanosecond()/1000))
	if !m.aware {
		format = strings.NewReplacer("%%", "%%", "%z", "", "%Z", "").Replace(format)
	}
	return strftime(format, m.t)
}

// fields is what timetuple gives.
func (m *moment) fields() value.Value {
	n := func(i int) value.Value { return value.Int(int64(i)) }
	return value.FromMap(value.M("tm_year", n(m.t.Year()), "tm_mon", n(int(m.t.Month())), "tm_mday", n(m.t.Day()), "tm_hour", n(m.t.Hour()),
		"tm_min", n(m.t.Minute()), "tm_sec", n(m.t.Second()), "tm_wday", n(int(m.t.Weekday()+6)%7), "tm_yday", n(m.t.YearDay()), "tm_isdst", n(-1)))
}

func (d *duration) TypeName() string { return "timedelta" }

// Attr implements value.Object.
func (d *duration) Attr(name string) (value.Value, bool) {
	day := 24 * time.Hour
	days := int64(math.Floor(float64(d.d) / float64(day)))
	rest := d.d - time.Duration(days)*day
	switch name {
	case "days":
		return value.Int(days), true
	case "seconds":
		return value.Int(int64(rest / time.Second)), true
	case "microseconds":
		return value.Int(int64(rest % time.Second / time.Microsecond)), true
	case "total_seconds":
		return goFunc(name, func(*Context, Args) (value.Value, error) { return value.Float(d.d.Seconds()), nil }), true
	}
	return value.Null, false
}

// timeArith is + and - of moments and durations.
func timeArith(op string, a, b value.Value) (value.Value, bool) {
	switch x := a.Object().(type) {
	case *moment:
		switch y := b.Object().(type) {
		case *moment:
			if op == "-" {
				return value.FromObject(&duration{x.t.Sub(y.t)}), true
			}
		case *duration:
			switch op {
			case "+":
				return value.FromObject(&moment{x.t.Add(y.d), x.aware}), true
			case "-":
				return value.FromObject(&moment{x.t.Add(-y.d), x.aware}), true
			}
		}
	case *duration:
		if y, ok := b.Object().(*duration); ok {
			switch op {
			case "+":
				return value.FromObject(&duration{x.d + y.d}), true
			case "-":
				return value.FromObject(&duration{x.d - y.d}), true
			}
		}
	}
	return value.Null, false
}

// text is Python's str(v), which for moments is not their repr.
func text(v value.Value) string {
	switch o := v.Object().(type) {
	case *moment:
		return o.iso(" ")
	case *duration:
		days, _ := o.Attr("days")
		n, _ := days.AsInt()
		rest := o.d - time.Duration(n)*24*time.Hour
		s := fmt.Sprintf("%d:%02d:%02d", int(rest.Hours()), int(rest.Minutes())%60, int(rest.Seconds())%60)
		switch {
		case n == 1 || n == -1:
			s = fmt.Sprintf("%d day, %s", n, s)
		case n != 0:
			s = fmt.Sprintf("%d days, %s", n, s)
		}
		return s
	}
	return v.Text()
}

// equal is Python's == with moments and durations.
func equal(a, b value.Value) bool {
	if n, ok := compareTimes(a, b); ok {
		return n == 0
	}
	return value.Equal(a, b)
}

func compareValues(a, b value.Value) (int, bool) {
	if n, ok := compareTimes(a, b); ok {
		return n, true
	}
	return value.Compare(a, b)
}

func compareTimes(a, b value.Value) (int, bool) {
	switch x := a.Object().(type) {
	case *moment:
		if y, ok := b.Object().(*moment); ok {
			return x.t.Compare(y.t), true
		}
	case *duration:
		if y, ok := b.Object().(*duration); ok {
			return int(max(min(x.d-y.d, 1), -1)), true
		}
	}
	return 0, false
}

func floatToInt(f float64) value.Value {
	i, _ := big.NewFloat(math.Trunc(f)).Int(nil)
	return value.BigInt(i)
}
