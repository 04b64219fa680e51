package vars

import (
	"os"
	"os/user"
	"strings"

	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/value"
)

// templateVars are the variables that Ansible gives every template file about
// itself.
func (s *Scope) templateVars(path string) map[string]value.Value {
	m := map[string]value.Value{
		"ansible_managed":   value.String(s.managed(path)).WithMarks(value.Unsafe),
		"template_path":     value.String(path),
		"template_fullpath": value.String(path),
		"template_destpath": value.Null,
		"template_run_date": jinja.Datetime(s.moment.Now),
		"template_mtime":    value.Null,
		"template_host":     value.String(controllerHost()),
		"template_uid":      value.String(controllerUser()),
	}
	if st, err := os.Stat(path); err == nil {
		m["template_mtime"] = jinja.Datetime(st.ModTime())
	}
	return m
}

// managed is the variable ansible_managed: the setting with {file}, {host} and
// {uid} filled in, and the time of the template's last change.
func (s *Scope) managed(path string) string {
	text := s.eng.Managed
	if text == "" {
		return "Ansible managed"
	}
	text = strings.NewReplacer("{file}", path, "{host}", controllerHost(), "{uid}", controllerUser()).Replace(text)
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

func controllerUser() string {
	u, err := user.Current()
	if err != nil {
		return "root"
	}
	return u.Username
}
