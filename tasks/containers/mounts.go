package containers

import (
	"fmt"
	"path"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
)

var volumeModes = []string{"rw", "ro", "z", "Z", "consistent", "delegated", "cached", "rprivate", "private",
	"rshared", "shared", "rslave", "slave", "nocopy"}

func isVolumeMode(s string) bool {
	for part := range strings.SplitSeq(s, ",") {
		if !slices.Contains(volumeModes, part) {
			return false
		}
	}
	return true
}

// mounts reads volumes, mounts and tmpfs.
func (w *want) mounts(a *containerArgs) error {
	seen := map[string]string{}
	once := func(target, in string) error {
		old, twice := seen[target]
		seen[target] = in
		switch {
		case !twice:
			return nil
		case old == in:
			return module.Fail(fmt.Sprintf("The mount point %q appears twice in the %s option", target, in))
		}
		return module.Fail(fmt.Sprintf("The mount point %q appears both in the %s and %s option", target, in, old))
	}
	if a.Mounts != nil {
		w.given["mounts"] = true
		for _, m := range a.Mounts {
			if err := once(m.Target, "mounts"); err != nil {
				return err
			}
			mount, err := mountOf(m)
			if err != nil {
				return err
			}
			w.spec.Host.Mounts = append(w.spec.Host.Mounts, mount)
		}
	}
	if a.Volumes != nil {
		w.given["volumes"] = true
		for _, v := range a.Volumes {
			target, err := w.volume(v)
			if err == nil {
				err = once(target, "volumes")
			}
			if err != nil {
				return err
			}
		}
	}
	if a.Tmpfs != nil {
		w.given["tmpfs"] = true
		w.spec.Host.Tmpfs = map[string]string{}
		for _, t := range a.Tmpfs {
			target, options, _ := strings.Cut(t, ":")
			w.spec.Host.Tmpfs[target] = options
		}
	}
	return nil
}

// volume reads one entry of volumes: a bind, or an anonymous volume.
func (w *want) volume(v string) (target string, err error) {
	parts := strings.Split(v, ":")
	switch {
	case len(parts) == 1 || len(parts) == 2 && isVolumeMode(parts[1]):
		if w.spec.Config.Volumes == nil {
			w.spec.Config.Volumes = map[string]struct{}{}
		}
		w.spec.Config.Volumes[parts[0]] = struct{}{}
		return parts[0], nil
	case len(parts) == 2:
		parts = append(parts, "rw")
	case len(parts) != 3:
		return "", module.Fail(fmt.Sprintf("volumes: %q is not source:target[:mode]", v))
	}
	if !isVolumeMode(parts[2]) {
		return "", module.Fail("Found invalid volumes mode: " + parts[2])
	}
	w.spec.Host.Binds = append(w.spec.Host.Binds, strings.Join(parts, ":"))
	return parts[1], nil
}

// onlyFor names the type of mount that an option belongs to.
func onlyFor(m mountArgs) map[string]string {
	wrong := map[string]string{}
	for _, o := range []struct {
		name, kind string
		given      bool
	}{
		{"propagation", "bind", m.Propagation != ""}, {"no_copy", "volume", m.NoCopy != nil},
		{"labels", "volume", m.Labels != nil}, {"volume_driver", "volume", m.VolumeDriver != ""},
		{"volume_options", "volume", m.VolumeOptions != nil}, {"tmpfs_size", "tmpfs", m.TmpfsSize != ""},
		{"tmpfs_mode", "tmpfs", m.TmpfsMode != ""},
	} {
		if o.given && o.kind != m.Type {
			wrong[o.name] = o.kind
		}
	}
	return wrong
}

func mountOf(m mountArgs) (state.Mount, error) {
	out := state.Mount{Type: m.Type, Source: m.Source, Target: m.Target, ReadOnly: m.ReadOnly, Consistency: m.Consistency}
	if m.Source == "" && m.Type != "tmpfs" && m.Type != "volume" {
		return out, module.Fail(fmt.Sprintf("source must be specified for mount %q of type %q", m.Target, m.Type))
	}
	if wrong := onlyFor(m); len(wrong) > 0 {
		name := keys(wrong)[0]
		return out, module.Fail(fmt.Sprintf("%s cannot be specified for mount %q of type %q (needs type %q)",
			name, m.Target, m.Type, wrong[name]))
	}
	if m.Propagation != "" {
		out.BindOptions = &state.BindOptions{Propagation: m.Propagation}
	}
	if m.NoCopy != nil || len(m.Labels) > 0 || m.VolumeDriver != "" {
		out.VolumeOptions = &state.VolumeOptions{NoCopy: m.NoCopy, Labels: m.Labels}
		if m.VolumeDriver != "" {
			out.VolumeOptions.DriverConfig = &state.VolumeDriver{Name: m.VolumeDriver, Options: m.VolumeOptions}
		}
	}
	if m.TmpfsSize == "" && m.TmpfsMode == "" {
		return out, nil
	}
	out.TmpfsOptions = &state.TmpfsOptions{}
	if m.TmpfsSize != "" {
		n, err := size(m.TmpfsSize)
		if err != nil {
			return out, module.Fail(fmt.Sprintf("Failed to convert tmpfs_size of mount %q to bytes: %s", m.Target, err))
		}
		out.TmpfsOptions.SizeBytes = n
	}
	if m.TmpfsMode != "" {
		mode, err := strconv.ParseUint(m.TmpfsMode, 8, 32)
		if err != nil {
			return out, module.Fail(fmt.Sprintf("tmpfs_mode of mount %q is not an octal string", m.Target))
		}
		out.TmpfsOptions.Mode = uint32(mode)
	}
	return out, nil
}

// spelledOut are the mounts that an engine tells, with what it leaves out: wanted
// mounts say only what is to be compared.
func spelledOut(mounts []state.Mount) []state.Mount {
	out := slices.Clone(mounts)
	for i := range out {
		m := &out[i]
		if m.ReadOnly == nil {
			m.ReadOnly = new(bool)
		}
		if m.Type != "volume" {
			continue
		}
		var o state.VolumeOptions
		if m.VolumeOptions != nil {
			o = *m.VolumeOptions
		}
		if o.NoCopy == nil {
			o.NoCopy = new(bool)
		}
		m.VolumeOptions = &o
	}
	return out
}

// sameBind writes a bind so that two that mean the same are the same text.
func sameBind(b string) string {
	parts := strings.SplitN(b, ":", 3)
	if len(parts) < 2 {
		return b
	}
	if strings.HasPrefix(parts[0], "/") {
		parts[0] = path.Clean(parts[0])
	}
	parts[1] = path.Clean(parts[1])
	mode := "rw"
	if len(parts) == 3 && parts[2] != "" {
		flags := strings.Split(parts[2], ",")
		if !slices.Contains(flags, "ro") && !slices.Contains(flags, "rw") {
			flags = append(flags, "rw")
		}
		sort.Strings(flags)
		mode = strings.Join(flags, ",")
	}
	return parts[0] + ":" + parts[1] + ":" + mode
}
