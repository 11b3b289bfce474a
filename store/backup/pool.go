package backup

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"pail/store/fault"
	"pail/store/internal/blob"
)

// The chunks and contents that snapshots share, and where they stand.

// A chunkRef is what a manifest says of a chunk.
type chunkRef struct {
	sum [32]byte
	len int64
	off int64 // in the draft, of a draft's
}

func (c chunkRef) marshal() []byte { return append(c.sum[:], numbers(uint64(c.len), uint64(c.off))...) }

func parseChunk(b []byte) (c chunkRef, err error) {
	if len(b) != 48 {
		return c, malformed("a chunk in a manifest")
	}
	copy(c.sum[:], b)
	c.len, c.off = int64(binary.BigEndian.Uint64(b[32:])), int64(binary.BigEndian.Uint64(b[40:]))
	if c.len < 0 || c.len > maxPayload || c.off < 0 {
		return c, malformed("a chunk in a manifest")
	}
	return c, nil
}

// chunkDir and contentDir are the directories that hold files of the pools, below the
// directory of backups.
func chunkDir(sum [32]byte) string { return fmt.Sprintf("%s/%02x", chunksDir, sum[0]) }

func chunkPath(sum [32]byte) string { return chunkDir(sum) + "/" + hex.EncodeToString(sum[:]) }

func parseChunkName(name string) (sum [32]byte, ok bool) {
	b, err := hex.DecodeString(name)
	if err != nil || len(b) != len(sum) || hex.EncodeToString(b) != name {
		return sum, false
	}
	return [32]byte(b), true
}

// contentsPerDir is how many ids share a directory.
const contentsPerDir = 1 << 16

func contentDir(id uint64) string { return fmt.Sprintf("%s/%012x", contentsDir, id/contentsPerDir) }

func contentName(id, sum uint64) string { return fmt.Sprintf("%016x-%016x", id, sum) }

func contentPath(c Content) string { return contentDir(c.ID) + "/" + contentName(c.ID, c.Sum) }

func parseContentName(name string) (id, sum uint64, ok bool) {
	a, b, _ := strings.Cut(name, "-")
	id, err := strconv.ParseUint(a, 16, 64)
	sum, err2 := strconv.ParseUint(b, 16, 64)
	return id, sum, err == nil && err2 == nil && contentName(id, sum) == name
}

// hasContent says whether a content is there, as far as its end tells.
func (r *Repo) hasContent(c Content) (bool, error) {
	f, err := os.Open(filepath.Join(r.dir, contentPath(c)))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, diskError(err, "look for a content")
	}
	defer f.Close()
	seal, err := blob.SealOf(f, blob.ID(c.ID))
	return err == nil && seal == sealOf(c), nil
}

func sealOf(c Content) blob.Seal { return blob.Seal{Length: c.Length, Sum: c.Sum} }

// readChunk reads a chunk and compares its sum.
func (r *Repo) readChunk(c chunkRef) ([]byte, error) {
	path := filepath.Join(r.dir, chunkPath(c.sum))
	b, err := readFresh(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Damaged, "%s is missing", path)
	}
	if err != nil {
		return nil, diskError(err, "read %s", path)
	}
	if int64(len(b)) != c.len || sumOf(b) != hex.EncodeToString(c.sum[:]) {
		return nil, fault.New(fault.Damaged, "%s is damaged: it is not what its name says", path)
	}
	return b, nil
}

// eachDir calls fn with the directories of a pool, in the order of their names.
func (r *Repo) eachDir(pool string, fn func(dir string, files []fs.DirEntry) error) error {
	dirs, err := os.ReadDir(filepath.Join(r.dir, pool))
	if err != nil {
		return diskError(err, "read %s", pool)
	}
	for _, d := range dirs {
		if !d.IsDir() {
			continue
		}
		dir := pool + "/" + d.Name()
		files, err := os.ReadDir(filepath.Join(r.dir, dir))
		if err != nil {
			return diskError(err, "read %s", dir)
		}
		if err := fn(dir, files); err != nil {
			return err
		}
	}
	return nil
}
