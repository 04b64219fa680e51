package vars

import (
	"slices"

	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/value"
)

// pluginOption is an option of one of Ansible's plug-ins, as far as it has a meaning
// here: the variables that set it, the setting behind them, and what it is otherwise.
type pluginOption struct {
	vars    []string
	setting string
	def     value.Value
}

// pluginOptions are those of the plug-ins whose work the engine does itself, by type,
// name and option.
var pluginOptions = map[string]map[string]pluginOption{
	"connection ssh": {
		"host":              {vars: []string{"inventory_hostname", "ansible_host", "ansible_ssh_host"}},
		"remote_user":       {vars: []string{"ansible_user", "ansible_ssh_user"}, setting: "DEFAULT_REMOTE_USER"},
		"password":          {vars: []string{"ansible_password", "ansible_ssh_pass", "ansible_ssh_password"}},
		"port":              {vars: []string{"ansible_port", "ansible_ssh_port"}, setting: "DEFAULT_REMOTE_PORT"},
		"private_key_file":  {vars: []string{"ansible_private_key_file", "ansible_ssh_private_key_file"}, setting: "DEFAULT_PRIVATE_KEY_FILE"},
		"host_key_checking": {vars: []string{"ansible_host_key_checking", "ansible_ssh_host_key_checking"}, setting: "HOST_KEY_CHECKING"},
		"timeout":           {vars: []string{"ansible_ssh_timeout"}, setting: "DEFAULT_TIMEOUT"},
		"ssh_args":          {vars: []string{"ansible_ssh_args"}, setting: "SSH_ARGS"},
		"ssh_common_args":   {vars: []string{"ansible_ssh_common_args"}, setting: "SSH_COMMON_ARGS"},
		"ssh_extra_args":    {vars: []string{"ansible_ssh_extra_args"}, setting: "SSH_EXTRA_ARGS"},
		"ssh_executable":    {vars: []string{"ansible_ssh_executable"}, def: value.String("ssh")},
		"pipelining":        {vars: []string{"ansible_pipelining", "ansible_ssh_pipelining"}, def: value.Bool(false)},
	},
	"connection local": {"pipelining": {vars: []string{"ansible_pipelining"}, def: value.Bool(false)}},
	"become sudo":      becomeOptions("sudo"),
	"become su":        becomeOptions("su"),
	"become doas":      becomeOptions("doas"),
	"become runas":     becomeOptions("runas"),
	"shell sh": {
		"remote_tmp":     {vars: []string{"ansible_remote_tmp"}, def: value.String("~/.ansible/tmp")},
		"async_dir":      {vars: []string{"ansible_async_dir"}, def: value.String("~/.ansible_async")},
		"system_tmpdirs": {vars: []string{"ansible_system_tmpdirs"}, def: value.Strings("/var/tmp", "/tmp")},
	},
	"callback default": {
		"display_skipped_hosts":     {setting: "DISPLAY_SKIPPED_HOSTS"},
		"display_ok_hosts":          {setting: "DISPLAY_OK_HOSTS"},
		"display_failed_stderr":     {setting: "DISPLAY_FAILED_STDERR"},
		"show_custom_stats":         {setting: "SHOW_CUSTOM_STATS"},
		"show_per_host_start":       {setting: "SHOW_PER_HOST_START"},
		"check_mode_markers":        {setting: "CHECK_MODE_MARKERS"},
		"show_task_path_on_failure": {setting: "SHOW_TASK_PATH_ON_FAILURE"},
		"result_format":             {setting: "CALLBACK_RESULT_FORMAT"},
	},
}

// becomeOptions are those of a become plug-in: its own variables win over the general ones.
func becomeOptions(name string) map[string]pluginOption {
	of := func(what string) []string { return []string{"ansible_become_" + what, "ansible_" + name + "_" + what} }
	flags := map[string]string{"sudo": "-H -S -n"}
	return map[string]pluginOption{
		"become_user":  {vars: of("user"), setting: "DEFAULT_BECOME_USER"},
		"become_exe":   {vars: of("exe"), setting: "DEFAULT_BECOME_EXE", def: value.String(name)},
		"become_flags": {vars: of("flags"), setting: "DEFAULT_BECOME_FLAGS", def: value.String(flags[name])},
		"become_pass":  {vars: append([]string{"ansible_become_password"}, of("pass")...)},
	}
}

// noSettings are names in Ansible's module of settings that are none.
var noSettings = []string{"ConfigManager", "set_constant"}

// lookupConfig gives settings of the program, by the names Ansible has for them, or
// options of plug-ins; with show_origin each with where it comes from.
func lookupConfig(s *Scope, terms []value.Value, o jinja.Args) ([]value.Value, error) {
	missing := option(o, "on_missing")
	if missing.IsNull() {
		missing = value.String("error")
	}
	if m := missing.Text(); !missing.IsString() || m != "error" && m != "warn" && m != "skip" {
		return nil, says("Invalid value \"%s\" for configuration option \"plugin_type: lookup plugin: config setting: on_missing \", valid values are: error, skip, warn", m)
	}
	kind, plugin := option(o, "plugin_type"), option(o, "plugin_name")
	if kind.IsNull() != plugin.IsNull() {
		return nil, says("Both plugin_type and plugin_name are required, cannot use one without the other")
	}
	var out []value.Value
	for _, t := range terms {
		if !t.IsString() {
			return nil, says("Invalid setting identifier, \"%s\" is not a string, its a <class '%s'>", t.Text(), t.TypeName())
		}
		var (
			v      value.Value
			origin string
			ok     bool
			err    error
		)
		if kind.IsNull() {
			v, origin, ok, err = s.setting(t.Str())
		} else {
			v, origin, ok, err = s.pluginOption(kind.Text(), plugin.Text(), t.Str())
		}
		switch {
		case err != nil:
			return nil, err
		case ok && flag(o, "show_origin", false):
			out = append(out, value.List(v, value.String(origin)))
		case ok:
			out = append(out, v)
		case missing.Str() == "error" && !kind.IsNull():
			return nil, says("Unable to find setting %s. Requested entry (plugin_type: %s plugin: %s setting: %s ) was not defined in configuration.", t.Str(), kind.Text(), plugin.Text(), t.Str())
		case missing.Str() == "error":
			return nil, says("Unable to find setting %s", t.Str())
		case missing.Str() == "warn":
			s.Warn("Skipping, did not find setting " + t.Str())
		}
	}
	return out, nil
}

// setting gives a setting and where it comes from.
func (s *Scope) setting(name string) (v value.Value, origin string, ok bool, err error) {
	if slices.Contains(noSettings, name) {
		return value.Null, "", false, says("Invalid setting \"%s\" attempted", name)
	}
	if s.eng.Setting == nil {
		return value.Null, "", false, nil
	}
	v, origin, ok = s.eng.Setting(name)
	return v, origin, ok, nil
}

// pluginOption gives an option of a plug-in: the last of its variables that is set
// counts, then its setting.
func (s *Scope) pluginOption(kind, plugin, name string) (v value.Value, origin string, ok bool, err error) {
	options, known := pluginOptions[kind+" "+plugin]
	if !known {
		return value.Null, "", false, says("Unable to load %s plugin \"%s\"", kind, plugin)
	}
	opt, ok := options[name]
	if !ok {
		return value.Null, "", false, nil
	}
	for _, n := range slices.Backward(opt.vars) {
		_, local := s.locals[n]
		if local || s.defined(n) {
			v, _, err = s.Variable(n)
			return v, "var: " + n, true, err
		}
	}
	if opt.setting != "" && s.eng.Setting != nil {
		if v, origin, ok := s.eng.Setting(opt.setting); ok && (opt.def.IsNull() || origin != defaultOrigin) {
			if v.IsString() && v.Str() == "" {
				v = value.Null
			}
			return v, origin, true, nil
		}
	}
	return opt.def, defaultOrigin, true, nil
}

// defaultOrigin is where a setting comes from that nobody set.
const defaultOrigin = "default"
