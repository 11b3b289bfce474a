package store

import (
	"fmt"
	"hash/fnv"
	"strings"

	"google.golang.org/protobuf/proto"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// LostFound is the bucket in which a repair keeps what it cannot leave where it was or
// has no place for:
//
//	BUCKET/KEY/VERSION      a version of which bytes are lost or are not those written
//	BUCKET/KEY/draft-N      what was written to a file and never published
//	uploads/N/part-M        a part without its upload, or a damaged one
//	contents/ID             bytes whose version is lost
//
// Each is an object with the labels that it had, and says in its metadata pail-found
// what it is and which of its bytes are lost (they read as zeros) or suspect. It is made
// by the first repair that needs it; it belongs to the owner of the store, and what is
// in it may be moved and deleted as anything else. A version that a lock keeps is in
// LostLocked instead, a bucket with Object Lock, and keeps its lock.
const (
	LostFound  = "lost-found"
	LostLocked = LostFound + "-locked"
)

const foundLabel = "pail-found"

// lostFound returns one of the two buckets and makes it if need be.
func (t *txn) lostFound(locked bool) (*record.Bucket, error) {
	name := LostFound
	if locked {
		name = LostLocked
	}
	b, err := t.bucket(name)
	if !fault.Is(err, fault.NoSuchBucket) {
		return b, err
	}
	b = &record.Bucket{
		Schema: record.Schema, Id: t.tx.NextID(), Name: name, Account: Account, Region: t.s.label.Region,
		CreatedNs: t.now().UnixNano(), Born: t.tx.Seq(),
	}
	if locked {
		b.ObjectLock, b.Versioning, b.EverVersioned, b.Versioned = true, uint32(versioning.Enabled), true, b.Born
	}
	root := t.newDir(nil)
	root.Explicit = true
	if err := t.put(table.Dir(b.Id, ""), root); err != nil {
		return nil, err
	}
	return b, t.putBucket(b)
}

// keep makes an object of a lost-and-found bucket that has content c of size bytes,
// which it owns, the labels of v if that is not nil, and a note. It is encrypted as c is.
func (t *txn) keep(name string, v *record.Version, c *record.Content, size int64, note string) error {
	b, err := t.lostFound(v.GetLock() != nil)
	if err != nil {
		return err
	}
	key, err := t.freeKey(b, name)
	if err != nil {
		return err
	}
	n := t.newVersion()
	if v != nil {
		old := proto.CloneOf(v)
		soundLabels(old)
		n.Attr, n.Headers, n.Metadata, n.Tags, n.Xattrs = old.Attr, old.Headers, old.Metadata, old.Tags, old.Xattrs
		n.Etag, n.Checksums, n.StorageClass = old.Etag, old.Checksums, old.StorageClass
		n.Parts, n.Layout, n.Lock = old.Parts, old.Layout, old.Lock
	}
	n.Principal = Owner().ARN
	n.Ino, n.Content, n.Size = t.tx.NextID(), c, size
	if n.Encryption, err = t.encryptionOf(c, v.GetEncryption()); err != nil {
		return err
	}
	if v == nil || note != "" || n.Etag == "" {
		n.Etag, n.Checksums = fmt.Sprintf("%016x-1", n.Random), nil
		n.Parts, n.Layout = 0, nil
	}
	describe(n, note)
	_, err = t.putVersion(b, key, n)
	return err
}

// describe puts a note where a client sees it: in the metadata, or beside them where
// these are full.
func describe(v *record.Version, note string) {
	if note == "" {
		return
	}
	if len(note) > 400 {
		note = note[:400] + " ..."
	}
	note = strings.ToValidUTF8(note, "?")
	with := map[string]string{foundLabel: note}
	for name, value := range v.Metadata {
		with[name] = value
	}
	if versioning.CheckMetadata(with) == nil {
		v.Metadata = with
		return
	}
	xattrs := map[string][]byte{"user." + foundLabel: []byte(note)}
	for name, value := range v.Xattrs {
		xattrs[name] = value
	}
	if checkXattrs(xattrs) == nil {
		v.Xattrs = xattrs
	}
}

// freeKey makes a name a key that nothing stands at.
func (t *txn) freeKey(b *record.Bucket, name string) (string, error) {
	name = strings.ToValidUTF8(strings.Trim(name, "/"), "?")
	if max := versioning.MaxKey - 24; len(name) > max { // the end tells versions apart
		h := fnv.New64a()
		_, _ = h.Write([]byte(name))
		name = fmt.Sprintf("%s~%016x", strings.ToValidUTF8(name[:max-17], ""), h.Sum64())
	}
	for i := 1; ; i++ {
		key := name
		if i > 1 {
			key = fmt.Sprintf("%s.%d", name, i)
		}
		c, err := t.chain(b, key)
		if err != nil || c.top() == nil {
			return key, err
		}
	}
}

// foundName is where a version of a key is kept.
func (t *txn) foundName(bucket uint64, key, version string) string {
	name := fmt.Sprintf("bucket-%d", bucket)
	if b := t.bucketByID(bucket); b != nil {
		name = b.Name
	}
	return name + "/" + strings.Trim(key, "/") + "/" + version
}
