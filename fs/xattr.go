package fs

import (
	"strconv"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"pail/fs/attrs"
	"pail/store"
	"pail/store/fault"
)

// An attributed is a node as its extended attributes are asked for.
type attributed struct {
	f    *filesystem
	se   *store.Session
	node store.Node
	// bucket is the name of the bucket whose directory it is, "" for everything else.
	bucket string
	// none says that the node exists only in names and has no attributes.
	none bool
	// old says that it is one of history, which cannot be changed.
	old bool
}

// attributed finds what a node stands for. f.tree is held.
func (f *filesystem) attributed(h *fuse.InHeader) (attributed, error) {
	a := attributed{f: f, se: f.session(h), old: h.NodeId >= historyBit}
	if file := f.handles.fileOf(h.NodeId); file != nil {
		a.node = store.Node{File: stored(file)}
		return a, nil
	}
	loc, err := f.locate(h.NodeId)
	if err != nil {
		return a, err
	}
	a.node = store.Node{Bucket: loc.bucket, Key: loc.key(), Ino: h.NodeId}
	a.old = loc.inHistory()
	switch loc.kind {
	case kindHistory, kindName:
		a.none = true
	case kindPastDir:
		a.node = store.Node{Bucket: loc.bucket, Key: loc.key(), Dir: true, At: loc.at}
		a.none = loc.bucket == ""
	case kindPastObject:
		a.node = store.Node{Bucket: loc.bucket, Key: loc.key(), At: loc.at}
	case kindVersion:
		o, err := f.oldObject(a.se, loc)
		a.node = store.Node{Bucket: loc.bucket, Key: loc.key(), Version: o.VersionID}
		a.none = o.DeleteMarker
		return a, err
	case kindRoot, kindPart:
		a.none = true
	case kindDir:
		a.node.Dir = true
		if h.NodeId == rootID {
			a.node.Ino = 0
		}
		if loc.key() == "" {
			a.bucket = loc.bucket
		}
	}
	return a, nil
}

func noAttribute() error { return fault.New(fault.NoData, "") }

func nameless(space string) error {
	return fault.New(fault.InvalidArgument, "%s is not the name of an attribute", space)
}

func unsupported() error { return fault.New(fault.NotSupported, "") }

// get reads an attribute.
func (a *attributed) get(at attrs.Attr) ([]byte, error) {
	if a.none {
		return nil, noAttribute()
	}
	switch at.Kind {
	case attrs.Plain:
		return a.plain(at.Name)
	case attrs.Versioning:
		if a.bucket == "" {
			return nil, noAttribute()
		}
		state, err := a.se.Versioning(a.f.ctx, a.bucket)
		return []byte(state.String()), err
	case attrs.LockMode, attrs.LockUntil, attrs.LegalHold:
		return a.lock(at)
	case attrs.Grants, attrs.Policy, attrs.PublicAccess, attrs.Logging:
		return a.accessAttr(at.Kind)
	case attrs.Encryption:
		if a.bucket != "" {
			e, err := a.se.BucketEncryption(a.f.ctx, a.bucket)
			if err != nil {
				return nil, err
			}
			return known(store.Encryption{Mode: e.Mode, KMSKey: e.KMSKey}.String())
		}
	case attrs.Versions:
		return a.versions()
	case attrs.Tag, attrs.AllTags:
		tags, err := a.tags()
		if err != nil {
			return nil, err
		}
		if at.Kind == attrs.AllTags {
			return all(tags)
		}
		return one(tags, at.Name)
	}
	o, err := a.describe()
	if err != nil {
		return nil, err
	}
	if at.Kind == attrs.Meta || at.Kind == attrs.AllMeta {
		o.Metadata = a.visible(&o)
	}
	return describedBy(&o, at)
}

// plain reads an attribute that is kept as it is.
func (a *attributed) plain(name string) ([]byte, error) {
	have, err := a.se.XattrsOf(a.f.ctx, a.node)
	if err != nil {
		return nil, err
	}
	value, ok := have[name]
	if !ok {
		return nil, noAttribute()
	}
	return value, nil
}

func (a *attributed) tags() (map[string]string, error) {
	if a.bucket != "" {
		return a.se.BucketTags(a.f.ctx, a.bucket)
	}
	tags, err := a.se.TagsOf(a.f.ctx, a.node)
	return tags, a.absent(err)
}

// describe returns what S3 knows. Of a directory without a key of its own that is where
// it is.
func (a *attributed) describe() (store.Object, error) {
	if a.node.Dir {
		o := store.Object{Bucket: a.node.Bucket, Key: a.node.Key}
		if a.bucket != "" {
			return o, nil
		}
		if own, err := a.se.Describe(a.f.ctx, a.node); err == nil || !isAbsent(err) {
			return own, err
		}
		return o, nil
	}
	return a.se.Describe(a.f.ctx, a.node)
}

// absent is no error for what a directory without a key of its own lacks.
func (a *attributed) absent(err error) error {
	if a.node.Dir && isAbsent(err) {
		return nil
	}
	return err
}

func (a *attributed) versions() ([]byte, error) {
	if a.bucket != "" {
		return nil, noAttribute()
	}
	o, err := a.describe()
	if err != nil {
		return nil, err
	}
	newest, more, err := a.se.KeyHistory(a.f.ctx, o.Bucket, o.Key, store.KeyHistoryInput{Limit: attrs.MostVersions})
	if isAbsent(err) {
		return nil, noAttribute()
	}
	if err != nil {
		return nil, err
	}
	out := make([]attrs.Version, len(newest))
	for i, v := range newest {
		out[i] = attrs.Version{
			Number: v.Number, ID: v.VersionID, Size: v.Size, Time: v.Modified, Marker: v.DeleteMarker,
			Who: attrs.Who{Principal: v.Principal, UID: v.UID, Door: v.Door.String()},
		}
	}
	return attrs.FormatVersions(out, more), nil
}

// describedBy is an attribute of what S3 knows of an object.
func describedBy(o *store.Object, at attrs.Attr) ([]byte, error) {
	switch at.Kind {
	case attrs.Bucket:
		return known(o.Bucket)
	case attrs.Key:
		return known(o.Key)
	case attrs.Header:
		return known(*headerOf(&o.Headers, at.Name))
	case attrs.Meta:
		return one(o.Metadata, at.Name)
	case attrs.AllMeta:
		return all(o.Metadata)
	case attrs.ClientEncryption:
		if how, ok := clientSummary(o.Metadata); ok {
			return known(how)
		}
		return nil, noAttribute()
	}
	if o.VersionID == "" {
		return nil, noAttribute() // not published, or no object at all
	}
	switch at.Kind {
	case attrs.VersionID:
		return known(o.VersionID)
	case attrs.VersionNumber:
		return strconv.AppendUint(nil, o.Number, 10), nil
	case attrs.ETag:
		return known(o.ETag)
	case attrs.Size:
		return strconv.AppendInt(nil, o.Size, 10), nil
	case attrs.LastModified:
		return known(o.Modified.UTC().Format(time.RFC3339Nano))
	case attrs.StorageClass:
		return known(o.StorageClass)
	case attrs.Encryption:
		return known(o.Encryption.String())
	case attrs.Checksum:
		return one(o.Checksums, at.Name)
	case attrs.Parts:
		if o.Parts > 0 {
			return strconv.AppendInt(nil, int64(o.Parts), 10), nil
		}
	}
	return nil, noAttribute()
}

func known(s string) ([]byte, error) {
	if s == "" {
		return nil, noAttribute()
	}
	return []byte(s), nil
}

func one(m map[string]string, name string) ([]byte, error) {
	value, ok := m[name]
	if !ok {
		return nil, noAttribute()
	}
	return []byte(value), nil
}

func all(m map[string]string) ([]byte, error) {
	if len(m) == 0 {
		return nil, noAttribute()
	}
	return attrs.FormatMap(m), nil
}

// headerNames are those that an attribute stands for.
var headerNames = [...]string{
	"content-type", "content-encoding", "content-language", "content-disposition", "cache-control", "expires",
}

func headerOf(h *store.Headers, name string) *string {
	return map[string]*string{
		"content-type": &h.ContentType, "content-encoding": &h.ContentEncoding, "content-language": &h.ContentLanguage,
		"content-disposition": &h.ContentDisposition, "cache-control": &h.CacheControl, "expires": &h.Expires,
	}[name]
}

// list returns the attributes that a copy of the file should have: those that can be set
// and are, and that only mean something to the file. root says whether the caller may
// see trusted ones.
func (a *attributed) list(root bool) ([]string, error) {
	if a.none {
		return nil, nil
	}
	var out []string
	if a.bucket == "" {
		described, err := a.listDescription()
		if err != nil {
			return nil, err
		}
		out = described
	}
	plain, err := a.se.XattrsOf(a.f.ctx, a.node)
	if err != nil {
		return nil, err
	}
	for name := range plain {
		if root || !isTrusted(name) {
			out = append(out, name)
		}
	}
	return out, nil
}

// listDescription lists headers, metadata and tags. Where one of the two latter has a
// name too long for an attribute, all of them are in one attribute instead.
func (a *attributed) listDescription() ([]string, error) {
	o, err := a.describe()
	if err != nil {
		return nil, err
	}
	if o.Attr.Mode&unix.S_IFMT == unix.S_IFLNK {
		return nil, nil // the kernel lets nobody have user attributes of a symlink
	}
	var out []string
	if a.node.Dir && o.Headers.ContentType == store.DirectoryType {
		o.Headers.ContentType = "" // what every directory has
	}
	for _, name := range headerNames {
		if *headerOf(&o.Headers, name) != "" {
			out = append(out, attrs.Prefix+name)
		}
	}
	out = append(out, listMap(attrs.Meta, attrs.AllMeta, "meta", a.visible(&o))...)
	tags, err := a.tags()
	if fault.Is(err, fault.AccessDenied) {
		return out, nil
	}
	return append(out, listMap(attrs.Tag, attrs.AllTags, "tags", tags)...), err
}

func listMap(each, together attrs.Kind, name string, m map[string]string) []string {
	out := make([]string, 0, len(m))
	for member := range m {
		full, ok := attrs.Attr{Kind: each, Name: member}.FullName()
		if !ok {
			full, _ = attrs.Attr{Kind: together, Name: name}.FullName()
			return []string{full}
		}
		out = append(out, full)
	}
	return out
}
