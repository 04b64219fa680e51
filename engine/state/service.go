package state

import (
	"slices"
	"strings"
)

// Service asks for one service by the name a playbook gives it. Its answer is a
// ServiceInfo.
type Service struct {
	Name string
	// Scope is "" for the system's services, "user" or "global" for systemd's
	// other ones.
	Scope string
	// Use asks one manager only; "" finds the one that the host runs.
	Use ServiceManager
	// Processes asks for the list of processes too.
	Processes bool
	// Arguments are given to an init script behind "status".
	Arguments string
}

// Query describes the question.
func (q Service) Query() string { return "service " + q.Name }

// definitions are the folders in which services are defined, or which scripts that tell
// of them read.
var definitions = []string{
	"/etc/systemd", "/lib/systemd", "/usr/lib/systemd", "/usr/local/lib/systemd", "/run/systemd",
	"/etc/init", "/etc/init.d", "/etc/rc.d", "/etc/default", "/etc/sysconfig", "/etc/conf.d", "/etc/runlevels",
}

// SurvivesWrite is true except for what defines services. One that starts because a file
// is written (systemd.path(5)) is looked at before that.
func (Service) SurvivesWrite(p string) bool {
	return outside(p, definitions) && !strings.HasPrefix(p, "/etc/rc") && !strings.Contains(p, "/systemd/")
}

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
	// State is systemd's word: active, activating, deactivating, failed, inactive.
	State string
	// Crashed services of OpenRC must be reset before they can be started.
	Crashed bool
	// Enabled tells whether it starts with the host; EnabledKnown is false when
	// nothing on the host can tell.
	Enabled, EnabledKnown bool
	// Runlevels are those of OpenRC to which the service belongs.
	Runlevels []string
	// UnitFile is systemd's word: enabled, disabled, static, masked, alias.
	UnitFile string
	// Masked services can be neither started nor enabled.
	Masked bool
	// Script is the init script, when there is one.
	Script string
	// Stops tells that init's folders have links that stop the service.
	Stops bool
	// Override is the text of Upstart's override file, Conf that of the job.
	Override, Conf string
	// Tools are the programs for services that the host has.
	Tools []string
	// Properties are what systemctl show says; nil when it could not be asked.
	Properties [][2]string
	// Err is what the manager said when it could not be asked.
	Err string
	// Offline tells that nothing runs here that could start a service: a
	// chroot, or a container without its init.
	Offline bool
	// Processes are the command lines of what runs, when asked.
	Processes []string
}

// Has tells whether the host has a program for services.
func (i ServiceInfo) Has(tool string) bool { return slices.Contains(i.Tools, tool) }

// Services asks for all services. Its answer is []ServiceEntry by name.
type Services struct{}

// Query describes the question.
func (q Services) Query() string { return "services" }

// SurvivesWrite is that of one service.
func (Services) SurvivesWrite(p string) bool { return Service{}.SurvivesWrite(p) }

// ServiceEntry is one service of a list, in Ansible's words.
type ServiceEntry struct {
	Name   string // with .service for systemd's
	State  string // running, stopped, failed, inactive, unknown
	Status string // enabled, disabled, static ..., unknown
	Source string // systemd, sysv, upstart, openrc
}
