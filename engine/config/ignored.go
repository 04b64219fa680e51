package config

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
)

// reasons says why entries that Ansible knows have no effect here. Sections
// stand as "[section]"; other words are keys of any section.
var reasons = []struct{ why, names string }{
	{"the output is Fairlead's own (see --json for machines)", "callbacks_enabled callback_whitelist bin_ansible_callbacks nocows cow_selection cow_whitelist cowsay_enabled_stencils cowpath verbose_to_stderr action_warnings localhost_warning deprecation_warnings devel_warning system_warnings jinja2_native_warning docsite_root_url result_indentation log_filter syslog_facility no_target_syslog debug [colors]"},
	{"Fairlead loads no plugins: what it has is compiled in", "action_plugins become_plugins cache_plugins callback_plugins cliconf_plugins connection_plugins doc_fragment_plugins filter_plugins httpapi_plugins inventory_plugins lookup_plugins netconf_plugins strategy_plugins terminal_plugins test_plugins vars_plugins plugin_filters_cfg library module_utils run_vars_plugins old_plugin_cache_clear facts_modules network_group_modules module_ignore_exts"},
	{"batches travel over one kept connection, without programs to copy", "pipelining control_path control_path_dir control_master controlpersist ssh_executable sftp_executable scp_executable sftp_batch_mode scp_if_ssh ssh_transfer_method transfer_method use_tty usetty scp_extra_args sftp_extra_args reconnection_retries server_alive_interval remote_tmp local_tmp keep_remote_files module_compression module_name module_args internal_poll_interval use_persistent_connections executable allow_world_readable_tmpfiles [persistent_connection] [netconf_connection]"},
	{"nothing runs in Python on the hosts", "interpreter_python python_module_rlimit_nofile gather_timeout win_async_startup_timeout"},
	{"what form an inventory has is told by its name and its text, and what cannot be read is an error", "inventory_unparsed_warning"},
	{"a pattern that names nothing is a warning, or an error when no play has a host", "host_pattern_mismatch"},
	{"a keyword that does not exist is always an error, before any host is touched", "invalid_task_attribute_failed"},
	{"connections that are dropped are tried again while the timeout allows", "retries"},
	{"differences show three lines around", "context"},
	{"inventories are read anew in each run", "cache cache_plugin cache_connection cache_prefix cache_timeout"},
	{"the record of runs takes the place of retry files (fairlead runs)", "retry_files_enabled retry_files_save_path"},
	{"the extensions do, loopcontrols and filters of use are always there", "jinja2_extensions"},
	{"the engine reads host keys and configuration in one way only (see --host-key-checking)", "[paramiko_connection]"},
	{"Fairlead installs no collections", "[galaxy] collections_scan_sys_path collections_on_ansible_version_mismatch validate_action_group_metadata"},
	{"it holds as Ansible's default does", "string_conversion_action playbook_vars_root yaml_valid_extensions null_representation poll_interval dont_type_filters become_allow_same_user agnostic_become_prompt allow_unsafe_lookups su max_diff_size home special_context_filesystems libvirt_lxc_noseclabel var_compression_level module_lang module_set_locale squash_actions"},
}

// oddVariables are variables whose names do not follow from their key.
var oddVariables = map[string]string{
	"ANSIBLE_COW_ACCEPTLIST": "nocows", "ANSIBLE_COW_PATH": "cowpath", "ANSIBLE_LOAD_CALLBACK_PLUGINS": "bin_ansible_callbacks",
	"ANSIBLE_LOCAL_TEMP": "local_tmp", "ANSIBLE_LOCAL_TMP": "local_tmp", "ANSIBLE_REMOTE_TEMP": "remote_tmp", "ANSIBLE_PYTHON_INTERPRETER": "interpreter_python",
	"ANSIBLE_YAML_FILENAME_EXT":  "yaml_valid_extensions",
	"ANSIBLE_SELINUX_SPECIAL_FS": "special_context_filesystems", "ANSIBLE_SSH_PIPELINING": "pipelining", "ANSIBLE_SSH_CONTROL_PATH": "control_path",
	"ANSIBLE_SSH_CONTROL_PATH_DIR": "control_path_dir", "ANSIBLE_SSH_EXECUTABLE": "ssh_executable", "ANSIBLE_SSH_TRANSFER_METHOD": "transfer_method",
	"ANSIBLE_SCP_IF_SSH": "scp_if_ssh", "ANSIBLE_SSH_USETTY": "usetty", "ANSIBLE_MAX_DIFF_SIZE": "max_diff_size", "ANSIBLE_GALAXY_SERVER": "[galaxy]",
	"ANSIBLE_SSH_RETRIES":  "retries",
	"ANSIBLE_DIFF_CONTEXT": "context", "ANSIBLE_STRING_TYPE_FILTERS": "dont_type_filters",
}

var why = func() map[string]string {
	m := map[string]string{}
	for _, r := range reasons {
		for n := range strings.FieldsSeq(r.names) {
			m[n] = r.why
		}
	}
	return m
}()

// ignoredEntries are the entries that no setting took.
func ignoredEntries(f *iniFile) (out []Ignored) {
	if f == nil {
		return nil
	}
	for _, e := range f.entries {
		if e.used {
			continue
		}
		i := Ignored{Name: "[" + e.Section + "] " + e.Key, Pos: e.pos, Why: why["["+e.Section+"]"]}
		if i.Why == "" {
			i.Why = why[e.Key]
		}
		if i.Why == "" {
			i.Unknown, i.Why = true, "there is no such setting"
			if near := diag.Nearest(e.Key, keysOf(e.Section)); near != "" {
				i.Why += "; did you mean " + near + "?"
			}
		}
		out = append(out, i)
	}
	return out
}

func keysOf(section string) (out []string) {
	for _, s := range settings {
		for _, e := range s.Ini {
			if e.Section == section {
				out = append(out, e.Key)
			}
		}
	}
	return out
}

// ignoredVariables are the ANSIBLE_ variables that no setting takes.
func ignoredVariables(environ []string) (out []Ignored) {
	known := map[string]bool{"ANSIBLE_CONFIG": true}
	for _, s := range settings {
		for _, n := range s.Env {
			known[n] = true
		}
	}
	for _, e := range environ {
		name, _, _ := strings.Cut(e, "=")
		rest, ok := strings.CutPrefix(name, "ANSIBLE_")
		if !ok || known[name] {
			continue
		}
		i := Ignored{Name: "$" + name, Why: why[strings.ToLower(rest)]}
		if odd := oddVariables[name]; odd != "" {
			i.Why = why[odd]
		}
		if i.Why == "" && strings.HasPrefix(rest, "GALAXY_") {
			i.Why = why["[galaxy]"]
		}
		if i.Why == "" && strings.HasPrefix(rest, "COLOR_") {
			i.Why = why["[colors]"]
		}
		if i.Why == "" {
			i.Unknown, i.Why = true, "there is no such setting"
		}
		out = append(out, i)
	}
	return out
}
