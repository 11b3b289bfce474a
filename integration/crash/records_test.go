package crash

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pail/integration/powercut"
	"pail/integration/trial"
	"pail/store"
	"pail/store/fault"
	"pail/store/keyring"
	"pail/store/trail"
)

// The records of a store are encrypted, and the power is cut after steps of that: the store opens
// with the former master key, as it was, or with the new one, and then nothing of it is in the
// clear. In either case all is there, and the change can be made again or is made. The steps
// around the file of keys, which is where it changes, are all tried.
func TestEncryptRecordsPowerCuts(t *testing.T) {
	former, next := keyring.NewSecret(), keyring.NewSecret()
	from := t.TempDir()
	makeTelling(t, filepath.Join(from, "store"), former)
	total := stepsOfEncrypting(t, from, former, next)
	few, last := total/10+1, uint64(14)
	if trial.Soak() {
		few, last = 1, total
	}
	t.Logf("%d steps", total)
	outcomes := map[bool]int{}
	for step := uint64(1); step <= total+1; step++ {
		if step%few == 0 || step+last > total {
			t.Run(fmt.Sprint(step), func(t *testing.T) { cutEncrypting(t, from, former, next, step, total, outcomes) })
		}
	}
	if outcomes[true] == 0 || outcomes[false] == 0 {
		t.Errorf("encrypted or not: %v", outcomes)
	}
}

// makeTelling makes a store whose records are in the clear, under a master key that an earlier
// program has changed, with a needle in records and in the spool of the audit trail.
func makeTelling(t *testing.T, dir string, secret []byte) {
	t.Helper()
	ctx := context.Background()
	if err := store.Create(store.Options{Dir: dir, MemTableSize: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(ctx, opensWith(dir, nil))
	if err != nil {
		t.Fatal(err)
	}
	se := s.As(store.Owner(), store.RequestContext{Door: store.DoorS3})
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"needle", "logs"} {
		_, err := se.CreateBucket(ctx, name, store.BucketOptions{})
		ok(err)
	}
	for i := range 5 {
		_, err := se.Put(ctx, "needle", fmt.Sprint("needle-", i), store.PutInput{Body: strings.NewReader("body"), Size: 4})
		ok(err)
	}
	_, err = se.EnableTrail(ctx, store.TrailInput{Bucket: "logs", Select: trail.Selector{Management: trail.All, Data: trail.All}})
	ok(err)
	_, act := store.BeginAct(ctx, se, store.Operation{Name: "GetObject", Bucket: "needle", Key: "needle-of-the-trail"})
	act.End(store.Outcome{Code: "NoSuchKey", Message: "no"})
	killed := dir + ".killed"
	ok(os.CopyFS(killed, os.DirFS(dir)))
	ok(s.Close(ctx))
	ok(os.RemoveAll(dir))
	ok(os.Rename(killed, dir))
	m, err := keyring.NewMaster(keyring.External, secret)
	ok(err)
	_, err = store.ChangeKeys(opensWith(dir, nil), store.KeysChange{Under: m})
	ok(err)
	if len(needles(t, dir)) < 2 {
		t.Fatalf("needles are in %q", needles(t, dir))
	}
}

// needles tells the files of a store in which one is.
func needles(t *testing.T, dir string) (in []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte("needle")) {
			in = append(in, path[len(dir)+1:])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func encryptRecords(t *testing.T, dir string, former, next []byte) error {
	t.Helper()
	m, err := keyring.NewMaster(keyring.External, next)
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.ChangeKeys(opensWith(dir, former), store.KeysChange{Under: m, Records: true})
	return err
}

func stepsOfEncrypting(t *testing.T, from string, former, next []byte) uint64 {
	t.Helper()
	disk := startDisk(t, from)
	before, err := disk.Steps()
	if err == nil {
		err = encryptRecords(t, filepath.Join(disk.Dir(), "store"), former, next)
	}
	after, e := disk.Steps()
	if err != nil || e != nil {
		t.Fatal(err, e)
	}
	return after - before
}

// cutEncrypting cuts the power after a step, and twice more while the store is opened.
func cutEncrypting(t *testing.T, from string, former, next []byte, step, total uint64, outcomes map[bool]int) {
	t.Helper()
	disk := startDisk(t, from)
	begun, err := disk.Steps()
	if err == nil && step <= total {
		err = disk.Freeze(begun + step)
	}
	if err == nil {
		err = encryptRecords(t, filepath.Join(disk.Dir(), "store"), former, next)
	}
	if err != nil {
		t.Fatal(err)
	}
	if took, err := disk.Steps(); err != nil {
		t.Fatal(err)
	} else if took < begun+step {
		if err := disk.Freeze(0); err != nil {
			t.Fatal(err)
		}
	}
	for seed := range uint64(3) {
		root, _, err := disk.Cut(seed)
		if err != nil {
			t.Fatal(err)
		}
		what := fmt.Sprintf("step %d of %d, seed %d", step, total, seed)
		again := cutOpening(t, root, former, next, seed)
		for _, root := range []string{root, again} {
			outcomes[judgeRecords(t, filepath.Join(root, "store"), former, next, what, step > total)]++
			discard(t, root)
		}
	}
}

// cutOpening opens what a cut has left on another disk that forgets, and cuts the power in that.
func cutOpening(t *testing.T, root string, former, next []byte, seed uint64) string {
	t.Helper()
	disk, err := powercut.Start(context.Background(), powercut.Options{
		Scratch: scratch(t), From: root,
		Policies: map[string]powercut.Policy{"store/meta": powercut.NameWithFile, "store/meta.new": powercut.NameWithFile},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	begun, err := disk.Steps()
	if err == nil {
		err = disk.Freeze(begun + 1 + 7*seed)
	}
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(disk.Dir(), "store")
	if s, err := openEither(dir, former, next); err != nil {
		t.Error(err)
	} else if err := s.Close(context.Background()); err != nil {
		t.Error(err)
	}
	out, _, err := disk.Cut(seed)
	if err != nil {
		if err = disk.Freeze(0); err == nil {
			out, _, err = disk.Cut(seed)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// openEither opens a store with the new master key or with the former.
func openEither(dir string, former, next []byte) (*store.Store, error) {
	s, err := store.Open(context.Background(), opensWith(dir, next))
	if err != nil {
		if old, e := store.Open(context.Background(), opensWith(dir, former)); e == nil {
			return old, nil
		}
	}
	return s, err
}

// judgeRecords looks at what a cut has left, and says whether it was encrypted.
func judgeRecords(t *testing.T, dir string, former, next []byte, what string, done bool) bool {
	t.Helper()
	ctx := context.Background()
	s, err := openEither(dir, former, next)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return false
	}
	encrypted := s.RecordsEncrypted()
	if done && !encrypted {
		t.Errorf("%s: what was said to be encrypted is not", what)
	}
	judgeTelling(t, s, what)
	if !encrypted {
		if err := encryptRecords(t, dir, former, next); err != nil {
			t.Errorf("%s: once more: %v", what, err)
		}
		if s, err = store.Open(ctx, opensWith(dir, next)); err != nil {
			t.Errorf("%s: after that: %v", what, err)
			return false
		}
		judgeTelling(t, s, what+", once more")
	}
	if in := needles(t, dir); len(in) > 0 {
		t.Errorf("%s: in the clear in %q", what, in)
	}
	return encrypted
}

// judgeTelling demands that all is there, and closes the store.
func judgeTelling(t *testing.T, s *store.Store, what string) {
	t.Helper()
	ctx := context.Background()
	se := s.As(store.Owner(), store.RequestContext{})
	l, err := se.List(ctx, "needle", store.ListInput{})
	if err != nil || len(l.Objects) != 5 {
		t.Errorf("%s: %d objects, %v", what, len(l.Objects), err)
	}
	if tr, err := se.DeliverTrail(ctx); err != nil || tr.Waiting != 0 || tr.Records != 1 {
		t.Errorf("%s: the audit trail is %+v, %v", what, tr, err)
	}
	if err := check(ctx, s); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	if err := s.Close(ctx); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// A disk that fails once while records are encrypted, at logs, tables or the registry of keys,
// leaves the store as it was, and the failure is told as what it is; or it is made good.
func TestEncryptRecordsOnBadDisk(t *testing.T) {
	former, next := keyring.NewSecret(), keyring.NewSecret()
	from := t.TempDir()
	makeTelling(t, filepath.Join(from, "store"), former)
	for errno, kind := range map[unix.Errno]fault.Kind{unix.ENOSPC: fault.NoSpace, unix.EIO: fault.IOFailed} {
		for _, op := range []powercut.Op{powercut.OpWrite, powercut.OpFsync, powercut.OpRename} {
			for _, skip := range []int{0, 1, 3} {
				what := fmt.Sprint(kind, " ", op, " ", skip)
				disk := startDisk(t, from)
				dir := filepath.Join(disk.Dir(), "store")
				rule, err := disk.AddRule(powercut.Rule{Ops: []powercut.Op{op}, Path: "^store/meta.new/[0-9KR].*$", Skip: skip, Count: 1, Errno: errno})
				if err != nil {
					t.Fatal(err)
				}
				refused := encryptRecords(t, dir, former, next)
				fired, err := disk.EndRule(rule)
				if err != nil {
					t.Fatal(err)
				}
				if fired == 0 {
					continue
				}
				if refused == nil {
					judgeRecords(t, dir, former, next, what, true) // it could do without
					continue
				}
				if !fault.Is(refused, kind) && !fault.Is(refused, fault.IOFailed) { // badger tells some as text
					t.Errorf("%s: %v", what, refused)
				}
				if judgeRecords(t, dir, former, next, what, false) {
					t.Errorf("%s: it was refused and is encrypted", what)
				}
			}
		}
	}
}
