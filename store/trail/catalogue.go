package trail

import "strings"

// A Kind is what kind of event an operation makes.
type Kind struct {
	Name     string // of the event
	ReadOnly bool
	Data     bool
}

// renamed are the operations of S3 whose events have other names than they ("Amazon S3
// CloudTrail events"). Both forms of listing objects make the same event.
var renamed = map[string]string{
	"GetBucketLifecycleConfiguration":    "GetBucketLifecycle",
	"PutBucketLifecycleConfiguration":    "PutBucketLifecycle",
	"GetBucketNotificationConfiguration": "GetBucketNotification",
	"PutBucketNotificationConfiguration": "PutBucketNotification",
	"GetPublicAccessBlock":               "GetBucketPublicAccessBlock",
	"PutPublicAccessBlock":               "PutBucketPublicAccessBlock",
	"DeletePublicAccessBlock":            "DeleteBucketPublicAccessBlock",
	"ListObjectsV2":                      "ListObjects",
	// Actions of policies, by which refusals on a mount are told.
	"ListAllMyBuckets":           "ListBuckets",
	"ListBucket":                 "ListObjects",
	"ListBucketVersions":         "ListObjectVersions",
	"GetObjectVersion":           "GetObject",
	"GetObjectVersionTagging":    "GetObjectTagging",
	"GetObjectVersionAttributes": "GetObjectAttributes",
	"DeleteObjectVersion":        "DeleteObject",
	"PutObjectVersionTagging":    "PutObjectTagging",
	"PutObjectVersionAcl":        "PutObjectAcl",
	"GetObjectVersionAcl":        "GetObjectAcl",
	"GetLifecycleConfiguration":  "GetBucketLifecycle",
	"PutLifecycleConfiguration":  "PutBucketLifecycle",
}

// dataEvents are those about objects.
var dataEvents = map[string]bool{
	"AbortMultipartUpload": true, "CompleteMultipartUpload": true, "CopyObject": true, "CreateMultipartUpload": true,
	"DeleteObject": true, "DeleteObjectTagging": true, "DeleteObjects": true, "GetObject": true, "GetObjectAcl": true,
	"GetObjectAttributes": true, "GetObjectLegalHold": true, "GetObjectRetention": true, "GetObjectTagging": true,
	"GetObjectTorrent": true, "HeadBucket": true, "HeadObject": true, "ListMultipartUploads": true,
	"ListObjectVersions": true, "ListObjects": true, "ListParts": true, "PostObject": true, "PutObject": true,
	"PutObjectAcl": true, "PutObjectLegalHold": true, "PutObjectRetention": true, "PutObjectTagging": true,
	"RenameObject": true, "RestoreObject": true, "SelectObjectContent": true, "UpdateObjectEncryption": true,
	"UploadPart": true, "UploadPartCopy": true,
	// Of the mount and the command line.
	"SetObjectAttributes": true, "RestoreObjects": true,
}

// readsOfKMS are the operations of KMS that change nothing and whose names do not say so
// ("Logging AWS KMS API calls with AWS CloudTrail").
var readsOfKMS = map[string]bool{
	"Decrypt": true, "Encrypt": true, "ReEncrypt": true, "DescribeKey": true, "GenerateDataKey": true, "GenerateDataKeyWithoutPlaintext": true, "GenerateRandom": true,
}

// KindOf says what kind of event an operation makes, by the operation's name.
func KindOf(operation string) Kind {
	k := Kind{Name: operation}
	if name := renamed[operation]; name != "" {
		k.Name = name
	}
	k.Data = dataEvents[k.Name]
	for _, prefix := range []string{"Get", "Head", "List", "Preflight", "Select", "Simulate"} {
		k.ReadOnly = k.ReadOnly || strings.HasPrefix(operation, prefix)
	}
	k.ReadOnly = k.ReadOnly || readsOfKMS[operation]
	// What gives credentials away changes nothing, and is told as a read.
	k.ReadOnly = k.ReadOnly || strings.HasPrefix(operation, "AssumeRole")
	return k
}
