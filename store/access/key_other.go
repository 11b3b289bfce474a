package access

const (
	noImports  = "Pail imports no key material"
	noRegions  = "Pail's keys are of one Region"
	noEnclaves = "Pail has no enclaves"
	noStores   = "Pail has no custom key stores"
)

// otherKeys are the condition keys of IAM, STS and KMS that the Service Authorization
// Reference has for what Pail answers of these services.
var otherKeys = []Key{
	{Name: "sts:DurationSeconds", Type: Numeric, Note: "the parameter DurationSeconds"},
	{Name: "sts:ExternalId", Note: "the parameter ExternalId"},
	{Name: "sts:RoleSessionName", Note: "the parameter RoleSessionName"},
	{Name: "sts:SourceIdentity", Note: "the parameter SourceIdentity"},
	{Name: "sts:TransitiveTagKeys", Multi: true, Note: "the parameter TransitiveTagKeys"},
	{Name: "sts:AWSServiceName", From: Nowhere, Note: "Pail issues no service bearer tokens"},
	{Name: "sts:TaskPolicyArn", Type: ARN, From: Nowhere, Note: "Pail has no AssumeRoot"},

	{Name: "iam:PermissionsBoundary", Type: ARN, Note: "the boundary of the user or role, or that the request sets"},
	{Name: "iam:PolicyARN", Type: ARN, Note: "the managed policy of the request"},
	{Name: "iam:ResourceTag/", PerObject: true, Note: "a tag of the user or role"},
	{Name: "iam:AssociatedResourceArn", Type: ARN, From: Nowhere, Note: noCompute},
	{Name: "iam:AWSServiceName", From: Nowhere, Note: "Pail has no service-linked roles"},
	{Name: "iam:OrganizationsPolicyId", From: Nowhere, Note: noOrganizations},
	{Name: "iam:PassedToService", From: Nowhere, Note: noCompute},
	{Name: "iam:FIDO-certification", From: Nowhere, Note: "Pail has no FIDO devices"},
	{Name: "iam:FIDO-FIPS-140-2-certification", From: Nowhere, Note: "Pail has no FIDO devices"},
	{Name: "iam:FIDO-FIPS-140-3-certification", From: Nowhere, Note: "Pail has no FIDO devices"},
	{Name: "iam:RegisterSecurityKey", From: Nowhere, Note: "Pail has no FIDO devices"},

	{Name: "kms:BypassPolicyLockoutSafetyCheck", Type: Bool, Note: "the parameter BypassPolicyLockoutSafetyCheck"},
	{Name: "kms:CallerAccount", From: FromPrincipal, Note: "the account of the caller"},
	{Name: "kms:EncryptionAlgorithm", Note: "the parameter EncryptionAlgorithm"},
	{Name: "kms:EncryptionContext:", Note: "a pair of the encryption context"},
	{Name: "kms:EncryptionContextKeys", Multi: true, Note: "the keys of the encryption context"},
	{Name: "kms:GrantConstraintType", Note: "EncryptionContextEquals or EncryptionContextSubset"},
	{Name: "kms:GrantIsForAWSResource", Type: Bool, Note: "whether Pail makes the grant for itself"},
	{Name: "kms:GrantOperations", Multi: true, Note: "the operations of the grant"},
	{Name: "kms:GranteePrincipal", Note: "the grantee of the grant"},
	{Name: "kms:KeyOrigin", Note: "where the key's material comes from"},
	{Name: "kms:KeySpec", Note: "the kind of key"},
	{Name: "kms:KeyUsage", Note: "the use of the key"},
	{Name: "kms:RequestAlias", Note: "the alias by which the request names the key"},
	{Name: "kms:ResourceAliases", Multi: true, Note: "the aliases of the key"},
	{Name: "kms:RetiringPrincipal", Note: "who may retire the grant"},
	{Name: "kms:ReEncryptOnSameKey", Type: Bool, Note: "whether ReEncrypt has one key"},
	{Name: "kms:RotationPeriodInDays", Type: Numeric, Note: "the parameter RotationPeriodInDays"},
	{Name: "kms:ScheduleKeyDeletionPendingWindowInDays", Type: Numeric, Note: "the parameter PendingWindowInDays"},
	{Name: "kms:ViaService", Note: "the service through which the key is used"},
	{Name: "kms:CustomerMasterKeySpec", From: Nowhere, Note: "AWS replaced it by kms:KeySpec"},
	{Name: "kms:CustomerMasterKeyUsage", From: Nowhere, Note: "AWS replaced it by kms:KeyUsage"},
	{Name: "kms:DataKeyPairSpec", From: Nowhere, Note: "Pail has no data key pairs"},
	{Name: "kms:ExpirationModel", From: Nowhere, Note: noImports},
	{Name: "kms:ValidTo", Type: Date, From: Nowhere, Note: noImports},
	{Name: "kms:WrappingAlgorithm", From: Nowhere, Note: noImports},
	{Name: "kms:WrappingKeySpec", From: Nowhere, Note: noImports},
	{Name: "kms:KeyAgreementAlgorithm", From: Nowhere, Note: "Pail derives no shared secrets"},
	{Name: "kms:MacAlgorithm", From: Nowhere, Note: "Pail's keys make no MACs"},
	{Name: "kms:MessageType", From: Nowhere, Note: "Pail's keys sign nothing"},
	{Name: "kms:SigningAlgorithm", From: Nowhere, Note: "Pail's keys sign nothing"},
	{Name: "kms:MultiRegion", Type: Bool, From: Nowhere, Note: noRegions},
	{Name: "kms:MultiRegionKeyType", From: Nowhere, Note: noRegions},
	{Name: "kms:PrimaryRegion", From: Nowhere, Note: noRegions},
	{Name: "kms:ReplicaRegion", From: Nowhere, Note: noRegions},
	{Name: "kms:RecipientAttestation:", From: Nowhere, Note: noEnclaves},
	{Name: "kms:CustomKeyStoreId", From: Nowhere, Note: noStores},
}
