package store

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/store/internal/meta/record"
)

// Replacing the whole content of an open file in one step: for who keeps a file in a form of
// which a part is worth nothing, as a ciphertext that is authenticated as a whole. Until then the
// file is what it was, and what an fsync has promised of it; the next fsync or publish brings the
// new content, whole, with the metadata that it was given in the same step.

// A Replacement is what a file is to hold instead of what it holds.
type Replacement struct {
	Content io.Reader // to its end
	// Metadata returns the user metadata that the file is to have; it must not change now. nil:
	// it stays.
	Metadata func(now map[string]string) map[string]string
	// Modified is when the content was changed, for mtime and ctime; zero: both stay.
	Modified time.Time
}

// replacePiece is how much of a replacement is written at once.
const replacePiece = 256 << 10

// Replace puts a content in the place of the file's, for all its handles at once. It publishes
// nothing. If it fails the file is as before. The kinds of failure are those of WriteAt, and those
// of ChangeDescription for the metadata; what reading the content said comes back as it is.
func (f *File) Replace(ctx context.Context, r Replacement) error {
	if err := f.writable(); err != nil {
		return err
	}
	f.se.s.receiving.Add(1)
	defer f.se.s.receiving.Add(-1)
	n := f.n
	fresh, err := f.receive(ctx, r.Content)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.changeable(); err != nil {
		return errors.Join(err, fresh.discard())
	}
	if r.Metadata != nil {
		if err := n.describeOwn(r.Metadata); err != nil {
			return errors.Join(err, fresh.discard())
		}
	}
	if d := n.draft; d == nil {
		n.draft = fresh
	} else {
		err = d.adopt(fresh)
	}
	n.draft.dirty, n.draft.sync.again = true, true
	n.edition++
	if !r.Modified.IsZero() {
		n.attr.MtimeNs = r.Modified.UnixNano()
		n.attr.CtimeNs = max(n.attr.CtimeNs, n.attr.MtimeNs)
	}
	return err
}

// receive makes a draft, which nobody sees yet, of a content.
func (f *File) receive(ctx context.Context, content io.Reader) (_ *draft, err error) {
	n := f.n
	n.mu.Lock()
	d, err := f.newDraft(true)
	n.mu.Unlock()
	if err != nil {
		return nil, err
	}
	done := false
	defer func() {
		if !done { // also after a panic
			err = errors.Join(err, d.discard())
		}
	}()
	buf := make([]byte, replacePiece)
	for ended := false; !ended; {
		size, err := io.ReadFull(content, buf)
		ended = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !ended {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := n.receivePiece(d, buf[:size]); err != nil {
			return nil, err
		}
	}
	done = true
	return d, nil
}

// receivePiece takes mu for each piece: how a draft is encrypted is decided with it held, and
// readers need not wait for all of them.
func (n *inode) receivePiece(d *draft, p []byte) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(p) == 0 {
		return nil
	}
	if err := n.mayGrow(d.size + int64(len(p))); err != nil {
		return err
	}
	_, err := d.writeAt(p, d.size)
	return err
}

// changeable fails if no draft can be changed any more.
func (n *inode) changeable() error {
	if err := n.s.failure(); err != nil {
		return fault.Wrap(fault.StoreFailed, err, "the store no longer writes")
	}
	if n.s.closing.Load() {
		return fault.New(fault.Shutdown, "the store is closing")
	}
	return nil
}

// describeOwn gives the draft that is about to be other metadata, and touches no time. mu is held.
func (n *inode) describeOwn(metadata func(map[string]string) map[string]string) error {
	var v *record.Version
	if n.base != nil {
		var err error
		if v, err = n.published(); err != nil {
			return err
		}
	}
	ctime := n.attr.CtimeNs
	_, bucket, key, _ := n.s.files.name(n)
	err := n.relabelOwn(v, func(v *record.Version) error {
		v.Metadata = metadata(v.Metadata)
		return checkDescription(bucket, key, headerMap(v.Headers), v.Metadata)
	})
	n.attr.CtimeNs = ctime
	return err
}

// adopt takes over the content of a draft that nobody has seen. mu is held.
func (d *draft) adopt(fresh *draft) error {
	old := d.file
	d.lent.end()
	d.standDown()
	d.small, d.file, d.key, d.m, d.size = fresh.small, fresh.file, fresh.key, fresh.m, fresh.size
	d.encryption = fresh.encryption
	d.alone, d.wide = true, false
	// What is recorded under the list's number goes on belonging to the file before.
	d.sync = draftSync{recorded: d.sync.recorded, again: true}
	if d.file != nil {
		d.sync.toFile(0)
		d.sync.mark(0, d.size)
	}
	if old == nil {
		return nil
	}
	return d.leave(old)
}

// unnamedOlds takes those content files out of a draft that no record names any more, because
// one that names none of them is on the disk. mu is held.
func (d *draft) unnamedOlds(gone []blob.ID) {
	d.olds = slices.DeleteFunc(d.olds, func(id blob.ID) bool { return slices.Contains(gone, id) })
}

// Edition tells whether the bytes of a file may have changed: they have not, as long as it is the
// same. Of a version of the past it is always 0.
func (f *File) Edition() uint64 {
	if f.frozen != nil {
		return 0
	}
	f.n.mu.RLock()
	defer f.n.mu.RUnlock()
	return f.n.edition
}
