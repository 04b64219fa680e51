package crypto

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/value"
)

// shower shows a certificate to who comes, after what before does.
func shower(t *testing.T, cert tls.Certificate, before func(net.Conn)) int {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			before(c)
			_ = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}}).Handshake()
			_ = c.Close()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

func TestGetCertificate(t *testing.T) {
	t.Parallel()
	h := bundleHost(t)
	h.Dial = (&net.Dialer{}).DialContext
	cert, err := tls.X509KeyPair([]byte(h.Files["/s/w.crt"]), []byte(h.Files["/s/w"]))
	if err != nil {
		t.Fatal(err)
	}
	plain := shower(t, cert, func(net.Conn) {})
	mysql := shower(t, cert, func(c net.Conn) {
		_, _ = c.Write([]byte("greeting"))
		_, _ = io.ReadFull(c, make([]byte, 36))
	})
	proxy := shower(t, cert, func(c net.Conn) {
		b := make([]byte, 100)
		if n, _ := c.Read(b); string(b[:n]) == "CONNECT www.example:443 HTTP/1.0\r\n\r\n" {
			_, _ = c.Write([]byte("HTTP/1.0 200 OK\r\n\r\n"))
		}
	})
	closing := shower(t, cert, func(c net.Conn) { _ = c.Close() })
	silent := shower(t, cert, func(c net.Conn) { _, _ = io.ReadAll(c) })
	words := shower(t, cert, func(c net.Conn) { _, _ = c.Write([]byte("220 hello, this is no TLS at all\r\n")) })
	for name, c := range map[string]struct {
		args []any
		want string // what fails
	}{
		"plain":      {[]any{"port", plain}, ""},
		"mysql":      {[]any{"port", mysql, "starttls", "mysql"}, ""},
		"proxy":      {[]any{"host", "www.example", "port", 443, "proxy_host", "127.0.0.1", "proxy_port", proxy}, ""},
		"trusted":    {[]any{"port", plain, "ca_cert", "/s/ca.crt"}, "certificate verify failed: self-signed certificate"},
		"no list":    {[]any{"port", plain, "ca_cert", "/s/x"}, "no certificate or crl found"},
		"no file":    {[]any{"port", plain, "ca_cert", "/s/none"}, "ca_cert file does not exist"},
		"closed":     {[]any{"port", closing}, "Failed to get cert from 127.0.0.1:" + strconv.Itoa(closing) + ", error: "},
		"silent":     {[]any{"port", silent, "timeout", 1}, "error: The handshake operation timed out"},
		"no TLS":     {[]any{"port", words}, "error: [SSL: WRONG_VERSION_NUMBER] wrong version number"},
		"bad proxy":  {[]any{"port", plain, "proxy_host", "127.0.0.1", "proxy_port", 1}, "Failed to get cert via proxy 127.0.0.1:1 from 127.0.0.1:"},
		"other port": {[]any{"port", 1}, "Failed to get cert from 127.0.0.1:1, error: "},
	} {
		h := &moduletest.Host{Files: h.Files, Dial: h.Dial}
		r, err := h.Run(t, GetCertificate(), value.M(append([]any{"host", "127.0.0.1"}, c.args...)...))
		switch {
		case c.want != "":
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %s", name, err, c.want)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case field(r, "cert") != value.String(h.Files["/s/w.crt"]).Repr() || field(r, "subject") != "{'CN': 'w'}" || field(r, "version") != "2":
			t.Errorf("%s: %v", name, r)
		}
	}
}

// Nobody is asked in a dry run.
func TestGetCertificateInPlan(t *testing.T) {
	t.Parallel()
	h := &moduletest.Host{Check: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		t.Error("somebody was asked")
		return nil, io.EOF
	}}
	if r := run(t, h, GetCertificate(), "host", "x", "port", 1); field(r, "changed") != "False" {
		t.Errorf("%v", r)
	}
}
