package module

import (
	"github.com/fairlead-project/fairlead/engine/state"
)

// Type is the type of an argument, with Ansible's names and conversions.
type Type string

// The types of arguments.
const (
	Str   Type = "str"
	Path  Type = "path" // a string; ~ and $VAR are resolved by the module on the host
	Bool  Type = "bool"
	Int   Type = "int"
	Float Type = "float"
	List  Type = "list" // a comma-joined string becomes a list
	Dict  Type = "dict" // a JSON or k=v string becomes a dict
	Raw   Type = "raw"
	Mode  Type = "mode"  // octal number or text, or symbolic; decoded as a string
	Bytes Type = "bytes" // a size such as 512M; decoded as an int
)

// Arg declares one argument.
type Arg struct {
	Name     string
	Aliases  []string
	Type     Type // default Str
	Elem     Type // of a list; default Raw
	Default  any  // nil: none
	Required bool
	Choices  []string
	// Secret arguments never appear in an output.
	Secret bool
	Doc    string
	// Options are the arguments of a dict, or of the dicts in a list.
	Options []Arg
	// Unlisted arguments are not among those that the original's module registers as its
	// invocation: they are its action's own, or of a later release.
	Unlisted bool
	// Deprecated arguments are accepted; the text says what to use instead.
	Deprecated string
}

// Return documents one registered field.
type Return struct {
	Name, Type, When, Doc string
}

// Spec declares a module: it produces the decoder, the documentation and the
// JSON Schema.
type Spec struct {
	// Name is the short name; Aliases are the other full or short names under
	// which playbooks call it, such as "ansible.builtin.copy".
	Name    string
	Aliases []string
	Summary string
	Doc     string
	Args    []Arg
	// FreeForm is the argument that takes free text (command: echo hi); "".
	FreeForm string
	// Controls tells that the original is an action of the controller alone, which
	// speaks of unknown arguments in words of its own.
	Controls bool
	// AnyArgs lets arguments through that are not declared (set_fact).
	AnyArgs bool
	// MutuallyExclusive, RequiredOneOf and RequiredTogether are checked when
	// decoding, as in Ansible's argument specs. RequiredIf holds
	// {argument, value, needed...}.
	MutuallyExclusive [][]string
	RequiredOneOf     [][]string
	RequiredTogether  [][]string
	RequiredIf        [][]string
	// RequiredBy: an argument needs others.
	RequiredBy map[string][]string
	// Missing is what is said when a required argument is missing, where the
	// original has words of its own; "" lists what is missing.
	Missing string
	Returns []Return
	// Order is the order of the fields in the original's results, where they are not
	// returned in that order anyway: of one that changed something and, where it differs,
	// of another one. A field "changed" that is not in it is not the original module's.
	Order    [][]string
	Examples string
	Traits   Traits
}

// Traits say how the engine must treat a module.
type Traits struct {
	// Reach is the widest reach any of its operations can have.
	Reach state.Reach
	// Facts are the names of the facts that the module sets: where a plan cannot tell
	// what it would find, they are unknown from then on.
	Facts []string
	// Reads marks modules whose result is the host's state itself (stat,
	// slurp, setup): they never see predicted state; the engine flushes first.
	Reads bool
	// Control marks modules that need no host.
	Control bool
	// Opaque marks modules that carry out what the author wrote: whether it
	// happened cannot be asked of the host, but by creates and removes.
	Opaque bool
	// Controller marks modules that read or write files of the controller.
	Controller bool
	// FromController marks modules that work between the controller and the host:
	// delegate_to: localhost is what they do anyway.
	FromController bool
	// Unknown lets arguments hold unknown values (debug).
	Unknown bool
	// NoEnvironment keeps the task's environment from its operations (raw).
	NoEnvironment bool
	// DiffList tells that what is registered as diff is a list even with one entry.
	DiffList bool
	// RunOnly tells that Ansible's module does not support check mode: a single task
	// with check_mode: true is skipped. A plan predicts what the task does.
	RunOnly bool
	// RawArgs keeps arguments from being rendered before Decode (assert, debug var).
	RawArgs []string
}
