package store

import (
	"context"
	"strings"

	"pail/store/fault"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// The mount's view: directories, names in them, and files that are not published yet.

// Lookup returns what a name in a directory stands for. A new file that is being
// written is there already, and files that are open show their live size.
// NoSuchKey: nothing.
func (se *Session) Lookup(ctx context.Context, bucket, dir, segment string) (Entry, error) {
	key := dir + segment
	sight, err := se.sees(bucket, dir, segment)
	if err != nil {
		return Entry{}, err
	}
	if !sight.object && !sight.dir && sight.absent != nil {
		return Entry{}, sight.absent
	}
	e := Entry{Name: segment}
	err = se.viewLive(bucket, func(sn *snap, b *record.Bucket, epoch uint64) error {
		e = Entry{Name: segment}
		d, err := sn.dir(b.Id, key+"/")
		if err != nil {
			return err
		}
		if d != nil && sight.dir {
			o := toDir(bucket, key+"/", d)
			e.Dir = &o
		}
		if segment == "" || !sight.object {
			return nil // the directory's own key is not a name in it
		}
		e.Object, err = se.s.lookupObject(sn, b, key)
		if err == nil {
			err = se.s.told(epoch)
		}
		return err
	})
	if err == nil && e.Dir == nil && e.Object == nil {
		if err = sight.absent; err == nil {
			err = noSuchKey(bucket, key)
		}
	}
	return e, err
}

// lookupObject returns the object of a key as the mount sees it, nil if there is none.
func (s *Store) lookupObject(sn *snap, b *record.Bucket, key string) (*Object, error) {
	s.files.mu.Lock()
	n := s.files.claimant(b.Id, key)
	s.files.mu.Unlock()
	if n != nil {
		o := n.object()
		return &o, nil
	}
	v, err := sn.head(b.Id, key)
	if v == nil || err != nil {
		return nil, err
	}
	o := toObject(b.Name, key, v, true)
	s.live(&o)
	return &o, nil
}

// Own returns the object of a directory's own key ("a/"), which is explicit. Who may list the
// directory may know of it, as of the names in it.
func (se *Session) Own(ctx context.Context, bucket, dir string) (Object, error) {
	sight, err := se.sees(bucket, dir, "")
	switch {
	case err != nil:
		return Object{}, err
	case !sight.object && sight.absent != nil:
		return Object{}, sight.absent
	case !sight.object:
		return Object{}, noSuchKey(bucket, dir)
	}
	var o *Object
	err = se.viewLive(bucket, func(sn *snap, b *record.Bucket, epoch uint64) (err error) {
		o, err = se.s.lookupObject(sn, b, dir)
		if err == nil {
			err = se.s.told(epoch)
		}
		return err
	})
	if err == nil && o == nil {
		err = noSuchKey(bucket, dir)
	}
	if err != nil {
		return Object{}, err
	}
	return *o, nil
}

// StatDir returns a directory; "" is the bucket's root.
func (se *Session) StatDir(ctx context.Context, bucket, dir string) (Dir, error) {
	if err := se.authorizeEnter(bucket, dir); err != nil {
		return Dir{}, err
	}
	var out Dir
	err := se.view(bucket, func(sn *snap, b *record.Bucket) error {
		d, err := sn.dir(b.Id, dir)
		if err != nil {
			return err
		}
		if d == nil {
			return noSuchKey(bucket, dir)
		}
		out = toDir(bucket, dir, d)
		return nil
	})
	return out, err
}

// A ReadDirInput says where ReadDir goes on.
type ReadDirInput struct {
	After string // the name after which to go on
	Begin bool   // from the beginning instead, the empty name included
	Limit int    // how many entries at most
}

// ReadDir returns names in a directory in byte order, directories and objects of one
// name together; more says that there are others behind.
func (se *Session) ReadDir(ctx context.Context, bucket, dir string, in ReadDirInput) (entries []Entry, more bool, err error) {
	if err := se.authorizeList(actListBucket, bucket, dir); err != nil {
		return nil, false, err
	}
	// New files are looked up before the snapshot is taken: one that is published in
	// between is then in both, and in neither otherwise.
	var claims []Entry
	err = se.view(bucket, func(sn *snap, b *record.Bucket) error {
		claims = se.s.claimedIn(b, dir, in.start(), in.Limit+1)
		return nil
	})
	if err == nil {
		err = se.s.shown() // where a claim has ended there may be something else
	}
	if err != nil {
		return nil, false, err
	}
	err = se.view(bucket, func(sn *snap, b *record.Bucket) error {
		d, err := sn.dir(b.Id, dir)
		if err != nil {
			return err
		}
		if d == nil {
			return noSuchKey(bucket, dir)
		}
		entries, more, err = sn.readDir(b, dir, in, claims)
		return err
	})
	if err == nil && in.After == "" && !in.Begin {
		se.logListing(bucket, dir)
	}
	return entries, more, err
}

// start is the least name that is wanted.
func (in ReadDirInput) start() string {
	if in.Begin {
		return ""
	}
	return in.After + "\x00"
}

func (sn *snap) readDir(b *record.Bucket, dir string, in ReadDirInput, claims []Entry) (out []Entry, more bool, err error) {
	start := in.start()
	dirs, err := sn.childDirs(b, dir, start, in.Limit+1)
	if err != nil {
		return nil, false, err
	}
	objects, err := sn.childObjects(b, dir, start, in.Limit+1, claims)
	if err != nil {
		return nil, false, err
	}
	for len(dirs) > 0 || len(objects) > 0 {
		if len(out) == in.Limit {
			return out, true, nil
		}
		var e Entry
		takeDir := len(objects) == 0 || len(dirs) > 0 && dirs[0].Name <= objects[0].Name
		takeObject := len(dirs) == 0 || len(objects) > 0 && objects[0].Name <= dirs[0].Name
		if takeDir {
			e, dirs = dirs[0], dirs[1:]
		}
		if takeObject {
			e.Name, e.Object, objects = objects[0].Name, objects[0].Object, objects[1:]
		}
		out = append(out, e)
	}
	return out, false, nil
}

// childDirs returns up to limit directories directly below dir, from a name on.
func (sn *snap) childDirs(b *record.Bucket, dir, start string, limit int) ([]Entry, error) {
	out, err := sn.dirsUnder(b, dir, start, limit, func(full string, d *record.Dir) bool {
		m := sn.moveFrom(b.Id, full)
		return m == nil || !takes(m, d.Born)
	}, dir)
	if err != nil {
		return nil, err
	}
	for _, m := range sn.moves {
		if m.Bucket != b.Id || !hasPrefix(dir, m.To) {
			continue
		}
		more, err := sn.dirsUnder(b, m.From+dir[len(m.To):], start, limit, func(_ string, d *record.Dir) bool {
			return takes(m, d.Born)
		}, dir)
		if err != nil {
			return nil, err
		}
		out = mergeEntries(out, more, limit)
	}
	return out, nil
}

func (sn *snap) dirsUnder(b *record.Bucket, dir, start string, limit int, shows func(string, *record.Dir) bool, as string) ([]Entry, error) {
	prefix := table.DirsOf(b.Id, dir)
	it := sn.r.Scan(meta.ScanOptions{Prefix: prefix, Start: append(append([]byte(nil), prefix...), start...)})
	defer it.Close()
	var out []Entry
	for len(out) < limit && it.Next() {
		d := new(record.Dir)
		if err := unmarshal(it.Key(), it.Value(), d); err != nil {
			return nil, err
		}
		name := string(it.Key()[len(prefix):])
		if !shows(dir+name+"/", d) {
			continue
		}
		o := toDir(b.Name, as+name+"/", d)
		out = append(out, Entry{Name: name, Dir: &o})
	}
	return out, damaged(it.Err())
}

// mergeEntries merges two ordered lists without common names.
func mergeEntries(a, b []Entry, limit int) []Entry {
	if len(b) == 0 {
		return a
	}
	out := make([]Entry, 0, min(len(a)+len(b), limit))
	for len(out) < limit && (len(a) > 0 || len(b) > 0) {
		if len(b) == 0 || len(a) > 0 && a[0].Name < b[0].Name {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return out
}

// childObjects returns up to limit objects directly below dir, from a name on, new
// files that are being written included.
func (sn *snap) childObjects(b *record.Bucket, dir, start string, limit int, claims []Entry) ([]Entry, error) {
	h := sn.heads(b.Id, dir, dir+start)
	defer h.Close()
	var out []Entry
	for len(out) < limit && h.Next() {
		name := h.Key()[len(dir):]
		if name == "" {
			continue // the directory's own key
		}
		if i := strings.IndexByte(name, '/'); i >= 0 {
			h.Seek(dir + name[:i] + "0") // '0' follows '/'
			continue
		}
		for len(claims) > 0 && claims[0].Name < name && len(out) < limit {
			out, claims = append(out, claims[0]), claims[1:]
		}
		if len(out) == limit {
			break
		}
		if len(claims) > 0 && claims[0].Name == name {
			out, claims = append(out, claims[0]), claims[1:]
			continue
		}
		o := toObject(b.Name, h.Key(), h.Version(), true)
		sn.s.live(&o)
		out = append(out, Entry{Name: name, Object: &o})
	}
	for len(out) < limit && len(claims) > 0 {
		out, claims = append(out, claims[0]), claims[1:]
	}
	return out, h.Err()
}

// claimedIn returns up to limit new files directly below dir, from a name on.
func (s *Store) claimedIn(b *record.Bucket, dir, start string, limit int) []Entry {
	var found []*inode
	var names []string
	s.files.mu.Lock()
	s.files.claimsBelow(b.Id, dir, dir+start, func(n *inode) bool {
		if name := n.key[len(dir):]; name != "" && !strings.Contains(name, "/") {
			found, names = append(found, n), append(names, name)
		}
		return len(found) < limit
	})
	s.files.mu.Unlock()
	out := make([]Entry, len(found))
	for i, n := range found {
		o := n.object()
		out[i] = Entry{Name: names[i], Object: &o}
	}
	return out
}

// isEmptyDir fails with NotEmpty if a directory has children, or its own key content.
func (t *txn) isEmptyDir(b *record.Bucket, dir string, d *record.Dir) error {
	if d.Children > 0 || t.s.files.claimBelow(b.Id, dir) {
		return fault.New(fault.NotEmpty, "%s/%s is not empty", b.Name, dir).At(b.Name, dir)
	}
	if !d.Explicit {
		return nil
	}
	c, err := t.chain(b, dir)
	if err != nil {
		return err
	}
	if c.live.GetSize() > 0 {
		return fault.New(fault.NotEmpty, "%s/%s has content of its own", b.Name, dir).At(b.Name, dir)
	}
	return nil
}
