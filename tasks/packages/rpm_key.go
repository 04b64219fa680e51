package packages

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type rpmKeyArgs struct {
	Key           string `arg:"key"`
	State         string `arg:"state"`
	Fingerprint   string `arg:"fingerprint"`
	ValidateCerts bool   `arg:"validate_certs"`
}

// RPMKey is the module rpm_key.
func RPMKey() module.Module {
	return module.New(module.Spec{
		Name:    "rpm_key",
		Summary: "Have a key that rpm trusts, or not",
		Args: []module.Arg{
			{Name: "key", Required: true, Doc: "An address or a file on the host with the key, or with state absent its id."},
			{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether it is to be there."},
			{Name: "fingerprint", Doc: "The fingerprint that the key must have."},
			{Name: "validate_certs", Type: module.Bool, Default: true, Doc: "Whether the certificate behind an address must be valid."},
		},
		Doc:      "Imports keys into rpm's database and erases them.",
		Examples: "- rpm_key: {key: 'https://example.org/RPM-GPG-KEY'}\n",
		Traits:   module.Traits{Reach: state.ReachHost},
	}, planRPMKey)
}

// scriptRPMKey prints what gpg says of a key $2 ($1 is url, file or id), an
// empty line, and what it says of the keys that rpm has.
const scriptRPMKey = scriptFetch + `for p in rpm gpg; do command -v $p >/dev/null || { echo $p; exit 127; }; done
f=$2
[ "$1" != url ] || { f=$(mktemp) || exit; trap 'rm -f "$f"' EXIT; fetch "$2" "$f" $3 || exit 126; grep -q 'BEGIN PGP PUBLIC KEY' "$f" || exit 125; }
[ "$1" = id ] || { [ -f "$f" ] || exit 124; gpg --no-tty --batch --with-colons --fixed-list-mode --with-fingerprint "$f" || exit 123; }
printf '\n'
rpm -q gpg-pubkey >/dev/null 2>&1 && rpm -q gpg-pubkey --qf '%{description}' | gpg --no-tty --batch --with-colons --fixed-list-mode -
:`

var rpmKeyID = lazyregexp.New(`^(?i:(0x)?[0-9a-f]{8})`)

func planRPMKey(a rpmKeyArgs, _ module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	kind, key, insecure := "file", a.Key, ""
	switch {
	case strings.Contains(a.Key, "://"):
		kind = "url"
	case rpmKeyID().MatchString(a.Key):
		kind = "id"
	default:
		key = g.Path(a.Key)
	}
	if !a.ValidateCerts {
		insecure = "k"
	}
	out := g.Output(scriptRPMKey, kind, key, insecure)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	switch out.RC {
	case 0:
	case 127:
		return module.Change{}, module.Fail(`Failed to find required executable "` + strings.TrimSpace(out.Stdout) + `" in paths of the host`)
	case 126:
		return module.Change{}, module.Fail("failed to fetch key at " + a.Key + " , error was: " + strings.TrimSpace(out.Stderr))
	case 125:
		return module.Change{}, module.Fail("Not a public key: " + a.Key)
	case 124:
		return module.Change{}, module.Fail("Not a valid key " + a.Key)
	default:
		return module.Change{}, module.Fail(out.Stderr)
	}
	said, keyring, _ := strings.Cut(out.Stdout, "\n\n")
	if kind == "id" {
		said, keyring = "", out.Stdout
	}
	id, fingerprint := strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(a.Key)), "0X"), ""
	if kind != "id" {
		id, fingerprint = gpgField(said, "pub", 4), gpgField(said, "fpr", 9)
		if id == "" {
			return module.Change{}, module.Fail("Unexpected gpg output")
		}
	}
	there := false
	for line := range strings.Lines(keyring) {
		f := strings.Split(line, ":")
		there = there || len(f) > 4 && strings.Contains(f[4], id)
	}
	c := module.Change{Result: value.M("changed", there != (a.State == "present"))}
	if there == (a.State == "present") {
		return c, nil
	}
	op := state.Exec{Argv: []string{"rpm", "--erase", "--allmatches", "gpg-pubkey-" + strings.ToLower(id[max(0, len(id)-8):])}, Env: english}
	if a.State == "present" {
		want := strings.ToUpper(strings.ReplaceAll(a.Fingerprint, " ", ""))
		switch {
		case kind == "id":
			return module.Change{}, module.Fail("When importing a key, a valid file must be given")
		case want != "" && want != fingerprint:
			return module.Change{}, module.Fail("The specified fingerprint, '" + want + "', does not match the key fingerprint '" + fingerprint + "'")
		}
		op.Argv = []string{"rpm", "--import", key}
		if kind == "url" {
			op = state.Exec{Shell: scriptFetch + `f=$(mktemp) || exit; trap 'rm -f "$f"' EXIT; fetch ` + quote(key) + ` "$f" ` + insecure + ` && rpm --import "$f"`, Shown: "rpm --import " + key, Env: english}
		}
	}
	return module.Steps([]state.Exec{op}, c, func(_ state.View, did []state.OpResult) (module.Change, error) {
		if d := did[len(did)-1]; d.RC != 0 {
			return module.Change{}, module.Fail(string(d.Stderr))
		}
		return module.Change{Result: c.Result}, nil
	}), nil
}

// gpgField is a field of the first line of a kind that gpg printed.
func gpgField(said, kind string, n int) string {
	for line := range strings.Lines(said) {
		if f := strings.Split(strings.TrimSpace(line), ":"); f[0] == kind && len(f) > n {
			return f[n]
		}
	}
	return ""
}
