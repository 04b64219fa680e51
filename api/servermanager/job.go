package servermanager

import (
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/fairlead-project/fairlead/api/jobs"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/value"
)

// EmbeddedSite is the playbook that provisions all roles Fairlead knows.
const EmbeddedSite = "contrail/site.yml"

// The folder below which server-manager names its playbooks.
const originalBase = "/opt/contrail/server_manager/ansible/playbooks/"

// resolve finds the playbook that a request names: a file below an allowed
// folder, or one of the well-known names, which mean the embedded playbook.
func (s *Service) resolve(name string) (playbook string, embedded, ok bool) {
	for _, dir := range s.cfg.PlaybookDirs {
		dir, err := filepath.EvalSymlinks(dir)
		if err != nil {
			continue
		}
		file, err := filepath.EvalSymlinks(name)
		if err != nil {
			continue
		}
		if st, err := os.Stat(file); err == nil && st.Mode().IsRegular() && strings.HasPrefix(file, dir+string(filepath.Separator)) {
			return file, false, true
		}
	}
	clean := path.Clean(name)
	if name == EmbeddedSite || strings.HasPrefix(clean, originalBase) && path.Base(clean) == "site.yml" {
		return EmbeddedSite, true, true
	}
	return "", false, false
}

// job makes of an order what the engine runs. All elements become one run: the
// parameters of the last one are the extra variables, as in the original; what
// only an earlier element has (a role's section or image) is added, so that
// every role of the list is provisioned.
func (s *Service) job(id string, o *order) jobs.Job {
	extra := value.NewMap()
	sections, names := value.NewMap(), []string{}
	inventory := value.NewMap()
	groups := []string{}
	last := o.last()
	host, _ := last.Get("ansible_host")
	for _, e := range o.elements {
		image, _ := e.params.Get("container_image")
		if _, given := last.Get(e.role.image); !given {
			extra.Set(e.role.image, image)
		}
		if sections.Has(e.role.name) {
			continue
		}
		section := sectionOf(last, e.role)
		if section.IsUndefined() {
			section = sectionOf(e.params, e.role)
		}
		sections.Set(e.role.name, section)
		names = append(names, e.role.name)
		groups = append(groups, e.role.group)
		inventory.Set("["+e.role.group+"]", value.Strings(host.Text()))
	}
	for k, v := range last.All() {
		extra.SetKey(k, v)
	}
	extra.Set("contrail_roles", value.Strings(names...))
	extra.Set("contrail_sections", value.FromMap(sections))
	extra = markSecrets(value.FromMap(extra)).Map()

	vars := value.NewMap()
	for _, k := range []string{"ansible_host", "ansible_user", "ansible_port"} {
		if v, ok := last.Get(k); ok {
			vars.Set(k, v)
		}
	}
	inventory.Set("[all:vars]", value.FromMap(vars))
	inventory.Set("[all:children]", value.Strings(groups...))

	j := jobs.Job{ID: id, Inventory: value.FromMap(inventory), ExtraVars: extra, SSH: s.cfg.SSH, Redactor: event.NewRedactor()}
	j.Redactor.AddValue(value.FromMap(extra))
	if v, _ := last.Get("ansible_user"); v.Text() != "" {
		j.SSH.User = v.Text()
	}
	password, _ := last.Get("ansible_password")
	j.SSH.Password = password.Text()
	return j
}

func (o *order) hosts() []string {
	var out []string
	seen := map[string]bool{}
	for _, e := range o.elements {
		h, _ := e.params.Get("ansible_host")
		if key := strings.ToLower(h.Text()); !seen[key] {
			seen[key] = true
			out = append(out, key)
		}
	}
	return out
}
