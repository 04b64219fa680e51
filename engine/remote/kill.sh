# Ends a kept shell and the command it waits for: see cancel.go.

# _among PID: adds to _all every process whose session or ancestor is PID, with
# nothing but the shell. Rounds are for children whose number is below their
# parent's. Never of 0 or 1: that would be everything.
_among() {
	case $1 in 0 | 1 | '' | *[!0-9]*) return ;; esac
	_all="$_all $1 "
	for _r in 1 2 3; do
		for _f in /proc/[0-9]*/stat; do
			read -r _line <"$_f" || continue
			_a=${_line%% *}
			set -- ${_line##*)}
			case $_all in *" $_a "*) continue ;; esac
			case $_all in *" $2 "* | *" $4 "*) _all="$_all $_a " ;; esac
		done
	done 2>/dev/null
}
# _kill LOOP SESSION GRACE: TERM, wait, KILL. A process is named by 0 when there
# is none.
_kill() {
	_K=$1 _Z=$2 _G=$3 _all=
	_among "$_K"
	_among "$_Z"
	[ "$_K" -le 1 ] || kill -s TERM "$_K" 2>/dev/null
	_list=
	for _a in $_all; do
		case $_a in 0 | 1 | $$ | "$_K") ;; *) _list="$_list $_a" ;; esac
	done
	[ ! "$_list" ] || kill -s TERM $_list 2>/dev/null
	_n=0
	while [ $_n -lt $((_G * 5)) ]; do
		_left=
		for _a in $_list; do
			kill -s 0 $_a 2>/dev/null && { read -r _line <"/proc/$_a/stat" || _line='x) Z'; } 2>/dev/null && case ${_line##*)} in " Z"* | " X"*) ;; *) _left="$_left $_a" ;; esac
		done
		[ "$_left" ] || break
		sleep 0.2 2>/dev/null || { sleep 1 && _n=$((_n + 4)); }
		_n=$((_n + 1))
	done
	[ ! "$_left" ] || kill -s KILL $_left 2>/dev/null
	[ "$_K" -le 1 ] || kill -s KILL "$_K" 2>/dev/null
	_left=
}
