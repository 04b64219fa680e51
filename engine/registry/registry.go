// Package registry is an image registry in this program, for those who have
// none: a folder of OCI layouts, served over HTTP.
package registry

import (
	"encoding/json"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/olareg/olareg"
	"github.com/olareg/olareg/config"

	"github.com/fairlead-project/fairlead/engine/diag"
)

// Registry serves one folder. It is an http.Handler, safe for concurrent use.
type Registry struct {
	dir    string
	pushes []netip.Prefix
	srv    *olareg.Server
	repos  newRepos
	close  sync.Once
	err    error
}

// Options say where a registry is kept and who may change it.
type Options struct {
	// Dir is made when it is not there.
	Dir string
	// PushFrom are addresses or networks that may push and remove, besides this
	// machine itself. Everybody who reaches the registry may pull.
	PushFrom []string
	Log      *slog.Logger // nil: nowhere
}

// Open makes a registry of a folder. Close it when it is no longer served.
func Open(o Options) (*Registry, error) {
	r := &Registry{dir: o.Dir}
	for _, text := range o.PushFrom {
		p, err := prefix(text)
		if err != nil {
			return nil, diag.Errorf(diag.Pos{}, "bad-address", "registry: %q is no address or network", text)
		}
		r.pushes = append(r.pushes, p)
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, diag.Errorf(diag.Pos{}, "registry-folder", "registry: %w", err)
	}
	yes, no := true, false
	r.srv = olareg.New(config.Config{
		Storage: config.ConfigStorage{StoreType: config.StoreDir, RootDir: o.Dir, GC: config.ConfigGC{
			// What a digest names may be in use on hosts: it stays until it is removed by name.
			Untagged: &no, EmptyRepo: &yes}},
		API: config.ConfigAPI{DeleteEnabled: &yes},
		Log: o.Log,
	})
	return r, nil
}

func prefix(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		p, err := netip.ParsePrefix(text)
		return p.Masked(), err
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
}

// Close writes what is not written yet. It may be called more than once.
func (r *Registry) Close() error {
	r.close.Do(func() { r.err = r.srv.Close() })
	return r.err
}

// ServeHTTP implements http.Handler: the registry protocol below /v2/, with the
// catalog of repositories that Docker's registry has.
func (r *Registry) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	reads := q.Method == http.MethodGet || q.Method == http.MethodHead
	switch {
	case !reads && !r.mayPush(q.RemoteAddr):
		denied(w)
	case reads && q.URL.Path == "/v2/_catalog":
		r.catalog(w, q)
	default:
		r.repos.serve(r.dir, w, q, r.srv)
	}
}

func (r *Registry) mayPush(remote string) bool {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	a := at.Addr().Unmap().WithZone("")
	return a.IsLoopback() || slices.ContainsFunc(r.pushes, func(p netip.Prefix) bool { return p.Contains(a) })
}

func denied(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusForbidden)
	_, _ = w.Write([]byte(`{"errors":[{"code":"DENIED","message":"this address may pull and not push: see --registry-push-from"}]}`)) // who left need not know
}

// catalog lists the repositories, at most n of them after last.
func (r *Registry) catalog(w http.ResponseWriter, q *http.Request) {
	all, err := r.repositories()
	if err != nil {
		http.Error(w, "the repositories cannot be listed", http.StatusInternalServerError)
		return
	}
	if last := q.URL.Query().Get("last"); last != "" {
		i, found := slices.BinarySearch(all, last)
		if found {
			i++
		}
		all = all[i:]
	}
	if n, err := strconv.Atoi(q.URL.Query().Get("n")); err == nil && n > 0 && n < len(all) {
		all = all[:n]
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string][]string{"repositories": all}) // who left need not know
}

// repositories are the folders with a layout in them, sorted.
func (r *Registry) repositories() ([]string, error) {
	all := []string{}
	err := filepath.WalkDir(r.dir, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "blobs" || d.Name() == "_uploads"):
			return fs.SkipDir
		case d.IsDir() || d.Name() != "index.json":
			return nil
		}
		rel, err := filepath.Rel(r.dir, filepath.Dir(p))
		if err == nil && rel != "." {
			all = append(all, filepath.ToSlash(rel))
		}
		return err
	})
	slices.Sort(all)
	return all, err
}
