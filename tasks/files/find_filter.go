package files

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/pyre"
	"github.com/fairlead-project/fairlead/engine/state"
)

var (
	ageText  = lazyregexp.New(`^(-?\d+)([smhdw])?$`)
	sizeText = lazyregexp.New(`^(-?\d+)([bkmgt])?$`)
	ageUnit  = map[string]int64{"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
	sizeUnit = map[string]int64{"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
)

// filters reads the arguments that say what is looked for.
func (f *finding) filters() error {
	var err error
	if len(f.Patterns) == 0 {
		f.names = func(string) bool { return true }
	} else if f.names, err = f.anyOf(f.Patterns); err != nil {
		return err
	}
	if f.not, err = f.anyOf(f.Excludes); err != nil {
		return err
	}
	if text, ok := f.Age.Get(); ok {
		if f.age = limit(text, ageText(), ageUnit); f.age == nil {
			return module.Fail("failed to process age", "age", text)
		}
	}
	if text, ok := f.Size.Get(); ok {
		if f.size = limit(text, sizeText(), sizeUnit); f.size == nil {
			return module.Fail("failed to process size", "size", text)
		}
	}
	if f.Mode.Text != "" {
		want, err := f.Mode.Resolve(state.Stat{}, 0)
		if err != nil {
			return module.Fail("mode: " + err.Error())
		}
		f.mode = func(have uint32) bool { return have == want || !f.ExactMode && have&want != 0 }
	}
	if f.Contains != "" {
		return f.content()
	}
	return nil
}

// limit reads a number with a unit: at least so much, or with a minus at most.
func limit(text string, form *regexp.Regexp, units map[string]int64) func(int64) bool {
	m := form.FindStringSubmatch(strings.ToLower(text))
	if m == nil {
		return nil
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return nil
	}
	n *= units[m[2]]
	if n < 0 || strings.HasPrefix(m[1], "-") {
		return func(have int64) bool { return have <= -n }
	}
	return func(have int64) bool { return have >= n }
}

// anyOf tells whether a name is as one of the patterns says.
func (f *finding) anyOf(patterns []string) (func(string) bool, error) {
	res := make([]*pyre.Regexp, len(patterns))
	for i, p := range patterns {
		expr := "(?:" + p + ")"
		if !f.UseRegex {
			expr = shellPattern(p)
		}
		re, err := pyre.CompileText(`\A` + expr)
		if err != nil {
			return nil, module.Fail("pattern " + strconv.Quote(p) + ": " + err.Error())
		}
		res[i] = re
	}
	return func(name string) bool {
		return slices.ContainsFunc(res, func(re *pyre.Regexp) bool {
			m, err := re.Search([]byte(name))
			return m != nil && err == nil
		})
	}, nil
}

// shellPattern writes a pattern of the shell as a regular expression.
func shellPattern(p string) string {
	var b strings.Builder
	b.WriteString("(?s:")
	for i := 0; i < len(p); i++ {
		switch c := p[i]; c {
		case '*':
			b.WriteString(".*")
		case '?':
			b.WriteByte('.')
		case '[':
			end := i + 1
			if end < len(p) && p[end] == '!' {
				end++
			}
			if end < len(p) && p[end] == ']' {
				end++
			}
			n := strings.IndexByte(p[min(end, len(p)):], ']')
			if n < 0 {
				b.WriteString(`\[`)
				continue
			}
			set := strings.ReplaceAll(p[i+1:end+n], `\`, `\\`)
			if rest, not := strings.CutPrefix(set, "!"); not {
				set = "^" + rest
			} else if strings.HasPrefix(set, "^") {
				set = `\` + set
			}
			b.WriteString("[" + set + "]")
			i = end + n
		default:
			if strings.IndexByte(`\.+^$(){}|]#&~-`, c) >= 0 {
				b.WriteByte('\\')
			}
			b.WriteByte(c)
		}
	}
	return b.String() + `)\Z`
}

// content makes the test for contains.
func (f *finding) content() error {
	prefix := `\A`
	if f.ReadWholeFile {
		prefix = ""
	}
	re, err := pyre.Compile(prefix + "(?:" + f.Contains + ")")
	if err != nil {
		return module.Fail("contains " + strconv.Quote(f.Contains) + ": " + err.Error())
	}
	f.inside = func(text []byte) (bool, error) {
		if f.ReadWholeFile {
			m, err := re.Search(text)
			return m != nil, err
		}
		for line := range bytes.Lines(text) {
			if m, err := re.Search(line); m != nil || err != nil {
				return m != nil, err
			}
		}
		return false, nil
	}
	return nil
}
