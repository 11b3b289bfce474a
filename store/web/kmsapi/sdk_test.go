package kmsapi

import (
	"bytes"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"pail/store"
)

// TestSDK is the life of a key with Amazon's SDK for Go: what it reads is what was written, and
// errors are of its types.
func TestSDK(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	c := kms.New(kms.Options{
		Region: store.DefaultRegion, BaseEndpoint: aws.String(r.url), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(r.root.AccessKey, r.root.Secret, ""),
	})
	ok := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	made, err := c.CreateKey(ctx, &kms.CreateKeyInput{Description: aws.String("sdk"), Tags: []types.Tag{{TagKey: aws.String("a"), TagValue: aws.String("b")}}})
	ok("create", err)
	m := made.KeyMetadata
	id := m.KeyId
	if m.KeyState != types.KeyStateEnabled || m.KeySpec != types.KeySpecSymmetricDefault || m.KeyManager != types.KeyManagerTypeCustomer || m.CreationDate == nil || !m.Enabled {
		t.Errorf("%+v", m)
	}
	_, err = c.CreateAlias(ctx, &kms.CreateAliasInput{AliasName: aws.String("alias/sdk"), TargetKeyId: id})
	ok("alias", err)
	pairs := map[string]string{"Department": "IT", "Ünïcode": "日本"}
	data, err := c.GenerateDataKey(ctx, &kms.GenerateDataKeyInput{KeyId: aws.String("alias/sdk"), KeySpec: types.DataKeySpecAes256, EncryptionContext: pairs})
	ok("data key", err)
	if len(data.Plaintext) != 32 || *data.KeyId != *m.Arn {
		t.Errorf("%+v", data)
	}
	_, err = c.RotateKeyOnDemand(ctx, &kms.RotateKeyOnDemandInput{KeyId: id})
	ok("rotate", err)
	plain, err := c.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: data.CiphertextBlob, EncryptionContext: pairs})
	ok("decrypt", err)
	if !bytes.Equal(plain.Plaintext, data.Plaintext) || *plain.KeyMaterialId != *data.KeyMaterialId {
		t.Errorf("%+v", plain)
	}
	turns, err := c.ListKeyRotations(ctx, &kms.ListKeyRotationsInput{KeyId: id})
	ok("rotations", err)
	if len(turns.Rotations) != 1 || turns.Rotations[0].RotationType != types.RotationTypeOnDemand || turns.Rotations[0].RotationDate == nil {
		t.Errorf("%+v", turns.Rotations)
	}
	_, err = c.EnableKeyRotation(ctx, &kms.EnableKeyRotationInput{KeyId: id, RotationPeriodInDays: aws.Int32(180)})
	ok("have it rotate", err)
	status, err := c.GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: id})
	ok("rotation status", err)
	if !status.KeyRotationEnabled || *status.RotationPeriodInDays != 180 || status.NextRotationDate == nil {
		t.Errorf("%+v", status)
	}
	grant, err := c.CreateGrant(ctx, &kms.CreateGrantInput{
		KeyId: id, GranteePrincipal: aws.String("arn:aws:iam::000000000000:root"), Operations: []types.GrantOperation{types.GrantOperationDecrypt},
		Constraints: &types.GrantConstraints{EncryptionContextEquals: pairs},
	})
	ok("grant", err)
	grants, err := c.ListGrants(ctx, &kms.ListGrantsInput{KeyId: id})
	ok("grants", err)
	if len(grants.Grants) != 1 || grants.Grants[0].Constraints.EncryptionContextEquals["Ünïcode"] != "日本" || *grants.Grants[0].GrantId != *grant.GrantId {
		t.Errorf("%+v", grants.Grants)
	}
	_, err = c.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: data.CiphertextBlob, EncryptionContext: pairs, GrantTokens: []string{*grant.GrantToken}})
	ok("decrypt with a token", err)
	_, err = c.RetireGrant(ctx, &kms.RetireGrantInput{GrantToken: grant.GrantToken})
	ok("retire", err)
	keys := 0
	for p := kms.NewListKeysPaginator(c, &kms.ListKeysInput{Limit: aws.Int32(1)}); p.HasMorePages(); {
		page, err := p.NextPage(ctx)
		ok("keys", err)
		keys += len(page.Keys)
	}
	if keys != 1 {
		t.Errorf("%d keys", keys)
	}
	gone, err := c.ScheduleKeyDeletion(ctx, &kms.ScheduleKeyDeletionInput{KeyId: id, PendingWindowInDays: aws.Int32(7)})
	ok("schedule", err)
	if gone.KeyState != types.KeyStatePendingDeletion || gone.DeletionDate == nil {
		t.Errorf("%+v", gone)
	}
	_, err = c.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: data.CiphertextBlob, EncryptionContext: pairs})
	if e := (*types.KMSInvalidStateException)(nil); !errors.As(err, &e) {
		t.Errorf("pending deletion: %v", err)
	}
	_, err = c.CancelKeyDeletion(ctx, &kms.CancelKeyDeletionInput{KeyId: id})
	ok("cancel", err)
	_, err = c.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: data.CiphertextBlob, EncryptionContext: pairs})
	if e := (*types.DisabledException)(nil); !errors.As(err, &e) {
		t.Errorf("disabled: %v", err)
	}
	_, err = c.EnableKey(ctx, &kms.EnableKeyInput{KeyId: id})
	ok("enable", err)
	_, err = c.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: data.CiphertextBlob})
	if e := (*types.InvalidCiphertextException)(nil); !errors.As(err, &e) {
		t.Errorf("another context: %v", err)
	}
	_, err = c.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String("alias/none")})
	if e := (*types.NotFoundException)(nil); !errors.As(err, &e) || e.ErrorMessage() == "" {
		t.Errorf("not found: %v", err)
	}
	_, err = c.Encrypt(ctx, &kms.EncryptInput{KeyId: id, Plaintext: []byte("x"), DryRun: aws.Bool(true)})
	if e := (*types.DryRunOperationException)(nil); !errors.As(err, &e) {
		t.Errorf("dry run: %v", err)
	}
}
