package control

import (
	"time"

	"pail/store"
	"pail/versioning"
)

// protocol is raised when an older client could not understand an answer or an
// older daemon would misunderstand a request.
const protocol = 1

// A Hello is what a daemon says of itself.
type Hello struct {
	Protocol int    `json:"protocol"`
	Release  string `json:"release"`
	PID      int    `json:"pid"`
}

// Progress is how far a long operation has come.
type Progress struct {
	Done  int64  `json:"done"`
	Total int64  `json:"total"` // 0 when that is not known
	What  string `json:"what"`  // what is being done, for people
}

// A Bucket is a bucket in listings.
type Bucket struct {
	Name       string            `json:"name"`
	Created    time.Time         `json:"created"`
	Region     string            `json:"region"`
	Account    string            `json:"account"`
	Versioning versioning.State  `json:"versioning"`
	Tags       map[string]string `json:"tags,omitempty"`
	ObjectLock bool              `json:"object_lock,omitempty"`
}

// A Lock is the Object Lock of a bucket that has it.
type Lock struct {
	Name  string `json:"name"`
	Mode  string `json:"mode,omitempty"` // of the retention that new versions get; empty: none
	Days  int32  `json:"days,omitempty"`
	Years int32  `json:"years,omitempty"`
}

// A Logging is where the access log of a bucket goes, and how it is doing.
type Logging struct {
	Name      string     `json:"name"`
	Target    string     `json:"target,omitempty"` // a bucket; empty: requests are not logged
	Prefix    string     `json:"prefix,omitempty"`
	Partition string     `json:"partition,omitempty"`     // EventTime or DeliveryTime
	Grants    int        `json:"target_grants,omitempty"` // to others, which S3's API shows
	Waiting   int64      `json:"waiting_bytes"`           // not delivered yet
	Records   int64      `json:"records"`                 // that were delivered there
	Delivered *time.Time `json:"delivered,omitempty"`
	Failed    string     `json:"failed,omitempty"` // why the last delivery failed
	Since     *time.Time `json:"since,omitempty"`
}

// A Quota is what a bucket may hold, in all its versions, and what it holds.
type Quota struct {
	Name        string `json:"name"`
	Bytes       int64  `json:"bytes,omitempty"`   // 0: there is no limit
	Objects     int64  `json:"objects,omitempty"` // versions; 0: there is no limit
	UsedBytes   int64  `json:"used_bytes"`        // as far as it has been counted
	UsedObjects int64  `json:"used_objects"`
	Counted     bool   `json:"counted"` // to the end
}

// A BucketInfo is a bucket with what it holds.
type BucketInfo struct {
	Bucket
	Objects         int64 `json:"objects"`
	Bytes           int64 `json:"bytes"`
	Versions        int64 `json:"versions"` // noncurrent ones
	NoncurrentBytes int64 `json:"noncurrent_bytes"`
	DeleteMarkers   int64 `json:"delete_markers"`
}

// An Object is one version of a key, or a delete marker.
type Object struct {
	Bucket       string    `json:"bucket"`
	Key          string    `json:"key"`
	Number       uint64    `json:"number"`
	Version      string    `json:"version"`
	Latest       bool      `json:"latest"`
	DeleteMarker bool      `json:"delete_marker,omitempty"`
	Size         int64     `json:"size"` // bytes
	Modified     time.Time `json:"modified"`
	ETag         string    `json:"etag,omitempty"`
	StorageClass string    `json:"storage_class,omitempty"`
	Encryption   string    `json:"encryption,omitempty"` // store.Encryption as text

	ContentType        string `json:"content_type,omitempty"`
	ContentEncoding    string `json:"content_encoding,omitempty"`
	ContentLanguage    string `json:"content_language,omitempty"`
	ContentDisposition string `json:"content_disposition,omitempty"`
	CacheControl       string `json:"cache_control,omitempty"`
	Expires            string `json:"expires,omitempty"`
	WebsiteRedirect    string `json:"website_redirect,omitempty"`

	Metadata  map[string]string `json:"metadata,omitempty"`
	Tags      map[string]string `json:"tags,omitempty"`
	Checksums map[string]string `json:"checksums,omitempty"`
	Parts     int               `json:"parts,omitempty"`
	Xattrs    map[string]int    `json:"xattrs,omitempty"` // sizes of other extended attributes; of Stat only
	Pieces    int               `json:"pieces,omitempty"` // of its bytes in content files; told by stat only

	Who   Who    `json:"who"`
	Inode uint64 `json:"inode,omitempty"`
	Attr  *Attr  `json:"attr,omitempty"` // nil when nobody gave mode and owner
}

// Who says who made a version.
type Who struct {
	Principal string `json:"principal"`
	UID       uint32 `json:"uid"`
	Door      string `json:"door"` // "mount", "s3", "cli" or "store"
}

// An Attr is what POSIX keeps about a file.
type Attr struct {
	Mode  uint32    `json:"mode"` // as st_mode, type included
	UID   uint32    `json:"uid"`
	GID   uint32    `json:"gid"`
	Mtime time.Time `json:"mtime"`
	Ctime time.Time `json:"ctime"`
	Btime time.Time `json:"btime"`
}

// A ListEntry is one line of a listing: an object, or a prefix that stands for
// everything below it.
type ListEntry struct {
	Prefix string  `json:"prefix,omitempty"`
	Object *Object `json:"object,omitempty"`
}

// A Deleted says what a delete did.
type Deleted struct {
	Bucket       string `json:"bucket"`
	Key          string `json:"key"`
	Version      string `json:"version,omitempty"` // that was deleted, or of the new delete marker
	DeleteMarker bool   `json:"delete_marker"`
}

// A Problem is something that fsck found.
type Problem struct {
	Kind   string `json:"kind"`
	Where  string `json:"where"`
	What   string `json:"what"`
	Repair string `json:"repair,omitempty"` // what fsck --repair does, nothing if it can do nothing
	Advice string `json:"advice,omitempty"`
}

// A Mount is a mount that the daemon serves.
type Mount struct {
	Mountpoint string    `json:"mountpoint"`
	Bucket     string    `json:"bucket,omitempty"` // empty: all buckets
	Prefix     string    `json:"prefix,omitempty"`
	ReadOnly   bool      `json:"read_only"`
	AllowOther bool      `json:"allow_other"`
	Since      time.Time `json:"since"`
	Notice     string    `json:"notice,omitempty"` // what the user should know about it
	// Service is the S3 door that was opened with it.
	Service *Service `json:"service,omitempty"`
}

func bucketOf(b store.Bucket) Bucket {
	return Bucket{
		Name: b.Name, Created: b.Created, Region: b.Region, Account: b.Account,
		Versioning: b.Versioning, Tags: b.Tags, ObjectLock: b.ObjectLock,
	}
}

func objectOf(o store.Object) *Object {
	w := &Object{
		Bucket: o.Bucket, Key: o.Key, Number: o.Number, Version: o.VersionID,
		Latest: o.Latest, DeleteMarker: o.DeleteMarker, Size: o.Size, Modified: o.Modified,
		ETag: o.ETag, StorageClass: o.StorageClass, Encryption: o.Encryption.String(),
		ContentType: o.Headers.ContentType, ContentEncoding: o.Headers.ContentEncoding,
		ContentLanguage: o.Headers.ContentLanguage, ContentDisposition: o.Headers.ContentDisposition,
		CacheControl: o.Headers.CacheControl, Expires: o.Headers.Expires,
		WebsiteRedirect: o.Headers.WebsiteRedirect,
		Metadata:        o.Metadata, Tags: o.Tags, Checksums: o.Checksums, Parts: o.Parts,
		Who:   Who{Principal: o.Principal, UID: o.UID, Door: o.Door.String()},
		Inode: o.Ino,
	}
	if !o.Attr.Unowned && !o.DeleteMarker {
		w.Attr = &Attr{
			Mode: o.Attr.Mode, UID: o.Attr.UID, GID: o.Attr.GID,
			Mtime: o.Attr.Mtime, Ctime: o.Attr.Ctime, Btime: o.Attr.Btime,
		}
	}
	return w
}
