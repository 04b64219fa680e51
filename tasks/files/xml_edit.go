package files

import (
	"errors"
	"fmt"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/xmltree"
)

// xmlEdit is one use of the module xml on a document.
type xmlEdit struct {
	xmlArgs
	spaces map[string]string
	doc    *xmltree.Node
	// formats tells that only the document's form was asked for.
	formats bool
}

// run does what is asked for, and gives what is registered of it.
func (x *xmlEdit) run() (*value.Map, error) {
	xpath, given := x.XPath.Get()
	var err error
	switch {
	case x.PrintMatch:
		return x.printMatch(xpath)
	case x.Count:
		return x.count(xpath)
	case x.Content != "":
		return x.read(xpath)
	case x.State == "absent":
		if !given {
			return nil, module.Fail("state=absent needs an xpath")
		}
		err = x.delete(xpath)
	case !x.SetChildren.IsNull():
		err = x.setChildren(xpath)
	case x.AddChildren.Len() > 0:
		err = x.addChildren(xpath)
	case !x.Value.IsNull():
		err = x.setValue(xpath)
	case given:
		if is, ferr := x.isNode(x.doc, xpath); ferr != nil || is {
			err = ferr
		} else {
			err = x.make(x.doc, xpath)
		}
	case x.PrettyPrint:
		x.formats = true
		return value.M("changed", false), nil
	default:
		return nil, module.Fail("Don't know what to do")
	}
	return x.result(), err
}

func (x *xmlEdit) result(kv ...any) *value.Map {
	xpath := value.Null
	if s, given := x.XPath.Get(); given {
		xpath = value.String(s)
	}
	spaces := x.Namespaces
	if spaces == nil {
		spaces = value.NewMap()
	}
	m := value.M("actions", value.M("xpath", xpath, "namespaces", spaces, "state", x.State), "changed", false)
	for k, v := range value.M(kv...).All() {
		m.SetKey(k, v)
	}
	return m
}

// find gives what an expression finds from a node on.
func (x *xmlEdit) find(from *xmltree.Node, xpath string) ([]xmltree.Match, error) {
	e, err := xmltree.Compile(xpath, x.spaces)
	if err == nil {
		var found []xmltree.Match
		if found, err = e.Find(from); err == nil {
			return found, nil
		}
	}
	return nil, module.Fail("Syntax error in xpath expression: " + xpath + " (" + err.Error() + ")")
}

func isNodeMatch(m xmltree.Match) bool {
	return m.Attr == nil && m.Node.Kind != xmltree.Text && m.Node.Kind != xmltree.CDATA && m.Node.Kind != xmltree.Document
}

// isNode tells whether the first thing found is an element.
func (x *xmlEdit) isNode(from *xmltree.Node, xpath string) (bool, error) {
	found, err := x.find(from, xpath)
	return err == nil && len(found) > 0 && isNodeMatch(found[0]), err
}

// elements are the elements found; anything else found is a failure.
func (x *xmlEdit) elements(from *xmltree.Node, xpath string) ([]*xmltree.Node, error) {
	found, err := x.find(from, xpath)
	if err != nil {
		return nil, err
	}
	var out []*xmltree.Node
	for _, m := range found {
		if !isNodeMatch(m) {
			return nil, x.noNode(xpath)
		}
		out = append(out, m.Node)
	}
	return out, nil
}

func (x *xmlEdit) noNode(xpath string) error {
	return module.Fail("Xpath " + xpath + " does not reference a node! tree is " + x.doc.Root().String())
}

func (x *xmlEdit) printMatch(xpath string) (*value.Map, error) {
	nodes, err := x.elements(x.doc, xpath)
	if err != nil {
		return nil, err
	}
	paths := make([]string, len(nodes))
	for i, n := range nodes {
		paths[i] = `"` + n.Path() + `"`
	}
	return x.result("matches", value.List(), "msg", fmt.Sprintf("selector '%s' match: [%s]", xpath, strings.Join(paths, ", "))), nil
}

func (x *xmlEdit) count(xpath string) (*value.Map, error) {
	from := "/"
	if strings.HasPrefix(xpath, "//") {
		from = ""
	}
	e, err := xmltree.Compile("count("+from+xpath+")", x.spaces)
	if err != nil {
		return nil, module.Fail("Syntax error in xpath expression: " + xpath + " (" + err.Error() + ")")
	}
	n, err := e.Number(x.doc)
	if err != nil {
		return nil, module.Fail("Evaluation error in xpath expression: " + xpath + " (" + err.Error() + ")")
	}
	return x.result("count", int(n), "msg", fmt.Sprintf("found %d nodes", int(n))), nil
}

// read registers the texts or attributes of the elements.
func (x *xmlEdit) read(xpath string) (*value.Map, error) {
	nodes, err := x.elements(x.doc, xpath)
	if err != nil {
		return nil, err
	}
	if len(nodes) == 0 {
		return nil, module.Fail("Xpath " + xpath + " does not reference a node!")
	}
	var matches []value.Value
	for _, n := range nodes {
		content := value.Null
		if x.Content == "attribute" {
			attrs := value.NewMap()
			for _, a := range n.Attrs {
				attrs.Set(a.Clark(), value.String(a.Value))
			}
			content = value.FromMap(attrs)
		} else if s, has := n.Text(); has {
			content = value.String(s)
		}
		matches = append(matches, value.FromMap(value.M(n.Clark(), content)))
	}
	return x.result("count", len(nodes), "msg", len(nodes), "matches", value.List(matches...).MarkDeep(value.Unsafe)), nil
}

// delete removes what is found, one after the other as long as something is.
func (x *xmlEdit) delete(xpath string) error {
	all, err := x.find(x.doc, xpath)
	if err != nil {
		return err
	}
	for _, m := range all {
		left, err := x.find(x.doc, xpath)
		if err != nil {
			return err
		}
		switch {
		case len(left) > 0 && m.Attr != nil && left[0].Attr != nil:
			m.Node.Unset(m.Attr.Clark())
		case len(left) > 0 && isNodeMatch(left[0]) && isNodeMatch(m) && m.Node.Parent != nil && m.Node.Parent.Kind != xmltree.Document:
			m.Node.Remove()
		default:
			return module.Fail("Couldn't delete xpath target: " + xpath)
		}
	}
	return nil
}

func (x *xmlEdit) setChildren(xpath string) error {
	nodes, err := x.elements(x.doc, xpath)
	if err != nil {
		return err
	}
	children, err := x.children(x.SetChildren, x.InputType)
	if err != nil {
		return err
	}
	texts := make([]string, len(children))
	for i, c := range children {
		texts[i] = c.String()
	}
	for _, n := range nodes {
		now := n.Elements()
		same := len(now) == len(texts)
		for i := 0; same && i < len(now); i++ {
			same = now[i].Tailed() == texts[i]
		}
		if same {
			continue
		}
		for _, c := range now {
			c.Remove()
		}
		n.Append(children...)
	}
	return nil
}

func (x *xmlEdit) addChildren(xpath string) error {
	if is, err := x.isNode(x.doc, xpath); err != nil || !is {
		return err
	}
	nodes, err := x.elements(x.doc, xpath)
	if err != nil {
		return err
	}
	children, err := x.children(x.AddChildren, x.InputType)
	if err != nil {
		return err
	}
	if !x.InsertBefore && !x.InsertAfter {
		for _, n := range nodes {
			n.Append(children...)
		}
		return nil
	}
	at := nodes[0]
	if x.InsertAfter {
		at = nodes[len(nodes)-1]
	}
	parent := nodes[0].Parent
	if parent.Kind == xmltree.Document {
		return module.Fail("the root element has no siblings: " + xpath)
	}
	place := 0
	for i, s := range at.Parent.Elements() {
		if s == at {
			place = i
		}
	}
	if x.InsertAfter {
		place++
	}
	parent.Insert(place, children...)
	return nil
}

// setValue sets the text, or an attribute, of all elements found; what is not
// there is made.
func (x *xmlEdit) setValue(xpath string) error {
	is, err := x.isNode(x.doc, xpath)
	if err == nil && !is {
		err = x.make(x.doc, xpath)
	}
	if err != nil {
		return module.Fail("Xpath " + xpath + " causes a failure: " + err.Error())
	}
	if is, err = x.isNode(x.doc, xpath); err != nil {
		return err
	}
	if !is {
		return x.noNode(xpath)
	}
	nodes, err := x.elements(x.doc, xpath)
	if err != nil {
		return err
	}
	text, err := xmlText(x.Value)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		if !x.Attribute.Truthy() {
			if now, has := n.Text(); !has || now != text {
				n.SetText(text)
			}
			continue
		}
		name, err := x.clark(x.Attribute.Text())
		if err != nil {
			return err
		}
		n.Set(name, text)
	}
	return nil
}

// xmlText is a value that can be a text in a document.
func xmlText(v value.Value) (string, error) {
	if !v.IsString() {
		return "", module.Fail("a text of XML must be a string: write the value " + v.Text() + " in quotes")
	}
	return v.Str(), nil
}

// clark is a name with a prefix of namespaces as {address}name.
func (x *xmlEdit) clark(name string) (string, error) {
	prefix, local, ok := strings.Cut(name, ":")
	if !ok || strings.HasPrefix(name, "{") {
		return name, nil
	}
	space, known := x.spaces[prefix]
	if !known {
		return "", module.Fail("namespaces does not say what the prefix " + prefix + " of " + name + " stands for")
	}
	return "{" + space + "}" + local, nil
}

var (
	xmlIdent       = `[a-zA-Z-][a-zA-Z0-9_\-\.]*`
	xmlNSIdent     = xmlIdent + "|" + xmlIdent + ":" + xmlIdent
	xmlQuoted      = `('(?:.*)'|"(?:.*)")`
	lastElement    = lazyregexp.New(`^(.*)/(` + xmlNSIdent + `)$`)
	lastElementIs  = lazyregexp.New(`^(.*)/(` + xmlNSIdent + `)/text\(\)=` + xmlQuoted + `$`)
	lastAttribute  = lazyregexp.New(`^(.*)/(@(?:` + xmlNSIdent + `))$`)
	lastAttributeI = lazyregexp.New(`^(.*)/(@(?:` + xmlNSIdent + `))=` + xmlQuoted + `$`)
	lastPredicate  = lazyregexp.New(`^(.*)/(` + xmlNSIdent + `)\[(.*)\]$`)
	lastText       = lazyregexp.New(`^(.*)/text\(\)=` + xmlQuoted + `$`)
)

// xmlStep is the last step of an XPath: an element, an attribute (attr), or a text
// (neither), with what it is to be, or the conditions that an element is to meet.
type xmlStep struct {
	name       string
	attr       bool
	text       *string
	conditions []string
}

// splitXPath takes the last step off an XPath that can be made.
func splitXPath(xpath string) (rest string, step xmlStep, ok bool) {
	xpath = strings.TrimSpace(xpath)
	unquoted := func(s string) *string {
		s = s[1 : len(s)-1]
		return &s
	}
	if m := lastElement().FindStringSubmatch(xpath); m != nil {
		return m[1], xmlStep{name: m[2]}, true
	}
	if m := lastElementIs().FindStringSubmatch(xpath); m != nil {
		return m[1], xmlStep{name: m[2], text: unquoted(m[3])}, true
	}
	if m := lastAttribute().FindStringSubmatch(xpath); m != nil {
		return m[1], xmlStep{name: m[2][1:], attr: true}, true
	}
	if m := lastAttributeI().FindStringSubmatch(xpath); m != nil {
		return m[1], xmlStep{name: m[2][1:], attr: true, text: unquoted(m[3])}, true
	}
	if m := lastPredicate().FindStringSubmatch(xpath); m != nil {
		step := xmlStep{name: m[2], conditions: []string{}}
		for c := range strings.SplitSeq(m[3], " and ") {
			step.conditions = append(step.conditions, strings.TrimSpace(c))
		}
		return m[1], step, true
	}
	if m := lastText().FindStringSubmatch(xpath); m != nil {
		return m[1], xmlStep{text: unquoted(m[2])}, true
	}
	return xpath, xmlStep{}, false
}

// make makes what an XPath names, with all above it that is missing.
func (x *xmlEdit) make(from *xmltree.Node, xpath string) error {
	rest, step, ok := splitXPath(xpath)
	if !ok || rest == "" {
		return module.Fail("Can't process Xpath " + xpath + " in order to spawn nodes! tree is " + x.doc.Root().String())
	}
	is, err := x.isNode(from, rest)
	if err == nil && !is {
		if err = x.make(from, rest); err == nil {
			is, err = x.isNode(from, rest)
		}
	}
	if err != nil || !is {
		return err
	}
	nodes, err := x.elements(from, rest)
	if err != nil {
		return err
	}
	return x.makeStep(nodes, step)
}

func (x *xmlEdit) makeStep(nodes []*xmltree.Node, step xmlStep) error {
	name, err := x.clark(step.name)
	if err != nil {
		return err
	}
	if step.name != "" && !step.attr {
		child := xmltree.New(name)
		if step.text != nil && *step.text != "" {
			child.SetText(*step.text)
		}
		for _, n := range nodes {
			n.Append(child)
			for _, c := range step.conditions {
				if err := x.make(child, "./"+c); err != nil {
					return err
				}
			}
		}
		return nil
	}
	text := ""
	if step.text != nil {
		text = *step.text
	}
	for _, n := range nodes {
		now, has := n.Text()
		switch {
		case step.attr:
			if now, has := n.Get(name); !has || step.text == nil || now != text {
				n.Set(name, text)
			}
		case !has || now != text:
			n.SetText(text)
		}
	}
	return nil
}

// children makes elements of what a task gives.
func (x *xmlEdit) children(list value.Value, kind string) ([]*xmltree.Node, error) {
	var out []*xmltree.Node
	for _, v := range list.Items() {
		n, err := x.child(v, kind)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

func (x *xmlEdit) child(v value.Value, kind string) (*xmltree.Node, error) {
	switch {
	case kind == "xml":
		doc, err := xmltree.Parse([]byte(v.Text()), xmltree.Options{PlainCDATA: true})
		if err != nil {
			return nil, module.Fail("Error while parsing child element: " + err.Error())
		}
		root := doc.Root()
		root.Remove()
		return root, nil
	case v.IsString():
		return xmltree.New(v.Str()), nil
	case v.Map() == nil || v.Len() == 0:
		return nil, module.Fail("Invalid child type: <class '" + v.TypeName() + "'>. Children must be either strings or hashes.")
	case v.Len() > 1:
		return nil, module.Fail("Can only create children from hashes with one key")
	}
	for k, content := range v.Map().All() {
		n := xmltree.New(k.Text())
		return n, x.fill(n, content)
	}
	return nil, errors.New("a dict without keys") // its length says otherwise
}

// fill gives a new element its text, or its attributes and children.
func (x *xmlEdit) fill(n *xmltree.Node, content value.Value) error {
	if content.Map() == nil {
		if content.IsNull() {
			return nil
		}
		text, err := xmlText(content)
		if err == nil {
			n.SetText(text)
		}
		return err
	}
	for k, v := range content.Map().All() {
		if k.Text() != "_" {
			text, err := xmlText(v)
			if err != nil {
				return err
			}
			n.Set(k.Text(), text)
			continue
		}
		if v.IsNull() {
			continue
		}
		if v.Kind() != value.KindList {
			return module.Fail("Invalid children type: <class '" + v.TypeName() + "'>, must be list.")
		}
		below, err := x.children(v, "yaml")
		if err != nil {
			return err
		}
		n.Append(below...)
	}
	return nil
}
