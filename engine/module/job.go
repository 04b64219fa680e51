package module

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// Job is a command that goes on by itself on a host (async): in a session of
// its own, started by a few lines of POSIX sh. What becomes of it stands in a
// file of JSON, as Ansible's async_wrapper leaves it, so that it can be asked
// for over another connection and by another run.
type Job struct {
	ID string
	// Dir holds the file; ~ is the home of who runs it.
	Dir string
}

// JobDir is where jobs leave their results when nobody says otherwise.
const JobDir = "~/.ansible_async"

// NewJobID makes a job's id from the randomness of a task.
func NewJobID(seed [32]byte) string {
	n := uint64(0)
	for _, b := range seed[:6] {
		n = n<<8 | uint64(b)
	}
	return fmt.Sprintf("j%d.%d", n%1_000_000_000_000, 100+(uint64(seed[6])<<8|uint64(seed[7])))
}

// jobHead finds the job's file, $f, for all that is asked about it.
func (j Job) jobHead() string {
	return "d=" + shellWord(j.Dir) + "\ncase $d in '~') d=$HOME;; '~/'*) d=$HOME/${d#??};; esac\nf=$d/" + shellWord(j.ID) + "\n"
}

// Start is the operation that starts op as a job. It ends as soon as the job is
// under way, and says the job's file. limit is after how many seconds the job
// is killed. cmd is what its result calls the command. A job that was started
// before is left alone.
func (j Job) Start(op state.Exec, cmd value.Value, limit int) (state.Exec, error) {
	said, err := json.Marshal(cmd)
	if err != nil {
		return state.Exec{}, err
	}
	run, missing, notRun := "", "", said
	var b strings.Builder
	b.WriteString("um=$(umask); umask 077\n" + j.jobHead())
	b.WriteString("[ ! -e \"$f\" ] || { printf '%s\\n' \"$f\"; exit 0; }\nmkdir -p \"$d\" || exit\n")
	fmt.Fprintf(&b, "printf '%%s\\n' '{\"started\": 1, \"finished\": 0, \"ansible_job_id\": \"%s\"}' >\"$f.tmp\" && mv \"$f.tmp\" \"$f\" || exit\n", j.ID)
	if op.Shell != "" {
		exe := op.Executable
		if exe == "" {
			exe = "/bin/sh"
		}
		run, missing = shellWord(exe)+` "$f.cmd"`, exe
		b.WriteString("printf '%s\\n' " + shellWord(op.Shell) + " >\"$f.cmd\"\n")
	} else {
		words := make([]string, len(op.Argv))
		for i, w := range op.Argv {
			words[i] = shellWord(w)
		}
		run, missing = strings.Join(words, " "), op.Argv[0]
		if notRun, err = json.Marshal(strings.Join(op.Argv, " ")); err != nil {
			return state.Exec{}, err
		}
	}
	b.WriteString("printf '%s' " + shellWord(string(op.Stdin)) + " >\"$f.in\"\n")
	why, err := json.Marshal("[Errno 2] No such file or directory: b" + value.String(missing).Repr())
	if err != nil {
		return state.Exec{}, err
	}
	script := fmt.Sprintf(jobScript, run, limit, shellWord(missing), shellWord(string(said)), shellWord(string(notRun)), shellWord(string(why)))
	b.WriteString("{ printf 'um=%s f=%s\\n' \"$um\" \"'$(printf %s \"$f\" | sed \"s/'/'\\\\\\\\''/g\")'\"; printf '%s\\n' " + shellWord(script) + "; } >\"$f.job\"\n")
	b.WriteString("if command -v setsid >/dev/null 2>&1; then s=setsid; elif command -v nohup >/dev/null 2>&1; then s=nohup; else s=; fi\n")
	b.WriteString("($s sh \"$f.job\" </dev/null >/dev/null 2>&1 &)\nprintf '%s\\n' \"$f\"\n")
	return state.Exec{Shell: b.String(), Chdir: op.Chdir, Env: op.Env, Shown: op.Shown}, nil
}

// jobScript runs the command, ends it when its time is over, and writes its
// result. Outputs go through sed to become JSON: there may be nothing else.
// Its parts: the command, the limit, the program, the command as JSON, and both it
// and the reason as JSON where the program does not exist.
const jobScript = `umask "$um"
ss=; command -v setsid >/dev/null 2>&1 && ss=setsid
b=$(date '+%%Y-%%m-%%d %%H:%%M:%%S') s=$(date +%%s)
esc() {
  t=$(printf '\t') r=$(printf '\r')
  LC_ALL=C tr -d '\000-\010\013\014\016-\037' <"$1" | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e "s/$t/\\\\t/g" -e "s/$r/\\\\r/g" |
    sed -e ':a' -e '$!{N;ba' -e '}' -e 's/\n/\\n/g'
}
have=; command -v %[3]s >/dev/null 2>&1 && have=1
if [ -n "$have" ]; then
  $ss %[1]s <"$f.in" >"$f.out" 2>"$f.err" & p=$!
else
  : >"$f.out"; : >"$f.err"
  true & p=$!
fi
( trap 'kill $k 2>/dev/null; exit 0' TERM; sleep %[2]d & k=$!; wait $k; : >"$f.late"; kill -KILL -$p 2>/dev/null || kill -KILL $p ) >/dev/null 2>&1 & w=$!
wait $p; rc=$?
kill $w 2>/dev/null
z=$(date '+%%Y-%%m-%%d %%H:%%M:%%S') n=$(($(date +%%s) - s))
umask 077
if [ -e "$f.late" ]; then
  printf '{"failed": true, "msg": "Timeout exceeded", "child_pid": %%s}\n' "$p"
else
  cmd=%[4]s
  if [ -z "$have" ]; then
    rc=2 cmd=%[5]s why=%[6]s
    how='"failed": true, "changed": false, "msg": '"$why, " z=
  elif [ $rc -eq 0 ]; then
    how='"changed": true, "msg": "", '
  else
    how='"failed": true, "changed": true, "msg": "non-zero return code", '
  fi
  printf '{%%s"cmd": %%s, "rc": %%s, ' "$how" "$cmd" $rc
  [ -z "$z" ] || printf '"start": "%%s.000000", "end": "%%s.000000", "delta": "%%d:%%02d:%%02d.000000", ' "$b" "$z" $((n / 3600)) $((n / 60 %% 60)) $((n %% 60))
  printf '"stdout": "%%s", "stderr": "%%s"}\n' "$(esc "$f.out")" "$(esc "$f.err")"
fi >"$f.tmp"
mv "$f.tmp" "$f"
rm -f "$f.job" "$f.cmd" "$f.in" "$f.out" "$f.err" "$f.late"`

// Store is the operation that leaves a result that is known already as a job's.
func (j Job) Store(result *value.Map) (state.Exec, error) {
	text, err := json.Marshal(result)
	if err != nil {
		return state.Exec{}, err
	}
	return state.Exec{Shown: "the result of a job", Shell: "umask 077\n" + j.jobHead() +
		"mkdir -p \"$d\" && printf '%s\\n' " + shellWord(string(text)) + " >\"$f.tmp\" && mv \"$f.tmp\" \"$f\" && printf '%s\\n' \"$f\"\n"}, nil
}

// Ask is the operation that asks what became of the job; see Answer.
func (j Job) Ask() state.Exec {
	return state.Exec{Read: true, Shown: "the state of job " + j.ID, Shell: j.jobHead() + "printf '%s\\n' \"$f\"\n[ -e \"$f\" ] || exit 3\ncat \"$f\"\n"}
}

// Erase is the operation that removes the job's file; RC 3 when it has none.
func (j Job) Erase() state.Exec {
	return state.Exec{Shown: "the removal of job " + j.ID, Shell: j.jobHead() + "printf '%s\\n' \"$f\"\n[ -e \"$f\" ] || exit 3\nrm -f \"$f\"\n"}
}

// JobState is what became of a job.
type JobState struct {
	File string
	// Known is false when the host has no such job, Finished while it goes on.
	Known, Finished bool
	// Result is the job's own, without what Ansible adds to it.
	Result *value.Map
}

// Answer reads what Ask or Start found.
func (j Job) Answer(r state.OpResult) JobState {
	file, text, _ := strings.Cut(string(r.Stdout), "\n")
	s := JobState{File: file, Known: r.RC == 0, Result: value.NewMap()}
	v, err := value.ParseJSON([]byte(text))
	if err != nil || v.Map() == nil {
		return s // not written yet: it goes on
	}
	if _, started := v.Get("started"); started {
		return s
	}
	s.Finished, s.Result = true, v.Map()
	for _, k := range []string{"stdout", "stderr"} {
		out, ok := s.Result.Get(k)
		if !ok {
			continue
		}
		out = value.String(strings.TrimRight(out.Text(), "\r\n")).WithMarks(value.Unsafe)
		s.Result.Set(k, out)
		s.Result.Set(k+"_lines", value.Strings(lines(out.Str())...).MarkDeep(value.Unsafe))
	}
	return s
}

func lines(s string) []string {
	if s == "" {
		return []string{}
	}
	out := strings.Split(s, "\n")
	for i, l := range out {
		out[i] = strings.TrimSuffix(l, "\r")
	}
	return out
}

// JobTime is how Ansible counts a job's time: in whole seconds.
func JobTime(seconds int) time.Duration { return time.Duration(seconds) * time.Second }

// JobFields are what every answer about a job says.
func (j Job) JobFields(file string, finished bool) *value.Map {
	n := 0
	if finished {
		n = 1
	}
	return value.M("ansible_job_id", j.ID, "started", 1, "finished", n, "results_file", file)
}

// shellWord quotes a word for sh.
func shellWord(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
