package lint

import (
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// Texts are what a run may evaluate beside the files that the playbook's loader
// reads.
type Texts struct {
	// Roles are the folders of roles that tasks include.
	Roles []string
	// Templates are the files that tasks render, with those that they include.
	Templates []string
	// Untold is that some task names what only the run can tell, and that this may
	// be anywhere.
	Untold bool
}

// role takes in a role with those that come with it.
func (x *Texts) role(u *playbook.RoleUse) {
	if x == nil || u == nil {
		return
	}
	if u.Role != nil && !slices.Contains(x.Roles, u.Role.Path) {
		x.Roles = append(x.Roles, u.Role.Path)
	}
	for _, d := range slices.Concat(u.Deps, u.Imports) {
		x.role(d)
	}
}

func (x *Texts) template(path string) {
	if x != nil {
		x.Templates = append(x.Templates, path)
	}
}

// untold takes in a name that only the run can tell. In a role it is taken for one
// of the role's own files, unless it says that it is not.
func (x *Texts) untold(t *playbook.Task, name *yaml.Node) {
	if x == nil {
		return
	}
	if t.Role() == nil || name == nil || name.Kind != yaml.Scalar {
		x.Untold = true
		return
	}
	text := name.Str()
	for _, elsewhere := range []string{"..", "_dir", "role_path"} {
		x.Untold = x.Untold || strings.Contains(text, elsewhere)
	}
	x.Untold = x.Untold || strings.HasPrefix(text, "/") || strings.HasPrefix(text, "~")
}
