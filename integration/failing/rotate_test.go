package failing

import (
	"fmt"
	"syscall"
	"testing"

	"pail/integration/powercut"
	"pail/integration/trial"
	"pail/store/fault"
)

// TestEngineTablesFail has requests fail while the engine begins logs, writes tables and
// compacts them: what was acknowledged stays, whatever is refused, also after a power cut.
func TestEngineTablesFail(t *testing.T) {
	r := newRig(t)
	rng := r.rand()
	rounds := 2
	if trial.Soak() {
		rounds = 50
	}
	for round := range rounds {
		for _, rule := range []powercut.Rule{
			{Ops: writes(), Errno: syscall.ENOSPC}, {Ops: writes(), Errno: syscall.EIO},
			{Ops: []powercut.Op{powercut.OpFsync, powercut.OpFsyncDir}, Errno: syscall.EIO},
		} {
			rule.Path, rule.Skip, rule.Count = "^store/meta/", rng.IntN(400), 1
			if round%2 == 0 { // of tables alone, of which there are few
				rule.Path, rule.Skip = `^store/meta/.*\.sst$`, rng.IntN(8)
			}
			when := fmt.Sprintf("round %d, %v of %v at request %d", round, rule.Errno, rule.Ops[0], rule.Skip)
			r.failing(rule, func() {
				for range 250 { // more than fits a log
					key := r.key()
					b := data(inline, uint64(r.keys))
					err := put(b)(r, key)
					if err == nil {
						r.want[key] = want{all: [][]byte{b}}
						continue
					}
					r.want[key] = want{all: [][]byte{nil, b}}
					if k := fault.KindOf(err); k != fault.StoreFailed && k != fault.NoSpace && k != fault.IOFailed {
						t.Errorf("%s: %v (%v)", when, err, k)
					}
					if r.s.Status().Stopped != "" {
						break
					}
				}
			})
			r.checkAll(when)
			r.checkImage(when, r.seed+uint64(round))
			r.reopen()
			r.checkAll(when + ", opened anew")
			if t.Failed() {
				t.Fatalf("the last request that failed: %s", r.lastFailure())
			}
			clear(r.want)
		}
	}
}
