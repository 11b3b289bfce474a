package backup

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"pail/store/fault"
	"pail/store/internal/blob"
)

// copiers contents are copied at once: their syncs share the disk's journal.
const copiers = 8

// A Result is what Write did.
type Result struct {
	Snapshot Snapshot
	Copied   int64 // contents and chunks that were not there
	Bytes    int64 // of those
}

// Write adds the state of src as a snapshot. What is there already is not copied again.
// If it fails the snapshots that were there stay as they are, and the next Write goes on.
func (r *Repo) Write(ctx context.Context, src Source, far func(Far)) (Result, error) {
	if err := r.clean(); err != nil {
		return Result{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := &repoWriter{r: r, src: src, ctx: ctx, cancel: cancel, far: far, dirs: map[string]bool{}}
	w.group.SetLimit(copiers)
	err := src.Walk(w.ctx, w)
	if e := w.group.Wait(); e != nil {
		err = e // what ended the walk, too
	}
	if w.manifest != nil && !w.done {
		_ = w.manifest.fail(nil)
	}
	if err != nil {
		return Result{}, err
	}
	return w.result, r.commit(w.result.Snapshot)
}

// commit makes a snapshot one that is there.
func (r *Repo) commit(s Snapshot) error {
	was := r.label.Snapshots
	r.label.Snapshots = append(r.Snapshots(), s)
	err := r.writeLabel()
	if err != nil {
		r.label.Snapshots = was
	}
	return err
}

// clean removes what an interrupted Write has left and no snapshot needs: half a file,
// and manifests that the label does not name.
func (r *Repo) clean() error {
	known := map[string]bool{}
	for _, s := range r.label.Snapshots {
		known[s.Name] = true
	}
	names, err := os.ReadDir(filepath.Join(r.dir, snapshotsDir))
	if err != nil {
		return diskError(err, "read %s", snapshotsDir)
	}
	for _, n := range names {
		if !known[n.Name()] {
			if err := os.Remove(filepath.Join(r.dir, snapshotsDir, n.Name())); err != nil {
				return diskError(err, "remove an unfinished snapshot")
			}
		}
	}
	return nil
}

// A repoWriter is a Visitor that makes a snapshot.
type repoWriter struct {
	r      *Repo
	src    Source
	ctx    context.Context
	cancel func() // ends the walk
	group  errgroup.Group

	manifest *file
	buf      *bufio.Writer
	sum      hash.Hash
	enc      *Encoder
	draft    bool
	done     bool
	result   Result

	mu   sync.Mutex // guards what follows, and result's counts
	far  func(Far)
	at   Far
	dirs map[string]bool // below the directory: those to be synced
}

// Head implements Visitor.
func (w *repoWriter) Head(h Head) error {
	if h.Store != w.r.label.Store {
		return fault.New(fault.Exists, "%s holds backups of another store (%s); name another directory", w.r.dir, w.r.label.Store)
	}
	s := &w.result.Snapshot
	s.Name, s.Taken, s.Seq = snapshotName(h), h.Taken, h.Seq
	for _, other := range w.r.label.Snapshots {
		if other.Name == s.Name {
			return fault.New(fault.Exists, "%s holds a snapshot %s already; try again", w.r.dir, s.Name)
		}
	}
	f, err := newFile(filepath.Join(w.r.dir, snapshotsDir, s.Name))
	if err != nil {
		return err
	}
	w.manifest, w.sum = f, sha256.New()
	w.buf = bufio.NewWriterSize(io.MultiWriter(f, w.sum), 64<<10)
	w.enc = NewEncoder(w.buf)
	return w.enc.Head(h)
}

// Records implements Visitor.
func (w *repoWriter) Records(chunk []byte) error { return w.chunk(chunk, 0) }

// Draft implements Visitor.
func (w *repoWriter) Draft(d Draft) error {
	w.draft = true
	return w.enc.Draft(d)
}

// Part implements Visitor.
func (w *repoWriter) Part(off int64, p []byte) error { return w.chunk(p, off) }

// Finish implements Visitor.
func (w *repoWriter) Finish() error {
	w.draft = false
	return w.enc.Finish()
}

// chunk adds a chunk to the manifest, and to the pool if it is not there.
func (w *repoWriter) chunk(b []byte, off int64) error {
	c := chunkRef{sum: sha256.Sum256(b), len: int64(len(b)), off: off}
	if err := w.enc.fw.write(frameChunk, c.marshal()); err != nil {
		return err
	}
	if err := w.dir(chunksDir, chunkDir(c.sum)); err != nil {
		return err
	}
	path := filepath.Join(w.r.dir, chunkPath(c.sum))
	if fi, err := os.Stat(path); err == nil && fi.Size() == c.len {
		return nil
	}
	f, err := newFile(path)
	if err != nil {
		return err
	}
	if _, err := f.Write(b); err != nil {
		return f.fail(err)
	}
	if err := f.finish(); err != nil {
		return err
	}
	w.copied(c.len)
	w.tell(c.len)
	return nil
}

// dir makes a directory of a pool, unless it is there, and has it synced at the end.
func (w *repoWriter) dir(pool, dir string) error {
	w.mu.Lock()
	known := w.dirs[dir]
	w.dirs[dir], w.dirs[pool] = true, true
	w.mu.Unlock()
	if known {
		return nil
	}
	return mkdir(filepath.Join(w.r.dir, dir))
}

func (w *repoWriter) copied(bytes int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.result.Copied++
	w.result.Bytes += bytes
}

func (w *repoWriter) tell(bytes int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.at.Bytes += bytes; w.far != nil {
		w.far(w.at)
	}
}

// Content implements Visitor.
func (w *repoWriter) Content(c Content) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if err := w.enc.Content(c); err != nil {
		return err
	}
	if err := w.dir(contentsDir, contentDir(c.ID)); err != nil {
		return err
	}
	there, err := w.r.hasContent(c)
	if there || err != nil {
		return err
	}
	w.group.Go(func() error {
		err := w.fetch(c)
		if err != nil {
			w.cancel()
		}
		return err
	})
	return nil
}

// fetch copies a content, and compares what the disk has of it with its checksums.
func (w *repoWriter) fetch(c Content) error {
	f, err := newFile(filepath.Join(w.r.dir, contentPath(c)))
	if err != nil {
		return err
	}
	bytes := int64(0)
	err = w.src.Fetch(w.ctx, c, func(off int64, p []byte) error {
		bytes += int64(len(p))
		w.tell(int64(len(p)))
		_, err := f.WriteAt(p, off)
		return err
	})
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = blob.VerifyFile(f.File, blob.ID(c.ID), sealOf(c))
	}
	if err != nil {
		return f.fail(err)
	}
	w.copied(bytes)
	return f.finish()
}

// End implements Visitor: when it returns, all that the manifest names is on disk, and so
// is the manifest.
func (w *repoWriter) End(t Totals) error {
	if err := w.group.Wait(); err != nil {
		return err
	}
	for dir := range w.dirs {
		if err := syncDir(filepath.Join(w.r.dir, dir)); err != nil {
			return err
		}
	}
	w.result.Snapshot.Totals = t
	if err := w.enc.End(t); err != nil {
		return err
	}
	if err := w.buf.Flush(); err != nil {
		return err
	}
	w.done = true
	if err := w.manifest.finish(); err != nil {
		return err
	}
	w.result.Snapshot.Sum = hex.EncodeToString(w.sum.Sum(nil))
	return syncDir(filepath.Join(w.r.dir, snapshotsDir))
}

// isUnfinished says whether a name is that of a file that was not finished.
func isUnfinished(name string) bool { return strings.HasSuffix(name, unfinished) }
