package vars

import (
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/value"
)

// templateVars are the variables that Ansible gives every template file about
// itself. said is the file as the task names it.
func (s *Scope) templateVars(path, said string) map[string]value.Value {
	m := map[string]value.Value{
		"ansible_managed":   value.String(s.managed(path, said)).WithMarks(value.Unsafe),
		"template_path":     value.String(said),
		"template_fullpath": value.String(path),
		"template_destpath": value.Null,
		"template_run_date": jinja.Datetime(s.moment.Now),
		"template_mtime":    value.Null,
		"template_host":     value.String(controllerHost()),
		"template_uid":      value.String(ownerOf(path)),
	}
	if st, err := os.Stat(path); err == nil {
		m["template_mtime"] = jinja.Datetime(st.ModTime())
	}
	return m
}

// managed is the variable ansible_managed: the setting with {file}, {host} and
// {uid} filled in as Python's format does, and the time of the template's last change.
func (s *Scope) managed(path, said string) string {
	text := s.eng.Managed
	if text == "" {
		return "Ansible managed"
	}
	text = strings.NewReplacer("{{", "{", "}}", "}", "{file}", said, "{host}", controllerHost(), "{uid}", ownerOf(path)).Replace(text)
	if st, err := os.Stat(path); err == nil && strings.Contains(text, "%") {
		text = jinja.Strftime(text, st.ModTime())
	}
	return text
}

func controllerHost() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return name
}

// ownerOf is the name of a file's owner, or the number where that has none.
func ownerOf(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return "root"
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "root"
	}
	id := strconv.Itoa(int(st.Uid))
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}
