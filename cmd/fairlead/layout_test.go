package main

import (
	"encoding/json"
	"io"
	"os/exec"
	"path"
	"strings"
	"testing"
)

const modulePath = "github.com/fairlead-project/fairlead/"

// rooms is the architecture: what each room may import of ours. A name that
// ends in /... stands for everything below it.
var rooms = map[string][]string{
	"engine/diag":       {},
	"engine/value":      {},
	"engine/yaml":       {"diag", "value"},
	"engine/jinja":      {"diag", "value", "pyliteral", "vault", "crypt", "pki", "pyrand", "pycodec", "pycsv", "ipaddr", "jmespath"},
	"engine/config":     {"diag"},
	"engine/vault":      {},
	"engine/inventory":  {"yaml", "diag", "value", "pyliteral"},
	"engine/playbook":   {"yaml", "jinja", "diag", "value"},
	"engine/vars":       {"jinja", "inventory", "playbook", "yaml", "diag", "value", "crypt", "pyrand", "pyre", "pycodec", "pycsv"},
	"engine/state":      {"value", "diag"},
	"engine/module":     {"state", "diag", "value", "pyliteral"},
	"engine/lint":       {"playbook", "vars", "module", "inventory", "roleconf", "jinja", "yaml", "diag", "value"},
	"engine/event":      {"diag", "state", "value"},
	"engine/ssh":        {"diag"},
	"engine/remote":     {"ssh", "state", "diag", "value", "pyre"},
	"engine/probe":      {"state", "remote", "value", "diag"},
	"engine/docker":     {"remote", "state", "diag", "value"},
	"engine/web":        {"state"}, // HTTP as seen from a host
	"engine/run":        {"*"},
	"engine/store":      {"event", "diag", "value", "state"},
	"engine/image":      {"diag", "event"},
	"engine/registry":   {"diag"},          // a registry of our own: it shares nothing with who pushes to one
	"engine/pyre":       {},                // Python's regular expressions, for modules that edit files
	"engine/xmltree":    {},                // XML documents, for the module xml
	"engine/ipaddr":     {"value"},         // addresses and networks, for filters
	"engine/crypt":      {},                // hashes of passwords
	"engine/pki":        {"value"},         // keys and certificates, for modules and filters
	"engine/lazyregexp": {},                // regular expressions compiled when they are first used: for every room
	"engine/jmespath":   {"value"},         // the language of json_query
	"engine/pyrand":     {},                // Python's random numbers
	"engine/pyliteral":  {"value"},         // values as Python's source code writes them
	"engine/pycodec":    {},                // Python's character sets
	"engine/pycsv":      {"value"},         // Python's reading of comma-separated values
	"engine/roleconf":   {"diag", "value"}, // the check of roles' configuration files, for lint, a module and the server
	"templates":         {},

	// Parts of tests.
	"engine/internal/testbed":  {},
	"engine/internal/sshsim":   {},
	"engine/docker/dockertest": {"internal/testbed"},
	"engine/module/moduletest": {"diag", "module", "state", "value"},
	"engine/event/journaltest": {"event", "value"},
	"examples":                 {},
	"engine/difftest":          {},
	"cmd/fairlead":             {"*"},
	"cmd/fairlead/heap":        {},
	"cmd/fairlead/render":      {"event", "value", "state", "diag"},
}

// Libraries that only one room may import.
var private = map[string][]string{
	"github.com/labstack/echo":     {"api"},
	"github.com/moby/moby":         {"engine/docker"},
	"github.com/regclient":         {"engine/image"},
	"github.com/olareg":            {"engine/registry"},
	"database/sql":                 {"engine/store"},
	"modernc.org/sqlite":           {"engine/store"},
	"golang.org/x/crypto/ssh":      {"engine/ssh", "engine/remote", "engine/internal/sshsim", "scripts/bench/floor", "scripts/bench/simhosts"},
	"github.com/pkg/sftp":          {"engine/remote", "engine/ssh"},
	"github.com/aymanbagabas":      {"cmd/fairlead/render"},
	"github.com/antchfx":           {"engine/xmltree"},
	"github.com/skeema/knownhosts": {"engine/ssh"},
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := dec.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		p.ImportPath = strings.TrimPrefix(p.ImportPath, modulePath)
		all = append(all, p)
	}
}

// mayImport tells whether the room of a package may import another of ours.
func mayImport(from, to string) bool {
	switch {
	case to == "engine/lazyregexp":
		return true
	case strings.HasPrefix(from, "tasks/") && from != "tasks/all":
		return to == "engine/module" || to == "engine/state" || to == "engine/value" || to == "engine/diag" || to == "engine/roleconf" || to == "engine/crypt" || to == "engine/pki" || to == "engine/xmltree" || strings.HasPrefix(to, "engine/py")
	case from == "tasks/all":
		return strings.HasPrefix(to, "tasks/") || to == "engine/module"
	case strings.HasPrefix(from, "api"):
		return strings.HasPrefix(to, "engine/") || strings.HasPrefix(to, "api/") || to == "templates"
	case strings.HasPrefix(from, "scripts/"), strings.HasPrefix(from, "examples/"):
		return strings.HasPrefix(to, "engine/") || strings.HasPrefix(to, "tasks/")
	}
	for _, a := range rooms[from] {
		if a == "*" && (from != "engine/run" || strings.HasPrefix(to, "engine/")) || "engine/"+a == to {
			return true
		}
	}
	return strings.HasPrefix(path.Dir(from)+"/", "engine/") && strings.HasPrefix(to, from+"/")
}

func TestRoomsImportOnlyWhatTheyMay(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, p := range packages(t) {
		seen[p.ImportPath] = true
		_, listed := rooms[p.ImportPath]
		inFolder := false
		for _, top := range []string{"tasks/", "api", "scripts/", "examples/"} {
			inFolder = inFolder || strings.HasPrefix(p.ImportPath, top)
		}
		if !listed && !inFolder {
			t.Errorf("package %s is in no room: add it to the table, with what it may import", p.ImportPath)
		}
		for _, imp := range p.Imports {
			if to, ours := strings.CutPrefix(imp, modulePath); ours && !mayImport(p.ImportPath, to) {
				t.Errorf("%s imports %s, which its room may not", p.ImportPath, to)
			}
			checkPrivate(t, p.ImportPath, imp)
		}
	}
	for r := range rooms {
		if !seen[r] {
			t.Errorf("room %s is in the table and not in the tree", r)
		}
	}
}

func checkPrivate(t *testing.T, from, imp string) {
	t.Helper()
	for lib, owners := range private {
		if !strings.HasPrefix(imp, lib) {
			continue
		}
		ok := false
		for _, o := range owners {
			ok = ok || from == o || strings.HasPrefix(from, o+"/")
		}
		if !ok {
			t.Errorf("%s imports %s, which belongs to %s alone", from, imp, strings.Join(owners, ", "))
		}
	}
}
