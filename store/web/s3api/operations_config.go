package s3api

import "net/http"

// configOperations are those of configurations that buckets have.
func configOperations() []operation {
	const get, put, del = http.MethodGet, http.MethodPut, http.MethodDelete
	op := func(name, method, query string, run func(*call) error) operation {
		return operation{name: name, method: method, level: bucket, query: []string{query}, run: run}
	}
	return []operation{
		op("GetBucketCors", get, "cors", (*call).getBucketCors),
		op("PutBucketCors", put, "cors", (*call).putBucketCors),
		op("DeleteBucketCors", del, "cors", (*call).deleteBucketCors),
		op("GetBucketWebsite", get, "website", (*call).getBucketWebsite),
		op("PutBucketWebsite", put, "website", (*call).putBucketWebsite),
		op("DeleteBucketWebsite", del, "website", (*call).deleteBucketWebsite),
		op("GetBucketLifecycleConfiguration", get, "lifecycle", (*call).getBucketLifecycle),
		op("PutBucketLifecycleConfiguration", put, "lifecycle", (*call).putBucketLifecycle),
		op("DeleteBucketLifecycle", del, "lifecycle", (*call).deleteBucketLifecycle),
		op("GetBucketNotificationConfiguration", get, "notification", (*call).getBucketNotification),
		op("PutBucketNotificationConfiguration", put, "notification", (*call).putBucketNotification),
		op("GetBucketLogging", get, "logging", (*call).getBucketLogging),
		op("PutBucketLogging", put, "logging", (*call).putBucketLogging),
		op("GetBucketRequestPayment", get, "requestPayment", (*call).getBucketRequestPayment),
		op("PutBucketRequestPayment", put, "requestPayment", (*call).putBucketRequestPayment),
		op("GetBucketOwnershipControls", get, "ownershipControls", (*call).getBucketOwnershipControls),
		op("PutBucketOwnershipControls", put, "ownershipControls", (*call).putBucketOwnershipControls),
		op("DeleteBucketOwnershipControls", del, "ownershipControls", (*call).deleteBucketOwnershipControls),
		op("GetBucketEncryption", get, "encryption", (*call).getBucketEncryption),
		op("PutBucketEncryption", put, "encryption", (*call).putBucketEncryption),
		op("DeleteBucketEncryption", del, "encryption", (*call).deleteBucketEncryption),
		op("GetBucketAcl", get, "acl", (*call).getBucketACL),
		op("PutBucketAcl", put, "acl", (*call).putBucketACL),
		op("GetBucketPolicy", get, "policy", (*call).getBucketPolicy),
		op("PutBucketPolicy", put, "policy", (*call).putBucketPolicy),
		op("DeleteBucketPolicy", del, "policy", (*call).deleteBucketPolicy),
		op("GetBucketPolicyStatus", get, "policyStatus", (*call).getBucketPolicyStatus),
		op("GetPublicAccessBlock", get, "publicAccessBlock", (*call).getPublicAccessBlock),
		op("PutPublicAccessBlock", put, "publicAccessBlock", (*call).putPublicAccessBlock),
		op("DeletePublicAccessBlock", del, "publicAccessBlock", (*call).deletePublicAccessBlock),
		op("GetObjectLockConfiguration", get, "object-lock", (*call).getObjectLockConfiguration),
		op("PutObjectLockConfiguration", put, "object-lock", (*call).putObjectLockConfiguration),
		{name: "PreflightBucket", method: http.MethodOptions, level: bucket, run: (*call).preflight},
		{name: "PreflightObject", method: http.MethodOptions, level: object, run: (*call).preflight},
	}
}
