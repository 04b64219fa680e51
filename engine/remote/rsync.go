package remote

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/fairlead-project/fairlead/engine/state"
)

// rsyncShell stands in for the remote shell that rsync starts: it tells us on
// descriptor 5 what the host is to run, and joins rsync with what that reads (4)
// and writes (3), until the host's end is over: rsync has one socket both ways,
// which must then be closed as a whole. It holds no single quote, since rsync
// takes it apart by these.
const rsyncShell = `shift; printf "%s\0" "$*" >&5; exec 5>&- 6<&0 </dev/null; cat <&6 >&4 3<&- & exec 6<&- 4>&-; cat <&3; kill $! 2>/dev/null`

// Rsync runs rsync here, its other end on the host as an identity. The error is
// for the connection; how rsync ended is in the result.
func (h *Host) Rsync(ctx context.Context, as state.Identity, o state.Rsync) (state.OpResult, error) {
	if h.cfg == nil && !o.Alone {
		return h.rsyncLocally(ctx, as, o)
	}
	if o.AsLogin {
		as = state.Identity{}
	}
	if o.Alone {
		argv := append(append([]string{}, o.Options...), "--", o.Here, o.There)
		return (&rsyncRun{h: h, cmd: exec.CommandContext(ctx, o.Program, argv...)}).run(ctx)
	}
	there := "host:" + o.There
	from, to := o.Here, there
	if o.Pull {
		from, to = there, o.Here
	}
	// The shell's cat knows nothing of a socket that does not block.
	argv := append(append([]string{}, o.Options...), "--blocking-io", "--rsh=/bin/sh -c '"+rsyncShell+"' rsh", "--", from, to)
	r := &rsyncRun{h: h, as: as, cmd: exec.CommandContext(ctx, o.Program, argv...)}
	return r.run(ctx)
}

// rsyncLocally runs rsync between two paths of this machine.
func (h *Host) rsyncLocally(ctx context.Context, as state.Identity, o state.Rsync) (state.OpResult, error) {
	from, to := o.Here, o.There
	if o.Pull {
		from, to = to, from
	}
	argv := append(append([]string{o.Program}, o.Options...), "--", from, to)
	out, err := h.Do(ctx, state.Batch{As: as, Ops: []state.Op{state.Exec{Argv: argv, Read: o.Read}}})
	if err != nil || len(out.Results) == 0 {
		return state.OpResult{}, err
	}
	return out.Results[0], nil
}

// rsyncRun is one run of rsync here and on a host.
type rsyncRun struct {
	h   *Host
	as  state.Identity
	cmd *exec.Cmd
	// lost is why the host's end could not be started, said what it printed as
	// errors.
	lost error
	said string
}

func (r *rsyncRun) run(ctx context.Context) (state.OpResult, error) {
	res := state.OpResult{Start: time.Now()}
	var stdout, stderr bytes.Buffer
	r.cmd.Stdout, r.cmd.Stderr = &stdout, &stderr
	// A group of its own: what is typed at our terminal is ours to handle, and
	// all of it ends when the task does.
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	r.cmd.Cancel = func() error { return syscall.Kill(-r.cmd.Process.Pid, syscall.SIGTERM) }
	r.cmd.WaitDelay = 5 * time.Second
	var pipes [3]struct{ r, w *os.File } // to rsync, from it, its command
	var theirs, ours []io.Closer
	defer func() { closeAll(theirs); closeAll(ours) }()
	for i := range pipes {
		var err error
		if pipes[i].r, pipes[i].w, err = os.Pipe(); err != nil {
			return res, fmt.Errorf("a pipe for rsync: %w", err)
		}
		mine, their := pipes[i].w, pipes[i].r
		if i > 0 {
			mine, their = their, mine
		}
		theirs, ours = append(theirs, their), append(ours, mine)
		r.cmd.ExtraFiles = append(r.cmd.ExtraFiles, their)
	}
	err := r.cmd.Start()
	closeAll(theirs)
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		return state.OpResult{Msg: `Failed to find required executable "` + r.cmd.Path + `" on the controller`, RC: 127, Err: err}, nil
	}
	if err != nil {
		return state.OpResult{Msg: err.Error(), Err: err}, nil
	}
	// The host's end is over when rsync here is: it waits for its remote shell.
	running, over := context.WithCancel(ctx)
	defer over()
	var joined sync.WaitGroup
	joined.Go(func() { r.join(running, pipes[0].w, pipes[1].r, pipes[2].r) })
	err = r.cmd.Wait()
	over()
	joined.Wait()
	if ctx.Err() != nil {
		return res, cancelled(ctx.Err())
	}
	if r.lost != nil {
		return res, r.lost
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return state.OpResult{Msg: err.Error(), Err: err}, nil
	}
	res.OK, res.RC, res.End = true, r.cmd.ProcessState.ExitCode(), time.Now()
	res.Stdout = stdout.Bytes()
	res.Stderr = append([]byte(r.said), stderr.Bytes()...)
	return res, nil
}

// join starts what rsync wants on the host, and carries bytes both ways until
// both have ended. It owns the three ends of pipes.
func (r *rsyncRun) join(ctx context.Context, in, out, command *os.File) {
	defer closeAll([]io.Closer{in, out, command})
	text, err := bufio.NewReader(command).ReadString(0)
	if err != nil {
		return // rsync ended without a word for the host
	}
	c, err := r.h.relay(ctx, r.as, "rsync", "", "sh -c "+quote(strings.TrimSuffix(text, "\x00")))
	if err != nil {
		r.lost = err
		return
	}
	defer func() { _ = c.Close() }()
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	var from sync.WaitGroup
	from.Go(func() {
		_, _ = io.Copy(c, out) // when it breaks, rsync says so
		_ = c.CloseWrite()
	})
	_, _ = io.Copy(in, c)
	// The host's end is over: what rsync here still writes goes nowhere.
	r.said = c.errors()
	closeAll([]io.Closer{in, out, c})
	from.Wait()
}

func closeAll(cs []io.Closer) {
	for _, c := range cs {
		_ = c.Close() // closed before, mostly
	}
}
