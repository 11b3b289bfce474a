package store

import (
	"context"
	"errors"
	"time"

	"pail/crypto"
	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// A scrubRun is one run of a pass on its way, or of a look at what is suspected. It is for
// one goroutine.
type scrubRun struct {
	c          *scrubber
	background bool
	cancel     context.CancelFunc
	done       chan struct{}
	gait       gait
	progress   func(done, total int64) // may be nil

	found  []*record.Damage  // not yet named
	here   map[damageID]bool // what was found in the content that is being read
	saved  time.Time
	saving time.Duration // how long that took
}

// saveEvery is how often it is recorded how far a pass is.
const saveEvery = 5 * time.Second

// pass goes on with the pass that was cut short, or begins one.
func (r *scrubRun) pass(ctx context.Context, restart bool) (err error) {
	c := r.c
	if c.now().StartedNs == 0 || restart {
		if err := r.begin(ctx); err != nil {
			return err
		}
	}
	if r.background {
		r.gait = c.gentle(c.now().Total)
	}
	r.saved = time.Now()
	if err = r.files(ctx); err == nil {
		err = r.inlines(ctx)
	}
	if err == nil {
		err = c.prune()
	}
	if err == nil {
		err = r.tell(ctx) // before anybody sees that the pass has ended
	}
	if err == nil {
		c.change(func(st *record.Scrub) {
			*st = record.Scrub{Schema: record.Schema, EndedNs: c.s.now().UnixNano(), EndedBytes: st.Bytes}
		})
	}
	return errors.Join(err, r.save(context.WithoutCancel(ctx)))
}

// begin begins a pass.
func (r *scrubRun) begin(ctx context.Context) error {
	c := r.c
	last, total := c.s.db.LastID(), int64(0)
	err := c.s.view(func(sn *snap) error {
		return eachRecord(ctx, sn, table.Blobs(), nil, func(k, v []byte, err error) error {
			var b record.Blob
			if err == nil && unmarshal(k, v, &b) == nil && b.Sum != 0 {
				total += b.Length
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	c.change(func(st *record.Scrub) {
		*st = record.Scrub{
			Schema: record.Schema, StartedNs: c.s.now().UnixNano(), Last: last, Total: total,
			EndedNs: st.EndedNs, EndedBytes: st.EndedBytes,
		}
	})
	return nil
}

// A scrubFile is a content file that is to be read.
type scrubFile struct {
	id        blob.ID
	seal      blob.Seal
	encrypted bool
	key       *crypto.Key // if it can be had
}

// share is how much of a content file's bytes have been read when all before an offset of the
// file have, which has size bytes. The file of an encrypted one is longer than that.
func (f *scrubFile) share(off, size int64) int64 {
	if !f.encrypted || size <= f.seal.Length {
		return min(off, f.seal.Length)
	}
	return min(int64(float64(f.seal.Length)*(float64(off)/float64(size))), f.seal.Length)
}

// filesAtOnce is how many content files are kept from being deleted until they were read.
const filesAtOnce = 16

// files reads content files, until all have been read that were there at the beginning.
func (r *scrubRun) files(ctx context.Context) error {
	for !r.c.now().Inlined {
		batch, err := r.batch(ctx)
		if err != nil {
			return err
		}
		for _, f := range batch {
			if err = r.file(ctx, f); err != nil {
				break
			}
		}
		for _, f := range batch {
			r.c.s.pins.drop([]blob.ID{f.id})
		}
		if err != nil {
			return err
		}
		if len(batch) == 0 {
			r.c.change(func(st *record.Scrub) { st.Inlined, st.Id, st.Offset = true, 0, 0 })
		}
	}
	return nil
}

// batch returns the next content files of the pass, and keeps them from being deleted.
func (r *scrubRun) batch(ctx context.Context) (batch []scrubFile, err error) {
	gate := &r.c.s.pins.gate
	gate.RLock()
	defer gate.RUnlock()
	st := r.c.now()
	err = r.c.s.view(func(sn *snap) error {
		return eachRecord(ctx, sn, table.Blobs(), table.Blob(st.Id), func(k, v []byte, err error) error {
			var b record.Blob
			id := table.SplitBucket(k)
			switch {
			case id > st.Last || len(batch) == filesAtOnce:
				return errEnough
			case err == nil && unmarshal(k, v, &b) == nil && b.Sum != 0: // else it is fsck's
				batch = append(batch, scrubFile{blob.ID(id), blob.Seal{Length: b.Length, Sum: b.Sum}, len(b.Keys) > 0, r.c.s.keyAtHand(&b, blob.ID(id))})
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	for _, f := range batch {
		r.c.s.pins.add([]blob.ID{f.id})
	}
	return batch, nil
}

// file reads one content file, from where the pass was cut short in it.
func (r *scrubRun) file(ctx context.Context, f scrubFile) error {
	from := int64(0)
	if st := r.c.now(); st.Id == uint64(f.id) {
		from = st.Offset
	}
	size := int64(0)
	if f.encrypted {
		size = r.c.s.blobs.FileSize(f.id)
	}
	told := f.share(from, size)
	err := r.examine(ctx, f, from, func(off, n int64) error {
		r.c.change(func(st *record.Scrub) {
			st.Id, st.Offset = uint64(f.id), off+n
			st.Bytes, told = st.Bytes+max(0, f.share(off+n, size)-told), max(told, f.share(off+n, size))
		})
		return r.step(ctx)
	})
	if err != nil {
		return err
	}
	r.c.change(func(st *record.Scrub) {
		st.Id, st.Offset = uint64(f.id)+1, 0
		if f.encrypted {
			st.Bytes += f.seal.Length - told // its index and trailer are none of its bytes
		}
	})
	return r.step(ctx)
}

// examine reads a content file from an offset and notes what is damaged, and what no
// longer is.
func (r *scrubRun) examine(ctx context.Context, f scrubFile, from int64, read func(off, n int64) error) error {
	id := contentID{uint64(f.id), false}
	r.here = map[damageID]bool{}
	var ended error
	err := r.c.s.blobs.Examine(f.id, f.seal, from, func(off, n int64, damage error) error {
		if damage != nil {
			for _, hit := range r.c.s.blobs.Hit(f.id, f.seal, off, n, f.key) {
				r.note(id, hit.Lo, hit.Hi-hit.Lo, damage)
			}
		}
		if ended = read(off, n); ended == nil {
			ended = r.gait.worked(ctx, n)
		}
		return ended
	})
	switch {
	case ended != nil:
		return ended
	case errors.Is(err, blob.ErrClosed):
		return fault.New(fault.Unavailable, "the store is closing")
	case errors.Is(err, blob.ErrUnsealed):
		return nil
	case err != nil && fault.Is(blobError(err), fault.Exhausted):
		return blobError(err) // of descriptors or memory, which says nothing of the file
	case err != nil:
		r.note(id, 0, f.seal.Length, err)
	}
	if f.encrypted && from > 0 {
		return nil // which of its bytes are before that is not in their order
	}
	r.c.confirm(id, from, r.here)
	return nil
}

// inlines reads the inlined contents.
func (r *scrubRun) inlines(ctx context.Context) error {
	for {
		st := r.c.now()
		n, read := 0, int64(0)
		next := st.Id
		err := r.c.s.view(func(sn *snap) error {
			return eachRecord(ctx, sn, table.Inlines(), table.Inline(st.Id), func(k, v []byte, err error) error {
				id := table.SplitBucket(k)
				if id > st.Last || n == inlinesAtOnce {
					return errEnough
				}
				r.inline(id, v, err)
				n, read, next = n+1, read+int64(len(v)), id+1
				return nil
			})
		})
		if err != nil {
			return err
		}
		r.c.change(func(st *record.Scrub) {
			st.Id = next
			st.Bytes += read
			st.Total = max(st.Total, st.Bytes)
		})
		if err := errors.Join(r.step(ctx), r.gait.worked(ctx, read)); err != nil || n == 0 {
			return err
		}
	}
}

// inlinesAtOnce is how many inlined contents are read from one snapshot.
const inlinesAtOnce = 256

// inline compares one inlined content with its checksum. err is what the engine says.
func (r *scrubRun) inline(id uint64, v []byte, err error) {
	c := contentID{id, true}
	r.here = map[damageID]bool{}
	if err == nil {
		_, err = decodeInline(id, v)
	}
	if err != nil {
		r.note(c, 0, int64(max(len(v)-inlineHeader, 0)), err)
	}
	r.c.confirm(c, 0, r.here)
}

// step tells of progress and records it now and then.
func (r *scrubRun) step(ctx context.Context) error {
	if r.progress != nil {
		st := r.c.now()
		r.progress(st.Bytes, st.Total)
	}
	if since := time.Since(r.saved); since > saveEvery && since > 20*r.saving {
		if err := r.save(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// note notes a damaged range, or makes the one before it longer.
func (r *scrubRun) note(id contentID, off, n int64, why error) {
	if len(r.found) > 0 {
		if d := r.found[len(r.found)-1]; d.Id == id.id && d.Inlined == id.inlined && d.Off <= off && off <= d.Off+d.Len {
			d.Len = max(d.Len, off+n-d.Off)
			return
		}
	}
	r.here[damageID{id, off}] = true
	r.found = append(r.found, &record.Damage{
		Schema: record.Schema, Id: id.id, Inlined: id.inlined, Off: off, Len: n, Why: why.Error(), FoundNs: r.c.s.now().UnixNano(),
	})
}

// suspicions reads what reads of clients have found damaged, and says of it what is to be
// said.
func (r *scrubRun) suspicions(ctx context.Context) error {
	r.gait = newGait(0, true)
	for _, id := range r.c.takeSuspects() {
		if err := r.suspicion(ctx, id); err != nil {
			return err
		}
	}
	return r.save(ctx)
}

func (r *scrubRun) suspicion(ctx context.Context, id contentID) error {
	if id.inlined {
		return r.c.s.view(func(sn *snap) error {
			v, err := sn.r.Get(table.Inline(id.id))
			if errors.Is(err, meta.ErrNotFound) {
				return nil
			}
			r.inline(id.id, v, err)
			return nil
		})
	}
	f, ok, err := r.pinned(blob.ID(id.id))
	if err != nil || !ok {
		return err
	}
	defer r.c.s.pins.drop([]blob.ID{f.id})
	return r.examine(ctx, f, 0, func(_, _ int64) error { return ctx.Err() })
}

// pinned looks a content file up and keeps it from being deleted; ok is false if no record
// has it.
func (r *scrubRun) pinned(id blob.ID) (f scrubFile, ok bool, err error) {
	gate := &r.c.s.pins.gate
	gate.RLock()
	defer gate.RUnlock()
	var b record.Blob
	err = r.c.s.view(func(sn *snap) (err error) {
		ok, err = sn.get(table.Blob(uint64(id)), &b)
		return err
	})
	if ok = ok && err == nil && b.Sum != 0; ok {
		r.c.s.pins.add([]blob.ID{id})
	}
	if unreadable(err) {
		err = nil // which is fsck's
	}
	return scrubFile{id, blob.Seal{Length: b.Length, Sum: b.Sum}, len(b.Keys) > 0, r.c.s.keyAtHand(&b, id)}, ok, err
}

// save names what was found and records it with how far the pass is. A store that writes
// no longer, or has no space, keeps both in memory.
func (r *scrubRun) save(ctx context.Context) error {
	begun := time.Now()
	defer func() { r.saved, r.saving = time.Now(), time.Since(begun) }()
	st := r.c.now()
	if err := r.tell(ctx); err != nil {
		return err
	}
	err := r.c.write(ctx, st)
	switch {
	case err == nil, ctx.Err() != nil:
		return ctx.Err()
	case fault.Is(err, fault.StoreFailed), fault.Is(err, fault.NoSpace), fault.Is(err, fault.Unavailable):
		return nil
	}
	return err
}

// tell names what was found and adds it to what is known.
func (r *scrubRun) tell(ctx context.Context) error {
	if err := r.c.nameDamage(ctx, r.found); err != nil {
		return err
	}
	r.c.file(r.found)
	r.found = nil
	return nil
}

// errEnough ends a scan.
var errEnough = errors.New("enough")

// eachRecord calls fn with each record below a prefix, from start on if that is not nil. A
// record that the engine cannot read comes with what is wrong with it, and without a value.
func eachRecord(ctx context.Context, sn *snap, prefix, start []byte, fn func(k, v []byte, err error) error) error {
	var last []byte
	for n := 0; ; {
		it := sn.r.Scan(meta.ScanOptions{Prefix: prefix, Start: start})
		for it.Next() {
			if n++; n%1024 == 0 && ctx.Err() != nil {
				it.Close()
				return ctx.Err()
			}
			last = append(last[:0], it.Key()...)
			if err := fn(it.Key(), it.Value(), nil); err != nil {
				it.Close()
				return enough(err)
			}
		}
		next, more := behindDamage(it, last)
		err := it.Err()
		it.Close()
		if !more {
			return damaged(err)
		}
		if err := fn(next[:len(next)-1], nil, err); err != nil {
			return enough(err)
		}
		start, last = next, next
	}
}

func enough(err error) error {
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}
