package docker

import (
	"context"
	"fmt"

	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/moby/moby/client"
)

// The names a container has while it is replaced. What a dead controller left
// behind under the first is removed by the next attempt.
const (
	newSuffix = ".fairlead-new"
	oldSuffix = ".fairlead-old"
)

// replace makes the new container beside the old one, then changes places.
// Until the old one is stopped nothing that works has been touched.
func (c *Client) replace(ctx context.Context, op state.ContainerReplace, progress func(string)) (state.ContainerMade, error) {
	tmp := op.Name + newSuffix
	if err := c.remove(ctx, state.ContainerRemove{Name: tmp, Force: true, Volumes: true}); err != nil {
		return state.ContainerMade{}, err
	}
	made, err := c.create(ctx, tmp, op.Spec)
	if err != nil {
		return made, err
	}
	old, err := c.container(ctx, op.Old)
	if err == nil {
		err = c.swap(ctx, op, old, made.ID, progress)
	}
	if err != nil {
		if back := c.putBack(op, old, made.ID); back != nil {
			return made, fmt.Errorf("%w; and the previous container could not be put back: %v", err, back)
		}
		return made, fmt.Errorf("%w; the previous container is in its place again", err)
	}
	progress("removing the previous container")
	return made, c.remove(ctx, state.ContainerRemove{Name: op.Old, Force: true, Volumes: op.Volumes})
}

func (c *Client) swap(ctx context.Context, op state.ContainerReplace, old state.ContainerInfo, id string, progress func(string)) error {
	if old.State.Running || old.State.Restarting {
		progress("stopping the previous container")
		stop := op.Stop
		stop.Name = op.Old
		if err := c.stop(ctx, stop); gone(err) != nil {
			return err
		}
	}
	if old.Exists && !old.Spec.Host.AutoRemove {
		aside := op.Name + oldSuffix
		if err := c.remove(ctx, state.ContainerRemove{Name: aside, Force: true}); err != nil {
			return err
		}
		if err := c.rename(ctx, op.Old, aside); err != nil {
			return err
		}
	} else if old.Exists {
		if err := c.remove(ctx, state.ContainerRemove{Name: op.Old, Force: true}); err != nil {
			return err
		}
	}
	if err := c.rename(ctx, id, op.Name); err != nil {
		return err
	}
	if !op.Start {
		return nil
	}
	progress("starting the new container")
	_, err := c.api.ContainerStart(ctx, id, client.ContainerStartOptions{})
	return err
}

// putBack undoes what replace did, also when the run was cancelled meanwhile.
func (c *Client) putBack(op state.ContainerReplace, old state.ContainerInfo, id string) error {
	ctx, cancel := context.WithTimeout(context.Background(), c.opts.Timeout)
	defer cancel()
	if err := c.remove(ctx, state.ContainerRemove{Name: id, Force: true, Volumes: true}); err != nil {
		return err
	}
	now, err := c.container(ctx, op.Old)
	if err != nil || !old.Exists {
		return err
	}
	if !now.Exists {
		return fmt.Errorf("it is gone")
	}
	if now.Name != op.Name {
		if err := c.rename(ctx, op.Old, op.Name); err != nil {
			return err
		}
	}
	if old.State.Running && !now.State.Running {
		_, err = c.api.ContainerStart(ctx, op.Old, client.ContainerStartOptions{})
	}
	return err
}

func (c *Client) rename(ctx context.Context, id, name string) error {
	_, err := c.api.ContainerRename(ctx, id, client.ContainerRenameOptions{NewName: name})
	return err
}
