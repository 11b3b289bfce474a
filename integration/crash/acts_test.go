package crash

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pail/store"
)

// passive are the methods of sessions and files that are no acts, and why.
var passive = map[string]string{
	"Bucket": reading, "Buckets": reading, "BucketUsage": reading, "BucketTags": reading, "BucketsAt": reading,
	"Versioning": reading, "Settings": reading, "List": reading, "ListAt": reading, "ListVersions": reading,
	"Versions": reading, "KeyHistory": reading, "ListUploads": reading, "ListParts": reading, "Log": reading,
	"FollowLog": reading, "Head": reading, "Get": reading, "Pieces": reading, "Tags": reading, "TagsOf": reading,
	"XattrsOf": reading, "Describe": reading, "Lookup": reading, "LookupAt": reading, "LookupHistory": reading,
	"Own": reading, "StatDir": reading, "StatDirAt": reading, "ReadDir": reading, "ReadDirAt": reading,
	"ReadHistory": reading, "Lives": reading, "LastDir": reading, "OpenAt": reading, "Readlink": reading,

	"Ino": reading, "Object": reading, "ObjectParts": reading, "ReadAt": reading, "Extent": reading, "Seek": reading, "Changed": reading,
	"Name": reading, "Sized": reading, "Unpublished": reading, "PartChecksums": reading,

	"AccessKeys": reading, "CORS": reading, "Website": reading, "Lifecycle": reading, "Notifications": reading, "Webhooks": reading,
	"ObjectLock": reading, "Expiration": reading, "UploadExpiration": reading, "Tagging": reading,
	"RequestPayment": reading, "BucketEncryption": reading, "Ownership": reading, "Retention": reading, "LegalHold": reading, "Quota": reading, "MFADelete": reading, "BucketPolicy": reading, "BucketPolicyPublic": reading, "PublicAccess": reading,
	"AccountPublicAccess": reading, "BucketACL": reading, "ObjectACL": reading, "Location": reading, "ExpectOwner": reading, "LookUnset": reading,
	"Rights": reading, "TagCount": reading, "BucketsOwner": reading, "VisibleBuckets": reading,

	"DeleteTagging": asTags, "SetRetention": asTags, "ChangeRetention": asTags, "SetLegalHold": asTags,
	"ChangeVersioning": "SetVersioning is it",
	"ConfirmMFA":       "it spends a code, as an identity's device keeps it, and changes nothing else",

	"Accounts": reading, "SimulatePrincipalPolicy": reading, "SimulateCustomPolicy": reading, "Explain": reading, "AccountAlias": reading, "GetAccountSummary": reading, "GetAccountAuthorizationDetails": reading, "CredentialReport": reading, "AbsentOfUser": reading, "AbsentOfRole": reading, "Absent": reading, "AbsentByARN": reading, "ListMFADevices": reading, "ListVirtualMFADevices": reading,
	"GetMFADevice": reading, "ListMFADeviceTags": reading, "GetGroup": reading, "ListGroups": reading, "ListGroupsForUser": reading,
	"ListAttachedUserPolicies": reading, "GetUserPolicy": reading, "ListUserPolicies": reading, "ListAttachedGroupPolicies": reading,
	"GetGroupPolicy": reading, "ListGroupPolicies": reading, "ListAttachedRolePolicies": reading, "GetRolePolicy": reading, "ListRolePolicies": reading,
	"GetPolicy": reading, "ListPolicies": reading, "PolicyUse": reading, "GetPolicyVersion": reading, "ListPolicyVersions": reading,
	"ListEntitiesForPolicy": reading, "ListPolicyTags": reading, "GetRole": reading, "ListRoles": reading, "ListRoleTags": reading,
	"GetCallerIdentity": reading, "GetAccessKeyInfo": reading, "GetAccessKeyLastUsed": reading, "GetUser": reading, "ListUsers": reading,
	"ListUserTags": reading, "ListAccessKeys": reading,

	"CreateAccount": likeUsers, "DeleteAccount": likeUsers, "CreateAccountAlias": likeUsers, "DeleteAccountAlias": likeUsers,
	"CreateVirtualMFADevice": likeUsers, "DeleteVirtualMFADevice": likeUsers, "EnableMFADevice": likeUsers, "ResyncMFADevice": likeUsers,
	"DeactivateMFADevice": likeUsers, "TagMFADevice": likeUsers, "UntagMFADevice": likeUsers, "CreateGroup": likeUsers, "UpdateGroup": likeUsers,
	"DeleteGroup": likeUsers, "AddUserToGroup": likeUsers, "RemoveUserFromGroup": likeUsers, "AttachUserPolicy": likeUsers,
	"DetachUserPolicy": likeUsers, "PutUserPolicy": likeUsers, "DeleteUserPolicy": likeUsers, "PutUserPermissionsBoundary": likeUsers,
	"DeleteUserPermissionsBoundary": likeUsers, "AttachGroupPolicy": likeUsers, "DetachGroupPolicy": likeUsers, "PutGroupPolicy": likeUsers,
	"DeleteGroupPolicy": likeUsers, "AttachRolePolicy": likeUsers, "DetachRolePolicy": likeUsers, "PutRolePolicy": likeUsers,
	"DeleteRolePolicy": likeUsers, "PutRolePermissionsBoundary": likeUsers, "DeleteRolePermissionsBoundary": likeUsers, "CreatePolicy": likeUsers,
	"DeletePolicy": likeUsers, "CreatePolicyVersion": likeUsers, "DeletePolicyVersion": likeUsers, "SetDefaultPolicyVersion": likeUsers,
	"TagPolicy": likeUsers, "UntagPolicy": likeUsers, "CreateRole": likeUsers, "UpdateRole": likeUsers, "UpdateRoleDescription": likeUsers,
	"UpdateAssumeRolePolicy": likeUsers, "DeleteRole": likeUsers, "TagRole": likeUsers, "UntagRole": likeUsers, "UpdateUser": likeUsers,
	"UntagUser": likeUsers,

	"GetSessionToken": keepsNothing, "GetFederationToken": keepsNothing, "AssumeRole": keepsNothing,

	"KMSDescribeKey": reading, "KMSListKeys": reading, "KMSListAliases": reading, "KMSListGrants": reading,
	"KMSListRetirableGrants": reading, "KMSListResourceTags": reading, "KMSListKeyRotations": reading,
	"KMSListKeyPolicies": reading, "KMSGetKeyPolicy": reading, "KMSGetKeyRotationStatus": reading,
	"KMSKeyServices": reading, "KMSCreateKeyService": likeUsers, "KMSDeleteKeyService": likeUsers,
	"KMSEncrypt": computing, "KMSDecrypt": computing, "KMSReEncrypt": computing, "KMSGenerateDataKey": computing,
	"KMSGenerateDataKeyWithoutPlaintext": computing, "KMSGenerateRandom": computing, "KMSUpdatePrimaryRegion": computing,
	"KMSCreateKey": likeUsers, "KMSUpdateKeyDescription": likeUsers, "KMSEnableKey": likeUsers, "KMSDisableKey": likeUsers,
	"KMSScheduleKeyDeletion": likeUsers, "KMSCancelKeyDeletion": likeUsers, "KMSTagResource": likeUsers,
	"KMSUntagResource": likeUsers, "KMSEnableKeyRotation": likeUsers, "KMSDisableKeyRotation": likeUsers,
	"KMSRotateKeyOnDemand": likeUsers, "KMSCreateAlias": likeUsers, "KMSUpdateAlias": likeUsers, "KMSDeleteAlias": likeUsers,
	"KMSPutKeyPolicy": likeUsers, "KMSCreateGrant": likeUsers, "KMSRevokeGrant": likeUsers, "KMSRetireGrant": likeUsers,

	"GetTrail": reading, "VerifyTrail": reading,
	"EnableTrail": trailing, "SelectTrail": trailing, "DisableTrail": trailing, "DeliverTrail": trailing,

	"Logging": reading, "LogStatus": reading,
	"SetLogging": "it edits the bucket's record in one durable update, as SetOwnership",
	"DeliverLog": "it puts objects that are made of an access log's records, which store's tests of the logs kill in the middle",

	"SetRequestPayment": oneAnswer,

	"AccessPointTags": reading, "TagAccessPoint": likePolicies, "UntagAccessPoint": likePolicies,
	"AccessPoint": reading, "AccessPointPolicy": reading, "AccessPointPolicyPublic": reading, "ListAccessPoints": reading, "ExpectAccount": reading,
	"CreateAccessPoint": likePolicies, "DeleteAccessPoint": likePolicies, "SetAccessPointPolicy": likePolicies, "DeleteAccessPointPolicy": likePolicies,

	"SetBucketEncryption": "it edits the bucket's record in one durable update, as SetOwnership", "DeleteBucketEncryption": "likewise",

	"MayDescribe": reading, "Edition": reading,
	"Replace": "store.TestReplacedContentsAreWhole kills the store between such steps; what makes them durable is Sync and the publish, which are acts",

	"GiveUp": "it takes back what no publish has made, as recovery does with what was not fsynced; store.TestAGivenUpFileIsGone kills the store after it",

	"SetObjectACL":           "it edits a version's record in one durable update, as PutTagging",
	"SetAccountPublicAccess": "it writes one record in one durable update, as SetSetting", "DeleteAccountPublicAccess": "likewise",

	"WriteBack": "it is WriteAt, but for handles that append",

	"Encrypt":       "it writes one record in one durable update, as SetSetting; what the job does is UpdateEncryption, and store.TestEncryptJobGoesOn ends the store in the middle",
	"CancelEncrypt": "likewise",

	"HoldBucket": "it is in memory and ends with the process",
}

const (
	reading = "it only reads"

	likePolicies = "it writes a record, or a policy, in one durable update, as SetBucketPolicy"
	asTags       = "it edits a version's record by the same update as SetTags"
	trailing     = "what it changes is the audit trail's and no bucket's; store.TestTrailSurvives is about that"
	likeUsers    = "it is one durable update of records of identities or keys, as making, tagging and deleting a user are"

	keepsNothing = "what it gives is told and not kept, but for a spent code and the secret of tokens, which are as likeUsers"

	computing = "it computes with a key and keeps nothing"

	oneAnswer = "there is one answer, all others are refused, and nothing is kept"
)

// TestEachMethodIsAnAct demands that what performs acts calls each method of a session and
// of an open file that changes anything: a new method needs an act, or a reason.
func TestEachMethodIsAnAct(t *testing.T) {
	called := callsIn(t, "perform_test.go")
	all := map[string]bool{}
	for _, typ := range []reflect.Type{reflect.TypeFor[*store.Session](), reflect.TypeFor[*store.File]()} {
		for i := range typ.NumMethod() {
			name := typ.Method(i).Name
			all[name] = true
			if passive[name] == "" && !called[name] {
				t.Errorf("%v.%s is not called by any act: see doc.go on how to add one", typ, name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(passive)) {
		if !all[name] {
			t.Errorf("there is no method %s", name)
		}
	}
}

// callsIn are the names of all methods that a file calls.
func callsIn(t *testing.T, file string) map[string]bool {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	called := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
				called[sel.Sel.Name] = true
			}
		}
		return true
	})
	return called
}

// opsIn are all constants of type op in act_test.go.
func opsIn(t *testing.T) (all []op) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "act_test.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); ok && typ.Name == "op" {
			if value, ok := spec.Values[0].(*ast.BasicLit); ok {
				all = append(all, op(strings.Trim(value.Value, `"`)))
			}
		}
		return true
	})
	return all
}

// TestEachOpIsInALoad demands that each op is generated, and that loads name no others.
func TestEachOpIsInALoad(t *testing.T) {
	all := opsIn(t)
	if len(all) < 40 {
		t.Fatalf("only %d ops were found: %v", len(all), all)
	}
	in := map[op]bool{opBucket: true} // by the prelude
	for kind, load := range loads {
		for o := range load {
			in[o] = true
			if !slices.Contains(all, o) {
				t.Errorf("load %q has an op %q, which there is not", kind, o)
			}
		}
	}
	for _, o := range all {
		if !in[o] {
			t.Errorf("no load has %q", o)
		}
	}
}
