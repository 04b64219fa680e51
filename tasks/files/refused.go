package files

import (
	"fmt"
	"path"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
)

// errnos are the numbers of the causes for which a host refuses to change its files.
var errnos = map[string]int{
	"Operation not permitted": 1, "No such file or directory": 2, "Permission denied": 13, "Device or resource busy": 16, "File exists": 17,
	"Invalid cross-device link": 18, "Not a directory": 20, "Is a directory": 21, "Text file busy": 26, "No space left on device": 28,
	"Read-only file system": 30, "Directory not empty": 39,
}

// errno is the cause at the end of what a program said, as Python writes it:
// "[Errno 13] Permission denied". It is "" for other words.
func errno(r state.OpResult) string {
	said := r.Msg
	if said == "" {
		said = string(r.Stderr)
	}
	said = strings.TrimSpace(said)
	cause := said[strings.LastIndex(said, ": ")+1:]
	cause = strings.TrimSpace(cause)
	if n, ok := errnos[cause]; ok {
		return fmt.Sprintf("[Errno %d] %s", n, cause)
	}
	return ""
}

// refused tells in the words of Ansible's file module why the host did not do an
// operation; nil where the operation's own failure says more.
func (p *filePlan) refused(op int, r state.OpResult) *module.Failure {
	cause := errno(r)
	if cause == "" || strings.Contains(r.Msg, "chown: ") || strings.Contains(r.Msg, "chmod: ") {
		return nil
	}
	var err error
	switch o := p.change.Ops[op].(type) {
	case state.Mkdir:
		err = p.fail("There was an issue creating %s as requested: %s: b'%[1]s'", o.Path, cause)
	case state.Remove:
		if err = p.fail("unlinking failed: %s: b'%s' ", cause, o.Path); o.Recursive {
			err = module.Fail(fmt.Sprintf("rmtree failed: %s: '%s'", cause, path.Base(lastQuoted(r.Msg, o.Path))))
		}
	case state.Touch:
		if err = p.fail("Error while updating modification or access time: %s", cause); p.fresh {
			err = p.fail("Error, could not touch target: %s: b'%s'", cause, o.Path)
		}
	case state.Symlink:
		err = p.fail("Error while linking: %s: b'%s' -> b'%s'", cause, o.Target, o.Path)
	case state.HardLink:
		err = p.fail("Error while linking: %s: b'%s' -> b'%s'", cause, o.Target, o.Path)
	default:
		return nil
	}
	f, _ := p.asIs(err).(*module.Failure)
	return f
}

// lastQuoted is the last name in quotes of a message, or other where there is none.
func lastQuoted(msg, other string) string {
	head, _, ok := cutLast(msg, "'")
	if !ok {
		return other
	}
	if _, name, ok := cutLast(head, "'"); ok {
		return name
	}
	return other
}

// cutLast is strings.Cut at the last sep.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// unwritable is copy's word for a folder in which the host lets no file be made.
func unwritable(dir string, r state.OpResult) *module.Failure {
	if !strings.Contains(r.Msg, "(temporary file)") || !strings.HasSuffix(errno(r), "denied") {
		return nil
	}
	return module.Fail("Destination " + dir + " not writable")
}
