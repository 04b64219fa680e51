package image

import (
	"context"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
)

// Used is an image that a container of a host was made from.
type Used struct {
	Host      string `json:"host"`
	Container string `json:"container"`
	Running   bool   `json:"running"`
	Ref       string `json:"image"` // the name it was made with
	ID        string `json:"id"`    // of the image
	// Digests are those the host's engine knows the image by: name@sha256:...
	Digests []string `json:"digests"`
}

// The verdicts.
const (
	Same    = "same"        // the registry has what the container runs
	Differs = "differs"     // the tag stands for another image by now
	Missing = "missing"     // the registry does not have the tag
	Foreign = "no registry" // the name names no registry, or is an id
	Untold  = "unknown"     // the registry does not tell
)

// Verdict is what came of comparing an image in use with its registry.
type Verdict struct {
	Used
	Verdict string `json:"verdict"`
	// Digest and RegistryID are what the registry has under the name.
	Digest     string `json:"registry_digest,omitempty"`
	RegistryID string `json:"registry_id,omitempty"`
	Reason     string `json:"reason,omitempty"`
}

// Verify compares images in use with what their registries have under the same
// names. Each name is asked for once. options says how a registry is reached.
func Verify(ctx context.Context, used []Used, options func(registry string) Options) []Verdict {
	type answer struct {
		Listed
		err error
	}
	known := map[string]answer{}
	out := make([]Verdict, 0, len(used))
	for _, u := range used {
		v := Verdict{Used: u}
		registry, ok := registryOf(u.Ref)
		if !ok {
			v.Verdict = Foreign
			out = append(out, v)
			continue
		}
		a, asked := known[u.Ref]
		if !asked {
			a.Listed, a.err = Inspect(ctx, u.Ref, options(registry))
			known[u.Ref] = a
		}
		v.Digest, v.RegistryID = a.Digest, a.ID
		switch {
		case a.err != nil && diag.ClassOf(a.err) == diag.NotFound:
			v.Verdict = Missing
		case a.err != nil:
			v.Verdict, v.Reason = Untold, a.err.Error()
		case a.ID != "" && a.ID == u.ID || slices.ContainsFunc(u.Digests, func(d string) bool { return strings.HasSuffix(d, "@"+a.Digest) }):
			v.Verdict = Same
		default:
			v.Verdict = Differs
		}
		out = append(out, v)
	}
	return out
}

// registryOf is the registry that a name spells out. What Docker adds to a
// short name is nobody's deployment.
func registryOf(name string) (string, bool) {
	first, _, ok := strings.Cut(name, "/")
	return first, ok && (strings.ContainsAny(first, ".:") || first == "localhost")
}
