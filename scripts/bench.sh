#!/usr/bin/env bash
# bench.sh: measures Fairlead beside what it is compared with, in one session, medians of RUNS runs, and prints
# ratios. It measures and never fails for being slow.
#
#   scripts/bench.sh [PART...]       all parts when none is named
#
#   hosts      the eleven-task playbook (examples/bench) on 20 and on 100 loopback hosts with real OpenSSH: first and
#              second run, against the floor (a bare client that connects and runs `true`) and, on 20, ansible-playbook
#              (pipelining, forks 50) and ansible-playbook with Mitogen; the floor itself against `ssh host true`
#   delay      the same on 20 hosts behind 25 ms of one-way delay, against the floor
#   scale      1,000, 5,000 and 10,000 simulated hosts (scripts/bench/simhosts): wall time, CPU per host, peak memory
#   tasks      2,000 tasks on 100 simulated hosts
#   inventory  an inventory of 50,000 hosts in 500 groups: lint and three tasks that read variables
#   files      1 MB and 100 MB by copy against scp, without and with delay
#   start      `fairlead version` and `fairlead lint` of a small playbook; the size of the binary
#
# RUNS=5 ANSIBLE_RUNS=1 SCALE="1000 5000 10000" HOSTS="20 100"
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
runs=${RUNS:-5} ansible_runs=${ANSIBLE_RUNS:-1}
work=$(mktemp -d)
sim=''
trap 'stop_sim; rm -rf "$work"' EXIT

now() { date +%s.%N; }
median() { sort -n | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }
# timed FILE COMMAND...: appends the wall time in seconds.
timed() {
	local file=$work/$1 a b
	shift
	a=$(now)
	"$@" >"$work/out" 2>&1 || { tail -5 "$work/out" >&2; exit 1; }
	b=$(now)
	awk -v a="$a" -v b="$b" 'BEGIN { printf "%.3f\n", b - a }' >>"$file"
}
# quiet COMMAND...: shows what it said only where it fails.
quiet() { "$@" >"$work/out" 2>&1 || { tail -40 "$work/out" >&2; exit 1; }; }
of() { median <"$work/$1"; }
heading() { printf '\n== %s\n' "$*"; }

# sim ARGS...: starts simhosts and waits until it listens; stop_sim ends it and prints what it did.
start_sim() {
	bin/simhosts "$@" >"$work/sim" 2>&1 &
	sim=$!
	until grep -q ready "$work/sim"; do kill -0 "$sim" || { cat "$work/sim" >&2; exit 1; }; sleep 0.05; done
}
stop_sim() {
	[ -n "$sim" ] || return 0
	kill "$sim" 2>/dev/null && wait "$sim" 2>/dev/null || true
	sim=''
}

bed() {
	scripts/testbed up >&2
	scripts/testbed bench "$1" >&2
	eval "$(scripts/testbed env)"
	inventory=$FAIRLEAD_TESTBED_BENCH_INVENTORY known=$FAIRLEAD_TESTBED_KNOWN_HOSTS addresses=$FAIRLEAD_TESTBED_BENCH port=$FAIRLEAD_TESTBED_SSH_PORT
}
fairlead() { bin/fairlead run -i "$inventory" --known-hosts "$known" --no-record "$@"; }
floor() { bin/floor -parallel "$1" -user root -key "$FAIRLEAD_TESTBED_KEY" -port "$port" -known-hosts "$known" -hosts "$addresses"; }
ansible_run() {
	ANSIBLE_PIPELINING=1 ANSIBLE_FORKS=50 ANSIBLE_NOCOLOR=1 ANSIBLE_LOCALHOST_WARNING=0 ANSIBLE_PYTHON_INTERPRETER=/usr/bin/python3 \
		ANSIBLE_SSH_ARGS="-o ControlMaster=auto -o ControlPersist=60s -o UserKnownHostsFile=$known" \
		ansible-playbook -i "$inventory" examples/bench/site.yml
}
mitogen_run() { ANSIBLE_STRATEGY_PLUGINS=$mitogen ANSIBLE_STRATEGY=mitogen_linear ansible_run; }

# site_of N NAME: floor, first and second run on the bed's hosts.
site_of() {
	rm -f "$work"/{floor,first,second}
	for ((i = 0; i < runs; i++)); do
		timed floor floor "$1"
		quiet fairlead examples/bench/wipe.yml
		timed first fairlead examples/bench/site.yml
		timed second fairlead examples/bench/site.yml
	done
	local f a b
	f=$(of floor) a=$(of first) b=$(of second)
	{
		echo "what first second first/floor second/floor"
		echo "floor $f $f 1 1"
		echo "fairlead $a $b $(ratio "$a" "$f") $(ratio "$b" "$f")"
	} | column -t
}

# others: ansible-playbook, plain and with Mitogen, after site_of.
others() {
	local what runner
	mitogen=$(dirname "$(find / -xdev -path '*ansible_mitogen/plugins/strategy/mitogen_linear.py' 2>/dev/null | head -n 1)")
	for what in ansible mitogen; do
		runner=${what}_run
		rm -f "$work"/other-*
		for ((i = 0; i < ansible_runs; i++)); do
			quiet fairlead examples/bench/wipe.yml
			timed other-first "$runner"
			timed other-second "$runner"
		done
		echo "$what: first $(of other-first) s, second $(of other-second) s; $(ratio "$(of other-first)" "$(of first)") and $(ratio "$(of other-second)" "$(of second)") times Fairlead's"
	done
}

part_hosts() {
	local n
	scripts/apt-need ansible ansible-mitogen
	for n in ${HOSTS:-20 100}; do
		heading "11 tasks on $n loopback hosts, real OpenSSH, wall seconds, medians of $runs"
		bed "$n"
		site_of "$n"
		[ "$n" -gt 20 ] || [ "$ansible_runs" = 0 ] || others
		fairlead --stats examples/bench/site.yml | sed -n '/round trips/p'
	done
	heading "the floor itself, one host, against ssh"
	rm -f "$work"/{one,ssh}
	addresses=${addresses%% *}
	for ((i = 0; i < runs; i++)); do
		timed one floor 1
		timed ssh ssh -F none -i "$FAIRLEAD_TESTBED_KEY" -o UserKnownHostsFile="$known" -p "$port" "root@$addresses" true
	done
	echo "floor $(of one) s, ssh $(of ssh) s"
}

# slow_line: the bed's 20 hosts behind 25 ms each way, at addresses of their own.
slow_line() {
	bed 20
	local to='' n=0 a
	: >"$work/known"
	: >"$work/slow.ini"
	local slow=''
	for a in $addresses; do
		n=$((n + 1)) to="$to $a:$port" slow="$slow 127.5.0.$n"
		grep -E "^\[?$a\]?(:[0-9]+)? " "$known" | sed "s/^[^ ]*/[127.5.0.$n]:2225/" >>"$work/known"
		echo "bench$n ansible_host=127.5.0.$n ansible_port=2225 ansible_user=root ansible_ssh_private_key_file=$FAIRLEAD_TESTBED_KEY" >>"$work/slow.ini"
	done
	start_sim -port 2225 -delay 25ms -forward "$to"
	inventory=$work/slow.ini known=$work/known addresses=${slow# } port=2225
}

part_delay() {
	heading "11 tasks on 20 hosts behind 25 ms each way, wall seconds, medians of $runs"
	slow_line
	site_of 20
	stop_sim
}

# sim_playbook: examples/bench without what differs from host to host, below the work folder.
sim_playbook() {
	cp -r examples/bench "$work/pb"
	sed -i "s#base: /srv/bench#base: $work/base#" "$work/pb/site.yml"
	sed -i 's/{{ inventory_hostname[a-z_]* }}/one/' "$work"/pb/templates/*
}

# sim_run NAME HOSTS PLAYBOOK: one run against simulated hosts; prints wall, CPU and memory.
sim_run() {
	mkdir -p "$work/sim.d"
	start_sim -dir "$work/sim.d" -hosts "$2"
	/usr/bin/time -f '%e %U %S %M' -o "$work/time" bin/fairlead run -i "$work/sim.d/hosts.ini" --known-hosts "$work/sim.d/known_hosts" --no-record "$3" >"$work/out" 2>&1 ||
		{ tail -5 "$work/out" >&2; exit 1; }
	stop_sim
	awk -v name="$1" -v n="$2" '{ printf "%s %d hosts: %.1f s, CPU %.2f ms per host, peak %d MB\n", name, n, $1, ($2 + $3) * 1000 / n, $4 / 1024 }' "$work/time"
	echo "    simulator: $(tail -n 1 "$work/sim")"
}

part_scale() {
	local n
	scripts/apt-need time
	sim_playbook
	heading "11 tasks on simulated hosts; controller and simulator share $(nproc) cores"
	for n in ${SCALE:-1000 5000 10000}; do
		rm -rf "$work/base"
		sim_run "first run," "$n" "$work/pb/site.yml"
		sim_run "second run," "$n" "$work/pb/site.yml"
		start_sim -dir "$work/sim.d" -hosts "$n"
		/usr/bin/time -f '%e %U %S %M' -o "$work/time" bin/floor -parallel 50 -user root -key "$work/sim.d/key" -port 2200 -known-hosts "$work/sim.d/known_hosts" -file "$work/sim.d/list" >/dev/null
		stop_sim
		awk -v n="$n" '{ printf "floor, %d hosts: %.1f s, CPU %.2f ms per host, peak %d MB\n", n, $1, ($2 + $3) * 1000 / n, $4 / 1024 }' "$work/time"
	done
}

part_tasks() {
	scripts/apt-need time
	heading "2,000 tasks on 100 simulated hosts"
	awk -v base="$work/many" 'BEGIN { print "- hosts: all\n  gather_facts: false\n  vars: {base: " base "}\n  tasks:"
		for (i = 0; i < 2000; i++) printf "    - name: folder %d\n      file: path={{ base }}/d%d state=directory mode=0755\n      when: base is defined\n", i, i }' >"$work/many.yml"
	sim_run "first run," 100 "$work/many.yml"
	sim_run "second run," 100 "$work/many.yml"
}

part_inventory() {
	scripts/apt-need time
	heading "an inventory of 50,000 hosts in 500 groups"
	awk 'BEGIN { for (g = 0; g < 500; g++) { printf "[g%d]\n", g
			for (h = g * 100; h < (g + 1) * 100; h++) printf "host%05d rack=r%d serial=SN%d\n", h, h % 40, h }
		print "[all:children]"; for (g = 0; g < 500; g++) print "g" g
		for (g = 0; g < 500; g += 5) { printf "[g%d:vars]\n", g; for (k = 0; k < 20; k++) printf "var_%d=value %d of %d\n", k, k, g } }' >"$work/many.ini"
	printf '%s\n' '- hosts: all' '  gather_facts: false' '  tasks:' '    - debug: msg="{{ rack }} {{ inventory_hostname }}"' \
		'    - set_fact: x="{{ rack }}-{{ serial }}"' '    - debug: var=x' "      when: rack == 'r1'" >"$work/vars.yml"
	local what
	for what in lint run; do
		/usr/bin/time -f '%e %U %S %M' -o "$work/time" bin/fairlead $what -i "$work/many.ini" "$work/vars.yml" >/dev/null
		awk -v what="$what" '{ printf "%s: %.1f s, CPU %.1f s, peak %d MB\n", what, $1, $2 + $3, $4 / 1024 }' "$work/time"
	done
}

# copies NAME: copy against scp for two sizes, to the first host of the inventory.
copies() {
	local size a first=${addresses%% *}
	for size in 1 100; do
		head -c $((size * 1048576)) /dev/urandom >"$work/file-$size"
		printf '%s\n' "- hosts: '{{ groups.all[0] }}'" '  gather_facts: false' '  tasks:' "    - copy: src=$work/file-$size dest=/srv/bench-file" >"$work/copy.yml"
		printf '%s\n' "- hosts: '{{ groups.all[0] }}'" '  gather_facts: false' '  tasks:' '    - file: path=/srv/bench-file state=absent' >"$work/uncopy.yml"
		rm -f "$work"/{copy,scp}
		for ((i = 0; i < runs; i++)); do
			fairlead "$work/uncopy.yml" >/dev/null
			timed copy fairlead "$work/copy.yml"
			timed scp scp -q -F none -i "$FAIRLEAD_TESTBED_KEY" -o UserKnownHostsFile="$known" -P "$port" "$work/file-$size" "root@$first:/srv/bench-file"
		done
		a=$(of copy)
		echo "$1, $size MB: copy $a s, scp $(of scp) s; $(ratio "$(of scp)" "$a") of scp's speed"
	done
}

part_files() {
	heading "files by copy against scp, wall seconds with the connection, medians of $runs"
	bed 20
	copies "loopback"
	slow_line
	copies "25 ms each way"
	stop_sim
}

part_start() {
	heading "start-up"
	rm -f "$work"/{version,lint}
	printf '%s\n' '- hosts: localhost' '  tasks:' '    - debug: msg=hello' >"$work/small.yml"
	for ((i = 0; i < 20; i++)); do
		timed version bin/fairlead version
		timed lint bin/fairlead lint -i localhost, "$work/small.yml"
	done
	echo "version $(of version) s, lint $(of lint) s (medians of 20, with the shell's own start of a process); the binary: $(stat -c %s bin/fairlead) bytes"
}

make -s build
for c in floor simhosts; do CGO_ENABLED=0 go build -trimpath -o bin/$c ./scripts/bench/$c; done
echo "$(nproc) cores, $(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release), $(ssh -V 2>&1), $(bin/fairlead version)"
for part in ${*:-start hosts delay files tasks inventory scale}; do part_"$part"; done
