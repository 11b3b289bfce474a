package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"pail/store/fault"
	"pail/store/internal/meta"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// marking is an upgrade that gives every live object a tag, some objects an update, and
// fails at the n-th update, if n is not 0.
func marking(tag string, calls *int, n int) upgrade {
	return upgrade{what: "tag objects " + tag, some: func(t *txn, from []byte) (next []byte, err error) {
		if *calls++; *calls == n {
			return nil, errCut
		}
		it := t.tx.Scan(meta.ScanOptions{Prefix: table.Head(0, "")[:1], Start: from, KeysOnly: true})
		defer it.Close()
		for range 3 {
			if !it.Next() {
				return nil, it.Err()
			}
			k := bytes.Clone(it.Key())
			v, err := t.versionAt(k)
			if err != nil {
				return nil, err
			}
			if v.Tags == nil {
				v.Tags = map[string]string{}
			}
			v.Tags[tag] += "x" // twice would show
			if err := t.put(k, v); err != nil {
				return nil, err
			}
			next = append(k, 0)
		}
		return next, nil
	}}
}

var errCut = errors.New("cut")

// TestUpgradeResumes interrupts two upgrades at each of their updates. The store is opened
// by no older program from then on, goes on where it was, and each record is upgraded once.
func TestUpgradeResumes(t *testing.T) {
	ctx := context.Background()
	const objects = 10
	old := filepath.Join(t.TempDir(), "old")
	s, se := openTest(t, Options{Dir: old})
	mustBucket(t, se, "bkt", versioning.Enabled)
	for i := range objects {
		put(t, se, "bkt", fmt.Sprintf("k%02d", i), fmt.Sprint("body ", i))
	}
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	for cut := 1; ; cut++ {
		dir := filepath.Join(t.TempDir(), "store")
		if err := copyTree(old, dir); err != nil {
			t.Fatal(err)
		}
		calls := 0
		newer := func(cut int) Options {
			return Options{Dir: dir, tuning: tuning{format: Format + 2, upgrades: append(upgrades[:],
				marking("first", &calls, cut), marking("second", &calls, cut))}}
		}
		done, err := Open(ctx, newer(cut))
		switch {
		case err == nil: // it came to the end before the cut
			if err := done.Close(ctx); err != nil {
				t.Fatal(err)
			}
			if cut <= 2*(objects/3) {
				t.Fatalf("the upgrades took %d updates", calls)
			}
			return
		case !errors.Is(err, errCut):
			t.Fatal(err)
		}
		if _, err := Open(ctx, Options{Dir: dir}); !fault.Is(err, fault.NewerFormat) {
			t.Fatalf("cut at update %d: an older program: %v", cut, err)
		}
		calls = cut
		s, se := openTest(t, newer(0))
		for i := range objects {
			key := fmt.Sprintf("k%02d", i)
			tags, err := se.Tags(ctx, "bkt", key, "")
			if err != nil || tags["first"] != "x" || tags["second"] != "x" || len(tags) != 2 {
				t.Fatalf("cut at update %d: %s has %v (%v)", cut, key, tags, err)
			}
			if got := readAll(t, se, "bkt", key, ""); got != fmt.Sprint("body ", i) {
				t.Fatalf("cut at update %d: %s reads %q", cut, key, got)
			}
		}
		fsckClean(t, s, true)
		if err := s.Close(ctx); err != nil {
			t.Fatal(err)
		}
		total := calls
		s, _ = openTest(t, newer(0))
		if calls != total || s.label.Format != Format+2 || s.label.From != 0 {
			t.Fatalf("opened again: %d more updates, label %+v", calls-total, s.label)
		}
		if err := s.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
}
