package files

import (
	"encoding/base64"
	"errors"
	"io/fs"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type slurpArgs struct {
	Src string `arg:"src"`
}

var slurpSpec = module.Spec{
	Name:    "slurp",
	Summary: "Bring the content of a file of a host",
	Doc:     "Registers the content of a file, up to 8 MiB, in base64.",
	Args:    []module.Arg{{Name: "src", Aliases: []string{"path"}, Type: module.Path, Required: true, Doc: "The file."}},
	Order:   [][]string{{"content", "source", "encoding"}},
	Returns: []module.Return{
		{Name: "content", Type: "str", When: "success", Doc: "The content in base64."},
		{Name: "encoding", Type: "str", When: "success", Doc: "Always base64."},
		{Name: "source", Type: "str", When: "success", Doc: "The file."},
	},
	Traits: module.Traits{Reads: true},
}

// Slurp is the module slurp.
func Slurp() module.Module { return module.New(slurpSpec, planSlurp) }

func planSlurp(a slurpArgs, _ module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	p := g.Path(a.Src)
	f, err := g.TryFile(trim(p), state.WantContent)
	if c, missing, gerr := g.Missing(); missing {
		return c, gerr
	}
	if errors.Is(err, fs.ErrPermission) {
		return module.Change{}, module.Fail("file is not readable: " + p)
	}
	if err != nil {
		return module.Change{}, module.Fail("unable to slurp file: " + err.Error())
	}
	switch f.Followed.Type {
	case state.TypeNone:
		return module.Change{}, module.Fail("file not found: " + p)
	case state.TypeDir:
		return module.Change{}, module.Fail("source is a directory and must be a file: " + p)
	}
	content := value.String(base64.StdEncoding.EncodeToString(f.Content)).WithMarks(value.Unsafe)
	return module.OK("content", content, "source", p, "encoding", "base64"), nil
}
