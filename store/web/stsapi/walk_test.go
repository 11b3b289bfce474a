package stsapi

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"pail/store/iam"
	"pail/store/web/query/querytest"
	"pail/store/web/sigv4"
)

const (
	version = "2011-06-15"
	own     = "arn:aws:iam::000000000000:"
	trust   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:root"},"Action":["sts:AssumeRole","sts:TagSession"]}]}`
	withMFA = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:root"},"Action":"sts:AssumeRole",` +
		`"Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}]}`
	all     = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	invalid = "400 ValidationError"
	denied  = "403 AccessDenied"
)

var f = querytest.Form

// TestOperations: each operation has a success here, and each error that AWS documents for it
// and that can happen.
func TestOperations(t *testing.T) {
	r := querytest.New(t, "sts", New())
	ctx, root := t.Context(), r.Session()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := root.CreateUser(ctx, iam.NewUser{Name: "alice"})
	must(err)
	must(root.PutUserPolicy(ctx, "alice", "all", all))
	for name, text := range map[string]string{"app": trust, "safe": withMFA} {
		_, err := root.CreateRole(ctx, iam.NewRole{Name: name, Trust: text})
		must(err)
	}
	key, err := root.CreateAccessKey(ctx, "alice", iam.Given{})
	must(err)
	alice := sigv4.Credential{AccessKey: key.ID, Secret: key.Secret}
	done := map[string]bool{}
	as := func(cred sigv4.Credential, token, op, params, want string, has ...string) string {
		t.Helper()
		done[op] = done[op] || want == ""
		return r.Run(cred, token, version, querytest.Step{Op: op, Params: params, Want: want, Has: has})
	}
	given := func(body string) (sigv4.Credential, string) {
		return sigv4.Credential{AccessKey: querytest.Element(body, "AccessKeyId"), Secret: querytest.Element(body, "SecretAccessKey")}, querytest.Element(body, "SessionToken")
	}

	as(r.Root, "", "GetCallerIdentity", "", "", `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>`,
		"<Arn>"+own+"root</Arn><UserId>000000000000</UserId><Account>000000000000</Account>", "<ResponseMetadata><RequestId>")
	as(alice, "", "GetCallerIdentity", "", "", "<Arn>"+own+"user/alice</Arn>")
	as(alice, "", "GetAccessKeyInfo", f("AccessKeyId", key.ID), "", "<Account>000000000000</Account>")
	as(alice, "", "GetAccessKeyInfo", f("AccessKeyId", "AKIAGONE"), invalid)
	as(alice, "", "DecodeAuthorizationMessage", f("EncodedMessage", "x"), "400 InvalidAuthorizationMessageException")

	app := f("RoleArn", own+"role/app", "RoleSessionName", "s1")
	body := as(alice, "", "AssumeRole", app+"&"+f("DurationSeconds", "900", "Policy", all, "Tags.member.1.Key", "a", "Tags.member.1.Value", "b"), "",
		"<AssumedRoleUser><AssumedRoleId>AROA", ":s1</AssumedRoleId><Arn>arn:aws:sts::000000000000:assumed-role/app/s1</Arn>",
		"<Credentials><AccessKeyId>ASIA", "<Expiration>", "<PackedPolicySize>")
	cred, token := given(body)
	as(cred, token, "GetCallerIdentity", "", "", "<Arn>arn:aws:sts::000000000000:assumed-role/app/s1</Arn>", ":s1</UserId>")
	as(cred, "", "GetCallerIdentity", "", "403 InvalidClientTokenId")
	as(cred, "x"+token, "GetCallerIdentity", "", "403 InvalidClientTokenId")
	as(cred, token, "GetSessionToken", "", denied)
	as(cred, token, "GetFederationToken", f("Name", "bob"), denied)
	if strings.Contains(as(alice, "", "AssumeRole", app, ""), "PackedPolicySize") {
		t.Error("a session without policies has a size of them")
	}
	as(r.Root, "", "AssumeRole", app, denied, "Roles may not be assumed by root accounts.")
	as(alice, "", "AssumeRole", f("RoleArn", own+"role/gone", "RoleSessionName", "s1"), denied, "is not authorized to perform: sts:AssumeRole on resource: &#34;"+own+"role/gone&#34;")
	as(alice, "", "AssumeRole", f("RoleArn", own+"role/app", "RoleSessionName", "a b"), invalid)
	as(alice, "", "AssumeRole", app+"&"+f("DurationSeconds", "899"), invalid)
	as(alice, "", "AssumeRole", app+"&"+f("DurationSeconds", "0"), invalid)
	as(alice, "", "AssumeRole", app+"&"+f("DurationSeconds", "3601"), invalid)
	as(alice, "", "AssumeRole", app+"&"+f("Policy", "{"), "400 MalformedPolicyDocument")
	as(alice, "", "AssumeRole", app+"&"+f("Policy", ""), invalid)
	as(alice, "", "AssumeRole", app+"&"+f("PolicyArns.member.1.name", "x"), invalid)
	as(alice, "", "AssumeRole", app+"&"+f("PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"), "")
	as(alice, "", "AssumeRole", app+"&"+f("SerialNumber", own+"mfa/phone"), invalid)
	as(alice, "", "AssumeRole", app+"&"+f("ProvidedContexts.member.1.ProviderArn", "x"), invalid)
	as(alice, "", "AssumeRole", app+"&"+f("ExternalId", ""), invalid)

	dev, err := root.CreateVirtualMFADevice(ctx, "phone", "", nil)
	must(err)
	code := func(steps int) string {
		c, err := totp.GenerateCodeCustom(dev.Base32(), time.Now().Add(time.Duration(steps)*30*time.Second), totp.ValidateOpts{Period: 30, Digits: otp.DigitsSix})
		must(err)
		return c
	}
	must(root.EnableMFADevice(ctx, "alice", dev.Serial, code(-2), code(-1)))
	safe := f("RoleArn", own+"role/safe", "RoleSessionName", "s1")
	as(alice, "", "AssumeRole", safe, denied)
	as(alice, "", "AssumeRole", safe+"&"+f("SerialNumber", dev.Serial, "TokenCode", "000000"), denied, "MultiFactorAuthentication failed with invalid MFA one time pass code.")
	used := code(0)
	as(alice, "", "AssumeRole", safe+"&"+f("SerialNumber", dev.Serial, "TokenCode", used), "")
	as(alice, "", "GetSessionToken", f("SerialNumber", dev.Serial, "TokenCode", used), denied)
	cred, token = given(as(alice, "", "GetSessionToken", f("SerialNumber", dev.Serial, "TokenCode", code(1), "DurationSeconds", "129600"), "", "<Credentials><AccessKeyId>ASIA"))
	as(cred, token, "GetCallerIdentity", "", "", "<Arn>"+own+"user/alice</Arn>")
	as(alice, "", "GetSessionToken", f("DurationSeconds", "129601"), invalid)

	cred, token = given(as(alice, "", "GetFederationToken", f("Name", "bob", "Policy", all), "",
		"<FederatedUser><FederatedUserId>000000000000:bob</FederatedUserId><Arn>arn:aws:sts::000000000000:federated-user/bob</Arn>", "<PackedPolicySize>"))
	as(cred, token, "GetCallerIdentity", "", "", "<Arn>arn:aws:sts::000000000000:federated-user/bob</Arn>")
	as(alice, "", "GetFederationToken", f("Name", "b"), invalid)
	as(alice, "", "GetFederationToken", f("Name", "bob", "Policy", "{"), "400 MalformedPolicyDocument")

	for _, name := range New().Operations() {
		if !done[name] && name != "DecodeAuthorizationMessage" {
			t.Errorf("%s is never done", name)
		}
	}
	for op, missing := range map[string]string{"AssumeRole": "roleArn", "GetFederationToken": "name", "GetAccessKeyInfo": "accessKeyId", "DecodeAuthorizationMessage": "encodedMessage"} {
		as(alice, "", op, "", invalid, "Value null at &#39;"+missing+"&#39; failed to satisfy constraint: Member must not be null")
	}
	as(alice, "", "AssumeRoleWithWebIdentity", "", "400 InvalidAction", "Could not find operation AssumeRoleWithWebIdentity for version 2011-06-15")

	// GetCallerIdentity is what no policy denies.
	must(root.PutUserPolicy(ctx, "alice", "none", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`))
	as(alice, "", "GetCallerIdentity", "", "", "user/alice")
	as(alice, "", "AssumeRole", app, denied)
}

// TestPresigned: others prove who they are by a URL that they have signed.
func TestPresigned(t *testing.T) {
	r := querytest.New(t, "sts", New())
	get := func(url string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var b strings.Builder
		if err := resp.Write(&b); err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, b.String()
	}
	query := map[string]string{"Action": "GetCallerIdentity", "Version": version}
	url := sigv4.PresignFor(r.URL, "sts", query, r.Root, "us-east-1", time.Now())
	if status, body := get(url); status != 200 || !strings.Contains(body, own+"root") {
		t.Errorf("%d %s", status, body)
	}
	for what, bad := range map[string]string{
		"SignatureDoesNotMatch":      strings.Replace(url, "GetCallerIdentity", "GetSessionToken", 1),
		"RequestExpired":             sigv4.PresignFor(r.URL, "sts", query, r.Root, "us-east-1", time.Now().Add(-time.Hour)),
		"IncompleteSignature":        sigv4.PresignFor(r.URL, "iam", query, r.Root, "us-east-1", time.Now()),
		"MissingAuthenticationToken": r.URL + "/?Action=GetCallerIdentity&Version=" + version,
	} {
		if status, body := get(bad); querytest.Element(body, "Code") != what {
			t.Errorf("%d %s, want %s", status, body, what)
		}
	}
}
