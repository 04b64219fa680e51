package image

import (
	"context"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/regclient/regclient"
	"github.com/regclient/regclient/scheme"
	"github.com/regclient/regclient/types/ref"
)

// Listed is one tag of a registry.
type Listed struct {
	Repository string `json:"repository"` // registry/name
	Tag        string `json:"tag"`
	Digest     string `json:"digest"` // of its manifest
	ID         string `json:"id"`     // of the image; "" for one with several platforms
}

// Name is the tag with its repository.
func (l Listed) Name() string { return l.Repository + ":" + l.Tag }

// maxRepositories bounds what a registry may list: it may be hostile.
const maxRepositories = 100_000

// List lists the tags of a registry (host:port), of a repository
// (host:port/name), or one tag, each with its digest, in the order of names.
func List(ctx context.Context, what string, o Options) ([]Listed, error) {
	registry, name, _ := strings.Cut(what, "/")
	if registry == "" {
		return nil, diag.Errorf(diag.Pos{}, "image-name", "%q names no registry", what)
	}
	rc, done, err := client(ctx, access{registry, o})
	if err != nil {
		return nil, err
	}
	defer done()
	var one ref.Ref
	var repositories []string
	if name == "" {
		if repositories, err = catalog(ctx, rc, registry); err != nil {
			return nil, pushError(ctx, registry, err)
		}
	} else if one, err = parse(what); err != nil {
		return nil, err
	} else {
		repositories = []string{one.Repository}
	}
	tagged := strings.Contains(name, ":")
	var out []Listed
	for _, repository := range repositories {
		found, err := tags(ctx, rc, registry+"/"+repository, o)
		if err != nil {
			return nil, err
		}
		for _, l := range found {
			if !tagged || l.Tag == one.Tag {
				out = append(out, l)
			}
		}
	}
	if tagged && len(out) == 0 {
		return nil, diag.New(diag.NotFound, diag.Pos{}, "image-missing", "%s: the registry has no such image", what)
	}
	return out, nil
}

func catalog(ctx context.Context, rc *regclient.RegClient, registry string) ([]string, error) {
	const page = 1000
	var all []string
	for last := ""; ; {
		opts := []scheme.RepoOpts{scheme.WithRepoLimit(page)}
		if last != "" {
			opts = append(opts, scheme.WithRepoLast(last))
		}
		list, err := rc.RepoList(ctx, registry, opts...)
		if err != nil {
			return nil, err
		}
		got, err := list.GetRepos()
		if err != nil {
			return nil, err
		}
		all = append(all, got...)
		if len(got) < page || got[len(got)-1] == last || len(all) >= maxRepositories {
			slices.Sort(all)
			return slices.Compact(all), nil
		}
		last = got[len(got)-1]
	}
}

// tags lists one repository; a registry keeps the names of empty ones.
func tags(ctx context.Context, rc *regclient.RegClient, repository string, _ Options) ([]Listed, error) {
	r, err := parse(repository)
	if err != nil {
		return nil, err
	}
	list, err := rc.TagList(ctx, r)
	if err != nil {
		if e := pushError(ctx, repository, err); diag.ClassOf(e) != diag.NotFound {
			return nil, e
		}
		return nil, nil
	}
	names, err := list.GetTags()
	if err != nil {
		return nil, pushError(ctx, repository, err)
	}
	slices.Sort(names)
	var out []Listed
	for _, tag := range names {
		l, err := remoteLayout(ctx, rc, r.SetTag(tag))
		if err != nil {
			if e := pushError(ctx, repository+":"+tag, err); diag.ClassOf(e) != diag.NotFound {
				return nil, e
			}
			continue // removed since it was listed
		}
		out = append(out, Listed{Repository: repository, Tag: tag, Digest: l.digest, ID: l.id})
	}
	return out, nil
}

// Inspect tells what one tag stands for.
func Inspect(ctx context.Context, name string, o Options) (Listed, error) {
	r, rc, done, err := remote(ctx, name, o)
	if err != nil {
		return Listed{}, err
	}
	defer done()
	l, err := remoteLayout(ctx, rc, r)
	if err != nil {
		return Listed{}, pushError(ctx, name, err)
	}
	return Listed{Repository: r.Registry + "/" + r.Repository, Tag: r.Tag, Digest: l.digest, ID: l.id}, nil
}
