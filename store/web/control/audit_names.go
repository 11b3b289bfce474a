package control

import (
	"strings"

	"pail/store"
	"pail/store/trail"
)

// Commands are told to the audit trail as what they amount to over S3 or IAM, so that whoever
// looks for a CreateUser finds it whichever way it was made. What AWS has no like of has our name,
// and our source.

// auditedAs is how the trail is told of an operation that asked for something: by AWS's name if
// it has one, else by ours, with capitals in the place of dashes.
func auditedAs(op string, asked map[string]any) store.Operation {
	if what, ok := audits()[op]; ok {
		return what
	}
	if name := identityEvent(op, asked); name != "" {
		return store.Operation{Name: name, Source: trail.SourceIAM}
	}
	if op == opLock {
		if on, _ := asked["set"].(bool); on {
			return store.Operation{Name: "PutObjectLockConfiguration"}
		}
		return store.Operation{Name: "GetObjectLockConfiguration"}
	}
	source := trail.SourcePail
	if rest, ok := strings.CutPrefix(op, "kms-"); ok {
		op, source = rest, trail.SourceKMS
	}
	var name strings.Builder
	for word := range strings.SplitSeq(op, "-") {
		name.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return store.Operation{Name: name.String(), Source: source}
}

// identityEvent is the operation of IAM that one on identities amounts to, "" if it is none.
func identityEvent(op string, asked map[string]any) string {
	text := func(name string) string { s, _ := asked[name].(string); return s }
	is := func(name string) bool { on, _ := asked[name].(bool); return on }
	either := func(one bool, then, otherwise string) string {
		if one {
			return then
		}
		return otherwise
	}
	kind, ok := map[string]string{"user": "User", "group": "Group", "role": "Role", "policy": "Policy"}[text("kind")]
	switch op {
	case opIdentities, opIdentity, opCreateIdentity, opDeleteIdentity, opAttachPolicy, opPutInline, opSetText, opSetBoundary:
		if !ok {
			return "" // it is refused
		}
	}
	switch op {
	case opIdentities:
		return "List" + either(kind == "Policy", "Policies", kind+"s")
	case opIdentity:
		return "Get" + kind
	case opCreateIdentity:
		return "Create" + kind
	case opDeleteIdentity:
		return "Delete" + kind
	case opAttachPolicy:
		return either(is("detach"), "Detach", "Attach") + kind + "Policy"
	case opPutInline:
		return either(text("text") == "", "Delete", "Put") + kind + "Policy"
	case opSetText:
		return either(kind == "Role", "UpdateAssumeRolePolicy", "CreatePolicyVersion")
	case opSetBoundary:
		return either(text("policy") == "", "Delete", "Put") + kind + "PermissionsBoundary"
	case opChangeMember:
		return either(is("remove"), "RemoveUserFromGroup", "AddUserToGroup")
	}
	return ""
}

// identityParameters are what a request to do something to identities asked for, named as IAM
// names it.
func identityParameters(op string, asked map[string]any) map[string]any {
	names := map[string]string{
		"user": "userName", "group": "groupName", "access_key": "accessKeyId", "serial": "serialNumber",
		"boundary": "permissionsBoundary", "policy": "policyArn", "text": "policyDocument",
	}
	kind, _ := asked["kind"].(string)
	switch {
	case kind != "":
		names["name"] = kind + "Name"
	case op == opAddDevice:
		names["name"] = "virtualMFADeviceName"
	}
	switch op {
	case opPutInline:
		names["policy"] = "policyName"
	case opSetBoundary:
		names["policy"] = "permissionsBoundary"
	case opCreateIdentity:
		if kind == "role" {
			names["text"] = "assumeRolePolicyDocument"
		}
	}
	out := map[string]any{}
	for name, v := range asked {
		if name == "kind" || name == "detach" || name == "remove" {
			continue // the operation's name says that
		}
		if as := names[name]; as != "" {
			name = as
		}
		out[name] = v
	}
	return out
}

// audits are the operations that have other names in the trail than here, whatever they ask for.
func audits() map[string]store.Operation {
	pail := func(name string) store.Operation { return store.Operation{Name: name, Source: trail.SourcePail} }
	cloudTrail := func(name string) store.Operation { return store.Operation{Name: name, Source: trail.SourceCloudTrail} }
	iam := func(name string) store.Operation { return store.Operation{Name: name, Source: trail.SourceIAM} }
	return map[string]store.Operation{
		opBuckets:       {Name: "ListBuckets"},
		opCreateBucket:  {Name: "CreateBucket"},
		opDeleteBucket:  {Name: "DeleteBucket"},
		opSetVersioning: {Name: "PutBucketVersioning"},
		opList:          {Name: "ListObjects"},
		opListAt:        {Name: "ListObjects"},
		opListVersions:  {Name: "ListObjectVersions"},
		opVersions:      {Name: "ListObjectVersions"},
		opVersionsAt:    {Name: "ListObjectVersions"},
		opLog:           {Name: "ListObjectVersions"},
		opFollowLog:     {Name: "ListObjectVersions"},
		opStat:          {Name: "HeadObject"},
		opStatAt:        {Name: "HeadObject"},
		opRead:          {Name: "GetObject"},
		opDelete:        {Name: "DeleteObject"},
		opRestore:       {Name: "CopyObject"},
		opRestoreAt:     pail("RestoreObjects"),
		opTags:          {Name: "GetObjectTagging"},
		opChangeTags:    {Name: "PutObjectTagging"},
		opSettings:      pail("GetSettings"),
		opAccessKeys:    iam("ListAccessKeys"),
		opCreateKey:     iam("CreateAccessKey"),
		opSetKey:        iam("UpdateAccessKey"),
		opDeleteKey:     iam("DeleteAccessKey"),
		opAddDevice:     iam("CreateVirtualMFADevice"),
		opEnableDevice:  iam("EnableMFADevice"),
		opDevices:       iam("ListVirtualMFADevices"),
		opRemoveDevice:  iam("DeleteVirtualMFADevice"),
		opExplain:       iam("SimulatePrincipalPolicy"),
		opAccounts:      pail("ListAccounts"),
		opWebhooks:      pail("ListWebhooks"),
		opBackup:        pail("GetBackup"),

		opAccessPoints:      {Name: "ListAccessPoints"},
		opCreateAccessPoint: {Name: "CreateAccessPoint"},
		opAccessPoint:       {Name: "GetAccessPoint"},
		opDeleteAccessPoint: {Name: "DeleteAccessPoint"},

		opPointPolicy:        {Name: "GetAccessPointPolicy"},
		opPutPointPolicy:     {Name: "PutAccessPointPolicy"},
		opDeletePointPolicy:  {Name: "DeleteAccessPointPolicy"},
		opAccountBlock:       {Name: "GetAccountPublicAccessBlock"},
		opPutAccountBlock:    {Name: "PutAccountPublicAccessBlock"},
		opDeleteAccountBlock: {Name: "DeleteAccountPublicAccessBlock"},
		opTrail:              cloudTrail("GetTrail"),
		opEnableTrail:        cloudTrail("UpdateTrail"),
		opSelectTrail:        cloudTrail("PutEventSelectors"),
		opDisableTrail:       cloudTrail("StopLogging"),
		opDeliverTrail:       pail("DeliverTrail"),
		opVerifyTrail:        pail("GetTrailVerified"),
	}
}
