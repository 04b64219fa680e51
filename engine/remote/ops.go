package remote

import (
	"fmt"
	"maps"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/state"
)

// writing is the operations of one frame, put into shell text.
type writing struct {
	f      *frame
	s      *shell
	rely   map[string]state.Stat
	tag    string             // in the names of temporary files
	came   map[string]*upload // contents that were sent beforehand, by operation
	raw    map[string]string  // files of this frame by the sum of the raw content in them
	synced []string
}

// folders writes the folders that ops begins with, when one mkdir can make them,
// and says how many they are; 0: there is no use in it.
func (w *writing) folders(i int, ops []state.Op) (int, error) {
	type same struct{ mask, mode, own string }
	var all same
	var paths []string
	for _, op := range ops {
		o, ok := op.(state.Mkdir)
		if !ok || o.Attrs.ATime != nil || o.Attrs.MTime != nil || (o.Attrs.Mode != nil && *o.Attrs.Mode > 0o777) {
			break
		}
		if err := w.check(o.Path); err != nil {
			return 0, fmt.Errorf("%s: %w", o, err)
		}
		if err := checkAttrs(o.Attrs); err != nil {
			return 0, fmt.Errorf("%s: %w", o, err)
		}
		before := w.f.procs
		mask, mode := w.creation(o.Attrs.Mode, 0o777)
		this := same{mask, mode, w.owner(o.Attrs)}
		w.f.procs = before
		if this.own != "" && this.own[0] != '=' || len(paths) > 0 && this != all {
			break
		}
		all = this
		paths = append(paths, o.Path)
	}
	if len(paths) < 2 {
		return 0, nil
	}
	w.f.line("_mm "+strconv.Itoa(i), append([]string{all.mask, all.mode, all.own}, paths...)...)
	w.f.procs++
	return len(paths), nil
}

// put writes one operation. An error is before anything was sent.
func (w *writing) put(i int, op state.Op) error {
	n := strconv.Itoa(i)
	var err error
	switch o := op.(type) {
	case state.WriteFile:
		err = w.writeFile(n, o)
	case state.CopyFile:
		err = w.copyFile(n, o)
	case state.Mkdir:
		err = w.attrs(n, o.Path, o.Attrs, func(own string) {
			mask, mode := w.creation(o.Attrs.Mode, 0o777)
			w.op(n, "_mk", o.Path, mask, mode, own)
		})
	case state.SetAttrs:
		err = w.setAttrs(n, o)
	case state.Remove:
		err = w.check(o.Path)
		w.op(n, "_rm", o.Path, yes(o.Recursive))
		w.f.procs++
	case state.Symlink:
		if err = w.check(o.Path); err == nil {
			err = checkText("the target of a link", o.Target)
		}
		w.op(n, "_ln", "-s", o.Target, o.Path, w.temp(o.Path, n), yes(o.Replace))
		w.f.procs++
	case state.HardLink:
		if err = w.check(o.Path); err == nil {
			err = w.check(o.Target)
		}
		w.op(n, "_ln", "", o.Target, o.Path, w.temp(o.Path, n), yes(o.Replace))
		w.f.procs++
	case state.Touch:
		err = w.touch(n, o)
	case state.Exec:
		err = w.exec(n, o)
	default:
		err = diag.New(diag.Internal, diag.Pos{}, "unknown-operation", "no host driver for operation %T", op)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", op.String(), err)
	}
	w.changes(op)
	return nil
}

// changes forgets what was gathered of what an operation changes: those behind
// it keep mode and owner as the file has them then.
func (w *writing) changes(op state.Op) {
	switch o := op.(type) {
	case state.WriteFile:
		p := path.Clean(o.Path)
		delete(w.rely, p)
		// A folder may have two names: then a file of the same name may be the same.
		maps.DeleteFunc(w.raw, func(_, file string) bool {
			return path.Base(file) == path.Base(p) || o.InPlace || o.Validate != ""
		})
		if w.readable(o) {
			w.raw[o.Content.SHA256] = p
		}
	case state.Mkdir:
	default: // also under other names
		clear(w.rely)
		clear(w.raw)
	}
}

// readable tells whether a file that came raw in this frame can be copied when
// another is to hold the same.
func (w *writing) readable(o state.WriteFile) bool {
	a := o.Attrs
	return !o.InPlace && len(w.f.raws) > 0 && w.f.raws[len(w.f.raws)-1].Content == o.Content &&
		(w.s.hello != nil && w.s.hello.uid == 0 || a.Owner == "" && a.Mode != nil && *a.Mode&0o400 != 0)
}

func yes(b bool) string {
	if b {
		return "1"
	}
	return ""
}

// check refuses paths that no operation may have.
func (w *writing) check(p string) error {
	if _, _, err := splitPath(p); err != nil {
		return err
	}
	if path.Clean(p) == "/" {
		return diag.New(diag.Usage, diag.Pos{}, "path", "the root folder cannot be replaced or removed")
	}
	return nil
}

// op adds the call of an operation.
func (w *writing) op(n, fn string, args ...string) {
	w.f.text.WriteString("_o " + n + " && { ")
	w.f.cmd(fn, args...)
	w.f.text.WriteString(" || _x $?; }\n")
}

func (w *writing) temp(p, n string) string {
	if u := w.came[n]; u != nil {
		return u.tmp
	}
	return path.Dir(path.Clean(p)) + "/.fairlead-" + w.tag + "-" + n
}

// creation gives the umask with which something is created, and the mode for a
// chmod afterwards where a umask cannot give it.
func (w *writing) creation(mode *uint32, full uint32) (mask, chmod string) {
	if mode == nil {
		return "", ""
	}
	m := *mode & 0o7777
	if full == 0o777 {
		return fmt.Sprintf("0%03o", 0o777&^m), fmt.Sprintf("%o", m)
	}
	if m&^0o666 != 0 || m&0o600 != 0o600 {
		return "077", fmt.Sprintf("%o", m)
	}
	return fmt.Sprintf("0%03o", 0o666&^m), ""
}

// owner is the chown argument for wanted attributes: "" for none, with a "="
// in front when it is what we create files with anyway.
func (w *writing) owner(a state.Attrs) string {
	if a.Owner == "" && a.Group == "" {
		return ""
	}
	own := a.Owner
	if a.Group != "" {
		own += ":" + a.Group
	}
	if h := w.s.hello; h != nil {
		mine := (a.Owner == "" || a.Owner == strconv.Itoa(h.uid) || (a.Owner == "root" && h.uid == 0)) &&
			(a.Group == "" || a.Group == strconv.Itoa(h.gid) || (a.Group == "root" && h.gid == 0))
		if mine {
			return "=" + own
		}
	}
	w.f.procs++
	return own
}

func checkAttrs(a state.Attrs) error {
	for _, name := range []string{a.Owner, a.Group} {
		if strings.ContainsAny(name, "\x00\n:=") || strings.HasPrefix(name, "-") {
			return diag.New(diag.Usage, diag.Pos{}, "owner", "%q is no name of a user or group", name)
		}
	}
	return nil
}

// attrs adds an operation that creates something with attributes.
func (w *writing) attrs(n, p string, a state.Attrs, add func(owner string)) error {
	if err := w.check(p); err != nil {
		return err
	}
	if err := checkAttrs(a); err != nil {
		return err
	}
	add(w.owner(a))
	w.f.procs++
	if a.ATime != nil || a.MTime != nil {
		w.op(n, "_at", p, "", "", "", stamp(a.ATime), stamp(a.MTime))
		w.f.procs++
	}
	return nil
}

// stamp writes a time as touch -d reads it.
func stamp(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05.000000000")
}

func (w *writing) writeFile(n string, o state.WriteFile) error {
	if o.Content == nil {
		return diag.New(diag.Internal, diag.Pos{}, "content", "no content")
	}
	if o.InPlace {
		return w.inPlace(n, o)
	}
	return w.place(n, o.Path, o.Attrs, o.Backup, o.Validate, func() (string, string) { return w.content(n, o.Content) })
}

// content says how a content gets into the temporary file.
func (w *writing) content(n string, c *state.Content) (kind, arg string) {
	u := w.came[n]
	if u == nil {
		if same := w.raw[c.SHA256]; same != "" {
			w.f.procs++
			return "c", same
		}
		return w.f.content(n, c)
	}
	if u.failed != "" {
		return "x", u.failed
	}
	w.f.procs++
	return "t", fmt.Sprintf("%o", 0o666&^w.s.hello.umask)
}

func (w *writing) copyFile(n string, o state.CopyFile) error {
	if err := w.check(o.Src); err != nil {
		return err
	}
	w.f.procs++
	if o.Preserve && o.Attrs.Mode == nil {
		if st, ok := w.rely[o.Src]; ok && st.Type == state.TypeFile {
			o.Attrs.Mode = &st.Mode
		} else {
			o.Attrs.Mode = nil
			return w.place(n, o.Path, o.Attrs, o.Backup, o.Validate, func() (string, string) { return "p", o.Src })
		}
	}
	return w.place(n, o.Path, o.Attrs, o.Backup, o.Validate, func() (string, string) { return "c", o.Src })
}

// place adds _w: a file made beside its place and renamed into it.
func (w *writing) place(n, p string, a state.Attrs, backup, validate string, content func() (kind, arg string)) error {
	if err := w.check(p); err != nil {
		return err
	}
	if err := checkAttrs(a); err != nil {
		return err
	}
	keep := "k"
	if st, known := w.rely[path.Clean(p)]; known {
		if st.Type == state.TypeFile {
			keep = fmt.Sprintf("%d:%d", st.UID, st.GID)
			if a.Mode == nil {
				a.Mode = &st.Mode
			}
		} else {
			keep = ""
		}
	} else if a.Mode != nil && a.Owner != "" && a.Group != "" {
		keep = ""
	}
	tmp := w.temp(p, n)
	check, err := validation(validate, tmp)
	if err != nil {
		return err
	}
	if backup != "" {
		if err := w.check(backup); err != nil {
			return err
		}
		w.f.procs++
	}
	own := w.owner(a)
	mask, mode := w.creation(a.Mode, 0o666)
	if w.changesHands(keep, own) && !(keep == "k" && a.Mode == nil) {
		// Its owner changes before anybody else may read it.
		mask, mode = w.private(a.Mode, mask)
		w.f.procs++
	}
	kind, arg := content()
	switch {
	case kind == "t" && a.Mode != nil:
		mode = fmt.Sprintf("%o", *a.Mode&0o7777) // no umask made it
	case keep == "k" && a.Mode != nil && mode == "":
		mode = "=" // the umask makes it, whatever is there
	}
	if mode != "" && mode != "=" {
		w.f.procs++
	}
	args := append([]string{kind, arg, p, tmp, mask, mode, own, keep, stamp(a.ATime), stamp(a.MTime), backup}, check...)
	w.call(n, "_w", kind, arg, args)
	w.f.procs++
	w.synced = append(w.synced, p)
	return nil
}

// changesHands tells whether a new file will be given to somebody else.
func (w *writing) changesHands(keep, own string) bool {
	if own != "" {
		return own[0] != '='
	}
	h := w.s.hello
	return keep != "" && keep != "k" && h != nil && keep != fmt.Sprintf("%d:%d", h.uid, h.gid)
}

// private is the umask and the later chmod of a file that nobody may see yet.
func (w *writing) private(mode *uint32, mask string) (string, string) {
	if mode != nil {
		return "077", fmt.Sprintf("%o", *mode&0o7777)
	}
	if h := w.s.hello; h != nil && mask == "" {
		return "077", fmt.Sprintf("%o", 0o666&^h.umask)
	}
	return mask, ""
}

// call adds an operation that may have a raw section, which is drained when the
// operation is not reached, or a file that came beforehand, which then goes.
func (w *writing) call(n, fn, kind, arg string, args []string) {
	if kind == "t" {
		w.f.text.WriteString("if _o " + n + "; then ")
		w.f.cmd(fn, args...)
		w.f.line(" || _x $?; else rm -f --", w.came[n].tmp)
		w.f.text.WriteString("fi\n")
		return
	}
	if kind != "r" {
		w.op(n, fn, args...)
		return
	}
	w.f.text.WriteString("if _o " + n + "; then ")
	w.f.cmd(fn, args...)
	w.f.text.WriteString(" || _x $?; else _raw " + arg + " ''; fi\n")
}

func (w *writing) inPlace(n string, o state.WriteFile) error {
	if err := w.check(o.Path); err != nil {
		return err
	}
	if err := checkAttrs(o.Attrs); err != nil {
		return err
	}
	tmp := w.temp(o.Path, n)
	check, err := validation(o.Validate, tmp)
	if err != nil {
		return err
	}
	kind, arg := w.content(n, o.Content)
	w.call(n, "_ip", kind, arg, append([]string{kind, arg, o.Path, tmp, o.Backup}, check...))
	w.f.procs += 2
	w.synced = append(w.synced, o.Path)
	if o.Attrs.IsZero() {
		return nil
	}
	return w.setAttrs(n, state.SetAttrs{Path: o.Path, Follow: true, Attrs: o.Attrs})
}

func (w *writing) setAttrs(n string, o state.SetAttrs) error {
	if _, _, err := splitPath(o.Path); err != nil {
		return err
	}
	if err := checkAttrs(o.Attrs); err != nil {
		return err
	}
	mode := ""
	if o.Attrs.Mode != nil {
		mode = fmt.Sprintf("%o", *o.Attrs.Mode&0o7777)
		w.f.procs++
	}
	w.op(n, "_at", o.Path, yes(o.Follow), mode, w.owner(o.Attrs), stamp(o.Attrs.ATime), stamp(o.Attrs.MTime))
	return nil
}

func (w *writing) touch(n string, o state.Touch) error {
	return w.attrs(n, o.Path, state.Attrs{}, func(string) {
		mask, mode := w.creation(o.Attrs.Mode, 0o666)
		a, m := "now", "now"
		if o.ATime != nil {
			a = stamp(o.ATime)
		}
		if o.MTime != nil {
			m = stamp(o.MTime)
		}
		if o.KeepA {
			a = ""
		}
		if o.KeepM {
			m = ""
		}
		w.op(n, "_to", o.Path, mask)
		if a != "" || m != "" {
			w.op(n, "_tm", o.Path, a, m)
		}
		if mode == "" && o.Attrs.Mode != nil {
			mode = fmt.Sprintf("%o", *o.Attrs.Mode&0o7777)
		}
		if own := w.owner(o.Attrs); mode != "" || own != "" {
			w.op(n, "_ta", o.Path, mode, own)
			w.f.procs++
		}
	})
}

// validation splits a validate command and puts the file's name into it.
func validation(text, tmp string) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	words, err := splitWords(text)
	if err != nil {
		return nil, diag.New(diag.Usage, diag.Pos{}, "validate", "validate: %w", err)
	}
	if !strings.Contains(text, "%s") {
		return nil, diag.New(diag.Usage, diag.Pos{}, "validate", "validate must contain %%s, which stands for the file: %s", text)
	}
	for i, word := range words {
		words[i] = strings.ReplaceAll(strings.ReplaceAll(word, "%s", tmp), "%%", "%")
	}
	return words, checkText("validate", words...)
}

// splitWords splits a command as a shell does, without expanding anything.
func splitWords(s string) ([]string, error) {
	var words []string
	var b strings.Builder
	in, quoted := false, byte(0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quoted == '\'' && c != '\'', quoted == '"' && c != '"' && c != '\\':
			b.WriteByte(c)
		case quoted != 0 && c == quoted:
			quoted = 0
		case c == '\\' && i+1 < len(s):
			i++
			if quoted == '"' && !strings.ContainsRune("\"\\$`", rune(s[i])) {
				b.WriteByte('\\')
			}
			b.WriteByte(s[i])
			in = true
		case quoted == 0 && (c == '\'' || c == '"'):
			quoted, in = c, true
		case c == ' ' || c == '\t' || c == '\n':
			if in {
				words = append(words, b.String())
			}
			b.Reset()
			in = false
		default:
			b.WriteByte(c)
			in = true
		}
	}
	if quoted != 0 {
		return nil, fmt.Errorf("a quote is not closed in %q", s)
	}
	if in {
		words = append(words, b.String())
	}
	return words, nil
}
