package services

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestRabbitMQPlugin(t *testing.T) {
	t.Parallel()
	const now = "/usr/sbin/rabbitmq-plugins\nrabbitmq_management\nrabbitmq_shovel\n\nApplying\n"
	for name, c := range map[string]struct {
		args *value.Map
		want string
	}{
		"there":   {value.M("names", "rabbitmq_management,rabbitmq_shovel"), ""},
		"others":  {value.M("name", "rabbitmq_shovel"), "/usr/sbin/rabbitmq-plugins disable --online rabbitmq_management"},
		"leave":   {value.M("names", "rabbitmq_shovel", "new_only", true), ""},
		"new":     {value.M("names", "a,rabbitmq_shovel", "new_only", true, "broker_state", "offline"), "/usr/sbin/rabbitmq-plugins enable --offline a"},
		"away":    {value.M("names", "a,rabbitmq_shovel", "state", "disabled"), "/usr/sbin/rabbitmq-plugins disable --online rabbitmq_shovel"},
		"instead": {value.M("names", "a,rabbitmq_shovel"), "/usr/sbin/rabbitmq-plugins disable --online rabbitmq_management|/usr/sbin/rabbitmq-plugins enable --online a"},
	} {
		h := &moduletest.Host{Outs: moduletest.Printed(now)}
		h.Expect(t, name, RabbitMQPlugin(), c.args, c.want)
	}
	h := &moduletest.Host{Outs: moduletest.Printed("/p\n")}
	h.Expect(t, "the first", RabbitMQPlugin(), value.M("names", "a"), "/p enable --online a")
	h = &moduletest.Host{Outs: moduletest.Printed("/p\n"), Said: []state.OpResult{moduletest.Ended(2, "", "unknown: a\n")}}
	h.Expect(t, "it fails", RabbitMQPlugin(), value.M("names", "a"), "! unknown: a")
	h = &moduletest.Host{Outs: []state.OutputInfo{{RC: 126, Stderr: "No binary folder in prefix /x"}}}
	h.Expect(t, "no programs", RabbitMQPlugin(), value.M("names", "a", "prefix", "/x"), "! No binary folder in prefix /x")
}
