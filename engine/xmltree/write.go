package xmltree

import (
	"slices"
	"strings"
)

var (
	textEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#13;")
	attrEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\n", "&#10;", "\r", "&#13;", "\t", "&#9;")
)

// Write writes a document with its declaration, in UTF-8. With pretty, elements
// stand on lines of their own where there is no text beside them.
func (n *Node) Write(pretty bool) []byte {
	var b strings.Builder
	b.WriteString("<?xml version='1.0' encoding='UTF-8'?>\n")
	if n.Doctype != "" {
		b.WriteString(n.Doctype + "\n")
	}
	behind := false
	for _, c := range n.Children {
		if pretty && behind {
			b.WriteByte('\n')
		}
		c.write(&b, pretty, 0)
		behind = behind || c.Kind == Element
		if pretty && !behind {
			b.WriteByte('\n')
		}
	}
	if pretty {
		b.WriteByte('\n')
	}
	return []byte(b.String())
}

// String writes a node alone.
func (n *Node) String() string {
	var b strings.Builder
	n.write(&b, false, 0)
	return b.String()
}

// Canonical writes an element so that it can be compared: blanks between
// elements do not count, nor does how a text is written.
func (n *Node) Canonical() string {
	c, err := Parse([]byte(n.String()), Options{DropBlanks: true, PlainCDATA: true})
	if err != nil { // a part of a document, with prefixes from above
		return n.String()
	}
	return c.Root().String()
}

func (n *Node) write(b *strings.Builder, pretty bool, level int) {
	switch n.Kind {
	case Text:
		b.WriteString(textEscapes.Replace(n.Data))
	case CDATA:
		b.WriteString("<![CDATA[" + n.Data + "]]>")
	case Comment:
		b.WriteString("<!--" + n.Data + "-->")
	case ProcInst:
		b.WriteString("<?" + n.Local)
		if n.Data != "" {
			b.WriteString(" " + n.Data)
		}
		b.WriteString("?>")
	case Element:
		n.writeElement(b, pretty, level)
	}
}

func (n *Node) writeElement(b *strings.Builder, pretty bool, level int) {
	b.WriteString("<" + n.Name.String())
	for _, d := range n.Decls {
		name := " xmlns"
		if d.Prefix != "" {
			name += ":" + d.Prefix
		}
		b.WriteString(name + `="` + attrEscapes.Replace(d.Space) + `"`)
	}
	for _, a := range n.Attrs {
		b.WriteString(" " + a.Name.String() + `="` + attrEscapes.Replace(a.Value) + `"`)
	}
	if len(n.Children) == 0 {
		b.WriteString("/>")
		return
	}
	b.WriteByte('>')
	pretty = pretty && !slices.ContainsFunc(n.Children, (*Node).isText)
	for _, c := range n.Children {
		if pretty {
			b.WriteString("\n" + strings.Repeat("  ", level+1))
		}
		c.write(b, pretty, level+1)
	}
	if pretty {
		b.WriteString("\n" + strings.Repeat("  ", level))
	}
	b.WriteString("</" + n.Name.String() + ">")
}

// Tailed writes a node with the text behind it.
func (n *Node) Tailed() string {
	var b strings.Builder
	n.write(&b, false, 0)
	if n.Parent == nil {
		return b.String()
	}
	for _, c := range n.Parent.Children[slices.Index(n.Parent.Children, n)+1:] {
		if !c.isText() {
			break
		}
		c.write(&b, false, 0)
	}
	return b.String()
}
