package store

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"pail/integration/trial"
	"pail/store/fault"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// A ward is the image of a museum as a kill left it, of which damaged copies are repaired.
type ward struct {
	*museum
	image        string
	keys, values [][]byte
	drafted      string // what bare/fragmented has once its draft is published
}

func newWard(t *testing.T) *ward {
	m := newMuseum(t, quickDir(t)+"/store")
	w := &ward{museum: m, image: quickDir(t) + "/image"}
	snapshotStore(t, m.s, w.image)
	w.keys, w.values = m.records()
	ctx := context.Background()
	m.ok(m.file.Close(ctx))
	w.drafted = readAll(t, m.se, "bare", "fragmented", "")
	m.ok(m.s.Close(ctx))
	return w
}

// copied is a copy of the image, whose records change has changed.
func (w *ward) copied(change func(tx *meta.Tx) error) Options {
	w.t.Helper()
	o := w.s.opts
	o.Dir = filepath.Join(quickDir(w.t), "store")
	w.ok(copyTree(w.image, o.Dir))
	if change == nil {
		return o
	}
	db, err := meta.Open(meta.Options{Key: recordsKeyOf(w.t, o), Dir: filepath.Join(o.Dir, metaDir), MemTableSize: o.MemTableSize})
	w.ok(err)
	_, err = db.Update(context.Background(), meta.UpdateOptions{Durable: true}, change)
	w.ok(err)
	w.ok(db.Close())
	return o
}

// repaired repairs a store and opens it: it must be sound then, and go on working.
func (w *ward) repaired(what string, o Options) (s *Store, found []Problem) {
	w.t.Helper()
	ctx := context.Background()
	left, err := Repair(ctx, o, RepairOptions{FsckOptions: FsckOptions{Deep: true}, Found: func(p Problem) { found = append(found, p) }})
	if err != nil {
		w.t.Fatalf("%s: repair: %v; found %v", what, err, found)
	}
	for _, p := range found {
		if p.Kind == "" || p.Where == "" || p.What == "" || p.Repair == "" || strings.Contains(p.String(), "\n") {
			w.t.Errorf("%s: not one whole line: %q", what, p)
		}
	}
	if len(left) > 0 {
		w.t.Fatalf("%s: left: %v; found %v", what, left, found)
	}
	if s, err = Open(ctx, o); err != nil {
		w.t.Fatalf("%s: open: %v; found %v", what, err, found)
	}
	w.t.Cleanup(func() { _ = s.Close(ctx) })
	if p := s.Status().Recovered; p.Unclean || len(p.Problems) > 0 {
		w.t.Errorf("%s: recovery after the repair: %+v", what, p)
	}
	if again, err := s.Check(ctx, FsckOptions{Deep: true}); err != nil || len(again) > 0 {
		w.t.Fatalf("%s: check after the repair: %v, %v; found %v", what, again, err, found)
	}
	if err := works(s); err != nil {
		w.t.Fatalf("%s: after the repair: %v; found %v", what, err, found)
	}
	return s, found
}

// works does something in every bucket of a store.
func works(s *Store) error {
	ctx := context.Background()
	se := s.As(Owner(), RequestContext{Door: DoorMount})
	buckets, err := se.Buckets(ctx)
	if err != nil {
		return err
	}
	for _, b := range buckets {
		for _, key := range []string{"d/e/new", "new"} {
			if _, err := se.Put(ctx, b.Name, key, PutInput{Body: strings.NewReader("new"), Size: 3}); err != nil {
				return fmt.Errorf("put: %w", err)
			}
			if err := se.Unlink(ctx, b.Name, key); err != nil {
				return fmt.Errorf("unlink: %w", err)
			}
		}
		for _, v := range []string{"d/e/new", "new"} {
			vs, err := se.Versions(ctx, b.Name, v)
			if err != nil && !fault.Is(err, fault.NoSuchKey) {
				return err
			}
			for _, old := range vs {
				if _, err := se.Delete(ctx, b.Name, v, DeleteOptions{Version: old.VersionID}); err != nil {
					return fmt.Errorf("delete version: %w", err)
				}
			}
		}
	}
	return nil
}

// contentsOf reads every version there is, by its bytes.
func contentsOf(t *testing.T, s *Store) map[string]bool {
	t.Helper()
	ctx := context.Background()
	se := s.As(Owner(), RequestContext{})
	out := map[string]bool{}
	buckets, err := se.Buckets(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range buckets {
		page, err := se.ListVersions(ctx, b.Name, ListVersionsInput{})
		if err != nil || page.Truncated {
			t.Fatal(page.Truncated, err)
		}
		for _, o := range page.Versions {
			if !o.DeleteMarker {
				out[readAll(t, se, b.Name, o.Key, o.VersionID)] = true
			}
		}
	}
	return out
}

// kept demands that every version reads as it did where it was, or that its bytes are
// somewhere else; lost says of which that cannot be asked.
func (w *ward) kept(what string, s *Store, lost func(id [3]string, bytes string) bool) {
	w.t.Helper()
	all := contentsOf(w.t, s)
	se := s.As(Owner(), RequestContext{})
	for id, want := range w.want {
		got, err := tryRead(se, id)
		is := func(key string) bool { return id[0] == "bare" && id[1] == key }
		switch {
		case err == nil && got == want:
		case err == nil && is("fragmented") && got == w.drafted:
		case err == nil && is("fragmented") && lost(id, want):
		case err == nil && is("d/e/large") && got == letters(103, 103): // the publish was pending
		case err == nil:
			w.t.Errorf("%s: %v reads %d other bytes", what, id, len(got))
		case !all[want] && !lost(id, want):
			w.t.Errorf("%s: %v is lost (%v)", what, id, err)
		}
	}
}

// Records of every table are damaged, the store is repaired, and nothing is lost but what
// the record itself held.
func TestRepairDamagedRecords(t *testing.T) {
	w := newWard(t)
	r := rand.New(rand.NewPCG(trial.Seed(t), 2))
	s, found := w.repaired("nothing", w.copied(nil))
	if len(found) > 0 {
		t.Fatalf("found in a sound store: %v", found)
	}
	w.kept("nothing", s, func([3]string, string) bool { return false })
	tables := map[byte][]int{}
	for i, k := range w.keys {
		tables[k[0]] = append(tables[k[0]], i)
	}
	for _, c := range tableChecks() {
		if len(tables[c.first]) == 0 {
			t.Errorf("the museum has no record of table %q", c.first)
			continue
		}
		for n, how := range []string{"garbage", "missing", "garbage"} {
			i := tables[c.first][r.IntN(len(tables[c.first]))]
			k := w.keys[i]
			what := fmt.Sprintf("record %q %s", k, how)
			o := w.copied(func(tx *meta.Tx) error {
				if how == "missing" {
					tx.Delete(k)
				} else {
					tx.Set(k, []byte{0xff, 0xfe, byte(n)})
				}
				return nil
			})
			s, found := w.repaired(what, o)
			if len(found) == 0 && how == "garbage" && k[0] != 'g' && k[0] != 's' {
				t.Errorf("%s was not found", what)
			}
			// Bytes that stood in the record itself, or of which it alone knew where
			// they are, are gone; one version or those that shared it.
			gone := 0
			w.kept(what, s, func(id [3]string, bytes string) bool {
				gone++
				return k[0] == 'y' || k[0] == 'e' || encryptAll && k[0] == 'l' // which has the key
			})
			if gone > 3 {
				t.Errorf("%s: %d versions are lost", what, gone)
			}
		}
		if messages()[c.first] == nil {
			continue
		}
		w.refuses(tables[c.first][r.IntN(len(tables[c.first]))])
	}
}

// refuses demands that a record of a newer program is left as it is.
func (w *ward) refuses(i int) {
	w.t.Helper()
	k, msg := w.keys[i], messageAt(w.keys[i])
	w.ok(record.Unmarshal(w.values[i], msg))
	r := msg.ProtoReflect()
	r.Set(r.Descriptor().Fields().ByName("schema"), protoreflect.ValueOfUint32(99))
	newer, err := proto.Marshal(msg)
	w.ok(err)
	o := w.copied(func(tx *meta.Tx) error {
		tx.Set(k, newer)
		return nil
	})
	left, err := Repair(context.Background(), o, RepairOptions{})
	if err == nil && len(left) == 0 || err != nil && !fault.Is(err, fault.NewerFormat) {
		w.t.Errorf("a newer record %q: left %v, %v", k, left, err)
	}
	db, err := meta.Open(meta.Options{Key: recordsKeyOf(w.t, o), Dir: filepath.Join(o.Dir, metaDir), MemTableSize: o.MemTableSize})
	w.ok(err)
	defer db.Close()
	v := db.View()
	defer v.Close()
	if b, err := v.Get(k); err != nil || !bytes.Equal(b, newer) {
		w.t.Errorf("a newer record %q was changed: %v", k, err)
	}
}

// lasting are the keys of the records that a repair of the sound image leaves.
func (w *ward) lasting() map[string]bool {
	w.t.Helper()
	s, _ := w.repaired("nothing", w.copied(nil))
	keys, _ := (&museum{t: w.t, s: s}).records()
	out := map[string]bool{}
	for _, k := range keys {
		out[string(k)] = true
	}
	return out
}

// Records that say what is not so are put right.
func TestRepairWrongRecords(t *testing.T) {
	w := newWard(t)
	r := rand.New(rand.NewPCG(trial.Seed(t), 3))
	lasting := w.lasting()
	for _, c := range wrongRecords() {
		var some []int
		for i, k := range w.keys {
			if k[0] != c.table {
				continue
			}
			msg := messageAt(k)
			w.ok(record.Unmarshal(w.values[i], msg))
			if c.which == nil || c.which(msg) {
				some = append(some, i)
			}
		}
		if len(some) == 0 {
			t.Errorf("%s: the museum has no such record", c.name)
			continue
		}
		i := some[r.IntN(len(some))]
		k, msg := w.keys[i], messageAt(w.keys[i])
		w.ok(record.Unmarshal(w.values[i], msg))
		c.do(msg)
		b, err := record.Marshal(msg)
		w.ok(err)
		what := fmt.Sprintf("%s: record %q", c.name, k)
		s, found := w.repaired(what, w.copied(func(tx *meta.Tx) error {
			tx.Set(k, b)
			return nil
		}))
		drafted := bytes.HasSuffix(k, []byte("fragmented")) // which the draft replaces
		was, err := tryRead(s.As(Owner(), RequestContext{}), [3]string{"bare", "d/e/large", ""})
		undone := err == nil && was == letters(103, 103) // recovery found it first
		// What a pending publish replaced, and the parts of an upload that was aborted: recovery
		// lets go of them before their bytes are looked at, which nobody needs.
		let := k[0] == 'l' && !lasting[string(k)]
		if len(found) == 0 && k[0] != 'w' && !drafted && !undone && !let {
			t.Errorf("%s: nothing was found", what)
		}
		gone := 0
		w.kept(what, s, func(id [3]string, bytes string) bool {
			gone++
			// Where its bytes are is not known any more; a draft over it has no size to
			// compare it with.
			return k[0] == 'e'
		})
		if gone > 3 {
			t.Errorf("%s: %d versions are lost", what, gone)
		}
	}
}

// An owner of bytes is wrong and goes, and recovery lets the other one go, whose draft is
// published over them: the bytes are kept.
func TestRepairKeepsWhatRecoveryReplaces(t *testing.T) {
	w := newWard(t)
	var head, pending []byte
	v, p := new(record.Version), new(record.Pending)
	for i, k := range w.keys {
		switch {
		case k[0] == 'h' && bytes.HasSuffix(k, []byte("fragmented2")):
			head = k
			w.ok(record.Unmarshal(w.values[i], v))
		case k[0] == 'p':
			pending = k
			w.ok(record.Unmarshal(w.values[i], p))
		}
	}
	if v.Content.GetList() == 0 || p.Predecessor == nil {
		t.Fatalf("the museum has %v and %v", v, p)
	}
	bucket := table.SplitBucket(head)
	dead, old := table.Dead(bucket, "fragmented2"), table.Noncurrent(bucket, "fragmented2", v.Seq)
	marker, live, bare := proto.CloneOf(v), proto.CloneOf(v), proto.CloneOf(v)
	marker.Marker, bare.Bare = true, true
	empty := proto.CloneOf(marker)
	empty.Content = nil
	barren := proto.CloneOf(bare)
	barren.Content, barren.NextNumber = nil, 0
	later := proto.CloneOf(p)
	later.Predecessor.Content, later.Predecessor.Size, later.Predecessor.Seq = v.Content, v.Size, 1<<40
	for _, c := range []struct {
		what string
		k    []byte
		r    record.Record
	}{
		{"a head that is a marker", head, empty},
		{"a live version among markers", dead, live},
		{"a marker with content", dead, marker},
		{"a counter with content", dead, bare},
		{"an old version that is a counter", old, barren},
		{"what a pending publish replaced", pending, later},
		{"nothing in its place", head, nil},
	} {
		s, found := w.repaired(c.what, w.copied(func(tx *meta.Tx) error {
			tx.Delete(head)
			if c.r == nil {
				return nil
			}
			b, err := record.Marshal(c.r)
			tx.Set(c.k, b)
			return err
		}))
		if len(found) == 0 {
			t.Errorf("%s: nothing was found", c.what)
		}
		w.kept(c.what, s, func(id [3]string, _ string) bool {
			// Nothing refers any more to what the publish did replace.
			return bytes.Equal(c.k, pending) && id == [3]string{"bare", "d/e/large", "null"}
		})
	}
}

// bareMuseum is a store with one object in an unversioned bucket, bare/whole, of 8,000 bytes.
func bareMuseum(t *testing.T, o Options) (m *museum, whole string) {
	t.Helper()
	if err := Create(o); err != nil {
		t.Fatal(err)
	}
	s, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	m = &museum{t: t, s: s, se: s.As(Owner(), RequestContext{Door: DoorMount})}
	mustBucket(t, m.se, "bare", versioning.Unversioned)
	whole = letters(8000, 1)
	put(t, m.se, "bare", "whole", whole)
	return m, whole
}

// The record of a version is missing and has left no trace but a count, and who else has
// bytes of its content file has not all of them: they are kept.
func TestRepairKeepsWhatOthersHavePartOf(t *testing.T) {
	ctx := context.Background()
	o := Options{Dir: filepath.Join(quickDir(t), "store"), InlineMax: 64, MemTableSize: 1 << 20, CompactAfter: -1}
	m, whole := bareMuseum(t, o)
	s := m.s
	_, err := m.se.Copy(ctx, Source{Bucket: "bare", Key: "whole"}, "bare", "part", CopyInput{})
	m.ok(err)
	f, err := m.se.OpenFile(ctx, "bare", "part", OpenFlags{Write: true})
	m.ok(err)
	m.ok(f.Truncate(ctx, 5000))
	m.ok(f.Close(ctx))
	keys, _ := m.records()
	m.ok(s.Close(ctx))
	w := &ward{museum: m, image: o.Dir}
	w.s = &Store{opts: o}
	s, found := w.repaired("a version without its record", w.copied(func(tx *meta.Tx) error {
		for _, k := range keys {
			if k[0] == table.Head(0, "")[0] && table.SplitKey(k) == "whole" {
				tx.Delete(k)
			}
		}
		return nil
	}))
	if !contentsOf(t, s)[whole] {
		t.Errorf("its bytes are lost; found %v", found)
	}
	if got := readAll(t, s.As(Owner(), RequestContext{}), "bare", "part", ""); got != whole[:5000] {
		t.Errorf("who has part of them reads %d other bytes", len(got))
	}
}

// The count of a content file is lost with the version that had all of it, and others have
// parts of it: with the count went how many there were, so all of it is kept, unless what
// they have together is all.
func TestRepairKeepsWhatNobodyCounts(t *testing.T) {
	if encryptAll {
		t.Skip("the record that counts has the key as well: TestRepairKeepsWhatNobodyDecrypts")
	}
	ctx := context.Background()
	o := Options{Dir: filepath.Join(quickDir(t), "store"), InlineMax: 64, MemTableSize: 1 << 20, CompactAfter: -1, SettleAfter: -1}
	m, whole := bareMuseum(t, o)
	s := m.s
	part := func(key string, change func(f *File)) {
		t.Helper()
		_, err := m.se.Copy(ctx, Source{Bucket: "bare", Key: "whole"}, "bare", key, CopyInput{})
		m.ok(err)
		f, err := m.se.OpenFile(ctx, "bare", key, OpenFlags{Write: true})
		m.ok(err)
		change(f)
		m.ok(f.Close(ctx))
	}
	part("the-beginning", func(f *File) { m.ok(f.Truncate(ctx, 5000)) })
	part("an-end", func(f *File) {
		_, err := f.WriteAt(ctx, []byte(letters(1000, 2)), 0)
		m.ok(err)
	})
	m.ok(s.Sync(ctx))
	keys, values := m.records()
	var head, begin, end, count []byte
	for i, k := range keys {
		switch k[0] {
		case table.Head(0, "")[0]:
			switch table.SplitKey(k) {
			case "whole":
				head = k
			case "the-beginning":
				begin = k
			case "an-end": // before the other in the order of keys
				end = k
			}
		case table.Blobs()[0]:
			b := new(record.Blob)
			m.ok(record.Unmarshal(values[i], b))
			if b.Length == int64(len(whole)) {
				count = k
			}
		}
	}
	if head == nil || begin == nil || end == nil || count == nil {
		t.Fatalf("the records are %q", keys)
	}
	w := &ward{museum: m, image: quickDir(t) + "/image"}
	snapshotStore(t, s, w.image)
	// Recovery replaces one of them by what was written and fsynced.
	f, err := m.se.OpenFile(ctx, "bare", "an-end", OpenFlags{Write: true, Truncate: true})
	m.ok(err)
	_, err = f.WriteAt(ctx, []byte("new"), 0)
	m.ok(err)
	m.ok(f.Sync(ctx))
	drafted := quickDir(t) + "/drafted"
	snapshotStore(t, s, drafted)
	m.ok(f.Close(ctx))
	m.ok(s.Close(ctx))
	undrafted := w.image
	for _, c := range []struct {
		what  string
		image string
		gone  [][]byte
		bad   []byte
		kept  bool
	}{
		{"one has the beginning", undrafted, [][]byte{head, end, count}, nil, true},
		{"one has the end", undrafted, [][]byte{head, begin, count}, nil, true},
		{"the count is damaged", undrafted, [][]byte{head, end}, count, true},
		{"two have all", undrafted, [][]byte{head, count}, nil, false},
		{"two have all, and one is replaced", drafted, [][]byte{head, count}, nil, true},
		{"nothing else is lost", undrafted, [][]byte{count}, nil, false},
	} {
		w.image = c.image
		s, found := w.repaired(c.what, w.copied(func(tx *meta.Tx) error {
			for _, k := range c.gone {
				tx.Delete(k)
			}
			if c.bad != nil {
				tx.Set(c.bad, []byte{0xff, 0xfe})
			}
			return nil
		}))
		_, err := s.As(Owner(), RequestContext{}).Head(ctx, LostFound, fmt.Sprintf("contents/%016x", table.SplitBucket(count)), "")
		kept := err == nil
		if kept != c.kept {
			t.Errorf("%s: kept in %s is %v; found %v", c.what, LostFound, kept, found)
		}
		if is := contentsOf(t, s)[whole]; is != (c.kept || c.what == "nothing else is lost") {
			t.Errorf("%s: whole is %v; found %v", c.what, is, found)
		}
		m.ok(s.Close(ctx))
	}
}

// Repair takes damaged contents away from their owners. That these are fewer then is no
// trace of a lost record, though one was lost.
func TestRepairDamagedContentBesideLostRecord(t *testing.T) {
	w := newWard(t)
	var lost []byte
	var lists [][]byte
	for i, k := range w.keys {
		switch {
		case k[0] == 'h' && bytes.HasSuffix(k, []byte("d/e/small")):
			lost = k
		case k[0] == 'e':
			l := new(record.ExtentList)
			w.ok(record.Unmarshal(w.values[i], l))
			if len(l.Extents) > 0 {
				lists = append(lists, k)
			}
		}
	}
	if lost == nil || len(lists) == 0 {
		t.Fatal("the museum has no such records")
	}
	for _, k := range lists {
		what := fmt.Sprintf("list %q", k)
		w.repaired(what, w.copied(func(tx *meta.Tx) error {
			l := new(record.ExtentList)
			for i := range w.keys {
				if bytes.Equal(w.keys[i], k) {
					w.ok(record.Unmarshal(w.values[i], l))
				}
			}
			l.Extents[0].Blob = 1 << 40
			b, err := record.Marshal(l)
			tx.Set(k, b)
			tx.Set(lost, []byte{0xff, 0xfe})
			return err
		}))
	}
}
