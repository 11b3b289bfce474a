// Package fault is the one table of failures.
//
// A [Kind] names what went wrong, finer than an errno and finer than an S3
// error code. Each kind has one [Row]: the errno that the mount answers, the
// S3 code and HTTP status that the listener answers, and a default message.
// The store decides which kind a failure is; the doors only translate. A
// failure that only one protocol knows (a malformed XML body, a bad signature)
// stays in that protocol's room and is not in this table.
//
// Use:
//
//	return fault.New(fault.NoSuchKey, "").At(bucket, key)      // default message
//	return fault.New(fault.InvalidTag, "tag key %q begins with aws:", k)
//	return fault.Wrap(fault.Damaged, err, "blob %s", id)       // keeps err for Unwrap
//	if fault.Is(err, fault.NoSuchKey) { ... }                  // or errors.Is(err, fault.NoSuchKey)
//	return fuse.Status(fault.Errno(err))
//
// Rules that callers may rely on:
//
//   - The outermost [Error] in a chain decides. fmt.Errorf with %w keeps the kind.
//   - [KindOf] of an error that nobody classified is [Internal]. An errno of the
//     disk below the store is mapped only where it says the same thing to the
//     caller (disk full, read-only, I/O error, quota, descriptors exhausted). In
//     particular ENOENT and EACCES of a file that belongs to the store become
//     Internal: a missing blob must never look like a missing object, nor the
//     daemon's own rights like the caller's.
//   - A cancelled or expired context is [Canceled] or [TimedOut].
//   - Names ([Kind.String], [ParseKind]) are stable and may be sent over a
//     socket or logged. Numbers are not stable and must not be stored.
//
// To add a kind: one constant in kind.go and its row in table.go; the tests
// demand that each kind has a full row and that one S3 code always goes with
// one HTTP status.
//
// Codes and statuses follow "Error responses" in the Amazon S3 API Reference.
// Where S3 has no code for a kind, the nearest one that makes clients do the
// right thing is used: 409 OperationAborted and 503 ServiceUnavailable are
// retried by the SDKs, 400 InvalidRequest is not. A full disk answers 507
// InsufficientStorage, which the SDKs do not retry (a retry cannot help).
// QuotaExceeded is the code that Ceph answers.
//
// The package imports only the standard library; everyone may import it. All
// of it is safe for concurrent use.
package fault
