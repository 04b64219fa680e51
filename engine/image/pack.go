package image

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/regclient/regclient/types/ref"

	"github.com/fairlead-project/fairlead/engine/diag"
)

// Package is what a vendor's package holds: an archive (.tgz) of image
// archives, or of such archives again.
type Package struct {
	Path string
	// Version is that of the playbooks in it (contrail-ansible-<version>), "".
	Version string
	Members []Member
	// Skipped are image archives whose names tell no role, sorted as found.
	Skipped []string
}

// Member is one image archive of a package.
type Member struct {
	Role    string // from its name
	File    string // its path: the names of the archives around it, then its own
	Version string // from its name, ""
}

// nesting bounds archives in archives: a package has two levels.
const nesting = 4

// OpenPackage lists what a package holds. It is read through once; nothing is
// kept.
func OpenPackage(ctx context.Context, file string) (*Package, error) {
	p := &Package{Path: file}
	install := false
	err := p.walk(ctx, func(at string, _ io.Reader) error {
		base := path.Base(at)
		switch role := RoleOf(base); {
		case strings.HasPrefix(base, "contrail-puppet"):
			install = true
		case ansibleForm().MatchString(base):
			p.Version = ansibleForm().FindStringSubmatch(base)[1]
		case !strings.HasSuffix(base, ".tar.gz"):
		case isRole(role, base):
			p.Members = append(p.Members, Member{Role: role, File: at, Version: VersionOf(base)})
		default:
			p.Skipped = append(p.Skipped, at)
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case len(p.Members) == 0 && install:
		return nil, notPackage(file, "it is an install package: it brings packages and puppet modules, no images")
	case len(p.Members) == 0 && len(p.Skipped) > 0:
		return nil, notPackage(file, "no name of an archive in it tells a role: "+strings.Join(p.Skipped, ", "))
	case len(p.Members) == 0:
		return nil, notPackage(file, "there is no image archive in it")
	}
	return p, nil
}

func notPackage(file, why string) error {
	return diag.Errorf(diag.Pos{}, "image-package", "%s is no package of images: %s", file, why).
		WithHint("a package is a .tgz with contrail-<role>-<system>-<version>.tar.gz in it, also in further .tgz files")
}

// walk calls f for each file of a package, with the path of the archives it is
// in. What f does not read is skipped.
func (p *Package) walk(ctx context.Context, f func(at string, r io.Reader) error) error {
	in, err := os.Open(p.Path)
	if err != nil {
		return badSource(p.Path, err)
	}
	defer in.Close() //nolint:errcheck // read only
	return walk(ctx, p.Path, "", in, nesting, f)
}

func walk(ctx context.Context, source, within string, in io.Reader, levels int, f func(string, io.Reader) error) error {
	return readStream(ctx, source, in, func(h *tar.Header, name string, r io.Reader) error {
		if h.Typeflag != tar.TypeReg {
			return nil
		}
		at := path.Join(within, name)
		if !strings.HasSuffix(name, ".tgz") {
			return f(at, r)
		}
		if levels == 0 {
			return notPackage(source, "archives are nested too deep")
		}
		return walk(ctx, source+": "+at, at, r, levels-1, f)
	})
}

// PackageOptions say how the images of a package are named.
type PackageOptions struct {
	Registry string // host:port
	ImageID  string
	Version  string // "": that of the file, else that of the package
	// Seed uses SeedName, with SKU, in place of Name.
	Seed bool
	SKU  string
	// Only, when it is not empty, names the roles to push.
	Only []string
}

// Target is the name that an image of the package gets.
func (p *Package) Target(m Member, o PackageOptions) (string, error) {
	version := o.Version
	for _, v := range []string{m.Version, p.Version} {
		if version == "" {
			version = v
		}
	}
	if version == "" {
		return "", diag.Errorf(diag.Pos{}, "image-version", "%s: neither its name nor the package tells the version of %s", p.Path, m.File).
			WithHint("give it: --version 4.1.0.0-1")
	}
	if !o.Seed {
		return Name(o.Registry, o.ImageID, m.Role, version), nil
	}
	if o.SKU == "" {
		return "", diag.Errorf(diag.Pos{}, "image-version", "names of this kind hold a SKU, such as liberty")
	}
	return o.Registry + "/" + SeedName(o.ImageID, SeedType(m.Role), o.SKU+":"+version), nil
}

// PushPackage pushes the images of a package, one after the other, as they come
// in it. each is called before every image; it gives the options to push it
// with, and what to call when it is there. It stops at the first failure;
// called again, it sends what is missing. Of o only TempDir counts.
func (p *Package) PushPackage(ctx context.Context, po PackageOptions, o Options, each func(m Member, target string) (Options, func(Result))) error {
	have := map[string]ref.Ref{}
	targets := map[string]string{}
	members := map[string]Member{}
	for _, m := range p.Members {
		if len(po.Only) > 0 && !po.wants(m.Role) {
			continue
		}
		target, err := p.Target(m, po)
		if err != nil {
			return err
		}
		targets[m.File], members[m.File] = target, m
	}
	dir, err := os.MkdirTemp(o.TempDir, "fairlead-package-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // best effort
	return p.walk(ctx, func(at string, r io.Reader) error {
		target, wanted := targets[at]
		if !wanted {
			return nil
		}
		file := filepath.Join(dir, "image.tar.gz")
		if err := spool(file, r); err != nil {
			return badSource(p.Path+": "+at, err)
		}
		with, done := each(members[at], target)
		with.have = have
		res, err := Push(ctx, file, target, with)
		if err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		done(res)
		return nil
	})
}

func (po PackageOptions) wants(role string) bool {
	return slices.Contains(po.Only, role) || slices.Contains(po.Only, SeedType(role))
}

// spool keeps what is read in a file: an archive is read twice.
func spool(file string, r io.Reader) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, r) //nolint:gosec // as large as the package says
	return errors.Join(err, out.Close())
}
