// Package event holds the typed events of a run. They are the record: terminal,
// JSON Lines, store and status pushes are sinks of one numbered stream.
package event

import (
	"context"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// Kind is what an event tells.
type Kind string

// The kinds, in the order in which a run emits them.
const (
	RunStarted  Kind = "run_started"
	PlayStarted Kind = "play_started"
	// NoHosts: the play's pattern matched nothing, or nobody is left.
	NoHosts Kind = "no_hosts"
	// NoneLeft: a failure ended the play for all hosts that were left.
	NoneLeft Kind = "none_left"
	// TaskStarted comes once per task, before its first result; again when a
	// host reaches it later than the others.
	TaskStarted Kind = "task_started"
	// ItemResult is the result of one loop item; Result the one of the task.
	ItemResult Kind = "item_result"
	Result     Kind = "result"
	// Debugged shows a result before somebody looks into it at the debugger; it counts
	// nothing. What becomes of it is a Result that is Told, or another attempt.
	Debugged Kind = "debugged"
	// Included: an include brought the file Msg for Hosts (Label: of its item), or
	// without Msg a role.
	Included Kind = "included"
	// Meta is what a meta task did (Msg).
	Meta Kind = "meta"
	// Retry is one more attempt of an until loop.
	Retry Kind = "retry"
	// Polled is a job (async) that was asked after, or that ended (Msg).
	Polled Kind = "polled"
	// Output is a piece of a running command's output; it is not recorded.
	Output Kind = "output"
	// Progress says how far a transfer is (Msg); it is not recorded.
	Progress Kind = "progress"
	// Notified: a handler was notified by a result.
	Notified Kind = "notified"
	// Notice is something to tell people that is no result (Level warn, info).
	Notice Kind = "notice"
	// Recap holds the counts of all hosts.
	Recap Kind = "recap"
	// RunEnded is the last event of a run.
	RunEnded Kind = "run_ended"
)

// Recorded tells whether events of the kind are numbered and kept.
func (k Kind) Recorded() bool { return k != Output && k != Progress }

// Status is how a task ended on a host.
type Status string

// The statuses, as Ansible counts them; would-be states exist only in a plan.
const (
	OK          Status = "ok"
	Changed     Status = "changed"
	Skipped     Status = "skipped"
	Failed      Status = "failed"
	Unreachable Status = "unreachable"
	// InDoubt: an effect was sent and its end is not known.
	InDoubt Status = "in_doubt"
	// Unknown: a plan cannot tell what the task will do.
	Unknown Status = "unknown"
)

// Event is one event. Seq numbers the events of a run from 1 without gaps
// (Output events carry the number of the last recorded one).
type Event struct {
	Seq  int64     `json:"seq"`
	Run  string    `json:"run"`
	Time time.Time `json:"time"`
	Kind Kind      `json:"kind"`

	// RunStarted
	Playbooks []string `json:"playbooks,omitempty"`
	// PlayCounts is how many plays each of them has.
	PlayCounts []int  `json:"play_counts,omitempty"`
	Check      bool   `json:"check,omitempty"` // a plan; of plays and tasks: in check mode
	Version    string `json:"version,omitempty"`

	Play   string   `json:"play,omitempty"`
	PlayNo int      `json:"play_no,omitempty"` // from 1
	Hosts  []string `json:"hosts,omitempty"`   // of the play or batch, or that include a file

	// TaskStarted and results
	Task   string   `json:"task,omitempty"` // name as shown, role included
	TaskID string   `json:"task_id,omitempty"`
	TaskNo int64    `json:"task_no,omitempty"` // order within the run, from 1
	Module string   `json:"module,omitempty"`
	Pos    diag.Pos `json:"pos,omitzero"`
	// Args are the task's arguments as written, for the heading; only where a setting
	// asks for them.
	Args     string `json:"args,omitempty"`
	Handler  bool   `json:"handler,omitempty"`
	Host     string `json:"host,omitempty"`
	Delegate string `json:"delegate,omitempty"`
	// DelegateAddress is where the delegate is reached, if something was done there.
	DelegateAddress string `json:"delegate_address,omitempty"`

	Status   Status      `json:"status,omitempty"`
	Ignored  bool        `json:"ignored,omitempty"` // failed, but ignore_errors
	Rescued  bool        `json:"rescued,omitempty"` // failed, and a rescue takes over
	Reason   string      `json:"reason,omitempty"`  // class of a failure
	Msg      string      `json:"msg,omitempty"`     // for people
	Hint     string      `json:"hint,omitempty"`
	Item     value.Value `json:"item,omitzero"`
	HasItem  bool        `json:"-"`
	Label    string      `json:"label,omitempty"` // of the item, as shown
	Res      *value.Map  `json:"result,omitempty"`
	Diff     state.Diff  `json:"diff,omitempty"`
	NoLog    bool        `json:"no_log,omitempty"`
	Warnings []string    `json:"warnings,omitempty"`
	// Assuming says behind which effect a planned result lies.
	Assuming string        `json:"assuming,omitempty"`
	Handlers []string      `json:"handlers,omitempty"` // notified
	Duration time.Duration `json:"duration_ns,omitempty"`
	Attempt  int           `json:"attempt,omitempty"`
	Retries  int           `json:"retries,omitempty"`
	// Loop: the task has items; Verbose: show the result even without -v (debug).
	Loop    bool `json:"loop,omitempty"`
	Verbose bool `json:"verbose,omitempty"`
	// Told: a Debugged has shown this result.
	Told bool `json:"told,omitempty"`
	// Restored: an earlier attempt of the run did this; it was not repeated.
	Restored bool `json:"restored,omitempty"`

	// Output
	Stderr bool   `json:"stderr,omitempty"`
	Chunk  string `json:"chunk,omitempty"`

	// Notice
	Level string `json:"level,omitempty"`

	// Recap and RunEnded
	Stats    map[string]*HostStats `json:"stats,omitempty"`
	Exit     int                   `json:"exit,omitempty"`
	Failures []string              `json:"failures,omitempty"`
	// Stopped: the run ended early because of failures; hosts without one did
	// not get to the end either.
	Stopped bool `json:"stopped,omitempty"`
}

// HostStats counts a host's results as Ansible's recap does.
type HostStats struct {
	OK          int `json:"ok"`
	Changed     int `json:"changed"`
	Unreachable int `json:"unreachable"`
	Failed      int `json:"failed"`
	Skipped     int `json:"skipped"`
	Rescued     int `json:"rescued"`
	Ignored     int `json:"ignored"`
	// Unknown counts tasks of a plan whose end cannot be told.
	Unknown int `json:"unknown,omitempty"`
}

// Sink takes the events of a run in order, from one goroutine. An error ends
// the run: a record that cannot be kept is a reason to stop.
type Sink interface {
	Emit(ctx context.Context, e *Event) error
}

// Journal is an append-only record of runs.
type Journal interface {
	// Append adds e to its run; e.Seq must follow the last one.
	Append(ctx context.Context, e *Event) error
	// Read gives the events of a run with Seq > after, at most limit (0: all).
	Read(ctx context.Context, run string, after int64, limit int) ([]Event, error)
}
