package xmltree

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
)

// Options say how a document is read.
type Options struct {
	// DropBlanks leaves out blanks between elements, as libxml2 does where it is
	// told to: not where an element has text.
	DropBlanks bool
	// PlainCDATA reads CDATA as text.
	PlainCDATA bool
}

// Parse reads a document, in the encoding that it names.
func Parse(text []byte, o Options) (*Node, error) {
	text, err := decoded(text)
	if err != nil {
		return nil, err
	}
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	p := &parser{text: text, Options: o, doc: &Node{Kind: Document}, d: xml.NewDecoder(bytes.NewReader(text))}
	p.d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // it is UTF-8 by now
	p.at = p.doc
	for {
		from := p.d.InputOffset()
		t, err := p.d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = p.token(t, from)
		}
		if err != nil {
			line, col := p.d.InputPos()
			var syntax *xml.SyntaxError
			if errors.As(err, &syntax) {
				err = errors.New(syntax.Msg)
			}
			return nil, fmt.Errorf("%w, line %d, column %d", err, line, col)
		}
	}
	switch {
	case p.at != p.doc:
		return nil, fmt.Errorf("the element %s is not closed", p.at.Name)
	case p.doc.Root() == nil:
		return nil, says("Document is empty, line 1, column 1")
	}
	if o.DropBlanks {
		dropBlanks(p.doc.Root(), false)
	}
	return p.doc, nil
}

// decoded is a text in UTF-8: by the mark at its beginning, or by its declaration.
func decoded(text []byte) ([]byte, error) {
	for mark, e := range map[string]unicode.Endianness{"\xff\xfe": unicode.LittleEndian, "\xfe\xff": unicode.BigEndian} {
		if bytes.HasPrefix(text, []byte(mark)) {
			return unicode.UTF16(e, unicode.UseBOM).NewDecoder().Bytes(text)
		}
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	head, _, _ := bytes.Cut(text, []byte("?>"))
	_, rest, ok := strings.Cut(string(head), "encoding=")
	if !bytes.HasPrefix(text, []byte("<?xml")) || !ok || len(rest) < 2 {
		return text, nil
	}
	name, _, _ := strings.Cut(rest[1:], rest[:1])
	if strings.EqualFold(name, "utf-8") || strings.EqualFold(name, "us-ascii") || strings.EqualFold(name, "ascii") {
		return text, nil
	}
	e, err := htmlindex.Get(name)
	if err != nil {
		return nil, fmt.Errorf("the encoding %s is not known", name)
	}
	return e.NewDecoder().Bytes(text)
}

// parser makes a tree of tokens.
type parser struct {
	Options
	text []byte
	d    *xml.Decoder
	doc  *Node
	at   *Node
}

func (p *parser) token(t xml.Token, from int64) error {
	raw := p.text[from:p.d.InputOffset()]
	switch t := t.(type) {
	case xml.StartElement:
		return p.start(t)
	case xml.EndElement:
		if p.at == p.doc || t.Name.Space != p.at.Prefix || t.Name.Local != p.at.Local {
			return says("Opening and ending tag mismatch: %s and %s", p.at.Name, xmlName(t.Name))
		}
		p.at = p.at.Parent
	case xml.CharData:
		return p.chars(string(t), bytes.HasPrefix(raw, []byte("<![CDATA[")))
	case xml.Comment:
		p.add(&Node{Kind: Comment, Data: string(t)})
	case xml.ProcInst:
		if t.Target == "xml" {
			if len(p.doc.Children) > 0 || from > 0 {
				return errors.New("XML or text declaration not at start of entity")
			}
			return nil
		}
		p.add(&Node{Kind: ProcInst, Name: Name{Local: t.Target}, Data: string(t.Inst)})
	case xml.Directive:
		p.doc.Doctype = strings.TrimSpace(string(raw))
	}
	return nil
}

func xmlName(n xml.Name) Name { return Name{Prefix: n.Space, Local: n.Local} }

func (p *parser) add(n *Node) {
	n.Parent = p.at
	p.at.Children = append(p.at.Children, n)
}

func (p *parser) chars(s string, cdata bool) error {
	if p.at == p.doc {
		if strings.TrimSpace(s) != "" {
			return errors.New("there is text outside the root element")
		}
		return nil
	}
	n := &Node{Kind: Text, Data: s}
	if cdata && !p.PlainCDATA {
		n.Kind = CDATA
	}
	if last := len(p.at.Children) - 1; n.Kind == Text && last >= 0 && p.at.Children[last].Kind == Text {
		p.at.Children[last].Data += s
		return nil
	}
	p.add(n)
	return nil
}

func (p *parser) start(t xml.StartElement) error {
	if p.at == p.doc && p.doc.Root() != nil {
		return says("Extra content at the end of the document")
	}
	n := &Node{Kind: Element, Name: xmlName(t.Name)}
	p.add(n)
	for _, a := range t.Attr {
		switch {
		case a.Name.Space == "xmlns":
			n.Decls = append(n.Decls, Decl{a.Name.Local, a.Value})
		case a.Name.Space == "" && a.Name.Local == "xmlns":
			n.Decls = append(n.Decls, Decl{"", a.Value})
		default:
			n.Attrs = append(n.Attrs, Attr{xmlName(a.Name), a.Value})
		}
	}
	var err error
	if n.Space, err = n.resolve(n.Prefix); err != nil {
		return err
	}
	seen := map[string]bool{}
	for i, a := range n.Attrs {
		if a.Prefix != "" {
			if n.Attrs[i].Space, err = n.resolve(a.Prefix); err != nil {
				return err
			}
		}
		if seen[n.Attrs[i].Clark()] {
			return says("Attribute %s redefined", a.Name)
		}
		seen[n.Attrs[i].Clark()] = true
	}
	p.at = n
	return nil
}

// says makes an error in the words of libxml2, which the original module shows.
func says(format string, args ...any) error { return fmt.Errorf(format, args...) }

const xmlSpace = "http://www.w3.org/XML/1998/namespace"

// resolve says what a prefix stands for at a node.
func (n *Node) resolve(prefix string) (string, error) {
	if prefix == "xml" {
		return xmlSpace, nil
	}
	for at := n; at != nil; at = at.Parent {
		for _, d := range at.Decls {
			if d.Prefix == prefix {
				return d.Space, nil
			}
		}
	}
	if prefix != "" {
		return "", says("Namespace prefix %s on %s is not defined", prefix, n.Local)
	}
	return "", nil
}

// dropBlanks removes blanks between elements below a node.
func dropBlanks(n *Node, keep bool) {
	if v, ok := n.Get("{" + xmlSpace + "}space"); ok {
		keep = v == "preserve"
	}
	var left []*Node
	for i, c := range n.Children {
		if !keep && c.Kind == Text && strings.TrimSpace(c.Data) == "" && ignorable(n, left, i) {
			continue
		}
		left = append(left, c)
	}
	n.Children = left
	for _, c := range n.Children {
		dropBlanks(c, keep)
	}
}

// ignorable is libxml2's rule for the blank that is child i of n, of whose
// children in front of it some are left: an element with text keeps its blanks,
// as does one with nothing else.
func ignorable(n *Node, left []*Node, i int) bool {
	next := i+1 < len(n.Children)
	if next && n.Children[i+1].Kind == CDATA {
		next = true
	}
	switch {
	case len(left) == 0:
		return next
	case left[len(left)-1].isText(), left[0].isText():
		return false
	}
	return true
}
