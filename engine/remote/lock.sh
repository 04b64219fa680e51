# The host's lock: see lock.go. Held by fd 9 of the kept shell where there is
# flock, else by a folder whose owner's process is looked at.

# _born PID: when a process was started, which tells it from a later one.
_born() {
	_bt=
	[ -r "/proc/$1/stat" ] || return 0
	read -r _line <"/proc/$1/stat" || return 0
	set -- ${_line##*)}
	_bt=${20} _pp=$2
} 2>/dev/null
# _lock TOKEN WHO: take the lock, or say who holds it and stop the batch. The
# first word behind "held" tells whether the holder's connection is gone: its
# parent is no longer the one it had.
_lock() {
	if [ "$_i" = 0 ] && [ -d /run ] && [ -w /run ]; then
		_Lf=/run/fairlead.lock
	elif [ "${XDG_RUNTIME_DIR-}" ] && [ -w "$XDG_RUNTIME_DIR" ]; then
		_Lf=$XDG_RUNTIME_DIR/fairlead.lock
	else
		_Lf=${HOME:-/tmp}/.fairlead.lock
	fi
	_born $$
	umask 077
	if command -v flock >/dev/null 2>&1; then
		if ! { true >>"$_Lf"; } 2>/dev/null; then
			umask "$_u"
			# An identity without a place of its own (daemon) relies on the lock of who logged in.
			[ "$_i" = 0 ] || { _m l ours && return; }
			true >>"$_Lf"
			_k=1 _vk=1
			_m l no
			return
		fi
		exec 9>>"$_Lf"
		_try=
		if flock -n 9; then _try=1; fi
	else
		_try=
		mkdir "$_Lf.d" 2>/dev/null && _try=1
		if [ ! "$_try" ]; then
			_hp= _ht=
			read -r _hp _ht _hw <"$_Lf"
			_mt=$_bt _mp=$_pp
			_born "${_hp:-0}"
			[ "$_bt" ] && [ "$_bt" = "$_ht" ] || _try=1
			_bt=$_mt _pp=$_mp
		fi
	fi
	if [ "$_try" ]; then
		printf '%s %s %s\n' $$ "${_bt:-0} ${_pp:-0}" "$1 $2" >"$_Lf"
		umask "$_u"
		_m l ok
		return
	fi
	umask "$_u"
	exec 9<&-
	# A record of a process that is gone: the holder is about to write its own.
	for _n in 1 2 3 4 5; do
		_hp= _ht= _hw= _h1=
		read -r _hp _ht _h1 _hw <"$_Lf"
		case $_hw in "$1 ${2%% *} "*) _m l ours && return ;; esac
		_pp= _bt=
		_born "${_hp:-0}"
		[ ! "$_bt" ] || [ "$_bt" != "$_ht" ] || break
		[ "$_n" = 5 ] || sleep 0.1
	done
	_a=alive
	[ ! "$_pp" ] || [ "$_pp" = "$_h1" ] || _a=orphan
	_k=1 _vk=1
	_t "l held $_a ${_hp:-0} ${_ht:-0}" "${_hw#* }"
}
# _evict PID BORN GRACE: end the recorded holder and what it runs.
_evict() {
	_bt=
	_born "$1"
	[ ! "$_bt" ] || [ "$_bt" != "$2" ] || _kill "$1" 0 "$3"
}
