package fs

import (
	"strings"

	"pail/fs/names"
	"pail/store/fault"
)

// A location is where a node stands in the store.
type location struct {
	kind   nodeKind
	bucket string // "" in the list of buckets
	// place is the directory's own for a directory and a part, that of the
	// directory which holds it for an object.
	place   names.Place
	segment string // of an object: the last segment of its key
}

// key is the object's key, or the directory's key, which is "" or ends in "/".
func (l location) key() string { return l.place.Dir + l.segment }

// maxDepth is how many components are located without allocating. Deeper is slower.
const maxDepth = 24

// locate derives where the node id stands now. A node that stands nowhere any more is
// StaleHandle; the kernel then looks its name up again.
func (f *filesystem) locate(id uint64) (location, error) {
	var buf [maxDepth]string
	path, kind, ok := f.nodes.path(id, buf[:0])
	if !ok {
		return location{}, fault.StaleHandle
	}
	loc := location{kind: kind, bucket: f.root.bucket, place: f.root.place}
	if loc.bucket == "" && len(path) > 0 {
		loc.bucket, path = path[0], path[1:]
	}
	if kind == kindObject {
		last := len(path) - 1
		if last < 0 {
			return location{}, fault.StaleHandle
		}
		place, err := descend(loc.place, path[:last])
		if err != nil {
			return location{}, err
		}
		t, err := place.Resolve(path[last])
		loc.place, loc.segment = place, t.Segment
		return loc, err
	}
	var err error
	loc.place, err = descend(loc.place, path)
	return loc, err
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

// target reads a name that is looked up in the directory node id.
func (f *filesystem) target(id uint64, name string) (target, error) {
	return f.resolve(id, name, names.Place.Resolve)
}

// newTarget reads a name that is to be made in the directory node id.
func (f *filesystem) newTarget(id uint64, name string) (target, error) {
	t, err := f.resolve(id, name, names.Place.ResolveNew)
	if err == nil && (t.Kind == names.History || t.Kind == names.Moment) {
		return target{}, fault.New(fault.NotPermitted, "%s is where the mount shows history", names.Versions)
	}
	return t, err
}

func (f *filesystem) resolve(id uint64, name string, how func(names.Place, string) (names.Target, error)) (target, error) {
	dir, err := f.locate(id)
	if err != nil {
		return target{}, err
	}
	if !dir.kind.isDir() {
		return target{}, fault.NotDirectory
	}
	if dir.bucket == "" {
		return target{Target: names.Target{Kind: names.Dir, Segment: name}, dir: dir}, nil
	}
	t, err := how(dir.place, name)
	return target{Target: t, dir: dir}, err
}
