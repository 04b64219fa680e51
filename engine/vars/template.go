package vars

import (
	"os"
	"os/user"

	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/value"
)

// templateVars are the variables that Ansible gives every template file about
// itself.
func (s *Scope) templateVars(path string) map[string]value.Value {
	m := map[string]value.Value{
		"ansible_managed":   value.String("Ansible managed").WithMarks(value.Unsafe),
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
