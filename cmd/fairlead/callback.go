package main

import (
	"io"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/cmd/fairlead/render"
	"github.com/fairlead-project/fairlead/engine/config"
	"github.com/fairlead-project/fairlead/engine/event"
)

// callbacks are the ways of Ansible to show a run that Fairlead knows.
var callbacks = []string{"default", "yaml", "debug", "skippy", "json", "null"}

// callback is how the settings want a run shown, without the name of a collection.
func callback(settings *config.Config) string {
	name := settings.Text(config.Callback)
	return name[strings.LastIndexByte(name, '.')+1:]
}

// shown makes the sinks that show a run to who started it, and what ends them.
func (f *runFlags) shown(settings *config.Config, std streams) (sinks []event.Sink, done func()) {
	look, out, name := f.look(settings, std), std.out, callback(settings)
	switch {
	case name == "json" || name == "null":
		out, look.Live, look.Failed = io.Discard, false, nil // warnings are still told
	case !slices.Contains(callbacks, name):
		warn(std, "stdout_callback "+settings.Text(config.Callback)+" is not known, the default is taken; there are "+strings.Join(callbacks, ", "))
	}
	t := render.New(out, look)
	sinks = append(sinks, t)
	if name == "json" {
		sinks = append(sinks, render.NewReport(std.out, settings.Bool(config.CustomStats)))
	}
	return sinks, t.Close
}
