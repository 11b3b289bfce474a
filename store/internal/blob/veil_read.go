package blob

import (
	"bytes"
	"crypto/subtle"
	"fmt"
	"io"
	"sync"

	"pail/crypto"
)

// opened is an encrypted blob with its key.
type opened struct {
	key    crypto.Key
	cipher *crypto.Segments
	index  *crypto.Index
}

// Encrypted says that the blob is encrypted, so that it is read only after Unlock.
func (r *Reader) Encrypted() bool { return r.foot.cipher != 0 }

// Unlock gives the key of an encrypted blob, before the first read; of another there is
// nothing to do. ErrKey: it is another key, or what the blob says of itself was changed.
func (r *Reader) Unlock(key *crypto.Key) error {
	if r.foot.cipher == 0 {
		return nil
	}
	if key == nil {
		return fmt.Errorf("open blob %v: %w", r.h.id, ErrKey)
	}
	r.h.infoMu.Lock()
	defer r.h.infoMu.Unlock()
	if o := r.h.opened; o != nil {
		if subtle.ConstantTimeCompare(o.key[:], key[:]) == 0 {
			return fmt.Errorf("open blob %v: %w", r.h.id, ErrKey)
		}
		r.open = o
		return nil
	}
	o := &opened{key: *key, cipher: key.ForBlob(uint64(r.h.id))}
	var err error
	if o.index, err = indexOf(r.h, r.foot, o.cipher); err != nil {
		return err
	}
	r.h.opened, r.open = o, o
	return nil
}

func (r *Reader) readOpened(p []byte, off int64) (int, error) {
	if r.open == nil {
		return 0, fmt.Errorf("read blob %v: %w", r.h.id, ErrKey)
	}
	x := r.open.index
	return readVeiled(r.h, r.open.cipher, r.foot.layout, p, off, r.foot.plain, func(segment, most int64) (crypto.Kind, int64, bool) {
		return x.At(segment), x.Run(segment, most), false
	})
}

// slotsAtOnce is how many slots are read in one piece.
const slotsAtOnce = 64

// A veilRoom is memory for reading slots.
type veilRoom struct {
	slots [slotsAtOnce * crypto.SlotSize]byte
	batch crypto.Batch
}

var veilRooms = sync.Pool{New: func() any { return new(veilRoom) }}

// readVeiled reads like io.ReaderAt from an encrypted blob of some length. run says where the
// segments are.
func readVeiled(h *handle, cipher *crypto.Segments, layout crypto.Layout, p []byte, off, length int64,
	run func(segment, most int64) (crypto.Kind, int64, bool)) (int, error) {
	switch {
	case off < 0:
		return 0, fmt.Errorf("read blob %v: negative offset", h.id)
	case len(p) == 0:
		return 0, nil
	case off >= length:
		return 0, io.EOF
	}
	var eof error
	if int64(len(p)) > length-off {
		p, eof = p[:length-off], io.EOF
	}
	room := veilRooms.Get().(*veilRoom)
	defer veilRooms.Put(room)
	end := off + int64(len(p))
	for at := off; at < end; {
		segment := at / crypto.SegmentSize
		most := min((end-1)/crypto.SegmentSize-segment+1, layout.Run(segment), slotsAtOnce)
		k, n, broken := run(segment, most)
		stop := min((segment+n)*crypto.SegmentSize, end)
		part := p[at-off : stop-off]
		switch {
		case broken:
			return int(at - off), h.damage(nil, "segment %d is torn", segment)
		case k == crypto.Hole:
			clear(part)
		default:
			if err := room.read(h, cipher, layout.Offset(segment, int(k-crypto.First)), segment, n, part, at); err != nil {
				return int(at - off), err
			}
		}
		at = stop
	}
	return len(p), eof
}

// read decrypts n segments, whose slots begin at an offset of the file, as far as they are
// wanted: p are the bytes from at on.
func (room *veilRoom) read(h *handle, cipher *crypto.Segments, slot, segment, n int64, p []byte, at int64) error {
	slots := room.slots[:n*crypto.SlotSize]
	if err := readFull(h, slots, slot); err != nil {
		return err
	}
	for ; len(p) > 0; segment++ {
		in := at - segment*crypto.SegmentSize
		part := p[:min(int64(len(p)), crypto.SegmentSize-in)]
		plain := part
		if len(part) < crypto.SegmentSize {
			plain = room.batch.Plain()
		}
		if _, hole, err := cipher.Open(plain, slots[:crypto.SlotSize], &room.batch, uint64(segment)); err != nil || hole {
			return h.damage(err, "segment %d at offset %d of the file is not what was written", segment, slot)
		}
		if len(part) < crypto.SegmentSize {
			copy(part, plain[in:])
		}
		p, at = p[len(part):], at+int64(len(part))
		slots, slot = slots[crypto.SlotSize:], slot+crypto.SlotSize
	}
	return nil
}

// ReopenEncrypted is Reopen of a blob that CreateEncrypted made, not as a stream. Of each
// segment it takes the latest slot that is good; where slots were written and none is, reading
// is ErrDamaged, until Forget.
func (s *Store) ReopenEncrypted(id ID, size int64, key *crypto.Key) (*Writer, error) {
	have := s.FileSize(id)
	w, err := s.Reopen(id, have)
	if err != nil {
		return nil, err
	}
	w.veiled(key, crypto.Double)
	v := w.veil
	v.size, v.floor, v.durable = size, size, true
	if err := v.recover(have); err != nil {
		_ = w.Close()
		return nil, err
	}
	return w, nil
}

// recover finds out where the segments are, and has the disk keep what it finds: no side is
// written to before the other is safe.
func (v *veil) recover(have int64) error {
	end, err := v.scan(have)
	if err != nil {
		return err
	}
	if end < have {
		if err := v.w.cutFile(end); err != nil { // an index, a trailer, slots of nothing
			return err
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	count := crypto.SegmentCount(v.size)
	for n := count / crypto.GroupSegments; n < int64(len(v.groups)); n++ {
		if g := v.groups[n]; g != nil {
			g.forget(max(0, count-n*crypto.GroupSegments))
		}
	}
	for _, g := range v.groups {
		if g != nil {
			for n := range g.synced {
				g.synced[n] = g.there[n] | g.stale[n] | g.broken[n]
			}
		}
	}
	if err := v.zeroTail(v.size); err != nil {
		return err
	}
	return v.w.sync()
}

// scan reads all slots of the file, and answers where the last that counts ends.
func (v *veil) scan(have int64) (end int64, err error) {
	count := crypto.SegmentCount(v.size)
	room := new(veilRoom)
	var seqs [2][crypto.GroupSegments]uint64 // of the good slots of the group that is read
	last := int64(-1)
	plain := make([]byte, crypto.SegmentSize)
	for at := int64(0); at < have; {
		from, to, err := v.w.h.file.NextData(at)
		if err == io.EOF {
			break
		}
		if err != nil {
			return 0, v.w.h.damage(err, "no data at offset %d", at)
		}
		slot, stop := max(from, at)/crypto.SlotSize, (min(to, have)+crypto.SlotSize-1)/crypto.SlotSize
		if slot*crypto.SlotSize < at {
			slot = at / crypto.SlotSize
		}
		for slot < stop {
			n := min(stop-slot, slotsAtOnce)
			slots := room.slots[:n*crypto.SlotSize]
			m, err := v.w.h.file.ReadAt(slots, slot*crypto.SlotSize)
			if err != nil && err != io.EOF {
				return 0, v.w.h.damage(err, "%d of %d bytes at offset %d", m, len(slots), slot*crypto.SlotSize)
			}
			clear(slots[m:])
			for i := range n {
				group, side, in := place(slot + i)
				segment := group*crypto.GroupSegments + in
				b := slots[i*crypto.SlotSize : (i+1)*crypto.SlotSize]
				if bytes.Equal(b, zeroSlot[:]) {
					continue
				}
				if group != last {
					seqs, last = [2][crypto.GroupSegments]uint64{}, group
				}
				g, _ := v.group(segment)
				seq, hole, err := v.cipher.Open(plain, b, &room.batch, uint64(segment))
				if err != nil {
					if seqs[0][in]|seqs[1][in] == 0 {
						g.broken.set(in)
					}
					continue
				}
				seqs[side][in] = seq
				if v.seq = max(v.seq, seq); seq < seqs[1-side][in] {
					continue
				}
				g.broken.clear(in)
				g.there.put(in, !hole)
				g.stale.put(in, hole)
				g.side.put(in, side == 1)
				if segment < count {
					end = max(end, (slot+i+1)*crypto.SlotSize)
				}
			}
			slot += n
		}
		at = slot * crypto.SlotSize
	}
	v.sealed = v.seq
	return min(max(end, 0), have), nil
}

var zeroSlot [crypto.SlotSize]byte

// place is whose slot of the Double layout the n-th of the file is.
func place(n int64) (group int64, side int, segment int64) {
	group, in := n/(2*crypto.GroupSegments), n%(2*crypto.GroupSegments)
	return group, int(in / crypto.GroupSegments), in % crypto.GroupSegments
}

// cutFile makes the file of a Writer shorter, whatever was synced: nothing is lost behind end.
func (w *Writer) cutFile(end int64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.h.file.Truncate(end)
	w.h.written.Add(1)
	if err != nil {
		return w.wrap("reopen", err)
	}
	w.size, w.disk, w.floor = end, end, end
	w.sums.cut(end)
	return nil
}

// Forget says which bytes of a reopened blob are still wanted. What cannot be read of others
// is no damage.
func (w *Writer) Forget(wanted Extents) {
	v := w.veil
	if v == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	var keep []*group
	for _, x := range wanted {
		if x.Blob != w.h.id {
			continue
		}
		for at := x.Off / crypto.SegmentSize; at < crypto.SegmentCount(x.Off+x.Len); at++ {
			n := at / crypto.GroupSegments
			if n >= int64(len(v.groups)) {
				break
			}
			if keep == nil {
				keep = make([]*group, len(v.groups))
			}
			if keep[n] == nil {
				keep[n] = new(group)
			}
			keep[n].there.set(at % crypto.GroupSegments)
		}
	}
	for n, g := range v.groups {
		for i := range int64(crypto.GroupSegments) {
			if g != nil && g.broken.has(i) && (keep == nil || keep[n] == nil || !keep[n].there.has(i)) {
				g.broken.clear(i)
				g.stale.set(i)
			}
		}
	}
}
