package remote

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/state"
)

// sftpFrom is the size from which contents go by SFTP unless Options say else.
const sftpFrom = 8 << 20

// patience is how often a transfer is begun that does not come on because the
// connection is lost.
const patience = 4

// uploads is what a host knows of contents that are sent before their frame.
type uploads struct {
	mu   sync.Mutex
	tag  string
	none map[state.Identity]bool // these have no SFTP
	busy map[string]bool         // temporary files in use
	left map[string]state.Identity
	put  map[placed]string // files that were put in place
}

// placed is a content that was sent to a host under an identity.
type placed struct {
	as     state.Identity
	sha256 string
}

// upload is one content that goes into its temporary file before the frame.
type upload struct {
	op      int
	content *state.Content
	tmp     string
	same    string // a file that was sent with the same content
	later   bool   // that file is another of this batch
	have    int64  // so much of it was there
	sum     string // with this sum
	failed  string // why there is nothing to put in place
}

// large tells whether an operation's content is sent before its frame.
func (h *Host) large(op state.Op) bool {
	from := h.opts.SFTPFrom
	if from == 0 {
		from = sftpFrom
	}
	o, ok := op.(state.WriteFile)
	return ok && from > 0 && h.cfg != nil && o.Content != nil && o.Content.Size >= from
}

// segment is where the operations end that may go in one frame with ops[from]:
// a large content is sent when all that stands before it was done, except for
// other files, which cannot take its folder away.
func (h *Host) segment(ops []state.Op, from int) int {
	files := true
	for i := from; i < len(ops); i++ {
		if !files && h.large(ops[i]) {
			return i
		}
		_, file := ops[i].(state.WriteFile)
		files = files && file
	}
	return len(ops)
}

// attempt sends a batch once: in one frame, or where it has large contents, in
// as many as it takes to send those before the frames that put them in place.
func (h *Host) attempt(ctx context.Context, b state.Batch, ask *asking, scripts []Script) (attempted, error) {
	var all attempted
	for from := 0; ; {
		to := h.segment(b.Ops, from)
		seg, last := part(b, from, to), to == len(b.Ops)
		segAsk, segScripts := ask, scripts
		if !last {
			segAsk, segScripts, seg.Ask = newAsking(nil), nil, nil
		}
		r, err := h.attemptPart(ctx, seg, segAsk, segScripts)
		if _, held := asHeld(err); held && from > 0 {
			err = diag.New(diag.Conflict, diag.Pos{}, "locked", "%s: %s, since the connection was lost", h.name(), err.Error())
		}
		r.outcome.Results = append(all.outcome.Results, r.outcome.Results...)
		all = r
		if err != nil || len(all.outcome.Changed) > 0 || last {
			return all, err
		}
		if n := len(all.outcome.Results); n < to || !all.outcome.Results[n-1].OK {
			r, err := h.attemptFrame(ctx, state.Batch{As: b.As, Ask: b.Ask}, ask, scripts, ahead{})
			r.outcome.Results = all.outcome.Results
			return r, err
		}
		from = to
	}
}

// attemptPart sends the large contents of a part of a batch, then its frame.
func (h *Host) attemptPart(ctx context.Context, b state.Batch, ask *asking, scripts []Script) (attempted, error) {
	ups := h.newUploads(b)
	if len(ups) == 0 {
		r, err := h.attemptFrame(ctx, b, ask, scripts, ahead{})
		if err == nil && len(b.Ops) > 0 {
			h.sweepOld(ctx, b.As)
		}
		return r, err
	}
	defer h.releaseUploads(ups)
	var far int64
	for try := 1; ; try++ {
		r, came, err := h.bring(ctx, b, ups)
		if now := had(ups); now > far {
			far, try = now, 1 // it comes on
		}
		if ctx.Err() == nil && connectionLost(err) && try < patience {
			h.log.Warn("the connection was lost while a file was sent", "host", h.name(), "attempt", try, "err", err)
			continue
		}
		if err != nil || len(r.outcome.Changed) > 0 {
			h.sweep(ctx, b.As, ups)
			return r, err
		}
		r, err = h.attemptFrame(ctx, b, ask, scripts, ahead{came: came})
		if err != nil {
			h.sweep(ctx, b.As, ups)
		} else {
			h.forget(ups)
			h.remember(b, r.outcome.Results, ups)
		}
		return r, err
	}
}

// had is how much was there already when a transfer was taken up again.
func had(ups []*upload) (n int64) {
	for _, u := range ups {
		n += u.have
	}
	return n
}

// connectionLost tells whether a connection that stood was lost.
func connectionLost(err error) bool {
	var d *diag.Diagnostic
	return errors.As(err, &d) && d.Code == "connection-lost"
}

// part is some operations of a batch as a batch of their own. What was relied on
// is compared before the first of them.
func part(b state.Batch, from, to int) state.Batch {
	p := b
	p.Ops = b.Ops[from:to]
	if from == 0 {
		return p
	}
	p.Rely = nil
	if b.Live != nil {
		p.Live = func(op int, stderr bool, chunk []byte) { b.Live(op+from, stderr, chunk) }
	}
	if b.Sent != nil {
		p.Sent = func(op int, done, total int64) { b.Sent(op+from, done, total) }
	}
	return p
}

// newUploads are the large contents of a batch with the files they go into. A
// file's name is the same at the next attempt of this run, and nobody else can
// know it beforehand.
func (h *Host) newUploads(b state.Batch) []*upload {
	var ups []*upload
	u := &h.up
	u.mu.Lock()
	defer u.mu.Unlock()
	for i, op := range b.Ops {
		if !h.large(op) || splitError(op.(state.WriteFile).Path) {
			continue
		}
		o := op.(state.WriteFile)
		if u.busy == nil {
			u.tag, u.busy, u.left = randomHex(8), map[string]bool{}, map[string]state.Identity{}
		}
		p := path.Clean(o.Path)
		sum := sha256.Sum256([]byte(p))
		base := path.Join(path.Dir(p), ".fairlead-"+hex.EncodeToString(sum[:4])+"-up-"+u.tag)
		tmp := base
		for n := 0; u.busy[tmp]; n++ {
			tmp = base + strconv.Itoa(n)
		}
		u.busy[tmp] = true
		n := &upload{op: i, content: o.Content, tmp: tmp, same: u.put[placed{b.As, o.Content.SHA256}]}
		for _, before := range ups {
			if before.content.SHA256 == o.Content.SHA256 {
				n.same, n.later = before.tmp, true
			}
		}
		ups = append(ups, n)
	}
	return ups
}

// splitError tells whether a path is refused when the frame is built.
func splitError(p string) bool {
	_, base, err := splitPath(p)
	return err != nil || base == ""
}

func (h *Host) releaseUploads(ups []*upload) {
	h.up.mu.Lock()
	defer h.up.mu.Unlock()
	for _, u := range ups {
		delete(h.up.busy, u.tmp)
	}
}

// remember notes which files hold what was sent, for another that is to hold the
// same. It is looked at before it is used.
func (h *Host) remember(b state.Batch, results []state.OpResult, ups []*upload) {
	h.up.mu.Lock()
	defer h.up.mu.Unlock()
	if h.up.put == nil {
		h.up.put = map[placed]string{}
	}
	for _, u := range ups {
		if u.op < len(results) && results[u.op].OK {
			h.up.put[placed{b.As, u.content.SHA256}] = path.Clean(b.Ops[u.op].(state.WriteFile).Path)
		}
	}
}

// forget notes that the files of uploads are not there any more.
func (h *Host) forget(ups []*upload) {
	h.up.mu.Lock()
	defer h.up.mu.Unlock()
	for _, u := range ups {
		delete(h.up.left, u.tmp)
	}
}

// prepareText makes the file that a content is sent into, or says how much of it
// is there already and with what sum. With a second argument, what runs before
// this one left there goes. The third and fourth are a file that may hold the
// same, and its size: it is copied, so that it need not be sent again.
const prepareText = `_f=$1
if [ "$3" ] && [ ! -e "$_f" ] && [ -f "$3" ] && [ "$(stat -L -c %s -- "$3")" = "$4" ]; then
_cr 077 "$_f" 2>/dev/null && { cat -- "$3" >>"$_f" || : >"$_f"; }
fi
if [ "$2" ]; then
for _b in "${_f%-up-*}"-up-*; do
[ "$_b" = "$_f" ] || [ ! -f "$_b" ] || [ -L "$_b" ] || [ ! -O "$_b" ] || rm -f -- "$_b"
done
fi
if [ -f "$_f" ] && [ ! -L "$_f" ] && [ -O "$_f" ]; then
_a=$(stat -c %s -- "$_f") && _b=$(sha256sum <"$_f") && echo "$_a ${_b%% *}" && return
rm -f -- "$_f"
fi
_cr 077 "$_f" && echo 0`

var errNotPrepared = protocolError("the host did not prepare what is to be sent")

// prepare is the script that makes an upload's file. alone says that no other run
// sends to this host.
func (u *upload) prepare(alone bool) Script {
	return Script{Text: prepareText, Args: []string{u.tmp, yes(alone), u.same, fmt.Sprint(u.content.Size)}}
}

// prepared takes what the host says of an upload's file.
func (u *upload) prepared(r ScriptResult) error {
	u.have, u.sum, u.failed = 0, "", ""
	f := strings.Fields(string(r.Stdout))
	switch {
	case r.RC != 0:
		u.failed = cleanMessage(r.Stderr)
		return nil
	case len(f) == 1 && f[0] == "0":
		return nil
	case len(f) == 2:
		n, err := strconv.ParseInt(f[0], 10, 64)
		if err == nil && n >= 0 {
			u.have, u.sum = n, f[1]
			return nil
		}
	}
	return protocolError("the host does not say what is in a temporary file")
}

// prepareLater makes the file of an upload whose content another has that came
// meanwhile.
func (h *Host) prepareLater(ctx context.Context, as state.Identity, u *upload) error {
	r, err := h.attemptFrame(ctx, state.Batch{As: as}, newAsking(nil), []Script{u.prepare(false)}, ahead{})
	if err != nil {
		return err
	}
	if len(r.scripts) != 1 {
		return errNotPrepared
	}
	return u.prepared(r.scripts[0])
}

// bring compares what the batch relies on, then sends its large contents into
// their files. Those it says came are there; the others go behind the frame.
func (h *Host) bring(ctx context.Context, b state.Batch, ups []*upload) (attempted, map[string]*upload, error) {
	fs, err := h.openSFTP(ctx, b.As)
	if err != nil || fs == nil && len(b.Rely) == 0 {
		return attempted{}, nil, err
	}
	var prepare []Script
	if fs != nil {
		defer fs.close()
		for _, u := range ups {
			if !u.later {
				prepare = append(prepare, u.prepare(h.opts.Lock != nil))
			}
		}
	}
	r, err := h.attemptFrame(ctx, state.Batch{As: b.As, Rely: b.Rely}, newAsking(nil), prepare, ahead{check: true})
	if err != nil || len(r.outcome.Changed) > 0 || fs == nil {
		return r, nil, err
	}
	if len(r.scripts) != len(prepare) {
		return r, nil, errNotPrepared
	}
	m := newMeter(b.Sent)
	defer m.stop()
	came := map[string]*upload{}
	for i, u := range ups {
		if u.later {
			err = h.prepareLater(ctx, b.As, u)
		} else {
			err = u.prepared(r.scripts[0])
			r.scripts = r.scripts[1:]
		}
		if err != nil {
			return r, nil, err
		}
		if u.failed == "" {
			h.up.mu.Lock()
			h.up.left[u.tmp] = b.As
			h.up.mu.Unlock()
			err := fs.send(ctx, u, m)
			if errors.Is(err, errSFTP) {
				h.log.Warn("a file is sent without SFTP", "host", h.name(), "err", err)
				h.sweep(ctx, b.As, ups[i:i+1])
				continue
			}
			if err != nil {
				return r, nil, err
			}
			if u.failed != "" {
				h.sweep(ctx, b.As, ups[i:i+1])
			}
		}
		came[strconv.Itoa(u.op)] = u
	}
	return r, came, nil
}

// sweep removes the files of uploads that came to nothing. What cannot be reached
// now goes with a later batch, or is taken up again.
func (h *Host) sweep(ctx context.Context, as state.Identity, ups []*upload) {
	h.mu.Lock()
	alive := h.client != nil && h.client.Alive() && !h.closed
	h.mu.Unlock()
	if !alive {
		return
	}
	var files []string
	h.up.mu.Lock()
	for _, u := range ups {
		if _, there := h.up.left[u.tmp]; there {
			files = append(files, u.tmp)
		}
	}
	h.up.mu.Unlock()
	h.remove(ctx, as, files)
}

// sweepOld removes what earlier batches of an identity left behind.
func (h *Host) sweepOld(ctx context.Context, as state.Identity) {
	var files []string
	h.up.mu.Lock()
	for tmp, id := range h.up.left {
		if id == as && !h.up.busy[tmp] {
			files = append(files, tmp)
		}
	}
	h.up.mu.Unlock()
	h.remove(ctx, as, files)
}

func (h *Host) remove(ctx context.Context, as state.Identity, files []string) {
	if len(files) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*grace)
	defer cancel()
	_, err := h.attemptFrame(ctx, state.Batch{As: as}, newAsking(nil), []Script{{Text: `rm -f -- "$@"`, Args: files}}, ahead{})
	if err != nil {
		h.log.Warn("temporary files are left on the host", "host", h.name(), "err", err)
		return
	}
	h.up.mu.Lock()
	defer h.up.mu.Unlock()
	for _, f := range files {
		delete(h.up.left, f)
	}
}

// match reads as much of a content as is on the host already into sum, and tells
// whether it is the same.
func (u *upload) match(r io.Reader, sum hash.Hash) (bool, error) {
	if u.have == 0 || u.have > u.content.Size {
		return u.have == 0, nil
	}
	if n, err := io.CopyN(sum, r, u.have); err != nil {
		return false, fmt.Errorf("content to send ended after %d of %d bytes: %w", n, u.content.Size, err)
	}
	return hex.EncodeToString(sum.Sum(nil)) == u.sum, nil
}
