package files

import (
	"path"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/pycodec"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type templateArgs struct {
	module.FileAttrs
	Src            string             `arg:"src"`
	Dest           string             `arg:"dest"`
	Backup         bool               `arg:"backup"`
	Force          bool               `arg:"force"`
	Follow         bool               `arg:"follow"`
	Validate       string             `arg:"validate"`
	NewlineSeq     string             `arg:"newline_sequence"`
	BlockStart     module.Opt[string] `arg:"block_start_string"`
	BlockEnd       module.Opt[string] `arg:"block_end_string"`
	VarStart       module.Opt[string] `arg:"variable_start_string"`
	VarEnd         module.Opt[string] `arg:"variable_end_string"`
	CommentStart   module.Opt[string] `arg:"comment_start_string"`
	CommentEnd     module.Opt[string] `arg:"comment_end_string"`
	TrimBlocks     bool               `arg:"trim_blocks"`
	LstripBlocks   bool               `arg:"lstrip_blocks"`
	OutputEncoding string             `arg:"output_encoding"`
}

var templateSpec = module.Spec{
	Name:    "template",
	Missing: "src and dest are required",
	Summary: "Render a template of the controller into a file on a host",
	Doc:     "Renders a Jinja2 template with the variables of the task and writes the result as copy does.",
	Args: append([]module.Arg{
		{Name: "src", Type: module.Path, Required: true, Doc: "The template, looked for in templates/ of the role and beside the playbook."},
		{Name: "dest", Type: module.Path, Required: true, Doc: "Where the result goes; a folder gets a file with the template's name."},
		{Name: "backup", Type: module.Bool, Default: false, Doc: "Keep the old file under a name with the time."},
		{Name: "force", Type: module.Bool, Default: true, Doc: "Without it, what exists is left alone."},
		{Name: "follow", Type: module.Bool, Default: false, Doc: "Write to where a link at dest leads, and keep the link."},
		{Name: "validate", Doc: "A command with %s for the new file; it is put in place only when the command returns 0."},
		{Name: "newline_sequence", Choices: []string{"\n", "\r", "\r\n", `\n`, `\r`, `\r\n`}, Default: "\n", Doc: "How lines end in the result."},
		{Name: "block_start_string", Doc: "What opens a statement, {% without it."},
		{Name: "block_end_string", Doc: "What closes a statement, %} without it."},
		{Name: "variable_start_string", Doc: "What opens an expression, {{ without it."},
		{Name: "variable_end_string", Doc: "What closes an expression, }} without it."},
		{Name: "comment_start_string", Doc: "What opens a comment, {# without it."},
		{Name: "comment_end_string", Doc: "What closes a comment, #} without it."},
		{Name: "trim_blocks", Type: module.Bool, Default: true, Doc: "Drop the newline behind a statement."},
		{Name: "lstrip_blocks", Type: module.Bool, Default: false, Doc: "Drop blanks before a statement that starts a line."},
		{Name: "output_encoding", Default: "utf-8", Doc: "Encoding of the result."},
	}, module.FileArgs()...),
	Order:    copySpec.Order,
	Returns:  copySpec.Returns,
	Examples: "- template: {src: app.conf.j2, dest: /etc/app.conf, mode: \"0640\", validate: app --check %s}\n",
	Traits:   module.Traits{Reach: state.ReachPaths, DiffList: true},
}

// Template is the module template.
func Template() module.Module { return module.New(templateSpec, planTemplate) }

func planTemplate(a templateArgs, in module.Inputs, v state.View) (module.Change, error) {
	if a.OutputEncoding == "" {
		a.OutputEncoding = "utf-8"
	}
	if !pycodec.Known(a.OutputEncoding) {
		return module.Change{}, module.Fail("unknown encoding: " + a.OutputEncoding)
	}
	p := newPutter(a.FileAttrs, in, v)
	p.force, p.follow, p.backup, p.validate = a.Force, a.Follow, a.Backup, a.Validate
	dest := p.g.Path(a.Dest)
	p.g.Login()
	// What is rendered shows only then: most of it is small.
	p.g.File(trim(dest), p.wants(0))
	if c, missing, err := p.g.Missing(); missing {
		return c, err
	}
	found, err := in.Sources.Find("templates", a.Src)
	if err != nil {
		return module.Change{}, module.Fail(err.Error())
	}
	sf, err := in.Sources.File(found)
	if err != nil {
		return module.Change{}, err
	}
	text, err := in.Sources.Render(found, a.options(dest))
	if err != nil {
		return module.Change{}, err
	}
	out, err := pycodec.Encode(text.Text(), a.OutputEncoding)
	if err != nil {
		return module.Change{}, module.Fail(err.Error())
	}
	s := textSource(out, text.DeepMarks())
	s.path, s.base, s.mode = found, path.Base(a.Src), uint32(sf.Mode.Perm())
	return p.single(copyArgs{}, s, dest)
}

func (a templateArgs) options(dest string) module.RenderOptions {
	newline := strings.NewReplacer(`\n`, "\n", `\r`, "\r").Replace(a.NewlineSeq)
	return module.RenderOptions{
		NewlineSequence: newline,
		BlockStart:      a.BlockStart.Or(""), BlockEnd: a.BlockEnd.Or(""),
		VarStart: a.VarStart.Or(""), VarEnd: a.VarEnd.Or(""),
		CommentStart: a.CommentStart.Or(""), CommentEnd: a.CommentEnd.Or(""),
		NoTrimBlocks: !a.TrimBlocks, LstripBlocks: a.LstripBlocks,
		Vars: value.M("template_path", a.Src, "template_destpath", dest),
	}
}
