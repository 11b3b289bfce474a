package crash

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"pail/integration/powercut"
	"pail/integration/trial"
	"pail/versioning"
)

// Every act that promises to be durable is done alone, and the power is cut when it has
// returned, with the loss of everything that was not synced: it must be there. Then it is
// done again with a disk that lies, during this act only, about each of the syncs that it
// needs: then something must be missing.

// A promise is one act that is durable when it returns, and what there must be before it.
type promise struct {
	name string
	// make adds to a script what there must be, and returns the act.
	make func(s *script, key string) act
	// content says that the act makes bytes in content files durable: its own, or those
	// of publishes that were not yet.
	content bool
}

// A script grows act by act. Buckets are "flat", which is not versioned, and "deep", which is.
type script struct{ acts []act }

// newScript makes the buckets.
func newScript() *script {
	s := &script{}
	s.add(act{Op: opBucket, Bucket: "flat"})
	s.add(act{Op: opBucket, Bucket: "deep", State: versioning.Enabled})
	return s
}

// add returns the number of the act.
func (s *script) add(a act) int {
	a.N = len(s.acts) + 1
	if a.Bucket == "" {
		a.Bucket = "flat"
	}
	a.Gen = genOf(0, a.N)
	s.acts = append(s.acts, a)
	return a.N
}

const (
	small = 100
	large = 9000
)

// own is what names of the worker in the account begin with.
var own = ownName(0)

// promises are all of them.
var promises = []promise{
	{name: "bucket", make: func(_ *script, key string) act { return act{Op: opBucket, Bucket: "new-" + key} }},
	{name: "drop", make: func(s *script, key string) act {
		s.add(act{Op: opBucket, Bucket: "old-" + key})
		return act{Op: opDrop, Bucket: "old-" + key}
	}},
	{name: "state", make: func(s *script, key string) act {
		s.add(act{Op: opBucket, Bucket: "state-" + key})
		return act{Op: opState, Bucket: "state-" + key, State: versioning.Enabled}
	}},
	{name: "setting", make: func(_ *script, key string) act { return act{Op: opSetting, Values: []string{"x" + key}} }},
	{name: "reset", make: func(s *script, key string) act {
		s.add(act{Op: opSetting, Values: []string{"y" + key}})
		return act{Op: opReset}
	}},
	{name: "label", make: func(_ *script, key string) act { return act{Op: opLabel, Tags: map[string]string{"l": key}} }},
	{name: "cors", make: func(_ *script, _ string) act { return act{Op: opCORS} }},
	{name: "no cors", make: func(s *script, _ string) act {
		s.add(act{Op: opCORS})
		return act{Op: opNoCORS}
	}},
	{name: "website", make: func(_ *script, _ string) act { return act{Op: opWebsite} }},
	{name: "no website", make: func(s *script, _ string) act {
		s.add(act{Op: opWebsite})
		return act{Op: opNoWebsite}
	}},
	{name: "lifecycle", make: func(_ *script, _ string) act { return act{Op: opLifecycle} }},
	{name: "no lifecycle", make: func(s *script, _ string) act {
		s.add(act{Op: opLifecycle})
		return act{Op: opNoLifecycle}
	}},
	{name: "policy", make: func(_ *script, _ string) act { return act{Op: opPolicy} }},
	{name: "no policy", make: func(s *script, _ string) act {
		s.add(act{Op: opPolicy})
		return act{Op: opNoPolicy}
	}},
	{name: "block", make: func(_ *script, _ string) act { return act{Op: opBlock} }},
	{name: "no block", make: func(s *script, _ string) act {
		s.add(act{Op: opBlock})
		return act{Op: opNoBlock}
	}},
	{name: "ownership", make: func(s *script, _ string) act {
		s.add(act{Op: opNoOwnership})
		return act{Op: opOwnership}
	}},
	{name: "no ownership", make: func(s *script, _ string) act {
		s.add(act{Op: opOwnership})
		return act{Op: opNoOwnership}
	}},
	{name: "acl", make: func(s *script, _ string) act {
		s.add(act{Op: opNoOwnership})
		s.add(act{Op: opNoACL})
		return act{Op: opACL}
	}},
	{name: "no acl", make: func(s *script, _ string) act {
		s.add(act{Op: opNoOwnership})
		s.add(act{Op: opACL})
		return act{Op: opNoACL}
	}},
	{name: "quota", make: func(s *script, key string) act {
		s.add(act{Op: opPut, Key: key, Len: small})
		return act{Op: opQuota}
	}},
	{name: "no quota", make: func(s *script, _ string) act {
		s.add(act{Op: opQuota})
		return act{Op: opNoQuota}
	}},
	{name: "put under a quota", make: func(s *script, key string) act {
		s.add(act{Op: opQuota})
		return act{Op: opPut, Key: key, Len: small}
	}},
	{name: "lock", make: func(s *script, key string) act {
		s.add(act{Op: opBucket, Bucket: "lock-" + key, State: versioning.Enabled})
		return act{Op: opLock, Bucket: "lock-" + key}
	}},
	{name: "notify", make: func(s *script, key string) act {
		s.add(act{Op: opHook, Key: own + key})
		return act{Op: opNotify, Key: own + key}
	}},
	{name: "notify nobody", make: func(s *script, key string) act {
		s.add(act{Op: opHook, Key: own + key})
		s.add(act{Op: opNotify, Key: own + key})
		return act{Op: opNotify}
	}},
	{name: "tags and their event", make: func(s *script, key string) act {
		s.add(act{Op: opHook, Key: own + key})
		s.add(act{Op: opNotify, Key: own + key})
		s.add(act{Op: opPut, Key: key, Len: small})
		return act{Op: opTags, Key: key, Version: "null", Tags: map[string]string{"u": "1"}}
	}},
	{name: "complete and its event", make: func(s *script, key string) act {
		s.add(act{Op: opHook, Key: own + key})
		s.add(act{Op: opNotify, Key: own + key})
		u := s.add(act{Op: opBegin, Key: key})
		s.add(act{Op: opPart, Handle: u, Part: 1, Len: large})
		return act{Op: opComplete, Handle: u}
	}},
	{name: "hook", make: func(_ *script, key string) act { return act{Op: opHook, Key: own + key} }},
	{name: "unhook", make: func(s *script, key string) act {
		s.add(act{Op: opHook, Key: own + key})
		return act{Op: opUnhook, Key: own + key}
	}},
	{name: "access key", make: func(_ *script, key string) act { return act{Op: opAccessKey, Key: own + key} }},
	{name: "root key", make: func(s *script, key string) act {
		s.add(act{Op: opRootKey, Key: own + key})
		return act{Op: opRootKey, Key: own + key + "-2"}
	}},
	{name: "key active", make: func(s *script, key string) act {
		s.add(act{Op: opAccessKey, Key: own + key})
		return act{Op: opKeyActive, Key: own + key}
	}},
	{name: "drop key", make: func(s *script, key string) act {
		s.add(act{Op: opAccessKey, Key: own + key})
		return act{Op: opDropKey, Key: own + key}
	}},
	{name: "user", make: func(_ *script, key string) act { return act{Op: opUser, Key: own + key} }},
	{name: "tag user", make: func(s *script, key string) act {
		s.add(act{Op: opUser, Key: own + key})
		return act{Op: opTagUser, Key: own + key}
	}},
	{name: "drop user", make: func(s *script, key string) act {
		s.add(act{Op: opUser, Key: own + key})
		return act{Op: opDropUser, Key: own + key}
	}},
	{name: "put inline", make: func(_ *script, key string) act { return act{Op: opPut, Key: key, Len: small} }},
	{name: "put", content: true, make: func(_ *script, key string) act { return act{Op: opPut, Key: key, Len: large} }},
	{name: "parts", content: true, make: func(_ *script, key string) act { return act{Op: opParts, Key: key, Len: 3 * large} }},
	{name: "begin", make: func(_ *script, key string) act { return act{Op: opBegin, Key: key} }},
	{name: "part", content: true, make: func(s *script, key string) act {
		return act{Op: opPart, Handle: s.add(act{Op: opBegin, Key: key}), Part: 1, Len: large}
	}},
	{name: "part-copy", content: true, make: func(s *script, key string) act {
		s.add(act{Op: opSave, Key: key, Len: large})
		u := s.add(act{Op: opBegin, Key: key + "-copy"})
		return act{Op: opPartCopy, Handle: u, Part: 1, Key: key, Version: "null", From: 16, Len: large - 100}
	}},
	{name: "complete", make: func(s *script, key string) act {
		u := s.add(act{Op: opBegin, Key: key})
		s.add(act{Op: opPart, Handle: u, Part: 1, Len: large})
		return act{Op: opComplete, Handle: u}
	}},
	{name: "abort", make: func(s *script, key string) act {
		u := s.add(act{Op: opBegin, Key: key})
		s.add(act{Op: opPart, Handle: u, Part: 1, Len: large})
		return act{Op: opAbort, Handle: u}
	}},
	{name: "copy", content: true, make: func(s *script, key string) act {
		s.add(act{Op: opSave, Key: key, Len: large})
		return act{Op: opCopy, Key: key, Version: "null", To: key + "-copy"}
	}},
	{name: "restore", content: true, make: func(s *script, key string) act {
		s.add(act{Op: opSave, Key: key, Len: large})
		return act{Op: opRestore, Key: key, Version: "null"}
	}},
	{name: "go back", content: true, make: func(s *script, key string) act {
		s.add(act{Op: opSave, Bucket: "deep", Key: key, Len: large})
		mark := s.add(act{Op: opMark, Bucket: "deep"})
		s.add(act{Op: opSave, Bucket: "deep", Key: key, Len: small})
		return act{Op: opGoBack, Bucket: "deep", Handle: mark}
	}},
	{name: "delete", make: func(s *script, key string) act {
		s.add(act{Op: opPut, Key: key, Len: small})
		return act{Op: opDelete, Key: key}
	}},
	{name: "forget", make: func(s *script, key string) act {
		s.add(act{Op: opPut, Key: key, Len: small})
		return act{Op: opForget, Key: key, Version: "null"}
	}},
	{name: "forget what a synced draft began from", make: func(s *script, key string) act {
		s.add(act{Op: opSave, Key: key, Len: small})
		f := s.add(act{Op: opOpen, Key: key})
		s.add(act{Op: opWrite, Handle: f, Len: 2 * small})
		s.add(act{Op: opFsync, Handle: f})
		// They are the draft's, too, with the version that had them gone.
		s.add(act{Op: opTags, Key: key, Version: "null", Tags: map[string]string{"u": "1"}})
		s.add(act{Op: opXattr, Key: key})
		return act{Op: opForget, Key: key, Version: "null"}
	}},
	{name: "tags", make: func(s *script, key string) act {
		s.add(act{Op: opPut, Key: key, Len: small})
		return act{Op: opTags, Key: key, Version: "null", Tags: map[string]string{"u": "1"}}
	}},
	{name: "rekey", content: true, make: func(s *script, key string) act {
		s.add(act{Op: opSave, Key: key, Len: large})
		return act{Op: opRekey, Key: key, To: key + "-2"}
	}},
	{name: "fsync inline", make: func(s *script, key string) act {
		f := s.add(act{Op: opOpen, Key: key, Mode: 0o600})
		s.add(act{Op: opWrite, Handle: f, Len: small})
		return act{Op: opFsync, Handle: f}
	}},
	{name: "fsync", content: true, make: func(s *script, key string) act {
		f := s.add(act{Op: opOpen, Key: key, Mode: 0o600})
		s.add(act{Op: opWrite, Handle: f, Len: 40 * large})
		return act{Op: opFsync, Handle: f}
	}},
	{name: "fsync of a copied range", content: true, make: func(s *script, key string) act {
		s.add(act{Op: opSave, Key: key, Len: 4 * large})
		f := s.add(act{Op: opOpen, Key: key + "-copy", Mode: 0o600})
		s.add(act{Op: opRange, Handle: f, Key: key, Version: "null", Len: 4 * large})
		return act{Op: opFsync, Handle: f}
	}},
	{name: "sync", content: true, make: func(s *script, key string) act {
		s.add(act{Op: opSave, Key: key, Len: large})
		return act{Op: opSync}
	}},
}

// A missed sync is one about which the disk lies.
type missedSync struct {
	name, path string
	op         powercut.Op
	content    bool // it is of a content file
}

// missedSyncs are the syncs of one act; the first one is none.
var missedSyncs = []missedSync{
	{name: "all syncs"},
	{name: "no log", path: `^store/meta/.*\.mem$`, op: powercut.OpFsync},
	{name: "no content", path: `^store/blobs/../`, op: powercut.OpFsync, content: true},
	{name: "no name of the content", path: `^store/blobs/..$`, op: powercut.OpFsyncDir, content: true},
}

// A probe is a promise put to the test with one sync missing.
type probe struct {
	promise
	missed missedSync
	first  int // the first act of what there must be
	last   int // the act
}

// TestEachDurableAct demands of each act that is to be durable that it is, and that each sync
// on its way is needed.
func TestEachDurableAct(t *testing.T) {
	rng := rand.New(rand.NewPCG(trial.Seed(t), 81))
	s := newScript()
	covered := map[op]bool{}
	var probes []probe
	for i, p := range promises {
		for k, missed := range missedSyncs {
			if missed.content && !p.content {
				continue
			}
			first := len(s.acts) + 1
			a := p.make(s, fmt.Sprintf("k%d-%d", i, k))
			covered[a.Op] = true
			probes = append(probes, probe{p, missed, first, s.add(a)})
		}
	}
	for _, o := range opsIn(t) {
		if o.durable() && !covered[o] {
			t.Errorf("%s promises to be durable and has no entry in promises", o)
		}
	}
	disk, r := startScript(t, s, rng)
	for _, x := range probes {
		t.Run(x.name+", "+x.missed.name, func(t *testing.T) { x.run(t, disk, r, rng) })
	}
}

// startScript starts a writer with a script on a disk that forgets and has it make the two
// buckets.
func startScript(t *testing.T, s *script, rng *rand.Rand) (*powercut.FS, *run) {
	t.Helper()
	disk := startDisk(t, "")
	r := startRun(t, plan{
		Dir: filepath.Join(disk.Dir(), "store"), Disk: disk, Create: true, Script: s.acts,
		InlineMax: enumInline, SettleAfter: -1, MemTable: 1 << 20, Seed: rng.Uint64(),
	})
	t.Cleanup(r.kill)
	if !r.awaitWord("open") {
		t.Fatal("the writer did not open the store")
	}
	r.step(2)
	return disk, r
}

// step lets the writer do the acts of its script until the n-th.
func (r *run) step(n int) {
	r.t.Helper()
	r.ledger.mu.Lock()
	done := len(r.ledger.done[0])
	r.ledger.mu.Unlock()
	for done++; done <= n; done++ {
		if _, err := io.WriteString(r.stdin, "next\n"); err != nil {
			r.t.Fatal(err)
		}
		r.await(func(l *ledger) bool { ds := l.done[0]; return len(ds) == done && ds[done-1].ended >= 0 })
	}
}

// run does what there must be, and the act with a sync missing, and cuts the power.
func (x probe) run(t *testing.T, disk *powercut.FS, r *run, rng *rand.Rand) {
	if err := disk.SyncAll(); err != nil {
		t.Fatal(err)
	}
	r.step(x.last - 1)
	number, err := -1, error(nil)
	if x.missed.path != "" {
		if number, err = disk.AddRule(powercut.IgnoreSync(x.missed.path, x.missed.op)); err != nil {
			t.Fatal(err)
		}
	}
	r.step(x.last)
	dir, _, err := disk.CutAs(powercut.None, rng.Uint64())
	if err != nil {
		t.Fatal(err)
	}
	defer discard(t, dir)
	_, loss := examine(dir, r.plan, r.ledger.page(r.ledger.mark()), x.homes(r.plan.Script))
	if number < 0 {
		if loss != nil {
			t.Errorf("%v was acknowledged and is lost: %v", r.plan.Script[x.last-1], loss)
		}
		return
	}
	if lied, err := disk.EndRule(number); err != nil || lied == 0 {
		t.Fatalf("the disk lied %d times (%v): the act does not sync that", lied, err)
	}
	if loss == nil {
		t.Error("nothing was lost: the sync is not needed, or this test is blind")
	}
}

// TestEachDurableActIsWhole cuts the power inside of each act that is to be durable: what
// there was before is there, or what it did, or what stands between two of its commits, and
// nothing else. The short form takes a few steps of the disk for each act, the long one all.
func TestEachDurableActIsWhole(t *testing.T) {
	seed := trial.Seed(t)
	rng := rand.New(rand.NewPCG(seed, 82))
	most, inside := 4, 0
	if trial.Soak() {
		most = 40
	}
	for some := range slices.Chunk(promises, 4) { // a script has to fit into the environment of a process
		s := newScript()
		var probes [][]probe
		for i, p := range some {
			var of []probe
			for k := range most {
				a := p.make(s, fmt.Sprintf("k%d-%d", i, k))
				of = append(of, probe{promise: p, last: s.add(a)})
			}
			probes = append(probes, of)
		}
		disk, r := startScript(t, s, rng)
		for _, of := range probes {
			t.Run(of[0].name, func(t *testing.T) { inside += cutInside(t, disk, r, rng, seed, of) })
		}
		r.kill()
	}
	t.Logf("%d cuts inside of acts", inside)
	if inside < len(promises) && !t.Failed() {
		t.Error("hardly any cut was inside of an act")
	}
}

// cutInside cuts the power in each of several probes of one act, and returns how many cuts
// were inside of it.
func cutInside(t *testing.T, disk *powercut.FS, r *run, rng *rand.Rand, seed uint64, of []probe) (inside int) {
	steps := uint64(8) // that it takes at most, as far as is known
	for k, x := range of {
		at := uint64(k + 1)
		if !trial.Soak() {
			at = 1 + rng.Uint64N(steps)
		}
		in := x.cutAt(t, disk, r, rng.Uint64(), at)
		if t.Failed() {
			t.Fatalf("PAIL_SEED=%d, at step %d", seed, at)
		}
		switch {
		case in:
			inside++
		case trial.Soak():
			return inside
		default:
			steps = max(1, at-1)
		}
	}
	return inside
}

// cutAt does the act and cuts the power at one of its steps, or after it if it takes fewer.
func (x probe) cutAt(t *testing.T, disk *powercut.FS, r *run, cutSeed, at uint64) (inside bool) {
	r.step(x.last - 1)
	if err := disk.SyncAll(); err != nil {
		t.Fatal(err)
	}
	mark := r.ledger.mark()
	now, err := disk.Steps()
	if err == nil {
		err = disk.Freeze(now + at)
	}
	if err != nil {
		t.Fatal(err)
	}
	r.step(x.last)
	dir, report, err := disk.Cut(cutSeed)
	inside = err == nil
	if ferr := disk.Freeze(0); ferr != nil {
		t.Fatal(ferr)
	}
	if !inside {
		mark = r.ledger.mark()
		dir, report, err = disk.Cut(cutSeed)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := examine(dir, r.plan, r.ledger.page(mark), x.homes(r.plan.Script)); err != nil {
		t.Errorf("cut %d (%s) in %v: %v", cutSeed, report.Mode, r.plan.Script[x.last-1], err)
		keep(t, dir)
	}
	discard(t, dir)
	return inside
}

// homes are the buckets of the script until the act.
func (x probe) homes(acts []act) (out []home) {
	names := map[string]bool{}
	for _, a := range acts[:x.last] {
		names[a.Bucket] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		out = append(out, home{worker: 0, bucket: name})
	}
	return out
}
