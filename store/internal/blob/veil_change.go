package blob

import (
	"encoding/binary"
	"errors"
	"fmt"

	"pail/crypto"
)

// bury makes sure that nothing of former bytes behind the end of the blob comes back when it
// is extended to size: slots that were left there get later ones that say that they are holes.
func (v *veil) bury(size int64) error {
	for at := crypto.SegmentCount(v.size); at < crypto.SegmentCount(size); at++ {
		g, i := v.seen(at)
		if g == nil {
			at += crypto.GroupSegments - 1 - at%crypto.GroupSegments
			continue
		}
		if g.stale.has(i) {
			if err := v.seal(at, nil, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *veil) truncate(size int64) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.await(size, max(size, v.size))
	if err := v.changeable(size, 0); err != nil {
		return v.w.wrap("truncate", err)
	}
	if size >= v.size {
		if err := v.bury(size); err != nil {
			return v.w.wrap("truncate", err)
		}
		v.size = size
		return nil
	}
	if err := v.cut(size); err != nil {
		return v.w.wrap("truncate", err)
	}
	return nil
}

// cut forgets what is behind size. The file keeps it if a record may still name it.
func (v *veil) cut(size int64) error {
	if err := v.zeroTail(size); err != nil {
		return err
	}
	v.size = size
	v.tail.plain = nil
	count := crypto.SegmentCount(size)
	for n := count / crypto.GroupSegments; n < int64(len(v.groups)); n++ {
		if g := v.groups[n]; g != nil {
			g.forget(max(0, count-n*crypto.GroupSegments))
		}
	}
	if v.durable {
		return nil
	}
	// Nothing was synced: what is behind may go at once, whole groups of it.
	kept := (count + crypto.GroupSegments - 1) / crypto.GroupSegments
	v.groups = v.groups[:min(kept, int64(len(v.groups)))]
	end := kept * 2 * crypto.GroupSegments * crypto.SlotSize
	if v.layout == crypto.Dense {
		end = count * crypto.SlotSize
	}
	if end >= v.w.rawSize() {
		return nil
	}
	return v.w.truncate(end)
}

// forget makes slots from a segment of the group on those of former bytes.
func (g *group) forget(from int64) {
	for i := from; i < crypto.GroupSegments; i++ {
		if g.there.has(i) || g.broken.has(i) {
			g.there.clear(i)
			g.broken.clear(i)
			g.stale.set(i)
		}
	}
}

// zeroTail zeroes what is behind size in its segment.
func (v *veil) zeroTail(size int64) error {
	in := size % crypto.SegmentSize
	segment := size / crypto.SegmentSize
	if in == 0 {
		return nil
	}
	if k, _ := v.at(segment); k == crypto.Hole { // or broken, which cannot be read either way
		return nil
	}
	_, err := v.put(make([]byte, crypto.SegmentSize-in), size)
	return err
}

func (v *veil) punch(off, n int64) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.await(off, off+n)
	if err := v.changeable(off, n); err != nil {
		return v.w.wrap("punch hole", err)
	}
	if err := v.zero(off, min(off+n, v.size)); err != nil {
		return v.w.wrap("punch hole", err)
	}
	return nil
}

// zero makes [off, end) zeros: holes, but for parts of segments.
func (v *veil) zero(off, end int64) error {
	for off < end {
		segment := off / crypto.SegmentSize
		stop := min(end, (segment+1)*crypto.SegmentSize)
		k, broken := v.at(segment)
		var err error
		switch {
		case k == crypto.Hole && !broken:
		case stop-off == crypto.SegmentSize || stop == v.size && off == segment*crypto.SegmentSize:
			v.tail.drop(segment)
			err = v.seal(segment, nil, nil)
		default:
			_, err = v.put(make([]byte, stop-off), off)
		}
		if err != nil {
			return err
		}
		off = stop
	}
	return v.flush()
}

func (v *veil) allocate(off, n int64) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.changeable(off, n); err != nil {
		return v.w.wrap("allocate", err)
	}
	if n == 0 {
		return nil
	}
	for at, last := off/crypto.SegmentSize, (off+n-1)/crypto.SegmentSize; at <= last; {
		run := min(v.layout.Run(at), last-at+1)
		if err := v.w.allocate(v.layout.Offset(at, 0), run*crypto.SlotSize); err != nil {
			return err
		}
		at += run
	}
	return nil
}

// sync makes all that was written before it durable. What is written during it goes to other
// slots.
func (v *veil) sync() error {
	v.mu.Lock()
	if err := v.flush(); err != nil {
		v.mu.Unlock()
		return v.w.wrap("sync", err)
	}
	v.durable = true
	v.floor = max(v.floor, v.size)
	v.syncs++
	for _, g := range v.groups {
		if g != nil {
			g.fly()
		}
	}
	v.mu.Unlock()
	err := v.w.sync()
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.syncs--; v.syncs == 0 {
		for _, g := range v.groups {
			if g != nil {
				g.flying = bitmap{}
			}
		}
		v.synced.Broadcast()
	}
	return err
}

// fly notes that the slots written since the last sync are being synced.
func (g *group) fly() {
	for n := range g.synced {
		written := (g.there[n] | g.stale[n]) &^ g.synced[n]
		g.flying[n] |= written
		g.synced[n] |= written
	}
}

// sealFile ends the slots with their index and seals the file.
func (v *veil) sealFile() (Seal, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.failed != nil {
		return Seal{}, v.w.wrap("seal", v.failed)
	}
	if err := v.flush(); err != nil {
		return Seal{}, v.w.wrap("seal", err)
	}
	if seal, ok := v.w.isSealed(); ok {
		return seal, nil
	}
	v.end = v.indexAt()
	b := v.cipher.SealIndex(v.index().Marshal())
	b = binary.LittleEndian.AppendUint64(b, uint64(len(b)))
	if _, err := v.w.writeAt(b, v.end); err != nil {
		return Seal{}, err
	}
	seal, err := v.w.seal(&veiledFooter{layout: v.layout, length: v.size})
	if err != nil {
		return Seal{}, errors.Join(err, v.dropIndex())
	}
	v.out, v.tail = nil, tail{}
	return seal, nil
}

func (v *veil) unseal() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, ok := v.w.isSealed(); !ok {
		return v.w.unseal() // says why it cannot, or has nothing to do
	}
	if err := v.w.unseal(); err != nil {
		return err
	}
	return v.dropIndex()
}

// indexAt is where the index goes: behind all slots, and if a record may name the blob behind
// the places of those that it may have too. What a power cut leaves of an index would else
// look like what it leaves of a slot.
func (v *veil) indexAt() int64 {
	if !v.durable {
		return v.w.rawSize()
	}
	groups := (crypto.SegmentCount(max(v.size, v.floor)) + crypto.GroupSegments - 1) / crypto.GroupSegments
	return max(v.w.rawSize(), v.layout.Offset(groups*crypto.GroupSegments, 0))
}

// dropIndex takes the index out of the file; truncating alone may leave it there.
func (v *veil) dropIndex() error {
	if err := v.w.punch(v.end, v.w.rawSize()-v.end); err != nil {
		return err
	}
	return v.w.truncate(v.end)
}

// index tells where each segment is.
func (v *veil) index() *crypto.Index {
	x := crypto.NewIndex(v.layout, v.size)
	for at := int64(0); at < crypto.SegmentCount(v.size); at++ {
		if g, i := v.seen(at); g == nil {
			at += crypto.GroupSegments - 1 - at%crypto.GroupSegments
		} else if g.there.has(i) || g.broken.has(i) { // what is broken must not turn into zeros
			k := crypto.First
			if g.side.has(i) {
				k = crypto.Second
			}
			x.Set(at, k)
		}
	}
	return x
}

// indexOf reads the index of a sealed blob.
func indexOf(h *handle, foot *footer, cipher *crypto.Segments) (*crypto.Index, error) {
	if foot.length < 8 {
		return nil, h.damage(nil, "%d bytes have no index", foot.length)
	}
	var size [8]byte
	if err := readFull(h, size[:], foot.length-8); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(size[:])
	if n > uint64(foot.length-8) {
		return nil, h.damage(nil, "index of %d bytes in a file of %d", n, foot.length)
	}
	b := make([]byte, n)
	if err := readFull(h, b, foot.length-8-int64(n)); err != nil {
		return nil, err
	}
	plain, err := cipher.OpenIndex(b)
	if err != nil {
		return nil, fmt.Errorf("blob %v: %w", h.id, ErrKey)
	}
	x, err := crypto.ParseIndex(plain, foot.plain)
	if err != nil || x.Length != foot.plain || x.Layout != foot.layout {
		return nil, h.damage(err, "the index is not that of a blob of %d bytes", foot.plain)
	}
	return x, nil
}
