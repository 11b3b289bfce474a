package iamapi

import (
	"pail/store/trail"
	"pail/store/web/query"
)

// New returns the handler of IAM's API.
func New() *query.Handler {
	return query.New(query.Options{
		Version: "2010-05-08", Namespace: "https://iam.amazonaws.com/doc/2010-05-08/", Source: trail.SourceIAM, Failure: "ServiceFailure",
		Operations: append(operations(), absent()...),
	})
}

// needs is a list of parameters.
func needs(names ...string) []string { return names }

func operations() []query.Operation {
	return []query.Operation{
		{Name: "CreateUser", Needs: needs("UserName"), Result: true, Run: createUser},
		{Name: "GetUser", Result: true, Run: getUser},
		{Name: "ListUsers", Result: true, Run: listUsers},
		{Name: "UpdateUser", Needs: needs("UserName"), Run: updateUser},
		{Name: "DeleteUser", Needs: needs("UserName"), Run: deleteUser},
		{Name: "TagUser", Needs: needs("UserName", "Tags"), Run: tagUser},
		{Name: "UntagUser", Needs: needs("UserName", "TagKeys"), Run: untagUser},
		{Name: "ListUserTags", Needs: needs("UserName"), Result: true, Run: listUserTags},

		{Name: "CreateAccessKey", Result: true, Run: createAccessKey},
		{Name: "ListAccessKeys", Result: true, Run: listAccessKeys},
		{Name: "UpdateAccessKey", Needs: needs("AccessKeyId", "Status"), Run: updateAccessKey},
		{Name: "DeleteAccessKey", Needs: needs("AccessKeyId"), Run: deleteAccessKey},
		{Name: "GetAccessKeyLastUsed", Needs: needs("AccessKeyId"), Result: true, Run: getAccessKeyLastUsed},

		{Name: "CreateGroup", Needs: needs("GroupName"), Result: true, Run: createGroup},
		{Name: "GetGroup", Needs: needs("GroupName"), Result: true, Run: getGroup},
		{Name: "ListGroups", Result: true, Run: listGroups},
		{Name: "ListGroupsForUser", Needs: needs("UserName"), Result: true, Run: listGroupsForUser},
		{Name: "UpdateGroup", Needs: needs("GroupName"), Run: updateGroup},
		{Name: "DeleteGroup", Needs: needs("GroupName"), Run: deleteGroup},
		{Name: "AddUserToGroup", Needs: needs("GroupName", "UserName"), Run: addUserToGroup},
		{Name: "RemoveUserFromGroup", Needs: needs("GroupName", "UserName"), Run: removeUserFromGroup},

		{Name: "CreateRole", Needs: needs("RoleName", "AssumeRolePolicyDocument"), Result: true, Run: createRole},
		{Name: "GetRole", Needs: needs("RoleName"), Result: true, Run: getRole},
		{Name: "ListRoles", Result: true, Run: listRoles},
		{Name: "UpdateRole", Needs: needs("RoleName"), Result: true, Run: updateRole},
		{Name: "UpdateRoleDescription", Needs: needs("RoleName", "Description?"), Result: true, Run: updateRoleDescription},
		{Name: "UpdateAssumeRolePolicy", Needs: needs("RoleName", "PolicyDocument"), Run: updateAssumeRolePolicy},
		{Name: "DeleteRole", Needs: needs("RoleName"), Run: deleteRole},
		{Name: "TagRole", Needs: needs("RoleName", "Tags"), Run: tagRole},
		{Name: "UntagRole", Needs: needs("RoleName", "TagKeys"), Run: untagRole},
		{Name: "ListRoleTags", Needs: needs("RoleName"), Result: true, Run: listRoleTags},

		{Name: "CreatePolicy", Needs: needs("PolicyName", "PolicyDocument"), Result: true, Run: createPolicy},
		{Name: "GetPolicy", Needs: needs("PolicyArn"), Result: true, Run: getPolicy},
		{Name: "ListPolicies", Result: true, Run: listPolicies},
		{Name: "DeletePolicy", Needs: needs("PolicyArn"), Run: deletePolicy},
		{Name: "CreatePolicyVersion", Needs: needs("PolicyArn", "PolicyDocument"), Result: true, Run: createPolicyVersion},
		{Name: "GetPolicyVersion", Needs: needs("PolicyArn", "VersionId"), Result: true, Run: getPolicyVersion},
		{Name: "ListPolicyVersions", Needs: needs("PolicyArn"), Result: true, Run: listPolicyVersions},
		{Name: "DeletePolicyVersion", Needs: needs("PolicyArn", "VersionId"), Run: deletePolicyVersion},
		{Name: "SetDefaultPolicyVersion", Needs: needs("PolicyArn", "VersionId"), Run: setDefaultPolicyVersion},
		{Name: "ListEntitiesForPolicy", Needs: needs("PolicyArn"), Result: true, Run: listEntitiesForPolicy},
		{Name: "TagPolicy", Needs: needs("PolicyArn", "Tags"), Run: tagPolicy},
		{Name: "UntagPolicy", Needs: needs("PolicyArn", "TagKeys"), Run: untagPolicy},
		{Name: "ListPolicyTags", Needs: needs("PolicyArn"), Result: true, Run: listPolicyTags},

		{Name: "SimulatePrincipalPolicy", Needs: needs("PolicySourceArn", "ActionNames"), Result: true, Run: simulatePrincipalPolicy},
		{Name: "SimulateCustomPolicy", Needs: needs("PolicyInputList", "ActionNames"), Result: true, Run: simulateCustomPolicy},

		{Name: "AttachUserPolicy", Needs: needs("UserName", "PolicyArn"), Run: attachUserPolicy},
		{Name: "DetachUserPolicy", Needs: needs("UserName", "PolicyArn"), Run: detachUserPolicy},
		{Name: "ListAttachedUserPolicies", Needs: needs("UserName"), Result: true, Run: listAttachedUserPolicies},
		{Name: "PutUserPolicy", Needs: needs("UserName", "PolicyName", "PolicyDocument"), Run: putUserPolicy},
		{Name: "GetUserPolicy", Needs: needs("UserName", "PolicyName"), Result: true, Run: getUserPolicy},
		{Name: "ListUserPolicies", Needs: needs("UserName"), Result: true, Run: listUserPolicies},
		{Name: "DeleteUserPolicy", Needs: needs("UserName", "PolicyName"), Run: deleteUserPolicy},
		{Name: "PutUserPermissionsBoundary", Needs: needs("UserName", "PermissionsBoundary"), Run: putUserPermissionsBoundary},
		{Name: "DeleteUserPermissionsBoundary", Needs: needs("UserName"), Run: deleteUserPermissionsBoundary},

		{Name: "AttachGroupPolicy", Needs: needs("GroupName", "PolicyArn"), Run: attachGroupPolicy},
		{Name: "DetachGroupPolicy", Needs: needs("GroupName", "PolicyArn"), Run: detachGroupPolicy},
		{Name: "ListAttachedGroupPolicies", Needs: needs("GroupName"), Result: true, Run: listAttachedGroupPolicies},
		{Name: "PutGroupPolicy", Needs: needs("GroupName", "PolicyName", "PolicyDocument"), Run: putGroupPolicy},
		{Name: "GetGroupPolicy", Needs: needs("GroupName", "PolicyName"), Result: true, Run: getGroupPolicy},
		{Name: "ListGroupPolicies", Needs: needs("GroupName"), Result: true, Run: listGroupPolicies},
		{Name: "DeleteGroupPolicy", Needs: needs("GroupName", "PolicyName"), Run: deleteGroupPolicy},

		{Name: "AttachRolePolicy", Needs: needs("RoleName", "PolicyArn"), Run: attachRolePolicy},
		{Name: "DetachRolePolicy", Needs: needs("RoleName", "PolicyArn"), Run: detachRolePolicy},
		{Name: "ListAttachedRolePolicies", Needs: needs("RoleName"), Result: true, Run: listAttachedRolePolicies},
		{Name: "PutRolePolicy", Needs: needs("RoleName", "PolicyName", "PolicyDocument"), Run: putRolePolicy},
		{Name: "GetRolePolicy", Needs: needs("RoleName", "PolicyName"), Result: true, Run: getRolePolicy},
		{Name: "ListRolePolicies", Needs: needs("RoleName"), Result: true, Run: listRolePolicies},
		{Name: "DeleteRolePolicy", Needs: needs("RoleName", "PolicyName"), Run: deleteRolePolicy},
		{Name: "PutRolePermissionsBoundary", Needs: needs("RoleName", "PermissionsBoundary"), Run: putRolePermissionsBoundary},
		{Name: "DeleteRolePermissionsBoundary", Needs: needs("RoleName"), Run: deleteRolePermissionsBoundary},

		{Name: "CreateVirtualMFADevice", Needs: needs("VirtualMFADeviceName"), Result: true, Run: createVirtualMFADevice},
		{Name: "EnableMFADevice", Needs: needs("UserName", "SerialNumber", "AuthenticationCode1", "AuthenticationCode2"), Run: enableMFADevice},
		{Name: "ResyncMFADevice", Needs: needs("UserName", "SerialNumber", "AuthenticationCode1", "AuthenticationCode2"), Run: resyncMFADevice},
		{Name: "DeactivateMFADevice", Needs: needs("SerialNumber"), Run: deactivateMFADevice},
		{Name: "DeleteVirtualMFADevice", Needs: needs("SerialNumber"), Run: deleteVirtualMFADevice},
		{Name: "ListMFADevices", Result: true, Run: listMFADevices},
		{Name: "ListVirtualMFADevices", Result: true, Run: listVirtualMFADevices},
		{Name: "GetMFADevice", Needs: needs("SerialNumber"), Result: true, Run: getMFADevice},
		{Name: "TagMFADevice", Needs: needs("SerialNumber", "Tags"), Run: tagMFADevice},
		{Name: "UntagMFADevice", Needs: needs("SerialNumber", "TagKeys"), Run: untagMFADevice},
		{Name: "ListMFADeviceTags", Needs: needs("SerialNumber"), Result: true, Run: listMFADeviceTags},

		{Name: "CreateAccountAlias", Needs: needs("AccountAlias"), Run: createAccountAlias},
		{Name: "DeleteAccountAlias", Needs: needs("AccountAlias"), Run: deleteAccountAlias},
		{Name: "ListAccountAliases", Result: true, Run: listAccountAliases},
		{Name: "GetAccountSummary", Result: true, Run: getAccountSummary},
		{Name: "GetAccountAuthorizationDetails", Result: true, Run: getAccountAuthorizationDetails},
		{Name: "GenerateCredentialReport", Result: true, Run: generateCredentialReport},
		{Name: "GetCredentialReport", Result: true, Run: getCredentialReport},
	}
}
