package outage

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"pail/integration/powercut"
	"pail/integration/trial"
)

// forgetful starts a filesystem that forgets; it begins with what is in from.
func forgetful(t *testing.T, from string) *powercut.FS {
	t.Helper()
	fs, err := powercut.Start(t.Context(), powercut.Options{
		Scratch: scratch(t), From: from,
		Policies: map[string]powercut.Policy{"store/meta": powercut.NameWithFile},
	})
	if err != nil {
		t.Fatal(err)
	}
	return fs
}

// scratch is a directory with a short name that ends with the test, in memory, where there
// is such a place.
func scratch(t *testing.T) string {
	t.Helper()
	base := ""
	if unix.Access("/dev/shm", unix.W_OK) == nil {
		base = "/dev/shm"
	}
	dir, err := os.MkdirTemp(base, "pail-outage-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// onForgetful is a party whose store lies on such a filesystem; everything until now is
// durable.
func onForgetful(t *testing.T, rng *rand.Rand) (*party, *powercut.FS) {
	t.Helper()
	fs := forgetful(t, "")
	m := newMount(t, filepath.Join(fs.Dir(), "store"))
	p := newParty(t, m, rng, true)
	if err := fs.SyncAll(); err != nil {
		t.Fatal(err)
	}
	return p, fs
}

// cut cuts the power, after the daemon was killed, and mounts what that left on another
// disk that forgets. pending is what was at stake.
func (p *party) cut(fs *powercut.FS, cutSeed uint64) (next *powercut.FS, pending int, err error) {
	p.t.Helper()
	dir, report, err := fs.Cut(cutSeed)
	if err != nil {
		p.t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	next = forgetful(p.t, dir)
	p.m.store = filepath.Join(next.Dir(), "store")
	if err := p.m.up(); err != nil {
		return next, 0, fmt.Errorf("mount what the cut (%s) left: %w", report.Mode, err)
	}
	if err := p.compare(); err != nil {
		return next, 0, fmt.Errorf("after the cut (%s): %w", report.Mode, err)
	}
	return next, report.Pending.Total(), nil
}

// TestMountPowerCuts kills the daemon of a mount under load and cuts the power, and demands
// all that had returned, each act after an fsync.
func TestMountPowerCuts(t *testing.T) {
	seed := trial.Seed(t)
	rng := rand.New(rand.NewPCG(seed, 2))
	rounds := 5
	if trial.Soak() {
		rounds = 300
	}
	p, fs := onForgetful(t, rng)
	pending := 0
	for i := 0; i < rounds && !t.Failed(); i++ {
		p.round()
		next, n, err := p.cut(fs, rng.Uint64())
		closeDisk(t, fs)
		if fs = next; err != nil {
			t.Errorf("PAIL_SEED=%d round %d: %v\n%s", seed, i, err, p.m.told())
		}
		pending += n
	}
	if !t.Failed() {
		p.finish()
	}
	p.m.clear()
	closeDisk(t, fs)
	p.saw()
	if pending == 0 && !t.Failed() {
		t.Error("nothing was ever at stake")
	}
}

// TestLostSyncIsNoticed has the disk acknowledge syncs of the records' log and not perform
// them: then something that had returned is missing.
func TestLostSyncIsNoticed(t *testing.T) {
	rng := rand.New(rand.NewPCG(trial.Seed(t), 3))
	p, fs := onForgetful(t, rng)
	number, err := fs.AddRule(powercut.IgnoreSync(`^store/meta/.*\.mem$`, powercut.OpFsync))
	if err != nil {
		t.Fatal(err)
	}
	p.round()
	if lied, err := fs.EndRule(number); err != nil || lied == 0 {
		t.Fatalf("the disk lied %d times (%v)", lied, err)
	}
	begun := make([]*act, len(p.places))
	for i, pl := range p.places {
		begun[i] = pl.begun
	}
	for range 10 {
		next, _, loss := p.cut(fs, rng.Uint64())
		p.m.clear()
		p.m.pid = 0
		closeDisk(t, next)
		if loss != nil {
			t.Logf("found: %.300v", loss)
			closeDisk(t, fs)
			return
		}
		for i, pl := range p.places {
			pl.begun = begun[i]
		}
	}
	closeDisk(t, fs)
	t.Error("nothing was lost: the sync is not needed, or this test is blind")
}

func closeDisk(t *testing.T, fs *powercut.FS) {
	t.Helper()
	if err := fs.Close(); err != nil {
		t.Error(err)
	}
}
