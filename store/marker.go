package store

import (
	"time"

	"pail/store/fault"
	"pail/store/internal/meta/record"
)

// A MarkerError is the cause of a failure to read what is deleted: of NoSuchKey, where a
// delete marker is what is current, and of MethodNotAllowed, where a marker was named.
type MarkerError struct {
	VersionID string
	Modified  time.Time
}

// Error says that there is a delete marker.
func (e *MarkerError) Error() string { return "it is a delete marker, version " + e.VersionID }

func markerError(v *record.Version) *MarkerError {
	return &MarkerError{VersionID: versionID(v), Modified: time.Unix(0, v.TimeNs).UTC()}
}

// noObject is the failure of looking for a key that is not there, or not any more.
func (sn *snap) noObject(b *record.Bucket, key string) error {
	if !b.EverVersioned {
		return noSuchKey(b.Name, key)
	}
	l, err := sn.line(b, key)
	if err != nil {
		return err
	}
	if l.live || !l.top.GetMarker() {
		return noSuchKey(b.Name, key)
	}
	return fault.Wrap(fault.NoSuchKey, markerError(l.top), "there is no object %s/%s", b.Name, key).At(b.Name, key)
}

// notOfMarker is the failure of what cannot be done to a delete marker that was named.
func notOfMarker(bucket, key, ref string, v *record.Version) error {
	return fault.Wrap(fault.MethodNotAllowed, markerError(v), "%s/%s version %s is a delete marker", bucket, key, ref).At(bucket, key)
}
