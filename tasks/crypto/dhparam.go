package crypto

import (
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type dhParamArgs struct {
	fileArgs
	Size int `arg:"size"`
}

var dhParamSpec = module.Spec{
	Name:    "openssl_dhparam",
	Aliases: []string{"community.crypto.openssl_dhparam"},
	Summary: "Have parameters for Diffie-Hellman in a file",
	Doc:     "Parameters of the size that is asked stay. New ones are made by the host's openssl, which takes minutes for large ones.",
	Args:    slices.Concat([]module.Arg{{Name: "size", Type: module.Int, Default: 4096, Doc: "The size in bits."}}, dhFileSpec()),
	Returns: []module.Return{
		{Name: "size", Type: "int", When: "always", Doc: "As asked."},
		{Name: "filename", Type: "str", When: "always", Doc: "The file."},
		{Name: "backup_file", Type: "str", When: "a backup was made", Doc: "Where the old file is."},
		{Name: "dhparams", Type: "str", When: "return_content", Doc: "The parameters."},
	},
	Examples: "- openssl_dhparam: {path: /etc/ssl/dhparams.pem, size: 2048}\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// dhFileSpec are the arguments about the file; openssl is a choice of its own.
func dhFileSpec() []module.Arg {
	args := fileSpec("the parameters as dhparams")
	for i := range args {
		if args[i].Name == "select_crypto_backend" {
			args[i].Choices, args[i].Doc = []string{"auto", "cryptography", "openssl"}, "Accepted; it is openssl in any case."
		}
	}
	return args
}

// DHParam is the module openssl_dhparam.
func DHParam() module.Module { return module.New(dhParamSpec, planDHParam) }

func planDHParam(a dhParamArgs, in module.Inputs, v state.View) (module.Change, error) {
	o := newOutput(a.fileArgs, in, v)
	if c, done, err := o.open(); done {
		return c, err
	}
	old := o.old()
	switch {
	case a.State == "absent":
		o.remove()
		return a.done(o, nil)
	case !a.Force && dhSize(old) == a.Size:
		if err := o.keep(); err != nil {
			return module.Change{}, err
		}
		return a.done(o, old)
	}
	r := value.M("changed", true, "size", a.Size, "filename", o.at)
	c := module.Change{Result: r, Warnings: o.Warnings()}
	if a.ReturnContent {
		r.Set("dhparams", module.Later())
		c.Still = value.M("dhparams", textOrNull(old))
	}
	argv := []string{"openssl", "dhparam", strconv.Itoa(a.Size)}
	return module.Steps([]state.Exec{{Argv: argv}}, c, func(v state.View, did []state.OpResult) (module.Change, error) {
		made := did[0].Stdout
		if did[0].RC != 0 || dhSize(made) == 0 {
			return module.Change{}, module.CommandFailed(argv, did[0])
		}
		o := newOutput(a.fileArgs, in, v)
		if c, done, err := o.open(); done {
			return c, err
		}
		if err := o.write(made); err != nil {
			return module.Change{}, err
		}
		return a.done(o, made)
	}), nil
}

func (a dhParamArgs) done(o *output, text []byte) (module.Change, error) {
	r := value.M("size", a.Size)
	if a.ReturnContent {
		r.Set("dhparams", textOrNull(text))
	}
	return o.done(r)
}

func textOrNull(text []byte) value.Value {
	if len(text) == 0 {
		return value.Null
	}
	return value.String(string(text)).WithMarks(value.Unsafe)
}

// dhSize is the size of parameters in PEM in bits; 0 of what are none.
func dhSize(text []byte) int {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if !strings.HasSuffix(block.Type, "DH PARAMETERS") {
			continue
		}
		var all []asn1.RawValue // the prime, the generator, and more of newer standards
		var prime *big.Int
		if _, err := asn1.Unmarshal(block.Bytes, &all); err != nil || len(all) < 2 {
			return 0
		}
		if _, err := asn1.Unmarshal(all[0].FullBytes, &prime); err != nil {
			return 0
		}
		return prime.BitLen()
	}
	return 0
}
