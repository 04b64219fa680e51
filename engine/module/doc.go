package module

import (
	"fmt"
	"strings"

	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// Markdown documents a module from its spec.
func Markdown(s *Spec) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n%s.\n\n%s\n", s.Name, s.Summary, s.Doc)
	if len(s.Aliases) > 0 {
		fmt.Fprintf(&b, "\nOther names: `%s`.\n", strings.Join(s.Aliases, "`, `"))
	}
	if t := traits(s); t != "" {
		fmt.Fprintf(&b, "\n%s\n", t)
	}
	if len(s.Args) > 0 {
		b.WriteString("\n### Arguments\n\n| name | type | default | what it does |\n|---|---|---|---|\n")
		markdownArgs(&b, s.Args, "")
	}
	for _, line := range relations(s) {
		fmt.Fprintf(&b, "\n- %s", line)
	}
	if len(relations(s)) > 0 {
		b.WriteString("\n")
	}
	if len(s.Returns) > 0 {
		b.WriteString("\n### Registers\n\n| name | type | when | what it is |\n|---|---|---|---|\n")
		for _, r := range s.Returns {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.Name, r.Type, r.When, cell(r.Doc))
		}
	}
	if s.Examples != "" {
		fmt.Fprintf(&b, "\n### Examples\n\n```yaml\n%s\n```\n", strings.TrimRight(s.Examples, "\n"))
	}
	return b.String()
}

func cell(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\n", " "), "|", `\|`)
}

func markdownArgs(b *strings.Builder, args []Arg, in string) {
	for _, a := range documented(args) {
		fmt.Fprintf(b, "| `%s%s` | %s | %s | %s |\n", in, a.Name, typeText(a), cell(defaultText(a)), cell(docText(a)))
		markdownArgs(b, a.Options, in+a.Name+".")
	}
}

// documented leaves out arguments that are nobody's business.
func documented(args []Arg) []Arg {
	var out []Arg
	for _, a := range args {
		if !strings.HasPrefix(a.Name, "_") {
			out = append(out, a)
		}
	}
	return out
}

func typeText(a Arg) string {
	t := a.Type
	if t == "" {
		t = Str
	}
	if t == List && a.Elem != "" {
		return "list of " + string(a.Elem)
	}
	return string(t)
}

func defaultText(a Arg) string {
	switch {
	case a.Required:
		return "required"
	case a.Default == nil:
		return ""
	}
	return "`" + jsonText(value.FromGo(a.Default)) + "`"
}

func docText(a Arg) string {
	s := a.Doc
	if len(a.Choices) > 0 {
		quoted := make([]string, len(a.Choices))
		for i, c := range a.Choices {
			quoted[i] = strings.Trim(jsonText(value.String(c)), `"`)
		}
		s += " One of: " + strings.Join(quoted, ", ") + "."
	}
	if len(a.Aliases) > 0 {
		s += " Also called: " + strings.Join(a.Aliases, ", ") + "."
	}
	if a.Secret {
		s += " Never shown."
	}
	if a.Deprecated != "" {
		s += " Deprecated: " + a.Deprecated + "."
	}
	return strings.TrimSpace(s)
}

func traits(s *Spec) string {
	var out []string
	t := s.Traits
	if t.Control {
		out = append(out, "Needs no host.")
	}
	if t.Reads {
		out = append(out, "Reads the host's state; changes nothing.")
	}
	switch t.Reach {
	case state.ReachHost:
		out = append(out, "May change anything on the host: what is known of it is asked anew afterwards.")
	case state.ReachExternal:
		out = append(out, "Reaches beyond the host.")
	}
	return strings.Join(out, " ")
}

// relations says what arguments ask of each other.
func relations(s *Spec) []string {
	var out []string
	join := func(names []string) string { return "`" + strings.Join(names, "`, `") + "`" }
	for _, g := range s.MutuallyExclusive {
		out = append(out, "Only one of "+join(g)+".")
	}
	for _, g := range s.RequiredOneOf {
		out = append(out, "At least one of "+join(g)+".")
	}
	for _, g := range s.RequiredTogether {
		out = append(out, "All or none of "+join(g)+".")
	}
	for _, r := range s.RequiredIf {
		out = append(out, fmt.Sprintf("`%s: %s` needs %s.", r[0], r[1], join(r[2:])))
	}
	for _, n := range sortedNames(s.RequiredBy) {
		out = append(out, fmt.Sprintf("`%s` needs %s.", n, join(s.RequiredBy[n])))
	}
	return out
}

// Text documents a module for a terminal.
func Text(s *Spec) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s - %s\n\n%s\n", s.Name, s.Summary, wrap(s.Doc, "  "))
	if len(s.Aliases) > 0 {
		fmt.Fprintf(&b, "\n  Other names: %s\n", strings.Join(s.Aliases, ", "))
	}
	if t := traits(s); t != "" {
		fmt.Fprintf(&b, "\n%s\n", wrap(t, "  "))
	}
	if len(s.Args) > 0 {
		b.WriteString("\nArguments\n")
		textArgs(&b, s.Args, "  ")
	}
	for _, line := range relations(s) {
		fmt.Fprintf(&b, "  %s\n", strings.ReplaceAll(line, "`", ""))
	}
	if len(s.Returns) > 0 {
		b.WriteString("\nRegisters\n")
		for _, r := range s.Returns {
			fmt.Fprintf(&b, "  %s (%s; %s)\n%s\n", r.Name, r.Type, r.When, wrap(r.Doc, "      "))
		}
	}
	if s.Examples != "" {
		fmt.Fprintf(&b, "\nExamples\n\n  %s\n", strings.ReplaceAll(strings.TrimRight(s.Examples, "\n"), "\n", "\n  "))
	}
	return b.String()
}

func textArgs(b *strings.Builder, args []Arg, indent string) {
	for _, a := range documented(args) {
		note := typeText(a)
		if d := strings.Trim(defaultText(a), "`"); d != "" {
			if !a.Required {
				d = "default " + d
			}
			note += "; " + d
		}
		fmt.Fprintf(b, "%s%s (%s)\n", indent, a.Name, note)
		if t := docText(a); t != "" {
			fmt.Fprintf(b, "%s\n", wrap(t, indent+"    "))
		}
		textArgs(b, a.Options, indent+"    ")
	}
}

// wrap breaks text into lines of up to 80 columns.
func wrap(text, indent string) string {
	var b strings.Builder
	col := 0
	for _, w := range strings.Fields(text) {
		if col > 0 && col+1+len(w) > 80 {
			b.WriteByte('\n')
			col = 0
		}
		if col == 0 {
			b.WriteString(indent)
			col = len(indent)
		} else {
			b.WriteByte(' ')
			col++
		}
		b.WriteString(w)
		col += len(w)
	}
	return b.String()
}
