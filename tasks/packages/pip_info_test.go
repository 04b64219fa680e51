package packages

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestPipPackageInfo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		clients []string
		outs    []state.OutputInfo
		want    string
	}{
		"one":     {[]string{"pip"}, moduletest.Printed(`[{"name": "six", "version": "1.16.0"}]`), "{'pip': {'six': [{'name': 'six', 'version': '1.16.0', 'source': 'pip'}]}}"},
		"missing": {[]string{"pip3", "pip"}, []state.OutputInfo{{RC: 127}, {Stdout: "[]"}}, "{'pip': {}}"},
		"broken":  {[]string{"/v/bin/pip"}, []state.OutputInfo{{RC: 1, Stderr: "no"}}, "{}"},
		"none":    {[]string{"pip"}, []state.OutputInfo{{RC: 127}}, "! Unable to use any of the supplied pip clients: ['pip']"},
		"other":   {[]string{"npm"}, nil, "! Unable to use any of the supplied pip clients: ['npm']"},
	} {
		h := &moduletest.Host{Outs: c.outs}
		r, err := h.Run(t, PipPackageInfo(), value.M("clients", value.Strings(c.clients...)))
		if fails, ok := strings.CutPrefix(c.want, "! "); ok {
			if err == nil || err.Error() != fails {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if v, _ := r.Get("packages"); v.Repr() != c.want {
			t.Errorf("%s: %s", name, v.Repr())
		}
	}
}
