package vars

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/inventory"
	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// Engine evaluates templates and expressions of playbooks; each text is parsed
// once. It is safe for concurrent use, its scopes are not.
type Engine struct {
	Inventory *inventory.Inventory
	// Extra are the extra variables (-e): they win over everything.
	Extra *yaml.Vars
	// Native keeps the types of expressions (jinja2_native).
	Native bool
	// Merge merges mappings that several levels give one variable
	// (hash_behaviour = merge).
	Merge bool
	// HideFacts: facts are in ansible_facts only (inject_facts_as_vars = false).
	HideFacts bool
	// PrivateRoles: the variables of a role, but not its defaults, are seen by its own
	// tasks only (private_role_vars = true).
	PrivateRoles bool
	// Managed is the text of ansible_managed; "" means Ansible's default.
	Managed string
	// Lenient leaves texts with undefined variables as they are
	// (error_on_undefined_vars = false).
	Lenient bool
	// Fixed are magic variables that are the same for a whole run
	// (ansible_version, ansible_check_mode ...).
	Fixed map[string]value.Value
	// Decrypt opens Ansible Vault texts of files that lookups read; nil without a
	// password.
	Decrypt func(ciphertext string) (string, error)
	// Seen receives the files that templates include and lookups read; nil for
	// nobody.
	Seen func(file string, data []byte)
	// Setting gives a setting of the program by its name in Ansible
	// (DEFAULT_ROLES_PATH) and where it comes from, for the lookup config; nil knows none.
	Setting func(name string) (v value.Value, origin string, ok bool)
	// Warn is told what lookups warn of, each text once; nil for nobody.
	Warn func(text string)
	// Lookups are the lookup plugins by name.
	Lookups map[string]Lookup

	env       *jinja.Env
	fileEnv   *jinja.Env
	templates sync.Map // *yaml.Node or text -> *parsed
	texts     atomic.Int64
	exprs     sync.Map
	warning   sync.Mutex
	warned    map[string]bool // under warning
	// generation counts changes of the inventory during the run, and plays.
	generation atomic.Int64
	// playDir is the folder of the play that runs; "" before a run.
	playDir string
	groups  atomic.Pointer[groupsValue]
}

type parsed struct {
	tmpl *jinja.Template
	expr *jinja.Expr
	err  error
}

// New makes an engine over an inventory.
func New(inv *inventory.Inventory, extra *yaml.Vars) *Engine {
	e := &Engine{Inventory: inv, Extra: extra, Fixed: map[string]value.Value{}, Lookups: builtinLookups()}
	e.env = jinja.NewAnsible()
	addFunctions(e.env)
	e.fileEnv = jinja.NewAnsible()
	addFunctions(e.fileEnv)
	e.fileEnv.Overrides = true
	for _, env := range []*jinja.Env{e.env, e.fileEnv} {
		env.LoadYAML = loadYAML
	}
	return e
}

// Env is the environment of playbook strings; lint asks it what exists.
func (e *Engine) Env() *jinja.Env { return e.env }

// template parses the string of a node once. Texts that are no node of a file (the
// value of a variable that a task set) are known by what they say and where.
func (e *Engine) template(n *yaml.Node) (*jinja.Template, error) {
	type text struct {
		src string
		pos diag.Pos
	}
	key, keep := any(n), true
	if n.Style == yaml.Synthetic {
		key, keep = text{n.Str(), n.PosAt(0)}, len(n.Str()) <= maxKeptText
	}
	if p, ok := e.templates.Load(key); ok {
		return p.(*parsed).tmpl, p.(*parsed).err
	}
	o := jinja.PlaybookOptions()
	o.SingleLine = n.Style == yaml.SingleQuoted || n.Style == yaml.DoubleQuoted || n.Style == yaml.Synthetic
	t, err := e.env.Parse(n.Str(), n.PosAt(0), o)
	if n.Style == yaml.Synthetic {
		keep = keep && e.texts.Add(1) <= maxKeptTexts
	}
	if keep {
		e.templates.Store(key, &parsed{tmpl: t, err: err})
	}
	return t, err
}

// How many parsed texts that stand in no file are kept, and how long they may
// be: a loop may make any number of them.
const (
	maxKeptTexts = 4096
	maxKeptText  = 512
)

// expression parses a bare expression once.
func (e *Engine) expression(src string, pos diag.Pos) (*jinja.Expr, error) {
	type key struct {
		src string
		pos diag.Pos
	}
	if p, ok := e.exprs.Load(key{src, pos}); ok {
		return p.(*parsed).expr, p.(*parsed).err
	}
	x, err := e.env.ParseExpr(src, pos)
	e.exprs.Store(key{src, pos}, &parsed{expr: x, err: err})
	return x, err
}

// Check parses every template in a node without evaluating anything.
func (e *Engine) Check(n *yaml.Node) error {
	var list diag.List
	e.check(n, &list)
	return list.Err()
}

func (e *Engine) check(n *yaml.Node, list *diag.List) {
	switch {
	case n == nil:
	case n.Kind == yaml.Sequence:
		for _, it := range n.Items {
			e.check(it, list)
		}
	case n.Kind == yaml.Mapping:
		for _, p := range n.Pairs {
			e.check(p.Key, list)
			e.check(p.Value, list)
		}
	case n.HasTemplate():
		_, err := e.template(n)
		list.Add(err)
	}
}

// CheckExpr parses a condition without evaluating it.
func (e *Engine) CheckExpr(n *yaml.Node) error {
	if !n.IsString() {
		return nil
	}
	if n.HasTemplate() {
		_, err := e.template(n)
		return err
	}
	_, err := e.expression(n.Str(), n.PosAt(0))
	return err
}

// Moment fixes what an evaluation may see of the world, so that evaluating
// twice gives the same.
type Moment struct {
	Now      time.Time
	Seed     [32]byte
	Prefetch bool // impure functions are unknown
}

func (s *Scope) context(env *jinja.Env) *jinja.Context {
	c := jinja.NewContext(env, s)
	c.Native, c.NoneText = s.eng.Native && !s.textual, s.eng.Native
	c.Prefetch = s.moment.Prefetch
	c.Now = s.moment.Now
	if s.moment.Seed != ([32]byte{}) {
		c.NewRand = func() *rand.Rand { return rand.New(rand.NewChaCha8(s.moment.Seed)) }
	}
	if s.reads != nil {
		c.OnImpure = s.readsOwn
	}
	c.Extra = s
	return c
}

// Eval evaluates a node: strings as templates, lists and dicts with everything
// inside, other scalars as they are. The result may hold unknown values and,
// at its top only, undefined ones are errors.
func (s *Scope) Eval(n *yaml.Node) (value.Value, error) {
	if n == nil {
		return value.Null, nil
	}
	if n.Problem != nil {
		return value.Null, n.Problem
	}
	if !n.HasTemplate() {
		return n.Value(), problemIn(n)
	}
	return s.evalNode(n)
}

func problemIn(n *yaml.Node) error {
	if n.Problem != nil {
		return n.Problem
	}
	for _, it := range n.Items {
		if err := problemIn(it); err != nil {
			return err
		}
	}
	for _, p := range n.Pairs {
		if err := problemIn(p.Value); err != nil {
			return err
		}
	}
	return nil
}

func (s *Scope) evalNode(n *yaml.Node) (value.Value, error) {
	switch {
	case n.Problem != nil:
		return value.Null, n.Problem
	case n.Kind == yaml.Sequence:
		items := make([]value.Value, len(n.Items))
		for i, it := range n.Items {
			v, err := s.evalNode(it)
			if err != nil {
				return value.Null, err
			}
			items[i] = v
		}
		return value.List(items...).WithMarks(n.Value().Marks()), nil
	case n.Kind == yaml.Mapping:
		m := value.NewMap()
		for _, p := range n.Pairs {
			k, err := s.evalNode(p.Key)
			if err != nil {
				return value.Null, err
			}
			v, err := s.evalNode(p.Value)
			if err != nil {
				return value.Null, err
			}
			if !k.Hashable() {
				return value.Unknown(&value.Origin{What: "a key that is not known"}), nil
			}
			m.SetKey(k, v)
		}
		return value.FromMap(m).WithMarks(n.Value().Marks()), nil
	case !n.IsString() || n.Value().IsUnsafe() || !jinja.HasMarkup(n.Str()):
		return n.Value(), nil
	}
	t, err := s.eng.template(n)
	if err != nil {
		return value.Null, misparsed(err, n.Str())
	}
	v, err := s.run(func() (value.Value, error) { return t.Value(s.context(s.eng.env)) })
	if err != nil && s.eng.Lenient && IsUndefined(err) {
		return n.Value(), nil
	}
	return v.WithMarks(n.Value().Marks()), err
}

// EvalDefined is Eval in which a text that uses something undefined is itself
// undefined, not an error: for the terms of first_found.
func (s *Scope) EvalDefined(n *yaml.Node) (value.Value, error) {
	switch {
	case n == nil || n.Problem != nil || !n.HasTemplate():
		return s.Eval(n)
	case n.Kind == yaml.Sequence:
		items := make([]value.Value, len(n.Items))
		for i, it := range n.Items {
			var err error
			if items[i], err = s.EvalDefined(it); err != nil {
				return value.Null, err
			}
		}
		return value.List(items...), nil
	case n.Kind == yaml.Mapping:
		m := value.NewMap()
		for _, p := range n.Pairs {
			v, err := s.EvalDefined(p.Value)
			if err != nil {
				return value.Null, err
			}
			m.SetKey(p.Key.Value(), v)
		}
		return value.FromMap(m), nil
	}
	v, err := s.evalNode(n)
	if err != nil && IsUndefined(err) {
		return value.UndefinedOf(&value.Undef{Msg: err.Error()}), nil
	}
	return v, err
}

// run bounds how deep variables may be defined by other variables.
func (s *Scope) run(f func() (value.Value, error)) (value.Value, error) {
	const maxDepth = 100
	if s.depth++; s.depth > maxDepth {
		s.depth--
		return value.Null, fmt.Errorf("variables are defined by each other more than %d deep: is one defined by itself?", maxDepth)
	}
	defer func() { s.depth-- }()
	return f()
}

// EvalValue evaluates templates inside a value that was set by a task.
func (s *Scope) EvalValue(v value.Value, pos diag.Pos) (value.Value, error) {
	if !hasMarkup(v) {
		return v, nil
	}
	return s.evalNode(yaml.FromValue(pos, v))
}

func hasMarkup(v value.Value) bool {
	switch v.Kind() {
	case value.KindString:
		return !v.IsUnsafe() && jinja.HasMarkup(v.Str())
	case value.KindList:
		for _, it := range v.Items() {
			if hasMarkup(it) {
				return true
			}
		}
	case value.KindMap:
		for _, e := range v.Map().All() {
			if hasMarkup(e) {
				return true
			}
		}
	}
	return false
}

// Expr evaluates a bare expression.
func (s *Scope) Expr(src string, pos diag.Pos) (value.Value, error) {
	x, err := s.eng.expression(src, pos)
	if err != nil {
		return value.Null, err
	}
	return s.run(func() (value.Value, error) {
		c := s.context(s.eng.env)
		v, err := x.Eval(c)
		if err != nil {
			return v, err
		}
		return c.Spelled(v)
	})
}

// Condition evaluates a condition as when: takes it: an expression, or a
// boolean, or (with Ansible) a template whose text is an expression. The
// result is a bool or unknown.
func (s *Scope) Condition(n *yaml.Node) (value.Value, error) {
	if n.IsNull() || n.IsString() && n.Str() == "" {
		return value.Bool(true), nil
	}
	if n.Problem != nil {
		return value.Null, n.Problem
	}
	if !n.IsString() {
		return value.Bool(n.Value().Truthy()), nil
	}
	src := n.Value()
	if n.HasTemplate() {
		v, err := s.evalNode(n)
		if err != nil {
			return value.Null, s.conditionError(n, err)
		}
		if v.IsUnknown() || v.Kind() == value.KindBool {
			return v, nil
		}
		src = v
	}
	if !src.IsString() {
		return value.Bool(src.Truthy()), nil
	}
	if src.Str() == "" {
		return value.Bool(true), nil
	}
	if src.IsUnsafe() {
		return value.Null, s.conditionError(n, says("Conditional is marked as unsafe, and cannot be evaluated."))
	}
	if _, err := s.eng.expression(src.Str(), n.PosAt(0)); err != nil {
		return value.Null, s.conditionError(n, misparsed(err, "{% if "+src.Str()+" %} True {% else %} False {% endif %}"))
	}
	v, err := s.Expr(src.Str(), n.PosAt(0))
	if err == nil && v.IsUndefined() {
		err = Undefined(v, n.PosAt(0))
	}
	if err != nil {
		return value.Null, s.conditionError(n, err)
	}
	if v.IsUnknown() {
		return v, nil
	}
	return value.Bool(v.Truthy()).WithMarks(v.Marks()), nil
}

func (s *Scope) conditionError(n *yaml.Node, err error) error {
	d := &diag.Diagnostic{Class: diag.Usage, Code: "condition", Pos: n.PosAt(0), Err: err}
	var inner *diag.Diagnostic
	what := err.Error()
	if errors.As(err, &inner) {
		d.Pos, d.Hint, d.Code, what = inner.Pos, inner.Hint, inner.Code, inner.Msg
		if !d.Pos.IsValid() {
			d.Pos = n.PosAt(0)
		}
	}
	if IsUndefined(err) {
		what = fmt.Sprintf("error while evaluating conditional (%s): %s", n.Str(), what)
	}
	d.Msg = fmt.Sprintf("The conditional check '%s' failed. The error was: %s", n.Str(), what)
	return d
}

// misparsed says in Ansible's words that text is no template; the text of a whole
// file ("") is not told.
func misparsed(err error, text string) error {
	d, ok := errors.AsType[*diag.Diagnostic](err)
	if !ok || d.Code == jinja.CodeHeader {
		return err
	}
	said := *d
	what := d.Msg
	if d.Code == jinja.CodeFilter || d.Code == jinja.CodeTest {
		if _, name, ok := strings.Cut(strings.TrimSuffix(what, "."), " named "); ok { // Jinja2's loader is Ansible's
			what = "Could not load \"" + strings.Trim(name, "'") + "\": " + name
		}
	}
	said.Msg = "template error while templating string: " + what
	if text != "" {
		said.Msg += ". String: " + text
	}
	return &said
}

// inVariable is an error of the text of a variable: what Ansible does not expect
// there it tells, unlike in the text of a task, as an error of its own.
func inVariable(text string, err error) error {
	class := jinja.Raised(err)
	if class == "" {
		return err
	}
	what := err.Error()
	if d, ok := errors.AsType[*diag.Diagnostic](err); ok {
		what = d.Msg
	}
	return says("An unhandled exception occurred while templating '%s'. Error was a <class '%s'>, original message: %s", text, class, what)
}

// Undefined turns an undefined value into the error that using it is.
func Undefined(v value.Value, pos diag.Pos) error {
	return diag.Errorf(pos, jinja.CodeUndefined, "%s", v.Undef().Message())
}

// IsUndefined tells whether err says that something is undefined.
func IsUndefined(err error) bool {
	return jinja.IsUndefined(err)
}

// loadYAML reads the texts of from_yaml as playbooks are read.
func loadYAML(s string) ([]value.Value, error) {
	docs, err := yaml.Parse("", []byte(s), yaml.Options{})
	var out []value.Value
	for _, d := range docs {
		out = append(out, d.Value())
	}
	return out, err
}
