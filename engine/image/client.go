package image

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/regclient/regclient"
	"github.com/regclient/regclient/config"
	"github.com/regclient/regclient/scheme/reg"
	"github.com/regclient/regclient/types/ref"
)

// access is a registry and how it is reached.
type access struct {
	registry string
	o        Options
}

func remote(ctx context.Context, name string, o Options) (ref.Ref, *regclient.RegClient, func(), error) {
	r, err := parse(name)
	if err != nil {
		return r, nil, nil, err
	}
	rc, done, err := client(ctx, access{r.Registry, o})
	return r, rc, done, err
}

// parse reads a reference to a registry.
func parse(name string) (ref.Ref, error) {
	r, err := ref.New(name)
	if err == nil && r.Scheme != "reg" {
		err = errors.New("it names no registry")
	}
	if err != nil {
		return r, diag.Errorf(diag.Pos{}, "image-name", "image %q: %w", name, err).
			WithHint("write registry/name:tag")
	}
	return r, nil
}

// client makes a client for registries that were reached; done ends its
// connections. Of two for the same registry the last counts.
func client(ctx context.Context, all ...access) (rc *regclient.RegClient, done func(), err error) {
	by := byHost{}
	done = func() {
		for _, tr := range by {
			tr.CloseIdleConnections()
		}
	}
	defer func() {
		if err != nil {
			done()
		}
	}()
	hosts := map[string]config.Host{}
	var last Options
	for _, a := range all {
		tr, err := transport(a.o)
		if err != nil {
			return nil, done, err
		}
		if old := by[a.registry]; old != nil {
			old.CloseIdleConnections()
		}
		by[a.registry], by[""] = tr, tr
		if err := reach(ctx, tr, a.registry, a.o); err != nil {
			return nil, done, err
		}
		host, err := configured(a)
		if err != nil {
			return nil, done, err
		}
		by[host.Hostname] = tr
		hosts[a.registry], last = *host, a.o
	}
	opts := []regclient.Opt{regclient.WithUserAgent("fairlead"), regclient.WithRegOpts(reg.WithHTTPClient(&http.Client{Transport: by}))}
	if last.Log != nil {
		opts = append(opts, regclient.WithSlog(last.Log))
	}
	for _, h := range hosts {
		opts = append(opts, regclient.WithConfigHost(h))
	}
	return regclient.New(opts...), done, nil
}

// byHost sends each request with the settings of its registry; what is no
// registry of ours (a server that gives tokens) is trusted as the last one.
type byHost map[string]*http.Transport

// RoundTrip implements http.RoundTripper.
func (b byHost) RoundTrip(r *http.Request) (*http.Response, error) {
	if tr, ok := b[r.URL.Host]; ok {
		return tr.RoundTrip(r)
	}
	return b[""].RoundTrip(r)
}

// largeLayer is the size in bytes from which on a layer goes in pieces, each a
// quarter of it: when the connection breaks, the registry is asked how far it
// got. A piece is held in memory.
const largeLayer = 64 << 20

func configured(a access) (*config.Host, error) {
	host := config.HostNewName(a.registry)
	if a.o.DockerConfig != "" {
		hosts, err := config.DockerLoadFile(a.o.DockerConfig)
		if err != nil {
			return nil, diag.Errorf(diag.Pos{}, "docker-config", "%s: %w", a.o.DockerConfig, err)
		}
		for i := range hosts {
			if hosts[i].Name == host.Name {
				host = &hosts[i]
			}
		}
	}
	switch {
	case a.o.PlainHTTP:
		host.TLS = config.TLSDisabled
	case a.o.Insecure:
		host.TLS = config.TLSInsecure
	}
	if a.o.CA != "" {
		host.RegCert = a.o.CA
	}
	host.BlobMax = cmp.Or(a.o.large, largeLayer)
	host.BlobChunk = host.BlobMax / 4
	if a.o.Username != "" {
		host.User, host.Pass, host.Token = a.o.Username, a.o.Password, ""
	}
	return host, nil
}

// transport makes the connections to one registry, as the options say.
func transport(o Options) (*http.Transport, error) {
	conf := &tls.Config{InsecureSkipVerify: o.Insecure, MinVersion: tls.VersionTLS12} //nolint:gosec // by choice, by name
	if o.CA != "" {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM([]byte(o.CA)) {
			return nil, diag.Errorf(diag.Pos{}, "registry-ca", "the certificate authority given is no PEM text")
		}
		conf.RootCAs = pool
	}
	return &http.Transport{TLSClientConfig: conf, Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 10 * time.Second,
		IdleConnTimeout: 30 * time.Second, DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext}, nil
}
