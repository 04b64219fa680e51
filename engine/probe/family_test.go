package probe

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestFamiliesFor(t *testing.T) {
	t.Parallel()
	for names, want := range map[string]string{
		"":                                   "",
		"item inventory_hostname":            "",
		"ansible_host ansible_check_mode":    "",
		"ansible_become_user ansible_loop":   "",
		"ansible_os_family":                  "distribution",
		"ansible_facts.os_family":            "distribution",
		"ansible_facts.ansible_os_family":    "distribution",
		"ansible_distribution_major_version": "distribution",
		"ansible_hostname ansible_default_ipv4 ansible_kernel": "network,platform",
		"ansible_eth0":  "network",
		"ansible_facts": "all",
		"ansible_*":     "all",
		"ansible_memtotal_mb ansible_processor_vcpus":  "cpu,memory",
		"ansible_processor*":                           "cpu,network",
		"ansible_dist*":                                "distribution,network",
		"ansible_ssh_host_key_rsa_public":              "ssh_pub_keys",
		"ansible_ssh_user ansible_python_interpreter":  "",
		"ansible_service_mgr ansible_pkg_mgr":          "pkg_mgr,service_mgr",
		"ansible_date_time ansible_env ansible_fqdn":   "date_time,env,fqdn",
		"ansible_product_name ansible_local":           "dmi,local",
		"ansible_user_id ansible_user ansible_devices": "devices,user",
	} {
		if got := FamiliesFor(strings.Fields(names)); got != want {
			t.Errorf("%s: %s, want %s", names, got, want)
		}
	}
}

func TestSubset(t *testing.T) {
	t.Parallel()
	for list, want := range map[string]string{
		"":                  All,
		"all":               All,
		"!all,!min,network": "distribution,fqdn,network,platform",
		"!all,!min,pkg_mgr": "distribution,pkg_mgr",

		state.FactsAlone + ",!all,!min,network": "network",
		"!all,!min,dns":                         "dns",
		"!all,!min,mounts":                      "cpu,devices,dmi,fqdn,lvm,memory,mounts,platform,uptime",
		state.FactsAlone + ",!all,!min,mounts":  "mounts",
		"!all,!min,default_ipv4":                "distribution,fqdn,network,platform",
		"!all,!min":                             "",
	} {
		var names []string
		if list != "" {
			names = strings.Split(list, ",")
		}
		got, err := Subset(names)
		if err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", list, got, err, want)
		}
	}
	some, err := Subset([]string{"all", "!hardware"})
	if err != nil || strings.Contains(some, "mounts") || !strings.Contains(some, "network") {
		t.Errorf("all,!hardware: %s, %v", some, err)
	}
	least, err := Subset([]string{"!all"})
	if err != nil || strings.Contains(least, "network") || !strings.Contains(least, "platform") {
		t.Errorf("!all: %s, %v", least, err)
	}
	if _, err := Subset([]string{"nosuch"}); err == nil || !strings.HasPrefix(err.Error(), "Bad subset 'nosuch'") {
		t.Errorf("nosuch: %v", err)
	}
}

// TestEveryFamilyAlone asks for each family on its own: it must not lean on
// what another one brings.
func TestEveryFamilyAlone(t *testing.T) {
	t.Parallel()
	all := goFacts(t, ask(t, shells[0], state.Facts{Families: All}).(*value.Map))
	for _, f := range families {
		alone := goFacts(t, ask(t, shells[0], state.Facts{Families: f.name}).(*value.Map))
		for k, v := range alone {
			if !slices.Contains(moving, k) && !reflect.DeepEqual(v, all[k]) {
				t.Errorf("%s: %s is %v alone, %v with all", f.name, k, v, all[k])
			}
			if !f.gives(k) && f.name != "network" {
				t.Errorf("%s gives %s, which it does not declare", f.name, k)
			}
		}
	}
}

func TestUnknownFamily(t *testing.T) {
	t.Parallel()
	for _, f := range []string{"nosuch", "subset:nosuch"} {
		_, read, ok := For(state.Facts{Families: f})
		if _, err := read(ScriptResult{}); !ok || err == nil {
			t.Errorf("%s: no error", f)
		}
	}
	_, read, _ := For(state.Facts{Families: "dns"})
	if _, err := read(ScriptResult{RC: 2, Stderr: []byte("oops")}); err == nil {
		t.Error("a script that failed gives facts")
	}
}
