package packages

import (
	"fmt"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type aptRepositoryArgs struct {
	Repo        string          `arg:"repo"`
	State       string          `arg:"state"`
	Mode        module.FileMode `arg:"mode"`
	UpdateCache bool            `arg:"update_cache"`
	Retries     int             `arg:"update_cache_retries"`
	MaxDelay    int             `arg:"update_cache_retry_max_delay"`
	Filename    string          `arg:"filename"`
	Certs       bool            `arg:"validate_certs"`
	Codename    string          `arg:"codename"`
}

// AptRepository is the module apt_repository.
func AptRepository() module.Module {
	return module.New(module.Spec{
		Name:    "apt_repository",
		Summary: "Have a source of packages of APT, or not",
		Doc: `Keeps a line of /etc/apt/sources.list or of a file in sources.list.d and fetches the lists of
packages when something changed. When they cannot be fetched, the files are put back.`,
		Args: []module.Arg{
			{Name: "repo", Required: true, Doc: "The line (deb http://... suite component), or ppa:OWNER/NAME."},
			{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether it is to be there."},
			{Name: "mode", Type: module.Mode, Doc: "The mode of a new file."},
			{Name: "update_cache", Aliases: []string{"update-cache"}, Type: module.Bool, Default: true, Doc: "Fetch the lists when something changed."},
			{Name: "update_cache_retries", Type: module.Int, Default: 5, Doc: "How often fetching is tried."},
			{Name: "update_cache_retry_max_delay", Type: module.Int, Default: 12, Doc: "The longest wait between two tries, in seconds."},
			{Name: "filename", Doc: "The file in sources.list.d, without .list; made of the address without it."},
			{Name: "install_python_apt", Type: module.Bool, Default: true, Doc: "Accepted; no Python is needed."},
			{Name: "validate_certs", Type: module.Bool, Default: true, Doc: "Whether the certificate of Launchpad must be valid."},
			{Name: "codename", Doc: "The release to take a PPA for; the host's own without it."},
		},
		Order: [][]string{{"changed", "repo", "state", "diff"}},
		Returns: []module.Return{
			{Name: "repo", Type: "str", When: "always", Doc: "As asked."},
			{Name: "state", Type: "str", When: "always", Doc: "As asked."},
		},
		Examples: "- apt_repository: {repo: 'deb http://archive.example.org/debian bookworm main', filename: example}\n",
		Traits:   module.Traits{Reach: state.ReachHost, DiffList: true},
	}, planAptRepository)
}

// scriptSources prints where sources are kept, the host's release, and the
// files; a line "file NAME" begins each, and each of its lines has a > in front.
const scriptSources = `command -v apt-config >/dev/null || exit 127
eval "$(apt-config shell l Dir::Etc::sourcelist/f d Dir::Etc::sourceparts/d)"
. /etc/os-release; c=$VERSION_CODENAME; [ -n "$c" ] || c=$UBUNTU_CODENAME
printf 'list %s\nparts %s\ncodename %s\n' "$l" "$d" "$c"
for f in "$l" "${d%/}"/*.list; do [ -f "$f" ] || continue; printf 'file %s\n' "$f"; sed 's/^/>/' "$f"; done
:`

// sourceLine is one line of a file of sources.
type sourceLine struct {
	valid, enabled  bool
	source, comment string
}

// sources are the files of sources of a host.
type sources struct {
	aptRepositoryArgs
	codename, parts string
	files           map[string][]sourceLine
	text            map[string]string // as they are
	fresh           map[string]bool
}

// sourcePaths are where APT's sources are, and what says which.
var sourcePaths = []string{"/etc/apt", "/etc/os-release", "/usr/lib/os-release", "/usr/share/apt", "/var/lib/apt"}

func planAptRepository(a aptRepositoryArgs, in module.Inputs, v state.View) (module.Change, error) {
	if a.Repo == "" {
		return module.Change{}, module.Fail("Please set argument 'repo' to a non-empty value")
	}
	g := module.Gathering(v)
	out := g.OutputUnder(sourcePaths, scriptSources)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if out.RC != 0 {
		return module.Change{}, module.Fail("Module apt_repository is not supported on target.")
	}
	s := readSources(a, out.Stdout)
	before := s.dump()
	source, file, err := s.meant()
	if err != nil {
		return module.Change{}, err
	}
	if a.State == "present" {
		s.add(source, file)
	} else {
		s.remove(source)
	}
	return s.change(in, before, source)
}

func readSources(a aptRepositoryArgs, text string) *sources {
	s := &sources{aptRepositoryArgs: a, files: map[string][]sourceLine{}, text: map[string]string{}, fresh: map[string]bool{}}
	file := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case strings.HasPrefix(line, ">"):
			s.files[file] = append(s.files[file], parseSource(line[1:]))
			s.text[file] += line[1:] + "\n"
		case word == "parts":
			s.parts = rest
		case word == "codename":
			s.codename = rest
		case word == "file":
			file = rest
			s.files[file] = nil
		}
	}
	if a.Codename != "" {
		s.codename = a.Codename
	}
	return s
}

func isSourceType(word string) bool { return word == "deb" || word == "deb-src" }

func parseSource(line string) sourceLine {
	l := sourceLine{enabled: true}
	line = strings.TrimSpace(line)
	if rest, is := strings.CutPrefix(line, "#"); is {
		l.enabled, line = false, rest
	}
	if i := strings.IndexByte(line, '#'); i > 0 {
		l.comment, line = strings.TrimSpace(line[i+1:]), line[:i]
	}
	l.source = strings.TrimSpace(line)
	if f := strings.Fields(l.source); len(f) > 0 && isSourceType(f[0]) {
		l.valid, l.source = true, strings.Join(f, " ")
	}
	return l
}

// meant is the source that is asked, and the file for it.
func (s *sources) meant() (source, file string, err error) {
	if strings.HasPrefix(s.Repo, "ppa:") {
		owner, name, ok := strings.Cut(strings.Split(s.Repo, ":")[1], "/")
		if name, _, _ = strings.Cut(name, "/"); !ok {
			name = "ppa"
		}
		source = "deb http://ppa.launchpad.net/" + owner + "/" + name + "/ubuntu " + s.codename + " main"
		return source, s.suggest(s.Repo + "_" + s.codename), nil
	}
	l := parseSource(s.Repo)
	if !l.valid || !l.enabled {
		shown := strings.TrimSpace(s.Repo)
		if shown = strings.TrimPrefix(shown, "#"); strings.IndexByte(shown, '#') > 0 {
			shown, _, _ = strings.Cut(shown, "#")
		}
		return "", "", module.Fail("Invalid repository string: " + shown)
	}
	return l.source, s.suggest(l.source), nil
}

var (
	sourceOptions = lazyregexp.New(`\[[^\]]+\]`)
	sourceScheme  = lazyregexp.New(`\w+://`)
	notPlain      = lazyregexp.New(`[^a-zA-Z0-9]`)
)

// suggest makes the name of a file of the address in a line.
func (s *sources) suggest(line string) string {
	name := s.Filename
	if name == "" {
		line = sourceScheme().ReplaceAllString(sourceOptions().ReplaceAllString(line, ""), "")
		words := slices.DeleteFunc(strings.Fields(line), isSourceType)
		host := ""
		if len(words) > 0 {
			host = words[0]
		}
		if _, behind, ok := strings.Cut(host, "@"); ok {
			host = behind
		}
		name = strings.Join(strings.Fields(notPlain().ReplaceAllString(host, " ")), "_")
	}
	if name += ".list"; strings.Contains(name, "/") {
		return name
	}
	return path.Join(s.parts, name)
}

func (s *sources) add(source, file string) {
	found := false
	for _, lines := range s.files {
		for i, l := range lines {
			if l.valid && l.source == source {
				lines[i].enabled, found = true, true
			}
		}
	}
	if !found {
		s.files[file] = append(s.files[file], sourceLine{valid: true, enabled: true, source: source})
		s.fresh[file] = true
	}
}

func (s *sources) remove(source string) {
	for file, lines := range s.files {
		s.files[file] = slices.DeleteFunc(lines, func(l sourceLine) bool { return l.valid && l.enabled && l.source == source })
	}
}

// dump are the files with lines as they would be written.
func (s *sources) dump() map[string]string {
	out := map[string]string{}
	for file, lines := range s.files {
		if len(lines) == 0 {
			continue
		}
		var b strings.Builder
		for _, l := range lines {
			if !l.enabled {
				b.WriteString("# ")
			}
			b.WriteString(l.source)
			if l.comment != "" {
				b.WriteString(" # " + l.comment)
			}
			b.WriteByte('\n')
		}
		out[file] = b.String()
	}
	return out
}

func (s *sources) change(in module.Inputs, before map[string]string, source string) (module.Change, error) {
	after := s.dump()
	files := make([]string, 0, len(s.files))
	changed := false
	for file := range s.files {
		files = append(files, file)
		changed = changed || before[file] != after[file]
	}
	sort.Strings(files)
	c := module.Change{Result: value.M("changed", changed, "repo", s.Repo, "state", s.State)}
	if !changed {
		return c, nil
	}
	if in.Diff {
		for _, file := range files {
			c.Diff = append(c.Diff, state.DiffEntry{BeforeHeader: orNull(file, before), AfterHeader: orNull(file, after), Before: before[file], After: after[file]})
		}
	}
	if strings.HasPrefix(s.Repo, "ppa:") && s.State == "present" {
		c.Ops = append(c.Ops, s.ppaKey(source))
	}
	var undo []state.Op
	for _, file := range files {
		text, keep := after[file]
		old, had := s.text[file]
		switch {
		case !keep && !had && s.fresh[file]:
		case !keep:
			c.Ops = append(c.Ops, state.Remove{Path: file})
			undo = append(undo, state.WriteFile{Path: file, Content: state.Bytes([]byte(old))})
		case text != old:
			w := state.WriteFile{Path: file, Content: state.Bytes([]byte(text))}
			if s.fresh[file] && s.Mode.Given {
				m, err := s.Mode.Resolve(state.Stat{Type: state.TypeFile, Mode: 0o644}, 0o022)
				if err != nil {
					return module.Change{}, err
				}
				w.Attrs.Mode = &m
			}
			c.Ops = append(c.Ops, w)
			if _, was := before[file]; was {
				undo = append(undo, state.WriteFile{Path: file, Content: state.Bytes([]byte(old))})
			} else {
				undo = append(undo, state.Remove{Path: file})
			}
		}
	}
	return s.fetch(c, undo), nil
}

func orNull(file string, in map[string]string) string {
	if _, ok := in[file]; ok {
		return file
	}
	return "/dev/null"
}

// fetch adds fetching the lists; when it fails, the files are put back.
func (s *sources) fetch(c module.Change, undo []state.Op) module.Change {
	done := module.Change{Result: c.Result}
	if s.UpdateCache {
		c.Ops = append(c.Ops, state.Exec{Shell: updateLoop("apt-get", s.Retries, s.MaxDelay), Shown: "apt-get update", Env: aptEnv})
	} else if _, ppa := c.Ops[0].(state.Exec); !ppa {
		return c
	}
	c.Then = func(_ state.View, did []state.OpResult) (module.Change, error) {
		last := did[len(did)-1]
		failed := module.Fail("Failed to update apt cache: " + orElse(complaints(last), "unknown reason"))
		switch _, ppa := c.Ops[0].(state.Exec); {
		case ppa && did[0].RC != 0:
			failed = module.Fail(strings.TrimSpace(string(did[0].Stderr)))
		case last.RC == 0:
			return done, nil
		}
		return module.Change{Ops: undo, Result: c.Result, Then: func(state.View, []state.OpResult) (module.Change, error) {
			return module.Change{}, failed
		}}, nil
	}
	return c
}

// complaints are the warnings and errors in what apt-get printed.
func complaints(r state.OpResult) string {
	var out []string
	for line := range strings.Lines(string(r.Stderr)) {
		if strings.HasPrefix(line, "E:") || strings.HasPrefix(line, "W:") {
			out = append(out, strings.Replace(strings.TrimSpace(line), ": ", ":", 1))
		}
	}
	return strings.Join(out, ", ")
}

// updateLoop fetches the lists, several times where it fails, with a wait that
// doubles up to a limit.
func updateLoop(apt string, tries, maxDelay int) string {
	return fmt.Sprintf("n=0 d=1; until %s -o APT::Update::Error-Mode=any update; do r=$?; n=$((n + 1)); [ $n -ge %d ] && exit $r; sleep $((d < %[3]d ? d : %[3]d)); d=$((d * 2)); done",
		apt, max(1, tries), max(0, maxDelay))
}

// ppaKey asks Launchpad for the key of a PPA and has APT trust it.
func (s *sources) ppaKey(source string) state.Exec {
	owner, name, ok := strings.Cut(strings.TrimPrefix(s.Repo, "ppa:"), "/")
	if !ok {
		name = "ppa"
	}
	insecure := ""
	if !s.Certs {
		insecure = "k"
	}
	base := strings.ReplaceAll(path.Base(source), " ", "-") + "-" + owner + "-" + name + ".gpg"
	text := scriptFetch + `t=$(mktemp) || exit; trap 'rm -f "$t"' EXIT
fetch ` + module.Quote("https://launchpad.net/api/1.0/~"+owner+"/+archive/"+name) + ` "$t" ` + insecure + ` 2>"$t.e" || { echo "failed to fetch PPA information, error was: $(cat "$t.e")" >&2; rm -f "$t.e"; exit 1; }
rm -f "$t.e"; k=$(sed -n 's/.*"signing_key_fingerprint": *"\([0-9A-Fa-f]*\)".*/\1/p' "$t")
[ -n "$k" ] || { echo 'failed to fetch PPA information, error was: there is no fingerprint in it' >&2; exit 1; }
s=hkp://keyserver.ubuntu.com:80
if command -v apt-key >/dev/null; then
[ -n "$(apt-key export "$k" 2>/dev/null)" ] || apt-key adv --recv-keys --no-tty --keyserver $s "$k"
else
for d in /etc/apt/keyrings /etc/apt/trusted.gpg.d /usr/share/keyrings; do [ -d $d ] && break; done
gpg --no-tty --keyserver $s --recv-keys "$k" && gpg --no-tty --export "$k" >"$t" && [ -s "$t" ] || { echo 'Unable to get required signing key' >&2; exit 1; }
cp "$t" $d/` + module.Quote(base) + ` && chmod 644 $d/` + module.Quote(base) + `
fi`
	return state.Exec{Shell: text, Shown: "fetch the key of " + s.Repo, Env: aptEnv}
}
