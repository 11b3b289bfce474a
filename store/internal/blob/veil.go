package blob

import (
	"fmt"
	"math"
	"sync"

	"golang.org/x/sys/unix"

	"pail/crypto"
)

// Encrypted blobs. What callers read and write are the blob's bytes, as of any other; what
// the file has are slots of encrypted segments (package crypto), and at its end, once it is
// sealed, an index of them, encrypted as well. Checksums and trailer are of the file's bytes,
// so that whoever has no key can still compare them, copy the file and let go of it.

// A veil is what a Writer of an encrypted blob has above its file.
//
// Segments of drafts have two sides. A write never goes to the side that a power cut would
// leave: that of the last sync, or while a sync is under way the one that it is writing;
// then whoever wants to write the same segment again waits for it.
type veil struct {
	w       *Writer
	cipher  *crypto.Segments
	layout  crypto.Layout
	mu      sync.RWMutex
	synced  *sync.Cond // a sync has ended; of mu
	size    int64      // bytes of the blob
	seq     uint64     // of the last slot that was sealed
	sealed  uint64     // slots that were sealed under this key, as far as is known
	failed  error      // a stream of which something could not be written
	groups  []*group   // what is known of the segments, nil: nothing was written there
	syncs   int        // under way
	durable bool       // some sync has begun: what is on disk may be named by a record
	floor   int64      // and the size that it may say
	batch   crypto.Batch
	out     []byte   // slots on their way to the file
	outAt   int64    // where they go
	changes []change // what they change
	tail    tail
	end     int64 // of the slots, in the file of a sealed blob
}

// A tail is the segment that was written last, if it was not written to its end: whoever
// appends a little at a time need not read it again.
type tail struct {
	segment int64
	plain   []byte // nil: there is none
}

// A group is what is known of crypto.GroupSegments segments.
type group struct {
	there  bitmap // has a slot that counts
	side   bitmap // on side 1
	synced bitmap // the slot that counts may be what a power cut leaves
	flying bitmap // a sync that is under way may be writing it
	stale  bitmap // has no bytes, but a slot of former ones that would be found again
	broken bitmap // has slots, none of which is good: found after a crash
}

type bitmap [crypto.GroupSegments / 64]uint64

func (b *bitmap) has(i int64) bool { return b[i/64]&(1<<(i%64)) != 0 }
func (b *bitmap) set(i int64)      { b[i/64] |= 1 << (i % 64) }
func (b *bitmap) clear(i int64)    { b[i/64] &^= 1 << (i % 64) }

func (b *bitmap) put(i int64, on bool) {
	if on {
		b.set(i)
	} else {
		b.clear(i)
	}
}

// CreateEncrypted is Create of a blob that is encrypted under a data key of its own. Once
// says that each byte will be written once and from one end to the other, as a stream is: its
// file has no second sides then.
func (s *Store) CreateEncrypted(id ID, key *crypto.Key, once bool) (*Writer, error) {
	w, err := s.Create(id)
	if err != nil {
		return nil, err
	}
	layout := crypto.Double
	if once {
		layout = crypto.Dense
	}
	w.veiled(key, layout)
	return w, nil
}

func (w *Writer) veiled(key *crypto.Key, layout crypto.Layout) {
	v := &veil{w: w, cipher: key.ForBlob(uint64(w.h.id)), layout: layout}
	v.synced = sync.NewCond(&v.mu)
	w.veil = v
}

// outRoom is what is handed to the file at once.
const outRoom = 256 << 10

func (v *veil) group(segment int64) (g *group, in int64) {
	i := segment / crypto.GroupSegments
	if i >= int64(len(v.groups)) {
		v.groups = append(v.groups, make([]*group, i+1-int64(len(v.groups)))...)
	}
	if v.groups[i] == nil {
		v.groups[i] = new(group)
	}
	return v.groups[i], segment % crypto.GroupSegments
}

// seen is group without making one; nil: nothing was written there.
func (v *veil) seen(segment int64) (g *group, in int64) {
	if i := segment / crypto.GroupSegments; i < int64(len(v.groups)) {
		return v.groups[i], segment % crypto.GroupSegments
	}
	return nil, 0
}

// at is where the slot of a segment is, for reading.
func (v *veil) at(segment int64) (k crypto.Kind, broken bool) {
	g, i := v.seen(segment)
	switch {
	case g == nil:
		return crypto.Hole, false
	case g.broken.has(i):
		return crypto.Hole, true
	case !g.there.has(i):
		return crypto.Hole, false
	case g.side.has(i):
		return crypto.Second, false
	}
	return crypto.First, false
}

// size of the blob as callers know it.
func (v *veil) length() int64 {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.size
}

func (v *veil) readAt(p []byte, off int64) (int, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if len(v.out) > 0 {
		v.mu.RUnlock()
		v.mu.Lock()
		err := v.flush()
		v.mu.Unlock()
		v.mu.RLock()
		if err != nil {
			return 0, v.w.wrap("read", err)
		}
	}
	if v.w.isClosed() {
		return 0, v.w.wrap("read", ErrClosed)
	}
	return readVeiled(v.w.h, v.cipher, v.layout, p, off, v.size, v.run)
}

// run is where the slots from a segment on are, and how many are of one kind, up to most.
func (v *veil) run(segment, most int64) (k crypto.Kind, n int64, broken bool) {
	k, broken = v.at(segment)
	for n = 1; n < most; n++ {
		if other, bad := v.at(segment + n); other != k || bad != broken {
			break
		}
	}
	return k, n, broken
}

func (v *veil) writeAt(p []byte, off int64) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	end := off + int64(len(p))
	v.await(off, end)
	if err := v.changeable(off, int64(len(p))); err != nil {
		return 0, v.w.wrap("write", err)
	}
	if len(p) == 0 {
		return 0, nil
	}
	if err := v.bury(off); err != nil {
		return 0, v.w.wrap("write", err)
	}
	n, err := v.put(p, off)
	v.size = max(v.size, off+int64(n))
	if err != nil {
		return n, v.w.wrap("write", err)
	}
	return n, nil
}

// changeable says why [off, off+n) may not be changed.
func (v *veil) changeable(off, n int64) error {
	if v.failed != nil {
		return v.failed
	}
	v.w.mu.RLock()
	defer v.w.mu.RUnlock()
	if err := v.w.changeable(off, n); err != nil {
		return err
	}
	if off+n > maxVeiled {
		return unix.EFBIG
	}
	return nil
}

// maxVeiled is the most bytes of an encrypted blob: both sides of its slots fit a file.
const maxVeiled = math.MaxInt64 / 4

// put writes p, whole segments where they are, others by way of what they have.
func (v *veil) put(p []byte, off int64) (n int, err error) {
	end := off + int64(len(p))
	first, last := off/crypto.SegmentSize, (end-1)/crypto.SegmentSize
	if v.sealed+uint64(last-first+1) > crypto.MaxSegments {
		return 0, fmt.Errorf("more than %d segments were written under one key: %w", uint64(crypto.MaxSegments), unix.EFBIG)
	}
	for at := first; at <= last; at++ {
		start := at * crypto.SegmentSize
		from, to := max(off, start), min(end, start+crypto.SegmentSize)
		if to-from == crypto.SegmentSize {
			err = v.seal(at, p[from-off:to-off], nil)
			v.tail.drop(at)
		} else {
			err = v.patch(at, p[from-off:to-off], from-start)
		}
		if err != nil {
			break
		}
	}
	if err == nil {
		err = v.flushTo(v.keeps())
	}
	if err != nil {
		if len(v.out) > 0 {
			v.undo()
		}
		return 0, err // some of it may be there: a write that failed may do that
	}
	return len(p), nil
}

// keeps is how much of what is to be written may wait for more: of a stream, what is less
// than a page of memory that direct writes take.
func (v *veil) keeps() int {
	if v.layout == crypto.Dense {
		return outRoom
	}
	return 0
}

// patch writes a part of a segment.
func (v *veil) patch(segment int64, p []byte, from int64) error {
	before := v.tail.plain
	if before == nil || v.tail.segment != segment {
		before = make([]byte, crypto.SegmentSize)
		if err := v.open(before, segment); err != nil {
			return err
		}
	}
	after := append([]byte(nil), before...)
	copy(after[from:], p)
	if err := v.seal(segment, after, before); err != nil {
		return err
	}
	v.tail = tail{segment, after}
	return nil
}

func (t *tail) drop(segment int64) {
	if t.segment == segment {
		t.plain = nil
	}
}

// open reads one whole segment, zeros where nothing was written.
func (v *veil) open(plain []byte, segment int64) error {
	if k, broken := v.at(segment); k == crypto.Hole && !broken {
		clear(plain)
		return nil
	}
	if err := v.flush(); err != nil {
		return err
	}
	_, err := readVeiled(v.w.h, v.cipher, v.layout, plain, segment*crypto.SegmentSize, (segment+1)*crypto.SegmentSize, v.run)
	return err
}

// await waits until no sync is writing any of the segments that writing [off, end) touches,
// from the end of the blob on if that comes before. What is known of the blob may change
// meanwhile.
func (v *veil) await(off, end int64) {
	for v.syncs > 0 && v.flies(min(off, v.size), end) {
		v.synced.Wait()
	}
}

func (v *veil) flies(off, end int64) bool {
	for at := off / crypto.SegmentSize; at < crypto.SegmentCount(end); at++ {
		g, i := v.seen(at)
		if g == nil {
			at += crypto.GroupSegments - 1 - at%crypto.GroupSegments
		} else if g.flying.has(i) {
			return true
		}
	}
	return false
}

// A change is what was known of a segment before its slot was put on its way to the file.
type change struct {
	segment int64
	was     [5]bool
	plain   []byte // what it held, if the write was of a part of it
}

func (g *group) bits() [5]*bitmap {
	return [5]*bitmap{&g.there, &g.side, &g.synced, &g.stale, &g.broken}
}

// seal puts the slot of a segment on its way to the file; plain is nil for a hole. before is
// what the segment holds, if not all of it is written anew.
func (v *veil) seal(segment int64, plain, before []byte) error {
	g, i := v.group(segment)
	c := change{segment: segment, plain: before}
	for n, b := range g.bits() {
		c.was[n] = b.has(i)
	}
	side := g.side.has(i)
	if g.synced.has(i) && v.layout == crypto.Double {
		side = !side
	}
	off := v.layout.Offset(segment, sideNumber(side))
	if len(v.out) > 0 && off != v.outAt+int64(len(v.out)) || len(v.out)+crypto.SlotSize > cap(v.out) {
		if err := v.flush(); err != nil {
			return err
		}
	}
	if len(v.out) == 0 {
		v.outAt = off
		if v.out == nil {
			v.out = DirectBuffer(outRoom + 2*crypto.SlotSize)[:0]
		}
	}
	v.batch.Draw(1)
	v.seq++
	v.sealed++
	if plain == nil {
		v.out = v.cipher.SealHole(v.out, &v.batch, uint64(segment), v.seq)
	} else {
		v.out = v.cipher.Seal(v.out, &v.batch, uint64(segment), v.seq, plain)
	}
	v.changes = append(v.changes, c)
	g.there.put(i, plain != nil)
	g.stale.put(i, plain == nil) // its slot says so, and counts
	g.side.put(i, side)
	g.synced.clear(i)
	g.broken.clear(i)
	if plain == nil {
		return v.flush() // the slot is shorter than its place
	}
	return nil
}

func sideNumber(second bool) int {
	if second {
		return 1
	}
	return 0
}

// flush hands everything to the file.
func (v *veil) flush() error { return v.flushTo(0) }

// flushTo hands to the file what is on its way, if it is as much as some bytes; what is less
// than a page at its end waits then.
func (v *veil) flushTo(most int) error {
	n := len(v.out)
	if n == 0 || n < most {
		return nil
	}
	if most > 0 {
		n = int((v.outAt+int64(n))&^(DirectAlign-1) - v.outAt)
	}
	_, err := v.w.writeAt(v.out[:n], v.outAt)
	if err != nil {
		v.undo()
		return err
	}
	v.changes = v.changes[:0]
	rest := copy(v.out[:cap(v.out)], v.out[n:])
	v.out = v.out[:rest]
	v.outAt += int64(n)
	return nil
}

// undo is what follows a write of slots that failed: the segments are as they were, where
// the write was to their other side. One that was overwritten in place, and of which the write
// was to change a part, gets what it held again.
func (v *veil) undo() {
	v.out = v.out[:0]
	v.tail.plain = nil
	changes := v.changes
	v.changes = nil
	if v.layout == crypto.Dense {
		v.failed = fmt.Errorf("an earlier write failed: %w", unix.EIO) // part of a stream is missing
		return
	}
	for n := len(changes) - 1; n >= 0; n-- {
		c := &changes[n]
		g, i := v.group(c.segment)
		inPlace := g.side.has(i) == c.was[1] && c.was[0]
		for n, b := range g.bits() {
			b.put(i, c.was[n])
		}
		if inPlace && c.plain != nil {
			slot := make([]byte, 0, crypto.SlotSize)
			v.batch.Draw(1)
			v.seq++
			slot = v.cipher.Seal(slot, &v.batch, uint64(c.segment), v.seq, c.plain)
			_, _ = v.w.writeAt(slot, v.layout.Offset(c.segment, sideNumber(g.side.has(i)))) // else it is damaged, and says so
		}
	}
}
