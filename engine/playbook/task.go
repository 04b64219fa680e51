package playbook

import (
	"maps"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// taskKeywords are those only tasks have; the function stores the value.
var taskKeywords = map[string]struct {
	form form
	set  func(*Task, *yaml.Node)
}{
	"async":        {intForm, func(t *Task, n *yaml.Node) { t.Async = n }},
	"poll":         {intForm, func(t *Task, n *yaml.Node) { t.Poll = n }},
	"retries":      {intForm, func(t *Task, n *yaml.Node) { t.Retries = n }},
	"delay":        {numberForm, func(t *Task, n *yaml.Node) { t.Delay = n }},
	"changed_when": {listForm, func(t *Task, n *yaml.Node) { t.ChangedWhen = n.List() }},
	"failed_when":  {listForm, func(t *Task, n *yaml.Node) { t.FailedWhen = n.List() }},
	"until":        {listForm, func(t *Task, n *yaml.Node) { t.Until = n.List() }},
	"register":     {textForm, func(t *Task, n *yaml.Node) { t.Register = n }},
}

var ownTaskKeywords = set("action", "local_action", "args", "async", "poll", "retries", "delay", "changed_when", "failed_when", "until", "register",
	"loop", "loop_control", "listen")

// isTaskKeyword tells whether a key of a task is a keyword; else it may be the module.
func isTaskKeyword(name string) bool {
	_, ok := commonKeyword(TaskScope, name)
	return ok || ownTaskKeywords[name] || strings.HasPrefix(name, "with_")
}

// at is where a list of tasks stands.
type at struct {
	up       *Scope
	id       string
	file     string
	handlers bool
	dynamic  bool // below a dynamic include, for include:
}

func (r *reader) scope(kind ScopeKind, pos diag.Pos, c at) Scope {
	return Scope{Kind: kind, Pos: pos, Up: c.up, In: r.play, File: c.file}
}

// tasks reads a list of tasks and blocks. Static imports are replaced by what
// they bring.
func (r *reader) tasks(nodes []*yaml.Node, c at) []Item {
	var items []Item
	for i, n := range nodes {
		own := c
		own.id = c.id + "/" + itoa(i+1)
		switch {
		case n.IsNull():
			continue
		case n.Kind != yaml.Mapping:
			d := r.fail(n.Pos, "task", "a task must be a mapping, but this is %s", n.Describe())
			if n.IsString() {
				d.Hint = "write '- module: arguments', with a blank behind the colon"
			}
			continue
		case n.Get("block") != nil || n.Pair("block") != nil || n.Pair("rescue") != nil || n.Pair("always") != nil:
			items = append(items, r.block(n, own)...)
		default:
			items = append(items, r.task(n, own)...)
		}
	}
	return items
}

var blockParts = set("block", "rescue", "always")

func (r *reader) block(n *yaml.Node, c at) []Item {
	if c.handlers {
		r.fail(n.Pos, "handler", "Using a block as a handler is not supported.").WithHint("give each of its tasks the same 'listen'")
		return nil
	}
	b := &Block{Scope: r.scope(BlockScope, n.Pos, c), ID: c.id}
	if n.Pair("block") == nil {
		r.fail(n.Pos, "block", "rescue and always need a block that they belong to")
	}
	for _, p := range n.Pairs {
		name := p.Key.Str()
		inside := c
		inside.up, inside.id = &b.Scope, c.id+"/"+name
		switch {
		case name == "block":
			b.Block = r.tasks(r.list(p), inside)
		case name == "rescue":
			b.Rescue = r.tasks(r.list(p), inside)
		case name == "always":
			b.Always = r.tasks(r.list(p), inside)
		case !r.setCommon(&b.Scope, name, p):
			r.unknownKeyword(p.Key, "Block", keywordNames(BlockScope, blockParts))
		}
	}
	return []Item{b}
}

func (r *reader) task(n *yaml.Node, c at) []Item {
	t := &Task{Scope: r.scope(TaskScope, n.Pos, c), ID: c.id, Handler: c.handlers}
	action := r.findAction(n)
	var unknown []*yaml.Node
	for i := range n.Pairs {
		p := n.Pairs[i]
		name := p.Key.Str()
		switch {
		case action != nil && (action.Key == p.Key || r.isModule(name) && !isTaskKeyword(name)): // a second module was reported
		case !p.Key.IsString():
			r.fail(p.Key.Pos, "unknown-keyword", "the key of a keyword must be text, but is %s", p.Key.Describe())
		case !isTaskKeyword(name):
			unknown = append(unknown, p.Key)
		default:
			r.taskKeyword(t, name, p)
		}
	}
	for _, k := range unknown {
		d := r.unknownKeyword(k, taskKind(t), keywordNames(TaskScope, ownTaskKeywords))
		if action != nil { // to Ansible, it is a second module
			d.Msg = "conflicting action statements: " + action.Key.Value().Text() + ", " + k.Value().Text() + ": " + d.Msg
		}
	}
	r.checkLoop(t, n)
	if action == nil {
		if len(unknown) == 0 {
			r.fail(n.Pos, "no-module", "no module/action detected in task.").WithHint("a task needs one key that is a module, such as 'copy:' or 'command:'")
		}
		return nil
	}
	if !r.action(t, n, action) {
		return nil
	}
	return r.special(t, n, c)
}

// taskKind is what Ansible calls a task.
func taskKind(t *Task) string {
	if t.Handler {
		return "Handler"
	}
	return "Task"
}

// findAction finds the key that is the module: action, local_action, or a key
// that is no keyword.
func (r *reader) findAction(n *yaml.Node) *yaml.Pair {
	var old, modules, others []*yaml.Pair
	for i := range n.Pairs {
		p := &n.Pairs[i]
		name := p.Key.Str()
		switch {
		case name == "action" || name == "local_action":
			old = append(old, p)
		case !p.Key.IsString() || isTaskKeyword(name):
		case r.isModule(name):
			modules = append(modules, p)
		default:
			others = append(others, p)
		}
	}
	found := append(old, modules...)
	if len(found) > 1 {
		r.fail(found[1].Key.Pos, "two-modules", "conflicting action statements: %s, %s", found[0].Key.Str(), found[1].Key.Str()).
			WithHint("make two tasks of it; a missing '- ' before the second one may be the reason")
	}
	if len(found) > 0 {
		return found[0]
	}
	// Nothing we know: the key that looks least like a misspelt keyword.
	names := keywordNames(TaskScope, ownTaskKeywords)
	for _, p := range others {
		if _, gone := removed[p.Key.Str()]; !gone && diag.Nearest(p.Key.Str(), names) == "" {
			return p
		}
	}
	if len(others) == 1 && strings.Contains(others[0].Key.Str(), ".") {
		return others[0]
	}
	return nil
}

func (r *reader) isModule(name string) bool {
	return rawParamModules[shortName(name)] || r.opts.IsModule != nil && r.opts.IsModule(name)
}

func (r *reader) taskKeyword(t *Task, name string, p yaml.Pair) {
	if kw, ok := taskKeywords[name]; ok {
		if kw.form != listForm && !r.takes(&t.Scope, name, kw.form, p.Value) {
			return
		}
		if name == "register" {
			r.checkRegister(p.Value)
		}
		if !p.Value.IsNull() {
			kw.set(t, p.Value)
		}
		return
	}
	switch {
	case name == "loop" || strings.HasPrefix(name, "with_"):
		if t.Loop != nil && t.Loop.Node != nil {
			r.fail(p.Key.Pos, "two-loops", "a task has one loop, but this one has two")
			return
		}
		switch {
		case !p.Value.IsNull():
		case name == "loop": // as Ansible takes it: no loop
			return
		default:
			r.fail(p.Value.Pos, "empty-loop", "%s needs a value", name)
			return
		}
		l := t.loop()
		l.Pos, l.Node = p.Key.Pos, p.Value
		l.Kind = strings.TrimPrefix(strings.TrimPrefix(name, "loop"), "with_")
	case name == "loop_control":
		r.loopControl(t.loop(), p)
	case name == "listen":
		if !t.Handler {
			r.fail(p.Key.Pos, "unknown-keyword", "only handlers listen").WithHint("move the task to handlers, or notify it by its name")
			return
		}
		t.Listen = p.Value.List()
	case name == "args" || name == "local_action" || name == "action":
	default:
		r.setCommon(&t.Scope, name, p)
	}
}

// loop gives the task's loop, made when first needed.
func (t *Task) loop() *Loop {
	if t.Loop == nil {
		t.Loop = &Loop{LoopVar: "item"}
	}
	return t.Loop
}

func (r *reader) loopControl(l *Loop, p yaml.Pair) {
	l.ControlPos = p.Key.Pos
	if p.Value.Kind != yaml.Mapping {
		r.fail(p.Value.Pos, "keyword-type", "loop_control must be a mapping, but is %s", p.Value.Describe())
		return
	}
	known := set("loop_var", "index_var", "label", "pause", "extended", "extended_allitems")
	for _, e := range p.Value.Pairs {
		name := e.Key.Str()
		switch name {
		case "loop_var", "index_var":
			if !e.Value.HasTemplate() && !r.checkVarName(e.Value.Value().Text(), e.Value.Pos) {
				continue
			}
			if name == "loop_var" {
				l.LoopVar, l.LoopVarNode = e.Value.Str(), e.Value
			} else {
				l.IndexVar, l.IndexVarNode = e.Value.Str(), e.Value
			}
		case "label":
			l.Label = e.Value
		case "pause":
			r.checkForm(name, numberForm, e.Value)
			l.Pause = e.Value
		case "extended":
			r.checkForm(name, boolForm, e.Value)
			l.Extended = e.Value
		case "extended_allitems":
			r.checkForm(name, boolForm, e.Value)
			l.ExtendedAllItems = e.Value
		default:
			r.unknownKeyword(e.Key, "LoopControl", keywordsOf(known))
		}
	}
}

func keywordsOf(m map[string]bool) []string {
	var names []string
	for n := range m {
		names = append(names, n)
	}
	return names
}

// checkLoop drops a loop_control without a loop: it does nothing.
func (r *reader) checkLoop(t *Task, n *yaml.Node) {
	if t.Loop != nil && t.Loop.Node == nil {
		if n.Pair("loop") == nil && t.Loop.ControlPos.IsValid() {
			r.warn(t.Loop.ControlPos, "no-loop", "loop_control without a loop does nothing")
		}
		t.Loop = nil
	}
}

// action reads the module and its arguments in all forms they are written in.
func (r *reader) action(t *Task, n *yaml.Node, p *yaml.Pair) bool {
	key, body := p.Key.Str(), p.Value
	t.ActionPos = p.Key.Pos
	var pairs []yaml.Pair
	switch args := n.Get("args"); {
	case args.IsNull():
	case args.Kind == yaml.Mapping:
		pairs = append(pairs, args.Pairs...)
	case args.IsString() && args.HasTemplate():
		t.ArgsTemplate = args
	default:
		r.fail(args.Pos, "args", "args must be a mapping or a template that gives one, but is %s", args.Describe())
	}
	name := key
	if key == "action" || key == "local_action" {
		if key == "local_action" {
			t.Local = true
			t.DelegateTo = yaml.FromValue(p.Key.Pos, value.String("localhost"))
		}
		var ok bool
		if name, body, ok = r.oldAction(t, key, body); !ok {
			return false
		}
	}
	t.Action, t.Module = name, r.opts.canonical(r.redirected(name, t))
	switch {
	case body.IsNull():
	case body.Kind == yaml.Mapping:
		pairs = append(pairs, body.Pairs...)
	case body.IsString():
		ff, ok := r.freeForm(t, body)
		if !ok {
			return false
		}
		pairs = append(pairs, ff.pairs...)
		t.Raw = ff.raw
	default:
		r.fail(body.Pos, "module-args", "the arguments of %s must be a mapping or text, but are %s", name, body.Describe())
		return false
	}
	return r.finishArgs(t, pairs)
}

// finishArgs stores the arguments, the free-form one of them apart.
func (r *reader) finishArgs(t *Task, pairs []yaml.Pair) bool {
	t.Args = yaml.NewMapping(t.ActionPos, pairs)
	take := func(name string) {
		p := t.Args.Pair(name)
		if p == nil {
			return
		}
		if t.Raw != nil {
			r.fail(p.Key.Pos, "module-args", "%s is given twice: as text behind the module and as %s", t.Action, name)
			return
		}
		t.Raw = p.Value
		var rest []yaml.Pair
		for _, q := range t.Args.Pairs {
			if q.Key != p.Key {
				rest = append(rest, q)
			}
		}
		t.Args = yaml.NewMapping(t.ActionPos, rest)
	}
	if cmdModules[shortName(t.Action)] {
		take("cmd")
	}
	take("_raw_params")
	return true
}

// freeForm takes text behind a module apart.
func (r *reader) freeForm(t *Task, body *yaml.Node) (freeForm, bool) {
	short := shortName(t.Action)
	ff, err := parseKV(body, freeFormModules[short])
	if err != nil {
		r.fail(body.Pos, "free-form", "%s: %w", t.Action, err).
			WithHint("put the whole value in quotes, or write the arguments as a mapping")
		return ff, false
	}
	unknown := r.opts.IsModule != nil && !r.isModule(t.Action) // lint says so
	if ff.raw == nil || rawParamModules[short] || unknown {
		return ff, true
	}
	if ff.raw.HasTemplate() { // a template in place of all arguments
		t.ArgsTemplate, ff.raw = ff.raw, nil
		return ff, true
	}
	r.fail(ff.raw.Pos, "free-form", "this task '%s' has extra params, which is only allowed in the following modules: %s: this is no name=value: %s",
		t.Action, strings.Join(slices.Sorted(maps.Keys(rawParamModules)), ", "), ff.raw.Describe()).
		WithHint("write the arguments as a mapping below the module, one a line")
	return ff, false
}

// oldAction reads the forms of action: and local_action:; it gives the module's
// name and what are its arguments.
func (r *reader) oldAction(t *Task, key string, body *yaml.Node) (string, *yaml.Node, bool) {
	if body.Kind == yaml.Mapping {
		m := body.Pair("module")
		if m == nil || !m.Value.IsString() {
			r.fail(body.Pos, "no-module", "%s needs the key 'module'", key)
			return "", nil, false
		}
		name, rest := cutModule(m.Value.Str())
		t.ActionPos = m.Value.Pos
		var pairs []yaml.Pair
		for _, p := range body.Pairs {
			switch {
			case p.Key == m.Key:
			case p.Key.Str() == "args" && p.Value.Kind == yaml.Mapping:
				pairs = append(pairs, p.Value.Pairs...)
			default:
				pairs = append(pairs, p)
			}
		}
		if rest != "" {
			ff, err := parseKV(yaml.FromValue(m.Value.Pos, value.String(rest)), freeFormModules[shortName(name)])
			if err != nil {
				r.fail(m.Value.Pos, "free-form", "%s: %w", name, err)
				return "", nil, false
			}
			pairs = append(pairs, ff.pairs...)
			t.Raw = ff.raw
		}
		return name, yaml.NewMapping(body.Pos, pairs), true
	}
	if !body.IsString() || strings.TrimSpace(body.Str()) == "" {
		r.fail(body.Pos, "no-module", "%s needs a module and its arguments, but this is %s", key, body.Describe())
		return "", nil, false
	}
	name, rest := cutModule(body.Str())
	t.ActionPos = body.Pos
	n := yaml.FromValue(body.PosAt(max(0, strings.Index(body.Str(), rest))), value.String(rest).WithMarks(body.Value().Marks()&^value.Written))
	if rest == "" {
		n = yaml.FromValue(body.Pos, value.Null)
	}
	return name, n, true
}

// cutModule cuts a text into the module, of which templates may give a part or all, and
// the rest.
func cutModule(s string) (name, rest string) {
	s = strings.TrimSpace(s)
	for i := 0; i < len(s); i++ {
		if strings.HasPrefix(s[i:], "{{") {
			end := strings.Index(s[i:], "}}")
			if end < 0 {
				break
			}
			i += end + 1
			continue
		}
		if strings.ContainsRune(" \n\t", rune(s[i])) {
			return s[:i], strings.TrimLeft(s[i:], " ")
		}
	}
	return s, ""
}
