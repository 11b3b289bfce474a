package control

import (
	"time"

	"pail/versioning"
)

// A CreateBucketRequest makes a bucket.
type CreateBucketRequest struct {
	Name       string           `json:"name"`
	Region     string           `json:"region,omitempty"` // empty: the store's
	Versioning versioning.State `json:"versioning"`
	ObjectLock bool             `json:"object_lock,omitempty"`
}

// A LockRequest asks for a bucket's Object Lock, or sets it.
type LockRequest struct {
	Name string `json:"name"`
	// Set gives the bucket Object Lock, for good, and chooses the retention of new versions;
	// without a Mode there is none.
	Set   bool   `json:"set,omitempty"`
	Mode  string `json:"mode,omitempty"` // GOVERNANCE or COMPLIANCE
	Days  int32  `json:"days,omitempty"`
	Years int32  `json:"years,omitempty"`
}

// A LoggingRequest asks where the access log of a bucket goes, or chooses it.
type LoggingRequest struct {
	Name string `json:"name"`
	// Set has the log go to Target, and to no bucket if that is empty.
	Set       bool   `json:"set,omitempty"`
	Target    string `json:"target,omitempty"`
	Prefix    string `json:"prefix,omitempty"`    // of its keys
	Partition string `json:"partition,omitempty"` // EventTime or DeliveryTime: the day in its keys; empty: none
	Deliver   bool   `json:"deliver,omitempty"`   // delivers what there is now
}

// A QuotaRequest asks for a bucket's quota, or changes it.
type QuotaRequest struct {
	Name    string `json:"name"`
	Bytes   *int64 `json:"bytes,omitempty"`   // nil: as it is; 0: none
	Objects *int64 `json:"objects,omitempty"` // nil: as it is; 0: none
}

// A BucketRequest names a bucket.
type BucketRequest struct {
	Name string `json:"name"`
}

// A VersioningRequest sets a bucket's versioning.
type VersioningRequest struct {
	Name       string           `json:"name"`
	Versioning versioning.State `json:"versioning"`
	// MFADelete turns MFA delete on or off; nil: it stays as it is. MFA is the serial of an MFA
	// device, a space and the code that it shows; a bucket with MFA delete takes it.
	MFADelete *bool  `json:"mfa_delete,omitempty"`
	MFA       string `json:"mfa,omitempty"`
}

// A ListRequest asks for the current objects of a bucket whose keys begin with
// Prefix, in the byte order of their keys. Keys that go on to a "/" after the
// prefix are one entry, unless Recursive.
type ListRequest struct {
	Bucket     string `json:"bucket"`
	Prefix     string `json:"prefix,omitempty"`
	StartAfter string `json:"start_after,omitempty"`
	Recursive  bool   `json:"recursive,omitempty"`
	Limit      int    `json:"limit,omitempty"` // 0: all
	// At, if it is not nil, is the time at which they were current.
	At *time.Time `json:"at,omitempty"`
}

// A ListVersionsRequest asks for every version below a prefix: keys in byte order,
// the newest version of each first.
type ListVersionsRequest struct {
	Bucket string `json:"bucket"`
	Prefix string `json:"prefix,omitempty"`
	Limit  int    `json:"limit,omitempty"` // 0: all
}

// An ObjectRequest names a key or one of its versions: by id, as "null", or by
// number. Version "" is the current one.
type ObjectRequest struct {
	Bucket  string `json:"bucket"`
	Key     string `json:"key"`
	Version string `json:"version,omitempty"`
	// MFA is as for VersioningRequest: of Delete.
	MFA string `json:"mfa,omitempty"`
	// At, if it is not nil, asks for what was current at this time: of Stat and Versions.
	At *time.Time `json:"at,omitempty"`
	// Modified, if it is not nil, asks for what was published then and nothing else: of Read.
	// A null version keeps its id when another takes its place.
	Modified *time.Time `json:"modified,omitempty"`
}

// A TagsRequest changes tags of a version, or of a bucket if Key is empty: the
// tags in Set are added or replaced, the names in Remove are taken away.
type TagsRequest struct {
	ObjectRequest
	Set    map[string]string `json:"set,omitempty"`
	Remove []string          `json:"remove,omitempty"`
}

// A SettingsRequest asks for the settings of a bucket, or of the store.
type SettingsRequest struct {
	Bucket string `json:"bucket,omitempty"`
}

// A SetSettingRequest chooses a setting of a bucket, or of the store, or takes the
// choice back.
type SetSettingRequest struct {
	Bucket string   `json:"bucket,omitempty"`
	Name   string   `json:"name"`
	Values []string `json:"values,omitempty"` // as a person writes them
	Reset  bool     `json:"reset,omitempty"`
}

// A MountRequest asks the daemon for a mount, an S3 door, or both. The mountpoint is
// absolute.
type MountRequest struct {
	Mountpoint string `json:"mountpoint"`
	Bucket     string `json:"bucket,omitempty"` // empty: all buckets
	Prefix     string `json:"prefix,omitempty"` // empty or ends in "/"
	ReadOnly   bool   `json:"read_only,omitempty"`
	AllowOther bool   `json:"allow_other,omitempty"`
	// Owner and permissions of what nobody gave any; nil leaves them to the mount.
	UID   *uint32 `json:"uid,omitempty"`
	GID   *uint32 `json:"gid,omitempty"`
	Umask *uint32 `json:"umask,omitempty"`
	// FsName is the mount's source as mount tables show it; "" is the store's directory.
	FsName string `json:"fs_name,omitempty"`
	// Options go to the kernel as they are, for example "noexec".
	Options []string `json:"options,omitempty"`
	// VerifyReads and ScrubEvery are the daemon's, for all its mounts: to compare checksums
	// on every read, and to read everything anew so long after the last time. Without them
	// what the daemon does stays as it is.
	VerifyReads bool          `json:"verify_reads,omitempty"`
	ScrubEvery  time.Duration `json:"scrub_every,omitempty"` // nanoseconds
	// As is the user for whom everyone on the mount acts, USER or ACCOUNT/USER; "" is the
	// store's owner. MapUID are those of some uids.
	As     string            `json:"as,omitempty"`
	MapUID map[uint32]string `json:"map_uid,omitempty"`
	// ClientKeys make the mount a client that encrypts (S3 Encryption Client); ClientFormat is the
	// message format that it writes, 3 or 2, 0 for 3; ClientPlain has it read what no client has
	// encrypted, too.
	ClientKeys   []ClientKey `json:"client_keys,omitempty"`
	ClientFormat int         `json:"client_format,omitempty"`
	ClientPlain  bool        `json:"client_plain,omitempty"`
	// CustomerKeys are those that objects on the mount are read and written with (SSE-C). Of two
	// prefixes the longer one counts.
	CustomerKeys []CustomerKey `json:"customer_keys,omitempty"`
	// Debug logs every request of the kernel.
	Debug bool `json:"debug,omitempty"`
	// S3 asks for an S3 door that ends with the mount. Without a mountpoint it is all that
	// is asked for.
	S3 *ServeRequest `json:"s3,omitempty"`
	// Detached lets the mount stay when the client goes away.
	Detached bool `json:"detached,omitempty"`
}

// A ClientKey is the key of a client for the keys of a bucket that begin with Prefix: one of the
// store's key service, or a raw one of 32 bytes.
type ClientKey struct {
	Bucket string `json:"bucket"`
	Prefix string `json:"prefix,omitempty"` // empty or ends in "/"
	KMS    string `json:"kms,omitempty"`
	Raw    []byte `json:"raw,omitempty"`
}

// A CustomerKey is a customer's key of 32 bytes for the keys of a bucket that begin with Prefix.
type CustomerKey struct {
	Bucket string `json:"bucket"`
	Prefix string `json:"prefix,omitempty"`
	Key    []byte `json:"key"`
}

// An UnmountRequest ends the mount at an absolute mountpoint, or all mounts if it is
// empty. When no mount is left the daemon ends, and the answer comes after that.
type UnmountRequest struct {
	Mountpoint string `json:"mountpoint,omitempty"`
}

// A ScrubRequest asks for a reading of all contents, to compare their checksums.
type ScrubRequest struct {
	Rate    int64 `json:"rate,omitempty"`    // bytes a second at most; 0: any
	Restart bool  `json:"restart,omitempty"` // begin anew, also if one was cut short
}

// A FsckRequest asks for a check of the whole store.
type FsckRequest struct {
	Deep bool `json:"deep,omitempty"` // read every content and compare its checksums
}
