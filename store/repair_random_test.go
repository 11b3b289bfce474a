package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pail/integration/trial"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// A patient is a store that random operations have made, closed, and what each version of
// it reads as and stands on.
type patient struct {
	t     *testing.T
	r     *rand.Rand
	o     Options
	keys  [][]byte
	files []string
	bytes map[[3]string]string
	needs map[[3]string][]string // keys of records and names of files
}

func newPatient(t *testing.T, seed uint64) *patient {
	ctx := context.Background()
	w := &wanderer{t: t, r: rand.New(rand.NewPCG(seed, 5)), done: map[string][2]int{},
		o: Options{InlineMax: 64, SettleAfter: -1, MinPartSize: -1, MemTableSize: 1 << 20, VerifyReads: true, CompactAfter: -1}}
	w.o.Dir = filepath.Join(quickDir(t), "store")
	if err := Create(w.o); err != nil {
		t.Fatal(err)
	}
	w.start(w.o.Dir)
	mustBucket(t, w.se, "bare", versioning.Unversioned)
	mustBucket(t, w.se, "kept", versioning.Enabled)
	mustBucket(t, w.se, "mixed", versioning.Unversioned)
	for range 500 {
		if what, err := w.step(); err != nil && !expected(err) {
			t.Fatalf("%s: %v", what, err)
		}
	}
	for _, f := range w.files {
		if err := f.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.s.whenAtRest(ctx, func() error {
		return w.s.view(func(sn *snap) error {
			for _, m := range sn.moves {
				return sn.atRest(m.Bucket, "")
			}
			return nil
		})
	}); err != nil {
		t.Fatal(err)
	}
	if err := w.s.settler.sweep(ctx); err != nil {
		t.Fatal(err)
	}
	p := &patient{t: t, r: w.r, o: w.o, bytes: map[[3]string]string{}, needs: map[[3]string][]string{}}
	p.keys, _ = (&museum{t: t, s: w.s}).records()
	p.readAll(w.s)
	if err := w.s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	_, p.files = storeFiles(t, w.o.Dir)
	return p
}

// readAll notes what every version reads as and what it stands on.
func (p *patient) readAll(s *Store) {
	p.t.Helper()
	se := s.As(Owner(), RequestContext{})
	for _, prefix := range [][]byte{table.Head(0, "")[:1], table.NoncurrentBelow(0, "")[:1]} {
		err := s.view(func(sn *snap) error {
			it := sn.r.Scan(meta.ScanOptions{Prefix: prefix})
			defer it.Close()
			for it.Next() {
				k := slices.Clone(it.Key())
				v := new(record.Version)
				if err := unmarshal(k, it.Value(), v); err != nil {
					return err
				}
				if v.Marker || v.Bare {
					continue
				}
				b := sn.bucketByID(table.SplitBucket(k))
				key := table.SplitKey(k)
				if prefix[0] != 'h' {
					key, _, _ = table.SplitNoncurrent(k)
				}
				id := [3]string{b.Name, key, versionID(v)}
				needs := []string{string(k), string(table.Bucket(b.Name))}
				if c := v.Content; c.GetInline() != 0 {
					needs = append(needs, string(table.Inline(c.Inline)))
				} else {
					if c.GetList() != 0 {
						needs = append(needs, string(table.ExtentListOf(c.List)))
					}
					es, err := sn.extentsOf(c)
					if err != nil {
						return err
					}
					for _, f := range es.Blobs() {
						needs = append(needs, fmt.Sprintf("%s/%02x/%v", blobDir, byte(f>>8), f))
						if encryptAll {
							needs = append(needs, string(table.Blob(uint64(f)))) // it has the key
						}
					}
				}
				p.bytes[id], p.needs[id] = readAll(p.t, se, b.Name, key, id[2]), needs
			}
			return it.Err()
		})
		if err != nil {
			p.t.Fatal(err)
		}
	}
}

// damage damages a copy of the store, and returns what was hit.
func (p *patient) damage(dir string) (hit []string) {
	p.t.Helper()
	o := p.o
	o.Dir = dir
	db, err := meta.Open(meta.Options{Key: recordsKeyOf(p.t, o), Dir: filepath.Join(dir, metaDir), MemTableSize: o.MemTableSize})
	if err != nil {
		p.t.Fatal(err)
	}
	_, err = db.Update(context.Background(), meta.UpdateOptions{Durable: true}, func(tx *meta.Tx) error {
		for range 1 + p.r.IntN(10) {
			k := p.keys[p.r.IntN(len(p.keys))]
			hit = append(hit, string(k))
			if p.r.IntN(2) == 0 {
				tx.Delete(k)
			} else {
				tx.Set(k, []byte{0xff, 0xfe})
			}
		}
		return nil
	})
	if err := errors.Join(err, db.Close()); err != nil {
		p.t.Fatal(err)
	}
	for range p.r.IntN(3) {
		file := p.files[p.r.IntN(len(p.files))]
		how := []string{"flip", "truncate", "delete", "swap"}[p.r.IntN(4)]
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			continue
		}
		if how == "swap" {
			other := p.files[p.r.IntN(len(p.files))]
			if _, err := os.Stat(filepath.Join(dir, other)); err != nil {
				continue
			}
			hit = append(hit, other)
			damageFile(p.t, p.r, dir, file, how, []string{other, other})
		} else {
			damageFile(p.t, p.r, dir, file, how, p.files)
		}
		hit = append(hit, file)
	}
	return hit
}

// touched says whether something that a version stands on was hit.
func (p *patient) touched(id [3]string, hit []string) bool {
	for _, need := range p.needs[id] {
		for _, h := range hit {
			if h == need || h[0] == 'e' && strings.HasPrefix(h, need) {
				return true
			}
		}
	}
	return false
}

// survived demands that what stands on nothing that was hit reads as it did.
func (p *patient) survived(s *Store, hit []string) {
	p.t.Helper()
	se := s.As(Owner(), RequestContext{})
	all := contentsOf(p.t, s)
	for id, want := range p.bytes {
		got, err := tryRead(se, id)
		switch touched := p.touched(id, hit); {
		case err == nil && got != want && (!touched || id[2] != NullVersion):
			p.t.Errorf("%q reads %d other bytes", id, len(got))
		case err != nil && !touched:
			p.t.Errorf("%q is lost: %v", id, err)
		case err != nil && !all[want] && !p.bytesHit(id, hit):
			p.t.Errorf("%q: its %d bytes are lost, %d of them not zero (%v); it stood on %s", id, len(want), len(strings.ReplaceAll(want, "\x00", "")), err, p.names(p.needs[id]))
		}
	}
}

// bytesHit says whether the bytes of a version were hit, or the way to them.
func (p *patient) bytesHit(id [3]string, hit []string) bool {
	if strings.Trim(p.bytes[id], "\x00") == "" {
		return p.touched(id, hit) // a hole stands in the record itself
	}
	for _, need := range p.needs[id][2:] {
		for _, h := range hit {
			if h == need || h[0] == 'e' && strings.HasPrefix(h, need) {
				return true
			}
		}
	}
	return false
}

func (p *patient) names(hit []string) string {
	var out []string
	for _, h := range hit {
		out = append(out, fmt.Sprintf("%q", h))
	}
	return strings.Join(out, " ")
}

// Stores are damaged at random and repaired: what was not hit reads as before, and the
// store goes on working.
func TestRepairRandomDamage(t *testing.T) {
	seed := trial.Seed(t)
	p := newPatient(t, seed)
	t.Logf("%d versions, %d records, %d content files", len(p.bytes), len(p.keys), len(p.files))
	w := &ward{museum: &museum{t: t, s: &Store{opts: p.o}}, image: p.o.Dir}
	for i := range 20 {
		o := w.copied(nil)
		hit := p.damage(o.Dir)
		s, found := w.repaired(p.names(hit), o)
		p.survived(s, hit)
		if t.Failed() {
			t.Fatalf("round %d, hit %s; found %v", i, p.names(hit), found)
		}
		if err := s.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		_ = os.RemoveAll(o.Dir)
	}
}

// A repair is killed at some of its steps, the next one too, and the one after that
// finishes what they began.
func TestRepairKilled(t *testing.T) {
	seed := trial.Seed(t)
	p := newPatient(t, seed)
	w := &ward{museum: &museum{t: t, s: &Store{opts: p.o}}, image: p.o.Dir}
	kills := 0
	for i := range 10 {
		o := w.copied(nil)
		hit := p.damage(o.Dir)
		hit = append(hit, p.damage(o.Dir)...)
		for deep := 0; deep < 3; deep++ {
			cut := errors.New("killed")
			image, left := "", p.r.IntN(25)
			o.tuning.repairStep = func(s *Store) error {
				if left--; left >= 0 {
					return nil
				}
				image = filepath.Join(quickDir(t), "store")
				snapshotStore(t, s, image)
				return cut
			}
			_, err := Repair(context.Background(), o, RepairOptions{FsckOptions: FsckOptions{Deep: true}})
			if image == "" {
				if err != nil {
					t.Fatalf("round %d, hit %s: %v", i, p.names(hit), err)
				}
				break
			}
			kills++
			o.Dir = image
		}
		o.tuning.repairStep = nil
		s, found := w.repaired(p.names(hit), o)
		p.survived(s, hit)
		if t.Failed() {
			t.Fatalf("round %d, hit %s; found %v", i, p.names(hit), found)
		}
		if err := s.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if kills < 5 {
		t.Errorf("only %d repairs were killed", kills)
	}
}
