package docker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// Apply executes one operation. progress, when it is not nil, is called with
// lines for people from the goroutine of the caller. The error of a failed
// operation knows its class; it is diag.InDoubt when the connection broke
// before the engine said how it ended.
func (c *Client) Apply(ctx context.Context, op state.Op, progress func(string)) state.OpResult {
	res := state.OpResult{Start: time.Now()}
	if progress == nil {
		progress = func(string) {}
	}
	err := check(op)
	if err == nil {
		err = c.Ping(ctx)
	}
	if err == nil {
		res.Data, err = c.apply(ctx, op, progress)
		err = c.callError(ctx, op.String(), true, err)
	}
	res.End = time.Now()
	if err != nil {
		// Whoever tells it also tells which operation it was.
		res.Err, res.Msg = err, strings.TrimPrefix(err.Error(), op.String()+": ")
		return res
	}
	res.OK = true
	return res
}

func (c *Client) apply(ctx context.Context, op state.Op, progress func(string)) (any, error) {
	switch op := op.(type) {
	case state.ImagePull:
		return c.pull(ctx, op, progress)
	case state.ImagePush:
		return c.push(ctx, op, progress)
	case state.ImageLoad:
		return c.load(ctx, op, progress)
	case state.ContainerWait:
		return c.wait(ctx, op)
	case state.ContainerStart:
		if op.Await {
			return c.startAndWait(ctx, op.Name)
		}
	case state.ContainerReplace:
		return c.replace(ctx, op, progress)
	case state.ContainerStop:
		return nil, c.stop(ctx, op)
	case state.DockerPrune:
		// It may remove gigabytes: as patient as a pull.
		ctx, cancel := context.WithTimeout(ctx, c.opts.Idle)
		defer cancel()
		return c.prune(ctx, op)
	case state.ContainerRestart:
		ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout+stopTime(op.Timeout))
		defer cancel()
		_, err := c.api.ContainerRestart(ctx, op.Name, client.ContainerRestartOptions{Timeout: op.Timeout})
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	return c.short(ctx, op)
}

// short are the operations that end at once.
func (c *Client) short(ctx context.Context, op state.Op) (any, error) {
	var err error
	switch op := op.(type) {
	case state.ImageTag:
		_, err = c.api.ImageTag(ctx, client.ImageTagOptions{Source: op.Source, Target: op.Target})
	case state.ImageRemove:
		var got state.ImageRemoved
		res, err := c.api.ImageRemove(ctx, op.Ref, client.ImageRemoveOptions{Force: op.Force, PruneChildren: !op.KeepParents})
		for _, it := range res.Items {
			if it.Untagged != "" {
				got.Untagged = append(got.Untagged, it.Untagged)
			}
			if it.Deleted != "" {
				got.Deleted = append(got.Deleted, it.Deleted)
			}
		}
		return got, gone(err)
	case state.ContainerCreate:
		return c.create(ctx, op.Name, op.Spec)
	case state.ContainerStart:
		_, err = c.api.ContainerStart(ctx, op.Name, client.ContainerStartOptions{})
	case state.ContainerPause:
		if op.Pause {
			_, err = c.api.ContainerPause(ctx, op.Name, client.ContainerPauseOptions{})
		} else {
			_, err = c.api.ContainerUnpause(ctx, op.Name, client.ContainerUnpauseOptions{})
		}
	case state.ContainerRemove:
		err = c.remove(ctx, op)
	case state.ContainerPut:
		err = c.put(ctx, op)
	case state.ContainerRename:
		_, err = c.api.ContainerRename(ctx, op.Name, client.ContainerRenameOptions{NewName: op.To})
	case state.ContainerUpdate:
		return c.update(ctx, op)
	case state.ContainerConnect:
		ep, convErr := endpoint(op.Endpoint)
		if convErr != nil {
			return nil, convErr
		}
		_, err = c.api.NetworkConnect(ctx, op.Network, client.NetworkConnectOptions{Container: op.Name, EndpointConfig: ep})
	case state.ContainerDisconnect:
		_, err = c.api.NetworkDisconnect(ctx, op.Network, client.NetworkDisconnectOptions{Container: op.Name})
	case state.NetworkCreate:
		return c.makeNetwork(ctx, op.Spec)
	case state.NetworkRemove:
		_, err = c.api.NetworkRemove(ctx, op.Name, client.NetworkRemoveOptions{})
		err = gone(err)
	case state.VolumeCreate:
		_, err = c.api.VolumeCreate(ctx, client.VolumeCreateOptions{Name: op.Spec.Name, Driver: op.Spec.Driver,
			DriverOpts: op.Spec.Options, Labels: op.Spec.Labels})
	case state.VolumeRemove:
		_, err = c.api.VolumeRemove(ctx, op.Name, client.VolumeRemoveOptions{})
		err = gone(err)
	case state.RegistryLogin:
		return c.login(ctx, op.Auth)
	default:
		return nil, diag.New(diag.Internal, diag.Pos{}, "docker-op", "not an operation of a container engine")
	}
	return nil, err
}

// gone is err unless it says that there was nothing to remove.
func gone(err error) error {
	if cerrdefs.IsNotFound(err) {
		return nil
	}
	return err
}

func stopTime(timeout *int) time.Duration {
	switch {
	case timeout == nil:
		return 10 * time.Minute // the container's own: not known here
	case *timeout < 0:
		return 24 * time.Hour
	}
	return time.Duration(*timeout) * time.Second
}

func (c *Client) create(ctx context.Context, name string, spec state.ContainerSpec) (state.ContainerMade, error) {
	opts, err := createOptions(name, spec)
	if err != nil {
		return state.ContainerMade{}, diag.New(diag.Failed, diag.Pos{}, "docker-spec", "%w", err)
	}
	making := ctx
	if spec.Config.MacAddress != "" {
		making = context.WithValue(ctx, macKey{}, spec.Config.MacAddress)
	}
	res, err := c.api.ContainerCreate(making, opts)
	made := state.ContainerMade{ID: res.ID, Warnings: res.Warnings}
	if err != nil {
		return made, err
	}
	if err := c.connect(ctx, made.ID, spec); err != nil {
		_ = c.remove(ctx, state.ContainerRemove{Name: made.ID, Force: true, Volumes: true}) // the first error is the one to tell
		return made, err
	}
	return made, nil
}

// connect connects a new container to the networks that its creation could not
// name: engines before 25 take one.
func (c *Client) connect(ctx context.Context, id string, spec state.ContainerSpec) error {
	for _, net := range slices.Sorted(maps.Keys(spec.Networks)) {
		if net == spec.Host.NetworkMode {
			continue
		}
		ep, err := endpoint(spec.Networks[net])
		if err != nil {
			return err
		}
		if _, err := c.api.NetworkConnect(ctx, net, client.NetworkConnectOptions{Container: id, EndpointConfig: ep}); err != nil {
			return fmt.Errorf("network %s: %w", net, err)
		}
	}
	return nil
}

func (c *Client) stop(ctx context.Context, op state.ContainerStop) error {
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout+stopTime(op.Timeout))
	defer cancel()
	if !op.Kill {
		_, err := c.api.ContainerStop(ctx, op.Name, client.ContainerStopOptions{Timeout: op.Timeout})
		return err
	}
	signal := op.Signal
	if signal == "" {
		signal = "SIGKILL"
	}
	_, err := c.api.ContainerKill(ctx, op.Name, client.ContainerKillOptions{Signal: signal})
	if cerrdefs.IsConflict(err) && strings.Contains(err.Error(), "is not running") {
		return nil // it ended by itself meanwhile
	}
	if err == nil && signal == "SIGKILL" {
		// The API answers before the process is gone.
		_, err = c.exited(ctx, op.Name)
	}
	return err
}

// remove removes a container, and waits for one that is being removed already.
func (c *Client) remove(ctx context.Context, op state.ContainerRemove) error {
	_, err := c.api.ContainerRemove(ctx, op.Name, client.ContainerRemoveOptions{Force: op.Force, RemoveVolumes: op.Volumes})
	if !cerrdefs.IsConflict(err) {
		return gone(err)
	}
	info, inspectErr := c.container(ctx, op.Name)
	if inspectErr != nil || info.State.Status != "removing" {
		return err
	}
	for info.Exists {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
		if info, inspectErr = c.container(ctx, op.Name); inspectErr != nil {
			return inspectErr
		}
	}
	return nil
}

func (c *Client) update(ctx context.Context, op state.ContainerUpdate) (state.ContainerMade, error) {
	res := &container.Resources{}
	if err := carry(op.Limits, res); err != nil {
		return state.ContainerMade{}, err
	}
	opts := client.ContainerUpdateOptions{Resources: res}
	if op.Restart != nil {
		opts.RestartPolicy = &container.RestartPolicy{Name: container.RestartPolicyMode(op.Restart.Name),
			MaximumRetryCount: op.Restart.MaximumRetryCount}
	}
	got, err := c.api.ContainerUpdate(ctx, op.Name, opts)
	return state.ContainerMade{ID: op.Name, Warnings: got.Warnings}, err
}

// startAndWait starts a container that the engine removes at its end, and waits until it has.
func (c *Client) startAndWait(ctx context.Context, name string) (end state.ContainerEnd, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// The engine has noted who waits before it answers.
	w := c.api.ContainerWait(ctx, name, client.ContainerWaitOptions{Condition: container.WaitConditionRemoved})
	starting, started := context.WithTimeout(ctx, c.opts.Timeout)
	defer started()
	if _, err = c.short(starting, state.ContainerStart{Name: name}); err == nil {
		end.ExitCode, err = exitCode(ctx, w)
	}
	return end, err
}

// exited waits for the end of the main process and gives its exit code.
func (c *Client) exited(ctx context.Context, name string) (int, error) {
	return exitCode(ctx, c.api.ContainerWait(ctx, name, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning}))
}

func exitCode(ctx context.Context, w client.ContainerWaitResult) (int, error) {
	select {
	case err := <-w.Error:
		return 0, err
	case r := <-w.Result:
		if r.Error != nil {
			return int(r.StatusCode), errors.New(r.Error.Message)
		}
		return int(r.StatusCode), nil
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

func (c *Client) wait(ctx context.Context, op state.ContainerWait) (state.ContainerEnd, error) {
	var end state.ContainerEnd
	if op.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, op.Timeout,
			diag.New(diag.Timeout, diag.Pos{}, "docker-wait", "not %s after %s", op.For, op.Timeout))
		defer cancel()
	}
	var err error
	if op.For == state.WaitHealthy {
		err = c.healthy(ctx, op.Name)
	} else {
		end.ExitCode, err = c.exited(ctx, op.Name)
	}
	if err != nil {
		return end, err
	}
	if op.Output {
		end.Output, end.Truncated, err = c.output(ctx, op.Name)
	}
	return end, err
}

// healthy polls: the engine's events would need a second connection and say no
// more.
func (c *Client) healthy(ctx context.Context, name string) error {
	delay := 200 * time.Millisecond
	for {
		info, err := c.container(ctx, name)
		switch {
		case err != nil:
			return err
		case !info.Exists:
			return diag.New(diag.Failed, diag.Pos{}, "docker-gone", "the container vanished")
		case !info.State.Running && !info.State.Restarting:
			return diag.New(diag.Failed, diag.Pos{}, "docker-ended", "the container ended with exit code %d%s",
				info.State.ExitCode, after(": ", info.State.Error))
		case info.State.Health == "unhealthy":
			return diag.New(diag.Failed, diag.Pos{}, "docker-unhealthy", "the container is unhealthy%s",
				after(": ", info.State.HealthLog))
		case info.State.Running && !info.State.Restarting && info.State.Health != "starting":
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(delay):
		}
		delay = min(delay*3/2, 2*time.Second)
	}
}

func after(sep, s string) string {
	if s == "" {
		return ""
	}
	return fmt.Sprint(sep, s)
}
