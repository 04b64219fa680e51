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
# _tree INDEX DIR [LEVELS]: everything below a folder.
_tree() {
	_m "f $1"
	cd -P "$2" 2>/dev/null || { _m "F $1 1" && return; }
	find . -mindepth 1 ${3:+-maxdepth $3} -printf "%y:%m:%U:%G:%s:%D:%i:%n:%A@:%T@:%C@:%b:%u:%g:%P\\0%l\\0" 2>/dev/null && { _m "F $1 g" && return; }
	_m "f $1"
	find . -mindepth 1 ${3:+-maxdepth $3} -print0
	_m "F $1 b"
	find . -mindepth 1 ${3:+-maxdepth $3} -exec stat -c "$_SF:%X:%Y:%Z:%b:%o:%t:%T:%U:%G" {} +
	_m "K $1"
	find . -mindepth 1 ${3:+-maxdepth $3} -type l -exec readlink {} \;
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

# _o INDEX: is operation INDEX to be done? Not behind a failed one.
_o() {
	[ ! "$_k" ] || return 1
	_n=$1 _T=
	[ ! "$_O" ] || _w0
	[ ! "$_O2" ] || _w2
}
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
