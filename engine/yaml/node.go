// Package yaml reads YAML text into a tree of nodes with positions, and its
// scalars as PyYAML's safe loader reads YAML 1.1: yes and no are booleans,
// 0644 is 420, 12:30:45 is a number, 1e3 is a string. It knows the tags that
// Ansible adds (!vault, !unsafe) and says where and why a text does not parse.
package yaml

import (
	"strings"
	"unicode/utf8"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
)

// Kind is the shape of a node.
type Kind uint8

// The kinds of node.
const (
	Scalar Kind = iota
	Sequence
	Mapping
)

// String is the name people use for the kind.
func (k Kind) String() string { return [...]string{"scalar", "list", "mapping"}[k] }

// Style is how a scalar was written.
type Style uint8

// The styles of scalars. Synthetic marks a node that was made by the program
// or read from something that is no YAML, such as an INI line.
const (
	Plain Style = iota
	SingleQuoted
	DoubleQuoted
	Literal // |
	Folded  // >
	Synthetic
)

// Node is one node of a parsed text. A node is immutable once Parse has
// returned it. Aliases are resolved: the same node may stand in several places.
type Node struct {
	// Pos is where the node begins: the indicator of a block scalar, the
	// opening quote, the first key of a block mapping.
	Pos  diag.Pos
	Kind Kind
	// Tag is the explicit tag ("!vault", "!!str"), empty when there is none.
	Tag string
	// Style and Text are the style and the content of a scalar before its
	// type was resolved: the text of `yes` is "yes", its value true.
	Style Style
	Text  string
	// Items are the elements of a sequence.
	Items []*Node
	// Pairs are the entries of a mapping in order of writing, merge keys
	// already merged, of duplicate keys only the last.
	Pairs []Pair
	// Problem says why the value of this node cannot be used, such as a vault
	// text without its password. Using the value is an error; having it is not.
	Problem *diag.Diagnostic

	val  value.Value
	src  *lines // the text the node came from, for PosAt
	size int    // nodes below and including this one, aliases expanded
}

// Pair is one entry of a mapping.
type Pair struct{ Key, Value *Node }

// Value is the node as a playbook value: scalars resolved, marks set. A node
// with a Problem gives an undefined value that carries its message.
func (n *Node) Value() value.Value {
	if n == nil {
		return value.Null
	}
	return n.val
}

// Get gives the value of a string key of a mapping, nil when there is none.
func (n *Node) Get(key string) *Node {
	if p := n.Pair(key); p != nil {
		return p.Value
	}
	return nil
}

// Pair gives the entry of a string key of a mapping, nil when there is none.
func (n *Node) Pair(key string) *Pair {
	if n == nil {
		return nil
	}
	for i := range n.Pairs {
		if k := n.Pairs[i].Key; k.val.IsString() && k.val.Str() == key {
			return &n.Pairs[i]
		}
	}
	return nil
}

// IsNull tells whether the node is absent or null.
func (n *Node) IsNull() bool {
	return n == nil || n.Kind == Scalar && n.Problem == nil && n.val.IsNull()
}

// IsString tells whether the node is a scalar with a string value.
func (n *Node) IsString() bool { return n != nil && n.Kind == Scalar && n.val.IsString() }

// Str is the string of a string scalar, "" for everything else.
func (n *Node) Str() string {
	if n == nil {
		return ""
	}
	return n.val.Str()
}

// HasTemplate tells whether a string anywhere in the node holds a template
// marker and is not marked unsafe.
func (n *Node) HasTemplate() bool {
	if n == nil {
		return false
	}
	switch n.Kind {
	case Sequence:
		for _, it := range n.Items {
			if it.HasTemplate() {
				return true
			}
		}
	case Mapping:
		for _, p := range n.Pairs {
			if p.Key.HasTemplate() || p.Value.HasTemplate() {
				return true
			}
		}
	default:
		return n.val.IsString() && !n.val.IsUnsafe() && IsTemplate(n.val.Str())
	}
	return false
}

// IsTemplate tells whether s holds a Jinja2 marker.
func IsTemplate(s string) bool {
	return strings.Contains(s, "{{") || strings.Contains(s, "{%") || strings.Contains(s, "{#")
}

// Describe names what the node is, for messages: "a list", "the string 'x'".
func (n *Node) Describe() string {
	switch {
	case n.IsNull():
		return "nothing"
	case n.Kind == Mapping:
		return "a mapping"
	case n.Kind == Sequence:
		return "a list"
	case n.Problem != nil:
		return "an encrypted value"
	case n.val.IsSecret():
		return "a secret value"
	case n.val.IsString():
		return "the string " + shorten(n.val.Repr())
	}
	return "the " + n.val.Kind().String() + " " + shorten(n.val.Repr())
}

func shorten(s string) string {
	const limit = 60
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:limit]) + "..."
}

// List is the elements of a sequence, or the node itself as the only element;
// nothing for null. Most keywords of playbooks take one or many.
func (n *Node) List() []*Node {
	switch {
	case n.IsNull():
		return nil
	case n.Kind == Sequence:
		return n.Items
	}
	return []*Node{n}
}

// FromValue makes a node that was not written as YAML: pos is where its
// source stands. Elements of lists and dicts get the same position.
func FromValue(pos diag.Pos, v value.Value) *Node {
	n := &Node{Pos: pos, Style: Synthetic, val: v, size: 1}
	switch v.Kind() {
	case value.KindList:
		n.Kind = Sequence
		for _, it := range v.Items() {
			n.Items = append(n.Items, FromValue(pos, it))
		}
	case value.KindMap:
		n.Kind = Mapping
		for k, e := range v.Map().All() {
			n.Pairs = append(n.Pairs, Pair{FromValue(pos, k), FromValue(pos, e.WithMarks(v.Marks()))})
		}
	case value.KindString:
		n.Text = v.Str()
	default:
		n.Text = v.Text()
	}
	return n
}

// NewMapping makes a mapping node from pairs; of equal keys the last wins.
func NewMapping(pos diag.Pos, pairs []Pair) *Node {
	n := &Node{Pos: pos, Kind: Mapping, Style: Synthetic}
	n.setPairs(pairs)
	return n
}

// NewSequence makes a sequence node.
func NewSequence(pos diag.Pos, items []*Node) *Node {
	n := &Node{Pos: pos, Kind: Sequence, Style: Synthetic, Items: items}
	n.seal()
	return n
}

// setPairs stores pairs, of equal keys the last value at the first place, and
// computes the value.
func (n *Node) setPairs(pairs []Pair) {
	seen := value.NewMap()
	n.Pairs = pairs[:0:0]
	for _, p := range pairs {
		if i, ok := seen.GetKey(p.Key.val); ok {
			at, _ := i.AsInt()
			if !p.Key.val.IsString() { // 1 and true are one key: the first stays, as in Python
				p.Key = n.Pairs[at].Key
			}
			n.Pairs[at] = p
			continue
		}
		seen.SetKey(p.Key.val, value.Int(int64(len(n.Pairs))))
		n.Pairs = append(n.Pairs, p)
	}
	n.seal()
}

// seal computes value and size of a collection from its parts.
func (n *Node) seal() {
	n.size = 1
	switch n.Kind {
	case Sequence:
		items := make([]value.Value, len(n.Items))
		for i, it := range n.Items {
			items[i] = it.val
			n.size += it.size
		}
		n.val = value.List(items...)
	case Mapping:
		m := value.NewMap()
		for _, p := range n.Pairs {
			m.SetKey(p.Key.val, p.Value.val)
			n.size += 1 + p.Value.size
		}
		n.val = value.FromMap(m)
	}
	if n.size > maxNodes {
		n.size = maxNodes + 1
	}
}

// maxNodes bounds what aliases may expand to.
const maxNodes = 2_000_000

// lines is a text cut into lines.
type lines struct{ text []string }

// PosAt maps a byte offset in the node's string to where that byte stands in
// the file. It is exact for plain and literal scalars and for quoted ones
// without escapes on one line, and at worst the start of the node.
func (n *Node) PosAt(offset int) diag.Pos {
	if n == nil {
		return diag.Pos{}
	}
	if n.Kind != Scalar || offset < 0 || offset > len(n.Text) || n.src == nil {
		return n.Pos
	}
	return n.posAt(offset)
}

func (n *Node) posAt(offset int) diag.Pos {
	pos := n.Pos
	before := n.Text[:offset]
	switch n.Style {
	case Literal, Folded:
		return n.blockPosAt(before)
	case SingleQuoted, DoubleQuoted:
		pos.Col++
	}
	line := n.src.at(pos.Line)
	start := byteOfCol(line, pos.Col)
	if rest := line[min(start, len(line)):]; strings.HasPrefix(rest, before) {
		pos.Col += utf8.RuneCountInString(before)
		return pos
	}
	// Escapes or continuation lines: look for what follows the offset.
	return n.searchPos(offset)
}

// searchPos finds the word at offset in the lines of the node.
func (n *Node) searchPos(offset int) diag.Pos {
	after := n.Text[offset:]
	if i := strings.IndexAny(after, " \n\t"); i > 0 {
		after = after[:i]
	}
	if after == "" {
		return n.Pos
	}
	nth := strings.Count(n.Text[:offset], after)
	pos, from := n.Pos, byteOfCol(n.src.at(n.Pos.Line), n.Pos.Col)
	for l := pos.Line; l <= len(n.src.text) && l < pos.Line+1000; l++ {
		line := n.src.at(l)
		for {
			i := strings.Index(line[min(from, len(line)):], after)
			if i < 0 {
				break
			}
			if nth == 0 {
				pos.Line, pos.Col = l, utf8.RuneCountInString(line[:from+i])+1
				return pos
			}
			nth--
			from += i + len(after)
		}
		from = 0
	}
	return n.Pos
}

// blockPosAt maps into a block scalar, whose content begins on the line after
// its indicator.
func (n *Node) blockPosAt(before string) diag.Pos {
	pos := n.Pos
	if n.Style == Folded {
		return n.searchPos(len(before))
	}
	indent, first := -1, ""
	if i := strings.IndexByte(n.Text, '\n'); i >= 0 {
		first = n.Text[:i]
	} else {
		first = n.Text
	}
	if line := n.src.at(pos.Line + 1); strings.HasSuffix(line, first) {
		indent = len(line) - len(first)
	}
	if indent < 0 {
		return pos
	}
	last := before[strings.LastIndexByte(before, '\n')+1:]
	pos.Line += 1 + strings.Count(before, "\n")
	pos.Col = indent + utf8.RuneCountInString(last) + 1
	return pos
}

func (l *lines) at(n int) string {
	if n < 1 || n > len(l.text) {
		return ""
	}
	return l.text[n-1]
}

// byteOfCol is the byte offset of a 1-based column counted in characters.
func byteOfCol(line string, col int) int {
	i := 0
	for ; col > 1 && i < len(line); col-- {
		_, w := utf8.DecodeRuneInString(line[i:])
		i += w
	}
	return i
}
