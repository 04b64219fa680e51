package diag

import (
	"context"
	"errors"
	"net/http"
)

// Class is what kind of thing went wrong, as far as a program decides by it.
type Class uint8

// The classes. Their exit code, HTTP status and name are in the table below.
const (
	Internal    Class = iota // a defect of ours, or an error nobody classified
	Usage                    // a mistake in what was asked: playbook, inventory, flags, request
	NotFound                 // a thing named in a request does not exist
	Conflict                 // somebody else holds what is needed
	Failed                   // a task failed on a host
	Unreachable              // no connection to a host (no route, timeout, name unknown)
	Refused                  // the host refused the TCP connection
	HostKey                  // the host's key is not the one that is known
	Auth                     // the host accepted none of our credentials
	Become                   // the change of identity on the host failed
	Timeout                  // a deadline passed
	Cancelled                // somebody stopped it
	InDoubt                  // an effect was sent and its end is not known
	Protocol                 // the other side answered what it must not
	Busy                     // it cannot be done now, for want of something; later it can
)

type classInfo struct {
	name string
	exit int
	http int
}

// One table: what each class means to a shell, to an HTTP client, to a machine.
var classes = [...]classInfo{
	Internal:    {"internal", 1, http.StatusInternalServerError},
	Usage:       {"usage", 1, http.StatusBadRequest},
	NotFound:    {"not_found", 1, http.StatusNotFound},
	Conflict:    {"conflict", 1, http.StatusConflict},
	Failed:      {"failed", 2, http.StatusUnprocessableEntity},
	Unreachable: {"unreachable", 4, http.StatusBadGateway},
	Refused:     {"refused", 4, http.StatusBadGateway},
	HostKey:     {"host_key", 4, http.StatusBadGateway},
	Auth:        {"auth", 4, http.StatusBadGateway},
	Become:      {"become", 2, http.StatusBadGateway},
	Timeout:     {"timeout", 2, http.StatusGatewayTimeout},
	Cancelled:   {"cancelled", 1, 499},
	InDoubt:     {"in_doubt", 2, http.StatusConflict},
	Protocol:    {"protocol", 4, http.StatusBadGateway},
	Busy:        {"busy", 1, http.StatusServiceUnavailable},
}

// String is the machine-readable name of the class.
func (c Class) String() string { return classes[c].name }

// ExitCode is what a process that ended by an error of this class returns.
func (c Class) ExitCode() int { return classes[c].exit }

// HTTPStatus is the status of an answer that reports an error of this class.
func (c Class) HTTPStatus() int { return classes[c].http }

// NoConnection tells whether the class means that the host could not be used
// at all, which Ansible calls unreachable.
func (c Class) NoConnection() bool {
	switch c {
	case Unreachable, Refused, HostKey, Auth, Protocol:
		return true
	}
	return false
}

// Classed is an error that knows its class.
type Classed interface {
	error
	ErrorClass() Class
}

// ErrorClass makes a Diagnostic a Classed error.
func (d *Diagnostic) ErrorClass() Class { return d.Class }

// ClassOf finds the class of err in its chain: the first Classed error wins,
// then context errors; Internal when nothing is known.
func ClassOf(err error) Class {
	var c Classed
	switch {
	case errors.As(err, &c):
		return c.ErrorClass()
	case errors.Is(err, context.Canceled):
		return Cancelled
	case errors.Is(err, context.DeadlineExceeded):
		return Timeout
	}
	return Internal
}
