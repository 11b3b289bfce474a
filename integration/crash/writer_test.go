package crash

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"pail/store"
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
	Gated       bool // each opCompact waits before and after until it is let, and whoever only opens and closes compacts between
}

func (p plan) options(dir string) store.Options {
	after := p.Compact
	if after == 0 {
		after = -1
	}
	return store.Options{
		CompactAfter: after, CompactPieces: 1,
		Dir: dir, AllowAnyFS: true, InlineMax: p.InlineMax, SettleAfter: p.SettleAfter,
		MemTableSize: p.MemTable, MinPartSize: -1,
	}
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
	p := &performer{se: w.se, s: w.s, files: map[int]*store.File{}}
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
	p := &performer{se: w.se, s: w.s, files: map[int]*store.File{}}
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

// A performer calls the store.
type performer struct {
	s     *store.Store
	se    *store.Session
	files map[int]*store.File
}

// perform does what an act says and returns the version that it made, if it tells.
func (p *performer) perform(ctx context.Context, a act) (o store.Object, err error) {
	from, to := store.Path{Bucket: a.Bucket, Key: a.Key}, store.Path{Bucket: a.Bucket, Key: a.To}
	switch a.Op {
	case opBucket:
		_, err = p.se.CreateBucket(ctx, a.Bucket, store.BucketOptions{Versioning: a.State})
	case opState:
		err = p.se.SetVersioning(ctx, a.Bucket, a.State)
	case opPut:
		in := putInput(a)
		in.Body, in.Size = &genReader{gen: a.Gen, n: a.Len}, a.Len
		o, err = p.se.Put(ctx, a.Bucket, a.Key, in)
	case opParts:
		o, err = p.upload(ctx, a)
	case opCopy:
		o, err = p.se.Copy(ctx, store.Source{Bucket: a.Bucket, Key: a.Key, Version: a.Version}, a.Bucket, a.To, store.CopyInput{})
	case opRestore:
		o, err = p.se.Restore(ctx, a.Bucket, a.Key, a.Version)
	case opDelete, opForget:
		var r store.DeleteResult
		r, err = p.se.Delete(ctx, a.Bucket, a.Key, store.DeleteOptions{Version: a.Version})
		o.VersionID = r.VersionID
	case opTags:
		err = p.se.SetTags(ctx, a.Bucket, a.Key, a.Version, a.Tags)
	case opMode:
		_, err = p.se.SetAttr(ctx, a.Bucket, a.Key, store.AttrChange{Mode: &a.Mode})
	case opMkdir:
		_, err = p.se.Mkdir(ctx, a.Bucket, a.Key, store.Attr{Mode: 0o755})
	case opRmdir:
		err = p.se.Rmdir(ctx, a.Bucket, a.Key)
	case opUnlink:
		err = p.se.Unlink(ctx, a.Bucket, a.Key)
	case opRename:
		err = p.se.Rename(ctx, from, to, store.RenameFlags{})
	case opExchange:
		err = p.se.Rename(ctx, from, to, store.RenameFlags{Exchange: true})
	case opSync:
		err = p.s.Sync(ctx)
	case opCompact:
		err = compact(ctx, p.s)
	default:
		return p.performFile(ctx, a)
	}
	return o, err
}

// compact compacts all that is in pieces and waits until what that leaves is deleted.
func compact(ctx context.Context, s *store.Store) error {
	if err := s.Compact(ctx); err != nil {
		return err
	}
	for {
		busy := false
		for _, j := range s.Status().Jobs {
			busy = busy || j.Name == "settle" && (j.Running || j.Waiting)
		}
		if !busy || ctx.Err() != nil {
			return ctx.Err()
		}
		time.Sleep(200 * time.Microsecond)
	}
}

func putInput(a act) store.PutInput {
	return store.PutInput{Tags: a.Tags, Metadata: map[string]string{"gen": metaOf(a.Gen)}}
}

// upload is a multipart upload in up to four parts.
func (p *performer) upload(ctx context.Context, a act) (store.Object, error) {
	id, err := p.se.CreateUpload(ctx, a.Bucket, a.Key, putInput(a))
	if err != nil {
		return store.Object{}, err
	}
	var parts []store.CompletedPart
	for n, off := 1, int64(0); off < a.Len; n++ {
		size := min(a.Len/3+1, a.Len-off)
		part, err := p.se.UploadPart(ctx, a.Bucket, a.Key, id, n, &genReader{gen: a.Gen, at: off, n: off + size}, size)
		if err != nil {
			return store.Object{}, err
		}
		parts = append(parts, store.CompletedPart{Number: n, ETag: part.ETag})
		off += size
	}
	return p.se.CompleteUpload(ctx, a.Bucket, a.Key, id, parts, store.Conditions{})
}

func (p *performer) performFile(ctx context.Context, a act) (o store.Object, err error) {
	switch a.Op {
	case opSave:
		return p.save(ctx, a)
	case opOpen:
		f, err := p.openFile(ctx, a)
		p.files[a.N] = f
		return o, err
	}
	f := p.files[a.Handle]
	switch a.Op {
	case opWrite:
		err = writeGen(ctx, f, a)
	case opTruncate:
		err = f.Truncate(ctx, a.Len)
	case opPunch:
		err = f.PunchHole(ctx, a.Off, a.Len)
	case opFsync:
		err = f.Sync(ctx)
	case opFlush:
		err = f.Flush(ctx)
	case opClose:
		err = f.Close(ctx)
	default:
		err = fmt.Errorf("no such act")
	}
	if a.Op == opFlush || a.Op == opClose {
		o = f.Object()
	}
	return o, err
}

func (p *performer) openFile(ctx context.Context, a act) (*store.File, error) {
	return p.se.OpenFile(ctx, a.Bucket, a.Key, store.OpenFlags{
		Write: true, Create: true, Truncate: a.Trunc, Attr: store.Attr{Mode: a.Mode},
	})
}

func (p *performer) save(ctx context.Context, a act) (store.Object, error) {
	a.Trunc = true
	f, err := p.openFile(ctx, a)
	if err != nil {
		return store.Object{}, err
	}
	if err := writeGen(ctx, f, a); err != nil {
		return store.Object{}, err
	}
	err = f.Close(ctx)
	return f.Object(), err
}

// writeGen writes a range of a generation in pieces such as the kernel sends.
func writeGen(ctx context.Context, f *store.File, a act) error {
	buf := make([]byte, min(a.Len, 128<<10))
	for done := int64(0); done < a.Len; {
		part := buf[:min(int64(len(buf)), a.Len-done)]
		fillBytes(part, a.Gen, a.Off+done)
		if _, err := f.WriteAt(ctx, part, a.Off+done); err != nil {
			return err
		}
		done += int64(len(part))
	}
	return nil
}

// A genReader reads the bytes of a generation from at to n.
type genReader struct {
	gen   uint64
	at, n int64
}

func (r *genReader) Read(p []byte) (int, error) {
	if r.at >= r.n {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), r.n-r.at)]
	fillBytes(p, r.gen, r.at)
	r.at += int64(len(p))
	return len(p), nil
}
