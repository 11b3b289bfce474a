package backup

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"pail/store/fault"
	"pail/store/internal/blob"
)

// readFresh reads a small file from the disk: what the page cache says proves nothing.
func readFresh(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	dropCache(f)
	return io.ReadAll(f)
}

// dropCache has the kernel forget a file's clean pages; it is advice.
func dropCache(f *os.File) { _ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) }

// Read shows a snapshot to v, contents' bytes included. Records and drafts are compared
// with their checksums; contents are by whoever makes files of them.
func (r *Repo) Read(ctx context.Context, s Snapshot, v Visitor) error {
	return r.manifest(ctx, s, &repoReader{Visitor: v, r: r}, func(c chunkRef, draft bool) error {
		b, err := r.readChunk(c)
		if err != nil {
			return err
		}
		if draft {
			return v.Part(c.off, b)
		}
		return v.Records(b)
	})
}

// A repoReader brings contents' bytes into a visit.
type repoReader struct {
	Visitor
	r *Repo
}

func (v *repoReader) Content(c Content) error {
	if err := v.Visitor.Content(c); err != nil {
		return err
	}
	if err := v.r.contentParts(c, v.Part); err != nil {
		return err
	}
	return v.Finish()
}

// contentParts calls part with the file of a content, holes left out.
func (r *Repo) contentParts(c Content, part func(off int64, p []byte) error) error {
	path := filepath.Join(r.dir, contentPath(c))
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.Damaged, "%s is missing", path)
	}
	if err != nil {
		return diskError(err, "read %s", path)
	}
	defer f.Close()
	if seal, err := blob.SealOf(f, blob.ID(c.ID)); err != nil || seal != sealOf(c) {
		return fault.New(fault.Damaged, "%s is damaged: its end is not what was written", path)
	}
	return diskError(blob.FileParts(f, part), "read %s", path)
}

// manifest reads the manifest of a snapshot, shows it to v, and chunks to chunk.
func (r *Repo) manifest(ctx context.Context, s Snapshot, v Visitor, chunk func(c chunkRef, draft bool) error) error {
	path := filepath.Join(r.dir, snapshotsDir, s.Name)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.Damaged, "%s is missing", path)
	}
	if err != nil {
		return diskError(err, "read %s", path)
	}
	defer f.Close()
	dropCache(f)
	return readManifest(ctx, bufio.NewReaderSize(f, 256<<10), path, s.Sum, v, chunk)
}

// readManifest is manifest for what r reads.
func readManifest(ctx context.Context, r io.Reader, path, want string, v Visitor, chunk func(c chunkRef, draft bool) error) error {
	sum := sha256.New()
	m := &manifestVisitor{Visitor: v}
	d := &decoder{fr: frameReader{r: io.TeeReader(r, sum), what: path}, v: m, bare: true, loose: true}
	err := d.run(ctx, func(kind byte, payload []byte) error {
		if kind != frameChunk {
			return fault.New(fault.Damaged, "%s is damaged: it has a frame of kind %q", path, kind)
		}
		c, err := parseChunk(payload)
		if err != nil {
			return err
		}
		return chunk(c, m.draft)
	})
	if err != nil {
		return err
	}
	if hex.EncodeToString(sum.Sum(nil)) != want {
		return fault.New(fault.Damaged, "%s is damaged: it is not the manifest that was written", path)
	}
	return m.end()
}

// A manifestVisitor knows whether a draft has begun, and keeps the end back until the
// whole manifest is known to be right.
type manifestVisitor struct {
	Visitor
	draft  bool
	totals Totals
}

func (m *manifestVisitor) Draft(d Draft) error {
	m.draft = true
	return m.Visitor.Draft(d)
}

func (m *manifestVisitor) Finish() error {
	m.draft = false
	return m.Visitor.Finish()
}

func (m *manifestVisitor) End(t Totals) error {
	m.totals = t
	return nil
}

func (m *manifestVisitor) end() error { return m.Visitor.End(m.totals) }
