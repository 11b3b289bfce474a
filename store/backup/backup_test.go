package backup

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"pail/store/fault"
	"pail/store/internal/blob"
)

var update = flag.Bool("update", false, "write the golden files anew")

// A fixed is a Source that is always the same.
type fixed struct {
	head     Head
	records  [][2]string // in order
	drafts   map[uint64]string
	contents []Content
	files    map[uint64][]byte // of contents
	fail     func() error      // of each Fetch
}

// newFixed makes n contents and as many records in a directory of blobs.
func newFixed(t *testing.T, n int) *fixed {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "blobs")
	blobs, err := blob.Open(blob.Options{Dir: dir})
	must(t, err)
	defer blobs.Close()
	f := &fixed{
		head:   Head{Store: "0123", StoreFormat: 1, Region: "us-east-1", Taken: time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC), Seq: 7, LastID: 99},
		drafts: map[uint64]string{5: "what was fsynced"}, files: map[uint64][]byte{},
	}
	for i := range n {
		id := uint64(i)*70_000 + 1 // each in a directory of its own
		w, err := blobs.Create(blob.ID(id))
		must(t, err)
		_, err = w.WriteAt(bytes.Repeat([]byte{byte(i + 1)}, 5000+i), 100)
		must(t, err)
		seal, err := w.Seal()
		must(t, err)
		must(t, w.Close())
		f.contents = append(f.contents, Content{ID: id, Length: seal.Length, Sum: seal.Sum})
		f.files[id], err = os.ReadFile(filepath.Join(dir, blob.FileName(blob.ID(id))))
		must(t, err)
		f.records = append(f.records, [2]string{fmt.Sprintf("a%05d", i), fmt.Sprintf("value %d", i)})
	}
	f.records = append(f.records, [2]string{"b", ""})
	return f
}

func (f *fixed) Walk(_ context.Context, v Visitor) error {
	var t Totals
	if err := v.Head(f.head); err != nil {
		return err
	}
	c := Chunker{Chunk: func(chunk []byte, n int64) error {
		t.Records += n
		t.Bytes += int64(len(chunk))
		return v.Records(chunk)
	}}
	for _, r := range f.records {
		if err := c.Record([]byte(r[0]), []byte(r[1])); err != nil {
			return err
		}
	}
	if err := c.Flush(); err != nil {
		return err
	}
	for id, bytes := range f.drafts {
		t.Drafts++
		t.Bytes += int64(len(bytes))
		if err := errors.Join(v.Draft(Draft{id, int64(len(bytes))}), v.Part(0, []byte(bytes)), v.Finish()); err != nil {
			return err
		}
	}
	for _, c := range f.contents {
		t.Contents++
		t.Bytes += c.Length
		if err := v.Content(c); err != nil {
			return err
		}
	}
	return v.End(t)
}

func (f *fixed) Fetch(_ context.Context, c Content, part func(int64, []byte) error) error {
	if f.fail != nil {
		if err := f.fail(); err != nil {
			return err
		}
	}
	b := f.files[c.ID]
	half := len(b) / 2
	return errors.Join(part(0, b[:half]), part(int64(half), b[half:]))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, dir string, f *fixed) (Result, error) {
	t.Helper()
	r, err := OpenToWrite(dir, f.head.Store)
	must(t, err)
	defer r.Close()
	return r.Write(t.Context(), f, nil)
}

// TestStreamIsStable compares a stream with one that was written when the format was made,
// and reads that.
func TestStreamIsStable(t *testing.T) {
	f := newFixed(t, 3)
	var b bytes.Buffer
	_, totals, err := WriteStream(t.Context(), f, &b, nil)
	must(t, err)
	golden := "testdata/stream-1"
	if *update {
		must(t, os.WriteFile(golden, b.Bytes(), 0o600))
	}
	want, err := os.ReadFile(golden)
	must(t, err)
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("the stream is not the one that format %d had", Format)
	}
	s, err := VerifyStream(t.Context(), bytes.NewReader(want), "it", nil)
	must(t, err)
	if s.Totals != totals || s.Name != "2026-01-02T030405.006Z-7" {
		t.Errorf("it holds %+v, want %+v", s, totals)
	}
}

// TestDirectoryIsStable verifies a directory that was written when the format was made,
// and adds a snapshot to it.
func TestDirectoryIsStable(t *testing.T) {
	golden := "testdata/directory-1"
	f := newFixed(t, 3)
	if *update {
		must(t, os.RemoveAll(golden))
		_, err := write(t, golden, f)
		must(t, err)
	}
	dir := filepath.Join(t.TempDir(), "copy")
	must(t, os.CopyFS(dir, os.DirFS(golden)))
	must(t, problems(t, dir))
	f.head.Taken = f.head.Taken.Add(time.Hour)
	res, err := write(t, dir, f)
	must(t, err)
	if res.Copied != 0 {
		t.Errorf("%d files were copied again", res.Copied)
	}
	must(t, problems(t, dir))
}

// problems is what Verify says of a directory.
func problems(t *testing.T, dir string) error {
	t.Helper()
	r, err := Open(dir)
	if err != nil {
		return err
	}
	defer r.Close()
	var found []error
	err = r.Verify(t.Context(), nil, func(p Problem) error {
		found = append(found, fmt.Errorf("%s: %s", p.Where, p.What))
		return nil
	})
	return errors.Join(append(found, err)...)
}

// TestVerifyFindsAnyDamage changes each file of a directory of backups in each way, and
// demands that it is found, and that a restore does not pass over it.
func TestVerifyFindsAnyDamage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "backups")
	f := newFixed(t, 2)
	res, err := write(t, dir, f)
	must(t, err)
	must(t, problems(t, dir))
	for path, whole := range filesIn(t, dir) {
		if filepath.Base(path) == lockName {
			continue
		}
		for what, b := range damages(whole) {
			if b == nil {
				must(t, os.Remove(path))
			} else {
				must(t, os.WriteFile(path, b, 0o600))
			}
			// Of the label there are two, the second of which may be missing.
			aLabel, lost := slices.Contains([]string{labelName, labelCopy}, filepath.Base(path)), b == nil
			if problems(t, dir) == nil && !(lost && filepath.Base(path) == labelCopy) {
				t.Errorf("%s: %s is not found", path, what)
			}
			if err := readAll(t, dir, res.Snapshot.Name); (err == nil) != aLabel {
				t.Errorf("%s: %s: a restore says %v", path, what, err)
			}
			must(t, os.WriteFile(path, whole, 0o600))
		}
	}
	must(t, problems(t, dir))
}

// damages are what can become of a file; nil: it is lost.
func damages(whole []byte) map[string][]byte {
	out := map[string][]byte{
		"its loss": nil, "all of it cut off": {}, "its last byte cut off": whole[:len(whole)-1],
		"a byte more": append(slices.Clone(whole), 0), "zeros": make([]byte, len(whole)),
	}
	for i := 0; i < len(whole); i += 1 + len(whole)/60 {
		b := slices.Clone(whole)
		b[i] ^= 1 << (i % 8)
		out[fmt.Sprintf("a flipped bit of byte %d", i)] = b
	}
	return out
}

func filesIn(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		out[path], err = os.ReadFile(path)
		return err
	}))
	return out
}

// readAll reads a snapshot as a restore does: contents are compared when they are whole.
func readAll(t *testing.T, dir, name string) error {
	r, err := Open(dir)
	if err != nil {
		return err
	}
	defer r.Close()
	s, err := r.Find(name)
	if err != nil {
		return err
	}
	return r.Read(t.Context(), s, &builder{t: t})
}

// A builder makes a file of each content and compares its checksums.
type builder struct {
	nothing
	t    *testing.T
	c    *Content
	file *os.File
}

func (b *builder) Content(c Content) (err error) {
	b.c = &c
	b.file, err = os.Create(filepath.Join(b.t.TempDir(), "content"))
	return err
}

func (b *builder) Part(off int64, p []byte) error {
	if b.c == nil {
		return nil // of a draft
	}
	_, err := b.file.WriteAt(p, off)
	return err
}

func (b *builder) Finish() error {
	if b.c == nil {
		return nil
	}
	defer b.file.Close()
	return blob.VerifyFile(b.file, blob.ID(b.c.ID), sealOf(*b.c))
}

// TestStreamFindsAnyDamage flips bits of a stream, cuts it and swaps its frames.
func TestStreamFindsAnyDamage(t *testing.T) {
	f := newFixed(t, 2)
	var b bytes.Buffer
	_, _, err := WriteStream(t.Context(), f, &b, nil)
	must(t, err)
	for what, damaged := range damages(b.Bytes()) {
		if _, err := VerifyStream(t.Context(), bytes.NewReader(damaged), "it", nil); err == nil {
			t.Errorf("%s is not found", what)
		}
	}
	for n := 0; n < b.Len(); n += 1 + n%23 {
		_, err := VerifyStream(t.Context(), bytes.NewReader(b.Bytes()[:n]), "it", nil)
		if !fault.Is(err, fault.Damaged) {
			t.Fatalf("cut off after %d bytes: %v", n, err)
		}
	}
	broken := io.MultiReader(bytes.NewReader(b.Bytes()[:100]), failing{})
	if _, err := VerifyStream(t.Context(), broken, "it", nil); !fault.Is(err, fault.IOFailed) {
		t.Errorf("a medium that fails: %v", err)
	}
	newer := slices.Clone(b.Bytes())
	newer[len(magic)+3]++
	if _, err := VerifyStream(t.Context(), bytes.NewReader(newer), "it", nil); !fault.Is(err, fault.NewerFormat) {
		t.Errorf("a newer format: %v", err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("the medium fails") }

// TestInterruptedWriteGoesOn ends a backup after each content, and leaves at each moment
// what was there; the next one copies what is missing only.
func TestInterruptedWriteGoesOn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "backups")
	f := newFixed(t, 1)
	_, err := write(t, dir, f)
	must(t, err)
	more := newFixed(t, 30)
	more.head.Taken = f.head.Taken.Add(time.Hour)
	copied := 0
	for end := 1; ; end++ {
		left := end * 4
		more.fail = func() error {
			if left--; left < 0 {
				return errors.New("it ends here")
			}
			return nil
		}
		slow := &oneByOne{fixed: more}
		r, err := OpenToWrite(dir, f.head.Store)
		must(t, err)
		_, err = r.Write(t.Context(), slow, nil)
		must(t, r.Close())
		if err == nil {
			break
		}
		must(t, problems(t, dir))
		if n := len(filesIn(t, filepath.Join(dir, contentsDir))); n <= copied {
			t.Fatalf("round %d copied nothing: %d contents", end, n)
		} else {
			copied = n
		}
		r, err = Open(dir)
		must(t, err)
		if n := len(r.Snapshots()); n != 1 {
			t.Fatalf("%d snapshots after an interrupted backup", n)
		}
		must(t, r.Close())
	}
	must(t, problems(t, dir))
	must(t, readAll(t, dir, ""))
}

// oneByOne has contents fetched one after another.
type oneByOne struct {
	*fixed
	mu sync.Mutex
}

func (o *oneByOne) Fetch(ctx context.Context, c Content, part func(int64, []byte) error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.fixed.Fetch(ctx, c, part)
}

// TestDamagedSource does not take what is not what its checksums say.
func TestDamagedSource(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "backups")
	f := newFixed(t, 3)
	f.files[f.contents[1].ID][1000] ^= 1
	if _, err := write(t, dir, f); !fault.Is(err, fault.Damaged) {
		t.Errorf("a changed byte: %v", err)
	}
	must(t, problems(t, dir))
}

// TestLabelIsWrittenAgain loses the label after two backups: both are there, the next one
// makes a third, and then both labels are right.
func TestLabelIsWrittenAgain(t *testing.T) {
	dir := t.TempDir()
	f := newFixed(t, 1)
	for range 2 {
		_, err := write(t, dir, f)
		must(t, err)
		f.head.Taken = f.head.Taken.Add(time.Hour)
	}
	must(t, os.Truncate(filepath.Join(dir, labelName), 10))
	_, err := write(t, dir, f)
	must(t, err)
	must(t, problems(t, dir))
	must(t, os.Remove(filepath.Join(dir, labelCopy)))
	r, err := Open(dir)
	must(t, err)
	defer r.Close()
	if n := len(r.Snapshots()); n != 3 {
		t.Errorf("there are %d snapshots, want 3", n)
	}
}

func TestOtherPlaces(t *testing.T) {
	dir := t.TempDir()
	f := newFixed(t, 1)
	_, err := write(t, dir, f)
	must(t, err)
	kind := func(what string, err error, want fault.Kind) {
		t.Helper()
		if !fault.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	_, err = OpenToWrite(dir, "another")
	kind("another store", err, fault.Exists)
	r, err := Open(dir)
	must(t, err)
	_, err = OpenToWrite(dir, f.head.Store)
	kind("while somebody reads", err, fault.StoreLocked)
	must(t, r.Close())
	must(t, os.Remove(filepath.Join(dir, labelName)))
	must(t, os.Remove(filepath.Join(dir, labelCopy)))
	_, err = OpenToWrite(dir, f.head.Store)
	kind("written without its labels", err, fault.Damaged)
	_, err = Open(dir)
	kind("read without its labels", err, fault.Damaged)
	_, err = Open(t.TempDir())
	kind("an empty place", err, fault.NoSuchKey)
	foreign := t.TempDir()
	must(t, os.WriteFile(filepath.Join(foreign, "mine"), nil, 0o600))
	_, err = OpenToWrite(foreign, f.head.Store)
	kind("somebody's place", err, fault.NotEmpty)
}

// TestChunksFollowContent has a change in the middle of many records change few chunks.
func TestChunksFollowContent(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var records [][2][]byte
	for i := range 60_000 {
		v := make([]byte, 50+rnd.IntN(200))
		for j := range v {
			v[j] = byte(rnd.Uint32())
		}
		records = append(records, [2][]byte{fmt.Appendf(nil, "k%06d", i), v})
	}
	cut := func(records [][2][]byte) map[string]int {
		out := map[string]int{}
		var again [][2][]byte
		c := Chunker{Chunk: func(chunk []byte, n int64) error {
			out[sumOf(chunk)] = len(chunk)
			if len(chunk) > chunkMost+1<<20 {
				t.Errorf("a chunk of %d bytes", len(chunk))
			}
			return EachRecord(chunk, func(k, v []byte) error {
				again = append(again, [2][]byte{slices.Clone(k), slices.Clone(v)})
				return nil
			})
		}}
		for _, r := range records {
			must(t, c.Record(r[0], r[1]))
		}
		must(t, c.Flush())
		if len(again) != len(records) {
			t.Fatalf("%d records became %d", len(records), len(again))
		}
		for i := range again {
			if !bytes.Equal(again[i][0], records[i][0]) || !bytes.Equal(again[i][1], records[i][1]) {
				t.Fatalf("record %d has changed", i)
			}
		}
		return out
	}
	before := cut(records)
	changed := slices.Delete(slices.Clone(records), 20_000, 20_010)
	fresh := 0
	for sum := range cut(changed) {
		if _, ok := before[sum]; !ok {
			fresh++
		}
	}
	if len(before) < 8 || fresh < 1 || fresh > 3 {
		t.Errorf("%d chunks of %d are new after one change", fresh, len(before))
	}
}

func TestKeep(t *testing.T) {
	var all []Snapshot
	start := time.Date(2024, 12, 1, 0, 30, 0, 0, time.UTC)
	for i := range 500 * 2 { // two a day
		at := start.Add(time.Duration(i) * 12 * time.Hour)
		all = append(all, Snapshot{Name: at.Format(time.DateTime), Taken: at})
	}
	names := func(k Keep) []string {
		stay, gone := k.Split(all)
		if len(stay)+len(gone) != len(all) {
			t.Fatalf("%d stay and %d go of %d", len(stay), len(gone), len(all))
		}
		var out []string
		for _, s := range stay {
			out = append(out, s.Name[:10])
		}
		return out
	}
	for _, c := range []struct {
		keep Keep
		want []string
	}{
		{Keep{Last: 3}, []string{"2026-04-13", "2026-04-14", "2026-04-14"}},
		{Keep{Daily: 2}, []string{"2026-04-13", "2026-04-14"}},
		{Keep{Weekly: 3}, []string{"2026-04-05", "2026-04-12", "2026-04-14"}},
		{Keep{Monthly: 2, Yearly: 3}, []string{"2024-12-31", "2025-12-31", "2026-03-31", "2026-04-14"}},
	} {
		if got := names(c.keep); !slices.Equal(got, c.want) {
			t.Errorf("%+v keeps %v, want %v", c.keep, got, c.want)
		}
	}
	if (Keep{}).Validate() == nil || (Keep{Last: -1, Daily: 1}).Validate() == nil {
		t.Error("what keeps nothing is accepted")
	}
}
