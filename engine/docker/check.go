package docker

import (
	"errors"

	"github.com/fairlead-project/fairlead/engine/state"
)

// check keeps names that could lead a request elsewhere out of every path.
func check(op state.Op) error {
	container := func(name string) error { return checkName("container", name) }
	switch op := op.(type) {
	case state.ImagePull:
		return checkRef(op.Ref)
	case state.ImagePush:
		return checkRef(op.Ref)
	case state.ImageTag:
		return errors.Join(checkRef(op.Source), checkRef(op.Target))
	case state.ImageRemove:
		return checkRef(op.Ref)
	case state.ContainerCreate:
		return container(op.Name)
	case state.ContainerReplace:
		return errors.Join(container(op.Name), container(op.Old))
	case state.ContainerStart:
		return container(op.Name)
	case state.ContainerStop:
		return container(op.Name)
	case state.ContainerRestart:
		return container(op.Name)
	case state.ContainerPause:
		return container(op.Name)
	case state.ContainerRemove:
		return container(op.Name)
	case state.ContainerRename:
		return errors.Join(container(op.Name), container(op.To))
	case state.ContainerUpdate:
		return container(op.Name)
	case state.ContainerConnect:
		return errors.Join(container(op.Name), checkName("network", op.Network))
	case state.ContainerDisconnect:
		return errors.Join(container(op.Name), checkName("network", op.Network))
	case state.ContainerWait:
		return container(op.Name)
	case state.ContainerPut:
		return container(op.Container)
	case state.NetworkCreate:
		return checkName("network", op.Spec.Name)
	case state.NetworkRemove:
		return checkName("network", op.Name)
	case state.VolumeCreate:
		return checkName("volume", op.Spec.Name)
	case state.VolumeRemove:
		return checkName("volume", op.Name)
	}
	return nil
}
