// Command fairlead provisions hosts over SSH by playbooks in Ansible's
// vocabulary.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

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

// codedError is an error with an exit code of its own.
type codedError struct {
	error
	code int
}

func (e codedError) Unwrap() error { return e.error }

// execute runs the program and gives its exit code.
func execute(ctx context.Context, args []string, std streams) int {
	root := newRoot(std)
	root.SetArgs(args)
	understood := false
	root.PersistentPreRun = func(*cobra.Command, []string) { understood = true }
	c, err := root.ExecuteContextC(withCommandLine(ctx, args))
	var exit exitError
	var coded codedError
	own := errors.As(err, &coded)
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.code
	case !understood:
		if !own && c.HasParent() && (c.Name() == vaultName || c.Parent().Name() == vaultName) {
			own, coded.code = true, vaultNotUnderstood
		}
		err = misunderstood(err, c, args)
	default:
		err = usageIfUnknown(err)
	}
	printError(std.err, err, errorWord(c), std.errColor)
	if own {
		return coded.code
	}
	return diag.ClassOf(err).ExitCode()
}

// misunderstood is a command line that cannot be read, with a hint.
func misunderstood(err error, c *cobra.Command, args []string) error {
	msg, _, _ := strings.Cut(err.Error(), "\n")
	d := diag.New(diag.Usage, diag.Pos{}, "usage", "%s", msg).WithHint("see %s --help", c.CommandPath())
	near := ""
	if flag, ok := strings.CutPrefix(msg, "unknown flag: --"); ok {
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near = diag.Nearest(flag, names); near != "" {
			near = "--" + near
		}
	} else if len(args) > 0 && strings.HasPrefix(msg, "unknown command") {
		var names []string
		for _, sub := range c.Commands() {
			names = append(names, sub.Name())
		}
		near = diag.Nearest(args[0], names)
	}
	if near != "" {
		return d.WithHint("did you mean %s? See %s --help", near, c.CommandPath())
	}
	return d
}

// usageIfUnknown takes errors that nobody classified as mistakes in what was
// asked.
func usageIfUnknown(err error) error {
	var c diag.Classed
	if errors.As(err, &c) || errors.Is(err, context.Canceled) {
		return err
	}
	return diag.New(diag.Usage, diag.Pos{}, "", "%w", err)
}
