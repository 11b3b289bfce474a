package versioning

import (
	"sort"
	"time"
)

// AsOf returns the newest version of a chain that there was once the commit at had
// happened, of those that are still kept. They are given newest first. ok is false if
// there is none; the version may be a delete marker, which means that the key was
// deleted. Whether it was on top then, or one that is no longer kept, says CurrentAt.
func AsOf(newestFirst []Version, at uint64) (v Version, ok bool) {
	i := sort.Search(len(newestFirst), func(i int) bool { return newestFirst[i].Seq <= at })
	if i == len(newestFirst) {
		return Version{}, false
	}
	return newestFirst[i], true
}

// Turns are the commits at which a version that was on top of its chain from the
// beginning ceased to be, was again, because what had covered it was removed, and so
// on. Of a version that is on top they are even in number, of others odd.
type Turns []uint64

// CurrentAt reports whether a version with those turns was on top of its chain once
// the commit at had happened, given that it was committed by then.
func (t Turns) CurrentAt(at uint64) bool {
	n := sort.Search(len(t), func(i int) bool { return t[i] > at })
	return n%2 == 0
}

// Current reports whether a version with those turns is on top of its chain now.
func (t Turns) Current() bool { return len(t)%2 == 0 }

// Turn returns t with one more turn at the commit seq. A turn that was not before seq
// is taken back instead: what it was about is undone.
func (t Turns) Turn(seq uint64) Turns {
	if n := len(t); n > 0 && t[n-1] >= seq {
		return t[: n-1 : n-1]
	}
	return append(t[:len(t):len(t)], seq)
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
