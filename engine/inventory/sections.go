package inventory

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// readSections reads server-manager's inventory: a dict from complete section
// headers to a list of lines, a text of lines, or a dict of variables. The
// original wrote it as an INI file and dropped what it could not write; here
// every scalar counts. Places name the header and the number of the entry.
func (inv *Inventory) readSections(name string, sections value.Value) diag.List {
	r := inv.newINI(name, "")
	r.old = true
	top := diag.Pos{File: name}
	if sections.Map() == nil {
		r.fail(top, "inventory-sections", "the inventory must be an object from section headers to their entries, but is %s", sections.TypeName())
		return r.problems
	}
	for key, section := range sections.Map().All() {
		header := strings.TrimSpace(key.Text())
		pos := diag.Pos{File: name + " " + header, Line: 1, Col: 1}
		if !reSection().MatchString(header) {
			r.fail(top, "inventory-section", "%q is no section header", header).
				WithHint("the keys of the inventory are [group], [group:children] or [group:vars]")
			continue
		}
		r.line(pos, header)
		r.sectionEntries(pos, section)
	}
	r.finish()
	return r.problems
}

func (r *iniReader) sectionEntries(pos diag.Pos, section value.Value) {
	switch section.Kind() {
	case value.KindString:
		r.entryLines(pos, section.Str())
	case value.KindList:
		for i, it := range section.Items() {
			pos.Line = i + 1
			if it.Kind() == value.KindList || it.Kind() == value.KindMap {
				r.fail(pos, "inventory-sections", "an entry of a section must be text, but this is %s", it.TypeName())
				continue
			}
			r.entryLines(pos, it.Text())
		}
	case value.KindMap:
		line := 0
		for k, v := range section.Map().All() {
			line++
			pos.Line = line
			r.entryVariable(pos, strings.TrimSpace(k.Text()), v)
		}
	case value.KindNull:
	default:
		r.fail(pos, "inventory-sections", "a section must be a list, an object or text, but is %s", section.TypeName())
	}
}

func (r *iniReader) entryLines(pos diag.Pos, text string) {
	for line := range strings.SplitSeq(text, "\n") {
		r.line(pos, line)
	}
}

// entryVariable takes an entry of a dict: in a :vars section a variable, whose
// text is read as a literal as it would be in the file; elsewhere a line.
func (r *iniReader) entryVariable(pos diag.Pos, name string, v value.Value) {
	if r.state != "vars" {
		r.line(pos, name+"="+v.Text())
		return
	}
	n := yaml.FromValue(pos, v)
	if v.IsString() {
		n = r.node(pos, strings.TrimSpace(v.Str()))
	}
	r.setGroup(yaml.Var{Name: name, Pos: pos, Node: n})
}
