package config

import "strconv"

// Setting describes a setting: its names, type, default, and what it does here.
type Setting struct {
	Key     Key
	Ini     []Entry
	Env     []string
	Kind    Kind
	Default string
	Choices []string
	Help    string
}

// The settings that have an effect.
const (
	Inventory              Key = "inventory"
	InventoryIgnoreExts    Key = "inventory.ignore_extensions"
	InventoryIgnore        Key = "inventory.ignore_patterns"
	InventoryUnparsed      Key = "inventory.unparsed_is_failed"
	InventoryAnyUnparsed   Key = "inventory.any_unparsed_is_failed"
	InventoryExport        Key = "inventory.export"
	InventoryEnabled       Key = "inventory.enable_plugins"
	InventoryExtraVars     Key = "inventory_plugins.use_extra_vars"
	GroupNames             Key = "force_valid_group_names"
	Precedence             Key = "precedence"
	VarsPlugins            Key = "vars_plugins_enabled"
	RolesPath              Key = "roles_path"
	CollectionsPaths       Key = "collections_paths"
	PlaybookDir            Key = "playbook_dir"
	RemoteUser             Key = "remote_user"
	RemotePort             Key = "remote_port"
	PrivateKeyFile         Key = "private_key_file"
	HostKeyChecking        Key = "host_key_checking"
	Forks                  Key = "forks"
	Timeout                Key = "timeout"
	Transport              Key = "transport"
	AskPass                Key = "ask_pass"
	ConnectionPasswordFile Key = "connection_password_file"
	Become                 Key = "become"
	BecomeMethod           Key = "become_method"
	BecomeUser             Key = "become_user"
	BecomeExe              Key = "become_exe"
	BecomeFlags            Key = "become_flags"
	BecomeAskPass          Key = "become_ask_pass"
	BecomePasswordFile     Key = "become_password_file"
	SSHArgs                Key = "ssh_args"
	SSHCommonArgs          Key = "ssh_common_args"
	SSHExtraArgs           Key = "ssh_extra_args"
	AskVaultPass           Key = "ask_vault_pass"
	VaultPasswordFile      Key = "vault_password_file"
	VaultIdentity          Key = "vault_identity"
	VaultIdentityList      Key = "vault_identity_list"
	VaultEncryptIdentity   Key = "vault_encrypt_identity"
	VaultIDMatch           Key = "vault_id_match"
	Gathering              Key = "gathering"
	GatherSubset           Key = "gather_subset"
	FactPath               Key = "fact_path"
	InjectFacts            Key = "inject_facts_as_vars"
	FactCache              Key = "fact_caching"
	FactCacheDir           Key = "fact_caching_connection"
	FactCachePrefix        Key = "fact_caching_prefix"
	FactCacheTimeout       Key = "fact_caching_timeout"
	PrivateRoles           Key = "private_role_vars"
	Native                 Key = "jinja2_native"
	HashBehaviour          Key = "hash_behaviour"
	UndefinedIsError       Key = "error_on_undefined_vars"
	ForceHandlers          Key = "force_handlers"
	AnyErrorsFatal         Key = "any_errors_fatal"
	Strategy               Key = "strategy"
	MissingHandler         Key = "error_on_missing_handler"
	TaskTimeout            Key = "task_timeout"
	NoLog                  Key = "no_log"
	DuplicateKeys          Key = "duplicate_dict_key"
	TaskDebugger           Key = "enable_task_debugger"
	DebuggerForgives       Key = "task_debugger_ignore_errors"
	TagsRun                Key = "tags.run"
	TagsSkip               Key = "tags.skip"
	DiffAlways             Key = "diff.always"
	DisplaySkipped         Key = "display_skipped_hosts"
	DisplayOK              Key = "display_ok_hosts"
	FailedToStderr         Key = "display_failed_stderr"
	CheckMarkers           Key = "check_mode_markers"
	CustomStats            Key = "show_custom_stats"
	Callback               Key = "stdout_callback"
	ResultFormat           Key = "callback_result_format"
	ResultsPretty          Key = "callback_format_pretty"
	HostStarts             Key = "show_per_host_start"
	TaskPaths              Key = "show_task_path_on_failure"
	ShowArgs               Key = "display_args_to_stdout"
	LogPath                Key = "log_path"
	ForceColor             Key = "force_color"
	NoColor                Key = "nocolor"
	Verbosity              Key = "verbosity"
	Managed                Key = "ansible_managed"
)

func in(section string, keys ...string) (out []Entry) {
	for _, k := range keys {
		out = append(out, Entry{section, k})
	}
	return out
}

func env(names ...string) []string { return names }

const (
	defaults   = "defaults"
	escalation = "privilege_escalation"
	sshSection = "ssh_connection"
)

// settings is the table. Where two names stand, the later one counts.
var settings = []Setting{
	{Inventory, in(defaults, "inventory"), env("ANSIBLE_INVENTORY"), PathList, "", nil, "what -i would name"},
	{VarsPlugins, in(defaults, "vars_plugins_enabled"), env("ANSIBLE_VARS_ENABLED"), List, "host_group_vars", nil, "without host_group_vars the folders group_vars and host_vars are not read"},
	{InventoryIgnoreExts, append(in(defaults, "inventory_ignore_extensions"), in("inventory", "ignore_extensions")...), env("ANSIBLE_INVENTORY_IGNORE"), List, ".pyc,.pyo,.swp,.bak,~,.rpm,.md,.txt,.rst,.orig,.ini,.cfg,.retry", nil, "endings of files of an inventory folder that are no inventory"},
	{InventoryIgnore, append(in(defaults, "inventory_ignore_patterns"), in("inventory", "ignore_patterns")...), env("ANSIBLE_INVENTORY_IGNORE_REGEX"), List, "", nil, "regular expressions of such names"},
	{InventoryUnparsed, in("inventory", "unparsed_is_failed"), env("ANSIBLE_INVENTORY_UNPARSED_FAILED"), Bool, "false", nil, "stop when no source of the inventory can be read"},
	{InventoryAnyUnparsed, in("inventory", "any_unparsed_is_failed"), env("ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED"), Bool, "false", nil, "stop when one source of the inventory cannot be read"},
	{InventoryExport, in("inventory", "export"), env("ANSIBLE_INVENTORY_EXPORT"), Bool, "false", nil, "fairlead inventory --list --export"},
	{InventoryEnabled, in("inventory", "enable_plugins"), env("ANSIBLE_INVENTORY_ENABLED"), List, "", nil, "with advanced_host_list in it, lists of hosts with commas may hold ranges; what form a file has is told by its name and its text"},
	{InventoryExtraVars, in("inventory_plugins", "use_extra_vars"), env("ANSIBLE_INVENTORY_USE_EXTRA_VARS"), Bool, "false", nil, "constructed inventories see extra variables"},
	{GroupNames, in(defaults, "force_valid_group_names"), env("ANSIBLE_TRANSFORM_INVALID_GROUP_CHARS"), Text, "ignore", []string{"always", "never", "ignore", "silently"}, "what becomes of characters in names of groups that no variable could have: always and silently make them _"},
	{Precedence, in(defaults, "precedence"), env("ANSIBLE_PRECEDENCE"), List, "all_inventory,groups_inventory,all_plugins_inventory,all_plugins_play,groups_plugins_inventory,groups_plugins_play", nil, "the order of the variables of groups, lowest first; what is left out does not count"},
	{RolesPath, in(defaults, "roles_path"), env("ANSIBLE_ROLES_PATH"), PathSpec, "~/.ansible/roles:/usr/share/ansible/roles:/etc/ansible/roles", nil, "folders of roles"},
	{CollectionsPaths, in(defaults, "collections_paths", "collections_path"), env("ANSIBLE_COLLECTIONS_PATHS", "ANSIBLE_COLLECTIONS_PATH"), PathSpec, "~/.ansible/collections:/usr/share/ansible/collections", nil, "folders of collections, whose roles and playbooks can be used"},
	{PlaybookDir, in(defaults, "playbook_dir"), env("ANSIBLE_PLAYBOOK_DIR"), Path, "", nil, "whose group_vars and host_vars fairlead inventory reads too"},
	{RemoteUser, in(defaults, "remote_user"), env("ANSIBLE_REMOTE_USER"), Text, "", nil, "who logs in"},
	{RemotePort, in(defaults, "remote_port"), env("ANSIBLE_REMOTE_PORT"), Int, "", nil, "the port of sshd"},
	{PrivateKeyFile, in(defaults, "private_key_file"), env("ANSIBLE_PRIVATE_KEY_FILE"), Path, "", nil, "the key to log in with"},
	{HostKeyChecking, append(in(defaults, "host_key_checking"), in(sshSection, "host_key_checking")...), env("ANSIBLE_HOST_KEY_CHECKING", "ANSIBLE_SSH_HOST_KEY_CHECKING"), Bool, "true", nil, "whether host keys are verified"},
	{Forks, in(defaults, "forks"), env("ANSIBLE_FORKS"), Int, strconv.Itoa(DefaultForks()), nil, "how many hosts are talked to at once; the default is what this machine bears"},
	{Timeout, append(in(defaults, "timeout"), in(sshSection, "timeout")...), env("ANSIBLE_TIMEOUT", "ANSIBLE_SSH_TIMEOUT"), Int, "10", nil, "seconds to connect in"},
	{Transport, in(defaults, "transport"), env("ANSIBLE_TRANSPORT"), Text, "ssh", nil, "the kind of connection"},
	{AskPass, in(defaults, "ask_pass"), env("ANSIBLE_ASK_PASS"), Bool, "false", nil, "ask for the login password"},
	{ConnectionPasswordFile, in(defaults, "connection_password_file"), env("ANSIBLE_CONNECTION_PASSWORD_FILE"), Path, "", nil, "file with the login password"},
	{Become, in(escalation, "become"), env("ANSIBLE_BECOME"), Bool, "false", nil, "become another user"},
	{BecomeMethod, in(escalation, "become_method"), env("ANSIBLE_BECOME_METHOD"), Text, "sudo", nil, "how"},
	{BecomeUser, append(in(escalation, "become_user"), in("sudo_become_plugin", "user")...), env("ANSIBLE_BECOME_USER", "ANSIBLE_SUDO_USER"), Text, "root", nil, "whom"},
	{BecomeExe, append(in(escalation, "become_exe"), in("sudo_become_plugin", "executable")...), env("ANSIBLE_BECOME_EXE", "ANSIBLE_SUDO_EXE"), Text, "", nil, "the program in place of sudo, su or doas"},
	{BecomeFlags, append(in(escalation, "become_flags"), in("sudo_become_plugin", "flags")...), env("ANSIBLE_BECOME_FLAGS", "ANSIBLE_SUDO_FLAGS"), Text, "", nil, "its flags"},
	{BecomeAskPass, in(escalation, "become_ask_pass"), env("ANSIBLE_BECOME_ASK_PASS"), Bool, "false", nil, "ask for the password of become"},
	{BecomePasswordFile, in(defaults, "become_password_file"), env("ANSIBLE_BECOME_PASSWORD_FILE"), Path, "", nil, "file with the password of become"},
	{SSHArgs, in(sshSection, "ssh_args"), env("ANSIBLE_SSH_ARGS"), Text, "", nil, "options of ssh: those about users, ports, keys, jumps and host keys count"},
	{SSHCommonArgs, in(sshSection, "ssh_common_args"), env("ANSIBLE_SSH_COMMON_ARGS"), Text, "", nil, "likewise"},
	{SSHExtraArgs, in(sshSection, "ssh_extra_args"), env("ANSIBLE_SSH_EXTRA_ARGS"), Text, "", nil, "likewise"},
	{AskVaultPass, in(defaults, "ask_vault_pass"), env("ANSIBLE_ASK_VAULT_PASS"), Bool, "false", nil, "ask for the vault password"},
	{VaultPasswordFile, in(defaults, "vault_password_file"), env("ANSIBLE_VAULT_PASSWORD_FILE"), Path, "", nil, "file with the vault password, or a script that says it"},
	{VaultIdentity, in(defaults, "vault_identity"), env("ANSIBLE_VAULT_IDENTITY"), Text, "default", nil, "the label of a vault password without one"},
	{VaultIdentityList, in(defaults, "vault_identity_list"), env("ANSIBLE_VAULT_IDENTITY_LIST"), List, "", nil, "vault passwords as LABEL@SOURCE"},
	{VaultEncryptIdentity, in(defaults, "vault_encrypt_identity"), env("ANSIBLE_VAULT_ENCRYPT_IDENTITY"), Text, "", nil, "the label of the password to encrypt with"},
	{VaultIDMatch, in(defaults, "vault_id_match"), env("ANSIBLE_VAULT_ID_MATCH"), Bool, "false", nil, "try only passwords with the label of the vault text"},
	{Gathering, in(defaults, "gathering"), env("ANSIBLE_GATHERING"), Text, "implicit", []string{"implicit", "explicit", "smart"}, "whether plays gather facts that do not say so"},
	{FactPath, in(defaults, "fact_path"), env("ANSIBLE_FACT_PATH"), Text, "", nil, "the folder on hosts with facts of their own, for plays that name none"},
	{GatherSubset, in(defaults, "gather_subset"), env("ANSIBLE_GATHER_SUBSET"), List, "", nil, "which facts plays gather that do not say so"},
	{InjectFacts, in(defaults, "inject_facts_as_vars"), env("ANSIBLE_INJECT_FACT_VARS"), Bool, "true", nil, "facts are variables, not only in ansible_facts"},
	{FactCache, in(defaults, "fact_caching"), env("ANSIBLE_CACHE_PLUGIN"), Text, "memory", nil, "where facts are kept: memory (this run only) or jsonfile"},
	{FactCacheDir, in(defaults, "fact_caching_connection"), env("ANSIBLE_CACHE_PLUGIN_CONNECTION"), Path, "", nil, "the folder of jsonfile, with a file for each host"},
	{FactCachePrefix, in(defaults, "fact_caching_prefix"), env("ANSIBLE_CACHE_PLUGIN_PREFIX"), Text, "", nil, "what the names of these files begin with"},
	{FactCacheTimeout, in(defaults, "fact_caching_timeout"), env("ANSIBLE_CACHE_PLUGIN_TIMEOUT"), Int, "86400", nil, "seconds that kept facts count, 0 for ever"},
	{PrivateRoles, in(defaults, "private_role_vars"), env("ANSIBLE_PRIVATE_ROLE_VARS"), Bool, "false", nil, "the variables of a role are for its own tasks only"},
	{Native, in(defaults, "jinja2_native"), env("ANSIBLE_JINJA2_NATIVE"), Bool, "false", nil, "templates keep the types of what they compute"},
	{HashBehaviour, in(defaults, "hash_behaviour"), env("ANSIBLE_HASH_BEHAVIOUR"), Text, "replace", []string{"replace", "merge"}, "a mapping of higher precedence replaces one of lower, or is merged into it"},
	{UndefinedIsError, in(defaults, "error_on_undefined_vars"), env("ANSIBLE_ERROR_ON_UNDEFINED_VARS"), Bool, "true", nil, "an undefined variable is an error"},
	{ForceHandlers, in(defaults, "force_handlers"), env("ANSIBLE_FORCE_HANDLERS"), Bool, "false", nil, "handlers run also on hosts that failed"},
	{AnyErrorsFatal, in(defaults, "any_errors_fatal"), env("ANSIBLE_ANY_ERRORS_FATAL"), Bool, "false", nil, "a failure of one host ends the play for all"},
	{Strategy, in(defaults, "strategy"), env("ANSIBLE_STRATEGY"), Text, "linear", nil, "linear, free or host_pinned: how hosts wait for each other in plays that do not say"},
	{MissingHandler, in(defaults, "error_on_missing_handler"), env("ANSIBLE_ERROR_ON_MISSING_HANDLER"), Bool, "true", nil, "a notification that no handler hears ends the run"},
	{TaskTimeout, in(defaults, "task_timeout"), env("ANSIBLE_TASK_TIMEOUT"), Int, "0", nil, "seconds a task may take"},
	{NoLog, in(defaults, "no_log"), env("ANSIBLE_NO_LOG"), Bool, "false", nil, "hide all results"},
	{DuplicateKeys, in(defaults, "duplicate_dict_key"), env("ANSIBLE_DUPLICATE_YAML_DICT_KEY"), Text, "warn", []string{"warn", "error", "ignore"}, "what a key is that stands twice in a mapping"},
	{TaskDebugger, in(defaults, "enable_task_debugger"), env("ANSIBLE_ENABLE_TASK_DEBUGGER"), Bool, "false", nil, "stop at every task that fails, and ask"},
	{DebuggerForgives, in(defaults, "task_debugger_ignore_errors"), env("ANSIBLE_TASK_DEBUGGER_IGNORE_ERRORS"), Bool, "true", nil, "but not where ignore_errors holds"},
	{TagsRun, in("tags", "run"), env("ANSIBLE_RUN_TAGS"), List, "", nil, "what --tags would name"},
	{TagsSkip, in("tags", "skip"), env("ANSIBLE_SKIP_TAGS"), List, "", nil, "what --skip-tags would name"},
	{DiffAlways, in("diff", "always"), env("ANSIBLE_DIFF_ALWAYS"), Bool, "false", nil, "--diff"},
	{DisplaySkipped, in(defaults, "display_skipped_hosts"), env("ANSIBLE_DISPLAY_SKIPPED_HOSTS"), Bool, "true", nil, "show skipped hosts"},
	{DisplayOK, in(defaults, "display_ok_hosts"), env("ANSIBLE_DISPLAY_OK_HOSTS"), Bool, "true", nil, "show hosts on which nothing changed"},
	{FailedToStderr, in(defaults, "display_failed_stderr"), env("ANSIBLE_DISPLAY_FAILED_STDERR"), Bool, "false", nil, "show failures on standard error"},
	{CheckMarkers, in(defaults, "check_mode_markers"), env("ANSIBLE_CHECK_MODE_MARKERS"), Bool, "false", nil, "mark dry runs, and what is in check mode"},
	{CustomStats, in(defaults, "show_custom_stats"), env("ANSIBLE_SHOW_CUSTOM_STATS"), Bool, "false", nil, "show at the end what set_stats gave"},
	{Callback, in(defaults, "stdout_callback"), env("ANSIBLE_STDOUT_CALLBACK"), Text, "default", nil, "how a run is shown: default, yaml, debug, skippy, json or null"},
	{ResultFormat, in(defaults, "callback_result_format"), env("ANSIBLE_CALLBACK_RESULT_FORMAT"), Text, "json", []string{"json", "yaml"}, "how the results of tasks are written"},
	{ResultsPretty, in(defaults, "callback_format_pretty"), env("ANSIBLE_CALLBACK_FORMAT_PRETTY"), Bool, "", nil, "results on several lines always, or never"},
	{HostStarts, in(defaults, "show_per_host_start"), env("ANSIBLE_SHOW_PER_HOST_START"), Bool, "false", nil, "tell of each host that a task starts there"},
	{TaskPaths, in(defaults, "show_task_path_on_failure"), env("ANSIBLE_SHOW_TASK_PATH_ON_FAILURE"), Bool, "false", nil, "tell where a task that fails is written, as with -vv"},
	{ShowArgs, in(defaults, "display_args_to_stdout"), env("ANSIBLE_DISPLAY_ARGS_TO_STDOUT"), Bool, "false", nil, "tell the arguments of tasks in their headings"},
	{LogPath, in(defaults, "log_path"), env("ANSIBLE_LOG_PATH"), Path, "", nil, "file to which the output is added, with the time of each line"},
	{ForceColor, in(defaults, "force_color"), env("ANSIBLE_FORCE_COLOR"), Bool, "false", nil, "colours also where there is no terminal"},
	{NoColor, in(defaults, "nocolor"), env("ANSIBLE_NOCOLOR", "NO_COLOR"), Bool, "false", nil, "no colours"},
	{Verbosity, in(defaults, "verbosity"), env("ANSIBLE_VERBOSITY"), Int, "0", nil, "as many -v"},
	{Managed, in(defaults, "ansible_managed"), nil, Text, "Ansible managed", nil, "the variable ansible_managed"},
}

// Settings is the table of the settings that have an effect.
func Settings() []Setting { return settings }
