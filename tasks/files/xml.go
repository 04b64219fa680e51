package files

import (
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/xmltree"
)

type xmlArgs struct {
	Path         string             `arg:"path"`
	XMLString    module.Opt[string] `arg:"xmlstring"`
	XPath        module.Opt[string] `arg:"xpath"`
	Namespaces   *value.Map         `arg:"namespaces"`
	State        string             `arg:"state"`
	Attribute    value.Value        `arg:"attribute"`
	Value        value.Value        `arg:"value"`
	AddChildren  value.Value        `arg:"add_children"`
	SetChildren  value.Value        `arg:"set_children"`
	Count        bool               `arg:"count"`
	PrintMatch   bool               `arg:"print_match"`
	PrettyPrint  bool               `arg:"pretty_print"`
	Content      string             `arg:"content"`
	InputType    string             `arg:"input_type"`
	Backup       bool               `arg:"backup"`
	StripCDATA   bool               `arg:"strip_cdata_tags"`
	InsertBefore bool               `arg:"insertbefore"`
	InsertAfter  bool               `arg:"insertafter"`
}

var xmlSpec = module.Spec{
	Name:    "xml",
	Aliases: []string{"community.general.xml"},
	Summary: "Read or change parts of an XML file",
	Doc: "Finds elements and attributes by XPath (1.0), and reads, sets, adds or removes them. What an XPath such as /a/b[@c='1']/d names and is not there is made. " +
		"A file that changes is written as libxml2 writes it, with a declaration, in UTF-8; comments and blanks stay. Nothing is needed on the host.",
	Args: []module.Arg{
		{Name: "path", Aliases: []string{"dest", "file"}, Type: module.Path, Doc: "The file, up to 8 MiB."},
		{Name: "xmlstring", Doc: "A text in place of a file; what becomes of it is registered."},
		{Name: "xpath", Doc: "What is meant."},
		{Name: "namespaces", Type: module.Dict, Default: map[string]any{}, Doc: "The addresses of the prefixes in xpath; elements of a document's default namespace need a prefix, too."},
		{Name: "state", Aliases: []string{"ensure"}, Choices: []string{"absent", "present"}, Default: "present", Doc: "absent removes what xpath finds."},
		{Name: "attribute", Type: module.Raw, Doc: "The attribute to set to value."},
		{Name: "value", Type: module.Raw, Doc: "The text of the elements, or the value of their attribute."},
		{Name: "add_children", Type: module.List, Elem: module.Raw, Doc: "New children: a name, or a dict of a name and a text, or of a name and attributes with children under \"_\"."},
		{Name: "set_children", Type: module.List, Elem: module.Raw, Doc: "The children in place of all that are there."},
		{Name: "count", Type: module.Bool, Default: false, Doc: "Count what xpath finds."},
		{Name: "print_match", Type: module.Bool, Default: false, Doc: "Say where it is."},
		{Name: "pretty_print", Type: module.Bool, Default: false, Doc: "Write elements on lines of their own."},
		{Name: "content", Choices: []string{"attribute", "text"}, Doc: "Read the texts or the attributes of the elements."},
		{Name: "input_type", Choices: []string{"xml", "yaml"}, Default: "yaml", Doc: "How children are given: as dicts, or as texts of XML."},
		{Name: "backup", Type: module.Bool, Default: false, Doc: "Keep the old file under a name with the time."},
		{Name: "strip_cdata_tags", Type: module.Bool, Default: false, Doc: "Write CDATA as text."},
		{Name: "insertbefore", Type: module.Bool, Default: false, Doc: "add_children become siblings in front of the first element found."},
		{Name: "insertafter", Type: module.Bool, Default: false, Doc: "add_children become siblings behind the last element found."},
	},
	RequiredBy:        map[string][]string{"add_children": {"xpath"}, "attribute": {"value"}, "content": {"xpath"}, "set_children": {"xpath"}, "value": {"xpath"}},
	RequiredIf:        [][]string{{"count", "true", "xpath"}, {"print_match", "true", "xpath"}, {"insertbefore", "true", "xpath"}, {"insertafter", "true", "xpath"}},
	RequiredOneOf:     [][]string{{"path", "xmlstring"}, {"add_children", "content", "count", "pretty_print", "print_match", "set_children", "value"}},
	MutuallyExclusive: [][]string{{"add_children", "content", "count", "print_match", "set_children", "value"}, {"path", "xmlstring"}, {"insertbefore", "insertafter"}},
	Returns: []module.Return{
		{Name: "actions", Type: "dict", When: "success", Doc: "xpath, namespaces and state."},
		{Name: "count", Type: "int", When: "something was counted or read", Doc: "How many there are."},
		{Name: "matches", Type: "list", When: "something was read", Doc: "What was found, by element."},
		{Name: "msg", Type: "str", When: "something was counted or read", Doc: "The same in words."},
		{Name: "xmlstring", Type: "str", When: "xmlstring is given", Doc: "The document then."},
		{Name: "backup_file", Type: "str", When: "a backup was made", Doc: "Where the old file is."},
	},
	Examples: "- xml: {path: /etc/app.xml, xpath: /server/port, value: \"8080\"}\n" +
		"- xml: {path: /etc/app.xml, xpath: \"/server/user[@name='old']\", state: absent}\n" +
		"- xml: {path: /etc/app.xml, xpath: /server/users, add_children: [{user: {name: jane, _: [{role: admin}]}}]}\n",
	Traits: module.Traits{Reach: state.ReachPaths},
}

// XML is the module xml.
func XML() module.Module { return module.New(xmlSpec, planXML) }

func planXML(a xmlArgs, in module.Inputs, v state.View) (module.Change, error) {
	e := &editor{in: in, g: module.Gathering(v), backup: a.Backup,
		marks: a.Value.DeepMarks() | a.AddChildren.DeepMarks() | a.SetChildren.DeepMarks()}
	text, isFile := a.XMLString.Get()
	isFile = !isFile || text == ""
	from := "xml_string"
	if isFile {
		if c, done, err := e.open(a.Path); done {
			return c, err
		}
		if !e.file.IsRegular() {
			return module.Change{}, module.Fail("The target XML source '" + e.path + "' does not exist.")
		}
		text, from = string(e.old), e.path
	}
	x := &xmlEdit{xmlArgs: a, spaces: map[string]string{}}
	if a.Namespaces != nil {
		for k, space := range a.Namespaces.All() {
			x.spaces[k.Text()] = space.Text()
		}
	}
	if expr, given := a.XPath.Get(); given {
		if _, err := xmltree.Compile(expr, x.spaces); err != nil {
			return module.Change{}, module.Fail("Syntax error in xpath expression: " + expr + " (" + err.Error() + ")")
		}
	}
	var err error
	if x.doc, err = xmltree.Parse([]byte(text), xmltree.Options{DropBlanks: a.PrettyPrint, PlainCDATA: a.StripCDATA}); err != nil {
		return module.Change{}, module.Fail("Error while parsing document: " + from + " (" + err.Error() + ")")
	}
	before := x.doc.Root().Canonical()
	result, err := x.run()
	if err != nil {
		return module.Change{}, err
	}
	written := x.doc.Write(a.PrettyPrint)
	changed := before != x.doc.Root().Canonical()
	if x.formats { // only the form counts
		changed = !isFile || string(written) != text
	}
	if !isFile {
		result.Set("changed", value.Bool(changed))
		result.Set("xmlstring", value.String(string(written)).WithMarks(value.Unsafe|a.secrecy()))
		return module.Change{Result: result}, nil
	}
	c, err := e.done(written, changed, "")
	if err != nil || len(c.Need) > 0 {
		return c, err
	}
	result.Set("changed", value.Bool(changed))
	if e.backupFile != "" {
		result.Set("backup_file", value.String(e.backupFile))
	}
	c.Result = result
	return c, nil
}

// secrecy is that of what the text is changed with.
func (a xmlArgs) secrecy() value.Marks {
	return (a.Value.DeepMarks() | a.AddChildren.DeepMarks() | a.SetChildren.DeepMarks()) & value.Secret
}
