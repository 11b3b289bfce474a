package iamapi

import (
	"context"
	"strings"
	"testing"

	"pail/store/web/query/querytest"
)

// What no account has is answered as by AWS for one that has none, to those who may ask and for
// users and roles that there are.
func TestWhatNobodyHas(t *testing.T) {
	r := querytest.New(t, "iam", New())
	run := func(op, params, want string, has ...string) {
		t.Helper()
		r.Run(r.Root, "", version, querytest.Step{Op: op, Params: params, Want: want, Has: has})
	}
	run("CreateUser", f("UserName", "alice"), "")
	run("CreateRole", f("RoleName", "worker", "AssumeRolePolicyDocument", trust), "")
	const ends = "<IsTruncated>false</IsTruncated>"
	done := map[string]bool{}
	for _, c := range []struct {
		op, params, want string
		has              []string
	}{
		{"ListSSHPublicKeys", f("UserName", "alice"), "", has("<SSHPublicKeys></SSHPublicKeys>" + ends)},
		{"ListSSHPublicKeys", f("UserName", "bob"), noEntity, has("The user with name bob cannot be found.")},
		{"ListServiceSpecificCredentials", f("UserName", "alice"), "", has("<ServiceSpecificCredentials></ServiceSpecificCredentials>")},
		{"ListSigningCertificates", "", "", has("<Certificates></Certificates>" + ends)},
		{"ListInstanceProfilesForRole", f("RoleName", "worker"), "", has("<InstanceProfiles></InstanceProfiles>" + ends)},
		{"ListInstanceProfilesForRole", f("RoleName", "gone"), noEntity, has("The role with name gone cannot be found.")},
		{"ListInstanceProfiles", f("MaxItems", "5"), "", has("<InstanceProfiles></InstanceProfiles>" + ends)},
		{"ListServerCertificates", "", "", has("<ServerCertificateMetadataList></ServerCertificateMetadataList>" + ends)},
		{"ListOpenIDConnectProviders", "", "", has("<OpenIDConnectProviderList></OpenIDConnectProviderList></ListOpenIDConnectProvidersResult>")},
		{"ListSAMLProviders", "", "", has("<SAMLProviderList></SAMLProviderList></ListSAMLProvidersResult>")},
		{"GetLoginProfile", f("UserName", "alice"), noEntity, has("Login Profile for User alice cannot be found.")},
		{"GetLoginProfile", f("UserName", "bob"), noEntity, has("The user with name bob cannot be found.")},
		{"UpdateLoginProfile", f("UserName", "alice"), noEntity, has("Login Profile for User alice cannot be found.")},
		{"DeleteLoginProfile", f("UserName", "alice"), noEntity, has("Login Profile for User alice cannot be found.")},
		{"GetAccountPasswordPolicy", "", noEntity, has("The Password Policy with domain name 000000000000 cannot be found.")},
		{"DeleteAccountPasswordPolicy", "", noEntity, nil},
		{"GetInstanceProfile", f("InstanceProfileName", "p"), noEntity, has("Instance Profile p cannot be found.")},
		{"GetServerCertificate", f("ServerCertificateName", "c"), noEntity, nil},
		{"GetOpenIDConnectProvider", f("OpenIDConnectProviderArn", own+"oidc-provider/x"), noEntity, nil},
		{"GetSAMLProvider", f("SAMLProviderArn", own+"saml-provider/x"), noEntity, nil},
	} {
		run(c.op, c.params, c.want, c.has...)
		done[c.op] = true
	}
	made := r.Run(r.Root, "", version, querytest.Step{Op: "CreateAccessKey", Params: f("UserName", "alice")})
	alice := r.Root
	alice.AccessKey, alice.Secret = querytest.Element(made, "AccessKeyId"), querytest.Element(made, "SecretAccessKey")
	for _, op := range absent() {
		if !done[op.Name] {
			t.Errorf("%s is never done", op.Name)
		}
		var pairs []string
		for _, need := range op.Needs {
			pairs = append(pairs, need, "x")
		}
		params := f(pairs...)
		r.Run(alice, "", version, querytest.Step{Op: op.Name, Params: params, Want: "403 AccessDenied"})
	}
	for _, op := range []string{"GetAccountAuthorizationDetails", "GenerateCredentialReport", "GetCredentialReport"} {
		r.Run(alice, "", version, querytest.Step{Op: op, Want: "403 AccessDenied"})
	}
	run("CreateLoginProfile", f("UserName", "alice", "Password", "x"), "400 InvalidAction")
}

// What changes identities is answered when mounts show it; what only reads waits for nothing.
func TestMountsAreWaitedFor(t *testing.T) {
	h := New()
	waited := 0
	h.Settle = func(context.Context) { waited++ }
	r := querytest.New(t, "iam", h)
	for _, c := range []struct {
		op, params, want string
		waits            int
	}{
		{"CreateUser", f("UserName", "alice"), "", 1},
		{"CreateUser", f("UserName", "alice"), exists, 1},
		{"GetUser", f("UserName", "alice"), "", 1},
		{"ListUsers", "", "", 1},
		{"PutUserPolicy", f("UserName", "alice", "PolicyName", "p", "PolicyDocument", allowAll), "", 2},
		{"DeleteUserPolicy", f("UserName", "alice", "PolicyName", "p"), "", 3},
	} {
		r.Run(r.Root, "", version, querytest.Step{Op: c.op, Params: c.params, Want: c.want})
		if waited != c.waits {
			t.Errorf("after %s mounts were waited for %d times, want %d", c.op, waited, c.waits)
		}
	}
}

// An account's details are all that says who may do what, in parts of any size.
func TestAuthorizationDetails(t *testing.T) {
	r := querytest.New(t, "iam", New())
	run := func(op, params string) string {
		t.Helper()
		return r.Run(r.Root, "", version, querytest.Step{Op: op, Params: params})
	}
	run("CreateGroup", f("GroupName", "staff"))
	run("PutGroupPolicy", f("GroupName", "staff", "PolicyName", "gp", "PolicyDocument", allowAll))
	run("CreateUser", f("UserName", "alice", "Path", "/a/"))
	run("AddUserToGroup", f("UserName", "alice", "GroupName", "staff"))
	run("PutUserPolicy", f("UserName", "alice", "PolicyName", "up", "PolicyDocument", allowAll))
	run("AttachUserPolicy", f("UserName", "alice", "PolicyArn", readOnly))
	run("CreateRole", f("RoleName", "worker", "AssumeRolePolicyDocument", trust))
	run("CreatePolicy", f("PolicyName", "mine", "PolicyDocument", allowAll))
	mine := []string{
		"<UserName>alice</UserName>", "<GroupList><member>staff</member></GroupList>", "<UserPolicyList><member><PolicyName>up</PolicyName><PolicyDocument>%7B",
		"<AttachedManagedPolicies><member><PolicyName>AmazonS3ReadOnlyAccess</PolicyName><PolicyArn>" + readOnly + "</PolicyArn></member></AttachedManagedPolicies>",
		"<GroupDetailList><member><Path>/</Path><GroupName>staff</GroupName>", "<GroupPolicyList><member><PolicyName>gp</PolicyName>",
		"<RoleName>worker</RoleName>", "<InstanceProfileList></InstanceProfileList>",
		"<PolicyName>mine</PolicyName>", "<PolicyVersionList><member><Document>%7B",
	}
	filter := f("Filter.member.1", "User", "Filter.member.2", "Group", "Filter.member.3", "Role", "Filter.member.4", "LocalManagedPolicy")
	whole := run("GetAccountAuthorizationDetails", filter)
	for _, text := range mine {
		if !strings.Contains(whole, text) {
			t.Errorf("%s is not in %s", text, whole)
		}
	}
	if strings.Contains(whole, "AmazonS3FullAccess") {
		t.Error("a policy of AWS is told without being asked for")
	}
	if all := run("GetAccountAuthorizationDetails", f("MaxItems", "1000")); !strings.Contains(all, "AmazonS3FullAccess") {
		t.Error("the policies of AWS are missing")
	}
	parts, marker := "", ""
	for n := 0; ; n++ {
		params := filter + "&MaxItems=1"
		if marker != "" {
			params += "&" + f("Marker", marker)
		}
		part := run("GetAccountAuthorizationDetails", params)
		parts += part
		if marker = querytest.Element(part, "Marker"); marker == "" {
			if n != 3 {
				t.Errorf("%d parts, want 4", n+1)
			}
			break
		}
	}
	for _, text := range mine {
		if !strings.Contains(parts, text) {
			t.Errorf("%s is in no part", text)
		}
	}
}

// A credential report has a row for the root and for each user.
func TestCredentialReport(t *testing.T) {
	r := querytest.New(t, "iam", New())
	run := func(op, params string) string {
		t.Helper()
		return r.Run(r.Root, "", version, querytest.Step{Op: op, Params: params})
	}
	run("CreateUser", f("UserName", "alice"))
	id := querytest.Element(run("CreateAccessKey", f("UserName", "alice")), "AccessKeyId")
	run("UpdateAccessKey", f("UserName", "alice", "AccessKeyId", id, "Status", "Inactive"))
	run("CreateAccessKey", f("UserName", "alice"))
	run("GenerateCredentialReport", "")
	report := strings.Split(decoded(t, querytest.Element(run("GetCredentialReport", ""), "Content")), "\n")
	if len(report) != 3 {
		t.Fatalf("%q", report)
	}
	columns := strings.Split(report[0], ",")
	for _, line := range report[1:] {
		fields := strings.Split(line, ",")
		if len(fields) != len(columns) || len(columns) != 22 {
			t.Fatalf("%d fields of %d columns: %s", len(fields), len(columns), line)
		}
		row := map[string]string{}
		for i, c := range columns {
			row[c] = fields[i]
		}
		switch row["user"] {
		case "<root_account>":
			if row["arn"] != own+"root" || row["password_enabled"] != "not_supported" || row["mfa_active"] != "false" {
				t.Errorf("%v", row)
			}
		case "alice":
			if row["arn"] != own+"user/alice" || row["password_enabled"] != "false" || row["access_key_1_active"] != "false" ||
				row["access_key_2_active"] != "true" || row["access_key_2_last_used_date"] != "N/A" || !strings.HasPrefix(row["access_key_1_last_rotated"], "20") {
				t.Errorf("%v", row)
			}
		default:
			t.Errorf("%v", row)
		}
	}
}
