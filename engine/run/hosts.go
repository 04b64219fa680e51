package run

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/fairlead-project/fairlead/engine/docker"
	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/remote"
	"github.com/fairlead-project/fairlead/engine/ssh"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/web"
)

// Hosts connects to real hosts: by SSH, or through a local shell. It is the
// Connector of the program.
type Hosts struct {
	// SSH holds what is the same for all hosts: host keys, timeouts, shared
	// caches. Address, port, user, password and key come from each host.
	SSH    ssh.Config
	Remote remote.Options

	mu    sync.Mutex
	stats remote.Stats
	hosts int
	pins  pins
}

// Connect implements Connector.
func (hs *Hosts) Connect(ctx context.Context, spec HostSpec) (Target, error) {
	if spec.Connection == "local" {
		return &realTarget{hosts: hs, spec: spec, host: remote.Local(hs.Remote)}, nil
	}
	cfg := hs.SSH
	cfg.Host, cfg.Address, cfg.Port = spec.Name, spec.Address, spec.Port
	cfg.User, cfg.Password = spec.User, spec.Password
	if spec.KeyFile != "" {
		cfg.KeyFiles = []string{spec.KeyFile}
	}
	if spec.Timeout > 0 {
		cfg.ConnectTimeout = spec.Timeout
	}
	if err := cfg.AddArguments("the ssh arguments of "+spec.Name, spec.SSHArgs...); err != nil {
		return nil, err
	}
	if spec.HostKeys != "" {
		if cfg.HostKeyFromConfig = false; jinja.ToBool(value.String(spec.HostKeys)) {
			cfg.HostKeyChecking = ssh.HostKeyStrict
		} else {
			cfg.HostKeyChecking = ssh.HostKeyOff
			if cfg.Warn != nil {
				cfg.Warn("host keys are not checked: ansible_host_key_checking of " + spec.Name + " is off")
			}
		}
	}
	h, err := remote.Connect(ctx, cfg, hs.Remote)
	if err != nil {
		return nil, err
	}
	return &realTarget{hosts: hs, spec: spec, host: h}, nil
}

// Stats sums up what the connections did that are closed by now.
func (hs *Hosts) Stats() (remote.Stats, int) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	return hs.stats, hs.hosts
}

// realTarget sends each part of a batch to who can carry it out: files and
// commands through the shell, containers through the engine's API.
type realTarget struct {
	hosts *Hosts
	spec  HostSpec
	host  *remote.Host

	mu      sync.Mutex
	engines map[state.Identity]*docker.Client
}

// Do implements Target.
func (t *realTarget) Do(ctx context.Context, b state.Batch) (state.Outcome, error) {
	if !usesOthers(b) {
		return t.host.Do(ctx, b)
	}
	out, err := t.operate(ctx, b)
	if err != nil || len(out.Changed) > 0 || failedOp(out.Results, len(b.Ops)) >= 0 {
		return out, err
	}
	return t.ask(ctx, b, out)
}

// usesOthers tells whether a batch holds something that is not for the shell.
func usesOthers(b state.Batch) bool {
	for _, op := range b.Ops {
		if byOthers(op) {
			return true
		}
	}
	for _, q := range b.Ask {
		if docker.HandlesQuery(q) {
			return true
		}
	}
	return false
}

func byOthers(op state.Op) bool {
	switch op.(type) {
	case state.HTTPRequest, state.Talk, state.Fetch, state.Rsync, state.Expect:
		return true
	}
	return docker.HandlesOp(op)
}

// operate carries the operations out in order, in runs of one kind.
func (t *realTarget) operate(ctx context.Context, b state.Batch) (state.Outcome, error) {
	var out state.Outcome
	rely := b.Rely
	for i := 0; i < len(b.Ops); {
		if byOthers(b.Ops[i]) {
			r, err := t.otherOp(ctx, b, i)
			if err != nil {
				return out, err
			}
			out.Results = append(out.Results, r)
			if !r.OK {
				return out, nil
			}
			i++
			continue
		}
		j := i
		for j < len(b.Ops) && !byOthers(b.Ops[j]) {
			j++
		}
		part := state.Batch{As: b.As, Rely: rely, Ops: b.Ops[i:j], Live: shifted(b.Live, i), Sent: b.Sent}
		o, err := t.host.Do(ctx, part)
		out.Results = append(out.Results, o.Results...)
		out.Changed = o.Changed
		if err != nil || len(o.Changed) > 0 || failedOp(o.Results, j-i) >= 0 {
			return out, err
		}
		rely, i = nil, j
	}
	return out, nil
}

func shifted(live func(int, bool, []byte), by int) func(int, bool, []byte) {
	if live == nil || by == 0 {
		return live
	}
	return func(op int, stderr bool, chunk []byte) { live(op+by, stderr, chunk) }
}

// otherOp carries out one operation that is not for the shell.
func (t *realTarget) otherOp(ctx context.Context, b state.Batch, i int) (state.OpResult, error) {
	switch o := b.Ops[i].(type) {
	case state.HTTPRequest:
		start := time.Now()
		r, err := web.Do(ctx, t.webHost(b.As), o)
		return state.OpResult{OK: true, Data: r, Start: start, End: time.Now()}, err
	case state.Talk:
		start := time.Now()
		r, err := web.Talk(ctx, t.webHost(b.As), o)
		return state.OpResult{OK: true, Data: r, Start: start, End: time.Now()}, err
	case state.Fetch:
		return t.host.Fetch(ctx, b.As, o)
	case state.Rsync:
		return t.host.Rsync(ctx, b.As, o)
	case state.Expect:
		return t.host.Expect(ctx, b.As, o)
	}
	return t.dockerOp(ctx, b, i)
}

// webHost is the host as requests and talks need it.
func (t *realTarget) webHost(as state.Identity) web.Host {
	return web.Host{
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return t.host.DialAs(ctx, as, network, addr)
		},
		ReadFile: func(ctx context.Context, p string) ([]byte, error) { return t.readFile(ctx, as, p) },
	}
}

// readFile gives the content of a file of the host.
func (t *realTarget) readFile(ctx context.Context, as state.Identity, p string) ([]byte, error) {
	out, err := t.host.Do(ctx, state.Batch{As: as, Ask: []state.Query{state.Path{Path: p, Want: state.WantContent}}})
	if err != nil {
		return nil, err
	}
	if len(out.Answers) != 1 {
		return nil, fmt.Errorf("%s was not answered", p)
	}
	if err := out.Answers[0].Err; err != nil {
		return nil, err
	}
	f, _ := out.Answers[0].Value.(state.File)
	if !f.IsRegular() {
		return nil, fmt.Errorf("%s: %w", p, fs.ErrNotExist)
	}
	return f.Content, nil
}

func (t *realTarget) dockerOp(ctx context.Context, b state.Batch, i int) (state.OpResult, error) {
	c, err := t.engine(b.As)
	if err != nil {
		return state.OpResult{}, err
	}
	var progress func(string)
	if b.Live != nil {
		progress = func(line string) { b.Live(i, false, []byte(line+"\n")) }
	}
	return c.Apply(ctx, b.Ops[i], progress), nil
}

// ask puts the queries, those for the engine and the others at the same time.
func (t *realTarget) ask(ctx context.Context, b state.Batch, out state.Outcome) (state.Outcome, error) {
	if len(b.Ask) == 0 {
		return out, nil
	}
	var forEngine, forShell []state.Query
	for _, q := range b.Ask {
		if docker.HandlesQuery(q) {
			forEngine = append(forEngine, q)
		} else {
			forShell = append(forShell, q)
		}
	}
	var engine []state.Answer
	var shell state.Outcome
	var err error
	if len(forShell) > 0 {
		// The shell first: it brings the connection up.
		if shell, err = t.host.Do(ctx, state.Batch{As: b.As, Ask: forShell}); err != nil {
			return out, err
		}
	}
	if len(forEngine) > 0 {
		c, err := t.engine(b.As)
		if err != nil {
			return out, err
		}
		engine = c.Answer(ctx, forEngine)
	}
	out.Answers = merge(b.Ask, engine, shell.Answers)
	return out, nil
}

// merge puts two lists of answers into the order of the queries.
func merge(asked []state.Query, engine, shell []state.Answer) []state.Answer {
	out := make([]state.Answer, 0, len(asked))
	for _, q := range asked {
		from := &shell
		if docker.HandlesQuery(q) {
			from = &engine
		}
		if len(*from) == 0 {
			out = append(out, state.Answer{Query: q, Err: fmt.Errorf("%s was not answered", q.Query())})
			continue
		}
		out = append(out, (*from)[0])
		*from = (*from)[1:]
	}
	return out
}

// engine gives the client of the host's container engine for an identity.
func (t *realTarget) engine(as state.Identity) (*docker.Client, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c, ok := t.engines[as]; ok {
		return c, nil
	}
	socket := "/var/run/docker.sock"
	if p, ok := strings.CutPrefix(t.spec.DockerHost, "unix://"); ok {
		socket = p
	}
	c, err := docker.New(func(ctx context.Context) (net.Conn, error) { return t.host.DialUnix(ctx, as, socket) },
		docker.Options{Where: t.spec.Name, Pin: t.hosts.pins.digest, Look: func(ctx context.Context) (state.File, error) { return t.lookAt(ctx, as, socket) }})
	if err != nil {
		return nil, err
	}
	if t.engines == nil {
		t.engines = map[state.Identity]*docker.Client{}
	}
	t.engines[as] = c
	return c, nil
}

// lookAt describes the engine's socket, to say why nobody answers there.
func (t *realTarget) lookAt(ctx context.Context, as state.Identity, socket string) (state.File, error) {
	out, err := t.host.Do(ctx, state.Batch{As: as, Ask: []state.Query{state.Path{Path: socket, Want: state.WantAccess}}})
	if err != nil {
		return state.File{}, err
	}
	if len(out.Answers) != 1 || out.Answers[0].Err != nil {
		return state.File{}, fmt.Errorf("%s cannot be looked at", socket)
	}
	f, _ := out.Answers[0].Value.(state.File)
	return f, nil
}

// Close implements Target.
func (t *realTarget) Close() error {
	t.mu.Lock()
	for _, c := range t.engines {
		_ = c.Close() // only idle connections; the host's connection ends below
	}
	t.mu.Unlock()
	s := t.host.Stats()
	err := t.host.Close()
	t.hosts.mu.Lock()
	defer t.hosts.mu.Unlock()
	t.hosts.hosts++
	t.hosts.stats.RoundTrips += s.RoundTrips
	t.hosts.stats.Frames += s.Frames
	t.hosts.stats.Processes += s.Processes
	t.hosts.stats.BytesIn += s.BytesIn
	t.hosts.stats.BytesOut += s.BytesOut
	t.hosts.stats.Dial += s.Dial
	t.hosts.stats.Handshake += s.Handshake
	t.hosts.stats.Wait += s.Wait
	return err
}
