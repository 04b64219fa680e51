package run

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/ssh"
	"github.com/fairlead-project/fairlead/engine/vars"
)

// world is what magic variables see; pl is nil before a play began.
type world struct {
	*runner
	pl *play
}

func (r *runner) world(pl *play) vars.World { return &world{r, pl} }

func (w *world) live(hosts []*host) ([]string, bool) {
	var out []string
	settled := true
	for _, h := range hosts {
		if len(h.steps) > 0 && !w.Check {
			settled = false
		}
		ended := h.ended && slices.Contains(w.pl.batch, h) // of another batch it is back
		if !h.failed && !h.unreachable && !ended && !h.lost {
			out = append(out, h.Name)
		}
	}
	return out, settled
}

// PlayHosts implements vars.World.
func (w *world) PlayHosts() ([]string, bool) {
	if w.pl == nil {
		return nil, true
	}
	return w.live(w.pl.all)
}

// Batch implements vars.World.
func (w *world) Batch() ([]string, bool) {
	if w.pl == nil {
		return nil, true
	}
	return w.live(w.pl.batch)
}

// AllPlayHosts implements vars.World.
func (w *world) AllPlayHosts() []string {
	if w.pl == nil {
		return nil
	}
	return names(w.pl.named)
}

// ConnectionDefault implements vars.World.
func (w *world) ConnectionDefault(what string) string {
	d := w.Config.Connection
	switch what {
	case "connection":
		return orElse(d.Connection, "ssh")
	case "user":
		return d.User
	case "port":
		if d.Port > 0 {
			return strconv.Itoa(d.Port)
		}
	case "timeout":
		return strconv.Itoa(max(int(cmp.Or(d.Timeout, ssh.DefaultConnectTimeout).Seconds()), 1))
	case "key":
		return d.KeyFile
	case "shell":
		return "/bin/sh"
	}
	return ""
}

var _ module.Vars = (*taskVars)(nil)
