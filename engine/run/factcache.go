package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/vars"
)

// FactCache says where facts are kept from one run to the next: what fact_caching and its
// settings beside it mean to ansible-core. The zero value keeps them nowhere.
type FactCache struct {
	// Plugin is "jsonfile", or "memory" (or empty) for nowhere.
	Plugin string
	// Dir holds a file for each host, called as the host with Prefix before it.
	Dir, Prefix string
	// Timeout is how long a file counts; 0 is forever.
	Timeout time.Duration
	// Flush forgets what is kept before the run begins (--flush-cache).
	Flush bool
}

// factStore keeps facts of hosts in files of JSON. A nil one keeps nothing.
type factStore struct {
	FactCache
	now func() time.Time
}

// openFacts makes the folder of a cache. An error means that the run goes on without
// one, as in Ansible, and is to be told.
func openFacts(c FactCache, now func() time.Time) (*factStore, error) {
	switch strings.TrimPrefix(c.Plugin, "ansible.builtin.") {
	case "", "memory":
		return nil, nil
	case "jsonfile":
	default:
		//lint:ignore ST1005 Ansible's words
		return nil, fmt.Errorf("Unable to load the facts cache plugin (%s).", c.Plugin) //nolint:revive // Ansible's words
	}
	if c.Dir == "" {
		return nil, errors.New("error, 'jsonfile' cache plugin requires the 'fact_caching_connection' config option to be set (to a writeable directory path)")
	}
	if err := os.MkdirAll(c.Dir, 0o777); err != nil { //nolint:gosec // as the umask has it, like os.makedirs
		return nil, fmt.Errorf("error in 'jsonfile' cache plugin while trying to create cache dir %s : %w", c.Dir, err)
	}
	return &factStore{c, now}, nil
}

func (s *factStore) file(host string) string { return filepath.Join(s.Dir, s.Prefix+host) }

// read gives what is kept of a host: nothing where there is no file, or an old one.
func (s *factStore) read(host string) (*value.Map, error) {
	file := s.file(host)
	info, err := os.Stat(file)
	if err != nil || s.Timeout > 0 && s.now().Sub(info.ModTime()) > s.Timeout {
		return nil, nil //nolint:nilerr // the facts are not kept
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("facts of %s: %w", host, err)
	}
	v, err := value.ParseJSON(data)
	if err != nil || v.Map() == nil {
		//lint:ignore ST1005 Ansible's words
		return nil, fmt.Errorf("The cache file %s was corrupt, or did not otherwise contain valid data. It has been removed, so you can re-run your command now.", file) //nolint:revive // Ansible's words
	}
	return v.MarkDeep(value.Unsafe).Map(), nil
}

// write replaces what is kept of a host, at once or not at all.
func (s *factStore) write(host string, facts *value.Map) error {
	text, err := jinja.NiceJSON(value.FromMap(facts))
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(s.Dir, ".facts")
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), s.file(host))
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

func (s *factStore) forget(host string) {
	if s != nil {
		_ = os.Remove(s.file(host))
	}
}

// recallFacts gives a host the facts that are kept of it. A file that holds none is
// removed, as in Ansible, and ends the run.
func (r *runner) recallFacts(h *host) {
	if r.kept == nil {
		return
	}
	facts, err := r.kept.read(h.Name)
	if err != nil && r.keptErr == nil {
		r.keptErr = err
		r.kept.forget(h.Name)
	}
	for k, v := range facts.All() {
		h.SetKept(k.Text(), v)
	}
	h.Facts.Confirm(h.Facts.Mark())
	h.keptMark = h.Facts.Mark()
}

// keepFacts writes the facts of the hosts that have new ones. What a plan does not know
// is left out.
func (r *runner) keepFacts() {
	if r.kept == nil {
		return
	}
	for _, h := range r.hosts {
		if h.Facts.Mark() == h.keptMark {
			continue
		}
		h.keptMark = h.Facts.Mark()
		if err := r.kept.write(h.Name, h.KeptFacts()); err != nil {
			r.notice("warn", fmt.Sprintf("error in 'jsonfile' cache plugin while trying to write to '%s' : %s", r.kept.file(h.Name), err))
		}
	}
}

// clearFacts forgets the facts of a host, here and in the cache.
func (r *runner) clearFacts(h *host) {
	h.Facts.Clear()
	h.keptMark = 0
	r.kept.forget(h.Name)
}

// openKept opens the cache of facts before the first host is looked at.
func (r *runner) openKept() {
	var err error
	if r.kept, err = openFacts(r.Settings.Facts, r.Now); err != nil {
		r.notice("warn", err.Error())
	}
	if r.kept != nil && r.Settings.Facts.Flush {
		for _, h := range r.Inventory.Hosts() {
			r.kept.forget(h.Name)
		}
	}
}

// keptNames are the variables, other than facts by their names, that a cache has of hosts.
func keptNames(c FactCache, hosts []string) []string {
	if _, err := os.Stat(c.Dir); c.Dir == "" || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	s, err := openFacts(c, time.Now)
	if s == nil || err != nil || c.Flush {
		return nil
	}
	var names []string
	for _, h := range hosts {
		if facts, err := s.read(h); err == nil {
			for k := range facts.All() {
				if !strings.HasPrefix(k.Text(), vars.FactPrefix) {
					names = append(names, k.Text())
				}
			}
		}
	}
	return names
}
