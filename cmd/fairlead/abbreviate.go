package main

import (
	"strings"

	"github.com/spf13/pflag"
)

// abbreviate lets long flags be given by the beginning of their names, where
// only one flag begins so, as ansible-playbook takes them. It must be called
// when all flags are defined.
func abbreviate(fl *pflag.FlagSet) {
	flags := map[string]pflag.Value{}
	fl.VisitAll(func(f *pflag.Flag) { flags[f.Name] = f.Value })
	fl.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if flags[name] != nil || len(name) < 2 {
			return pflag.NormalizedName(name)
		}
		whole := ""
		for full, v := range flags {
			if !strings.HasPrefix(full, name) {
				continue
			}
			if whole != "" && flags[whole] != v {
				return pflag.NormalizedName(name) // several flags begin so
			}
			if whole == "" || full < whole {
				whole = full
			}
		}
		if whole == "" {
			whole = name
		}
		return pflag.NormalizedName(whole)
	})
}
