package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/vars"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// Asker asks whoever started the run: a question, and whether the answer is
// shown while it is typed. io.EOF means that nobody answers.
type Asker func(ctx context.Context, question string, shown bool) (string, error)

// ErrAborted is what an Asker says of a pause when the task is to fail.
//
//lint:ignore ST1005 it is Ansible's sentence
var ErrAborted = errors.New("user requested abort!")

// ask asks; asked is false when there is nobody to ask.
func (r *runner) ask(question string, shown bool) (answer string, asked bool, err error) {
	if r.Ask == nil {
		return "", false, nil
	}
	answer, err = r.Ask(r.ctx, question, shown)
	if errors.Is(err, io.EOF) {
		return "", true, nil
	}
	return answer, true, err
}

// prompted asks for the variables of vars_prompt that -e does not give. Without
// anybody to ask, they have their defaults, as in Ansible.
func (r *runner) prompted(p *playbook.Play, pv *vars.PlayVars) error {
	if len(p.VarsPrompt) == 0 {
		return nil
	}
	s := r.Vars.Scope(r.world(nil), nil, pv, nil, vars.Moment{Now: r.Now()})
	pv.Prompted = &yaml.Vars{}
	for _, q := range p.VarsPrompt {
		if r.Vars.Extra.Node(q.Name) != nil {
			continue
		}
		v, err := r.promptFor(s, q)
		if err != nil {
			return err
		}
		pv.Prompted.SetValue(q.Name, q.Pos, v)
	}
	return nil
}

func (r *runner) promptFor(s *vars.Scope, q *playbook.Prompt) (value.Value, error) {
	text, err := keyword(s, q.Prompt)
	if err != nil {
		return value.Null, err
	}
	private, err := flag(s, q.Private, true)
	if err != nil {
		return value.Null, err
	}
	confirm, err := flag(s, q.Confirm, false)
	if err != nil {
		return value.Null, err
	}
	def, err := keyword(s, q.Default)
	if err != nil {
		return value.Null, err
	}
	if q.Prompt == nil {
		text = q.Name
	}
	question := text + ": "
	switch {
	case text == "":
		question = "input for " + q.Name + ": "
	case q.Default != nil:
		question = fmt.Sprintf("%s [%s]: ", text, def)
	}
	answer, asked, err := r.askTwice(question, !private, confirm)
	if err != nil {
		return value.Null, err
	}
	switch {
	case !asked:
		r.notice("warn", "nobody is asked for "+q.Name+", because there is no terminal: it has its default")
		if answer = def; q.Default == nil {
			answer = "None"
		}
	case answer == "" && q.Default != nil:
		answer = def
	}
	v := value.String(answer).WithMarks(value.Unsafe)
	if private && asked {
		v = v.WithMarks(value.Secret)
	}
	return r.encrypted(s, q, v)
}

// askTwice asks until two answers are the same, where that is asked for.
func (r *runner) askTwice(question string, shown, twice bool) (string, bool, error) {
	for {
		answer, asked, err := r.ask(question, shown)
		if err != nil || !asked || !twice {
			return answer, asked, err
		}
		again, _, err := r.ask("confirm "+question, shown)
		if err != nil || again == answer {
			return answer, true, err
		}
		r.notice("info", "***** VALUES ENTERED DO NOT MATCH ****")
	}
}

// encrypted hashes an answer, as encrypt: asks.
func (r *runner) encrypted(s *vars.Scope, q *playbook.Prompt, v value.Value) (value.Value, error) {
	method, err := keyword(s, q.Encrypt)
	if err != nil || method == "" {
		return v, err
	}
	expr := "answer | password_hash('" + strings.TrimSuffix(method, "_crypt") + "'"
	for _, o := range []struct {
		name string
		n    *yaml.Node
	}{{"salt", q.Salt}, {"salt_size", q.SaltSize}} {
		text, err := keyword(s, o.n)
		if err != nil {
			return v, err
		}
		if text != "" {
			expr += ", " + o.name + "=" + value.String(text).Repr()
		}
	}
	return s.With(map[string]value.Value{"answer": v.WithoutMarks(value.Unsafe)}).Expr(expr+")", q.Pos)
}

// stepped asks, with --step, whether the task that hosts are at is to be done.
// Everything before it is applied first. It tells whether to go on with it now.
func (pl *play) stepped(ctx context.Context, hosts []*host) (bool, error) {
	if pl.Step == nil || pl.stepAll {
		return true, nil
	}
	t := hosts[0].task()
	for _, h := range hosts {
		if h.inst != nil {
			return true, nil
		}
	}
	if t.Module == "meta" || pl.allPass(hosts, t) {
		return true, nil
	}
	if pl.waiting() && !pl.Check {
		return false, pl.flush(ctx, pl.batch)
	}
	pl.release()
	for {
		answer, err := pl.Step(ctx, fmt.Sprintf("Perform task: TASK: %s (N)o/(y)es/(c)ontinue: ", taskTitle(t)), true)
		if errors.Is(err, io.EOF) {
			return false, diag.Errorf(diag.Pos{}, "step", "--step asks before each task, and nobody answers: standard input is at its end").WithHint("leave out --step")
		}
		if err != nil {
			return false, err
		}
		switch strings.ToLower(strings.TrimSpace(answer)) {
		case "y", "yes":
			return true, nil
		case "c", "continue":
			pl.stepAll = true
			return true, nil
		case "n", "no", "":
			for _, h := range hosts {
				h.advance()
			}
			return false, nil
		}
	}
}

// allPass tells whether the task is passed over on every host.
func (pl *play) allPass(hosts []*host, t *playbook.Task) bool {
	for _, h := range hosts {
		w := &host{Host: h.Host, r: h.r, at: h.at.clone(), notified: h.notified}
		if pass, err := pl.passesQuietly(w, t); err != nil || !pass {
			return false
		}
	}
	return true
}

// tellPause tells of a pause, behind the heading of its task; where it waits for an
// answer it asks, and keeps that. False when it did not ask, or nobody answers.
func (pl *play) tellPause(h *host, p module.Pause, o *outcome) (answered bool, err error) {
	pl.release()
	pl.tellStart(h)
	hidden := ""
	if !p.Echo {
		hidden = " (output is hidden)"
	}
	prompt := p.Prompt
	if prompt == "" {
		prompt = "Press enter to continue, Ctrl+C to interrupt"
	}
	prompt = "[" + h.title(h.task()) + "]\n" + prompt + hidden + ":"
	if !p.Ask {
		pl.notice("info", fmt.Sprintf("Pausing for %d seconds%s", int64(p.For/time.Second), hidden))
		watched := pl.Pause != nil && !pl.isFree // in which hosts do not wait for each other
		// In any case, as Ansible:
		pl.notice("info", "(ctrl+C then 'C' = continue early, ctrl+C then 'A' = abort)")
		if p.Prompt != "" {
			pl.notice("info", prompt)
		}
		if !watched {
			return false, nil
		}
		return pl.cutShort(p, o)
	}
	if pl.Pause == nil {
		pl.notice("info", prompt)
		pl.notice("warn", "Not waiting for response to prompt as stdin is not interactive")
		return false, nil
	}
	begun := pl.Now()
	answer, err := pl.Pause(pl.ctx, prompt+"\n", p.Echo)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	o.paused(pl.Now().Sub(begun), false)
	o.result.Set("user_input", value.String(answer).WithMarks(value.Unsafe))
	return true, nil
}

// cutShort waits as long as a pause lasts, or until whoever is at the terminal ends it.
func (pl *play) cutShort(p module.Pause, o *outcome) (ended bool, err error) {
	ctx, stop := context.WithTimeout(pl.ctx, p.For)
	defer stop()
	begun := pl.Now()
	_, err = pl.Pause(ctx, "", false)
	switch {
	case errors.Is(err, context.DeadlineExceeded) && pl.ctx.Err() == nil:
		return true, nil // as long as planned
	case errors.Is(err, io.EOF): // nobody is there: the rest of the time passes
		return false, nil
	case err != nil:
		return false, err
	}
	said, _ := o.result.Get("stdout")
	o.paused(pl.Now().Sub(begun), strings.HasSuffix(said.Str(), " seconds"))
	return true, nil
}

// paused registers how long a pause was.
func (o *outcome) paused(took time.Duration, seconds bool) {
	o.result = o.result.Clone()
	o.result.Set("delta", value.Int(int64(took/time.Second)))
	n, unit := took.Minutes(), " minutes"
	if seconds {
		n, unit = took.Seconds(), " seconds"
	}
	o.result.Set("stdout", value.String("Paused for "+value.FloatRepr(math.Round(n*100)/100)+unit))
}
