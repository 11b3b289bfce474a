package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"

	"pail/crypto"
	"pail/store/backup"
	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// A Cut is the store as of one commit, for a backup: all records, the content files that
// they name, and of files that are being written what was fsynced, as kill(2) would have
// left it at that moment. It is a backup.Source. The store goes on meanwhile, but what is
// deleted takes up space until Close.
type Cut struct {
	s      *Store
	view   *meta.View
	head   backup.Head
	key    *crypto.Key // of chunks of records; nil: they are in the clear
	drafts []cutDraft  // by id
}

// A cutDraft is the file of a draft as the draft's record has it.
type cutDraft struct {
	id   blob.ID
	size int64 // of its file, as recorded
	file *blob.Frozen
}

// cutTries is how often Cut looks again for files that came or went at that moment.
const cutTries = 20

// errPassing says that a draft's file came or went while the store was being cut.
var errPassing = errors.New("a draft's file came or went")

// Cut takes one. What was acknowledged before is in it. A store that no longer writes can
// be cut, too.
func (s *Store) Cut(ctx context.Context) (*Cut, error) {
	if s.failure() == nil {
		if err := s.Sync(ctx); err != nil && s.failure() == nil {
			return nil, err
		}
	}
	for try := 1; ; try++ {
		c, err := s.cut(try == cutTries)
		if !errors.Is(err, errPassing) {
			return c, err
		}
		if try == cutTries {
			return nil, fault.Wrap(fault.Busy, err, "the store could not be held still; try again")
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
}

// cut takes the records and the files of drafts at one moment. last says that a file that
// is not there then is lost, which recovery has told of.
func (s *Store) cut(last bool) (*Cut, error) {
	c := &Cut{s: s}
	s.pins.gate.RLock()
	frozen := s.blobs.Freeze(func() {
		c.view = s.db.View()
		c.head = backup.Head{
			Store: s.label.ID, StoreFormat: s.label.Format, Region: s.label.Region,
			Taken: s.now().UTC(), Seq: c.view.Seq(), LastID: s.db.LastID(),
		}
	})
	s.pins.addCut(c, blob.ID(c.head.LastID))
	s.pins.gate.RUnlock()
	c.head.Keys = s.sealedKeys() // after the records: it has whatever they are sealed with
	c.key = backupKey(recordsKey(s.sealing.ring.Load()))
	c.head.Sealed = c.key != nil
	err := c.takeDrafts(frozen, last)
	for _, f := range frozen {
		_ = f.Close()
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// takeDrafts takes out of frozen what the records name.
func (c *Cut) takeDrafts(frozen map[blob.ID]*blob.Frozen, last bool) error {
	return c.scan(table.Drafts(), func(k, b []byte) error {
		var d record.Draft
		if err := unmarshal(k, b, &d); err != nil || d.Blob == 0 || d.BlobSize == 0 {
			return err
		}
		id := blob.ID(d.Blob)
		f := frozen[id]
		delete(frozen, id)
		if f == nil {
			var err error
			f, err = c.s.blobs.Abandoned(id)
			switch {
			case errors.Is(err, blob.ErrNotFound) && last:
				return nil
			case errors.Is(err, blob.ErrNotFound), errors.Is(err, blob.ErrUnsealed):
				return errPassing
			case err != nil:
				return blobError(err)
			}
		}
		size := d.BlobSize
		if d.Encryption != nil { // the file has more bytes, in other places
			size = f.Size()
		}
		c.drafts = append(c.drafts, cutDraft{id: id, size: size, file: f})
		return nil
	})
}

// Close lets go of what was kept for the backup. Closing again does nothing.
func (c *Cut) Close() error {
	var errs []error
	for _, d := range c.drafts {
		errs = append(errs, d.file.Close())
	}
	c.drafts = nil
	c.s.pins.dropCut(c)
	c.view.Close()
	return blobError(errors.Join(errs...))
}

// Head says of what the cut is.
func (c *Cut) Head() backup.Head { return c.head }

func (c *Cut) scan(prefix []byte, fn func(k, v []byte) error) error {
	it := c.view.Scan(meta.ScanOptions{Prefix: prefix})
	defer it.Close()
	for it.Next() {
		if err := fn(it.Key(), it.Value()); err != nil {
			return err
		}
	}
	return damaged(it.Err())
}

// Walk implements backup.Source.
func (c *Cut) Walk(ctx context.Context, v backup.Visitor) error {
	var t backup.Totals
	if err := v.Head(c.head); err != nil {
		return err
	}
	if err := c.walkRecords(ctx, v, &t); err != nil {
		return err
	}
	slices.SortFunc(c.drafts, func(a, b cutDraft) int { return compareIDs(a.id, b.id) })
	for _, d := range c.drafts {
		t.Drafts++
		t.Bytes += d.size
		if err := d.walk(ctx, v); err != nil {
			return err
		}
	}
	if err := c.walkContents(ctx, v, &t); err != nil {
		return err
	}
	return v.End(t)
}

func compareIDs(a, b blob.ID) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (c *Cut) walkRecords(ctx context.Context, v backup.Visitor, t *backup.Totals) error {
	chunker := backup.Chunker{Chunk: func(chunk []byte, records int64) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if c.key != nil {
			chunk, records = sealChunk(c.key, chunk), 1
		}
		t.Records += records
		t.Bytes += int64(len(chunk))
		return v.Records(chunk)
	}}
	err := c.scan(nil, func(k, b []byte) error {
		if k[0] == 0 {
			return nil // the engine's own
		}
		return chunker.Record(k, b)
	})
	if err != nil {
		return err
	}
	return chunker.Flush()
}

// draftPart bytes of a draft are one part.
const draftPart = 1 << 20

func (d cutDraft) walk(ctx context.Context, v backup.Visitor) error {
	if err := v.Draft(backup.Draft{ID: uint64(d.id), Size: d.size}); err != nil {
		return err
	}
	buf, zeros := make([]byte, draftPart), make([]byte, draftPart)
	for off := int64(0); off < d.size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		p := buf[:min(draftPart, d.size-off)]
		if err := d.file.Read(p, off); err != nil {
			return blobError(err)
		}
		if !bytes.Equal(p, zeros[:len(p)]) {
			if err := v.Part(off, p); err != nil {
				return err
			}
		}
		off += int64(len(p))
	}
	return v.Finish()
}

func (c *Cut) walkContents(ctx context.Context, v backup.Visitor, t *backup.Totals) error {
	return c.scan(table.Blobs(), func(k, b []byte) error {
		var r record.Blob
		if err := unmarshal(k, b, &r); err != nil || r.Sum == 0 {
			return err // a count of owners has no sum
		}
		id, err := table.Number(k)
		if err != nil {
			return fault.Wrap(fault.Damaged, err, "record of a content file")
		}
		t.Contents++
		t.Bytes += r.Length
		if err := ctx.Err(); err != nil {
			return err
		}
		return v.Content(backup.Content{ID: id, Length: r.Length, Sum: r.Sum})
	})
}

// Fetch implements backup.Source. What it hands out was compared with its checksums.
func (c *Cut) Fetch(ctx context.Context, want backup.Content, part func(off int64, p []byte) error) error {
	r, err := c.s.blobs.OpenRaw(blob.ID(want.ID), blob.Seal{Length: want.Length, Sum: want.Sum})
	if err != nil {
		return lostContent(want, err)
	}
	defer r.Close()
	buf := make([]byte, blob.RawBuffer)
	var own error // of part
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := r.Next(buf, func(off int64, p []byte) error {
			own = part(off, p)
			return own
		})
		switch {
		case own != nil:
			return own
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return lostContent(want, err)
		}
	}
}

func lostContent(c backup.Content, err error) error {
	return fault.Wrap(fault.KindOf(blobError(err)), err, "content file %v of the store cannot be backed up; pail fsck --deep says which objects need it", blob.ID(c.ID))
}
