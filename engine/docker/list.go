package docker

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/moby/moby/client"
)

// list lists what the engine has of one kind.
func (c *Client) list(ctx context.Context, q state.DockerList) (value.Value, error) {
	filters := client.Filters{}
	if q.Filters != "" {
		var given map[string][]string
		if err := json.Unmarshal([]byte(q.Filters), &given); err != nil {
			return value.Null, fmt.Errorf("filters: %w", err)
		}
		for name, values := range given {
			filters.Add(name, values...)
		}
	}
	var err error
	ctx, raw := keepRaw(ctx)
	switch q.Kind {
	case "containers":
		_, err = c.api.ContainerList(ctx, client.ContainerListOptions{All: q.All, Filters: filters})
	case "images":
		_, err = c.api.ImageList(ctx, client.ImageListOptions{Filters: filters})
	case "networks":
		_, err = c.api.NetworkList(ctx, client.NetworkListOptions{Filters: filters})
	case "volumes":
		_, err = c.api.VolumeList(ctx, client.VolumeListOptions{Filters: filters})
	default:
		err = fmt.Errorf("%s cannot be listed", q.Kind)
	}
	if err != nil {
		return value.Null, err
	}
	out, err := hostValue(raw.Bytes())
	if q.Kind == "volumes" { // which stand in a table
		out, _ = out.Get("Volumes")
	}
	if err == nil && out.IsNull() {
		out = value.List()
	}
	return out, err
}

func (c *Client) usage(ctx context.Context) (value.Value, error) {
	ctx, raw := keepRaw(ctx)
	res, err := c.api.DiskUsage(ctx, client.DiskUsageOptions{Containers: true, Images: true, BuildCache: true, Volumes: true, Verbose: true})
	if err != nil {
		return value.Null, err
	}
	if whole, err := hostValue(raw.Bytes()); err == nil {
		if _, ok := whole.Get("LayersSize"); ok { // engines before 29 say it so themselves
			return whole, nil
		}
	}
	return plainValue(map[string]any{"LayersSize": res.Images.TotalSize, "Images": orEmpty(res.Images.Items),
		"Containers": orEmpty(res.Containers.Items), "Volumes": orEmpty(res.Volumes.Items), "BuildCache": orEmpty(res.BuildCache.Items)})
}

func orEmpty[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}

// plainValue is what the engine said as a value, never evaluated as a template.
func plainValue(v any) (value.Value, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return value.Null, err
	}
	out, err := hostValue(raw)
	if err == nil && out.IsNull() {
		out = value.List()
	}
	return out, err
}
