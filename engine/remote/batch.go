package remote

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/state"
)

// Do sends a batch in one frame and one round trip: the check of what the plan
// relies on, the operations in order until one does not end as predicted, then
// the queries. The error is for what is not the fault of one operation or query:
// the connection, the change of identity, deadlines, a locked host. The outcome
// then holds what is known to have happened.
func (h *Host) Do(ctx context.Context, b state.Batch) (state.Outcome, error) {
	out, _, err := h.DoScripts(ctx, b, nil)
	return out, err
}

// Script runs scripts under an identity in one frame.
func (h *Host) Script(ctx context.Context, as state.Identity, scripts []Script) ([]ScriptResult, error) {
	_, res, err := h.DoScripts(ctx, state.Batch{As: as}, scripts)
	return res, err
}

// DoScripts is Do with scripts behind the batch's queries in the same frame. The
// scripts do not run when the outcome says that what was relied on changed.
func (h *Host) DoScripts(ctx context.Context, b state.Batch, scripts []Script) (state.Outcome, []ScriptResult, error) {
	var out state.Outcome
	if err := h.leave(ctx, b); err != nil {
		return out, nil, err
	}
	ask := newAsking(b.Ask)
	again := b
	var lock contest
	for try := 0; ; try++ {
		r, err := h.attempt(ctx, again, ask, scripts)
		if try == 0 {
			out = r.outcome
		}
		if e, held := asHeld(err); held {
			if err := h.waitForLock(ctx, b.As, e, &lock); err != nil {
				return out, nil, err
			}
			ask = newAsking(b.Ask)
			try--
			continue
		}
		if errors.Is(err, errNotCarried) {
			h.plain.Store(true)
			ask = newAsking(b.Ask)
			try--
			continue
		}
		if h.noteTTY(b.As, err) { // nothing was done: it could not be begun
			ask = newAsking(b.Ask)
			try--
			continue
		}
		switch {
		case errors.Is(err, errMoved) && try < 3:
			next := newAsking(b.Ask)
			next.single = true
			ask = next
		case err == nil && r.skipped && try < 3:
			// A daemon of a command still writes into the old shell.
			ask = newAsking(b.Ask)
		case errors.Is(err, errMoved):
			return out, nil, diag.New(diag.Failed, diag.Pos{}, "files-change", "%w", errMoved)
		default:
			if err == nil && len(out.Changed) == 0 {
				out.Answers = ask.answers
			}
			return out, r.scripts, err
		}
		again = state.Batch{As: b.As, Ask: b.Ask}
	}
}

// attempted is what came of one frame.
type attempted struct {
	outcome state.Outcome
	scripts []ScriptResult
	skipped bool // the questions were not put
	left    bool // a command left a process behind that may hold our stdout
}

// ahead is what was sent before a frame, or will be behind it.
type ahead struct {
	came  map[string]*upload // by operation
	check bool               // nothing has been sent: the frame prepares it
}

// attemptFrame sends one frame and reads its answer.
func (h *Host) attemptFrame(ctx context.Context, b state.Batch, ask *asking, scripts []Script, ah ahead) (attempted, error) {
	s, err := h.acquire(ctx, b.As)
	if err != nil {
		return attempted{}, err
	}
	defer s.release()
	s.seq++
	f, err := s.build(b, ask, scripts, ah)
	if err != nil {
		return attempted{}, err
	}
	f.sent = newMeter(b.Sent)
	defer f.sent.stop()
	rx := newReceiver(s.nonce, s.seq, h.opts.Limits)
	rx.live = b.Live
	for i, op := range b.Ops {
		if _, ok := op.(state.Exec); ok {
			rx.expect(i, h.opts.Limits)
		}
	}
	stop := s.watch(ctx, b.Ops, rx)
	begin := time.Now()
	err = s.exchange(ctx, f, rx)
	stop()
	if err != nil {
		return attempted{outcome: state.Outcome{Results: rx.partial(b.Ops)}}, inDoubt(err, b.Ops, rx)
	}
	a, err := s.digest(b, ask, scripts, rx, begin)
	if err != nil && diag.ClassOf(err) == diag.Protocol {
		h.drop(s)
		s.close()
		err = s.explain(err, rx)
	}
	if a.skipped || a.left {
		// The next batch gets a shell of its own.
		h.drop(s)
		s.close()
	}
	return a, err
}

// build writes the frame of a batch.
func (s *shell) build(b state.Batch, ask *asking, scripts []Script, ah ahead) (*frame, error) {
	f := newFrame()
	f.text.WriteString("_k= _left= _vk=\n")
	s.putLock(f, b, ah.check)
	if err := s.putRely(f, b.Rely); err != nil {
		return nil, err
	}
	w := &writing{f: f, s: s, rely: map[string]state.Stat{}, raw: map[string]string{}, tag: randomHex(4), came: ah.came}
	for _, r := range b.Rely {
		w.rely[r.Path] = r.Stat
	}
	for i := 0; i < len(b.Ops); {
		if _, ok := b.Ops[i].(state.Exec); !ok {
			f.needs |= partOps
		}
		n, err := w.folders(i, b.Ops[i:])
		if err == nil && n == 0 {
			n, err = 1, w.put(i, b.Ops[i])
		}
		if err != nil {
			return nil, err
		}
		i += n
	}
	if len(f.raws) > 0 || len(scripts) > 0 {
		f.needs |= partOps // scripts of ours use its functions
	}
	f.asks = len(b.Ops) == 0 && len(scripts) == 0 && f.needs == partBase && !slices.ContainsFunc(ask.queries, private)
	if len(w.synced) > 0 && !s.host.opts.NoSync {
		f.line("_sy", w.synced...)
		f.procs++
	}
	if len(ask.queries) == 0 && len(scripts) == 0 {
		return f, nil
	}
	f.text.WriteString("if [ \"$_left$_vk\" ]; then _m L; else\n:\n")
	ask.put(f, s, s.host.opts.Prober)
	for n, sc := range scripts {
		if err := f.script(len(ask.scripts)+n, sc); err != nil {
			return nil, err
		}
	}
	f.text.WriteString("fi\n")
	return f, nil
}

// putRely writes the check of what the plan was made from: what is there with
// one stat, what is not with the shell alone.
func (s *shell) putRely(f *frame, rely []state.Relied) error {
	var there, absent []string
	var gnu, plain []string
	for _, r := range rely {
		if _, _, err := splitPath(r.Path); err != nil {
			return err
		}
		if r.Stat.Type == state.TypeNone {
			absent = append(absent, r.Path)
			continue
		}
		there = append(there, r.Path)
		g, p := relyPattern(r.Stat)
		gnu, plain = append(gnu, g), append(plain, p)
	}
	if len(there) > 0 {
		f.line("set --", there...)
		f.text.WriteString("_vs \"$@\"\ncase $_st$_va in\n")
		if s.stat != 'b' {
			f.text.WriteString("g" + strings.Join(gnu, "${_nl}") + ") ;;\n")
		}
		if s.stat != 'g' {
			f.text.WriteString("b" + strings.Join(plain, "${_nl}") + ") ;;\n")
		}
		f.text.WriteString("*) _vk=1; _i=0; for _f; do _va=; [ ! -e \"$_f\" ] && [ ! -L \"$_f\" ] || _vs \"$_f\"; _t \"v $_i\" \"$_st$_va\"; _i=$((_i + 1)); done ;;\nesac\n")
		f.procs++
	}
	for i, p := range absent {
		q := quote(p)
		fmt.Fprintf(f.text, "if [ -e %s ] || [ -L %s ]; then _vk=1; _m V %d; fi\n", q, q, i)
	}
	f.text.WriteString("_k=$_k$_vk\n")
	return nil
}

// relyPattern is a stat as _vs prints it, as a pattern of case, for GNU and for
// busybox. A folder's size and times change with what is in it.
func relyPattern(st state.Stat) (gnu, plain string) {
	size, when, secs := fmt.Sprint(st.Size), fmt.Sprintf("%d.%09d", st.MTime.Unix(), st.MTime.Nanosecond()), fmt.Sprint(st.MTime.Unix())
	if st.Type != state.TypeFile && st.Type != state.TypeLink {
		size, when, secs = "*", "*", "*"
	}
	dev, ino := fmt.Sprint(st.Dev), fmt.Sprint(st.Ino)
	if st.Ino == 0 {
		dev, ino = "*", "*"
	}
	if st.MTime.IsZero() {
		when, secs = "*", "*"
	}
	head := fmt.Sprintf("%x:%d:%d:%s:%s:%s:", rawType(st.Type)|st.Mode, st.UID, st.GID, size, dev, ino)
	return head + when, head + secs
}

// digest reads everything that a frame answered.
func (s *shell) digest(b state.Batch, ask *asking, scripts []Script, rx *receiver, begin time.Time) (attempted, error) {
	var a attempted
	failedAt, failedRC := -1, 0
	differs := false
	var rest, said []*section
	for _, sec := range rx.sections[0] {
		switch sec.kind {
		case "l":
			if err := s.lockAnswer(sec); err != nil {
				return a, err
			}
		case "L":
			a.skipped = true
		case "v", "V":
			differs = true
			if err := s.changed(b.Rely, sec, &a.outcome); err != nil {
				return a, err
			}
		case "f":
			n, ok := sec.num(0)
			rc, ok2 := sec.num(1)
			if ok && !ok2 { // a tree has one argument
				rest = append(rest, sec)
				continue
			}
			if !ok || n < 0 || n >= len(b.Ops) || failedAt >= 0 {
				return a, protocolError("an operation failed that was not sent")
			}
			failedAt, failedRC = n, rc
		case "g", "G":
			said = append(said, sec)
		default:
			rest = append(rest, sec)
		}
	}
	if differs && len(a.outcome.Changed) == 0 {
		// The host found a difference that we do not: it did nothing all the same.
		for _, r := range b.Rely {
			a.outcome.Changed = append(a.outcome.Changed, r.Path)
		}
	}
	if len(a.outcome.Changed) > 0 {
		a.skipped = false
		return a, nil
	}
	var err error
	if a.outcome.Results, err = results(b.Ops, rx, failedAt, failedRC, begin); err != nil {
		return a, err
	}
	for _, x := range rx.execs {
		a.skipped = a.skipped || (x.left && len(b.Ask)+len(scripts) > 0)
		a.left = a.left || x.left
	}
	if a.skipped {
		return a, nil
	}
	if a.scripts, err = ask.readScripts(said, rx.sections[1], len(scripts)); err != nil {
		return a, err
	}
	return a, ask.read(s, rest)
}

// changed notes a path that is not as it was relied on.
func (s *shell) changed(rely []state.Relied, sec *section, out *state.Outcome) error {
	i, ok := sec.num(0)
	var of []state.Relied
	for _, r := range rely {
		if (r.Stat.Type == state.TypeNone) == (sec.kind == "V") {
			of = append(of, r)
		}
	}
	if !ok || i < 0 || i >= len(of) {
		return protocolError("a change of a path that was not named")
	}
	if sec.kind == "v" {
		gnu, plain := relyPattern(of[i].Stat)
		said := string(sec.data)
		if matches("g"+gnu, said) || matches("b"+plain, said) {
			return nil
		}
	}
	out.Changed = append(out.Changed, of[i].Path)
	return nil
}

func matches(pattern, s string) bool {
	ok, err := path.Match(pattern, s)
	return err == nil && ok
}

// results are the ends of the operations that were started.
func results(ops []state.Op, rx *receiver, failedAt, failedRC int, begin time.Time) ([]state.OpResult, error) {
	now := time.Now()
	var out []state.OpResult
	for i, op := range ops {
		if failedAt >= 0 && i > failedAt {
			break
		}
		if i == failedAt {
			msg, said := "it failed without a word", []byte(nil)
			for _, s := range rx.sections[1] {
				if s.kind == "f" && len(s.data) > 0 {
					msg, said = cleanMessage(s.data), s.data
				}
			}
			out = append(out, state.OpResult{Msg: msg, RC: failedRC, Stderr: said, Start: begin, End: now,
				Err: diag.New(diag.Failed, diag.Pos{}, "operation", "%s: %s", op.String(), msg)})
			break
		}
		o, isExec := op.(state.Exec)
		if !isExec {
			out = append(out, state.OpResult{OK: true, Start: begin, End: now})
			continue
		}
		x := rx.execs[i]
		if !x.started || !x.outEnd || !x.errEnd {
			return nil, protocolError("the end of a command is missing")
		}
		res := execResult(o, x)
		if o.Detach {
			res.Data = x.pid
		}
		out = append(out, res)
		if !res.OK {
			break
		}
	}
	return out, nil
}

// partial is what is known of a batch whose end is not: commands that ended.
func (r *receiver) partial(ops []state.Op) []state.OpResult {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := -1
	for i := range ops {
		if x := r.execs[i]; x != nil && x.started {
			last = i
		}
	}
	var out []state.OpResult
	for i := 0; i <= last; i++ {
		o, isExec := ops[i].(state.Exec)
		if !isExec {
			out = append(out, state.OpResult{OK: true})
			continue
		}
		res := execResult(o, r.execs[i])
		res.OK = res.OK && r.execs[i].outEnd
		out = append(out, res)
	}
	return out
}

// readScripts puts the outputs of scripts together and hands those of queries to
// their parsers.
func (a *asking) readScripts(out, errs []*section, own int) ([]ScriptResult, error) {
	all := make([]ScriptResult, len(a.scripts)+own)
	next := 0
	for i := 0; i < len(out); i += 2 {
		n, ok := out[i].num(0)
		if !ok || n != next || next >= len(all) || out[i].kind != "g" || i+1 >= len(out) || out[i+1].kind != "G" {
			return nil, protocolError("a script ends that was not sent")
		}
		rc, ok := out[i+1].num(1)
		if m, ok2 := out[i+1].num(0); !ok || !ok2 || m != n {
			return nil, protocolError("a script ends that was not sent")
		}
		all[n] = ScriptResult{RC: rc, Stdout: out[i].data}
		next++
	}
	if next != len(all) {
		return nil, protocolError("not every script was run")
	}
	for _, s := range errs {
		if n, ok := s.num(0); ok && s.kind == "g" && n >= 0 && n < len(all) {
			all[n].Stderr = s.data
		}
	}
	for n, q := range a.scripts {
		v, err := a.parse[q](all[n])
		if err == nil && v == nil {
			err = fmt.Errorf("%s: no answer", a.queries[q].Query())
		}
		a.answers[q].Value = v
		if err != nil {
			a.answers[q].Value = nil
			a.fail(q, err)
		}
	}
	return all[len(a.scripts):], nil
}
