package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/trail"
)

// The audit trail in a file on disk: a record a line, and beside it, under the same name with
// ".digest" behind it, a digest a line. Nothing but the end of either is ever written; a
// delivery that was cut short is known by what the state says it was about to write, and is
// taken back before the next one.

const digestSuffix = ".digest"

// toFile writes the records of a batch to the file on disk, if there is one, durably.
func (d *delivery) toFile(b *batch, st *record.TrailState) error {
	path := d.c.rec.File
	if path == "" {
		return nil
	}
	f, err := openTrailFile(path)
	if err != nil {
		return err
	}
	defer f.Close()
	c, former, err := d.readyFile(f, path)
	if err != nil {
		return err
	}
	var text []byte
	for _, r := range b.records {
		text = append(append(text, r...), '\n')
	}
	ahead := proto.CloneOf(d.st)
	ahead.File = proto.CloneOf(c)
	ahead.File.Writing = int64(len(text))
	ahead.FormerFiles = former
	if _, err := d.a.s.update(context.Background(), author{}, durableFreeing, func(t *txn) error { return t.put(settingTrailState(), ahead) }); err != nil {
		return err
	}
	d.st = ahead
	if _, err = f.Write(text); err == nil {
		err = f.Sync()
	}
	if err != nil {
		return trailFileError(path, err)
	}
	c.Logs = append(c.Logs, &record.TrailLog{
		Object: path, Hash: trail.Hash(text), OldestNs: b.oldest, NewestNs: b.newest, Records: trail.Shorts(b.records),
		Offset: c.Size, Size: int64(len(text)),
	})
	c.Size += int64(len(text))
	st.File, st.FormerFiles = c, former
	return nil
}

// readyFile takes back what a delivery was cut short in, and returns the chain as it goes on:
// its size is that of the file. What others have put behind the records stays there, and no
// digest tells of it.
func (d *delivery) readyFile(f *os.File, path string) (c *record.TrailChain, former []*record.TrailChain, err error) {
	info, err := f.Stat()
	if err != nil {
		return nil, nil, trailFileError(path, err)
	}
	size := info.Size()
	st := proto.CloneOf(d.st)
	c, former = chainAt(st.File, st.FormerFiles, path, d.a.s.now())
	if ours := c.Writing; ours > 0 && size > c.Size && size <= c.Size+ours {
		if err := f.Truncate(c.Size); err != nil {
			return nil, nil, trailFileError(path, err)
		}
		size = c.Size
	}
	c.Size, c.Writing = size, 0
	return c, former, nil
}

func openTrailFile(path string) (*os.File, error) {
	_, missing := os.Lstat(path)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, trailFileError(path, err)
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		_ = f.Close()
		return nil, fault.New(fault.InvalidArgument, "%s is no plain file; the audit trail needs one", path)
	}
	if missing != nil {
		if err := syncDir(filepath.Dir(path)); err != nil {
			_ = f.Close()
			return nil, trailFileError(path, err)
		}
	}
	return f, nil
}

func trailFileError(path string, err error) error {
	kind := fault.IOFailed
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		kind = fault.NoSpace
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM), errors.Is(err, unix.EROFS):
		kind = fault.AccessDenied
	}
	return fault.Wrap(kind, err, "the audit trail in %s cannot be written", path)
}

// A digestLine is a line of a file of digests.
type digestLine struct {
	Digest    json.RawMessage `json:"digest"`
	Signature string          `json:"signature"`
}

// appendDigest writes a digest behind the one whose hash is given, durably. One that a
// delivery has left there which was cut short is taken back.
func appendDigest(path string, text []byte, signature, previous string) error {
	path += digestSuffix
	f, err := openTrailFile(path)
	if err != nil {
		return err
	}
	defer f.Close()
	all, err := io.ReadAll(f)
	if err != nil {
		return trailFileError(path, err)
	}
	keep := len(all)
	if i := bytes.LastIndexByte(all, '\n'); i+1 < len(all) {
		keep = i + 1 // a line without an end
	} else if len(all) > 0 {
		begin := bytes.LastIndexByte(all[:len(all)-1], '\n') + 1
		if follows(all[begin:], previous, text) {
			keep = begin
		}
	}
	line, err := json.Marshal(digestLine{text, signature})
	if err != nil {
		return fault.Wrap(fault.Internal, err, "a digest")
	}
	if keep < len(all) {
		err = f.Truncate(int64(keep))
	}
	if err == nil {
		_, err = f.Write(append(line, '\n'))
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return trailFileError(path, err)
	}
	return nil
}

// follows says whether a line is a digest in the place of the one that is to be written.
func follows(line []byte, previous string, text []byte) bool {
	var l digestLine
	if json.Unmarshal(line, &l) != nil {
		return false
	}
	was, err := trail.ParseDigest(l.Digest)
	if err != nil || trail.Hash(l.Digest) == previous {
		return false
	}
	is, err := trail.ParseDigest(text)
	if err != nil || !was.Start.Equal(is.Start) {
		return false
	}
	if was.PreviousHash == nil {
		return previous == ""
	}
	return *was.PreviousHash == previous
}
