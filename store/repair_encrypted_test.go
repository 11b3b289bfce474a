package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pail/crypto"
	"pail/store/internal/blob"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// A sealedRig is a closed store with an encrypted object of one content file, and a small one.
type sealedRig struct {
	*testing.T
	o    Options
	id   blob.ID
	path string // of its content file
	want string
}

func newSealedRig(t *testing.T) *sealedRig {
	t.Helper()
	r := &sealedRig{T: t, want: letters(300_000, 9)}
	r.o = Options{Dir: filepath.Join(quickDir(t), "store"), InlineMax: 64, SettleAfter: -1, MinPartSize: -1, MemTableSize: 1 << 20, CompactAfter: -1}
	r.o.tuning.encryptAll = true
	r.ok(Create(r.o))
	s := r.open(r.o)
	se := s.As(Owner(), RequestContext{})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	put(t, se, "bkt", "large", r.want)
	put(t, se, "bkt", "small", "small")
	r.ok(s.view(func(sn *snap) error {
		v, err := sn.head(s.buckets.byName["bkt"].Id, "large")
		if err == nil {
			r.id = blob.ID(v.Content.Extents[0].Blob)
		}
		return err
	}))
	r.ok(s.Close(context.Background()))
	r.path = filepath.Join(r.o.Dir, blobDir, fmt.Sprintf("%02x", byte(r.id>>8)), r.id.String())
	return r
}

func (r *sealedRig) ok(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *sealedRig) open(o Options) *Store {
	r.Helper()
	s, err := Open(context.Background(), o)
	r.ok(err)
	return s
}

// flip changes a bit of the content file.
func (r *sealedRig) flip(off int64) {
	r.Helper()
	b, err := os.ReadFile(r.path)
	r.ok(err)
	b[off] ^= 4
	r.ok(os.WriteFile(r.path, b, 0o600))
}

func (r *sealedRig) repair(o Options) (left []Problem) {
	r.Helper()
	left, err := Repair(context.Background(), o, RepairOptions{FsckOptions: FsckOptions{Deep: true}})
	r.ok(err)
	return left
}

// found reads what repair has kept, by its key and with its note and how it is encrypted.
func (r *sealedRig) found(s *Store) (key, bytes, note string, e *record.Encryption) {
	r.Helper()
	r.ok(s.view(func(sn *snap) error {
		it := sn.r.Scan(meta.ScanOptions{Prefix: table.Head(s.buckets.byName[LostFound].Id, "")})
		defer it.Close()
		for it.Next() {
			v := new(record.Version)
			if err := unmarshal(it.Key(), it.Value(), v); err != nil {
				return err
			}
			if v.Size > 0 {
				key, note, e = table.SplitKey(it.Key()), v.Metadata[foundLabel], v.Encryption
			}
		}
		return it.Err()
	}))
	return key, readAll(r.T, s.As(Owner(), RequestContext{}), LostFound, key, ""), note, e
}

// A segment of an encrypted object does not open any more: the rest is kept, encrypted.
func TestRepairEncryptedFile(t *testing.T) {
	r := newSealedRig(t)
	r.flip(40*crypto.SlotSize + 100)
	if left := r.repair(r.o); len(left) > 0 {
		t.Fatalf("left %v", left)
	}
	s := r.open(r.o)
	defer s.Close(context.Background())
	key, got, note, e := r.found(s)
	lo := 40 * crypto.SegmentSize
	want := r.want[:lo] + strings.Repeat("\x00", crypto.SegmentSize) + r.want[lo+crypto.SegmentSize:]
	if got != want {
		t.Errorf("%s reads other bytes", key)
	}
	if e == nil || !strings.Contains(note, fmt.Sprintf("bytes %d-%d", lo, lo+crypto.SegmentSize-1)) {
		t.Errorf("%s: encrypted %v, note %q", key, e != nil, note)
	}
	fsckClean(t, s, true)
	err := s.blobs.Walk(func(id blob.ID, _ int64, _ bool) error {
		if encrypted, _ := s.blobs.Encrypted(id); !encrypted {
			t.Errorf("content file %v is not encrypted", id)
		}
		return nil
	})
	r.ok(err)
}

// The record of an encrypted content file is lost, and its key with it: the bytes on the disk
// are kept and are said to be encrypted, and the object has lost its own.
func TestRepairKeepsWhatNobodyDecrypts(t *testing.T) {
	r := newSealedRig(t)
	db, err := meta.Open(meta.Options{Key: recordsKeyOf(t, r.o), Dir: filepath.Join(r.o.Dir, metaDir), MemTableSize: r.o.MemTableSize})
	r.ok(err)
	_, err = db.Update(context.Background(), meta.UpdateOptions{Durable: true}, func(tx *meta.Tx) error {
		tx.Delete(table.Blob(uint64(r.id)))
		return nil
	})
	r.ok(errors.Join(err, db.Close()))
	if left := r.repair(r.o); len(left) > 0 {
		t.Fatalf("left %v", left)
	}
	s := r.open(r.o)
	defer s.Close(context.Background())
	key, got, note, e := r.found(s)
	if key != "contents/"+r.id.String() || int64(len(got)) < int64(len(r.want)) || strings.Contains(got, r.want[:100]) {
		t.Errorf("kept is %s of %d bytes", key, len(got))
	}
	if e != nil || !strings.Contains(note, "encrypted content file") {
		t.Errorf("encrypted %v, note %q", e != nil, note)
	}
	if got := readAll(t, s.As(Owner(), RequestContext{}), "bkt", "small", ""); got != "small" {
		t.Errorf("small reads %q", got)
	}
}

// Without the master key a damaged encrypted file stays as it is and is named; with the key
// the same repair saves what can be read.
func TestRepairWithoutMasterKey(t *testing.T) {
	if encryptAll {
		t.Skip("a store whose records are encrypted is not opened without")
	}
	r := newSealedRig(t)
	r.flip(40*crypto.SlotSize + 100)
	before, err := os.ReadFile(r.path)
	r.ok(err)
	master := filepath.Join(r.o.Dir, masterName)
	r.ok(os.Rename(master, r.o.Dir+".key"))
	o := r.o
	o.tuning.encryptAll = false
	o.WithoutMasterKey = true
	left := r.repair(o)
	named := false
	for _, p := range left {
		named = named || strings.Contains(p.Where, r.id.String()) && p.Kind == ProblemDamaged
	}
	if !named {
		t.Errorf("the damaged file is not among what is left: %v", left)
	}
	if after, err := os.ReadFile(r.path); err != nil || string(after) != string(before) {
		t.Errorf("the file was changed: %v", err)
	}
	r.ok(os.Rename(r.o.Dir+".key", master))
	if left := r.repair(r.o); len(left) > 0 {
		t.Fatalf("left %v", left)
	}
	s := r.open(r.o)
	defer s.Close(context.Background())
	if _, got, _, _ := r.found(s); len(got) != len(r.want) {
		t.Errorf("%d bytes were kept", len(got))
	}
}
