package playbook

import (
	"path/filepath"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
)

// redirected follows what collections that are installed say of a module that moved: its
// full name, or a short one where the keyword collections or the role's collection says
// where to look.
func (r *reader) redirected(name string, t *Task) string {
	for range 10 { // as many as anybody needs; in a circle it is not found
		to := ""
		if parts := strings.SplitN(name, ".", 3); len(parts) == 3 {
			if r.opts.canonical(name) == name { // none of those that there are
				to = r.route(parts[0]+"."+parts[1], parts[2], t.ActionPos)
			}
		} else if len(parts) == 1 {
			for _, c := range r.collectionsOf(t.Role(), &t.Scope) {
				if to = r.route(c, name, t.ActionPos); to != "" {
					break
				}
			}
		}
		if to == "" {
			break
		}
		name = to
	}
	return name
}

// route is where the metadata of a collection sends a module; "" for nowhere. It is looked
// up once.
func (r *reader) route(collection, module string, from diag.Pos) string {
	key := [2]string{collection, module}
	r.cache.mu.Lock()
	to, known := r.cache.routes[key]
	r.cache.mu.Unlock()
	if !known {
		to = r.findRoute(collection, module, from)
		r.cache.mu.Lock()
		r.cache.routes[key] = to
		r.cache.mu.Unlock()
	}
	return to
}

func (r *reader) findRoute(collection, module string, from diag.Pos) string {
	ns, col, ok := strings.Cut(collection, ".")
	if !ok {
		return ""
	}
	for _, d := range r.collectionDirs() {
		file := filepath.Join(d, "ansible_collections", ns, col, "meta", "runtime.yml")
		if !r.exists(file) {
			continue
		}
		n, ok := r.node(file, from)
		if !ok {
			return ""
		}
		return n.Get("plugin_routing").Get("modules").Get(module).Get("redirect").Str()
	}
	return ""
}
