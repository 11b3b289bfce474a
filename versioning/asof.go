package versioning

import (
	"sort"
	"time"
)

// AsOf returns the version that was on top of a chain once the commit at had
// happened. The versions are given newest first. ok is false if the key had none;
// the version may be a delete marker, which means that the key was deleted.
func AsOf(newestFirst []Version, at uint64) (v Version, ok bool) {
	i := sort.Search(len(newestFirst), func(i int) bool { return newestFirst[i].Seq <= at })
	if i == len(newestFirst) {
		return Version{}, false
	}
	return newestFirst[i], true
}

// LaterOf returns the time of a new version: now, but never before its
// predecessor's, so that times follow the commit order even when the clock does
// not. The predecessor of a key's first version has the zero time.
func LaterOf(now, predecessor time.Time) time.Time {
	if predecessor.After(now) {
		return predecessor
	}
	return now
}
