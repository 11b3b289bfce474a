package access

import "strings"

// A KeyType is the type of a condition key's values.
type KeyType uint8

// The types, as "AWS global condition context keys" and the Service Authorization
// Reference name them.
const (
	String KeyType = iota
	Numeric
	Date
	Bool
	IPAddress
	ARN
)

// A Source says who knows the value of a condition key.
type Source uint8

// The sources.
const (
	// FromRequest keys are asked of the request's Context.
	FromRequest Source = iota
	// FromPrincipal keys are read off Request.Principal.
	FromPrincipal
	// FromResource keys are read off Request.Resource.
	FromResource
	// Nowhere: Pail has no such thing, and a policy with the key is refused.
	Nowhere
)

// A Key is a condition key: a row of the table Keys.
type Key struct {
	// Name is the key as AWS writes it. One that ends in "/" or ":" is followed by the key of
	// a tag (of an encryption context).
	Name string
	Type KeyType
	// Multi keys may have many values in one request.
	Multi bool
	// PerObject keys may differ between the objects of one request: see Uniform.
	PerObject bool
	From      Source
	// Note says where the value comes from or, From being Nowhere, why it is refused.
	Note string
	// Actions are the actions of S3 that have the key, without "s3:", separated by
	// spaces; "" is all of them.
	Actions string

	on   resourceType // the key exists for actions on these, too
	acts actionSet
}

// appliesTo tells whether requests for an action of S3 can have the key.
func (k *Key) appliesTo(i int) bool {
	return k.Actions == "" && k.on == 0 || k.acts.has(i) || actions[i].on&k.on != 0
}

// full returns the name that a Context is asked for.
func (k *Key) full(tag string) string { return k.Name + tag }

// tagged tells whether the key of a tag follows the name.
func (k *Key) tagged() bool { return strings.HasSuffix(k.Name, "/") || strings.HasSuffix(k.Name, ":") }

const (
	listings      = "ListBucket ListBucketVersions"
	aclWrites     = "BypassGovernanceRetention CreateBucket PutBucketAcl PutObject PutObjectAcl PutObjectVersionAcl"
	putHeaders    = "BypassGovernanceRetention PutObject"
	encryptions   = "BypassGovernanceRetention PutObject ReplicateObject UpdateObjectEncryption"
	tagWrites     = "BypassGovernanceRetention PutObject PutObjectTagging PutObjectVersionTagging"
	jobChanges    = "DeleteJobTagging PutJobTagging UpdateJobPriority UpdateJobStatus"
	annotationIfs = "DeleteObjectAnnotation DeleteObjectVersionAnnotation PutObjectAnnotation PutObjectVersionAnnotation"

	noOrganizations = "Pail has no organizations"
	noGrants        = "Pail has no S3 Access Grants"
	noJobs          = "Pail has no S3 Batch Operations"
	noReplication   = "Pail has no replication between Regions"
	noAnnotations   = "Pail has no object annotations"
	noVended        = "Pail has no vended log deliveries"
	noCompute       = "Pail has no such compute service"
	noCalls         = "no service of Pail calls another on behalf of a principal"
	noHold          = "Pail has no event holds"
)

// Keys is the table of the condition keys: the global ones ("AWS global condition context
// keys" of the IAM User Guide) and those of S3 ("Condition keys for Amazon S3" of the
// Service Authorization Reference). Nobody may change it.
var Keys = func() []Key {
	list := []Key{
		// Of the principal.
		{Name: "aws:PrincipalAccount", From: FromPrincipal, Note: "the account of the caller, \"anonymous\" of an anonymous one"},
		{Name: "aws:PrincipalArn", Type: ARN, From: FromPrincipal, Note: "the ARN of the user or root, of a role session that of its role"},
		{Name: "aws:PrincipalIsAWSService", Type: Bool, From: FromPrincipal, Note: "whether Pail itself calls, for example to deliver logs"},
		{Name: "aws:PrincipalServiceName", From: FromPrincipal, Note: "the name of the service that calls"},
		{Name: "aws:PrincipalServiceNamesList", Multi: true, From: FromPrincipal, Note: "the names of the service that calls"},
		{Name: "aws:PrincipalTag/", From: FromPrincipal, Note: "a tag of the user, the role or the session"},
		{Name: "aws:PrincipalType", From: FromPrincipal, Note: "Account, User, AssumedRole, FederatedUser or Anonymous"},
		{Name: "aws:userid", From: FromPrincipal, Note: "the unique id; of a role session with its name; \"anonymous\""},
		{Name: "aws:username", From: FromPrincipal, Note: "the name of a user"},
		{Name: "aws:PrincipalOrgID", From: Nowhere, Note: noOrganizations},
		{Name: "aws:PrincipalOrgPaths", Multi: true, From: Nowhere, Note: noOrganizations},
		// Of the role session.
		{Name: "aws:FederatedProvider", From: FromPrincipal, Note: "the identity provider that vouched for the caller"},
		{Name: "aws:MultiFactorAuthAge", Type: Numeric, Note: "seconds since the MFA code; absent without one"},
		{Name: "aws:MultiFactorAuthPresent", Type: Bool, Note: "whether the temporary credentials were got with MFA; absent for long-term keys"},
		{Name: "aws:SourceIdentity", Note: "what AssumeRole was given as SourceIdentity"},
		{Name: "aws:TokenIssueTime", Type: Date, Note: "when the temporary credentials were issued"},
		{Name: "aws:AssumedRoot", Type: Bool, From: Nowhere, Note: "Pail has no AssumeRoot"},
		{Name: "aws:ChatbotSourceArn", Type: ARN, From: Nowhere, Note: noCompute},
		{Name: "aws:Ec2InstanceSourceVpc", From: Nowhere, Note: noCompute},
		{Name: "aws:Ec2InstanceSourcePrivateIPv4", Type: IPAddress, From: Nowhere, Note: noCompute},
		{Name: "aws:SignInSessionArn", Type: ARN, From: Nowhere, Note: "Pail has no sign-in sessions"},
		// Of the network.
		{Name: "aws:SourceIp", Type: IPAddress, Note: "the address of the caller; absent on the mount and through an endpoint of a VPC"},
		{Name: "aws:SourceVpc", Note: "the VPC that the listener's endpoint is named to belong to"},
		{Name: "aws:SourceVpce", Note: "the endpoint that the listener is named"},
		{Name: "aws:VpcSourceIp", Type: IPAddress, Note: "the address of the caller inside the VPC of the endpoint"},
		{Name: "aws:SourceVpcArn", Type: ARN, From: Nowhere, Note: "an endpoint of Pail has the name of a VPC, not its ARN"},
		{Name: "aws:VpceAccount", From: Nowhere, Note: "an endpoint of Pail belongs to no account"},
		{Name: "aws:VpceOrgID", From: Nowhere, Note: noOrganizations},
		{Name: "aws:VpceOrgPaths", Multi: true, From: Nowhere, Note: noOrganizations},
		// Of the resource.
		{Name: "aws:ResourceAccount", From: FromResource, Note: "the account that owns the resource"},
		{Name: "aws:ResourceTag/", PerObject: true, Note: "a tag of the bucket, the access point or the IAM resource"},
		{Name: "aws:ResourceOrgID", From: Nowhere, Note: noOrganizations},
		{Name: "aws:ResourceOrgPaths", Multi: true, From: Nowhere, Note: noOrganizations},
		// Of the request.
		{Name: "aws:CurrentTime", Type: Date, Note: "when the request arrived"},
		{Name: "aws:EpochTime", Type: Date, Note: "when the request arrived, in seconds since 1970"},
		{Name: "aws:referer", Note: "the Referer header"},
		{Name: "aws:RequestedRegion", Note: "the Region that the store answers for"},
		{Name: "aws:RequestTag/", Note: "a tag that the request sets"},
		{Name: "aws:SecureTransport", Type: Bool, Note: "whether the caller came over TLS, or through the mount"},
		{Name: "aws:SourceAccount", Note: "the account for which a service calls"},
		{Name: "aws:SourceArn", Type: ARN, Note: "the resource for which a service calls"},
		{Name: "aws:SourceOwner", Note: "the account for which a service calls, as older policies name it"},
		{Name: "aws:SourceOrgID", From: Nowhere, Note: noOrganizations},
		{Name: "aws:SourceOrgPaths", Multi: true, From: Nowhere, Note: noOrganizations},
		{Name: "aws:TagKeys", Multi: true, Note: "the keys of the tags that the request sets"},
		{Name: "aws:UserAgent", Note: "the User-Agent header"},
		{Name: "aws:ViaAWSService", Type: Bool, From: FromPrincipal, Note: "false: " + noCalls},
		{Name: "aws:CalledVia", Multi: true, From: Nowhere, Note: noCalls},
		{Name: "aws:CalledViaFirst", From: Nowhere, Note: noCalls},
		{Name: "aws:CalledViaLast", From: Nowhere, Note: noCalls},
		{Name: "aws:CalledViaAWSMCP", From: Nowhere, Note: noCalls},
		{Name: "aws:ViaAWSMCPService", Type: Bool, From: Nowhere, Note: noCalls},
		{Name: "aws:IsMcpServiceAction", Type: Bool, From: Nowhere, Note: noCalls},

		// Of S3: what every request has.
		{Name: "s3:authType", Note: "REST-HEADER, REST-QUERY-STRING or POST"},
		{Name: "s3:ResourceAccount", From: FromResource, Note: "the account that owns the bucket"},
		{Name: "s3:signatureAge", Type: Numeric, Note: "milliseconds since the signature of a presigned request"},
		{Name: "s3:signatureversion", Note: "AWS or AWS4-HMAC-SHA256"},
		{Name: "s3:TlsVersion", Type: Numeric, Note: "1.2 or 1.3 over TLS, absent otherwise"},
		{Name: "s3:x-amz-content-sha256", Note: "the header: UNSIGNED-PAYLOAD, a digest, a streaming mark"},
		// Of the access point.
		{Name: "s3:AccessPointNetworkOrigin", From: FromResource, on: onAccessPoint | onPointObject, Note: "internet or vpc"},
		{Name: "s3:DataAccessPointAccount", From: FromResource, on: onAccessPoint | onPointObject, Note: "the account of the access point"},
		{Name: "s3:DataAccessPointArn", Type: ARN, From: FromResource, on: onAccessPoint | onPointObject, Note: "the ARN of the access point"},
		{Name: "s3:AccessPointTag/", on: onAccessPoint | onPointObject, Note: "a tag of the access point"},
		// Of the bucket and the object.
		{Name: "s3:BucketTag/", on: onBucket | onObject | onPointObject, Note: "a tag of the bucket"},
		{Name: "s3:ExistingObjectTag/", PerObject: true, Note: "a tag of the object that is there", Actions: "DeleteObjectAnnotation DeleteObjectTagging " +
			"DeleteObjectVersionAnnotation DeleteObjectVersionTagging GetObject GetObjectAcl GetObjectAnnotation GetObjectAttributes GetObjectTagging " +
			"GetObjectVersion GetObjectVersionAcl GetObjectVersionAnnotation GetObjectVersionAttributes GetObjectVersionTagging ListObjectAnnotations " +
			"ListObjectVersionAnnotations PutObjectAcl PutObjectAnnotation PutObjectTagging PutObjectVersionAcl PutObjectVersionAnnotation " +
			"PutObjectVersionTagging UpdateObjectEncryption"},
		{Name: "s3:VersionId", PerObject: true, Note: "the version that the request names", Actions: "DeleteObjectVersion DeleteObjectVersionAnnotation " +
			"DeleteObjectVersionTagging GetObjectVersion GetObjectVersionAcl GetObjectVersionAnnotation GetObjectVersionAttributes GetObjectVersionTagging " +
			"GetObjectVersionTorrent ListObjectVersionAnnotations PutObjectVersionAcl PutObjectVersionAnnotation PutObjectVersionTagging"},
		// Of a listing.
		{Name: "s3:delimiter", Note: "the parameter delimiter", Actions: listings},
		{Name: "s3:max-keys", Type: Numeric, Note: "the parameter max-keys", Actions: listings},
		{Name: "s3:prefix", Note: "the parameter prefix", Actions: listings},
		// Of a write.
		{Name: "s3:if-match", Note: "the header If-Match", Actions: "DeleteObject PutObject"},
		{Name: "s3:if-none-match", Note: "the header If-None-Match", Actions: "PutObject"},
		{Name: "s3:locationconstraint", Note: "the Region that CreateBucket names", Actions: "CreateAccessPoint CreateBucket"},
		{Name: "s3:ObjectCreationOperation", Type: Bool, Note: "whether the request makes an object: false for UploadPart", Actions: "PutObject"},
		{Name: "s3:object-lock-legal-hold", Note: "ON or OFF", Actions: "PutObject PutObjectLegalHold"},
		{Name: "s3:object-lock-mode", Note: "GOVERNANCE or COMPLIANCE", Actions: "PutObject PutObjectRetention"},
		{Name: "s3:object-lock-remaining-retention-days", Type: Numeric, Note: "days from now to the retain-until date", Actions: "PutObject PutObjectRetention"},
		{Name: "s3:object-lock-retain-until-date", Type: Date, Note: "the retain-until date", Actions: "PutObject PutObjectRetention"},
		{Name: "s3:RequestObjectTag/", PerObject: true, Note: "a tag that the request gives the object", Actions: tagWrites},
		{Name: "s3:RequestObjectTagKeys", Multi: true, PerObject: true, Note: "the keys of the tags that the request gives the object", Actions: tagWrites},
		{Name: "s3:x-amz-acl", Note: "the canned ACL", Actions: "CreateAccessPoint " + aclWrites},
		{Name: "s3:x-amz-copy-source", PerObject: true, Note: "the header: bucket and key", Actions: putHeaders},
		{Name: "s3:x-amz-grant-full-control", Note: "the header", Actions: aclWrites},
		{Name: "s3:x-amz-grant-read", Note: "the header", Actions: aclWrites},
		{Name: "s3:x-amz-grant-read-acp", Note: "the header", Actions: aclWrites},
		{Name: "s3:x-amz-grant-write", Note: "the header", Actions: aclWrites},
		{Name: "s3:x-amz-grant-write-acp", Note: "the header", Actions: aclWrites},
		{Name: "s3:x-amz-metadata-directive", Note: "COPY or REPLACE", Actions: putHeaders},
		{Name: "s3:x-amz-object-ownership", Note: "the header of CreateBucket", Actions: "CreateBucket"},
		{Name: "s3:x-amz-server-side-encryption", Note: "the header: AES256 or aws:kms", Actions: encryptions},
		{Name: "s3:x-amz-server-side-encryption-aws-kms-key-id", Type: ARN, Note: "the header", Actions: encryptions},
		{Name: "s3:x-amz-server-side-encryption-customer-algorithm", Note: "the header", Actions: "BypassGovernanceRetention PutObject ReplicateObject"},
		{Name: "s3:x-amz-storage-class", Note: "the header", Actions: "BypassGovernanceRetention PutObject PutObjectAcl PutObjectVersionAcl"},
		{Name: "s3:x-amz-website-redirect-location", Note: "the header", Actions: putHeaders},
		// What Pail has nothing of.
		{Name: "s3:AccessGrantScope", From: Nowhere, Note: noGrants, Actions: "CreateAccessGrant DeleteAccessGrant GetAccessGrant"},
		{Name: "s3:AccessGrantsInstanceArn", Type: ARN, From: Nowhere, Note: noGrants},
		{Name: "s3:AccessGrantsLocationScope", From: Nowhere, Note: noGrants},
		{Name: "s3:ExistingJobOperation", From: Nowhere, Note: noJobs, Actions: jobChanges},
		{Name: "s3:ExistingJobPriority", Type: Numeric, From: Nowhere, Note: noJobs, Actions: jobChanges},
		{Name: "s3:JobSuspendedCause", From: Nowhere, Note: noJobs, Actions: "UpdateJobStatus"},
		{Name: "s3:RequestJobOperation", From: Nowhere, Note: noJobs, Actions: "CreateJob"},
		{Name: "s3:RequestJobPriority", Type: Numeric, From: Nowhere, Note: noJobs, Actions: "CreateJob UpdateJobPriority"},
		{Name: "s3:InventoryAccessibleOptionalFields", Multi: true, From: Nowhere, Note: "Pail has no inventory reports", Actions: "PutInventoryConfiguration"},
		{Name: "s3:annotation-prefix", From: Nowhere, Note: noAnnotations, Actions: "ListObjectAnnotations ListObjectVersionAnnotations"},
		{Name: "s3:max-annotation-results", Type: Numeric, From: Nowhere, Note: noAnnotations, Actions: "ListObjectAnnotations ListObjectVersionAnnotations"},
		{Name: "s3:x-amz-object-annotation-directive", From: Nowhere, Note: noAnnotations, Actions: "PutObject"},
		{Name: "s3:x-amz-object-if-match", From: Nowhere, Note: noAnnotations, Actions: annotationIfs},
		{Name: "s3:deliverySourceArn", Type: ARN, From: Nowhere, Note: noVended, Actions: "AllowVendedLogDeliveryForResource"},
		{Name: "s3:logType", From: Nowhere, Note: noVended, Actions: "AllowVendedLogDeliveryForResource"},
		{Name: "s3:resourceArnBeingAuthorized", Type: ARN, From: Nowhere, Note: noVended, Actions: "AllowVendedLogDeliveryForResource"},
		{Name: "s3:destinationRegion", From: Nowhere, Note: noReplication, Actions: "PauseReplication"},
		{Name: "s3:isReplicationPauseRequest", Type: Bool, From: Nowhere, Note: noReplication, Actions: "PutReplicationConfiguration"},
		{Name: "s3:object-lock-event-hold", From: Nowhere, Note: noHold, Actions: "PutObject PutObjectRetention ReplicateObject"},
		{Name: "s3:object-lock-event-hold-duration-days", Type: Numeric, From: Nowhere, Note: noHold, Actions: "PutObject PutObjectRetention ReplicateObject"},
		{Name: "s3:x-amz-bucket-namespace", From: Nowhere, Note: "Pail's buckets have one namespace", Actions: "CreateBucket"},
	}
	list = append(list, otherKeys...)
	for i := range list {
		for _, name := range strings.Fields(list[i].Actions) {
			list[i].acts.add(actionIndex["s3:"+name])
		}
	}
	return list
}()

// keyIndex finds a key by its name in lower case: names of keys know no case.
var keyIndex = func() map[string]*Key {
	index := make(map[string]*Key, len(Keys))
	for i := range Keys {
		index[strings.ToLower(Keys[i].Name)] = &Keys[i]
	}
	return index
}()

// findKey finds the key of a condition or a variable. It returns no key for one of another
// service, which no request to Pail ever has.
func findKey(name, where string) (k *Key, tag string, err error) {
	vendor, rest, ok := strings.Cut(name, ":")
	if !ok || vendor == "" || rest == "" {
		return nil, "", malformed(where, "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.: %q", name)
	}
	k = keyIndex[strings.ToLower(name)]
	if i := strings.IndexAny(rest, "/:"); k == nil && i >= 0 {
		i += len(vendor) + 2
		k, tag = keyIndex[strings.ToLower(name[:i])], name[i:]
	}
	switch vendor = strings.ToLower(vendor); {
	case k == nil && !isOurs(vendor):
		return nil, "", nil
	case k == nil:
		return nil, "", malformed(where, "Policy has an invalid condition key: %q", name)
	case k.tagged() && tag == "":
		return nil, "", malformed(where, "Policy has an invalid condition key: %q names no tag", name)
	case k.From == Nowhere:
		return nil, "", malformed(where, "Policy has a condition key that cannot be enforced: %s (%s)", k.Name, k.Note)
	}
	return k, tag, nil
}

// isOurs tells whether Pail knows all keys that begin with vendor.
func isOurs(vendor string) bool {
	switch vendor {
	case "aws", "s3", "iam", "sts", "kms":
		return true
	}
	return false
}

// foreignKey stands for all keys of other services: they are in no request.
var foreignKey = &Key{Name: "(of another service)", From: Nowhere}
