package main

import (
	"os"
	"runtime"
	"runtime/pprof"
	"runtime/trace"

	"github.com/spf13/cobra"
)

// profileFlags write profiles of the program itself.
type profileFlags struct{ cpu, mem, trace string }

func (f *profileFlags) add(c *cobra.Command) {
	fl := c.Flags()
	fl.StringVar(&f.cpu, "cpuprofile", "", "write a CPU profile to this file")
	fl.StringVar(&f.mem, "memprofile", "", "write a memory profile to this file")
	fl.StringVar(&f.trace, "trace", "", "write an execution trace to this file")
	for _, n := range []string{"cpuprofile", "memprofile", "trace"} {
		_ = fl.MarkHidden(n)
	}
}

// start begins profiling; the returned function ends it.
func (f *profileFlags) start() (stop func(), err error) {
	var stops []func()
	stop = func() {
		for _, s := range stops {
			s()
		}
	}
	if f.cpu != "" {
		w, err := os.Create(f.cpu)
		if err != nil {
			return stop, err
		}
		if err := pprof.StartCPUProfile(w); err != nil {
			return stop, err
		}
		stops = append(stops, func() { pprof.StopCPUProfile(); _ = w.Close() })
	}
	if f.trace != "" {
		w, err := os.Create(f.trace)
		if err != nil {
			return stop, err
		}
		if err := trace.Start(w); err != nil {
			return stop, err
		}
		stops = append(stops, func() { trace.Stop(); _ = w.Close() })
	}
	if f.mem != "" {
		stops = append(stops, func() {
			if w, err := os.Create(f.mem); err == nil {
				runtime.GC()
				_ = pprof.WriteHeapProfile(w)
				_ = w.Close()
			}
		})
	}
	return stop, nil
}
