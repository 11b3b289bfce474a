package fs

import (
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"pail/fs/names"
	"pail/store"
	"pail/store/fault"
)

// History on the mount. Every directory d has a directory .versions, by name only:
//
//	d/.versions/                       kindHistory     the names with history in d
//	d/.versions/f/                     kindName        the versions of the key d/f, oldest first
//	d/.versions/f/TIME_ID              kindVersion     one of them; rm removes it for good
//	d/.versions/f/TIME_ID.deleted      kindVersion     a delete marker, an empty file
//	d/.versions/sub/.versions/         kindHistory     that of d/sub, whether it exists or not
//	d/.versions/@WHEN/                 kindPastDir     d as it was
//	d/.versions/@WHEN/sub, .../f       kindPastDir, kindPastObject
//
// In the list of buckets, .versions lists the buckets, and a moment shows all of them.
//
// History belongs to a key, not to the file or directory that has the key now. So a
// node of kindHistory remembers the key of its directory, and where the nodes below it
// stand follows from their names from there on. A moment's name in the node table says
// which one it is (momentName): "-2h" means another one every millisecond.
//
// What the kernel may keep: below a moment everything but the attributes of what still
// exists, for a prefix of the order of commits changes in one way only, by losing what
// is removed for good, and then the moment becomes another node (momentTable). Under
// .versions itself no entry is kept, since versions come and go; listings are, until
// note says that they changed.

// historyBit is set in the numbers of nodes of history. The store gives out none that
// great.
const historyBit = 1 << 62

// historyID is the number of a node of history, the same in each mount.
func historyID(parent uint64, name string) uint64 {
	var d xxhash.Digest
	d.ResetWithSeed(parent)
	_, _ = d.WriteString(name)
	return historyBit | d.Sum64()>>3
}

// markerSuffix ends the name of a delete marker.
const markerSuffix = ".deleted"

// versionTime is how a version's name says when it was made: such names sort as the
// times do, and after "@" they are a moment that includes the version.
const versionTime = "2006-01-02T15:04:05.000000000Z"

// versionName is what a version is called in .versions.
func versionName(o *store.Object) string {
	name := o.Modified.UTC().Format(versionTime) + "_" + o.VersionID
	if o.DeleteMarker {
		name += markerSuffix
	}
	return name
}

// versionOfName is the id in what a version is called.
func versionOfName(name string) (id string, ok bool) {
	_, id, ok = strings.Cut(strings.TrimSuffix(name, markerSuffix), "_")
	return id, ok && id != ""
}

// momentName is what a moment that was found under a name is called in the node table:
// the name, and which moment it was. epoch tells apart what was seen of it before and
// after something was removed from history.
func momentName(name string, at store.Moment, epoch uint64) string {
	return strings.Join([]string{
		name, strconv.FormatUint(at.Seq, 10), strconv.FormatInt(at.Last.UnixNano(), 10), strconv.FormatUint(epoch, 10),
	}, "\x00")
}

// momentOfName is the moment that a node is called after.
func momentOfName(name string) (at store.Moment, ok bool) {
	f := strings.Split(name, "\x00")
	if len(f) != 4 {
		return store.Moment{}, false
	}
	seq, err := strconv.ParseUint(f[1], 10, 64)
	last, err2 := strconv.ParseInt(f[2], 10, 64)
	return store.Moment{Seq: seq, Last: time.Unix(0, last).UTC()}, err == nil && err2 == nil
}

// isPast says whether the location is in a view of the past.
func (l location) isPast() bool { return l.at.Seq != 0 }

// inHistory says whether the location is anywhere in history, where nothing can be made.
func (l location) inHistory() bool { return l.isPast() || l.place.History || l.kind == kindHistory }

// dir is the key of the directory that the location stands for or is in.
func (l location) dir() dirKey { return dirKey{l.bucket, l.place.Dir} }

// readOnlyPast is the answer to whoever wants to change history.
func readOnlyPast() error {
	return fault.New(fault.ReadOnly, "history cannot be changed; all that can be done in %s is to remove a version for good", names.Versions)
}

// locateOld is locate for what stands in a directory's history.
func locateOld(w way) (location, error) {
	loc := location{kind: w.kind, bucket: w.old.bucket, place: names.Root(w.old.dir).Versions(), viewer: w.old.viewer}
	path := w.names
	if len(path) == 0 {
		return loc, nil
	}
	if at, ok := momentOfName(path[0]); ok {
		loc.at, loc.place = at, names.Root(w.old.dir)
		err := loc.descend(path[1:])
		return loc, err
	}
	if loc.bucket == "" {
		loc.segment = path[0]
		return loc, nil
	}
	for i, name := range path {
		t, err := loc.place.Resolve(name)
		switch {
		case err != nil:
			return location{}, err
		case t.Kind == names.Part:
			loc.place = t.Enter()
		case t.Kind == names.Name:
			loc.segment = t.Segment
			if len(path) > i+1 {
				loc.version = path[i+1]
			}
			return loc, nil
		default:
			return location{}, fault.StaleHandle
		}
	}
	return loc, nil
}
