package containers

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/value"
)

// TestOwnEngine: what is meant for another engine is refused by every module.
func TestOwnEngine(t *testing.T) {
	here := diag.Pos{File: "site.yml", Line: 3, Col: 7}
	for _, m := range Modules() {
		url := module.Given{Name: "docker_url", Pos: here, ValuePos: here, Value: value.String("tcp://192.0.2.1:2376")}
		err := module.CheckArgs(m.Spec(), []module.Given{url}, here, false).Err()
		if err == nil || !strings.Contains(err.Error(), "tcp://192.0.2.1:2376") || !strings.Contains(err.Error(), "site.yml:3:7") {
			t.Errorf("%s with docker_url: %v", m.Spec().Name, err)
		}
		_, err = m.Plan(nil, module.Inputs{Env: []string{"A=1", "DOCKER_HOST=tcp://192.0.2.1:2376"}, Pos: here}, nil)
		if err == nil || !strings.Contains(err.Error(), "DOCKER_HOST") {
			t.Errorf("%s with DOCKER_HOST: %v", m.Spec().Name, err)
		}
	}
	if _, err := newPrune().Decode(value.M("docker_host", "unix:///var/run/docker.sock"), here); err != nil {
		t.Errorf("the host's own engine: %v", err)
	}
}
