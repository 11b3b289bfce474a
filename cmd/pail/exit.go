package main

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/sys/unix"

	"pail/store/fault"
)

// The exit codes. Scripts rely on them; they never change.
const (
	exitOK          = 0
	exitFailure     = 1 // anything else
	exitUsage       = 2 // the command line, a name or a value is wrong
	exitNotFound    = 3 // what was named does not exist
	exitDenied      = 4 // permissions
	exitBusy        = 5 // something else uses it; trying again may help
	exitNoSpace     = 6 // the disk or a quota is full
	exitDamaged     = 7 // stored data is not as it was written; fsck found problems, scrub damage
	exitConflict    = 8 // it exists already, is not empty, or its state forbids this
	exitUnsupported = 9 // this kernel, filesystem or release cannot
	exitSignal      = 130
	exitPipe        = 141 // as a shell tells of a program that SIGPIPE has ended
)

const exitHelp = `Exit codes:
  0  success
  1  failure of another kind
  2  wrong usage: the command line, a name or a value
  3  not found: store, bucket, key, version, tag, access key, mountpoint, mount
  4  access denied
  5  busy: something else uses it; trying again may help
  6  no space left
  7  damaged: stored data is not as it was written; fsck or scrub found some that is not
  8  conflict: it exists already, is not empty, or its state forbids this
  9  not supported by this kernel, filesystem or release of pail
  130  interrupted by a signal
  141  whoever read standard output went away`

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
	var output *outputError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &output):
		return outputExitCode(output)
	case errors.As(err, &reported):
		return reported.code
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, context.Canceled):
		return exitSignal
	}
	kind := fault.KindOf(err)
	if kind == fault.Internal {
		return systemExitCode(err)
	}
	for code, kinds := range exitCodes() {
		if slices.Contains(kinds, kind) {
			return code
		}
	}
	return exitFailure
}

// systemExitCode is for failures of the system that nobody has classified.
func systemExitCode(err error) int {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return exitDenied
	case errors.Is(err, fs.ErrNotExist):
		return exitNotFound
	case errors.Is(err, fs.ErrExist):
		return exitConflict
	}
	return exitFailure
}

// outputExitCode never says that the store is damaged.
func outputExitCode(err *outputError) int {
	switch {
	case errors.Is(err, unix.EPIPE):
		return exitPipe
	case fault.Is(err, fault.NoSpace), fault.Is(err, fault.QuotaExceeded):
		return exitNoSpace
	}
	return exitFailure
}

// exitCodes says which kinds of failure have which code. Every kind is here.
func exitCodes() map[int][]fault.Kind {
	return map[int][]fault.Kind{
		exitFailure: {fault.Internal, fault.NotModified, fault.BadDigest, fault.IncompleteBody, fault.KMSDryRun},
		exitUsage: {
			fault.InvalidBucketName, fault.InvalidKey, fault.KeyTooLong, fault.NameTooLong, fault.InvalidVersionID,
			fault.InvalidTag, fault.TagTooLong, fault.TooManyTags, fault.XattrsFull, fault.MetadataTooLarge, fault.InvalidArgument, fault.InvalidRequest,
			fault.InvalidPart, fault.InvalidPartOrder, fault.PartGap, fault.MalformedConfig, fault.InvalidStorageClass, fault.EntityTooSmall, fault.EntityTooLarge, fault.InvalidRange,
			fault.MalformedPolicy, fault.PackedPolicyTooLarge, fault.PolicyTooLarge, fault.MalformedACL, fault.UnresolvableGrant,
			fault.NotDirectory, fault.IsDirectory, fault.SubdirOfItself, fault.CrossDevice,
			fault.KMSIncorrectKey, fault.KMSInvalidARN, fault.KMSInvalidAliasName, fault.KMSInvalidGrantID, fault.KMSInvalidGrantToken, fault.KMSInvalidMarker,
		},
		exitNotFound: {
			fault.NoSuchStore, fault.NoSuchMount, fault.NoSuchBucket, fault.NoSuchKey, fault.NoSuchVersion,
			fault.NoSuchTagSet, fault.NoSuchUpload, fault.NoSuchEntity,
			fault.NoSuchCORS, fault.NoSuchWebsite, fault.NoSuchLifecycle, fault.NoSuchObjectLock, fault.NoSuchLock, fault.NoSuchAccessPoint, fault.NoSuchAccessPointPolicy, fault.NoSuchBucketPolicy, fault.NoSuchPublicAccessBlock, fault.NoSuchOwnership, fault.NoSuchEncryption, fault.NoData, fault.NoMoreData, fault.KMSNotFound,
		},
		exitDenied: {
			fault.AccessDenied, fault.CustomerKeyNeeded, fault.NotPermitted, fault.OwnersOnly, fault.PublicACLBlocked, fault.MFARequired, fault.ObjectLocked,
			fault.InvalidMFACode, fault.InvalidToken, fault.ExpiredToken,
		},
		exitBusy: {
			fault.StoreLocked, fault.Unavailable, fault.Exhausted, fault.Shutdown, fault.TimedOut, fault.Busy,
			fault.ConditionalRequestConflict, fault.StaleHandle, fault.KMSUnavailable,
		},
		exitNoSpace: {fault.NoSpace, fault.QuotaExceeded, fault.LimitExceeded},
		exitDamaged: {fault.Damaged, fault.StoreFailed, fault.IOFailed, fault.KMSInvalidCiphertext},
		exitConflict: {
			fault.Exists, fault.EntityAlreadyExists, fault.DeleteConflict, fault.BucketAlreadyExists, fault.BucketAlreadyOwnedByYou, fault.AccessPointAlreadyOwnedByYou, fault.TooManyAccessPoints, fault.AccessPointsAttached, fault.BucketNotEmpty, fault.NotEmpty,
			fault.InvalidBucketState, fault.IllegalVersioning, fault.MethodNotAllowed, fault.PreconditionFailed, fault.ACLsDisabled, fault.ACLNotOwners, fault.InvalidLogTarget, fault.LogTargetElsewhere, fault.ReadOnly, fault.KMSDisabled, fault.KMSInvalidState,
		},
		exitUnsupported: {fault.NotSupported, fault.NewerFormat},
		exitSignal:      {fault.Canceled},
	}
}

// cause is what the system said of a path, for a sentence that names the path already.
func cause(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// sentence is an error on one line that a terminal can show; joined errors are parts of
// it.
func sentence(err error) string {
	text := strings.Join(strings.Fields(strings.ReplaceAll(err.Error(), "\n", "; ")), " ")
	var b strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}
