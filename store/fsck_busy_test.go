package store

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"pail/integration/trial"
	"pail/versioning"
)

// What is on its way is no problem: fsck runs again and again while many write.
func TestFsckWhileInUse(t *testing.T) {
	seed := trial.Seed(t)
	s, se := openTest(t, Options{Dir: quickDir(t) + "/store", InlineMax: 64, SettleAfter: time.Millisecond, MinPartSize: -1, MemTableSize: 4 << 20,
		tuning: tuning{movedInline: 2, movesPerUpdate: 2, moveDelay: time.Millisecond}})
	mustBucket(t, se, "bare", versioning.Unversioned)
	mustBucket(t, se, "kept", versioning.Enabled)
	mustBucket(t, se, "mixed", versioning.Enabled)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for i := range 6 {
		w := &wanderer{t: t, r: rand.New(rand.NewPCG(seed, uint64(i))), s: s, se: s.As(Owner(), RequestContext{Door: DoorMount}), done: map[string][2]int{}}
		wg.Go(func() {
			for ctx.Err() == nil {
				if what, err := w.step(); err != nil && !expected(err) {
					t.Errorf("%s: %v", what, err)
				}
			}
			for _, f := range w.files {
				if err := f.Close(context.Background()); err != nil {
					t.Errorf("close: %v", err)
				}
			}
		})
	}
	wg.Go(func() { // bodies that come in slowly
		for n := 0; ctx.Err() == nil; n++ {
			body := &slowly{r: bytes.NewReader(make([]byte, 2000))}
			if _, err := se.Put(context.Background(), "kept", fmt.Sprint("slow", n%3), PutInput{Body: body, Size: -1}); err != nil {
				t.Errorf("slow put: %v", err)
			}
		}
	})
	runs := 0
	for until := time.Now().Add(2 * time.Second); time.Now().Before(until) && !t.Failed(); runs++ {
		f := &fsck{s: s, ctx: context.Background(), opts: FsckOptions{Deep: runs%2 == 0}, window: 7, inodes: 128}
		found, err := f.check()
		for _, p := range found {
			t.Errorf("run %d: %v", runs, p)
		}
		if err != nil {
			t.Errorf("run %d: %v", runs, err)
		}
	}
	cancel()
	wg.Wait()
	fsckClean(t, s, true)
	t.Logf("%d checks", runs)
}

// slowly gives a hundred bytes at a time.
type slowly struct{ r *bytes.Reader }

func (s *slowly) Read(p []byte) (int, error) {
	time.Sleep(time.Millisecond)
	return s.r.Read(p[:min(len(p), 100)])
}

// A caller who leaves ends the check.
func TestFsckIsCanceled(t *testing.T) {
	s, se := openTest(t, Options{})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	for i := range 600 {
		if _, err := se.Symlink(context.Background(), "bkt", fmt.Sprint(i), "x", Attr{}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	stages := map[string]bool{}
	found, err := s.Fsck(ctx, func(_, _ int64, what string) {
		if stages[what] = true; what == "records" {
			cancel()
		}
	})
	if err == nil || len(found) > 0 || stages["contents"] {
		t.Errorf("canceled check: %v, %v, %v", found, err, stages)
	}
	if _, err := s.Fsck(context.Background(), func(_, _ int64, what string) { stages[what] = true }); err != nil || !stages["contents"] {
		t.Errorf("check: %v, %v", err, stages)
	}
}
