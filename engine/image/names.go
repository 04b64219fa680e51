package image

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
)

// Name is the name that server-manager gives the image of a role:
// <registry>/<image_id>-<role>:<version>.
func Name(registry, imageID, role, version string) string {
	return fmt.Sprintf("%s/%s-%s:%s", registry, imageID, role, version)
}

// SeedName is the name that its first release documents:
// <image_id>-<image_type>-<version>, where a version is <sku>:<tag>.
func SeedName(imageID, imageType, version string) string {
	return imageID + "-" + imageType + "-" + version
}

// SeedType is the image type of a role in a SeedName: the role without its
// product.
func SeedType(role string) string { return strings.TrimPrefix(role, "contrail-") }

// contrailRoles are the roles whose images a package of Contrail brings.
var contrailRoles = []string{"contrail-controller", "contrail-analytics", "contrail-analyticsdb", "contrail-lb", "contrail-agent",
	"contrail-ceph-controller", "contrail-ceph-compute", "contrail-vcenter-plugin", "contrail-vcenter-compute",
	"contrail-kube-manager", "contrail-mesos-manager", "contrail-kubernetes-agent"}

// RoleOf is the role that the name of a container archive tells:
// contrail-<role>-ubuntu16.04-<version>.tar.gz and ubuntu-binary-<role>.tar.gz
// (OpenStack). "" when it tells none.
func RoleOf(file string) string {
	file = path.Base(file)
	if i := strings.LastIndex(file, "ubuntu-binary-"); i >= 0 {
		return strings.TrimSuffix(file[i+len("ubuntu-binary-"):], ".tar.gz")
	}
	for _, system := range []string{"-u", "-centos"} {
		if i := strings.LastIndex(file, system); i > 0 {
			return file[:i]
		}
	}
	return ""
}

var versionForm = lazyregexp.New(`-(?:ubuntu|centos|u)[0-9.]*-(.+?)\.(?:tar\.gz|tar|tgz)$`)

// VersionOf is the version that the name of a container archive tells, "" when
// it tells none (OpenStack's).
func VersionOf(file string) string {
	m := versionForm().FindStringSubmatch(path.Base(file))
	if m == nil || strings.Contains(file, "ubuntu-binary-") {
		return ""
	}
	return m[1]
}

var ansibleForm = lazyregexp.New(`^contrail-ansible-([0-9].*)\.tar\.gz$`)

// isRole tells whether a name is one of a role that has images.
func isRole(role, file string) bool {
	return slices.Contains(contrailRoles, role) || role != "" && strings.Contains(path.Base(file), "ubuntu-binary-")
}
