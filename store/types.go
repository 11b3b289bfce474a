package store

import (
	"time"

	"pail/store/checksum"
	"pail/versioning"
)

// NullVersion is the id of the null version: what an unversioned or suspended
// bucket writes.
const NullVersion = "null"

// A Bucket is what the store knows about a bucket.
type Bucket struct {
	Name       string
	ID         uint64 // never reused
	Account    string // the owner's 12-digit account id
	Region     string
	Created    time.Time
	Versioning versioning.State
	Tags       map[string]string
	RootIno    uint64 // inode number of the bucket's directory
	ObjectLock bool   // it has Object Lock
}

// An Attr is what POSIX keeps about a file or a directory. Times have nanoseconds and lie
// between the years 1677 and 2262; one that does not is kept as the nearest that does.
type Attr struct {
	// Mode holds the type (S_IFREG, S_IFLNK or S_IFDIR) and the permission bits.
	Mode     uint32
	UID, GID uint32
	Atime    time.Time
	Mtime    time.Time
	Ctime    time.Time
	Btime    time.Time
	// Unowned says that nobody gave an owner (the object came over S3), Modeless that
	// nobody gave a mode either: the mount fills in its defaults for UID and GID, and for
	// Mode's permission bits.
	Unowned, Modeless bool
}

// An AttrChange says which attributes to change; nil leaves one as it is.
// Changing attributes makes no version.
type AttrChange struct {
	Mode     *uint32 // permission bits, 07777; alone it gives nobody what was unowned
	UID, GID *uint32 // of what was unowned: both, and Mode
	Atime    *time.Time
	Mtime    *time.Time
	Ctime    *time.Time // nil: the time of the change
	// DropCapability takes away what capabilities running the file gives, as a change of
	// its content or owner must.
	DropCapability bool
}

// Headers are the system headers that S3 keeps with an object.
type Headers struct {
	ContentType, ContentEncoding, ContentLanguage string
	ContentDisposition, CacheControl              string
	Expires                                       string // as it was sent
	WebsiteRedirect                               string
}

// An Object is one version of a key (or a delete marker) as everyone sees it.
type Object struct {
	Bucket, Key  string
	VersionID    string // NullVersion for a null version
	Number       uint64 // 1, 2, 3 within the key, in commit order, never reused
	Seq          uint64 // commit order across the store
	Ino          uint64 // inode number; 0 for a delete marker
	Size         int64  // bytes
	ETag         string // without quotes
	Modified     time.Time
	Latest       bool
	Versioned    bool // its bucket keeps history, or once did: then S3 shows its VersionID
	DeleteMarker bool
	Attr         Attr
	Headers      Headers
	StorageClass string            // "STANDARD" unless it was given
	Metadata     map[string]string // user metadata, lower-case names without x-amz-meta-
	Tags         map[string]string
	// Checksums are by algorithm in lower case, in base64; that of a multipart upload's
	// parts (ChecksumType Composite) with "-" and their number behind it.
	Checksums    map[string]string
	ChecksumType checksum.Type
	Parts        int        // 0 unless it came by a multipart upload
	Layout       PartLayout // of those parts, nil if there are none
	Principal    string     // ARN of who made it
	UID          uint32     // of the process that made it, where that was known
	Door         Door       // through which it was made
	Blocks       int64      // 512-byte units that its content takes, holes not counted
	// Lock is what keeps it from being removed, as far as the caller may know. Only Head and Get
	// tell it.
	Lock       versioning.Lock
	Encryption Encryption
	Renamed    string // the key that a rename brought it from; of a marker, took it to
	Owner      string // canonical id of the account whose it is, in listings
}

// A Dir is a directory: a bucket's root (Key "") or a prefix that ends in "/".
type Dir struct {
	Bucket, Key string
	Ino         uint64
	Attr        Attr
	Children    uint64 // published objects and directories directly below
	Explicit    bool   // made on purpose: the key itself exists, an empty object
	Past        bool   // it is gone, and so nothing about it changes any more
}

// An Entry is what one name in a directory stands for: a directory, an object,
// or both (keys a and a/b).
type Entry struct {
	Name   string // the segment of the key, without a slash; may be empty
	Dir    *Dir
	Object *Object
}
