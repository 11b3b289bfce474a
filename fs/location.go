package fs

import (
	"strings"

	"pail/fs/names"
	"pail/store"
	"pail/store/fault"
)

// A location is where a node stands in the store.
type location struct {
	kind   nodeKind
	bucket string // "" in the list of buckets
	// place is the directory's own for a directory and a part, that of the
	// directory which holds it for an object.
	place   names.Place
	segment string // of an object and a name in history: the last segment of its key
	// In history:
	at      store.Moment // of a view of the past; Seq is 0 in the present
	version string       // of a version: what it is called
	viewer  viewer       // who alone sees the node
}

// key is the object's key, or the directory's key, which is "" or ends in "/".
func (l location) key() string { return l.place.Dir + l.segment }

// maxDepth is how many components are located without allocating. Deeper is slower.
const maxDepth = 24

// locate derives where the node id stands now. A node that stands nowhere any more is
// StaleHandle; the kernel then looks its name up again.
func (f *filesystem) locate(id uint64) (location, error) {
	var buf [maxDepth]string
	w, ok := f.nodes.path(id, buf[:0])
	switch {
	case !ok:
		return location{}, fault.StaleHandle
	case w.old != nil:
		return locateOld(w)
	}
	loc := location{kind: w.kind, bucket: f.root.bucket, place: f.root.place}
	err := loc.descend(w.names)
	return loc, err
}

// descend moves the location down a path.
func (l *location) descend(path []string) (err error) {
	if l.bucket == "" && len(path) > 0 {
		l.bucket, path = path[0], path[1:]
	}
	if l.kind.isDir() {
		l.place, err = descend(l.place, path)
		return err
	}
	last := len(path) - 1
	if last < 0 {
		return fault.StaleHandle
	}
	if l.place, err = descend(l.place, path[:last]); err != nil {
		return err
	}
	t, err := l.place.Resolve(path[last])
	l.segment = t.Segment
	return err
}

// descend follows directory components from a place.
func descend(p names.Place, path []string) (names.Place, error) {
	if len(path) == 0 {
		return p, nil
	}
	if !p.IsPart() && allOrdinary(path) {
		return names.Root(p.Dir + strings.Join(path, "/") + "/"), nil
	}
	for _, name := range path {
		t, err := p.Resolve(name)
		if err != nil {
			return names.Place{}, err
		}
		p = t.Enter()
	}
	return p, nil
}

// allOrdinary says whether every component is its segment, which most paths are.
func allOrdinary(path []string) bool {
	for _, name := range path {
		if name == names.Versions || strings.HasPrefix(name, names.Prefix) {
			return false
		}
	}
	return true
}

// A target is what a name in a directory stands for, before the store was asked.
type target struct {
	names.Target
	dir location // the directory
}

// key is the key of an object under the name.
func (t target) key() string { return t.dir.place.Dir + t.Segment }

// inBuckets says whether the name is one in the list of buckets.
func (t target) inBuckets() bool { return t.dir.bucket == "" }

// target reads a name that is there to be changed in the directory node id.
func (f *filesystem) target(id uint64, name string) (target, error) {
	return f.presentTarget(id, name, names.Place.Resolve)
}

// newTarget reads a name that is to be made in the directory node id.
func (f *filesystem) newTarget(id uint64, name string) (target, error) {
	return f.presentTarget(id, name, names.Place.ResolveNew)
}

// presentTarget refuses all that is history, the name .versions included.
func (f *filesystem) presentTarget(id uint64, name string, how func(names.Place, string) (names.Target, error)) (target, error) {
	t, err := f.resolve(id, name, how)
	switch {
	case err != nil:
		return target{}, err
	case t.dir.inHistory():
		return target{}, readOnlyPast()
	case t.Kind == names.History:
		return target{}, fault.New(fault.NotPermitted, "%s is where the mount shows history", names.Versions)
	}
	return t, nil
}

func (f *filesystem) resolve(id uint64, name string, how func(names.Place, string) (names.Target, error)) (target, error) {
	dir, err := f.locate(id)
	if err != nil {
		return target{}, err
	}
	if !dir.kind.isDir() {
		return target{}, fault.NotDirectory
	}
	if dir.kind == kindName {
		return target{Target: names.Target{Kind: names.Name, Segment: name}, dir: dir}, nil
	}
	if dir.bucket == "" {
		if len(name) > names.MaxComponent {
			return target{}, fault.New(fault.NameTooLong, "the name has %d bytes; a name has at most %d", len(name), names.MaxComponent)
		}
		return target{Target: bucketTarget(dir, name), dir: dir}, nil
	}
	t, err := how(dir.place, name)
	if err == nil && dir.isPast() && t.Kind == names.History {
		err = fault.New(fault.NoSuchKey, "the past has no %s of its own", names.Versions)
	}
	if dir.inHistory() && fault.Is(err, fault.InvalidArgument) {
		err = readOnlyPast()
	}
	return target{Target: t, dir: dir}, err
}

// bucketTarget reads a name in the list of buckets, or in its history.
func bucketTarget(dir location, name string) names.Target {
	t := names.Target{Kind: names.Dir, Segment: name}
	switch {
	case dir.kind == kindHistory && strings.HasPrefix(name, "@"):
		t.Kind = names.Moment
	case dir.kind == kindHistory:
		t.Kind = names.Name
	case name == names.Versions && !dir.isPast():
		t.Kind = names.History
	}
	return t
}
