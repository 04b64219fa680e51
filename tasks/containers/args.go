package containers

import "github.com/fairlead-project/fairlead/engine/value"

// containerArgs are the arguments of docker_container. A nil pointer, slice or
// map was not given: it says nothing about the container.
type containerArgs struct {
	Name  string `arg:"name"`
	State string `arg:"state"`
	Image string `arg:"image"`

	Pull              string            `arg:"pull"`
	Recreate          bool              `arg:"recreate"`
	Restart           bool              `arg:"restart"`
	Comparisons       map[string]string `arg:"comparisons"`
	ForceKill         bool              `arg:"force_kill"`
	KillSignal        string            `arg:"kill_signal"`
	KeepVolumes       bool              `arg:"keep_volumes"`
	Cleanup           bool              `arg:"cleanup"`
	OutputLogs        bool              `arg:"output_logs"`
	Paused            *bool             `arg:"paused"`
	PurgeNetworks     bool              `arg:"purge_networks"`
	CLINetworks       bool              `arg:"networks_cli_compatible"`
	DefaultBehavior   string            `arg:"container_default_behavior"`
	CommandHandling   string            `arg:"command_handling"`
	DefaultHostIP     *string           `arg:"default_host_ip"`
	IgnoreImage       bool              `arg:"ignore_image"`
	ImageComparison   string            `arg:"image_comparison"`
	ImageNameMismatch string            `arg:"image_name_mismatch"`
	ImageLabels       string            `arg:"image_label_mismatch"`
	HealthyTimeout    float64           `arg:"healthy_wait_timeout"`
	Debug             bool              `arg:"debug"`

	configArgs
	hostArgs
	limitArgs
}

type configArgs struct {
	Command     *value.Value           `arg:"command"`
	Entrypoint  []string               `arg:"entrypoint"`
	Env         map[string]value.Value `arg:"env"`
	EnvFile     string                 `arg:"env_file"`
	Labels      map[string]value.Value `arg:"labels"`
	Tty         *bool                  `arg:"tty"`
	Interactive *bool                  `arg:"interactive"`
	Detach      *bool                  `arg:"detach"`
	Hostname    *string                `arg:"hostname"`
	Domainname  *string                `arg:"domainname"`
	User        *string                `arg:"user"`
	WorkingDir  *string                `arg:"working_dir"`
	MacAddress  *string                `arg:"mac_address"`
	StopSignal  *string                `arg:"stop_signal"`
	StopTimeout *int                   `arg:"stop_timeout"`
	Healthcheck *healthArgs            `arg:"healthcheck"`
	Exposed     []string               `arg:"exposed_ports"`
	Platform    *string                `arg:"platform"`
}

type hostArgs struct {
	Volumes        []string               `arg:"volumes"`
	Mounts         []mountArgs            `arg:"mounts"`
	VolumesFrom    []string               `arg:"volumes_from"`
	VolumeDriver   *string                `arg:"volume_driver"`
	Tmpfs          []string               `arg:"tmpfs"`
	NetworkMode    *string                `arg:"network_mode"`
	Networks       []networkArgs          `arg:"networks"`
	Links          []string               `arg:"links"`
	Published      []string               `arg:"published_ports"`
	PublishAll     *bool                  `arg:"publish_all_ports"`
	DNS            []string               `arg:"dns_servers"`
	DNSOpts        []string               `arg:"dns_opts"`
	DNSSearch      []string               `arg:"dns_search_domains"`
	EtcHosts       map[string]string      `arg:"etc_hosts"`
	PidMode        *string                `arg:"pid_mode"`
	IpcMode        *string                `arg:"ipc_mode"`
	UTS            *string                `arg:"uts"`
	UsernsMode     *string                `arg:"userns_mode"`
	CgroupNS       *string                `arg:"cgroupns_mode"`
	Privileged     *bool                  `arg:"privileged"`
	Capabilities   []string               `arg:"capabilities"`
	CapDrop        []string               `arg:"cap_drop"`
	Devices        []string               `arg:"devices"`
	DeviceRequests []requestArgs          `arg:"device_requests"`
	DeviceRules    []string               `arg:"device_cgroup_rules"`
	ReadBps        []rateArgs             `arg:"device_read_bps"`
	WriteBps       []rateArgs             `arg:"device_write_bps"`
	ReadIops       []rateArgs             `arg:"device_read_iops"`
	WriteIops      []rateArgs             `arg:"device_write_iops"`
	Groups         []string               `arg:"groups"`
	SecurityOpts   []string               `arg:"security_opts"`
	StorageOpts    map[string]string      `arg:"storage_opts"`
	Sysctls        map[string]string      `arg:"sysctls"`
	Ulimits        []string               `arg:"ulimits"`
	LogDriver      *string                `arg:"log_driver"`
	LogOptions     map[string]value.Value `arg:"log_options"`
	RestartPolicy  *string                `arg:"restart_policy"`
	RestartRetries *int                   `arg:"restart_retries"`
	AutoRemove     *bool                  `arg:"auto_remove"`
	Init           *bool                  `arg:"init"`
	ReadOnly       *bool                  `arg:"read_only"`
	Runtime        *string                `arg:"runtime"`
	ShmSize        *string                `arg:"shm_size"`
}

type limitArgs struct {
	Memory            *string  `arg:"memory"`
	MemoryReservation *string  `arg:"memory_reservation"`
	MemorySwap        *string  `arg:"memory_swap"`
	MemorySwappiness  *int64   `arg:"memory_swappiness"`
	CPUs              *float64 `arg:"cpus"`
	CPUPeriod         *int64   `arg:"cpu_period"`
	CPUQuota          *int64   `arg:"cpu_quota"`
	CPUShares         *int64   `arg:"cpu_shares"`
	CpusetCpus        *string  `arg:"cpuset_cpus"`
	CpusetMems        *string  `arg:"cpuset_mems"`
	BlkioWeight       *uint16  `arg:"blkio_weight"`
	CgroupParent      *string  `arg:"cgroup_parent"`
	OomKiller         *bool    `arg:"oom_killer"`
	OomScoreAdj       *int     `arg:"oom_score_adj"`
	PidsLimit         *int64   `arg:"pids_limit"`
}

type healthArgs struct {
	Test          value.Value `arg:"test"`
	Interval      string      `arg:"interval"`
	Timeout       string      `arg:"timeout"`
	StartPeriod   string      `arg:"start_period"`
	StartInterval string      `arg:"start_interval"`
	Retries       int         `arg:"retries"`
}

type mountArgs struct {
	Target        string            `arg:"target"`
	Source        string            `arg:"source"`
	Type          string            `arg:"type"`
	ReadOnly      *bool             `arg:"read_only"`
	Consistency   string            `arg:"consistency"`
	Propagation   string            `arg:"propagation"`
	NoCopy        *bool             `arg:"no_copy"`
	Labels        map[string]string `arg:"labels"`
	VolumeDriver  string            `arg:"volume_driver"`
	VolumeOptions map[string]string `arg:"volume_options"`
	TmpfsSize     string            `arg:"tmpfs_size"`
	TmpfsMode     string            `arg:"tmpfs_mode"`
}

type networkArgs struct {
	Name    string   `arg:"name"`
	IPv4    string   `arg:"ipv4_address"`
	IPv6    string   `arg:"ipv6_address"`
	Mac     string   `arg:"mac_address"`
	Aliases []string `arg:"aliases"`
	Links   []string `arg:"links"`
}

type requestArgs struct {
	Driver       string            `arg:"driver"`
	Count        int               `arg:"count"`
	DeviceIDs    []string          `arg:"device_ids"`
	Capabilities [][]string        `arg:"capabilities"`
	Options      map[string]string `arg:"options"`
}

type rateArgs struct {
	Path string `arg:"path"`
	Rate string `arg:"rate"`
}
