package store

import (
	"errors"
	"hash/crc32"

	"google.golang.org/protobuf/proto"

	"pail/crypto"
	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// Contents, as records know them: how a version's bytes are named, shared and let go.
//
// An inlined blob and a list of extents belong to one version unless a Blob record
// counts more. A content file always has a Blob record: it counts the contents and
// lists that refer to it and holds its seal. A content that is one whole file says so
// itself; every other has a list (extent_list.go).

const inlineHeader = 6 // format, cipher, CRC32C of what follows

// The ciphers of inlined blobs.
const (
	inlinePlain  = 0 // what follows are the bytes
	inlineSealed = 1 // a record.Sealed: an envelope of them, and how it is opened
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encodeInline puts the header before the bytes of an inlined blob.
func encodeInline(data []byte, cipher byte) []byte {
	b := make([]byte, inlineHeader, inlineHeader+len(data))
	b[0], b[1] = 1, cipher
	sum := crc32.Checksum(data, castagnoli)
	b[2], b[3], b[4], b[5] = byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum)
	return append(b, data...)
}

// An inlined is the bytes of an inlined blob, or the envelope that they are in.
type inlined struct {
	id       uint64
	data     []byte             // unless it is encrypted
	rec      *record.Encryption // of what is encrypted, nil
	envelope []byte             // and the bytes
}

const inlineWhat = "inlined content"

// size is how many bytes it has.
func (c *inlined) size() int64 {
	if c.rec != nil {
		return int64(len(c.envelope)) - crypto.EnvelopeOverhead
	}
	return int64(len(c.data))
}

// open returns the bytes; e, if it is not nil, is the encryption of what refers to it.
func (c *inlined) open(s *Store, e *encryption) ([]byte, error) {
	if c.rec == nil {
		return c.data, nil
	}
	if e == nil || e.id() != c.rec.Id {
		var err error
		if e, err = s.openEncryption(c.rec); err != nil {
			return nil, err
		}
	}
	return e.open(c.envelope, inlineWhat, c.id)
}

// decodeInline reads an inlined blob; what it returns aliases b.
func decodeInline(id uint64, b []byte) (*inlined, error) {
	if len(b) < inlineHeader {
		return nil, fault.New(fault.Damaged, "inlined content %d is cut short", id)
	}
	if b[0] != 1 || b[1] > inlineSealed {
		return nil, fault.New(fault.NewerFormat, "inlined content %d has format %d and cipher %d, which this program does not know", id, b[0], b[1])
	}
	sum := uint32(b[2])<<24 | uint32(b[3])<<16 | uint32(b[4])<<8 | uint32(b[5])
	if crc32.Checksum(b[inlineHeader:], castagnoli) != sum {
		return nil, fault.New(fault.Damaged, "inlined content %d does not match its checksum", id)
	}
	c := &inlined{id: id, data: b[inlineHeader:]}
	if b[1] == inlinePlain {
		return c, nil
	}
	var sealed record.Sealed
	if err := proto.Unmarshal(c.data, &sealed); err != nil || sealed.Encryption == nil || len(sealed.Envelope) < crypto.EnvelopeOverhead {
		return nil, fault.New(fault.Damaged, "inlined content %d is no envelope", id)
	}
	return &inlined{id: id, rec: sealed.Encryption, envelope: sealed.Envelope}, nil
}

// inlined reads an inlined blob, and does not open it.
func (sn *snap) inlined(id uint64) (*inlined, error) {
	b, err := sn.r.Get(table.Inline(id))
	if errors.Is(err, meta.ErrNotFound) {
		return nil, fault.New(fault.Damaged, "inlined content %d is missing", id)
	}
	if err != nil {
		return nil, damaged(err)
	}
	return decodeInline(id, b)
}

// inlineBytes reads an inlined blob of the store's own.
func (sn *snap) inlineBytes(id uint64) ([]byte, error) {
	c, err := sn.inlined(id)
	if err != nil {
		return nil, err
	}
	return c.open(sn.s, nil)
}

func toExtents(es []*record.Extent) blob.Extents {
	out := make(blob.Extents, len(es))
	for i, e := range es {
		out[i] = blob.Extent{Blob: blob.ID(e.Blob), Off: e.Off, Len: e.Len}
	}
	return out
}

func fromExtents(es blob.Extents) []*record.Extent {
	block := make([]record.Extent, len(es))
	out := make([]*record.Extent, len(es))
	for i, e := range es {
		block[i].Blob, block[i].Off, block[i].Len = uint64(e.Blob), e.Off, e.Len
		out[i] = &block[i]
	}
	return out
}

func allocated(es blob.Extents) int64 {
	var n int64
	for _, e := range es {
		if e.Blob != 0 {
			n += e.Len
		}
	}
	return n
}

// newInline stores data as an inlined blob of its own. Empty data needs none.
func (t *txn) newInline(data []byte, e *encryption) (*record.Content, error) {
	if len(data) == 0 {
		return nil, nil
	}
	id := t.tx.NextID()
	if e == nil {
		t.tx.Set(table.Inline(id), encodeInline(data, inlinePlain))
	} else {
		envelope, err := e.seal(data, inlineWhat, id)
		if err != nil {
			return nil, err
		}
		b, err := proto.Marshal(&record.Sealed{Encryption: e.rec, Envelope: envelope})
		if err != nil {
			return nil, fault.Wrap(fault.Internal, err, "inlined content %d", id)
		}
		t.tx.Set(table.Inline(id), encodeInline(b, inlineSealed))
	}
	return &record.Content{Inline: id, Allocated: int64(len(data))}, nil
}

// newExtents makes a content of extents and counts one more owner of each blob. e is the
// encryption of who will own it.
func (t *txn) newExtents(es blob.Extents, e *record.Encryption) (*record.Content, error) {
	if err := t.referAll(es, 1); err != nil {
		return nil, err
	}
	return t.putExtents(es, e)
}

// putExtents is newExtents for references that are counted already.
func (t *txn) putExtents(es blob.Extents, e *record.Encryption) (*record.Content, error) {
	whole, err := t.isWhole(es)
	if err != nil {
		return nil, err
	}
	if whole {
		return &record.Content{Allocated: allocated(es), Extents: fromExtents(es)}, nil
	}
	return t.newList(es, e)
}

// isWhole says whether extents are nothing, a hole, or all of one content file.
func (t *txn) isWhole(es blob.Extents) (bool, error) {
	switch {
	case len(es) == 0 || len(es) == 1 && es[0].IsHole():
		return true, nil
	case len(es) > 1 || es[0].Off != 0:
		return false, nil
	}
	var b record.Blob
	ok, err := t.get(table.Blob(uint64(es[0].Blob)), &b)
	return ok && b.Length == es[0].Len, err
}

// newBlob records a sealed content file to which nothing refers yet. allocated is how
// many bytes the disk keeps for it. key is its data key, if it is encrypted, for e.
func (t *txn) newBlob(id blob.ID, seal blob.Seal, allocated int64, e *encryption, key *crypto.Key) error {
	var keys []*record.WrappedKey
	if key != nil {
		wrapped, err := e.wrap(key, id)
		if err != nil {
			return err
		}
		keys = []*record.WrappedKey{{Encryption: e.rec, Key: wrapped}}
	}
	return t.newKeyedBlob(id, seal, allocated, keys)
}

// newKeyedBlob is newBlob with all envelopes of the data key.
func (t *txn) newKeyedBlob(id blob.ID, seal blob.Seal, allocated int64, keys []*record.WrappedKey) error {
	b := &record.Blob{Schema: record.Schema, Length: seal.Length, Sum: seal.Sum, Allocated: min(allocated, seal.Length), Keys: keys}
	t.waste += wasted(b)
	return t.put(table.Blob(uint64(id)), b)
}

// referAll counts one owner of some extents more (sign 1) or less (-1).
func (t *txn) referAll(es blob.Extents, sign int) error {
	for _, u := range es.Uses() {
		if err := t.refer(uint64(u.Blob), sign, int64(sign)*u.Bytes); err != nil {
			return err
		}
	}
	return nil
}

// refer changes how many owners a content file has and how many of its bytes they refer
// to. Without owners it becomes garbage.
func (t *txn) refer(id uint64, owners int, bytes int64) error {
	b, err := t.blobRecord(blob.ID(id))
	if err != nil {
		return err
	}
	t.waste -= wasted(b)
	b.Refs += uint64(owners)
	if b.Refs == 0 {
		t.tx.Delete(table.Blob(id))
		t.toGarbage(id)
		return t.keepKeys(blob.ID(id), b)
	}
	if b.Allocated > 0 {
		b.Used += bytes
	}
	t.waste += wasted(b)
	if isSparse(b, t.s.opts.tuning.sparseMin) {
		t.noteSparse(id)
	}
	return t.put(table.Blob(id), b)
}

// blobRecord reads the record of a content file that something refers to.
func (sn *snap) blobRecord(id blob.ID) (*record.Blob, error) {
	b := new(record.Blob)
	ok, err := sn.get(table.Blob(uint64(id)), b)
	if err == nil && !ok {
		err = fault.New(fault.Damaged, "content file %d has no record", id)
	}
	return b, err
}

// toGarbage has a content file deleted once this update is durable and nobody reads it.
func (t *txn) toGarbage(id uint64) {
	t.tx.Set(table.Garbage(id), nil)
	t.wakeSettler()
}

// wakeSettler has the settler look for garbage once it can see what this update writes.
func (t *txn) wakeSettler() {
	t.tx.Defer(func(meta.Commit) { t.s.settler.addGarbage() })
}

// shareOwned counts one more owner of an inlined blob or an extent list.
func (t *txn) shareOwned(id uint64) error {
	var b record.Blob
	k := table.Blob(id)
	ok, err := t.get(k, &b)
	if err != nil {
		return err
	}
	if !ok {
		b = record.Blob{Schema: record.Schema, Refs: 1}
	}
	b.Refs++
	return t.put(k, &b)
}

// dropOwned counts one owner less; last says that there is none left.
func (t *txn) dropOwned(id uint64) (last bool, err error) {
	var b record.Blob
	k := table.Blob(id)
	ok, err := t.get(k, &b)
	if !ok || err != nil {
		return true, err
	}
	if b.Refs--; b.Refs <= 1 {
		t.tx.Delete(k)
		return false, nil
	}
	return false, t.put(k, &b)
}

// share makes one more version own content c. No byte moves.
func (t *txn) share(c *record.Content) error {
	if err := t.shareSums(c); err != nil {
		return err
	}
	switch {
	case c.GetInline() != 0:
		return t.shareOwned(c.Inline)
	case c.GetList() != 0:
		return t.shareOwned(c.List)
	}
	return t.referAll(toExtents(c.GetExtents()), 1)
}

// release makes one version less own content c and lets go of what nobody owns.
func (t *txn) release(c *record.Content) error {
	if err := t.releaseSums(c); err != nil {
		return err
	}
	switch {
	case c.GetInline() != 0:
		last, err := t.dropOwned(c.Inline)
		if last && err == nil {
			t.tx.Delete(table.Inline(c.Inline))
		}
		return err
	case c.GetList() != 0:
		last, err := t.dropOwned(c.List)
		if !last || err != nil {
			return err
		}
		return t.releaseOwned(c)
	}
	return t.referAll(toExtents(c.GetExtents()), -1)
}
