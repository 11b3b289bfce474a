package crash

import (
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"pail/integration/powercut"
	"pail/integration/trial"
)

// Short sequences of small acts on two names are enumerated and the power is cut inside
// of and after the last act of each, as CrashMonkey does (Mohan et al., OSDI 2018: 24 of
// 26 known crash bugs of filesystems needed no more than three).

// A step is one kind of small act on the names a and b of a directory; it returns false
// if it is not possible.
type step func(g *sequence, a, b string) (act, bool)

var steps = []step{
	(*sequence).create, (*sequence).write, (*sequence).fsync, (*sequence).publish,
	(*sequence).rename, (*sequence).unlink, (*sequence).put, (*sequence).rekey,
}

// A sequence grows a script act by act in a model.
type sequence struct {
	m      *model
	bucket string
	size   int64
	script []act
}

func newSequence(bucket string, size int64) *sequence {
	return &sequence{bucket: bucket, size: size, m: replay(bucket, enumInline, nil)}
}

// possible says whether each step of a wish is possible.
func (g *sequence) possible(w wish) bool {
	_, ok := g.plan(w, 0)
	return ok
}

func (g *sequence) add(a act) {
	a.Bucket, a.N = g.bucket, len(g.script)+1
	a.Gen = genOf(0, a.N)
	g.script = append(g.script, a)
	g.m.apply(a, ack{})
}

func (g *sequence) file(key string) *inode {
	for _, f := range g.m.open {
		if f.linked && f.key == key {
			return f
		}
	}
	return nil
}

func (g *sequence) there(key string) bool {
	return g.m.buckets[g.bucket].live(key) != nil || g.m.claimant(g.bucket, key) != nil
}

func (g *sequence) create(a, _ string) (act, bool) {
	return act{Op: opOpen, Key: a, Mode: 0o600}, g.file(a) == nil
}

func (g *sequence) write(a, _ string) (act, bool) {
	f := g.file(a)
	if f == nil {
		return act{}, false
	}
	return act{Op: opWrite, Handle: f.handle, Off: f.body.size / 2, Len: g.size}, true
}

func (g *sequence) fsync(a, _ string) (act, bool) {
	f := g.file(a)
	if f == nil {
		return act{}, false
	}
	return act{Op: opFsync, Handle: f.handle}, true
}

func (g *sequence) publish(a, _ string) (act, bool) {
	f := g.file(a)
	if f == nil {
		return act{}, false
	}
	return act{Op: opClose, Handle: f.handle}, true
}

func (g *sequence) rename(a, b string) (act, bool) {
	return act{Op: opRename, Key: a, To: b}, g.there(a)
}

func (g *sequence) unlink(a, _ string) (act, bool) {
	return act{Op: opUnlink, Key: a}, g.there(a)
}

func (g *sequence) rekey(a, b string) (act, bool) {
	return act{Op: opRekey, Key: a, To: b}, g.m.buckets[g.bucket].live(a) != nil
}

func (g *sequence) put(a, _ string) (act, bool) {
	return act{Op: opPut, Key: a, Len: g.size}, true
}

// A wish is one sequence to be tried: where it begins and which steps it takes.
type wish struct {
	begin int   // how many of the two names exist, durable, at first
	steps []int // indices into steps, and which name: 2*step+name
	at    uint64
}

// Where a sequence is cut besides after a number of steps of the disk in its last act.
const (
	inside uint64 = 0 // at a random step
	after         = 1 << 20
)

// wishes are all sequences of n steps from all beginnings, each to be cut at several
// steps of the disk.
func wishes(n int, cuts []uint64) []wish {
	var out []wish
	var grow func(w wish)
	grow = func(w wish) {
		if len(w.steps) == n {
			for _, w.at = range cuts {
				out = append(out, w)
			}
			return
		}
		for s := range 2 * len(steps) {
			grow(wish{w.begin, append(append([]int(nil), w.steps...), s), 0})
		}
	}
	for begin := range 3 {
		grow(wish{begin: begin})
	}
	return out
}

// root is where sequences live: each in a directory of its own.
const root = "q/"

// plan adds a wish to the script and returns the number of its last act; false if some
// step of it is not possible.
func (g *sequence) plan(w wish, n int) (last int, ok bool) {
	script := len(g.script)
	dir := fmt.Sprintf("%s%d/", root, n)
	names := []string{dir + "a", dir + "b"}
	g.add(act{Op: opMkdir, Key: dir})
	for _, key := range names[:w.begin] {
		g.add(act{Op: opSave, Key: key, Len: g.size, Mode: 0o600})
	}
	g.add(act{Op: opSync})
	for _, s := range w.steps {
		a, ok := steps[s/2](g, names[s%2], names[1-s%2])
		if !ok {
			// The acts before it are harmless, but nothing new.
			g.script = g.script[:script]
			g.m = replay(g.bucket, g.m.inlineMax, g.script)
			return 0, false
		}
		g.add(a)
	}
	return len(g.script), true
}

func replay(bucket string, inlineMax int64, script []act) *model {
	m := newModel(int(inlineMax))
	m.addBucket(bucket, sharedBuckets[bucket])
	for _, a := range script {
		m.apply(a, ack{})
	}
	return m
}

// TestPairs cuts inside of and after every pair of small acts; each run of the short form
// takes a part of them.
func TestPairs(t *testing.T) { cutSequences(t, 77, wishes(2, []uint64{1, 2, 3, 4, 6, 9, after}), 20) }

// TestTriples cuts inside of and after every triple of small acts; each run of the short
// form takes a part of them. What a cut between two acts of one leaves is for TestPairs.
func TestTriples(t *testing.T) { cutSequences(t, 78, wishes(3, []uint64{inside, after}), 12) }

// cutSequences tries most of the sequences for each bucket and size, all in the long form.
func cutSequences(t *testing.T, stream uint64, all []wish, most int) {
	seed := trial.Seed(t)
	rng := rand.New(rand.NewPCG(seed, stream))
	if trial.Soak() {
		most = len(all)
	}
	cuts, buckets, sizes := 0, []string{"plain", "kept", "halted"}, []int64{100, 9000}
	for _, bucket := range buckets {
		for _, size := range sizes {
			rng.Shuffle(len(all), func(i, k int) { all[i], all[k] = all[k], all[i] })
			left := all
			for done := 0; done < most && len(left) > 0 && !t.Failed(); {
				t.Run(fmt.Sprintf("%s/%d/%d", bucket, size, done), func(t *testing.T) {
					e := &enumeration{t: t, rng: rng, seed: seed, bucket: bucket, size: size}
					var taken int
					taken, left = e.prepare(left, min(40, most-done))
					e.run()
					done, cuts = done+taken, cuts+e.cuts
				})
			}
		}
	}
	possible := 0
	for _, w := range all {
		if ok := newSequence("kept", 1).possible(w); ok {
			possible++
		}
	}
	t.Logf("%d of %d sequences cut", cuts, possible*len(buckets)*len(sizes))
	if want := min(most, possible) * len(buckets) * len(sizes); cuts != want && !t.Failed() {
		t.Errorf("%d sequences were cut instead of %d", cuts, want)
	}
}

// An enumeration is a group of sequences in one store.
type enumeration struct {
	t      *testing.T
	rng    *rand.Rand
	seed   uint64
	bucket string
	size   int64
	script []act
	cutAt  map[int]uint64 // by act: after how many steps of the disk
	cuts   int
}

// prepare takes up to most sequences for one store off the list.
func (e *enumeration) prepare(all []wish, most int) (taken int, rest []wish) {
	g := newSequence(e.bucket, e.size)
	g.add(act{Op: opMkdir, Key: root})
	e.cutAt = map[int]uint64{}
	for len(all) > 0 && taken < most {
		w := all[0]
		all = all[1:]
		if last, ok := g.plan(w, taken); ok {
			if w.at == inside {
				w.at = 1 + e.rng.Uint64N(12)
			}
			e.cutAt[last] = w.at
			taken++
		}
	}
	e.script = g.script
	return taken, all
}

const enumInline = 4 << 10

// run performs the script in lockstep and cuts where it says.
func (e *enumeration) run() {
	fs := startDisk(e.t, "")
	defer fs.Close()
	p := plan{
		Dir: filepath.Join(fs.Dir(), "store"), Disk: fs, Create: true, Script: e.script,
		InlineMax: enumInline, SettleAfter: -1, MemTable: 1 << 20, Seed: e.rng.Uint64(),
	}
	r := startRun(e.t, p)
	defer r.kill()
	if !r.awaitWord("open") {
		e.t.Fatal("the writer did not open the store")
	}
	if err := fs.SyncAll(); err != nil {
		e.t.Fatal(err)
	}
	for n := 1; n <= len(e.script) && !e.t.Failed(); n++ {
		at, cut := e.cutAt[n]
		mark := r.ledger.mark()
		if cut {
			now, err := fs.Steps()
			if err == nil {
				err = fs.Freeze(now + at)
			}
			if err != nil {
				e.t.Fatal(err)
			}
		}
		if _, err := io.WriteString(r.stdin, "next\n"); err != nil {
			e.t.Fatal(err)
		}
		r.await(func(l *ledger) bool { ds := l.done[0]; return len(ds) == n && ds[n-1].ended >= 0 })
		if cut {
			e.cut(fs, r, p, mark, n)
		}
	}
}

// cut takes a cut at the step chosen, or after the act if it had fewer, and judges it.
func (e *enumeration) cut(fs *powercut.FS, r *run, p plan, mark, n int) {
	cutSeed := e.rng.Uint64()
	dir, report, err := fs.Cut(cutSeed)
	if ferr := fs.Freeze(0); ferr != nil {
		e.t.Fatal(ferr)
	}
	if err != nil { // the act took fewer steps
		mark = r.ledger.mark()
		dir, report, err = fs.Cut(cutSeed)
	}
	if err != nil {
		e.t.Fatal(err)
	}
	e.cuts++
	h := home{worker: 0, bucket: e.bucket, prefix: root, state: sharedBuckets[e.bucket]}
	if _, err := examine(dir, p, r.ledger.page(mark), []home{h}); err != nil {
		e.t.Errorf("PAIL_SEED=%d: cut %d (%s) in %v at step %d:\n%v", e.seed, cutSeed, report.Mode, e.script[n-1], e.cutAt[n], err)
		keep(e.t, dir)
	}
	discard(e.t, dir)
}

// TestCreation cuts the power while a store is made: there is none afterwards, or a
// whole one, and making it again works.
func TestCreation(t *testing.T) {
	rng := rand.New(rand.NewPCG(trial.Seed(t), 80))
	rounds := 12
	if trial.Soak() {
		rounds = 300
	}
	for i := range rounds {
		t.Run(fmt.Sprint(i), func(t *testing.T) { cutCreation(t, rng, i%2 == 1) })
	}
}

func cutCreation(t *testing.T, rng *rand.Rand, encrypted bool) {
	fs := startDisk(t, "")
	p := plan{Dir: filepath.Join(fs.Dir(), "store"), Disk: fs, Create: true, MemTable: 1 << 20, InlineMax: 4 << 10, Encrypted: encrypted}
	at := 1 + rng.Uint64N(700)
	if err := fs.Freeze(at); err != nil {
		t.Fatal(err)
	}
	r := startRun(t, p)
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		now, err := fs.Steps()
		if err != nil || time.Now().After(deadline) {
			t.Fatal(err, "the writer hangs")
		}
		if now >= at || r.said("open") {
			break
		}
	}
	r.kill()
	cutSeed := rng.Uint64()
	dir, _, err := fs.Cut(cutSeed)
	if err != nil {
		if err = fs.Freeze(0); err == nil {
			dir, _, err = fs.Cut(cutSeed)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := recreate(dir, p); err != nil {
		t.Errorf("step %d, cut %d: %v", at, cutSeed, err)
		keep(t, dir)
	}
	discard(t, dir)
}
