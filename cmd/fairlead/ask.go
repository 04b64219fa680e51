package main

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/term"

	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/run"
)

// asker asks at the terminal what a run wants to know (vars_prompt, pause,
// --step); nil when standard input is none. What is typed unseen is a secret.
func asker(std streams, red *event.Redactor) run.Asker {
	f, ok := std.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return func(_ context.Context, question string, shown bool) (string, error) {
		if !shown {
			answer, err := askSecret(question, std)
			red.Add(answer)
			return answer, err
		}
		fmt.Fprint(std.err, question)
		return readLine(std.in)
	}
}

// debugAsker asks for the commands of the debugger, at a terminal or not.
func debugAsker(std streams) run.Asker {
	return func(_ context.Context, prompt string, _ bool) (string, error) {
		fmt.Fprint(std.out, prompt)
		return readLine(std.in)
	}
}
