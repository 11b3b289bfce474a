package store

import (
	"context"
	"errors"
	"io"
	"math"

	"pail/store/fault"
	"pail/store/internal/blob"
)

// CopyRange makes n bytes at dstOff of another file, or of another place in this one,
// those at srcOff of this one, fewer at this file's end or the largest object size, and
// returns how many. Published bytes do not move: dst refers to them where they are. What
// is copied is what cannot be shared: bytes that this file's own draft may still change,
// and pieces of up to Options.InlineMax bytes, which would cost more as references. Holes
// stay holes.
//
// dst must have been opened for writing, and not for appending. Ranges that overlap in
// one file are InvalidArgument, as copy_file_range(2) has it. Others may see the copy
// half done.
func (f *File) CopyRange(ctx context.Context, dst *File, srcOff, dstOff, n int64) (int64, error) {
	if err := dst.writable(); err != nil {
		return 0, err
	}
	if srcOff < 0 || dstOff < 0 || n < 0 {
		return 0, fault.New(fault.InvalidArgument, "negative offset or length")
	}
	n = min(n, f.Object().Size-srcOff, math.MaxInt64-dstOff)
	switch {
	case n <= 0:
		return 0, nil
	case dst.flags.Append:
		return 0, fault.New(fault.InvalidArgument, "the file was opened for appending")
	case f.se.s != dst.se.s:
		return 0, fault.New(fault.CrossDevice, "the files are in different stores")
	case f.n != nil && f.n == dst.n && srcOff < dstOff+n && dstOff < srcOff+n:
		return 0, fault.New(fault.InvalidArgument, "the ranges overlap")
	}
	limit := dst.se.s.maxObjectSize()
	if dstOff >= limit {
		return 0, tooLarge(limit)
	}
	n = min(n, limit-dstOff)
	runs, unpin := f.runs(srcOff, n)
	defer unpin()
	var done int64
	for _, r := range runs {
		if err := ctx.Err(); err != nil {
			return done, err
		}
		if r.shared {
			err := dst.change(func(d *draft) error { return d.borrow(dstOff+done, r.extents, r.keys) })
			if err == nil {
				done += r.size
				continue
			}
			if !errors.Is(err, errCannotShare) {
				return done, err
			}
		}
		got, err := f.copyBytes(ctx, dst, srcOff+done, dstOff+done, r.size)
		done += got
		if errors.Is(err, io.EOF) {
			return done, nil // it was cut short meanwhile
		}
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// A run is neighbouring bytes of a file that are shared or copied.
type run struct {
	size    int64
	shared  bool
	extents blob.Extents // if shared
	keys    dataKeys     // of those that are encrypted
}

// runs are the n bytes at off as far as the file goes. What is shared of them is kept
// from being deleted until unpin.
func (f *File) runs(off, n int64) (runs []run, unpin func()) {
	unpin = func() {}
	s := f.se.s
	b, own := (*body)(nil), blob.ID(0)
	var es blob.Extents
	size := int64(0)
	if f.frozen != nil {
		b = f.frozen.b
	} else {
		f.n.mu.RLock()
		defer f.n.mu.RUnlock()
		b = f.n.body
	}
	switch d := f.draft(); {
	case d != nil && d.file != nil:
		size, own, es = d.size, d.file.ID(), d.m.Slice(off, n)
	case d != nil:
		size = d.size
	case b != nil:
		size, es = b.size, b.extents.Slice(off, n)
	}
	n = min(n, size-off)
	if n <= 0 {
		return nil, unpin
	}
	keys, sharing := f.shares(b, es)
	if es == nil {
		return []run{{size: n}}, unpin
	}
	var pinned []blob.ID
	for _, e := range es {
		share := e.IsHole() || sharing && e.Blob != own && e.Len > int64(s.opts.InlineMax)
		if last := len(runs) - 1; last < 0 || runs[last].shared != share {
			runs = append(runs, run{shared: share, keys: keys})
		}
		r := &runs[len(runs)-1]
		r.size += e.Len
		if share {
			r.extents = append(r.extents, e)
		}
		if share && !e.IsHole() {
			pinned = append(pinned, e.Blob)
		}
	}
	s.pins.add(pinned)
	return runs, func() { s.pins.drop(pinned) }
}

// draft is the draft of the file, nil if there is none. The inode's mu is held.
func (f *File) draft() *draft {
	if f.frozen != nil {
		return nil
	}
	return f.n.draft
}

// shares says whether other files may refer to what this one has of other files, and returns
// the data keys of those. Where only a part is encrypted nothing is shared; that does not
// last. The inode's mu is held.
func (f *File) shares(b *body, es blob.Extents) (dataKeys, bool) {
	d := f.draft()
	var e *encryption
	if b != nil {
		e = b.encryption
	}
	switch {
	case d != nil && (d.encryption != nil) != (e != nil) && b != nil:
		return nil, false
	case d != nil && d.encryption == nil, d == nil && e == nil:
		return nil, true
	}
	keys := dataKeys{}
	for _, id := range es.Blobs() {
		var err error
		if d == nil {
			keys[id], err = b.keyFor(id)
		} else if d.file == nil || id != d.file.ID() {
			keys[id], err = d.keyOf(id)
		}
		if err != nil {
			return nil, false // reading says what is wrong
		}
	}
	return keys, true
}

// borrow puts extents of other contents at off. keys are the data keys of those, nil: they are
// not encrypted. errCannotShare: the one is encrypted and the other is not.
func (d *draft) borrow(off int64, es blob.Extents, keys dataKeys) error {
	if err := d.encrypt(); err != nil {
		return err
	}
	if ids := es.Blobs(); len(ids) > 0 && (d.encryption != nil) != (keys != nil) {
		return errCannotShare
	}
	size := es.Size()
	end := off + size
	if end > d.s.maxObjectSize() || end < 0 {
		return tooLarge(d.s.maxObjectSize())
	}
	if d.file == nil && es.Blobs() != nil {
		if err := d.grow(); err != nil {
			return err
		}
	}
	if end > d.size {
		if err := d.truncate(end); err != nil {
			return err
		}
	}
	if d.file == nil {
		return d.punch(off, size) // nothing but a hole fits into a small draft
	}
	d.sync.mark(off, size)
	for _, e := range es {
		if e.IsHole() {
			d.m.Punch(off, e.Len)
		} else {
			d.lent.take(d.s, e.Blob)
			d.lent.from.know(e.Blob, keys[e.Blob])
			d.m.Write(off, e.Len, e.Blob, e.Off)
		}
		off += e.Len
	}
	d.dirty = true
	return nil
}

// copyBytes copies n bytes from one file into another. io.EOF: this file ends before.
func (f *File) copyBytes(ctx context.Context, dst *File, srcOff, dstOff, n int64) (int64, error) {
	buf := make([]byte, min(n, 1<<20))
	for done := int64(0); done < n; {
		part := buf[:min(int64(len(buf)), n-done)]
		got, err := f.ReadAt(ctx, part, srcOff+done)
		if got > 0 {
			if _, err := dst.WriteAt(ctx, part[:got], dstOff+done); err != nil {
				return done, err
			}
			done += int64(got)
		}
		if err != nil && done < n {
			return done, err
		}
	}
	return n, nil
}
