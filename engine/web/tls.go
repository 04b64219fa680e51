package web

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpproxy"
)

// bundles are where distributions keep what a host trusts.
var bundles = []string{
	"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem",
	"/etc/ssl/ca-bundle.pem", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
}

// roots are the certificates that the host trusts; none when it has no list.
func (c *call) roots(ctx context.Context) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if c.CAFile != "" {
		pem, err := c.host.ReadFile(ctx, c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("ca_path %s: %w", c.CAFile, err)
		}
		pool.AppendCertsFromPEM(pem)
		return pool, nil
	}
	for _, name := range bundles {
		pem, err := c.host.ReadFile(ctx, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		pool.AppendCertsFromPEM(pem)
		break
	}
	return pool, nil
}

// clientCert adds the certificate that we show.
func (c *call) clientCert(ctx context.Context, cfg *tls.Config) error {
	if c.CertFile == "" {
		return nil
	}
	cert, err := c.host.ReadFile(ctx, c.CertFile)
	if err != nil {
		return fmt.Errorf("client_cert %s: %w", c.CertFile, err)
	}
	key := cert
	if c.KeyFile != "" {
		if key, err = c.host.ReadFile(ctx, c.KeyFile); err != nil {
			return fmt.Errorf("client_key %s: %w", c.KeyFile, err)
		}
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("client_cert %s: %w", c.CertFile, err)
	}
	cfg.Certificates = []tls.Certificate{pair}
	return nil
}

// transport dials from the host. Certificates are looked up when a server
// shows one.
func (c *call) transport(ctx context.Context) (*http.Transport, error) {
	t := &http.Transport{DisableCompression: true, DisableKeepAlives: true}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		if c.UnixSocket != "" {
			network, address = "unix", c.UnixSocket
		}
		if c.Timeout > 0 {
			var cancel func()
			ctx, cancel = context.WithTimeoutCause(ctx, c.Timeout, errLate)
			defer cancel()
		}
		conn, err := c.host.Dial(ctx, network, address)
		if err != nil && errors.Is(context.Cause(ctx), errLate) {
			return nil, errLate
		}
		return conn, err
	}
	t.DialContext = dial
	if strings.HasPrefix(strings.ToLower(c.URL), "https:") || c.Follow != "none" {
		t.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			return c.dialTLS(ctx, network, address, dial)
		}
	}
	if proxy := c.proxy(); proxy != nil {
		t.Proxy = func(r *http.Request) (*url.URL, error) { return proxy(r.URL) }
		// A proxy is asked before the server shows its certificate.
		cfg, err := c.tlsConfig(ctx)
		if err != nil {
			return nil, err
		}
		t.TLSClientConfig = cfg
	}
	return t, nil
}

func (c *call) dialTLS(ctx context.Context, network, address string, dial func(context.Context, string, string) (net.Conn, error)) (net.Conn, error) {
	cfg, err := c.tlsConfig(ctx)
	if err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	cfg.ServerName = host
	conn, err := dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	secured := tls.Client(conn, cfg)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secured, nil
}

// proxy tells which proxy to ask, nil for none.
func (c *call) proxy() func(*url.URL) (*url.URL, error) {
	if c.NoProxy || c.UnixSocket != "" {
		return nil
	}
	env := map[string]string{}
	for _, e := range c.Env {
		if k, v, ok := strings.Cut(e, "="); ok {
			env[strings.ToLower(k)] = v
		}
	}
	cfg := httpproxy.Config{HTTPProxy: env["http_proxy"], HTTPSProxy: env["https_proxy"], NoProxy: env["no_proxy"]}
	if cfg.HTTPProxy == "" && cfg.HTTPSProxy == "" {
		return nil
	}
	return func(to *url.URL) (*url.URL, error) {
		if host := to.Hostname(); loopback(host) && !slices.Contains(strings.FieldsFunc(cfg.NoProxy, between), host) {
			// The package never asks a proxy for these, Python does.
			near := *to
			near.Host = "loopback.invalid"
			return (&httpproxy.Config{HTTPProxy: cfg.HTTPProxy, HTTPSProxy: cfg.HTTPSProxy, NoProxy: star(cfg.NoProxy)}).ProxyFunc()(&near)
		}
		return cfg.ProxyFunc()(to)
	}
}

// between tells what stands between the names of no_proxy.
func between(r rune) bool { return r == ',' || r == ' ' }

// star is no_proxy with nothing but its word for every host.
func star(noProxy string) string {
	if slices.Contains(strings.FieldsFunc(noProxy, between), "*") {
		return "*"
	}
	return ""
}

// loopback tells whether a name is this host's own.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
