package main

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/term"

	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/run"
)

// asker asks at the terminal what a run wants to know (vars_prompt, --step), or while a
// pause lasts; nil when standard input is none. What is typed unseen is a secret.
func asker(std streams, red *event.Redactor, pausing bool) run.Asker {
	f, ok := std.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return func(ctx context.Context, question string, shown bool) (string, error) {
		fmt.Fprint(std.err, question)
		k := keyboard{fd: int(f.Fd()), out: std.err, shown: shown, pausing: pausing, timed: pausing && question == ""}
		answer, err := k.line(ctx)
		if !shown {
			red.Add(answer)
		}
		return answer, err
	}
}

// stepAsker asks before a task, at the terminal or, where there is none, for lines of
// standard input.
func stepAsker(std streams, atTerminal run.Asker) run.Asker {
	if atTerminal != nil {
		return atTerminal
	}
	return debugAsker(std)
}

// debugAsker asks for the commands of the debugger, at a terminal or not.
func debugAsker(std streams) run.Asker {
	return func(_ context.Context, prompt string, _ bool) (string, error) {
		fmt.Fprint(std.out, prompt)
		return readLine(std.in)
	}
}
