package store

import (
	"bytes"
	"context"
	"maps"

	"google.golang.org/protobuf/proto"

	"pail/store/fault"
	"pail/store/internal/meta/record"
)

// Labels are what stands beside the bytes and the POSIX attributes of an object: the
// headers and user metadata that describe it, its tags, and extended attributes (xattrs)
// of which S3 knows nothing. In records they are four fields of a version, in whose maps
// nothing is ever changed in place: they may be shared.

// A Node is what labels belong to: an object, or a directory.
type Node struct {
	Bucket, Key string
	// Dir means the directory of that key ("" or ending in "/") rather than the object
	// of its own key. Its extended attributes are the directory's; everything else is
	// its own key's, which the first label makes if there is none.
	Dir bool
	// Ino, if it is not 0, is the inode that is meant: StaleHandle if another one has
	// the key by now.
	Ino uint64
	// Version, if it is not "", is a version of the object, as for Head. Only tags of
	// versions of the past can be changed.
	Version string
	// At, if its Seq is not 0, is the moment of the past at which the object or directory
	// is meant. Nothing of the past can be changed.
	At Moment
	// File, if it is not nil, is an open file, which counts instead of all the above.
	File *File

	published bool // what is not published yet does not count, on a mount either
}

// at is what a node is called now.
func (nd Node) at() (bucket, key string) {
	switch {
	case nd.File == nil:
		return nd.Bucket, nd.Key
	case nd.File.frozen != nil:
		return nd.File.frozen.o.Bucket, nd.File.frozen.o.Key
	}
	_, bucket, key, _ = nd.File.n.s.files.name(nd.File.n)
	return bucket, key
}

// version is the version that a node names, "" for the current one.
func (nd Node) version() string {
	if nd.File != nil && nd.File.frozen != nil {
		return nd.File.frozen.o.VersionID
	}
	return nd.Version
}

// reads is the action of reading the node: what is current, or what was.
func (nd Node) reads(current, past action) action {
	if nd.At.Seq != 0 {
		return past
	}
	return readAction(nd.version(), current, past)
}

// Describe returns an object as S3 knows it, with the headers and metadata that an
// unpublished file will be published with. A file that was never published has no
// VersionID, and a directory without a key of its own is NoSuchKey.
func (se *Session) Describe(ctx context.Context, nd Node) (Object, error) {
	bucket, key := nd.at()
	if err := se.authorizeVersion(nd.reads(actGetObject, actGetObjectVersion), bucket, key, nd.version()); err != nil {
		return Object{}, err
	}
	v, latest, err := se.labels(ctx, nd)
	if err != nil {
		return Object{}, err
	}
	o := toObject(bucket, key, v, latest)
	if v.Seq == 0 {
		o.VersionID, o.StorageClass = "", ""
	}
	return o, nil
}

// TagsOf returns the tags of a node.
func (se *Session) TagsOf(ctx context.Context, nd Node) (map[string]string, error) {
	bucket, key := nd.at()
	if err := se.authorizeVersion(nd.reads(actGetObjectTagging, actGetObjectVersionTagging), bucket, key, nd.version()); err != nil {
		return nil, err
	}
	v, _, err := se.labels(ctx, nd)
	return v.GetTags(), err
}

// XattrsOf returns the extended attributes of a node. They are not to be changed.
func (se *Session) XattrsOf(ctx context.Context, nd Node) (map[string][]byte, error) {
	bucket, key := nd.at()
	act := nd.reads(actGetObject, actGetObjectVersion)
	if nd.Dir {
		act = nd.reads(actListBucket, actListBucketVersions)
	}
	if err := se.authorizeVersion(act, bucket, key, nd.version()); err != nil {
		return nil, err
	}
	if nd.Dir {
		return se.dirXattrs(nd)
	}
	v, _, err := se.labels(ctx, nd)
	return xattrNames(v.GetXattrs()), err
}

func (se *Session) dirXattrs(nd Node) (out map[string][]byte, err error) {
	err = se.view(nd.Bucket, func(sn *snap, b *record.Bucket) error {
		var d *record.Dir
		var err error
		if nd.At.Seq != 0 {
			d, err = sn.dirAsOf(b, nd.Key, nd.At.Seq)
		} else {
			d, err = sn.dir(b.Id, nd.Key)
		}
		if err == nil {
			err = nd.is(d)
		}
		out = xattrNames(d.GetXattrs())
		return err
	})
	return out, err
}

// is checks that a directory is there and the one that is meant.
func (nd Node) is(d *record.Dir) error {
	if d == nil {
		return noSuchKey(nd.Bucket, nd.Key)
	}
	return nd.isInode(d.Ino)
}

func (nd Node) isInode(ino uint64) error {
	if nd.Ino != 0 && nd.Ino != ino {
		return fault.New(fault.StaleHandle, "another file has the name by now").At(nd.Bucket, nd.Key)
	}
	return nil
}

// labels returns a version with the labels of a node: the record, with what an open file
// has instead. Its sequence is 0 if the file was never published.
func (se *Session) labels(ctx context.Context, nd Node) (v *record.Version, latest bool, err error) {
	if ref := nd.version(); ref != "" {
		bucket, key := nd.at()
		err := se.view(bucket, func(sn *snap, b *record.Bucket) error {
			v, latest, err = sn.find(b, key, ref)
			return err
		})
		return v, latest, err
	}
	if nd.At.Seq != 0 {
		err := se.view(nd.Bucket, func(sn *snap, b *record.Bucket) error {
			v, latest, err = sn.objectAsOf(b, nd.Key, nd.At.Seq)
			if err == nil && v == nil {
				err = noSuchKey(nd.Bucket, nd.Key)
			}
			return err
		})
		return v, latest, err
	}
	for {
		epoch := se.s.files.epoch.Load()
		if nd.File != nil {
			v, err = nd.File.n.labels(se)
		} else {
			v, err = se.labelsAt(nd)
		}
		if err != nil || se.s.files.epoch.Load() == epoch {
			return v, true, err
		}
	}
}

// labelsAt is labels for what a name stands for.
func (se *Session) labelsAt(nd Node) (v *record.Version, err error) {
	err = se.view(nd.Bucket, func(sn *snap, b *record.Bucket) error {
		if v, err = sn.head(b.Id, nd.Key); err != nil {
			return err
		}
		f := &se.s.files
		f.mu.Lock()
		n := se.holder(nd, b.Id, v)
		f.mu.Unlock()
		switch {
		case n != nil:
			n.mu.RLock()
			defer n.mu.RUnlock()
			v = n.labeled(v)
		case v == nil:
			return noSuchKey(nd.Bucket, nd.Key)
		}
		if nd.Dir {
			return nil // its number is that of the directory, not of its own key
		}
		return nd.isInode(v.Ino)
	})
	return v, err
}

// holder returns the open file whose labels count under a name, nil for those of the
// record v. What is not published yet is there for mounts only. files.mu is held.
func (se *Session) holder(nd Node, bucket uint64, v *record.Version) *inode {
	if nd.published || se.rc.Door != DoorMount {
		return nil
	}
	return se.s.files.holder(bucket, nd.Key, v)
}

// labels is labels for an open file, which may have lost its name.
func (n *inode) labels(se *Session) (v *record.Version, err error) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if n.base != nil {
		if v, err = n.published(); err != nil {
			return nil, err
		}
	}
	return n.labeled(v), nil
}

// published reads the record of an open file, nil if the records have it no more. mu is
// held.
func (n *inode) published() (v *record.Version, err error) {
	bucket, _, key, linked := n.s.files.name(n)
	if !linked {
		return nil, nil
	}
	err = n.s.view(func(sn *snap) error {
		v, err = sn.head(bucket, key)
		return err
	})
	if v.GetIno() != n.ino {
		v = nil
	}
	return v, err
}

// labeled puts what an open file has of its own over the record under its name. mu is
// held.
func (n *inode) labeled(v *record.Version) *record.Version {
	ours := v != nil && v.Ino == n.ino
	if !ours {
		v = n.base
	}
	if v == nil {
		v = &record.Version{Ino: n.ino, TimeNs: n.attr.BtimeNs}
	}
	if n.own == nil {
		return v
	}
	v = proto.CloneOf(v)
	n.own.onto(v, ours)
	return v
}

// ownLabels are the labels of an open file that no record has: of a file that was never
// published or has lost its name all of them, of one with a draft the headers and the
// metadata that its publish will bring.
type ownLabels struct {
	headers  *record.Headers
	metadata map[string]string
	tags     map[string]string
	xattrs   map[string][]byte
}

func labelsOf(v *record.Version) *ownLabels {
	return &ownLabels{headers: v.GetHeaders(), metadata: v.GetMetadata(), tags: v.GetTags(), xattrs: v.GetXattrs()}
}

// same says whether two are equal.
func (l *ownLabels) same(o *ownLabels) bool {
	return maps.Equal(l.tags, o.tags) && maps.EqualFunc(l.xattrs, o.xattrs, bytes.Equal) &&
		proto.Equal(l.headers, o.headers) && maps.Equal(l.metadata, o.metadata)
}

// onto gives them to a version; if the file has a record, tags and xattrs are there.
func (l *ownLabels) onto(v *record.Version, recorded bool) {
	v.Headers, v.Metadata = l.headers, l.metadata
	if !recorded {
		v.Tags, v.Xattrs = l.tags, l.xattrs
	}
}
