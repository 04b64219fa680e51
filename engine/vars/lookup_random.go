package vars

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/crypt"
	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/pyrand"
	"github.com/fairlead-project/fairlead/engine/value"
)

const (
	lowers      = "abcdefghijklmnopqrstuvwxyz"
	uppers      = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	decimals    = "0123456789"
	punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
	saltLetters = lowers + uppers + decimals + "./"
)

// Sets of characters that Python's module string names.
var charSets = map[string]string{
	"ascii_lowercase": lowers, "ascii_uppercase": uppers, "ascii_letters": lowers + uppers, "digits": decimals, "punctuation": punctuation,
	"hexdigits": decimals + "abcdefABCDEF", "octdigits": "01234567", "whitespace": " \t\n\r\v\f",
	"printable": decimals + lowers + uppers + punctuation + " \t\n\r\v\f",
}

// draw takes n characters of a set.
func draw(set []rune, n int, below func(n int) int) string {
	out := make([]rune, n)
	for i := range out {
		out[i] = set[below(len(set))]
	}
	return string(out)
}

// secure draws from the system's randomness.
func secure(n int) int {
	i, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		panic(err) // the system has no randomness
	}
	return int(i.Int64())
}

// passwordTerm is one term of the lookup password.
type passwordTerm struct {
	path                 string
	length               int
	encrypt, ident, seed string
	hasSeed              bool
	chars                []string
}

// maxPasswordLength bounds what is made up.
const maxPasswordLength = 4096

// parsePasswordTerm reads "path length=20 chars=digits,ascii_letters".
func parsePasswordTerm(term string, o jinja.Args) (passwordTerm, error) {
	p := passwordTerm{encrypt: textOption(o, "encrypt", ""), ident: textOption(o, "ident", ""), seed: textOption(o, "seed", "")}
	p.hasSeed = !option(o, "seed").IsNull()
	length, chars := textOption(o, "length", "20"), []string{"ascii_letters", "digits", ".,:-_"}
	if c := option(o, "chars"); c.Kind() == value.KindList {
		chars = nil
		for _, it := range c.Items() {
			chars = append(chars, it.Text())
		}
	} else if !c.IsNull() {
		chars = splitChars(c.Text())
	}
	words, err := shellWords(term)
	if err != nil {
		return p, err
	}
	options := false
	for _, w := range words {
		name, v, ok := strings.Cut(w, "=")
		if !ok || p.path == "" {
			if options {
				return p, says("Unrecognized value after key=value parameters given to password lookup")
			}
			p.path = strings.TrimPrefix(p.path+" "+w, " ")
			continue
		}
		options = true
		switch name {
		case "length":
			length = v
		case "encrypt":
			p.encrypt = v
		case "ident":
			p.ident = v
		case "seed":
			p.seed, p.hasSeed = v, true
		case "chars":
			chars = splitChars(v)
		default:
			return p, says("Unrecognized parameter(s) given to password lookup: %s", name)
		}
	}
	p.chars = chars
	if p.length, err = strconv.Atoi(length); err != nil || p.length < 0 || p.length > maxPasswordLength {
		return p, says("invalid literal for int() with base 10: '%s'", length)
	}
	return p, nil
}

// splitChars reads chars: names and characters with commas, two for a comma.
func splitChars(s string) []string {
	var out []string
	if strings.Contains(s, ",,") {
		out = append(out, ",")
	}
	for _, c := range strings.Split(strings.ReplaceAll(s, ",,", ","), ",") {
		if c != "" {
			out = append(out, c)
		}
	}
	return out
}

func (p passwordTerm) makeUp() (string, error) {
	var set strings.Builder
	for _, c := range p.chars {
		if named, ok := charSets[c]; ok {
			c = named
		}
		set.WriteString(c)
	}
	chars := []rune(strings.NewReplacer(`"`, "", "'", "").Replace(set.String()))
	if len(chars) == 0 {
		return "", says("argument (chars) must not be empty")
	}
	if p.hasSeed {
		r := pyrand.FromString(p.seed)
		return draw(chars, p.length, func(n int) int { return int(r.Below(uint64(n))) }), nil
	}
	return draw(chars, p.length, secure), nil
}

// lookupPassword reads a password from a file, which it makes when it is not
// there; with encrypt its hash, whose salt stands in the file as well.
// makeFolder makes a folder for its owner alone, and the folders above it as the umask has
// them, like os.makedirs of Python.
func makeFolder(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil { //nolint:gosec // as the umask has it
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !os.IsExist(err) {
		return err
	}
	return nil
}

func lookupPassword(s *Scope, terms []value.Value, o jinja.Args) ([]value.Value, error) {
	var out []value.Value
	for _, t := range terms {
		p, err := parsePasswordTerm(t.Text(), o)
		if err != nil {
			return nil, err
		}
		v, err := s.password(p)
		if err != nil {
			return nil, err
		}
		out = append(out, value.String(v).WithMarks(value.Secret))
	}
	return out, nil
}

func (s *Scope) password(p passwordTerm) (string, error) {
	path := p.path
	if s.play != nil && s.play.Play != nil {
		path = ResolvePath(s.play.Play.Dir, path)
	} else if abs, err := filepath.Abs(expandHome(path)); err == nil {
		path = abs
	}
	unlock, err := lockPassword(path)
	if err != nil {
		return "", err
	}
	defer unlock()
	var plain, salt, ident string
	data, err := os.ReadFile(path)
	changed := err != nil || path == os.DevNull
	if changed {
		if plain, err = p.makeUp(); err != nil {
			return "", err
		}
	} else {
		plain, salt, ident = parsePasswordFile(strings.TrimRight(string(data), " \t\r\n"))
	}
	if p.encrypt != "" {
		if salt == "" {
			salt, changed = draw([]rune(saltLetters), saltSize(p.encrypt), secure), true
		}
		switch {
		case p.ident != "" && ident != "" && p.ident != ident:
			return "", says("The ident parameter provided (%s) does not match the stored one (%s).", p.ident, ident)
		case ident == "":
			if ident = p.ident; ident == "" && isBcrypt(p.encrypt) {
				ident = "2b"
			}
			changed = changed || ident != ""
		}
	}
	if changed && path != os.DevNull {
		if err := writePasswordFile(path, plain, salt, ident); err != nil {
			return "", err
		}
	}
	if p.encrypt == "" {
		return plain, nil
	}
	return crypt.Hash(p.encrypt, plain, crypt.Settings{Salt: salt, Ident: ident})
}

func isBcrypt(scheme string) bool { return scheme == "bcrypt" || scheme == "blowfish" }

func saltSize(scheme string) int {
	switch scheme {
	case "bcrypt", "blowfish":
		return 22
	case "sha256_crypt", "sha512_crypt":
		return 16
	}
	return 8
}

// parsePasswordFile reads "password salt=... ident=...".
func parsePasswordFile(s string) (plain, salt, ident string) {
	i := strings.LastIndex(s, " salt=")
	if i < 0 {
		return s, "", ""
	}
	plain, salt = s[:i], s[i+len(" salt="):]
	if j := strings.LastIndex(salt, " ident="); j >= 0 {
		salt, ident = salt[:j], salt[j+len(" ident="):]
	}
	return plain, salt, ident
}

func writePasswordFile(path, plain, salt, ident string) error {
	if err := makeFolder(filepath.Dir(path)); err != nil {
		return err
	}
	text := plain
	if salt != "" {
		text += " salt=" + salt
		if ident != "" {
			text += " ident=" + ident
		}
	}
	if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
		return err
	}
	return os.Chmod(path, 0o600)
}

// lockPassword keeps two runs from making up a password for one file.
func lockPassword(path string) (unlock func(), err error) {
	if path == os.DevNull {
		return func() {}, nil
	}
	if err := makeFolder(filepath.Dir(path)); err != nil {
		return nil, err
	}
	lock := path + ".fairlead_lock"
	const patience, pause = 7 * time.Second, 50 * time.Millisecond
	for waited := time.Duration(0); ; waited += pause {
		f, err := os.OpenFile(lock, os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			_ = f.Close() // nothing was written
			return func() { _ = os.Remove(lock) }, nil
		}
		if !os.IsExist(err) {
			return nil, err
		}
		if waited >= patience {
			return nil, fmt.Errorf("the password file %s is locked by %s: remove that if no run is left that made it", path, lock)
		}
		time.Sleep(pause)
	}
}

// lookupRandomString makes up a text of kinds of characters.
func lookupRandomString(_ *Scope, _ []value.Value, o jinja.Args) ([]value.Value, error) {
	number := func(name string, def int) int {
		if n, err := strconv.Atoi(textOption(o, name, strconv.Itoa(def))); err == nil && n <= maxPasswordLength {
			return n
		}
		return def
	}
	set, text := textOption(o, "override_all", ""), ""
	if set == "" {
		special := textOption(o, "override_special", punctuation)
		for name, chars := range map[string]string{"upper": uppers, "lower": lowers, "numbers": decimals, "special": special} {
			if flag(o, name, true) {
				set += chars
			}
		}
		for name, chars := range map[string]string{"min_numeric": decimals, "min_lower": lowers, "min_upper": uppers, "min_special": special} {
			text += draw([]rune(chars), max(number(name, 0), 0), secure)
		}
	}
	if set == "" {
		return nil, says("Available characters cannot be None, please change constraints")
	}
	text += draw([]rune(set), max(number("length", 8)-len(text), 0), secure)
	rs := []rune(text)
	for i := len(rs) - 1; i > 0; i-- {
		j := secure(i + 1)
		rs[i], rs[j] = rs[j], rs[i]
	}
	text = string(rs)
	if flag(o, "base64", false) {
		text = base64.StdEncoding.EncodeToString([]byte(text))
	}
	return []value.Value{value.String(text).WithMarks(value.Secret)}, nil
}
