package net

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSocketsOfNetstat(t *testing.T) {
	t.Parallel()
	got, err := parseNetstat(`Active Internet connections (only servers)
Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name
tcp        0      0 0.0.0.0:22              0.0.0.0:*               LISTEN      51/sshd: /usr/sbin
tcp6       0      0 :::22                   :::*                    LISTEN      51/sshd:
tcp6       0      0 :::22                   :::*                    LISTEN      51/sshd:
tcp        0      0 127.0.0.1:25            0.0.0.0:*               LISTEN      -
udp        0      0 127.0.0.53:53           0.0.0.0:*                           412/systemd-resolve
`)
	want := []socket{
		{"tcp", "LISTEN", "0.0.0.0", "0.0.0.0:*", "sshd", 22, 51}, {"tcp", "LISTEN", "::", ":::*", "sshd", 22, 51},
		{"tcp", "LISTEN", "127.0.0.1", "0.0.0.0:*", "", 25, 0}, {"udp", "", "127.0.0.53", "0.0.0.0:*", "systemd-resolve", 53, 412},
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(socket{})); d != "" || err != nil {
		t.Error(d, err)
	}
	if _, err := parseNetstat("tcp 0 0 x y LISTEN 1/a\n"); err == nil {
		t.Error("an address without a port is none")
	}
}

func TestSocketsOfSS(t *testing.T) {
	t.Parallel()
	got, err := parseSS(`Netid State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess
udp   UNCONN 0      0      127.0.0.53%lo:53        0.0.0.0:*    users:(("systemd-resolve",pid=412,fd=12))
tcp   LISTEN 0      511             [::]:80           [::]:*    users:(("nginx",pid=7,fd=6),("nginx",pid=8,fd=6))
tcp   LISTEN 0      128        127.0.2.5:22        0.0.0.0:*
`)
	want := []socket{
		{"udp", "UNCONN", "127.0.0.53%lo", "0.0.0.0:*", "systemd-resolve", 53, 412},
		{"tcp", "LISTEN", "::", "[::]:*", "nginx", 80, 7}, {"tcp", "LISTEN", "::", "[::]:*", "nginx", 80, 8},
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(socket{})); d != "" || err != nil {
		t.Error(d, err)
	}
	for _, bad := range []string{"", "ss: no such option\n", "Netid State\ntcp LISTEN\n"} {
		if _, err := parseSS(bad); err == nil {
			t.Errorf("%q is no table", bad)
		}
	}
}
