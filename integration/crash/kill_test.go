package crash

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"pail/integration/trial"
)

// TestKill kills the writer on an ordinary disk: the kernel keeps what was written, so
// everything that was acknowledged is there, synced or not, but for drafts that were
// neither published nor synced.
func TestKill(t *testing.T) {
	seed := trial.Seed(t)
	rounds := 4
	if trial.Soak() {
		rounds = 200
	}
	var total outcomes
	flight := 0 // acts that had no answer yet
	for i := 0; i < rounds && !t.Failed(); i++ {
		t.Run(fmt.Sprintf("round=%d", i), func(t *testing.T) {
			p := planOf(seed, i)
			rng := rand.New(rand.NewPCG(p.Seed, 8))
			dir := scratch(t)
			p.Dir, p.Create = filepath.Join(dir, "store"), true
			r := startRun(t, p)
			if !r.awaitWord("open") {
				t.Fatal("the writer did not open the store")
			}
			r.begin()
			work := 200 + rng.IntN(2500)
			r.await(func(l *ledger) bool { return l.size >= work || l.said("done") })
			r.kill()
			pg := r.ledger.page(r.ledger.mark())
			pg.kill = true
			for _, ds := range pg.acts {
				if n := len(ds); n > 0 && ds[n-1].ended < 0 {
					flight++
				}
			}
			recovered, err := examine(dir, p, pg, p.homes())
			total.add(recovered)
			total.cuts++
			if err != nil {
				t.Errorf("PAIL_SEED=%d round %d: %v", seed, i, err)
				keep(t, dir)
			}
			if recovered.Undone > 0 {
				t.Errorf("PAIL_SEED=%d round %d: %d publishes were undone though no byte was lost", seed, i, recovered.Undone)
			}
		})
	}
	t.Logf("%v, %d acts in flight", total, flight)
	if flight == 0 && !t.Failed() {
		t.Error("nothing was ever in flight")
	}
}
