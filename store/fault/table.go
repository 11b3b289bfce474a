package fault

import "syscall"

// A Row is how a kind of failure looks through each door.
type Row struct {
	Name       string        // stable, unique
	Errno      syscall.Errno // what the mount answers
	S3Code     string        // what the S3 listener answers in <Code>
	HTTPStatus int           // and its status
	Message    string        // one sentence fragment, lower case, without a full stop
}

// table has one row per kind. It is never written.
//
// Errnos of kinds that only a conditional or ranged HTTP request can meet
// (PreconditionFailed, NotModified) are there for completeness. Tags and
// metadata over their limits are E2BIG rather than setxattr's ENOSPC, which
// people read as a full disk; for other attributes ENOSPC is what programs
// know from ext4 and xfs.
var table = [kindCount]Row{
	None: {"None", 0, "", 200, "no failure"},

	Internal:      {"Internal", syscall.EIO, "InternalError", 500, "internal error"},
	IOFailed:      {"IOFailed", syscall.EIO, "InternalError", 500, "the disk below the store failed"},
	Damaged:       {"Damaged", syscall.EIO, "InternalError", 500, "stored data is damaged"},
	StoreFailed:   {"StoreFailed", syscall.EIO, "InternalError", 500, "the store stopped writing after a failed sync"},
	StoreLocked:   {"StoreLocked", syscall.EBUSY, "ServiceUnavailable", 503, "another process owns the store"},
	NoSuchStore:   {"NoSuchStore", syscall.ENOENT, "InternalError", 500, "there is no store in this directory"},
	NoSuchMount:   {"NoSuchMount", syscall.ENOENT, "InternalError", 500, "there is no such mount"},
	NewerFormat:   {"NewerFormat", syscall.EPROTONOSUPPORT, "InternalError", 500, "the store was written by a newer release"},
	Unavailable:   {"Unavailable", syscall.EAGAIN, "ServiceUnavailable", 503, "the store cannot answer now, try again"},
	Exhausted:     {"Exhausted", syscall.ENFILE, "ServiceUnavailable", 503, "the daemon has no descriptors or no memory left"},
	Shutdown:      {"Shutdown", syscall.ESHUTDOWN, "ServiceUnavailable", 503, "the store is shutting down"},
	Canceled:      {"Canceled", syscall.EINTR, "ServiceUnavailable", 503, "the request was cancelled"},
	TimedOut:      {"TimedOut", syscall.ETIMEDOUT, "RequestTimeout", 400, "the request took too long"},
	NoSpace:       {"NoSpace", syscall.ENOSPC, "InsufficientStorage", 507, "no space left for new data"},
	QuotaExceeded: {"QuotaExceeded", syscall.EDQUOT, "QuotaExceeded", 403, "a quota is used up"},
	ReadOnly:      {"ReadOnly", syscall.EROFS, "AccessDenied", 403, "read-only"},
	NotSupported:  {"NotSupported", syscall.EOPNOTSUPP, "NotImplemented", 501, "not supported"},

	NoSuchBucket:            {"NoSuchBucket", syscall.ENOENT, "NoSuchBucket", 404, "the bucket does not exist"},
	BucketAlreadyExists:     {"BucketAlreadyExists", syscall.EEXIST, "BucketAlreadyExists", 409, "the bucket name is taken"},
	BucketAlreadyOwnedByYou: {"BucketAlreadyOwnedByYou", syscall.EEXIST, "BucketAlreadyOwnedByYou", 409, "you own this bucket already"},
	BucketNotEmpty:          {"BucketNotEmpty", syscall.ENOTEMPTY, "BucketNotEmpty", 409, "the bucket is not empty"},
	InvalidBucketName:       {"InvalidBucketName", syscall.EINVAL, "InvalidBucketName", 400, "not a valid bucket name"},
	InvalidBucketState:      {"InvalidBucketState", syscall.EINVAL, "InvalidBucketState", 409, "the bucket's settings do not allow this"},
	IllegalVersioning:       {"IllegalVersioning", syscall.EINVAL, "IllegalVersioningConfigurationException", 400, "no such change of versioning"},
	NoSuchCORS:              {"NoSuchCORS", syscall.ENODATA, "NoSuchCORSConfiguration", 404, "the CORS configuration does not exist"},
	NoSuchWebsite:           {"NoSuchWebsite", syscall.ENODATA, "NoSuchWebsiteConfiguration", 404, "the bucket does not have a website configuration"},
	NoSuchLifecycle:         {"NoSuchLifecycle", syscall.ENODATA, "NoSuchLifecycleConfiguration", 404, "the lifecycle configuration does not exist"},
	NoSuchObjectLock:        {"NoSuchObjectLock", syscall.ENODATA, "ObjectLockConfigurationNotFoundError", 404, "Object Lock configuration does not exist for this bucket"},
	MalformedConfig:         {"MalformedConfig", syscall.EINVAL, "MalformedXML", 400, "the configuration does not fit S3's schema"},

	// "List of error codes" of the API Reference, "Troubleshooting" of Object Ownership.
	NoSuchBucketPolicy:      {"NoSuchBucketPolicy", syscall.ENODATA, "NoSuchBucketPolicy", 404, "the bucket policy does not exist"},
	NoSuchPublicAccessBlock: {"NoSuchPublicAccessBlock", syscall.ENODATA, "NoSuchPublicAccessBlockConfiguration", 404, "the public access block configuration was not found"},
	NoSuchEncryption:        {"NoSuchEncryption", syscall.ENODATA, "ServerSideEncryptionConfigurationNotFoundError", 404, "the server side encryption configuration was not found"},
	NoSuchOwnership:         {"NoSuchOwnership", syscall.ENODATA, "OwnershipControlsNotFoundError", 404, "the bucket ownership controls were not found"},
	PolicyTooLarge:          {"PolicyTooLarge", syscall.E2BIG, "PolicyTooLarge", 400, "the policy is too long"},
	MalformedACL:            {"MalformedACL", syscall.EINVAL, "MalformedACLError", 400, "not a valid access control list"},
	ACLsDisabled:            {"ACLsDisabled", syscall.EOPNOTSUPP, "AccessControlListNotSupported", 400, "the bucket does not allow ACLs"},
	PublicACLBlocked:        {"PublicACLBlocked", syscall.EACCES, "InvalidBucketAclWithBlockPublicAccessError", 400, "Bucket cannot have public ACLs set with BlockPublicAccess enabled"},
	OwnersOnly:              {"OwnersOnly", syscall.EACCES, "MethodNotAllowed", 405, "only the account that owns the bucket may do this"},
	InvalidLogTarget:        {"InvalidLogTarget", syscall.EINVAL, "InvalidTargetBucketForLogging", 400, "access logs cannot go to that bucket"},
	LogTargetElsewhere:      {"LogTargetElsewhere", syscall.EINVAL, "CrossLocationLoggingProhibitted", 403, "access logs cannot go to a bucket of another region"},
	ACLNotOwners:            {"ACLNotOwners", syscall.EINVAL, "InvalidBucketAclWithObjectOwnership", 400, "the bucket has an ACL that grants something to others"},
	UnresolvableGrant:       {"UnresolvableGrant", syscall.EINVAL, "UnresolvableGrantByEmailAddress", 400, "a grantee cannot be named by an email address"},

	NoSuchAccessPoint:            {"NoSuchAccessPoint", syscall.ENOENT, "NoSuchAccessPoint", 404, "the access point does not exist"},
	NoSuchAccessPointPolicy:      {"NoSuchAccessPointPolicy", syscall.ENODATA, "NoSuchAccessPointPolicy", 404, "the access point has no policy"},
	AccessPointAlreadyOwnedByYou: {"AccessPointAlreadyOwnedByYou", syscall.EEXIST, "AccessPointAlreadyOwnedByYou", 409, "the account has an access point of this name already"},
	TooManyAccessPoints:          {"TooManyAccessPoints", syscall.EDQUOT, "TooManyAccessPoints", 400, "the account has as many access points as it may have"},
	AccessPointsAttached:         {"AccessPointsAttached", syscall.EBUSY, "BucketHasAccessPointsAttached", 400, "the bucket has access points"},

	NoSuchKey:           {"NoSuchKey", syscall.ENOENT, "NoSuchKey", 404, "the key does not exist"},
	NoSuchVersion:       {"NoSuchVersion", syscall.ENOENT, "NoSuchVersion", 404, "the version does not exist"},
	NoSuchTagSet:        {"NoSuchTagSet", syscall.ENODATA, "NoSuchTagSet", 404, "there are no tags"},
	NoSuchLock:          {"NoSuchLock", syscall.ENODATA, "NoSuchObjectLockConfiguration", 404, "the version has no such lock"},
	InvalidKey:          {"InvalidKey", syscall.EILSEQ, "InvalidURI", 400, "not a valid key"},
	KeyTooLong:          {"KeyTooLong", syscall.ENAMETOOLONG, "KeyTooLongError", 400, "the key is longer than 1024 bytes"},
	InvalidVersionID:    {"InvalidVersionID", syscall.EINVAL, "InvalidArgument", 400, "not a version id"},
	MethodNotAllowed:    {"MethodNotAllowed", syscall.EPERM, "MethodNotAllowed", 405, "not allowed on a delete marker"},
	EntityTooLarge:      {"EntityTooLarge", syscall.EFBIG, "EntityTooLarge", 400, "larger than the largest object"},
	EntityTooSmall:      {"EntityTooSmall", syscall.EINVAL, "EntityTooSmall", 400, "a part is smaller than the smallest part"},
	InvalidTag:          {"InvalidTag", syscall.EINVAL, "InvalidTag", 400, "not a valid tag"},
	TagTooLong:          {"TagTooLong", syscall.E2BIG, "InvalidTag", 400, "a tag's key or value is too long"},
	TooManyTags:         {"TooManyTags", syscall.E2BIG, "BadRequest", 400, "too many tags"},
	MetadataTooLarge:    {"MetadataTooLarge", syscall.E2BIG, "MetadataTooLarge", 400, "user metadata, or the headers kept with an object, are larger than 2 KB"},
	InvalidStorageClass: {"InvalidStorageClass", syscall.EINVAL, "InvalidStorageClass", 400, "not a storage class"},
	BadDigest:           {"BadDigest", syscall.EBADMSG, "BadDigest", 400, "the checksum does not match the data received"},
	IncompleteBody:      {"IncompleteBody", syscall.EPIPE, "IncompleteBody", 400, "fewer bytes were sent than announced"},

	NoSuchUpload:     {"NoSuchUpload", syscall.ENOENT, "NoSuchUpload", 404, "the upload does not exist"},
	InvalidPart:      {"InvalidPart", syscall.EINVAL, "InvalidPart", 400, "a part was not found or its ETag does not match"},
	InvalidPartOrder: {"InvalidPartOrder", syscall.EINVAL, "InvalidPartOrder", 400, "the parts are not in ascending order"},
	PartGap:          {"PartGap", syscall.EINVAL, "InvalidPartOrder", 400, "the parts are not numbered from 1 without a gap"},

	PreconditionFailed:         {"PreconditionFailed", syscall.ECANCELED, "PreconditionFailed", 412, "a precondition does not hold"},
	ConditionalRequestConflict: {"ConditionalRequestConflict", syscall.EBUSY, "ConditionalRequestConflict", 409, "a competing write is under way"},
	NotModified:                {"NotModified", syscall.ECANCELED, "NotModified", 304, "not modified"},
	InvalidRange:               {"InvalidRange", syscall.EINVAL, "InvalidRange", 416, "the range lies outside the object"},

	// Codes of IAM: "Common errors" and those of CreateAccessKey, IAM API Reference.
	NoSuchEntity:         {"NoSuchEntity", syscall.ENOENT, "NoSuchEntity", 404, "there is no such identity"},
	EntityAlreadyExists:  {"EntityAlreadyExists", syscall.EEXIST, "EntityAlreadyExists", 409, "there is such an identity already"},
	DeleteConflict:       {"DeleteConflict", syscall.EBUSY, "DeleteConflict", 409, "something is still attached to it"},
	LimitExceeded:        {"LimitExceeded", syscall.EDQUOT, "LimitExceeded", 409, "more than a quota allows"},
	MalformedPolicy:      {"MalformedPolicy", syscall.EINVAL, "MalformedPolicy", 400, "the policy cannot be enforced"},
	InvalidMFACode:       {"InvalidMFACode", syscall.EACCES, "InvalidAuthenticationCode", 403, "the code is not that of the MFA device"},
	InvalidToken:         {"InvalidToken", syscall.EACCES, "InvalidToken", 400, "the provided token is malformed or otherwise invalid"},
	ExpiredToken:         {"ExpiredToken", syscall.EACCES, "ExpiredToken", 400, "the provided token has expired"},
	PackedPolicyTooLarge: {"PackedPolicyTooLarge", syscall.E2BIG, "PackedPolicyTooLarge", 400, "session policies and tags are too large"},

	// S3 tells the failures of a key by the code of KMS with "KMS." before it, and 400. On the
	// mount whose key may not be used may not be read.
	KMSNotFound:          {"KMSNotFound", syscall.EACCES, "KMS.NotFoundException", 400, "the key does not exist"},
	KMSDisabled:          {"KMSDisabled", syscall.EACCES, "KMS.DisabledException", 400, "the key is disabled"},
	KMSInvalidState:      {"KMSInvalidState", syscall.EACCES, "KMS.KMSInvalidStateException", 400, "the key is in a state that does not allow this"},
	KMSIncorrectKey:      {"KMSIncorrectKey", syscall.EACCES, "KMS.IncorrectKeyException", 400, "it was encrypted with another key"},
	KMSInvalidCiphertext: {"KMSInvalidCiphertext", syscall.EIO, "KMS.InvalidCiphertextException", 400, "the ciphertext or its context is not what it was"},
	KMSUnavailable:       {"KMSUnavailable", syscall.EIO, "ServiceUnavailable", 503, "the service that keeps the key does not answer, try again"},
	KMSInvalidARN:        {"KMSInvalidARN", syscall.EINVAL, "InvalidArgument", 400, "not a valid ARN"},
	KMSInvalidAliasName:  {"KMSInvalidAliasName", syscall.EINVAL, "InvalidArgument", 400, "not a valid name of an alias"},
	KMSInvalidGrantID:    {"KMSInvalidGrantID", syscall.EINVAL, "InvalidArgument", 400, "not the id of a grant"},
	KMSInvalidGrantToken: {"KMSInvalidGrantToken", syscall.EINVAL, "InvalidArgument", 400, "not a grant token"},
	KMSInvalidMarker:     {"KMSInvalidMarker", syscall.EINVAL, "InvalidArgument", 400, "not the marker of a list"},
	KMSDryRun:            {"KMSDryRun", syscall.EINVAL, "InvalidRequest", 400, "the request would have succeeded, but it was a dry run"},

	InvalidArgument:   {"InvalidArgument", syscall.EINVAL, "InvalidArgument", 400, "invalid argument"},
	InvalidRequest:    {"InvalidRequest", syscall.EINVAL, "InvalidRequest", 400, "invalid request"},
	AccessDenied:      {"AccessDenied", syscall.EACCES, "AccessDenied", 403, "access denied"},
	CustomerKeyNeeded: {"CustomerKeyNeeded", syscall.EACCES, "InvalidRequest", 400, "it is encrypted with a key of a customer, which did not come with the request"},
	NotPermitted:      {"NotPermitted", syscall.EPERM, "AccessDenied", 403, "not permitted"},
	MFARequired:       {"MFARequired", syscall.EPERM, "AccessDenied", 403, "it takes the code of an MFA device"},
	ObjectLocked:      {"ObjectLocked", syscall.EPERM, "AccessDenied", 403, "an object lock protects the version"},

	Exists:         {"Exists", syscall.EEXIST, "OperationAborted", 409, "it exists already"},
	NotEmpty:       {"NotEmpty", syscall.ENOTEMPTY, "OperationAborted", 409, "the directory is not empty"},
	NotDirectory:   {"NotDirectory", syscall.ENOTDIR, "InvalidRequest", 400, "not a directory"},
	IsDirectory:    {"IsDirectory", syscall.EISDIR, "InvalidRequest", 400, "it is a directory"},
	SubdirOfItself: {"SubdirOfItself", syscall.EINVAL, "InvalidRequest", 400, "a directory cannot move below itself"},
	StaleHandle:    {"StaleHandle", syscall.ESTALE, "OperationAborted", 409, "what was opened is gone"},
	Busy:           {"Busy", syscall.EBUSY, "OperationAborted", 409, "in use by another operation"},
	CrossDevice:    {"CrossDevice", syscall.EXDEV, "InvalidRequest", 400, "source and destination are in different places"},
	NoMoreData:     {"NoMoreData", syscall.ENXIO, "InvalidRange", 416, "there is no more data in the file"},
	XattrsFull:     {"XattrsFull", syscall.ENOSPC, "InvalidRequest", 400, "no room for another extended attribute"},
	NoData:         {"NoData", syscall.ENODATA, "InvalidArgument", 400, "no such attribute"},
	NameTooLong:    {"NameTooLong", syscall.ENAMETOOLONG, "KeyTooLongError", 400, "the name is too long"},
}
