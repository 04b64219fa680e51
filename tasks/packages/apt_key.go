package packages

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type aptKeyArgs struct {
	ID            string `arg:"id"`
	URL           string `arg:"url"`
	Data          string `arg:"data"`
	File          string `arg:"file"`
	Keyring       string `arg:"keyring"`
	KeyServer     string `arg:"keyserver"`
	ValidateCerts bool   `arg:"validate_certs"`
	State         string `arg:"state"`
}

// AptKey is the module apt_key.
func AptKey() module.Module {
	return module.New(module.Spec{
		Name:    "apt_key",
		Summary: "Have a key that APT trusts, or not",
		Doc: `Adds keys to APT's keyring and removes them with apt-key, which newer releases of Debian
do not have any more: there, write the key to /etc/apt/keyrings with copy or get_url and name
it in the repository (signed-by).`,
		Args: []module.Arg{
			{Name: "id", Doc: "The key's id or fingerprint: 8, 16 or more hexadecimal digits. Without it, it is read from the key."},
			{Name: "url", Doc: "Where the host gets the key from."},
			{Name: "data", Doc: "The key itself."},
			{Name: "file", Type: module.Path, Doc: "A file on the host with the key."},
			{Name: "keyring", Type: module.Path, Doc: "The keyring; APT's own without it."},
			{Name: "keyserver", Doc: "The server to ask for the key with this id."},
			{Name: "validate_certs", Type: module.Bool, Default: true, Doc: "Whether the certificate behind url must be valid."},
			{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether the key is to be there."},
		},
		MutuallyExclusive: [][]string{{"data", "file", "keyserver", "url"}},
		Returns: []module.Return{
			{Name: "id", Type: "str", When: "always", Doc: "The id as given, or as read from the key."},
			{Name: "key_id", Type: "str", When: "always", Doc: "The same in capitals, without 0x."},
			{Name: "fp", Type: "str", When: "always", Doc: "Its last 16 digits."},
			{Name: "short_id", Type: "str", When: "always", Doc: "Its last 8 digits."},
			{Name: "before", Type: "list", When: "always", Doc: "The keys of the keyring."},
			{Name: "after", Type: "list", When: "something changed", Doc: "The keys of the keyring afterwards."},
		},
		Examples: "- apt_key: {url: 'https://example.org/key.asc', keyring: /etc/apt/trusted.gpg.d/example.gpg}\n",
		Traits:   module.Traits{Reach: state.ReachHost},
	}, planAptKey)
}

// scriptAptKeyID prints what gpg says of a key: $1 is file, data or url, $2 that.
const scriptAptKeyID = scriptFetch + `for p in apt-key gpg; do command -v $p >/dev/null || { echo $p; exit 127; }; done
case $1 in
file) gpg --with-colons "$2";;
data) printf '%s' "$2" | gpg --with-colons -;;
url) t=$(mktemp) || exit; trap 'rm -f "$t"' EXIT; fetch "$2" "$t" $3 || exit 126; gpg --with-colons "$t";;
esac`

const scriptAptKeys = `apt-key ${1:+--keyring "$1"} adv --list-public-keys --keyid-format=long`

// aptKey is one run of apt_key.
type aptKey struct {
	aptKeyArgs
	id, fp, short string
	result        *value.Map
	check         bool
}

func planAptKey(a aptKeyArgs, in module.Inputs, v state.View) (module.Change, error) {
	k := &aptKey{aptKeyArgs: a, check: in.Check, result: value.M("changed", false)}
	g := module.Gathering(v)
	given := a.ID
	if given == "" && a.KeyServer != "" {
		return module.Change{}, module.Fail("Missing key_id, required with keyserver.")
	}
	for _, from := range [][2]string{{"file", a.File}, {"data", a.Data}, {"url", a.URL}} {
		if given != "" || from[1] == "" {
			continue
		}
		out := g.Output(scriptAptKeyID, from[0], from[1], k.insecure())
		if c, missing, err := g.Missing(); missing {
			return c, err
		}
		if err := k.noID(from[0], from[1], out); err != nil {
			return module.Change{}, err
		}
		if keys := keysIn(out.Stdout); len(keys) > 0 {
			given = keys[0]
		}
	}
	if err := k.parse(given); err != nil {
		return module.Change{}, err
	}
	keys, c, missing, err := k.keys(g)
	if missing {
		return c, err
	}
	k.result.Set("before", value.Strings(keys...))
	return k.change(slices.Contains(keys, k.fp))
}

func (k *aptKey) insecure() string {
	if k.ValidateCerts {
		return ""
	}
	return "k"
}

// noID says why a key could not be looked at.
func (k *aptKey) noID(from, what string, out state.OutputInfo) error {
	switch {
	case out.RC == 0:
		return nil
	case out.RC == 127:
		return module.Fail(`Failed to find required executable "` + strings.TrimSpace(out.Stdout) + `" in paths of the host`)
	case from == "url" && out.RC == 126:
		return module.Fail("Failed to download key at " + what + ": " + strings.TrimPrefix(strings.TrimSpace(out.Stderr), "Request failed: "))
	case from == "data":
		what = "inline data"
	}
	return module.Fail("Unable to extract key from '"+what+"'", "stdout", out.Stdout, "stderr", out.Stderr)
}

var hexID = lazyregexp.New(`^(0[xX])?[0-9A-Fa-f]+$`)

// parse takes an id apart.
func (k *aptKey) parse(given string) error {
	k.result.Set("id", value.String(given))
	id := strings.TrimPrefix(strings.ToUpper(given), "0X")
	if n := len(id); !hexID().MatchString(given) || n != 8 && n < 16 {
		k.result.Delete("changed")
		return &module.Failure{Msg: "Invalid key_id", Result: k.result}
	}
	k.id, k.short, k.fp = id, id[len(id)-8:], id[max(0, len(id)-16):]
	for name, text := range map[string]string{"short_id": k.short, "fp": k.fp, "key_id": k.id} {
		k.result.Set(name, value.String(text))
	}
	return nil
}

// keysIn finds the ids of keys and subkeys in what gpg prints.
func keysIn(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "pub") && !strings.HasPrefix(line, "sub") || strings.Contains(line, "expired") {
			continue
		}
		if f := strings.Fields(line); len(f) > 1 && strings.Count(f[1], "/") == 1 {
			_, id, _ := strings.Cut(f[1], "/")
			out = append(out, id)
		} else if f := strings.Split(line, ":"); len(f) > 4 {
			out = append(out, f[4])
		}
	}
	return out
}

// keys lists the keyring, with short ids where a short one is looked for.
func (k *aptKey) keys(g *module.Gather) ([]string, module.Change, bool, error) {
	out := g.Output("command -v apt-key >/dev/null && command -v gpg >/dev/null || exit 127; "+scriptAptKeys, k.Keyring)
	if c, missing, err := g.Missing(); missing {
		return nil, c, true, err
	}
	switch out.RC {
	case 0:
	case 127:
		return nil, module.Change{}, true, module.Fail(`Failed to find required executable "apt-key" or "gpg" in paths of the host`)
	default:
		return nil, module.Change{}, true, module.Fail("Unable to list public keys", "rc", out.RC, "stdout", out.Stdout, "stderr", out.Stderr)
	}
	keys := keysIn(out.Stdout)
	if len(k.id) == 8 {
		for i, key := range keys {
			keys[i] = key[max(0, len(key)-8):]
		}
	}
	return keys, module.Change{}, false, nil
}

func (k *aptKey) change(there bool) (module.Change, error) {
	if there == (k.State == "present") {
		return module.Change{Result: k.result}, nil
	}
	ring := ""
	if k.Keyring != "" {
		ring = " --keyring " + quote(k.Keyring)
	}
	op, fails := state.Exec{}, ""
	switch {
	case k.State == "absent":
		op.Shell, fails = "apt-key"+ring+" del "+k.short, "Unable to remove a key with id "+k.short
	case k.File != "":
		op.Shell, fails = "apt-key"+ring+" add "+quote(k.File), "Unable to add a key from file "+k.File
	case k.KeyServer != "":
		op.Shell = fmt.Sprintf(`for p in "$HTTPS_PROXY" "$https_proxy" "$HTTP_PROXY" "$http_proxy"; do [ -n "$p" ] && break; done
n=0; until apt-key%s adv --no-tty --keyserver %s ${p:+--keyserver-options "http-proxy=$p"} --recv %s; do r=$?; n=$((n + 1)); [ $n -ge 5 ] && exit $r; done`, ring, quote(k.KeyServer), k.id)
		fails = "Error fetching key " + k.id + " from keyserver: " + k.KeyServer
	case k.Data != "" && k.check && !keyText(k.Data): // which apt-key would say
		return module.Change{}, module.Fail("Unable to add a key from binary data")
	case k.Data != "":
		op.Shell, op.Stdin, op.HasStdin, fails = "apt-key"+ring+" add -", []byte(k.Data), true, "Unable to add a key from binary data"
	case k.URL != "":
		op.Shell = scriptFetch + `t=$(mktemp) || exit; trap 'rm -f "$t"' EXIT; fetch ` + module.QuoteAll(k.URL) + ` "$t" ` + k.insecure() + ` && apt-key` + ring + ` add "$t"`
		fails = "Failed to download key at " + k.URL
	default:
		return module.Change{}, &module.Failure{Msg: "No key to add ... how did i get here?!?!", Result: k.result}
	}
	op.Shown, op.Env = "apt-key "+k.State+" "+k.id, english
	k.result.Set("changed", value.Bool(true))
	predicted := k.result.Clone()
	predicted.Set("after", module.Later())
	return module.Steps([]state.Exec{op}, module.Change{Result: predicted}, func(v state.View, did []state.OpResult) (module.Change, error) {
		if r := did[len(did)-1]; r.RC != 0 {
			return module.Change{}, module.Fail(fails, "rc", r.RC, "stdout", text(r.Stdout), "stderr", text(r.Stderr))
		}
		return k.end(v)
	}), nil
}

// keyText tells whether a text may be a key of OpenPGP: armored, or in packets, which
// begin with a set bit (RFC 4880, sections 4.2 and 6.2).
func keyText(s string) bool {
	return strings.Contains(s, "-----BEGIN PGP PUBLIC KEY BLOCK-----") || s != "" && s[0]&0x80 != 0
}

// end looks whether apt-key did what it said.
func (k *aptKey) end(v state.View) (module.Change, error) {
	keys, c, missing, err := k.keys(module.Gathering(v))
	if missing {
		return c, err
	}
	m := k.result.Clone()
	m.Set("after", value.Strings(keys...))
	if slices.Contains(keys, k.fp) != (k.State == "present") {
		what := map[string]string{"present": "failed to add the key", "absent": "the key was not removed"}[k.State]
		return module.Change{}, &module.Failure{Msg: "apt-key did not return an error, but " + what + " (check that the id is correct and *not* a subkey)", Result: m}
	}
	return module.Change{Result: m}, nil
}
