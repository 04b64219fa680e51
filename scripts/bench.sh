#!/usr/bin/env bash
# bench.sh: the eleven-task playbook on N loopback hosts, by the floor (a bare
# client that connects and runs `true`), by Fairlead, and by ansible-playbook
# (pipelining, forks 50); first run and second run; medians and ratios.
#
#   HOSTS=20 RUNS=3 ANSIBLE_RUNS=1 scripts/bench.sh
#
# It measures and never fails for being slow.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
hosts=${HOSTS:-20} runs=${RUNS:-5} ansible_runs=${ANSIBLE_RUNS:-1}

scripts/apt-need ansible
make -s build
CGO_ENABLED=0 go build -trimpath -o bin/floor ./scripts/bench/floor
scripts/testbed up >&2
scripts/testbed bench "$hosts" >&2
eval "$(scripts/testbed env)"
inventory=$FAIRLEAD_TESTBED_BENCH_INVENTORY
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

now() { date +%s.%N; }
timed() { # timed COMMAND...: its wall time in seconds
	local a b
	a=$(now)
	"$@" >"$work/out" 2>&1 || { cat "$work/out" >&2; exit 1; }
	b=$(now)
	awk -v a="$a" -v b="$b" 'BEGIN { printf "%.3f\n", b - a }'
}
median() { sort -n | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
wipe() { bin/fairlead run -i "$inventory" --known-hosts "$FAIRLEAD_TESTBED_KNOWN_HOSTS" --no-record -f "$hosts" examples/bench/wipe.yml >/dev/null; }
fairlead() { bin/fairlead run -i "$inventory" --known-hosts "$FAIRLEAD_TESTBED_KNOWN_HOSTS" --no-record -f "$hosts" examples/bench/site.yml; }
floor() { bin/floor -parallel "$hosts" -user root -key "$FAIRLEAD_TESTBED_KEY" -port "$FAIRLEAD_TESTBED_SSH_PORT" -known-hosts "$FAIRLEAD_TESTBED_KNOWN_HOSTS" -hosts "$FAIRLEAD_TESTBED_BENCH"; }
ansible_run() {
	ANSIBLE_PIPELINING=1 ANSIBLE_FORKS=50 ANSIBLE_NOCOLOR=1 ANSIBLE_LOCALHOST_WARNING=0 ANSIBLE_PYTHON_INTERPRETER=/usr/bin/python3 \
		ANSIBLE_SSH_ARGS="-o ControlMaster=auto -o ControlPersist=60s -o UserKnownHostsFile=$FAIRLEAD_TESTBED_KNOWN_HOSTS" \
		ansible-playbook -i "$inventory" examples/bench/site.yml
}

for ((i = 0; i < runs; i++)); do
	timed floor >>"$work/floor"
	wipe
	timed fairlead >>"$work/first"
	timed fairlead >>"$work/second"
done
for ((i = 0; i < ansible_runs; i++)); do
	wipe
	timed ansible_run >>"$work/ansible-first"
	timed ansible_run >>"$work/ansible-second"
done

f=$(median <"$work/floor") a=$(median <"$work/first") b=$(median <"$work/second")
echo
echo "11 tasks on $hosts loopback hosts, wall seconds, medians of $runs runs (ansible-playbook: $ansible_runs); $(nproc) cores, $(bin/fairlead version)"
{
	echo "what first second"
	echo "floor $f $f"
	echo "fairlead $a $b"
	if [ "$ansible_runs" -gt 0 ]; then
		c=$(median <"$work/ansible-first") d=$(median <"$work/ansible-second")
		echo "ansible-playbook $c $d"
		awk -v a="$a" -v b="$b" -v c="$c" -v d="$d" 'BEGIN { printf "ansible/fairlead %.1fx %.1fx\n", c / a, d / b }'
	fi
	awk -v a="$a" -v b="$b" -v f="$f" 'BEGIN { printf "fairlead/floor %.2f %.2f\n", a / f, b / f }'
} | column -t
