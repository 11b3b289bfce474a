package clients

import (
	_ "embed"
	"strings"
	"testing"

	"pail/integration/program"
)

//go:embed testdata/kms_client.py
var kmsBoto3 string

func TestBoto3Keys(t *testing.T) {
	need(t, "/usr/bin/python3")
	r := newRig(t)
	r.write("client.py", kmsBoto3)
	t.Log(r.run("/usr/bin/python3", "client.py"))
}

// TestAWSKeys is the life of a key with AWS's command line.
func TestAWSKeys(t *testing.T) {
	need(t, "aws")
	r := newRig(t)
	r.write("plain", "the secret")
	text := func(query string, args ...string) string {
		t.Helper()
		return strings.TrimSpace(r.aws(append([]string{"kms"}, append(args, "--query", query, "--output", "text")...)...))
	}
	id := text("KeyMetadata.KeyId", "create-key", "--description", "of the walk", "--tags", "TagKey=team,TagValue=ops")
	r.aws("kms", "create-alias", "--alias-name", "alias/app", "--target-key-id", id)
	if got := text("Aliases[0].TargetKeyId", "list-aliases"); got != id {
		t.Errorf("the alias is of %q", got)
	}
	blob := text("CiphertextBlob", "encrypt", "--key-id", "alias/app", "--plaintext", "fileb://plain", "--encryption-context", "team=ops")
	r.run("bash", "-c", "echo "+blob+" | base64 -d >blob")
	if out, err := program.Command("--store", r.store, "kms", "rotate", id).CombinedOutput(); err != nil { // Debian's aws is older than rotation on demand
		t.Fatalf("%v\n%s", err, out)
	}
	plain := text("Plaintext", "decrypt", "--ciphertext-blob", "fileb://blob", "--encryption-context", "team=ops")
	if out := r.run("bash", "-c", "echo "+plain+" | base64 -d"); out != "the secret" {
		t.Errorf("it decrypts to %q", out)
	}
	fails := func(says string, args ...string) {
		t.Helper()
		r.fails(says, "aws", append([]string{"--endpoint-url", r.endpoint, "kms"}, args...)...)
	}
	fails("InvalidCiphertextException", "decrypt", "--ciphertext-blob", "fileb://blob", "--encryption-context", "team=dev")
	fails("NotFoundException", "describe-key", "--key-id", "alias/none")
	fails("AlreadyExistsException", "create-alias", "--alias-name", "alias/app", "--target-key-id", id)
	other := text("KeyMetadata.KeyId", "create-key")
	if got := text("KeyId", "re-encrypt", "--ciphertext-blob", "fileb://blob", "--source-encryption-context", "team=ops", "--destination-key-id", other); !strings.HasSuffix(got, other) {
		t.Errorf("it was encrypted again with %q", got)
	}
	grant := text("GrantId", "create-grant", "--key-id", id, "--grantee-principal", "arn:aws:iam::000000000000:root", "--operations", "Decrypt", "GenerateDataKey")
	if got := text("Grants[0].GrantId", "list-grants", "--key-id", id); got != grant {
		t.Errorf("the grant is %q", got)
	}
	r.aws("kms", "revoke-grant", "--key-id", id, "--grant-id", grant)
	r.aws("kms", "generate-data-key", "--key-id", id, "--key-spec", "AES_256")
	r.aws("kms", "enable-key-rotation", "--key-id", id)
	if got := text("KeyRotationEnabled", "get-key-rotation-status", "--key-id", id); got != "True" {
		t.Errorf("it rotates: %q", got)
	}
	if got := text("Policy", "get-key-policy", "--key-id", id, "--policy-name", "default"); !strings.Contains(got, "key-default-1") {
		t.Errorf("its policy is %q", got)
	}
	r.aws("kms", "disable-key", "--key-id", id)
	fails("DisabledException", "decrypt", "--ciphertext-blob", "fileb://blob", "--encryption-context", "team=ops")
	if got := text("KeyState", "schedule-key-deletion", "--key-id", id, "--pending-window-in-days", "7"); got != "PendingDeletion" {
		t.Errorf("its state is %q", got)
	}
	fails("KMSInvalidStateException", "enable-key", "--key-id", id)
	r.aws("kms", "cancel-key-deletion", "--key-id", id)
	r.fails("MissingAuthenticationTokenException", "curl", "-s", "--fail-with-body", "-H", "X-Amz-Target: TrentService.ListKeys", "-d", "{}", r.endpoint+"/")
}
