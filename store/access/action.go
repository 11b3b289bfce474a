package access

import "strings"

// A resourceType is a set of the kinds of resource that an action of S3 is done to.
type resourceType uint8

const (
	onBucket      resourceType = 1 << iota
	onObject                   // arn:aws:s3:::bucket/key
	onAccessPoint              // arn:aws:s3:region:account:accesspoint/name
	onPointObject              // arn:aws:s3:region:account:accesspoint/name/object/key
	onOther                    // a job, a grant, a lens: nothing that has a policy in Pail

	onNothing resourceType = 0 // the account as a whole: the Resource must be "*"
)

// s3Actions is the table "Actions defined by Amazon S3" of the Service Authorization
// Reference, by what the actions are done to.
var s3Actions = []struct {
	on    resourceType
	names string
}{
	{onObject | onPointObject, `
		AbortMultipartUpload BypassGovernanceRetention DeleteObject DeleteObjectAnnotation
		DeleteObjectTagging DeleteObjectVersion DeleteObjectVersionAnnotation DeleteObjectVersionTagging
		GetObject GetObjectAcl GetObjectAnnotation GetObjectAttributes GetObjectLegalHold
		GetObjectRetention GetObjectTagging GetObjectVersion GetObjectVersionAcl
		GetObjectVersionAnnotation GetObjectVersionAttributes GetObjectVersionTagging
		ListMultipartUploadParts ListObjectAnnotations ListObjectVersionAnnotations PutObject PutObjectAcl
		PutObjectAnnotation PutObjectLegalHold PutObjectRetention PutObjectTagging PutObjectVersionAcl
		PutObjectVersionAnnotation PutObjectVersionTagging RestoreObject UpdateObjectEncryption
`},
	{onObject, `
		GetObjectTorrent GetObjectVersionAnnotationForReplication GetObjectVersionForReplication
		GetObjectVersionTorrent InitiateReplication ObjectOwnerOverrideToBucketOwner ReplicateDelete
		ReplicateObject ReplicateObjectAnnotation ReplicateTags
`},
	{onBucket | onAccessPoint, `
		GetBucketAcl GetBucketCORS GetBucketLocation GetBucketNotification GetBucketPolicy ListBucket
		ListBucketMultipartUploads ListBucketVersions
`},
	{onBucket, `
		AllowVendedLogDeliveryForResource CreateBucket CreateBucketMetadataTableConfiguration DeleteBucket
		DeleteBucketMetadataTableConfiguration DeleteBucketPolicy DeleteBucketWebsite
		GetAccelerateConfiguration GetAnalyticsConfiguration GetBucketAbac GetBucketLogging
		GetBucketMetadataTableConfiguration GetBucketObjectLockConfiguration GetBucketOwnershipControls
		GetBucketPolicyStatus GetBucketPublicAccessBlock GetBucketRequestPayment GetBucketTagging
		GetBucketVersioning GetBucketWebsite GetEncryptionConfiguration GetIntelligentTieringConfiguration
		GetInventoryConfiguration GetLifecycleConfiguration GetMetricsConfiguration
		GetReplicationConfiguration PauseReplication PutAccelerateConfiguration PutAnalyticsConfiguration
		PutBucketAbac PutBucketAcl PutBucketCORS PutBucketLogging PutBucketNotification
		PutBucketObjectLockConfiguration PutBucketOwnershipControls PutBucketPolicy
		PutBucketPublicAccessBlock PutBucketRequestPayment PutBucketTagging PutBucketVersioning
		PutBucketWebsite PutEncryptionConfiguration PutIntelligentTieringConfiguration
		PutInventoryConfiguration PutLifecycleConfiguration PutMetricsConfiguration
		PutReplicationConfiguration UpdateBucketMetadataAnnotationTableConfiguration
		UpdateBucketMetadataInventoryTableConfiguration UpdateBucketMetadataJournalTableConfiguration
`},
	{onAccessPoint, `
		CreateAccessPoint DeleteAccessPoint DeleteAccessPointPolicy GetAccessPoint GetAccessPointPolicy
		GetAccessPointPolicyStatus PutAccessPointPolicy
`},
	{onBucket | onAccessPoint | onOther, `
		ListTagsForResource TagResource UntagResource
`},
	{onOther, `
		AssociateAccessGrantsIdentityCenter CreateAccessGrant CreateAccessGrantsInstance
		CreateAccessGrantsLocation CreateAccessPointForObjectLambda CreateMultiRegionAccessPoint
		DeleteAccessGrant DeleteAccessGrantsInstance DeleteAccessGrantsInstanceResourcePolicy
		DeleteAccessGrantsLocation DeleteAccessPointForObjectLambda DeleteAccessPointPolicyForObjectLambda
		DeleteJobTagging DeleteMultiRegionAccessPoint DeleteStorageLensConfiguration
		DeleteStorageLensConfigurationTagging DeleteStorageLensGroup DescribeJob
		DescribeMultiRegionAccessPointOperation DissociateAccessGrantsIdentityCenter GetAccessGrant
		GetAccessGrantsInstance GetAccessGrantsInstanceForPrefix GetAccessGrantsInstanceResourcePolicy
		GetAccessGrantsLocation GetAccessPointConfigurationForObjectLambda GetAccessPointForObjectLambda
		GetAccessPointPolicyForObjectLambda GetAccessPointPolicyStatusForObjectLambda GetDataAccess
		GetJobTagging GetMultiRegionAccessPoint GetMultiRegionAccessPointPolicy
		GetMultiRegionAccessPointPolicyStatus GetMultiRegionAccessPointRoutes GetStorageLensConfiguration
		GetStorageLensConfigurationTagging GetStorageLensDashboard GetStorageLensGroup ListAccessGrants
		ListAccessGrantsLocations ListCallerAccessGrants PutAccessGrantsInstanceResourcePolicy
		PutAccessPointConfigurationForObjectLambda PutAccessPointPolicyForObjectLambda PutJobTagging
		PutMultiRegionAccessPointPolicy PutStorageLensConfigurationTagging
		SubmitMultiRegionAccessPointRoutes UpdateAccessGrantsLocation UpdateJobPriority UpdateJobStatus
		UpdateStorageLensGroup
`},
	{onNothing, `
		CreateJob CreateStorageLensGroup GetAccountPublicAccessBlock ListAccessGrantsInstances
		ListAccessPoints ListAccessPointsForObjectLambda ListAllMyBuckets ListJobs
		ListMultiRegionAccessPoints ListStorageLensConfigurations ListStorageLensGroups
		PutAccessPointPublicAccessBlock PutAccountPublicAccessBlock PutStorageLensConfiguration
`},
}

// An s3Action is a row of the table.
type s3Action struct {
	name  string // with the prefix "s3:"
	lower string
	on    resourceType
}

// actions lists the actions of S3; actionIndex finds one by its name as AWS writes it, and
// a request's action is always written so.
var actions, actionIndex = func() ([]s3Action, map[string]int) {
	var list []s3Action
	index := map[string]int{}
	for _, row := range s3Actions {
		for _, name := range strings.Fields(row.names) {
			index["s3:"+name] = len(list)
			list = append(list, s3Action{"s3:" + name, "s3:" + strings.ToLower(name), row.on})
		}
	}
	return list, index
}()

// OnObject tells whether an action of S3, as AWS writes it, is done to an object
// (ObjectARN). All others are done to a bucket, an access point or nothing in particular.
func OnObject(action string) bool {
	i, ok := actionIndex[action]
	return ok && actions[i].on&onObject != 0
}

// An actionSet has a bit for each action of S3.
type actionSet [3]uint64

func (s *actionSet) add(i int)      { s[i/64] |= 1 << (i % 64) }
func (s *actionSet) has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }
func (s *actionSet) join(t *actionSet) {
	for i := range s {
		s[i] |= t[i]
	}
}

// An actionPattern is one string of an Action or NotAction element.
type actionPattern struct {
	text string // as written
	glob glob   // in lower case: names of actions know no case
}

func newActionPattern(text string) actionPattern {
	return actionPattern{text, toGlob(strings.ToLower(text))}
}

// matchActions returns the actions of S3 that the patterns name.
func matchActions(patterns []actionPattern) (set actionSet) {
	for i := range actions {
		for j := range patterns {
			if patterns[j].glob.match(actions[i].lower) {
				set.add(i)
				break
			}
		}
	}
	return set
}

// checkAction says what is wrong with the text of an action: it is "*", or the prefix of a
// service, a colon and a name with wildcards.
func checkAction(text, where string, kind Kind) error {
	if text == "*" {
		return nil
	}
	vendor, name, ok := strings.Cut(text, ":")
	if !ok {
		return malformed(where, "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.: %q", text)
	}
	if vendor == "" || name == "" || strings.IndexFunc(vendor, notVendor) >= 0 || strings.IndexFunc(name, notActionName) >= 0 {
		return malformed(where, "Policy has invalid action: %q", text)
	}
	if want := kind.row().vendor; want != "" && !strings.EqualFold(vendor, want) {
		return malformed(where, "Policy has invalid action: %q is no action of %s", text, want)
	}
	return nil
}

func notVendor(r rune) bool {
	return r != '-' && !('a' <= r && r <= 'z') && !('A' <= r && r <= 'Z') && !('0' <= r && r <= '9')
}

func notActionName(r rune) bool {
	return r != '*' && r != '?' && notVendor(r)
}
