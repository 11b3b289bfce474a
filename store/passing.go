package store

import (
	"path"
	"strings"

	"pail/store/internal/meta/record"
)

// passes says whether this update, if it writes or deletes key, keeps no history of it: on
// a mount, names that match the bucket's patterns (the setting no-history) do not. What
// comes over S3 always has history, and so has a bucket with Object Lock or MFA delete, whose
// versions nobody gets rid of by overwriting them. A directory's rename takes the files in it
// along as the bucket's versioning says, whatever they are called.
func (t *txn) passes(b *record.Bucket, key string) bool {
	if t.who.door != DoorMount || strings.HasSuffix(key, "/") {
		return false
	}
	return t.s.withoutHistory(b, key)
}

// withoutHistory says whether the name of a key matches one of a bucket's no-history patterns.
func (s *Store) withoutHistory(b *record.Bucket, key string) bool {
	if b.ObjectLock || MFADelete(b.MfaDelete) == MFAEnabled {
		return false
	}
	name := key[strings.LastIndexByte(key, '/')+1:]
	for _, p := range s.settingsOf(b).noHistory() {
		if ok, _ := path.Match(p, name); ok { // patterns were checked when they were set
			return true
		}
	}
	return false
}
