package failing

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"pail/integration/powercut"
	"pail/integration/trial"
	"pail/store/fault"
)

// writes are the requests that a full disk refuses.
func writes() []powercut.Op {
	return []powercut.Op{
		powercut.OpWrite, powercut.OpTruncate, powercut.OpAllocate, powercut.OpCreate, powercut.OpMkdir, powercut.OpRename, powercut.OpLink,
	}
}

// changes are the requests that a disk refuses which was remounted read-only.
func changes() []powercut.Op {
	return append(writes(), powercut.OpFsync, powercut.OpFsyncDir, powercut.OpUnlink, powercut.OpRmdir)
}

// everyRequest does each act with one of its requests failing, each in turn, or some at
// random that are at most stride apart. judge is told what came of it.
func (r *rig) everyRequest(rule powercut.Rule, stride int, judge func(when string, a act, key string, err error)) {
	r.Helper()
	rounds, rng := 0, r.rand()
	for _, a := range acts() {
		for n := 0; ; n += 1 + rng.IntN(stride) {
			key := r.prepare(a)
			var err error
			rule.Skip = n
			met := r.failing(rule, func() { err = a.do(r, key) })
			r.done(a, key, err)
			if !met {
				if err != nil {
					r.Errorf("%s: %v, and nothing has failed", a.name, err)
				}
				break
			}
			rounds++
			judge(fmt.Sprintf("%s, %v at request %d", a.name, rule.Errno, n), a, key, err)
			if r.Failed() {
				r.Fatalf("the last request that failed: %s", r.lastFailure())
			}
		}
	}
	if rounds < len(acts()) {
		r.Errorf("only %d requests have failed", rounds)
	}
	r.Logf("%d requests have failed", rounds)
}

// lastFailure is the last line of the trace that tells of a rule.
func (r *rig) lastFailure() string {
	_ = r.s.Close(r.ctx)
	r.s = nil
	_ = r.fs.Close() // which writes the trace out
	b, _ := os.ReadFile(r.trace)
	last := ""
	for line := range strings.Lines(string(b)) {
		if strings.Contains(line, "rule: ") {
			last = line
		}
	}
	return last
}

// TestFullDiskAtEveryWrite: what fails for want of space says so, loses nothing, and goes on
// when there is space again.
func TestFullDiskAtEveryWrite(t *testing.T) {
	r := newRig(t)
	r.everyRequest(powercut.Rule{Ops: writes(), Count: 1, Errno: syscall.ENOSPC}, 1, func(when string, a act, key string, err error) {
		if err != nil && !fault.Is(err, fault.NoSpace) {
			t.Errorf("%s: the error is %v (%v)", when, err, fault.KindOf(err))
		}
		if why := r.s.Status().Stopped; why != "" {
			t.Errorf("%s: the store has stopped: %s", when, why)
		}
		r.check(when, key)
		again := r.prepare(a)
		err = a.do(r, again)
		r.done(a, again, err)
		if err != nil {
			t.Errorf("%s: with space again: %v", when, err)
		}
		r.check(when+", again", again)
	})
	r.settled()
	r.checkAll("in the end")
	r.ok(r.s.Sync(r.ctx))
	r.checkImage("in the end", r.seed)
	r.reopen()
	r.checkAll("opened anew")
}

// stopped demands that a store which no longer writes says why, refuses to write with that
// reason, and still reads.
func (r *rig) stopped(when string) {
	r.Helper()
	why := r.s.Status().Stopped
	if why == "" {
		r.Errorf("%s: the store goes on writing", when)
	}
	key := r.key()
	if err := put(data(tiny, 99))(r, key); !fault.Is(err, fault.StoreFailed) || !strings.Contains(err.Error(), why) {
		r.Errorf("%s: it has stopped (%s); a put says %v", when, why, err)
	}
	r.want[key] = want{all: [][]byte{nil}}
	r.checkAll(when)
}

// TestFailedSync: a sync that fails, of whatever, is never tried again: all writing ends, and
// reading goes on. What was acknowledged before survives a power cut, and what could not be
// synced is not acknowledged later.
func TestFailedSync(t *testing.T) {
	r := newRig(t)
	cut := r.seed
	r.everyRequest(powercut.Rule{Ops: []powercut.Op{powercut.OpFsync, powercut.OpFsyncDir}, Count: 1, Errno: syscall.EIO}, ends(), func(when string, a act, key string, err error) {
		if err == nil {
			t.Errorf("%s: it is acknowledged", when)
		}
		r.stopped(when)
		cut++
		r.checkImage(when, cut)
		r.reopen()
		r.checkAll(when + ", opened anew")
		r.forget()
	})
}

// ends is the stride where a round ends the store: those take longer.
func ends() int {
	if trial.Soak() {
		return 1
	}
	return 12
}

// forget drops what need not be looked at again and again.
func (r *rig) forget() {
	for key := range r.want {
		if len(r.want) > 5 {
			delete(r.want, key)
		}
	}
}

// TestDiskRefusesEveryWrite: an I/O error of any single write ends the act or all writing, and
// nothing that was there is lost.
func TestDiskRefusesEveryWrite(t *testing.T) {
	r := newRig(t)
	cut := r.seed
	r.everyRequest(powercut.Rule{Ops: writes(), Count: 1, Errno: syscall.EIO}, ends(), func(when string, a act, key string, err error) {
		if k := fault.KindOf(err); err != nil && k != fault.IOFailed && k != fault.StoreFailed {
			t.Errorf("%s: the error is %v (%v)", when, err, k)
		}
		r.check(when, key)
		if r.s.Status().Stopped == "" {
			again := r.prepare(a)
			err := a.do(r, again)
			r.done(a, again, err)
			if err != nil {
				t.Errorf("%s: again: %v", when, err)
			}
			return
		}
		r.stopped(when)
		cut++
		r.checkImage(when, cut)
		r.reopen()
		r.checkAll(when + ", opened anew")
		r.forget()
	})
}

// TestDiskBecomesReadOnly: from any request on nothing can be changed any more, as after an
// error of a filesystem that is then remounted read-only.
func TestDiskBecomesReadOnly(t *testing.T) {
	r := newRig(t)
	rng := r.rand()
	for _, a := range acts() {
		if !trial.Soak() && rng.IntN(3) > 0 {
			continue // a disk that takes no writes keeps an end waiting
		}
		for n := rng.IntN(ends()); ; n += 1 + rng.IntN(2*ends()) {
			key := r.prepare(a)
			when := fmt.Sprintf("%s, read-only from request %d on", a.name, n)
			var err error
			met := r.failing(powercut.Rule{Ops: changes(), Skip: n, Errno: syscall.EROFS}, func() {
				err = a.do(r, key)
				r.done(a, key, err)
				if err != nil {
					if k := fault.KindOf(err); k != fault.ReadOnly && k != fault.StoreFailed && k != fault.IOFailed {
						t.Errorf("%s: the error is %v (%v)", when, err, k)
					}
					r.checkAll(when)
					if e := put(data(tiny, 1))(r, key+".no"); e == nil {
						t.Errorf("%s: a put is acknowledged", when)
					}
				}
				_ = r.s.Close(r.ctx)
			})
			r.open()
			r.checkAll(when + ", opened on a sound disk")
			if t.Failed() {
				t.Fatalf("the last request that failed: %s", r.lastFailure())
			}
			r.forget()
			if !met || err == nil {
				break
			}
		}
	}
}
