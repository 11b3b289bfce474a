package crash

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"pail/integration/powercut"
	"pail/integration/trial"
	"pail/store"
)

// Compaction is cut step by step. The writer waits before and after each, so that the judge can
// choose the step of the disk at which the power fails, or the sync about which the disk
// lies while all contents in pieces are compacted and what that leaves is deleted.

// gatedPlan is a load of large files in pieces, versions that share them, copies and
// deletions, with compactions that wait.
func gatedPlan(rng *rand.Rand, kind string) plan {
	return plan{
		Seed: rng.Uint64(), Kinds: []string{kind}, Acts: 1 << 20, Stay: true, Gated: true,
		InlineMax: 2 << 10, MemTable: 1 << 20, SettleAfter: 20 * time.Millisecond,
	}
}

// gates are the gates that the writer has come to. mu is held.
func (l *ledger) gates() int {
	n := 0
	for _, w := range l.words {
		if w == "gate" {
			n++
		}
	}
	return n
}

// atGate waits until the writer has come to its n-th gate, where everything it did before
// is in the ledger.
func (r *run) atGate(n int) {
	r.t.Helper()
	if !r.await(func(l *ledger) bool { return l.gates() >= n }) {
		r.t.Fatalf("seed %d: the writer ended before its compaction %d", r.plan.Seed, n)
	}
}

// let lets the writer go on from where it waits, before a compaction or after it.
func (r *run) let() {
	r.t.Helper()
	if _, err := io.WriteString(r.stdin, "let\n"); err != nil {
		r.t.Fatal(err)
	}
}

// compact lets the writer compact and waits until it has, and waits in turn.
func (r *run) compact() {
	r.t.Helper()
	r.ledger.mu.Lock()
	acts := len(r.ledger.done[0])
	r.ledger.mu.Unlock()
	r.let()
	r.await(func(l *ledger) bool { ds := l.done[0]; return len(ds) > acts && ds[acts].ended >= 0 })
	r.catchUp()
}

// compacted is how many bytes compaction had moved when the writer last told.
func (r *run) compacted() int64 {
	r.ledger.mu.Lock()
	defer r.ledger.mu.Unlock()
	return r.ledger.moved
}

// TestCompactionCuts cuts the power at every step of compactions of fragmented contents,
// and while what that left recovers and compacts. All contents read back, then and after
// what is left has been compacted, the store's own check finds nothing, and when everything
// is deleted no content file is left.
func TestCompactionCuts(t *testing.T) {
	seed := trial.Seed(t)
	rng := rand.New(rand.NewPCG(seed, 79))
	runs, gates := 3, 18
	if trial.Soak() {
		runs, gates = 30, 60
	}
	var total outcomes
	inside := map[uint64]bool{} // steps of compactions at which the power was cut
	for i := 0; i < runs && !t.Failed(); i++ {
		kind := []string{"pieces@kept", "pieces", "pieces@plain"}[i%3]
		t.Run(fmt.Sprintf("run=%d %s", i, kind), func(t *testing.T) {
			c := &cutting{t: t, rng: rng, total: &total, name: fmt.Sprintf("PAIL_SEED=%d run=%d", seed, i)}
			c.fs, c.run = begun(t, gatedPlan(rng, kind))
			for n := 1; n <= gates && !t.Failed(); n++ {
				if at := c.compaction(n, uint64(n)); at > 0 {
					inside[at] = true
				}
			}
			total.moved += c.moved
		})
	}
	t.Logf("%v, at %d steps of compactions", total, len(inside))
	if (total.moved == 0 || total.compacted == 0) && !t.Failed() {
		t.Error("nothing was compacted before or after the cuts")
	}
}

// compaction cuts the power some steps into the n-th compaction; at is 0 if it had less
// steps, and the power was cut after it.
func (c *cutting) compaction(n int, after uint64) (at uint64) {
	c.run.atGate(n)
	at, pg := c.run.compactCut(c.fs, after)
	c.moved = c.run.compacted()
	c.run.pause()
	c.cut(pg, at)
	c.run.resume()
	if err := c.fs.Freeze(0); err != nil {
		c.t.Fatal(err)
	}
	c.run.let()
	return at
}

// compactCut lets the writer compact and has the next cuts show the state some steps into
// that, or after it if it has less steps: then at is 0.
func (r *run) compactCut(disk *powercut.FS, after uint64) (at uint64, pg page) {
	r.t.Helper()
	mark := r.ledger.mark()
	var now uint64
	for frozen := false; !frozen; { // what settles in the background may pass the step
		var err error
		if now, err = disk.Steps(); err != nil {
			r.t.Fatal(err)
		}
		frozen = disk.Freeze(now+after) == nil
	}
	r.compact()
	end, err := disk.Steps()
	if err != nil {
		r.t.Fatal(err)
	}
	if at = after; end < now+after {
		at, mark = 0, r.ledger.mark()
		if err := disk.Freeze(0); err != nil {
			r.t.Fatal(err)
		}
	}
	return at, r.ledger.page(mark)
}

// A compactionLie is a sync of compaction that the disk acknowledges and does not perform.
type compactionLie struct {
	name string
	path string
	op   powercut.Op
	// pending says that what is compacted is not known to be on disk, and that the disk
	// lies about those content files only that are there before.
	pending bool
}

var compactionLies = []compactionLie{
	{name: "what was put together", path: `^store/blobs/../`, op: powercut.OpFsync},
	{name: "its name", path: `^store/blobs/..$`, op: powercut.OpFsyncDir},
	{name: "what it was in before", op: powercut.OpFsync, pending: true},
	{name: "log, before that is deleted", path: `^store/meta/.*\.mem$`, op: powercut.OpFsync},
}

// TestEachSyncOfCompactionIsNeeded takes each away during compactions and demands that the
// loss is found.
func TestEachSyncOfCompactionIsNeeded(t *testing.T) {
	seed := trial.Seed(t)
	for i, l := range compactionLies {
		t.Run(l.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, uint64(2000+i)))
			for try := range 60 {
				if loss := l.run(t, rng); loss != nil {
					t.Logf("try %d: found: %.300v", try, loss)
					return
				}
			}
			t.Error("without it nothing was lost: it is not needed, or this test is blind")
		})
	}
}

// run has the disk lie during a number of compactions, and returns the first loss that a
// cut in one or after it shows.
func (l compactionLie) run(t *testing.T, rng *rand.Rand) error {
	p := gatedPlan(rng, []string{"pieces@kept", "pieces@plain"}[rng.IntN(2)])
	if l.pending {
		p.SettleAfter = -1 // nobody but compaction syncs what is pending
	}
	disk, r := begun(t, p)
	defer r.kill()
	for n := 1; n <= 12; n++ {
		r.atGate(n)
		path := l.path
		if l.pending {
			path = contentsThere(t, disk)
		} else if err := disk.SyncAll(); err != nil {
			t.Fatal(err)
		}
		number, err := disk.AddRule(powercut.IgnoreSync(path, l.op))
		if err != nil {
			t.Fatal(err)
		}
		_, pg := r.compactCut(disk, 1+rng.Uint64N(40))
		lied, err := disk.EndRule(number)
		if err != nil {
			t.Fatal(err)
		}
		r.pause()
		for i := 0; i < 4 && lied > 0; i++ {
			dir, _, err := disk.Cut(rng.Uint64())
			if err != nil {
				t.Fatal(err)
			}
			_, loss := examine(dir, r.plan, pg, r.plan.homes())
			discard(t, dir)
			if loss != nil {
				return loss
			}
		}
		r.resume()
		if err := disk.Freeze(0); err != nil {
			t.Fatal(err)
		}
		r.let()
	}
	return nil
}

// contentsThere is a regular expression for the content files that are there now.
func contentsThere(t *testing.T, disk *powercut.FS) string {
	var names []string
	blobs := filepath.Join(disk.Dir(), "store", "blobs")
	err := filepath.WalkDir(blobs, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, regexp.QuoteMeta(d.Name()))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return "/(" + strings.Join(names, "|") + ")$"
}

// compactAndCompare compacts what a cut has left and demands that it makes no difference.
func compactAndCompare(ctx context.Context, s *store.Store, p plan, pg page, judged []home) error {
	if err := compact(ctx, s); err != nil {
		return fmt.Errorf("compact: %w", err)
	}
	l, err := look(ctx, s)
	if err != nil {
		return fmt.Errorf("after compaction: %w", err)
	}
	if err := judgeAll(pg, judged, l, p.InlineMax); err != nil {
		return fmt.Errorf("after compaction: %w", err)
	}
	return check(ctx, s)
}

// clearAll deletes everything from a store.
func clearAll(ctx context.Context, s *store.Store) error {
	l, err := look(ctx, s)
	if err != nil {
		return err
	}
	for name, b := range l.buckets {
		for key, vs := range b.keys {
			for _, v := range vs {
				if _, err := l.se.Delete(ctx, name, key, store.DeleteOptions{Version: v.VersionID}); err != nil {
					return fmt.Errorf("delete %s version %s: %w", key, v.VersionID, err)
				}
			}
		}
		us, err := l.se.ListUploads(ctx, name, store.ListUploadsInput{})
		if err != nil {
			return err
		}
		for _, u := range us.Uploads {
			if err := l.se.AbortUpload(ctx, name, u.Key, u.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// noContents demands that a store that has been closed has no content file.
func noContents(dir string) error {
	return filepath.WalkDir(filepath.Join(dir, "store", "blobs"), func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			return fmt.Errorf("everything is deleted, and %s is left", path)
		}
		return err
	})
}
