package store

import (
	"errors"
	"io"
	"os"
	"sort"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"pail/crypto"
	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/store/internal/meta/record"
)

// pins keep content files from being deleted while somebody may still read them.
//
// A content file is deleted some time after the commit that let go of it. Whoever
// looks up a version and wants its bytes does both under gate.RLock and pins the
// files. The deleter reads what is garbage under gate.Lock: by then each earlier
// reader has pinned what it found, and each later one no longer finds the file.
type pins struct {
	gate sync.RWMutex
	free func() // has the deleter look again

	mu     sync.Mutex // guards what follows
	count  map[blob.ID]int
	cuts   map[*Cut]blob.ID // each keeps all files up to an id
	awaits bool             // the deleter has met a file that was pinned
	former map[blob.ID][]*record.WrappedKey
}

func (p *pins) add(ids []blob.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count == nil {
		p.count = map[blob.ID]int{}
	}
	for _, id := range ids {
		p.count[id]++
	}
}

func (p *pins) drop(ids []blob.ID) {
	if p.dropped(ids) {
		p.free()
	}
}

// dropped counts pins out, and says whether the deleter waits for one of them.
func (p *pins) dropped(ids []blob.ID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := false
	for _, id := range ids {
		if p.count[id]--; p.count[id] <= 0 {
			delete(p.count, id)
			delete(p.former, id)
			last = true
		}
	}
	awaited := p.awaits && last
	p.awaits = p.awaits && !awaited
	return awaited
}

func (p *pins) pinned(id blob.ID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.kept(id)
}

// kept is pinned with mu held.
func (p *pins) kept(id blob.ID) bool {
	for _, upTo := range p.cuts {
		if id <= upTo {
			return true
		}
	}
	return p.count[id] > 0
}

// keepFormer keeps envelopes that the records of content files are about to lose, in memory and as
// long as the files are pinned: whoever has opened a content finds its data keys by the
// encryption that it had then.
func (p *pins) keepFormer(keys map[blob.ID][]*record.WrappedKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.former == nil {
		p.former = map[blob.ID][]*record.WrappedKey{}
	}
	for id, ws := range keys {
		p.former[id] = append(p.former[id], ws...)
	}
}

// settleFormer lets go of what keepFormer has kept of files that nobody has pinned. The update by
// which their records lost it is visible by now, or failed; who saw them before has pinned.
func (p *pins) settleFormer(keys map[blob.ID][]*record.WrappedKey) {
	if len(keys) == 0 {
		return
	}
	p.gate.Lock()
	defer p.gate.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	for id := range keys {
		if p.count[id] == 0 {
			delete(p.former, id)
		}
	}
}

func (p *pins) formerKeys(id blob.ID) []*record.WrappedKey {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.former[id]
}

// addCut keeps all files with ids up to one for a cut.
func (p *pins) addCut(c *Cut, upTo blob.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cuts == nil {
		p.cuts = map[*Cut]blob.ID{}
	}
	p.cuts[c] = upTo
}

// dropCut ends that.
func (p *pins) dropCut(c *Cut) {
	p.mu.Lock()
	delete(p.cuts, c)
	awaited := p.awaits
	p.awaits = false
	p.mu.Unlock()
	if awaited {
		p.free()
	}
}

// hold is pinned for the deleter: it is called when it is worth looking again.
func (p *pins) hold(id blob.ID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	held := p.kept(id)
	p.awaits = p.awaits || held
	return held
}

// A body is the bytes of a content, ready to be read; it keeps the content files it
// needs from being deleted until close. It is safe for concurrent use.
type body struct {
	s       *Store
	size    int64
	inline  []byte   // the whole content, if extents is nil and sealed is
	sealed  *inlined // that, as long as its encryption is locked; guarded by mu
	extents blob.Extents
	edition uint64  // of the list that they are from
	ends    []int64 // where each extent ends
	pinned  []blob.ID

	mu   sync.Mutex // guards open
	open map[blob.ID]*blob.Reader

	encryption *encryption // of the content
	keys       dataKeys    // data keys that are known besides; guarded by mu
}

// openBody prepares to read a version's bytes. The caller holds s.files.pins.gate
// for reading since before it looked the version up.
func (sn *snap) openBody(v *record.Version) (*body, error) {
	b := &body{s: sn.s, size: v.Size}
	var err error
	if b.encryption, err = sn.s.encryptionOf(v.Encryption); err != nil {
		return nil, err
	}
	if id := v.Content.GetInline(); id != 0 {
		b.sealed, err = sn.inlined(id)
		if err == nil && b.sealed.size() != v.Size {
			err = fault.New(fault.Damaged, "inlined content %d has %d bytes and should have %d", id, b.sealed.size(), v.Size)
		}
		if err == nil && !b.encryption.locked() {
			err = b.unseal()
		}
		if err != nil {
			return nil, inlineError(id, err)
		}
		return b, nil
	}
	l, err := sn.readList(v.Content)
	if err != nil {
		return nil, err
	}
	es := l.extents()
	b.edition = l.edition
	if es.Size() != v.Size {
		return nil, fault.New(fault.Damaged, "a content has %d bytes and should have %d; run pail fsck", es.Size(), v.Size)
	}
	b.setExtents(es)
	return b, nil
}

// unseal opens an inlined content once its encryption is open.
func (b *body) unseal() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sealed == nil {
		return nil
	}
	data, err := b.sealed.open(b.s, b.encryption)
	if err != nil {
		return inlineError(b.sealed.id, err)
	}
	b.inline, b.sealed = data, nil
	return nil
}

// small is the bytes of an inlined content.
func (b *body) small() ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sealed != nil {
		_, err := b.encryption.secret()
		return nil, err
	}
	return b.inline, nil
}

// setExtents makes b the bytes of es and pins its content files.
func (b *body) setExtents(es blob.Extents) {
	b.extents = es
	b.ends = make([]int64, len(es))
	var at int64
	for i, e := range es {
		at += e.Len
		b.ends[i] = at
	}
	b.open = map[blob.ID]*blob.Reader{}
	b.pinned = es.Blobs()
	b.s.pins.add(b.pinned)
}

// reader returns the open content file of an extent.
func (b *body) reader(id blob.ID) (*blob.Reader, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r := b.open[id]; r != nil {
		return r, nil
	}
	r, err := b.s.blobs.Open(id)
	if err != nil {
		return nil, blobError(err)
	}
	if r.Encrypted() {
		if err := b.unlock(r); err != nil {
			_ = r.Close()
			return nil, err
		}
	}
	if b.open == nil {
		b.open = map[blob.ID]*blob.Reader{}
	}
	b.open[id] = r
	return r, nil
}

// dataKeys are data keys of content files.
type dataKeys map[blob.ID]*crypto.Key

// know tells the data key of a content file, nil: it is not encrypted.
func (b *body) know(id blob.ID, key *crypto.Key) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if key == nil {
		return
	}
	if b.keys == nil {
		b.keys = dataKeys{}
	}
	b.keys[id] = key
}

// unlock gives an encrypted content file its data key. mu is held.
func (b *body) unlock(r *blob.Reader) error {
	key, err := b.dataKey(r.ID())
	if err == nil {
		err = blobError(r.Unlock(key))
	}
	return err
}

// dataKey finds the data key of an encrypted content file. mu is held.
func (b *body) dataKey(id blob.ID) (key *crypto.Key, err error) {
	if key = b.keys[id]; key != nil {
		return key, nil
	}
	err = b.s.view(func(sn *snap) error {
		rec, err := sn.keysOf(id)
		if err == nil {
			key, err = b.encryption.keyOf(rec, id)
		}
		return err
	})
	if err != nil {
		if former := b.s.pins.formerKeys(id); former != nil {
			key, err = b.encryption.keyOf(&record.Blob{Keys: former}, id)
		}
	}
	return key, err
}

// keyFor is dataKey for those who do not hold mu.
func (b *body) keyFor(id blob.ID) (*crypto.Key, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dataKey(id)
}

// ReadAt reads len(p) bytes at off; fewer only with an error, io.EOF at the end.
func (b *body) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fault.New(fault.InvalidArgument, "negative offset")
	}
	if off >= b.size {
		return 0, io.EOF
	}
	want := len(p)
	p = p[:min(int64(len(p)), b.size-off)]
	n, err := b.readFull(p, off)
	if err == nil && n < want {
		err = io.EOF
	}
	return n, err
}

func (b *body) readFull(p []byte, off int64) (int, error) {
	if b.extents == nil {
		data, err := b.small()
		if err != nil {
			return 0, err
		}
		return copy(p, data[off:]), nil
	}
	n := 0
	for i := b.find(off); n < len(p); i++ {
		e := b.extents[i]
		skip := off - (b.ends[i] - e.Len)
		part := p[n:min(int64(len(p)), int64(n)+e.Len-skip)]
		if err := b.readExtent(part, e, skip); err != nil {
			return n, err
		}
		n += len(part)
		off += int64(len(part))
	}
	return n, nil
}

func (b *body) readExtent(p []byte, e blob.Extent, skip int64) error {
	if e.IsHole() {
		clear(p)
		return nil
	}
	r, err := b.reader(e.Blob)
	if err != nil {
		return fileError(e.Blob, err)
	}
	read := r.ReadAt
	if b.s.verifying.Load() {
		read = r.ReadAtVerified
	}
	n, err := read(p, e.Off+skip)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = fault.New(fault.Damaged, "content file %v is shorter than its versions need", e.Blob)
		return fileError(e.Blob, err)
	}
	return fileError(e.Blob, blobError(err))
}

// find returns the index of the extent that holds off.
func (b *body) find(off int64) int {
	return sort.Search(len(b.ends), func(i int) bool { return b.ends[i] > off })
}

// close lets go of the content files.
func (b *body) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.open {
		_ = r.Close()
	}
	b.open = nil
	b.s.pins.drop(b.pinned)
	b.pinned = nil
}

func blobError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, blob.ErrDamaged), errors.Is(err, blob.ErrNotFound), errors.Is(err, blob.ErrKey):
		return fault.Wrap(fault.Damaged, err, "content")
	case errors.Is(err, blob.ErrNotDurable):
		return fault.Wrap(fault.IOFailed, err, "content")
	}
	return fault.Wrap(contentKind(err), err, "content")
}

// contentKind is the kind of a failure of the disk below contents.
func contentKind(err error) fault.Kind {
	if k := fault.KindOf(err); k != fault.Internal {
		return k
	}
	return fault.IOFailed
}

// A Reader reads one version of an object. Close must be called; the other methods
// may be called from many goroutines.
type Reader struct {
	o Object
	b *body
}

// Object is the version that is read.
func (r *Reader) Object() Object { return r.o }

// ReadAt reads like io.ReaderAt. Damage is fault.Damaged, never wrong bytes, and the log
// tells of it.
func (r *Reader) ReadAt(p []byte, off int64) (int, error) {
	n, err := r.b.ReadAt(p, off)
	if err != nil && isDamage(err) {
		err = r.b.s.lostBytes(err, r.o.Bucket, r.o.Key, r.o.VersionID, r.o.Number, off+int64(n))
	}
	return n, err
}

// WriteTo writes the whole content to w.
func (r *Reader) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, io.NewSectionReader(r, 0, r.o.Size))
}

// WriteRange writes some bytes of the content to w and returns how many it has written.
// Where w is a connection, and reads are not verified, the kernel moves the bytes of
// content files by itself: w must implement io.ReaderFrom for that.
func (r *Reader) WriteRange(w io.Writer, part Range) (int64, error) {
	var done int64
	for done < part.Len {
		n, err := r.b.writeSome(w, part.Off+done, part.Len-done)
		done += n
		if err != nil {
			if isDamage(err) {
				err = r.b.s.lostBytes(err, r.o.Bucket, r.o.Key, r.o.VersionID, r.o.Number, part.Off+done)
			}
			return done, err
		}
	}
	return done, nil
}

// Bounds of what writeSome writes by itself: less than directMin is not worth a file
// position of its own, and more than copyMax at a time would take much memory.
const (
	directMin = 64 << 10
	copyMax   = 256 << 10
	// forwardMin is from how many bytes on the kernel is told that they are read forward. Of 10
	// MiB that it did not have in its cache, 16 at once, that saved a third of the time.
	forwardMin = 1 << 20
)

// writeSome writes bytes from off on, up to n, as far as they lie in one place.
func (b *body) writeSome(w io.Writer, off, n int64) (int64, error) {
	if off < 0 || off+n > b.size {
		return 0, fault.New(fault.InvalidRange, "the content has %d bytes", b.size)
	}
	if b.extents == nil {
		data, err := b.small()
		if err != nil {
			return 0, err
		}
		m, err := w.Write(data[off : off+n])
		return int64(m), err
	}
	i := b.find(off)
	e := b.extents[i]
	skip := off - (b.ends[i] - e.Len)
	here := min(n, e.Len-skip)
	if here >= directMin && !e.IsHole() && !b.s.verifying.Load() {
		if m, err := b.writeCold(w, e, skip, here); m > 0 || err != nil {
			return m, err
		}
		if m, ok, err := b.writeDirect(w, e, skip, here); ok {
			return m, err
		}
	}
	p := make([]byte, min(n, copyMax))
	if m, err := b.ReadAt(p, off); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	} else if m < len(p) {
		return 0, fault.New(fault.Damaged, "a content ended %d bytes early", len(p)-m)
	}
	m, err := w.Write(p)
	return int64(m), err
}

// writeCold writes what of n bytes of a content file is not in the page cache.
func (b *body) writeCold(w io.Writer, e blob.Extent, skip, n int64) (written int64, err error) {
	r, err := b.reader(e.Blob)
	if err != nil {
		return 0, nil // reading says what is wrong
	}
	written, err = r.WriteCold(w, e.Off+skip, n)
	if errors.Is(err, blob.ErrDamaged) {
		err = fileError(e.Blob, blobError(err))
	}
	return written, err
}

// writeDirect writes n bytes of a content file from a descriptor of its own, whose
// position nobody else moves. ok is false if there is no file to take them from; reading
// then says what is wrong.
func (b *body) writeDirect(w io.Writer, e blob.Extent, skip, n int64) (written int64, ok bool, err error) {
	r, err := b.reader(e.Blob)
	if err != nil || r.Encrypted() || e.Off+skip+n > r.Length() {
		return 0, false, nil
	}
	f, err := os.Open(procPath(r.File()))
	if err != nil {
		return 0, false, nil
	}
	defer f.Close()
	if _, err := f.Seek(e.Off+skip, io.SeekStart); err != nil {
		return 0, false, nil
	}
	if n >= forwardMin {
		_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_SEQUENTIAL) // read further ahead
	}
	written, err = io.CopyN(w, f, n)
	if errors.Is(err, io.EOF) {
		err = fault.New(fault.Damaged, "content file %v is shorter than its versions need", e.Blob)
		return written, true, fileError(e.Blob, err)
	}
	return written, true, err
}

// procPath names an open file such that opening it gives another position in it.
func procPath(f *os.File) string { return "/proc/self/fd/" + strconv.Itoa(int(f.Fd())) }

// Close lets go of the content.
func (r *Reader) Close() error {
	r.b.close()
	return nil
}
