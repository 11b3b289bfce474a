package fs

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"pail/store"
	"pail/versioning"
)

// A bucket as a map, for programs that run at once: what each operation may answer and
// leaves behind if all of them happen one after another. Whatever only the store can choose
// (version ids, opaque ETags) is learned from the first answer that tells it.

// A ver is a version. Its number is that of the operation that made it, and so is that of
// its content: versions of one content have one ETag. The content of a copy of what a mount
// wrote has a negative number, since it has another.
type ver struct {
	n, content, ino int
	id              string // "": not seen yet
	marker          bool
	body, tags      string
	from            string // the key that a rename brought it from
}

// A file is an inode that somebody has open.
type file struct {
	key           string
	linked, claim bool   // it has its name; which it is the first to have
	tags          string // of what it was when it was opened or last published
	data          string
	dirty         bool // written since the last publish
	draft         bool // differs from what is published
	opens         int
}

// A bucketState is the whole of it. It is changed only while it is made: see apply.
type bucketState struct {
	versioning versioning.State
	keys       map[string][]ver // newest first
	files      map[int]file     // by inode
	claims     map[string]int   // inodes of new files, by the name that is theirs
	handles    map[int]int      // inodes of open files, by the operation that opened them
	etags      map[int]string   // of contents, as far as they are known
}

func newBucketState(v versioning.State) *bucketState {
	return &bucketState{
		v, map[string][]ver{}, map[int]file{}, map[string]int{}, map[int]int{}, map[int]string{},
	}
}

func (b *bucketState) clone() *bucketState {
	c := *b
	c.keys, c.files, c.claims = maps.Clone(b.keys), maps.Clone(b.files), maps.Clone(b.claims)
	c.handles, c.etags = maps.Clone(b.handles), maps.Clone(b.etags)
	return &c
}

// text tells states apart.
func (b *bucketState) text() string {
	return fmt.Sprint(b.keys, b.files, b.claims, b.handles, b.etags) // fmt sorts maps
}

func (b *bucketState) head(key string) *ver {
	if list := b.keys[key]; len(list) > 0 && !list[0].marker {
		return &list[0]
	}
	return nil
}

// stack puts a version on top of a key; without versioning it is the only one.
func (b *bucketState) stack(key string, v ver) {
	if b.versioning == versioning.Enabled {
		b.keys[key] = slices.Insert(slices.Clone(b.keys[key]), 0, v)
		return
	}
	delete(b.keys, key)
	if v.id = store.NullVersion; !v.marker {
		b.keys[key] = []ver{v}
	}
}

// change edits the version at a place of a key.
func (b *bucketState) change(key string, i int, edit func(*ver)) {
	list := slices.Clone(b.keys[key])
	edit(&list[i])
	b.keys[key] = list
}

func (b *bucketState) changeFile(ino int, edit func(*file)) {
	if f, ok := b.files[ino]; ok {
		edit(&f)
		b.files[ino] = f
	}
}

// etagFits says whether a content may have an ETag, and learns that it has.
func (b *bucketState) etagFits(content int, etag string) bool {
	if known, ok := b.etags[content]; ok {
		return known == etag
	}
	for _, e := range b.etags {
		if e == etag {
			return false
		}
	}
	b.etags[content] = etag
	return true
}

// idFits is etagFits for the id of the version at a place of a key.
func (b *bucketState) idFits(key string, i int, id string) bool {
	list := b.keys[key]
	if list[i].id != "" {
		return list[i].id == id
	}
	if slices.ContainsFunc(list, func(v ver) bool { return v.id == id }) {
		return false
	}
	b.change(key, i, func(v *ver) { v.id = id })
	return true
}

// overtake ends the claim on a name that somebody else has published.
func (b *bucketState) overtake(key string) {
	if ino, ok := b.claims[key]; ok {
		b.changeFile(ino, func(f *file) { f.claim = false })
		delete(b.claims, key)
	}
}

// dropName takes a name from the files that have it; was is what stood there.
func (b *bucketState) dropName(key string, was *ver) {
	if ino, ok := b.claims[key]; ok {
		b.changeFile(ino, func(f *file) { f.linked = false })
		b.overtake(key)
	}
	if was != nil {
		b.changeFile(was.ino, func(f *file) { f.linked = f.linked && f.key != key })
	}
}

// remove deletes a key: with history by a marker.
func (b *bucketState) remove(key string, n int) { b.stack(key, ver{n: n, marker: true}) }

// unlink is rm on the mount.
func (b *bucketState) unlink(key string, n int) bool {
	was := b.head(key)
	if _, claimed := b.claims[key]; was == nil && !claimed {
		return false
	}
	b.dropName(key, was)
	if was != nil {
		b.remove(key, n)
	}
	return true
}

// rename gives what is published at from another key, and the file that is it. n is the
// number of the operation; the marker has it, too.
func (b *bucketState) rename(from, to string, n int) {
	live, replaced := *b.head(from), b.head(to)
	was := live
	live.n, live.id, live.from = n, "", from
	b.stack(to, live)
	b.remove(from, n)
	b.dropName(to, replaced)
	b.changeFile(was.ino, func(f *file) {
		if f.linked && f.key == from {
			f.key = to
		}
	})
}

// renameFile is mv on the mount.
func (b *bucketState) renameFile(from, to string, n int) bool {
	ino, claimed := b.claims[from]
	switch {
	case claimed:
		if b.head(from) != nil {
			b.remove(from, n)
		}
		b.dropName(to, b.head(to))
		delete(b.claims, from)
		b.claims[to] = ino
		b.changeFile(ino, func(f *file) { f.key = to })
	case b.head(from) != nil:
		b.rename(from, to, n)
	default:
		return false
	}
	return true
}

// found is the inode that a name stands for on the mount.
func (b *bucketState) found(key string) (ino int, data string, ok bool) {
	ino, claimed := b.claims[key]
	if h := b.head(key); !claimed && h != nil {
		ino, data, ok = h.ino, h.body, true
	}
	if f, open := b.files[ino]; open && (claimed || ok) {
		return ino, f.data, true
	}
	return ino, data, ok
}

// open returns the inode of a file that is opened, and which is made if create says so.
func (b *bucketState) open(key string, create, truncate bool, n int) (ino int, ok bool) {
	ino, data, ok := b.found(key)
	if !ok && !create {
		return 0, false
	}
	f, isOpen := b.files[ino]
	switch {
	case !ok:
		ino = n
		f = file{key: key, linked: true, claim: true, draft: true}
		b.claims[key] = ino
	case !isOpen:
		h := b.head(key)
		f = file{key: key, linked: true, tags: h.tags, data: data}
	}
	if ok && truncate && (f.draft || f.data != "") {
		f.data, f.draft = "", true
	}
	f.opens++
	b.files[ino] = f
	return ino, true
}

// publish makes a version of what was written.
func (b *bucketState) publish(ino, n int) {
	f := b.files[ino]
	if !f.draft || !f.dirty {
		return
	}
	f.dirty = false
	if f.linked {
		if h := b.head(f.key); h != nil && h.ino == ino {
			f.tags = h.tags
		}
		b.stack(f.key, ver{n: n, content: n, ino: ino, body: f.data, tags: f.tags})
		if f.claim {
			f.claim = false
			delete(b.claims, f.key)
		}
		f.draft = false
	}
	b.files[ino] = f
}

func (b *bucketState) close(ino int) {
	f := b.files[ino]
	if f.opens--; f.opens == 0 {
		delete(b.files, ino)
		return
	}
	b.files[ino] = f
}

// live are the keys that S3 lists.
func (b *bucketState) live() (keys []string) {
	for _, key := range slices.Sorted(maps.Keys(b.keys)) {
		if b.head(key) != nil {
			keys = append(keys, key)
		}
	}
	return keys
}

// names are those of the files that the mount lists in a directory ("" or one that ends in
// a slash).
func (b *bucketState) names(dir string) []string {
	all := map[string]bool{}
	for _, keys := range [][]string{b.live(), slices.Collect(maps.Keys(b.claims))} {
		for _, key := range keys {
			if name, below := strings.CutPrefix(key, dir); below && !strings.Contains(name, "/") {
				all[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}
