package backup

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"pail/store/fault"
	"pail/store/internal/blob"
)

// A Problem is something that is wrong with backups.
type Problem struct {
	Where string `json:"where"` // the file
	What  string `json:"what"`
}

// Verify reads everything in the directory from the disk and calls found with what is
// wrong. The error says why it could not finish.
func (r *Repo) Verify(ctx context.Context, far func(Far), found func(Problem) error) error {
	v := &verifier{r: r, ctx: ctx, far: far, found: found}
	if err := v.labels(); err != nil {
		return err
	}
	if err := v.chunks(); err != nil {
		return err
	}
	if err := v.contents(); err != nil {
		return err
	}
	for _, s := range r.label.Snapshots {
		if err := v.snapshot(s); err != nil {
			return err
		}
	}
	return nil
}

type verifier struct {
	r     *Repo
	ctx   context.Context
	far   func(Far)
	at    Far
	found func(Problem) error
}

// problem reports an error that is about what is stored; others pass.
func (v *verifier) problem(where string, err error) error {
	switch fault.KindOf(err) {
	case fault.None:
		return nil
	case fault.Damaged, fault.IOFailed, fault.NewerFormat:
		return v.found(Problem{Where: where, What: err.Error()})
	}
	return err
}

func (v *verifier) read(bytes int64) error {
	if v.at.Bytes += bytes; v.far != nil {
		v.far(v.at)
	}
	return v.ctx.Err()
}

// labels looks at both labels. Backups that an earlier program has written have one; one
// that is behind the other was cut short between the two.
func (v *verifier) labels() error {
	if v.r.worn != nil {
		what := v.r.worn.Error()
		if fault.Is(v.r.worn, fault.NoSuchKey) {
			what = "it is missing"
		}
		return v.found(Problem{Where: labelName, What: what + "; its copy stands in for it, and the next backup writes both"})
	}
	_, err := v.r.labelAt(labelCopy)
	if err == nil || fault.Is(err, fault.NoSuchKey) {
		return nil
	}
	return v.found(Problem{Where: labelCopy, What: err.Error() + "; the next backup writes it anew"})
}

// chunks compares every chunk with its name.
func (v *verifier) chunks() error {
	return v.r.eachDir(chunksDir, func(dir string, files []fs.DirEntry) error {
		for _, f := range files {
			sum, ok := parseChunkName(f.Name())
			where := dir + "/" + f.Name()
			if !ok || chunkPath(sum) != where {
				if err := v.stranger(where); err != nil {
					return err
				}
				continue
			}
			b, err := readFresh(filepath.Join(v.r.dir, where))
			switch {
			case err != nil:
				err = diskError(err, "it cannot be read")
			case sumOf(b) != hex.EncodeToString(sum[:]):
				err = fault.New(fault.Damaged, "it is damaged: it is not what its name says")
			}
			if err := errors.Join(v.problem(where, err), v.read(int64(len(b)))); err != nil {
				return err
			}
		}
		return nil
	})
}

// contents compares every content with its checksums and its name.
func (v *verifier) contents() error {
	return v.r.eachDir(contentsDir, func(dir string, files []fs.DirEntry) error {
		for _, f := range files {
			id, sum, ok := parseContentName(f.Name())
			where := dir + "/" + f.Name()
			if !ok || contentDir(id) != dir {
				if err := v.stranger(where); err != nil {
					return err
				}
				continue
			}
			size, err := v.content(where, id, sum)
			if err := errors.Join(v.problem(where, err), v.read(size)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (v *verifier) content(where string, id, sum uint64) (size int64, err error) {
	f, err := os.Open(filepath.Join(v.r.dir, where))
	if err != nil {
		return 0, diskError(err, "it cannot be read")
	}
	defer f.Close()
	if fi, err := f.Stat(); err == nil {
		size = fi.Size()
	}
	seal, err := blob.SealOf(f, blob.ID(id))
	if err == nil && seal.Sum != sum {
		return size, fault.New(fault.Damaged, "it is damaged: it is not what its name says")
	}
	if err == nil {
		err = blob.VerifyFile(f, blob.ID(id), seal)
	}
	return size, diskError(err, "it is damaged")
}

// stranger is a file that no backup wrote under that name. What an interrupted one has
// left is none.
func (v *verifier) stranger(where string) error {
	if isUnfinished(where) {
		return nil
	}
	return v.found(Problem{Where: where, What: "it is nothing that belongs here"})
}

// snapshot demands that a manifest is whole, and that what it names is there; that this is
// what its name says has been seen.
func (v *verifier) snapshot(s Snapshot) error {
	where := snapshotsDir + "/" + s.Name
	there := func(path string, size int64) error {
		fi, err := os.Stat(filepath.Join(v.r.dir, path))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return v.found(Problem{Where: path, What: "it is missing, and the snapshot " + s.Name + " needs it"})
		case err != nil:
			return v.problem(path, diskError(err, "it cannot be read"))
		case size >= 0 && fi.Size() != size:
			return v.found(Problem{Where: path, What: fmt.Sprintf("it has %d bytes, and the snapshot %s needs %d", fi.Size(), s.Name, size)})
		}
		return v.ctx.Err()
	}
	seen := &verifyVisitor{there: there}
	err := v.r.manifest(v.ctx, s, seen, func(c chunkRef, _ bool) error { return there(chunkPath(c.sum), c.len) })
	return v.problem(where, err)
}

// A verifyVisitor sees to it that the contents of a snapshot are there.
type verifyVisitor struct {
	nothing
	there func(path string, size int64) error
}

func (v *verifyVisitor) Content(c Content) error { return v.there(contentPath(c), -1) }

// nothing is a Visitor that does nothing.
type nothing struct{}

func (nothing) Head(Head) error          { return nil }
func (nothing) Records([]byte) error     { return nil }
func (nothing) Draft(Draft) error        { return nil }
func (nothing) Content(Content) error    { return nil }
func (nothing) Part(int64, []byte) error { return nil }
func (nothing) Finish() error            { return nil }
func (nothing) End(Totals) error         { return nil }

// A streamVerifier keeps what a stream says of itself.
type streamVerifier struct {
	nothing
	s   Snapshot
	at  Far
	far func(Far)
}

func (v *streamVerifier) Head(h Head) error {
	v.s.Name, v.s.Taken, v.s.Seq = snapshotName(h), h.Taken, h.Seq
	return nil
}

func (v *streamVerifier) Records(chunk []byte) error { return v.Part(0, chunk) }

func (v *streamVerifier) Part(_ int64, p []byte) error {
	if v.at.Bytes += int64(len(p)); v.far != nil {
		v.far(v.at)
	}
	return nil
}

func (v *streamVerifier) End(t Totals) error {
	v.s.Totals = t
	return nil
}
