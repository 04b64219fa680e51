// Package xmltree holds an XML document as a tree that keeps what an edit must
// not lose (comments, CDATA, blanks, prefixes), finds nodes by XPath, and writes
// documents as libxml2 writes them.
package xmltree

import (
	"slices"
	"strconv"
	"strings"
)

// Kind is the kind of a node.
type Kind uint8

// The kinds of nodes. Document is the one above the root element.
const (
	Document Kind = iota
	Element
	Text
	CDATA
	Comment
	ProcInst
)

// Name is a name with its prefix and the address that this stands for.
type Name struct{ Prefix, Space, Local string }

// Clark writes a name as {address}local.
func (n Name) Clark() string {
	if n.Space == "" {
		return n.Local
	}
	return "{" + n.Space + "}" + n.Local
}

func (n Name) String() string {
	if n.Prefix == "" {
		return n.Local
	}
	return n.Prefix + ":" + n.Local
}

// Attr is an attribute.
type Attr struct {
	Name
	Value string
}

// Decl says what a prefix ("" for none) stands for.
type Decl struct{ Prefix, Space string }

// Node is a node of a document.
type Node struct {
	Kind Kind
	Name        // of an element, or a processing instruction
	Data string // of the others, and what an instruction says
	// Decls and Attrs are those of an element, in their order.
	Decls    []Decl
	Attrs    []Attr
	Parent   *Node
	Children []*Node
	// Doctype is the declaration of a document, as written; "" for none.
	Doctype string
}

// Root is the root element of a document.
func (n *Node) Root() *Node {
	for _, c := range n.Children {
		if c.Kind == Element {
			return c
		}
	}
	return nil
}

// isText tells text and CDATA from the rest.
func (n *Node) isText() bool { return n.Kind == Text || n.Kind == CDATA }

// Text is the text in front of the first child, and whether there is any.
func (n *Node) Text() (string, bool) {
	var b strings.Builder
	for i, c := range n.Children {
		if !c.isText() {
			return b.String(), i > 0
		}
		b.WriteString(c.Data)
	}
	return b.String(), len(n.Children) > 0
}

// SetText puts a text in place of the one in front of the first child.
func (n *Node) SetText(s string) {
	i := 0
	for i < len(n.Children) && n.Children[i].isText() {
		i++
	}
	n.Children = append([]*Node{{Kind: Text, Data: s, Parent: n}}, n.Children[i:]...)
}

// ClearText removes the text in front of the first child.
func (n *Node) ClearText() {
	for len(n.Children) > 0 && n.Children[0].isText() {
		n.Children = n.Children[1:]
	}
}

// Elements are the children that are no text.
func (n *Node) Elements() []*Node {
	var out []*Node
	for _, c := range n.Children {
		if !c.isText() {
			out = append(out, c)
		}
	}
	return out
}

// Get gives an attribute by its {address}local name.
func (n *Node) Get(clark string) (string, bool) {
	for _, a := range n.Attrs {
		if a.Clark() == clark {
			return a.Value, true
		}
	}
	return "", false
}

// Set sets an attribute by its {address}local name; one that is new comes last.
func (n *Node) Set(clark, value string) {
	for i, a := range n.Attrs {
		if a.Clark() == clark {
			n.Attrs[i].Value = value
			return
		}
	}
	name := parseClark(clark)
	if name.Space != "" {
		name.Prefix = n.prefixFor(name.Space, false)
	}
	n.Attrs = append(n.Attrs, Attr{name, value})
}

// Unset removes an attribute.
func (n *Node) Unset(clark string) {
	n.Attrs = slices.DeleteFunc(n.Attrs, func(a Attr) bool { return a.Clark() == clark })
}

func parseClark(s string) Name {
	if rest, ok := strings.CutPrefix(s, "{"); ok {
		space, local, _ := strings.Cut(rest, "}")
		return Name{Space: space, Local: local}
	}
	return Name{Local: s}
}

// New makes an element that belongs to no document.
func New(clark string) *Node {
	n := &Node{Kind: Element, Name: parseClark(clark)}
	if n.Space != "" {
		n.Prefix = n.prefixFor(n.Space, true)
	}
	return n
}

// lookup finds a prefix that stands for an address here.
func (n *Node) lookup(space string, bare bool) (string, bool) {
	hidden := map[string]bool{}
	for at := n; at != nil; at = at.Parent {
		for _, d := range at.Decls {
			if d.Space == space && !hidden[d.Prefix] && (bare || d.Prefix != "") {
				return d.Prefix, true
			}
			hidden[d.Prefix] = true
		}
	}
	return "", false
}

// prefixFor gives a prefix for an address, which is declared at the node when
// nothing above declares one.
func (n *Node) prefixFor(space string, bare bool) string {
	if p, ok := n.lookup(space, bare); ok {
		return p
	}
	for i := 0; ; i++ {
		p := "ns" + strconv.Itoa(i)
		if !n.declares(p) {
			n.Decls = append(n.Decls, Decl{p, space})
			return p
		}
	}
}

func (n *Node) declares(prefix string) bool {
	for at := n; at != nil; at = at.Parent {
		if slices.ContainsFunc(at.Decls, func(d Decl) bool { return d.Prefix == prefix }) {
			return true
		}
	}
	return false
}

// Remove takes a node, with the text behind it, out of its parent.
func (n *Node) Remove() {
	p := n.Parent
	if p == nil {
		return
	}
	i := slices.Index(p.Children, n)
	end := i + 1
	for end < len(p.Children) && p.Children[end].isText() {
		end++
	}
	p.Children = slices.Delete(p.Children, i, end)
	n.Parent = nil
}

// Append makes nodes the last children of n. A node that is elsewhere goes from there.
func (n *Node) Append(nodes ...*Node) {
	for _, c := range nodes {
		c.Remove()
		c.Parent = n
		n.Children = append(n.Children, c)
		n.adopt(c)
	}
}

// Insert makes nodes children of n in front of the one that is at a place among
// its Elements, or its last.
func (n *Node) Insert(at int, nodes ...*Node) {
	for i, c := range nodes {
		c.Remove()
		all := n.Elements()
		if at+i >= len(all) {
			n.Append(c)
			continue
		}
		n.Children = slices.Insert(n.Children, slices.Index(n.Children, all[at+i]), c)
		c.Parent = n
		n.adopt(c)
	}
}

// adopt leaves out declarations of a new child that say again what is known.
func (n *Node) adopt(c *Node) {
	for _, d := range slices.Clone(c.Decls) {
		p, known := n.lookup(d.Space, true)
		if !known {
			continue
		}
		c.Decls = slices.DeleteFunc(c.Decls, func(x Decl) bool { return x == d })
		c.rename(d, p)
	}
}

// rename gives all names of a declaration that is gone another prefix.
func (n *Node) rename(gone Decl, prefix string) {
	if n.Kind != Element {
		return
	}
	if n.Space == gone.Space && n.Prefix == gone.Prefix {
		n.Prefix = prefix
	}
	for i, a := range n.Attrs {
		if a.Space == gone.Space && a.Prefix == gone.Prefix && prefix != "" {
			n.Attrs[i].Prefix = prefix
		}
	}
	for _, c := range n.Children {
		c.rename(gone, prefix)
	}
}

// Path is where a node is, as libxml2 writes it: /a/b[2]; a name without a
// prefix that stands for an address is *.
func (n *Node) Path() string {
	if n.Parent == nil {
		return ""
	}
	step := func(x *Node) string {
		switch {
		case x.Kind == Comment:
			return "comment()"
		case x.Kind == ProcInst:
			return "processing-instruction('" + x.Local + "')"
		case x.isText():
			return "text()"
		case x.Space != "" && x.Prefix == "":
			return "*"
		}
		return x.Name.String()
	}
	name, at, all := step(n), 0, 0
	for _, s := range n.Parent.Children {
		same := s.Kind == n.Kind && step(s) == name
		if name == "*" {
			same = s.Kind == Element
		}
		if same {
			all++
		}
		if s == n {
			at = all
		}
	}
	if all > 1 {
		name += "[" + strconv.Itoa(at) + "]"
	}
	return n.Parent.Path() + "/" + name
}
