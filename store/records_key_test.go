package store

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pail/crypto"
	"pail/store/backup"
	"pail/store/fault"
	"pail/store/keyring"
	"pail/store/kms"
	"pail/store/trail"
	"pail/versioning"
)

// withChosen is a master key that somebody has chosen, and o as it opens a store with that.
func withChosen(t *testing.T, o Options) (*keyring.Master, Options) {
	t.Helper()
	secret := bytes.Repeat([]byte{7}, 32)
	m, err := keyring.NewMaster(keyring.External, secret)
	if err != nil {
		t.Fatal(err)
	}
	o.MasterKey = func(keyring.Source) ([]byte, error) { return bytes.Clone(secret), nil }
	return m, o
}

// recordsKeyOf is the key of the records of a store that is closed; nil: they are not encrypted.
func recordsKeyOf(t testing.TB, o Options) *crypto.Key {
	t.Helper()
	l, err := readKeys(o.Dir)
	if err != nil || l == nil || !l.Records() {
		return nil
	}
	secret, err := secretOf(o.Dir, l, o.MasterKey)
	if err != nil {
		t.Fatal(err)
	}
	r, err := unlock(o.Dir, l, secret)
	if err != nil {
		t.Fatal(err)
	}
	return recordsKey(r)
}

// filesWith tells which files below dir have a needle in them, or in their names.
func filesWith(t *testing.T, dir, needle string) (in []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(needle)) || strings.Contains(path[len(dir):], needle) {
			in = append(in, path[len(dir)+1:])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// killed is the directory of a store as kill(2) leaves it now.
func killed(t *testing.T, s *Store) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(dir, os.DirFS(s.Dir())); err != nil {
		t.Fatal(err)
	}
	return dir
}

func plainOnly(t *testing.T) {
	t.Helper()
	if encryptAll {
		t.Skip("nothing is in the clear")
	}
}

// Records in the clear are encrypted when that is asked for, with what waits in spools: what
// was there is there, and is told as it would have been, once.
func TestChangeKeysEncryptsRecords(t *testing.T) {
	plainOnly(t)
	ctx := context.Background()
	o := Options{Dir: filepath.Join(t.TempDir(), "store")}
	s, se := logStore(t, o, true)
	mustBucket(t, se, "needle", versioning.Enabled)
	for i := range 20 {
		put(t, se, "needle", fmt.Sprintf("dir/needle-%d", i%10), fmt.Sprint("body ", i))
	}
	logRequest(t, s, "needle-told", s.now())
	deliverLog(t, se, "src")
	logRequest(t, s, "needle-waiting", s.now())
	o.Dir = killed(t, s)
	if err := os.WriteFile(filepath.Join(o.Dir, "daemon.log"), []byte("needle"), 0o600); err != nil {
		t.Fatal(err)
	}
	found := fmt.Sprint(filesWith(t, o.Dir, "needle"))
	for _, kind := range []string{metaDir + "/", logDir + "/", "daemon.log"} {
		if !strings.Contains(found, kind) {
			t.Errorf("before it no needle is in %s: %v", kind, found)
		}
	}
	m, o := withChosen(t, o)
	l, err := ChangeKeys(o, KeysChange{Under: m, Records: true})
	if err != nil || !l.Records() {
		t.Fatalf("%+v, %v", l, err)
	}
	if found := filesWith(t, o.Dir, "needle"); len(found) > 0 {
		t.Errorf("in the clear in %q", found)
	}
	s2, se2 := openTest(t, o)
	if !s2.RecordsEncrypted() || s2.db.LastSeq() < s.db.LastSeq() {
		t.Errorf("encrypted %v, commit %d after %d", s2.RecordsEncrypted(), s2.db.LastSeq(), s.db.LastSeq())
	}
	for i := range 10 {
		if got, want := readAll(t, se2, "needle", fmt.Sprintf("dir/needle-%d", i), ""), fmt.Sprint("body ", i+10); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for range 2 {
		deliverLog(t, se2, "src")
		_, told := logged(t, se2, "logs")
		slices.Sort(told)
		if want := []string{"REST.GET.OBJECT needle-told", "REST.GET.OBJECT needle-waiting"}; !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
	}
	fsckClean(t, s2, true)
	if err := s2.Close(ctx); err != nil {
		t.Fatal(err)
	}
	// From then on changes of the keys write no record again.
	before := filesOf(t, filepath.Join(o.Dir, metaDir))
	if l, err = ChangeKeys(o, KeysChange{Rotate: true, Records: true}); err != nil || !l.Records() || len(l.Generations()) != 2 {
		t.Fatalf("%+v, %v", l, err)
	}
	if after := filesOf(t, filepath.Join(o.Dir, metaDir)); !slices.Equal(before, after) {
		t.Errorf("a rotation has written %q, which were %q", after, before)
	}
	openTest(t, o)
}

// filesOf are the files of a directory with their sizes and times.
func filesOf(t *testing.T, dir string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		fi, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprint(e.Name(), " ", fi.Size(), " ", fi.ModTime().UnixNano()))
	}
	return out
}

// What waits in the spool of the audit trail is told once, whether it was sealed when it was
// written or later, and a record that somebody has put there is not.
func TestSealedTrailSurvives(t *testing.T) {
	for _, later := range []bool{true, false} {
		t.Run(fmt.Sprint("later ", later), func(t *testing.T) {
			if later {
				plainOnly(t)
			}
			o := Options{Dir: filepath.Join(t.TempDir(), "store")}
			m, with := withChosen(t, o)
			if !later {
				o = with
				o.NewMasterKey = m
			}
			s, o, file := auditStoreAt(t, o)
			se := s.As(Owner(), RequestContext{Door: DoorS3})
			deny := func(key string) {
				_, act := BeginAct(context.Background(), se, Operation{Name: "GetObject", Bucket: "data", Key: key})
				act.End(Outcome{Code: "NoSuchKey", Message: "no"})
			}
			deny("needle-1")
			auditDeliver(t, s)
			deny("needle-2")
			deny("needle-3")
			dir := killed(t, s)
			if found := filesWith(t, filepath.Join(dir, spoolDir), "needle"); (len(found) > 0) != later {
				t.Errorf("in the spool: %q", found)
			}
			with.Dir = dir
			if later {
				if _, err := ChangeKeys(with, KeysChange{Under: m, Records: true}); err != nil {
					t.Fatal(err)
				}
				if found := filesWith(t, dir, "needle"); len(found) > 0 {
					t.Errorf("in the clear in %q", found)
				}
			}
			forgeSpool(t, filepath.Join(dir, spoolDir))
			s2 := reopened(t, with)
			want := "GetObject needle-1 NoSuchKey, GetObject needle-2 NoSuchKey, GetObject needle-3 NoSuchKey"
			for range 2 {
				auditDeliver(t, s2)
				if got := names(toldIn(t, file)); got != want {
					t.Errorf("told: %s\nwant: %s", got, want)
				}
			}
		})
	}
}

// forgeSpool adds a record in the clear to the last file of a spool.
func forgeSpool(t *testing.T, dir string) {
	t.Helper()
	s := spool{dir: dir}
	files, err := s.files()
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	f, err := os.OpenFile(s.name(files[len(files)-1]), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(trail.AppendFrame(nil, 0, []byte(`{"eventName":"Forged"}`))); err != nil {
		t.Fatal(err)
	}
}

// A store whose master key was chosen by an earlier program has its records in the clear: it is
// opened, tells so, and is encrypted when that is asked for.
func TestChosenKeyWithPlainRecords(t *testing.T) {
	plainOnly(t)
	ctx := context.Background()
	s, se := openTest(t, Options{})
	mustBucket(t, se, "needle", versioning.Unversioned)
	o := Options{Dir: s.Dir()}
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	m, o := withChosen(t, o)
	if _, err := ChangeKeys(o, KeysChange{Under: m}); err != nil {
		t.Fatal(err)
	}
	var told bytes.Buffer
	o.Log = slog.New(slog.NewTextHandler(&told, nil))
	s, se = openTest(t, o)
	put(t, se, "needle", "k", "v")
	if !strings.Contains(told.String(), "pail master-key enable") || s.RecordsEncrypted() {
		t.Errorf("encrypted %v, told %q", s.RecordsEncrypted(), told.String())
	}
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if l, err := ChangeKeys(o, KeysChange{Records: true}); err != nil || !l.Records() || len(l.Generations()) != 1 {
		t.Fatalf("%+v, %v", l, err)
	}
	told.Reset()
	s, se = openTest(t, o)
	if got := readAll(t, se, "needle", "k", ""); got != "v" || told.Len() > 0 || !s.RecordsEncrypted() {
		t.Errorf("%q; told %q", got, told.String())
	}
	if found := filesWith(t, o.Dir, "needle"); len(found) > 0 {
		t.Errorf("in the clear in %q", found)
	}
}

// Encrypted records without the keys, without the master key and with another one: each is one
// sentence, and nothing is changed.
func TestEncryptedRecordsWithoutKeys(t *testing.T) {
	ctx := context.Background()
	m, o := withChosen(t, Options{Dir: filepath.Join(t.TempDir(), "store")})
	o.NewMasterKey = m
	s, se := openTest(t, o)
	mustBucket(t, se, "bucket", versioning.Unversioned)
	put(t, se, "bucket", "k", "v")
	open := killed(t, s) // its records are in a log
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{open, o.Dir} {
		without, wrong := Options{Dir: dir, WithoutMasterKey: true}, Options{Dir: dir, WithoutMasterKey: true}
		wrong.MasterKey = func(keyring.Source) ([]byte, error) { return bytes.Repeat([]byte{8}, 32), nil }
		before := filesOf(t, filepath.Join(dir, metaDir))
		for what, o := range map[string]Options{"nothing of it can be read without": without, "that is not the master key": wrong} {
			if _, err := Open(ctx, o); !fault.Is(err, fault.AccessDenied) || !strings.Contains(err.Error(), what) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %v", what, err)
			}
		}
		for _, name := range []string{keysName, keysCopy} {
			if err := os.Rename(filepath.Join(dir, name), filepath.Join(dir, name+".kept")); err != nil {
				t.Fatal(err)
			}
		}
		_, err := Open(ctx, o2(o, dir))
		_, changed := ChangeKeys(Options{Dir: dir}, KeysChange{Under: m, Records: true})
		for _, err := range []error{err, changed} {
			if !fault.Is(err, fault.AccessDenied) || !strings.Contains(err.Error(), "put "+filepath.Join(dir, keysName)+" back") {
				t.Errorf("without keys: %v", err)
			}
		}
		if isThere(filepath.Join(dir, keysName)) {
			t.Error("others were made")
		}
		if after := filesOf(t, filepath.Join(dir, metaDir)); !slices.Equal(before, after) {
			t.Errorf("%q, before it %q", after, before)
		}
		for _, name := range []string{keysName, keysCopy} {
			if err := os.Rename(filepath.Join(dir, name+".kept"), filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		_, se := openTest(t, o2(o, dir))
		if got := readAll(t, se, "bucket", "k", ""); got != "v" {
			t.Errorf("%q", got)
		}
	}
}

func o2(o Options, dir string) Options {
	o.Dir = dir
	return o
}

// Keys that are gone are not made again as long as anything is sealed with them: a version, an
// upload, a key of the key management service.
func TestLostKeysAreNeverReplaced(t *testing.T) {
	plainOnly(t)
	ctx := context.Background()
	for what, do := range map[string]func(*Session) error{
		"a version": func(se *Session) error {
			_, err := se.Put(ctx, "bucket", "k", PutInput{Body: strings.NewReader("v"), Size: 1, Encryption: EncryptionInput{Mode: ModeS3}})
			return err
		},
		"an old version": func(se *Session) error {
			_, err := se.Put(ctx, "bucket", "k", PutInput{Body: strings.NewReader("v"), Size: 1, Encryption: EncryptionInput{Mode: ModeS3}})
			if err == nil {
				_, err = se.Put(ctx, "bucket", "k", PutInput{Body: strings.NewReader("v"), Size: 1})
			}
			return err
		},
		"an upload": func(se *Session) error {
			_, err := se.CreateUpload(ctx, "bucket", "k", PutInput{Encryption: EncryptionInput{Mode: ModeS3}})
			return err
		},
		"a key": func(se *Session) error {
			_, err := se.KMSCreateKey(ctx, kms.NewKey{})
			return err
		},
		"nothing": func(*Session) error { return nil },
	} {
		s, se := openTest(t, Options{})
		mustBucket(t, se, "bucket", versioning.Enabled)
		put(t, se, "bucket", "plain", "v")
		if err := do(se); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		o := Options{Dir: s.Dir()}
		if err := s.Close(ctx); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{keysName, keysCopy} {
			_ = os.Remove(filepath.Join(o.Dir, name))
		}
		m, _ := withChosen(t, o)
		want := fault.AccessDenied
		if what == "nothing" {
			want = fault.None
		}
		s, se = openTest(t, o)
		_, err := se.Put(ctx, "bucket", "new", PutInput{Body: strings.NewReader("v"), Size: 1, Encryption: EncryptionInput{Mode: ModeS3}})
		if fault.KindOf(err) != want {
			t.Errorf("%s: encrypting goes on: %v", what, err)
		}
		if got := readAll(t, se, "bucket", "plain", ""); got != "v" {
			t.Errorf("%s: %q", what, got)
		}
		if err := s.Close(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := ChangeKeys(o, KeysChange{Under: m}); fault.KindOf(err) != want {
			t.Errorf("%s: a master key is chosen: %v", what, err)
		}
		if isThere(filepath.Join(o.Dir, keysName)) != (want == fault.None) {
			t.Errorf("%s: keys were made", what)
		}
	}
}

// A backup of a store whose records are encrypted has none in the clear, shares what two
// snapshots have in common, is verified without the master key and restored with it.
func TestBackupsOfEncryptedRecords(t *testing.T) {
	ctx := context.Background()
	m, o := withChosen(t, Options{Dir: filepath.Join(t.TempDir(), "store")})
	o.NewMasterKey = m
	s, se := openTest(t, o)
	mustBucket(t, se, "needle", versioning.Enabled)
	for i := range 300 {
		put(t, se, "needle", fmt.Sprintf("dir/needle-%d", i), fmt.Sprint("needle ", i))
	}
	dir := filepath.Join(t.TempDir(), "backups")
	write := func() backup.Result {
		t.Helper()
		repo, err := backup.OpenToWrite(dir, s.label.ID)
		if err != nil {
			t.Fatal(err)
		}
		defer repo.Close()
		c, err := s.Cut(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		r, err := repo.Write(ctx, c, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first, second := write(), write()
	if first.Copied < 3 || second.Copied > first.Copied/2 {
		t.Errorf("copied %d chunks, then %d", first.Copied, second.Copied)
	}
	if found := filesWith(t, dir, "needle"); len(found) > 0 {
		t.Errorf("in the clear in %q", found)
	}
	repo, err := backup.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer repo.Close()
	if err := repo.Verify(ctx, nil, func(p backup.Problem) error { t.Errorf("%+v", p); return nil }); err != nil {
		t.Fatal(err)
	}
	snapshot, err := repo.Find("")
	if err != nil {
		t.Fatal(err)
	}
	restore := func(o Options) (Options, error) {
		o.Dir, o.NewMasterKey = filepath.Join(t.TempDir(), "restored"), nil
		_, err := Rebuild(ctx, o, func(v backup.Visitor) error { return repo.Read(ctx, snapshot, v) })
		return o, err
	}
	if o, err := restore(Options{}); !fault.Is(err, fault.AccessDenied) || isThere(o.Dir) {
		t.Errorf("without the master key: %v", err)
	}
	wrong := Options{MasterKey: func(keyring.Source) ([]byte, error) { return bytes.Repeat([]byte{8}, 32), nil }}
	if o, err := restore(wrong); !fault.Is(err, fault.AccessDenied) || isThere(o.Dir) {
		t.Errorf("with another master key: %v", err)
	}
	o2, err := restore(o)
	if err != nil {
		t.Fatal(err)
	}
	s2, se2 := openTest(t, o2)
	if got := readAll(t, se2, "needle", "dir/needle-7", ""); got != "needle 7" || !s2.RecordsEncrypted() {
		t.Errorf("%q, encrypted %v", got, s2.RecordsEncrypted())
	}
	fsckClean(t, s2, true)
	if found := filesWith(t, o2.Dir, "needle"); len(found) > 0 {
		t.Errorf("restored in the clear in %q", found)
	}
}

// A file that is being written in an encrypted store, and was fsynced, is in a backup as of that:
// the bytes of its file lie elsewhere than in one that is plain, and there are more of them.
func TestBackupOfEncryptedDraft(t *testing.T) {
	ctx := context.Background()
	m, o := withChosen(t, Options{Dir: filepath.Join(t.TempDir(), "store")})
	o.NewMasterKey = m
	s, se := openTest(t, o)
	mustBucket(t, se, "bkt", versioning.Unversioned)
	f, err := se.OpenFile(ctx, "bkt", "draft", OpenFlags{Write: true, Create: true, Attr: Attr{Mode: 0o600}})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close(ctx)
	want := make([]byte, 300_000)
	for round := range 3 {
		for at := 0; at < len(want); at += 70_000 {
			copy(want[at:], letters(20_000, uint64(100*round+at)))
		}
		if _, err := f.WriteAt(ctx, want, 0); err != nil {
			t.Fatal(err)
		}
		if err := f.Sync(ctx); err != nil {
			t.Fatal(err)
		}
	}
	c, err := s.Cut(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := f.WriteAt(ctx, bytes.Repeat([]byte("later"), 60_000), 0); err != nil {
		t.Fatal(err)
	}
	var stream bytes.Buffer
	if _, _, err := backup.WriteStream(ctx, c, &stream, nil); err != nil {
		t.Fatal(err)
	}
	o.Dir, o.NewMasterKey = filepath.Join(t.TempDir(), "restored"), nil
	if _, err := Rebuild(ctx, o, func(v backup.Visitor) error { return backup.Decode(ctx, &stream, "it", v) }); err != nil {
		t.Fatal(err)
	}
	s2, se2 := openTest(t, o)
	if got := readAll(t, se2, "bkt", "draft", ""); got != string(want) {
		t.Errorf("%d bytes, which are not those that were synced", len(got))
	}
	fsckClean(t, s2, true)
}

// FuzzChunk takes any bytes for a sealed chunk of records: they are what was sealed, or damaged.
func FuzzChunk(f *testing.F) {
	key := backupKey(new(crypto.Key))
	whole := sealChunk(key, []byte("records"))
	f.Add(whole)
	f.Add([]byte{})
	f.Add(append(bytes.Clone(whole), whole...))
	f.Fuzz(func(t *testing.T, b []byte) {
		chunk, err := openChunk(key, b)
		switch {
		case err == nil && !bytes.Equal(b, sealChunk(key, chunk)):
			t.Fatalf("%x opens", b)
		case err != nil && !fault.Is(err, fault.Damaged):
			t.Fatal(err)
		}
	})
}
