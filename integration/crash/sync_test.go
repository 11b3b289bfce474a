package crash

import (
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"pail/integration/powercut"
	"pail/integration/trial"
)

// A lie is a sync on the write path that the disk acknowledges and does not perform.
type lie struct {
	name string
	path string // as the disk knows it
	op   powercut.Op
	// fresh says that the store's creation is cut too: nothing is durable before.
	fresh bool
	// strict judges the engine's names as strictly as ours.
	strict bool
	// much says that it needs much metadata.
	much bool
	// reopen says that the disk begins to lie after the writer was killed and another one
	// has recovered the store from what the kernel still had.
	reopen bool
	// memTable is the engine's; 0: small, so that tables are flushed.
	memTable int64
}

// lies are all syncs on the way from an act to its acknowledgement.
var lies = []lie{
	{name: "content", path: `^store/blobs/../`, op: powercut.OpFsync},
	{name: "content's name", path: `^store/blobs/..$`, op: powercut.OpFsyncDir},
	{name: "content, by recovery", path: `^store/blobs/../`, op: powercut.OpFsync, reopen: true},
	{name: "content's name, by recovery", path: `^store/blobs/..$`, op: powercut.OpFsyncDir, reopen: true},
	{name: "log", path: `^store/meta/.*\.mem$`, op: powercut.OpFsync},
	{name: "table", path: `^store/meta/.*\.sst$`, op: powercut.OpFsync, much: true},
	{name: "list of tables", path: `^store/meta/MANIFEST`, op: powercut.OpFsync, much: true},
	{name: "names of logs", path: `^store/meta$`, op: powercut.OpFsyncDir, fresh: true, strict: true, memTable: 16 << 20},
	{name: "directories of contents", path: `^store/blobs$`, op: powercut.OpFsyncDir, fresh: true},
	{name: "names in the store", path: `^store$`, op: powercut.OpFsyncDir, fresh: true},
	{name: "store's name", path: `^$`, op: powercut.OpFsyncDir, fresh: true},
	{name: "label", path: `^store/pail\.json`, op: powercut.OpFsync, fresh: true},
}

// TestEachSyncIsNeeded takes each sync away in turn and demands that the loss is found.
func TestEachSyncIsNeeded(t *testing.T) {
	seed := trial.Seed(t)
	for i, l := range lies {
		t.Run(l.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, uint64(1000+i)))
			for run := range 15 {
				if loss := l.run(t, rng.Uint64(), rng, true); loss != nil {
					t.Logf("run %d: found: %.300v", run, loss)
					return
				}
			}
			t.Error("without it nothing was lost: it is not needed, or this test is blind")
		})
	}
}

// TestSyncsSuffice is the other half for those lies whose disk is not that of
// TestPowerCuts: with the sync nothing is lost.
func TestSyncsSuffice(t *testing.T) {
	seed := trial.Seed(t)
	rng := rand.New(rand.NewPCG(seed, 999))
	for _, l := range lies {
		if !l.strict && !l.reopen && l.path != "^$" {
			continue
		}
		if loss := l.run(t, rng.Uint64(), rng, false); loss != nil {
			t.Errorf("PAIL_SEED=%d: on the disk of %q, which lied about nothing: %v", seed, l.name, loss)
		}
	}
}

// run lets a writer work on a disk that lies, if it is to, and returns the first loss
// that a cut shows.
func (l lie) run(t *testing.T, seed uint64, rng *rand.Rand, lying bool) error {
	policies := map[string]powercut.Policy{"store/meta": powercut.NameWithFile}
	if l.strict {
		policies = nil
	}
	fs, err := powercut.Start(t.Context(), powercut.Options{Scratch: scratch(t), Policies: policies})
	if err != nil {
		t.Fatal(err)
	}
	defer fs.Close()
	p := plan{
		Seed: seed, Create: true, Dir: filepath.Join(fs.Dir(), "store"), Disk: fs, Acts: 700, Stay: true,
		Kinds:     []string{"mixed", "s3", "mount", "mixed@kept", "rival", "rival"},
		InlineMax: 12 << 10, SettleAfter: 20 * time.Millisecond, MemTable: 1 << 20,
	}
	if l.reopen {
		p.SettleAfter, p.Kinds = -1, []string{"quiet", "quiet", "quiet@kept"}
	}
	if l.memTable > 0 {
		p.MemTable = l.memTable
	}
	number := -1
	begin := func() {
		if !lying {
			return
		}
		if number, err = fs.AddRule(powercut.IgnoreSync(l.path, l.op)); err != nil {
			t.Fatal(err)
		}
	}
	if l.fresh {
		begin()
	}
	r := startRun(t, p)
	defer r.kill()
	if !r.awaitWord("open") {
		t.Fatal("the writer did not open the store")
	}
	if !l.fresh {
		if err := fs.SyncAll(); err != nil {
			t.Fatal(err)
		}
		if !l.reopen {
			begin()
		}
	}
	r.begin()
	work := 300 + rng.IntN(900)
	if l.much {
		work += 2500
	}
	r.await(func(led *ledger) bool { return led.size >= work || led.said("done") })
	r.kill()
	pg := r.ledger.page(r.ledger.mark())
	if l.reopen {
		begin()
		l.recover(t, p)
	}
	var loss error
	for range 6 {
		dir, _, err := fs.Cut(rng.Uint64())
		if err != nil {
			t.Fatal(err)
		}
		if _, loss = examine(dir, p, pg, p.homes()); loss != nil {
			break
		}
	}
	if !lying {
		return loss
	}
	if fired, err := fs.EndRule(number); err != nil || fired == 0 {
		t.Fatalf("the disk lied %d times (%v)", fired, err)
	}
	return loss
}

// recover opens the store and ends it again.
func (l lie) recover(t *testing.T, p plan) {
	p.Create, p.Kinds = false, nil
	r := startRun(t, p)
	defer r.kill()
	if !r.awaitWord("open") {
		t.Fatal("the store did not recover from a kill")
	}
}
