package fs

import (
	"math"
	"strconv"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"pail/fs/names"
	"pail/store"
	"pail/store/fault"
)

// History belongs to a key, and the directory that has the key now need not be the one
// in which a version stood: whoever makes a directory anew under the name of a private
// one must not get at what was in that. So where a directory, or one above it, was less
// open in an earlier life than in its last one, or belonged to somebody else, its
// .versions is veiled: every user has a node of it for himself, which nobody else but
// root gets into, and finds there what the directories of then would have let him see.
// Elsewhere the mode bits of the last life, which the kernel checks, are no wider than
// those of any other.
//
// A veil counts as little as is certain. Who is in which group is not known of a node
// that many processes use, so neither the group nor the others get more of a directory
// than both have.

// A viewer is whose a veiled node is; that of other nodes is nobody's.
type viewer struct {
	uid uint32
	one bool
}

// A veil is what one user may see of the history of a directory. The nil veil hides
// nothing.
type veil struct {
	f     *filesystem
	uid   uint32
	lives [][]store.Life // of the bucket's root and so on down to the directory
}

// drawn returns the veil of a directory for a user, nil if it needs none.
func (f *filesystem) drawn(se *store.Session, of dirKey, uid uint32) (*veil, error) {
	if !f.others || of.bucket == "" {
		return nil, nil
	}
	lives, err := se.Lives(f.ctx, of.bucket, of.dir)
	if err != nil {
		return nil, err
	}
	v := &veil{f: f, uid: uid, lives: lives}
	for _, all := range lives {
		for i := range all {
			if !v.within(&all[len(all)-1], &all[i]) {
				return v, nil
			}
		}
	}
	return nil, nil
}

// veilOf is the veil that covers a node of history. A node without one whose directory
// has come to need one is stale: the name now stands for another node for everyone.
func (f *filesystem) veilOf(se *store.Session, loc location) (*veil, error) {
	if loc.isPast() || !loc.inHistory() {
		return nil, nil
	}
	v, err := f.drawn(se, loc.dir(), loc.viewer.uid)
	switch {
	case err != nil || loc.viewer.one == (v != nil):
		return v, err
	default:
		return nil, fault.StaleHandle
	}
}

// within says whether last gives nobody more than old.
func (v *veil) within(last, old *store.Life) bool {
	a, b := v.attr(last), v.attr(old)
	return a.Owner == b.Owner && a.Mode&0o777&^b.Mode == 0 && b.Mode&unix.S_ISVTX&^a.Mode == 0
}

func (v *veil) attr(l *store.Life) (a fuse.Attr) {
	v.f.setAttr(&a, l.Attr)
	return a
}

// lifeAt is the life in which a commit happened, nil if there is none.
func lifeAt(all []store.Life, at uint64) *store.Life {
	for i := range all {
		if l := &all[i]; l.Born <= at && (l.Died == 0 || at < l.Died) {
			return l
		}
	}
	return nil
}

const (
	mayList   = 4
	mayChange = 2
	mayPass   = 1
)

// bits is what the user had of a directory.
func (v *veil) bits(l *store.Life) uint32 {
	switch a := v.attr(l); {
	case v.uid == 0:
		return mayList | mayChange | mayPass
	case a.Uid == v.uid:
		return a.Mode >> 6 & 7
	default:
		return a.Mode >> 3 & a.Mode & 7
	}
}

// reach is what the user had of the directory when a commit happened: nothing if he did
// not get into it, or if not all of the way is known.
func (v *veil) reach(way [][]store.Life, at uint64) (bits uint32) {
	if v.uid == 0 {
		return mayList | mayChange | mayPass
	}
	for _, all := range way {
		l := lifeAt(all, at)
		if l == nil {
			return 0
		}
		if bits = v.bits(l); bits&mayPass == 0 {
			return 0
		}
	}
	return bits
}

// standing is when a version stood where it is listed: a marker took away what did, and
// what is current stands there now.
func standing(o *store.Object) uint64 {
	switch {
	case o.DeleteMarker:
		return o.Seq - 1
	case o.Latest:
		return math.MaxUint64
	}
	return o.Seq
}

// shows says whether the user could find a version by its name or, if listed is asked
// for, in a listing.
func (v *veil) shows(o *store.Object, want uint32) bool {
	return v == nil || v.reach(v.lives, standing(o))&want == want
}

// lets says whether the user could have taken the version away.
func (v *veil) lets(o *store.Object) bool {
	if v == nil || v.uid == 0 {
		return true
	}
	at := standing(o)
	if v.reach(v.lives, at)&mayChange == 0 {
		return false
	}
	dir := v.attr(lifeAt(v.lives[len(v.lives)-1], at))
	if dir.Mode&unix.S_ISVTX == 0 || dir.Uid == v.uid {
		return true
	}
	var file fuse.Attr
	v.f.setAttr(&file, o.Attr)
	return !o.DeleteMarker && file.Uid == v.uid
}

// showsName says whether there is anything under a name of the directory that the user
// could have found.
func (v *veil) showsName(se *store.Session, loc location, segment string, want uint32) (bool, error) {
	if v == nil || v.uid == 0 {
		return true, nil
	}
	key := loc.place.Dir + segment
	below, err := se.Lives(v.f.ctx, loc.bucket, key+"/")
	if err != nil {
		return false, err
	}
	for _, l := range below[len(below)-1] {
		if v.reach(v.lives, l.Born)&want == want {
			return true, nil
		}
	}
	if key == "" {
		return false, nil
	}
	for in := (store.KeyHistoryInput{}); ; {
		vs, more, err := se.KeyHistory(v.f.ctx, loc.bucket, key, in)
		if isAbsent(err) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		for i := range vs {
			if v.shows(&vs[i], want) {
				return true, nil
			}
			in.Behind = vs[i].Seq
		}
		if !more {
			return false, nil
		}
	}
}

// letsInto refuses a view of a moment to those whom the directories above would not have
// let come to it. What is in it the kernel checks.
func (v *veil) letsInto(at store.Moment) error {
	if v == nil || len(v.lives) == 0 || v.uid == 0 {
		return nil
	}
	above := v.lives[:len(v.lives)-1]
	if len(above) > 0 && v.reach(above, at.Seq) == 0 {
		return fault.New(fault.AccessDenied, "the directory was in one that did not let you in")
	}
	return nil
}

// cover makes the attributes of a directory of history those of its viewer's own.
func (v viewer) cover(a fuse.Attr) fuse.Attr {
	if v.one {
		a.Mode, a.Uid = unix.S_IFDIR|0o700, v.uid
	}
	return a
}

// historyName is what the .versions of a viewer is called in the node table.
func historyName(v viewer) string {
	if !v.one {
		return names.Versions
	}
	return names.Versions + "\x00" + strconv.FormatUint(uint64(v.uid), 10)
}
