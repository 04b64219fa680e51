// Package module is the contract between the engine and the modules: what a
// module declares (its spec), what it is given, and what it answers. A module
// is a pure function from arguments and known state to a change; it never sees
// SSH, the store or the terminal.
package module

import (
	"io/fs"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// Module is one module. Make one with New.
type Module interface {
	// Spec is the module's declaration; it is the same value at every call.
	Spec() *Spec
	// Decode turns arguments into the module's own typed arguments. The map
	// holds neither unknown nor undefined nor omitted values. Every problem is
	// reported, as a diag.List.
	Decode(args *value.Map, pos diag.Pos) (any, error)
	// Plan says what must change. It is pure: called twice with the same
	// arguments, inputs and view it answers the same, and it does no I/O but
	// through in.Sources. args came from Decode.
	//
	// A *Failure as error is a task that fails with a result; any other error
	// fails the task with its text.
	Plan(args any, in Inputs, v state.View) (Change, error)
}

// Inputs are what a plan may depend on besides arguments and host state.
type Inputs struct {
	Sources Sources
	Now     time.Time
	// Seed is fresh randomness, fixed for one task on one host.
	Seed [32]byte
	// Check tells that nothing will be applied. A module plans the same either
	// way; it may only matter for what a result says.
	Check bool
	// Diff tells whether somebody wants to see differences.
	Diff bool
	// Native tells that templates keep the types of what they compute
	// (jinja2_native).
	Native bool
	// Vars evaluates against the task's variables; for control modules.
	Vars Vars
	// Host is the inventory name of the host.
	Host string
	// Delegate is what delegate_to (or local_action) names, "" without it.
	Delegate string
	// Pos is where the task stands.
	Pos diag.Pos
	// Env is the task's environment, name=value; operations get it in any case.
	Env []string
	// Before is the Mark of this change when an attempt of the run that was cut
	// off set out to make it: what the host was like then. By it a module that
	// would do something again tells that it was done. Empty: nobody did.
	// Others are the marks of all changes that were set out to on the host.
	Before string
	Others []string
}

// Vars evaluates expressions and variables of the task at hand.
type Vars interface {
	// Eval evaluates a bare expression such as a condition.
	Eval(expr string) (value.Value, error)
	// Render evaluates the templates inside an argument that was not rendered
	// (Traits.RawArgs).
	Render(v value.Value) (value.Value, error)
	// Lookup gives a variable by name.
	Lookup(name string) (value.Value, bool, error)
}

// Sources reads files of the controller, as the task's role and playbook see
// them.
type Sources interface {
	// Find resolves src as Ansible does for kind "files" or "templates": the
	// role's folder of that kind, the role, the task file's folder, the
	// playbook's. Absolute paths are taken as they are.
	Find(kind, src string) (path string, err error)
	// File describes a found file; its content is opened only when needed. A
	// file that is encrypted with Ansible Vault is decrypted.
	File(path string) (SourceFile, error)
	// Encrypted is File without decryption.
	Encrypted(path string) (SourceFile, error)
	// Walk lists what is below a found folder, relative paths in lexical
	// order. With follow, links are what they lead to, except for those that
	// lead nowhere or into a folder that they are in; the others have a Link.
	Walk(dir string, follow bool) ([]SourceFile, error)
	// Render renders a found template file with the task's variables.
	Render(path string, o RenderOptions) (value.Value, error)
	// Password resolves or creates things a lookup would; reserved.
}

// SourceFile is a file or folder of the controller.
type SourceFile struct {
	Path    string // on the controller
	Rel     string // relative to the walked folder
	Mode    fs.FileMode
	Size    int64
	ModTime time.Time
	IsDir   bool
	// Link is where a link leads that is not followed, as written in it; there
	// is nothing else to such an entry.
	Link string
	// Secret tells that it was decrypted.
	Secret bool
	// Content is set for regular files. Its SHA256 is computed.
	Content *state.Content
	SHA1    string
	MD5     string
}

// RenderOptions are those of the template module; zero values are its defaults.
type RenderOptions struct {
	NewlineSequence                        string
	BlockStart, BlockEnd, VarStart, VarEnd string
	CommentStart, CommentEnd               string
	NoTrimBlocks, LstripBlocks             bool
	Vars                                   *value.Map // additional variables
}

// Change is a module's answer.
type Change struct {
	// Need lists what must be asked of the host first; everything else in the
	// change is then ignored and Plan (or Then) is called again.
	Need []state.Query
	// Ops are done in order. None means that nothing is to be done.
	Ops []state.Op
	// Foretold, when set, is what Ops of wide reach do: a plan goes on with it, where
	// it would take everything behind them for unsure.
	Foretold *state.Foretold
	// Diff shows what Ops change.
	Diff state.Diff
	// Result is what the task registers, predicted: true once Ops ended as
	// predicted. It holds "changed". Fields that cannot be predicted are
	// value.Unknown (make them with Later). It is the engine's from then on, which
	// adds to it.
	Result *value.Map
	// Skip makes the task count as skipped; Result then says why ("msg").
	Skip bool
	// NoCheck, when set, is why a single task in check mode (check_mode: true)
	// is skipped in place of what Result predicts, as in Ansible, with the module's
	// name as the task has it for "{task}"; "-" skips it without a word.
	NoCheck string
	// Still holds, for fields of Result that are not known, what a single task in
	// check mode registers: what is there now.
	Still *value.Map
	// Guarded marks a command that its creates or removes let run: as a single
	// task in check mode it counts as changed, and not as skipped.
	Guarded bool
	// Warnings are shown with the result, together with those of the stages before.
	Warnings []string
	// Foreseen says of a module that reads (Traits.Reads) that Result is right for what
	// is only planned, too: in a plan it is unknown without it.
	Foreseen bool
	// Do are directives to the engine, for control modules.
	Do []Directive
	// Then, when set, makes the next stage from what the operations did: its
	// Result replaces this one. In a plan it is not called, and Result stands
	// for the end as far as it can be told.
	Then func(v state.View, did []state.OpResult) (Change, error)
	// Looks says that Ops only look (ReachNone): a plan carries them out too and
	// calls Then, unless it stands behind an effect that it did not apply.
	Looks bool
	// Failed, when set, turns the operation that failed into the task's
	// failure; without it the engine says which operation failed and why.
	Failed func(op int, r state.OpResult) *Failure
	// Once says that making the change twice is not the same as making it once,
	// and that nobody can ask the host whether it was made: when it is cut off,
	// it is in doubt. A change without it is planned again, from what is there.
	Once bool
	// Mark is kept until the change was made: what the host is like before it,
	// in the module's own words (Inputs.Before). Empty when the state that is
	// asked for says it all.
	Mark string
}

// Need is a change that only asks.
func Need(qs ...state.Query) Change { return Change{Need: qs} }

// OK is a change that does nothing and registers alternating keys and values
// beside changed=false.
func OK(kv ...any) Change {
	m := value.M("changed", false)
	for k, v := range value.M(kv...).All() {
		m.SetKey(k, v)
	}
	return Change{Result: m}
}

// Later is a field of a result that is known only when the change was applied.
func Later() value.Value { return value.Unknown(&value.Origin{Pending: true}) }

// Failure is a task that fails: its message and what it registers.
type Failure struct {
	Msg string
	// Result holds more fields to register; may be nil. "msg" and "failed" are
	// added.
	Result *value.Map
	// Warnings are shown with the result.
	Warnings []string
	// OwnMsg: Result says the message by another name, and "msg" is left out.
	OwnMsg bool
	// Dry is what a dry run registers in place of a failure that Ansible's action only
	// finds when it has sent something; nil where the dry run fails as well.
	Dry *value.Map
	// Err is the cause, when there is one with a class.
	Err error
	// Unrun: what the task says could not be evaluated, which ends a loop and
	// which no failed_when forgives.
	Unrun bool
}

// Fail makes a failure.
func Fail(msg string, kv ...any) *Failure { return &Failure{Msg: msg, Result: value.M(kv...)} }

// Error is the message.
func (f *Failure) Error() string { return f.Msg }

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.Err }

// Directive asks the engine for something only it can do.
type Directive interface{ directive() }

// SetFacts sets facts of the host; Cacheable ones count as gathered facts too.
// Gathered marks the facts of setup (the names have no ansible_ prefix then), Plain
// those of another module, which are variables by the names they have.
type SetFacts struct {
	Facts     *value.Map
	Cacheable bool
	Gathered  bool
	Plain     bool
}

// Meta is one of meta's actions: flush_handlers, end_play, end_host, end_batch,
// clear_facts, clear_host_errors, refresh_inventory, reset_connection, noop.
type Meta struct{ Action string }

// AddHost adds a host to the inventory.
type AddHost struct {
	Name   string
	Groups []string
	Vars   *value.Map
}

// GroupBy puts the host into groups.
type GroupBy struct {
	Groups, Parents []string
}

// SetStats adds to the statistics of the run.
type SetStats struct {
	Data               *value.Map
	PerHost, Aggregate bool
}

// IncludeVars adds variables read from files to the host's scope.
type IncludeVars struct {
	Vars *value.Map
}

// Pause waits on the controller: for a time, or (Ask) for an answer.
type Pause struct {
	For    time.Duration
	Ask    bool
	Prompt string
	Echo   bool
}

func (SetFacts) directive()    {}
func (Meta) directive()        {}
func (AddHost) directive()     {}
func (GroupBy) directive()     {}
func (SetStats) directive()    {}
func (IncludeVars) directive() {}
func (Pause) directive()       {}
