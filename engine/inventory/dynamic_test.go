package inventory

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

func read(t testing.TB, text string) *Inventory {
	t.Helper()
	inv, err := Load(Options{Sources: []string{write(t, map[string]string{"hosts": text}, "hosts")}})
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

// lookup gives a variable as the strongest layer says it.
func lookup(inv *Inventory, h *Host, name string) string {
	got := ""
	for _, l := range inv.Layers(h) {
		if n := l.Vars.Node(name); n != nil {
			got = n.Value().Repr()
		}
	}
	return got
}

func TestServerManagerSections(t *testing.T) {
	t.Parallel()
	sections, err := value.ParseJSON([]byte(`{
		"[all:children]": ["contrail-controllers", "contrail-compute"],
		"[all:vars]": {"i": 5, "f": 1.5, "n": null, "b": true, "s": "5000", "word": "a b", "pw": "12#34", "u": "u'x'", "l": ["a", 1], "d": {"ip": "192.0.2.9", "x": null}, "multi": "a\nb"},
		"[contrail-controllers]": ["10.0.0.1 ctrl_data_ip=10.1.0.1 k=\"['i1','i2']\" e= pw='a#b'"],
		"[contrail-compute:vars]": {"mode": "bare_metal"},
		"[contrail-compute]": "10.0.0.2\n10.0.0.3 ansible_ssh_pass=x"
	}`))
	if err != nil {
		t.Fatal(err)
	}
	inv, err := Load(Options{Sections: sections, SectionsName: "hosts_in_inv"})
	if err != nil {
		t.Fatal(err)
	}
	h := inv.Host("10.0.0.1")
	got := map[string]string{}
	for _, n := range []string{"i", "f", "n", "b", "s", "word", "pw", "u", "l", "d", "multi", "k", "e"} {
		got[n] = lookup(inv, h, n)
	}
	want := map[string]string{
		"i": "5", "f": "1.5", "n": "None", "b": "True", "s": "5000", "word": "'a b'", "pw": "'a#b'", "u": "'x'", "l": "['a', 1]",
		"d": "{'ip': '192.0.2.9', 'x': None}", "multi": `'a\nb'`, "k": "['i1', 'i2']", "e": "''",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	h2 := inv.Host("10.0.0.2")
	if lookup(inv, h2, "mode") != "'bare_metal'" || lookup(inv, h2, "pw") != "'12#34'" {
		t.Errorf("10.0.0.2: %s %s", lookup(inv, h2, "mode"), lookup(inv, h2, "pw"))
	}
	for text, place := range map[string]string{
		`{"[web": []}`: "inventory", `{"[a:vars]": {"x": 1}}`: "inventory [a:vars]:1:1", `{"[a]": ["h", "h 'x"]}`: "inventory [a]:2:3", `[]`: "inventory", `{"[a]": 5}`: "inventory [a]:1:1", `{"[a]": [{}]}`: "inventory [a]:1:1",
	} {
		v, _ := value.ParseJSON([]byte(text))
		_, err := Load(Options{Sections: v})
		var d *diag.Diagnostic
		if !errors.As(err, &d) || d.Pos.String() != place {
			t.Errorf("%s: %v, want a problem at %s", text, err, place)
		}
	}
}

func TestPatternsThatNameNothing(t *testing.T) {
	t.Parallel()
	inv := read(t, "[web]\nw1\n[empty]\n")
	for pattern, want := range map[string]string{
		"wbe": `p.yml:1:10: the pattern "wbe" names no host or group of the inventory (did you mean "web"?)`, "empty": "", "all": "", "zzz*": `names no host`,
		"~(": "it is no valid regular expression", "web[5]": "there are 1", "!": "must follow", "web:!nope": `"nope" names no host`,
	} {
		_, err := inv.Match(pattern, diag.Pos{File: "p.yml", Line: 1, Col: 10})
		if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", pattern, err, want)
		}
	}
}

func TestLimit(t *testing.T) {
	t.Parallel()
	inv := read(t, "[web]\nw[1:4]\n[db]\nd1\n")
	all, _ := inv.Match("all", diag.Pos{})
	file := write(t, map[string]string{"retry": "w2\n\nd1\n"}, "retry")
	for limit, want := range map[string]string{"db,w1": "w1 d1", "!w2": "w1 w3 w4 d1", "nope,w1": "w1", "@" + file: "w2 d1", "@" + file + ",!w2": "d1", "web[0:1]": "w1 w2"} {
		got, err := inv.Limit(all, limit)
		if err != nil || strings.Join(names(got), " ") != want {
			t.Errorf("%s: %v %v, want %s", limit, names(got), err, want)
		}
	}
	for _, limit := range []string{"@/nonexistent/file", "nope"} {
		if _, err := inv.Limit(all, limit); err == nil {
			t.Errorf("%s: no error", limit)
		}
	}
}

func TestImplicitLocalhost(t *testing.T) {
	t.Parallel()
	inv := read(t, "[all:vars]\nx=1\n[web]\nw1\n")
	got, err := inv.Match("localhost", diag.Pos{})
	if err != nil || len(got) != 1 || !got[0].Implicit || lookup(inv, got[0], "ansible_connection") != "'local'" || lookup(inv, got[0], "x") != "1" {
		t.Fatalf("%v %v", got, err)
	}
	if all, _ := inv.Match("all", diag.Pos{}); len(all) != 1 || inv.Host("127.0.0.1") != got[0] {
		t.Error("the implicit localhost is one of all, or has two faces")
	}
}

func TestHostsAndGroupsAddedDuringARun(t *testing.T) {
	t.Parallel()
	file := write(t, map[string]string{"hosts": "[web]\nw1\n", "group_vars/new.yml": "g: 1\n", "host_vars/h9.yml": "h: 2\n"}, "hosts")
	inv, err := Load(Options{Sources: []string{file}})
	if err != nil {
		t.Fatal(err)
	}
	vars := &yaml.Vars{}
	vars.SetValue("a", diag.Pos{}, value.String("{{ x }}"))
	h, changed, err := inv.AddHost("h9", diag.Pos{}, []string{"new"}, vars)
	if err != nil || !changed || lookup(inv, h, "g")+lookup(inv, h, "h")+lookup(inv, h, "a") != "12'{{ x }}'" {
		t.Errorf("%v %v %v", changed, err, inv.Layers(h))
	}
	if _, changed, _ := inv.AddHost("h9", diag.Pos{}, []string{"new"}, vars); changed {
		t.Error("the same again is a change")
	}
	if c, err := inv.AddToGroup(h, "os_debian", []string{"oses"}); !c || err != nil {
		t.Error(c, err)
	}
	if c, _ := inv.AddToGroup(h, "os_debian", []string{"oses"}); c {
		t.Error("grouping again is a change")
	}
	if got := inv.HostGroups(h); !cmp.Equal(got, []string{"new", "os_debian", "oses"}) {
		t.Error(got)
	}
	if got, err := inv.Match("oses", diag.Pos{}); err != nil || len(got) != 1 {
		t.Error(got, err)
	}
	if _, err := inv.AddToGroup(h, "oses", []string{"os_debian"}); err == nil {
		t.Error("a loop of groups was accepted")
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for k := range 20 {
				_, _, _ = inv.AddHost(fmt.Sprintf("n%d-%d", i, k), diag.Pos{}, []string{"new"}, nil)
				_ = inv.Layers(h)
				_, _ = inv.Match("new:!w1", diag.Pos{})
			}
		})
	}
	wg.Wait()
	if got := inv.GroupHosts(inv.Group("new")); len(got) != 161 {
		t.Errorf("%d hosts", len(got))
	}
}

func TestFiftyThousandHosts(t *testing.T) {
	t.Parallel()
	start := time.Now()
	inv := read(t, "[web]\nw[00001:50000].ex.com x=1 y='{{ z }}'\n[web:vars]\na=1\n[eu:children]\nweb\n")
	hosts, err := inv.Match("eu:&w*:!w00001.ex.com", diag.Pos{})
	if err != nil || len(hosts) != 49999 {
		t.Fatal(len(hosts), err)
	}
	for _, h := range hosts {
		if len(inv.Layers(h)) != 2 {
			t.Fatal(inv.Layers(h))
		}
	}
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("took %s", d)
	}
}

func FuzzINI(f *testing.F) {
	r := load(f)
	for _, c := range r.Inventories {
		f.Add(c.Files["hosts"])
	}
	for _, c := range r.Bad {
		f.Add(c.Text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Count(text, "[") > 20 || len(text) > 4096 {
			return
		}
		for _, m := range strings.Split(text, "[") { // keep ranges small
			if i := strings.IndexByte(m, ']'); i > 6 && strings.Contains(m[:i], ":") {
				return
			}
		}
		inv := newInventory(yaml.Options{})
		ini := inv.newINI("f", "f")
		ini.readText(text)
		inv.reconcile()
		for _, p := range ini.problems {
			if p.Pos.Line < 1 || p.Pos.Col < 1 {
				t.Fatalf("no place: %v", p)
			}
		}
		for _, h := range inv.order {
			_ = inv.Layers(h)
		}
	})
}

func FuzzPattern(f *testing.F) {
	for _, c := range load(f).Patterns {
		f.Add(c.Pattern)
	}
	inv := read(f, "[web]\nw[1:4]\n[db]\nd1\n")
	f.Fuzz(func(_ *testing.T, pattern string) { _, _ = inv.Match(pattern, diag.Pos{}) })
}

func FuzzValue(f *testing.F) {
	for _, c := range load(f).Values {
		f.Add(c.Text)
	}
	f.Fuzz(func(_ *testing.T, text string) { iniValue(text) })
}

func TestLayersInOrderOfPrecedence(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"inv/hosts": "[web]\nw1 x=8\n[all:vars]\nx=3\n[web:vars]\nx=3b\n", "inv/group_vars/all.yml": "x: 4\n", "play/group_vars/all/main.yml": "x: 5\n", "inv/group_vars/web.yml": "x: 6\n",
		"play/group_vars/web.yml": "x: 7\n", "inv/host_vars/w1": "x: 9\n", "play/host_vars/w1.yml": "x: 10\n", "play/host_vars/localhost.yml": "x: 11\n",
	}
	source := write(t, files, "inv/hosts")
	inv, err := Load(Options{Sources: []string{source}, PlaybookDir: strings.TrimSuffix(source, "inv/hosts") + "play"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range inv.Layers(inv.Host("w1")) {
		got = append(got, l.Level.String()+" of "+l.Owner+": "+l.Vars.Node("x").Value().Text())
	}
	want := []string{
		"inventory variables of all of all: 3", "inventory variables of a group of web: 3b", "inventory group_vars/all of all: 4", "playbook group_vars/all of all: 5", "inventory group_vars of web: 6",
		"playbook group_vars of web: 7", "inventory variables of the host of w1: 8", "inventory host_vars of w1: 9", "playbook host_vars of w1: 10",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got := lookup(inv, inv.Host("localhost"), "x"); got != "11" {
		t.Errorf("localhost: %s", got)
	}
	bare, err := Load(Options{Sources: []string{source}, PlaybookDir: strings.TrimSuffix(source, "inv/hosts") + "play", Rules: Rules{NoFolders: true}})
	if err != nil {
		t.Fatal(err)
	}
	if got := lookup(bare, bare.Host("w1"), "x"); got != "8" {
		t.Errorf("without the folders: %s", got)
	}
	if err := inv.AddPlaybookDir(strings.TrimSuffix(source, "inv/hosts") + "play/"); err != nil || len(inv.Layers(inv.Host("w1"))) != 9 {
		t.Error("a folder counts twice")
	}
	bad := write(t, map[string]string{"hosts": "[web]\nw1\n", "group_vars/web.yml": "- x\n", "host_vars/w1.yml": "a: b: c\n", "host_vars/other.yml": "a: b: c\n"}, "hosts")
	_, err = Load(Options{Sources: []string{bad}})
	var list diag.List
	if !errors.As(err, &list) || len(list) != 2 {
		t.Errorf("got %v", err)
	}
}

// TestPrecedenceOfGroups has the orders that ansible-core 2.14 makes of the setting.
func TestPrecedenceOfGroups(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"inv/hosts": "[web]\nw1 h=1\n[all:vars]\nx=all\n[web:vars]\nx=web\n", "inv/group_vars/all.yml": "x: dir all\n",
		"inv/group_vars/web.yml": "x: dir web\n", "play/group_vars/all.yml": "x: play all\n", "play/group_vars/web.yml": "x: play web\n",
	}
	source := write(t, files, "inv/hosts")
	for _, x := range []struct {
		order        []string
		want, warned string
	}{
		{nil, "all,web,dir all,play all,dir web,play web,", ""},
		{[]string{"all_plugins_play", "all_plugins_inventory", "groups_inventory", "all_inventory"}, "play all,dir all,web,all,", ""},
		{[]string{"groups_plugins_play", "nosuch"}, "play web,", "Ignoring unknown variable precedence entry: nosuch"},
	} {
		warned := ""
		inv, err := Load(Options{Sources: []string{source}, PlaybookDir: strings.TrimSuffix(source, "inv/hosts") + "play",
			Rules: Rules{Precedence: x.order}, YAML: yaml.Options{Warn: func(d *diag.Diagnostic) { warned += d.Msg }}})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, l := range inv.Layers(inv.Host("w1")) {
			if n := l.Vars.Node("x"); n != nil {
				got += n.Value().Text() + ","
			}
		}
		if got != x.want || warned != x.warned {
			t.Errorf("%v: %q %q", x.order, got, warned)
		}
	}
}
