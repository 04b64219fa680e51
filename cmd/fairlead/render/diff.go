package render

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/state"
)

// diff shows what a result changes, an empty line behind each difference.
func (t *Terminal) diff(b *bytes.Buffer, e *event.Event) {
	switch e.Status {
	case event.OK, event.Skipped, event.Failed:
		return // only what changed is shown, by changed_when and failed_when, as Ansible does
	}
	for _, d := range e.Diff {
		if d.Note != "" {
			fmt.Fprintf(b, "%s\n", t.paint(dark, header(d)+": "+event.PrintableLine(d.Note)))
			continue
		}
		if d.Prepared {
			for l := range strings.Lines(d.After) {
				fmt.Fprintf(b, "%s\n", event.Printable(strings.TrimSuffix(l, "\n")))
			}
			continue
		}
		if d.Before == d.After {
			continue
		}
		u := udiff.Unified(side("before", d.BeforeHeader), side("after", d.AfterHeader), d.Before, d.After)
		for _, l := range strings.SplitAfter(u, "\n") {
			if l == "" {
				continue
			}
			text := event.Printable(strings.TrimSuffix(l, "\n"))
			fmt.Fprintf(b, "%s\n", t.paint(diffColor(l), text))
		}
		b.WriteByte('\n')
	}
}

func header(d state.DiffEntry) string {
	if d.AfterHeader != "" {
		return d.AfterHeader
	}
	return orDash(d.BeforeHeader)
}

func side(name, header string) string {
	if header == "" {
		return name
	}
	return name + ": " + event.PrintableLine(header)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return event.PrintableLine(s)
}

func diffColor(l string) color {
	switch {
	case strings.HasPrefix(l, "---"), strings.HasPrefix(l, "+++"):
		return bold
	case strings.HasPrefix(l, "@@"):
		return cyan
	case strings.HasPrefix(l, "+"):
		return green
	case strings.HasPrefix(l, "-"):
		return red
	}
	return ""
}
