package xmltree

import (
	"fmt"
	"strings"

	"github.com/antchfx/xpath"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
)

// Match is what an expression finds: a node, or an attribute or text of one.
type Match struct {
	Node *Node
	Attr *Attr // of Node; nil when it is the node itself
}

// XPath is an expression that was read.
type XPath struct{ e *xpath.Expr }

// Compile reads an expression; spaces says what its prefixes stand for.
func Compile(expr string, spaces map[string]string) (x XPath, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	if spaces == nil {
		spaces = map[string]string{}
	}
	e, err := xpath.CompileWithNS(wildcards(expr, spaces), spaces)
	return XPath{e}, err
}

// prefixedAny is any element of a prefix, and what is quoted beside it.
var prefixedAny = lazyregexp.New(`'[^']*'|"[^"]*"|([A-Za-z_][\w.-]*):\*`)

// wildcards spells p:* in a way that the library understands.
func wildcards(expr string, spaces map[string]string) string {
	return prefixedAny().ReplaceAllStringFunc(expr, func(s string) string {
		space, known := spaces[strings.TrimSuffix(s, ":*")]
		if !known {
			return s
		}
		return "*[namespace-uri()='" + space + "']"
	})
}

// Find gives what the expression finds from a node on, in the document's order;
// from a document, a path that is not absolute begins at its root element.
func (x XPath) Find(from *Node) (found []Match, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	for it := x.e.Select(newNavigator(from)); it.MoveNext(); {
		at := it.Current().(*navigator)
		m := Match{Node: at.node}
		if at.attr >= 0 {
			m.Attr = &at.node.Attrs[at.attr]
		}
		found = append(found, m)
	}
	return found, nil
}

// Number gives what an expression such as count(//a) comes to.
func (x XPath) Number(from *Node) (n float64, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	f, ok := x.e.Evaluate(newNavigator(from)).(float64)
	if !ok {
		return 0, fmt.Errorf("the expression is no number")
	}
	return f, nil
}

// navigator walks a tree for the library.
type navigator struct {
	node *Node
	attr int // among the node's attributes; -1: the node itself
}

func newNavigator(n *Node) *navigator {
	if n.Kind == Document && n.Root() != nil {
		n = n.Root()
	}
	return &navigator{n, -1}
}

func (v *navigator) NodeType() xpath.NodeType {
	switch {
	case v.attr >= 0:
		return xpath.AttributeNode
	case v.node.Kind == Document:
		return xpath.RootNode
	case v.node.isText():
		return xpath.TextNode
	case v.node.Kind == Element:
		return xpath.ElementNode
	}
	return xpath.CommentNode
}

func (v *navigator) name() Name {
	if v.attr >= 0 {
		return v.node.Attrs[v.attr].Name
	}
	return v.node.Name
}

func (v *navigator) LocalName() string { return v.name().Local }
func (v *navigator) Prefix() string    { return v.name().Prefix }

// NamespaceURL is what the prefix stands for; the library asks for it by this name.
func (v *navigator) NamespaceURL() string { return v.name().Space }

func (v *navigator) Value() string {
	if v.attr >= 0 {
		return v.node.Attrs[v.attr].Value
	}
	if v.node.Kind != Element && v.node.Kind != Document {
		return v.node.Data
	}
	var b strings.Builder
	v.node.innerText(&b)
	return b.String()
}

func (n *Node) innerText(b *strings.Builder) {
	for _, c := range n.Children {
		if c.isText() {
			b.WriteString(c.Data)
		} else if c.Kind == Element {
			c.innerText(b)
		}
	}
}

func (v *navigator) Copy() xpath.NodeNavigator {
	c := *v
	return &c
}

func (v *navigator) MoveToRoot() {
	v.attr = -1
	for v.node.Parent != nil {
		v.node = v.node.Parent
	}
}

func (v *navigator) MoveToParent() bool {
	if v.attr >= 0 {
		v.attr = -1
		return true
	}
	if v.node.Parent == nil {
		return false
	}
	v.node = v.node.Parent
	return true
}

func (v *navigator) MoveToNextAttribute() bool {
	if v.attr+1 >= len(v.node.Attrs) {
		return false
	}
	v.attr++
	return true
}

func (v *navigator) MoveToChild() bool {
	if v.attr >= 0 || len(v.node.Children) == 0 {
		return false
	}
	v.node = v.node.Children[0]
	return true
}

// sibling is the node that is by steps behind this one.
func (v *navigator) sibling(steps int, first bool) bool {
	if v.attr >= 0 || v.node.Parent == nil {
		return false
	}
	all := v.node.Parent.Children
	at := steps
	if !first {
		for i, c := range all {
			if c == v.node {
				at += i
				break
			}
		}
	}
	if at < 0 || at >= len(all) {
		return false
	}
	v.node = all[at]
	return true
}

func (v *navigator) MoveToFirst() bool    { return v.sibling(0, true) }
func (v *navigator) MoveToNext() bool     { return v.sibling(1, false) }
func (v *navigator) MoveToPrevious() bool { return v.sibling(-1, false) }

func (v *navigator) MoveTo(o xpath.NodeNavigator) bool {
	to, ok := o.(*navigator)
	if ok {
		*v = *to
	}
	return ok
}
