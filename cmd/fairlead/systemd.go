package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"
)

// notify tells systemd how the service is; nothing when it was not started by
// systemd (sd_notify(3)).
func notify(state string) {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		return
	}
	if name[0] == '@' {
		name = "\x00" + name[1:]
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return // nobody listens
	}
	defer conn.Close()
	_, _ = conn.Write([]byte(state)) // there is nobody to tell that it failed
}

func monotonicMicros() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0
	}
	return ts.Nano() / 1000
}

// writePid writes the process id, once the server listens.
func writePid(file string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(strconv.Itoa(os.Getpid())), 0o644)
}

// removePid removes the file unless it is another process's by now.
func removePid(file string) {
	if text, err := os.ReadFile(file); err == nil && strings.TrimSpace(string(text)) == strconv.Itoa(os.Getpid()) {
		_ = os.Remove(file)
	}
}

const unit = `[Unit]
Description=Fairlead, the provisioning server that server-manager calls
Documentation=https://github.com/fairlead-project/fairlead
Wants=network-online.target
After=network-online.target

[Service]
Type=notify
ExecStart=%s
ExecReload=/bin/kill -HUP $MAINPID
KillMode=mixed
TimeoutStopSec=%d
Restart=on-failure
RestartSec=2
StateDirectory=fairlead
StateDirectoryMode=0700
UMask=0077
NoNewPrivileges=yes
PrivateTmp=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictSUIDSGID=yes
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
`

// printUnit prints a unit that starts this program with the flags that were
// given. A folder for data is the unit's, unless one was named.
func printUnit(w io.Writer, fl *pflag.FlagSet) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	args := []string{exe, "serve"}
	fl.Visit(func(f *pflag.Flag) {
		switch {
		case f.Name == "print-unit":
		case f.Value.Type() == "bool":
			args = append(args, "--"+f.Name+"="+f.Value.String())
		case f.Value.Type() == "stringSlice":
			args = append(args, "--"+f.Name, strings.Trim(f.Value.String(), "[]"))
		default:
			args = append(args, "--"+f.Name, f.Value.String())
		}
	})
	if !fl.Changed("data") {
		args = append(args, "--data", "/var/lib/fairlead")
	}
	drain, err := fl.GetDuration("drain")
	if err != nil {
		return err
	}
	for i, a := range args {
		args[i] = unitWord(a)
	}
	_, err = fmt.Fprintf(w, unit, strings.Join(args, " "), int(drain.Seconds())+30)
	return err
}

// unitWord quotes a word of a command line in a unit.
func unitWord(s string) string {
	s = strings.NewReplacer("%", "%%", "$", "$$", `\`, `\\`, `"`, `\"`).Replace(s)
	if s == "" || strings.ContainsAny(s, " \t'\"\\;") {
		return `"` + s + `"`
	}
	return s
}
