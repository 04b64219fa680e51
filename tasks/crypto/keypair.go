package crypto

import (
	"path"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type keypairArgs struct {
	module.FileAttrs
	Path       string             `arg:"path"`
	State      string             `arg:"state"`
	Size       module.Opt[int]    `arg:"size"`
	Type       string             `arg:"type"`
	Force      bool               `arg:"force"`
	Comment    module.Opt[string] `arg:"comment"`
	Regenerate string             `arg:"regenerate"`
	Passphrase module.Opt[string] `arg:"passphrase"`
	Format     string             `arg:"private_key_format"`
}

var keypairSpec = module.Spec{
	Name:    "openssh_keypair",
	Aliases: []string{"community.crypto.openssh_keypair"},
	Summary: "Have a key pair of OpenSSH in files",
	Doc: "Makes the pair on the host with its ssh-keygen: the private key never leaves it. A pair of the type and size that are asked stays; a public key " +
		"that is missing or does not fit is written anew. Asks ssh-keygen, in a plan too.",
	Args: append([]module.Arg{
		{Name: "path", Type: module.Path, Required: true, Doc: "The private key; the public one has .pub behind its name."},
		{Name: "state", Choices: []string{"present", "absent"}, Default: "present", Doc: "Whether they are to be there."},
		{Name: "size", Type: module.Int, Doc: "The length in bits: of RSA from 1024 on (4096 without it), of ECDSA 256, 384 or 521 (256); others have one of their own."},
		{Name: "type", Choices: []string{"rsa", "dsa", "rsa1", "ecdsa", "ed25519"}, Default: "rsa", Doc: "The kind of key."},
		{Name: "force", Type: module.Bool, Default: false, Doc: "Make them anew in any case."},
		{Name: "comment", Doc: "The public key's comment."},
		{Name: "regenerate", Choices: []string{"never", "fail", "partial_idempotence", "full_idempotence", "always"}, Default: "partial_idempotence",
			Doc: "When a pair that is there is replaced: never; fail instead; where type or size differ; where the key cannot be read either; always."},
		{Name: "passphrase", Secret: true, Doc: "Encrypts the private key."},
		{Name: "private_key_format", Choices: []string{"auto", "pkcs1", "pkcs8", "ssh"}, Default: "auto", Doc: "How the private key is written; auto is as ssh-keygen does."},
		{Name: "backend", Choices: []string{"auto", "cryptography", "opensshbin"}, Default: "auto", Doc: "Accepted; it is ssh-keygen in any case."},
	}, module.FileArgs()...),
	Returns: []module.Return{
		{Name: "size", Type: "int", When: "always", Doc: "The length in bits."},
		{Name: "type", Type: "str", When: "always", Doc: "As asked."},
		{Name: "filename", Type: "str", When: "always", Doc: "The private key's file."},
		{Name: "fingerprint", Type: "str", When: "always", Doc: "The key's fingerprint."},
		{Name: "public_key", Type: "str", When: "always", Doc: "The public key without its comment."},
		{Name: "comment", Type: "str", When: "always", Doc: "Its comment."},
	},
	Examples: "- openssh_keypair: {path: /root/.ssh/id_ed25519, type: ed25519, comment: backup}\n  register: pair\n" +
		"- authorized_key: {user: backup, key: \"{{ pair.public_key }}\"}\n  delegate_to: vault.example.org\n",
	Traits: module.Traits{Reach: state.ReachHost},
}

// Keypair is the module openssh_keypair.
func Keypair() module.Module { return module.New(keypairSpec, planKeypair) }

// lookKeypair tells of the pair at $1: each line begins with what it says. With
// $2 the first line of its input is the passphrase.
const lookKeypair = `f=$1
command -v ssh-keygen >/dev/null 2>&1 || { echo 'Failed to find required executable "ssh-keygen"' >&2; exit 127; }
if [ -e "$f" ]; then
  printf 'private %s\n' "$(head -n 1 -- "$f")"
  printf 'list %s\n' "$(ssh-keygen -l -f "$f" 2>/dev/null | head -n 1)"
  printf 'plain %s\n' "$(ssh-keygen -P '' -y -f "$f" 2>/dev/null </dev/null)"
  [ -z "$2" ] || printf 'locked %s\n' "$(ssh-keygen -y -f "$f" 2>/dev/null)"
fi
[ ! -e "$f.pub" ] || printf 'public %s\n' "$(cat -- "$f.pub")"`

// makeKeypair makes a pair at $1 as the words behind it say. A file that is there
// is replaced and keeps mode and owner.
const makeKeypair = `f=$1; shift; umask 077
d=$(mktemp -d) || exit; trap 'rm -rf "$d"' EXIT
ssh-keygen -q -f "$d/k" "$@" >/dev/null || exit
put() {
  if [ -e "$2" ]; then cp -p -- "$2" "$2.$$" && cat <"$1" >"$2.$$" && mv -f -- "$2.$$" "$2"; else cp -p -- "$1" "$2"; fi
}
chmod 644 "$d/k.pub" && put "$d/k" "$f" && put "$d/k.pub" "$f.pub"`

// restorePublic writes the public key of $1 anew, from $2; with $3 its comment is $4.
const restorePublic = `f=$1; umask 022
if [ -e "$f.pub" ]; then cp -p -- "$f.pub" "$f.pub.$$" || exit; fi
printf '%s\n' "$2" >"$f.pub.$$" && mv -f -- "$f.pub.$$" "$f.pub" || exit
[ "$3" ] || exit 0
exec ssh-keygen -q -o -c -C "$4" -f "$f" >/dev/null`

// keypair is what a host has.
type keypair struct {
	private, public bool // whether the files are there
	header          string
	size            int
	kind            string
	fingerprint     string
	// own is the public key that the private one gives, "" when it cannot be read.
	own string
	// text and comment are those in the public key's file.
	text, comment string
}

func (a keypairArgs) parse(out string) keypair {
	var k keypair
	plain, locked := "", ""
	for line := range strings.Lines(out) {
		word, rest, _ := strings.Cut(strings.TrimRight(line, "\n"), " ")
		f := strings.SplitN(rest, " ", 3)
		switch word {
		case "private":
			k.private, k.header = true, strings.TrimSpace(rest)
		case "list":
			if w := strings.Fields(rest); len(w) > 2 {
				k.size, _ = strconv.Atoi(w[0])
				k.fingerprint, k.kind = w[1], strings.ToLower(strings.Trim(w[len(w)-1], "()"))
			}
		case "plain":
			plain = withoutComment(f)
		case "locked":
			locked = withoutComment(f)
		case "public":
			k.public = true
			if k.text = withoutComment(f); len(f) > 2 {
				k.comment = f[2]
			}
		}
	}
	k.own = plain
	if a.Passphrase.Or("") != "" {
		// A key without a passphrase is not as asked.
		if k.own = locked; plain != "" {
			k.own = ""
		}
	}
	return k
}

func withoutComment(words []string) string {
	if len(words) < 2 {
		return ""
	}
	return words[0] + " " + words[1]
}

// size is the length that is asked for.
func (a keypairArgs) size() (int, error) {
	n, given := a.Size.Get()
	switch a.Type {
	case "rsa", "rsa1":
		if !given {
			return 4096, nil
		}
		if n < 1024 {
			return 0, module.Fail("For RSA keys, the minimum size is 1024 bits and the default is 4096 bits. Attempting to use bit lengths under 1024 will cause the module to fail.")
		}
		return n, nil
	case "dsa":
		if given && n != 1024 {
			return 0, module.Fail("DSA keys must be exactly 1024 bits as specified by FIPS 186-2.")
		}
		return 1024, nil
	case "ecdsa":
		switch {
		case !given:
			return 256, nil
		case n != 256 && n != 384 && n != 521:
			return 0, module.Fail("For ECDSA keys, size determines the key length by selecting from one of three elliptic curve sizes: 256, 384 or 521 bits. " +
				"Attempting to use bit lengths other than these three values for ECDSA keys will cause this module to fail.")
		}
		return n, nil
	}
	return 256, nil
}

// pairPlan is what becomes of a pair.
type pairPlan struct {
	keypairArgs
	at   string
	bits int
	was  keypair
}

func planKeypair(a keypairArgs, _ module.Inputs, v state.View) (module.Change, error) {
	bits, err := a.size()
	if err != nil {
		return module.Change{}, err
	}
	g := module.Gathering(v)
	p := &pairPlan{keypairArgs: a, at: strings.TrimSuffix(g.Path(a.Path), "/"), bits: bits}
	dir := path.Dir(p.at)
	folder, f := g.File(dir, 0), g.File(p.at, 0)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	switch {
	case !folder.IsDir():
		return module.Change{}, module.Fail("The directory "+dir+" does not exist or the file is not a directory", "name", dir)
	case f.IsDir():
		return module.Change{}, module.Fail(p.at + " is a directory. Please specify a path to a file.")
	}
	return module.Look(p.look(), p.unknown(), func(v state.View, r state.OpResult) (module.Change, error) {
		if r.RC != 0 {
			return module.Change{}, module.CommandFailed([]string{"ssh-keygen"}, r)
		}
		p.was = p.parse(string(r.Stdout))
		return p.settle(v)
	}), nil
}

// look is the command that tells of the pair.
func (p *pairPlan) look() state.Exec {
	e := state.Exec{Argv: []string{"/bin/sh", "-c", lookKeypair, "sh", p.at, ""}, Env: []string{"LC_ALL=C"}, Read: true, Shown: "look at the key pair " + p.at}
	if pass := p.Passphrase.Or(""); pass != "" {
		e.Argv[len(e.Argv)-1] = "passphrase"
		e.Stdin, e.HasStdin = []byte(pass+"\n"), true
	}
	return e
}

func (p *pairPlan) unknown() *value.Map {
	return value.M("changed", module.Later(), "size", p.bits, "type", p.Type, "filename", p.at,
		"fingerprint", module.Later(), "public_key", module.Later(), "comment", module.Later())
}

// result is what is registered about a pair.
func (p *pairPlan) result(k keypair, changed bool) *value.Map {
	host := func(s string) value.Value { return value.String(s).WithMarks(value.Unsafe) }
	return value.M("changed", changed, "size", p.bits, "type", p.Type, "filename", p.at,
		"fingerprint", host(k.fingerprint), "public_key", host(k.text), "comment", host(k.comment))
}

func (p *pairPlan) rule() string {
	if p.Force {
		return "always"
	}
	return p.Regenerate
}

// settle says what must be done.
func (p *pairPlan) settle(v state.View) (module.Change, error) {
	if p.State == "absent" {
		c := module.Change{Result: p.result(p.was, p.was.private || p.was.public)}
		if p.was.private {
			c.Ops = append(c.Ops, state.Remove{Path: p.at})
		}
		if p.was.public {
			c.Ops = append(c.Ops, state.Remove{Path: p.at + ".pub"})
		}
		return c, nil
	}
	anew, err := p.anew()
	switch {
	case err != nil:
		return module.Change{}, err
	case anew:
		return p.run(p.generate()), nil
	case p.was.own == "" && p.was.kind != "":
		return module.Change{}, module.Fail("Unable to read the key. The key is protected with a passphrase or broken.")
	}
	if c, given := p.Comment.Get(); p.was.text != p.was.own || given && c != p.was.comment {
		return p.run(p.restore()), nil
	}
	return p.attributes(v, p.was, false)
}

// anew tells whether a pair is to be made, or why that is refused.
func (p *pairPlan) anew() (bool, error) {
	rule, read := p.rule(), p.was.kind != "" && p.was.own != ""
	fits := p.was.size == p.bits && p.was.kind == p.Type && p.formatFits()
	switch {
	case p.was.private && !read && rule != "full_idempotence" && rule != "always":
		return false, module.Fail("Unable to read the key. The key is protected with a passphrase or broken. Will not proceed. To force regeneration, " +
			"call the module with `generate` set to `full_idempotence` or `always`, or with `force=true`.")
	case p.was.kind == "" || rule == "always" || p.Passphrase.Given() && !read:
		return true, nil
	case rule == "never":
		return false, nil
	case rule == "fail" && !fits:
		return false, module.Fail("Key has wrong type and/or size. Will not proceed. To force regeneration, call the module with `generate` set to " +
			"`partial_idempotence`, `full_idempotence` or `always`, or with `force=true`.")
	}
	return !fits, nil
}

// formatFits tells whether the private key is written as asked.
func (p *pairPlan) formatFits() bool {
	want, asked := map[string]string{"ssh": "-----BEGIN OPENSSH PRIVATE KEY-----", "pkcs8": "-----BEGIN PRIVATE KEY-----",
		"pkcs1": "-----BEGIN RSA PRIVATE KEY-----"}[p.Format]
	return !asked || p.was.header == want
}

func (p *pairPlan) generate() state.Exec {
	argv := []string{"/bin/sh", "-c", makeKeypair, "sh", p.at, "-t", p.Type, "-b", strconv.Itoa(p.bits), "-C", p.Comment.Or("")}
	argv = append(argv, map[string][]string{"pkcs1": {"-m", "PEM"}, "pkcs8": {"-m", "PKCS8"}, "ssh": {"-o"}}[p.Format]...)
	e := state.Exec{Env: []string{"LC_ALL=C"}, Shown: "make the key pair " + p.at}
	if pass := p.Passphrase.Or(""); pass != "" {
		e.Stdin, e.HasStdin = []byte(pass+"\n"+pass+"\n"), true
	} else {
		argv = append(argv, "-N", "")
	}
	e.Argv = argv
	return e
}

func (p *pairPlan) restore() state.Exec {
	comment := p.Comment.Or("")
	argv := []string{"/bin/sh", "-c", restorePublic, "sh", p.at, p.was.own, "", comment}
	e := state.Exec{Env: []string{"LC_ALL=C"}, Shown: "write the public key of " + p.at}
	if comment != "" {
		argv[6] = "comment"
		if pass := p.Passphrase.Or(""); pass != "" {
			e.Stdin, e.HasStdin = []byte(pass+"\n"), true
		}
	}
	e.Argv = argv
	return e
}

// run plans a command that writes keys, and looks at them and their attributes
// afterwards.
func (p *pairPlan) run(e state.Exec) module.Change {
	r := p.unknown()
	r.Set("changed", value.Bool(true))
	still := p.result(p.was, true)
	still.Delete("changed")
	return module.Change{Ops: []state.Op{e}, Result: r, Still: still, Then: func(_ state.View, did []state.OpResult) (module.Change, error) {
		if did[0].RC != 0 {
			return module.Change{}, module.CommandFailed([]string{"ssh-keygen"}, did[0])
		}
		return module.Change{Ops: []state.Op{p.look()}, Looks: true, Result: r, Then: func(v state.View, did []state.OpResult) (module.Change, error) {
			if did[0].RC != 0 {
				return module.Change{}, module.CommandFailed([]string{"ssh-keygen"}, did[0])
			}
			return p.attributes(v, p.parse(string(did[0].Stdout)), true)
		}}, nil
	}}
}

// attributes plans mode and owner of both files.
func (p *pairPlan) attributes(v state.View, now keypair, changed bool) (module.Change, error) {
	g := module.Gathering(v)
	c := module.Change{Warnings: p.Warnings()}
	for _, at := range []string{p.at, p.at + ".pub"} {
		f := g.File(at, 0)
		w, err := p.Want(g, f.Followed)
		if err != nil {
			return c, err
		}
		if set := w.Changes(f.Followed); g.Complete() && !set.IsZero() {
			changed = true
			c.Ops = append(c.Ops, state.SetAttrs{Path: f.Resolved, Attrs: set})
		}
	}
	if need, missing, err := g.Missing(); missing {
		return need, err
	}
	c.Result = p.result(now, changed)
	return c, nil
}
