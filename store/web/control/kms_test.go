package control

import (
	"context"
	"strings"
	"testing"

	"pail/store"
	"pail/store/fault"
)

// TestKMS is the life of a key by commands.
func TestKMS(t *testing.T) {
	o := store.Options{Dir: t.TempDir() + "/store"}
	if err := store.Create(o); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close(context.Background()) })
	c, err := Local(t.Context(), NewHandler(st, nil, "test", quiet()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx := t.Context()
	ok := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	fails := func(err error, want fault.Kind) {
		t.Helper()
		if !fault.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	_, err = c.CreateKMSKey(ctx, CreateKMSKeyRequest{Alias: "aws/s3"})
	fails(err, fault.NotPermitted)
	k, err := c.CreateKMSKey(ctx, CreateKMSKeyRequest{Alias: "photos", Description: "d", Tags: map[string]string{"a": "b"}})
	ok("create", err)
	other, err := c.CreateKMSKey(ctx, CreateKMSKeyRequest{})
	ok("create another", err)
	keys := 0
	ok("ls", c.KMSKeys(ctx, InAccount{}, func(got KMSKey) error {
		keys++
		if got.ID == k.ID && (len(got.Aliases) != 1 || got.Aliases[0] != "alias/photos" || got.Tags["a"] != "b" || got.State != "Enabled") {
			t.Errorf("%+v", got)
		}
		return nil
	}))
	if keys != 2 {
		t.Errorf("%d keys", keys)
	}
	describe := func() KMSKey {
		t.Helper()
		got, err := c.KMSKey(ctx, KMSKeyRequest{Key: "photos"})
		ok("describe", err)
		return got
	}
	photos := KMSKeyRequest{Key: "photos"}
	ok("rotate", c.RotateKMSKey(ctx, KMSKeyRequest{Key: k.ARN}))
	ok("have it rotate", c.SetKMSRotation(ctx, KMSRotationRequest{photos, 100}))
	if got := describe(); got.Materials != 2 || got.RotationDays != 100 || got.NextRotation == nil || !strings.Contains(got.Policy, "key-default-1") {
		t.Errorf("%+v", got)
	}
	ok("no more", c.EndKMSRotation(ctx, photos))
	ok("disable", c.DisableKMSKey(ctx, photos))
	if got := describe(); got.State != "Disabled" || got.RotationDays != 0 {
		t.Errorf("%+v", got)
	}
	ok("enable", c.EnableKMSKey(ctx, KMSKeyRequest{Key: "alias/photos"}))
	g, err := c.CreateKMSGrant(ctx, CreateKMSGrantRequest{KMSKeyRequest: photos, Grantee: "arn:aws:iam::000000000000:root", Operations: []string{"Decrypt"}, Equals: map[string]string{"a": "b"}})
	ok("grant", err)
	if got := describe(); g.Token == "" || len(got.Grants) != 1 || got.Grants[0].ID != g.ID || got.Grants[0].Equals["a"] != "b" {
		t.Errorf("%+v", got)
	}
	ok("revoke", c.RevokeKMSGrant(ctx, RevokeKMSGrantRequest{photos, g.ID}))
	fails(c.RevokeKMSGrant(ctx, RevokeKMSGrantRequest{photos, g.ID}), fault.KMSNotFound)
	policy := strings.Replace(describe().Policy, "key-default-1", "mine", 1)
	ok("policy", c.PutKMSPolicy(ctx, KMSPolicyRequest{KMSKeyRequest: photos, Policy: policy}))
	if got := describe(); got.Policy != policy {
		t.Error(got.Policy)
	}
	fails(c.PutKMSPolicy(ctx, KMSPolicyRequest{KMSKeyRequest: photos, Policy: strings.Replace(policy, "kms:*", "kms:DescribeKey", 1)}), fault.MalformedPolicy)
	ok("another's alias", c.SetKMSAlias(ctx, KMSAliasRequest{KMSKeyRequest{Key: other.ID}, "photos"}))
	if got := describe(); got.ID != other.ID {
		t.Errorf("%+v", got)
	}
	ok("a new alias", c.SetKMSAlias(ctx, KMSAliasRequest{KMSKeyRequest{Key: k.ID}, "alias/new"}))
	ok("no alias", c.DeleteKMSAlias(ctx, KMSAliasRequest{Alias: "photos"}))
	_, err = c.KMSKey(ctx, photos)
	fails(err, fault.KMSNotFound)
	gone, err := c.ScheduleKMSDeletion(ctx, KMSDeletionRequest{KMSKeyRequest{Key: "new"}, 7})
	ok("schedule", err)
	if gone.Deletion == nil || gone.State != "PendingDeletion" {
		t.Errorf("%+v", gone)
	}
	fails(c.EnableKMSKey(ctx, KMSKeyRequest{Key: k.ID}), fault.KMSInvalidState)
	ok("cancel", c.CancelKMSDeletion(ctx, KMSKeyRequest{Key: k.ID}))
}

// TestKMSIsAudited: commands are told by the names of KMS.
func TestKMSIsAudited(t *testing.T) {
	for op, want := range map[string]string{opCreateKMSKey: "CreateKey", opRotateKMSKey: "RotateKeyOnDemand", opKMSKeys: "ListKeys", opScheduleKMSDeletion: "ScheduleKeyDeletion"} {
		if got := auditedAs(op, nil); got.Name != want || got.Source != "kms.amazonaws.com" {
			t.Errorf("%s is told as %+v", op, got)
		}
	}
}
