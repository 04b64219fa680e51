# Part of `testbed`: the file trees machines are made of. A Debian tree once, thin layers over it for each kind.

# check_folder makes the folder and makes sure that overlays can be written in it.
check_folder() {
	local probe=$bed/probe
	if [ -n "$(ls -A "$bed" | grep -vx lock)" ] && [ ! -f "$bed/.fairlead-testbed" ]; then
		die "$bed exists and is not a test bed; set FAIRLEAD_TESTBED to another folder"
	fi
	touch "$bed/.fairlead-testbed"
	[ ! -f "$bed/config" ] || return 0
	try_overlay() {
		rm -rf "$probe" && mkdir -p "$probe"/{lower,upper,work,root}
		unshare --mount sh -c 'mount -t overlay overlay -o "lowerdir=$1/lower,upperdir=$1/upper,workdir=$1/work" "$1/root" &&
			mkdir "$1/root/ok" && rmdir "$1/root/ok"' sh "$probe" 2>/dev/null
	}
	if ! try_overlay; then
		# A folder that is itself on an overlay (inside a container) cannot hold one; memory can.
		say "no overlay can be written in $bed: using memory (tmpfs) there"
		rm -rf "$probe"
		mount -t tmpfs -o mode=755 tmpfs "$bed" || die "and no tmpfs can be mounted; set FAIRLEAD_TESTBED to a folder on ext4 or xfs"
		touch "$bed/.fairlead-testbed" "$bed/.tmpfs"
		lock
		try_overlay || die "no overlay can be mounted at all on this machine"
	fi
	rm -rf "$probe"
}

# make_base builds the Debian tree, unless it is there and built from these very instructions.
make_base() {
	local stamp begin=$EPOCHREALTIME
	stamp=$(echo "bookworm $packages $twin_packages" | sha256sum)
	[ "$(cat "$bed/base.stamp" 2>/dev/null)" != "$stamp" ] || return 0
	"$here/apt-need" mmdebstrap openssh-client
	say "building the Debian tree (about half a minute)"
	rm -rf --one-file-system "$bed/base.new" "$bed/twin-debs"
	mkdir "$bed/twin-debs"
	# shellcheck disable=SC2016
	DEBS=$bed/twin-debs TWIN=${twin_packages//,/ } mmdebstrap --variant=minbase --include="$packages" --customize-hook='cd "$DEBS" && export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" &&
		apt-get download -q -o APT::Sandbox::User=root $(apt-get install -s --no-install-recommends $TWIN |
			awk "/^Inst/ && \$2 !~ /^(libllvm|dmidecode)/ { print \$2 }")' bookworm "$bed/base.new" >"$bed/base.log" 2>&1 ||
		die "mmdebstrap did not work: $bed/base.log ends with: $(tail -n 5 "$bed/base.log")"
	rm -f "$bed/base.new"/etc/ssh/ssh_host_*
	stop_hosts $(known_hosts_of_bed)
	rm -rf --one-file-system "$bed/base" "$bed/base.stamp" "$bed/layers.stamp"
	mv "$bed/base.new" "$bed/base"
	echo "$stamp" >"$bed/base.stamp"
	say "built the Debian tree ($(seconds_since "$begin") s)"
}

make_keys() {
	local dir=$bed/client
	mkdir -p "$dir"
	[ ! -f "$dir/id_stranger" ] || return 0
	rm -f "$dir"/id_*
	command -v ssh-keygen >/dev/null || "$here/apt-need" openssh-client
	ssh-keygen -q -t ed25519 -N '' -C testbed -f "$dir/id_ed25519"
	ssh-keygen -q -t ed25519 -N "${password[passphrase]}" -C testbed-locked -f "$dir/id_locked"
	ssh-keygen -q -t ed25519 -N '' -C testbed-stranger -f "$dir/id_stranger"
}

# make_layers writes what lies over the Debian tree: users and sshd settings for all, and what makes each kind special.
make_layers() {
	local stamp layers=$bed/layers
	stamp=$({ cat "$bed/base.stamp" "$bed"/client/id_*.pub "$here/testbed.d/trees.sh" "$here/testbed.d/runc" && echo "${password[@]}"; } | sha256sum)
	[ "$(cat "$bed/layers.stamp" 2>/dev/null)" != "$stamp" ] || return 0
	stop_hosts $(known_hosts_of_bed)
	rm -rf --one-file-system "$layers"
	mkdir -p "$layers"/{common,light,twin,dash,sudo,busybox,registry}
	(umask 022 && layer_common && layer_light && layer_twin && layer_dash && layer_sudo && layer_busybox && layer_registry)
	echo "$stamp" >"$bed/layers.stamp"
}

# layer_common runs Debian's own tools in the tree, through an overlay, so that the tree itself stays clean.
layer_common() {
	local users='' user
	for user in root deploy ops guest; do users+="$user:${password[$user]}"$'\n'; done
	mkdir -p "$layers/work" "$layers/mnt"
	cat "$bed/client/id_ed25519.pub" "$bed/client/id_locked.pub" >"$layers/authorized_keys"
	printf '%s' "$users" >"$layers/users"
	unshare --mount bash -euc '
		mount -t overlay overlay -o "lowerdir=$1/base,upperdir=$1/layers/common,workdir=$1/layers/work" "$1/layers/mnt"
		mount --bind /dev "$1/layers/mnt/dev"
		mount -t tmpfs tmpfs "$1/layers/mnt/tmp"
		cp "$1/layers/authorized_keys" "$1/layers/users" "$1/layers/mnt/tmp/"
		chroot "$1/layers/mnt" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin bash -euc "
			for user in deploy ops guest; do useradd -m -s /bin/bash \$user; done
			chpasswd </tmp/users
			for user in root deploy ops guest; do
				home=\$(eval echo ~\$user)
				install -d -m 700 -o \$user -g \$user \$home/.ssh
				install -m 600 -o \$user -g \$user /tmp/authorized_keys \$home/.ssh/authorized_keys
			done
			update-rc.d -f docker remove
		"' bash "$bed" >"$bed/layers.log" 2>&1 || die "preparing the tree did not work: $(tail -n 5 "$bed/layers.log")"
	rm -rf "$layers/work" "$layers/mnt" "$layers/users"

	local etc=$layers/common/etc
	mkdir -p "$etc/sudoers.d" "$etc/ssh/sshd_config.d" "$etc/init.d"
	printf 'deploy ALL=(ALL:ALL) ALL\nops ALL=(ALL:ALL) NOPASSWD: ALL\n' >"$etc/sudoers.d/testbed"
	chmod 440 "$etc/sudoers.d/testbed"
	printf 'PermitRootLogin yes\nPasswordAuthentication yes\n' >"$etc/ssh/sshd_config.d/testbed.conf"
	# A service of the old kind, for there is no systemd in these hosts.
	cat >"$etc/init.d/testd" <<-'EOT'
		#!/bin/sh
		### BEGIN INIT INFO
		# Provides:          testd
		# Required-Start:    $remote_fs
		# Required-Stop:     $remote_fs
		# Default-Start:     2 3 4 5
		# Default-Stop:      0 1 6
		# Short-Description: a service that sleeps, for tests
		### END INIT INFO
		. /lib/lsb/init-functions
		pidfile=/run/testd.pid
		case $1 in
		start) start-stop-daemon --start --oknodo --quiet --background --make-pidfile --pidfile $pidfile --startas /bin/sleep -- 100000 ;;
		stop) start-stop-daemon --stop --oknodo --quiet --remove-pidfile --pidfile $pidfile ;;
		restart | force-reload) $0 stop; $0 start ;;
		reload) echo reloaded >>/run/testd.reloads ;;
		status) status_of_proc -p $pidfile /bin/sleep testd ;;
		*) echo "usage: $0 {start|stop|restart|reload|status}" >&2; exit 2 ;;
		esac
	EOT
	chmod 755 "$etc/init.d/testd"

	mkdir -p "$layers/common/usr/local/sbin"
	install -m 755 "$here/testbed.d/runc" "$layers/common/usr/local/sbin/runc"
}

# hide LAYER PATH... makes files of the trees below disappear (an overlay's whiteout).
hide() {
	local layer=$1 path
	shift
	for path in "$@"; do
		[ -e "$bed/base/$path" ] || [ -L "$bed/base/$path" ] || continue
		mkdir -p "$layer/$(dirname "$path")"
		mknod "$layer/$path" c 0 0
	done
}

layer_light() {
	hide "$layers/light" usr/bin/docker usr/bin/docker-init usr/bin/docker-proxy usr/sbin/dockerd usr/bin/containerd \
		usr/bin/containerd-shim usr/bin/containerd-shim-runc-v1 usr/bin/containerd-shim-runc-v2 usr/bin/ctr usr/sbin/runc \
		usr/bin/docker-registry etc/init.d/docker etc/init.d/docker-registry etc/docker
}

# layer_twin unpacks packages: setting them up would take a minute (alternatives, a cluster, certificates), and nothing
# is served before a case starts it. LLVM, which only speeds up long queries, and dmidecode, which facts would use, are left out.
layer_twin() {
	local deb
	for deb in bin sbin lib lib64; do ln -s "usr/$deb" "$layers/twin/$deb"; done
	for deb in "$bed"/twin-debs/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C "$layers/twin" || die "$deb cannot be unpacked"
	done
	rm "$layers/twin/usr/bin/dnf" # a host with apt, for all that look: cases call dnf-3
}

layer_dash() {
	local path
	hide "$layers/dash" usr/bin/bash usr/bin/rbash usr/bin/busybox
	while read -r path; do hide "$layers/dash" "$path"; done < <(cd "$bed/base" && ls -d usr/bin/python3* usr/bin/perl*)
	mkdir -p "$layers/dash/etc"
	sed 's,/bin/bash$,/bin/sh,' "$layers/common/etc/passwd" >"$layers/dash/etc/passwd"
}

layer_sudo() {
	local etc=$layers/sudo/etc
	mkdir -p "$etc/sudoers.d" "$etc/ssh/sshd_config.d"
	printf 'PermitRootLogin no\nPasswordAuthentication yes\n' >"$etc/ssh/sshd_config.d/testbed.conf"
	{
		echo 'Defaults use_pty, timestamp_timeout=0, passwd_tries=3'
		echo 'Defaults:strict requiretty'
		echo 'deploy ALL=(ALL:ALL) ALL'
		echo 'ops ALL=(ALL:ALL) NOPASSWD: ALL'
		echo 'strict ALL=(ALL:ALL) NOPASSWD: ALL'
	} >"$etc/sudoers.d/testbed"
	chmod 440 "$etc/sudoers.d/testbed"
	cp -p "$layers/common/etc/"{passwd,group} "$etc/"
	cp -p "$layers/common/etc/shadow" "$etc/"
	echo 'strict:x:1500:1500::/home/strict:/bin/bash' >>"$etc/passwd"
	echo 'strict:x:1500:' >>"$etc/group"
	echo "strict:$(crypt "${password[strict]}"):19000:0:99999:7:::" >>"$etc/shadow"
	install -d -m 755 "$layers/sudo/home"
	install -d -m 700 -o 1500 -g 1500 "$layers/sudo/home/strict" "$layers/sudo/home/strict/.ssh"
	install -m 600 -o 1500 -g 1500 "$layers/authorized_keys" "$layers/sudo/home/strict/.ssh/authorized_keys"
}

# crypt PASSWORD: its SHA-512 hash as /etc/shadow wants it.
crypt() {
	# shellcheck disable=SC2016
	PASSWORD=$1 perl -e 'print crypt($ENV{PASSWORD}, q($6$testbed$))'
}

# layer_busybox is a whole tree of its own: busybox, sshd with its libraries, and nothing else.
layer_busybox() {
	local tree=$layers/busybox base=$bed/base applet lib user
	mkdir -p "$tree"/{bin,sbin,lib64,etc/ssh/sshd_config.d,root/.ssh,usr/bin,usr/sbin,usr/lib,home,proc,sys,dev,run,tmp,var/log,var/lib}
	ln -s ../run "$tree/var/run"
	ln -s usr/lib "$tree/lib"
	install -m 755 "$base/bin/busybox" "$tree/bin/busybox"
	for applet in $("$tree/bin/busybox" --list); do
		[ "$applet" = busybox ] || ln -s /bin/busybox "$tree/bin/$applet"
	done
	install -m 755 "$base/usr/sbin/sshd" "$tree/usr/sbin/sshd"
	chroot "$base" ldd /usr/sbin/sshd | grep -o '/[^ ]*' | while read -r lib; do
		mkdir -p "$tree$(dirname "$lib")"
		cp -L "$base$lib" "$tree$lib"
	done
	printf '%s\n' 'PermitRootLogin yes' 'PasswordAuthentication yes' 'KbdInteractiveAuthentication no' >"$tree/etc/ssh/sshd_config"
	printf 'busybox\n' >"$tree/etc/hostname"
	{
		echo 'root:x:0:0:root:/root:/bin/sh'
		echo 'sshd:x:100:65534::/run/sshd:/bin/false'
		echo 'guest:x:1000:1000::/home/guest:/bin/sh'
	} >"$tree/etc/passwd"
	printf 'root:x:0:\ntty:x:5:\nnogroup:x:65534:\nguest:x:1000:\n' >"$tree/etc/group"
	{
		echo "root:$(crypt "${password[root]}"):19000:0:99999:7:::"
		echo "guest:$(crypt "${password[guest]}"):19000:0:99999:7:::"
		echo 'sshd:*:19000:0:99999:7:::'
	} >"$tree/etc/shadow"
	chmod 600 "$tree/etc/shadow"
	chmod 700 "$tree/root"
	install -d -m 755 -o 1000 -g 1000 "$tree/home/guest"
	for user in root:0 guest:1000; do
		local home=$tree/home/${user%:*} id=${user#*:}
		[ "$id" != 0 ] || home=$tree/root
		install -d -m 700 -o "$id" -g "$id" "$home/.ssh"
		install -m 600 -o "$id" -g "$id" "$layers/authorized_keys" "$home/.ssh/authorized_keys"
	done
}

layer_registry() {
	local etc=$layers/registry/etc/docker/registry
	mkdir -p "$etc"
	# Debian's own asks for a login.
	cat >"$etc/config.yml" <<-'EOT'
		version: 0.1
		log: {level: warn, accesslog: {disabled: true}}
		storage:
		  filesystem: {rootdirectory: /var/lib/docker-registry}
		  delete: {enabled: true}
		  cache: {blobdescriptor: inmemory}
		http: {addr: ":5000"}
	EOT
}
