package remote

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"syscall"
	"time"
)

// localTransport runs programs on the machine we are on.
type localTransport struct{ shell []string }

// start runs a command by the local shell, in a session of its own, so that a
// signal typed at our terminal is ours alone to handle.
func (t localTransport) start(_ context.Context, command string, _ bool) (*process, error) {
	shell := t.shell
	if len(shell) == 0 {
		shell = []string{"/bin/sh"}
	}
	args := slices.Clone(shell[1:])
	if command != plainShell { // which is the local shell itself
		args = append(args, "-c", command)
	}
	cmd := exec.Command(shell[0], args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	errs, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a local shell: %w", err)
	}
	closed := func() {
		done := make(chan struct{})
		go func() {
			_ = cmd.Wait() // closes our ends of the pipes, and so ends the readers
			close(done)
		}()
		select {
		case <-done:
		case <-time.After(time.Second):
			_ = cmd.Process.Kill()
			<-done
		}
	}
	return &process{in: in, out: out, err: errs, close: closed}, nil
}
