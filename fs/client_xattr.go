package fs

import (
	"pail/crypto/s3ec"
	"pail/store"
	"pail/store/fault"
)

// The envelope of a file that the mount decrypts is the mount's: it is not listed, so that nothing
// copies it to another file, and nobody changes it. On a mount without the key it is user metadata
// like any other, for there it has to go wherever the ciphertext goes.

// visible is user metadata as attributes show it.
func (a *attributed) visible(o *store.Object) map[string]string {
	if a.node.Dir || a.f.clientKey(o.Bucket, o.Key) == nil {
		return o.Metadata
	}
	return withoutEnvelope(o.Metadata)
}

// besideEnvelope makes of a change of user metadata one that leaves the envelope alone, whatever it
// is by the time that the change is made.
func (a *attributed) besideEnvelope(t store.TextChange) (store.TextChange, error) {
	bucket, key := a.node.Bucket, a.node.Key
	if a.node.File != nil {
		bucket, key, _ = a.node.File.Name()
	}
	if a.node.Dir || a.f.clientKey(bucket, key) == nil {
		return t, nil
	}
	for name := range t.Set {
		if s3ec.IsName(name) {
			return t, fault.New(fault.NotPermitted, "%s is the mount's own: it is how the file is encrypted", name)
		}
	}
	for _, name := range t.Remove {
		if s3ec.IsName(name) {
			return t, noAttribute()
		}
	}
	if !t.All {
		return t, nil
	}
	o, err := a.describe()
	if err != nil {
		return t, err
	}
	now := withoutEnvelope(o.Metadata)
	switch {
	case t.When == store.Absent && len(now) > 0:
		return t, fault.New(fault.Exists, "there is metadata already")
	case t.When == store.Present && len(now) == 0:
		return t, noAttribute()
	}
	beside := store.TextChange{Set: t.Set}
	for name := range now {
		if _, stays := t.Set[name]; !stays {
			beside.Remove = append(beside.Remove, name)
		}
	}
	return beside, nil
}
