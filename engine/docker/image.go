package docker

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/jsonstream"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/client"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func authHeader(a *state.RegistryAuth) (string, error) {
	if a == nil {
		return "", nil
	}
	return authconfig.Encode(registry.AuthConfig{Username: a.Username, Password: a.Password,
		ServerAddress: a.Server, IdentityToken: a.IdentityToken, RegistryToken: a.RegistryToken})
}

func (c *Client) pull(ctx context.Context, op state.ImagePull, progress func(string)) (state.ImagePulled, error) {
	var got state.ImagePulled
	auth, err := authHeader(op.Auth)
	if err != nil {
		return got, err
	}
	opts := client.ImagePullOptions{RegistryAuth: auth}
	if op.Platform != "" {
		opts.Platforms = []ocispec.Platform{*platform(op.Platform)}
	}
	ctx, alive, cancel := c.idle(ctx)
	defer cancel()
	from := op.Ref
	if digest := c.pin(ctx, op.Ref, auth); digest != "" {
		got.Pinned, got.Digest = true, digest
		from = repositoryOf(op.Ref) + "@" + digest
		progress(op.Ref + " is " + digest + " on every host of this run")
	}
	body, err := c.api.ImagePull(ctx, from, opts)
	if err != nil {
		return got, registryHint(err)
	}
	got.Newer, got.Ref = true, op.Ref
	err = messages(ctx, body, alive, progress, func(m jsonstream.Message) {
		if d, ok := strings.CutPrefix(m.Status, "Digest: "); ok {
			got.Digest = d
		}
		if strings.HasPrefix(m.Status, "Status: Image is up to date") {
			got.Newer = false
		}
	})
	if err != nil {
		return got, registryHint(err)
	}
	if got.Pinned {
		if _, err := c.api.ImageTag(ctx, client.ImageTagOptions{Source: from, Target: op.Ref}); err != nil {
			return got, err
		}
	}
	info, err := c.image(ctx, op.Ref)
	if err == nil && !info.Exists {
		err = diag.New(diag.Failed, diag.Pos{}, "docker-pull", "the engine ended the pull without having the image")
	}
	got.ID = info.ID
	return got, err
}

// pin is the digest that a name with a tag stands for in this run, "" when it
// is not known: then the engine pulls what the tag leads to.
func (c *Client) pin(ctx context.Context, ref, auth string) string {
	if c.opts.Pin == nil || strings.Contains(ref, "@") {
		return ""
	}
	return c.opts.Pin(ctx, ref, func() (string, error) {
		res, err := c.api.DistributionInspect(ctx, ref, client.DistributionInspectOptions{EncodedRegistryAuth: auth})
		return res.Descriptor.Digest.String(), err
	})
}

// repositoryOf is a reference without its tag.
func repositoryOf(ref string) string {
	if i := strings.LastIndexByte(ref, ':'); i >= 0 && !strings.Contains(ref[i:], "/") {
		return ref[:i]
	}
	return ref
}

func (c *Client) push(ctx context.Context, op state.ImagePush, progress func(string)) (state.ImagePushed, error) {
	var got state.ImagePushed
	auth, err := authHeader(op.Auth)
	if err != nil {
		return got, err
	}
	if auth == "" {
		auth = "e30=" // {}: engines up to 20.10 refuse a push without the header
	}
	ctx, alive, cancel := c.idle(ctx)
	defer cancel()
	body, err := c.api.ImagePush(ctx, op.Ref, client.ImagePushOptions{RegistryAuth: auth})
	if err != nil {
		return got, registryHint(err)
	}
	err = messages(ctx, body, alive, progress, func(m jsonstream.Message) {
		if m.Status != "" {
			got.Status = m.Status
		}
		if m.Status == "Pushing" || m.Status == "Pushed" {
			got.Sent = true
		}
		if m.Aux != nil {
			var aux struct{ Digest string }
			if json.Unmarshal(*m.Aux, &aux) == nil && aux.Digest != "" {
				got.Digest = aux.Digest
			}
		}
	})
	return got, registryHint(err)
}

func (c *Client) load(ctx context.Context, op state.ImageLoad, progress func(string)) (state.ImageLoaded, error) {
	var got state.ImageLoaded
	in, err := op.Content.Reader()
	if err != nil {
		return got, err
	}
	defer in.Close() //nolint:errcheck // read only
	ctx, alive, cancel := c.idle(ctx)
	defer cancel()
	body, err := c.api.ImageLoad(ctx, aliveReader{in, alive}, client.ImageLoadWithQuiet(true))
	if err != nil {
		return got, err
	}
	err = messages(ctx, body, alive, progress, func(m jsonstream.Message) {
		for line := range strings.Lines(m.Stream) {
			line = strings.TrimSpace(line)
			for _, p := range []string{"Loaded image: ", "Loaded image ID: "} {
				if name, ok := strings.CutPrefix(line, p); ok {
					got.Images = append(got.Images, name)
				}
			}
		}
	})
	if err == nil && len(got.Images) == 0 {
		err = diag.New(diag.Failed, diag.Pos{}, "docker-load", "%s held no image", op.Name).
			WithHint("is it a docker save archive?")
	}
	return got, err
}

type aliveReader struct {
	io.Reader
	alive func()
}

func (r aliveReader) Read(p []byte) (int, error) {
	r.alive()
	return r.Reader.Read(p)
}

// idle is a context that ends when alive is not called for too long.
func (c *Client) idle(ctx context.Context) (_ context.Context, alive func(), cancel func()) {
	ctx, stop := context.WithCancelCause(ctx)
	t := time.AfterFunc(c.opts.Idle, func() {
		stop(&diag.Diagnostic{Class: diag.Timeout, Code: "docker-silent", Msg: errIdle.Error(), Err: errIdle})
	})
	return ctx, func() { t.Reset(c.opts.Idle) }, func() { t.Stop(); stop(nil) }
}

// messages reads a progress stream: one JSON document a line. An error the
// engine tells in it is the error here.
func messages(ctx context.Context, body io.ReadCloser, alive func(), progress func(string), see func(jsonstream.Message)) error {
	stop := context.AfterFunc(ctx, func() { _ = body.Close() })
	defer func() { stop(); _ = body.Close() }()
	sc := bufio.NewScanner(body)
	sc.Buffer(make([]byte, 0, 16<<10), maxLine)
	last := ""
	for sc.Scan() {
		alive()
		line := sc.Bytes()
		if len(strings.TrimSpace(string(line))) == 0 {
			continue
		}
		var m jsonstream.Message
		if err := json.Unmarshal(line, &m); err != nil {
			return unreadable(err)
		}
		if m.Error != nil {
			return m.Error
		}
		see(m)
		// A line per change of status: the bars of a terminal are not ours.
		text := progressLine(m)
		if text != "" && text != last {
			progress(text)
			last = text
		}
	}
	if err := sc.Err(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if errors.Is(err, bufio.ErrTooLong) {
			return errTooLong
		}
		return err
	}
	return nil
}

func progressLine(m jsonstream.Message) string {
	if m.Stream != "" {
		return strings.TrimSpace(m.Stream)
	}
	text := m.Status
	if m.ID != "" {
		text = m.ID + ": " + text
	}
	if p := m.Progress; p != nil && p.Total > 0 {
		text += fmt.Sprintf(" %d%%", p.Current*100/p.Total)
	}
	return text
}

// registryHint adds what to do to the engine's words about a registry.
func registryHint(err error) error {
	if err == nil {
		return nil
	}
	text := plain(err)
	hint := ""
	switch {
	case strings.Contains(text, "server gave HTTP response to HTTPS client"):
		hint = "the registry speaks plain HTTP: add it to insecure-registries in /etc/docker/daemon.json there"
	case strings.Contains(text, "connection refused"), strings.Contains(text, "no such host"), strings.Contains(text, "i/o timeout"):
		hint = "the engine cannot reach the registry"
	case strings.Contains(text, "unauthorized"), strings.Contains(text, "no basic auth credentials"), strings.Contains(text, "authentication required"):
		hint = "the registry wants credentials: docker_login, or ~/.docker/config.json there"
	case strings.Contains(text, "manifest unknown"), strings.Contains(text, "not found"), strings.Contains(text, "does not exist"):
		hint = "the registry has no such image or tag"
	default:
		return err
	}
	return &diag.Diagnostic{Class: diag.Failed, Code: "docker-registry", Msg: text, Hint: hint, Err: err}
}

// output is the end of what a container wrote.
func (c *Client) output(ctx context.Context, name string) ([]byte, bool, error) {
	info, err := c.container(ctx, name)
	if err != nil {
		return nil, false, err
	}
	driver := info.Spec.Host.LogConfig.Type
	if driver != "" && driver != "json-file" && driver != "journald" && driver != "local" {
		return fmt.Appendf(nil, "Result logged using `%s` driver", driver), false, nil
	}
	body, err := c.api.ContainerLogs(ctx, name, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Tail: "10000"})
	if err != nil {
		return nil, false, err
	}
	defer body.Close() //nolint:errcheck // read only
	w := &tail{}
	if info.Spec.Config.Tty {
		_, err = io.Copy(w, body)
	} else {
		_, err = stdcopy.StdCopy(w, w, body)
	}
	return w.buf, w.cut, err
}

// tail keeps the last bytes written to it.
type tail struct {
	buf []byte
	cut bool
}

func (t *tail) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - maxOutput; over > 0 {
		t.buf, t.cut = append(t.buf[:0], t.buf[over:]...), true
	}
	return len(p), nil
}
