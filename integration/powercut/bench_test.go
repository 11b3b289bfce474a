package powercut

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkCut cuts a filesystem of 2000 files of 32 KiB, half of them synced.
func BenchmarkCut(b *testing.B) {
	fs, err := Start(b.Context(), Options{Scratch: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer fs.Close()
	for i := range 2000 {
		if err := os.WriteFile(filepath.Join(fs.Dir(), fmt.Sprint(i)), make([]byte, 32<<10), 0o600); err != nil {
			b.Fatal(err)
		}
		if i == 1000 {
			if err := fs.SyncAll(); err != nil {
				b.Fatal(err)
			}
		}
	}
	for seed := uint64(0); b.Loop(); seed++ {
		dir, _, err := fs.Cut(seed)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		os.RemoveAll(dir)
		b.StartTimer()
	}
}

// BenchmarkWriteSync writes 4 KiB and syncs them.
func BenchmarkWriteSync(b *testing.B) {
	fs, err := Start(b.Context(), Options{Scratch: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer fs.Close()
	f, err := os.Create(filepath.Join(fs.Dir(), "f"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	page := make([]byte, 4096)
	for b.Loop() {
		if _, err := f.WriteAt(page, 0); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
}
