package fault

// A Kind says what went wrong. The zero Kind, None, means that nothing did.
//
// A Kind is itself an error with its default message, so that it can be
// returned as it is and be the target of errors.Is.
type Kind uint16

// The kinds. Numbers change between releases; names do not.
const (
	None Kind = iota

	// The store itself.
	Internal      // a bug, or an error that nobody classified
	IOFailed      // the disk below refused a read or a write
	Damaged       // bytes on disk are not the bytes that were written
	StoreFailed   // a sync failed: the store stopped writing until it is reopened
	StoreLocked   // another process owns the store
	NoSuchStore   // the directory holds no store
	NoSuchMount   // no mount is there, or no directory to mount on
	NewerFormat   // written by a newer release
	Unavailable   // cannot answer now, a retry may succeed
	Exhausted     // the daemon has used up its descriptors or memory
	Shutdown      // the store is closing
	Canceled      // the caller gave up
	TimedOut      // the caller's deadline passed
	NoSpace       // the disk is full, or only the reserve is left
	QuotaExceeded // a quota is used up
	ReadOnly      // the store, the mount or the version takes no changes
	NotSupported  // Pail does not do this

	// Buckets.
	NoSuchBucket
	BucketAlreadyExists     // and belongs to someone else
	BucketAlreadyOwnedByYou // and belongs to the caller
	BucketNotEmpty
	InvalidBucketName
	InvalidBucketState // what the bucket is set to forbids the request
	IllegalVersioning  // no such step between versioning states
	NoSuchCORS         // the bucket has no rules for other origins
	NoSuchWebsite
	NoSuchLifecycle
	NoSuchObjectLock // the bucket has no Object Lock
	MalformedConfig  // a configuration of a shape that S3's schema does not have
	NoSuchBucketPolicy
	NoSuchPublicAccessBlock
	NoSuchOwnership  // nobody has chosen who owns a bucket's objects
	NoSuchEncryption // nobody has chosen how a bucket encrypts
	PolicyTooLarge
	MalformedACL
	ACLsDisabled       // the bucket's owner owns every object, so that ACLs grant nothing
	ACLNotOwners       // the bucket's ACL grants something to others, and so cannot be disabled
	UnresolvableGrant  // a grantee is named by an email address
	PublicACLBlocked   // Block Public Access does not let a new bucket have its ACL
	OwnersOnly         // only the account that owns the bucket may, whoever else is allowed to
	InvalidLogTarget   // access logs cannot go to that bucket
	LogTargetElsewhere // access logs cannot go to a bucket of another region

	// Access points.
	NoSuchAccessPoint
	NoSuchAccessPointPolicy
	AccessPointAlreadyOwnedByYou // there is one of that name in the account
	TooManyAccessPoints          // more than an account may have
	AccessPointsAttached         // the bucket cannot go before its access points

	// Keys, objects and versions.
	NoSuchKey
	NoSuchVersion
	NoSuchTagSet
	NoSuchLock // the version has no such lock
	InvalidKey // not UTF-8, or empty
	KeyTooLong // over 1024 bytes
	InvalidVersionID
	MethodNotAllowed // the version named is a delete marker
	EntityTooLarge
	EntityTooSmall // a part that is not the last is under 5 MiB
	InvalidTag
	TagTooLong
	TooManyTags
	MetadataTooLarge    // user metadata, or the headers that are kept
	InvalidStorageClass // no class that an object may have
	BadDigest           // the bytes are not what the caller's checksum says
	IncompleteBody      // fewer bytes came than were announced

	// Multipart uploads.
	NoSuchUpload
	InvalidPart
	InvalidPartOrder
	PartGap // parts whose numbers have to follow one another do not

	// Conditions.
	PreconditionFailed
	ConditionalRequestConflict // a competing write is under way
	NotModified
	InvalidRange

	// Identities.
	NoSuchEntity
	EntityAlreadyExists
	DeleteConflict       // something is still attached to it
	LimitExceeded        // more than its account may have
	MalformedPolicy      // a policy that is none, or that cannot be enforced
	InvalidMFACode       // not the code that the device shows now, or one that was used
	InvalidToken         // a session token that is none of this store's
	ExpiredToken         // temporary credentials whose time is over
	PackedPolicyTooLarge // session policies and tags are too much for temporary credentials

	// Keys of the key management service.
	KMSNotFound          // no such key, alias or grant
	KMSDisabled          // the key is disabled
	KMSInvalidState      // the key's state does not allow it, as when it is pending deletion
	KMSIncorrectKey      // another key than the one that has encrypted
	KMSInvalidCiphertext // no ciphertext, or not of this encryption context
	KMSUnavailable       // the service outside that keeps the key does not answer
	KMSInvalidARN
	KMSInvalidAliasName
	KMSInvalidGrantID
	KMSInvalidGrantToken
	KMSInvalidMarker
	KMSDryRun // all is well, and nothing was done, as was asked for

	// Requests.
	InvalidArgument
	InvalidRequest
	AccessDenied // the rules say no
	// CustomerKeyNeeded: it is encrypted with a key that comes with each request (SSE-C), and none
	// came.
	CustomerKeyNeeded
	NotPermitted // nobody may do this, whatever the rules say
	MFARequired  // it takes the code of an MFA device
	ObjectLocked // a lock keeps the version as it is

	// Files and directories.
	Exists
	NotEmpty
	NotDirectory
	IsDirectory
	SubdirOfItself // a directory renamed to a place below itself
	StaleHandle
	Busy
	CrossDevice
	NoData     // no such extended attribute
	XattrsFull // no room for another one, whatever the disk has
	NoMoreData // no data, or no hole, from an offset to the end of a file
	NameTooLong

	kindCount
)

// Row returns the kind's row of the table. An unknown kind has Internal's.
func (k Kind) Row() Row {
	if k >= kindCount {
		return table[Internal]
	}
	return table[k]
}

// Kinds returns every kind but None.
func Kinds() []Kind {
	all := make([]Kind, 0, kindCount-1)
	for k := None + 1; k < kindCount; k++ {
		all = append(all, k)
	}
	return all
}

// String returns the kind's stable name.
func (k Kind) String() string { return k.Row().Name }

// Error returns the kind's default message.
func (k Kind) Error() string { return k.Row().Message }

// ParseKind returns the kind of the given name, as String gives it.
func ParseKind(name string) (Kind, bool) {
	for k, row := range table {
		if row.Name == name {
			return Kind(k), true
		}
	}
	return None, false
}
