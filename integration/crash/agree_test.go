package crash

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pail/integration/trial"
	"pail/store"
)

// What the judge demands of a cut is only as good as its model: where the two disagree
// about a store that was never cut, a cut proves nothing. An agreement is a store beside
// a model of it.
type agreement struct {
	t    *testing.T
	s    *store.Store
	p    *performer
	m    *model
	home home
	told []string // acts since the last look
}

func newAgreement(t *testing.T, p plan, h home) *agreement {
	t.Helper()
	ctx := context.Background()
	o := p.options(filepath.Join(scratch(t), "store"))
	if err := store.Create(o); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	w := &writer{plan: p, s: s, se: owner(s)}
	if err := w.shared(ctx); err != nil {
		t.Fatal(err)
	}
	return &agreement{t: t, s: s, p: newPerformer(s), m: h.start(p.InlineMax), home: h}
}

// do has both do an act.
func (g *agreement) do(a act) {
	g.t.Helper()
	o, err := g.p.perform(context.Background(), a)
	if err != nil {
		g.t.Fatalf("%v: %v, after\n%s", a, err, strings.Join(g.told, "\n"))
	}
	g.told = append(g.told, a.String())
	g.m.apply(a, ack{ID: o.VersionID, Number: o.Number})
}

// look demands that the store shows what the model holds. What was fsynced and not
// published is for recovery to show.
func (g *agreement) look() {
	g.t.Helper()
	l := &sight{claims: map[string]bool{}}
	l.se = g.s.As(store.Owner(), store.RequestContext{Door: store.DoorS3}) // who does not see what open files hold
	for _, f := range g.m.open {
		if f.claim {
			l.claims[f.key] = true
		}
	}
	ctx := context.Background()
	if err := errors.Join(l.lookAround(ctx, g.s), l.look(ctx)); err != nil {
		g.t.Fatalf("%v, after\n%s", err, strings.Join(g.told, "\n"))
	}
	j := &judge{home: g.home, sight: l, page: page{kill: true, sums: sums{}, sums5: sums5{}}}
	if sb := l.buckets[g.home.bucket]; sb != nil {
		j.found = sb.below(g.home.prefix)
	}
	published := *g.m
	published.open = nil
	if err := j.compare(&published); err != nil {
		g.t.Fatalf("%v, after\n%s", err, strings.Join(g.told, "\n"))
	}
	g.told = nil
}

// TestModelAgrees performs each kind of load on a store that nobody cuts or kills.
func TestModelAgrees(t *testing.T) {
	seed := trial.Seed(t)
	acts := 150
	if trial.Soak() {
		acts = 5000
	}
	for i, kind := range []string{"mixed", "s3", "mount", "mixed@kept", "mixed@halted", "mount@plain", "past", "shelf", "pieces", "quiet", "move"} {
		t.Run(kind, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, uint64(2000+i)))
			p := plan{Seed: seed, InlineMax: 12 << 10, SettleAfter: 5 * time.Millisecond, MemTable: 16 << 20}
			h := homeOf(0, kind)
			g := newAgreement(t, p, h)
			gen := newGenerator(h, g.m, p, rng)
			for n := 1; n <= acts+gen.big; n++ {
				a := gen.next()
				a.N, a.Gen = n, genOf(0, n)
				if g.do(a); rng.IntN(10) == 0 {
					g.look()
				}
			}
			g.look()
		})
	}
}

// TestModelOfTruncation truncates files to the size that they have, which is no change of
// their bytes: an empty draft that nothing was written to waits for its close.
func TestModelOfTruncation(t *testing.T) {
	p := plan{InlineMax: 12 << 10, SettleAfter: -1, MemTable: 16 << 20}
	for _, size := range []int64{100, 30_000} {
		for _, c := range []struct {
			name string
			then []act
		}{
			{"emptied", []act{{Op: opOpen, Key: "f", Trunc: true}, {Op: opTruncate, Handle: 3}}},
			{"emptied again", []act{{Op: opOpen, Key: "f", Trunc: true}, {Op: opTruncate, Handle: 3, Len: 5}, {Op: opTruncate, Handle: 3}}},
			{"as it is", []act{{Op: opOpen, Key: "f"}, {Op: opTruncate, Handle: 3, Len: size}}},
			{"as it was written", []act{{Op: opOpen, Key: "f"}, {Op: opWrite, Handle: 3, Len: size}, {Op: opTruncate, Handle: 3, Len: size}}},
			{"and timed", []act{{Op: opOpen, Key: "f"}, {Op: opTimes, Handle: 3}, {Op: opTruncate, Handle: 3, Len: size}}},
			{"and synced", []act{{Op: opOpen, Key: "f", Trunc: true}, {Op: opFsync, Handle: 3}, {Op: opTruncate, Handle: 3}}},
		} {
			t.Run(fmt.Sprintf("%s/%d", c.name, size), func(t *testing.T) {
				g := newAgreement(t, p, homeOf(0, "mount@kept"))
				script := append([]act{{Op: opMkdir, Key: ""}, {Op: opSave, Key: "f", Len: size}}, c.then...)
				script = append(script, act{Op: opFlush, Handle: 3}, act{Op: opSave, Key: "g", Len: size + 1},
					act{Op: opRename, Key: "f", To: "h"}, act{Op: opExchange, Key: "h", To: "g"}, act{Op: opClose, Handle: 3})
				for i, a := range script {
					a.N, a.Gen, a.Bucket, a.Mode = i+1, genOf(0, i+1), g.home.bucket, 0o600
					if a.Handle == 0 {
						a.Key = g.home.prefix + a.Key
					}
					if a.To != "" {
						a.To = g.home.prefix + a.To
					}
					g.do(a)
					g.look()
				}
			})
		}
	}
}
