package run

import (
	"fmt"
	"path"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
)

// temporary stands in messages for the name of a file that was to be put in place.
const temporary = "(temporary file)"

// opFailure is a failure in terms of the operation.
func opFailure(op state.Op, r state.OpResult) *module.Failure {
	msg := r.Msg
	if msg == "" && len(r.Stderr) > 0 {
		msg = string(r.Stderr)
	}
	if msg == "" && r.Err != nil {
		msg = r.Err.Error()
	}
	if f := refusedByHost(op, msg); f != nil {
		return f
	}
	return &module.Failure{Msg: fmt.Sprintf("%s: %s", op.String(), msg), Err: r.Err}
}

// owners is how chown says that an owner or a group cannot be given.
var owners = lazyregexp.New(`(?m)^chown: (?:changing (ownership|group) of )?'?(/.*?)'?: (Operation not permitted|Permission denied)$`)

// refusedByHost says in Ansible's words that the identity may not set an owner or a group,
// or may not make a file in a folder. It is nil for other messages.
func refusedByHost(op state.Op, msg string) *module.Failure {
	file, writes := op.(state.WriteFile)
	if m := owners().FindStringSubmatch(msg); m != nil {
		at, no := m[2], 1
		if writes && strings.HasSuffix(at, temporary) {
			at = file.Path
		}
		if m[1] == "group" {
			return module.Fail("chgrp failed", "path", at)
		}
		if m[3] == "Permission denied" {
			no = 13
		}
		return module.Fail(fmt.Sprintf("chown failed: [Errno %d] %s: b'%s'", no, m[3], at), "path", at)
	}
	if writes && strings.HasSuffix(msg, temporary+": Permission denied") {
		dir := path.Dir(file.Path)
		return module.Fail(fmt.Sprintf("The destination directory (%s) is not writable by the current user. Error was: [Errno 13] Permission denied: b'%s'",
			dir, path.Join(dir, ".ansible_tmp"+path.Base(file.Path))))
	}
	return nil
}
