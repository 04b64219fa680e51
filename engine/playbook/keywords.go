package playbook

import (
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// form is what a keyword takes where it is no template.
type form uint8

const (
	anyForm form = iota
	textForm
	boolForm
	intForm
	numberForm
	listForm // one or many
)

// keyword is one keyword of some kind of thing.
type keyword struct {
	form form
	one  func(*Keywords) **yaml.Node
	many func(*Keywords) *[]*yaml.Node
}

// common are the keywords of plays, roles, blocks and tasks alike.
var common = map[string]keyword{
	"name":               {form: textForm, one: func(k *Keywords) **yaml.Node { return &k.Name }},
	"connection":         {form: textForm, one: func(k *Keywords) **yaml.Node { return &k.Connection }},
	"port":               {form: intForm, one: func(k *Keywords) **yaml.Node { return &k.Port }},
	"remote_user":        {form: textForm, one: func(k *Keywords) **yaml.Node { return &k.RemoteUser }},
	"become":             {form: boolForm, one: func(k *Keywords) **yaml.Node { return &k.Become }},
	"become_method":      {form: textForm, one: func(k *Keywords) **yaml.Node { return &k.BecomeMethod }},
	"become_user":        {form: textForm, one: func(k *Keywords) **yaml.Node { return &k.BecomeUser }},
	"become_flags":       {form: textForm, one: func(k *Keywords) **yaml.Node { return &k.BecomeFlags }},
	"become_exe":         {form: textForm, one: func(k *Keywords) **yaml.Node { return &k.BecomeExe }},
	"no_log":             {form: boolForm, one: func(k *Keywords) **yaml.Node { return &k.NoLog }},
	"run_once":           {form: boolForm, one: func(k *Keywords) **yaml.Node { return &k.RunOnce }},
	"ignore_errors":      {form: boolForm, one: func(k *Keywords) **yaml.Node { return &k.IgnoreErrors }},
	"ignore_unreachable": {form: boolForm, one: func(k *Keywords) **yaml.Node { return &k.IgnoreUnreachable }},
	"check_mode":         {form: boolForm, one: func(k *Keywords) **yaml.Node { return &k.CheckMode }},
	"diff":               {form: boolForm, one: func(k *Keywords) **yaml.Node { return &k.Diff }},
	"any_errors_fatal":   {form: boolForm, one: func(k *Keywords) **yaml.Node { return &k.AnyErrorsFatal }},
	"throttle":           {form: intForm, one: func(k *Keywords) **yaml.Node { return &k.Throttle }},
	"timeout":            {form: intForm, one: func(k *Keywords) **yaml.Node { return &k.Timeout }},
	"debugger":           {form: textForm, one: func(k *Keywords) **yaml.Node { return &k.Debugger }},
	"environment":        {form: listForm, many: func(k *Keywords) *[]*yaml.Node { return &k.Environment }},
	"module_defaults":    {form: listForm, many: func(k *Keywords) *[]*yaml.Node { return &k.ModuleDefaults }},
	"collections":        {form: listForm, many: func(k *Keywords) *[]*yaml.Node { return &k.Collections }},
	"tags":               {form: listForm, many: func(k *Keywords) *[]*yaml.Node { return &k.Tags }},
	"vars":               {},
}

// inner are those of roles, blocks and tasks, but not of plays.
var inner = map[string]keyword{
	"when":           {form: listForm, many: func(k *Keywords) *[]*yaml.Node { return &k.When }},
	"delegate_to":    {form: textForm, one: func(k *Keywords) **yaml.Node { return &k.DelegateTo }},
	"delegate_facts": {form: boolForm, one: func(k *Keywords) **yaml.Node { return &k.DelegateFacts }},
}

var notify = keyword{form: listForm, many: func(k *Keywords) *[]*yaml.Node { return &k.Notify }}

// commonKeyword finds a keyword that a scope of this kind may say.
func commonKeyword(kind ScopeKind, name string) (keyword, bool) {
	if k, ok := common[name]; ok {
		return k, true
	}
	if kind == PlayScope {
		return keyword{}, false
	}
	if name == "notify" && kind != RoleScope {
		return notify, true
	}
	k, ok := inner[name]
	return k, ok
}

// removed says what became of keywords that older playbooks use.
var removed = map[string]string{
	"sudo":                 "use 'become: true'",
	"su":                   "use 'become: true' with 'become_method: su'",
	"sudo_user":            "use 'become: true' with 'become_user'",
	"su_user":              "use 'become: true' with 'become_user'",
	"always_run":           "use 'check_mode: false'",
	"static":               "use import_tasks or include_tasks",
	"include":              "use import_playbook",
	"only_if":              "use 'when'",
	"first_available_file": "use with_first_found",
}

// keywordNames are all names a scope of this kind may say, for hints.
func keywordNames(kind ScopeKind, own map[string]bool) []string {
	var names []string
	for n := range common {
		names = append(names, n)
	}
	if kind != PlayScope {
		for n := range inner {
			names = append(names, n)
		}
		names = append(names, "notify")
	}
	for n := range own {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// setCommon reads a common keyword; false when name is none.
func (r *reader) setCommon(s *Scope, name string, p yaml.Pair) bool {
	k, ok := commonKeyword(s.Kind, name)
	if !ok {
		return false
	}
	switch {
	case name == "vars":
		s.Vars = r.vars(p)
	case name == "tags":
		s.Tags = r.tags(p.Value)
	case k.many != nil:
		if name == "when" {
			r.checkWhen(p.Value)
		}
		if name == "module_defaults" && !r.moduleDefaults(p.Value) {
			return true
		}
		*k.many(&s.Keywords) = p.Value.List()
	default:
		if r.takes(s, name, k.form, p.Value) && !p.Value.IsNull() {
			*k.one(&s.Keywords) = p.Value
		}
	}
	return true
}

// tags splits a text at commas; a list stays as it is.
func (r *reader) tags(n *yaml.Node) []*yaml.Node {
	if n.IsString() {
		var out []*yaml.Node
		for t := range strings.SplitSeq(n.Str(), ",") {
			out = append(out, yaml.FromValue(n.Pos, value.String(strings.TrimSpace(t))))
		}
		return out
	}
	if n.Kind != yaml.Sequence {
		r.fail(n.Pos, "keyword-type", "tags must be specified as a list, or as a text with commas, and this is %s", n.Describe())
		return nil
	}
	return n.List()
}

var booleans = set("yes", "no", "true", "false", "on", "off", "y", "n", "t", "f", "1", "0")

// takes is checkForm for a keyword of a task or a block: its value matters only to a
// host that comes there.
func (r *reader) takes(s *Scope, name string, f form, n *yaml.Node) bool {
	if s.Kind != TaskScope && s.Kind != BlockScope {
		return r.checkForm(name, f, n)
	}
	want := misfit(f, n)
	if want == "" {
		return true
	}
	if s.Broken == nil {
		s.Broken = diag.Errorf(n.Pos, "keyword-type", "the field '%s' has an invalid value (%s), and could not be converted to %s.The error was: %s",
			name, n.Value().Text(), pythonType[f], unconverted(f, n.Value().Text())).WithHint("it must be %s, but is %s", want, n.Describe())
	}
	r.warn(n.Pos, "keyword-type", "%s must be %s, but is %s: a host that comes here fails", name, want, n.Describe())
	return false
}

// unconverted says that a text is not of a form, in words by which Ansible's are known.
func unconverted(f form, text string) string {
	switch f {
	case boolForm:
		return "The value '" + text + "' is not a valid boolean."
	case intForm:
		return "invalid literal for int() with base 10: '" + text + "'"
	case numberForm:
		return "could not convert string to float: '" + text + "'"
	}
	return "'" + text + "' is no text"
}

var pythonType = map[form]string{textForm: "a str", boolForm: "an bool", intForm: "an int", numberForm: "a float"}

// checkForm reports a value that a keyword cannot take. Templates are checked
// when they are evaluated.
func (r *reader) checkForm(name string, f form, n *yaml.Node) bool {
	want := misfit(f, n)
	if want != "" {
		r.fail(n.Pos, "keyword-type", "%s must be %s, but is %s", name, want, n.Describe())
	}
	return want == ""
}

// misfit is what a value should be and is not; "" where it can be taken.
func misfit(f form, n *yaml.Node) string {
	if n.IsNull() || n.Problem != nil || n.Kind == yaml.Scalar && n.HasTemplate() {
		return ""
	}
	v := n.Value()
	ok := true
	var want string
	switch f {
	case textForm:
		ok, want = n.Kind == yaml.Scalar, "a text"
	case boolForm:
		want = "true or false"
		_, isInt := v.AsInt()
		ok = n.Kind == yaml.Scalar && (v.Kind() == value.KindBool || (isInt || v.IsString()) && booleans[strings.ToLower(v.Text())])
	case intForm:
		want = "a whole number"
		ok = n.Kind == yaml.Scalar && isInt(v)
	case numberForm:
		want = "a number"
		_, err := strconv.ParseFloat(v.Text(), 64)
		ok = n.Kind == yaml.Scalar && (v.IsNumber() || err == nil)
	}
	if ok {
		return ""
	}
	return want
}

func isInt(v value.Value) bool {
	if v.IsString() {
		_, err := strconv.Atoi(strings.TrimSpace(v.Str()))
		return err == nil
	}
	return v.IsNumber()
}

// checkWhen warns of conditions written as templates.
func (r *reader) checkWhen(n *yaml.Node) {
	if n.Kind == yaml.Mapping {
		r.fail(n.Pos, "keyword-type", "a condition must be an expression, but this is %s", n.Describe()).
			WithHint("an expression that holds ': ' or begins with a brace must be quoted")
		return
	}
	for _, c := range n.List() {
		if !c.IsString() {
			continue
		}
		if i := strings.Index(c.Str(), "{{"); i >= 0 || strings.Contains(c.Str(), "{%") {
			r.warn(c.PosAt(max(i, 0)), "when-template", "a condition should not contain template braces").
				WithHint("write the expression without {{ }}: conditions are expressions already")
		}
	}
}

var reVarName = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]*$`)

var pythonWords = set("False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else", "except",
	"finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield")

func (r *reader) checkVarName(name string, pos diag.Pos) bool {
	if reVarName().MatchString(name) && !pythonWords[name] {
		return true
	}
	r.fail(pos, "variable-name", "%q cannot be the name of a variable", name).WithHint(nameHint)
	return false
}

const nameHint = "names are letters, digits and underscores, do not begin with a digit, and are no word of Python"

// checkRegister refuses names, templates too, under which nothing can be registered;
// an empty one is none.
func (r *reader) checkRegister(n *yaml.Node) {
	if name := n.Value().Text(); name != "" && !n.IsNull() && (!reVarName().MatchString(name) || pythonWords[name]) {
		d := r.fail(n.Pos, "variable-name", "Invalid variable name in 'register' specified: '%s'", name).WithHint(nameHint)
		if n.HasTemplate() {
			d.Hint = `"register" is not templatable, but we found: ` + name
		}
	}
}

// vars reads a vars keyword: a mapping, or a list of mappings.
func (r *reader) vars(p yaml.Pair) *yaml.Vars {
	vs := &yaml.Vars{}
	for _, n := range p.Value.List() {
		if n.Kind != yaml.Mapping {
			r.fail(n.Pos, "vars", "vars must be a mapping from names to values, but this is %s", n.Describe())
			continue
		}
		for v := range yaml.VarsOf(n).All() {
			if r.checkVarName(v.Name, v.Pos) {
				vs.Set(v)
			}
		}
	}
	return vs
}

// unknownKeyword reports a key that means nothing where it stands.
func (r *reader) unknownKeyword(key *yaml.Node, what string, names []string) *diag.Diagnostic {
	name := key.Value().Text()
	d := r.fail(key.Pos, "unknown-keyword", "'%s' is not a valid attribute for a %s", name, what)
	if hint, ok := removed[name]; ok {
		d.Hint = "it was removed from Ansible: " + hint
	} else if near := diag.Nearest(name, names); near != "" {
		d.Hint = "did you mean " + near + "?"
	}
	return d
}

// malformed reports a keyword that should hold a list, and does not.
func (r *reader) malformed(p yaml.Pair) {
	msg := ""
	switch key := p.Key.Str(); key {
	case "tasks", "pre_tasks", "post_tasks", "handlers":
		msg = "A malformed block was encountered while loading " + key + ": "
	case "block", "rescue", "always":
		msg = "A malformed block was encountered while loading a block: "
	case "roles":
		msg = "A malformed role declaration was encountered. "
	}
	what := p.Key.Str()
	if p.Value.Kind == yaml.Scalar {
		what = p.Value.Value().Text()
	}
	r.fail(p.Value.Pos, "keyword-type", "%s%s should be a list or None but is %s", msg, what, p.Value.Describe()).
		WithHint("each entry begins with '- '")
}

// list checks that a keyword holds a list and gives its elements.
func (r *reader) list(p yaml.Pair) []*yaml.Node {
	if p.Value.IsNull() {
		return nil
	}
	if p.Value.Kind != yaml.Sequence {
		r.malformed(p)
		return nil
	}
	return p.Value.Items
}
