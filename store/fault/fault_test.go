package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"pail/store/fault"
)

func TestEveryKindHasAFullRow(t *testing.T) {
	names := map[string]fault.Kind{}
	status := map[string]int{}
	for _, k := range fault.Kinds() {
		row := k.Row()
		if row.Name == "" || row.Errno == 0 || row.S3Code == "" || row.HTTPStatus < 300 || row.Message == "" {
			t.Errorf("kind %d: row is not full: %+v", k, row)
		}
		if other, taken := names[row.Name]; taken {
			t.Errorf("%s names both %d and %d", row.Name, other, k)
		}
		names[row.Name] = k
		if s, seen := status[row.S3Code]; seen && s != row.HTTPStatus {
			t.Errorf("%s goes with %d and %d", row.S3Code, s, row.HTTPStatus)
		}
		status[row.S3Code] = row.HTTPStatus
		if got, ok := fault.ParseKind(row.Name); !ok || got != k {
			t.Errorf("ParseKind(%q) = %v, %v", row.Name, got, ok)
		}
	}
	if _, ok := fault.ParseKind("no such name"); ok {
		t.Error("ParseKind accepts an unknown name")
	}
}

func TestAnErrorNamesItsResourceOnce(t *testing.T) {
	for _, c := range []struct {
		err  *fault.Error
		want string
	}{
		{fault.New(fault.NoSuchBucket, "there is no bucket %q", "photos").At("photos", ""), `there is no bucket "photos"`},
		{fault.New(fault.NoSuchBucket, "").At("bucket", ""), "bucket: the bucket does not exist"},
		{fault.New(fault.NoSuchKey, "there is no object bkt/a/b").At("bkt", "a/b"), "there is no object bkt/a/b"},
		{fault.New(fault.KeyTooLong, "").At("bkt", "k"), "bkt/k: the key is longer than 1024 bytes"},
		{fault.Wrap(fault.Damaged, errors.New("why"), "").At("bkt", "k"), "bkt/k: stored data is damaged: why"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestKindOf(t *testing.T) {
	key := fault.New(fault.NoSuchKey, "").At("b", "k")
	tests := []struct {
		err   error
		kind  fault.Kind
		errno syscall.Errno
	}{
		{nil, fault.None, 0},
		{errors.New("who knows"), fault.Internal, syscall.EIO},
		{key, fault.NoSuchKey, syscall.ENOENT},
		{fmt.Errorf("open: %w", key), fault.NoSuchKey, syscall.ENOENT},
		{fault.Busy, fault.Busy, syscall.EBUSY},
		{fmt.Errorf("x: %w", fault.Busy), fault.Busy, syscall.EBUSY},
		{fault.Wrap(fault.Damaged, key, "index"), fault.Damaged, syscall.EIO},
		{fault.Wrap(fault.Damaged, fault.Busy, "index"), fault.Damaged, syscall.EIO},
		{errors.Join(errors.New("a"), key), fault.NoSuchKey, syscall.ENOENT},
		{context.Canceled, fault.Canceled, syscall.EINTR},
		{fmt.Errorf("x: %w", context.DeadlineExceeded), fault.TimedOut, syscall.ETIMEDOUT},
		{&fs.PathError{Op: "write", Err: syscall.ENOSPC}, fault.NoSpace, syscall.ENOSPC},
		{&fs.PathError{Op: "open", Err: syscall.EMFILE}, fault.Exhausted, syscall.ENFILE},
		{&os.SyscallError{Syscall: "read", Err: syscall.EIO}, fault.IOFailed, syscall.EIO},
		// The store's own files never answer for the caller's.
		{&fs.PathError{Op: "open", Err: syscall.ENOENT}, fault.Internal, syscall.EIO},
		{&fs.PathError{Op: "open", Err: syscall.EACCES}, fault.Internal, syscall.EIO},
	}
	for _, tt := range tests {
		if got := fault.KindOf(tt.err); got != tt.kind {
			t.Errorf("KindOf(%v) = %v, want %v", tt.err, got, tt.kind)
		}
		if got := fault.Errno(tt.err); got != tt.errno {
			t.Errorf("Errno(%v) = %v, want %v", tt.err, got, tt.errno)
		}
	}
}

func TestErrorText(t *testing.T) {
	cause := errors.New("cause")
	e := fault.Wrap(fault.NoSuchKey, cause, "no %s", "such").At("b", "k/l")
	if got, want := e.Error(), "b/k/l: no such: cause"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	if got, want := e.Text(), "no such"; got != want {
		t.Errorf("Text() = %q, want %q", got, want)
	}
	if !errors.Is(e, cause) || !errors.Is(e, fault.NoSuchKey) || errors.Is(e, fault.NoSuchBucket) {
		t.Error("errors.Is does not see the cause or the kind")
	}
	if !fault.Is(e, fault.NoSuchKey) {
		t.Error("Is does not see the kind")
	}
	if got, want := fault.New(fault.Busy, "").Error(), fault.Busy.Error(); got != want {
		t.Errorf("default message = %q, want %q", got, want)
	}
}
