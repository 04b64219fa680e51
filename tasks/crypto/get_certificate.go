package crypto

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/pki"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type getCertificateArgs struct {
	Host       string             `arg:"host"`
	Port       int                `arg:"port"`
	CACert     module.Opt[string] `arg:"ca_cert"`
	ProxyHost  string             `arg:"proxy_host"`
	ProxyPort  int                `arg:"proxy_port"`
	ServerName string             `arg:"server_name"`
	StartTLS   string             `arg:"starttls"`
	Timeout    int                `arg:"timeout"`
	Base64     bool               `arg:"asn1_base64"`
}

var getCertificateSpec = module.Spec{
	Name:    "get_certificate",
	Aliases: []string{"community.crypto.get_certificate"},
	Summary: "Get the certificate that a server shows",
	Doc:     "Asks the server as seen from the host, through the SSH connection; the host needs no program for it. In a dry run nobody is asked.",
	Args: []module.Arg{
		{Name: "host", Required: true, Doc: "The server."},
		{Name: "port", Type: module.Int, Required: true, Doc: "Its port."},
		{Name: "ca_cert", Type: module.Path, Doc: "A file of the host with the certificates to trust; without it any certificate will do."},
		{Name: "server_name", Doc: "The name to ask for, when it is not host."},
		{Name: "proxy_host", Doc: "A proxy to go through."},
		{Name: "proxy_port", Type: module.Int, Default: 8080, Doc: "Its port."},
		{Name: "starttls", Choices: []string{"mysql"}, Doc: "What is spoken before TLS begins."},
		{Name: "timeout", Type: module.Int, Default: 10, Doc: "Seconds to wait for the server each time; 0: for ever."},
		{Name: "select_crypto_backend", Choices: []string{"auto", "cryptography"}, Default: "auto", Doc: "Accepted; nothing is needed on the host."},
		{Name: "ciphers", Type: module.List, Elem: module.Str, Doc: "Accepted; the library chooses among safe ones."},
		{Name: "asn1_base64", Type: module.Bool, Default: false, Doc: "Write the extensions' content in Base64."},
	},
	Returns: []module.Return{
		{Name: "cert", Type: "str", When: "success", Doc: "The certificate in PEM."},
		{Name: "subject", Type: "dict", When: "success", Doc: "Whose it is, by short names (CN)."},
		{Name: "issuer", Type: "dict", When: "success", Doc: "Who signed it, alike."},
		{Name: "expired", Type: "bool", When: "success", Doc: "Its time is over."},
		{Name: "not_before", Type: "str", When: "success", Doc: "From when on it is valid."},
		{Name: "not_after", Type: "str", When: "success", Doc: "Until when."},
		{Name: "serial_number", Type: "int", When: "success", Doc: "The serial number."},
		{Name: "signature_algorithm", Type: "str", When: "success", Doc: "How it is signed."},
		{Name: "version", Type: "int", When: "success", Doc: "0 for version 1, 2 for version 3."},
		{Name: "extensions", Type: "list", When: "success", Doc: "name, critical and asn1_data of each extension."},
	},
	Examples: "- get_certificate: {host: www.example.org, port: 443}\n  register: cert\n",
	Traits:   module.Traits{Reach: state.ReachNone},
}

// GetCertificate is the module get_certificate.
func GetCertificate() module.Module { return module.New(getCertificateSpec, planGetCertificate) }

func planGetCertificate(a getCertificateArgs, in module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	roots, err := readInput(g, a.CACert, module.Opt[string]{}, func(string) error { return module.Fail("ca_cert file does not exist") })
	if c, missing, gerr := g.Missing(); missing {
		return c, gerr
	}
	if err != nil {
		return module.Change{}, err
	}
	m := value.M("changed", false)
	for _, r := range getCertificateSpec.Returns {
		m.Set(r.Name, module.Later())
	}
	talk := state.Talk{Shown: "get the certificate of " + a.address(), Read: true, With: func(ctx context.Context, dial state.Dialer) (any, error) {
		return a.ask(ctx, dial, roots)
	}}
	return module.Change{Ops: []state.Op{talk}, Result: m, NoCheck: "remote module ({task}) does not support check mode",
		Then: func(_ state.View, did []state.OpResult) (module.Change, error) {
			end, _ := did[len(did)-1].Data.(state.TalkEnd)
			return a.answer(end, in.Now)
		}}, nil
}

func (a getCertificateArgs) address() string { return net.JoinHostPort(a.Host, strconv.Itoa(a.Port)) }

// errLate is a server that let us wait for too long.
var errLate = errors.New("timed out")

// ask gives the certificate that the server shows, in DER.
func (a getCertificateArgs) ask(ctx context.Context, dial state.Dialer, roots []byte) (any, error) {
	wait := func() (context.Context, func()) {
		if a.Timeout <= 0 {
			return ctx, func() {}
		}
		return context.WithTimeoutCause(ctx, time.Duration(a.Timeout)*time.Second, errLate)
	}
	late := func(c context.Context, err error, why error) error {
		if err != nil && errors.Is(context.Cause(c), errLate) {
			return why
		}
		return err
	}
	to := a.address()
	if a.ProxyHost != "" {
		to = net.JoinHostPort(a.ProxyHost, strconv.Itoa(a.ProxyPort))
	}
	first, cancel := wait()
	conn, err := dial(first, "tcp", to)
	if err = late(first, err, errLate); err == nil {
		err = late(first, a.before(first, conn), errLate)
	}
	cancel()
	if err != nil {
		return nil, err
	}
	second, cancel := wait()
	defer cancel()
	name := a.ServerName
	if name == "" {
		name = a.Host
	}
	secured := tls.Client(conn, &tls.Config{ServerName: name, InsecureSkipVerify: true, VerifyConnection: a.verifier(roots)}) //nolint:gosec // it is asked for what it shows
	if err := secured.HandshakeContext(second); err != nil {
		//lint:ignore ST1005 Python's words
		return nil, late(second, notTLS(err), errors.New("The handshake operation timed out"))
	}
	return secured.ConnectionState().PeerCertificates[0].Raw, nil
}

// notTLS is why a server and TLS do not come together, in OpenSSL's words where they
// are known.
func notTLS(err error) error {
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return errors.New("[SSL: WRONG_VERSION_NUMBER] wrong version number")
	}
	if errors.Is(err, io.EOF) {
		return errors.New("TLS/SSL connection has been closed (EOF)")
	}
	return err
}

// before says what comes before TLS: a proxy is asked for the server, and MySQL to
// begin with TLS. Answers are not looked at, as in the original.
func (a getCertificateArgs) before(ctx context.Context, conn net.Conn) error {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	buf := make([]byte, 8192)
	if a.ProxyHost != "" {
		if _, err := fmt.Fprintf(conn, "CONNECT %s:%d HTTP/1.0\r\n\r\n", a.Host, a.Port); err != nil {
			return err
		}
		if _, err := conn.Read(buf); err != nil {
			return err
		}
	}
	if a.StartTLS == "mysql" {
		if _, err := conn.Read(buf); err != nil {
			return err
		}
		if _, err := conn.Write(mysqlStartTLS()); err != nil {
			return err
		}
	}
	return nil
}

// mysqlStartTLS is a client's answer to MySQL's greeting that asks for TLS: its
// abilities, the longest packet, the characters, and 23 zeros (SSLRequest).
func mysqlStartTLS() []byte {
	const length, sequence = 32, 1
	p := make([]byte, 4+length)
	p[0], p[3] = length, sequence
	copy(p[4:], []byte{0x85, 0xae, 0x7f, 0x00, 0x00, 0x00, 0x00, 0x01, 0x21})
	return p
}

// verifier looks whether a certificate is signed by one that is trusted; its name
// does not matter.
func (a getCertificateArgs) verifier(roots []byte) func(tls.ConnectionState) error {
	if !a.CACert.Given() {
		return nil
	}
	return func(s tls.ConnectionState) error {
		pool, rest := x509.NewCertPool(), x509.NewCertPool()
		if !pool.AppendCertsFromPEM(roots) {
			return errors.New("[X509: NO_CERTIFICATE_OR_CRL_FOUND] no certificate or crl found")
		}
		for _, c := range s.PeerCertificates[1:] {
			rest.AddCert(c)
		}
		_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: pool, Intermediates: rest})
		if err == nil {
			return nil
		}
		return fmt.Errorf("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: %s", refused(err, s.PeerCertificates))
	}
}

// refused is why a certificate is not trusted, in OpenSSL's words where they are known.
func refused(err error, chain []*x509.Certificate) string {
	selfSigned := func(c *x509.Certificate) bool {
		return c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		switch {
		case len(chain) == 1 && selfSigned(chain[0]):
			return "self-signed certificate"
		case len(chain) > 1 && selfSigned(chain[len(chain)-1]):
			return "self-signed certificate in certificate chain"
		}
		return "unable to get local issuer certificate"
	}
	if inv, ok := errors.AsType[x509.CertificateInvalidError](err); ok && inv.Reason == x509.Expired {
		return "certificate has expired"
	}
	return err.Error()
}

// answer registers what came.
func (a getCertificateArgs) answer(end state.TalkEnd, now time.Time) (module.Change, error) {
	if end.Err != nil {
		via := "from"
		if a.ProxyHost != "" {
			via = fmt.Sprintf("via proxy %s:%d from", a.ProxyHost, a.ProxyPort)
		}
		return module.Change{}, module.Fail(fmt.Sprintf("Failed to get cert %s %s:%d, error: %s", via, a.Host, a.Port, end.Msg))
	}
	der, _ := end.Said.([]byte)
	c, err := pki.ParseCertificate(der, true)
	if err != nil {
		return module.Change{}, module.Fail(err.Error())
	}
	m := value.M("changed", false, "cert", c.PEM())
	for k, x := range c.Shown(now, a.Base64).All() {
		m.SetKey(k, x)
	}
	return module.Change{Result: value.FromMap(m).MarkDeep(value.Unsafe).Map()}, nil
}
