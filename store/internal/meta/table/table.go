// Package table is the one place that knows how keys of the engine are made: which
// tables there are, what their keys hold and how they sort.
//
//	table  key                                    record      what
//	'b'    name                                   Bucket      buckets by name
//	'i'    bucket id                              name        bucket names by id
//	'h'    bucket, key                            Version     live heads, in S3's byte order
//	'd'    bucket, key                            Version     dead tops: delete markers, bare counters
//	'v'    bucket, escaped key, ^seq              Version     noncurrent, newest first within a key
//	'n'    bucket, escaped parent, name           Dir         directories by their parent
//	'x'    bucket, escaped path, died             Dir         directories that were
//	'y'    blob id                                bytes       inlined contents
//	'l'    blob id                                Blob        content files and shared blobs
//	'e'    list id, chunk                         ExtentList  long lists of extents
//	'g'    blob id                                -           content files to delete
//	'p'    seq                                    Pending     published, not known to be on disk
//	'w'    inode                                  Draft       drafts that were fsynced
//	'a'    inode, number                          Patch       what was fsynced of a draft since then
//	'u'    bucket, escaped key, upload number     Upload      uploads in S3's order
//	'q'    upload number, part                    Part        parts
//	'm'    move id                                Move        directory renames on their way
//	'f'    seq, index                             Change      the change feed
//	'c'    name                                   Cursor      readers of the feed
//	't'    seq                                    time        when commits happened, one a millisecond at most
//	'k'    seq                                    time        those of them before which the clock was set back
//	's'    name                                   -           settings of the store
//	'r'    kind, id                               Identity    identities, see IdentityKind; access keys ('k') are AccessKey
//	'o'    kind, bucket id, piece                 ConfigPiece configurations of buckets
//	'j'    webhook id, seq, index                 Event       what webhooks are still to be told
//	'z'    number                                 TrailEvent  what the audit trail is still to have
//	'A'    account, name                          AccessPoint access points; their policies are among the configurations, by their ids
//	'K'    kind, id                               Kms         what the key management service keeps, see KmsKind
//
// Numbers are big-endian, so that they sort. Where something follows a key or a
// path, that is escaped: 0x00 becomes 0x00 0xff and 0x00 0x01 ends it, which keeps
// the byte order of the plain strings.
package table

import (
	"encoding/binary"
	"errors"
	"strings"
)

// The tables.
const (
	buckets    = 'b'
	bucketIDs  = 'i'
	heads      = 'h'
	dead       = 'd'
	noncurrent = 'v'
	dirs       = 'n'
	pastDirs   = 'x'
	inline     = 'y'
	blobs      = 'l'
	extents    = 'e'
	garbage    = 'g'
	pending    = 'p'
	drafts     = 'w'
	patches    = 'a'
	uploads    = 'u'
	parts      = 'q'
	moves      = 'm'
	feed       = 'f'
	cursors    = 'c'
	times      = 't'
	setbacks   = 'k'
	settings   = 's'
	identities = 'r'
	configs    = 'o'
	events     = 'j'
	trails     = 'z'
	points     = 'A'
	kms        = 'K'
)

// A ConfigKind is a kind of configuration that a bucket may have.
type ConfigKind byte

// The kinds of configuration.
const (
	ConfigCORS          ConfigKind = 'c'
	ConfigWebsite       ConfigKind = 'w'
	ConfigLifecycle     ConfigKind = 'l'
	ConfigNotifications ConfigKind = 'n'
	ConfigPolicy        ConfigKind = 'p'
	ConfigPointPolicy   ConfigKind = 'a' // of an access point, by its id in place of a bucket's
	ConfigLogging       ConfigKind = 'g'
)

// ConfigKinds are those that buckets have.
func ConfigKinds() []ConfigKind {
	return []ConfigKind{ConfigCORS, ConfigWebsite, ConfigLifecycle, ConfigNotifications, ConfigPolicy, ConfigLogging}
}

// ErrMalformed says that a key is not of the table it should be of.
var ErrMalformed = errors.New("malformed key")

func start(table byte, n int) []byte {
	b := make([]byte, 1, 1+n)
	b[0] = table
	return b
}

func numbered(table byte, nums ...uint64) []byte {
	b := start(table, 8*len(nums))
	for _, n := range nums {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return b
}

func appendEscaped(b []byte, s string) []byte {
	b = appendEscapedOpen(b, s)
	return append(b, 0x00, 0x01)
}

// appendEscapedOpen leaves the end off, for prefixes.
func appendEscapedOpen(b []byte, s string) []byte {
	for {
		i := strings.IndexByte(s, 0)
		if i < 0 {
			return append(b, s...)
		}
		b = append(b, s[:i]...)
		b = append(b, 0x00, 0xff)
		s = s[i+1:]
	}
}

// cutEscaped takes one escaped string off the front of b.
func cutEscaped(b []byte) (s string, rest []byte, err error) {
	var out []byte
	for i := 0; i+1 < len(b); i++ {
		if b[i] != 0 {
			continue
		}
		switch b[i+1] {
		case 0x01:
			if out == nil {
				return string(b[:i]), b[i+2:], nil
			}
			return string(append(out, b[:i]...)), b[i+2:], nil
		case 0xff:
			out = append(out, b[:i+1]...)
			b = b[i+2:]
			i = -1
		default:
			return "", nil, ErrMalformed
		}
	}
	return "", nil, ErrMalformed
}

// Bucket is where the bucket of that name stands.
func Bucket(name string) []byte { return append(start(buckets, len(name)), name...) }

// Buckets is the prefix of all buckets.
func Buckets() []byte { return []byte{buckets} }

// BucketID is where the name of the bucket with that id stands.
func BucketID(id uint64) []byte { return numbered(bucketIDs, id) }

func keyed(table byte, bucket uint64, key string) []byte {
	b := start(table, 8+len(key))
	b = binary.BigEndian.AppendUint64(b, bucket)
	return append(b, key...)
}

// Head is where the live head of a key stands. Head(bucket, prefix) is the prefix
// of the heads below prefix.
func Head(bucket uint64, key string) []byte { return keyed(heads, bucket, key) }

// Dead is where the dead top of a key stands; likewise for prefixes.
func Dead(bucket uint64, key string) []byte { return keyed(dead, bucket, key) }

// SplitKey returns the S3 key of a key of the tables of heads and dead tops.
func SplitKey(k []byte) string { return string(k[9:]) }

// SplitBucket returns the bucket of a key of any table that begins with one.
func SplitBucket(k []byte) uint64 { return binary.BigEndian.Uint64(k[1:9]) }

// Noncurrent is where a noncurrent version stands.
func Noncurrent(bucket uint64, key string, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(NoncurrentOf(bucket, key), ^seq)
}

// NoncurrentOf is the prefix of the noncurrent versions of one key.
func NoncurrentOf(bucket uint64, key string) []byte {
	b := start(noncurrent, 8+len(key)+2+8)
	b = binary.BigEndian.AppendUint64(b, bucket)
	return appendEscaped(b, key)
}

// NoncurrentBelow is the prefix of the noncurrent versions of keys with that prefix.
func NoncurrentBelow(bucket uint64, prefix string) []byte {
	b := start(noncurrent, 8+len(prefix))
	b = binary.BigEndian.AppendUint64(b, bucket)
	return appendEscapedOpen(b, prefix)
}

// SplitNoncurrent returns the parts of a key of the table of noncurrent versions.
func SplitNoncurrent(k []byte) (key string, seq uint64, err error) {
	key, rest, err := cutEscaped(k[9:])
	if err != nil || len(rest) != 8 {
		return "", 0, ErrMalformed
	}
	return key, ^binary.BigEndian.Uint64(rest), nil
}

// ParentDir returns the directory that holds the directory dir ("a/b/" -> "a/") and
// its name there ("b"). The root has no parent; ok is false.
func ParentDir(dir string) (parent, name string, ok bool) {
	if dir == "" {
		return "", "", false
	}
	s := dir[:len(dir)-1]
	i := strings.LastIndexByte(s, '/')
	return s[:i+1], s[i+1:], true
}

// DirOf returns the directory that a key stands in: of "a/b" it is "a/", and of
// "a/", the directory's own key, it is "a/".
func DirOf(key string) string { return key[:strings.LastIndexByte(key, '/')+1] }

// Dir is where the record of a directory stands ("" is the bucket's root).
func Dir(bucket uint64, dir string) []byte {
	parent, name, ok := ParentDir(dir)
	if !ok {
		// The root sorts before all others and has no name.
		return numbered(dirs, bucket)
	}
	return append(DirsOf(bucket, parent), name...)
}

// DirsOf is the prefix of the directories directly below parent. What follows it in
// a key is the name.
func DirsOf(bucket uint64, parent string) []byte {
	b := start(dirs, 8+len(parent)+2+16)
	b = binary.BigEndian.AppendUint64(b, bucket)
	return appendEscaped(b, parent)
}

// DirsBelow is the prefix of the records of all directories whose parent is dir or
// below it.
func DirsBelow(bucket uint64, dir string) []byte {
	b := start(dirs, 8+len(dir))
	b = binary.BigEndian.AppendUint64(b, bucket)
	return appendEscapedOpen(b, dir)
}

// SplitDir returns the directory that a key of the table of directories is for.
func SplitDir(k []byte) (dir string, err error) {
	if len(k) == 9 {
		return "", nil
	}
	parent, name, err := cutEscaped(k[9:])
	if err != nil {
		return "", err
	}
	return parent + string(name) + "/", nil
}

// PastDir is where the record of a directory that died stands.
func PastDir(bucket uint64, dir string, died uint64) []byte {
	return binary.BigEndian.AppendUint64(PastDirOf(bucket, dir), died)
}

// PastDirOf is the prefix of the lives of one directory.
func PastDirOf(bucket uint64, dir string) []byte {
	b := start(pastDirs, 8+len(dir)+2+8)
	b = binary.BigEndian.AppendUint64(b, bucket)
	return appendEscaped(b, dir)
}

// PastDirsBelow is the prefix of the past directories at dir and below.
func PastDirsBelow(bucket uint64, dir string) []byte {
	b := start(pastDirs, 8+len(dir))
	b = binary.BigEndian.AppendUint64(b, bucket)
	return appendEscapedOpen(b, dir)
}

// SplitPastDir returns the parts of a key of the table of past directories.
func SplitPastDir(k []byte) (dir string, died uint64, err error) {
	dir, rest, err := cutEscaped(k[9:])
	if err != nil || len(rest) != 8 {
		return "", 0, ErrMalformed
	}
	return dir, binary.BigEndian.Uint64(rest), nil
}

// Inline is where the bytes of an inlined blob stand.
func Inline(id uint64) []byte { return numbered(inline, id) }

// Inlines is the prefix of all inlined blobs.
func Inlines() []byte { return []byte{inline} }

// Blob is where the record of a blob stands.
func Blob(id uint64) []byte { return numbered(blobs, id) }

// Blobs is the prefix of the records of all blobs.
func Blobs() []byte { return []byte{blobs} }

// ExtentList is where a chunk of a list of extents stands.
func ExtentList(list uint64, chunk uint32) []byte {
	return binary.BigEndian.AppendUint32(numbered(extents, list), chunk)
}

// ExtentListOf is the prefix of the chunks of a list of extents.
func ExtentListOf(list uint64) []byte { return numbered(extents, list) }

// ExtentLists is the prefix of all lists of extents.
func ExtentLists() []byte { return []byte{extents} }

// SplitExtentList returns the parts of a key of the table of extent lists.
func SplitExtentList(k []byte) (list uint64, chunk uint32) {
	return binary.BigEndian.Uint64(k[1:9]), binary.BigEndian.Uint32(k[9:])
}

// Garbage is where it stands that a content file is to be deleted.
func Garbage(id uint64) []byte { return numbered(garbage, id) }

// Garbages is the prefix of all of those.
func Garbages() []byte { return []byte{garbage} }

// Pending is where the pending publish of a commit stands.
func Pending(seq uint64) []byte { return numbered(pending, seq) }

// Pendings is the prefix of all pending publishes.
func Pendings() []byte { return []byte{pending} }

// Draft is where the synced draft of an inode stands.
func Draft(ino uint64) []byte { return numbered(drafts, ino) }

// Drafts is the prefix of all synced drafts.
func Drafts() []byte { return []byte{drafts} }

// Patch is where a patch of a draft stands.
func Patch(ino uint64, number uint32) []byte {
	return binary.BigEndian.AppendUint32(numbered(patches, ino), number)
}

// PatchesOf is the prefix of the patches of a draft, in the order in which they were made.
func PatchesOf(ino uint64) []byte { return numbered(patches, ino) }

// Patches is the prefix of all patches.
func Patches() []byte { return []byte{patches} }

// Upload is where an upload stands.
func Upload(bucket uint64, key string, number uint64) []byte {
	return binary.BigEndian.AppendUint64(UploadsOf(bucket, key), number)
}

// UploadsOf is the prefix of the uploads of one key.
func UploadsOf(bucket uint64, key string) []byte {
	b := start(uploads, 8+len(key)+2+8)
	b = binary.BigEndian.AppendUint64(b, bucket)
	return appendEscaped(b, key)
}

// UploadsBelow is the prefix of the uploads of keys with that prefix.
func UploadsBelow(bucket uint64, prefix string) []byte {
	b := start(uploads, 8+len(prefix))
	b = binary.BigEndian.AppendUint64(b, bucket)
	return appendEscapedOpen(b, prefix)
}

// AllUploads is the prefix of the uploads of all buckets.
func AllUploads() []byte { return []byte{uploads} }

// SplitUpload returns the parts of a key of the table of uploads.
func SplitUpload(k []byte) (key string, number uint64, err error) {
	key, rest, err := cutEscaped(k[9:])
	if err != nil || len(rest) != 8 {
		return "", 0, ErrMalformed
	}
	return key, binary.BigEndian.Uint64(rest), nil
}

// Part is where a part stands.
func Part(upload uint64, part uint32) []byte {
	return binary.BigEndian.AppendUint32(numbered(parts, upload), part)
}

// PartsOf is the prefix of the parts of an upload.
func PartsOf(upload uint64) []byte { return numbered(parts, upload) }

// AllParts is the prefix of all parts.
func AllParts() []byte { return []byte{parts} }

// Move is where the intent of a directory rename stands.
func Move(id uint64) []byte { return numbered(moves, id) }

// Moves is the prefix of all of those.
func Moves() []byte { return []byte{moves} }

// Feed is where an entry of the change feed stands.
func Feed(seq uint64, index uint32) []byte {
	return binary.BigEndian.AppendUint32(numbered(feed, seq), index)
}

// Feeds is the prefix of the change feed.
func Feeds() []byte { return []byte{feed} }

// SplitFeed returns the parts of a key of the change feed.
func SplitFeed(k []byte) (seq uint64, index uint32) {
	return binary.BigEndian.Uint64(k[1:9]), binary.BigEndian.Uint32(k[9:])
}

// Cursor is where a cursor of the change feed stands.
func Cursor(name string) []byte { return append(start(cursors, len(name)), name...) }

// Cursors is the prefix of all cursors.
func Cursors() []byte { return []byte{cursors} }

// Time is where the time of a commit stands: 8 bytes, nanoseconds since 1970.
func Time(seq uint64) []byte { return numbered(times, seq) }

// Times is the prefix of all times.
func Times() []byte { return []byte{times} }

// Setback is where it stands that the clock had been set back before a commit: the
// time, as in Time.
func Setback(seq uint64) []byte { return numbered(setbacks, seq) }

// Setbacks is the prefix of all of those.
func Setbacks() []byte { return []byte{setbacks} }

// Number returns the number of a key that is a table and one number.
func Number(k []byte) (uint64, error) {
	if len(k) != 9 {
		return 0, ErrMalformed
	}
	return binary.BigEndian.Uint64(k[1:]), nil
}

// Setting is where a setting of the store stands.
func Setting(name string) []byte { return append(start(settings, len(name)), name...) }

// An IdentityKind is a kind of what the accounts of a store have.
type IdentityKind byte

// The kinds of identities. Access keys have a record of their own.
const (
	IdentityAccessKey IdentityKind = 'k'
	IdentityAccount   IdentityKind = 'a' // by its 12 digits
	IdentityUser      IdentityKind = 'u' // by its unique id
	IdentityGroup     IdentityKind = 'g' // likewise
	IdentityRole      IdentityKind = 'o' // likewise
	IdentityPolicy    IdentityKind = 'p' // likewise
	IdentityDevice    IdentityKind = 'm' // by its serial
	IdentitySecret    IdentityKind = 's' // what tokens are sealed with, by its id
	IdentityLastUse   IdentityKind = 'l' // by the id of the access key or the role
)

// IdentityKinds are all of them but access keys.
func IdentityKinds() []IdentityKind {
	return []IdentityKind{IdentityAccount, IdentityUser, IdentityGroup, IdentityRole, IdentityPolicy, IdentityDevice, IdentitySecret, IdentityLastUse}
}

// Identity is where an identity stands.
func Identity(kind IdentityKind, id string) []byte { return append(IdentitiesOf(kind), id...) }

// IdentitiesOf is the prefix of the identities of one kind.
func IdentitiesOf(kind IdentityKind) []byte { return []byte{identities, byte(kind)} }

// SplitIdentity returns the parts of a key of Identities.
func SplitIdentity(k []byte) (kind IdentityKind, id string, err error) {
	if len(k) < 3 {
		return 0, "", ErrMalformed
	}
	return IdentityKind(k[1]), string(k[2:]), nil
}

// AccessKey is where the access key of that id stands.
func AccessKey(id string) []byte { return append(AccessKeys(), id...) }

// AccessKeys is the prefix of all access keys.
func AccessKeys() []byte { return IdentitiesOf(IdentityAccessKey) }

// SplitAccessKey returns the id of a key of AccessKeys.
func SplitAccessKey(k []byte) string { return string(k[2:]) }

// Identities is the prefix of all identities, of every kind.
func Identities() []byte { return []byte{identities} }

// Config is where a piece of a bucket's configuration stands.
func Config(kind ConfigKind, bucket uint64, piece uint32) []byte {
	return binary.BigEndian.AppendUint32(ConfigOf(kind, bucket), piece)
}

// ConfigOf is the prefix of the pieces of a bucket's configuration.
func ConfigOf(kind ConfigKind, bucket uint64) []byte {
	return binary.BigEndian.AppendUint64(ConfigsOf(kind), bucket)
}

// ConfigsOf is the prefix of all configurations of a kind.
func ConfigsOf(kind ConfigKind) []byte {
	return append(start(configs, 1+8+4), byte(kind))
}

// Configs is the prefix of all configurations.
func Configs() []byte { return []byte{configs} }

// SplitConfig returns the parts of a key of the table of configurations.
func SplitConfig(k []byte) (kind ConfigKind, bucket uint64, piece uint32, err error) {
	if len(k) != 14 {
		return 0, 0, 0, ErrMalformed
	}
	return ConfigKind(k[1]), binary.BigEndian.Uint64(k[2:10]), binary.BigEndian.Uint32(k[10:]), nil
}

// AccessPoint is where the access point of an account stands that has that name.
func AccessPoint(account, name string) []byte {
	return append(start(points, len(account)+1+len(name)), account+"/"+name...)
}

// AccessPoints is the prefix of all access points.
func AccessPoints() []byte { return []byte{points} }

// SplitAccessPoint returns the parts of a key of AccessPoints.
func SplitAccessPoint(k []byte) (account, name string, err error) {
	account, name, ok := strings.Cut(string(k[1:]), "/")
	if !ok {
		return "", "", ErrMalformed
	}
	return account, name, nil
}

// Event is where an event stands that a webhook is to be told.
func Event(webhook, seq uint64, index uint32) []byte {
	return binary.BigEndian.AppendUint32(numbered(events, webhook, seq), index)
}

// EventsOf is the prefix of the events of a webhook, in the order in which they happened.
func EventsOf(webhook uint64) []byte { return numbered(events, webhook) }

// Events is the prefix of all events.
func Events() []byte { return []byte{events} }

// SplitEvent returns the parts of a key of the table of events.
func SplitEvent(k []byte) (webhook, seq uint64, index uint32, err error) {
	if len(k) != 21 {
		return 0, 0, 0, ErrMalformed
	}
	return binary.BigEndian.Uint64(k[1:9]), binary.BigEndian.Uint64(k[9:17]), binary.BigEndian.Uint32(k[17:]), nil
}

// Trail is where a record of the audit trail stands.
func Trail(number uint64) []byte { return numbered(trails, number) }

// Trails is the prefix of all of those.
func Trails() []byte { return []byte{trails} }

// A KmsKind is a kind of what the key management service keeps.
type KmsKind byte

// The kinds.
const (
	KmsKey     KmsKind = 'k' // by its id
	KmsAlias   KmsKind = 'a' // by its account, a slash and its name
	KmsGrant   KmsKind = 'g' // by its id
	KmsService KmsKind = 's' // by its id
)

// KmsKinds are all of them: keys first, because the others refer to them.
func KmsKinds() []KmsKind { return []KmsKind{KmsKey, KmsAlias, KmsGrant, KmsService} }

// Kms is where a key, an alias or a grant stands.
func Kms(kind KmsKind, id string) []byte { return append(KmsOf(kind), id...) }

// KmsOf is the prefix of those of one kind.
func KmsOf(kind KmsKind) []byte { return []byte{kms, byte(kind)} }

// AllKms is the prefix of all of those.
func AllKms() []byte { return []byte{kms} }

// SplitKms returns the parts of a key of AllKms.
func SplitKms(k []byte) (kind KmsKind, id string, err error) {
	if len(k) < 3 {
		return 0, "", ErrMalformed
	}
	return KmsKind(k[1]), string(k[2:]), nil
}
