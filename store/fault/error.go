package fault

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
)

// An Error is a failure of a known kind. It is immutable once it is shared.
type Error struct {
	Kind     Kind
	Message  string // what a person reads; empty: the kind's default
	Resource string // "bucket" or "bucket/key" that it is about; may be empty
	Err      error  // the cause; may be nil
	// Facts are what S3 tells of such a failure besides its sentence, by the names of the
	// elements that hold it in an answer. Other doors do not show them.
	Facts []Fact
}

// A Fact is one of them, as PartNumber of InvalidPart.
type Fact struct{ Name, Value string }

// New returns an Error of the given kind. An empty format means the kind's
// default message.
func New(kind Kind, format string, args ...any) *Error {
	return Wrap(kind, nil, format, args...)
}

// Wrap returns an Error of the given kind with a cause. An empty format means
// the kind's default message. It never returns nil, even if err is nil.
func Wrap(kind Kind, err error, format string, args ...any) *Error {
	e := &Error{Kind: kind, Err: err}
	if format != "" {
		e.Message = fmt.Sprintf(format, args...)
	}
	return e
}

// At returns a copy of e that names what it is about. An empty key means the
// bucket.
func (e *Error) At(bucket, key string) *Error {
	c := *e
	c.Resource = bucket
	if key != "" {
		c.Resource += "/" + key
	}
	return &c
}

// With returns a copy of e that tells one fact more.
func (e *Error) With(name, value string) *Error {
	c := *e
	c.Facts = append(c.Facts[:len(c.Facts):len(c.Facts)], Fact{name, value})
	return &c
}

// Text returns the message alone, without resource and cause: what is shown to
// a caller who must not learn more.
func (e *Error) Text() string {
	if e.Message == "" {
		return e.Kind.Error()
	}
	return e.Message
}

// Error returns resource, message and cause in one line; the resource only if the message
// does not name it.
func (e *Error) Error() string {
	s := e.Text()
	if e.Resource != "" && !e.named() {
		s = e.Resource + ": " + s
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// named says whether the message names the resource: a key by its path, a bucket in
// quotes, for its name may be any word.
func (e *Error) named() bool {
	return strings.Contains(e.Message, strconv.Quote(e.Resource)) ||
		strings.Contains(e.Resource, "/") && strings.Contains(e.Message, e.Resource)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is e's Kind, for errors.Is(err, fault.NoSuchKey).
func (e *Error) Is(target error) bool {
	k, ok := target.(Kind)
	return ok && k == e.Kind
}

// Is reports whether err is of the given kind: KindOf(err) == kind. Unlike
// errors.Is it looks at the outermost classification only.
func Is(err error, kind Kind) bool { return KindOf(err) == kind }

// KindOf returns the kind of err: None for nil, that of the outermost Error or
// Kind in its chain, the mapped kind of a context's or the system's error, and
// Internal for anything else.
func KindOf(err error) Kind {
	if err == nil {
		return None
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		if k, ok := classified(e); ok {
			return k
		}
	}
	// errors.Unwrap does not follow joined errors; errors.As does.
	var fe *Error
	if errors.As(err, &fe) {
		return fe.Kind
	}
	switch {
	case errors.Is(err, context.Canceled):
		return Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return TimedOut
	}
	var no syscall.Errno
	if errors.As(err, &no) {
		return systemKind(no)
	}
	return Internal
}

// classified returns the kind of e itself, not of what it wraps.
func classified(e error) (Kind, bool) {
	switch e := e.(type) {
	case *Error:
		return e.Kind, true
	case Kind:
		return e, true
	}
	return None, false
}

// systemKind maps an errno that the disk below the store answered. What is not
// named here would mislead the caller and is Internal (see the package comment).
func systemKind(no syscall.Errno) Kind {
	switch no {
	case syscall.ENOSPC:
		return NoSpace
	case syscall.EDQUOT:
		return NoSpace // the quota of the daemon's user, not one of the store's
	case syscall.EROFS:
		return ReadOnly
	case syscall.EFBIG:
		return EntityTooLarge
	case syscall.EIO:
		return IOFailed
	case syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM:
		return Exhausted // EAGAIN would have programs take a write for one to be tried later
	case syscall.EINTR:
		return Canceled
	}
	return Internal
}

// Errno returns the errno that the mount answers for err; 0 for nil.
func Errno(err error) syscall.Errno { return KindOf(err).Row().Errno }
