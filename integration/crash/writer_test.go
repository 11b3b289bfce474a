package crash

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"pail/integration/powercut"
	"pail/store"
	"pail/store/keyring"
)

// writerEnv holds the plan of a process that is to work on a store; it reports on
// descriptor 3 and waits for a line on its standard input after opening.
const writerEnv = "PAIL_CRASH_WRITER"

// A plan is what a writer does.
type plan struct {
	Dir         string
	Seed        uint64
	Create      bool
	Kinds       []string // of load, one for each worker; none: only open and close
	Script      []act    // instead of a load: these acts of worker 0, one at a time
	Acts        int      // of each worker, at most
	Stay        bool     // do not close the store at the end
	InlineMax   int
	SettleAfter time.Duration
	Compact     time.Duration // after which every content in pieces is compacted; 0: never
	MemTable    int64
	Encrypted   bool // records and contents, under a master key that somebody has chosen
	Gated       bool // each opCompact waits before and after until it is let, and whoever only opens and closes compacts between

	Disk *powercut.FS `json:"-"` // on which Dir is, if it is one that forgets
}

func (p plan) options(dir string) store.Options {
	after := p.Compact
	if after == 0 {
		after = -1
	}
	o := store.Options{
		CompactAfter: after, CompactPieces: 1,
		Dir: dir, AllowAnyFS: true, InlineMax: p.InlineMax, SettleAfter: p.SettleAfter,
		MemTableSize: p.MemTable, MinPartSize: -1,
	}
	if p.Encrypted {
		secret := bytes.Repeat([]byte{7}, 32)
		m, err := keyring.NewMaster(keyring.External, secret)
		if err != nil {
			panic(err) // it has the length of one
		}
		o.NewMasterKey = m
		o.MasterKey = func(keyring.Source) ([]byte, error) { return bytes.Clone(secret), nil }
	}
	return o
}

// homes are where the workers of a plan work.
func (p plan) homes() []home {
	var out []home
	for w, kind := range p.Kinds {
		out = append(out, homeOf(w, kind))
	}
	return out
}

// A writer is the process that works on the store.
type writer struct {
	plan plan
	gate chan struct{} // of each opCompact, before and after it, when it is let
	s    *store.Store
	se   *store.Session

	mu     sync.Mutex // guards report
	report *os.File
}

func writerMain() {
	text := os.Getenv(writerEnv)
	if text == "" {
		return
	}
	w := &writer{report: os.NewFile(3, "report"), gate: make(chan struct{})}
	err := json.Unmarshal([]byte(text), &w.plan)
	if err == nil {
		err = w.run(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "writer:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func (w *writer) tell(e event) {
	b, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.report.Write(append(b, '\n')); err != nil {
		os.Exit(3) // the judge is gone
	}
}

func (w *writer) run(ctx context.Context) (err error) {
	o := w.plan.options(w.plan.Dir)
	if w.plan.Create {
		if err := store.Create(o); err != nil {
			return err
		}
		w.tell(event{Word: "created"})
	}
	if w.s, err = store.Open(ctx, o); err != nil {
		return err
	}
	w.se = owner(w.s)
	if w.plan.Create {
		if err := w.shared(ctx); err != nil {
			return err
		}
	}
	w.tell(event{Word: "open"})
	in := bufio.NewReader(os.Stdin)
	if _, err := in.ReadString('\n'); err != nil {
		return nil
	}
	if w.plan.Script != nil {
		return w.script(ctx, in)
	}
	go w.obey(in)
	if w.plan.Gated && len(w.plan.Kinds) == 0 {
		if err := compact(ctx, w.s); err != nil {
			return err
		}
	}
	var group sync.WaitGroup
	for i, h := range w.plan.homes() {
		group.Go(func() { w.work(ctx, h, rand.New(rand.NewPCG(w.plan.Seed, uint64(i)))) })
	}
	group.Wait()
	w.tell(event{Word: "done"})
	if w.plan.Stay {
		select {} // until it is killed
	}
	if err := w.s.Close(ctx); err != nil {
		return err
	}
	w.tell(event{Word: "closed"})
	return nil
}

// obey does what the judge says; it ends with the process, and the process with the judge.
func (w *writer) obey(in *bufio.Reader) {
	for {
		line, err := in.ReadString('\n')
		switch {
		case err != nil:
			os.Exit(3)
		case line == "let\n":
			w.gate <- struct{}{}
		default:
			w.tell(event{Word: "pong", Compacted: w.s.Status().Compacted})
		}
	}
}

// shared makes the buckets that several workers use.
func (w *writer) shared(ctx context.Context) error {
	for name, state := range sharedBuckets {
		if _, err := w.se.CreateBucket(ctx, name, store.BucketOptions{}); err != nil {
			return err
		}
		if state != 0 {
			if err := w.se.SetVersioning(ctx, name, state); err != nil {
				return err
			}
		}
	}
	return nil
}

// script performs given acts, each after another line of input.
func (w *writer) script(ctx context.Context, in *bufio.Reader) error {
	p := newPerformer(w.s)
	for _, a := range w.plan.Script {
		w.perform(ctx, p, a)
		if _, err := in.ReadString('\n'); err != nil {
			return nil
		}
	}
	return nil
}

// work is one worker: it thinks up acts that are possible and performs them.
func (w *writer) work(ctx context.Context, h home, rng *rand.Rand) {
	if h.kind == "rival" {
		w.rival(ctx, h, rng)
		return
	}
	p := newPerformer(w.s)
	g := newGenerator(h, h.start(w.plan.InlineMax), w.plan, rng)
	most := w.plan.Acts
	if h.kind == "move" {
		most += g.big // to fill its directory first
	}
	for n := 1; n <= most || len(g.m.open) > 0 && !w.plan.Stay; n++ {
		a := g.next()
		if n > most {
			a = g.close()
		}
		a.W, a.N = h.worker, n
		a.Gen = genOf(a.W, n)
		r := w.perform(ctx, p, a)
		if r.Err != "" {
			return
		}
		g.m.apply(a, r)
	}
}

func (w *writer) perform(ctx context.Context, p *performer, a act) ack {
	if w.plan.Gated && a.Op == opCompact {
		w.tell(event{Word: "gate", Compacted: w.s.Status().Compacted})
		<-w.gate
	}
	w.tell(event{Begin: &a})
	o, err := p.perform(ctx, a)
	r := ack{W: a.W, N: a.N, ID: o.VersionID, Number: o.Number}
	if err != nil {
		r.Err = err.Error()
	}
	w.tell(event{End: &r})
	if w.plan.Gated && a.Op == opCompact {
		<-w.gate
	}
	return r
}
