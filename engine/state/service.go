package state

// Service asks for one service by the name a playbook gives it. Its answer is a
// ServiceInfo.
type Service struct {
	Name string
	// Scope is "" for the system's services, "user" or "global" for systemd's
	// other ones.
	Scope string
	// Pattern, when set, is looked for in the list of processes where the
	// service cannot tell its state itself.
	Pattern string
	// Runlevel is that of OpenRC in which being enabled is asked about; "" is
	// default.
	Runlevel string
}

// Query describes the question.
func (q Service) Query() string { return "service " + q.Name }

// ServiceManager is what runs services on a host.
type ServiceManager string

// The managers that can be told apart.
const (
	Systemd ServiceManager = "systemd"
	OpenRC  ServiceManager = "openrc"
	Upstart ServiceManager = "upstart"
	SysV    ServiceManager = "sysv" // init scripts, with or without the program service
)

// ServiceInfo is what is known of a service.
type ServiceInfo struct {
	Manager ServiceManager // "" when there is none at all
	Exists  bool
	// Active tells whether it runs; ActiveKnown is false when nothing on the
	// host can tell.
	Active, ActiveKnown bool
	// State is the manager's own word: active, activating, failed, inactive.
	State string
	// Enabled tells whether it starts with the host.
	Enabled, EnabledKnown bool
	// UnitFile is systemd's word: enabled, disabled, static, masked, alias.
	UnitFile string
	// Masked services can be neither started nor enabled.
	Masked bool
	// Script is the init script, when there is one.
	Script string
	// Tools are the programs for services that the host has, by name.
	Tools map[string]bool
	// Properties are those of systemctl show, in order of name.
	Properties [][2]string
	// Booted tells that the host was started by the manager, so that it can be
	// asked to do things; a chroot or container may have systemctl alone.
	Booted bool
	// Err is what the manager said when it could not be asked.
	Err string
}

// Services asks for all services. Its answer is []ServiceEntry by name.
type Services struct{}

// Query describes the question.
func (q Services) Query() string { return "services" }

// ServiceEntry is one service of a list, in Ansible's words.
type ServiceEntry struct {
	Name   string // with .service for systemd's
	State  string // running, stopped, failed, inactive, unknown
	Status string // enabled, disabled, static ..., unknown
	Source string // systemd, sysv, upstart, openrc
}
