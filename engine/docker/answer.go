package docker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// shareFrom is how many container queries make one list call worth it: it
// answers those for containers that do not exist.
const shareFrom = 3

// Answer answers the queries, in their order. An error belongs to its query;
// without an engine every answer holds the reason.
func (c *Client) Answer(ctx context.Context, qs []state.Query) []state.Answer {
	out := make([]state.Answer, len(qs))
	for i, q := range qs {
		out[i].Query = q
	}
	if len(qs) == 0 {
		return out
	}
	if err := c.Ping(ctx); err != nil {
		for i := range out {
			out[i].Err = err
		}
		return out
	}
	there := c.existing(ctx, qs)
	known := c.bulk(ctx, containerNames(qs, there))
	var g errgroup.Group
	g.SetLimit(c.opts.Parallel)
	for i, q := range qs {
		if q, ok := q.(state.Container); ok {
			if info, ok := known[q.Name]; ok {
				out[i].Value = info
				continue
			}
		}
		g.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
			defer cancel()
			out[i].Value, out[i].Err = c.answer(ctx, q, there)
			return nil
		})
	}
	_ = g.Wait() // the functions return nil: an error belongs to its query
	return out
}

// containerNames are the containers that the queries ask for and that there are.
func containerNames(qs []state.Query, there func(string) bool) []string {
	var out []string
	for _, q := range qs {
		if q, ok := q.(state.Container); ok && there != nil && there(q.Name) {
			out = append(out, q.Name)
		}
	}
	return out
}

// existing lists the containers of the host when enough of the queries are for
// containers; nil when it did not.
func (c *Client) existing(ctx context.Context, qs []state.Query) func(name string) bool {
	n := 0
	for _, q := range qs {
		if _, ok := q.(state.Container); ok {
			n++
		}
	}
	if n < shareFrom {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	list, err := c.api.ContainerList(ctx, client.ContainerListOptions{All: true})
	if err != nil {
		return nil // each query then tells for itself
	}
	names := map[string]bool{}
	var ids []string
	for _, it := range list.Items {
		ids = append(ids, it.ID)
		for _, name := range it.Names {
			names[strings.TrimPrefix(name, "/")] = true
		}
	}
	return func(name string) bool {
		if names[name] {
			return true
		}
		for _, id := range ids {
			if strings.HasPrefix(id, name) {
				return true
			}
		}
		return false
	}
}

func (c *Client) answer(ctx context.Context, q state.Query, there func(string) bool) (any, error) {
	switch q := q.(type) {
	case state.Container:
		if there != nil && !there(q.Name) {
			return state.ContainerInfo{}, nil
		}
		v, err := c.container(ctx, q.Name)
		return v, c.callError(ctx, q.Query(), false, err)
	case state.ContainerPath:
		v, err := c.containerPath(ctx, q)
		return v, c.callError(ctx, q.Query(), false, err)
	case state.DockerList:
		v, err := c.list(ctx, q)
		return v, c.callError(ctx, q.Query(), false, err)
	case state.DockerUsage:
		v, err := c.usage(ctx)
		return v, c.callError(ctx, q.Query(), false, err)
	case state.Image:
		v, err := c.image(ctx, q.Ref)
		return v, c.callError(ctx, q.Query(), false, err)
	case state.DockerNetwork:
		v, err := c.network(ctx, q.Name)
		return v, c.callError(ctx, q.Query(), false, err)
	case state.DockerVolume:
		v, err := c.volume(ctx, q.Name)
		return v, c.callError(ctx, q.Query(), false, err)
	case state.Docker:
		v, err := c.engine(ctx)
		return v, c.callError(ctx, q.Query(), false, err)
	}
	return nil, fmt.Errorf("%s: not a question for a container engine", q.Query())
}

var nameForm = lazyregexp.New(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)

// checkName keeps names that could lead a request elsewhere out of its path.
func checkName(kind, name string) error {
	if nameForm().MatchString(name) {
		return nil
	}
	return diag.Errorf(diag.Pos{}, "docker-name", "%s name %q: only letters, digits, '_', '.' and '-' are allowed", kind, name)
}

func checkRef(ref string) error {
	if _, err := reference.ParseAnyReference(ref); err != nil {
		return diag.Errorf(diag.Pos{}, "image-name", "image %q: %w", ref, err).
			WithHint("an image is [registry/]name[:tag] or [registry/]name@sha256:...")
	}
	return nil
}

type inspected struct {
	ID       string `json:"Id"`
	Name     string
	Image    string
	Platform string
	State    struct {
		Status                      string
		Running, Paused, Restarting bool
		ExitCode                    int
		Error                       string
		Health                      *struct {
			Status string
			Log    []struct{ Output string }
		}
	}
	Config          state.ContainerConfig
	HostConfig      state.HostConfig
	NetworkSettings struct{ Networks map[string]inspectedEndpoint }
}

type inspectedEndpoint struct {
	NetworkID, MacAddress string
	Aliases, Links        []string
	IPAMConfig            *struct{ IPv4Address, IPv6Address string }
}

func (c *Client) container(ctx context.Context, name string) (state.ContainerInfo, error) {
	var none state.ContainerInfo
	if err := checkName("container", name); err != nil {
		return none, err
	}
	res, err := c.api.ContainerInspect(ctx, name, client.ContainerInspectOptions{})
	if cerrdefs.IsNotFound(err) {
		return none, nil
	}
	if err != nil {
		return none, err
	}
	return decodeContainer(res.Raw)
}

func decodeContainer(raw []byte) (state.ContainerInfo, error) {
	var in inspected
	if err := json.Unmarshal(raw, &in); err != nil {
		return state.ContainerInfo{}, unreadable(err)
	}
	whole, err := hostValue(raw)
	if err != nil {
		return state.ContainerInfo{}, unreadable(err)
	}
	s := in.State
	info := state.ContainerInfo{
		Exists: true, ID: in.ID, Name: strings.TrimPrefix(in.Name, "/"), Image: in.Image, Platform: in.Platform,
		State: state.ContainerState{Status: s.Status, Running: s.Running, Paused: s.Paused,
			Restarting: s.Restarting, ExitCode: s.ExitCode, Error: s.Error},
		Spec:     state.ContainerSpec{Config: in.Config, Host: in.HostConfig, Platform: in.Platform},
		Networks: map[string]state.Endpoint{}, Inspect: whole,
	}
	if s.Health != nil {
		info.State.Health = s.Health.Status
		if n := len(s.Health.Log); n > 0 {
			info.State.HealthLog = s.Health.Log[n-1].Output
		}
	}
	for name, e := range in.NetworkSettings.Networks {
		ep := state.Endpoint{NetworkID: e.NetworkID, MacAddress: e.MacAddress, Aliases: e.Aliases, Links: e.Links}
		if e.IPAMConfig != nil {
			ep.IPv4Address, ep.IPv6Address = e.IPAMConfig.IPv4Address, e.IPAMConfig.IPv6Address
		}
		info.Networks[name] = ep
	}
	return info, nil
}

func (c *Client) image(ctx context.Context, ref string) (state.ImageInfo, error) {
	var none state.ImageInfo
	if err := checkRef(ref); err != nil {
		return none, err
	}
	var raw bytes.Buffer
	_, err := c.api.ImageInspect(ctx, ref, client.ImageInspectWithRawResponse(&raw))
	if cerrdefs.IsNotFound(err) {
		return none, nil
	}
	if err != nil {
		return none, err
	}
	return decodeImage(raw.Bytes())
}

func decodeImage(raw []byte) (state.ImageInfo, error) {
	var in struct {
		ID                    string `json:"Id"`
		RepoTags, RepoDigests []string
		Created               string
		Size                  int64
		OS                    string `json:"Os"`
		Architecture          string
		Config                state.ContainerConfig
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return state.ImageInfo{}, unreadable(err)
	}
	whole, err := hostValue(raw)
	if err != nil {
		return state.ImageInfo{}, unreadable(err)
	}
	return state.ImageInfo{Exists: true, ID: in.ID, Tags: in.RepoTags, Digests: in.RepoDigests,
		OS: in.OS, Arch: in.Architecture, Created: in.Created, Size: in.Size, Config: in.Config, Inspect: whole}, nil
}

func (c *Client) engine(ctx context.Context) (state.DockerInfo, error) {
	v, err := c.api.ServerVersion(ctx, client.ServerVersionOptions{})
	if err != nil {
		return state.DockerInfo{}, err
	}
	ctx, raw := keepRaw(ctx)
	res, err := c.api.Info(ctx, client.InfoOptions{})
	if err != nil {
		return state.DockerInfo{}, err
	}
	whole, err := hostValue(raw.Bytes())
	if err != nil {
		return state.DockerInfo{}, err
	}
	return state.DockerInfo{Version: v.Version, APIVersion: c.api.ClientVersion(), MinAPI: v.MinAPIVersion,
		MaxAPI: v.APIVersion, OS: v.Os, Arch: v.Arch, Kernel: res.Info.KernelVersion, Inspect: whole}, nil
}

// hostValue reads what a host said: it is never evaluated as a template.
func hostValue(raw []byte) (value.Value, error) {
	v, err := value.ParseJSON(raw)
	return v.MarkDeep(value.Unsafe), err
}

func unreadable(err error) error {
	return &diag.Diagnostic{Class: diag.Protocol, Code: "docker-answer",
		Msg: "the container engine's answer cannot be read: " + err.Error(), Err: err}
}
