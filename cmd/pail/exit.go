package main

import (
	"context"
	"errors"
	"strings"

	"pail/store/fault"
)

// The exit codes. Scripts rely on them; they never change.
const (
	exitOK       = 0
	exitFailure  = 1 // anything else
	exitUsage    = 2 // the command line, a name or a value is wrong
	exitNotFound = 3 // no such store, bucket, key, version, tag
	exitDenied   = 4 // permissions
	exitBusy     = 5 // another process holds it; trying again may help
	exitNoSpace  = 6 // the disk or a quota is full
	exitDamaged  = 7 // stored data is not as it was written; fsck found problems
	exitConflict = 8 // it exists already, is not empty, or its state forbids this
	exitSignal   = 130
)

const exitHelp = `Exit codes:
  0  success
  1  failure
  2  wrong usage: the command line, a name or a value
  3  not found: store, bucket, key, version, tag
  4  access denied
  5  busy: another process holds it; trying again may help
  6  no space left
  7  damaged: stored data is not as it was written, or fsck found problems
  8  conflict: it exists already, is not empty, or its state forbids this
  130  interrupted by a signal`

// A reportedError is a failure that has been told about already.
type reportedError struct{ code int }

func (e reportedError) Error() string { return "a failure that was reported" }

// A usageError is a mistake in the command line.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func exitCode(err error) int {
	var usage usageError
	var reported reportedError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &reported):
		return reported.code
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, context.Canceled):
		return exitSignal
	}
	if code, ok := exitCodes()[fault.KindOf(err)]; ok {
		return code
	}
	return exitFailure
}

// exitCodes maps the kinds that do not mean exitFailure.
func exitCodes() map[fault.Kind]int {
	return map[fault.Kind]int{
		fault.InvalidBucketName: exitUsage,
		fault.InvalidKey:        exitUsage,
		fault.KeyTooLong:        exitUsage,
		fault.NameTooLong:       exitUsage,
		fault.InvalidVersionID:  exitUsage,
		fault.InvalidTag:        exitUsage,
		fault.TooManyTags:       exitUsage,
		fault.InvalidArgument:   exitUsage,
		fault.InvalidRequest:    exitUsage,
		fault.NotDirectory:      exitUsage,

		fault.NoSuchStore:   exitNotFound,
		fault.NoSuchBucket:  exitNotFound,
		fault.NoSuchKey:     exitNotFound,
		fault.NoSuchVersion: exitNotFound,
		fault.NoSuchTagSet:  exitNotFound,

		fault.AccessDenied: exitDenied,
		fault.NotPermitted: exitDenied,

		fault.StoreLocked:                exitBusy,
		fault.Unavailable:                exitBusy,
		fault.Shutdown:                   exitBusy,
		fault.TimedOut:                   exitBusy,
		fault.Busy:                       exitBusy,
		fault.ConditionalRequestConflict: exitBusy,

		fault.NoSpace:       exitNoSpace,
		fault.QuotaExceeded: exitNoSpace,

		fault.Damaged:     exitDamaged,
		fault.StoreFailed: exitDamaged,
		fault.IOFailed:    exitDamaged,

		fault.Exists:                  exitConflict,
		fault.BucketAlreadyExists:     exitConflict,
		fault.BucketAlreadyOwnedByYou: exitConflict,
		fault.BucketNotEmpty:          exitConflict,
		fault.NotEmpty:                exitConflict,
		fault.InvalidBucketState:      exitConflict,
		fault.IllegalVersioning:       exitConflict,
		fault.MethodNotAllowed:        exitConflict,
		fault.PreconditionFailed:      exitConflict,

		fault.Canceled: exitSignal,
	}
}

// sentence is an error on one line; joined errors are lines.
func sentence(err error) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(err.Error(), "\n", "; ")), " ")
}
