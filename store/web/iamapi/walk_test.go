package iamapi

import (
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"pail/store/web/query/querytest"
	"pail/store/web/sigv4"
)

const version = "2010-05-08"

const (
	allowAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`
	allowIAM = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:Get*","iam:List*"],"Resource":"*"}]}`
	trust    = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:root"},"Action":"sts:AssumeRole"}]}`
	own      = "arn:aws:iam::000000000000:"
	readOnly = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"

	noEntity = "404 NoSuchEntity"
	exists   = "409 EntityAlreadyExists"
	conflict = "409 DeleteConflict"
	limit    = "409 LimitExceeded"
	badText  = "400 MalformedPolicyDocument"
	invalid  = "400 ValidationError"
)

var f = querytest.Form

// has is what an answer has in it.
func has(texts ...string) []string { return texts }

// steps are taken one after the other. Each operation has a success here, and each error that
// AWS documents for it and that can happen.
func steps() []querytest.Step {
	var all []querytest.Step
	step := func(op, params, want string, has ...string) {
		all = append(all, querytest.Step{Op: op, Params: params, Want: want, Has: has})
	}
	long := strings.Repeat("x", 65)

	step("CreateUser", f("UserName", "alice", "Path", "/staff/", "Tags.member.1.Key", "team", "Tags.member.1.Value", "ops"), "",
		"<CreateUserResult><User><Path>/staff/</Path><UserName>alice</UserName><UserId>AIDA", "<Arn>"+own+"user/staff/alice</Arn><CreateDate>",
		"<Tags><member><Key>team</Key><Value>ops</Value></member></Tags>", "<ResponseMetadata><RequestId>")
	step("CreateUser", f("UserName", "Alice"), exists, "<Type>Sender</Type>", "User with name Alice already exists.")
	step("CreateUser", f("UserName", "a b"), invalid)
	step("CreateUser", f("UserName", long), invalid)
	step("CreateUser", f("UserName", "x", "Path", "staff"), invalid)
	step("CreateUser", f("UserName", "x", "PermissionsBoundary", own+"policy/gone"), noEntity)
	step("CreateUser", f("UserName", "x", "PermissionsBoundary", ""), invalid)
	step("CreateUser", f("UserName", "x", "Tags.member.1.Key", "k"), invalid)
	step("CreateUser", f("UserName", "bob"), "")
	step("GetUser", f("UserName", "alice"), "", "<GetUserResult><User>", "<Key>team</Key>")
	step("GetUser", "", "", "<UserId>000000000000</UserId><Arn>"+own+"root</Arn>")
	step("GetUser", f("UserName", ""), invalid)
	step("ListUsers", f("MaxItems", "1"), "", "<UserName>alice</UserName>", "<IsTruncated>true</IsTruncated><Marker>alice</Marker>")
	step("ListUsers", f("MaxItems", "1", "Marker", "alice"), "", "<UserName>bob</UserName>", "<IsTruncated>false</IsTruncated>")
	step("ListUsers", f("PathPrefix", "/staff/"), "", "<Users><member><Path>/staff/</Path>")
	step("ListUsers", f("PathPrefix", "/none/"), "", "<Users></Users>")
	step("ListUsers", f("MaxItems", "0"), invalid, "maxItems")
	step("ListUsers", f("MaxItems", "1001"), invalid)
	step("ListUsers", f("MaxItems", "x"), invalid)
	step("UpdateUser", f("UserName", "bob", "NewUserName", "ben", "NewPath", "/x/"), "")
	step("UpdateUser", f("UserName", "ben", "NewUserName", "alice"), exists)
	step("UpdateUser", f("UserName", "ben", "NewUserName", ""), invalid)
	step("TagUser", f("UserName", "ben", "Tags.member.1.Key", "a", "Tags.member.1.Value", ""), "")
	step("TagUser", f("UserName", "ben", "Tags.member.1.Key", "aws:a", "Tags.member.1.Value", ""), invalid)
	step("ListUserTags", f("UserName", "ben"), "", "<Tags><member><Key>a</Key><Value></Value></member></Tags>")
	step("UntagUser", f("UserName", "ben", "TagKeys.member.1", "a"), "")
	step("ListUserTags", f("UserName", "ben"), "", "<Tags></Tags><IsTruncated>false</IsTruncated>")

	step("CreateGroup", f("GroupName", "admins", "Path", "/g/"), "", "<Group><Path>/g/</Path><GroupName>admins</GroupName><GroupId>AGPA")
	step("CreateGroup", f("GroupName", "admins"), exists)
	step("CreateGroup", f("GroupName", "a b"), invalid)
	step("AddUserToGroup", f("GroupName", "admins", "UserName", "ben"), "")
	step("AddUserToGroup", f("GroupName", "admins", "UserName", "gone"), noEntity)
	step("GetGroup", f("GroupName", "admins"), "", "<Group>", "<Users><member>", "<UserName>ben</UserName>")
	step("ListGroups", "", "", "<Groups><member>")
	step("ListGroupsForUser", f("UserName", "ben"), "", "<GroupName>admins</GroupName>")
	step("DeleteGroup", f("GroupName", "admins"), conflict)
	step("CreateGroup", f("GroupName", "others"), "")
	step("UpdateGroup", f("GroupName", "others", "NewGroupName", "admins"), exists)
	step("UpdateGroup", f("GroupName", "others", "NewGroupName", "rest", "NewPath", "/h/"), "")
	step("RemoveUserFromGroup", f("GroupName", "admins", "UserName", "ben"), "")

	step("CreatePolicy", f("PolicyName", "p", "PolicyDocument", allowAll, "Description", "all <of> it"), "",
		"<Policy><PolicyName>p</PolicyName><PolicyId>ANPA", "<DefaultVersionId>v1</DefaultVersionId><AttachmentCount>0</AttachmentCount>", "all &lt;of&gt; it")
	step("CreatePolicy", f("PolicyName", "p", "PolicyDocument", allowAll), exists)
	step("CreatePolicy", f("PolicyName", "q", "PolicyDocument", "{"), badText)
	step("CreatePolicy", f("PolicyName", "q", "PolicyDocument", strings.Replace(allowAll, "2012", "2022", 1)), badText, "2012-10-17", "2008-10-17")
	step("CreatePolicy", f("PolicyName", "q", "PolicyDocument", strings.Replace(allowAll, "s3:*", "s3:Get"+strings.Repeat("a", 7000), 1)), limit)
	p := own + "policy/p"
	step("GetPolicy", f("PolicyArn", p), "", "<Description>")
	step("GetPolicy", f("PolicyArn", readOnly), "", "<Arn>"+readOnly+"</Arn>")
	step("CreatePolicyVersion", f("PolicyArn", p, "PolicyDocument", allowIAM, "SetAsDefault", "true"), "", "<VersionId>v2</VersionId><IsDefaultVersion>true</IsDefaultVersion>")
	step("CreatePolicyVersion", f("PolicyArn", p, "PolicyDocument", "x"), badText)
	step("CreatePolicyVersion", f("PolicyArn", p, "PolicyDocument", allowIAM, "SetAsDefault", "yes"), invalid)
	step("CreatePolicyVersion", f("PolicyArn", readOnly, "PolicyDocument", allowIAM), "403 AccessDenied")
	step("GetPolicyVersion", f("PolicyArn", p, "VersionId", "v1"), "", "<Document>%7B%22Version%22%3A%222012-10-17%22%2C", "<IsDefaultVersion>false")
	step("GetPolicyVersion", f("PolicyArn", p, "VersionId", "v9"), noEntity)
	step("ListPolicyVersions", f("PolicyArn", p, "MaxItems", "1"), "", "<VersionId>v2</VersionId>", "<IsTruncated>true")
	step("SetDefaultPolicyVersion", f("PolicyArn", p, "VersionId", "v1"), "")
	step("SetDefaultPolicyVersion", f("PolicyArn", p, "VersionId", "v9"), noEntity)
	step("DeletePolicyVersion", f("PolicyArn", p, "VersionId", "v1"), conflict)
	step("DeletePolicyVersion", f("PolicyArn", p, "VersionId", "v9"), noEntity)
	step("DeletePolicyVersion", f("PolicyArn", p, "VersionId", "v2"), "")
	step("ListPolicies", f("Scope", "Local"), "", "<Policies><member><PolicyName>p</PolicyName>")
	step("ListPolicies", f("Scope", "local"), invalid, "[All, AWS, Local]")
	step("TagPolicy", f("PolicyArn", p, "Tags.member.1.Key", "a", "Tags.member.1.Value", "b"), "")
	step("ListPolicyTags", f("PolicyArn", p), "", "<Key>a</Key>")
	step("UntagPolicy", f("PolicyArn", p, "TagKeys.member.1", "a"), "")

	step("CreateRole", f("RoleName", "app", "AssumeRolePolicyDocument", trust, "MaxSessionDuration", "7200"), "",
		"<Role><Path>/</Path><RoleName>app</RoleName><RoleId>AROA", "<AssumeRolePolicyDocument>%7B", "<MaxSessionDuration>7200</MaxSessionDuration>")
	step("CreateRole", f("RoleName", "app", "AssumeRolePolicyDocument", trust), exists)
	step("CreateRole", f("RoleName", "app2", "AssumeRolePolicyDocument", allowAll), badText)
	step("CreateRole", f("RoleName", "app2", "AssumeRolePolicyDocument", trust, "MaxSessionDuration", "60"), invalid)
	step("GetRole", f("RoleName", "app"), "", "<RoleLastUsed></RoleLastUsed>")
	step("ListRoles", "", "", "<Roles><member>")
	step("UpdateRole", f("RoleName", "app", "Description", "new"), "", "<UpdateRoleResult></UpdateRoleResult>")
	step("UpdateRoleDescription", f("RoleName", "app", "Description", ""), "", "<RoleName>app</RoleName>")
	step("UpdateAssumeRolePolicy", f("RoleName", "app", "PolicyDocument", trust), "")
	step("UpdateAssumeRolePolicy", f("RoleName", "app", "PolicyDocument", "{}"), badText)
	step("TagRole", f("RoleName", "app", "Tags.member.1.Key", "a", "Tags.member.1.Value", "b"), "")
	step("ListRoleTags", f("RoleName", "app"), "", "<Key>a</Key>")
	step("UntagRole", f("RoleName", "app", "TagKeys.member.1", "a"), "")

	for _, h := range []struct{ kind, name string }{{"User", "alice"}, {"Group", "admins"}, {"Role", "app"}} {
		k, n := h.kind, h.kind+"Name"
		step("Attach"+k+"Policy", f(n, h.name, "PolicyArn", p), "")
		step("Attach"+k+"Policy", f(n, h.name, "PolicyArn", own+"policy/gone"), noEntity)
		step("ListAttached"+k+"Policies", f(n, h.name), "", "<AttachedPolicies><member><PolicyName>p</PolicyName><PolicyArn>"+p+"</PolicyArn></member></AttachedPolicies>")
		step("Put"+k+"Policy", f(n, h.name, "PolicyName", "in", "PolicyDocument", allowIAM), "")
		step("Put"+k+"Policy", f(n, h.name, "PolicyName", "in", "PolicyDocument", "{}"), badText)
		step("Put"+k+"Policy", f(n, h.name, "PolicyName", "a b", "PolicyDocument", allowIAM), invalid)
		step("Get"+k+"Policy", f(n, h.name, "PolicyName", "in"), "", "<"+n+">"+h.name+"</"+n+"><PolicyName>in</PolicyName><PolicyDocument>%7B%22Version%22")
		step("Get"+k+"Policy", f(n, h.name, "PolicyName", "out"), noEntity)
		step("List"+k+"Policies", f(n, h.name), "", "<PolicyNames><member>in</member></PolicyNames>")
		if k != "Group" {
			step("Put"+k+"PermissionsBoundary", f(n, h.name, "PermissionsBoundary", readOnly), "")
			step("Put"+k+"PermissionsBoundary", f(n, h.name, "PermissionsBoundary", own+"policy/gone"), noEntity)
			step("Put"+k+"PermissionsBoundary", f(n, h.name, "PermissionsBoundary", "gone"), invalid)
			step("Get"+k, f(n, h.name), "", "<PermissionsBoundaryArn>"+readOnly)
		}
		step("Delete"+k, f(n, h.name), conflict)
	}
	custom := []string{"PolicyInputList.member.1", allowIAM, "ActionNames.member.1", "iam:GetUser", "ActionNames.member.2", "iam:DeleteUser"}
	step("SimulateCustomPolicy", f(custom...), "", "<EvaluationResults><member><EvalActionName>iam:GetUser</EvalActionName><EvalResourceName>*</EvalResourceName><EvalDecision>allowed</EvalDecision>"+
		"<MatchedStatements><member><SourcePolicyId>PolicyInputList.1</SourcePolicyId><SourcePolicyType>none</SourcePolicyType></member></MatchedStatements><MissingContextValues></MissingContextValues></member>",
		"<EvalActionName>iam:DeleteUser</EvalActionName><EvalResourceName>*</EvalResourceName><EvalDecision>implicitDeny</EvalDecision><MatchedStatements></MatchedStatements>")
	step("SimulateCustomPolicy", f(append(custom, "MaxItems", "1")...), "", "iam:GetUser", "<IsTruncated>true</IsTruncated><Marker>00000000</Marker>")
	step("SimulateCustomPolicy", f(append(custom, "MaxItems", "1", "Marker", "00000000")...), "", "iam:DeleteUser", "<IsTruncated>false</IsTruncated>")
	step("SimulateCustomPolicy", f("PolicyInputList.member.1", "{", "ActionNames.member.1", "iam:GetUser"), badText)
	step("SimulateCustomPolicy", f(append(custom, "PermissionsBoundaryPolicyInputList.member.1", allowAll)...), "", "<EvalDecision>implicitDeny</EvalDecision>",
		"<AllowedByPermissionsBoundary>false</AllowedByPermissionsBoundary>")
	step("SimulateCustomPolicy", f(append(custom, "PermissionsBoundaryPolicyInputList.member.1", allowAll, "PermissionsBoundaryPolicyInputList.member.2", allowAll)...), invalid)
	step("SimulateCustomPolicy", f(append(custom, "ContextEntries.member.1.ContextKeyValues.member.1", "x")...), invalid)
	office := strings.Replace(allowAll, `"Resource":"*"`, `"Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`, 1)
	step("SimulateCustomPolicy", f("PolicyInputList.member.1", office, "ActionNames.member.1", "s3:GetObject"), "", "implicitDeny", "<MissingContextValues><member>aws:SourceIp</member></MissingContextValues>")
	step("SimulateCustomPolicy", f("PolicyInputList.member.1", office, "ActionNames.member.1", "s3:GetObject", "ResourceArns.member.1", "arn:aws:s3:::b/k",
		"ContextEntries.member.1.ContextKeyName", "aws:SourceIp", "ContextEntries.member.1.ContextKeyType", "ip", "ContextEntries.member.1.ContextKeyValues.member.1", "192.0.2.7"), "", "<EvalDecision>allowed")
	step("SimulatePrincipalPolicy", f("PolicySourceArn", own+"user/staff/alice", "ActionNames.member.1", "iam:GetUser"), "", "<EvalDecision>")
	step("ListEntitiesForPolicy", f("PolicyArn", p), "", "<PolicyGroups><member><GroupName>admins</GroupName><GroupId>AGPA", "<PolicyUsers><member><UserName>alice", "<PolicyRoles><member><RoleName>app")
	step("ListEntitiesForPolicy", f("PolicyArn", p, "EntityFilter", "Role"), "", "<PolicyGroups></PolicyGroups><PolicyUsers></PolicyUsers><PolicyRoles><member>")
	step("ListEntitiesForPolicy", f("PolicyArn", readOnly, "PolicyUsageFilter", "PermissionsBoundary"), "", "<PolicyUsers><member><UserName>alice")
	step("ListPolicies", f("OnlyAttached", "true", "PolicyUsageFilter", "PermissionsBoundary"), "", "<PermissionsBoundaryUsageCount>2</PermissionsBoundaryUsageCount>")
	step("DeletePolicy", f("PolicyArn", p), conflict)
	for _, h := range []struct{ kind, name string }{{"User", "alice"}, {"Group", "admins"}, {"Role", "app"}} {
		k, n := h.kind, h.kind+"Name"
		step("Delete"+k+"Policy", f(n, h.name, "PolicyName", "in"), "")
		step("Delete"+k+"Policy", f(n, h.name, "PolicyName", "in"), noEntity)
		step("Detach"+k+"Policy", f(n, h.name, "PolicyArn", p), "")
		step("Detach"+k+"Policy", f(n, h.name, "PolicyArn", p), noEntity)
		if k != "Group" {
			step("Delete"+k+"PermissionsBoundary", f(n, h.name), "")
		}
	}
	step("DeletePolicy", f("PolicyArn", p), "")
	step("DeleteRole", f("RoleName", "app"), "")
	step("DeleteGroup", f("GroupName", "admins"), "")

	step("CreateAccountAlias", f("AccountAlias", "Bad"), invalid)
	step("CreateAccountAlias", f("AccountAlias", "fine"), "")
	step("ListAccountAliases", "", "", "<AccountAliases><member>fine</member></AccountAliases>")
	step("DeleteAccountAlias", f("AccountAlias", "other"), noEntity)
	step("DeleteAccountAlias", f("AccountAlias", "fine"), "")
	step("ListAccountAliases", "", "", "<AccountAliases></AccountAliases><IsTruncated>false</IsTruncated>")
	step("GetAccountAuthorizationDetails", "", "", "<UserDetailList><member><Path>", "<GroupDetailList>", "<RoleDetailList>", "<IsTruncated>false</IsTruncated>")
	step("GetAccountAuthorizationDetails", f("Filter.member.1", "Dragon"), invalid)
	step("GenerateCredentialReport", "", "", "<State>COMPLETE</State>")
	step("GetCredentialReport", "", "", "<Content>", "<ReportFormat>text/csv</ReportFormat><GeneratedTime>20")
	step("GetAccountSummary", "", "", "<SummaryMap><entry><key>AccessKeysPerUserQuota</key><value>2</value></entry>", "<key>Users</key><value>2</value>")

	// What needs a name says so if nothing has it.
	gone := map[string]string{"UserName": "gone", "GroupName": "gone", "RoleName": "gone", "PolicyArn": own + "policy/gone", "SerialNumber": own + "mfa/gone", "AccessKeyId": "AKIAGONE", "AccountAlias": "gone", "PolicySourceArn": own + "user/gone"}
	filled := map[string]string{
		"PolicyName": "x", "PolicyDocument": allowIAM, "AssumeRolePolicyDocument": trust, "VersionId": "v1", "Status": "Active", "Description?": "",
		"Tags": "", "TagKeys": "", "PermissionsBoundary": readOnly, "AuthenticationCode1": "123456", "AuthenticationCode2": "654321",
	}
	for _, op := range operations() {
		if strings.HasPrefix(op.Name, "Create") && op.Name != "CreatePolicyVersion" || len(op.Needs) == 0 || op.Name == "SimulateCustomPolicy" {
			continue
		}
		var pairs []string
		for _, need := range op.Needs {
			switch need {
			case "Tags":
				pairs = append(pairs, "Tags.member.1.Key", "a", "Tags.member.1.Value", "b")
			case "ActionNames":
				pairs = append(pairs, "ActionNames.member.1", "iam:GetUser")
			case "TagKeys":
				pairs = append(pairs, "TagKeys.member.1", "a")
			default:
				v, ok := gone[need]
				if !ok {
					v = filled[need]
				}
				pairs = append(pairs, strings.TrimSuffix(need, "?"), v)
			}
		}
		step(op.Name, f(pairs...), noEntity)
	}
	return all
}

func TestOperations(t *testing.T) {
	r := querytest.New(t, "iam", New())
	done := map[string]bool{}
	for _, s := range steps() {
		r.Run(r.Root, "", version, s)
		done[s.Op] = done[s.Op] || s.Want == ""
	}
	for _, op := range append(keySteps(r), deviceSteps(r)...) {
		done[op] = true
	}
	for _, op := range operations() {
		if !done[op.Name] {
			t.Errorf("%s is never done", op.Name)
		}
		if len(op.Needs) == 0 {
			continue
		}
		var missing []string
		for _, need := range op.Needs {
			need = strings.TrimSuffix(need, "?")
			missing = append(missing, "Value null at &#39;"+strings.ToLower(need[:1])+need[1:]+"&#39; failed to satisfy constraint: Member must not be null")
		}
		r.Run(r.Root, "", version, querytest.Step{Op: op.Name, Want: invalid, Has: missing})
	}
}

// keySteps are of access keys, whose ids the steps do not know beforehand.
func keySteps(r *querytest.Rig) []string {
	run := func(op, params, want string, has ...string) string {
		r.T.Helper()
		return r.Run(r.Root, "", version, querytest.Step{Op: op, Params: params, Want: want, Has: has})
	}
	made := run("CreateAccessKey", f("UserName", "alice"), "", "<AccessKey><UserName>alice</UserName><AccessKeyId>AKIA", "<Status>Active</Status><SecretAccessKey>")
	id := querytest.Element(made, "AccessKeyId")
	cred := sigv4.Credential{AccessKey: id, Secret: querytest.Element(made, "SecretAccessKey")}
	run("CreateAccessKey", f("UserName", "gone"), noEntity)
	run("GetAccessKeyLastUsed", f("AccessKeyId", id), "", "<UserName>alice</UserName><AccessKeyLastUsed><ServiceName>N/A</ServiceName><Region>N/A</Region>")
	// A user may do nothing of itself, and is told what it may not.
	r.Run(cred, "", version, querytest.Step{Op: "ListUsers", Want: "403 AccessDenied",
		Has: has("User: " + own + "user/staff/alice is not authorized to perform: iam:ListUsers on resource: ")})
	run("GetAccessKeyLastUsed", f("AccessKeyId", id), "", "<LastUsedDate>", "<ServiceName>iam</ServiceName><Region>us-east-1</Region>")
	run("PutUserPolicy", f("UserName", "alice", "PolicyName", "self", "PolicyDocument",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam::*:user/staff/${aws:username}"}]}`), "")
	r.Run(cred, "", version, querytest.Step{Op: "GetUser", Has: has("<UserName>alice</UserName>")})
	r.Run(cred, "", version, querytest.Step{Op: "CreateAccessKey", Has: has("<UserName>alice</UserName>")})
	r.Run(cred, "", version, querytest.Step{Op: "CreateAccessKey", Want: limit})
	r.Run(cred, "", version, querytest.Step{Op: "ListAccessKeys", Has: has("<AccessKeyMetadata><member><UserName>alice</UserName><AccessKeyId>")})
	r.Run(cred, "", version, querytest.Step{Op: "GetUser", Params: f("UserName", "ben"), Want: "403 AccessDenied"})
	run("UpdateAccessKey", f("UserName", "alice", "AccessKeyId", id, "Status", "active"), invalid, "[Active, Inactive]")
	run("UpdateAccessKey", f("UserName", "alice", "AccessKeyId", id, "Status", "Inactive"), "")
	run("ListAccessKeys", f("UserName", "alice"), "", "<Status>Inactive</Status>")
	r.Run(cred, "", version, querytest.Step{Op: "GetUser", Want: "403 InvalidClientTokenId", Has: has("The security token included in the request is invalid.")})
	run("DeleteUser", f("UserName", "alice"), conflict)
	run("DeleteAccessKey", f("UserName", "ben", "AccessKeyId", id), noEntity)
	run("DeleteAccessKey", f("UserName", "alice", "AccessKeyId", id), "")
	run("DeleteUser", f("UserName", "ben"), "")
	return []string{"CreateAccessKey", "GetAccessKeyLastUsed", "ListAccessKeys", "UpdateAccessKey", "DeleteAccessKey", "DeleteUser"}
}

// deviceSteps are of MFA devices, whose codes the steps do not know beforehand.
func deviceSteps(r *querytest.Rig) []string {
	run := func(op, params, want string, has ...string) string {
		r.T.Helper()
		return r.Run(r.Root, "", version, querytest.Step{Op: op, Params: params, Want: want, Has: has})
	}
	made := run("CreateVirtualMFADevice", f("VirtualMFADeviceName", "phone"), "", "<VirtualMFADevice><SerialNumber>"+own+"mfa/phone</SerialNumber>")
	run("CreateVirtualMFADevice", f("VirtualMFADeviceName", "phone"), exists)
	run("CreateVirtualMFADevice", f("VirtualMFADeviceName", "a b"), invalid)
	seed := decoded(r.T, querytest.Element(made, "Base32StringSeed"))
	if png := decoded(r.T, querytest.Element(made, "QRCodePNG")); !strings.HasPrefix(png, "\x89PNG") {
		r.T.Errorf("the QR code is %.20q", png)
	}
	code := func(back int) string {
		c, err := totp.GenerateCodeCustom(seed, time.Now().Add(time.Duration(back)*30*time.Second), totp.ValidateOpts{Period: 30, Digits: otp.DigitsSix})
		if err != nil {
			r.T.Fatal(err)
		}
		return c
	}
	serial := own + "mfa/phone"
	run("ListVirtualMFADevices", f("AssignmentStatus", "Unassigned"), "", "<VirtualMFADevices><member><SerialNumber>"+serial+"</SerialNumber></member>")
	run("ListVirtualMFADevices", f("AssignmentStatus", "none"), invalid)
	run("EnableMFADevice", f("UserName", "alice", "SerialNumber", serial, "AuthenticationCode1", "000000", "AuthenticationCode2", "000000"), "403 InvalidAuthenticationCode")
	run("EnableMFADevice", f("UserName", "alice", "SerialNumber", serial, "AuthenticationCode1", code(-2), "AuthenticationCode2", code(-1)), "")
	run("ListMFADevices", f("UserName", "alice"), "", "<MFADevices><member><UserName>alice</UserName><SerialNumber>"+serial+"</SerialNumber><EnableDate>")
	run("GetMFADevice", f("SerialNumber", serial), "", "<UserName>alice</UserName>")
	run("ResyncMFADevice", f("UserName", "alice", "SerialNumber", serial, "AuthenticationCode1", "000000", "AuthenticationCode2", "000000"), "403 InvalidAuthenticationCode")
	run("ResyncMFADevice", f("UserName", "alice", "SerialNumber", serial, "AuthenticationCode1", code(1), "AuthenticationCode2", code(2)), "")
	run("DeleteVirtualMFADevice", f("SerialNumber", serial), conflict)
	run("TagMFADevice", f("SerialNumber", serial, "Tags.member.1.Key", "a", "Tags.member.1.Value", "b"), "")
	run("ListMFADeviceTags", f("SerialNumber", serial), "", "<Key>a</Key>")
	run("UntagMFADevice", f("SerialNumber", serial, "TagKeys.member.1", "a"), "")
	run("DeactivateMFADevice", f("UserName", "alice", "SerialNumber", serial), "")
	run("DeleteVirtualMFADevice", f("SerialNumber", serial), "")
	return []string{
		"CreateVirtualMFADevice", "ListVirtualMFADevices", "EnableMFADevice", "ListMFADevices", "GetMFADevice", "ResyncMFADevice",
		"DeleteVirtualMFADevice", "TagMFADevice", "ListMFADeviceTags", "UntagMFADevice", "DeactivateMFADevice",
	}
}
