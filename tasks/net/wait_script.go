package net

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// What the script of wait_for returns when it is not so, and when the host has
// no means to tell.
const (
	rcNotYet  = 100
	rcNoMeans = 101
)

// connect is a function of the shell: it connects to $1 port $2 within $3
// seconds. With $4 it prints what comes within that time.
const connect = `connect() {
if command -v timeout >/dev/null 2>&1; then lim="timeout $3"; else lim=; fi
if command -v bash >/dev/null 2>&1; then
  if [ -n "$4" ]; then $lim bash -c 'exec 3<>"/dev/tcp/$0/$1" && cat <&3' "$1" "$2" 2>/dev/null; [ $? = 1 ] && return 1; return 0; fi
  $lim bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>/dev/null
elif py=$(command -v python3 || command -v python); then
  "$py" -c 'import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), float(sys.argv[3]))
try:
    while sys.argv[4:] and sys.argv[4]:
        d = s.recv(4096)
        if not d: break
        getattr(sys.stdout, "buffer", sys.stdout).write(d)
except socket.timeout: pass' "$1" "$2" "$3" "$4" 2>/dev/null
elif command -v nc >/dev/null 2>&1; then
  if [ -n "$4" ]; then $lim nc -w "$3" "$1" "$2" </dev/null 2>/dev/null; [ $? = 1 ] && return 1; return 0; fi
  $lim nc -w "$3" "$1" "$2" </dev/null >/dev/null 2>&1; rc=$?; [ $rc = 0 ] || [ $rc = 124 ] || [ $rc = 143 ]
elif command -v perl >/dev/null 2>&1; then
  perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(PeerAddr => $ARGV[0], PeerPort => $ARGV[1], Timeout => $ARGV[2]) or exit 1;
if ($ARGV[3]) { eval { $SIG{ALRM} = sub { die }; alarm $ARGV[2]; $| = 1; while (sysread $s, $d, 4096) { print $d } } }' "$1" "$2" "$3" "$4" 2>/dev/null
else exit 101; fi
}
`

// drained is a function of the shell: nobody is connected to port $1 here in one
// of the states $2 (hexadecimal numbers between bars), but for the hosts behind
// it, by names or addresses.
const drained = `drained() {
hex=$(printf %04X "$1") states=$2; shift 2
skip=
for h; do
  case $h in
  *:*:*) skip="$skip $h" ;;
  *) for ip in $(case $h in *[!0-9.]*) getent ahosts "$h" | sed 's/ .*//' ;; *) echo "$h" ;; esac); do
       case $ip in *[!0-9.]*) ;; *) skip="$skip $(IFS=.; set -- $ip; printf '%02X%02X%02X%02X' "$4" "$3" "$2" "$1")" ;; esac
     done ;;
  esac
done
! cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | while read -r _ here there st _; do
  case $here in *:$hex) ;; *) continue ;; esac
  case $states in *"|$st|"*) ;; *) continue ;; esac
  for h in $skip; do
    case ${there%:*} in *"${h#*:*:}") continue 2 ;; esac
  done
  echo yes
done | grep -q yes
}
`

// tcpStates are the states of connections as Linux numbers them.
var tcpStates = map[string]string{"ESTABLISHED": "01", "SYN_SENT": "02", "SYN_RECV": "03", "FIN_WAIT1": "04", "FIN_WAIT2": "05", "TIME_WAIT": "06"}

// drain is the test of a port that nobody is to be connected to.
func (w *waiting) drain(port int) string {
	states := "|"
	for _, s := range w.Active {
		states += tcpStates[s] + "|"
	}
	words := []string{"drained", strconv.Itoa(port), quote(states)}
	for _, h := range w.Exclude {
		words = append(words, quote(procAddress(h)))
	}
	return strings.Join(words, " ")
}

// procAddress writes an IPv6 address as /proc/net/tcp6 does, behind two colons
// that tell it from names; anything else stays as it is.
func procAddress(h string) string {
	ip, err := netip.ParseAddr(h)
	if err != nil || !ip.Is6() {
		return h
	}
	b := ip.As16()
	out := "::"
	for i := 0; i < 16; i += 4 {
		out += fmt.Sprintf("%02X%02X%02X%02X", b[i+3], b[i+2], b[i+1], b[i])
	}
	return out
}

// firstLook is how many seconds the first look at what a port says may take:
// most say it at once and keep the connection. Later looks have connect_timeout.
const firstLook = 1

// clock defines clock, which has $now be the milliseconds since 1970: where date knows
// only seconds, those.
const clock = `clock() {
	now=$(date +%s%3N)
	case $now in *[!0-9]*|??????????) now=$(date +%s)000;; esac
}
`

// script waits: delay seconds first, then until it is so, at most limit
// seconds in all. With a text to find it looks once and prints.
func (w *waiting) script(delay, limit int) string {
	port, hasPort := w.Port.Get()
	head, test := "", ""
	patience := max(1, min(w.Connect, limit-delay))
	if w.re != nil && w.start.IsZero() {
		patience = min(patience, firstLook)
	}
	at := quote(w.Host) + " " + strconv.Itoa(port) + " " + strconv.Itoa(patience)
	switch {
	case hasPort && w.State == "drained":
		head, test = drained, w.drain(port)
	case hasPort && w.gone():
		head, test = connect, "! connect "+at
	case hasPort && w.re != nil:
		head, test = connect, "connect "+at+" x"
	case hasPort:
		head, test = connect, "connect "+at
	case w.path != "" && w.gone():
		test = "[ ! -e " + quote(w.path) + " ]"
	case w.path != "" && w.re != nil:
		test = "cat " + quote(w.path) + " 2>/dev/null"
	case w.path != "":
		test = "[ -e " + quote(w.path) + " ]"
	default:
		return fmt.Sprintf("sleep %d", w.Delay+limit)
	}
	if delay > 0 {
		head += fmt.Sprintf("sleep %d\n", delay)
	}
	if w.re != nil {
		return head + "if " + test + "; then exit 0; fi; exit " + strconv.Itoa(rcNotYet)
	}
	return head + clock + fmt.Sprintf("clock; end=$(( now + %d000 ))\nwhile :; do\nif %s; then exit 0; fi\n"+
		"clock; [ $now -lt $end ] || exit %d\nsleep %d\ndone", max(0, limit-delay), test, rcNotYet, w.Sleep)
}
