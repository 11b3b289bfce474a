package blob

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"pail/crypto"
)

// A draft is written, synced and cut off the power again and again. What was synced and not
// written since is there; of every segment that was, some state that it had since the sync.
// Where nothing was at the sync, there may be nothing again.
func TestVeiledDraftIsCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		d := newMemDisk()
		s := memStore(t, d)
		w, err := s.CreateEncrypted(1, testKey, false)
		if err == nil {
			err = w.Sync()
		}
		if err != nil {
			t.Fatal(err)
		}
		const most = 12 * crypto.SegmentSize
		offset := rapid.OneOf(rapid.Int64Range(0, most), rapid.Map(rapid.Int64Range(0, 12), func(n int64) int64 { return n * crypto.SegmentSize }))
		if rapid.IntRange(0, 9).Draw(t, "long") == 0 {
			offset = rapid.OneOf(offset, rapid.Int64Range((crypto.GroupSegments-3)*crypto.SegmentSize, (crypto.GroupSegments+3)*crypto.SegmentSize))
		}
		length := rapid.OneOf(rapid.Int64Range(1, 9000), rapid.Just(int64(crypto.SegmentSize)), rapid.Just(int64(5*crypto.SegmentSize)))
		var model, synced []byte
		mapped, syncedMap := NewMap(nil), NewMap(nil) // as the records of a draft have it
		states := map[int64][][]byte{}                // of each segment that changed since the sync
		segmentOf := func(b []byte, i int64) []byte {
			p := make([]byte, crypto.SegmentSize)
			if at := i * crypto.SegmentSize; at < int64(len(b)) {
				copy(p, b[at:])
			}
			return p
		}
		note := func(off, end int64) {
			for i := off / crypto.SegmentSize; i < crypto.SegmentCount(end); i++ {
				states[i] = append(states[i], segmentOf(model, i))
			}
		}
		extend := func(n int64) {
			if n > int64(len(model)) {
				model = append(model, make([]byte, n-int64(len(model)))...)
			}
		}
		fill := byte(0)
		acts := map[string]func(*rapid.T){
			"write": func(t *rapid.T) {
				off, n := offset.Draw(t, "off"), length.Draw(t, "n")
				fill++
				p := bytes.Repeat([]byte{fill, 0, ^fill}, int(n)/3+1)[:n]
				if _, err := w.WriteAt(p, off); err != nil {
					t.Fatal(err)
				}
				before := int64(len(model))
				extend(off + n)
				copy(model[off:], p)
				mapped.Write(off, n, 1, off)
				note(min(off, before), off+n)
			},
			"truncate": func(t *rapid.T) {
				size, before := offset.Draw(t, "size"), int64(len(model))
				if err := w.Truncate(size); err != nil {
					t.Fatal(err)
				}
				extend(size)
				model = model[:size:size]
				mapped.Truncate(size)
				note(min(size, before), max(size, before))
			},
			"punch": func(t *rapid.T) {
				off, n := offset.Draw(t, "off"), length.Draw(t, "n")
				if err := w.PunchHole(off, n); err != nil {
					t.Fatal(err)
				}
				if end := min(off+n, int64(len(model))); off < end {
					clear(model[off:end])
					mapped.Punch(off, n)
					note(off, end)
				}
			},
			"sync": func(t *rapid.T) {
				if err := w.Sync(); err != nil {
					t.Fatal(err)
				}
				synced, syncedMap = bytes.Clone(model), mapped.Clone()
				clear(states)
			},
			"seal": func(t *rapid.T) {
				_, err := w.Seal()
				if err == nil {
					err = w.Unseal()
				}
				if err != nil {
					t.Fatal(err)
				}
			},
			"cut": func(t *rapid.T) {
				if rapid.Bool().Draw(t, "sealed") {
					if _, err := w.Seal(); err != nil {
						t.Fatal(err)
					}
				}
				d = d.cut(rng)
				s = memStore(t, d)
				if w, err = s.ReopenEncrypted(1, int64(len(synced)), testKey); err != nil {
					t.Fatal(err)
				}
				if w.Size() != int64(len(synced)) {
					t.Fatalf("%d bytes were synced, there are %d", len(synced), w.Size())
				}
				w.Forget(syncedMap.Extents())
				wanted := map[int64]bool{}
				for at, x := range syncedMap.All() {
					for i := at / crypto.SegmentSize; !x.IsHole() && i < crypto.SegmentCount(at+x.Len); i++ {
						wanted[i] = true
					}
				}
				for i := range crypto.SegmentCount(int64(len(synced))) {
					got := make([]byte, min(crypto.SegmentSize, int64(len(synced))-i*crypto.SegmentSize))
					if _, err := w.ReadAt(got, i*crypto.SegmentSize); err != nil {
						t.Fatalf("segment %d, changed %d times since it was synced: %v", i, len(states[i]), err)
					}
					ok := bytes.Equal(got, segmentOf(synced, i)[:len(got)]) || !wanted[i] && len(states[i]) > 0 && bytes.Equal(got, make([]byte, len(got)))
					for _, state := range states[i] {
						ok = ok || bytes.Equal(got, state[:len(got)])
					}
					if !ok {
						t.Fatalf("segment %d is none of the %d states that it had", i, len(states[i])+1)
					}
				}
				model = make([]byte, len(synced))
				if _, err := w.ReadAt(model, 0); err != nil && len(model) > 0 {
					t.Fatal(err)
				}
				synced, mapped = bytes.Clone(model), syncedMap.Clone() // reopening has synced what it found
				clear(states)
			},
			"": func(t *rapid.T) { same(t, w.ReadAt, model, 0, int64(len(model))+1) },
		}
		t.Repeat(acts)
	})
}

// While a sync is under way no write goes to what it may be writing, or to what it would
// replace: after a cut in the middle what an earlier sync promised is there.
func TestVeiledWriteDuringSync(t *testing.T) {
	d := newMemDisk()
	s := memStore(t, d)
	w, err := s.CreateEncrypted(1, testKey, false)
	write := func(fill byte) error {
		_, err := w.WriteAt(bytes.Repeat([]byte{fill}, crypto.SegmentSize), 0)
		return err
	}
	if err = errors.Join(err, write(1), w.Sync(), write(2)); err != nil {
		t.Fatal(err)
	}
	reached, release := make(chan bool), make(chan bool)
	d.mu.Lock()
	d.fail = func(call string) error {
		if call == "sync "+strings.TrimPrefix(s.path(1), "/") {
			d.mu.Unlock()
			reached <- true
			<-release
			d.mu.Lock()
		}
		return nil
	}
	d.mu.Unlock()
	synced, wrote := make(chan error, 1), make(chan error, 1)
	go func() { synced <- w.Sync() }()
	<-reached
	go func() { wrote <- write(3) }()
	// Another segment need not wait.
	if _, err := w.WriteAt([]byte("beside"), 5*crypto.SegmentSize); err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(cuts) {
		d.mu.Lock()
		after := d.cut(rand.New(rand.NewPCG(seed, 2)))
		d.mu.Unlock()
		v, err := memStore(t, after).ReopenEncrypted(1, crypto.SegmentSize, testKey)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, crypto.SegmentSize)
		if _, err := v.ReadAt(got, 0); err != nil || got[0] != 1 && got[0] != 2 {
			t.Fatalf("seed %d: %d, %v", seed, got[0], err)
		}
	}
	select {
	case err := <-wrote:
		t.Fatalf("a write to a segment that is being synced ended before the sync: %v", err)
	default:
	}
	d.mu.Lock()
	d.fail = nil
	d.mu.Unlock()
	close(release)
	if err := errors.Join(<-synced, <-wrote); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 1)
	if _, err := w.ReadAt(got, 0); err != nil || got[0] != 3 {
		t.Fatalf("%d, %v", got[0], err)
	}
}

// A write that fails leaves what it was not to change, also in the segments that it was to
// change a part of.
func TestVeiledWriteFails(t *testing.T) {
	for _, synced := range []bool{false, true} {
		for n := 1; ; n++ {
			d := newMemDisk()
			s := memStore(t, d)
			w, err := s.CreateEncrypted(1, testKey, false)
			if err != nil {
				t.Fatal(err)
			}
			model := bytes.Repeat([]byte("before"), 3*crypto.SegmentSize/6)
			if _, err := w.WriteAt(model, 0); err != nil {
				t.Fatal(err)
			}
			if synced {
				if err := w.Sync(); err != nil {
					t.Fatal(err)
				}
			}
			calls := 0
			d.fail = func(call string) error {
				if call == "write "+strings.TrimPrefix(s.path(1), "/") {
					if calls++; calls == n {
						return errShort
					}
				}
				return nil
			}
			p := bytes.Repeat([]byte("after"), crypto.SegmentSize/4)
			off := int64(1000)
			_, err = w.WriteAt(p, off)
			d.fail = nil
			if err == nil {
				if n == 1 {
					t.Fatal("no write failed")
				}
				break
			}
			got := make([]byte, len(model))
			for i := int64(0); i < int64(len(model)); i++ {
				if i == off {
					i = off + int64(len(p))
				}
				if _, err := w.ReadAt(got[i:i+1], i); err != nil || got[i] != model[i] {
					t.Fatalf("synced %v, write %d failed: byte %d: %v", synced, n, i, err)
				}
			}
		}
	}
}

// What is done to the file of a complete blob is an error wherever it matters, never other
// bytes: every byte of the file changed, slots exchanged, moved and zeroed, the end cut off,
// the file of another blob.
func TestVeiledDamageIsFound(t *testing.T) {
	data := make([]byte, 5*crypto.SegmentSize+77)
	for i := range data {
		data[i] = byte(i>>4) | 1
	}
	for _, once := range []bool{false, true} {
		d := newMemDisk()
		s := memStore(t, d)
		make1 := func(id ID, key *crypto.Key) Seal {
			w, err := s.CreateEncrypted(id, key, once)
			if err == nil {
				_, err = w.WriteAt(data, 0)
			}
			if err == nil && !once {
				err = w.Sync()
			}
			if err == nil && !once {
				_, err = w.WriteAt(data[crypto.SegmentSize:2*crypto.SegmentSize], crypto.SegmentSize) // to its other side
			}
			var seal Seal
			if err == nil {
				seal, err = w.Seal()
			}
			if err = errors.Join(err, w.Sync(), w.Close()); err != nil {
				t.Fatal(err)
			}
			return seal
		}
		make1(1, testKey)
		make1(2, testKey)
		path := s.path(1)
		d.mu.Lock()
		whole, other := d.names[path].now.clone(), d.names[s.path(2)].now.clone()
		d.mu.Unlock()
		// read answers an error, or the bytes.
		read := func(change func(c *memContent)) error {
			c := whole.clone()
			change(&c)
			d.mu.Lock()
			d.names[path].now = c
			d.mu.Unlock()
			s := memStore(t, d)
			defer s.Close()
			r, err := s.Open(1)
			if err != nil {
				return err
			}
			defer r.Close()
			if err := r.Unlock(testKey); err != nil {
				return err
			}
			got := make([]byte, len(data))
			if _, err := r.ReadAt(got, 0); err != nil {
				return err
			}
			if !bytes.Equal(got, data) {
				t.Fatalf("once %v: wrong bytes", once)
			}
			return nil
		}
		if err := read(func(*memContent) {}); err != nil {
			t.Fatal(err)
		}
		found := 0
		for page := range whole.pages {
			for in := 0; in < memPage; in += 61 {
				if page*memPage+int64(in) >= whole.size {
					continue
				}
				if read(func(c *memContent) { c.page(page)[in] ^= 4 }) != nil {
					found++
				}
			}
		}
		if found < len(data)/61 {
			t.Errorf("once %v: only %d changed bytes were found", once, found)
		}
		slot := func(c memContent, n int64) []byte {
			b := make([]byte, crypto.SlotSize)
			for i := range b {
				at := n*crypto.SlotSize + int64(i)
				if p := c.pages[at/memPage]; p != nil {
					b[i] = p[at%memPage]
				}
			}
			return b
		}
		set := func(c *memContent, n int64, b []byte) {
			for i := range b {
				at := n*crypto.SlotSize + int64(i)
				c.page(at / memPage)[at%memPage] = b[i]
			}
		}
		for what, change := range map[string]func(*memContent){
			"zeroed":     func(c *memContent) { set(c, 3, make([]byte, crypto.SlotSize)) },
			"exchanged":  func(c *memContent) { set(c, 3, slot(whole, 4)); set(c, 4, slot(whole, 3)) },
			"of another": func(c *memContent) { set(c, 3, slot(other, 3)) },
			"a file of another": func(c *memContent) {
				*c = other.clone()
			},
		} {
			if err := read(change); err == nil {
				t.Errorf("once %v: %s was not noticed", once, what)
			}
		}
	}
}

// Without the key there are no bytes, and everything that needs none works.
func TestVeiledWithoutKey(t *testing.T) {
	d := newMemDisk()
	s := memStore(t, d)
	w, err := s.CreateEncrypted(7, testKey, true)
	if err == nil {
		_, err = w.WriteAt(bytes.Repeat([]byte("needle"), 50_000), 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	seal, err := w.Seal()
	if err = errors.Join(err, w.Sync(), w.Close()); err != nil {
		t.Fatal(err)
	}
	if seal.Length != 300_000 {
		t.Errorf("sealed as %d bytes", seal.Length)
	}
	r, err := s.Open(7)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if !r.Encrypted() || r.Length() != 300_000 || r.Seal() != seal || r.File() != nil {
		t.Errorf("encrypted %v, %d bytes, seal %v, file %v", r.Encrypted(), r.Length(), r.Seal(), r.File())
	}
	p := make([]byte, 10)
	if _, err := r.ReadAt(p, 0); !errors.Is(err, ErrKey) {
		t.Errorf("read without a key: %v", err)
	}
	if err := r.Unlock(crypto.NewKey()); !errors.Is(err, ErrKey) {
		t.Errorf("another key: %v", err)
	}
	if err := errors.Join(s.Verify(7, seal), s.VerifySeal(7, seal)); err != nil {
		t.Error(err)
	}
	if err := r.Unlock(testKey); err != nil {
		t.Fatal(err)
	}
	other, err := s.Open(7)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := other.Unlock(crypto.NewKey()); !errors.Is(err, ErrKey) {
		t.Errorf("another key, while somebody has the right one: %v", err)
	}
	if _, err := other.ReadAt(p, 0); !errors.Is(err, ErrKey) {
		t.Errorf("one reader's key opens the blob for another: %v", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, page := range d.names[s.path(7)].now.pages {
		if bytes.Contains(page, []byte("needle")) {
			t.Fatal("the file has the bytes in the clear")
		}
	}
}

// What was torn before it was ever synced, and is wanted by nobody, is no damage.
func TestForgetWhatWasTorn(t *testing.T) {
	torn := 0
	for seed := range uint64(cuts) {
		d := newMemDisk()
		s := memStore(t, d)
		w, err := s.CreateEncrypted(1, testKey, false)
		if err == nil {
			_, err = w.WriteAt([]byte("kept"), 0)
		}
		if err = errors.Join(err, w.Truncate(4*crypto.SegmentSize), w.Sync()); err != nil {
			t.Fatal(err)
		}
		if _, err := w.WriteAt(bytes.Repeat([]byte{9}, 2*crypto.SegmentSize), crypto.SegmentSize); err != nil {
			t.Fatal(err)
		}
		after := d.cut(rand.New(rand.NewPCG(seed, 3)))
		if w, err = memStore(t, after).ReopenEncrypted(1, 4*crypto.SegmentSize, testKey); err != nil {
			t.Fatal(err)
		}
		p := make([]byte, 2*crypto.SegmentSize)
		if _, err := w.ReadAt(p, crypto.SegmentSize); err != nil {
			if torn++; !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
		}
		w.Forget(Extents{{Blob: 1, Len: crypto.SegmentSize}})
		if _, err := w.ReadAt(p, crypto.SegmentSize); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if _, err := w.WriteAt([]byte("x"), crypto.SegmentSize+1); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if _, err := w.ReadAt(p[:4], 0); err != nil || string(p[:4]) != "kept" {
			t.Fatalf("seed %d: %q, %v", seed, p[:4], err)
		}
	}
	if torn == 0 {
		t.Fatal("nothing was torn")
	}
}

func BenchmarkVeiled(b *testing.B) {
	s, err := Open(Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	const size = 64 << 20
	p := DirectBuffer(256 << 10)
	id := ID(0)
	for name, create := range map[string]func(ID) (*Writer, error){
		"plain":  s.Create,
		"draft":  func(id ID) (*Writer, error) { return s.CreateEncrypted(id, testKey, false) },
		"stream": func(id ID) (*Writer, error) { return s.CreateEncrypted(id, testKey, true) },
	} {
		var w *Writer
		write := func(b *testing.B) {
			id++
			var err error
			if w, err = create(id); err != nil {
				b.Fatal(err)
			}
			for at := int64(0); at < size; at += int64(len(p)) {
				if _, err := w.WriteAt(p, at); err != nil {
					b.Fatal(err)
				}
			}
			if _, err := w.Seal(); err != nil {
				b.Fatal(err)
			}
			if err := w.Close(); err != nil {
				b.Fatal(err)
			}
		}
		b.Run("write/"+name, func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				write(b)
				b.StopTimer()
				_ = s.Delete(id)
				b.StartTimer()
			}
		})
		write(b)
		r, err := s.Open(id)
		if err == nil {
			err = r.Unlock(testKey)
		}
		if err != nil {
			b.Fatal(err)
		}
		for _, n := range []int{4 << 10, 128 << 10, 1 << 20} {
			b.Run(fmt.Sprintf("read/%s/%d", name, n), func(b *testing.B) {
				p := make([]byte, n)
				b.SetBytes(int64(n))
				at := int64(0)
				for b.Loop() {
					if _, err := r.ReadAt(p, at); err != nil {
						b.Fatal(err)
					}
					at = (at + 7*int64(n)) % (size - int64(n)) &^ 4095
				}
			})
		}
		_ = r.Close()
		_ = s.Delete(id)
	}
}
