package kmsapi

import (
	"pail/store"
	"pail/store/kms"
)

type encryptIn struct {
	KeyId               string
	Plaintext           []byte
	EncryptionContext   map[string]string
	GrantTokens         []string
	EncryptionAlgorithm string
	DryRun              bool
}

func encrypt(c *call, in encryptIn) (any, error) {
	e, err := c.s.KMSEncrypt(c.ctx, store.KMSUse{
		Key: in.KeyId, Context: in.EncryptionContext, Tokens: in.GrantTokens, Algorithm: in.EncryptionAlgorithm, DryRun: in.DryRun,
	}, in.Plaintext)
	if err != nil {
		return nil, err
	}
	return map[string]any{"CiphertextBlob": e.Blob, "KeyId": e.Key, "EncryptionAlgorithm": kms.SymmetricDefault}, nil
}

// attested is the failure of a request whose answer is for an enclave.
func attested(given bool) error {
	if given {
		return &failure{400, "UnsupportedOperationException", "Recipient is not supported: there are no enclaves"}
	}
	return nil
}

type decryptIn struct {
	KeyId               string
	CiphertextBlob      []byte
	EncryptionContext   map[string]string
	GrantTokens         []string
	EncryptionAlgorithm string
	Recipient           *struct{}
	DryRun              bool
	DryRunModifiers     []string
}

func ignores(modifiers []string) (ignore bool, err error) {
	for _, m := range modifiers {
		if m != "IGNORE_CIPHERTEXT" {
			return false, &failure{400, "ValidationException", "1 validation error detected: Value '" + m + "' at 'dryRunModifiers' failed to satisfy constraint: Member must satisfy enum value set: [IGNORE_CIPHERTEXT]"}
		}
		ignore = true
	}
	return ignore, nil
}

func decrypt(c *call, in decryptIn) (any, error) {
	if err := attested(in.Recipient != nil); err != nil {
		return nil, err
	}
	ignore, err := ignores(in.DryRunModifiers)
	if err != nil {
		return nil, err
	}
	d, err := c.s.KMSDecrypt(c.ctx, store.KMSCiphertext{
		KMSUse: store.KMSUse{Key: in.KeyId, Context: in.EncryptionContext, Tokens: in.GrantTokens, Algorithm: in.EncryptionAlgorithm, DryRun: in.DryRun},
		Blob:   in.CiphertextBlob, IgnoreBlob: ignore,
	})
	if err != nil {
		return nil, err
	}
	return map[string]any{"Plaintext": d.Plaintext, "KeyId": d.Key, "EncryptionAlgorithm": kms.SymmetricDefault, "KeyMaterialId": d.Material}, nil
}

type reEncryptIn struct {
	CiphertextBlob                                            []byte
	SourceEncryptionContext, DestinationEncryptionContext     map[string]string
	SourceKeyId, DestinationKeyId                             string
	SourceEncryptionAlgorithm, DestinationEncryptionAlgorithm string
	GrantTokens                                               []string
	DryRun                                                    bool
	DryRunModifiers                                           []string
}

func reEncrypt(c *call, in reEncryptIn) (any, error) {
	ignore, err := ignores(in.DryRunModifiers)
	if err != nil {
		return nil, err
	}
	src, made, err := c.s.KMSReEncrypt(c.ctx, store.KMSCiphertext{
		KMSUse: store.KMSUse{
			Key: in.SourceKeyId, Context: in.SourceEncryptionContext, Tokens: in.GrantTokens, Algorithm: in.SourceEncryptionAlgorithm, DryRun: in.DryRun,
		},
		Blob: in.CiphertextBlob, IgnoreBlob: ignore,
	}, store.KMSUse{Key: in.DestinationKeyId, Context: in.DestinationEncryptionContext, Algorithm: in.DestinationEncryptionAlgorithm})
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"CiphertextBlob": made.Blob, "SourceKeyId": src.Key, "KeyId": made.Key,
		"SourceEncryptionAlgorithm": kms.SymmetricDefault, "DestinationEncryptionAlgorithm": kms.SymmetricDefault,
		"SourceKeyMaterialId": src.Material, "DestinationKeyMaterialId": made.Material,
	}, nil
}

type dataKeyIn struct {
	KeyId             string
	EncryptionContext map[string]string
	NumberOfBytes     *int
	KeySpec           string
	GrantTokens       []string
	Recipient         *struct{}
	DryRun            bool
}

func (in *dataKeyIn) of() store.KMSDataKey {
	out := store.KMSDataKey{
		KMSUse: store.KMSUse{Key: in.KeyId, Context: in.EncryptionContext, Tokens: in.GrantTokens, DryRun: in.DryRun},
		Spec:   in.KeySpec, Bytes: number(in.NumberOfBytes),
	}
	return out
}

// number is one that a request may leave out; -1 if it is given as 0, which is never allowed.
func number(n *int) int {
	switch {
	case n == nil:
		return 0
	case *n == 0:
		return -1
	}
	return *n
}

func generateDataKey(c *call, in dataKeyIn) (any, error) {
	if err := attested(in.Recipient != nil); err != nil {
		return nil, err
	}
	plain, made, err := c.s.KMSGenerateDataKey(c.ctx, in.of())
	if err != nil {
		return nil, err
	}
	return map[string]any{"CiphertextBlob": made.Blob, "Plaintext": plain, "KeyId": made.Key, "KeyMaterialId": made.Material}, nil
}

func generateDataKeyWithoutPlaintext(c *call, in dataKeyIn) (any, error) {
	made, err := c.s.KMSGenerateDataKeyWithoutPlaintext(c.ctx, in.of())
	if err != nil {
		return nil, err
	}
	return map[string]any{"CiphertextBlob": made.Blob, "KeyId": made.Key, "KeyMaterialId": made.Material}, nil
}

func generateRandom(c *call, in struct {
	NumberOfBytes    *int
	CustomKeyStoreId string
	Recipient        *struct{}
}) (any, error) {
	if err := attested(in.Recipient != nil); err != nil {
		return nil, err
	}
	b, err := c.s.KMSGenerateRandom(c.ctx, number(in.NumberOfBytes), in.CustomKeyStoreId)
	if err != nil {
		return nil, err
	}
	return map[string]any{"Plaintext": b}, nil
}
