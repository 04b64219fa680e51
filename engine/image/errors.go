package image

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/regclient/regclient/types/errs"
)

func badSource(path string, err error) error {
	d := diag.Errorf(diag.Pos{}, "image-source", "%s: %w", path, err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.Msg = path + ": no such file"
	case errors.Is(err, io.ErrUnexpectedEOF):
		d.Msg = path + ": the archive is cut short"
		d.Hint = "copy or save it again"
	}
	return d
}

func notArchive(path, why string) error {
	return diag.Errorf(diag.Pos{}, "image-archive", "%s is no image archive: %s", path, why).
		WithHint("docker save writes one; .tar and .tar.gz are read, and folders with an OCI layout")
}

// reach makes sure, at once and before any work, that there is a registry that
// speaks as the options say. The client itself would try again and again.
func reach(ctx context.Context, tr *http.Transport, registry string, o Options) error {
	if registry == "docker.io" {
		return nil // known to be one, under another name
	}
	scheme := "https"
	if o.PlainHTTP {
		scheme = "http"
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+registry+"/v2/", nil)
	if err != nil {
		return diag.Errorf(diag.Pos{}, "registry", "registry %s: %w", registry, err)
	}
	res, err := tr.RoundTrip(req)
	if err != nil {
		return unreachable(ctx, registry, err)
	}
	_ = res.Body.Close()
	switch {
	case res.StatusCode == http.StatusBadRequest && o.PlainHTTP:
		return diag.New(diag.Unreachable, diag.Pos{}, "registry-tls", "registry %s does not take plain HTTP", registry).
			WithHint("it most likely speaks TLS: leave plain HTTP out")
	case res.StatusCode >= 500:
		return diag.New(diag.Unreachable, diag.Pos{}, "registry", "registry %s answers %s", registry, res.Status)
	case res.StatusCode == http.StatusNotFound:
		return diag.New(diag.NotFound, diag.Pos{}, "registry", "%s is no image registry: it has no /v2/", registry)
	}
	return nil
}

func unreachable(ctx context.Context, registry string, err error) error {
	d := diag.New(diag.Unreachable, diag.Pos{}, "registry", "registry %s: %w", registry, err)
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var record tls.RecordHeaderError
	var dns *net.DNSError
	switch {
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		d.Code, d.Msg = "registry-http", "registry "+registry+" speaks plain HTTP, not TLS"
		d.Hint = "use --plain-http for it"
	case errors.As(err, &unknown):
		d.Code, d.Hint = "registry-ca", "give its certificate authority with --ca"
	case errors.As(err, &host):
		d.Code, d.Hint = "registry-ca", "its certificate is for another name"
	case errors.Is(err, syscall.ECONNREFUSED):
		d.Class, d.Msg = diag.Refused, "registry "+registry+": nobody listens there"
	case errors.As(err, &dns):
		d.Msg = "registry " + registry + ": no such host"
	case ctx.Err() != nil:
		d.Class = diag.ClassOf(context.Cause(ctx))
		d.Msg = "registry " + registry + ": no answer"
	}
	return d
}

// pushError says what the registry did not like.
func pushError(ctx context.Context, name string, err error) error {
	d := diag.New(diag.Failed, diag.Pos{}, "image-push", "%s: %w", name, err)
	switch {
	case ctx.Err() != nil:
		d.Class = diag.ClassOf(context.Cause(ctx))
	case errors.Is(err, errs.ErrHTTPUnauthorized):
		d.Class, d.Code, d.Msg = diag.Auth, "registry-auth", name+": the registry wants credentials, or other ones"
		d.Hint = "give a user and password, or docker login's file"
	case errors.Is(err, errs.ErrNotFound):
		d.Class, d.Code, d.Msg = diag.NotFound, "image-missing", name+": the registry has no such image"
	}
	return d
}
