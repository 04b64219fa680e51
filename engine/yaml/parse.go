package yaml

import (
	"bytes"
	"errors"
	"io"
	"strings"

	yamlv3 "gopkg.in/yaml.v3"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
)

// Options are what Parse needs from outside.
type Options struct {
	// Decrypt turns the text of a !vault scalar, or of a file that is a vault
	// as a whole, into its clear text. Without it, or when it fails, a !vault
	// node gets a Problem and an encrypted file does not parse.
	Decrypt func(ciphertext string) (string, error)
	// Warn receives what does not stop the parse, such as duplicate keys. May be nil.
	Warn func(*diag.Diagnostic)
	// Duplicates says what a key that stands twice in a mapping is: "error", "ignore",
	// or anything else for a warning.
	Duplicates string
	// Seen receives every text that is read, by the name of its file: whoever
	// wants to know later whether the file changed. May be nil.
	Seen func(file string, data []byte)
	// Written marks texts that are no templates as value.Written.
	Written bool
}

// Warning passes a warning on.
func (o Options) Warning(d *diag.Diagnostic) {
	if o.Warn != nil {
		d.Warning = true
		o.Warn(d)
	}
}

const vaultHeader = "$ANSIBLE_VAULT;"

// maxDepth bounds the nesting of collections.
const maxDepth = 1000

// Parse reads all documents of a text. An empty document is a null node; an
// empty text has no documents. The error is a *diag.Diagnostic.
func Parse(file string, data []byte, opts Options) ([]*Node, error) {
	if opts.Seen != nil {
		opts.Seen(file, data)
	}
	b := &builder{file: file, opts: opts, done: map[*yamlv3.Node]*Node{}, open: map[*yamlv3.Node]bool{}}
	if bytes.HasPrefix(data, []byte(vaultHeader)) {
		clear, d := b.decrypt(diag.Pos{File: file, Line: 1, Col: 1}, string(data))
		if d != nil {
			return nil, d
		}
		data, b.marks = []byte(clear), value.Secret
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	b.src = &lines{text: strings.Split(string(data), "\n")}
	raw, err := rawDocuments(data)
	if err != nil {
		return nil, locate(file, b.src, err)
	}
	var docs []*Node
	for _, r := range raw {
		n := b.document(r)
		if b.err != nil {
			return nil, b.err
		}
		docs = append(docs, n)
	}
	return docs, nil
}

// ParseOne reads a text of at most one document; an empty text is a null node.
func ParseOne(file string, data []byte, opts Options) (*Node, error) {
	docs, err := Parse(file, data, opts)
	switch {
	case err != nil:
		return nil, err
	case len(docs) == 0:
		return &Node{Pos: diag.Pos{File: file, Line: 1, Col: 1}, size: 1}, nil
	case len(docs) > 1:
		return nil, diag.Errorf(docs[1].Pos, "yaml-documents", "expected a single document, but another one begins here").
			WithHint("remove the line '---' in the middle of the file")
	}
	return docs[0], nil
}

// rawDocuments runs the YAML parser. A panic of it is an error: the text comes
// from outside.
func rawDocuments(data []byte) (docs []*yamlv3.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("the text cannot be read as YAML")
		}
	}()
	dec := yamlv3.NewDecoder(bytes.NewReader(data))
	for {
		var n yamlv3.Node
		switch err := dec.Decode(&n); {
		case errors.Is(err, io.EOF):
			return docs, nil
		case err != nil:
			return nil, err
		}
		docs = append(docs, &n)
	}
}

// builder turns the parser's nodes into ours.
type builder struct {
	file   string
	opts   Options
	src    *lines
	marks  value.Marks // added to every scalar
	unsafe int         // nesting of !unsafe
	depth  int
	done   map[*yamlv3.Node]*Node // anchored nodes
	open   map[*yamlv3.Node]bool  // anchored nodes being built
	err    error
}

func (b *builder) fail(pos diag.Pos, code, format string, args ...any) *diag.Diagnostic {
	d := diag.Errorf(pos, code, format, args...)
	if b.err == nil {
		b.err = d
	}
	return d
}

func (b *builder) pos(r *yamlv3.Node) diag.Pos {
	return diag.Pos{File: b.file, Line: r.Line, Col: r.Column}
}

func (b *builder) document(r *yamlv3.Node) *Node {
	if r.Kind != yamlv3.DocumentNode || len(r.Content) == 0 {
		return &Node{Pos: diag.Pos{File: b.file, Line: max(r.Line, 1), Col: 1}, size: 1}
	}
	n := b.node(r.Content[0])
	if b.err == nil && n.size > maxNodes {
		b.fail(n.Pos, "yaml-aliases", "the aliases of this document expand to more than %d values", maxNodes)
	}
	return n
}

func (b *builder) node(r *yamlv3.Node) *Node {
	if r.Kind == yamlv3.AliasNode {
		return b.alias(r)
	}
	if r.Anchor != "" && b.unsafe == 0 {
		b.open[r] = true
		n := b.build(r)
		delete(b.open, r)
		b.done[r] = n
		return n
	}
	return b.build(r)
}

func (b *builder) alias(r *yamlv3.Node) *Node {
	if b.open[r.Alias] {
		b.fail(b.pos(r), "yaml-aliases", "the alias *%s stands inside of what it refers to", r.Value)
		return &Node{Pos: b.pos(r)}
	}
	n := b.done[r.Alias]
	if n == nil { // anchored inside an !unsafe node
		n = b.build(r.Alias)
		b.done[r.Alias] = n
	}
	if b.unsafe > 0 {
		return markNode(n, value.Unsafe)
	}
	return n
}

// markNode copies a tree with marks added to its scalars.
func markNode(n *Node, m value.Marks) *Node {
	c := *n
	switch n.Kind {
	case Sequence:
		c.Items = make([]*Node, len(n.Items))
		for i, it := range n.Items {
			c.Items[i] = markNode(it, m)
		}
		c.seal()
	case Mapping:
		c.Pairs = make([]Pair, len(n.Pairs))
		for i, p := range n.Pairs {
			c.Pairs[i] = Pair{p.Key, markNode(p.Value, m)}
		}
		c.seal()
	default:
		c.val = n.val.WithMarks(m)
	}
	return &c
}

func (b *builder) build(r *yamlv3.Node) *Node {
	n := &Node{Pos: b.pos(r), size: 1, src: b.src}
	if b.err != nil {
		return n
	}
	if b.depth++; b.depth > maxDepth {
		b.fail(n.Pos, "yaml-depth", "collections are nested more than %d deep", maxDepth)
		return n
	}
	defer func() { b.depth-- }()
	if r.Style&yamlv3.TaggedStyle != 0 {
		n.Tag = shortTag(r.Tag)
	}
	if n.Tag == "!unsafe" {
		b.unsafe++
		defer func() { b.unsafe-- }()
	}
	switch r.Kind {
	case yamlv3.SequenceNode:
		b.sequence(n, r)
	case yamlv3.MappingNode:
		b.mapping(n, r)
	default:
		b.scalar(n, r)
	}
	return n
}

func (b *builder) sequence(n *Node, r *yamlv3.Node) {
	n.Kind = Sequence
	switch n.Tag {
	case "", "!!seq", "!unsafe", "!!omap", "!!pairs":
	default:
		b.unknownTag(n, "a list")
	}
	n.Items = make([]*Node, len(r.Content))
	for i, c := range r.Content {
		n.Items[i] = b.node(c)
	}
	n.seal()
}

func (b *builder) unknownTag(n *Node, on string) {
	d := b.fail(n.Pos, "yaml-tag", "the tag %s is not known for %s", n.Tag, on)
	d.Hint = "playbooks know !vault and !unsafe besides the types of YAML itself; a value that begins with ! must be quoted"
}

func (b *builder) mapping(n *Node, r *yamlv3.Node) {
	n.Kind = Mapping
	switch n.Tag {
	case "", "!!map", "!unsafe", "!!set", "!!python/dict":
	default:
		b.unknownTag(n, "a mapping")
	}
	var merged, own []Pair
	first := map[string]int{} // line of each string key
	for i := 0; i+1 < len(r.Content) && b.err == nil; i += 2 {
		rk, rv := r.Content[i], r.Content[i+1]
		if isMergeKey(rk) {
			merged = append(merged, b.mergePairs(rv)...)
			continue
		}
		k := b.node(rk)
		if k.Kind != Scalar {
			b.collectionKey(k, rk)
			return
		}
		v := b.node(rv)
		if name := k.val.Str(); k.val.IsString() {
			if at, dup := first[name]; dup {
				b.duplicate(k, at)
			}
			first[name] = k.Pos.Line
		}
		own = append(own, Pair{k, v})
	}
	n.setPairs(append(merged, own...))
}

// duplicate reports a key that stands twice, first at a line.
func (b *builder) duplicate(k *Node, at int) {
	switch name := k.val.Str(); b.opts.Duplicates {
	case "ignore":
	case "error":
		b.fail(k.Pos, "duplicate-key", "found a duplicate dict key (%s): it stands at line %d too", name, at)
	default:
		b.opts.Warning(diag.Errorf(k.Pos, "duplicate-key", "found a duplicate dict key (%s): the one at line %d is ignored", name, at))
	}
}

// collectionKey reports a list or mapping as a key: nearly always an unquoted
// {{ expression }}.
func (b *builder) collectionKey(k *Node, rk *yamlv3.Node) {
	if k.Kind == Mapping && rk.Style&yamlv3.FlowStyle != 0 {
		at := k.Pos
		if at.Col > 1 {
			at.Col-- // the outer brace
		}
		b.fail(at, "yaml-unquoted-template", "a mapping cannot be the key of a mapping").Hint =
			`a value that begins with a template must be quoted: "{{ name }}"`
		return
	}
	b.fail(k.Pos, "yaml-key", "%s cannot be the key of a mapping", k.Describe())
}

func isMergeKey(r *yamlv3.Node) bool {
	return r.Kind == yamlv3.ScalarNode && r.Value == "<<" && r.Style&^yamlv3.FlowStyle == 0
}

const mergeHint = "the key << takes an alias such as *name of a mapping; quote it if it is meant as a name"

// mergePairs are the entries that a merge key brings: of a mapping, or of
// several of which the first wins.
func (b *builder) mergePairs(r *yamlv3.Node) []Pair {
	n := b.node(r)
	switch n.Kind {
	case Mapping:
		return n.Pairs
	case Sequence:
		var all []Pair
		for i := len(n.Items) - 1; i >= 0; i-- {
			if n.Items[i].Kind != Mapping {
				b.fail(n.Items[i].Pos, "yaml-merge", "expected a mapping to merge, but found %s", n.Items[i].Describe()).Hint = mergeHint
				return nil
			}
			all = append(all, n.Items[i].Pairs...)
		}
		return all
	}
	b.fail(b.pos(r), "yaml-merge", "expected a mapping or a list of mappings to merge, but found %s", n.Describe()).Hint = mergeHint
	return nil
}

func (b *builder) scalar(n *Node, r *yamlv3.Node) {
	n.Text = r.Value
	switch {
	case r.Style&yamlv3.DoubleQuotedStyle != 0:
		n.Style = DoubleQuoted
	case r.Style&yamlv3.SingleQuotedStyle != 0:
		n.Style = SingleQuoted
	case r.Style&yamlv3.LiteralStyle != 0:
		n.Style = Literal
	case r.Style&yamlv3.FoldedStyle != 0:
		n.Style = Folded
	}
	switch n.Tag {
	case "":
		if n.Style == Plain {
			n.val = ResolvePlain(n.Text)
		} else {
			n.val = value.String(n.Text)
		}
	case "!vault", "!vault-encrypted":
		b.vault(n)
	case "!unsafe", "!", "!!str", "!!python/unicode":
		n.val = value.String(n.Text)
	default:
		v, err := convertTagged(n.Tag, n.Text)
		switch {
		case errors.Is(err, errUnknownTag):
			b.unknownTag(n, "a scalar")
		case err != nil:
			b.fail(n.Pos, "yaml-tag", "%q is no %s", n.Text, strings.TrimPrefix(n.Tag, "!!"))
		}
		n.val = v
	}
	if b.unsafe > 0 && n.val.IsString() {
		n.val = n.val.WithMarks(value.Unsafe)
	}
	n.val = n.val.WithMarks(b.marks)
	if b.opts.Written && n.val.IsString() && !strings.Contains(n.Text, "{{") && !strings.Contains(n.Text, "{%") {
		n.val = n.val.WithMarks(value.Written)
	}
}

func (b *builder) vault(n *Node) {
	clear, d := b.decrypt(n.Pos, n.Text)
	if d != nil {
		n.Problem = d
		n.val = value.UndefinedOf(&value.Undef{Msg: d.Error()}).WithMarks(value.Secret)
		return
	}
	n.val = value.String(clear).WithMarks(value.Secret | value.Vaulted)
}

func (b *builder) decrypt(pos diag.Pos, text string) (string, *diag.Diagnostic) {
	if b.opts.Decrypt == nil {
		return "", diag.Errorf(pos, "vault-password", "Attempting to decrypt but no vault secrets found").
			WithHint("give one with --vault-password-file, --vault-id or --ask-vault-pass")
	}
	clear, err := b.opts.Decrypt(text)
	if err != nil {
		return "", diag.Errorf(pos, "vault-decrypt", "cannot decrypt: %w", err)
	}
	return clear, nil
}

// shortTag writes the tags of YAML's own namespace with two exclamation marks.
func shortTag(tag string) string {
	if rest, ok := strings.CutPrefix(tag, "tag:yaml.org,2002:"); ok {
		return "!!" + rest
	}
	return tag
}
