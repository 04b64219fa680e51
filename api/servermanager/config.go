package servermanager

import (
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
)

// File is what server-manager's sm-config.ini says to its Ansible server.
type File struct {
	// IP and Port are where to listen.
	IP, Port string
	// LogPath is the debug log.
	LogPath string
	// ServerManager is where server-manager itself listens; "" when not told.
	ServerManager string
	// Defaults are all options of [ANSIBLE-SERVER], known or not: they fill what
	// requests leave out.
	Defaults *value.Map
}

// ReadFile reads the section [ANSIBLE-SERVER] of an sm-config.ini. Options that
// are not there have the original's defaults.
func ReadFile(path string) (File, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return File{}, diag.Errorf(diag.Pos{File: path}, "sm-config", "%w", err)
	}
	sections, err := parseINI(path, string(text))
	if err != nil {
		return File{}, err
	}
	f := File{IP: "127.0.0.1", Port: "9003", Defaults: value.NewMap()}
	for _, o := range sections["ANSIBLE-SERVER"] {
		f.Defaults.Set(o.name, value.String(o.value))
	}
	for _, x := range []struct {
		name string
		to   *string
	}{{"ansible_srvr_ip", &f.IP}, {"ansible_srvr_port", &f.Port}, {"ansible_log_path", &f.LogPath}} {
		if v, ok := f.Defaults.Get(x.name); ok && v.Text() != "" {
			*x.to = v.Text()
		}
	}
	f.Defaults.Set("ansible_srvr_ip", value.String(f.IP))
	f.Defaults.Set("ansible_srvr_port", value.String(f.Port))
	f.Defaults.Set("config_file", value.String(path))
	for _, o := range sections["SERVER-MANAGER"] {
		if ip := net.ParseIP(o.value); o.name == "listen_ip_addr" && (ip == nil || !ip.IsUnspecified()) {
			f.ServerManager = o.value
		}
	}
	return f, nil
}

type option struct{ name, value string }

// parseINI reads what Python's ConfigParser reads: names in lower case, values
// after = or :, indented lines go on with the value, # and ; begin comments.
func parseINI(path, text string) (map[string][]option, error) {
	out := map[string][]option{}
	section := ""
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, " \t\r\n")
		trimmed := strings.TrimSpace(line)
		pos := diag.Pos{File: path, Line: n, Col: 1}
		switch {
		case trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';':
			continue
		case trimmed[0] == '[' && strings.HasSuffix(trimmed, "]"):
			section = strings.TrimSpace(trimmed[1 : len(trimmed)-1])
			if _, ok := out[section]; !ok {
				out[section] = nil
			}
			continue
		case section == "":
			return nil, diag.Errorf(pos, "sm-config", "%q stands before any section", trimmed)
		}
		opts := out[section]
		if (line[0] == ' ' || line[0] == '\t') && len(opts) > 0 {
			opts[len(opts)-1].value += "\n" + trimmed
			continue
		}
		i := strings.IndexAny(trimmed, "=:")
		if i <= 0 {
			return nil, diag.Errorf(pos, "sm-config", "%q is no option: name = value is needed", trimmed)
		}
		name, val := strings.ToLower(strings.TrimSpace(trimmed[:i])), strings.TrimSpace(trimmed[i+1:])
		if j := strings.Index(val, " ;"); j >= 0 {
			val = strings.TrimSpace(val[:j])
		}
		if val == `""` {
			val = ""
		}
		replaced := false
		for k := range opts {
			if opts[k].name == name {
				opts[k].value, replaced = val, true
			}
		}
		if !replaced {
			opts = append(opts, option{name, val})
		}
		out[section] = opts
	}
	return out, nil
}

// String says what the file asks for.
func (f File) String() string { return fmt.Sprintf("listen on %s", net.JoinHostPort(f.IP, f.Port)) }
