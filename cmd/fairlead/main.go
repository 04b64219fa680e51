// Command fairlead provisions hosts over SSH by playbooks in Ansible's
// vocabulary.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/fairlead-project/fairlead/engine/diag"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := execute(ctx, os.Args[1:], stdStreams())
	stop()
	os.Exit(code)
}

// exitError ends the program with a code and without a word: what there is to
// say was said.
type exitError struct{ code int }

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", e.code) }

// execute runs the program and gives its exit code.
func execute(ctx context.Context, args []string, std streams) int {
	root := newRoot(std)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var exit exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.code
	}
	printError(std.err, err, std.errColor)
	return diag.ClassOf(usageIfUnknown(err)).ExitCode()
}

// usageIfUnknown takes errors that nobody classified (of the flag parser) as
// mistakes in what was asked.
func usageIfUnknown(err error) error {
	var c diag.Classed
	if errors.As(err, &c) || errors.Is(err, context.Canceled) {
		return err
	}
	return diag.New(diag.Usage, diag.Pos{}, "", "%w", err)
}
