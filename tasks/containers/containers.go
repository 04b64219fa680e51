// Package containers holds the modules for containers and their images. They
// compute what must change from what the container engine says it has; the
// engine/docker package asks and does.
package containers

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
)

// Modules are the modules of this family.
func Modules() []module.Module {
	all := []module.Module{
		newContainer(), newImage(), newImagePull(), newImagePush(), newImageTag(), newImageRemove(), newImageLoad(), newImageExport(), newImageBuild(), newNetwork(), newVolume(), newLogin(), newPrune(),
		newContainerExec(), newCopyInto(), newContainerInfo(), newImageInfo(), newNetworkInfo(), newVolumeInfo(), newHostInfo(),
	}
	for i, m := range all {
		all[i] = ownEngine{m}
	}
	return all
}

// gather collects what must be asked, so that one round trip brings all of it.
type gather struct {
	v    state.View
	need []state.Query
}

// ask gives the answer to q, and remembers q when it is not known yet.
func ask[T any](g *gather, q state.Query) (T, bool, error) {
	t, known, err := state.AskAs[T](g.v, q)
	if !known && err == nil {
		g.need = append(g.need, q)
	}
	return t, known && err == nil, err
}

// file is ask for a file with its content.
func (g *gather) file(path string) (state.File, bool, error) {
	q := state.Path{Path: path, Want: state.WantContent}
	f, known, err := g.v.File(q)
	if !known && err == nil {
		g.need = append(g.need, q)
	}
	return f, known && err == nil, err
}

// plainName is a container's name without the slash that the engine puts before it
// where it tells the name.
func plainName(name string) string { return strings.TrimPrefix(name, "/") }

// aliases are the names of a module in the collections it has lived in.
func aliases(name string) []string {
	return []string{"community.docker." + name, "community.general." + name, "ansible.builtin." + name, "ansible.legacy." + name}
}

// connection are the arguments that say how a module of the original reaches
// its engine. Fairlead goes through the host's own socket; see ownEngine.
func connection() []module.Arg {
	arg := func(name string, t module.Type, al ...string) module.Arg {
		return module.Arg{Name: name, Aliases: al, Type: t, Doc: "Accepted and not used: the engine is the host's own."}
	}
	return []module.Arg{
		{Name: "docker_host", Aliases: []string{"docker_url"}, Choices: ownSockets, Doc: "The host's own engine. For another one " + elsewhere + "."},
		arg("api_version", module.Str, "docker_api_version"),
		arg("timeout", module.Int), arg("tls", module.Bool), arg("validate_certs", module.Bool, "tls_verify"),
		arg("tls_hostname", module.Str), arg("ca_cert", module.Path, "tls_ca_cert", "cacert_path"),
		arg("client_cert", module.Path, "tls_client_cert", "cert_path"),
		arg("client_key", module.Path, "tls_client_key", "key_path"),
		arg("ssl_version", module.Str), arg("use_ssh_client", module.Bool), arg("debug", module.Bool),
	}
}
