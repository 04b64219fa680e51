package containers

import (
	"fmt"
	"slices"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type volumeTask struct {
	Name          string                 `arg:"volume_name"`
	State         string                 `arg:"state"`
	Driver        string                 `arg:"driver"`
	DriverOptions map[string]value.Value `arg:"driver_options"`
	GivenLabels   map[string]value.Value `arg:"labels"`
	Labels        map[string]string      // the same, known to be texts
	Recreate      string                 `arg:"recreate"`
	Debug         bool                   `arg:"debug"`
}

func newVolume() module.Module {
	return module.New(module.Spec{
		Name: "docker_volume", Aliases: aliases("docker_volume"),
		Summary: "Keeps a volume of the container engine",
		Doc: `Makes or removes a volume. A volume that differs from the arguments is left alone,
because making it anew loses what is in it; recreate says otherwise.`,
		Args: slices.Concat([]module.Arg{
			{Name: "volume_name", Aliases: []string{"name"}, Required: true, Doc: "Name of the volume."},
			{Name: "state", Default: "present", Choices: []string{"present", "absent"}, Doc: "Whether it is there."},
			{Name: "driver", Default: "local", Doc: "Driver."},
			{Name: "driver_options", Type: module.Dict, Default: map[string]any{}, Doc: "Options of the driver."},
			dict("labels", "Labels."),
			{Name: "recreate", Default: "never", Choices: []string{"always", "never", "options-changed"},
				Doc: "When to remove it and make it anew, with the loss of its content."},
			{Name: "debug", Type: module.Bool, Default: false, Doc: "Give the actions in the result."},
		}, withoutDebug(connection())),
		Returns: []module.Return{
			{Name: "volume", Type: "dict", When: "state is present", Doc: "What the engine says of it; null in a dry run that would make it."},
			{Name: "actions", Type: "list", When: "in a dry run, or with debug", Doc: "What is done, in order."},
			{Name: "diff", Type: "dict", When: "with --diff, in a dry run, or with debug", Doc: "The arguments that differ (differences), and with --diff before and after."},
		},
		Examples: `- docker_volume:
    name: cassandra
    labels:
      cluster: c1
`,
		Traits: module.Traits{Reach: state.ReachHost},
	}, planVolume)
}

func planVolume(a volumeTask, in module.Inputs, v state.View) (module.Change, error) {
	var err error
	if a.Labels, err = onlyTexts("labels", a.GivenLabels); err != nil {
		return module.Change{}, err
	}
	g := &gather{v: v}
	have, known, err := ask[state.DockerVolumeInfo](g, state.DockerVolume{Name: a.Name})
	if !known {
		return module.Need(g.need...), err
	}
	t := tracker{}
	t.add("exists", value.Bool(a.State == "present"), value.Bool(have.Exists))
	c := module.Change{}
	var actions []string
	do := func(op state.Op, format string, args ...any) {
		c.Ops = append(c.Ops, op)
		actions = append(actions, fmt.Sprintf(format, args...))
	}
	if a.State == "absent" {
		if have.Exists {
			do(state.VolumeRemove{Name: a.Name}, "Removed volume %s", a.Name)
		}
	} else {
		if have.Exists {
			compareVolume(&t, &a, have)
		}
		if in.Before != "" && in.Before != volumeMark(have) { // an attempt that was cut off did so
			a.Recreate = "options-changed"
		}
		c.Mark = volumeMark(have)
		if have.Exists && (a.Recreate == "always" || a.Recreate == "options-changed" && len(t.diffs) > 1) {
			do(state.VolumeRemove{Name: a.Name}, "Removed volume %s", a.Name)
		}
		if !have.Exists || len(c.Ops) > 0 {
			do(state.VolumeCreate{Spec: state.VolumeSpec{Name: a.Name, Driver: a.Driver,
				Options: apiTexts(a.DriverOptions), Labels: a.Labels}}, "Created volume %s with driver %s", a.Name, a.Driver)
		}
	}
	c.Result = value.M("changed", len(c.Ops) > 0)
	if len(c.Ops) > 0 {
		c.Diff = t.diff()
		will := state.DockerVolumeInfo{}
		if a.State == "present" {
			will = state.DockerVolumeInfo{Exists: true, Inspect: module.Later(),
				VolumeSpec: state.VolumeSpec{Name: a.Name, Driver: a.Driver, Options: apiTexts(a.DriverOptions), Labels: a.Labels}}
		}
		c.Foretold = &state.Foretold{Hidden: []string{"/var/lib/docker/volumes"}, Answers: []state.Answer{{Query: state.DockerVolume{Name: a.Name}, Value: will}}}
	}
	t.put(c.Result, in, a.Debug, a.State == "absent", actions)
	if a.State == "absent" {
		c.Result.Set("actions", value.Strings(actions...))
		return c, nil
	}
	return volumeFacts(c, have, a.Name), nil
}

// volumeFacts adds what the engine says of the volume when all is done.
func volumeFacts(c module.Change, have state.DockerVolumeInfo, name string) module.Change {
	c.Result.Set("volume", volumeValue(have))
	if len(c.Ops) == 0 {
		return c
	}
	c.Result.Set("volume", module.Later())
	c.Still = value.M("volume", volumeValue(have))
	result := c.Result
	c.Then = func(v state.View, _ []state.OpResult) (module.Change, error) {
		g := &gather{v: v}
		now, known, err := ask[state.DockerVolumeInfo](g, state.DockerVolume{Name: name})
		if !known {
			return module.Need(g.need...), err
		}
		done := module.Change{Result: result.Clone()}
		done.Result.Set("volume", volumeValue(now))
		return done, nil
	}
	return c
}

// volumeMark tells a volume from one that was made in its place.
func volumeMark(v state.DockerVolumeInfo) string {
	at, _ := v.Inspect.Get("CreatedAt")
	return "made " + at.Text()
}

func volumeValue(v state.DockerVolumeInfo) value.Value {
	if !v.Exists {
		return value.Null
	}
	return v.Inspect
}

func compareVolume(t *tracker, a *volumeTask, have state.DockerVolumeInfo) {
	if a.Driver != "" && a.Driver != have.Driver {
		t.add("driver", value.String(a.Driver), value.String(have.Driver))
	}
	t.lacking("driver_options", apiTexts(a.DriverOptions), have.Options)
	for _, k := range keys(a.Labels) {
		if got, ok := have.Labels[k]; !ok || got != a.Labels[k] {
			h := value.Null
			if ok {
				h = value.String(got)
			}
			t.add("labels."+k, value.String(a.Labels[k]), h)
		}
	}
}
