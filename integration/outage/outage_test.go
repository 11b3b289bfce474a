package outage

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pail/integration/program"
	"pail/integration/trial"
)

// A party is a number of workers on one mount and what each has done.
type party struct {
	t      *testing.T
	m      *mount
	rng    *rand.Rand
	sync   bool // each act ends with an fsync
	places []*place
	killed atomic.Bool

	mu     sync.Mutex // guards what follows
	done   map[op]int // acts that returned
	flight int        // acts that had not when the daemon was killed
}

// A place is the directory of one worker.
type place struct {
	dir    string // below the mount's root
	tree   tree   // of all acts that have returned
	begun  *act   // one that has not
	rng    *rand.Rand
	rounds int
}

// newParty mounts a fresh store and makes places in a bucket that is versioned and in one
// that is not.
func newParty(t *testing.T, m *mount, rng *rand.Rand, sync bool) *party {
	t.Helper()
	p := &party{t: t, m: m, rng: rng, sync: sync, done: map[op]int{}}
	if err := m.up(); err != nil {
		t.Fatal(err)
	}
	for i, args := range [][]string{{"kept", "--versioning"}, {"plain"}} {
		create := program.Command(append([]string{"bucket", "create", "--store", m.store}, args...)...)
		if out, err := create.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for k := range 2 {
			dir := filepath.Join(args[0], fmt.Sprintf("w%d", 2*i+k))
			full := filepath.Join(m.root, dir)
			if err := os.Mkdir(full, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := syncDir(full); err != nil {
				t.Fatal(err)
			}
			p.places = append(p.places, &place{dir: dir, tree: tree{}, rng: rand.New(rand.NewPCG(rng.Uint64(), 1))})
		}
	}
	return p
}

// round lets all work for a while and kills the daemon meanwhile.
func (p *party) round() {
	p.t.Helper()
	p.killed.Store(false)
	var group sync.WaitGroup
	var acts atomic.Int64
	for _, pl := range p.places {
		w := startWorker(p.t, filepath.Join(p.m.root, pl.dir))
		defer w.stop()
		group.Go(func() { p.work(pl, w, &acts) })
	}
	for most, deadline := int64(30+p.rng.IntN(300)), time.Now().Add(patience); acts.Load() < most && !p.t.Failed(); {
		if time.Now().After(deadline) {
			p.t.Error("the workers hang")
		}
		time.Sleep(200 * time.Microsecond)
	}
	p.killed.Store(true)
	p.m.kill()
	group.Wait()
	for _, pl := range p.places {
		if pl.begun != nil {
			p.flight++
		}
	}
}

// work has a worker do one act after another until the daemon is gone.
func (p *party) work(pl *place, w *worker, acts *atomic.Int64) {
	pl.rounds++
	log := fmt.Sprintf("log%d", pl.rounds)
	for {
		a := pl.tree.next(pl.rng, log)
		a.Sync = p.sync || pl.rng.IntN(3) == 0
		pl.begun = &a
		if err := w.do(a); err != nil {
			if !p.killed.Load() {
				p.t.Errorf("%s: %v: %v\n%s", pl.dir, a, err, p.m.told())
			}
			return
		}
		pl.tree, pl.begun = pl.tree.after(a), nil
		acts.Add(1)
		p.mu.Lock()
		p.done[a.Op]++
		p.mu.Unlock()
	}
}

// compare demands of each place what had returned, with the last act that had not or
// without it.
func (p *party) compare() error {
	for _, pl := range p.places {
		dir := filepath.Join(p.m.root, pl.dir)
		err := pl.tree.compare(dir)
		if err != nil && pl.begun != nil {
			after := pl.tree.after(*pl.begun)
			if also := after.compare(dir); also != nil {
				return fmt.Errorf("%s, with %v on its way: without it %w; with it %w", pl.dir, *pl.begun, err, also)
			}
			pl.tree, err = after, nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", pl.dir, err)
		}
		pl.begun = nil
	}
	return nil
}

// finish ends the daemon in peace and has the store checked.
func (p *party) finish() {
	p.t.Helper()
	if out, err := program.Command("umount", "--store", p.m.store).CombinedOutput(); err != nil {
		p.t.Errorf("umount: %v: %s", err, out)
		return
	}
	p.m.pid = 0
	if out, err := program.Command("fsck", "--deep", "--store", p.m.store, "--allow-any-fs").CombinedOutput(); err != nil {
		p.t.Errorf("fsck: %v: %s", err, out)
	}
	if told := p.m.told(); bytes.Contains(told, []byte("panic")) || bytes.Contains(told, []byte("level=ERROR")) {
		p.t.Errorf("the daemon has logged:\n%s", told)
	}
}

// saw demands that the test has seen what it is about.
func (p *party) saw() {
	p.t.Helper()
	p.t.Logf("%d acts in flight, %v", p.flight, p.done)
	if p.t.Failed() {
		return
	}
	if p.flight == 0 {
		p.t.Error("nothing was ever in flight")
	}
	for _, o := range ops {
		if trial.Soak() && p.done[o] == 0 {
			p.t.Errorf("no act was ever %s", o)
		}
	}
}

// told is what the daemons have logged.
func (m *mount) told() []byte {
	b, _ := os.ReadFile(m.log)
	return b
}

// gone says whether no thread of a process is left but what nobody has asked for.
func gone(pid int) bool {
	threads, err := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/task")
	if err != nil || len(threads) > 1 {
		return err != nil
	}
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return true
	}
	i := bytes.LastIndexByte(b, ')')
	return i < 0 || bytes.HasPrefix(b[i:], []byte(") Z"))
}

// TestKilledMounts kills the daemon of a mount under load, mounts the store again, and
// demands all that had returned.
func TestKilledMounts(t *testing.T) {
	seed := trial.Seed(t)
	rng := rand.New(rand.NewPCG(seed, 1))
	rounds := 8
	if trial.Soak() {
		rounds = 500
	}
	p := newParty(t, newMount(t, filepath.Join(t.TempDir(), "store")), rng, false)
	for i := 0; i < rounds && !t.Failed(); i++ {
		p.round()
		if err := p.m.up(); err != nil {
			t.Fatalf("PAIL_SEED=%d round %d: mount again: %v\n%s", seed, i, err, p.m.told())
		}
		if err := p.compare(); err != nil {
			t.Fatalf("PAIL_SEED=%d round %d: %v", seed, i, err)
		}
	}
	p.finish()
	p.saw()
}
