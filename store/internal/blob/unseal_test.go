package blob

import (
	"bytes"
	"testing"
)

func TestUnsealedBlobIsWrittenAndSealedAgain(t *testing.T) {
	s, err := Open(Options{Dir: t.TempDir() + "/blobs"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w, err := s.Create(7)
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.Repeat([]byte("abcd"), 100_000)
	if _, err := w.WriteAt(want, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Seal(); err != nil {
		t.Fatal(err)
	}
	if err := w.Unseal(); err != nil {
		t.Fatal(err)
	}
	copy(want[5:], "WXYZ")
	if _, err := w.WriteAt([]byte("WXYZ"), 5); err != nil {
		t.Fatal(err)
	}
	seal, err := w.Seal()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(7, seal); err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(7)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got := make([]byte, len(want))
	if _, err := r.ReadAt(got, 0); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("other bytes after unsealing (%v)", err)
	}
}

func TestMapAllocated(t *testing.T) {
	m := NewMap(Extents{{Blob: 1, Len: 100}, {Len: 50}, {Blob: 2, Len: 50}})
	m.Write(90, 100, 3, 90)
	m.Punch(0, 10)
	m.Truncate(195)
	var want int64
	for _, e := range m.Extents() {
		if !e.IsHole() {
			want += e.Len
		}
	}
	if m.Allocated() != want || want != 185 {
		t.Fatalf("allocated %d, want %d", m.Allocated(), want)
	}
}
