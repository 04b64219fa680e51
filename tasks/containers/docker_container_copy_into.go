package containers

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type copyIntoArgs struct {
	Container     string             `arg:"container"`
	Path          string             `arg:"path"`
	Content       module.Opt[string] `arg:"content"`
	ContentIsB64  bool               `arg:"content_is_b64"`
	ContainerPath string             `arg:"container_path"`
	Follow        bool               `arg:"follow"`
	LocalFollow   bool               `arg:"local_follow"`
	Owner         *int               `arg:"owner_id"`
	Group         *int               `arg:"group_id"`
	Mode          *int               `arg:"mode"`
	Force         *bool              `arg:"force"`
}

func newCopyInto() module.Module {
	return module.New(module.Spec{
		Name: "docker_container_copy_into", Aliases: aliases("docker_container_copy_into"),
		Summary: "Writes a file into a container",
		Doc:     "The file need not be in a volume, and the container need not run. What is as wanted is left alone.",
		Args: slices.Concat([]module.Arg{
			{Name: "container", Required: true, Doc: "Name or id."},
			{Name: "container_path", Required: true, Doc: "Where in the container."},
			{Name: "path", Type: module.Path, Doc: "A file on the host."},
			{Name: "content", Secret: true, Doc: "What the file holds, in place of path. Needs mode."},
			{Name: "content_is_b64", Type: module.Bool, Default: false, Doc: "content is Base64."},
			{Name: "follow", Type: module.Bool, Default: false, Doc: "Follow a link that is at container_path."},
			{Name: "local_follow", Type: module.Bool, Default: true, Doc: "Follow a link that is at path; false writes such a link into the container."},
			{Name: "owner_id", Type: module.Int, Doc: "Number of the user that owns it. Without it the container's user, which must run and have sh and id."},
			{Name: "group_id", Type: module.Int, Doc: "Number of its group."},
			{Name: "mode", Type: module.Int, Doc: "Its mode, 0644; without it that of the file at path."},
			{Name: "force", Type: module.Bool, Doc: "true: write in any case. false: only when nothing is there. Without it: when it differs."},
		}, connection()),
		MutuallyExclusive: [][]string{{"path", "content"}},
		RequiredTogether:  [][]string{{"owner_id", "group_id"}},
		RequiredBy:        map[string][]string{"content": {"mode"}},
		Returns:           []module.Return{{Name: "container_path", Type: "str", When: "always", Doc: "Where it is in the container: elsewhere than asked when a link was followed."}},
		Examples: `- docker_container_copy_into:
    container: controller
    path: /srv/license.txt
    container_path: /etc/license.txt
    owner_id: 0
    group_id: 0
    mode: 0600
`,
		Traits: module.Traits{Reach: state.ReachHost},
	}, planCopyInto)
}

func planCopyInto(a copyIntoArgs, in module.Inputs, v state.View) (module.Change, error) {
	a.Container = plainName(a.Container)
	g := &gather{v: v}
	want, err := a.wanted(g)
	if err != nil || len(g.need) > 0 {
		return module.Need(g.need...), err
	}
	c, known, err := ask[state.ContainerInfo](g, state.Container{Name: a.Container})
	if !known {
		return module.Need(g.need...), err
	}
	if !c.Exists {
		return module.Change{}, module.Fail(fmt.Sprintf("Could not find container %q", a.Container))
	}
	if a.Owner != nil {
		want.UID, want.GID = *a.Owner, *a.Group
		return a.put(want, in, v)
	}
	// The user of the container says who it is. To ask that changes nothing.
	who := state.Exec{Argv: []string{"docker", "exec", a.Container, "/bin/sh", "-c", "id -u && id -g"}, Read: true}
	return module.Change{Ops: []state.Op{who}, Looks: true, Result: value.M("changed", module.Later(), "container_path", a.ContainerPath),
		Then: func(v state.View, did []state.OpResult) (module.Change, error) {
			r := did[len(did)-1]
			ids := strings.Fields(string(r.Stdout))
			if r.RC != 0 || len(ids) != 2 {
				return module.Change{}, module.Fail(fmt.Sprintf("Cannot find out user and group of container %q: %s; give owner_id and group_id",
					a.Container, strings.TrimSpace(string(r.Stderr))))
			}
			var err1, err2 error
			want.UID, err1 = strconv.Atoi(ids[0])
			want.GID, err2 = strconv.Atoi(ids[1])
			if err1 != nil || err2 != nil {
				return module.Change{}, module.Fail(fmt.Sprintf("Expected ids of user and group, got %q", strings.Join(ids, " ")))
			}
			return a.put(want, in, v)
		}}, nil
}

// wanted is what is to be in the container, but for its owner.
func (a *copyIntoArgs) wanted(g *gather) (state.ContainerPut, error) {
	want := state.ContainerPut{Container: a.Container, Path: path.Clean("/" + a.ContainerPath)}
	if a.Mode != nil {
		want.Mode = uint32(*a.Mode)
	}
	if text, ok := a.Content.Get(); ok {
		want.Content = []byte(text)
		if a.ContentIsB64 {
			var err error
			if want.Content, err = base64.StdEncoding.DecodeString(text); err != nil {
				return want, module.Fail("Cannot Base64 decode the content option: " + err.Error())
			}
		}
		return want, nil
	}
	if a.Path == "" {
		return want, module.Fail("One of path and content must be supplied")
	}
	paths := module.Gathering(g.v)
	a.Path = paths.Path(a.Path)
	if c, missing, err := paths.Missing(); missing {
		g.need = append(g.need, c.Need...)
		return want, err
	}
	f, known, err := g.file(a.Path)
	if !known {
		return want, err
	}
	st := f.Followed
	if !a.LocalFollow {
		st = f.Stat
	}
	switch {
	case st.Type == state.TypeNone:
		return want, module.Fail("Cannot find local file " + a.Path)
	case st.Type == state.TypeLink:
		want.Target = f.Target
	case st.Type == state.TypeFile:
		want.Content = f.Content
	default:
		return want, module.Fail("Local path " + a.Path + " is not a symbolic link or file")
	}
	if a.Mode == nil {
		want.Mode = st.Mode
	}
	return want, nil
}

// put plans the write, when it is needed.
func (a *copyIntoArgs) put(want state.ContainerPut, in module.Inputs, v state.View) (module.Change, error) {
	g := &gather{v: v}
	have, known, err := ask[state.ContainerFile](g, state.ContainerPath{Container: a.Container, Path: want.Path, Follow: a.Follow})
	if !known {
		return module.Need(g.need...), err
	}
	want.Path = have.Path
	exists := have.Stat.Type != state.TypeNone
	force := a.Force != nil && *a.Force
	if exists && !force && (a.Force != nil || sameInside(want, have)) {
		c := module.OK("container_path", want.Path)
		if in.Diff {
			c.Result.Set("diff", a.shown(have, have))
		}
		return c, nil
	}
	now := have
	now.Stat.Type, now.Content, now.Target = state.TypeFile, want.Content, want.Target
	if want.Target != "" {
		now.Stat.Type = state.TypeLink
	}
	c := module.Change{Ops: []state.Op{want}, Result: value.M("changed", true, "container_path", want.Path)}
	shown := a.shown(have, now)
	if in.Diff {
		c.Result.Set("diff", shown)
	}
	header := want.Path + " in " + a.Container
	before, _ := shown.Get("before")
	after, _ := shown.Get("after")
	e := state.DiffEntry{BeforeHeader: header, AfterHeader: header, Before: before.Text(), After: after.Text()}
	if e.Before == e.After || a.Content.Given() { // content may be secret
		e = state.DiffEntry{BeforeHeader: header, AfterHeader: header, Note: "written"}
	}
	c.Diff = state.Diff{e}
	return c, nil
}

// shown is the registered difference; content in the arguments is secret.
func (a *copyIntoArgs) shown(before, after state.ContainerFile) value.Value {
	from := a.Path
	if a.Content.Given() {
		from = "dynamically generated"
	}
	d := value.FromMap(insideDiff(before, after, from))
	if a.Content.Given() {
		d = d.MarkDeep(value.Secret)
	}
	return d
}

// sameInside tells whether a container has what is wanted.
func sameInside(want state.ContainerPut, have state.ContainerFile) bool {
	if want.Target != "" {
		return have.Stat.Type == state.TypeLink && have.Target == want.Target
	}
	return have.Stat.Type == state.TypeFile && have.Stat.Mode == want.Mode && have.Stat.UID == want.UID && have.Stat.GID == want.GID &&
		have.Content != nil && bytes.Equal(have.Content, want.Content)
}

// insideDiff is the registered difference; from is where the new content is from.
func insideDiff(before, after state.ContainerFile, from string) *value.Map {
	m := value.NewMap()
	for _, s := range []struct {
		side, other, header string
		f                   state.ContainerFile
	}{{"before", "dst_binary", before.Path, before}, {"after", "src_binary", from, after}} {
		text := ""
		switch {
		case s.f.Stat.Type == state.TypeDir:
			text = "(directory)"
		case s.f.Stat.Type == state.TypeLink:
			text = s.f.Target
		case bytes.IndexByte(s.f.Content, 0) >= 0:
			m.Set(s.other, value.Int(1))
			continue
		default:
			text = string(s.f.Content)
		}
		m.Set(s.side+"_header", value.String(s.header))
		m.Set(s.side, value.String(text).WithMarks(value.Unsafe))
	}
	return m
}
