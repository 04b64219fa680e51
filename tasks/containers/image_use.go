package containers

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// imageUse archives, tags and pushes an image that is there, one after the
// other.
func imageUse(a *imageArgs, v state.View, img state.ImageInfo, at imageStage) (module.Change, error) {
	at.done = true
	if a.ArchivePath != "" && !slices.Contains(at.actions, archived) {
		return imageArchive(a, v, img, at)
	}
	g := &gather{v: v}
	target := a.ref()
	var c module.Change
	if a.Repository != "" {
		name, tag := splitRef(a.Repository)
		if tag == "" {
			tag = a.Tag
		}
		target = joinRef(name, tag)
		old, known, err := ask[state.ImageInfo](g, state.Image{Ref: target})
		if !known {
			return module.Need(g.need...), err
		}
		if !old.Exists || a.ForceTag && old.ID != img.ID {
			c.Ops = append(c.Ops, state.ImageTag{Source: a.ref(), Target: target})
			c.Diff = imageDiff(target, old.ID, img.ID)
			at.changed = true
			at = at.and("Tagged image " + a.ref() + " to " + target)
		}
	}
	pushes := a.Push && registryOf(target) != ""
	if pushes {
		auth, warning, err := credentials(g, target)
		if err != nil || len(g.need) > 0 {
			return module.Need(g.need...), err
		}
		if warning != "" {
			c.Warnings = append(c.Warnings, warning)
		}
		c.Ops = append(c.Ops, state.ImagePush{Ref: target, Auth: auth})
		at = at.and("Pushed image " + a.ref() + " to " + target)
	}
	c.Result = imageResult(at, img)
	if len(c.Ops) == 0 {
		return c, nil
	}
	if pushes {
		c.Result.Set("changed", module.Later())
	}
	c.Result.Set("image", module.Later()) // with its new name
	c.Still = value.M("image", orEmpty(img))
	c.Then = func(v state.View, did []state.OpResult) (module.Change, error) {
		g := &gather{v: v}
		now, known, err := ask[state.ImageInfo](g, state.Image{Ref: target})
		if !known {
			return module.Need(g.need...), err
		}
		return imagePushed(did, now, at), nil
	}
	return c, nil
}

// archived marks in the actions that the archive was seen to.
const archived = "\x00archived"

// and is the stage with one more action.
func (at imageStage) and(action string) imageStage {
	at.actions = append(slices.Clip(at.actions), action)
	return at
}

func imageResult(at imageStage, img state.ImageInfo) *value.Map {
	actions := []string{}
	for _, s := range at.actions {
		if s != archived {
			actions = append(actions, s)
		}
	}
	what := value.FromMap(nil)
	if img.Exists {
		what = img.Inspect
	}
	res := value.M("changed", at.changed, "actions", actions, "image", what)
	if at.built != nil {
		res.Set("stdout", value.String(*at.built).WithMarks(value.Unsafe))
	}
	return res
}

func imagePushed(did []state.OpResult, img state.ImageInfo, at imageStage) module.Change {
	for _, r := range did {
		p, ok := r.Data.(state.ImagePushed)
		if !ok {
			continue
		}
		at.changed = at.changed || p.Sent
		if m := img.Inspect.Map(); m != nil {
			m = m.Clone()
			m.Set("push_status", value.String(p.Status).WithMarks(value.Unsafe))
			img.Inspect = value.FromMap(m).WithMarks(img.Inspect.Marks())
		}
	}
	return module.Change{Result: imageResult(at, img)}
}

// imageArchive saves the image, unless the archive already holds it. The
// archive's own list of contents says so, which a read on the host brings here.
func imageArchive(a *imageArgs, v state.View, img state.ImageInfo, at imageStage) (module.Change, error) {
	f, known, err := v.File(state.Path{Path: a.ArchivePath})
	if err != nil {
		return module.Change{}, err
	}
	if !known {
		return module.Need(state.Path{Path: a.ArchivePath}), nil
	}
	if f.IsDir() {
		return module.Change{}, module.Fail("Error writing image archive " + a.ArchivePath + " - it is a directory")
	}
	if !f.Exists() {
		return imageSave(a, img, at, "since none present"), nil
	}
	read := state.Exec{Argv: []string{"tar", "-xOf", a.ArchivePath, "manifest.json"}, Read: true}
	c := module.Change{Ops: []state.Op{read}, Result: imageResult(at, img)}
	c.Result.Set("changed", module.Later())
	c.Then = func(v state.View, did []state.OpResult) (module.Change, error) {
		if reason := stale(did[len(did)-1], a.ref(), img.ID); reason != "" {
			return imageSave(a, img, at, reason), nil
		}
		return imageUse(a, v, img, at.and(archived))
	}
	return c, nil
}

// archivedImage is one entry of an archive's list of contents.
type archivedImage struct {
	Config   string
	RepoTags []string
}

func (m archivedImage) id() string {
	config := m.Config[strings.LastIndexByte(m.Config, '/')+1:]
	return "sha256:" + strings.TrimSuffix(config, ".json")
}

// stale says why an archive must be written again; "" when it holds exactly
// the image.
func stale(r state.OpResult, ref, id string) string {
	var manifest []archivedImage
	if r.RC != 0 || json.Unmarshal(r.Stdout, &manifest) != nil || len(manifest) != 1 {
		return "overwriting an unreadable archive file"
	}
	m := manifest[0]
	have := m.id()
	if have == id && (slices.Equal(m.RepoTags, []string{ref}) || isID(ref)) {
		return ""
	}
	return "overwriting archive with image " + have + " named " + strings.Join(m.RepoTags, ", ")
}

func imageSave(a *imageArgs, img state.ImageInfo, at imageStage, reason string) module.Change {
	at.changed = true
	at = at.and("Archived image " + a.ref() + " to " + a.ArchivePath + ", " + reason)
	c := module.Change{Ops: []state.Op{dockerCommand("save", "-o", a.ArchivePath, a.ref())}, Result: imageResult(at, img)}
	c.Diff = state.Diff{{BeforeHeader: a.ArchivePath, AfterHeader: a.ArchivePath, Note: "archive of " + a.ref()}}
	c.Then = func(v state.View, did []state.OpResult) (module.Change, error) {
		if err := commandFailed(did, "Error getting image "+a.ref()); err != nil {
			return module.Change{}, err
		}
		return imageUse(a, v, img, at.and(archived))
	}
	return c
}
