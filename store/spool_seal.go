package store

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"pail/crypto"
	"pail/store/fault"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/trail"
)

// The spools of a store whose records are encrypted have each record in an envelope of its
// own, which is bound to the spool and to the row whose place it takes. Where it stands is not
// bound: whoever writes to the disk can take records out of a spool, or have one told twice.

// spoolKey is the key of spools, made of that of the records; nil of nil.
func spoolKey(records *crypto.Key) *crypto.Key {
	if records == nil {
		return nil
	}
	return records.Derive("pail spool 1", nil)
}

// context is what the envelope of a record is bound to.
func (s *spool) context(row uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte("spool "+s.id+"\x00"), row)
}

// sealed is the record as it is in the file.
func (s *spool) sealed(row uint64, rec []byte) []byte {
	if s.key == nil {
		return rec
	}
	return s.key.Seal(rec, s.context(row))
}

// opened is the reverse; ok is false if nobody has sealed it for this place.
func (s *spool) opened(row uint64, rec []byte) (plain []byte, ok bool) {
	if s.key == nil {
		return rec, true
	}
	plain, err := s.key.Open(rec, s.context(row))
	return plain, err == nil
}

// sealedFrames appends frames to b, their records sealed.
func (s *spool) sealedFrames(b, frames []byte) []byte {
	for {
		row, rec, size, err := trail.CutFrame(frames)
		if err != nil || size == 0 {
			return b
		}
		b = trail.AppendFrame(b, row, s.sealed(row, rec))
		frames = frames[size:]
	}
}

// sealSpools seals what is in the spools of a store whose records, which are in dir, have been
// encrypted. What was cut short is done again.
func sealSpools(o *Options, dir string, key *crypto.Key) (err error) {
	db, err := meta.Open(engineOptions(o, dir, key))
	if err != nil {
		return openError(err)
	}
	defer func() { err = errors.Join(err, engineError(db.Close())) }()
	v := db.View()
	defer v.Close()
	sn := &snap{r: v}
	var st record.TrailState
	if _, err := sn.get(settingTrailState(), &st); err != nil && !unreadable(err) {
		return err
	}
	var s spool
	s.init(o.Dir, spoolDir, "the audit trail", spoolKey(key))
	if err := s.sealFiles(spoolPlace{st.Segment, st.Offset}); err != nil {
		return err
	}
	queues, err := os.ReadDir(filepath.Join(o.Dir, logDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap(fault.IOFailed, err, "read %s", logDir)
	}
	for _, q := range queues {
		if err := sealQueue(o, sn, q.Name(), spoolKey(key)); err != nil {
			return err
		}
	}
	return nil
}

// sealQueue seals the spool of a queue of access logs. One that nobody will deliver goes.
func sealQueue(o *Options, sn *snap, name string, key *crypto.Key) error {
	var rec record.LogQueue
	id, err := strconv.ParseUint(name, 16, 64)
	known := false
	if err == nil {
		if known, err = sn.get(settingLogQueue(id), &rec); err != nil && !unreadable(err) {
			return err
		}
	}
	if !known {
		return removeDurably(filepath.Join(o.Dir, logDir, name))
	}
	var s spool
	s.init(o.Dir, filepath.Join(logDir, name), "an access log", key)
	return s.sealFiles(spoolPlace{rec.Segment, rec.Offset})
}

// sealFiles seals what is behind a place, which stays what it is, and takes away what is
// before it.
func (s *spool) sealFiles(from spoolPlace) error {
	files, err := s.files()
	if err == nil {
		err = s.forget(from)
	}
	for _, n := range files {
		if n < from.file || err != nil {
			continue
		}
		at := spoolPlace{file: n}
		if n == from.file {
			at.off = from.off
		}
		err = s.sealFile(at)
	}
	if err == nil && len(files) > 0 {
		err = syncDir(s.dir)
	}
	if err != nil {
		return fault.Wrap(contentKind(err), err, "encrypt what waits for %s", s.what)
	}
	return nil
}

// sealFile writes a file again, sealed from a place on and empty before it, unless it is so.
func (s *spool) sealFile(at spoolPlace) error {
	b, err := s.bytes(at, spoolPlace{file: at.file + 1})
	if err != nil {
		return err
	}
	if row, rec, size, err := trail.CutFrame(b); err == nil && size > 0 {
		if _, ok := s.opened(row, rec); ok {
			return nil
		}
	}
	name := s.name(at.file)
	f, err := os.OpenFile(name+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = f.Truncate(at.off)
	if err == nil {
		_, err = f.WriteAt(s.sealedFrames(nil, b), at.off)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}
