package powercut

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
	"golang.org/x/sys/unix"
)

// badgerProgram commits key after key and acknowledges each commit that SyncWrites made durable.
func badgerProgram(dir string, acknowledge func(string, ...any)) error {
	db, err := openBadger(filepath.Join(dir, "meta"))
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		err := db.Update(func(txn *badger.Txn) error {
			return txn.Set(fmt.Appendf(nil, "key %06d", i), badgerValue(i))
		})
		if err != nil {
			return err
		}
		acknowledge("%d", i)
	}
}

func badgerValue(i int) []byte {
	value := make([]byte, 700)
	for at := 0; at < len(value); at += 4 {
		binary.LittleEndian.PutUint32(value[at:], uint32(i*1000+at))
	}
	return value
}

// openBadger opens small tables, so that logs rotate and tables are written soon.
func openBadger(dir string) (*badger.DB, error) {
	return badger.Open(badger.DefaultOptions(dir).
		WithSyncWrites(true).
		WithMemTableSize(1 << 20).
		WithValueThreshold(1 << 12).
		WithValueLogFileSize(1 << 20).
		WithNumMemtables(2).
		WithBlockCacheSize(1 << 20).
		WithCompactL0OnClose(false).
		WithLogger(nil))
}

// saveProgram replaces one file again and again: temporary file, fsync, rename, fsync of the
// directory. It names every step so that a test may cut between any two.
func saveProgram(dir string, acknowledge func(string, ...any)) error {
	for i := 1; ; i++ {
		if err := save(dir, saveContent(i)); err != nil {
			return err
		}
		acknowledge("%d", i)
	}
}

func saveContent(i int) string {
	line := fmt.Sprintf("generation %06d\n", i)
	var all []byte
	for len(all) < 3*4096+100 {
		all = append(all, line...)
	}
	return string(all)
}

func save(dir, content string) error {
	f, err := os.Create(filepath.Join(dir, "file.tmp"))
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteString(content); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), filepath.Join(dir, "file")); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

const mapSize = 64 * 4096

// mmapProgram counts up in the first word of every page of a mapping, page by page, and
// acknowledges each round that msync made durable.
func mmapProgram(dir string, acknowledge func(string, ...any)) error {
	f, err := os.OpenFile(filepath.Join(dir, "map"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := f.Truncate(mapSize); err != nil {
		return err
	}
	data, err := unix.Mmap(int(f.Fd()), 0, mapSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	if err := syncDir(dir); err != nil {
		return err
	}
	for round := uint64(1); ; round++ {
		for at := 0; at < mapSize; at += 4096 {
			binary.LittleEndian.PutUint64(data[at:], round)
		}
		if err := unix.Msync(data, unix.MS_SYNC); err != nil {
			return err
		}
		acknowledge("%d", round)
	}
}
