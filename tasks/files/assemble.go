package files

import (
	"path"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/pyre"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type assembleArgs struct {
	module.FileAttrs
	Src          string             `arg:"src"`
	Dest         string             `arg:"dest"`
	Delimiter    module.Opt[string] `arg:"delimiter"`
	Regexp       string             `arg:"regexp"`
	IgnoreHidden bool               `arg:"ignore_hidden"`
	RemoteSrc    bool               `arg:"remote_src"`
	Backup       bool               `arg:"backup"`
	Validate     string             `arg:"validate"`
}

var assembleSpec = module.Spec{
	Name:    "assemble",
	Missing: "src and dest are required",
	Summary: "Make a file of all files in a folder",
	Doc: "Joins the regular files of one folder, in the order of their names, into one file. Folders below it are not looked into. " +
		"In check mode the result is predicted, where Ansible skips the task.",
	Args: append([]module.Arg{
		{Name: "src", Type: module.Path, Required: true, Doc: "The folder with the parts."},
		{Name: "dest", Type: module.Path, Required: true, Doc: "The file to make."},
		{Name: "delimiter", Doc: "A line to put between the parts; \\n and the like are read as escapes."},
		{Name: "regexp", Doc: "Take only files whose names match this."},
		{Name: "ignore_hidden", Type: module.Bool, Default: false, Doc: "Leave out names that start with a dot."},
		{Name: "remote_src", Type: module.Bool, Default: true, Doc: "The folder is on the host; with false it is here."},
		{Name: "backup", Type: module.Bool, Default: false, Doc: "Keep the old file under a name with the time."},
		{Name: "validate", Doc: "A command with %s for the new file; it is put in place only when the command returns 0."},
		{Name: "decrypt", Type: module.Bool, Default: true, Unlisted: true, Doc: "Accepted; files from the vault are decrypted."},
	}, module.FileArgs()...),
	Returns: append([]module.Return{
		{Name: "dest", Type: "str", When: "always", Doc: "The file."},
		{Name: "src", Type: "str", When: "always", Doc: "The folder."},
		{Name: "checksum", Type: "str", When: "always", Doc: "SHA-1 of the file."},
		{Name: "md5sum", Type: "str", When: "always", Doc: "MD5 of the file."},
		{Name: "backup_file", Type: "str", When: "a backup was made", Doc: "Where the old file is."},
	}, fileReturns...),
	Examples: "- assemble: {src: /etc/app/conf.d, dest: /etc/app/app.conf, delimiter: '# ---'}\n",
	Traits:   module.Traits{Reach: state.ReachPaths},
}

// Assemble is the module assemble.
func Assemble() module.Module { return module.New(assembleSpec, planAssemble) }

// part is one file to be joined.
type part struct {
	name string
	text []byte
}

func planAssemble(a assembleArgs, in module.Inputs, v state.View) (module.Change, error) {
	p := newPutter(a.FileAttrs, in, v)
	p.backup, p.validate = a.Backup, a.Validate
	if a.Validate != "" && !strings.Contains(a.Validate, "%s") {
		return module.Change{}, module.Fail("validate must contain %s: " + a.Validate)
	}
	wanted := func(string) bool { return true }
	if a.Regexp != "" {
		re, err := pyre.Compile(a.Regexp)
		if err != nil {
			return module.Change{}, module.Fail("Invalid Regexp (" + err.Error() + ") in \"" + a.Regexp + "\"")
		}
		wanted = func(name string) bool {
			m, err := re.Search([]byte(name))
			return m != nil && err == nil
		}
	}
	take := func(name string) bool {
		return !strings.Contains(name, "/") && wanted(name) && !(a.IgnoreHidden && strings.HasPrefix(name, "."))
	}
	dest := p.g.Path(a.Dest)
	parts, src, err := a.here(in, take)
	if a.RemoteSrc {
		src = p.g.Path(a.Src)
		parts, err = a.there(p.g, src, take)
	}
	s := a.join(parts)
	s.path = src
	if c, missing, gerr := p.g.Missing(); missing {
		return c, gerr
	}
	if err != nil {
		return module.Change{}, err
	}
	if p.g.File(trim(dest), p.wants(s.size())).IsDir() {
		return module.Change{}, module.Fail("attempted to take checksum of directory: " + dest)
	}
	r, err := p.put(trim(dest), s)
	if c, missing, gerr := p.g.Missing(); missing {
		return c, gerr
	}
	if err != nil {
		return module.Change{}, err
	}
	r.Delete("path")
	r.Delete("diff")
	r.Set("dest", value.String(dest))
	r.Set("src", value.String(src))
	r.Set("md5sum", value.String(s.md5))
	if a.RemoteSrc {
		r.Set("msg", value.String("OK"))
	}
	c, err := p.change(r)
	c.NoCheck = "check mode is not supported for this task."
	if a.RemoteSrc && a.Validate != "" {
		c.Failed = func(op int, r state.OpResult) *module.Failure {
			if _, ok := p.validates[op]; !ok || r.RC == 0 {
				return nil
			}
			return module.Fail("failed to validate: rc:" + value.Int(int64(r.RC)).Text() + " error:" + string(r.Stderr))
		}
	}
	return c, err
}

// there reads the parts on the host.
func (a assembleArgs) there(g *module.Gather, src string, take func(string) bool) ([]part, error) {
	f := g.File(trim(src), 0)
	switch {
	case !g.Complete():
		return nil, nil
	case !f.Exists():
		return nil, module.Fail("Source (" + src + ") does not exist")
	case !f.IsDir():
		return nil, module.Fail("Source (" + src + ") is not a directory")
	}
	var parts []part
	for _, e := range g.TreeTo(f.Resolved, 1) {
		if !take(e.Rel) || e.Stat.Type != state.TypeFile && e.Stat.Type != state.TypeLink {
			continue
		}
		if x := g.File(path.Join(f.Resolved, e.Rel), state.WantContent); x.IsRegular() {
			parts = append(parts, part{e.Rel, x.Content})
		}
	}
	return parts, nil
}

// here reads the parts on the controller.
func (a assembleArgs) here(in module.Inputs, take func(string) bool) ([]part, string, error) {
	if a.RemoteSrc {
		return nil, "", nil
	}
	found, err := in.Sources.Find("files", a.Src)
	if err != nil {
		return nil, "", module.Fail(err.Error())
	}
	sf, err := in.Sources.File(found)
	if err != nil {
		return nil, "", err
	}
	if !sf.IsDir {
		return nil, "", module.Fail("Source (" + a.Src + ") is not a directory")
	}
	files, err := in.Sources.Walk(trim(found), true)
	if err != nil {
		return nil, "", err
	}
	var parts []part
	for _, f := range files {
		if f.IsDir || f.Link != "" || !take(f.Rel) {
			continue
		}
		text, err := readAll(f.Content)
		if err != nil {
			return nil, "", err
		}
		parts = append(parts, part{f.Rel, text})
	}
	return parts, found, nil
}

var escapes = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\t`, "\t", `\r`, "\r", `\"`, `"`, `\'`, `'`)

// join puts the parts together. A part without a last newline gets one before
// the next, and so does the delimiter; between files from the controller that
// always gets one, as in Ansible.
func (a assembleArgs) join(parts []part) source {
	slices.SortFunc(parts, func(x, y part) int { return strings.Compare(x.name, y.name) })
	var b strings.Builder
	delimiter, ok := a.Delimiter.Get()
	delimiter = escapes.Replace(delimiter)
	open := false
	for i, p := range parts {
		if open {
			b.WriteByte('\n')
		}
		if i > 0 && ok && delimiter != "" {
			b.WriteString(delimiter)
			if !a.RemoteSrc || !strings.HasSuffix(delimiter, "\n") {
				b.WriteByte('\n')
			}
		}
		b.Write(p.text)
		open = !strings.HasSuffix(string(p.text), "\n")
	}
	return textSource(b.String(), 0)
}
