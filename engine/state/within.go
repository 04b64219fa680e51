package state

import "strings"

// Within is a question that programs of the host answer, asked in a task's
// environment: PATH may name others, and what they say may depend on the rest. The
// answer is that of the question itself.
type Within struct {
	// Env holds name=value, each ended by a NUL.
	Env string
	Of  Query
}

// AskedWithin puts a question into an environment. Questions whose answer no program
// of the task's choice gives stay as they are.
func AskedWithin(env []string, q Query) Query {
	switch o := q.(type) {
	case Output:
		if o.Path != "" {
			return q
		}
	case Service, Services:
	default:
		return q
	}
	return Within{Env: strings.Join(env, "\x00") + "\x00", Of: q}
}

// Query describes the question.
func (q Within) Query() string { return q.Of.Query() }

// SurvivesWrite is that of the question itself.
func (q Within) SurvivesWrite(p string) bool { return survivesWrite(q.Of, p) }

// Variables are the environment as name=value.
func (q Within) Variables() []string {
	return strings.Split(strings.TrimSuffix(q.Env, "\x00"), "\x00")
}
