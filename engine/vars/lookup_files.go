package vars

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"unicode"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/value"
)

// FindFile resolves a name against the search path: kind is "files",
// "templates", "vars" or "tasks".
func (s *Scope) FindFile(kind, name string) (string, error) {
	name = expandHome(name)
	dir, err := s.findIn(kind, name)
	switch {
	case err != nil:
		return "", err
	case dir == "":
		return name, nil
	}
	return filepath.Join(dir, name), nil
}

// findIn gives the folder that a file was found in, "" for an absolute name.
func (s *Scope) findIn(kind, name string) (string, error) {
	if filepath.IsAbs(name) {
		if _, err := os.Stat(name); err != nil {
			return "", notFound(name, nil)
		}
		return "", nil
	}
	var tried []string
	for _, d := range s.SearchPath() {
		for _, dir := range []string{filepath.Join(d, kind), d} {
			p := filepath.Join(dir, name)
			if _, err := os.Stat(p); err == nil {
				return dir, nil
			}
			tried = append(tried, p)
		}
	}
	return "", notFound(name, tried)
}

// notFound says, in Ansible's words, that the controller has no such file.
func notFound(name string, tried []string) error {
	where := ""
	if len(tried) > 0 {
		where = "\nSearched in:\n\t" + strings.Join(tried, "\n\t")
	}
	return says("Could not find or access '%s'%s on the Ansible Controller.\n"+
		"If you are using a module and expect the file to exist on the remote, see the remote_src option", name, where)
}

// readFile reads a file of the controller, decrypted if it is a vault. The mark
// is that of its content.
func (s *Scope) readFile(path string) (string, value.Marks, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", 0, err
	}
	s.eng.seen(path, data)
	if !bytes.HasPrefix(data, []byte("$ANSIBLE_VAULT;")) {
		return string(data), 0, nil
	}
	if s.eng.Decrypt == nil {
		return "", 0, diag.Errorf(diag.Pos{File: path}, "vault-password", "Attempting to decrypt but no vault secrets found").
			WithHint("give one with --vault-password-file, --vault-id or --ask-vault-pass")
	}
	clear, err := s.eng.Decrypt(string(data))
	return clear, value.Secret, err
}

func lookupFile(s *Scope, terms []value.Value, o jinja.Args) ([]value.Value, error) {
	var out []value.Value
	for _, t := range terms {
		p, err := s.FindFile("files", t.Text())
		if err != nil {
			return nil, says("could not locate file in lookup: %s (%w)", t.Text(), err)
		}
		text, marks, err := s.readFile(p)
		if err != nil {
			return nil, err
		}
		if flag(o, "lstrip", false) {
			text = strings.TrimLeftFunc(text, unicode.IsSpace)
		}
		if flag(o, "rstrip", true) {
			text = strings.TrimRightFunc(text, unicode.IsSpace)
		}
		out = append(out, value.String(text).WithMarks(value.Unsafe|marks))
	}
	return out, nil
}

// lookupUnvault gives the content of a file, decrypted if it is a vault.
func lookupUnvault(s *Scope, terms []value.Value, _ jinja.Args) ([]value.Value, error) {
	var out []value.Value
	for _, t := range terms {
		p, err := s.FindFile("files", t.Text())
		if err != nil {
			return nil, says("Unable to find file matching \"%s\" (%w)", t.Text(), err)
		}
		text, marks, err := s.readFile(p)
		if err != nil {
			return nil, err
		}
		out = append(out, value.String(text).WithMarks(value.Unsafe|marks))
	}
	return out, nil
}

// lookupTemplate renders templates. As in Ansible the result is read again as a
// literal, unless convert_data says otherwise.
func lookupTemplate(s *Scope, terms []value.Value, o jinja.Args) ([]value.Value, error) {
	opts := jinja.FileOptions()
	opts.VarStart, opts.VarEnd = textOption(o, "variable_start_string", ""), textOption(o, "variable_end_string", "")
	opts.CommentStart, opts.CommentEnd = textOption(o, "comment_start_string", ""), textOption(o, "comment_end_string", "")
	convert, native := flag(o, "convert_data", true), flag(o, "jinja2_native", false) && s.eng.Native
	var out []value.Value
	for _, t := range terms {
		p, err := s.FindFile("templates", t.Text())
		if err != nil {
			return nil, says("the template file %s could not be found for the lookup (%w)", t.Text(), err)
		}
		text, marks, err := s.readFile(p)
		if err != nil {
			return nil, err
		}
		if !startsMarkup(text, opts) { // then Ansible gives the text as it is
			out = append(out, value.String(text).WithMarks(value.Unsafe|marks))
			continue
		}
		locals := s.templateVars(p, t.Text())
		for k, v := range option(o, "template_vars").Map().All() {
			locals[k.Text()] = v
		}
		v, err := s.renderText(p, text, opts, locals, jinja.FileReading{Convert: convert, Native: native})
		if err != nil {
			return nil, err
		}
		if !convert || s.eng.Native && !native { // nor is it read in the text around it
			v, marks = value.String(v.Text()).WithMarks(v.DeepMarks()), marks|jinja.Verbatim
		}
		out = append(out, v.WithMarks(value.Unsafe|marks))
	}
	return out, nil
}

// startsMarkup tells whether a text holds any of the delimiters that begin
// something of Jinja2's.
func startsMarkup(text string, o jinja.Options) bool {
	return strings.Contains(text, cmp.Or(o.VarStart, "{{")) || strings.Contains(text, "{%") || strings.Contains(text, cmp.Or(o.CommentStart, "{#"))
}

func lookupFileglob(s *Scope, terms []value.Value, _ jinja.Args) ([]value.Value, error) {
	var out []value.Value
	for _, t := range terms {
		dir, base := filepath.Split(t.Text())
		var dirs []string
		if dir != "" {
			found, err := s.FindFile("files", strings.TrimSuffix(dir, "/"))
			if dir == "/" {
				found, err = dir, nil
			}
			if err != nil {
				continue
			}
			dirs = []string{found}
		} else {
			for _, d := range s.SearchPath() {
				dirs = append(dirs, filepath.Join(d, "files"), d)
			}
		}
		for _, d := range dirs {
			found, err := globFiles(d, base)
			if err != nil {
				return nil, err
			}
			if out = append(out, found...); len(found) > 0 {
				break
			}
		}
	}
	return out, nil
}

// globFiles are the files of a folder that a pattern means; hidden ones only
// when the pattern says the dot.
func globFiles(dir, pattern string) ([]value.Value, error) {
	found, err := filepath.Glob(filepath.Join(globEscape(dir), pattern))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", pattern, err)
	}
	sort.Strings(found)
	var out []value.Value
	for _, f := range found {
		if strings.HasPrefix(filepath.Base(f), ".") && !strings.HasPrefix(pattern, ".") {
			continue
		}
		if st, err := os.Stat(f); err == nil && st.Mode().IsRegular() {
			out = append(out, value.String(f))
		}
	}
	return out, nil
}

func globEscape(dir string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(dir)
}

func lookupLines(s *Scope, terms []value.Value, _ jinja.Args) ([]value.Value, error) {
	var out []value.Value
	for _, t := range terms {
		text, err := s.command("lines", t.Text())
		if err != nil {
			return nil, err
		}
		if text == "" {
			continue
		}
		for _, l := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
			out = append(out, value.String(strings.TrimSuffix(l, "\r")).WithMarks(value.Unsafe))
		}
	}
	return out, nil
}

func lookupPipe(s *Scope, terms []value.Value, _ jinja.Args) ([]value.Value, error) {
	var out []value.Value
	for _, t := range terms {
		text, err := s.command("pipe", t.Text())
		if err != nil {
			return nil, err
		}
		out = append(out, value.String(strings.TrimRightFunc(text, unicode.IsSpace)).WithMarks(value.Unsafe))
	}
	return out, nil
}

// command runs a shell command of the controller in the playbook's folder.
func (s *Scope) command(lookup, command string) (string, error) {
	cmd := exec.Command("/bin/sh", "-c", command)
	cmd.Stderr = os.Stderr
	if s.play != nil && s.play.Play != nil {
		cmd.Dir = s.play.Play.Dir
	}
	data, err := cmd.Output()
	if err == nil {
		return string(data), nil
	}
	code := -1
	if cmd.ProcessState != nil {
		code = cmd.ProcessState.ExitCode()
	}
	return "", says("lookup_plugin.%s(%s) returned %d (%w)", lookup, command, code, err)
}
