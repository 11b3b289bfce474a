package fs

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// The operations of a program. Those of sessions come first.
const (
	opPut        = "put"
	opPutNew     = "put if there is none" // If-None-Match: *
	opPutIf      = "put if it is"         // If-Match
	opGet        = "get"
	opGetVersion = "get version"
	opDelete     = "delete"
	opDeleteOld  = "delete version"
	opCopy       = "copy"
	opMove       = "rename object"
	opList       = "list"
	opVersions   = "versions"
	opSetTags    = "set tags"
	opTags       = "tags"

	opOpen     = "open"           // O_CREAT, O_APPEND
	opTruncate = "open emptied"   // O_CREAT, O_TRUNC
	opCreate   = "open exclusive" // O_CREAT, O_EXCL
	opWrite    = "write"
	opSync     = "fsync"
	opClose    = "close"
	opReader   = "open to read"
	opRead     = "read"
	opUnread   = "close reader"
	opStat     = "stat"
	opUnlink   = "unlink"
	opRename   = "rename"
	opNames    = "readdir"
)

var (
	sessionOps = []string{
		opPut, opPutNew, opPutIf, opGet, opGetVersion, opDelete, opDeleteOld, opCopy, opMove, opList, opVersions, opSetTags, opTags,
	}
	mountOps = []string{
		opOpen, opTruncate, opCreate, opWrite, opSync, opClose, opReader, opRead, opUnread, opStat, opUnlink, opRename, opNames,
	}
)

// A seenVersion is a version in a listing.
type seenVersion struct {
	ID     string
	ETag   string // of a marker ""
	Marker bool
}

// An operation is one thing that was done: what was asked and what was answered.
type operation struct {
	n      int // of the operation, from 1 within a run
	handle int // the operation that opened the file that this is about
	client int
	op     string
	key    string // or, of opNames, a directory
	to     string
	body   string // written, or tags that are set
	id     string // of a version
	match  string // an ETag

	begun, ended int64 // places in the order of everything that the clients did

	failed   string // "" or the kind of a failure
	got      string // a body, or tags
	size     int64
	etag     string
	made     string // the id of a version
	names    []string
	versions []seenVersion
}

func (d operation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "client %d, %d to %d: %s %q", d.client, d.begun, d.ended, d.op, d.key)
	for _, f := range []struct{ name, value string }{
		{"to", d.to}, {"with", d.body}, {"version", d.id}, {"if", d.match}, {"fails:", d.failed}, {"answers", d.got}, {"etag", d.etag}, {"made", d.made},
	} {
		if f.value != "" {
			fmt.Fprintf(&b, " %s %s", f.name, f.value)
		}
	}
	switch {
	case d.op == opStat:
		fmt.Fprintf(&b, " size %d", d.size)
	case d.names != nil:
		fmt.Fprintf(&b, " names %q", d.names)
	case d.versions != nil:
		fmt.Fprintf(&b, " versions %+v", d.versions)
	}
	return b.String()
}

// apply returns the state after an operation, nil if it could not have answered so.
func (b *bucketState) apply(d *operation) *bucketState {
	if d.failed == stale {
		return b // what was found had gone before it could be used, twice: it changes nothing
	}
	c := b.clone()
	ok := false
	switch d.op {
	case opPut, opPutNew, opPutIf:
		ok = c.applyPut(d)
	case opGet, opGetVersion:
		ok = c.applyGet(d)
	case opDelete:
		ok = c.applyDelete(d)
	case opDeleteOld:
		ok = c.applyDeleteOld(d)
	case opCopy:
		ok = c.applyCopy(d)
	case opMove:
		ok = c.applyMove(d)
	case opList:
		ok = c.applyList(d)
	case opVersions:
		ok = c.applyVersions(d)
	case opSetTags, opTags:
		ok = c.applyTags(d)
	default:
		ok = c.applyMount(d)
	}
	if !ok {
		return nil
	}
	return c
}

// Kinds of failures, as both doors tell them.
const (
	missing   = "missing"
	exists    = "exists"
	condition = "condition"
	conflict  = "conflict"
	notThat   = "no such version"
	isMarker  = "marker"
	stale     = "stale"
)

func (b *bucketState) applyPut(d *operation) bool {
	want := ""
	h := b.head(d.key)
	_, claimed := b.claims[d.key]
	switch {
	case d.op == opPut:
	case h == nil && claimed:
		want = conflict
	case d.op == opPutNew && h != nil:
		want = condition
	case d.op == opPutIf && h == nil:
		want = missing
	case d.op == opPutIf:
		// Whoever knows an ETag has been told it, and so it is known here.
		if b.etags[h.content] != d.match {
			want = condition
		}
	}
	if want != d.failed {
		return false
	}
	if want != "" {
		return true
	}
	b.stack(d.key, ver{n: d.n, content: d.n, ino: d.n, body: d.body})
	b.overtake(d.key)
	return b.idFits(d.key, 0, d.made) && b.etagFits(d.n, d.etag)
}

// find is the place of a version of a key, -1 if there is none.
func (b *bucketState) find(d *operation) int {
	return slices.IndexFunc(b.keys[d.key], func(v ver) bool { return v.id == d.id })
}

func (b *bucketState) applyGet(d *operation) bool {
	i, want := 0, ""
	switch d.op {
	case opGet:
		if b.head(d.key) == nil {
			want = missing
		}
	default:
		switch i = b.find(d); {
		case i < 0:
			want = notThat
		case b.keys[d.key][i].marker:
			want = isMarker
		}
	}
	if want != "" || d.failed != "" {
		return want == d.failed
	}
	v := b.keys[d.key][i]
	return v.body == d.got && b.idFits(d.key, i, d.made) && b.etagFits(v.content, d.etag)
}

func (b *bucketState) applyDelete(d *operation) bool {
	b.remove(d.key, d.n)
	if len(b.keys[d.key]) == 0 {
		return d.failed == "" && d.made == ""
	}
	return d.failed == "" && b.idFits(d.key, 0, d.made)
}

func (b *bucketState) applyDeleteOld(d *operation) bool {
	if d.failed != "" {
		return false
	}
	i := b.find(d)
	if i < 0 {
		return true
	}
	list := slices.Delete(slices.Clone(b.keys[d.key]), i, i+1)
	if b.keys[d.key] = list; len(list) == 0 {
		delete(b.keys, d.key)
	}
	if i == 0 && b.head(d.key) != nil {
		// Another file than the one that may live on under another name.
		b.change(d.key, 0, func(v *ver) { v.ino = d.n })
	}
	return true
}

func md5Of(body string) string {
	sum := md5.Sum([]byte(body))
	return hex.EncodeToString(sum[:])
}

func (b *bucketState) applyCopy(d *operation) bool {
	h := b.head(d.key)
	if h == nil || d.failed != "" {
		return h == nil && d.failed == missing
	}
	// The ETag of a copy is its MD5, that of what a mount wrote is not.
	sum, content := md5Of(h.body), h.content
	if b.etags[content] != sum {
		content = -1 - content
		b.etags[content] = sum
	}
	b.stack(d.to, ver{n: d.n, content: content, ino: d.n, body: h.body, tags: h.tags})
	b.overtake(d.to)
	return d.etag == sum && b.idFits(d.to, 0, d.made)
}

func (b *bucketState) applyMove(d *operation) bool {
	if h := b.head(d.key); h == nil || d.failed != "" {
		return h == nil && d.failed == missing
	}
	b.rename(d.key, d.to, d.n)
	return true
}

func (b *bucketState) applyList(d *operation) bool {
	live := b.live()
	if d.failed != "" || len(live) != len(d.versions) {
		return false
	}
	for i, key := range live {
		if d.names[i] != key || !b.idFits(key, 0, d.versions[i].ID) || !b.etagFits(b.head(key).content, d.versions[i].ETag) {
			return false
		}
	}
	return true
}

func (b *bucketState) applyVersions(d *operation) bool {
	list := b.keys[d.key]
	if len(list) == 0 || d.failed != "" {
		return len(list) == 0 && d.failed == missing
	}
	if len(list) != len(d.versions) {
		return false
	}
	for i, v := range list {
		s := d.versions[i]
		if v.marker != s.Marker || !b.idFits(d.key, i, s.ID) || !v.marker && !b.etagFits(v.content, s.ETag) {
			return false
		}
	}
	return true
}

func (b *bucketState) applyTags(d *operation) bool {
	h := b.head(d.key)
	if h == nil || d.failed != "" {
		return h == nil && d.failed == missing
	}
	if d.op == opTags {
		return h.tags == d.got
	}
	b.changeFile(h.ino, func(f *file) { f.tags = d.body }) // should the object go, the file keeps them
	b.change(d.key, 0, func(v *ver) { v.tags = d.body })
	return true
}

// applyMount is apply for what a program does with the mount.
func (b *bucketState) applyMount(d *operation) bool {
	switch d.op {
	case opOpen, opTruncate, opCreate:
		if _, _, ok := b.found(d.key); d.op == opCreate && ok || d.failed != "" {
			return d.op == opCreate && ok && d.failed == exists
		}
		b.handles[d.n], _ = b.open(d.key, true, d.op == opTruncate, d.n)
	case opReader:
		ino, ok := b.open(d.key, false, false, d.n)
		if !ok || d.failed != "" {
			return !ok && d.failed == missing
		}
		b.handles[d.n] = ino
	case opWrite:
		b.changeFile(b.handles[d.handle], func(f *file) { f.data, f.dirty, f.draft = f.data+d.body, true, true })
	case opSync:
	case opRead:
		return d.failed == "" && b.files[b.handles[d.handle]].data == d.got
	case opClose, opUnread:
		ino := b.handles[d.handle]
		delete(b.handles, d.handle)
		if d.op == opClose {
			b.publish(ino, d.n)
		}
		b.close(ino)
	case opStat:
		_, data, ok := b.found(d.key)
		if !ok || d.failed != "" {
			return !ok && d.failed == missing
		}
		return int64(len(data)) == d.size
	case opUnlink:
		if ok := b.unlink(d.key, d.n); !ok || d.failed != "" {
			return !ok && d.failed == missing
		}
	case opRename:
		_, _, there := b.found(d.key)
		if h := b.head(d.to); !there && h != nil && h.from == d.key && d.failed == "" {
			return true // rename(2) of two names that the kernel knows of one inode does nothing
		}
		if ok := b.renameFile(d.key, d.to, d.n); !ok || d.failed != "" {
			return !ok && d.failed == missing
		}
	case opNames:
		return d.failed == "" && slices.Equal(b.names(d.key), d.names)
	}
	return d.failed == ""
}
