// Package render shows the events of a run on a terminal, in the form that
// people know from ansible-playbook.
package render

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/fairlead-project/fairlead/engine/event"
)

// Options say how to show a run.
type Options struct {
	Color bool
	// Live shows a progress line at the bottom: out must be a terminal.
	Live      bool
	Width     int // of the terminal; 0 is 80
	Verbosity int
	// Plan words results as what would happen.
	Plan bool
	// HideSkipped and HideOK leave such results out, and the headings of tasks
	// that have no others.
	HideSkipped, HideOK bool
	// Failed takes failures in place of the output; nil for none.
	Failed io.Writer
	// Warnings takes warnings in place of the output, as Ansible's standard error does;
	// nil for none. ColorWarnings is Color for it.
	Warnings      io.Writer
	ColorWarnings bool
	// Check marks a dry run, and plays and tasks in check mode.
	Check bool
	// Results is how results are written.
	Results Results
	// HostStarts tells of each host that a task starts there.
	HostStarts bool
	// TaskPaths tells of each failure where its task is written.
	TaskPaths bool
	// CustomStats shows what set_stats gave, at the end.
	CustomStats bool
}

// Terminal is a sink that writes for people. Close ends its progress line.
type Terminal struct {
	mu   sync.Mutex
	out  io.Writer
	o    Options
	line *progress
	// plays and failures so far, for the recap.
	failures []*event.Event
	hosts    int
	stats    customStats
	// title is the heading of a task that has shown nothing yet.
	title []byte
	// begun are the hosts that the present task was told to have started on.
	begun map[string]bool
	// failed is what Options.Failed is to get.
	failed bytes.Buffer
	// warned are the warnings so far: each is told once, as in Ansible. Those in
	// warnings are for Options.Warnings.
	warned   map[string]bool
	warnings bytes.Buffer
	dry      bool // the run is a dry run
}

// New makes a terminal sink.
func New(out io.Writer, o Options) *Terminal {
	if o.Width <= 0 {
		o.Width = 80
	}
	t := &Terminal{out: out, o: o, stats: customStats{}, warned: map[string]bool{}}
	if o.Live {
		t.line = newProgress(t)
	}
	return t
}

// Close ends the progress line.
func (t *Terminal) Close() {
	if t.line != nil {
		t.line.stop()
	}
}

// Emit implements event.Sink.
func (t *Terminal) Emit(_ context.Context, e *event.Event) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b bytes.Buffer
	t.show(&b, e)
	if t.hidesSome() {
		t.holdTitle(&b, e)
	}
	if t.line != nil {
		t.line.note(e)
	}
	if b.Len() == 0 && t.failed.Len() == 0 && t.warnings.Len() == 0 {
		return nil
	}
	if t.line != nil {
		t.line.erase()
	}
	return errors.Join(flush(&t.warnings, t.o.Warnings), flush(&b, t.out), flush(&t.failed, t.o.Failed))
}

// flush writes what there is.
func flush(b *bytes.Buffer, to io.Writer) error {
	if b.Len() == 0 {
		return nil
	}
	_, err := to.Write(b.Bytes())
	b.Reset()
	return err
}

// warn tells a warning, the first time that there is one in these words.
func (t *Terminal) warn(b *bytes.Buffer, text string) {
	text = event.Printable(strings.TrimRight(text, "\n"))
	if t.warned[text] {
		return
	}
	t.warned[text] = true
	line := "[WARNING]: " + text
	if t.o.Warnings == nil {
		fmt.Fprintf(b, "%s\n", t.paint(magenta, line))
		return
	}
	if t.o.ColorWarnings {
		line = paint(magenta, line)
	}
	fmt.Fprintf(&t.warnings, "%s\n", line)
}

// failure is where a result goes: a failure, if so wanted, to a place of its own.
func (t *Terminal) failure(b *bytes.Buffer, e *event.Event) *bytes.Buffer {
	if t.o.Failed != nil && (e.Status == event.Failed || e.Status == event.Unreachable) {
		return &t.failed
	}
	return b
}

func (t *Terminal) checkMark(e *event.Event) string {
	if t.o.Check && e.Check {
		return " [CHECK MODE]"
	}
	return ""
}

// hidesSome tells whether results may be left out.
func (t *Terminal) hidesSome() bool { return t.o.HideSkipped || t.o.HideOK }

// holdTitle keeps a task's heading back until something below it is shown.
func (t *Terminal) holdTitle(b *bytes.Buffer, e *event.Event) {
	switch {
	case e.Kind == event.TaskStarted:
		t.title = bytes.Clone(b.Bytes())
		b.Reset()
	case b.Len() > 0 || t.failed.Len() > 0:
		shown := append(t.title, b.Bytes()...)
		b.Reset()
		b.Write(shown)
		t.title = nil
	}
}

func (t *Terminal) hidden(e *event.Event) bool {
	return e.Status == event.Skipped && t.o.HideSkipped || e.Status == event.OK && t.o.HideOK
}

func (t *Terminal) show(b *bytes.Buffer, e *event.Event) {
	switch e.Kind {
	case event.RunStarted:
		t.dry = e.Check && t.o.Check
		if t.dry {
			t.heading(b, "DRY RUN")
		}
		for i, p := range e.Playbooks {
			if t.o.Verbosity >= 2 {
				t.heading(b, "PLAYBOOK: "+event.PrintableLine(filepath.Base(p)))
				if i < len(e.PlayCounts) {
					fmt.Fprintf(b, "%d plays in %s\n", e.PlayCounts[i], event.PrintableLine(Near(p)))
				}
			}
		}
	case event.PlayStarted:
		t.hosts = len(e.Hosts)
		t.heading(b, "PLAY ["+event.PrintableLine(strings.TrimSpace(e.Play))+"]"+t.checkMark(e))
	case event.NoHosts:
		fmt.Fprintf(b, "%s\n", t.paint(cyan, "skipping: no hosts matched"))
	case event.NoneLeft:
		t.heading(b, "NO MORE HOSTS LEFT")
	case event.TaskStarted:
		t.begun = nil
		word := "TASK"
		if e.Handler {
			word = "RUNNING HANDLER"
		}
		title := strings.TrimSpace(e.Task)
		if e.Args != "" {
			title += " " + e.Args
		}
		t.heading(b, word+" ["+event.PrintableLine(title)+"]"+t.checkMark(e))
		if t.o.Verbosity >= 2 {
			t.taskPath(b, e)
		}
	case event.Included:
		t.included(b, e)
	case event.Meta:
		if t.o.Verbosity >= 2 {
			fmt.Fprintf(b, "%s\n", t.paint(blue, "META: "+event.PrintableLine(e.Msg)))
		}
	case event.ItemResult:
		t.starts(b, e)
		if !t.hidden(e) {
			t.result(t.failure(b, e), e, true)
		}
	case event.Debugged:
		if !e.Loop || e.Status == event.Skipped {
			t.result(t.failure(b, e), e, false)
		}
		t.ignoring(b, e)
	case event.Result:
		t.starts(b, e)
		if t.o.CustomStats {
			t.stats.note(e)
		}
		if e.Status == event.Failed || e.Status == event.Unreachable || e.Status == event.InDoubt {
			if !e.Ignored && !e.Rescued {
				t.failures = append(t.failures, e)
				t.hosts = max(0, t.hosts-1) // it takes no part in what follows
			}
		}
		t.notified(b, e)
		if e.Told {
			return
		}
		if e.Loop && e.Status != event.Skipped && !e.NoLog {
			if e.Module == "debug" && e.Status == event.Failed { // which Ansible tells once more
				t.result(t.failure(b, e), e, false)
			}
			t.ignoring(b, e)
			return // its items were told
		}
		if !t.hidden(e) {
			t.result(t.failure(b, e), e, false)
		}
		t.ignoring(b, e)
	case event.Retry, event.Polled:
		fmt.Fprintf(b, "%s\n", t.paint(dark, event.Printable(e.Msg)))
	case event.Notice:
		t.notice(b, e)
	case event.Output:
		if t.o.Verbosity >= 2 {
			t.output(b, e)
		}
	case event.Recap:
		t.recap(b, e)
		t.stats.show(t, b)
		if t.dry {
			t.heading(b, "DRY RUN")
		}
	}
}

// taskPath tells where the task of an event is written.
func (t *Terminal) taskPath(b *bytes.Buffer, e *event.Event) {
	if e.Pos.IsValid() {
		fmt.Fprintf(b, "%s\n", t.paint(blue, fmt.Sprintf("task path: %s:%d", event.PrintableLine(e.Pos.File), e.Pos.Line)))
	}
}

func (t *Terminal) heading(b *bytes.Buffer, s string) {
	stars := max(3, t.o.Width-1-len([]rune(s)))
	fmt.Fprintf(b, "\n%s %s\n", t.paint(bold, s), strings.Repeat("*", stars))
}

// included names the file that an include brings, and for whom.
func (t *Terminal) included(b *bytes.Buffer, e *event.Event) {
	if e.Msg == "" {
		return
	}
	line := "included: " + e.Msg + " for " + strings.Join(e.Hosts, ", ")
	if e.Label != "" {
		line += " => (item=" + e.Label + ")"
	}
	fmt.Fprintf(b, "%s\n", t.paint(cyan, event.Printable(line)))
}

// notified names the handlers that a task notified.
func (t *Terminal) notified(b *bytes.Buffer, e *event.Event) {
	if t.o.Verbosity < 2 {
		return
	}
	for _, h := range e.Handlers {
		fmt.Fprintf(b, "%s\n", t.paint(blue, "NOTIFIED HANDLER "+event.PrintableLine(h)+" for "+e.Host))
	}
}

// starts tells that a task starts on a host, in front of what it shows of it first.
func (t *Terminal) starts(b *bytes.Buffer, e *event.Event) {
	if !t.o.HostStarts || t.begun[e.Host] {
		return
	}
	if t.begun == nil {
		t.begun = map[string]bool{}
	}
	t.begun[e.Host] = true
	word := "TASK"
	if e.Handler {
		word = "HANDLER"
	}
	fmt.Fprintf(b, "%s\n", t.paint(green, fmt.Sprintf(" [started %s: %s on %s]", word, event.PrintableLine(e.Task), event.PrintableLine(e.Host))))
}

// words are how a status is called and coloured, in a run and in a plan.
func (t *Terminal) words(e *event.Event) (string, color) {
	switch e.Status {
	case event.OK:
		return "ok", green
	case event.Changed:
		return "changed", yellow
	case event.Skipped:
		return "skipping", cyan
	case event.Unknown:
		return "unknown", magenta
	case event.InDoubt:
		return "in doubt", red
	}
	if e.HasItem {
		return "failed", red
	}
	return "fatal", red
}

func (t *Terminal) result(b *bytes.Buffer, e *event.Event, item bool) {
	word, col := t.words(e)
	t.diff(b, e)
	if t.o.TaskPaths && e.Status == event.Failed && !item && t.o.Verbosity < 2 {
		t.taskPath(b, e)
	}
	host := e.Host
	if e.Delegate != "" {
		host += " -> " + e.Delegate
		if a := e.DelegateAddress; a != "" && a != e.Delegate {
			host += "(" + a + ")"
		}
	}
	line := fmt.Sprintf("%s: [%s]", word, host)
	switch e.Status {
	case event.Unreachable:
		line += ": UNREACHABLE!"
	case event.Failed:
		if !item {
			line += ": FAILED!"
		}
	}
	if item {
		if e.Status != event.Failed {
			line += " =>"
		}
		line += " (item=" + event.Printable(e.Label) + ")"
		if e.Status == event.Skipped {
			line += " " // as Ansible has it
		}
	}
	if e.Status == event.Unknown {
		line += " => " + event.PrintableLine(e.Msg)
	}
	if t.o.Plan && e.Assuming != "" && e.Status != event.Unknown {
		line += t.paint(dark, " (assuming "+event.PrintableLine(e.Assuming)+" changes nothing here)")
	}
	if body, wanted := t.body(e); wanted {
		line += " => " + body
	}
	fmt.Fprintf(b, "%s\n", t.paint(col, line))
	t.details(b, e)
	for _, w := range e.Warnings {
		t.warn(b, w)
	}
}

// details say where a failure stands and what to do about it.
func (t *Terminal) details(b *bytes.Buffer, e *event.Event) {
	if e.Status != event.Failed && e.Status != event.Unreachable && e.Status != event.InDoubt {
		return
	}
	if e.Pos.IsValid() && !e.Ignored {
		fmt.Fprintf(b, "    %s\n", t.paint(dark, "at "+Pos(e.Pos)))
	}
	if e.Hint != "" {
		fmt.Fprintf(b, "    %s\n", t.paint(cyan, "hint: "+event.PrintableLine(e.Hint)))
	}
}

func (t *Terminal) ignoring(b *bytes.Buffer, e *event.Event) {
	if e.Ignored {
		fmt.Fprintf(b, "%s\n", t.paint(cyan, "...ignoring"))
	}
}

func (t *Terminal) notice(b *bytes.Buffer, e *event.Event) {
	if e.Level == "warn" {
		t.warn(b, e.Msg)
		return
	}
	fmt.Fprintf(b, "%s\n", t.paint(cyan, event.Printable(e.Msg)))
}

func (t *Terminal) output(b *bytes.Buffer, e *event.Event) {
	for _, l := range strings.Split(strings.TrimSuffix(e.Chunk, "\n"), "\n") {
		fmt.Fprintf(b, "%s %s\n", t.paint(dark, e.Host+" |"), event.PrintableLine(l))
	}
}

// recap counts per host, and repeats what went wrong.
func (t *Terminal) recap(b *bytes.Buffer, e *event.Event) {
	t.heading(b, "PLAY RECAP")
	names := make([]string, 0, len(e.Stats))
	for n := range e.Stats {
		if *e.Stats[n] != (event.HostStats{}) { // a host that no task came to is not told, as in Ansible
			names = append(names, n)
		}
	}
	sort.Strings(names)
	for _, n := range names {
		t.recapLine(b, n, e.Stats[n])
	}
	b.WriteByte('\n')
	if len(t.failures) == 0 {
		return
	}
	fmt.Fprintf(b, "%s\n", t.paint(bold, fmt.Sprintf("Failures (%d):", len(t.failures))))
	for _, f := range t.failures {
		msg := f.Msg
		if f.NoLog {
			msg = "the output has been hidden because no_log was set"
		}
		if i := strings.IndexByte(msg, '\n'); i >= 0 {
			msg = msg[:i] + " ..."
		}
		if said := lastError(f); said != "" {
			msg += ": " + said
		}
		fmt.Fprintf(b, "  %s %s: %s\n      %s\n", t.paint(red, f.Host), event.PrintableLine(f.Task), event.PrintableLine(msg), t.paint(dark, Pos(f.Pos)))
	}
}

// lastError is the last line that a failed command wrote to standard error.
func lastError(e *event.Event) string {
	if e.NoLog || e.Res == nil {
		return ""
	}
	v, ok := e.Res.Get("stderr")
	if !ok || !v.IsString() {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(v.Str()), "\n")
	last := []rune(strings.TrimSpace(lines[len(lines)-1]))
	if len(last) > 200 {
		last = append(last[:200], '…')
	}
	return string(last)
}

func (t *Terminal) recapLine(b *bytes.Buffer, name string, s *event.HostStats) {
	col := green
	switch {
	case s.Failed > 0 || s.Unreachable > 0:
		col = red
	case s.Changed > 0:
		col = yellow
	}
	count := func(word string, n int, c color) string {
		txt := fmt.Sprintf("%s=%-4d", word, n)
		if n > 0 {
			return t.paint(c, txt)
		}
		return txt
	}
	pad := strings.Repeat(" ", max(0, 26-utf8.RuneCountInString(name)))
	parts := []string{count("ok", s.OK, green), count("changed", s.Changed, yellow), count("unreachable", s.Unreachable, red),
		count("failed", s.Failed, red), count("skipped", s.Skipped, cyan), count("rescued", s.Rescued, green), count("ignored", s.Ignored, blue)}
	if t.o.Plan && s.Unknown > 0 { // else the line is Ansible's
		parts = append(parts, count("unknown", s.Unknown, magenta))
	}
	fmt.Fprintf(b, "%s%s : %s\n", t.paint(col, name), pad, strings.Join(parts, " "))
}
