package backup

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pail/store/fault"
)

// Backups come back from other disks, other machines and other people. Whatever the bytes
// are, they are taken for what they say or refused as damaged, or as newer.

// seen is a Visitor that writes down what it is shown.
type seen struct{ all []string }

func (s *seen) add(format string, args ...any) error {
	s.all = append(s.all, fmt.Sprintf(format, args...))
	return nil
}

func (s *seen) Head(h Head) error              { return s.add("head %+v", h) }
func (s *seen) Records(b []byte) error         { return s.add("records %x", b) }
func (s *seen) Draft(d Draft) error            { return s.add("draft %+v", d) }
func (s *seen) Content(c Content) error        { return s.add("content %+v", c) }
func (s *seen) Part(off int64, p []byte) error { return s.add("part %d %x", off, p) }
func (s *seen) Finish() error                  { return s.add("finish") }
func (s *seen) End(t Totals) error             { return s.add("end %+v", t) }

// both shows a stream to two Visitors.
type both struct{ a, b Visitor }

func (v both) Head(h Head) error              { return firstError(v.a.Head(h), v.b.Head(h)) }
func (v both) Records(b []byte) error         { return firstError(v.a.Records(b), v.b.Records(b)) }
func (v both) Draft(d Draft) error            { return firstError(v.a.Draft(d), v.b.Draft(d)) }
func (v both) Content(c Content) error        { return firstError(v.a.Content(c), v.b.Content(c)) }
func (v both) Part(off int64, p []byte) error { return firstError(v.a.Part(off, p), v.b.Part(off, p)) }
func (v both) Finish() error                  { return firstError(v.a.Finish(), v.b.Finish()) }
func (v both) End(t Totals) error             { return firstError(v.a.End(t), v.b.End(t)) }

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// expected says whether an error is one that bytes may make.
func expected(t *testing.T, err error) {
	t.Helper()
	if err != nil && !fault.Is(err, fault.Damaged) && !fault.Is(err, fault.NewerFormat) {
		t.Fatalf("%v (%v)", err, fault.KindOf(err))
	}
}

// takeStream decodes bytes; what is taken has to come out the same when it is written and
// read again.
func takeStream(t *testing.T, b []byte) {
	t.Helper()
	var first, second seen
	var again bytes.Buffer
	err := Decode(context.Background(), bytes.NewReader(b), "it", both{&first, NewEncoder(&again)})
	expected(t, err)
	if err != nil {
		return
	}
	if err := Decode(context.Background(), &again, "it again", &second); err != nil {
		t.Fatalf("what was read cannot be read again: %v", err)
	}
	if !slices.Equal(first.all, second.all) {
		t.Fatalf("read as\n%v\nand again as\n%v", first.all, second.all)
	}
}

// smallStream has each kind of frame that a stream has, and little in it.
func smallStream() []byte {
	var b bytes.Buffer
	e := NewEncoder(&b)
	_ = errors.Join( // to memory
		e.Head(Head{Store: "s", StoreFormat: 1}), e.Records([]byte("\x01k\x01v")),
		e.Draft(Draft{ID: 1, Size: 5}), e.Part(2, []byte("d")), e.Finish(),
		e.Content(Content{ID: 2, Length: 3, Sum: 4}), e.Part(0, []byte("abc")), e.Finish(),
		e.End(Totals{Records: 1, Contents: 1, Drafts: 1, Bytes: 12}),
	)
	return b.Bytes()
}

// FuzzStream reads any bytes as a stream.
func FuzzStream(f *testing.F) {
	whole := smallStream()
	if err := Decode(context.Background(), bytes.NewReader(whole), "it", nothing{}); err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add(whole[:40])
	f.Fuzz(takeStream)
}

// frames makes frames with their right checksums of any bytes, which are for each its kind
// and the length of its payload (2 bytes) before the payload: so that what is fuzzed lies
// behind the checksums.
func frames(b []byte) []byte {
	var out bytes.Buffer
	fw := frameWriter{w: &out}
	for len(b) >= 3 {
		n := min(int(binary.BigEndian.Uint16(b[1:])), len(b)-3)
		_ = fw.write(b[0], b[3:3+n]) // to memory
		b = b[3+n:]
	}
	return out.Bytes()
}

// loose takes the frames of a stream for what frames makes of them.
func loose(stream []byte) (out []byte) {
	fr := frameReader{r: bytes.NewReader(stream), what: "it"}
	if fr.begin() != nil {
		return nil
	}
	for {
		kind, payload, err := fr.next()
		if err != nil || len(payload) > 1<<16-1 {
			return out
		}
		out = append(binary.BigEndian.AppendUint16(append(out, kind), uint16(len(payload))), payload...)
	}
}

// FuzzFrames reads frames in any order and with anything in them: as a stream, and as the
// manifest of a snapshot.
func FuzzFrames(f *testing.F) {
	seeds := [][]byte{smallStream()}
	manifests, err := filepath.Glob("testdata/directory-1/snapshots/*")
	if err != nil || len(manifests) == 0 {
		f.Fatal(manifests, err)
	}
	for _, path := range manifests {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		seeds = append(seeds, b)
	}
	for _, b := range seeds {
		if !bytes.Equal(frames(loose(b)), b) {
			f.Fatalf("%q is not made of its frames", b)
		}
		f.Add(loose(b))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = frames(b)
		takeStream(t, b)
		expected(t, readManifest(context.Background(), bytes.NewReader(b), "it", sumOf(b), &seen{}, func(chunkRef, bool) error { return nil }))
	})
}

// FuzzLabel reads any bytes as the label of a directory: what is taken is written as the
// same bytes.
func FuzzLabel(f *testing.F) {
	whole, err := os.ReadFile("testdata/directory-1/" + labelName)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)-2])
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := parseLabel(b, "it")
		expected(t, err)
		if err == nil && !bytes.Equal(l.marshal(), b) {
			t.Fatalf("%q is written as %q", b, l.marshal())
		}
	})
}

// FuzzNames: what is taken for the name of a chunk or a content is the one that it has.
func FuzzNames(f *testing.F) {
	f.Add(filepath.Base(chunkPath([32]byte{1, 31: 2})))
	f.Add(contentName(1, 2))
	f.Add("+00000000000001-0000000000000002")
	f.Fuzz(func(t *testing.T, name string) {
		if sum, ok := parseChunkName(name); ok && filepath.Base(chunkPath(sum)) != name {
			t.Fatalf("%q is the chunk %x", name, sum)
		}
		if id, sum, ok := parseContentName(name); ok && contentName(id, sum) != name {
			t.Fatalf("%q is the content %x of %x", name, id, sum)
		}
	})
}

// FuzzRecords takes any bytes apart as a chunk of records: the pieces lie in it one behind
// the other, and made a chunk again they come apart the same.
func FuzzRecords(f *testing.F) {
	f.Add([]byte("\x01k\x01v\x00\x00"))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01k"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var pieces, again [][]byte
		var chunk []byte
		err := EachRecord(b, func(k, v []byte) error {
			for _, p := range [][]byte{k, v} {
				pieces = append(pieces, p)
				chunk = append(binary.AppendUvarint(chunk, uint64(len(p))), p...)
			}
			return nil
		})
		expected(t, err)
		if len(chunk) > len(b) {
			t.Fatalf("%q holds records of %d bytes", b, len(chunk))
		}
		if err := EachRecord(chunk, func(k, v []byte) error { again = append(again, k, v); return nil }); err != nil || !slices.EqualFunc(pieces, again, bytes.Equal) {
			t.Fatalf("%q comes apart as %q and again as %q, %v", b, pieces, again, err)
		}
	})
}
