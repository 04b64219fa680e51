package vars

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/inventory"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

const pluginHosts = "all:\n  hosts:\n    one: {os: Debian, tags: [a, b], n: 3}\n    two: {os: '', tags: [b]}\n  vars: {site: {dc: x, rack: ''}}\n"

// TestInventoryPlugins reads files of inventory plugins behind pluginHosts and
// tells the groups and variables they make, as ansible-inventory 2.14 does.
func TestInventoryPlugins(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, want string }{
		"groups by conditions": {
			"plugin: constructed\ngroups: {deb: os == 'Debian', every: true, none: nosuch.x}\n",
			"deb=one every=one,two",
		},
		"composed variables are seen by groups": {
			"plugin: ansible.builtin.constructed\ncompose: {twice: n * 2, lost: nosuch}\ngroups: {six: twice == '6'}\n",
			"six=one one.twice='6'",
		},
		"keyed": {
			"plugin: constructed\nkeyed_groups:\n- {key: os}\n- {key: tags, prefix: t}\n- {key: site, separator: '-'}\n- {key: os, prefix: os, parent_group: all_os, default_value: none}\n",
			"_Debian=one t_a=one t_b=one,two _dc_x=one,two _rack_=one,two os_Debian=one all_os=>os_Debian,os_none os_none=two",
		},
		"without separators": {
			"plugin: constructed\nleading_separator: false\nkeyed_groups:\n- {key: os}\n- {key: site, trailing_separator: false, prefix: s}\n",
			"Debian=one s_dc_x=one,two s_rack=one,two",
		},
		"extra variables": {
			"plugin: constructed\nuse_extra_vars: true\ngroups: {given: more == 'v'}\n",
			"given=one,two",
		},
		"strict": {
			"plugin: constructed\nstrict: true\ngroups: {none: nosuch.x}\n",
			"! Could not add host one to group none: 'nosuch' is undefined",
		},
		"a number is no name": {
			"plugin: constructed\nkeyed_groups:\n- {key: n}\n",
			"! Invalid group name format, expected a string or a list of them or dictionary, got: int",
		},
		"two ways of empty values": {
			"plugin: constructed\nkeyed_groups:\n- {key: os, default_value: x, trailing_separator: false}\n",
			"! parameters are mutually exclusive for keyed groups: default_value|trailing_separator",
		},
		"unknown option": {"plugin: constructed\nkeyedgroups: []\n", `! the plugin has no option "keyedgroups"`},
		"unknown plugin": {"plugin: amazon.aws.aws_ec2\n", "! the inventory plugin is not supported: the string 'amazon.aws.aws_ec2'"},
		"generator": {
			"plugin: generator\nlayers: {op: [build, run], app: [web], n: [1]}\nhosts:\n  name: '{{ op }}-{{ app }}'\n  parents:\n  - name: '{{ op }}'\n    vars: {what: '{{ n }}'}\n    parents: [{name: everything}]\n",
			"build=build-web everything=>build,run run=run-web build.what='1' run.what='1'",
		},
		"generator without layers": {"plugin: generator\nhosts: {name: x}\n", "! a generator needs hosts and layers"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := pluginOutcome(t, c.file); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func pluginOutcome(t *testing.T, file string) string {
	t.Helper()
	dir := t.TempDir()
	var sources []string
	for name, text := range map[string]string{"1.yml": pluginHosts, "2.yml": file} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sources = append(sources, filepath.Join(dir, "1.yml"), filepath.Join(dir, "2.yml"))
	extra := &yaml.Vars{}
	extra.SetValue("more", diag.Pos{}, value.String("v"))
	inv, err := inventory.Load(inventory.Options{Sources: sources, Evaluator: func(inv *inventory.Inventory) inventory.Evaluator { return ForInventory(inv, extra) }})
	if err != nil {
		var l diag.List
		l.Add(err)
		return "! " + l[0].Msg
	}
	var out, vars []string
	for _, g := range inv.Groups()[2:] {
		var hosts, children []string
		for _, h := range inv.GroupHosts(g) {
			hosts = append(hosts, h.Name)
		}
		for _, c := range inv.Children(g) {
			children = append(children, c.Name)
		}
		if len(children) > 0 {
			out = append(out, g.Name+"=>"+strings.Join(children, ","))
		} else {
			out = append(out, g.Name+"="+strings.Join(hosts, ","))
		}
		for v := range inv.GroupVars(g).All() {
			vars = append(vars, g.Name+"."+v.Name+"="+v.Node.Value().Repr())
		}
	}
	for _, h := range inv.Hosts() {
		for v := range inv.HostVars(h).All() {
			if v.Name == "twice" || v.Name == "lost" {
				vars = append(vars, h.Name+"."+v.Name+"="+v.Node.Value().Repr())
			}
		}
	}
	return strings.Join(append(out, vars...), " ")
}
