package kmsapi

// needs is a list of members.
func needs(names ...string) []string { return names }

func operations() []operation {
	return []operation{
		asking("CreateKey", nil, createKey),
		asking("DescribeKey", needs("KeyId"), describeKey),
		asking("ListKeys", nil, listKeys),
		asking("UpdateKeyDescription", needs("KeyId", "Description?"), updateKeyDescription),
		asking("EnableKey", needs("KeyId"), enableKey),
		asking("DisableKey", needs("KeyId"), disableKey),
		asking("ScheduleKeyDeletion", needs("KeyId"), scheduleKeyDeletion),
		asking("CancelKeyDeletion", needs("KeyId"), cancelKeyDeletion),
		asking("UpdatePrimaryRegion", needs("KeyId", "PrimaryRegion"), updatePrimaryRegion),

		asking("Encrypt", needs("KeyId", "Plaintext"), encrypt),
		asking("Decrypt", nil, decrypt),
		asking("ReEncrypt", needs("DestinationKeyId"), reEncrypt),
		asking("GenerateDataKey", needs("KeyId"), generateDataKey),
		asking("GenerateDataKeyWithoutPlaintext", needs("KeyId"), generateDataKeyWithoutPlaintext),
		asking("GenerateRandom", nil, generateRandom),

		asking("CreateAlias", needs("AliasName", "TargetKeyId"), createAlias),
		asking("UpdateAlias", needs("AliasName", "TargetKeyId"), updateAlias),
		asking("DeleteAlias", needs("AliasName"), deleteAlias),
		asking("ListAliases", nil, listAliases),

		asking("EnableKeyRotation", needs("KeyId"), enableKeyRotation),
		asking("DisableKeyRotation", needs("KeyId"), disableKeyRotation),
		asking("GetKeyRotationStatus", needs("KeyId"), getKeyRotationStatus),
		asking("RotateKeyOnDemand", needs("KeyId"), rotateKeyOnDemand),
		asking("ListKeyRotations", needs("KeyId"), listKeyRotations),

		asking("GetKeyPolicy", needs("KeyId"), getKeyPolicy),
		asking("PutKeyPolicy", needs("KeyId", "Policy"), putKeyPolicy),
		asking("ListKeyPolicies", needs("KeyId"), listKeyPolicies),

		asking("CreateGrant", needs("KeyId", "GranteePrincipal", "Operations"), createGrant),
		asking("ListGrants", needs("KeyId"), listGrants),
		asking("ListRetirableGrants", needs("RetiringPrincipal"), listRetirableGrants),
		asking("RetireGrant", nil, retireGrant),
		asking("RevokeGrant", needs("KeyId", "GrantId"), revokeGrant),

		asking("TagResource", needs("KeyId", "Tags"), tagResource),
		asking("UntagResource", needs("KeyId", "TagKeys"), untagResource),
		asking("ListResourceTags", needs("KeyId"), listResourceTags),
	}
}
