package docker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"

	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// createOptions turns a spec into what the API takes. Both sides have the
// API's names, so that JSON carries one into the other; what the engine's types
// do not accept (an address that is none) is an error here.
func createOptions(name string, spec state.ContainerSpec) (client.ContainerCreateOptions, error) {
	out := client.ContainerCreateOptions{Name: name, Config: &container.Config{}, HostConfig: &container.HostConfig{}}
	if err := carry(spec.Config, out.Config); err != nil {
		return out, fmt.Errorf("container %s: %w", name, err)
	}
	if err := carry(spec.Host, out.HostConfig); err != nil {
		return out, fmt.Errorf("container %s: %w", name, err)
	}
	if spec.Platform != "" {
		out.Platform = platform(spec.Platform)
	}
	if ep, ok := spec.Networks[spec.Host.NetworkMode]; ok {
		set, err := endpoint(ep)
		if err != nil {
			return out, fmt.Errorf("container %s, network %s: %w", name, spec.Host.NetworkMode, err)
		}
		out.NetworkingConfig = &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{spec.Host.NetworkMode: set}}
	}
	return out, nil
}

// macKey marks a call to make a container with this MAC address: the client's
// types no longer have the field, and engines before 25 take it nowhere else.
type macKey struct{}

// withMac adds the MAC address to the body of a call.
func withMac(r *http.Request, mac string) (*http.Request, error) {
	var body map[string]json.RawMessage
	err := json.NewDecoder(r.Body).Decode(&body)
	if err := errors.Join(err, r.Body.Close()); err != nil {
		return nil, err
	}
	if body["MacAddress"], err = json.Marshal(mac); err != nil {
		return nil, err
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil }
	return r, nil
}

func carry(from, to any) error {
	raw, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, to)
}

func platform(s string) *ocispec.Platform {
	parts := strings.SplitN(s, "/", 3)
	p := &ocispec.Platform{OS: parts[0]}
	if len(parts) == 1 {
		return &ocispec.Platform{OS: "linux", Architecture: s}
	}
	p.Architecture = parts[1]
	if len(parts) == 3 {
		p.Variant = parts[2]
	}
	return p
}

func endpoint(ep state.Endpoint) (*network.EndpointSettings, error) {
	set := &network.EndpointSettings{Aliases: ep.Aliases, Links: ep.Links}
	if ep.MacAddress != "" {
		if err := carry(map[string]string{"MacAddress": ep.MacAddress}, set); err != nil {
			return nil, err
		}
	}
	if ep.IPv4Address == "" && ep.IPv6Address == "" {
		return set, nil
	}
	set.IPAMConfig = &network.EndpointIPAMConfig{}
	for _, a := range []struct {
		text string
		to   *netip.Addr
	}{{ep.IPv4Address, &set.IPAMConfig.IPv4Address}, {ep.IPv6Address, &set.IPAMConfig.IPv6Address}} {
		if a.text == "" {
			continue
		}
		addr, err := netip.ParseAddr(a.text)
		if err != nil {
			return nil, err
		}
		*a.to = addr
	}
	return set, nil
}
