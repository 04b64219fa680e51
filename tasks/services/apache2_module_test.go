package services

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestApache2Module(t *testing.T) {
	t.Parallel()
	const loaded = "Loaded Modules:\n core_module (static)\n mpm_event_module (shared)\n php8_module (shared)\n mod_shib (shared)\n"
	for name, c := range map[string]struct {
		args  *value.Map
		after string // what is loaded then
		want  string
	}{
		"there":      {value.M("name", "mpm_event"), "", ""},
		"enable":     {value.M("name", "rewrite"), " rewrite_module (shared)\n", "a2enmod rewrite"},
		"not there":  {value.M("name", "rewrite", "state", "absent"), "", ""},
		"disable":    {value.M("name", "mpm_event", "state", "absent"), " core_module\n", "a2dismod mpm_event"},
		"force":      {value.M("name", "mpm_event", "state", "absent", "force", true), " core_module\n", "a2dismod -f mpm_event"},
		"php":        {value.M("name", "php8.2"), "", ""},
		"shib":       {value.M("name", "shib2"), "", ""},
		"identifier": {value.M("name", "x", "identifier", "core_module"), "", ""},
		"not so":     {value.M("name", "x"), loaded, "! Failed to set module x to enabled:"},
	} {
		h := &moduletest.Host{Outs: moduletest.Printed(loaded), Said: []state.OpResult{moduletest.Ended(0, "", ""), moduletest.Ended(0, c.after, "")}}
		if c.after != "" && c.want[0] != '!' {
			c.want += "|sh -c " + scriptLoaded + " sh -M"
		}
		h.Expect(t, name, Apache2Module(), c.args, c.want)
	}
	failing := state.OutputInfo{RC: 1, Stderr: "AH00534: no MPM\n\n/usr/sbin/apache2ctl"}
	for name, c := range map[string]struct {
		out  state.OutputInfo
		args *value.Map
		want string
	}{
		"no server":  {state.OutputInfo{RC: 127}, value.M("name", "x"), "! Neither of apache2ctl nor apachectl found."},
		"in error":   {failing, value.M("name", "x"), "! Error executing /usr/sbin/apache2ctl: AH00534: no MPM\n"},
		"forgiven":   {failing, value.M("name", "x", "state", "absent", "ignore_configcheck", true), ""},
		"threads":    {state.OutputInfo{Stdout: "  threaded:     yes (fixed)\n"}, value.M("name", "cgi"), "! Your MPM seems to be threaded."},
		"no program": {state.OutputInfo{}, value.M("name", "x"), "! a2enmod not found."},
	} {
		h := &moduletest.Host{Outs: []state.OutputInfo{c.out}, Said: []state.OpResult{moduletest.Ended(127, "", "")}}
		h.Expect(t, name, Apache2Module(), c.args, c.want)
	}
}
