// Package system holds the modules about a host as a whole: its facts, and its kernel.
package system

import "github.com/fairlead-project/fairlead/engine/module"

// Modules lists the modules of this family.
func Modules() []module.Module {
	return []module.Module{ACL(), Alternatives(), Setup(), Sysctl(), Modprobe(), Mount(), Cron(), CronVar(), Hostname(), Iptables(), KernelBlacklist(), Reboot(), Shutdown(), Pids(), WaitForConnection(), Timezone(), LocaleGen(), Ufw(), At(), CloudInitDataFacts()}
}
