package store

import (
	"math"
	"time"

	"golang.org/x/sys/unix"

	"pail/store/internal/meta/record"
	"pail/versioning"
)

// Between records and what sessions return.

// fileMode is what an object gets that came without attributes.
const fileMode = unix.S_IFREG | 0o644

func toObject(bucket, key string, v *record.Version, latest bool) Object {
	o := Object{
		Bucket: bucket, Key: key, VersionID: versionID(v), Number: v.Number, Seq: v.Seq, Ino: v.Ino,
		Size: v.Size, ETag: v.Etag, Modified: time.Unix(0, v.TimeNs).UTC(), Latest: latest,
		DeleteMarker: v.Marker, StorageClass: v.StorageClass, Metadata: v.Metadata, Tags: v.Tags,
		Parts: int(v.Parts), Layout: toLayout(v.Layout), Principal: v.Principal, UID: v.Uid, Door: Door(v.Door),
		Blocks: (v.Content.GetAllocated() + 511) / 512, Renamed: v.Renamed, Encryption: toEncryption(v.Encryption),
	}
	if o.StorageClass == "" && !v.Marker {
		o.StorageClass = StandardClass
	}
	if !v.Marker {
		o.Attr = toAttr(v.Attr, fileMode, v.TimeNs)
	}
	o.Headers = toHeaders(v.Headers)
	o.Checksums, o.ChecksumType = toChecksums(v.Checksums, o.Parts)
	return o
}

// toObjectOf is toObject for those who tell whether the bucket knows versions.
func toObjectOf(b *record.Bucket, key string, v *record.Version, latest bool) Object {
	o := toObject(b.Name, key, v, latest)
	o.Versioned = b.EverVersioned
	return o
}

func versionID(v *record.Version) string {
	if v.Null {
		return NullVersion
	}
	return versioning.ID{Seq: v.Seq, Random: v.Random}.String()
}

func toHeaders(h *record.Headers) Headers {
	if h == nil {
		return Headers{}
	}
	return Headers{
		ContentType: h.ContentType, ContentEncoding: h.ContentEncoding, ContentLanguage: h.ContentLanguage,
		ContentDisposition: h.ContentDisposition, CacheControl: h.CacheControl, Expires: h.Expires,
		WebsiteRedirect: h.WebsiteRedirect,
	}
}

func fromHeaders(h Headers) *record.Headers {
	if h == (Headers{}) {
		return nil
	}
	return &record.Headers{
		ContentType: h.ContentType, ContentEncoding: h.ContentEncoding, ContentLanguage: h.ContentLanguage,
		ContentDisposition: h.ContentDisposition, CacheControl: h.CacheControl, Expires: h.Expires,
		WebsiteRedirect: h.WebsiteRedirect,
	}
}

// toAttr is what POSIX keeps; where nobody gave any, mode and the time of the publish.
func toAttr(a *record.Attr, mode uint32, timeNs int64) Attr {
	if a == nil {
		at := time.Unix(0, timeNs)
		return Attr{Mode: mode, Atime: at, Mtime: at, Ctime: at, Btime: at, Unowned: true, Modeless: true}
	}
	return Attr{
		Mode: a.Mode, UID: a.Uid, GID: a.Gid, Unowned: a.Unowned, Modeless: a.Unowned && !a.ModeGiven,
		Atime: time.Unix(0, a.AtimeNs), Mtime: time.Unix(0, a.MtimeNs),
		Ctime: time.Unix(0, a.CtimeNs), Btime: time.Unix(0, a.BtimeNs),
	}
}

// fromAttr makes the record of attributes; times that are zero become now.
func fromAttr(a Attr, now time.Time) *record.Attr {
	ns := func(t time.Time) int64 {
		if t.IsZero() {
			return now.UnixNano()
		}
		return nanoseconds(t)
	}
	return &record.Attr{
		Mode: a.Mode, Uid: a.UID, Gid: a.GID, Unowned: a.Unowned, ModeGiven: a.Unowned && !a.Modeless,
		AtimeNs: ns(a.Atime), MtimeNs: ns(a.Mtime), CtimeNs: ns(a.Ctime), BtimeNs: ns(a.Btime),
	}
}

// nanoseconds is a time as records keep it: the nearest that they can.
func nanoseconds(t time.Time) int64 {
	switch {
	case t.Before(time.Unix(0, math.MinInt64)):
		return math.MinInt64
	case t.After(time.Unix(0, math.MaxInt64)):
		return math.MaxInt64
	}
	return t.UnixNano()
}

// apply changes the attributes of a record. The type in the mode stays. Giving an owner
// makes the object owned.
func (c AttrChange) apply(a *record.Attr, now time.Time) {
	if c.Mode != nil {
		a.Mode, a.ModeGiven = a.Mode&unix.S_IFMT|*c.Mode&0o7777, a.Unowned
	}
	if c.UID != nil {
		a.Uid, a.Unowned, a.ModeGiven = *c.UID, false, false
	}
	if c.GID != nil {
		a.Gid, a.Unowned, a.ModeGiven = *c.GID, false, false
	}
	if c.Atime != nil {
		a.AtimeNs = nanoseconds(*c.Atime)
	}
	if c.Mtime != nil {
		a.MtimeNs = nanoseconds(*c.Mtime)
	}
	if c.Ctime != nil {
		now = *c.Ctime
	}
	a.CtimeNs = nanoseconds(now)
}

// applyTo changes the attributes of a version.
func (c AttrChange) applyTo(v *record.Version, now time.Time) {
	c.apply(versionAttr(v), now)
	if c.DropCapability {
		v.Xattrs = withoutCapability(v.Xattrs)
	}
}

// versionAttr returns the attributes of a version for changing them.
func versionAttr(v *record.Version) *record.Attr {
	if v.Attr == nil {
		v.Attr = fromAttr(toAttr(nil, fileMode, v.TimeNs), time.Time{})
	}
	return v.Attr
}

func toDir(bucket, key string, d *record.Dir) Dir {
	return Dir{
		Bucket: bucket, Key: key, Ino: d.Ino, Attr: toAttr(d.Attr, dirMode, 0),
		Children: d.Children, Explicit: d.Explicit, Past: d.Died != 0,
	}
}
