package store

import (
	"context"
	"errors"
)

// Flush publishes the file if its data changed since the last publish. A door calls it
// when the process that opened the file closes its last descriptor of it. AccessDenied: nobody
// in whose name it could be published may put it any more.
func (f *File) Flush(ctx context.Context) error {
	if f.frozen != nil || !f.flags.Write {
		return nil
	}
	return f.n.publish(ctx, true, f.se)
}

// Close ends the use of the handle. With the last handle that writes or made the file,
// everything that is still unpublished is published; if that fails, the store keeps
// the draft and tries again before it closes; but what nobody may publish any more
// (AccessDenied) is given up.
func (f *File) Close(ctx context.Context) error {
	if f.closed.Swap(true) {
		return nil
	}
	if f.log != nil {
		f.log.end(f.Object().Size)
	}
	if f.frozen != nil {
		return f.frozen.Close()
	}
	defer f.forget() // also if publishing panics: then the file is stuck
	if f.maker && f.lastMaker() {
		err := f.n.publish(ctx, false, f.se)
		if isRefused(err) {
			err = errors.Join(err, f.n.forsake(ctx, err))
		}
		return err
	}
	return nil
}

// lastMaker counts a handle that may have something to publish out and says whether
// it was the last.
func (f *File) lastMaker() bool {
	mu := &f.n.s.files.mu
	mu.Lock()
	defer mu.Unlock()
	f.n.makers--
	return f.n.makers == 0
}

// forget counts the handle out; with the last the inode goes.
func (f *File) forget() {
	n, t := f.n, &f.n.s.files
	t.mu.Lock()
	n.handles--
	last := n.handles == 0
	t.mu.Unlock()
	if last {
		n.letGo()
	}
}

// release lets go of the inode's bytes. mu is held.
func (n *inode) release() {
	if n.draft != nil {
		if err := n.draft.discard(); err != nil {
			n.s.log.Warn("a draft's file could not be deleted; recovery will", "err", err)
		}
		n.draft = nil
	}
	if n.body != nil {
		n.body.close()
		n.body = nil
	}
}
