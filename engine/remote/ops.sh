# Operations: what changes a host. The driver gets this with the first frame that needs it;
# see driver.sh for the names it uses.

# _x RC: the operation failed.
_x() {
	_k=1
	_M "f $_n $1"
	[ ! "$_T" ] || rm -rf -- "$_T" 2>/dev/null
}
_no() {
	printf '%s\n' "$1" >&2
	return 1
}
# _raw SIZE FILE: SIZE bytes of the wire to the end of FILE. Every block is read
# whole before it is written, so that a failed write loses no place in the wire.
_raw() {
	_s=$1 _z=$2 _b=0
	while [ "$_s" -gt 0 ]; do
		_a=4194304
		[ "$_s" -ge $_a ] || _a=$_s
		[ ! "$_z" ] || true >>"$_z" || _z= _b=1
		if [ "$_z" ]; then
			# How many records it copied is nobody's message; why it failed is.
			_y=$(dd bs=$_a count=1 iflag=fullblock <&3 2>&1 >>"$_z") || { printf '%s\n' "$_y" >&2; _z= _b=1; }
		else
			dd bs=$_a count=1 iflag=fullblock <&3 >/dev/null 2>&1
		fi
		_s=$((_s - _a))
	done
	return $_b
}
# _cr UMASK FILE: a new empty file (or with the text _c when INLINE is given).
_cr() {
	umask "$1"
	set -C
	if [ "$3" ]; then printf %s "$_c" >"$2"; else true >"$2"; fi
	_a=$?
	set +C
	umask "$_u"
	return $_a
}
# _w KIND ARG PATH TMP UMASK MODE OWNER KEEP ATIME MTIME BACKUP [VALIDATE...]:
# put a file in place. KIND is i (text in _c), r (ARG bytes of the wire), c (copy
# of ARG), t (TMP is there: ARG is its mode if there is no other), x (it could not be
# made: ARG says why). UMASK '' is the login's. MODE '' needs no chmod, and = none either: not even where PATH has another.
# p is c with the mode of ARG. KEEP is k (mode and owner as PATH has), UID:GID (that is what PATH has) or ''.
_w() {
	_T=$4 _ok=1 _b=$5
	[ "$8$5" != k ] || [ -L "$3" ] || [ ! -e "$3" ] || _b=077
	case $1 in
	i) _cr "${_b:-$_u}" "$4" 1 || return 1 ;;
	t) _ck "$4" "$3" || return 1 ;;
	x) _no "$2" || return 1 ;;
	*) _cr "${_b:-$_u}" "$4" || _ok= _T= ;;
	esac
	_m1=$6
	case $1 in
	r) _raw "$2" "$_T" || return 1 ;;
	t) [ "$6" ] || { [ "$8" = k ] && [ -e "$3" ] && [ ! -L "$3" ]; } || _m1=$2 ;;
	c) [ ! "$_ok" ] || cat -- "$2" >>"$4" || return 1 ;;
	p) [ ! "$_ok" ] || { cat -- "$2" >>"$4" && _m1=$(stat -L -c %a -- "$2"); } || return 1 ;;
	esac
	[ "$_ok" ] || return 1
	_kp "$3" "$4" "$_m1" "$7" "$8" || return 1
	_tm "$4" "$9" "${10}" || return 1
	_f=$4 _b=$3 _d=${11}
	shift 11
	_va "$_f" "$_b" "$_d" "$@" && _mv "$_f" "$_b"
}
# _ck TMP PATH: is what was sent still there? The sender compared its sum and size.
_ck() {
	[ -f "$1" ] && [ ! -L "$1" ] || _no "$2: what was sent for it is gone"
}
# _va TMP PATH BACKUP [VALIDATE...]: the last steps before the file is touched.
_va() {
	_f=$1 _b=$2 _d=$3
	shift 3
	# What it says counts only when it fails.
	[ $# = 0 ] || _a=$( (_E '' && exec "$@") </dev/null 2>&1 3<&- 5>&- 6>&- 9<&-) || { [ ! "$_a" ] || printf '%s\n' "$_a" >&2; return 1; }
	[ ! "$_d" ] || cp -p -- "$_b" "$_d"
}
# _kp PATH TMP MODE OWNER KEEP: owner and mode of TMP, as given or as PATH has.
_kp() {
	_m1=$3 _a=$5
	if [ "$_a" = k ]; then
		_a=
		if [ -e "$1" ] && [ ! -L "$1" ]; then
			_a=$(stat -c %a:%u:%g -- "$1") || return 1
			[ "$3" ] || _m1=${_a%%:*}
			_a=${_a#*:}
		fi
	fi
	if [ "$_a" ] && { [ ! -O "$1" ] || [ ! -G "$1" ] || [ ! -G "$2" ]; }; then
		chown -- "$_a" "$2" 2>/dev/null || chown -- ":${_a#*:}" "$2" 2>/dev/null
	fi
	_ch "$4" "$2" || return 1
	case $_m1 in
	'' | =) ;;
	*) chmod "00$_m1" "$2" ;;
	esac
}
# _ch OWNER FILE: '=U:G' says that these are our own, mostly there already.
_ch() {
	case $1 in
	'') ;;
	=*) { [ -O "$2" ] && [ -G "$2" ]; } || chown -- "${1#=}" "$2" ;;
	*) chown -- "$1" "$2" ;;
	esac
}
# _mv TMP PATH: put in place. A name that is a folder is not entered; busybox
# cannot rename over a link to one, so there the link goes first.
_mv() {
	if [ -d "$2" ]; then
		[ -L "$2" ] || { _no "$2: Is a directory" || return 1; }
		mv -fT -- "$1" "$2" 2>/dev/null || { rm -f -- "$2" && mv -f -- "$1" "$2"; }
	else
		mv -f -- "$1" "$2"
	fi
}
# _ip KIND ARG PATH TMP BACKUP [VALIDATE...]: write into the file that is there.
# The content is whole in TMP before the file is touched.
_ip() {
	_T=$4 _ok=1
	case $1 in
	t) _ck "$4" "$3" || return 1 ;;
	x) _no "$2" || return 1 ;;
	*) _cr 077 "$4" || _ok= _T= ;;
	esac
	case $1 in
	i) [ ! "$_ok" ] || printf %s "$_c" >>"$4" || return 1 ;;
	r) _raw "$2" "$_T" || return 1 ;;
	c) [ ! "$_ok" ] || cat -- "$2" >>"$4" || return 1 ;;
	esac
	[ "$_ok" ] || return 1
	_f=$4 _b=$3 _d=$5
	shift 5
	_va "$_f" "$_b" "$_d" "$@" || return 1
	cat -- "$_f" >"$_b" || return 1
	rm -f -- "$_f"
}
# _mk PATH UMASK MODE OWNER: make a folder. UMASK gives it MODE as far as that
# goes; a group id inherited from the parent is taken off when MODE has none.
_mk() {
	if [ ! -d "$1" ]; then
		umask "${2:-$_u}"
		mkdir -- "$1"
		_a=$?
		umask "$_u"
		[ $_a = 0 ] || return 1
		_ch "$4" "$1" || return 1
		case $3 in
		'') ;;
		????*) chmod "00$3" "$1" ;;
		*) [ ! -g "$1" ] || chmod "00$3" "$1" ;;
		esac
		return
	fi
	_ch "$4" "$1" || return 1
	[ ! "$3" ] || chmod "00$3" "$1"
}
# _mm INDEX UMASK MODE OWNER PATH...: operations INDEX and following, all of them
# folders, with one mkdir, unless something is there already, or a parent hands its
# group down (then a folder's mode decides what the next one inherits). It is
# as if they had been made one by one: those behind the first failure are undone.
_mm() {
	[ ! "$_k" ] || return
	_i1=$1 _b=$2 _m3=$3 _d=$4 _T=
	shift 4
	_e=
	for _f; do
		[ ! -e "$_f" ] && [ ! -L "$_f" ] && [ ! -g "${_f%/*}" ] || _e=1
	done
	if [ "$_e" ]; then
		for _f; do
			_o "$_i1" && { _mk "$_f" "$_b" "$_m3" "$_d" || _x $?; }
			_i1=$((_i1 + 1))
		done
		return
	fi
	umask "${_b:-$_u}"
	mkdir -- "$@"
	_r=$?
	umask "$_u"
	for _f; do
		_n=$_i1
		if [ "$_k" ]; then
			[ ! -d "$_f" ] || rmdir -- "$_f"
		elif [ $_r != 0 ] && [ ! -d "$_f" ]; then
			_x $_r
		else
			_ch "$_d" "$_f" && { [ ! "$_m3" ] || [ ! -g "$_f" ] || chmod "00$_m3" "$_f"; } || _x $?
		fi
		_i1=$((_i1 + 1))
	done
}
# _at PATH FOLLOW MODE OWNER ATIME MTIME: attributes of what exists.
_at() {
	if [ "$2" ] || [ ! -L "$1" ]; then
		_ch "$4" "$1" || return 1
		[ ! "$3" ] || chmod "00$3" "$1" || return 1
		_tm "$1" "$5" "$6"
	else
		[ ! "$4" ] || chown -h -- "${4#=}" "$1" || return 1
		_tm "$1" "$5" "$6" -h
	fi
}
# _tm FILE ATIME MTIME [-h]: times in UTC, '' leaves one, "now" is the clock.
_tm() {
	if [ "$2" = "$3" ]; then
		[ ! "$2" ] || _t1 "$1" "$2" $4
	else
		[ ! "$2" ] || _t1 "$1" "$2" -a $4 || return 1
		[ ! "$3" ] || _t1 "$1" "$3" -m $4
	fi
}
_t1() {
	_f=$1 _a=$2
	shift 2
	[ "$_a" != now ] || { touch -c "$@" -- "$_f" && return; }
	TZ=UTC0 touch -c "$@" -d "$_a" -- "$_f" 2>/dev/null || TZ=UTC0 touch -c "$@" -d "${_a%.*}" -- "$_f"
}
# _rm PATH RECURSIVE
_rm() {
	if [ "$2" ]; then
		rm -rf -- "$1"
	elif [ -d "$1" ] && [ ! -L "$1" ]; then
		rmdir -- "$1"
	else
		rm -f -- "$1"
	fi
}
# _ln FLAGS TARGET PATH TMP REPLACE: a link, through TMP when it takes a place.
_ln() {
	if [ ! -e "$3" ] && [ ! -L "$3" ]; then
		ln $1 -- "$2" "$3"
		return
	fi
	[ "$5" ] || { _no "$3: File exists" || return 1; }
	[ ! -d "$3" ] || [ -L "$3" ] || rmdir -- "$3" || return 1
	_T=$4
	ln $1 -- "$2" "$4" && _mv "$4" "$3" && { [ ! -L "$4" ] && [ ! -e "$4" ] || rm -f -- "$4"; }
}
# _to PATH UMASK: make an empty file unless something is there; _Tn is what was made.
_to() {
	_Tn=
	[ -e "$1" ] && return
	umask "${2:-$_u}"
	true >>"$1" && _Tn=$1
	_a=$?
	umask "$_u"
	return $_a
}
# _ta PATH MODE OWNER: attributes of what _to left; what it made goes when they fail.
_ta() {
	_at "$1" 1 "$2" "$3" "" "" && return
	[ "$_Tn" != "$1" ] || rm -f -- "$1"
	return 1
}
# _sy FILE...: to disk.
_sy() { [ "$_k" ] || sync "$@" 2>/dev/null; }
