package meta

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
)

// markerName is the file that names the last batch known to be durable.
const (
	markerName  = "synced"
	markerMagic = "PailSync"
	markerSize  = 32
)

// A marker says how far the logs must reach: badger takes damage for the torn end of a
// log and cuts it off, so somebody has to know better. The file is overwritten in place
// after each sync and not synced itself: after a power cut it may name an earlier batch,
// or none, but never one that was not durable.
type marker struct{ f *os.File }

func openMarker(path string) (marker, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	return marker{f}, err
}

// put names a batch: magic (8), batch (8), zeros (12), checksum (4).
func (m marker) put(batch uint64) error {
	var b [markerSize]byte
	copy(b[:], markerMagic)
	binary.LittleEndian.PutUint64(b[8:], batch)
	binary.LittleEndian.PutUint32(b[28:], crc32.ChecksumIEEE(b[:28]))
	_, err := m.f.WriteAt(b[:], 0)
	return err
}

// putDurable names a batch for good, at a clean end.
func (m marker) putDurable(batch uint64) error {
	if err := m.put(batch); err != nil {
		return err
	}
	return m.f.Sync()
}

// readMarker returns the batch that the marker names; 0 if there is none or its file
// never reached the disk.
func readMarker(path string) (uint64, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if len(b) != markerSize || string(b[:8]) != markerMagic ||
		binary.LittleEndian.Uint32(b[28:]) != crc32.ChecksumIEEE(b[:28]) {
		return 0, nil
	}
	return binary.LittleEndian.Uint64(b[8:]), nil
}
