package crash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pail/integration/powercut"
	"pail/integration/trial"
)

// mixes of workers that a run of the writer has.
var mixes = [][]string{
	{"s3", "mount", "mixed", "mixed", "move", "mount@plain", "mixed@kept", "mount@halted", "s3@halted", "pieces@kept", "past", "shelf", "rival", "rival"},
	{"mount", "pieces", "mount@kept", "mount@plain", "move@kept", "move@plain", "s3", "rival", "rival"},
	{"s3", "s3", "s3@kept", "s3@plain", "mixed@halted", "mixed", "past@kept", "past", "shelf", "shelf", "rival", "rival", "rival"},
	{"mixed", "move@halted", "mount", "move", "move@kept"},
}

// planOf is the plan of the i-th run of a seed.
func planOf(seed uint64, i int) plan {
	rng := rand.New(rand.NewPCG(seed, uint64(i)+1))
	return plan{
		Seed: rng.Uint64(), Kinds: mixes[i%len(mixes)], Acts: 60 + rng.IntN(300), Stay: rng.IntN(3) > 0,
		InlineMax:   []int{2 << 10, 16 << 10}[rng.IntN(2)],
		SettleAfter: []time.Duration{-1, 50 * time.Millisecond, 300 * time.Millisecond}[rng.IntN(3)],
		Compact:     []time.Duration{time.Millisecond, 20 * time.Millisecond, 0}[i%3],
		MemTable:    1 << 20,
		Encrypted:   i%2 == 1,
	}
}

// begun is a writer at work on a disk that forgets.
func begun(t testing.TB, p plan) (*powercut.FS, *run) {
	t.Helper()
	fs := startDisk(t, "")
	p.Dir, p.Disk, p.Create = filepath.Join(fs.Dir(), "store"), fs, true
	r := startRun(t, p)
	if !r.awaitWord("open") {
		t.Fatalf("seed %d: the writer did not open the store", p.Seed)
	}
	if err := fs.SyncAll(); err != nil {
		t.Fatal(err)
	}
	r.begin()
	return fs, r
}

// A cutting takes cuts of one run and judges them.
type cutting struct {
	t     *testing.T
	fs    *powercut.FS
	run   *run
	rng   *rand.Rand
	name  string
	total *outcomes
	moved int64 // bytes, by compaction
}

// TestPowerCuts cuts the power under a store in full use, at moments and with losses
// that the seed chooses, and demands what the store promises.
func TestPowerCuts(t *testing.T) {
	seed := trial.Seed(t)
	cuts := 40
	if trial.Soak() {
		cuts = 2000
	}
	var total outcomes
	for i := 0; total.cuts < cuts && i < cuts && !t.Failed(); i++ {
		t.Run(fmt.Sprintf("run=%d", i), func(t *testing.T) {
			p := planOf(seed, i)
			c := &cutting{t: t, run: nil, rng: rand.New(rand.NewPCG(p.Seed, 7)), total: &total, name: fmt.Sprintf("PAIL_SEED=%d run=%d", seed, i)}
			c.fs, c.run = begun(t, p)
			for moment := 0; moment < 4 && total.cuts < cuts && !t.Failed(); moment++ {
				c.moment(moment)
			}
		})
	}
	missing := total.missing(opsIn(t))
	t.Logf("%v, no act was %v; recoveries cut once, twice and three times: %v", total, missing, total.deep[1:])
	if total.moved == 0 && !t.Failed() {
		t.Error("nothing was ever compacted")
	}
	if total.cuts < cuts && !t.Failed() {
		t.Errorf("only in %d cuts was anything at stake", total.cuts)
	}
	if trial.Soak() && !t.Failed() && (len(missing) > 0 || total.deep[3] == 0 || total.kept == 0 || total.undone == 0 || total.drafts == 0 || total.moves == 0) {
		t.Errorf("some kind of recovery never happened: %v", total)
	}
}

// moment lets the writer work on a little and takes cuts of one moment: the last of a
// run after a kill, the others of a step of the running store.
func (c *cutting) moment(n int) {
	work := 60 + c.rng.IntN(500)
	start := c.run.ledger.mark()
	c.run.await(func(l *ledger) bool { return l.size >= start+work || l.said("done") })
	mark, step := 0, uint64(0)
	if n == 3 {
		c.run.kill()
		mark = c.run.ledger.mark()
	} else {
		mark, step = c.freeze()
	}
	c.total.moved += c.run.compacted() - c.moved
	c.moved = c.run.compacted()
	pg := c.run.ledger.page(mark)
	c.run.pause()
	for range 3 {
		c.cut(pg, step)
	}
	c.run.resume()
	if err := c.fs.Freeze(0); err != nil {
		c.t.Fatal(err)
	}
}

// freeze fixes the state for the next cuts some steps ahead. Acts that are in the
// ledger by then are promises; those reported until the step was reached may have
// happened.
func (c *cutting) freeze() (mark int, step uint64) {
	for {
		mark = c.run.ledger.mark()
		now, err := c.fs.Steps()
		if err != nil {
			c.t.Fatal(err)
		}
		step = now + 20 + c.rng.Uint64N(40)
		if c.fs.Freeze(step) == nil {
			break
		}
	}
	for deadline := time.Now().Add(2 * time.Second); ; {
		now, err := c.fs.Steps()
		if err != nil {
			c.t.Fatal(err)
		}
		if now >= step {
			break
		}
		if time.Now().After(deadline) { // the writer has come to its end
			if err := c.fs.Freeze(0); err != nil {
				c.t.Fatal(err)
			}
			break
		}
		time.Sleep(200 * time.Microsecond)
	}
	c.run.catchUp()
	return mark, step
}

// cut takes one cut and judges it, or one of its recovery, up to three deep.
func (c *cutting) cut(pg page, step uint64) {
	cutSeed := c.rng.Uint64()
	dir, report, err := c.fs.Cut(cutSeed)
	if err != nil {
		c.t.Fatal(err)
	}
	if report.Pending.Total() > 0 {
		c.total.cuts++
		c.total.saw(pg)
	}
	deep := 0
	if c.rng.IntN(4) == 0 {
		deep = 1 + c.rng.IntN(3)
		c.total.deep[deep]++
	}
	for range deep {
		next := c.cutRecovery(dir)
		discard(c.t, dir)
		dir = next
	}
	recovered, err := examine(dir, c.run.plan, pg, c.run.plan.homes())
	c.total.add(recovered)
	if err != nil {
		c.t.Errorf("%s, step %d, cut %d (%s, %+v pending), recovery cut %d times, found in %s:\n%v",
			c.name, step, cutSeed, report.Mode, report.Pending, deep, dir, err)
		keep(c.t, dir)
		return
	}
	discard(c.t, dir)
}

func discard(t testing.TB, dir string) {
	if err := os.RemoveAll(dir); err != nil {
		t.Error(err)
	}
}

// keep saves the outcome of a cut that failed, if a place for it is named.
func keep(t testing.TB, dir string) {
	if to := os.Getenv("PAIL_KEEP"); to != "" {
		to = filepath.Join(to, filepath.Base(dir))
		if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
			t.Log(err)
		}
		t.Logf("kept in %s", to)
	}
}

// cutRecovery opens the store in dir on a disk that forgets and cuts the power while it
// recovers. What the new cut left is in next.
func (c *cutting) cutRecovery(dir string) (next string) {
	fs, err := powercut.Start(context.Background(), powercut.Options{
		Scratch: filepath.Dir(dir), From: dir,
		Policies: map[string]powercut.Policy{"store/meta": powercut.NameWithFile},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() {
		if err := fs.Close(); err != nil {
			c.t.Error(err)
		}
	}()
	p := c.run.plan
	p.Dir, p.Disk, p.Create, p.Kinds, p.Stay = filepath.Join(fs.Dir(), "store"), fs, false, nil, false
	first, err := fs.Steps()
	if err != nil {
		c.t.Fatal(err)
	}
	most := uint64(60)
	if p.Gated {
		most = 450 // to the end of the compaction that follows
	}
	if err := fs.Freeze(first + 1 + c.rng.Uint64N(most)); err != nil {
		c.t.Fatal(err)
	}
	r := startRun(c.t, p)
	defer r.kill()
	if !r.awaitWord("open") {
		c.t.Errorf("%s: a recovery that was to be cut failed", c.name)
	}
	r.begin()
	r.awaitWord("closed")
	next, _, err = fs.Cut(c.rng.Uint64())
	if err != nil { // it took fewer steps than that
		if err = fs.Freeze(0); err == nil {
			next, _, err = fs.Cut(c.rng.Uint64())
		}
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return next
}
