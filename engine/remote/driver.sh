# Fairlead's driver: POSIX sh, read into the kept shell by its first frame.
# Comment lines and indentation are taken off before it is sent.
#
# In front of it stands N=<nonce>, and _XP=<folders to put behind PATH>.
# Everything printed to the controller is a section: a line "nonce kind args",
# then bytes up to the next nonce. fd 3 is the wire, fd 5 our stdout, fd 6 our
# stderr, fd 9 the lock; no command gets them. Special builtins (exec, :, eval, set) end a POSIX
# shell when their redirection fails, so none of them is given one that can.

exec 5>&1 6>&2
_P=$PATH _L=${LC_ALL-} _l=${LC_ALL+x} _W=$PWD
PATH=$PATH$_XP LC_ALL=C
export PATH LC_ALL
unset CDPATH
_nl='
'
_k= _left= _st= _n= _T= _O= _O2=
for _ss in /usr/bin/setsid /bin/setsid /usr/sbin/setsid ''; do
	[ -x "$_ss" ] && break
done

# _m KIND ARGS: begin a section on stdout. _M: on stdout and stderr.
_m() {
	_h "$@"
	_w0
}
_M() {
	_H "$@"
	_w0
	_w2
}
# _h, _H KIND ARGS: what _m and _M print, later. Everything that is printed costs the host
# a packet, so that what the shell itself has to say waits in _O (stdout) and _O2 (stderr) for
# the next section that a program fills, and at most for 4000 bytes. What forks prints it first.
_h() { _O="$_O$N $*$_nl"; }
_H() {
	_h "$@"
	_O2="$_O2$N $*$_nl"
}
# _t KIND-AND-ARGS TEXT: a section that says its length, so that a daemon that
# still writes to our stdout cannot lengthen it; later.
_t() {
	_O="$_O$N $1 ${#2}$_nl$2"
	[ ${#_O} -lt 4000 ] || _w0
}
# _w0, _w2: print what waits for stdout, for stderr.
_w0() {
	printf %s "$_O"
	_O=
}
_w2() {
	printf %s "$_O2" >&2
	_O2=
}

# Who we are, without a fork where /proc is.
_u= _i= _g= _G=
if [ -r /proc/self/status ]; then
	while read -r _a _b _c _d; do
		case $_a in
		Umask:) _u=$_b ;;
		Uid:) _i=$_c ;;
		Gid:) _g=$_c ;;
		Groups:) _G="$_b $_c $_d" && break ;;
		esac
	done </proc/self/status
fi
[ "$_u" ] || _u=$(umask)
[ "$_i" ] || { _i=$(id -u) && _g=$(id -g) && _G=$(id -G); }
# The name of our group, which a plan that makes files wants to know.
[ ! -r /etc/group ] || while IFS=: read -r _a _b _c _d; do
	[ "$_c" != "$_g" ] || { _G="$_G:$_a" && break; }
done </etc/group
_a=${HOME-}
_t "h $$ $_u $_i $_g ${_ss:--} ${#_G} ${#_a}" "$_G$_a$_W"

# --- questions ---

# _d INDEX DIR [UP]: go to a folder. _D is its canonical name ('' for /), _e is
# 0, 1 (not there) or 2 (not allowed). Without forks, by cd alone. UP says that
# the folder itself is asked about: its parent is _D then, and _U its name.
_d() {
	_e=0 _r= _a=$2 _U=
	until cd -P "${_a:-/}"; do
		_b=${_a##*/}
		_a=${_a%/*}
		_r=/$_b$_r
		_e=1
	done
	if [ $_e = 1 ] && [ -d "$_b" ]; then _e=2; fi
	_D=${PWD%/}$_r
	case $_D in //*) _D=${_D#/} ;; esac
	[ ! "$3" ] || { _U=${_D##*/} && _D=${_D%/*}; }
	_t "d $1 $_e" "${_D:-/}"
	[ $_e != 0 ] || _S "${_D:-/}"
}
# Lists of names for one call of a tool: positions in numbered variables, since
# names may hold anything.
_c= _p=0
_q0() { _c= _p=0 _ls= _lk= _lf= _h1= _h2= _h3= _lc=; }
_S() {
	_p=$((_p + 1))
	eval "_p$_p=\$1"
	_ls="$_ls \"\$_p$_p\""
}
# _q INDEX WANT NAME: one entry of the folder _D; NAME '' means _U. WANT
# has letters: 2 1 5 (sums), c (content), a (access), o (odd name).
_q() {
	_f=$_D/${3:-$_U}
	_x=N
	if [ $_e = 0 ]; then
		if [ -L "$_f" ]; then
			_x=L
			[ -e "$_f" ] && _x=Le
		elif [ -e "$_f" ]; then
			_x=E
		fi
	fi
	if [ $_x != N ]; then
		_S "$_f"
		[ -r "$_f" ] && _x=${_x}r
		[ -w "$_f" ] && _x=${_x}w
		[ -x "$_f" ] && _x=${_x}x
		[ -f "$_f" ] && _x=${_x}f
		case $_x in
		Le*) _lf="$_lf \"\$_p$_p\"" ;;
		L*) _lk="$_lk $_p" ;;
		esac
		case $_x in *r*f) _qw "$1" "$2" ;; esac
	fi
	_t "p $1 $_x" "$_f"
}
# _qw INDEX WANT: note what is wanted of the readable regular file _f.
_qw() {
	case $2 in
	*o*)
		_o1 "$1" "$2"
		return
		;;
	esac
	case $2 in *2*) _h2="$_h2 \"\$_p$_p\"" ;; esac
	case $2 in *1*) _h1="$_h1 \"\$_p$_p\"" ;; esac
	case $2 in *5*) _h3="$_h3 \"\$_p$_p\"" ;; esac
	case $2 in *c*) _lc="$_lc \"\$_p$_p\"" ;; esac
}
# _o1 INDEX WANT: a file on its own.
_o1() {
	case $2 in *2*) _m "H $1 2" && sha256sum <"$_f" ;; esac
	case $2 in *1*) _m "H $1 1" && sha1sum <"$_f" ;; esac
	case $2 in *5*) _m "H $1 5" && md5sum <"$_f" ;; esac
	case $2 in *c*) _m "C $1" && head -c $_MAX <"$_f" ;; esac
}
# _sg: stat of names, by GNU stat with targets of links in it, or by busybox's.
_SF=%f:%u:%g:%s:%d:%i:%h
_sg() {
	[ "$_st" = b ] || {
		QUOTING_STYLE=literal stat $_sl --printf="$_SF:%.9X:%.9Y:%.9Z:%b:%o:%t:%T:%U:%G:%N\\0" -- "$@" &&
			_st=g && return
		[ "$_st" ] || { stat --printf=%f / >/dev/null 2>&1 && _st=g; }
		[ "$_st" ] && return
	}
	stat $_sl -c "$_SF:%X:%Y:%Z:%b:%o:%t:%T:%U:%G" -- "$@" && _st=b
}
# _Q: answer what _d and _q noted.
_Q() {
	_sl=
	[ ! "$_ls" ] || { _m s && eval "_sg $_ls"; }
	_h "T ${_st:--}"
	_sl=-L
	[ ! "$_lf" ] || { _m S && eval "_sg $_lf" && eval "_rl $_lf"; }
	[ "$_st" = g ] || [ ! "$_lf" ] || eval "_tl $_lf"
	for _a in $_lk; do
		eval "_f=\$_p$_a"
		[ "$_st" = g ] || _tl "$_f"
		_m R
		readlink -m -- "$_f" || readlink -f -- "$_f"
	done
	[ ! "$_h2" ] || { _m a 2 && eval "sha256sum -- $_h2"; }
	[ ! "$_h1" ] || { _m a 1 && eval "sha1sum -- $_h1"; }
	[ ! "$_h3" ] || { _m a 5 && eval "md5sum -- $_h3"; }
	[ ! "$_lc" ] || { _m c && eval "head -q -c $_MAX -- $_lc"; }
}
_rl() {
	if [ "$_st" = g ]; then
		_m r
		readlink -zm -- "$@"
		return
	fi
	for _f; do
		_m r
		readlink -f -- "$_f"
	done
}
_tl() { for _f; do _m k && readlink -- "$_f"; done; }
# _tree INDEX DIR: everything below a folder.
_tree() {
	_m "f $1"
	cd -P "$2" 2>/dev/null || { _m "F $1 1" && return; }
	find . -mindepth 1 -printf "%y:%m:%U:%G:%s:%D:%i:%n:%A@:%T@:%C@:%b:%u:%g:%P\\0%l\\0" 2>/dev/null && { _m "F $1 g" && return; }
	_m "f $1"
	find . -mindepth 1 -print0
	_m "F $1 b"
	find . -mindepth 1 -exec stat -c "$_SF:%X:%Y:%Z:%b:%o:%t:%T:%U:%G" {} +
	_m "K $1"
	find . -mindepth 1 -type l -exec readlink {} \;
	_m "F $1 0"
} 2>/dev/null
# _db INDEX FILE NAME: a line of passwd or group, by name or by number.
_db() {
	_h "u $1"
	[ ! -r "/etc/$2" ] || while IFS=: read -r _a _b _c _f; do
		if [ "$_a" = "$3" ] || [ "$_c" = "$3" ]; then
			_O=$_O$_a:$_b:$_c:$_f$_nl
			return
		fi
	done <"/etc/$2"
	_w0
	getent "$2" "$3" 2>/dev/null
}

# --- operations ---

# _o INDEX: is operation INDEX to be done? Not behind a failed one.
_o() {
	[ ! "$_k" ] || return 1
	_n=$1 _T=
	[ ! "$_O" ] || _w0
	[ ! "$_O2" ] || _w2
}
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
# _v EXPECTED-PATTERN-FUNCTION FILE...: is everything as it was? See Rely.
_vs() {
	_a=%f:%u:%g:%s:%d:%i
	if [ "$_st" != b ]; then
		_va=$(stat --printf="$_a:%.9Y\n" -- "$@" 2>/dev/null) && _st=g && return
		[ "$_st" = g ] && return
		stat --printf=%f / >/dev/null 2>&1 && _st=g && return
	fi
	_va=$(stat -c "$_a:%Y" -- "$@" 2>/dev/null) && _st=b
}

# --- commands ---

# _E DIR: the login's environment again, in a subshell. Where the shell was before is
# nothing of the login's.
_E() {
	PATH=$_P
	if [ "$_l" ]; then LC_ALL=$_L; else unset LC_ALL; fi
	if [ "$1" ]; then
		cd -P -- "$1"
	else
		cd -- "$_W" 2>/dev/null || cd /
	fi || return
	unset OLDPWD
}
# _B INDEX: in the subshell that becomes command INDEX, say so.
_B() {
	_p=
	cd -P /proc/self 2>/dev/null && _p=${PWD##*/}
	_m "x $1 ${_p:-0}" >&5
	_m "x $1 ${_p:-0}" >&2
	printf %s "$_p"
}
# _R INDEX DIR: begin the subshell that becomes command INDEX. Its own stdout is for its pid.
_R() {
	exec 2>&6
	_B "$1"
	_E "$2" || _z "$1" chdir
}
# _C INDEX PROGRAM: can it be started? What follows has nothing of ours open.
_C() {
	case $2 in */*) [ ! -e "$2" ] || { [ -x "$2" ] && [ ! -d "$2" ]; } || _z "$1" denied ;; esac
	command -v "$2" >/dev/null 2>&1 || _z "$1" program
	exec >&5 3<&- 5>&- 6>&- 9<&-
}
# _z INDEX WHY: command INDEX cannot be started.
_z() {
	_m "z $1 $2" >&5
	exit 127
}
# _F INDEX RC PID: the command ended. Is something of it left?
_F() {
	_a=0
	if [ "$3" ] && [ "$_ss" ]; then
		if kill -s 0 -- "-$3" 2>/dev/null || kill -s 0 "-$3" 2>/dev/null; then _a=1 _left=1; fi
	fi
	_H "y $1 $2 $_a"
}
