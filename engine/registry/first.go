package registry

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// newRepos serves a repository one request at a time until it exists: olareg
// does not synchronize the making of one (dirRepo.exists), and a client sends
// the first layers of an image at once.
type newRepos struct {
	mu    sync.Mutex
	repos map[string]*newRepo
}

type newRepo struct {
	users  int // under the lock of newRepos
	mu     sync.Mutex
	exists bool
}

// serve calls next, alone on its repository as long as that does not exist.
func (n *newRepos) serve(dir string, w http.ResponseWriter, q *http.Request, next http.Handler) {
	name := repository(q.URL.Path)
	if name == "" {
		next.ServeHTTP(w, q)
		return
	}
	r := n.enter(name)
	defer n.leave(name, r)
	r.mu.Lock()
	if !r.exists {
		_, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name), "index.json"))
		r.exists = err == nil
	}
	if r.exists {
		r.mu.Unlock()
		next.ServeHTTP(w, q)
		return
	}
	defer r.mu.Unlock()
	next.ServeHTTP(w, q)
}

func (n *newRepos) enter(name string) *newRepo {
	n.mu.Lock()
	defer n.mu.Unlock()
	r := n.repos[name]
	if r == nil {
		r = &newRepo{}
		if n.repos == nil {
			n.repos = map[string]*newRepo{}
		}
		n.repos[name] = r
	}
	r.users++
	return r
}

// leave forgets a repository that nobody asks for: its files say whether it exists.
func (n *newRepos) leave(name string, r *newRepo) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if r.users--; r.users == 0 {
		delete(n.repos, name)
	}
}

// repository is the name in a path of the distribution protocol: what stands
// between /v2/ and the last of blobs, manifests, tags or referrers.
func repository(path string) string {
	rest, ok := strings.CutPrefix(path, "/v2/")
	if !ok {
		return ""
	}
	end := -1
	for _, kind := range []string{"/blobs/", "/manifests/", "/tags/", "/referrers/"} {
		end = max(end, strings.LastIndex(rest, kind))
	}
	if end < 0 || !filepath.IsLocal(rest[:end]) {
		return ""
	}
	return rest[:end]
}
