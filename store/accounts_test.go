package store

import (
	"context"
	"testing"
	"time"

	"pail/store/internal/blob"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// An account of content files: who refers to each, by the records.
type account struct {
	t      *testing.T
	sn     *snap
	refs   map[blob.ID]uint64
	lists  map[uint64]bool
	drafts map[blob.ID]bool // files of fsynced drafts
}

// balance settles and frees what can be, then compares the counts of references with
// the records that refer, and the files on disk with both.
func balance(t *testing.T, s *Store) {
	t.Helper()
	s.compactor.mu.Lock() // what compaction is just copying belongs to nobody yet
	defer s.compactor.mu.Unlock()
	for tries := 0; !swept(t, s); tries++ {
		if tries == 3000 {
			t.Fatal("garbage stays")
		}
		time.Sleep(5 * time.Millisecond) // the settler's job may be at it
	}
	a := &account{t: t, refs: map[blob.ID]uint64{}, lists: map[uint64]bool{}, drafts: map[blob.ID]bool{}}
	problems, err := s.Check(context.Background(), FsckOptions{Deep: true})
	if err != nil || len(problems) > 0 {
		t.Fatalf("fsck: %v, %v", problems, err)
	}
	err = s.view(func(sn *snap) error {
		a.sn = sn
		a.versions('h')
		a.versions('d')
		a.versions('v')
		a.each(table.Pendings(), new(record.Pending), func(m record.Record) {
			if p := m.(*record.Pending).Predecessor; p != nil {
				a.content(p.Content)
			}
		})
		a.each(table.AllParts(), new(record.Part), func(m record.Record) { a.content(m.(*record.Part).Content) })
		a.each(table.Drafts(), new(record.Draft), func(m record.Record) {
			d := m.(*record.Draft)
			a.content(d.Base)
			for _, id := range d.Lent {
				a.refs[blob.ID(id)]++
			}
			if d.Blob != 0 {
				a.drafts[blob.ID(d.Blob)] = true
			}
			a.lists[d.List] = true
		})
		a.compare()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// swept says whether all is freed that can be.
func swept(t *testing.T, s *Store) bool {
	t.Helper()
	if err := s.settler.sweep(context.Background()); err != nil {
		t.Fatal(err)
	}
	clean := true
	err := s.view(func(sn *snap) error {
		for _, prefix := range [][]byte{settingEnded(), settingReleased(), table.Garbages()} {
			it := sn.r.Scan(meta.ScanOptions{Prefix: prefix, KeysOnly: true})
			defer it.Close()
			for it.Next() {
				id, err := table.Number(it.Key())
				if err != nil || !s.pins.pinned(blob.ID(id)) {
					clean = false
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return clean
}

func (a *account) versions(tab byte) {
	a.each([]byte{tab}, new(record.Version), func(m record.Record) { a.content(m.(*record.Version).Content) })
}

func (a *account) each(prefix []byte, m record.Record, fn func(record.Record)) {
	a.t.Helper()
	it := a.sn.r.Scan(meta.ScanOptions{Prefix: prefix})
	defer it.Close()
	for it.Next() {
		if err := unmarshal(it.Key(), it.Value(), m); err != nil {
			a.t.Fatal(err)
		}
		fn(m)
	}
	if err := it.Err(); err != nil {
		a.t.Fatal(err)
	}
}

// content counts what one owner of c refers to; a shared list refers once.
func (a *account) content(c *record.Content) {
	if c.GetList() != 0 {
		if a.lists[c.List] {
			return
		}
		a.lists[c.List] = true
	}
	es, err := a.sn.extentsOf(c)
	if err != nil {
		a.t.Error(err)
	}
	for _, id := range es.Blobs() {
		a.refs[id]++
	}
}

func (a *account) compare() {
	a.t.Helper()
	known := map[blob.ID]bool{}
	it := a.sn.r.Scan(meta.ScanOptions{Prefix: table.Blobs()})
	defer it.Close()
	for it.Next() {
		var b record.Blob
		if err := record.Unmarshal(it.Value(), &b); err != nil {
			a.t.Fatal(err)
		}
		n, _ := table.Number(it.Key())
		id := blob.ID(n)
		if b.Sum == 0 && b.Length == 0 {
			continue // a shared list or inlined blob
		}
		known[id] = true
		if a.refs[id] != b.Refs {
			a.t.Errorf("content file %v counts %d references and has %d", id, b.Refs, a.refs[id])
		}
	}
	for id, n := range a.refs {
		if !known[id] {
			a.t.Errorf("content file %v has %d references and no record", id, n)
		}
	}
	err := a.sn.s.blobs.Walk(func(id blob.ID, _ int64, _ bool) error {
		if !known[id] && !a.drafts[id] && !a.sn.s.pins.pinned(id) {
			a.t.Errorf("content file %v belongs to nobody", id)
		}
		delete(known, id)
		return nil
	})
	if err != nil {
		a.t.Fatal(err)
	}
	for id := range known {
		a.t.Errorf("content file %v is not on disk", id)
	}
	lists := a.sn.r.Scan(meta.ScanOptions{Prefix: table.ExtentLists(), KeysOnly: true})
	defer lists.Close()
	for lists.Next() {
		if list, _ := table.SplitExtentList(lists.Key()); !a.lists[list] {
			a.t.Errorf("extent list %d belongs to nobody", list)
		}
	}
}

// kill ends a store as the end of its process would: nothing is published or settled.
func kill(t *testing.T, s *Store) {
	t.Helper()
	s.closeOnce.Do(func() {
		s.kms.end() // its timer would keep the store, and with it the files that a process's end closes
		if err := s.shut(); err != nil {
			t.Fatal(err)
		}
	})
}
