# Part of `testbed`: the machines. Each is a folder below hosts/: keys, upper and work (its overlay), docker or
# registry (plain folders), pid, log.

all_hosts() {
	local n
	echo registry
	for ((n = 1; n <= nodes; n++)); do echo "node$n"; done
	printf '%s\n' "${!fixed[@]}" | sort
	for ((n = 1; n <= bench; n++)); do echo "bench$n"; done
}

# known_hosts_of_bed: every host that has a folder, wanted or not.
known_hosts_of_bed() { if [ -d "$bed/hosts" ]; then ls "$bed/hosts"; fi; }

kind_of() {
	case $1 in
	node*) echo docker ;;
	twin-*) echo twin ;;
	docker-*) echo docker-twin ;;
	bench*) echo bench ;;
	*) echo "$1" ;;
	esac
}

address_of() {
	case $1 in
	registry) echo "$registry_host" ;;
	node*) echo "127.0.2.${1#node}" ;;
	bench*) echo "127.0.3.${1#bench}" ;;
	*) echo "${fixed[$1]}" ;;
	esac
}

port_of() { if [ "$1" = registry ]; then echo "$registry_port"; else echo "$port"; fi; }

lower_of() {
	local layers=$bed/layers base=$bed/layers/common:$bed/base
	case $(kind_of "$1") in
	docker | docker-twin) echo "$base" ;;
	registry) echo "$layers/registry:$base" ;;
	busybox) echo "$layers/busybox" ;;
	dash | sudo) echo "$layers/$1:$layers/light:$base" ;;
	twin) echo "$layers/twin:$layers/light:$base" ;;
	*) echo "$layers/light:$base" ;;
	esac
}

seconds_since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'; }

# is_first PID HOST: is it the first process of that host's namespace? Looks at what only we have put there, because a
# number in a file may by now belong to somebody else.
is_first() {
	[ -r "/proc/$1/environ" ] && grep -qsxzF "TESTBED_HOST=$bed/hosts/$2" "/proc/$1/environ" &&
		grep -qsP '^NSpid:.*\t1$' "/proc/$1/status"
}

# host_pid HOST prints the pid of the host's first process, or fails.
host_pid() {
	local pid
	read -r pid 2>/dev/null <"$bed/hosts/$1/pid" && is_first "$pid" "$1" && echo "$pid"
}

# host_gone HOST: its first process was there and is no more. One look is not enough: while a process executes another
# program its environment reads as empty.
host_gone() {
	[ -s "$bed/hosts/$1/pid" ] || return 1
	for _ in 1 2 3 4; do
		! host_pid "$1" >/dev/null || return 1
		sleep 0.05
	done
}

# speaks ADDRESS PORT: does an SSH server say its name there?
speaks() {
	# shellcheck disable=SC2016
	timeout 5 bash -c 'exec 3<>"/dev/tcp/$1/$2" && IFS= read -r line <&3 && [[ $line == SSH-2.0* ]]' bash "$1" "$2" 2>/dev/null
}

listens() {
	# shellcheck disable=SC2016
	timeout 5 bash -c 'exec 3<>"/dev/tcp/$1/$2"' bash "$1" "$2" 2>/dev/null
}

docker_answers() {
	# shellcheck disable=SC2016
	perl -MIO::Socket::UNIX -e 'alarm 5; my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or exit 1;
		print $s "GET /_ping HTTP/1.0\r\n\r\n"; exit(<$s> =~ / 200 / ? 0 : 1)' "/proc/$1/root/run/docker.sock" 2>/dev/null
}

# host_answers HOST: its first process lives and everything it serves answers.
host_answers() {
	local pid
	pid=$(host_pid "$1") || return 1
	case $(kind_of "$1") in
	registry) listens "$registry_host" "$registry_port" ;;
	docker | docker-twin) speaks "$(address_of "$1")" "$port" && docker_answers "$pid" ;;
	*) speaks "$(address_of "$1")" "$port" ;;
	esac
}

# choose_ports settles on free ones at the first `up`; later ones keep what was chosen.
choose_ports() {
	local try
	free() { ! listens "$1" "$2"; }
	if [ -z "$port" ]; then
		for try in 22 2222 22022; do
			if free 127.0.2.1 "$try" && free "${fixed[dash]}" "$try"; then port=$try && break; fi
		done
		[ -n "$port" ] || die "the ports 22, 2222 and 22022 of 127.0.2.1 are taken: give --port"
	fi
	[ -n "$registry_port" ] && return
	for try in 5000 5050 5555 5556 5557 5558; do
		if free "$registry_host" "$try"; then registry_port=$try && return; fi
	done
	die "the ports 5000, 5050 and 5555 to 5558 of $registry_host are taken"
}

prepare_host() {
	local name=$1 dir=$bed/hosts/$1 types=ed25519 type
	case $(kind_of "$name") in docker | dash | busybox | sudo) types='ed25519 ecdsa rsa' ;; esac
	mkdir -p "$dir"/{keys,upper/etc/ssh,work,docker,registry}
	if [ ! -f "$dir/keys/done" ]; then
		rm -f "$dir"/keys/*
		for type in $types; do ssh-keygen -q -t "$type" -N '' -C "$name" -f "$dir/keys/ssh_host_${type}_key"; done
		touch "$dir/keys/done"
	fi
	cp -p "$dir"/keys/ssh_host_* "$dir/upper/etc/ssh/"
	echo "$name" >"$dir/upper/etc/hostname"
	printf '127.0.0.1 localhost\n%s %s\n' "$(address_of "$name")" "$name" >"$dir/upper/etc/hosts"
}

launch_host() {
	local name=$1 dir=$bed/hosts/$1
	rm -f "$dir/pid"
	: >"$dir/log"
	# No descriptor of ours may live on in the host: not the locks, not a pipe that somebody waits for.
	(
		for fd in /dev/fd/*; do
			fd=${fd##*/}
			[ "$fd" -le 2 ] || eval "exec $fd>&-"
		done
		cd /
		exec setsid unshare --mount --pid --uts --ipc --fork env -i PATH="$PATH" TESTBED_HOST="$dir" NAME="$name" \
			KIND="$(kind_of "$name")" ADDRESS="$(address_of "$name")" PORT="$port" LOWER="$(lower_of "$name")" \
			REGISTRY="$registry_host:$registry_port" bash "$here/testbed.d/host-init"
	) </dev/null >>"$dir/log" 2>&1 &
}

# start_hosts HOST... starts those that do not answer, all at once, and waits until they do.
start_hosts() {
	local name pending=() left deadline=$((SECONDS + 90)) failed=0
	for name in "$@"; do host_answers "$name" || pending+=("$name"); done
	[ ${#pending[@]} -gt 0 ] || return 0
	stop_hosts "${pending[@]}"
	for name in "${pending[@]}"; do prepare_host "$name" & done
	wait
	for name in "${pending[@]}"; do launch_host "$name"; done
	while [ ${#pending[@]} -gt 0 ]; do
		left=()
		for name in "${pending[@]}"; do
			if host_answers "$name"; then continue; fi
			if host_gone "$name"; then
				say "$name ended while starting; log: $bed/hosts/$name/log, which ends with:"
				failed=1
			elif [ "$SECONDS" -ge "$deadline" ]; then
				say "$name does not answer after 90 s; log: $bed/hosts/$name/log, which ends with:"
				failed=1
			else
				left+=("$name")
				continue
			fi
			tail -n 5 "$bed/hosts/$name/log" | sed 's/^/    /' >&2
		done
		pending=("${left[@]}")
		[ ${#pending[@]} -eq 0 ] || sleep 0.05
	done
	[ $failed = 0 ] || die "some hosts did not start"
}

# stop_hosts HOST... ends each host's first process, and with it the kernel ends all others in it. Looks through all
# processes, not at the pid file: that may be lost.
stop_hosts() {
	local name environ pid marks=() waiting=()
	[ $# -gt 0 ] || return 0
	for name in "$@"; do marks+=(-e "TESTBED_HOST=$bed/hosts/$name"); done
	while read -r environ; do
		pid=${environ//[!0-9]/}
		if grep -qsP '^NSpid:.*\t1$' "/proc/$pid/status"; then
			kill -KILL "$pid" 2>/dev/null || true
			waiting+=("$pid")
		fi
	done < <(grep -lszxF "${marks[@]}" /proc/[0-9]*/environ)
	for pid in "${waiting[@]}"; do wait_gone "$pid"; done
	for name in "$@"; do
		rm -f "$bed/hosts/$name/pid"
		[[ $(kind_of "$name") = docker* ]] || continue
		remove_bridges "$name"
		find /sys/fs/cgroup -depth -type d \( -path "*/fairlead-testbed/$name" -o -path "*/fairlead-testbed/$name/*" \) -exec rmdir {} + 2>/dev/null || true
	done
	find /sys/fs/cgroup -depth -type d -name fairlead-testbed -exec rmdir {} + 2>/dev/null || true
}

# remove_bridges HOST removes the bridges of the host's Docker networks: they are in the network namespace that all
# hosts share, so the kernel does not take them away.
remove_bridges() {
	local bridge
	for bridge in $(grep -aosh 'br-[0-9a-f]\{12\}' "$bed/hosts/$1/docker/network/files/local-kv.db" | sort -u); do
		ip link delete "$bridge" 2>/dev/null || true
	done
}

# drop_unwanted stops and removes the hosts that are no longer asked for.
drop_unwanted() {
	local names=()
	mapfile -t names < <(comm -13 <(all_hosts | sort) <(known_hosts_of_bed | sort))
	[ ${#names[@]} -gt 0 ] || return 0
	stop_hosts "${names[@]}"
	rm -rf --one-file-system "${names[@]/#/$bed/hosts/}"
}

wait_gone() {
	local n
	for ((n = 0; n < 500; n++)); do
		[ -e "/proc/$1" ] || return 0
		! grep -qs '^State:.*Z' "/proc/$1/status" || return 0
		sleep 0.02
	done
	die "process $1 does not end"
}

# wipe_host forgets all that was written in a host but its host keys.
wipe_host() {
	local dir=$bed/hosts/$1 trash
	trash=$(mktemp -d "$dir/trash.XXXXXX")
	mv "$dir/upper" "$dir/work" "$dir/docker" "$dir/registry" "$trash/"
	rm -rf --one-file-system "$dir"/trash.*
}

# write_client_files: what SSH clients and the two engines need to know.
write_client_files() {
	local dir=$bed/client name address file
	{
		for name in $(all_hosts); do
			[ "$name" != registry ] || continue
			address=$(address_of "$name")
			[ "$port" = 22 ] || address="[$address]:$port"
			cat "$bed/hosts/$name"/keys/*.pub | while read -r type key _; do echo "$address $type $key"; done
		done
	} >"$dir/known_hosts.new"
	{
		for name in $(all_hosts); do
			[ "$name" != registry ] || continue
			printf 'Host %s\n\tHostName %s\n\tUser %s\n' "$name" "$(address_of "$name")" "$(user_of "$name")"
		done
		printf 'Host *\n\tPort %s\n\tIdentityFile %s\n\tIdentitiesOnly yes\n\tUserKnownHostsFile %s\n' "$port" "$dir/id_ed25519" "$dir/known_hosts"
		printf '\tGlobalKnownHostsFile /dev/null\n\tStrictHostKeyChecking yes\n\tLogLevel ERROR\n'
	} >"$dir/ssh_config.new"
	{
		echo '# written by testbed up'
		inventory_group nodes 'docker'
		inventory_group twins 'twin'
		inventory_group light 'busybox|dash|sudo'
		printf '[light:vars]\nansible_become_password="%s"\n\n' "${password[deploy]}"
		inventory_vars
	} >"$dir/inventory.ini.new"
	{
		echo '# written by testbed bench'
		inventory_group bench 'bench'
		inventory_vars
	} >"$dir/bench.ini.new"
	for file in known_hosts ssh_config inventory.ini bench.ini; do mv "$dir/$file.new" "$dir/$file"; done
}

user_of() { if [ "$1" = sudo ]; then echo deploy; else echo root; fi; }

inventory_group() {
	local name extra
	echo "[$1]"
	for name in $(all_hosts); do
		[[ $(kind_of "$name") =~ ^($2)$ ]] || continue
		extra=''
		[ "$name" != sudo ] || extra=' ansible_user=deploy ansible_become=true'
		echo "$name ansible_host=$(address_of "$name")$extra"
	done
	echo
}

inventory_vars() {
	echo '[all:vars]'
	echo "ansible_port=$port"
	echo 'ansible_user=root'
	echo "ansible_ssh_private_key_file=$bed/client/id_ed25519"
	echo "ansible_ssh_common_args='-o UserKnownHostsFile=$bed/client/known_hosts -o GlobalKnownHostsFile=/dev/null'"
	echo 'ansible_python_interpreter=/usr/bin/python3'
	echo "registry=$registry_host:$registry_port"
}
