package crypto

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/pki"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type javaCertArgs struct {
	URL        string `arg:"cert_url"`
	Path       string `arg:"cert_path"`
	PKCS12     string `arg:"pkcs12_path"`
	PKCS12Pass string `arg:"pkcs12_password"`
	PKCS12Name string `arg:"pkcs12_alias"`
	Alias      string `arg:"cert_alias"`
	Port       int    `arg:"cert_port"`
	Store      string `arg:"keystore_path"`
	Pass       string `arg:"keystore_pass"`
	Trust      bool   `arg:"trust_cacert"`
	Create     bool   `arg:"keystore_create"`
	Type       string `arg:"keystore_type"`
	Keytool    string `arg:"executable"`
	State      string `arg:"state"`
}

var javaCertSpec = module.Spec{
	Name:    "java_cert",
	Aliases: []string{"community.general.java_cert"},
	Summary: "Have a certificate in a Java keystore",
	Doc:     "Works with the host's keytool. Passwords go to its input. Certificates are compared here; openssl is not needed.",
	Args: []module.Arg{
		{Name: "cert_url", Doc: "A server whose certificate to take."},
		{Name: "cert_port", Type: module.Int, Default: 443, Doc: "Its port."},
		{Name: "cert_path", Type: module.Path, Doc: "A file of the host with the certificate."},
		{Name: "cert_alias", Doc: "The name in the keystore; without one cert_url."},
		{Name: "trust_cacert", Type: module.Bool, Default: false, Doc: "Trust the keystore's CAs, too, when it is imported."},
		{Name: "pkcs12_path", Type: module.Path, Doc: "A PKCS #12 file of the host to import from."},
		{Name: "pkcs12_password", Secret: true, Doc: "Its passphrase."},
		{Name: "pkcs12_alias", Doc: "The name in it."},
		{Name: "keystore_path", Type: module.Path, Doc: "The keystore."},
		{Name: "keystore_pass", Secret: true, Required: true, Doc: "Its password."},
		{Name: "keystore_create", Type: module.Bool, Default: false, Doc: "Make the keystore when it is not there."},
		{Name: "keystore_type", Doc: "Its type, such as JKS or PKCS12."},
		{Name: "executable", Default: "keytool", Doc: "The program."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether the certificate is to be there."},
	},
	MutuallyExclusive: [][]string{{"cert_url", "cert_path", "pkcs12_path"}},
	RequiredTogether:  [][]string{{"keystore_path", "keystore_pass"}},
	Returns: []module.Return{
		{Name: "msg", Type: "str", When: "something was changed", Doc: "What keytool printed."},
		{Name: "rc", Type: "int", When: "something was changed", Doc: "What it returned."},
		{Name: "cmd", Type: "list", When: "something was changed", Doc: "Its command."},
		{Name: "error", Type: "str", When: "something was changed", Doc: "Its messages."},
	},
	Examples: "- java_cert: {cert_path: /etc/ssl/ca.crt, cert_alias: our-ca, keystore_path: /etc/app/trust.jks, keystore_pass: changeit, keystore_create: true}\n",
	Traits:   module.Traits{Reach: state.ReachExternal},
}

// JavaCert is the module java_cert.
func JavaCert() module.Module { return module.New(javaCertSpec, planJavaCert) }

// javaStore is a keystore and what is to be in it.
type javaStore struct {
	javaCertArgs
	in     module.Inputs
	exists bool   // the keystore is there
	file   []byte // the certificate's file
	had    []byte // the certificate that is there, in DER; nil is none
}

func planJavaCert(a javaCertArgs, in module.Inputs, v state.View) (module.Change, error) {
	switch {
	case a.State == "present" && a.Path == "" && a.URL == "" && a.PKCS12 == "":
		return module.Change{}, module.Fail("state is present but any of the following are missing: cert_path, cert_url, pkcs12_path")
	case a.State == "absent" && a.URL == "" && a.Alias == "":
		return module.Change{}, module.Fail("state is absent but any of the following are missing: cert_url, cert_alias")
	}
	g := module.Gathering(v)
	for _, p := range []*string{&a.Path, &a.PKCS12, &a.Store} {
		if *p != "" {
			*p = g.Path(*p)
		}
	}
	if a.Alias == "" {
		a.Alias = a.URL
	}
	if a.Path != "" && a.Alias == "" {
		return module.Change{}, module.Fail("Using local path import from " + a.Store + " requires alias argument.")
	}
	s := &javaStore{javaCertArgs: a, in: in}
	if a.Store != "" {
		s.exists = g.File(a.Store, 0).Followed.Type != state.TypeNone
	}
	var err error
	if a.Path != "" && a.State == "present" {
		s.file, err = readInput(g, module.Some(a.Path), module.Opt[string]{}, noSuchFile)
	}
	if c, missing, gerr := g.Missing(); missing {
		return c, gerr
	}
	return module.Look(state.Exec{Argv: []string{a.Keytool}}, s.predicted(), func(_ state.View, r state.OpResult) (module.Change, error) {
		switch {
		case r.RC != 0:
			return module.Change{}, module.CommandFailed([]string{a.Keytool}, r)
		case !a.Create && !s.exists:
			return module.Change{}, module.Fail("Module require existing keystore at keystore_path '" + a.Store + "'")
		}
		return s.list(err), nil
	}), nil
}

// predicted is what is registered when keytool changes something.
func (s *javaStore) predicted() *value.Map {
	r := value.M("changed", true)
	for _, k := range []string{"msg", "rc", "cmd", "stdout", "stdout_lines", "error"} {
		r.Set(k, module.Later())
	}
	return r
}

// command is keytool with some words; each line of input is one that it asks for.
func (s *javaStore) command(input []string, words ...string) state.Exec {
	e := state.Exec{Argv: append([]string{s.Keytool}, words...)}
	if len(input) > 0 {
		e.Stdin, e.HasStdin = []byte(strings.Join(input, "\n")+"\n"), true
	}
	return e
}

func (s *javaStore) storeType() []string {
	if s.Type == "" {
		return nil
	}
	return []string{"-storetype", s.Type}
}

// list looks what the keystore has by the name. err is why the new certificate cannot be read.
func (s *javaStore) list(err error) module.Change {
	cmd := s.command([]string{s.Pass}, append([]string{"-list", "-keystore", s.Store, "-alias", s.Alias, "-rfc"}, s.storeType()...)...)
	return module.Look(cmd, s.predicted(), func(_ state.View, r state.OpResult) (module.Change, error) {
		there := r.RC == 0
		if there && s.State == "present" {
			c, err := inText(r.Stdout)
			if err != nil {
				return module.Change{}, noCertificate(err)
			}
			s.had = c.DER
		}
		switch {
		case s.State == "absent" && !there:
			return module.OK(), nil
		case s.State == "absent":
			return s.remove(), nil
		case err != nil:
			return module.Change{}, noCertificate(err)
		}
		return s.fetch()
	})
}

// inText reads the first certificate in PEM, whatever stands before it, or one in DER.
func inText(data []byte) (*pki.Certificate, error) {
	if blocks := pki.SplitPEM(string(data)); len(blocks) > 0 {
		data = []byte(blocks[0])
	}
	return pki.ParseCertificate(data, true)
}

func noCertificate(err error) error {
	return module.Fail("Internal module failure, cannot extract certificate, error: "+err.Error(), "rc", 1)
}

// fetch gets the certificate that is to be there.
func (s *javaStore) fetch() (module.Change, error) {
	switch {
	case s.PKCS12 != "":
		cmd := s.command([]string{s.PKCS12Pass}, "-list", "-noprompt", "-keystore", s.PKCS12, "-alias", s.PKCS12Name, "-storetype", "pkcs12", "-rfc")
		return module.Look(cmd, s.predicted(), func(_ state.View, r state.OpResult) (module.Change, error) {
			if r.RC != 0 {
				return module.Change{}, module.Fail("Internal module failure, cannot extract public certificate from PKCS12, message: "+string(r.Stdout),
					"stderr", string(r.Stderr), "rc", r.RC)
			}
			return s.settle(r.Stdout)
		}), nil
	case s.URL != "":
		cmd := s.command(nil, slices.Concat([]string{"-printcert", "-rfc", "-sslserver"}, javaProxy(s.in.Env), []string{fmt.Sprintf("%s:%d", s.URL, s.Port)})...)
		return module.Look(cmd, s.predicted(), func(_ state.View, r state.OpResult) (module.Change, error) {
			if r.RC != 0 {
				return module.Change{}, module.Fail("Internal module failure, cannot download certificate, error: "+string(r.Stderr), "rc", r.RC, "cmd", value.Strings(cmd.Argv...))
			}
			return s.settle(r.Stdout)
		}), nil
	}
	return s.settle(s.file)
}

// javaProxy are the options for the proxy that the task's environment names.
func javaProxy(env []string) []string {
	get := func(name string) string {
		for _, e := range env {
			if k, v, ok := strings.Cut(e, "="); ok && strings.EqualFold(k, name) {
				return v
			}
		}
		return ""
	}
	_, at, found := strings.Cut(get("https_proxy"), "://")
	if !found {
		at = get("https_proxy")
	}
	host, port, ok := strings.Cut(strings.TrimSuffix(at, "/"), ":")
	if !ok {
		return nil
	}
	out := []string{"-J-Dhttps.proxyHost=" + host, "-J-Dhttps.proxyPort=" + port}
	if no := get("no_proxy"); no != "" {
		names := strings.Split(no, ",")
		for i, n := range names {
			if strings.HasPrefix(n, ".") {
				names[i] = "*" + n
			}
		}
		out = append(out, "-J-Dhttp.nonProxyHosts="+strings.Join(names, "|"))
	}
	return out
}

// settle compares the certificates and imports the new one.
func (s *javaStore) settle(text []byte) (module.Change, error) {
	c, err := inText(text)
	if err != nil {
		return module.Change{}, noCertificate(err)
	}
	if bytes.Equal(c.DER, s.had) {
		return module.OK(), nil
	}
	var cmds []state.Exec
	if s.had != nil {
		cmds = append(cmds, s.deletion())
	}
	cmd := s.importing(c)
	shown := s.shown(cmd)
	cmds = append(cmds, cmd)
	return module.Steps(cmds, module.Change{Result: s.predicted(), Diff: s.diff("\n", s.Alias+"\n")}, func(_ state.View, did []state.OpResult) (module.Change, error) {
		last := did[len(did)-1]
		switch {
		case len(did) < len(cmds):
			return module.Change{}, module.CommandFailed(cmds[0].Argv, last)
		case last.RC != 0 && s.PKCS12 != "":
			return module.Change{}, module.Fail(string(last.Stdout), "rc", last.RC, "cmd", shown, "error", string(last.Stderr))
		case last.RC != 0:
			return module.Change{}, module.Fail(string(last.Stdout), "rc", last.RC, "cmd", shown)
		}
		return s.changed(shown, last, "\n", value.String(s.Alias+"\n")), nil
	}), nil
}

// withFile runs a command with a file of its own, whose text is the first parameter.
const withFile = `t=$(mktemp) || exit; trap 'rm -f "$t"' EXIT; printf %s "$1" >"$t"; shift; "$@" -file "$t"`

func (s *javaStore) importing(c *pki.Certificate) state.Exec {
	if s.PKCS12 != "" {
		input := []string{s.Pass, s.PKCS12Pass}
		if !s.exists { // the password of a new one is asked for twice
			input = append([]string{s.Pass}, input...)
		}
		return s.command(input, append([]string{"-importkeystore", "-noprompt", "-srcstoretype", "pkcs12", "-srckeystore", s.PKCS12, "-srcalias", s.PKCS12Name,
			"-destkeystore", s.Store, "-destalias", s.Alias}, s.storeType()...)...)
	}
	words := []string{"-importcert", "-noprompt", "-keystore", s.Store}
	if s.Path != "" {
		words = append(words, "-file", s.Path)
	}
	words = append(append(words, "-alias", s.Alias), s.storeType()...)
	if s.Trust {
		words = append(words, "-trustcacerts")
	}
	cmd := s.command([]string{s.Pass, s.Pass}, words...)
	if s.Path == "" {
		cmd.Argv = append([]string{"sh", "-c", withFile, "sh", c.PEM()}, cmd.Argv...)
	}
	return cmd
}

// shown is a command as it is registered.
func (s *javaStore) shown(cmd state.Exec) value.Value {
	if i := slices.Index(cmd.Argv, s.Keytool); i > 0 {
		return value.Strings(cmd.Argv[i:]...)
	}
	return value.Strings(cmd.Argv...)
}

func (s *javaStore) deletion() state.Exec {
	return s.command([]string{s.Pass}, append([]string{"-delete", "-noprompt", "-keystore", s.Store, "-alias", s.Alias}, s.storeType()...)...)
}

func (s *javaStore) remove() module.Change {
	cmd := s.deletion()
	return module.Steps([]state.Exec{cmd}, module.Change{Result: s.predicted(), Diff: s.diff(s.Alias+"\n", "")}, func(_ state.View, did []state.OpResult) (module.Change, error) {
		if did[0].RC != 0 {
			return module.Change{}, module.CommandFailed(cmd.Argv, did[0])
		}
		return s.changed(s.shown(cmd), did[0], s.Alias+"\n", value.Null), nil
	})
}

func (s *javaStore) diff(before, after string) state.Diff {
	if !s.in.Diff || s.in.Check {
		return nil
	}
	return state.Diff{{Before: before, After: after}}
}

// changed registers what keytool did.
func (s *javaStore) changed(cmd value.Value, r state.OpResult, before string, after value.Value) module.Change {
	out, errs := value.String(string(r.Stdout)).WithMarks(value.Unsafe), value.String(string(r.Stderr)).WithMarks(value.Unsafe)
	return module.Change{Result: value.M("changed", true, "msg", out, "rc", r.RC, "cmd", cmd, "stdout", out, "error", errs,
		"diff", value.FromMap(value.M("before", before, "after", after)))}
}
