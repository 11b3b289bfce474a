package store

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pail/integration/trial"
	"pail/store/fault"
	"pail/versioning"
)

func mustOpen(t *testing.T, se *Session, key string, o OpenFlags) *File {
	t.Helper()
	f, err := se.OpenFile(context.Background(), "bkt", key, o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func mustClose(t *testing.T, f *File) {
	t.Helper()
	if err := f.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func mustCopy(t *testing.T, from, to *File, srcOff, dstOff, n, want int64) {
	t.Helper()
	got, err := from.CopyRange(context.Background(), to, srcOff, dstOff, n)
	if err != nil || got != want {
		t.Fatalf("copied %d bytes of %d: %v", got, want, err)
	}
}

func fileBytes(t *testing.T, f *File) string {
	t.Helper()
	b := make([]byte, f.Object().Size+1)
	n, _ := f.ReadAt(context.Background(), b, 0)
	if int64(n) != f.Object().Size {
		t.Fatalf("read %d bytes of %d", n, f.Object().Size)
	}
	return string(b[:n])
}

var newFile = OpenFlags{Write: true, Create: true}

// Whatever becomes of the source, whatever else happens to the copy, it has the bytes,
// and where it can it takes no file of its own.
func TestCopyRangeShares(t *testing.T) {
	ctx := context.Background()
	body := string(randomBytes(rand.New(rand.NewPCG(1, 2)), 200_000))
	unlink := func(t *testing.T, s *Store, se *Session, src *File) {
		if _, err := se.Delete(ctx, "bkt", "src", DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	sync := func(t *testing.T, f *File) {
		if err := f.Sync(ctx); err != nil {
			t.Fatal(err)
		}
		if f.n.s.settler.count() > 0 {
			t.Fatal("an fsynced draft refers to bytes that may not be on disk")
		}
	}
	for _, c := range []struct {
		what   string
		settle bool // the source is on disk
		before func(t *testing.T, s *Store, se *Session, src *File)
		after  func(t *testing.T, s *Store, se *Session, dst *File)
		more   int // content files that are there afterwards
	}{
		{what: "settled", settle: true, more: 0},
		{what: "pending", more: 0},
		{what: "source deleted before the publish", settle: true, before: nil, more: 0,
			after: func(t *testing.T, s *Store, se *Session, dst *File) { unlink(t, s, se, nil); sweep(t, s) }},
		{what: "pending source deleted before the publish", more: 0,
			after: func(t *testing.T, s *Store, se *Session, dst *File) { unlink(t, s, se, nil); sweep(t, s) }},
		{what: "source deleted before the copy", settle: true, before: unlink, more: 0},
		{what: "fsync", settle: true, more: 0,
			after: func(t *testing.T, s *Store, se *Session, dst *File) { sync(t, dst) }},
		{what: "fsync of a pending source", more: 0,
			after: func(t *testing.T, s *Store, se *Session, dst *File) { sync(t, dst) }},
		{what: "fsync, then the source deleted", settle: true, more: 0,
			after: func(t *testing.T, s *Store, se *Session, dst *File) { sync(t, dst); unlink(t, s, se, nil); sweep(t, s) }},
		{what: "the source deleted, then fsync", settle: true, more: 0,
			after: func(t *testing.T, s *Store, se *Session, dst *File) { unlink(t, s, se, nil); sweep(t, s); sync(t, dst) }},
		{what: "written over", settle: true, more: 1,
			after: func(t *testing.T, s *Store, se *Session, dst *File) {
				for _, off := range []int64{0, 199_999, 100_000} {
					if _, err := dst.WriteAt(ctx, []byte(body[off:off+1]), off); err != nil {
						t.Fatal(err)
					}
				}
			}},
		{what: "written over completely", settle: true, more: 1,
			after: func(t *testing.T, s *Store, se *Session, dst *File) {
				sync(t, dst)
				if _, err := dst.WriteAt(ctx, []byte(body), 0); err != nil {
					t.Fatal(err)
				}
				sync(t, dst)
			}},
	} {
		t.Run(c.what, func(t *testing.T) {
			s, se := openTest(t, Options{SettleAfter: -1})
			mustBucket(t, se, "bkt", versioning.Unversioned)
			src := mustOpen(t, se, "src", newFile)
			if _, err := src.WriteAt(ctx, []byte(body), 0); err != nil {
				t.Fatal(err)
			}
			if err := src.Flush(ctx); err != nil {
				t.Fatal(err)
			}
			if c.settle {
				sweep(t, s)
			}
			if c.before != nil {
				c.before(t, s, se, src)
				sweep(t, s)
			}
			before := files(t, s)
			dst := mustOpen(t, se, "dst", newFile)
			mustCopy(t, src, dst, 0, 0, 1<<40, int64(len(body)))
			mustClose(t, src)
			if fileBytes(t, dst) != body {
				t.Fatal("bytes of the draft differ")
			}
			if c.after != nil {
				c.after(t, s, se, dst)
			}
			if fileBytes(t, dst) != body {
				t.Fatal("bytes of the draft differ afterwards")
			}
			mustClose(t, dst)
			_, err := se.Head(ctx, "bkt", "src", "")
			if err == nil && c.more == 0 && s.settler.count() > 0 {
				t.Fatal("published bytes that may not be on disk have two references")
			}
			if readAll(t, se, "bkt", "dst", "") != body {
				t.Fatal("published bytes differ")
			}
			balance(t, s)
			if err != nil {
				before = 1 // the copy's bytes are the only ones
			}
			if got := files(t, s); got != before+c.more {
				t.Fatalf("%d content files, %d before", got, before)
			}
			if _, err := se.Delete(ctx, "bkt", "dst", DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			balance(t, s)
		})
	}
}

func sweep(t *testing.T, s *Store) {
	t.Helper()
	if err := s.settler.sweep(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestCopyRangeRefuses(t *testing.T) {
	ctx := context.Background()
	_, se := openTest(t, Options{})
	_, se2 := openTest(t, Options{})
	mustBucket(t, se, "bkt", versioning.Enabled)
	mustBucket(t, se2, "bkt", versioning.Enabled)
	put(t, se, "bkt", "k", "0123456789")
	r, w := mustOpen(t, se, "k", OpenFlags{}), mustOpen(t, se, "k", OpenFlags{Write: true})
	a, other := mustOpen(t, se, "a", OpenFlags{Write: true, Create: true, Append: true}), mustOpen(t, se2, "o", newFile)
	o := w.Object()
	past := mustOpen(t, se, "k", OpenFlags{Version: o.VersionID})
	for _, c := range []struct {
		what     string
		from, to *File
		src, dst int64
		n        int64
		kind     fault.Kind
	}{
		{"read only", w, r, 0, 20, 5, fault.NotPermitted},
		{"into the past", w, past, 0, 20, 5, fault.ReadOnly},
		{"negative", r, w, -1, 20, 5, fault.InvalidArgument},
		{"overlap", w, w, 0, 4, 5, fault.InvalidArgument},
		{"overlap backwards", w, w, 4, 0, 5, fault.InvalidArgument},
		{"append", r, a, 0, 0, 5, fault.InvalidArgument},
		{"another store", r, other, 0, 0, 5, fault.CrossDevice},
		{"too large", r, w, 0, 1<<63 - 10, 10, fault.EntityTooLarge},
		{"nothing", r, w, 0, 20, 0, fault.None},
		{"behind the end", r, w, 10, 20, 5, fault.None},
		{"adjacent", w, w, 5, 0, 5, fault.None},
		{"from the past", past, w, 0, 10, 10, fault.None},
	} {
		_, err := c.from.CopyRange(ctx, c.to, c.src, c.dst, c.n)
		if fault.KindOf(err) != c.kind {
			t.Errorf("%s: %v, want %v", c.what, err, c.kind)
		}
	}
	if got := fileBytes(t, w); got != "56789567890123456789" {
		t.Errorf("%q", got)
	}
	for _, f := range []*File{r, w, a, other, past} {
		mustClose(t, f)
	}
}

// A copyModel is files as byte slices.
type copyModel struct {
	t     *testing.T
	rnd   *rand.Rand
	s     *Store
	se    *Session
	state versioning.State
	open  map[string]*modelFile // by key
	has   map[string]string     // published
}

type modelFile struct {
	f      *File
	live   []byte
	linked bool
	dirty  bool // since the last publish
	synced bool // a record of the draft exists
}

func TestCopyRangeModel(t *testing.T) {
	for _, state := range []versioning.State{versioning.Unversioned, versioning.Enabled} {
		t.Run(state.String(), func(t *testing.T) {
			m := &copyModel{t: t, rnd: trial.Rand(t), open: map[string]*modelFile{}, has: map[string]string{}}
			m.s, m.se = openTest(t, Options{InlineMax: 64, SettleAfter: time.Millisecond})
			mustBucket(t, m.se, "bkt", state)
			for range 1500 {
				m.step()
			}
			for key := range m.open {
				m.close(key)
			}
			m.compare()
			balance(t, m.s)
		})
	}
}

func (m *copyModel) check(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// file returns the open file of a key, or opens it.
func (m *copyModel) file() *modelFile {
	key := fmt.Sprintf("k%d", m.rnd.IntN(5))
	if f := m.open[key]; f != nil {
		return f
	}
	was, exists := m.has[key]
	f := &modelFile{f: mustOpen(m.t, m.se, key, newFile), live: []byte(was), linked: true, dirty: !exists}
	m.open[key] = f
	return f
}

func (m *copyModel) step() {
	ctx := context.Background()
	f, key := m.file(), fmt.Sprintf("k%d", m.rnd.IntN(5))
	off, n := m.rnd.IntN(2000), m.rnd.IntN(600)+1
	switch op := m.rnd.IntN(100); {
	case op < 15:
		p := randomBytes(m.rnd, n)
		_, err := f.f.WriteAt(ctx, p, int64(off))
		m.check(err)
		f.write(p, off)
	case op < 55:
		m.copy(f, m.file(), off, m.rnd.IntN(2000), n)
	case op < 58:
		m.check(f.f.Truncate(ctx, int64(off)))
		f.resize(off)
		f.dirty = true
	case op < 61:
		m.check(f.f.PunchHole(ctx, int64(off), int64(n)))
		for i := off; i < min(off+n, len(f.live)); i++ {
			f.live[i] = 0
		}
		f.dirty = f.dirty || off < len(f.live)
	case op < 70:
		m.check(f.f.Sync(ctx))
		f.synced = f.synced || f.dirty
	case op < 78:
		m.check(f.f.Flush(ctx))
		if f.dirty && f.f.n.draft == nil {
			m.published(f)
		}
	case op < 84:
		m.close(key)
	case op < 89:
		m.remove(key)
	case op < 92:
		p := randomBytes(m.rnd, n)
		put(m.t, m.se, "bkt", key, string(p))
		m.has[key] = string(p)
	case op < 97:
		m.compare()
	case op < 99:
		sweep(m.t, m.s)
	default:
		m.kill()
	}
}

func (f *modelFile) resize(n int) {
	if n <= len(f.live) {
		f.live = f.live[:n:n]
		return
	}
	f.live = append(f.live[:len(f.live):len(f.live)], make([]byte, n-len(f.live))...)
}

func (f *modelFile) write(p []byte, off int) {
	if len(f.live) < off+len(p) {
		f.resize(off + len(p))
	} else {
		f.live = bytes.Clone(f.live)
	}
	copy(f.live[off:], p)
	f.dirty = true
}

func (m *copyModel) copy(from, to *modelFile, srcOff, dstOff, n int) {
	want := max(0, min(n, len(from.live)-srcOff))
	if from == to && srcOff < dstOff+want && dstOff < srcOff+want {
		return
	}
	mustCopy(m.t, from.f, to.f, int64(srcOff), int64(dstOff), int64(n), int64(want))
	if want > 0 {
		to.write(bytes.Clone(from.live[srcOff:srcOff+want]), dstOff)
	}
}

func (m *copyModel) published(f *modelFile) {
	if f.linked {
		_, _, key, _ := m.s.files.name(f.f.n)
		m.has[key] = string(f.live)
	}
	f.dirty, f.synced = false, false
}

func (m *copyModel) close(key string) {
	f := m.open[key]
	if f == nil {
		return
	}
	mustClose(m.t, f.f)
	if f.dirty {
		m.published(f)
	}
	delete(m.open, key)
}

// remove deletes a key over S3 or unlinks the file.
func (m *copyModel) remove(key string) {
	ctx := context.Background()
	if m.rnd.IntN(2) == 0 {
		_, err := m.se.Delete(ctx, "bkt", key, DeleteOptions{})
		m.check(err)
		delete(m.has, key)
		return
	}
	f := m.open[key]
	if _, ok := m.has[key]; !ok && f == nil {
		return
	}
	err := m.se.Unlink(ctx, "bkt", key)
	if fault.Is(err, fault.NoSuchKey) {
		return // only an open file knows the key: an S3 delete took its name's object
	}
	m.check(err)
	delete(m.has, key)
	if f != nil {
		_, _, _, f.linked = m.s.files.name(f.f.n)
		if !f.linked {
			mustClose(m.t, f.f)
			delete(m.open, key)
		}
	}
}

// kill ends the store. What was fsynced or published is there again.
func (m *copyModel) kill() {
	ctx := context.Background()
	for key, f := range m.open {
		if f.synced && f.linked {
			m.check(f.f.Sync(ctx)) // else what was written since may be there or not
			m.has[key] = string(f.live)
		}
	}
	kill(m.t, m.s)
	m.open = map[string]*modelFile{}
	m.s, m.se = openTest(m.t, m.s.opts)
	if p := m.s.recovered.Problems; len(p) > 0 {
		m.t.Fatal(p)
	}
	m.compare()
	balance(m.t, m.s)
}

func (m *copyModel) compare() {
	m.t.Helper()
	for key, want := range m.has {
		if got := readAll(m.t, m.se, "bkt", key, ""); got != want {
			m.t.Fatalf("%s differs: %s", key, firstDifference(got, want))
		}
	}
	page, err := m.se.List(context.Background(), "bkt", ListInput{})
	if err != nil || len(page.Objects) != len(m.has) {
		m.t.Fatalf("%d objects of %d, %v", len(page.Objects), len(m.has), err)
	}
	for key, f := range m.open {
		if got := fileBytes(m.t, f.f); got != string(f.live) {
			m.t.Fatalf("open file %s differs: %s", key, firstDifference(got, string(f.live)))
		}
	}
}

func firstDifference(a, b string) string {
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	return fmt.Sprintf("%d and %d bytes, from %d on", len(a), len(b), i)
}

// What was copied into a draft after one fsync is there after the next and a crash, in
// whichever regions of a long file it came.
func TestCopyRangeBetweenFsyncs(t *testing.T) {
	ctx := context.Background()
	s, se := openTest(t, Options{})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	body := string(randomBytes(rand.New(rand.NewPCG(3, 4)), 200_000))
	put(t, se, "bkt", "src", body)
	src, dst := mustOpen(t, se, "src", OpenFlags{}), mustOpen(t, se, "dst", newFile)
	if err := dst.Truncate(ctx, 3*regionSize); err != nil {
		t.Fatal(err)
	}
	if err := dst.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	at := []int64{5, regionSize - 100_000, 2*regionSize + 7}
	for _, off := range at {
		mustCopy(t, src, dst, 0, off, 1<<40, int64(len(body)))
		if err := dst.Sync(ctx); err != nil {
			t.Fatal(err)
		}
	}
	kill(t, s)
	s, se = openTest(t, s.opts)
	f := mustOpen(t, se, "dst", OpenFlags{})
	defer mustClose(t, f)
	for _, off := range at {
		got := make([]byte, len(body))
		if _, err := f.ReadAt(ctx, got, off); err != nil || string(got) != body {
			t.Errorf("at %d: bytes differ, %v", off, err)
		}
	}
	if o := f.Object(); o.Size != 3*regionSize || o.Blocks > 4*int64(len(body))/512 {
		t.Errorf("%d bytes, %d blocks", o.Size, o.Blocks)
	}
	balance(t, s)
}

// Files that are copied into each other at once, with everything else going on, end
// with somebody's bytes and no lock held.
func TestCopyRangeBothWays(t *testing.T) {
	ctx := context.Background()
	s, se := openTest(t, Options{InlineMax: 100, SettleAfter: time.Millisecond})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	const size = 10_000
	letters := []string{"a", "b", "c"}
	for _, l := range letters {
		put(t, se, "bkt", l, strings.Repeat(l, size))
	}
	var wg sync.WaitGroup
	for i := range 6 {
		rnd := rand.New(rand.NewPCG(uint64(i), 0))
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 40 {
				from, err := se.OpenFile(ctx, "bkt", letters[rnd.IntN(3)], OpenFlags{Write: true})
				if err != nil {
					t.Error(err)
					return
				}
				to, err := se.OpenFile(ctx, "bkt", letters[rnd.IntN(3)], OpenFlags{Write: true})
				if err != nil {
					t.Error(err)
					return
				}
				off := rnd.Int64N(size / 2)
				_, err = from.CopyRange(ctx, to, off, size/2+rnd.Int64N(size/4), size/4)
				if err != nil && !fault.Is(err, fault.InvalidArgument) {
					t.Error(err)
				}
				if rnd.IntN(3) == 0 {
					if err := to.Sync(ctx); err != nil {
						t.Error(err)
					}
				}
				for _, f := range []*File{from, to} {
					if err := f.Close(ctx); err != nil {
						t.Error(err)
					}
				}
			}
		}()
	}
	wg.Wait()
	for _, l := range letters {
		if got := readAll(t, se, "bkt", l, ""); len(got) != size || strings.Trim(got, "abc") != "" {
			t.Errorf("%s has %d bytes", l, len(got))
		}
	}
	balance(t, s)
}

// Holes of the source are holes of the copy, and a file can be copied within itself.
func TestCopyRangeSparse(t *testing.T) {
	ctx := context.Background()
	s, se := openTest(t, Options{})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	f := mustOpen(t, se, "k", newFile)
	part := strings.Repeat("x", 100_000)
	for _, off := range []int64{0, 1 << 20} {
		if _, err := f.WriteAt(ctx, []byte(part), off); err != nil {
			t.Fatal(err)
		}
	}
	mustClose(t, f)
	before := files(t, s)
	f = mustOpen(t, se, "k", OpenFlags{Write: true})
	size := f.Object().Size
	mustCopy(t, f, f, 0, size, size, size)
	mustClose(t, f)
	o, err := se.Head(ctx, "bkt", "k", "")
	if err != nil || o.Size != 2*size || o.Blocks > 4*200 {
		t.Fatalf("%d bytes in %d blocks, %v", o.Size, o.Blocks, err)
	}
	balance(t, s)
	if files(t, s) != before {
		t.Fatal("bytes moved")
	}
	f = mustOpen(t, se, "k", OpenFlags{})
	if at, err := f.Seek(ctx, size+100_000, unix.SEEK_DATA); err != nil || at != size+1<<20 {
		t.Fatalf("data at %d, %v", at, err)
	}
	mustClose(t, f)
}
