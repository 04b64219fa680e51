package containers

import (
	"fmt"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// imageName are the arguments that name one image.
type imageName struct {
	Name string `arg:"name"`
	Tag  string `arg:"tag"`
}

func imageNameSpec() []module.Arg {
	return []module.Arg{
		{Name: "name", Required: true, Doc: "Name, name:tag, name@digest or, where that is possible, id of the image. A tag in it wins over tag."},
		{Name: "tag", Default: "latest", Doc: "Tag."},
	}
}

// settle checks the tag and moves the one that stands in the name there.
func (n *imageName) settle() error {
	if n.Tag != "" && !tagForm().MatchString(n.Tag) {
		return module.Fail(fmt.Sprintf("%q is not a valid docker tag!", n.Tag))
	}
	if isID(n.Name) {
		return nil
	}
	if name, tag := splitRef(n.Name); tag != "" {
		n.Name, n.Tag = name, tag
	}
	return nil
}

func (n *imageName) ref() string {
	if isID(n.Name) {
		return n.Name
	}
	return joinRef(n.Name, n.Tag)
}

// text is the reference in the words of the originals, which put a colon
// before a digest too.
func (n *imageName) text() string {
	if isID(n.Name) || n.Tag == "" {
		return n.Name
	}
	return n.Name + ":" + n.Tag
}

// orEmpty is what the engine says of an image; an empty dict when it has none.
func orEmpty(img state.ImageInfo) value.Value {
	if !img.Exists {
		return value.FromMap(nil)
	}
	return img.Inspect
}

// imageReturn documents the result that most of these modules have.
func imageReturn(when string) module.Return {
	return module.Return{Name: "image", Type: "dict", When: when, Doc: "What the engine says of the image."}
}
