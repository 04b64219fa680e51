package packages

// scriptTell makes a folder $T for what a program writes (o and e), and defines how
// the script tells what it found: say, dump and die KIND TEXT, whose KIND is how the
// message is made of TEXT and the output; last is full that names the command ($ran), too.
const scriptTell = `T=$(mktemp -d) || exit; trap 'rm -rf "$T"' EXIT
say() { printf '@%s %s\n' "$1" "$2"; }
dump() { for k in out err; do f=$T/${k%%[ur]*}; n=$(wc -c <"$f"); printf '@%s %d\n' $k $n; cat "$f"; printf '\n'; done; }
die() { r=$?; say rc "$r"; k=$1; [ "$k" != last ] || { k=full; say cmd "$ran"; }; say "$k" "$2"; dump; exit 0; }
`

// scriptGit does the work of the module git on the host. It reads the variables
// that (*gitRun).script sets in front of it, and prints "@NAME TEXT" lines, and
// "@out N" and "@err N" with N bytes behind them. With $check it looks and
// changes nothing.
const scriptGit = "set -f\n" + scriptTell + `g() { ran="$git $*"; "$git" "$@" >"$T/o" 2>"$T/e" </dev/null; }
must() { g "$@" || die run "$git $*"; }
rbranch() { must ls-remote "$1" -h "refs/heads/$version"; grep -qF -e "$version" "$T/o"; }
rtag() { must ls-remote "$1" -t "refs/tags/$version"; grep -qF -e "$version" "$T/o"; }
here() { git_dir=$dest/.git; [ -z "$bare" ] || git_dir=$dest
if [ -f "$git_dir" ]; then
l=$(cat "$git_dir"); case $l in 'gitdir: '*) ;; *) false || die plain 'Current repo does not have a valid reference to a separate Git dir or it refers to the invalid path';; esac
l=${l#gitdir: }; case $l in /*) git_dir=$l;; *) git_dir=$dest/$l;; esac
[ -d "$git_dir" ] || die plain 'Current repo does not have a valid reference to a separate Git dir or it refers to the invalid path'
fi; }
rev() { "$git" rev-parse HEAD 2>/dev/null; }
branch() { here; f=$git_dir/HEAD
"$git" symbolic-ref -q HEAD >/dev/null 2>&1 || f=$git_dir/refs/remotes/$remote/HEAD
l=; [ -f "$f" ] && IFS= read -r l <"$f"; l=${l##* }; l=${l#refs/heads/}; printf %s "${l#refs/remotes/"$remote"/}"; }
islocal() { "$git" show-ref --verify -q "refs/heads/$1"; }
url() { "$git" ls-remote --get-url "$remote" 2>/dev/null; }
same() { [ "$1" = "$2" ] && return; case $1$2 in *://*|*@*) return 1;; esac; [ "$(readlink -f "$1" 2>/dev/null)" = "$(readlink -f "$2" 2>/dev/null)" ]; }
# rhead WHERE: the commit that the version has there.
rhead() {
if [ "$version" = HEAD ]; then
if [ "$1" = "$repo" ]; then must ls-remote "$1" -h HEAD; [ -s "$T/o" ] || must ls-remote "$1" HEAD; else must ls-remote "$1" -h "refs/heads/$(branch)"; fi
elif rbranch "$1"; then must ls-remote "$1" -h "refs/heads/$version"
elif rtag "$1"; then must ls-remote "$1" -t "refs/tags/$version*"
else say after "$version"; return; fi
[ -s "$T/o" ] || die full "Could not determine remote revision for $version"
if [ "$version" != HEAD ] && grep -q 'refs/tags/' "$T/o"; then
x=$(sed -n "s,[[:space:]].*/$version^{}\$,,p" "$T/o"); [ -n "$x" ] || x=$(sed -n "s,[[:space:]].*/$version\$,,p" "$T/o" | head -n 1)
else read -r x y <"$T/o"; fi
say after "$x"; }
verify() { [ -n "$verify" ] || return 0
s=verify-commit; [ "$("$git" for-each-ref "refs/tags/$version" --format '%(objecttype)')" = tag ] && s=verify-tag
g $s ${allow:+--raw} "$version" || die full "Failed to verify GPG signature of commit/tag \"$version\""
[ -z "$allow" ] || { f=$(awk '$2=="VALIDSIG"{print NF==12?$12:$3; exit}' "$T/e"); case " $allow " in *" $f "*) ;; *) false || die full "The gpg_whitelist does not include the public key \"$f\" for this commit";; esac; }; }
clone() {
mkdir -p "$(dirname "$dest")" && cd "$(dirname "$dest")" || exit
known=; { rbranch "$repo" || rtag "$repo"; } && known=1
set -- clone
if [ -n "$bare" ]; then set -- "$@" --bare; else set -- "$@" --origin "$remote"; fi
if [ -n "$depth" ]; then
if [ "$version" = HEAD ] || [ -n "$refspec" ]; then set -- "$@" --depth "$depth"
elif [ -n "$known" ]; then set -- "$@" --depth "$depth" --branch "$version"
else say warn 'Ignoring depth argument. Shallow clones are only available for HEAD, branches, tags or in combination with refspec.'; fi
fi
[ -z "$reference" ] || set -- "$@" --reference "$reference"
[ -z "$single" ] || { set -- "$@" --single-branch; [ -z "$known" ] || set -- "$@" --branch "$version"; }
[ -z "$separate" ] || set -- "$@" --separate-git-dir="$separate"
must "$@" "$repo" "$dest"
cd "$dest" || exit
[ -z "$bare" ] || [ "$remote" = origin ] || must remote add "$remote" "$repo"
[ -z "$refspec" ] || must fetch ${depth:+--depth "$depth"} "$remote" "$refspec"
verify; }
seturl() { u=$(url); moved=
same "$u" "$repo" && return
g remote set-url "$remote" "$repo" || die text "set a new url $repo for $remote"
[ -z "$u" ] || moved=1; }
fetch() {
cur=; n=0
set --
if [ -n "$depth" ]; then
cur=$(branch)
if [ -n "$refspec" ]; then set -- "$refspec"
elif [ "$version" = HEAD ]; then set -- "$cur"
elif rbranch "$repo"; then
[ "$cur" = "$version" ] || set -- "+refs/heads/$version:refs/heads/$version"
set -- "$@" "+refs/heads/$version:refs/remotes/$remote/$version"
elif rtag "$repo"; then set -- "+refs/tags/$version:refs/tags/$version"; fi
n=$#
fi
if [ $n = 0 ]; then
if [ -n "$bare" ]; then set -- '+refs/heads/*:refs/heads/*' '+refs/tags/*:refs/tags/*'; else tags=1; fi
[ -z "$refspec" ] || set -- "$@" "$refspec"
fi
d=; [ $n = 0 ] || d=$depth
g fetch ${d:+--depth "$d"} ${tags:+--tags} ${force:+--force} "$remote" "$@" || die text 'download remote objects and refs'; }
switch() {
if [ "$version" = HEAD ]; then
b=$(branch)
g checkout --force "$b" || die full "Failed to checkout branch $b"
g reset --hard "$remote/$b" -- || die last "Failed to checkout branch $b"
elif rbranch "$remote"; then
if [ -n "$depth" ] && ! islocal "$version"; then
g fetch --depth="$depth" "$remote" "+refs/heads/$version:refs/heads/$version" "+refs/heads/$version:refs/remotes/$remote/$version" || die full "Failed to fetch branch from remote: $version"
fi
if ! islocal "$version"; then g checkout --track -b "$version" "$remote/$version" || die last "Failed to checkout $version"
else
g checkout --force "$version" || die full "Failed to checkout branch $version"
g reset --hard "$remote/$version" || die last "Failed to checkout $version"
fi
else g checkout --force "$version" || die last "Failed to checkout $version"; fi
verify; }
subrevs() { g submodule foreach "\"$git\" rev-parse $1" || die full 'Unable to determine hashes of submodules'; cat "$T/o"; }
subs() { subbed=
[ -f .gitmodules ] || return 0
while IFS= read -r l; do
l=${l#"${l%%[! 	]*}"}
case $l in path*=*) p=${l#*=}; p=${p# }; [ -e "$p/.git" ] || subbed=1;; esac
done <.gitmodules
if [ -z "$subbed" ]; then
was=$(subrevs HEAD); case $was in @*) printf '%s\n' "$was"; exit 0;; esac
must submodule foreach "\"$git\" fetch"
if [ -n "$track" ]; then now=$(subrevs "$remote/master"); case $now in @*) printf '%s\n' "$now"; exit 0;; esac; [ "$was" = "$now" ] || subbed=1
else must submodule status; grep -q '^[^ ]' "$T/o" && subbed=1; fi
fi
[ -z "$subbed" ] || [ -n "$check" ] || {
say submodules_changed true
must submodule sync
g submodule update --init --recursive ${track:+--remote} ${force:+--force} || die text 'init/update submodules'
}; return 0; }
archive() { [ -n "$archive" ] || return 0
case $archive in *.zip) f=zip;; *.gz) f=tar.gz;; *.tar) f=tar;; *.tgz) f=tgz;; *) false || die plain "Unable to get file extension from archive file name : $archive";; esac
a=$archive; [ ! -e "$archive" ] || a=$T/new.$f
g archive --format $f --output "$a" ${prefix:+--prefix "$prefix"} "$version" || die plain 'Failed to perform archive operation'
if [ "$a" = "$archive" ]; then say archived true
elif cmp -s "$a" "$archive"; then say archived false
else mv "$a" "$archive" || exit; say archived true; fi; }
case $git in
*/*) [ -x "$git" ] || { say rc 2; say run "$git --version"; say out 0; say err 0; exit 0; };;
*) git=$(command -v "$git") || { say plain 'Failed to find required executable "git" in paths of the host'; exit 0; };;
esac
if [ -z "$dest" ]; then rhead "$repo"; say new 1; exit 0; fi
here
if [ -n "$separate" ] && [ -e "$git_dir" ] && [ "$git_dir" != "$separate" ]; then
say moved "$git_dir"
if [ -z "$check" ]; then
[ ! -e "$separate" ] || { false || die plain "Separate-git-dir path $separate already exists."; }
mv "$git_dir" "$separate" && printf 'gitdir: %s' "$separate" >"$dest/.git" || exit; git_dir=$separate
fi
fi
before= mods= moved=
if [ ! -e "$git_dir/config" ]; then
if [ -n "$check" ] || [ -z "$clone" ]; then rhead "$repo"; say new 1; exit 0; fi
clone
else
cd "$dest" || exit
before=$(rev); say before "$before"
if [ -z "$update" ]; then say after "$before"; [ -n "$check" ] || archive; exit 0; fi
[ -n "$bare" ] || { g status --porcelain; grep -qv '^??' "$T/o" && mods=1; }
if [ -n "$mods" ]; then
say mods 1
[ -n "$force" ] || exit 0
[ -n "$check" ] || must reset --hard HEAD
fi
if [ -n "$check" ]; then
u=$(url); [ -z "$u" ] || same "$u" "$repo" || say remote_url_changed true
rhead "$remote"; exit 0
fi
seturl; [ -z "$moved" ] || say remote_url_changed true
fetch
fi
[ -n "$bare" ] || switch
[ -z "$recursive" ] || [ -n "$bare" ] || subs
say after "$(rev)"
[ -z "$diff" ] || [ -z "$before" ] || [ "$before" = "$(rev)" ] || { : >"$T/e"; g diff "$before" "$(rev)"; dump; }
archive
say done 1`
