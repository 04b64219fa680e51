package state

import (
	"github.com/fairlead-project/fairlead/engine/value"
	"strings"
)

// Container asks the container engine for one container by name or id. Its
// answer is a ContainerInfo.
type Container struct{ Name string }

// Query describes the question.
func (q Container) Query() string { return "container " + q.Name }

// Image asks the container engine for one image, by reference
// (name, name:tag, name@digest) or by id. Its answer is an ImageInfo.
type Image struct{ Ref string }

// Query describes the question.
func (q Image) Query() string { return "image " + q.Ref }

// Docker asks for the container engine itself. Its answer is a DockerInfo.
type Docker struct{}

// Query describes the question.
func (q Docker) Query() string { return "container engine" }

// ContainerInfo is what is known of a container. Without Exists every other
// field is zero.
type ContainerInfo struct {
	Exists bool
	ID     string // full id
	Name   string // without the leading slash
	// Image is the id of the image the container was made from; the reference
	// it was made with is Spec.Config.Image.
	Image    string
	Platform string
	State    ContainerState
	Spec     ContainerSpec
	// Networks are the networks the container is connected to, by name.
	Networks map[string]Endpoint
	// Inspect is the engine's whole description, marked unsafe.
	Inspect value.Value
}

// ContainerState is what a container is doing.
type ContainerState struct {
	Status     string // created, running, paused, restarting, removing, exited, dead
	Running    bool
	Paused     bool
	Restarting bool
	ExitCode   int
	Error      string
	// Health is "", "none", "starting", "healthy" or "unhealthy"; HealthLog is
	// the output of the last check.
	Health    string
	HealthLog string
}

// ImageInfo is what is known of an image. Without Exists every other field is
// zero.
type ImageInfo struct {
	Exists  bool
	ID      string   // sha256:...
	Tags    []string // name:tag
	Digests []string // name@sha256:...
	OS      string
	Arch    string
	Created string
	Size    int64
	Config  ContainerConfig
	// Inspect is the engine's whole description, marked unsafe.
	Inspect value.Value
}

// DockerInfo is what is known of a container engine.
type DockerInfo struct {
	Version    string
	APIVersion string // the one agreed upon
	MinAPI     string
	MaxAPI     string
	OS, Arch   string
	Kernel     string
	Inspect    value.Value // the engine's description of its host, marked unsafe
}

// ContainerSpec is how a container is, or is to be, made: the same type
// describes both, so that they can be compared. The names of fields are those
// of the Engine API.
type ContainerSpec struct {
	Config   ContainerConfig
	Host     HostConfig
	Platform string
	// Networks to connect a new container to, by name.
	Networks map[string]Endpoint
}

// ContainerConfig is the part of a container that does not depend on the host,
// and what an image brings.
type ContainerConfig struct {
	Hostname     string              `json:",omitempty"`
	Domainname   string              `json:",omitempty"`
	User         string              `json:",omitempty"`
	AttachStdin  bool                `json:",omitempty"`
	AttachStdout bool                `json:",omitempty"`
	AttachStderr bool                `json:",omitempty"`
	ExposedPorts map[string]struct{} `json:",omitempty"` // "80/tcp"
	Tty          bool                `json:",omitempty"`
	OpenStdin    bool                `json:",omitempty"`
	StdinOnce    bool                `json:",omitempty"`
	Env          []string            `json:",omitempty"` // NAME=value
	Cmd          []string
	Entrypoint   []string
	Healthcheck  *Healthcheck        `json:",omitempty"`
	Image        string              `json:",omitempty"`
	Volumes      map[string]struct{} `json:",omitempty"` // anonymous ones
	WorkingDir   string              `json:",omitempty"`
	MacAddress   string              `json:",omitempty"`
	Labels       map[string]string   `json:",omitempty"`
	StopSignal   string              `json:",omitempty"`
	StopTimeout  *int                `json:",omitempty"`
}

// Healthcheck says how the engine checks a container; times are nanoseconds.
type Healthcheck struct {
	Test          []string `json:",omitempty"`
	Interval      int64    `json:",omitempty"`
	Timeout       int64    `json:",omitempty"`
	StartPeriod   int64    `json:",omitempty"`
	StartInterval int64    `json:",omitempty"`
	Retries       int      `json:",omitempty"`
}

// HostConfig is the part of a container that depends on its host.
type HostConfig struct {
	Binds                []string                 `json:",omitempty"` // source:target:mode
	LogConfig            LogConfig                `json:",omitzero"`
	NetworkMode          string                   `json:",omitempty"`
	PortBindings         map[string][]PortBinding `json:",omitempty"`
	RestartPolicy        RestartPolicy            `json:",omitzero"`
	AutoRemove           bool                     `json:",omitempty"`
	VolumeDriver         string                   `json:",omitempty"`
	VolumesFrom          []string                 `json:",omitempty"`
	CapAdd               []string                 `json:",omitempty"`
	CapDrop              []string                 `json:",omitempty"`
	CgroupnsMode         string                   `json:",omitempty"`
	DNS                  []string                 `json:"Dns,omitempty"`
	DNSOptions           []string                 `json:"DnsOptions,omitempty"`
	DNSSearch            []string                 `json:"DnsSearch,omitempty"`
	ExtraHosts           []string                 `json:",omitempty"` // name:address
	GroupAdd             []string                 `json:",omitempty"`
	IpcMode              string                   `json:",omitempty"`
	Links                []string                 `json:",omitempty"`
	OomScoreAdj          int                      `json:",omitempty"`
	PidMode              string                   `json:",omitempty"`
	Privileged           bool                     `json:",omitempty"`
	PublishAllPorts      bool                     `json:",omitempty"`
	ReadonlyRootfs       bool                     `json:",omitempty"`
	SecurityOpt          []string                 `json:",omitempty"`
	StorageOpt           map[string]string        `json:",omitempty"`
	Tmpfs                map[string]string        `json:",omitempty"`
	UTSMode              string                   `json:",omitempty"`
	UsernsMode           string                   `json:",omitempty"`
	ShmSize              int64                    `json:",omitempty"`
	Sysctls              map[string]string        `json:",omitempty"`
	Runtime              string                   `json:",omitempty"`
	Mounts               []Mount                  `json:",omitempty"`
	Init                 *bool                    `json:",omitempty"`
	Devices              []Device                 `json:",omitempty"`
	DeviceRequests       []DeviceRequest          `json:",omitempty"`
	DeviceCgroupRules    []string                 `json:",omitempty"`
	BlkioDeviceReadBps   []DeviceRate             `json:",omitempty"`
	BlkioDeviceWriteBps  []DeviceRate             `json:",omitempty"`
	BlkioDeviceReadIOps  []DeviceRate             `json:",omitempty"`
	BlkioDeviceWriteIOps []DeviceRate             `json:",omitempty"`
	CgroupParent         string                   `json:",omitempty"`
	MemorySwappiness     *int64                   `json:",omitempty"`
	OomKillDisable       *bool                    `json:",omitempty"`
	PidsLimit            *int64                   `json:",omitempty"`
	Ulimits              []Ulimit                 `json:",omitempty"`
	ContainerLimits
}

// ContainerLimits are the limits that can be changed while a container runs.
type ContainerLimits struct {
	BlkioWeight       uint16 `json:",omitempty"`
	CPUPeriod         int64  `json:"CpuPeriod,omitempty"`
	CPUQuota          int64  `json:"CpuQuota,omitempty"`
	CPUShares         int64  `json:"CpuShares,omitempty"`
	NanoCPUs          int64  `json:"NanoCpus,omitempty"`
	CpusetCpus        string `json:",omitempty"`
	CpusetMems        string `json:",omitempty"`
	Memory            int64  `json:",omitempty"`
	MemoryReservation int64  `json:",omitempty"`
	MemorySwap        int64  `json:",omitempty"`
}

// LogConfig is a logging driver with its options.
type LogConfig struct {
	Type   string            `json:",omitempty"`
	Config map[string]string `json:",omitempty"`
}

// PortBinding is where on the host a port of a container is published.
type PortBinding struct {
	HostIP   string `json:"HostIp"`
	HostPort string
}

// RestartPolicy says when the engine starts a container again.
type RestartPolicy struct {
	Name              string `json:",omitempty"`
	MaximumRetryCount int    `json:",omitempty"`
}

// Device is a device of the host inside a container.
type Device struct {
	PathOnHost, PathInContainer, CgroupPermissions string
}

// DeviceRate is a limit of a device.
type DeviceRate struct {
	Path string
	Rate uint64
}

// DeviceRequest asks a device driver (such as one for GPUs) for devices.
type DeviceRequest struct {
	Driver       string            `json:",omitempty"`
	Count        int               `json:",omitempty"`
	DeviceIDs    []string          `json:",omitempty"`
	Capabilities [][]string        `json:",omitempty"`
	Options      map[string]string `json:",omitempty"`
}

// Ulimit is a resource limit of processes.
type Ulimit struct {
	Name       string
	Soft, Hard int64
}

// Mount is a mount inside a container.
type Mount struct {
	Type          string         `json:",omitempty"`
	Source        string         `json:",omitempty"`
	Target        string         `json:",omitempty"`
	ReadOnly      *bool          `json:",omitempty"` // nil: not said, which is false to an engine
	Consistency   string         `json:",omitempty"`
	BindOptions   *BindOptions   `json:",omitempty"`
	VolumeOptions *VolumeOptions `json:",omitempty"`
	TmpfsOptions  *TmpfsOptions  `json:",omitempty"`
}

// BindOptions are those of a bind mount.
type BindOptions struct {
	Propagation string `json:",omitempty"`
}

// VolumeOptions are those of a volume mount.
type VolumeOptions struct {
	NoCopy       *bool             `json:",omitempty"`
	Labels       map[string]string `json:",omitempty"`
	DriverConfig *VolumeDriver     `json:",omitempty"`
}

// VolumeDriver is the driver of a volume with its options.
type VolumeDriver struct {
	Name    string            `json:",omitempty"`
	Options map[string]string `json:",omitempty"`
}

// TmpfsOptions are those of a tmpfs mount.
type TmpfsOptions struct {
	SizeBytes int64  `json:",omitempty"`
	Mode      uint32 `json:",omitempty"`
}

// Endpoint is how a container is connected to a network.
type Endpoint struct {
	NetworkID   string   `json:",omitempty"`
	IPv4Address string   `json:",omitempty"` // asked for, not given by the engine
	IPv6Address string   `json:",omitempty"`
	MacAddress  string   `json:",omitempty"`
	Aliases     []string `json:",omitempty"`
	Links       []string `json:",omitempty"` // container:alias
}

// MacIn is the MAC address of the container in the network its mode names, or
// in the only one; "" when there are several. Newer engines tell it there only.
func (c ContainerInfo) MacIn() string {
	if e, ok := c.Networks[c.Spec.Host.NetworkMode]; ok {
		return e.MacAddress
	}
	if len(c.Networks) == 1 {
		for _, e := range c.Networks {
			return e.MacAddress
		}
	}
	return ""
}

// SurvivesWrite is true except for the engine's own files.
func (Container) SurvivesWrite(p string) bool { return !isEngineFile(p) }

// SurvivesWrite is true except for the engine's own files.
func (Image) SurvivesWrite(p string) bool { return !isEngineFile(p) }

// SurvivesWrite is true except for the engine's own files.
func (Docker) SurvivesWrite(p string) bool { return !isEngineFile(p) }

func isEngineFile(p string) bool {
	for _, dir := range []string{"/etc/docker", "/var/lib/docker", "/var/run", "/run", "/etc/containerd"} {
		if p == dir || strings.HasPrefix(p, dir+"/") || strings.HasPrefix(dir, p+"/") {
			return true
		}
	}
	return false
}
