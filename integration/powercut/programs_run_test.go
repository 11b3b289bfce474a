package powercut

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/dgraph-io/badger/v4"
)

func startFS(t *testing.T, opts Options) *FS {
	t.Helper()
	if opts.Scratch == "" {
		opts.Scratch = t.TempDir()
	}
	fs, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := fs.Close(); err != nil {
			t.Error(err)
		}
	})
	return fs
}

func mustCut(t *testing.T, fs *FS, seed uint64) (string, Report) {
	t.Helper()
	dir, report, err := fs.Cut(seed)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir, report
}

// last returns the number in the last acknowledgement.
func last(t *testing.T, acks []string) int {
	t.Helper()
	if len(acks) == 0 {
		t.Fatal("nothing was acknowledged")
	}
	n, err := strconv.Atoi(acks[len(acks)-1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSaveSurvives(t *testing.T) {
	for run := range 5 {
		fs := startFS(t, Options{})
		c := startClient(t, "save", fs.Dir())
		acked := last(t, append(c.read(5+run*7), c.kill()...))
		for seed := range uint64(10) {
			dir, report := mustCut(t, fs, seed)
			if err := checkSaved(dir, acked); err != nil {
				t.Fatalf("run %d, %+v: %v", run, report, err)
			}
		}
	}
}

// checkSaved demands that the file is the acknowledged generation or the one in flight.
func checkSaved(dir string, acked int) error {
	content, err := os.ReadFile(filepath.Join(dir, "file"))
	if err != nil {
		return err
	}
	if s := string(content); s != saveContent(acked) && s != saveContent(acked+1) {
		return fmt.Errorf("after generation %d the file has %d bytes: %.40q...", acked, len(content), content)
	}
	return nil
}

// TestSaveNeedsEachSync takes each sync of the save away in turn and demands that the loss is found.
func TestSaveNeedsEachSync(t *testing.T) {
	for _, rule := range []Rule{
		IgnoreSync(`^file\.tmp$`, OpFsync),
		IgnoreSync(`^$`, OpFsyncDir),
	} {
		fs := startFS(t, Options{})
		number, err := fs.AddRule(rule)
		if err != nil {
			t.Fatal(err)
		}
		c := startClient(t, "save", fs.Dir())
		acked := last(t, append(c.read(10), c.kill()...))
		lost := 0
		for seed := range uint64(30) {
			dir, _ := mustCut(t, fs, seed)
			if checkSaved(dir, acked) != nil {
				lost++
			}
		}
		fired, err := fs.EndRule(number)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("without %v: lost in %d of 30 cuts, %d syncs ignored", rule.Ops, lost, fired)
		if lost == 0 || fired == 0 {
			t.Errorf("without %v: lost in %d of 30 cuts, %d syncs ignored", rule.Ops, lost, fired)
		}
	}
}

func TestMmapSurvives(t *testing.T) {
	fs := startFS(t, Options{})
	c := startClient(t, "mmap", fs.Dir())
	acked := uint64(last(t, append(c.read(20), c.kill()...)))
	stale := 0
	for seed := range uint64(30) {
		dir, report := mustCut(t, fs, seed)
		content, err := os.ReadFile(filepath.Join(dir, "map"))
		if err != nil || len(content) != mapSize {
			t.Fatalf("%+v: %d bytes, %v", report, len(content), err)
		}
		for at := 0; at < mapSize; at += 4096 {
			switch got := binary.LittleEndian.Uint64(content[at:]); got {
			case acked:
				stale++
			case acked + 1:
			default:
				t.Fatalf("%+v: page %d is of round %d after %d", report, at/4096, got, acked)
			}
		}
	}
	if stale == 0 {
		t.Error("no cut lost any page of the last round")
	}
}

func TestMmapWithoutSyncLoses(t *testing.T) {
	fs := startFS(t, Options{})
	if _, err := fs.AddRule(IgnoreSync("^map$")); err != nil {
		t.Fatal(err)
	}
	c := startClient(t, "mmap", fs.Dir())
	acked := uint64(last(t, append(c.read(20), c.kill()...)))
	lost := 0
	for seed := range uint64(10) {
		dir, _ := mustCut(t, fs, seed)
		content, err := os.ReadFile(filepath.Join(dir, "map"))
		if err != nil || len(content) < 8 || binary.LittleEndian.Uint64(content) < acked {
			lost++
		}
	}
	if lost == 0 {
		t.Error("no loss found")
	}
}

func TestBadgerSurvives(t *testing.T) {
	for run, acks := range []int{1, 40, 700, 2500} {
		fs := startFS(t, Options{Policies: map[string]Policy{"meta": NameWithFile}})
		makeMeta(t, fs)
		c := startClient(t, "badger", fs.Dir())
		acked := last(t, append(c.read(acks), c.kill()...))
		pending := 0
		for seed := range uint64(8) {
			dir, report := mustCut(t, fs, seed)
			pending += report.Pending.Total()
			if err := checkBadger(dir, acked); err != nil {
				t.Errorf("run %d, %d acknowledged, %+v: %v", run, acked, report, err)
			}
		}
		if pending == 0 {
			t.Error("nothing was pending at any cut")
		}
	}
}

// makeMeta makes badger's directory, durably: that is its user's duty.
func makeMeta(t *testing.T, fs *FS) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(fs.Dir(), "meta"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := fs.SyncAll(); err != nil {
		t.Fatal(err)
	}
}

// checkBadger opens the database after a cut and demands every acknowledged key. Badger empties a
// log before it unlinks it and refuses to open if only the first of the two happened, so its
// user has to remove empty logs, as this does.
func checkBadger(dir string, acked int) error {
	logs, err := filepath.Glob(filepath.Join(dir, "meta", "*.mem"))
	if err != nil {
		return err
	}
	for _, log := range logs {
		if info, err := os.Stat(log); err == nil && info.Size() == 0 {
			if err := os.Remove(log); err != nil {
				return err
			}
		}
	}
	db, err := openBadger(filepath.Join(dir, "meta"))
	if err != nil {
		return err
	}
	defer db.Close()
	return db.View(func(txn *badger.Txn) error {
		for i := range acked + 1 {
			item, err := txn.Get(fmt.Appendf(nil, "key %06d", i))
			if err != nil {
				return fmt.Errorf("key %d: %w", i, err)
			}
			value, err := item.ValueCopy(nil)
			if err != nil || !bytes.Equal(value, badgerValue(i)) {
				return fmt.Errorf("value of key %d is wrong: %w", i, err)
			}
		}
		return nil
	})
}

// TestBadgerUnderStrictRules shows that the strict policy finds what badger leaves undone: it
// does not sync its directory when a log or table appears.
func TestBadgerUnderStrictRules(t *testing.T) {
	fs := startFS(t, Options{})
	makeMeta(t, fs)
	c := startClient(t, "badger", fs.Dir())
	acked := last(t, append(c.read(2500), c.kill()...))
	lost := 0
	for seed := range uint64(10) {
		dir, _ := mustCut(t, fs, seed)
		if checkBadger(dir, acked) != nil {
			lost++
		}
	}
	if lost == 0 {
		t.Error("no loss found")
	}
}

func TestBadgerNeedsItsSyncs(t *testing.T) {
	fs := startFS(t, Options{Policies: map[string]Policy{"meta": NameWithFile}})
	makeMeta(t, fs)
	if _, err := fs.AddRule(IgnoreSync(`\.mem$`)); err != nil {
		t.Fatal(err)
	}
	c := startClient(t, "badger", fs.Dir())
	acked := last(t, append(c.read(100), c.kill()...))
	lost := 0
	for seed := range uint64(10) {
		dir, _ := mustCut(t, fs, seed)
		if checkBadger(dir, acked) != nil {
			lost++
		}
	}
	if lost == 0 {
		t.Error("no loss found")
	}
}
