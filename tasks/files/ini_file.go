package files

import (
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type iniArgs struct {
	module.FileAttrs
	Path          string             `arg:"path"`
	Section       string             `arg:"section"`
	Option        module.Opt[string] `arg:"option"`
	Value         value.Value        `arg:"value"`
	Values        value.Value        `arg:"values"`
	State         string             `arg:"state"`
	Exclusive     bool               `arg:"exclusive"`
	Backup        bool               `arg:"backup"`
	NoExtraSpaces bool               `arg:"no_extra_spaces"`
	AllowNoValue  bool               `arg:"allow_no_value"`
	Create        bool               `arg:"create"`
	IgnoreSpaces  bool               `arg:"ignore_spaces"`
	Inactive      bool               `arg:"modify_inactive_option"`
}

var iniSpec = module.Spec{
	Name:    "ini_file",
	Aliases: []string{"community.general.ini_file"},
	Summary: "Set or remove an option in an INI file",
	Doc:     "Changes one option of one section and leaves every other line, comments included, as it is.",
	Args: append([]module.Arg{
		{Name: "path", Aliases: []string{"dest"}, Type: module.Path, Required: true, Doc: "The file."},
		{Name: "section", Doc: "The section; without it options above the first section are meant."},
		{Name: "option", Doc: "The option; without it the section as a whole."},
		{Name: "value", Doc: "Its value."},
		{Name: "values", Type: module.List, Elem: module.Str, Doc: "Several values, one line each."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether it is to be there."},
		{Name: "exclusive", Type: module.Bool, Default: true, Doc: "Other lines of the option go away."},
		{Name: "backup", Type: module.Bool, Default: false, Doc: "Keep the old file under a name with the time."},
		{Name: "no_extra_spaces", Type: module.Bool, Default: false, Doc: "No blanks around the equals sign."},
		{Name: "allow_no_value", Type: module.Bool, Default: false, Doc: "The option may stand without a value."},
		{Name: "create", Type: module.Bool, Default: true, Doc: "Make the file when it is missing."},
		{Name: "ignore_spaces", Type: module.Bool, Default: false, Doc: "A line that differs only in the blanks around its equals sign stays (of community.general 7.5)."},
		{Name: "modify_inactive_option", Type: module.Bool, Default: true, Doc: "A line of the option that is a comment is replaced (of community.general 8)."},
	}, module.FileArgs()...),
	MutuallyExclusive: [][]string{{"value", "values"}},
	Order:             [][]string{{"changed", "diff", "msg", "path", "uid", "gid", "owner", "group", "mode", "state", "size"}},
	Returns: append([]module.Return{
		{Name: "path", Type: "str", When: "always", Doc: "The file."},
		{Name: "msg", Type: "str", When: "always", Doc: "What was done."},
		{Name: "backup_file", Type: "str", When: "a backup was made", Doc: "Where the old file is."},
	}, fileReturns...),
	Examples: "- ini_file: {path: /etc/app.ini, section: server, option: port, value: \"8080\"}\n",
	Traits:   module.Traits{Reach: state.ReachPaths},
}

// IniFile is the module ini_file.
func IniFile() module.Module { return module.New(iniSpec, planIni) }

func planIni(a iniArgs, in module.Inputs, v state.View) (module.Change, error) {
	if a.State == "present" && !a.AllowNoValue && a.Value.IsNull() && a.Values.Len() <= 0 {
		return module.Change{}, module.Fail("Parameter 'value(s)' must be defined if state=present and allow_no_value=False.")
	}
	e := &editor{FileAttrs: a.FileAttrs, in: in, g: module.Gathering(v), backup: a.Backup,
		marks: a.Value.DeepMarks() | a.Values.DeepMarks()}
	if c, done, err := e.open(a.Path); done {
		return c, err
	}
	if !e.exists() && !a.Create {
		return module.Change{}, module.Fail("Destination "+e.path+" does not exist!", "rc", 257)
	}
	edit := &iniEdit{section: a.Section, option: a.Option.Or(""), hasOption: a.Option.Or("") != "", values: a.values(),
		present: a.State == "present", exclusive: a.Exclusive, tight: a.NoExtraSpaces, noValue: a.AllowNoValue,
		loose: a.IgnoreSpaces, active: !a.Inactive}
	text := edit.run(string(e.old))
	if err := e.finish([]byte(text), edit.changed); err != nil && e.g.Complete() {
		return module.Change{}, err
	}
	if c, missing, err := e.g.Missing(); missing {
		return c, err
	}
	r := value.M("changed", edit.changed || e.attrsChange, "msg", edit.msg, "path", e.path)
	if e.backupFile != "" {
		r.Set("backup_file", value.String(e.backupFile))
	}
	if e.diff[0] != nil {
		r.Set("diff", value.FromMap(e.diff[0]))
	}
	module.PathInfo(r, e.after)
	e.change.Result = r
	return e.change, nil
}

func (a iniArgs) values() []string {
	if !a.Value.IsNull() {
		return []string{a.Value.Text()}
	}
	var out []string
	for _, v := range a.Values.Items() {
		out = append(out, v.Text())
	}
	return out
}
