package ssh

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
)

// An Option is a line of ssh_config: a keyword in lower case and its arguments.
type Option struct {
	Name string
	Args []string
	Pos  diag.Pos
	// Included are the lines of the files that Include names.
	Included []Option
}

// configFile is an ssh_config file, read once.
type configFile struct {
	once  sync.Once
	lines []Option
	err   error
}

// config gives the lines of a file; a file that does not exist has none.
func (s *Shared) config(file, home string) ([]Option, error) {
	c := entry(&s.mu, &s.configs, file)
	c.once.Do(func() { c.lines, c.err = readConfig(file, home, 0) })
	return c.lines, c.err
}

const maxIncludes = 16 // nested, as in OpenSSH

func readConfig(file, home string, depth int) ([]Option, error) {
	data, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, diag.New(diag.Usage, diag.Pos{File: file}, "ssh-config", "cannot be read: %w", err)
	}
	var out []Option
	n := 0
	for text := range strings.SplitSeq(string(data), "\n") {
		n++
		o, err := parseOption(text, diag.Pos{File: file, Line: n, Col: 1})
		if err != nil {
			return nil, err
		}
		switch {
		case o.Name == "":
			continue
		case o.Name == "include" && depth >= maxIncludes:
			return nil, diag.New(diag.Usage, o.Pos, "ssh-config", "files include each other more than %d deep", maxIncludes)
		case o.Name == "include":
			if o.Included, err = readIncludes(o, file, home, depth); err != nil {
				return nil, err
			}
		}
		out = append(out, o)
	}
	return out, nil
}

// readIncludes reads what an Include names: relative to ~/.ssh, or to /etc/ssh
// in the system's file.
func readIncludes(o Option, file, home string, depth int) (out []Option, err error) {
	base := filepath.Join(home, ".ssh")
	if strings.HasPrefix(file, "/etc/ssh/") {
		base = "/etc/ssh"
	}
	for _, pattern := range o.Args {
		pattern = expandHome(pattern, home)
		if !filepath.IsAbs(pattern) {
			pattern = filepath.Join(base, pattern)
		}
		names, err := filepath.Glob(pattern)
		if err != nil {
			return nil, diag.New(diag.Usage, o.Pos, "ssh-config", "Include %s: %w", pattern, err)
		}
		for _, name := range names {
			lines, err := readConfig(name, home, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, lines...)
		}
	}
	return out, nil
}

// parseOption reads "Keyword arg arg" or "Keyword=arg"; quotes hold blanks.
func parseOption(text string, pos diag.Pos) (Option, error) {
	o := Option{Pos: pos}
	text = strings.TrimSpace(text)
	if text == "" || text[0] == '#' {
		return o, nil
	}
	i := strings.IndexAny(text, " \t=")
	if i < 0 {
		return o, diag.New(diag.Usage, pos, "ssh-config", "%q has no value", text)
	}
	o.Name = strings.ToLower(text[:i])
	rest := strings.TrimLeft(text[i:], " \t")
	rest = strings.TrimLeft(strings.TrimPrefix(rest, "="), " \t")
	if o.Name == "proxycommand" || o.Name == "localcommand" || o.Name == "remotecommand" || o.Name == "knownhostscommand" {
		o.Args = []string{rest} // the whole line, as it is
		return o, nil
	}
	words, err := splitWords(rest, true)
	if err != nil {
		return o, diag.New(diag.Usage, pos, "ssh-config", "%s: %w", text[:i], err)
	}
	if len(words) == 0 {
		return o, diag.New(diag.Usage, pos, "ssh-config", "%s has no value", text[:i])
	}
	o.Args = words
	return o, nil
}

var errQuote = errors.New("a quote is not closed")

// splitWords splits at blanks; quotes and backslashes as in sh. comments: a word
// that begins with # ends the line.
func splitWords(s string, comments bool) (words []string, err error) {
	var b strings.Builder
	in, quote := false, byte(0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case c == '\\' && quote != '\'' && i+1 < len(s) && strings.IndexByte(`"'\ `, s[i+1]) >= 0:
			i++
			b.WriteByte(s[i])
			in = true
		case quote != 0:
			b.WriteByte(c)
		case c == '"' || c == '\'':
			quote, in = c, true
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			if in {
				words = append(words, b.String())
				b.Reset()
				in = false
			}
		case c == '#' && comments && !in:
			return words, nil
		default:
			b.WriteByte(c)
			in = true
		}
	}
	if quote != 0 {
		return nil, errQuote
	}
	if in {
		words = append(words, b.String())
	}
	return words, nil
}

// lookup is what the options and files say about one host: of each keyword the
// first value counts.
type lookup struct {
	alias, home, local string
	cfg                *Config
	values             map[string][]string
	final, finalSeen   bool
}

// many are the keywords whose values add up.
var many = map[string]bool{"identityfile": true, "certificatefile": true}

// resolve goes through options and files as ssh does.
func (l *lookup) resolve(ctx context.Context, options []Option, files [][]Option) error {
	for pass := range 2 {
		l.final = pass == 1
		for _, lines := range append([][]Option{options}, files...) {
			if _, err := l.lines(ctx, lines, true); err != nil {
				return err
			}
		}
		if !l.finalSeen {
			break
		}
	}
	return nil
}

// lines takes the options that hold for the host; Host and Match say for which
// hosts the lines behind them are.
func (l *lookup) lines(ctx context.Context, lines []Option, active bool) (bool, error) {
	enclosing := active
	for _, o := range lines {
		switch o.Name {
		case "host":
			active = enclosing && matchNames(o.Args, l.alias)
		case "match":
			ok, err := l.match(ctx, o)
			if err != nil {
				return false, err
			}
			active = enclosing && ok
		case "include":
			if active {
				if _, err := l.lines(ctx, o.Included, true); err != nil {
					return false, err
				}
			}
		default:
			if active {
				l.set(o)
			}
		}
	}
	return active, nil
}

func (l *lookup) set(o Option) {
	switch {
	case o.Name == "sendenv":
		l.values[o.Name] = append(l.values[o.Name], o.Args...)
	case many[o.Name]:
		for _, have := range l.values[o.Name] {
			if have == o.Args[0] {
				return
			}
		}
		l.values[o.Name] = append(l.values[o.Name], o.Args[0])
	case l.values[o.Name] == nil:
		l.values[o.Name] = o.Args
	}
}

func (l *lookup) get(key string) string {
	if v := l.values[strings.ToLower(key)]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func (l *lookup) all(key string) []string { return l.values[strings.ToLower(key)] }

// host is the name that Match host looks at: HostName, where one was found.
func (l *lookup) host() string {
	if name := l.get("HostName"); name != "" {
		return strings.NewReplacer("%%", "%", "%h", l.alias).Replace(name)
	}
	return l.alias
}

func (l *lookup) user() string {
	switch {
	case l.cfg.User != "":
		return l.cfg.User
	case l.get("User") != "":
		return l.get("User")
	}
	return l.local
}

// match evaluates the criteria of a Match line; all must hold.
func (l *lookup) match(ctx context.Context, o Option) (bool, error) {
	holds := true
	args := o.Args
	for len(args) > 0 {
		word, not := strings.CutPrefix(strings.ToLower(args[0]), "!")
		word, value, inline := strings.Cut(word, "=")
		if inline {
			_, value, _ = strings.Cut(args[0], "=") // in its own case
		}
		args = args[1:]
		ok := false
		switch word {
		case "all":
			ok = true
		case "canonical": // names are never canonicalised here
		case "final":
			l.finalSeen = true
			ok = l.final
		default:
			if !inline {
				if len(args) == 0 {
					return false, diag.New(diag.Usage, o.Pos, "ssh-config", "Match %s has no value", word)
				}
				value, args = args[0], args[1:]
			}
			var err error
			if ok, err = l.criterion(ctx, o, word, value, holds); err != nil {
				return false, err
			}
		}
		holds = holds && ok != not
	}
	return holds, nil
}

func (l *lookup) criterion(ctx context.Context, o Option, word, value string, needed bool) (bool, error) {
	list := strings.Split(value, ",")
	switch word {
	case "host":
		return matchNames(list, l.host()), nil
	case "originalhost":
		return matchNames(list, l.alias), nil
	case "user":
		return matchNames(list, l.user()), nil
	case "localuser":
		return matchNames(list, l.local), nil
	case "exec":
		if !needed { // as OpenSSH: what cannot matter any more is not run
			return false, nil
		}
		return l.exec(ctx, value)
	case "localnetwork", "tagged", "version", "sessiontype", "command":
		return false, nil
	}
	return false, diag.New(diag.Usage, o.Pos, "ssh-config", "Match %s is not known", word).
		WithHint("there are all, host, originalhost, user, localuser, exec, final")
}

const execTimeout = 30 * time.Second

// exec runs the command of Match exec; it holds when the command succeeds.
func (l *lookup) exec(ctx context.Context, command string) (bool, error) {
	command, err := l.expand(command)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, execTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", command)
	cmd.WaitDelay = time.Second
	return cmd.Run() == nil, nil
}

// matchNames tells whether patterns match a name; a negated match decides.
func matchNames(patterns []string, name string) bool {
	hit := false
	name = strings.ToLower(name)
	for _, p := range patterns {
		p, not := strings.CutPrefix(strings.ToLower(p), "!")
		if wildcard(p, name) {
			if not {
				return false
			}
			hit = true
		}
	}
	return hit
}

// wildcard matches * and ?, and nothing else.
func wildcard(p, s string) bool {
	for p != "" {
		switch {
		case p[0] == '*':
			for p = strings.TrimLeft(p, "*"); s != "" && p != ""; s = s[1:] {
				if wildcard(p, s) {
					return true
				}
			}
			return p == ""
		case s == "" || p[0] != '?' && p[0] != s[0]:
			return false
		}
		p, s = p[1:], s[1:]
	}
	return s == ""
}
