package vars

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

func addFunctions(env *jinja.Env) {
	if env.Functions == nil {
		env.Functions = map[string]jinja.Function{}
	}
	env.Functions["lookup"] = jinja.Function{Fn: lookupFunction(false), Passes: true, TakesUndefined: true, Uses: true}
	env.Functions["query"] = jinja.Function{Fn: lookupFunction(true), Passes: true, TakesUndefined: true, Uses: true}
	env.Functions["q"] = env.Functions["query"]
}

// lookupFunction is lookup() or query(): the first gives a comma-joined text
// unless wantlist is given, the second a list.
func lookupFunction(query bool) func(c *jinja.Context, a jinja.Args) (value.Value, error) {
	return func(c *jinja.Context, a jinja.Args) (value.Value, error) {
		s, ok := c.Extra.(*Scope)
		if !ok || len(a.Pos) == 0 {
			return value.Null, fmt.Errorf("lookup needs the name of a lookup")
		}
		for _, t := range a.Pos {
			if t.IsUndefined() {
				return value.Null, Undefined(t, diag.Pos{})
			}
		}
		name := a.Pos[0].Text()
		wantlist := query
		if v, ok := a.Get("wantlist"); ok {
			wantlist = jinja.ToBool(v)
		}
		terms, err := s.lookupTerms(a.Pos[1:])
		if err != nil {
			return value.Null, err
		}
		// These are the function's own; the lookup does not get them.
		options := jinja.Args{Pos: a.Pos, Kw: slices.DeleteFunc(slices.Clone(a.Kw), func(k jinja.Kw) bool {
			return k.Name == "wantlist" || k.Name == "allow_unsafe" || k.Name == "errors"
		})}
		items, unknown, err := s.Lookups(name, terms, options)
		if mode, ok := a.Get("errors"); err != nil && ok && !jinja.IsUndefined(err) && (mode.Text() == "ignore" || mode.Text() == "warn") {
			if mode.Text() == "warn" {
				s.Warn("An error occurred while running the lookup plugin '" + name + "': " + err.Error())
			}
			if wantlist {
				return value.List(), nil
			}
			return value.Null, nil
		}
		if err != nil || unknown.IsUnknown() {
			return unknown, unhandled(name, err)
		}
		// What a lookup gives is never evaluated as a template.
		var marks value.Marks
		if v, ok := a.Get("allow_unsafe"); !ok || !jinja.ToBool(v) {
			marks = value.Unsafe
		}
		if wantlist {
			return value.List(items...).WithMarks(marks), nil
		}
		return joined(items).WithMarks(marks), nil
	}
}

// plainLookups fail with Ansible's general error, which a template tells as one that
// the lookup did not handle; the others' errors stand for themselves.
var plainLookups = map[string]bool{"csvfile": true, "dict": true, "file": true, "fileglob": true, "indexed_items": true, "lines": true, "list": true,
	"nested": true, "password": true, "pipe": true, "random_choice": true, "sequence": true, "subelements": true, "template": true, "together": true,
	"url": true, "varnames": true, "vars": true}

// unhandled is what a template says of a lookup's error (Templar._lookup of
// ansible-core 2.14).
func unhandled(name string, err error) error {
	if err == nil || !jinja.IsSaying(err) || jinja.IsUndefined(err) || !plainLookups[name[strings.LastIndexByte(name, '.')+1:]] {
		return err
	}
	if _, ok := errors.AsType[*diag.Diagnostic](err); ok { // of a template that it read
		return err
	}
	return says("An unhandled exception occurred while running the lookup plugin '%s'. Error was a <class 'ansible.errors.AnsibleError'>, original message: %w", name, err)
}

// lookupTerms evaluates what is a template in the terms of a lookup, which an expression
// may give as a literal text: Ansible does so before the lookup runs
// (listify_lookup_plugin_terms of ansible-core 2.14).
func (s *Scope) lookupTerms(terms []value.Value) ([]value.Value, error) {
	if !slices.ContainsFunc(terms, hasMarkup) {
		return terms, nil
	}
	terms = slices.Clone(terms)
	for i, t := range terms {
		var err error
		if terms[i], err = s.EvalValue(t, diag.Pos{}); err != nil {
			return nil, err
		}
	}
	return terms, nil
}

// joined is what lookup() gives: a single element as it is, several joined by
// commas when they are texts.
func joined(items []value.Value) value.Value {
	switch len(items) {
	case 0:
		return value.List()
	case 1:
		return items[0]
	}
	parts := make([]string, len(items))
	var marks value.Marks
	for i, it := range items {
		if !it.IsString() {
			return value.List(items...)
		}
		parts[i] = it.Str()
		marks |= it.Marks()
	}
	return value.String(strings.Join(parts, ",")).WithMarks(marks)
}

// Lookups runs a lookup plugin by name. In a look-ahead the result of one that
// reads the controller is unknown.
func (s *Scope) Lookups(name string, terms []value.Value, opts jinja.Args) ([]value.Value, value.Value, error) {
	s.readsOwn()
	short := name[strings.LastIndexByte(name, '.')+1:]
	l, ok := s.eng.Lookups[short]
	if !ok {
		return nil, value.Null, says("lookup plugin (%s) not found", name)
	}
	if l.Impure && s.moment.Prefetch {
		return nil, value.Unknown(&value.Origin{What: "lookup " + name}), nil
	}
	items, err := l.Run(s, terms, opts)
	if err != nil && !jinja.IsSaying(err) && !jinja.IsUndefined(err) {
		err = fmt.Errorf("lookup %s: %w", name, err)
	}
	return items, value.Null, err
}

// Warn tells a warning, once.
func (s *Scope) Warn(text string) {
	if s.eng.Warn == nil || s.moment.Prefetch {
		return
	}
	s.eng.warning.Lock()
	defer s.eng.warning.Unlock()
	if s.eng.warned[text] {
		return
	}
	if s.eng.warned == nil {
		s.eng.warned = map[string]bool{}
	}
	s.eng.warned[text] = true
	s.eng.Warn(text)
}

// RenderText renders the text of a template file; extra variables win.
func (s *Scope) RenderText(path, text string, o jinja.Options, extra *value.Map) (value.Value, error) {
	said := path
	if v, ok := extra.Get("template_path"); ok {
		said = v.Text()
	}
	locals := s.templateVars(path, said)
	for k, v := range extra.All() {
		locals[k.Text()] = v
	}
	return s.renderText(path, text, o, locals, jinja.FileReading{})
}

func (s *Scope) renderText(path, text string, o jinja.Options, locals map[string]value.Value, how jinja.FileReading) (value.Value, error) {
	env := s.eng.fileEnvFor(s, filepath.Dir(path))
	t, err := s.eng.fileTemplate(env, path, text, o)
	if err != nil {
		return value.Null, misparsed(err, "")
	}
	env.LoadOptions = t.Options() // Ansible reads what a template includes as the template itself
	scope := s.With(locals)
	scope.textual = !how.Native
	return scope.run(func() (value.Value, error) { return t.Read(scope.context(env), how) })
}

// fileEnvFor gives an environment whose includes are looked for beside the
// template and on the task's search path.
func (e *Engine) fileEnvFor(s *Scope, dir string) *jinja.Env {
	env := *e.fileEnv
	env.Loader = func(name string) (string, diag.Pos, error) { return s.loadTemplate(dir, name) }
	return &env
}

// fileTemplate parses a template file once for each content and set of options.
func (e *Engine) fileTemplate(env *jinja.Env, path, text string, o jinja.Options) (*jinja.Template, error) {
	type key struct {
		path, text string
		o          jinja.Options
	}
	k := key{path, text, o}
	if p, ok := e.templates.Load(k); ok {
		return p.(*parsed).tmpl, p.(*parsed).err
	}
	t, err := env.Parse(text, diag.Pos{File: path, Line: 1, Col: 1}, o)
	e.templates.Store(k, &parsed{tmpl: t, err: err})
	return t, err
}

// RenderStatic evaluates a name that must be known while a playbook is loaded:
// variables of the play and of what stands around the name (at; nil for nothing), of the
// given layers (lowest first) and extra ones are known, those of hosts are not.
func (e *Engine) RenderStatic(n *yaml.Node, play *playbook.Play, at *playbook.Scope, layers ...*yaml.Vars) (string, error) {
	v, err := e.EvalStatic(n, play, at, layers...)
	return v.Text(), err
}

// EvalStatic is RenderStatic for values that are no text.
func (e *Engine) EvalStatic(n *yaml.Node, play *playbook.Play, at *playbook.Scope, layers ...*yaml.Vars) (value.Value, error) {
	s := &Scope{eng: e, at: at, world: noWorld{}}
	s.add(e.Extra)
	for _, l := range slices.Backward(layers) {
		s.add(l)
	}
	if play != nil {
		s.play = &PlayVars{Play: play, Files: play.PlainFiles()}
		s.build()
	}
	v, err := s.Eval(n)
	if err == nil && (v.HasUnknown() || v.IsUndefined()) {
		err = fmt.Errorf("%s is not known while the playbook is read", n.Text)
	}
	return v, err
}

// noWorld is the world before a run.
type noWorld struct{}

func (noWorld) HostState(string) (*Host, bool)  { return nil, false }
func (noWorld) PlayHosts() ([]string, bool)     { return nil, true }
func (noWorld) Batch() ([]string, bool)         { return nil, true }
func (noWorld) AllPlayHosts() []string          { return nil }
func (noWorld) ConnectionDefault(string) string { return "" }
