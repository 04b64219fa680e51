package files

import (
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type interfacesArgs struct {
	Dest          string             `arg:"dest"`
	Iface         string             `arg:"iface"`
	AddressFamily module.Opt[string] `arg:"address_family"`
	Option        module.Opt[string] `arg:"option"`
	Value         module.Opt[string] `arg:"value"`
	Backup        bool               `arg:"backup"`
	State         string             `arg:"state"`
}

var interfacesSpec = module.Spec{
	Name:    "interfaces_file",
	Aliases: []string{"community.general.interfaces_file"},
	Summary: "Read or change an option of a network interface in a file of Debian's kin",
	Doc: "Keeps one option of an interface in a file such as /etc/network/interfaces and leaves every other line as it is. " +
		"Of pre-up, up, down and post-up there may be several: another value is added. Without an option the file is only read. " +
		"The file keeps its mode and owner, whatever the arguments for them say, as in Ansible.",
	Args: append([]module.Arg{
		{Name: "dest", Type: module.Path, Default: "/etc/network/interfaces", Doc: "The file."},
		{Name: "iface", Doc: "The interface; it must be in the file."},
		{Name: "address_family", Doc: "inet or inet6, where an interface has both."},
		{Name: "option", Doc: "The option; method means the one of the iface line."},
		{Name: "value", Doc: "Its value."},
		{Name: "backup", Type: module.Bool, Default: false, Doc: "Keep the old file under a name with the time."},
		{Name: "state", Choices: []string{"present", "absent"}, Default: "present", Doc: "Whether the option is to be there."},
	}, module.FileArgs()...),
	RequiredBy: map[string][]string{"option": {"iface"}},
	Returns: append([]module.Return{
		{Name: "dest", Type: "str", When: "success", Doc: "The file."},
		{Name: "ifaces", Type: "dict", When: "success", Doc: "The interfaces with their options."},
	}, fileReturns...),
	Examples: "- interfaces_file: {iface: eth1, option: mtu, value: \"8000\"}\n",
	Traits:   module.Traits{Reach: state.ReachPaths},
}

// InterfacesFile is the module interfaces_file.
func InterfacesFile() module.Module { return module.New(interfacesSpec, planInterfaces) }

func planInterfaces(a interfacesArgs, in module.Inputs, v state.View) (module.Change, error) {
	option, edits := a.Option.Get()
	if edits && a.State == "present" && !a.Value.Given() {
		return module.Change{}, module.Fail("Value must be set if option is defined and state is 'present'")
	}
	e := &editor{in: in, g: module.Gathering(v), backup: a.Backup}
	if c, done, err := e.open(a.Dest); done {
		return c, err
	}
	if !e.exists() {
		return module.Change{}, module.Fail("[Errno 2] No such file or directory: '" + e.path + "'")
	}
	x, err := parseInterfaces(string(e.old))
	changed := false
	if err == nil && edits {
		edit := ifEdit{iface: a.Iface, option: option, value: a.Value, family: a.AddressFamily, present: a.State == "present"}
		changed, err = edit.run(x)
	}
	if err != nil {
		return module.Change{}, module.Fail(err.Error())
	}
	text := x.text()
	if changed {
		if x, err = parseInterfaces(text); err != nil {
			return module.Change{}, module.Fail(err.Error())
		}
	}
	c, err := e.done([]byte(text), changed, "")
	if err == nil && len(c.Need) == 0 {
		c.Result = value.M("changed", changed, "dest", e.path, "ifaces", x.registered())
		module.PathInfo(c.Result, e.after)
	}
	return c, err
}
