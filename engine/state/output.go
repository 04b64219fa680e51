package state

import "strings"

// Output asks what a script prints that changes nothing on the host: how
// modules look at what no other query describes. Its answer is an OutputInfo.
// The script runs as the identity, with LC_ALL=C and nothing on its input.
type Output struct {
	// Script is POSIX sh text, the body of a function in a subshell.
	Script string
	// Args are the script's positional parameters, each ended by a NUL.
	Args string
	// Path, when set, is the one path that the answer depends on. The path itself is
	// asked for too, so that it is known where it leads.
	Path string
	// Under, when set, are the paths, parted by colons, on which with what is below them
	// the answer depends, beside programs: a plan asks it behind writes elsewhere, too.
	// (A run applies what waits first, which costs it nothing of the truth.)
	Under string
}

// OutputOf makes the question from a script and its positional parameters.
func OutputOf(script string, args ...string) Output {
	var b strings.Builder
	for _, a := range args {
		b.WriteString(strings.ReplaceAll(a, "\x00", "") + "\x00")
	}
	return Output{Script: script, Args: b.String()}
}

// Query describes the question.
func (q Output) Query() string {
	return "output of " + strings.Join(append([]string{"sh"}, q.Params()...), " ")
}

// Params are the positional parameters of the script.
func (q Output) Params() []string {
	if q.Args == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(q.Args, "\x00"), "\x00")
}

// OutputInfo is what a script printed, and what it returned.
type OutputInfo struct {
	RC             int
	Stdout, Stderr string
}
