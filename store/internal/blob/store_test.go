package blob

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"testing"
)

func openStore(t testing.TB) *Store {
	t.Helper()
	s, err := Open(Options{Dir: filepath.Join(t.TempDir(), "blobs")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestSealedBlobReadsBack(t *testing.T) {
	s := openStore(t)
	w, err := s.Create(7)
	if err != nil {
		t.Fatal(err)
	}
	data := bytes.Repeat([]byte("pail"), 100_000)
	if _, err := w.WriteAt(data, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(7); !errors.Is(err, ErrUnsealed) {
		t.Fatalf("open of an unsealed blob: %v", err)
	}
	seal, err := w.Seal()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(7)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for name, read := range map[string]func([]byte, int64) (int, error){"plain": r.ReadAt, "verified": r.ReadAtVerified} {
		got := make([]byte, len(data)+1000)
		n, err := read(got, 0)
		if err != io.EOF || !bytes.Equal(got[:n], data) {
			t.Fatalf("%s read: %d bytes, %v", name, n, err)
		}
	}
	if r.Seal() != seal || r.Length() != int64(len(data)) {
		t.Fatalf("seal %+v, want %+v", r.Seal(), seal)
	}
	if err := s.Verify(7, seal); err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(7, Seal{Length: seal.Length, Sum: seal.Sum + 1}); !errors.Is(err, ErrDamaged) {
		t.Fatalf("another seal: %v", err)
	}
}

// FuzzName: what is taken for a content's name is the name that its id has.
func FuzzName(f *testing.F) {
	f.Add(ID(0x1234).String(), 0x12%fanOut)
	f.Add("+000000000000001", 0)
	f.Fuzz(func(t *testing.T, name string, dir int) {
		id, ok := parseName(name, dir)
		if ok && (id == 0 || FileName(id) != fmt.Sprintf("%02x/%s", dir, name)) {
			t.Fatalf("%q in directory %d is %v, which stands at %s", name, dir, id, FileName(id))
		}
	})
}
