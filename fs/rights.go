package fs

import (
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"pail/store"
	"pail/store/fault"
)

// limited says whether policies may hold back whom the mount acts for. What one may see may
// change with them at any moment then, and so the kernel keeps no names and attributes: it asks
// each time, and each time the store decides.
func (f *filesystem) limited() bool { return len(f.uids) > 0 || f.principal != store.Owner() }

// rulesChanged has the kernel forget what it has read of open files: who may not read one any
// more is refused then, with the next read that the store is asked for.
func (f *filesystem) rulesChanged() {
	if f.limited() {
		f.forgetContents()
	}
}

// forgetContents has the kernel forget what it has read of open files, whoever they are open for:
// what the key management service's key has encrypted nobody may read who may not use it now.
func (f *filesystem) forgetContents() {
	for _, id := range f.handles.open() {
		f.notify.content(id)
	}
}

// promise takes from mode bits what the session may not do. Others than the mount's identity
// may do no more through it.
func (f *filesystem) promise(se *store.Session, a *fuse.Attr, bucket, key string) {
	if !f.limited() || bucket == "" {
		return
	}
	r, err := se.Rights(f.ctx, store.Path{Bucket: bucket, Key: key})
	if err != nil {
		r = store.Rights{}
	}
	if !r.Read {
		a.Mode &^= 0o444
		if a.Mode&unix.S_IFMT == unix.S_IFREG {
			a.Mode &^= 0o111
		}
	}
	if !r.Write {
		a.Mode &^= 0o222
	}
}

// keeps says whether the kernel may keep what it is told.
func (f *filesystem) keeps() bool { return !f.limited() }

// mayChange refuses a change of the attributes of an open file, which somebody else may have
// opened, to whom policies do not let write it.
func (f *filesystem) mayChange(se *store.Session, file openFile) error {
	if !f.limited() {
		return nil
	}
	bucket, key, linked := file.Name()
	if !linked {
		return nil
	}
	r, err := se.Rights(f.ctx, store.Path{Bucket: bucket, Key: key})
	if err == nil && !r.Write {
		err = fault.New(fault.AccessDenied, "").At(bucket, key)
	}
	return err
}
