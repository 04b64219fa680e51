package state

import (
	"fmt"
	"time"
)

// RegistryAuth are the credentials for one registry. Its text forms say whose
// they are and nothing else.
type RegistryAuth struct {
	Server        string
	Username      string
	Password      string
	IdentityToken string
	RegistryToken string
}

// String hides the secrets.
func (a RegistryAuth) String() string { return "credentials for " + a.Server }

// GoString hides the secrets.
func (a RegistryAuth) GoString() string { return a.String() }

// MarshalJSON hides the secrets: an operation may be written down.
func (a RegistryAuth) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%q", a.String()), nil
}

// ImagePull gets an image from its registry. Data of its result is an
// ImagePulled.
type ImagePull struct {
	Ref      string // name:tag or name@digest
	Platform string
	Auth     *RegistryAuth
}

// ImagePulled is what came of an ImagePull.
type ImagePulled struct {
	ID     string // of the image as it is now
	Digest string // of the manifest in the registry
	// Newer: the engine downloaded something; it had another image, or none.
	Newer bool
	// Ref is the name that was pulled. Pinned tells that Digest was looked up
	// once, and that every host that pulls Ref in this run gets it.
	Ref    string
	Pinned bool
}

// ImagePush sends an image to the registry its name says. Data of its result is
// an ImagePushed.
type ImagePush struct {
	Ref  string
	Auth *RegistryAuth
}

// ImagePushed is what came of an ImagePush.
type ImagePushed struct {
	Digest string
	// Sent: at least one layer was not there yet.
	Sent   bool
	Status string // the engine's last word
}

// ImageLoad loads images from an archive that is read here and streamed to the
// engine. Data of its result is an ImageLoaded.
type ImageLoad struct {
	Name    string // for people
	Content *Content
}

// ImageLoaded names what an archive held: references, or ids for images
// without a name.
type ImageLoaded struct{ Images []string }

// ImageTag gives an image another name.
type ImageTag struct{ Source, Target string }

// ImageRemove removes a reference or, by id, an image. It is no failure when
// there is none. Data of its result is an ImageRemoved.
type ImageRemove struct {
	Ref   string
	Force bool
	// KeepParents keeps images that only this one was built upon.
	KeepParents bool
}

// ImageRemoved names what an ImageRemove took away: references, and ids of
// images and layers.
type ImageRemoved struct{ Untagged, Deleted []string }

// ContainerCreate makes a container without starting it. Data of its result is
// a ContainerMade.
type ContainerCreate struct {
	Name string
	Spec ContainerSpec
}

// ContainerMade is the id of a new container and what the engine had to say.
type ContainerMade struct {
	ID       string
	Warnings []string
}

// ContainerReplace puts a new container in the place of an old one. The new one
// is made first, under another name, so that a mistake in it leaves the old one
// running; when the new one does not start, the old one is put back as it was.
// Data of its result is a ContainerMade.
type ContainerReplace struct {
	Name string
	Old  string // id
	Spec ContainerSpec
	// Stop says how the old one is stopped, when it runs; its Name is not used.
	Stop ContainerStop
	// Start starts the new one.
	Start bool
	// Volumes removes the anonymous volumes of the old one.
	Volumes bool
}

// ContainerStart starts a container.
type ContainerStart struct {
	Name string
	// Await waits until the engine has removed it at its end, beginning before it starts: it
	// could not be asked afterwards. Data of the result is a ContainerEnd without output.
	Await bool
}

// ContainerStop stops a container, or kills it.
type ContainerStop struct {
	Name string
	// Timeout in seconds before the engine kills; nil is the container's own.
	Timeout *int
	// Kill sends Signal (default SIGKILL) and does not wait for a clean end.
	Kill   bool
	Signal string
}

// ContainerRestart stops a container, when it runs, and starts it.
type ContainerRestart struct {
	Name    string
	Timeout *int
}

// ContainerPause pauses or unpauses a container.
type ContainerPause struct {
	Name  string
	Pause bool
}

// ContainerRemove removes a container. It is no failure when there is none.
type ContainerRemove struct {
	Name    string
	Force   bool // kill it when it runs
	Volumes bool // and its anonymous volumes
}

// ContainerRename gives a container another name.
type ContainerRename struct{ Name, To string }

// ContainerUpdate changes limits and restart policy without a restart. Zero
// fields are left as they are. Data of its result is a ContainerMade.
type ContainerUpdate struct {
	Name    string
	Limits  ContainerLimits
	Restart *RestartPolicy
}

// ContainerConnect connects a container to a network.
type ContainerConnect struct {
	Name     string
	Network  string
	Endpoint Endpoint
}

// ContainerDisconnect disconnects a container from a network.
type ContainerDisconnect struct{ Name, Network string }

// WaitFor is what a ContainerWait waits for.
type WaitFor string

// The conditions.
const (
	WaitExited  WaitFor = "exited"  // the main process ended
	WaitHealthy WaitFor = "healthy" // the health check says so; without one: it runs
)

// ContainerWait waits for a condition. Data of its result is a ContainerEnd.
// Waiting for health fails as soon as the container is unhealthy or not
// running any more.
type ContainerWait struct {
	Name    string
	For     WaitFor
	Timeout time.Duration // 0: as long as the run
	// Output collects what the container wrote, up to 1 MiB of its end.
	Output bool
}

// ContainerEnd is what came of a ContainerWait.
type ContainerEnd struct {
	ExitCode  int
	Output    []byte
	Truncated bool
}

// Reach is ReachHost.
func (ImagePull) Reach() Reach { return ReachHost }

// Reach is ReachExternal: it changes a registry.
func (ImagePush) Reach() Reach { return ReachExternal }

// Reach is ReachHost.
func (ImageLoad) Reach() Reach { return ReachHost }

// Reach is ReachHost.
func (ImageTag) Reach() Reach { return ReachHost }

// Reach is ReachHost.
func (ImageRemove) Reach() Reach { return ReachHost }

// Reach is ReachHost.
func (ContainerCreate) Reach() Reach { return ReachHost }

// Reach is ReachHost.
func (ContainerReplace) Reach() Reach { return ReachHost }

// Reach is ReachHost.
func (ContainerStart) Reach() Reach { return ReachHost }

// Reach is ReachHost.
func (ContainerStop) Reach() Reach { return ReachHost }

// Reach is ReachHost.
func (ContainerRestart) Reach() Reach { return ReachHost }

// Reach is ReachHost.
func (ContainerPause) Reach() Reach { return ReachHost }

// Reach is ReachHost.
func (ContainerRemove) Reach() Reach { return ReachHost }

// Reach is ReachHost.
func (ContainerRename) Reach() Reach { return ReachHost }

// Reach is ReachHost.
func (ContainerUpdate) Reach() Reach { return ReachHost }

// Reach is ReachHost.
func (ContainerConnect) Reach() Reach { return ReachHost }

// Reach is ReachHost.
func (ContainerDisconnect) Reach() Reach { return ReachHost }

// Reach is ReachHost: while it waits, the container works.
func (ContainerWait) Reach() Reach { return ReachHost }

func (o ImagePull) String() string   { return "pull image " + o.Ref }
func (o ImagePush) String() string   { return "push image " + o.Ref }
func (o ImageLoad) String() string   { return "load images from " + o.Name }
func (o ImageTag) String() string    { return "tag image " + o.Source + " as " + o.Target }
func (o ImageRemove) String() string { return "remove image " + o.Ref }
func (o ContainerCreate) String() string {
	return "create container " + o.Name + " from " + o.Spec.Config.Image
}
func (o ContainerReplace) String() string {
	return "replace container " + o.Name + " by one from " + o.Spec.Config.Image
}
func (o ContainerStart) String() string { return "start container " + o.Name }
func (o ContainerStop) String() string {
	if o.Kill {
		return "kill container " + o.Name
	}
	return "stop container " + o.Name
}
func (o ContainerRestart) String() string { return "restart container " + o.Name }
func (o ContainerPause) String() string {
	if o.Pause {
		return "pause container " + o.Name
	}
	return "unpause container " + o.Name
}
func (o ContainerRemove) String() string { return "remove container " + o.Name }
func (o ContainerRename) String() string { return "rename container " + o.Name + " to " + o.To }
func (o ContainerUpdate) String() string { return "update limits of container " + o.Name }
func (o ContainerConnect) String() string {
	return "connect container " + o.Name + " to network " + o.Network
}
func (o ContainerDisconnect) String() string {
	return "disconnect container " + o.Name + " from network " + o.Network
}
func (o ContainerWait) String() string {
	return "wait until container " + o.Name + " is " + string(o.For)
}
