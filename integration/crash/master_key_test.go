package crash

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pail/integration/powercut"
	"pail/store"
	"pail/store/fault"
	"pail/store/keyring"
)

// The master key of a store is changed, and the power is cut after every step of that: the keys
// are opened with the former one or with the new one, and with the new one alone once it was
// said to be changed. A master key that lies beside the store goes no sooner.
func TestMasterKeyPowerCuts(t *testing.T) {
	for _, source := range []keyring.Source{keyring.Beside, keyring.External} {
		t.Run(string(source), func(t *testing.T) {
			former, next := keyring.NewSecret(), keyring.NewSecret()
			from := t.TempDir()
			makeKeyed(t, filepath.Join(from, "store"), source, former)
			done, step := false, uint64(0)
			for ok := true; ok && !done; {
				step++
				ok = t.Run(fmt.Sprint(step), func(t *testing.T) { done = cutKeys(t, from, source, former, next, step) })
			}
			if done && step < 10 {
				t.Errorf("the change had only %d steps", step)
			}
		})
	}
}

// makeKeyed makes a store whose keys are under a master key.
func makeKeyed(t *testing.T, dir string, source keyring.Source, secret []byte) {
	t.Helper()
	m, err := keyring.NewMaster(source, secret)
	if err == nil {
		err = store.Create(store.Options{Dir: dir, NewMasterKey: m})
	}
	if err == nil && source == keyring.Beside {
		err = os.WriteFile(filepath.Join(dir, "master.key"), append(bytes.Clone(secret), '\n'), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// cutKeys changes the master key and cuts the power after a step; done says that the change
// has no such step.
func cutKeys(t *testing.T, from string, source keyring.Source, former, next []byte, step uint64) (done bool) {
	t.Helper()
	fs := startDisk(t, from)
	begun, err := fs.Steps()
	if err == nil {
		err = fs.Freeze(begun + step)
	}
	if err != nil {
		t.Fatal(err)
	}
	m, err := keyring.NewMaster(keyring.External, next)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(fs.Dir(), "store")
	if _, err := store.ChangeKeys(opensWith(dir, former), store.KeysChange{Under: m}); err != nil {
		t.Fatal(err)
	}
	took, err := fs.Steps()
	if err != nil {
		t.Fatal(err)
	}
	if done = took < begun+step; done {
		if err := fs.Freeze(0); err != nil {
			t.Fatal(err)
		}
	}
	for seed := range uint64(6) {
		judgeKeys(t, fs, source, former, next, step, seed, done)
	}
	return done
}

// judgeKeys looks at what a cut leaves.
func judgeKeys(t *testing.T, fs *powercut.FS, source keyring.Source, former, next []byte, step, seed uint64, done bool) {
	t.Helper()
	root, _, err := fs.Cut(seed)
	if err != nil {
		t.Fatal(err)
	}
	defer discard(t, root)
	dir := filepath.Join(root, "store")
	_, isNew := store.ExportMasterKey(opensWith(dir, next))
	beside := opensWith(dir, former)
	if source == keyring.Beside {
		beside.MasterKey = nil
	}
	_, isOld := store.ExportMasterKey(beside)
	l, err := store.ReadKeys(dir)
	switch {
	case err != nil:
		t.Errorf("step %d, seed %d: %v", step, seed, err)
	case l == nil:
		t.Errorf("step %d, seed %d: the keys are gone", step, seed)
	case isNew != nil && isOld != nil:
		t.Errorf("step %d, seed %d: opened neither with the new key (%v) nor with the former (%v)", step, seed, isNew, isOld)
	case done && (isNew != nil || l.Source() != keyring.External):
		t.Errorf("seed %d: what was changed is not (%v)", seed, isNew)
	}
	_, err = os.Stat(filepath.Join(dir, "master.key"))
	if done && !errors.Is(err, os.ErrNotExist) {
		t.Errorf("seed %d: a former master key is still beside the store (%v)", seed, err)
	}
	// It goes on from there.
	o := opensWith(dir, next)
	if isNew != nil {
		o = beside
	}
	if _, err := store.ChangeKeys(o, store.KeysChange{Rotate: true}); err != nil {
		t.Errorf("step %d, seed %d: %v", step, seed, err)
	}
}

// opensWith are options that open a store with a master key.
func opensWith(dir string, secret []byte) store.Options {
	return store.Options{
		Dir: dir, AllowAnyFS: true, Now: func() time.Time { return time.Unix(1_790_000_000, 0) },
		MasterKey: func(keyring.Source) ([]byte, error) { return bytes.Clone(secret), nil },
	}
}

// A full disk and one that fails refuse a change of the master key at any of its requests: the
// keys are what they were, or what they were to be, and the failure is told as what it is.
func TestMasterKeyOnBadDisk(t *testing.T) {
	former, next := keyring.NewSecret(), keyring.NewSecret()
	from := t.TempDir()
	makeKeyed(t, filepath.Join(from, "store"), keyring.External, former)
	for errno, kind := range map[unix.Errno]fault.Kind{unix.ENOSPC: fault.NoSpace, unix.EIO: fault.IOFailed} {
		t.Run(kind.String(), func(t *testing.T) {
			fs := startDisk(t, from)
			dir := filepath.Join(fs.Dir(), "store")
			m, err := keyring.NewMaster(keyring.External, next)
			if err != nil {
				t.Fatal(err)
			}
			opens := former
			for skip := 0; ; skip++ {
				rule, err := fs.AddRule(powercut.Rule{
					Ops:  []powercut.Op{powercut.OpWrite, powercut.OpFsync, powercut.OpFsyncDir, powercut.OpRename, powercut.OpCreate},
					Path: "^store(/keys.*)?$", Skip: skip, Count: 1, Errno: errno,
				})
				if err != nil {
					t.Fatal(err)
				}
				_, changed := store.ChangeKeys(opensWith(dir, opens), store.KeysChange{Under: m})
				fired, err := fs.EndRule(rule)
				if err != nil {
					t.Fatal(err)
				}
				if fired == 0 {
					if changed != nil || skip < 6 {
						t.Errorf("%d requests; then %v", skip, changed)
					}
					return
				}
				if !fault.Is(changed, kind) {
					t.Errorf("request %d: %v", skip, changed)
				}
				_, isNew := store.ExportMasterKey(opensWith(dir, next))
				_, isOld := store.ExportMasterKey(opensWith(dir, former))
				if isNew != nil && isOld != nil {
					t.Fatalf("request %d: opened neither with the new key (%v) nor with the former (%v)", skip, isNew, isOld)
				}
				if opens = former; isNew == nil {
					opens = next
				}
			}
		})
	}
}
