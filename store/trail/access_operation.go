package trail

import "strings"

// resources are the types of resources by which access logs name operations, which are named
// REST.METHOD.RESOURCE there: by the end of the operation's name in the API. The User Guide
// describes the form only; these are as published logs have them.
var resources = map[string]string{
	"Accelerate":              "ACCELERATE",
	"AccelerateConfiguration": "ACCELERATE",
	"Acl":                     "ACL",
	"Analytics":               "ANALYTICS",
	"Cors":                    "CORS",
	"Encryption":              "ENCRYPTION",
	"IntelligentTiering":      "INTELLIGENT_TIERING",
	"Inventory":               "INVENTORY",
	"Lifecycle":               "LIFECYCLE",
	"Location":                "LOCATION",
	"Logging":                 "LOGGING_STATUS",
	"Metrics":                 "METRICS",
	"Notification":            "NOTIFICATION",
	"OwnershipControls":       "OWNERSHIP_CONTROLS",
	"Policy":                  "BUCKETPOLICY",
	"PolicyStatus":            "POLICY_STATUS",
	"Replication":             "REPLICATION",
	"RequestPayment":          "REQUEST_PAYMENT",
	"Tagging":                 "TAGGING",
	"Versioning":              "VERSIONING",
	"Website":                 "WEBSITE",
}

// logOperations are the operations whose names do not follow from that.
var logOperations = map[string]string{
	"ListObjects":                "REST.GET.BUCKET",
	"ListObjectsV2":              "REST.GET.BUCKET",
	"ListObjectVersions":         "REST.GET.BUCKETVERSIONS",
	"ListMultipartUploads":       "REST.GET.UPLOADS",
	"ListParts":                  "REST.GET.UPLOAD",
	"HeadBucket":                 "REST.HEAD.BUCKET",
	"CreateBucket":               "REST.PUT.BUCKET",
	"DeleteBucket":               "REST.DELETE.BUCKET",
	"GetObject":                  "REST.GET.OBJECT",
	"HeadObject":                 "REST.HEAD.OBJECT",
	"PutObject":                  "REST.PUT.OBJECT",
	"PostObject":                 "REST.POST.OBJECT",
	"CopyObject":                 "REST.COPY.OBJECT",
	"RenameObject":               "REST.RENAME.OBJECT",
	"DeleteObject":               "REST.DELETE.OBJECT",
	"DeleteObjects":              "REST.POST.MULTI_OBJECT_DELETE",
	"CreateMultipartUpload":      "REST.POST.UPLOADS",
	"UploadPart":                 "REST.PUT.PART",
	"UploadPartCopy":             "REST.COPY.PART",
	"CompleteMultipartUpload":    "REST.POST.UPLOAD",
	"AbortMultipartUpload":       "REST.DELETE.UPLOAD",
	"GetObjectAttributes":        "REST.GET.OBJECT_ATTRIBUTES",
	"GetObjectTagging":           "REST.GET.OBJECT_TAGGING",
	"PutObjectTagging":           "REST.PUT.OBJECT_TAGGING",
	"DeleteObjectTagging":        "REST.DELETE.OBJECT_TAGGING",
	"GetObjectAcl":               "REST.GET.ACL",
	"PutObjectAcl":               "REST.PUT.ACL",
	"GetObjectRetention":         "REST.GET.OBJECT_LOCK_RETENTION",
	"PutObjectRetention":         "REST.PUT.OBJECT_LOCK_RETENTION",
	"GetObjectLegalHold":         "REST.GET.OBJECT_LOCK_LEGALHOLD",
	"PutObjectLegalHold":         "REST.PUT.OBJECT_LOCK_LEGALHOLD",
	"UpdateObjectEncryption":     "REST.PUT.OBJECT_ENCRYPTION",
	"GetObjectLockConfiguration": "REST.GET.OBJECT_LOCK_CONFIGURATION",
	"PutObjectLockConfiguration": "REST.PUT.OBJECT_LOCK_CONFIGURATION",
	"GetObjectTorrent":           "REST.GET.TORRENT",
	"RestoreObject":              "REST.POST.RESTORE",
	"SelectObjectContent":        "REST.POST.SELECT",
	"GetPublicAccessBlock":       "REST.GET.PUBLIC_ACCESS_BLOCK",
	"PutPublicAccessBlock":       "REST.PUT.PUBLIC_ACCESS_BLOCK",
	"DeletePublicAccessBlock":    "REST.DELETE.PUBLIC_ACCESS_BLOCK",
	"PreflightBucket":            "REST.OPTIONS.PREFLIGHT",
	"PreflightObject":            "REST.OPTIONS.PREFLIGHT",
	// What no AWS API has: changes of modes, owners, times and attributes on a mount.
	"SetObjectAttributes": "REST.PUT.OBJECT_ATTRIBUTES",
	"SetBucketAttributes": "REST.PUT.BUCKET_ATTRIBUTES",
	"RestoreObjects":      "REST.POST.RESTORE",
}

// The operations of access logs that no request of its own asks for: one key of DeleteObjects,
// the reading of what is copied ("Additional logging for copy operations"), and what lifecycles
// end ("S3 Lifecycle and logging").
const (
	LogBatchDelete  = "BATCH.DELETE.OBJECT"
	LogCopySource   = "REST.COPY.OBJECT_GET"
	LogPartSource   = "REST.COPY.PART_GET"
	LogExpire       = "S3.EXPIRE.OBJECT"
	LogExpireMarker = "S3.CREATE.DELETEMARKER"
	LogExpireUpload = "S3.DELETE.UPLOAD"
)

// LogOperation is how access logs name an operation of S3's API, as REST.GET.OBJECT; "": there
// is no such operation of a bucket.
func LogOperation(name string) string {
	if op := logOperations[name]; op != "" {
		return op
	}
	for _, verb := range [...]struct{ name, method string }{{"Get", "GET"}, {"Put", "PUT"}, {"Delete", "DELETE"}, {"List", "GET"}} {
		what, ok := strings.CutPrefix(name, verb.name+"Bucket")
		if !ok {
			continue
		}
		for _, end := range [...]string{"Configurations", "Configuration", ""} {
			if short, ok := strings.CutSuffix(what, end); ok && resources[short] != "" {
				return "REST." + verb.method + "." + resources[short]
			}
		}
	}
	return ""
}

// LogDoor is an operation as another door than HTTP makes it: MOUNT.GET.OBJECT. AWS names
// those of SOAP and of websites in this way.
func LogDoor(operation, door string) string {
	_, rest, ok := strings.Cut(operation, ".")
	if !ok {
		return operation
	}
	return strings.ToUpper(door) + "." + rest
}
