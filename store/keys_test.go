package store

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"pail/store/backup"
	"pail/store/fault"
	"pail/store/keyring"
	"pail/versioning"
)

func mustKeys(t *testing.T, s *Store) *keyring.Ring {
	t.Helper()
	r, err := s.storeKeys()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sealedUnder is an envelope of the store's keys, which stay the same by whatever follows.
func sealedUnder(t *testing.T, r *keyring.Ring) func(*Store) {
	generation, sealed := r.Seal([]byte("secret"), []byte("here"))
	return func(s *Store) {
		t.Helper()
		if got, err := mustKeys(t, s).Open(generation, sealed, []byte("here")); err != nil || string(got) != "secret" {
			t.Errorf("what the keys have sealed: %q, %v", got, err)
		}
	}
}

// Whatever of the files a power cut leaves, keys are there again, and once keysCopy is, the same.
func TestKeysAreMadeOnce(t *testing.T) {
	if encryptAll {
		t.Skip("a store whose records are encrypted has keys from the beginning, and is not opened without")
	}
	whole, _ := openTest(t, Options{})
	var group sync.WaitGroup
	var rings [8]*keyring.Ring
	for i := range rings {
		group.Go(func() { rings[i], _ = whole.storeKeys() })
	}
	group.Wait()
	for _, r := range rings {
		if r == nil || r != rings[0] {
			t.Fatal("keys were made twice")
		}
	}
	opens := sealedUnder(t, rings[0])
	info, err := os.Stat(filepath.Join(whole.Dir(), masterName))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	steps := []string{masterName, keysCopy, keysName}
	for n := range len(steps) + 1 {
		dir := filepath.Join(t.TempDir(), "store")
		if err := Create(Options{Dir: dir}); err != nil {
			t.Fatal(err)
		}
		for i, name := range steps {
			b, err := os.ReadFile(filepath.Join(whole.Dir(), name))
			if err != nil {
				t.Fatal(err)
			}
			if i == n {
				name, b = name+".new", b[:len(b)/2]
			}
			if i <= n {
				if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		s, _ := openTest(t, Options{Dir: dir})
		again := sealedUnder(t, mustKeys(t, s))
		if n >= 2 {
			opens(s)
		}
		if err := s.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		s, _ = openTest(t, Options{Dir: dir})
		again(s)
		one, _ := os.ReadFile(filepath.Join(dir, keysName))
		two, _ := os.ReadFile(filepath.Join(dir, keysCopy))
		if len(one) == 0 || !bytes.Equal(one, two) || !bytes.Equal(one, s.sealedKeys()) {
			t.Errorf("after %d steps the file and its copy are not the same", n)
		}
	}
}

func TestKeysAreMended(t *testing.T) {
	s, _ := openTest(t, Options{})
	opens := sealedUnder(t, mustKeys(t, s))
	dir := s.Dir()
	for _, harm := range []struct {
		name string
		do   func(path string) error
	}{
		{keysName, os.Remove},
		{keysCopy, os.Remove},
		{keysName, func(path string) error { return os.Truncate(path, 20) }},
		{keysCopy, func(path string) error { return os.Truncate(path, 0) }},
	} {
		if err := s.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		if err := harm.do(filepath.Join(dir, harm.name)); err != nil {
			t.Fatal(err)
		}
		s, _ = openTest(t, Options{Dir: dir})
		opens(s)
		if b, err := os.ReadFile(filepath.Join(dir, harm.name)); err != nil || !bytes.Equal(b, s.sealedKeys()) {
			t.Errorf("%s was not mended (%v)", harm.name, err)
		}
	}
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{keysName, keysCopy} {
		if err := os.Truncate(filepath.Join(dir, name), 20); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(context.Background(), Options{Dir: dir}); !fault.Is(err, fault.Damaged) {
		t.Errorf("both damaged: %v", err)
	}
}

// Without its master key a store is opened only when that is asked for, and then without keys.
func TestMasterKeyIsAskedFor(t *testing.T) {
	if encryptAll {
		t.Skip("a store whose records are encrypted has keys from the beginning, and is not opened without")
	}
	s, _ := openTest(t, Options{})
	opens := sealedUnder(t, mustKeys(t, s))
	dir, path := s.Dir(), filepath.Join(s.Dir(), masterName)
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	text, err := readSecret(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	answer := func(secret string, err error) func(keyring.Source) ([]byte, error) {
		return func(source keyring.Source) ([]byte, error) {
			if source != keyring.Beside {
				t.Errorf("asked for %q", source)
			}
			return []byte(secret), err
		}
	}
	gone := errors.New("nobody is there")
	for name, c := range map[string]struct {
		ask  func(keyring.Source) ([]byte, error)
		kind fault.Kind
	}{
		"nobody":  {nil, fault.AccessDenied},
		"another": {answer(strings.Repeat("0", 64), nil), fault.AccessDenied},
		"no key":  {answer("sesame", nil), fault.AccessDenied},
		"failing": {answer("", gone), fault.Internal},
	} {
		_, err := Open(context.Background(), Options{Dir: dir, MasterKey: c.ask})
		if !fault.Is(err, c.kind) || name == "failing" && !errors.Is(err, gone) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: %v", name, err)
		}
	}
	locked, se := openTest(t, Options{Dir: dir, WithoutMasterKey: true})
	mustBucket(t, se, "plain", 0)
	put(t, se, "plain", "k", "is read all the same")
	if got := readAll(t, se, "plain", "k", ""); got != "is read all the same" {
		t.Errorf("%q", got)
	}
	if _, err := locked.storeKeys(); !fault.Is(err, fault.AccessDenied) {
		t.Errorf("keys without a master key: %v", err)
	}
	if locked.sealedKeys() == nil || locked.MasterKeySource() != keyring.Beside {
		t.Error("a backup would lack the keys")
	}
	if err := locked.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	given, _ := openTest(t, Options{Dir: dir, MasterKey: answer(string(text), nil)})
	opens(given)
	if _, err := os.Stat(path); err == nil {
		t.Error("a master key that was given now lies beside the store")
	}
}

// A backup has the keys, sealed, and not what opens them.
func TestBackupsHaveSealedKeys(t *testing.T) {
	s, _ := openTest(t, Options{})
	opens := sealedUnder(t, mustKeys(t, s))
	to := filepath.Join(t.TempDir(), "store")
	c, err := s.Cut(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var stream bytes.Buffer
	if _, _, err := backup.WriteStream(context.Background(), c, &stream, nil); err != nil {
		t.Fatal(err)
	}
	master := filepath.Join(s.Dir(), masterName)
	o := Options{Dir: to, MasterKey: func(keyring.Source) ([]byte, error) { return readSecret(master) }} // for encrypted records
	if _, err := Rebuild(context.Background(), o, func(v backup.Visitor) error {
		return backup.Decode(context.Background(), &stream, "the stream", v)
	}); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(to, masterName)); err == nil {
		t.Error("the master key is in the backup")
	}
	text, err := os.ReadFile(master)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(to, masterName), text, 0o600); err != nil {
		t.Fatal(err)
	}
	r, _ := openTest(t, Options{Dir: to})
	opens(r)
}

// A change of the master key writes nothing again but the file of keys, and takes the key away
// that lay beside it.
func TestChangeKeys(t *testing.T) {
	plainOnly(t)
	give := func(secret string) func(keyring.Source) ([]byte, error) {
		return func(keyring.Source) ([]byte, error) { return []byte(secret), nil }
	}
	under := func(source keyring.Source, secret string) *keyring.Master {
		m, err := keyring.NewMaster(source, []byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	s, _ := openTest(t, Options{})
	o := Options{Dir: s.Dir()}
	if l, err := ReadKeys(o.Dir); l != nil || err != nil {
		t.Fatalf("keys before there are any: %v, %v", l, err)
	}
	opens := sealedUnder(t, mustKeys(t, s))
	if _, err := ChangeKeys(o, KeysChange{Rotate: true}); !fault.Is(err, fault.StoreLocked) {
		t.Errorf("a change while the store is open: %v", err)
	}
	reopen := func(o Options) {
		t.Helper()
		if err := s.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		s, _ = openTest(t, o)
		opens(s)
	}
	reopen(o)
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	former, err := ExportMasterKey(o)
	if err != nil {
		t.Fatal(err)
	}
	old := s.sealedKeys()
	l, err := ChangeKeys(o, KeysChange{Under: under(keyring.External, strings.Repeat("5a", 32))})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(l.Generations()); n != 2 || l.Source() != keyring.External || MasterKeyNeeded(o.Dir) != keyring.External {
		t.Errorf("%d generations, %q", n, l.Source())
	}
	if _, err := os.Stat(filepath.Join(o.Dir, masterName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the former master key is still there (%v)", err)
	}
	// An older backup is opened with the key of its time.
	was, err := keyring.Parse(old)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := was.Open([]byte(keyring.KeyText(former))); err != nil {
		t.Errorf("keys of before, with what was exported: %v", err)
	}
	o.MasterKey = give(strings.Repeat("5a", 32))
	reopen(o)
	reopen(o)
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	wrong := o
	wrong.MasterKey = give(strings.Repeat("5b", 32))
	before := s.sealedKeys()
	if _, err := ChangeKeys(wrong, KeysChange{Rotate: true}); !fault.Is(err, fault.AccessDenied) {
		t.Errorf("a wrong key rotates: %v", err)
	}
	if b, err := os.ReadFile(filepath.Join(o.Dir, keysName)); err != nil || !bytes.Equal(b, before) {
		t.Errorf("what was refused has changed something (%v)", err)
	}
	if l, err = ChangeKeys(o, KeysChange{Under: under(keyring.Passphrase, "correct horse"), Rotate: true}); err != nil || len(l.Generations()) != 3 {
		t.Fatalf("%v, %v", l, err)
	}
	o.MasterKey = give("correct horse")
	reopen(o)
	if g := mustKeys(t, s).Generation(); g != 3 {
		t.Errorf("generation %d is in use", g)
	}
}

// What an interrupted Create has left does not choose the keys of the next one.
func TestCreateWithKeys(t *testing.T) {
	plainOnly(t)
	m, err := keyring.NewMaster(keyring.External, bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Dir: t.TempDir(), NewMasterKey: m}
	if err := Create(o); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(o.Dir, labelName)); err != nil {
		t.Fatal(err)
	}
	if err := Create(Options{Dir: o.Dir}); !fault.Is(err, fault.Damaged) {
		t.Errorf("a store that has lost its label is taken over: %v", err)
	}
	if err := os.WriteFile(filepath.Join(o.Dir, creatingName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Create(Options{Dir: o.Dir}); err != nil {
		t.Fatal(err)
	}
	if l, err := ReadKeys(o.Dir); l != nil || err != nil {
		t.Errorf("the keys of before: %v, %v", l, err)
	}
	openTest(t, Options{Dir: o.Dir})
}

// In a store whose master key somebody chose no bucket is plain: what is written by either door
// is encrypted, though no bucket asks for it.
func TestEncryptedStoreHasNoPlainBucket(t *testing.T) {
	ctx := context.Background()
	secret := bytes.Repeat([]byte{7}, 32)
	m, err := keyring.NewMaster(keyring.External, secret)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Dir: t.TempDir(), NewMasterKey: m, MasterKey: func(keyring.Source) ([]byte, error) { return bytes.Clone(secret), nil }}
	if err := Create(o); err != nil {
		t.Fatal(err)
	}
	s, se := openTest(t, Options{Dir: o.Dir, MasterKey: o.MasterKey})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	if e, err := se.BucketEncryption(ctx, "bkt"); err != nil || e.Mode != ModeS3 {
		t.Errorf("the bucket's encryption is %q, %v", e.Mode, err)
	}
	for key, size := range map[string]int{"small": 100, "large": 1 << 20} {
		body := bytes.Repeat([]byte("needle in the hay "), size/18+1)[:size]
		if _, err := se.Put(ctx, "bkt", key, PutInput{Body: bytes.NewReader(body), Size: int64(size)}); err != nil {
			t.Fatal(err)
		}
		err := s.view(func(sn *snap) error {
			v, err := sn.head(s.buckets.byName["bkt"].Id, key)
			if err == nil && v.Encryption == nil {
				t.Errorf("%s is not encrypted", key)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(o.Dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte("needle in the hay")) {
			t.Errorf("%s has the bytes in the clear", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Where the files of keys are gone, reading what they have sealed says so, and makes no others
// in their place: put back, they open it again.
func TestLostKeysAreNotReplaced(t *testing.T) {
	plainOnly(t)
	ctx := context.Background()
	s, se := openTest(t, Options{})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	body := bytes.Repeat([]byte("kept "), 20_000)
	_, err := se.Put(ctx, "bkt", "k", PutInput{Body: bytes.NewReader(body), Size: int64(len(body)), Encryption: EncryptionInput{Mode: ModeS3}})
	if err != nil {
		t.Fatal(err)
	}
	dir := s.opts.Dir
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	kept := map[string][]byte{}
	for _, name := range []string{keysName, keysCopy} {
		path := filepath.Join(dir, name)
		if kept[path], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	s, se = openTest(t, Options{Dir: dir})
	if _, err := se.Get(ctx, "bkt", "k", ""); !fault.Is(err, fault.AccessDenied) || !strings.Contains(err.Error(), keysName) {
		t.Errorf("reading without the keys: %v", err)
	}
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	for path, b := range kept {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s was made anew: %v", path, err)
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, se = openTest(t, Options{Dir: dir})
	if got := readAll(t, se, "bkt", "k", ""); got != string(body) {
		t.Errorf("%d bytes came back of %d", len(got), len(body))
	}
}
