package store

import (
	"context"
	"errors"

	"pail/crypto"
	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/store/internal/meta/record"
)

// A packer copies pieces of content files into a new one, one behind the other. What it
// reads it checks against its checksums.
type packer struct {
	s        *Store
	ctx      context.Context
	pace     *pace
	w        *blob.Writer
	seal     blob.Seal
	recorded bool // records refer to the file
	size     int64
	buf      []byte // not yet written
	unsynced int64
	from     sources

	encryptions []*encryption // of the lists that will refer to the file
	key         *crypto.Key   // its data key then
}

const (
	packAtOnce = 1 << 20  // bytes written at once
	packSync   = 32 << 20 // bytes after which they are synced, so that no large flush keeps others waiting
)

// newPacker begins a content file for lists with some encryptions, if there is room for it
// beside the store's reserve.
func (s *Store) newPacker(ctx context.Context, p *pace, of ...*record.Encryption) (*packer, error) {
	if sp := s.db.Space(); sp.Free < sp.Reserve+2*s.opts.tuning.stretchMax {
		return nil, fault.New(fault.NoSpace, "there is no room to compact contents; free some space")
	}
	encryptions, err := s.openEncryptions(of)
	if err != nil {
		return nil, err
	}
	var first *encryption
	if len(encryptions) > 0 {
		first = encryptions[0]
	}
	w, key, err := s.newBlobFile(first, true)
	if err != nil {
		return nil, err
	}
	s.receiving.Add(1)
	return &packer{
		s: s, ctx: ctx, pace: p, w: w, buf: make([]byte, 0, packAtOnce),
		from: sources{s: s, encryptions: encryptions}, encryptions: encryptions, key: key,
	}, nil
}

// openEncryptions opens the different ones of some encryptions.
func (s *Store) openEncryptions(recs []*record.Encryption) (out []*encryption, err error) {
	seen := map[uint64]bool{}
	for _, rec := range recs {
		if rec == nil || seen[rec.Id] {
			continue
		}
		seen[rec.Id] = true
		e, err := s.openEncryption(rec)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// record makes a record of the file, to which nothing refers yet.
func (p *packer) record(t *txn) error {
	if len(p.encryptions) == 0 {
		return t.newBlob(p.w.ID(), p.seal, p.seal.Length, nil, nil)
	}
	if err := t.newBlob(p.w.ID(), p.seal, p.seal.Length, p.encryptions[0], p.key); err != nil {
		return err
	}
	for _, e := range p.encryptions[1:] {
		if err := t.admit(p.w.ID(), e, func() (*crypto.Key, error) { return p.key, nil }); err != nil {
			return err
		}
	}
	return nil
}

// add copies a piece and returns where it is now. A hole stays one.
func (p *packer) add(e blob.Extent) (blob.Extent, error) {
	if e.IsHole() {
		return e, nil
	}
	at := p.size
	for done := int64(0); done < e.Len; {
		data, err := p.from.read(e.Blob, e.Off+done, e.Len-done)
		if err != nil {
			return blob.Extent{}, err
		}
		done += int64(len(data))
		if err := p.write(data); err != nil {
			return blob.Extent{}, err
		}
	}
	return blob.Extent{Blob: p.w.ID(), Off: at, Len: e.Len}, nil
}

func (p *packer) write(data []byte) error {
	for len(data) > 0 {
		n := min(len(data), cap(p.buf)-len(p.buf))
		p.buf = append(p.buf, data[:n]...)
		data = data[n:]
		p.size += int64(n)
		if len(p.buf) == cap(p.buf) {
			if err := p.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *packer) flush() error {
	n := int64(len(p.buf))
	if _, err := p.w.WriteAt(p.buf, p.size-n); err != nil {
		return blobError(err)
	}
	p.buf = p.buf[:0]
	if p.unsynced += n; p.unsynced >= packSync {
		p.unsynced = 0
		if err := p.w.Sync(); err != nil {
			return blobError(err)
		}
	}
	return p.pace.worked(p.ctx, n)
}

// finish makes what was copied a content file, durable.
func (p *packer) finish() error {
	err := p.flush()
	if err != nil {
		return err
	}
	if p.seal, err = p.w.Seal(); err != nil {
		return blobError(err)
	}
	return blobError(p.w.Sync())
}

// done ends the packer after the update by which records came to refer to its file, or
// which failed. Of one that ended all writing nobody knows; recovery decides then.
func (p *packer) done(err error) error {
	if err != nil && !p.recorded && !fault.Is(err, fault.StoreFailed) {
		return errors.Join(err, p.discard())
	}
	p.from.close()
	p.s.receiving.Add(-1)
	return errors.Join(err, blobError(p.w.Close()))
}

// discard ends the packer and deletes its file.
func (p *packer) discard() error {
	p.from.close()
	if err := p.w.Discard(); err != nil {
		return blobError(err) // and it counts as being received: recovery will look for it
	}
	p.s.receiving.Add(-1)
	return nil
}

// sources read content files by whole segments, each checked once for all the pieces of
// it that are asked for about the same time.
type sources struct {
	s     *Store
	open  map[blob.ID]*source
	bytes int64
	turn  int64

	encryptions []*encryption // of those who ask
}

// A source is a content file and the segment of it that was read last.
type source struct {
	r    *blob.Reader
	at   int64
	data []byte
	turn int64 // when it was asked last
}

// sourceRead is how many bytes are read of a file at least, where its segments are small.
const sourceRead = 128 << 10

// sourcesMost is how many bytes of segments are kept.
const sourcesMost = 16 << 20

// read returns up to n bytes of a content file from off on, one at least. They are good
// until the next call.
func (ss *sources) read(id blob.ID, off, n int64) ([]byte, error) {
	src, err := ss.source(id)
	if err != nil {
		return nil, err
	}
	if off < src.at || off >= src.at+int64(len(src.data)) {
		if err := ss.load(src, off); err != nil {
			return nil, err
		}
	}
	data := src.data[off-src.at:]
	return data[:min(n, int64(len(data)))], nil
}

func (ss *sources) source(id blob.ID) (*source, error) {
	ss.turn++
	if src := ss.open[id]; src != nil {
		src.turn = ss.turn
		return src, nil
	}
	r, err := ss.s.blobs.Open(id)
	if err != nil {
		return nil, blobError(err)
	}
	if r.Encrypted() {
		if err := ss.unlock(r); err != nil {
			return nil, errors.Join(err, r.Close())
		}
	}
	if ss.open == nil {
		ss.open = map[blob.ID]*source{}
	}
	src := &source{r: r, turn: ss.turn}
	ss.open[id] = src
	return src, nil
}

// unlock gives an encrypted content file its data key, by any of the encryptions.
func (ss *sources) unlock(r *blob.Reader) error {
	return ss.s.view(func(sn *snap) error {
		rec, err := sn.blobRecord(r.ID())
		if err != nil {
			return err
		}
		err = fault.New(fault.Damaged, "content file %v is encrypted, and none of its lists is", r.ID())
		for _, e := range ss.encryptions {
			var key *crypto.Key
			if key, err = e.keyOf(rec, r.ID()); err == nil {
				return blobError(r.Unlock(key))
			}
		}
		return err
	})
}

func (ss *sources) load(src *source, off int64) error {
	size := max(src.r.SegmentSize(), sourceRead)
	at := off - off%size
	n := min(size, src.r.Length()-at)
	if off >= at+n {
		return fault.New(fault.Damaged, "content file %v is shorter than its versions need", src.r.ID())
	}
	ss.bytes += n - int64(len(src.data))
	if int64(cap(src.data)) < n {
		src.data = make([]byte, n)
	}
	src.data = src.data[:n]
	ss.trim(src)
	src.at = at
	if _, err := src.r.ReadAtVerified(src.data, at); err != nil {
		src.data = src.data[:0]
		return blobError(err)
	}
	return nil
}

// trim closes the sources that were not asked for the longest while there are too many.
func (ss *sources) trim(keep *source) {
	for ss.bytes > sourcesMost && len(ss.open) > 1 {
		var oldest blob.ID
		for id, src := range ss.open {
			if src != keep && (oldest == 0 || src.turn < ss.open[oldest].turn) {
				oldest = id
			}
		}
		src := ss.open[oldest]
		ss.bytes -= int64(len(src.data))
		_ = src.r.Close()
		delete(ss.open, oldest)
	}
}

func (ss *sources) close() {
	for _, src := range ss.open {
		_ = src.r.Close()
	}
	ss.open, ss.bytes = nil, 0
}
