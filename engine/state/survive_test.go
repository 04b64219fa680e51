package state

import "testing"

func TestServicesSurviveWrites(t *testing.T) {
	t.Parallel()
	for p, want := range map[string]bool{
		"/etc/nginx/nginx.conf":               true,
		"/var/lib/app/data":                   true,
		"/etc/initial":                        true,
		"/etc/systemd/system/app.service":     false,
		"/usr/lib/systemd":                    false,
		"/home/a/.config/systemd/user/a.path": false,
		"/etc/init.d/app":                     false,
		"/etc/rc2.d/S01app":                   false,
		"/etc/default/app":                    false,
		"/usr/local/sbin/systemctl":           false,
		"/srv/tools/bin/service":              false,
		"/etc":                                false,
		"/usr":                                false,
	} {
		if got := (Service{Name: "app"}).SurvivesWrite(p); got != want {
			t.Errorf("%s: %v, want %v", p, got, want)
		}
	}
}

func TestPackagesSurviveWrites(t *testing.T) {
	t.Parallel()
	for p, want := range map[string]bool{
		"/etc/nginx/nginx.conf":          true,
		"/etc/apt/sources.list.d/a.list": false,
		"/etc/apt":                       false,
		"/etc":                           false,
		"/var/lib/dpkg/status":           false,
		"/var/lib/app":                   true,
		"/usr/local/bin/apt-get":         false,
	} {
		for _, q := range []Query{Apt{Names: "app"}, Within{Of: Apt{Names: "app"}}} {
			if got := survivesWrite(q, p); got != want {
				t.Errorf("%T, %s: %v, want %v", q, p, got, want)
			}
		}
	}
	if survivesWrite(Within{Of: Output{Script: "cat /x"}}, "/y") {
		t.Error("a script may read anything")
	}
}

func TestTreesSurviveWrites(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		tree, written string
		want          bool
	}{
		{"/srv", "/etc/x", true}, {"/srv", "/srvx", true}, {"/srv", "/srv/x", false}, {"/srv", "/srv", false}, {"/srv/a", "/srv", false},
		{"/", "/etc/x", false}, {"/", "/", false},
	} {
		if got := (Tree{Path: c.tree}).SurvivesWrite(c.written); got != c.want {
			t.Errorf("%s after a write of %s: %v, want %v", c.tree, c.written, got, c.want)
		}
	}
}

// Behind what is planned a script may be run whose answer depends on other paths; a run
// applies first what waits.
func TestScriptsStandInPlans(t *testing.T) {
	t.Parallel()
	zone := OutputOf("timedatectl")
	zone.Under = "/etc/localtime:/usr/share/zoneinfo"
	for _, c := range []struct {
		q       Query
		written string
		want    bool
	}{
		{zone, "/etc/motd", true}, {zone, "/etc/localtime", false}, {zone, "/usr/share", false}, {zone, "/usr/share/zoneinfo/x", false}, {zone, "/usr/local/bin/timedatectl", false},
		{OutputOf("anything"), "/etc/motd", false},
		{Facts{Families: "distribution"}, "/etc/motd", true}, {Facts{Families: "distribution"}, "/etc/os-release", false}, {Facts{Families: "distribution,network"}, "/etc/motd", true}, {Facts{Families: "all"}, "/etc/ansible/facts.d/a.fact", false}, {Facts{Families: "dns,local=/srv/f"}, "/srv/f/a.fact", false},
		{Facts{Families: "pkg_mgr"}, "/etc/motd", true}, {Facts{Families: "pkg_mgr"}, "/usr/bin/dnf", false},
	} {
		for _, planned := range []bool{true, false} {
			v := learned(absent(c.written, dirStat(2)))
			v.Planned = planned
			v.Learn(Answer{Query: c.q, Value: "known"})
			v.WriteThrough(Remove{Path: c.written})
			want := c.want && planned
			if _, known, _ := v.Ask(c.q); known != want || v.NeedsFlush(c.q) == want {
				t.Errorf("%s behind a write of %s (planned %v): known %v, needs flush %v, want %v", c.q.Query(), c.written, planned, known, v.NeedsFlush(c.q), want)
			}
		}
	}
}
