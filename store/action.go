package store

// An action is one of S3 or of IAM, as policies name it.
type action string

// The actions that session methods amount to.
const (
	actCreateBucket            action = "s3:CreateBucket"
	actDeleteBucket            action = "s3:DeleteBucket"
	actListBuckets             action = "s3:ListAllMyBuckets"
	actListBucket              action = "s3:ListBucket"
	actListBucketVersions      action = "s3:ListBucketVersions"
	actListUploads             action = "s3:ListBucketMultipartUploads"
	actGetBucketVersioning     action = "s3:GetBucketVersioning"
	actPutBucketVersioning     action = "s3:PutBucketVersioning"
	actGetBucketTagging        action = "s3:GetBucketTagging"
	actPutBucketTagging        action = "s3:PutBucketTagging"
	actGetObject               action = "s3:GetObject"
	actGetObjectVersion        action = "s3:GetObjectVersion"
	actGetObjectTagging        action = "s3:GetObjectTagging"
	actPutObjectTagging        action = "s3:PutObjectTagging"
	actGetObjectVersionTagging action = "s3:GetObjectVersionTagging"
	actPutObjectVersionTagging action = "s3:PutObjectVersionTagging"
	actGetAttributes           action = "s3:GetObjectAttributes"
	actGetVersionAttributes    action = "s3:GetObjectVersionAttributes"
	actPutObject               action = "s3:PutObject"
	actDeleteObject            action = "s3:DeleteObject"
	actDeleteObjectVersion     action = "s3:DeleteObjectVersion"
	actAbortUpload             action = "s3:AbortMultipartUpload"
	actListParts               action = "s3:ListMultipartUploadParts"
	actGetCORS                 action = "s3:GetBucketCORS"
	actPutCORS                 action = "s3:PutBucketCORS" // deleting it, too
	actGetWebsite              action = "s3:GetBucketWebsite"
	actPutWebsite              action = "s3:PutBucketWebsite"
	actDeleteWebsite           action = "s3:DeleteBucketWebsite"
	actGetLifecycle            action = "s3:GetLifecycleConfiguration"
	actPutLifecycle            action = "s3:PutLifecycleConfiguration" // deleting it, too
	actGetNotifications        action = "s3:GetBucketNotification"
	actPutNotifications        action = "s3:PutBucketNotification"
	actGetLogging              action = "s3:GetBucketLogging"
	actPutLogging              action = "s3:PutBucketLogging"
	actGetRequestPayment       action = "s3:GetBucketRequestPayment"
	actPutRequestPayment       action = "s3:PutBucketRequestPayment"
	actGetOwnership            action = "s3:GetBucketOwnershipControls"
	actPutOwnership            action = "s3:PutBucketOwnershipControls" // deleting it, too
	actGetEncryption           action = "s3:GetEncryptionConfiguration"
	actPutEncryption           action = "s3:PutEncryptionConfiguration" // deleting it, too
	actUpdateEncryption        action = "s3:UpdateObjectEncryption"
	actGetObjectLock           action = "s3:GetBucketObjectLockConfiguration"
	actPutObjectLock           action = "s3:PutBucketObjectLockConfiguration"
	actGetRetention            action = "s3:GetObjectRetention"
	actPutRetention            action = "s3:PutObjectRetention"
	actGetLegalHold            action = "s3:GetObjectLegalHold"
	actPutLegalHold            action = "s3:PutObjectLegalHold"
	actBypassGovernance        action = "s3:BypassGovernanceRetention"
	actGetLocation             action = "s3:GetBucketLocation"
	actGetPolicy               action = "s3:GetBucketPolicy"
	actPutPolicy               action = "s3:PutBucketPolicy"
	actDeletePolicy            action = "s3:DeleteBucketPolicy"
	actGetPolicyStatus         action = "s3:GetBucketPolicyStatus"
	actGetBlock                action = "s3:GetBucketPublicAccessBlock"
	actPutBlock                action = "s3:PutBucketPublicAccessBlock" // deleting it, too
	actGetAccountBlock         action = "s3:GetAccountPublicAccessBlock"
	actPutAccountBlock         action = "s3:PutAccountPublicAccessBlock" // deleting it, too
	actListPoints              action = "s3:ListAccessPoints"
	actCreatePoint             action = "s3:CreateAccessPoint"
	actGetPoint                action = "s3:GetAccessPoint"
	actDeletePoint             action = "s3:DeleteAccessPoint"
	actGetPointPolicy          action = "s3:GetAccessPointPolicy"
	actPutPointPolicy          action = "s3:PutAccessPointPolicy"
	actDeletePointPolicy       action = "s3:DeleteAccessPointPolicy"
	actGetPointPolicyStatus    action = "s3:GetAccessPointPolicyStatus"
	actListResourceTags        action = "s3:ListTagsForResource"
	actTagResource             action = "s3:TagResource"
	actUntagResource           action = "s3:UntagResource"
	actPutPointBlock           action = "s3:PutAccessPointPublicAccessBlock"
	actGetBucketACL            action = "s3:GetBucketAcl"
	actPutBucketACL            action = "s3:PutBucketAcl"
	actGetObjectACL            action = "s3:GetObjectAcl"
	actPutObjectACL            action = "s3:PutObjectAcl"
	actGetVersionACL           action = "s3:GetObjectVersionAcl"
	actPutVersionACL           action = "s3:PutObjectVersionAcl"
	actDeleteObjectTagging     action = "s3:DeleteObjectTagging"
	actDeleteVersionTagging    action = "s3:DeleteObjectVersionTagging"

	// Of what S3 has no like.
	actGetSettings action = "pail:GetSettings"
	actPutSettings action = "pail:PutSettings"
	actGetWebhooks action = "pail:GetWebhooks"
	actPutWebhooks action = "pail:PutWebhooks"

	// Of what CloudTrail keeps.
	actGetTrail action = "cloudtrail:GetTrail"
	actPutTrail action = "cloudtrail:UpdateTrail" // making it, selecting, turning it on and off, too
)
