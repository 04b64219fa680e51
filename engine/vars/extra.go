package vars

import (
	"os"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// ParseExtra reads one -e argument: @file (YAML or JSON), a YAML or JSON
// mapping, or key=value pairs whose values are texts, as ansible-playbook does. Words
// without a = are its variable _raw_params there, and a warning here.
func ParseExtra(arg string, o yaml.Options) (*yaml.Vars, error) {
	if file, ok := strings.CutPrefix(arg, "@"); ok {
		data, err := os.ReadFile(expandHome(file))
		if err != nil {
			return nil, diag.Errorf(diag.Pos{}, "extra-vars", "extra variables: %w", err).WithHint("-e @FILE reads a file of variables, as seen from the working folder")
		}
		return parseExtraYAML(file, data, o)
	}
	if s := strings.TrimSpace(arg); strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[") {
		return parseExtraYAML("--extra-vars", []byte(arg), o)
	}
	vs := &yaml.Vars{}
	words, err := shellWords(arg)
	if err != nil {
		return nil, diag.Errorf(diag.Pos{}, "extra-vars", "extra variables %q: %s", arg, err)
	}
	pos := diag.Pos{File: "--extra-vars"}
	var raw []string
	for _, w := range words {
		k, v, ok := strings.Cut(w, "=")
		if ok {
			vs.SetValue(k, pos, value.String(v))
			continue
		}
		raw = append(raw, w)
		o.Warning(diag.Errorf(pos, "extra-vars", "extra variable %q is no key=value, and sets nothing", w).
			WithHint("quote values with blanks: -e \"name='a value'\""))
	}
	if raw != nil {
		vs.SetValue("_raw_params", pos, value.String(strings.Join(raw, " ")))
	}
	return vs, nil
}

func parseExtraYAML(file string, data []byte, o yaml.Options) (*yaml.Vars, error) {
	n, err := yaml.ParseOne(file, data, o)
	if err != nil {
		return nil, err
	}
	if n.IsNull() {
		return &yaml.Vars{}, nil
	}
	if n.Kind != yaml.Mapping {
		return nil, diag.Errorf(n.Pos, "extra-vars", "extra variables must be a mapping, and this is %s", n.Describe()).WithHint("write name: value, one a line")
	}
	return yaml.VarsOf(n), nil
}

// shellWords splits a line as a shell does, without expanding anything; quotes
// may stand in the middle of a word. Jinja braces hold a word together.
func shellWords(s string) ([]string, error) {
	var words []string
	var b strings.Builder
	in, quote, depth := false, rune(0), 0
	rs := []rune(s)
	for i := 0; i < len(rs); i++ {
		r := rs[i]
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == '"' && r == '\\' && i+1 < len(rs) && strings.ContainsRune(`"\$`, rs[i+1]):
			i++
			b.WriteRune(rs[i])
		case quote != 0:
			b.WriteRune(r)
		case depth == 0 && (r == '\'' || r == '"'):
			quote, in = r, true
		case depth == 0 && r == '\\' && i+1 < len(rs):
			i++
			b.WriteRune(rs[i])
			in = true
		case depth == 0 && (r == ' ' || r == '\t' || r == '\n'):
			if in {
				words = append(words, b.String())
				b.Reset()
				in = false
			}
		default:
			if r == '{' && i+1 < len(rs) && rs[i+1] == '{' {
				depth++
			}
			if r == '}' && i+1 < len(rs) && rs[i+1] == '}' && depth > 0 {
				depth--
				b.WriteRune(r)
				i++
			}
			b.WriteRune(rs[i])
			in = true
		}
	}
	if quote != 0 {
		return nil, diag.Errorf(diag.Pos{}, "", "a quote is not closed")
	}
	if in {
		words = append(words, b.String())
	}
	return words, nil
}
