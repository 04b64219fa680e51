package crypto

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/pki"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// fileArgs are the arguments of all modules that keep a file.
type fileArgs struct {
	module.FileAttrs
	Path          string `arg:"path"`
	State         string `arg:"state"`
	Force         bool   `arg:"force"`
	Backup        bool   `arg:"backup"`
	ReturnContent bool   `arg:"return_content"`
}

// fileSpec declares them; what is the file's content in a few words.
func fileSpec(what string) []module.Arg {
	return append([]module.Arg{
		{Name: "path", Type: module.Path, Required: true, Doc: "The file."},
		{Name: "state", Choices: []string{"present", "absent"}, Default: "present", Doc: "Whether it is to be there."},
		{Name: "force", Type: module.Bool, Default: false, Doc: "Make it anew in any case."},
		{Name: "backup", Type: module.Bool, Default: false, Doc: "Keep the old file under a name with the time."},
		{Name: "return_content", Type: module.Bool, Default: false, Doc: "Register " + what + "."},
		{Name: "select_crypto_backend", Choices: []string{"auto", "cryptography"}, Default: "auto", Doc: "Accepted; nothing is needed on the host."},
	}, module.FileArgs()...)
}

// output plans one file that a module keeps.
type output struct {
	fileArgs
	in   module.Inputs
	g    *module.Gather
	at   string
	file state.File
	// mode is that of the file when none is asked for, new or not; "" keeps an
	// old one and leaves a new one to the umask.
	mode string
	// noFolder is said, with the folder's name, when the file's folder is not there.
	noFolder string

	// piped is a text that a task gives and gets back, in place of a file; nil is none.
	piped bool
	text  []byte

	change module.Change
	// made tells that the content is written anew, changed that anything is.
	made, changed bool
	backupFile    string
}

func newOutput(a fileArgs, in module.Inputs, v state.View) *output {
	return &output{fileArgs: a, in: in, g: module.Gathering(v), noFolder: "The directory %s does not exist or the file is not a directory"}
}

// newPipe is for a text that is given, or none, and registered in the end.
func newPipe(content module.Opt[string], force bool, in module.Inputs, v state.View) *output {
	o := &output{fileArgs: fileArgs{State: "present", ReturnContent: true, Force: force}, in: in, g: module.Gathering(v), piped: true}
	if text, given := content.Get(); given {
		o.text = []byte(text)
	}
	return o
}

// open asks for the file and its folder; more is gathered with it when the caller
// asked before. done tells that the plan ends here.
func (o *output) open() (c module.Change, done bool, err error) {
	if o.piped {
		c, missing, err := o.g.Missing()
		return c, missing, err
	}
	o.at = strings.TrimSuffix(o.g.Path(o.Path), "/")
	o.g.Login()
	folder := o.g.File(path.Dir(o.at), 0)
	file, ferr := o.g.TryFile(o.at, state.WantContent)
	if c, missing, err := o.g.Missing(); missing {
		return c, true, err
	}
	if !folder.IsDir() {
		dir := path.Dir(o.at)
		return module.Change{}, true, module.Fail(fmt.Sprintf(o.noFolder, dir), "name", dir)
	}
	if ferr != nil && !errors.Is(ferr, fs.ErrNotExist) {
		return module.Change{}, true, module.Fail(fmt.Sprintf("Error while loading %s - %s", o.at, ferr))
	}
	if file.IsDir() {
		return module.Change{}, true, module.Fail(fmt.Sprintf("Error while loading %s - [Errno 21] Is a directory: '%s'", o.at, o.at))
	}
	o.file = file
	o.change.Warnings = o.Warnings()
	return module.Change{}, false, nil
}

// old is the file's content, nil when there is none.
func (o *output) old() []byte {
	switch {
	case o.piped:
		return o.text
	case !o.file.IsRegular():
		return nil
	}
	return o.file.Content
}

func (o *output) attrs() module.FileAttrs {
	a := o.FileAttrs
	if o.mode != "" && !a.Mode.Given {
		a.Mode = module.FileMode{Text: o.mode, Given: true}
	}
	return a
}

// write plans a new content.
func (o *output) write(text []byte) error {
	if o.piped {
		o.made, o.changed = true, true
		return nil
	}
	cur, exists := o.file.Followed, o.file.Followed.Type != state.TypeNone
	attrs := o.attrs()
	if !exists {
		cur = o.g.NewStat(o.file.Parent, state.TypeFile)
		// A file that is moved into place belongs to who acts, in a setgid folder too.
		if login := o.g.Login(); login.GID != cur.GID && attrs.Group == "" {
			attrs.Group = strconv.Itoa(login.GID)
		}
	}
	w, err := attrs.Want(o.g, cur)
	if err != nil || !o.g.Complete() {
		return err
	}
	set := w.Changes(cur)
	if !exists {
		set = w.Make(cur)
	}
	o.made, o.changed = true, true
	if o.Backup && exists {
		o.backupFile = module.BackupName(o.at, o.in)
	}
	o.change.Ops = append(o.change.Ops, state.WriteFile{Path: o.at, Content: state.Bytes(text), Attrs: set, Backup: o.backupFile,
		InPlace: o.UnsafeWrites && exists})
	return nil
}

// keep plans the attributes of a file whose content stays.
func (o *output) keep() error {
	if o.piped {
		return nil
	}
	w, err := o.attrs().Want(o.g, o.file.Followed)
	if err != nil || !o.g.Complete() {
		return err
	}
	if set := w.Changes(o.file.Followed); !set.IsZero() {
		o.changed = true
		o.change.Ops = append(o.change.Ops, state.SetAttrs{Path: o.file.Resolved, Attrs: set})
	}
	return nil
}

// remove plans that the file goes away.
func (o *output) remove() {
	if !o.file.Exists() {
		return
	}
	o.changed = true
	if o.Backup && o.file.IsRegular() {
		o.backupFile = module.BackupName(o.at, o.in)
		o.change.Ops = append(o.change.Ops, state.CopyFile{Src: o.file.Resolved, Path: o.backupFile, Preserve: true})
	}
	o.change.Ops = append(o.change.Ops, state.Remove{Path: o.at})
}

// later are fields of a result that follow from random bytes: a plan without a run
// cannot know them. still is what they are now.
func (o *output) later(r, still *value.Map, keys ...string) {
	if !o.in.Check || !o.made {
		return
	}
	if o.change.Still == nil {
		o.change.Still = value.NewMap()
	}
	for _, k := range keys {
		if !r.Has(k) {
			continue
		}
		r.Set(k, module.Later())
		if v, ok := still.Get(k); ok {
			o.change.Still.Set(k, v)
		}
	}
}

// done gives the change with what is registered.
func (o *output) done(r *value.Map) (module.Change, error) {
	if c, missing, err := o.g.Missing(); missing {
		return c, err
	}
	r.Set("changed", value.Bool(o.changed))
	if !o.piped {
		r.Set("filename", value.String(o.at))
	}
	if o.backupFile != "" {
		r.Set("backup_file", value.String(o.backupFile))
	}
	o.change.Result = r
	return o.change, nil
}

// show adds the difference of what is told about the file before and after.
func (o *output) show(r *value.Map, before, after *value.Map) {
	r.Set("diff", value.FromMap(value.M("before", before, "after", after)))
	if o.in.Diff && o.changed && !value.Equal(value.FromMap(before), value.FromMap(after)) {
		e := state.DiffEntry{Before: module.DiffJSON(before), After: module.DiffJSON(after)}
		if o.in.Check && o.made {
			e.Note = "made of random bytes"
		}
		o.change.Diff = append(o.change.Diff, e)
	}
}

// readInput is a file that a module needs, or a text given in its place. missing
// is said when there is no such file.
func readInput(g *module.Gather, at, content module.Opt[string], missing func(p string) error) ([]byte, error) {
	if text, given := content.Get(); given {
		return []byte(text), nil
	}
	p, given := at.Get()
	if !given {
		return nil, nil
	}
	p = g.Path(p)
	f, err := g.TryFile(strings.TrimSuffix(p, "/"), state.WantContent)
	switch {
	case !g.Complete():
		return nil, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, module.Fail(err.Error())
	case f.IsDir():
		return nil, module.Fail(fmt.Sprintf("[Errno 21] Is a directory: '%s'", p))
	case !f.IsRegular():
		return nil, missing(p)
	}
	return f.Content, nil
}

// noSuchFile is the failure of opening a file, in Python's words.
func noSuchFile(p string) error {
	return module.Fail(fmt.Sprintf("[Errno 2] No such file or directory: '%s'", p))
}

func isMissing(what string) func(string) error {
	return func(p string) error { return module.Fail("The " + what + " file " + p + " does not exist") }
}

// readKey reads a private key that a module signs with.
func readKey(data []byte, passphrase module.Opt[string]) (pki.Key, error) {
	var pass *string
	if p, given := passphrase.Get(); given {
		pass = &p
	}
	k, err := pki.ParseKey(data, pass)
	if err != nil {
		return k, module.Fail(err.Error())
	}
	return k, nil
}

func orNull(o module.Opt[string]) value.Value {
	if s, ok := o.Get(); ok {
		return value.String(s)
	}
	return value.Null
}
