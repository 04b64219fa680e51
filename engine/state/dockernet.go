package state

import "github.com/fairlead-project/fairlead/engine/value"

// DockerNetwork asks the container engine for one network by its exact name or
// id. Its answer is a DockerNetworkInfo.
type DockerNetwork struct{ Name string }

// Query describes the question.
func (q DockerNetwork) Query() string { return "network " + q.Name }

// DockerNetworkInfo is what is known of a network. Without Exists every other
// field is zero.
type DockerNetworkInfo struct {
	Exists bool
	ID     string
	NetworkSpec
	// Containers are those that run in it: names by id.
	Containers map[string]string
	// Inspect is the engine's whole description, marked unsafe.
	Inspect value.Value
}

// NetworkSpec is how a network is, or is to be, made. The names of fields are
// those of the Engine API.
type NetworkSpec struct {
	Name       string
	Driver     string            `json:",omitempty"`
	Scope      string            `json:",omitempty"`
	Internal   bool              `json:",omitempty"`
	Attachable bool              `json:",omitempty"`
	EnableIPv6 bool              `json:",omitempty"`
	Options    map[string]string `json:",omitempty"`
	Labels     map[string]string `json:",omitempty"`
	IPAM       *NetworkIPAM      `json:",omitempty"`
}

// NetworkIPAM is how a network gives addresses.
type NetworkIPAM struct {
	Driver  string            `json:",omitempty"`
	Options map[string]string `json:",omitempty"`
	Config  []NetworkPool     `json:",omitempty"`
}

// NetworkPool is one range of addresses of a network.
type NetworkPool struct {
	Subnet             string            `json:",omitempty"` // CIDR
	IPRange            string            `json:",omitempty"` // CIDR
	Gateway            string            `json:",omitempty"`
	AuxiliaryAddresses map[string]string `json:",omitempty"`
}

// DockerVolume asks the container engine for one volume by its exact name. Its
// answer is a DockerVolumeInfo.
type DockerVolume struct{ Name string }

// Query describes the question.
func (q DockerVolume) Query() string { return "volume " + q.Name }

// DockerVolumeInfo is what is known of a volume. Without Exists every other
// field is zero.
type DockerVolumeInfo struct {
	Exists bool
	VolumeSpec
	// Inspect is the engine's whole description, marked unsafe.
	Inspect value.Value
}

// VolumeSpec is how a volume is, or is to be, made.
type VolumeSpec struct {
	Name    string
	Driver  string
	Options map[string]string
	Labels  map[string]string
}

// NetworkCreate makes a network. Data of its result is a NetworkMade.
type NetworkCreate struct{ Spec NetworkSpec }

// NetworkMade is the id of a new network and what the engine had to say.
type NetworkMade struct {
	ID       string
	Warnings []string
}

// NetworkRemove removes a network by name or id. It is no failure when there
// is none.
type NetworkRemove struct{ Name string }

// VolumeCreate makes a volume.
type VolumeCreate struct{ Spec VolumeSpec }

// VolumeRemove removes a volume. It is no failure when there is none.
type VolumeRemove struct{ Name string }

// DockerList asks the container engine for all it has of one kind: containers
// (All: also those that do not run), images, networks or volumes. Its answer is
// a value.Value: a list of dicts as the engine tells them, marked unsafe.
type DockerList struct {
	Kind    string
	All     bool
	Filters string // JSON: a dict of lists of texts; "" for none
}

// Query describes the question.
func (q DockerList) Query() string { return "list of " + q.Kind }

// DockerUsage asks how much of the disk the container engine uses. Its answer
// is a value.Value: a dict, marked unsafe.
type DockerUsage struct{}

// Query describes the question.
func (q DockerUsage) Query() string { return "disk usage of the container engine" }

// SurvivesWrite is true except for the engine's own files.
func (DockerList) SurvivesWrite(p string) bool { return !isEngineFile(p) }

// Prunable is a kind of thing that an engine can tidy up.
type Prunable string

// The kinds.
const (
	PruneContainers Prunable = "containers"
	PruneImages     Prunable = "images"
	PruneNetworks   Prunable = "networks"
	PruneVolumes    Prunable = "volumes"
	PruneBuildCache Prunable = "build cache"
)

// DockerPrune removes what nothing uses. Data of its result is a Pruned.
type DockerPrune struct {
	Kind    Prunable
	Filters map[string][]string
}

// Pruned is what a DockerPrune removed.
type Pruned struct {
	Kind Prunable
	// Deleted lists what is gone, as the engine tells it, marked unsafe: ids or
	// names, and for images dicts with Deleted or Untagged.
	Deleted value.Value
	// Space is how many bytes that gave back.
	Space uint64
}

// RegistryLogin has the engine try credentials at their registry. It keeps
// nothing. Data of its result is a RegistryWelcome.
type RegistryLogin struct{ Auth RegistryAuth }

// RegistryWelcome is what a registry said to a RegistryLogin.
type RegistryWelcome struct {
	Status        string
	IdentityToken string // secret; "" from most registries
}

// SurvivesWrite is true except for the engine's own files.
func (DockerNetwork) SurvivesWrite(p string) bool { return !isEngineFile(p) }

// SurvivesWrite is true except for the engine's own files.
func (DockerVolume) SurvivesWrite(p string) bool { return !isEngineFile(p) }

// Reach is ReachHost.
func (NetworkCreate) Reach() Reach { return ReachHost }

// Reach is ReachHost.
func (NetworkRemove) Reach() Reach { return ReachHost }

// Reach is ReachHost.
func (VolumeCreate) Reach() Reach { return ReachHost }

// Reach is ReachHost.
func (VolumeRemove) Reach() Reach { return ReachHost }

// Reach is ReachHost.
func (DockerPrune) Reach() Reach { return ReachHost }

// Reach is ReachExternal: it asks a registry.
func (RegistryLogin) Reach() Reach { return ReachExternal }

func (o NetworkCreate) String() string { return "create network " + o.Spec.Name }
func (o NetworkRemove) String() string { return "remove network " + o.Name }
func (o VolumeCreate) String() string  { return "create volume " + o.Spec.Name }
func (o VolumeRemove) String() string  { return "remove volume " + o.Name }
func (o DockerPrune) String() string   { return "prune " + string(o.Kind) }
func (o RegistryLogin) String() string {
	return "log into " + o.Auth.Server + " as " + o.Auth.Username
}
