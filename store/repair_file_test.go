package store

import (
	"context"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pail/crypto"
	"pail/integration/trial"
	"pail/store/fault"
)

// files are the regular files of a closed store, and those of them that are contents.
func storeFiles(t *testing.T, dir string) (all, contents []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || d.Name() == lockName {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		all = append(all, rel)
		if strings.HasPrefix(rel, blobDir) {
			contents = append(contents, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all, contents
}

// remains says whether all of a content but what was damaged is among some: as long, and
// each byte right but one, or lost and zero.
func remains(all map[string]bool, want, how string) bool {
	if encryptAll && len(want) <= crypto.SegmentSize {
		return true // it was one segment, and that no longer opens
	}
	for got := range all {
		if len(got) != len(want) {
			continue
		}
		differ, zeros := 0, 0
		for i := range len(want) {
			if got[i] != want[i] {
				if differ++; got[i] == 0 {
					zeros++
				}
			}
		}
		if encryptAll && how == "flip" && differ == zeros && differ <= crypto.SegmentSize {
			return true // the segment no longer opens
		}
		if how == "flip" && differ == 1 || how != "flip" && differ == zeros {
			return true
		}
	}
	return false
}

// Content files are damaged and the store is repaired: who needs none of the bytes that
// are lost reads as before, and of the others all is kept that can be read.
func TestRepairDamagedFiles(t *testing.T) {
	w := newWard(t)
	r := rand.New(rand.NewPCG(trial.Seed(t), 4))
	w.want[[3]string{"bare", "fragmented", "null"}] = w.drafted
	w.image = w.s.opts.Dir // after a clean end
	_, contents := storeFiles(t, w.image)
	r.Shuffle(len(contents), func(i, j int) { contents[i], contents[j] = contents[j], contents[i] })
	outcomes := map[string]int{}
	for _, how := range []string{"flip", "truncate", "delete", "swap"} {
		for _, file := range contents[:min(len(contents), 7)] {
			what := how + " of " + file
			o := w.copied(nil)
			if !damageFile(t, r, o.Dir, file, how, contents) {
				continue
			}
			fi, err := os.Stat(filepath.Join(o.Dir, file))
			nothing := err != nil || fi.Size() == 0 || encryptAll && fi.Size() < crypto.SlotSize // is left
			s, found := w.repaired(what, o)
			if len(found) == 0 {
				t.Errorf("%s: nothing was found", what)
			}
			all := contentsOf(t, s)
			w.kept(what, s, func(id [3]string, want string) bool {
				outcomes[how]++
				return how != "swap" && (nothing || remains(all, want, how))
			})
			w.ok(s.Close(context.Background()))
			w.ok(os.RemoveAll(o.Dir))
		}
	}
	t.Logf("%v versions had to leave their places", outcomes)
	if outcomes["swap"] > 0 || outcomes["flip"] == 0 || outcomes["delete"] == 0 {
		t.Errorf("versions that had to leave their places: %v", outcomes)
	}
}

// What cannot be opened is refused by a repair too, and left as it is.
func TestRepairRefusesWhatCannotBeOpened(t *testing.T) {
	w := newWard(t)
	w.image = w.s.opts.Dir
	all, _ := storeFiles(t, w.image)
	for _, file := range all {
		if strings.HasPrefix(file, blobDir) || strings.HasSuffix(file, "DISCARD") || strings.HasSuffix(file, "KEYREGISTRY") || strings.HasSuffix(file, ".vlog") {
			continue
		}
		o := w.copied(nil)
		w.ok(os.Remove(filepath.Join(o.Dir, file)))
		left, err := Repair(context.Background(), o, RepairOptions{})
		switch {
		case err == nil && len(left) == 0:
			t.Logf("without %s: nothing is missing", file)
		case !fault.Is(err, fault.Damaged) && !fault.Is(err, fault.NoSuchStore) && !(file == masterName && fault.Is(err, fault.AccessDenied)):
			t.Errorf("without %s: left %v, %v", file, left, err)
		case strings.Contains(err.Error(), "\n"):
			t.Errorf("without %s: the sentence has several lines: %v", file, err)
		default:
			t.Logf("without %s: %v", file, err)
		}
	}
}

// A store that is in use is not repaired.
func TestRepairNeedsTheStoreToItself(t *testing.T) {
	s, _ := openTest(t, Options{})
	if _, err := Repair(context.Background(), s.opts, RepairOptions{}); !fault.Is(err, fault.StoreLocked) {
		t.Errorf("repair of a store in use: %v", err)
	}
}

// What scrubbing has noted of a content is forgotten with it.
func TestRepairForgetsNotedDamage(t *testing.T) {
	ctx := context.Background()
	w := newWard(t)
	w.image = w.s.opts.Dir
	_, contents := storeFiles(t, w.image)
	o := w.copied(nil)
	w.ok(os.Remove(filepath.Join(o.Dir, contents[0])))
	s, err := Open(ctx, o)
	w.ok(err)
	if _, err := s.Scrub(ctx, ScrubOptions{}); err != nil {
		t.Logf("scrub: %v", err)
	}
	known := func(s *Store) (n int) {
		err := s.view(func(sn *snap) error {
			return eachRecord(ctx, sn, settingDamage(), nil, func(_, _ []byte, _ error) error {
				n++
				return nil
			})
		})
		w.ok(err)
		return n
	}
	if known(s) == 0 {
		t.Fatal("scrubbing has noted nothing")
	}
	w.ok(s.Close(ctx))
	s, _ = w.repaired("after a scrub", o)
	if n := known(s); n > 0 {
		t.Errorf("%d damages are still noted", n)
	}
}
