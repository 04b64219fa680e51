package control

import (
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type asyncStatusArgs struct {
	JID  string `arg:"jid"`
	Mode string `arg:"mode"`
	Dir  string `arg:"_async_dir"`
}

// AsyncStatus is the module async_status.
func AsyncStatus() module.Module {
	return module.New(module.Spec{
		Name: "async_status", Summary: "Ask what became of a task with async",
		Doc: "Looks for the result of a job that an earlier task started with async, or removes it. The job may have been started by another run.",
		Args: []module.Arg{
			{Name: "jid", Required: true, Doc: "The job: ansible_job_id of what the task registered."},
			{Name: "mode", Choices: []string{"status", "cleanup"}, Default: "status", Doc: "Ask, or remove the job's file."},
			{Name: "_async_dir", Type: module.Path, Default: module.JobDir, Doc: "Where jobs leave their results; given by the engine."},
		},
		Returns: []module.Return{
			{Name: "ansible_job_id", Type: "str", When: "success", Doc: "The job."},
			{Name: "started", Type: "int", When: "success", Doc: "1: it was started."},
			{Name: "finished", Type: "int", When: "success", Doc: "1: it ended, and its result is here."},
			{Name: "results_file", Type: "str", When: "mode is status", Doc: "The job's file on the host."},
			{Name: "erased", Type: "str", When: "mode is cleanup", Doc: "The file that was removed."},
		},
	}, planAsyncStatus)
}

func planAsyncStatus(a asyncStatusArgs, in module.Inputs, _ state.View) (module.Change, error) {
	j := module.Job{ID: a.JID, Dir: a.Dir}
	result := j.JobFields("", false)
	result.Delete("results_file")
	result.Set("changed", value.Bool(false))
	for _, k := range []string{"stdout", "stderr"} {
		result.Set(k, value.String(""))
		result.Set(k+"_lines", value.List())
	}
	c := module.Change{Result: result, Ops: []state.Op{j.Ask()}}
	if a.Mode == "cleanup" {
		c.Ops = []state.Op{j.Erase()}
	}
	if in.Check {
		for _, k := range []string{"finished", "stdout", "stderr", "rc", "changed"} {
			result.Set(k, value.Unknown(&value.Origin{What: "a job that would run"}))
		}
	}
	c.Then = func(_ state.View, did []state.OpResult) (module.Change, error) {
		if len(did) == 0 {
			return module.Change{}, module.Fail("the host did not answer")
		}
		return answered(j, a.Mode, j.Answer(did[0]), result.Clone())
	}
	return c, nil
}

func answered(j module.Job, mode string, s module.JobState, m *value.Map) (module.Change, error) {
	if mode == "cleanup" {
		m.Set("started", value.Int(0))
		m.Set("erased", value.String(s.File))
	} else {
		m.Set("results_file", value.String(s.File))
	}
	if !s.Known {
		m.Set("finished", value.Int(1))
		m.Set("started", value.Int(1))
		return module.Change{}, &module.Failure{Msg: "could not find job", Result: m}
	}
	if mode == "cleanup" {
		return module.Change{Result: m}, nil
	}
	if !s.Finished {
		return module.Change{Result: m}, nil
	}
	for k, v := range s.Result.All() {
		m.SetKey(k, v)
	}
	m.Set("finished", value.Int(1))
	if failed, _ := m.Get("failed"); failed.Truthy() {
		msg, _ := m.Get("msg")
		return module.Change{}, &module.Failure{Msg: msg.Text(), Result: m}
	}
	return module.Change{Result: m}, nil
}
