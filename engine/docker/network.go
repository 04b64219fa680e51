package docker

import (
	"context"
	"encoding/json"
	"fmt"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

func (c *Client) network(ctx context.Context, name string) (state.DockerNetworkInfo, error) {
	var none state.DockerNetworkInfo
	if err := checkName("network", name); err != nil {
		return none, err
	}
	res, err := c.api.NetworkInspect(ctx, name, client.NetworkInspectOptions{})
	if cerrdefs.IsNotFound(err) {
		return none, nil
	}
	if err != nil {
		return none, err
	}
	if res.Network.Name != name && res.Network.ID != name {
		return none, nil // the engine also takes the beginning of an id
	}
	return decodeNetwork(res.Raw)
}

func decodeNetwork(raw []byte) (state.DockerNetworkInfo, error) {
	var in struct {
		state.NetworkSpec
		ID         string `json:"Id"`
		Containers map[string]struct{ Name string }
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return state.DockerNetworkInfo{}, unreadable(err)
	}
	whole, err := hostValue(raw)
	if err != nil {
		return state.DockerNetworkInfo{}, unreadable(err)
	}
	info := state.DockerNetworkInfo{Exists: true, ID: in.ID, NetworkSpec: in.NetworkSpec, Containers: map[string]string{}, Inspect: whole}
	for id, at := range in.Containers {
		info.Containers[id] = at.Name
	}
	return info, nil
}

func (c *Client) makeNetwork(ctx context.Context, spec state.NetworkSpec) (state.NetworkMade, error) {
	opts := client.NetworkCreateOptions{Driver: spec.Driver, Scope: spec.Scope, Internal: spec.Internal,
		Attachable: spec.Attachable, Options: spec.Options, Labels: spec.Labels}
	if spec.EnableIPv6 {
		opts.EnableIPv6 = &spec.EnableIPv6
	}
	if spec.IPAM != nil {
		opts.IPAM = &network.IPAM{}
		if err := carry(spec.IPAM, opts.IPAM); err != nil {
			return state.NetworkMade{}, err
		}
	}
	res, err := c.api.NetworkCreate(ctx, spec.Name, opts)
	return state.NetworkMade{ID: res.ID, Warnings: res.Warning}, err
}

func (c *Client) volume(ctx context.Context, name string) (state.DockerVolumeInfo, error) {
	var none state.DockerVolumeInfo
	if err := checkName("volume", name); err != nil {
		return none, err
	}
	res, err := c.api.VolumeInspect(ctx, name, client.VolumeInspectOptions{})
	if cerrdefs.IsNotFound(err) {
		return none, nil
	}
	if err != nil {
		return none, err
	}
	whole, err := hostValue(res.Raw)
	if err != nil {
		return none, unreadable(err)
	}
	v := res.Volume
	return state.DockerVolumeInfo{Exists: true, Inspect: whole,
		VolumeSpec: state.VolumeSpec{Name: v.Name, Driver: v.Driver, Options: v.Options, Labels: v.Labels}}, nil
}

// prune has the engine remove what nothing uses.
func (c *Client) prune(ctx context.Context, op state.DockerPrune) (state.Pruned, error) {
	out := state.Pruned{Kind: op.Kind}
	filters := client.Filters{}
	for name, values := range op.Filters {
		filters.Add(name, values...)
	}
	var deleted any
	var err error
	switch op.Kind {
	case state.PruneContainers:
		var res client.ContainerPruneResult
		res, err = c.api.ContainerPrune(ctx, client.ContainerPruneOptions{Filters: filters})
		deleted, out.Space = res.Report.ContainersDeleted, res.Report.SpaceReclaimed
	case state.PruneImages:
		var res client.ImagePruneResult
		res, err = c.api.ImagePrune(ctx, client.ImagePruneOptions{Filters: filters})
		deleted, out.Space = res.Report.ImagesDeleted, res.Report.SpaceReclaimed
	case state.PruneNetworks:
		var res client.NetworkPruneResult
		res, err = c.api.NetworkPrune(ctx, client.NetworkPruneOptions{Filters: filters})
		deleted = res.Report.NetworksDeleted
	case state.PruneVolumes:
		var res client.VolumePruneResult
		res, err = c.api.VolumePrune(ctx, client.VolumePruneOptions{Filters: filters})
		deleted, out.Space = res.Report.VolumesDeleted, res.Report.SpaceReclaimed
	case state.PruneBuildCache:
		var res client.BuildCachePruneResult
		res, err = c.api.BuildCachePrune(ctx, client.BuildCachePruneOptions{Filters: filters})
		deleted, out.Space = res.Report.CachesDeleted, res.Report.SpaceReclaimed
	default:
		err = fmt.Errorf("%s cannot be pruned", op.Kind)
	}
	if err != nil {
		return out, err
	}
	out.Deleted, err = plainValue(deleted)
	return out, err
}

func (c *Client) login(ctx context.Context, auth state.RegistryAuth) (state.RegistryWelcome, error) {
	res, err := c.api.RegistryLogin(ctx, client.RegistryLoginOptions{Username: auth.Username, Password: auth.Password,
		ServerAddress: auth.Server, IdentityToken: auth.IdentityToken, RegistryToken: auth.RegistryToken})
	return state.RegistryWelcome{Status: res.Auth.Status, IdentityToken: res.Auth.IdentityToken}, err
}
