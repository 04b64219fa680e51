package packages

import (
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type yumRepositoryArgs struct {
	module.FileAttrs
	All         *value.Map           `arg:"*"`
	Name        string               `arg:"name"`
	Description module.Opt[string]   `arg:"description"`
	BaseURL     module.Opt[[]string] `arg:"baseurl"`
	File        string               `arg:"file"`
	ReposDir    string               `arg:"reposdir"`
	State       string               `arg:"state"`
}

// yumOptions are the arguments that become options of the repository.
var yumOptions = []module.Arg{
	{Name: "async", Type: module.Bool, Doc: "Download in the background."}, {Name: "bandwidth", Doc: "The most bytes a second."},
	{Name: "cost", Doc: "What using it costs, beside others."}, {Name: "deltarpm_metadata_percentage", Doc: "When metadata of delta packages is too large."},
	{Name: "deltarpm_percentage", Doc: "When delta packages are too large."}, {Name: "enabled", Type: module.Bool, Doc: "Whether it is used."},
	{Name: "enablegroups", Type: module.Bool, Doc: "Whether its groups are used."}, {Name: "exclude", Type: module.List, Elem: module.Str, Doc: "Packages to leave out."},
	{Name: "failovermethod", Choices: []string{"roundrobin", "priority"}, Doc: "The order of several addresses."}, {Name: "gpgcakey", Doc: "The address of the key that signs keys."},
	{Name: "gpgcheck", Type: module.Bool, Doc: "Whether packages must be signed."}, {Name: "gpgkey", Type: module.List, Elem: module.Str, Doc: "Addresses of its keys."},
	{Name: "module_hotfixes", Type: module.Bool, Doc: "Whether it overrides modules."}, {Name: "http_caching", Choices: []string{"all", "packages", "none"}, Doc: "What proxies may keep."},
	{Name: "include", Doc: "A configuration file to read, too."}, {Name: "includepkgs", Type: module.List, Elem: module.Str, Doc: "Only these packages."},
	{Name: "ip_resolve", Choices: []string{"4", "6", "IPv4", "IPv6", "whatever"}, Doc: "The version of IP."}, {Name: "keepalive", Type: module.Bool, Doc: "Keep connections open."},
	{Name: "keepcache", Choices: []string{"0", "1"}, Doc: "Keep packages after installing."}, {Name: "metadata_expire", Doc: "How long lists are good."},
	{Name: "metadata_expire_filter", Choices: []string{"never", "read-only:past", "read-only:present", "read-only:future"}, Doc: "When old lists will do."},
	{Name: "metalink", Doc: "The address of a metalink."}, {Name: "mirrorlist", Doc: "The address of a list of mirrors."}, {Name: "mirrorlist_expire", Doc: "How long that list is good."},
	{Name: "password", Secret: true, Doc: "The password of username."}, {Name: "priority", Doc: "Its rank, 1 to 99."}, {Name: "protect", Type: module.Bool, Doc: "Protect it from others' updates."},
	{Name: "proxy", Doc: "The proxy."}, {Name: "proxy_password", Secret: true, Doc: "The proxy's password."}, {Name: "proxy_username", Doc: "The proxy's user."},
	{Name: "repo_gpgcheck", Type: module.Bool, Doc: "Whether its lists must be signed."}, {Name: "retries", Doc: "How often to try."}, {Name: "s3_enabled", Type: module.Bool, Doc: "Log in at S3."},
	{Name: "skip_if_unavailable", Type: module.Bool, Doc: "Go on without it when it does not answer."}, {Name: "sslcacert", Aliases: []string{"ca_cert"}, Doc: "Certificates of authorities."},
	{Name: "ssl_check_cert_permissions", Type: module.Bool, Doc: "Whether certificates must be readable."}, {Name: "sslclientcert", Aliases: []string{"client_cert"}, Doc: "The client's certificate."},
	{Name: "sslclientkey", Aliases: []string{"client_key"}, Doc: "The client's key."}, {Name: "sslverify", Type: module.Bool, Aliases: []string{"validate_certs"}, Doc: "Check the server's certificate."},
	{Name: "throttle", Doc: "Limit the bandwidth."}, {Name: "timeout", Doc: "Seconds to wait for a connection."}, {Name: "ui_repoid_vars", Doc: "Variables to show."}, {Name: "username", Doc: "The user."},
}

// YumRepository is the module yum_repository.
func YumRepository() module.Module {
	return module.New(module.Spec{
		Name:    "yum_repository",
		Summary: "Have a repository of packages of the Red Hat family, or not",
		Doc:     "Keeps one section of a file in /etc/yum.repos.d. The file is written anew when the section changes.",
		Args: slices.Concat([]module.Arg{
			{Name: "name", Required: true, Doc: "The repository's id, its section."},
			{Name: "description", Doc: "Its name for people."},
			{Name: "baseurl", Type: module.List, Elem: module.Str, Doc: "Its addresses."},
			{Name: "file", Doc: "The file without .repo; the id without it."},
			{Name: "reposdir", Type: module.Path, Default: "/etc/yum.repos.d", Doc: "The folder of the file."},
			{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether it is to be there."},
		}, yumOptions, module.FileArgs()),
		Returns: []module.Return{
			{Name: "repo", Type: "str", When: "always", Doc: "The repository's id."},
			{Name: "state", Type: "str", When: "always", Doc: "As asked."},
		},
		Examples: "- yum_repository: {name: epel, description: EPEL, baseurl: 'https://download.example.org/epel/$releasever/$basearch/'}\n",
		Traits:   module.Traits{Reach: state.ReachPaths},
	}, planYumRepository)
}

func planYumRepository(a yumRepositoryArgs, in module.Inputs, v state.View) (module.Change, error) {
	given := func(name string) bool { x, ok := a.All.Get(name); return ok && !x.IsNull() }
	if a.State == "present" {
		switch {
		case !given("baseurl") && !given("metalink") && !given("mirrorlist"):
			return module.Change{}, module.Fail("Parameter 'baseurl', 'metalink' or 'mirrorlist' is required.")
		case !a.Description.Given():
			return module.Change{}, module.Fail("Parameter 'description' is required.")
		}
	}
	file := a.File
	if file == "" {
		file = a.Name
	}
	g := module.Gathering(v)
	dir := strings.TrimSuffix(g.Path(a.ReposDir), "/")
	dest := path.Join(dir, file+".repo")
	folder, f := g.File(dir, 0), g.File(dest, state.WantContent)
	g.Login()
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if !folder.IsDir() {
		return module.Change{}, module.Fail("Repo directory '" + a.ReposDir + "' does not exist.")
	}
	ini := readRepos(string(f.Content))
	before := ini.dump()
	ini.remove(a.Name)
	if a.State == "present" {
		ini.sections = append(ini.sections, a.section())
	}
	after := ini.dump()
	c := module.Change{Result: value.M("changed", before != after, "repo", a.Name, "state", a.State)}
	cur, exists := f.Followed, f.IsRegular()
	if !exists {
		cur = g.NewStat(folder.Followed, state.TypeFile)
	}
	w, err := a.FileAttrs.Want(g, cur)
	if need, missing, gerr := g.Missing(); missing {
		return need, gerr
	}
	if err != nil {
		return module.Change{}, err
	}
	set := w.Changes(cur)
	if before != after && in.Diff {
		c.Diff = state.Diff{{BeforeHeader: dest, AfterHeader: dest, Before: before, After: after}}
	}
	switch text := ini.text(); {
	case before == after && exists && !set.IsZero():
		c.Result.Set("changed", value.Bool(true))
		c.Ops = []state.Op{state.SetAttrs{Path: f.Resolved, Attrs: set}}
	case before == after:
	case text == "":
		c.Ops = []state.Op{state.Remove{Path: f.Resolved}}
	default:
		if !exists {
			set = w.Make(cur)
		}
		c.Ops = []state.Op{state.WriteFile{Path: f.Resolved, Content: state.Bytes([]byte(text)), Attrs: set}}
	}
	return c, nil
}

// section is the repository as asked.
func (a yumRepositoryArgs) section() repoSection {
	s := repoSection{name: a.Name}
	add := func(name, text string) { s.options = append(s.options, [2]string{name, text}) }
	add("name", a.Description.Or(""))
	for _, o := range append([]module.Arg{{Name: "baseurl", Type: module.List}}, yumOptions...) {
		v, ok := a.All.Get(o.Name)
		if !ok || v.IsNull() {
			continue
		}
		switch o.Type {
		case module.List:
			var parts []string
			for _, x := range v.Items() {
				parts = append(parts, x.Text())
			}
			by := " "
			if o.Name == "baseurl" || o.Name == "gpgkey" {
				by = "\n"
			}
			add(o.Name, strings.Join(parts, by))
		case module.Bool:
			add(o.Name, map[bool]string{true: "1", false: "0"}[v.Truthy()])
		default:
			add(o.Name, v.Text())
		}
	}
	sort.Slice(s.options, func(i, j int) bool { return s.options[i][0] < s.options[j][0] })
	return s
}

// repoFile is a file of repositories.
type repoFile struct{ sections []repoSection }

type repoSection struct {
	name    string
	options [][2]string
}

func readRepos(text string) *repoFile {
	f := &repoFile{}
	for line := range strings.Lines(text) {
		raw := strings.TrimRight(line, "\r\n")
		t := strings.TrimSpace(raw)
		switch {
		case t == "" || strings.HasPrefix(t, "#") || strings.HasPrefix(t, ";"):
		case strings.HasPrefix(t, "[") && strings.Contains(t, "]"):
			f.sections = append(f.sections, repoSection{name: t[1:strings.Index(t, "]")]})
		case len(f.sections) == 0:
		default:
			s := &f.sections[len(f.sections)-1]
			if n := len(s.options); n > 0 && (raw[0] == ' ' || raw[0] == '\t') {
				s.options[n-1][1] += "\n" + t
				continue
			}
			if i := strings.IndexAny(t, "=:"); i >= 0 {
				s.options = append(s.options, [2]string{strings.ToLower(strings.TrimSpace(t[:i])), strings.TrimSpace(t[i+1:])})
			}
		}
	}
	return f
}

func (f *repoFile) remove(name string) {
	f.sections = slices.DeleteFunc(f.sections, func(s repoSection) bool { return s.name == name })
}

// dump is the content in a fixed order, to compare and to show.
func (f *repoFile) dump() string {
	sections := slices.Clone(f.sections)
	sort.SliceStable(sections, func(i, j int) bool { return sections[i].name < sections[j].name })
	var b strings.Builder
	for _, s := range sections {
		b.WriteString("[" + s.name + "]\n")
		options := slices.Clone(s.options)
		sort.SliceStable(options, func(i, j int) bool { return options[i][0] < options[j][0] })
		for _, o := range options {
			b.WriteString(o[0] + " = " + o[1] + "\n")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// text is the file as Python's parser writes it: more lines of a value are
// indented by a tab.
func (f *repoFile) text() string {
	var b strings.Builder
	for _, s := range f.sections {
		b.WriteString("[" + s.name + "]\n")
		for _, o := range s.options {
			b.WriteString(o[0] + " = " + strings.ReplaceAll(o[1], "\n", "\n\t") + "\n")
		}
		b.WriteByte('\n')
	}
	return b.String()
}
