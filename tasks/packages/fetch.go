package packages

// scriptFetch defines fetch URL FILE [insecure]: it gets a URL into a file with
// what the host has for that.
const scriptFetch = `fetch() {
	if command -v curl >/dev/null; then curl -fsSL ${3:+-k} -o "$2" -- "$1"
	elif command -v wget >/dev/null; then wget -q ${3:+--no-check-certificate} -O "$2" -- "$1"
	elif command -v python3 >/dev/null; then python3 -c 'import shutil, ssl, sys, urllib.request as u
c = ssl._create_unverified_context() if len(sys.argv) > 3 else None
try:
    with u.urlopen(sys.argv[1], context=c) as r, open(sys.argv[2], "wb") as f: shutil.copyfileobj(r, f)
except OSError as e: sys.exit("Request failed: " + str(e))' "$1" "$2" ${3:+k}
	else echo 'the host has neither curl nor wget' >&2; return 127
	fi
}
`

// english is the environment that programs are read in.
var english = []string{"LANG=C.UTF-8", "LC_ALL=C.UTF-8", "LC_MESSAGES=C.UTF-8"}

// aptEnv is the environment for programs of APT.
var aptEnv = append([]string{"DEBIAN_FRONTEND=noninteractive", "DEBIAN_PRIORITY=critical"}, english...)
