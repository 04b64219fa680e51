package net

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"path"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type knownArgs struct {
	Name  string             `arg:"name"`
	Host  string             `arg:"host"`
	Key   module.Opt[string] `arg:"key"`
	Path  string             `arg:"path"`
	Hash  bool               `arg:"hash_host"`
	State string             `arg:"state"`
}

var knownSpec = module.Spec{
	Name:    "known_hosts",
	Summary: "Have the key of a host among those that SSH trusts, or not",
	Doc:     "Edits a file known_hosts. A host has one key of each kind: another one of the kind is replaced. Names that are hashed are found too.",
	Args: []module.Arg{
		{Name: "name", Aliases: []string{"host"}, Required: true, Doc: "The host, as key names it: host or [host]:port."},
		{Name: "key", Doc: "The whole line: names, kind and key."},
		{Name: "path", Type: module.Path, Default: "~/.ssh/known_hosts", Doc: "The file."},
		{Name: "hash_host", Type: module.Bool, Default: false, Doc: "Write the name as a hash."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether the key is to be there; absent without key means all keys of the host."},
	},
	Order: [][]string{{"name", "state", "path", "hash_host", "key", "diff"}},
	Returns: []module.Return{
		{Name: "name", Type: "str", When: "always", Doc: "The host."},
		{Name: "key", Type: "str", When: "always", Doc: "The line as given."},
	},
	Examples: "- known_hosts: {name: git.example, key: \"git.example ssh-ed25519 AAAA...\"}\n",
	Traits:   module.Traits{Reach: state.ReachPaths},
}

// KnownHosts is the module known_hosts.
func KnownHosts() module.Module { return module.New(knownSpec, planKnown) }

// knownLine is a line of the file; without a kind it is no key.
type knownLine struct{ raw, marker, hosts, kind, blob string }

func parseKnown(line string) knownLine {
	k := knownLine{raw: line}
	f := strings.Fields(line)
	if len(f) > 0 && strings.HasPrefix(f[0], "@") {
		k.marker, f = f[0], f[1:]
	}
	if len(f) >= 3 && !strings.HasPrefix(f[0], "#") {
		k.hosts, k.kind, k.blob = f[0], f[1], f[2]
	}
	return k
}

// names tells whether a line is about a host.
func (k knownLine) names(host string) bool {
	host = strings.ToLower(host)
	salted, hashed := strings.CutPrefix(k.hosts, "|1|")
	if !hashed {
		return slices.Contains(strings.Split(strings.ToLower(k.hosts), ","), host)
	}
	salt, sum, _ := strings.Cut(salted, "|")
	key, err := base64.StdEncoding.DecodeString(salt)
	return err == nil && sumOf(key, host) == sum
}

func sumOf(salt []byte, host string) string {
	h := hmac.New(sha1.New, salt)
	h.Write([]byte(host))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

func planKnown(a knownArgs, in module.Inputs, v state.View) (module.Change, error) {
	text, given := a.Key.Get()
	want := parseKnown(strings.TrimSpace(text))
	switch {
	case a.State == "present" && !given:
		return module.Change{}, module.Fail("No key specified when adding a host")
	case strings.Contains(a.Name, ","):
		return module.Change{}, module.Fail("Comma separated list of names is not supported. Please pass a single name to lookup in the known_hosts file.")
	case given && (want.kind == "" || !want.names(a.Name)):
		return module.Change{}, module.Fail("Host parameter does not match hashed host field in supplied key")
	}
	g := module.Gathering(v)
	g.Login()
	p := g.Path(a.Path)
	f := g.File(p, state.WantContent)
	parent := g.File(path.Dir(p), 0).Followed
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if f.IsDir() {
		return module.Change{}, module.Fail("Failed to read " + p + ": it is a folder")
	}
	cur := f.Followed
	if cur.Type == state.TypeNone {
		cur = g.NewStat(parent, state.TypeFile)
		cur.Mode = 0o644
		if c, missing, err := g.Missing(); missing {
			return c, err
		}
	}
	old := string(f.Content)
	next := a.edit(old, want, given, in.Seed[:20])
	c := module.Change{Result: value.M("changed", next != old, "name", a.Name, "key", nil, "path", p, "hash_host", a.Hash, "state", a.State)}
	if given {
		c.Result.Set("key", value.String(text))
	}
	if a.Host != "" { // what is registered are the arguments, with the alias that was used
		c.Result.Set("host", value.String(a.Host))
	}
	if next != old {
		if parent.Type != state.TypeDir {
			return module.Change{}, module.Fail("Failed to write to file " + p + ": [Errno 2] No such file or directory: '" + path.Dir(p) + "'")
		}
		attrs := state.Attrs{}
		backup := ""
		if a.State == "absent" && !given {
			backup = f.Resolved + ".old" // ssh-keygen, which Ansible calls then, leaves it
		}
		if f.Followed.Type == state.TypeNone {
			attrs.Mode = &cur.Mode
		}
		c.Ops = append(c.Ops, state.WriteFile{Path: f.Resolved, Content: state.Bytes([]byte(next)), Attrs: attrs, Backup: backup})
	}
	diff := state.DiffEntry{BeforeHeader: p, AfterHeader: p, Before: old, After: next}
	if f.Followed.Type == state.TypeNone {
		diff.BeforeHeader = "/dev/null"
	}
	c.Result.Set("diff", state.Diff{diff}.Registered(false)) // always, as Ansible does
	if in.Diff && next != old {
		c.Diff = state.Diff{diff}
	}
	if cur.Size = int64(len(next)); next != old || f.Exists() {
		cur.Nlink = 1
		module.PathInfo(c.Result, cur)
	}
	return c, nil
}

// edit gives the new text of the file.
func (a knownArgs) edit(old string, want knownLine, given bool, salt []byte) string {
	line := want.raw
	if a.Hash && given && !strings.HasPrefix(want.hosts, "|") {
		line = strings.TrimSpace(want.marker + " |1|" + base64.StdEncoding.EncodeToString(salt) + "|" + sumOf(salt, strings.ToLower(a.Name)) +
			" " + want.kind + " " + want.blob)
	}
	var out []string
	have, changed := false, false
	for raw := range strings.Lines(old) {
		raw = strings.TrimRight(raw, "\n")
		k := parseKnown(raw)
		mine := k.kind != "" && k.names(a.Name) && k.marker == want.marker
		switch {
		case !mine, a.State == "absent" && given && k.blob != want.blob, a.State == "present" && k.kind != want.kind:
		case a.State == "absent", have, k.blob != want.blob, a.Hash != strings.HasPrefix(k.hosts, "|1|"):
			changed = true
			continue
		default:
			have = true
		}
		out = append(out, raw)
	}
	if a.State == "present" && !have {
		changed = true
		out = append(out, line)
	}
	if !changed {
		return old
	}
	if len(out) == 0 {
		return ""
	}
	return strings.Join(out, "\n") + "\n"
}
