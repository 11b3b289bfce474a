package kmsapi

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"pail/store"
	"pail/store/fault"
	"pail/store/iam"
	"pail/store/trail"
	"pail/store/web/apierror"
	"pail/store/web/sigv4"
)

const (
	notFound   = "400 NotFoundException"
	validation = "400 ValidationException"
	denied     = "400 AccessDeniedException"
	disabled   = "400 DisabledException"
	state      = "400 KMSInvalidStateException"
	unsup      = "400 UnsupportedOperationException"
	marker     = "400 InvalidMarkerException"
	badARN     = "400 InvalidArnException"
	dryRun     = "400 DryRunOperationException"
	none       = "12345678-1234-1234-1234-123456789012"
)

// q makes a body of members and values in turns; a value that is JSON stays as it is.
func q(pairs ...string) string {
	var b strings.Builder
	b.WriteString("{")
	for i := 0; i < len(pairs); i += 2 {
		if i > 0 {
			b.WriteString(",")
		}
		v := pairs[i+1]
		if !json.Valid([]byte(v)) {
			v = `"` + v + `"`
		}
		b.WriteString(`"` + pairs[i] + `":` + v)
	}
	return b.String() + "}"
}

func b64(s string) string { return `"` + base64.StdEncoding.EncodeToString([]byte(s)) + `"` }

// TestOperations: each operation has a success here, and each error that AWS documents for it
// and that can happen.
func TestOperations(t *testing.T) {
	r := newRig(t)
	out := r.do("CreateKey", `{"Description":"first","Tags":[{"TagKey":"a","TagValue":"b"}]}`, "", `"KeyState":"Enabled"`, `"KeyManager":"CUSTOMER"`,
		`"KeySpec":"SYMMETRIC_DEFAULT"`, `"EncryptionAlgorithms":["SYMMETRIC_DEFAULT"]`, `"Origin":"AWS_KMS"`, `"MultiRegion":false`, `"AWSAccountId":"000000000000"`, `"CreationDate":1`)
	id, arn := in(out, "KeyMetadata", "KeyId"), in(out, "KeyMetadata", "Arn")
	if arn != "arn:aws:kms:us-east-1:000000000000:key/"+id {
		t.Fatal(out)
	}
	second := in(r.do("CreateKey", "", ""), "KeyMetadata", "KeyId")
	for body, want := range map[string]string{
		q("KeySpec", "RSA_2048", "KeyUsage", "SIGN_VERIFY"): unsup, q("CustomerMasterKeySpec", "HMAC_256"): unsup, q("KeySpec", "x"): validation,
		q("Origin", "EXTERNAL"): unsup, q("MultiRegion", "true"): unsup, q("CustomKeyStoreId", "cks-1"): validation, q("Origin", "EXTERNAL_KEY_STORE"): validation, q("Origin", "EXTERNAL_KEY_STORE", "CustomKeyStoreId", "cks-1", "XksKeyId", "x"): notFound,
		q("Policy", "x"): "400 MalformedPolicyDocumentException", q("Tags", `[{"TagKey":"aws:a","TagValue":""}]`): "400 TagException",
		`{"Policy":1}`: "400 SerializationException", "x": "400 SerializationException", "[]": "400 SerializationException",
	} {
		r.do("CreateKey", body, want)
	}
	r.keys(id, arn)
	r.uses(id, arn, second)
	r.aliases(id, second)
	r.rotations(id, arn)
	r.policies(id)
	r.grants(id, arn)
	r.states(id, arn)
	for _, op := range New().Operations() {
		if !r.done[op] && op != "UpdatePrimaryRegion" {
			t.Errorf("%s has no success", op)
		}
	}
}

func (r *rig) keys(id, arn string) {
	r.do("DescribeKey", q("KeyId", id), "", arn)
	r.do("DescribeKey", q("KeyId", arn), "", `"Description":"first"`)
	r.do("DescribeKey", q("KeyId", none), notFound, "does not exist")
	r.do("DescribeKey", q("KeyId", "arn:aws:s3:::x"), badARN)
	r.do("DescribeKey", "{}", validation, "Value null at 'keyId' failed to satisfy constraint: Member must not be null")
	r.do("DescribeKey", q("KeyId", ""), validation, "length greater than or equal to 1")
	r.do("DescribeKey", q("KeyId", id, "GrantTokens", `["x"]`), "400 InvalidGrantTokenException")
	r.do("ListKeys", "{}", "", arn, `"Truncated":false`)
	first := r.do("ListKeys", q("Limit", "1"), "", `"Truncated":true`)
	r.do("ListKeys", q("Limit", "1", "Marker", in(first, "NextMarker")), "", `"Truncated":false`)
	r.do("ListKeys", q("Limit", "0"), validation)
	r.do("ListKeys", q("Limit", "1001"), validation)
	r.do("ListKeys", q("Marker", "x"), marker)
	r.do("UpdateKeyDescription", q("KeyId", id, "Description", "other"), "")
	r.do("DescribeKey", q("KeyId", id), "", `"Description":"other"`)
	r.do("UpdateKeyDescription", q("KeyId", id, "Description", strings.Repeat("x", 8193)), validation)
	r.do("UpdateKeyDescription", q("KeyId", none, "Description", ""), notFound)
	r.do("UpdatePrimaryRegion", q("KeyId", id, "PrimaryRegion", "eu-west-1"), unsup)
	r.do("TagResource", q("KeyId", id, "Tags", `[{"TagKey":"c","TagValue":"d"}]`), "")
	r.do("TagResource", q("KeyId", id, "Tags", `[{"TagKey":"c","TagValue":"d"},{"TagKey":"c","TagValue":"e"}]`), "400 TagException")
	r.do("TagResource", q("KeyId", none, "Tags", `[{"TagKey":"c","TagValue":"d"}]`), notFound)
	r.do("ListResourceTags", q("KeyId", id), "", `"Tags":[{"TagKey":"a","TagValue":"b"},{"TagKey":"c","TagValue":"d"}]`)
	r.do("ListResourceTags", q("KeyId", id, "Limit", "1"), "", `"NextMarker"`)
	r.do("ListResourceTags", q("KeyId", id, "Marker", "x"), marker)
	r.do("UntagResource", q("KeyId", id, "TagKeys", `["a"]`), "")
	r.do("UntagResource", q("KeyId", id, "TagKeys", `[""]`), "400 TagException")
	r.do("ListResourceTags", q("KeyId", id), "", `"Tags":[{"TagKey":"c","TagValue":"d"}]`)
}

func (r *rig) uses(id, arn, second string) {
	context := `{"a":"b","c":"d"}`
	out := r.do("Encrypt", q("KeyId", id, "Plaintext", b64("secret"), "EncryptionContext", context), "", arn, `"EncryptionAlgorithm":"SYMMETRIC_DEFAULT"`)
	blob := `"` + in(out, "CiphertextBlob") + `"`
	r.do("Encrypt", q("KeyId", id), validation, "plaintext")
	r.do("Encrypt", q("KeyId", id, "Plaintext", b64(strings.Repeat("x", 4097))), validation)
	r.do("Encrypt", q("KeyId", id, "Plaintext", `"%"`), "400 SerializationException")
	r.do("Encrypt", q("KeyId", none, "Plaintext", b64("x")), notFound)
	r.do("Encrypt", q("KeyId", id, "Plaintext", b64("x"), "DryRun", "true"), dryRun)
	r.do("Encrypt", q("KeyId", id, "Plaintext", b64("x"), "EncryptionAlgorithm", "RSAES_OAEP_SHA_1"), validation)
	r.do("Decrypt", q("CiphertextBlob", blob, "EncryptionContext", `{"c":"d","a":"b"}`), "", `"Plaintext":`+b64("secret"), arn, `"KeyMaterialId"`)
	r.do("Decrypt", q("CiphertextBlob", blob, "EncryptionContext", `{"a":"b"}`), "400 InvalidCiphertextException")
	r.do("Decrypt", q("CiphertextBlob", b64("x")), "400 InvalidCiphertextException")
	r.do("Decrypt", q("CiphertextBlob", blob, "EncryptionContext", context, "KeyId", second), "400 IncorrectKeyException")
	r.do("Decrypt", q("CiphertextBlob", blob, "EncryptionContext", context, "DryRun", "true"), dryRun)
	r.do("Decrypt", q("KeyId", id, "DryRun", "true", "DryRunModifiers", `["IGNORE_CIPHERTEXT"]`), dryRun)
	r.do("Decrypt", q("CiphertextBlob", blob, "DryRunModifiers", `["x"]`), validation)
	r.do("Decrypt", q("CiphertextBlob", blob, "Recipient", "{}"), unsup)
	r.do("ReEncrypt", q("CiphertextBlob", blob, "SourceEncryptionContext", context, "DestinationKeyId", second, "DestinationEncryptionContext", `{"e":"f"}`), "",
		`"SourceKeyId":"`+arn, `"DestinationKeyMaterialId"`)
	r.do("ReEncrypt", q("CiphertextBlob", blob, "DestinationKeyId", second), "400 InvalidCiphertextException")
	r.do("ReEncrypt", q("CiphertextBlob", blob, "SourceEncryptionContext", context, "SourceKeyId", second, "DestinationKeyId", second), "400 IncorrectKeyException")
	r.do("ReEncrypt", q("CiphertextBlob", blob, "SourceEncryptionContext", context, "DestinationKeyId", none), notFound)
	out = r.do("GenerateDataKey", q("KeyId", id, "KeySpec", "AES_256"), "", `"Plaintext"`, arn, `"KeyMaterialId"`)
	r.do("Decrypt", q("CiphertextBlob", in(out, "CiphertextBlob")), "", in(out, "Plaintext"))
	r.do("GenerateDataKey", q("KeyId", id), validation, "Please specify either number of bytes or key spec.")
	r.do("GenerateDataKey", q("KeyId", id, "NumberOfBytes", "0"), validation)
	r.do("GenerateDataKey", q("KeyId", id, "KeySpec", "AES_256", "DryRun", "true"), dryRun)
	r.do("GenerateDataKey", q("KeyId", id, "KeySpec", "AES_256", "Recipient", "{}"), unsup)
	out = r.do("GenerateDataKeyWithoutPlaintext", q("KeyId", id, "NumberOfBytes", "64"), "")
	if in(out, "Plaintext") != "" {
		r.t.Error(out)
	}
	r.do("GenerateDataKeyWithoutPlaintext", q("KeyId", none, "NumberOfBytes", "64"), notFound)
	r.do("GenerateRandom", q("NumberOfBytes", "32"), "", `"Plaintext"`)
	r.do("GenerateRandom", "{}", validation)
	r.do("GenerateRandom", q("NumberOfBytes", "1", "CustomKeyStoreId", "cks-1"), unsup)
}

func (r *rig) aliases(id, second string) {
	r.do("CreateAlias", q("AliasName", "alias/x", "TargetKeyId", id), "")
	r.do("CreateAlias", q("AliasName", "alias/x", "TargetKeyId", second), "400 AlreadyExistsException")
	r.do("CreateAlias", q("AliasName", "alias/a b", "TargetKeyId", id), "400 InvalidAliasNameException")
	r.do("CreateAlias", q("AliasName", "x", "TargetKeyId", id), validation)
	r.do("CreateAlias", q("AliasName", "alias/aws/s3", "TargetKeyId", id), "400 NotAuthorizedException")
	r.do("CreateAlias", q("AliasName", "alias/y", "TargetKeyId", none), notFound)
	r.do("CreateAlias", q("AliasName", "alias/y"), validation)
	r.do("DescribeKey", q("KeyId", "alias/x"), "", id)
	r.do("DescribeKey", q("KeyId", "arn:aws:kms:us-east-1:000000000000:alias/x"), "", id)
	r.do("DescribeKey", q("KeyId", "alias/none"), notFound, "Alias arn:aws:kms:us-east-1:000000000000:alias/none is not found.")
	r.do("EnableKey", q("KeyId", "alias/x"), notFound)
	r.do("UpdateAlias", q("AliasName", "alias/x", "TargetKeyId", second), "")
	r.do("UpdateAlias", q("AliasName", "alias/none", "TargetKeyId", second), notFound)
	r.do("ListAliases", "{}", "", `"AliasName":"alias/x","AliasArn":"arn:aws:kms:us-east-1:000000000000:alias/x","TargetKeyId":"`+second+`","CreationDate":`)
	r.do("ListAliases", q("KeyId", id), "", `"Aliases":[]`)
	r.do("ListAliases", q("KeyId", none), notFound)
	r.do("ListAliases", q("Marker", "x"), marker)
	r.do("DeleteAlias", q("AliasName", "alias/x"), "")
	r.do("DeleteAlias", q("AliasName", "alias/x"), notFound)
}

func (r *rig) rotations(id, arn string) {
	r.do("GetKeyRotationStatus", q("KeyId", id), "", `"KeyRotationEnabled":false`)
	r.do("EnableKeyRotation", q("KeyId", id, "RotationPeriodInDays", "180"), "")
	r.do("EnableKeyRotation", q("KeyId", id, "RotationPeriodInDays", "89"), validation)
	r.do("EnableKeyRotation", q("KeyId", id, "RotationPeriodInDays", "0"), validation)
	r.do("EnableKeyRotation", q("KeyId", none), notFound)
	r.do("GetKeyRotationStatus", q("KeyId", id), "", `"KeyRotationEnabled":true`, `"RotationPeriodInDays":180`, `"NextRotationDate":`)
	r.do("GetKeyRotationStatus", q("KeyId", none), notFound)
	r.do("RotateKeyOnDemand", q("KeyId", id), "", arn)
	r.do("RotateKeyOnDemand", q("KeyId", none), notFound)
	r.do("ListKeyRotations", q("KeyId", id), "", `"RotationType":"ON_DEMAND"`, `"KeyMaterialState":"CURRENT"`, `"RotationDate":`)
	r.do("ListKeyRotations", q("KeyId", id, "IncludeKeyMaterial", "ALL_KEY_MATERIAL"), "", "NON_CURRENT")
	r.do("ListKeyRotations", q("KeyId", id, "IncludeKeyMaterial", "x"), validation)
	r.do("ListKeyRotations", q("KeyId", id, "Marker", "x"), marker)
	r.do("DisableKeyRotation", q("KeyId", id), "")
	r.do("DisableKeyRotation", q("KeyId", none), notFound)
}

func (r *rig) policies(id string) {
	out := r.do("GetKeyPolicy", q("KeyId", id, "PolicyName", "default"), "", `"PolicyName":"default"`)
	policy := in(out, "Policy")
	if !strings.Contains(policy, "key-default-1") {
		r.t.Error(policy)
	}
	r.do("GetKeyPolicy", q("KeyId", id, "PolicyName", "x"), notFound)
	r.do("ListKeyPolicies", q("KeyId", id), "", `"PolicyNames":["default"]`)
	r.do("ListKeyPolicies", q("KeyId", none), notFound)
	flat := strings.Join(strings.Fields(policy), " ")
	r.do("PutKeyPolicy", q("KeyId", id, "PolicyName", "default", "Policy", quoted(flat)), "")
	r.do("PutKeyPolicy", q("KeyId", id, "Policy", quoted("{}")), "400 MalformedPolicyDocumentException")
	r.do("PutKeyPolicy", q("KeyId", id, "Policy", quoted(strings.Replace(flat, "kms:*", "kms:Decrypt", 1))), "400 MalformedPolicyDocumentException", "will not allow you to update")
	r.do("PutKeyPolicy", q("KeyId", id, "Policy", quoted(strings.Repeat(" ", 33<<10)+flat)), "400 LimitExceededException")
	r.do("PutKeyPolicy", q("KeyId", none, "Policy", quoted(flat)), notFound)
}

// quoted is a text as a JSON string.
func quoted(s string) string { return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"` }

func (r *rig) grants(id, arn string) {
	root := "arn:aws:iam::000000000000:root"
	make := q("KeyId", id, "GranteePrincipal", root, "RetiringPrincipal", root, "Operations", `["Decrypt","RetireGrant"]`,
		"Constraints", `{"EncryptionContextSubset":{"a":"b"}}`, "Name", "n")
	out := r.do("CreateGrant", make, "", `"GrantId"`, `"GrantToken"`)
	if again := r.do("CreateGrant", make, ""); in(again, "GrantId") != in(out, "GrantId") || in(again, "GrantToken") == in(out, "GrantToken") {
		r.t.Error("the same grant was made twice, or has one token")
	}
	grant := in(out, "GrantId")
	r.do("CreateGrant", q("KeyId", id, "GranteePrincipal", "x", "Operations", `["Decrypt"]`), badARN)
	r.do("CreateGrant", q("KeyId", id, "GranteePrincipal", root, "Operations", `["Sign"]`), validation)
	r.do("CreateGrant", q("KeyId", id, "GranteePrincipal", root), validation, "operations")
	r.do("CreateGrant", q("KeyId", none, "GranteePrincipal", root, "Operations", `["Decrypt"]`), notFound)
	r.do("CreateGrant", q("KeyId", id, "GranteePrincipal", root, "Operations", `["Decrypt"]`, "DryRun", "true"), dryRun)
	r.do("ListGrants", q("KeyId", id), "", `"IssuingAccount":"`+root, `"KeyId":"`+arn, `"EncryptionContextSubset":{"a":"b"}`, grant)
	r.do("ListGrants", q("KeyId", id, "GrantId", strings.Repeat("x", 129)), "400 InvalidGrantIdException")
	r.do("ListGrants", q("KeyId", id, "GranteePrincipal", "arn:aws:iam::000000000000:user/x"), "", `"Grants":[]`)
	r.do("ListGrants", q("KeyId", none), notFound)
	r.do("ListGrants", q("KeyId", id, "Marker", "x"), marker)
	r.do("ListRetirableGrants", q("RetiringPrincipal", root), "", grant)
	r.do("ListRetirableGrants", "{}", validation)
	r.do("RetireGrant", "{}", validation)
	r.do("RetireGrant", q("GrantToken", "x"), "400 InvalidGrantTokenException")
	r.do("RetireGrant", q("GrantToken", in(out, "GrantToken"), "DryRun", "true"), dryRun)
	r.do("RetireGrant", q("GrantToken", in(out, "GrantToken")), "")
	r.do("RetireGrant", q("KeyId", arn, "GrantId", grant), notFound)
	grant = in(r.do("CreateGrant", make, ""), "GrantId")
	r.do("RevokeGrant", q("KeyId", id, "GrantId", grant, "DryRun", "true"), dryRun)
	r.do("RevokeGrant", q("KeyId", id, "GrantId", grant), "")
	r.do("RevokeGrant", q("KeyId", id, "GrantId", grant), notFound)
	r.do("RevokeGrant", q("KeyId", none, "GrantId", grant), notFound)
}

func (r *rig) states(id, arn string) {
	r.do("DisableKey", q("KeyId", id), "")
	r.do("Encrypt", q("KeyId", id, "Plaintext", b64("x")), disabled, arn+" is disabled.")
	r.do("RotateKeyOnDemand", q("KeyId", id), disabled)
	r.do("DescribeKey", q("KeyId", id), "", `"Enabled":false`, `"KeyState":"Disabled"`)
	r.do("EnableKey", q("KeyId", id), "")
	r.do("CancelKeyDeletion", q("KeyId", id), state)
	r.do("ScheduleKeyDeletion", q("KeyId", id, "PendingWindowInDays", "6"), validation)
	r.do("ScheduleKeyDeletion", q("KeyId", id, "PendingWindowInDays", "0"), validation)
	r.do("ScheduleKeyDeletion", q("KeyId", id), "", `"PendingWindowInDays":30`, `"KeyState":"PendingDeletion"`, `"DeletionDate":`)
	for _, op := range []string{"EnableKey", "DisableKey", "ScheduleKeyDeletion", "EnableKeyRotation", "RotateKeyOnDemand"} {
		r.do(op, q("KeyId", id), state, "is pending deletion.")
	}
	r.do("Encrypt", q("KeyId", id, "Plaintext", b64("x")), state)
	r.do("CancelKeyDeletion", q("KeyId", id), "", arn)
	r.do("DisableKey", q("KeyId", none), notFound)
	r.do("CancelKeyDeletion", q("KeyId", none), notFound)
	r.do("ScheduleKeyDeletion", q("KeyId", none), notFound)
}

// TestWhoMay: what policies do not allow is refused, and so is who has not signed.
func TestWhoMay(t *testing.T) {
	r := newRig(t)
	id := in(r.do("CreateKey", "{}", ""), "KeyMetadata", "KeyId")
	ctx, root := t.Context(), r.session()
	if _, err := root.CreateUser(ctx, iam.NewUser{Name: "alice"}); err != nil {
		t.Fatal(err)
	}
	key, err := root.CreateAccessKey(ctx, "alice", iam.Given{})
	if err != nil {
		t.Fatal(err)
	}
	alice := sigv4.Credential{AccessKey: key.ID, Secret: key.Secret}
	for _, op := range New().Operations() {
		body := q("KeyId", id, "Plaintext", b64("x"), "DestinationKeyId", id, "AliasName", "alias/x", "TargetKeyId", id, "Policy", "x", "GranteePrincipal", "x",
			"Operations", `["Decrypt"]`, "RetiringPrincipal", "arn:aws:iam::000000000000:root", "GrantId", strings.Repeat("0", 64), "Tags", "[]", "TagKeys", "[]", "Description", "", "PrimaryRegion", "x",
			"NumberOfBytes", "1", "SourceKeyId", id)
		r.as(alice, op, body, denied)
	}
	status, answer := r.post(sigv4.Credential{}, targetPrefix+"ListKeys", "{}")
	if status != 400 || !strings.Contains(answer, "MissingAuthenticationTokenException") {
		t.Errorf("without a signature: %d %s", status, answer)
	}
	for target, want := range map[string]string{"TrentService.Sign": "UnknownOperationException", "x": "UnknownOperationException", "": "UnknownOperationException"} {
		if status, answer := r.post(r.root, target, "{}"); status != 400 || !strings.Contains(answer, want) {
			t.Errorf("%q: %d %s", target, status, answer)
		}
	}
	wrong := sigv4.Credential{AccessKey: r.root.AccessKey, Secret: "x"}
	if status, answer := r.post(wrong, targetPrefix+"ListKeys", "{}"); status != 400 || !strings.Contains(answer, "InvalidSignatureException") {
		t.Errorf("%d %s", status, answer)
	}
	gone := sigv4.Credential{AccessKey: "AKIAGONE", Secret: "x"}
	if status, answer := r.post(gone, targetPrefix+"ListKeys", "{}"); status != 400 || !strings.Contains(answer, "UnrecognizedClientException") {
		t.Errorf("%d %s", status, answer)
	}
	changed := func(req *http.Request) { req.Body = http.NoBody; req.ContentLength = 0 }
	if status, answer := r.post(r.root, targetPrefix+"DisableKey", q("KeyId", id), changed); status != 400 || !strings.Contains(answer, "InvalidSignatureException") {
		t.Errorf("a body that was not signed: %d %s", status, answer)
	}
}

// TestAudit: a request is told with its key and its encryption context, and without secrets.
func TestAudit(t *testing.T) {
	r := newRig(t)
	file := t.TempDir() + "/audit"
	if _, err := r.session().EnableTrail(t.Context(), store.TrailInput{File: file, Select: trail.Selector{Management: trail.All}}); err != nil {
		t.Fatal(err)
	}
	id := in(r.do("CreateKey", `{"Tags":[{"TagKey":"a","TagValue":"b"}]}`, ""), "KeyMetadata", "KeyId")
	blob := in(r.do("Encrypt", q("KeyId", id, "Plaintext", b64("the secret"), "EncryptionContext", `{"Purpose":"Test"}`), ""), "CiphertextBlob")
	r.do("Decrypt", q("CiphertextBlob", blob), "400 InvalidCiphertextException")
	token := in(r.do("CreateGrant", q("KeyId", id, "GranteePrincipal", "arn:aws:iam::000000000000:root", "Operations", `["Decrypt"]`), ""), "GrantToken")
	r.do("RetireGrant", q("GrantToken", token), "")
	if _, err := r.session().DeliverTrail(t.Context()); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(b), "\n")
	arn := "arn:aws:kms:us-east-1:000000000000:key/" + id
	about := `"resources":[{"accountId":"000000000000","type":"AWS::KMS::Key","ARN":"` + arn + `"}]`
	for event, has := range map[string][]string{
		"CreateKey":   {`"readOnly":false`, about, `"tags":[{"tagKey":"a","tagValue":"b"}]`, `"responseElements":{"keyMetadata":{"aWSAccountId":"000000000000"`},
		"Encrypt":     {`"readOnly":true`, about, `"encryptionContext":{"Purpose":"Test"}`, `"keyId":"` + id + `"`, `"keyMaterialId":"`, `"managementEvent":true`},
		"Decrypt":     {`"errorCode":"InvalidCiphertextException"`, about},
		"CreateGrant": {about, `"responseElements":{"grantId":"`, `"operations":["Decrypt"]`},
		"RetireGrant": {about},
	} {
		found := ""
		for _, line := range lines {
			if strings.Contains(line, `"eventSource":"kms.amazonaws.com","eventName":"`+event+`"`) {
				found = line
			}
		}
		if !json.Valid([]byte(found)) {
			t.Errorf("%s is told as %q", event, found)
		}
		for _, text := range has {
			if !strings.Contains(found, text) {
				t.Errorf("%s is told as %s; it should have %s", event, found, text)
			}
		}
	}
	for _, text := range []string{base64.StdEncoding.EncodeToString([]byte("the secret")), blob, token} {
		if strings.Contains(string(b), text) {
			t.Errorf("a record has %s", text)
		}
	}
}

// TestErrors: every kind of failure has a code, and what only the operator may know is not
// told.
func TestErrors(t *testing.T) {
	for k := fault.Internal; k <= fault.NameTooLong; k++ {
		f := failureOf(fault.New(k, "secret /path"))
		if _, known := failures[k]; !known && (f.code != "KMSInternalException" || f.status != 500 || strings.Contains(f.message, "secret")) {
			t.Errorf("%v: %+v", k, f)
		}
		if f.status < 400 || f.code == "" || f.message == "" || f.Error() == "" {
			t.Errorf("%v: %+v", k, f)
		}
	}
	for code, want := range map[apierror.Code]string{
		apierror.InvalidToken: "UnrecognizedClientException", apierror.ExpiredToken: "ExpiredTokenException", apierror.RequestTimeTooSkewed: "InvalidSignatureException",
		apierror.SlowDown: "ThrottlingException", apierror.EntityTooLarge: "RequestEntityTooLargeException", apierror.AccessDenied: "IncompleteSignatureException",
		apierror.RequestTimeout: "RequestTimeoutException",
	} {
		if got := failureOf(apierror.New(code, "")).code; got != want {
			t.Errorf("%s: %s", code, got)
		}
	}
}

func TestEpoch(t *testing.T) {
	b, err := epoch(time.UnixMilli(1572216195123)).MarshalJSON()
	if err != nil || string(b) != "1572216195.123" {
		t.Errorf("%s, %v", b, err)
	}
}

// FuzzRequest: whatever a body is, it is refused or decoded without a panic, for every
// operation, and no record of the audit trail has what none may.
func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"KeyId":"x","Plaintext":"c2VjcmV0","EncryptionContext":{"a":"b"},"GrantTokens":["t"]}`))
	f.Add([]byte(`{"KeyId":null,"Limit":1.5}`))
	f.Add([]byte(`[`))
	ops := operations()
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, field := range told(body) {
			if field.Name == "plaintext" || field.Name == "ciphertextBlob" || field.Name == "grantTokens" {
				t.Fatalf("%s: a record has %s", body, field.Name)
			}
		}
		for _, op := range ops {
			if err := demand(body, op.needs); err != nil && failureOf(err).status != 400 {
				t.Fatal(err)
			}
		}
		decode[createKeyIn](body)
		decode[encryptIn](body)
		decode[decryptIn](body)
		decode[reEncryptIn](body)
		decode[dataKeyIn](body)
		decode[createGrantIn](body)
		decode[policyIn](body)
	})
}

func decode[Req any](body []byte) {
	op := asking("x", nil, func(*call, Req) (any, error) { return nil, nil })
	_, _ = op.run(&call{body: body})
}
