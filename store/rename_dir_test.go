package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pail/integration/leak"
	"pail/store"
	"pail/store/fault"
	"pail/versioning"
)

const movedBucket = "moved"

func (r *rig) renameDir(from, to string) {
	r.Helper()
	r.ok(r.se.Rename(r.ctx, store.Path{Bucket: movedBucket, Key: from}, store.Path{Bucket: movedBucket, Key: to}, store.RenameFlags{}))
}

// fillDirs makes a directory old/ with n files in ten subdirectories.
func (r *rig) fillDirs(n int) {
	r.Helper()
	_, err := r.se.Mkdir(r.ctx, movedBucket, "old/", store.Attr{})
	r.ok(err)
	for i := range 10 {
		_, err := r.se.Mkdir(r.ctx, movedBucket, fmt.Sprintf("old/%d/", i), store.Attr{})
		r.ok(err)
	}
	r.each(n, func(ctx context.Context, i int) error {
		f, err := r.se.OpenFile(ctx, movedBucket, "old/"+member(i), store.OpenFlags{Write: true, Create: true})
		if err != nil {
			return err
		}
		if _, err := f.WriteAt(ctx, []byte(member(i)), 0); err != nil {
			return err
		}
		return f.Close(ctx)
	})
}

// member is the name of a file in the directory that is renamed, and its content.
func member(i int) string { return fmt.Sprintf("%d/%06d", i%10, i) }

// checkMoved demands that all n files are under the new name and none under the old.
func (r *rig) checkMoved(from, to string, n int) {
	r.Helper()
	if keys := r.keys(movedBucket, from, 0); len(keys) != 0 {
		r.Fatalf("%d keys are still under the old name, %q the first", len(keys), keys[0])
	}
	if keys := r.keys(movedBucket, to, 0); len(keys) != n+11 {
		r.Fatalf("%d keys are under the new name, want %d", len(keys), n+11)
	}
	_, err := r.se.StatDir(r.ctx, movedBucket, from)
	r.kind(err, fault.NoSuchKey)
	for i := range min(n, 10) {
		dir := fmt.Sprintf("%d/", i)
		if d, err := r.se.StatDir(r.ctx, movedBucket, to+dir); err != nil || d.Children != uint64((n+9-i)/10) || !d.Explicit {
			r.Fatalf("%s%s is %+v, want %d children; %v", to, dir, d, (n+9-i)/10, err)
		}
		_, err := r.se.StatDir(r.ctx, movedBucket, from+dir)
		r.kind(err, fault.NoSuchKey)
	}
	for _, i := range []int{0, n / 2, n - 1} {
		r.checkMember(from, to, i)
	}
}

// checkMember looks for one file in every way.
func (r *rig) checkMember(from, to string, i int) {
	r.Helper()
	key := member(i)
	_, err := r.se.Head(r.ctx, movedBucket, from+key, "")
	r.kind(err, fault.NoSuchKey)
	_, err = r.se.Lookup(r.ctx, movedBucket, dirOf(from+key), key[2:])
	r.kind(err, fault.NoSuchKey)
	if got := r.get(movedBucket, to+key, ""); got != key {
		r.Fatalf("%s%s holds %q", to, key, got)
	}
	e, err := r.se.Lookup(r.ctx, movedBucket, dirOf(to+key), key[2:])
	r.ok(err)
	if e.Object == nil || e.Object.Size != int64(len(key)) {
		r.Fatalf("lookup finds %+v", e)
	}
	es, _, err := r.se.ReadDir(r.ctx, movedBucket, dirOf(to+key), store.ReadDirInput{After: key[2 : len(key)-1], Limit: 10})
	r.ok(err)
	if !slices.ContainsFunc(es, func(e store.Entry) bool { return e.Name == key[2:] }) {
		r.Fatalf("%s%s is not in its directory: %+v", to, key, es)
	}
}

// atRest waits until no rename is on its way.
func (r *rig) atRest() {
	r.Helper()
	r.eventually("the move ends", func() bool { return r.s.Status().Moves == 0 })
}

func manyFiles(n int) int {
	if testing.Short() {
		return n / 50
	}
	return n
}

// TestRenameOfManyIsVisibleAtOnce renames a directory of many files; how long it took
// is logged.
func TestRenameOfManyIsVisibleAtOnce(t *testing.T) {
	for _, state := range []versioning.State{versioning.Unversioned, versioning.Enabled} {
		t.Run(state.String(), func(t *testing.T) {
			r := newRig(t, store.Options{MemTableSize: 16 << 20})
			r.bucket(movedBucket, state)
			n := manyFiles(5000)
			r.fillDirs(n)
			start := time.Now()
			r.renameDir("old/", "new/")
			if got := r.get(movedBucket, "new/"+member(n-1), ""); got != member(n-1) {
				t.Fatalf("%q", got)
			}
			visible := time.Since(start)
			r.checkMoved("old/", "new/", n)
			r.atRest()
			t.Logf("%d files: visible after %v, moved after %v", n, visible, time.Since(start))
			r.checkMoved("old/", "new/", n)
			r.checkHistory(state, n)
			r.reopen()
			r.checkMoved("old/", "new/", n)
			r.checkHistory(state, n)
		})
	}
}

// checkHistory demands that in a versioned bucket the history stays at the old keys,
// below delete markers.
func (r *rig) checkHistory(state versioning.State, n int) {
	r.Helper()
	for _, i := range []int{0, n / 3, n - 1} {
		old, err := r.se.Versions(r.ctx, movedBucket, "old/"+member(i))
		if state == versioning.Unversioned {
			r.kind(err, fault.NoSuchKey)
			continue
		}
		r.ok(err)
		if len(old) != 2 || !old[0].DeleteMarker || old[1].DeleteMarker {
			r.Fatalf("the history at the old key is %+v", old)
		}
		if got := r.get(movedBucket, "old/"+member(i), old[1].VersionID); got != member(i) {
			r.Fatalf("the old version holds %q", got)
		}
		now, err := r.se.Versions(r.ctx, movedBucket, "new/"+member(i))
		r.ok(err)
		if len(now) != 1 || now[0].Number != 1 || now[0].Ino != old[1].Ino || now[0].Seq != old[0].Seq {
			r.Fatalf("the version at the new key is %+v, the marker %+v", now, old[0])
		}
	}
}

// TestReadersWhileRenaming has readers look for a directory's files while it is renamed
// to and fro, slowly: a page shows all of them under one name, and none of them is ever
// missing under both.
func TestReadersWhileRenaming(t *testing.T) {
	for _, state := range []versioning.State{versioning.Unversioned, versioning.Enabled} {
		t.Run(state.String(), func(t *testing.T) {
			o := store.Options{}
			store.MoveSlowly(&o, time.Millisecond, 5)
			r := newRig(t, o)
			r.bucket(movedBucket, state)
			const n = 40
			r.fillDirs(n)
			var done atomic.Bool
			var wg sync.WaitGroup
			errs := make(chan error, 4)
			for c := range cap(errs) {
				wg.Go(func() {
					rng := rand.New(rand.NewPCG(1, uint64(c)))
					for !done.Load() {
						if err := r.lookAround(rng, n); err != nil {
							errs <- err
							return
						}
					}
				})
			}
			names := [2]string{"old/", "new/"}
			for i := range 20 { // an even number: it ends where it began
				r.renameDir(names[i%2], names[1-i%2])
				if len(errs) > 0 {
					break
				}
			}
			done.Store(true)
			wg.Wait()
			if len(errs) > 0 {
				t.Fatal(<-errs)
			}
			r.checkMoved("new/", "old/", n)
		})
	}
}

// lookAround takes one look that shows a single state of the bucket, or asks for one
// file until one of its names has it.
func (r *rig) lookAround(rng *rand.Rand, n int) error {
	if rng.IntN(2) == 0 {
		p, err := r.se.List(r.ctx, movedBucket, store.ListInput{})
		if err != nil {
			return err
		}
		if len(p.Objects) != n+11 || p.Objects[0].Key[:4] != p.Objects[n+10].Key[:4] {
			return fmt.Errorf("a page of %d keys from %q to %q", len(p.Objects), p.Objects[0].Key, p.Objects[len(p.Objects)-1].Key)
		}
		return nil
	}
	es, _, err := r.se.ReadDir(r.ctx, movedBucket, "", store.ReadDirInput{Begin: true, Limit: 10})
	if err != nil {
		return err
	}
	if len(es) != 1 || es[0].Dir == nil || es[0].Dir.Children != 10 {
		return fmt.Errorf("the root holds %+v", es)
	}
	// The file is looked for under two names one after the other, while it moves.
	key := member(rng.IntN(n))
	for try := 0; ; try++ {
		body, err := r.read(movedBucket, []string{"old/", "new/"}[try%2]+key, "")
		switch {
		case err == nil && body != key:
			return fmt.Errorf("%s holds %q", key, body)
		case err == nil:
			return nil
		case !fault.Is(err, fault.NoSuchKey) || try > 1000:
			return fmt.Errorf("%s under neither name: %w", key, err)
		}
	}
}

// TestWritersWhileMoving writes into the new and the old name while the records move.
func TestWritersWhileMoving(t *testing.T) {
	for _, state := range []versioning.State{versioning.Unversioned, versioning.Enabled} {
		t.Run(state.String(), func(t *testing.T) {
			o := store.Options{}
			store.MoveSlowly(&o, time.Millisecond, 2)
			r := newRig(t, o)
			r.bucket(movedBucket, state)
			const n = 300
			r.fillDirs(n)
			r.renameDir("old/", "new/")
			r.each(n, func(ctx context.Context, i int) error {
				var err error
				switch key := member(i); i % 4 {
				case 0: // overwrite under the new name
					_, err = r.se.Put(ctx, movedBucket, "new/"+key, input("again"))
				case 1: // a new object under the old name
					_, err = r.se.Put(ctx, movedBucket, "old/"+key, input("other"))
				case 2:
					err = r.se.Unlink(ctx, movedBucket, "new/"+key)
				}
				return err
			})
			r.atRest()
			for i := range n {
				key := member(i)
				old, err := r.read(movedBucket, "old/"+key, "")
				wantOld := i%4 == 1
				if wantOld != (err == nil) || wantOld && old != "other" {
					t.Fatalf("old/%s: %q, %v", key, old, err)
				}
				now, err := r.read(movedBucket, "new/"+key, "")
				want := map[int]string{0: "again", 1: key, 3: key}[i%4]
				if (want == "") != (err != nil) || now != want {
					t.Fatalf("new/%s: %q, %v, want %q", key, now, err, want)
				}
			}
			r.checkFsck()
		})
	}
}

// checkFsck demands that a check of the whole store finds nothing.
func (r *rig) checkFsck() {
	r.Helper()
	problems, err := r.s.Fsck(r.ctx, nil)
	r.ok(err)
	if len(problems) > 0 {
		r.Fatalf("fsck finds %d problems: %+v", len(problems), problems)
	}
}

// TestMoveGoesOnAfterClose closes the store amid a move, several times.
func TestMoveGoesOnAfterClose(t *testing.T) {
	for _, state := range []versioning.State{versioning.Unversioned, versioning.Enabled} {
		t.Run(state.String(), func(t *testing.T) {
			o := store.Options{}
			store.MoveSlowly(&o, 50*time.Millisecond, 3)
			r := newRig(t, o)
			r.bucket(movedBucket, state)
			const n = 1000
			r.fillDirs(n)
			r.renameDir("old/", "new/")
			for range 4 {
				r.checkMoved("old/", "new/", n)
				r.reopen()
			}
			r.put(movedBucket, "new/"+member(1), member(1))
			r.checkMoved("old/", "new/", n)
			r.atRest()
			r.checkMoved("old/", "new/", n)
			r.checkFsck()
		})
	}
}

// TestMoveGoesOnAfterKill kills the process that renames, amid the move.
func TestMoveGoesOnAfterKill(t *testing.T) {
	o := store.Options{Dir: fastDir(t) + "/store"}
	r := newRig(t, o)
	r.bucket(movedBucket, versioning.Enabled)
	const n = 2000
	r.fillDirs(n)
	from, to := "old/", "new/"
	moving := 0
	for round := range 4 {
		r.ok(r.s.Close(r.ctx))
		r.child("rename", r.opts.Dir, from, to)
		r.open()
		if r.s.Status().Recovered.Moves > 0 {
			moving++
		}
		r.checkMoved(from, to, n)
		if round%2 == 0 {
			r.atRest()
			r.checkMoved(from, to, n)
		}
		from, to = to, from
	}
	if moving == 0 {
		t.Error("nothing was on its way when the process was killed")
	}
	r.atRest()
	r.checkFsck()
}

// childEnv names what a test's child process is to do.
const childEnv = "PAIL_STORE_TEST_CHILD"

// TestMain is also that of child processes that tests start and that are killed.
func TestMain(m *testing.M) {
	*store.EncryptAll = os.Getenv("PAIL_TEST_ENCRYPTED") != ""
	if task := os.Getenv(childEnv); task != "" {
		if err := children[task](os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(leak.Run(m))
}

// children are the tasks of child processes. Each works on the store that its first
// argument names and kills itself at the end.
var children = map[string]func(args []string) error{
	"rename": renameAndDie,
	"sync":   syncAndDie,
	"patch":  patchAndDie,
	"temp":   tempAndDie,
	"swap":   swapAndDie,
	"hold":   holdAndDie,
	"hide":   hideAndWait,

	"openswap": openSwapAndDie,
}

// child runs a task in a process of its own, which has to end by a kill.
func (r *rig) child(task string, args ...string) {
	r.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), childEnv+"="+task)
	out, err := cmd.CombinedOutput()
	if err == nil || cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != -1 {
		r.Fatalf("the child ended by itself: %v\n%s", err, out)
	}
}

// die is SIGKILL to oneself.
func die() error {
	p, err := os.FindProcess(os.Getpid())
	if err != nil {
		return err
	}
	if err := p.Kill(); err != nil {
		return err
	}
	select {}
}

func renameAndDie(args []string) error { return moveAndDie(args, store.RenameFlags{}) }

func swapAndDie(args []string) error { return moveAndDie(args, store.RenameFlags{Exchange: true}) }

func moveAndDie(args []string, flags store.RenameFlags) error {
	ctx := context.Background()
	o := store.Options{Dir: args[0], MemTableSize: 4 << 20}
	store.MoveSlowly(&o, time.Millisecond, 5)
	s, err := store.Open(ctx, o)
	if err != nil {
		return err
	}
	se := s.As(store.Owner(), store.RequestContext{})
	if err := se.Rename(ctx, store.Path{Bucket: movedBucket, Key: args[1]}, store.Path{Bucket: movedBucket, Key: args[2]}, flags); err != nil {
		return err
	}
	if err := s.Sync(ctx); err != nil {
		return err
	}
	time.Sleep(10 * time.Millisecond)
	return die()
}
