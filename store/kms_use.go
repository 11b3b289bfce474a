package store

import (
	"context"
	"crypto/rand"
	"strings"

	"pail/store/fault"
	"pail/store/kms"
	"pail/store/trail"
)

// A KMSUse is what every request to encrypt or decrypt says.
type KMSUse struct {
	Key       string // an id, an ARN, an alias or its ARN
	Context   map[string]string
	Tokens    []string // of grants
	Algorithm string   // "": kms.SymmetricDefault
	DryRun    bool     // find out whether it would succeed, and do nothing (KMSDryRun)
}

// A KMSEncrypted is a ciphertext and under what it is.
type KMSEncrypted struct {
	Blob     []byte
	Key      string // ARN
	Material string // id
}

// A KMSDecrypted is a plaintext and under what it was.
type KMSDecrypted struct {
	Plaintext []byte
	Key       string // ARN
	Material  string // id
}

// use is a request that a use makes.
func (u *KMSUse) asked(action string) kmsAsked {
	return kmsAsked{
		action: action, context: u.Context,
		values: map[string][]string{"kms:EncryptionAlgorithm": one(or(u.Algorithm, kms.SymmetricDefault))},
	}
}

// check refuses what no use may say.
func (u *KMSUse) check() error {
	if err := kms.CheckContext(u.Context); err != nil {
		return err
	}
	switch u.Algorithm {
	case "", kms.SymmetricDefault:
	case "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "SM2PKE":
		return fault.New(fault.InvalidArgument, "The encryption algorithm %s is not compatible with the key spec %s", u.Algorithm, kms.SymmetricDefault)
	default:
		return fault.New(fault.InvalidArgument, "Value '%s' at 'encryptionAlgorithm' failed to satisfy constraint: Member must satisfy enum value set", u.Algorithm)
	}
	return kms.CheckTokens(u.Tokens)
}

// mayUse finds the key of a use and decides whether it may be used now.
func (se *Session) mayUse(ctx context.Context, u *KMSUse, action string) (*kms.Key, error) {
	k, _, err := se.mayKey(ctx, u.asked(action), u.Key, byAlias|anywhere)
	if err == nil {
		err = u.check()
	}
	if err == nil {
		err = k.Usable()
	}
	return k, err
}

// dry ends a use that was only to be tried.
func (u *KMSUse) dry() error {
	if u.DryRun {
		return fault.New(fault.KMSDryRun, "The request would have succeeded, but the DryRun option is set.")
	}
	return nil
}

// tellMaterial has the request's act say under which material it was.
func tellMaterial(ctx context.Context, id string) {
	ActOf(ctx).Also(trail.Field{Name: "keyMaterialId", Value: id})
}

// encrypt encrypts under the current material of a key.
func (s *Store) kmsEncrypt(ctx context.Context, k *kms.Key, plaintext []byte, pairs map[string]string) (*KMSEncrypted, error) {
	var blob []byte
	sealer, err := s.kmsSealer()
	switch {
	case err != nil:
	case k.External != (kms.External{}):
		blob, err = s.encryptOutside(ctx, k, plaintext, pairs)
	default:
		blob, err = k.Encrypt(sealer, plaintext, pairs)
	}
	if err != nil {
		return nil, err
	}
	m := k.Current().ID
	tellMaterial(ctx, m)
	return &KMSEncrypted{Blob: blob, Key: k.ARN(), Material: m}, nil
}

// kmsDecrypt decrypts what kmsEncrypt has made with the key.
func (s *Store) kmsDecrypt(ctx context.Context, k *kms.Key, blob []byte, pairs map[string]string) (*KMSDecrypted, error) {
	var plain []byte
	sealer, err := s.kmsSealer()
	switch {
	case err != nil:
	case k.External != (kms.External{}):
		plain, err = s.decryptOutside(ctx, k, blob, pairs)
	default:
		plain, err = k.Decrypt(sealer, blob, pairs)
	}
	if err != nil {
		return nil, err
	}
	h, err := kms.ParseHeader(blob)
	if err != nil {
		return nil, err
	}
	m := k.Material(h.Material).ID
	tellMaterial(ctx, m)
	return &KMSDecrypted{Plaintext: plain, Key: k.ARN(), Material: m}, nil
}

// KMSEncrypt encrypts at most 4096 bytes. The kinds of failure: AccessDenied, KMSNotFound,
// KMSInvalidARN, KMSDisabled, KMSInvalidState, InvalidArgument, KMSInvalidGrantToken,
// KMSDryRun.
func (se *Session) KMSEncrypt(ctx context.Context, u KMSUse, plaintext []byte) (*KMSEncrypted, error) {
	k, err := se.mayUse(ctx, &u, "kms:Encrypt")
	switch {
	case err != nil:
		return nil, err
	case len(plaintext) == 0 || len(plaintext) > kms.MaxPlaintext:
		return nil, fault.New(fault.InvalidArgument, "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length from 1 to %d", kms.MaxPlaintext)
	}
	if err := u.dry(); err != nil {
		return nil, err
	}
	return se.s.kmsEncrypt(ctx, k, plaintext, u.Context)
}

// A KMSCiphertext is what is to be decrypted.
type KMSCiphertext struct {
	KMSUse // its Key may be "": the ciphertext says which one it is
	Blob   []byte
	// IgnoreBlob has a dry run look at the key only, which Key has to name then.
	IgnoreBlob bool
}

// mayDecrypt finds the key of a ciphertext and decides whether it may be used now.
func (se *Session) mayDecrypt(ctx context.Context, in *KMSCiphertext, action string, more map[string][]string) (*kms.Key, error) {
	q := in.asked(action)
	for key, vs := range more {
		q.values[key] = vs
	}
	var h kms.Header
	var malformed error
	if !in.DryRun || !in.IgnoreBlob {
		h, malformed = kms.ParseHeader(in.Blob)
	}
	name := in.Key
	if name == "" {
		if name = h.Key; malformed == nil && name != "" {
			name = se.s.ciphertextKey(name, se.who.Account)
		}
	}
	if malformed != nil && in.Key == "" {
		// Which key it is nobody can say; nor is there anything to tell.
		if _, err := se.kmsCaller(action); err != nil {
			return nil, err
		}
		return nil, malformed
	}
	k, _, err := se.mayKey(ctx, q, name, byAlias|anywhere)
	switch {
	case err != nil:
		return nil, err
	case malformed != nil:
		return nil, malformed
	case h.Key != "" && h.Key != k.ID:
		return nil, fault.New(fault.KMSIncorrectKey, "The key ID in the request does not identify a CMK that can perform this operation.")
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	return k, k.Usable()
}

// ciphertextKey is the ARN of the key that a ciphertext names, in whatever account it is.
func (s *Store) ciphertextKey(id, account string) string {
	if k := s.kmsKeys().Key(id); k != nil {
		return k.ARN()
	}
	return kms.KeyARN(s.label.Region, account, id)
}

// KMSDecrypt decrypts what the service has encrypted. The kinds of failure: those of
// KMSEncrypt, KMSInvalidCiphertext, KMSIncorrectKey.
func (se *Session) KMSDecrypt(ctx context.Context, in KMSCiphertext) (*KMSDecrypted, error) {
	k, err := se.mayDecrypt(ctx, &in, "kms:Decrypt", nil)
	if err != nil {
		return nil, err
	}
	if err := in.dry(); err != nil {
		return nil, err
	}
	return se.s.kmsDecrypt(ctx, k, in.Blob, in.Context)
}

// KMSReEncrypt decrypts a ciphertext and encrypts what was in it under another key, or
// another encryption context, without telling it. The kinds of failure are those of
// KMSDecrypt.
func (se *Session) KMSReEncrypt(ctx context.Context, from KMSCiphertext, to KMSUse) (source *KMSDecrypted, made *KMSEncrypted, err error) {
	same := map[string][]string{"kms:ReEncryptOnSameKey": oneBool(se.sameKey(&from, to.Key))}
	src, err := se.mayDecrypt(ctx, &from, "kms:ReEncryptFrom", same)
	if err != nil {
		return nil, nil, err
	}
	q := to.asked("kms:ReEncryptTo")
	q.values["kms:ReEncryptOnSameKey"] = same["kms:ReEncryptOnSameKey"]
	dst, _, err := se.mayKey(ctx, q, to.Key, byAlias|anywhere)
	if err == nil {
		err = to.check()
	}
	if err == nil {
		err = dst.Usable()
	}
	if err != nil {
		return nil, nil, err
	}
	ActOf(ctx).About(kmsResource(src), kmsResource(dst))
	if err := from.dry(); err != nil {
		return nil, nil, err
	}
	if source, err = se.s.kmsDecrypt(context.WithoutCancel(ctx), src, from.Blob, from.Context); err != nil {
		return nil, nil, err
	}
	defer clear(source.Plaintext)
	made, err = se.s.kmsEncrypt(ctx, dst, source.Plaintext, to.Context)
	if err != nil {
		return nil, nil, err
	}
	told := *source
	told.Plaintext = nil
	return &told, made, nil
}

// sameKey says whether a ciphertext is of the key that is named.
func (se *Session) sameKey(from *KMSCiphertext, name string) bool {
	h, err := kms.ParseHeader(from.Blob)
	if err != nil {
		return false
	}
	ref, err := kms.ParseRef(name)
	if err != nil {
		return false
	}
	if a := se.s.kmsKeys().Alias(or(ref.Account, se.who.Account), ref.Alias); a != nil {
		return a.Target == h.Key
	}
	return ref.ID == h.Key
}

// A KMSDataKey says how long a data key is: by its spec, or in bytes.
type KMSDataKey struct {
	KMSUse
	Spec  string // AES_256 or AES_128
	Bytes int    // 1 to 1024
}

func (in *KMSDataKey) size() (int, error) {
	switch {
	case (in.Spec == "") == (in.Bytes == 0):
		return 0, fault.New(fault.InvalidArgument, "Please specify either number of bytes or key spec.")
	case in.Spec == "AES_256":
		return 32, nil
	case in.Spec == "AES_128":
		return 16, nil
	case in.Spec != "":
		return 0, fault.New(fault.InvalidArgument, "1 validation error detected: Value '%s' at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set: [AES_256, AES_128]", in.Spec)
	}
	return in.Bytes, checkRandom(in.Bytes)
}

func checkRandom(n int) error {
	if n < 1 || n > kms.MaxRandom {
		return fault.New(fault.InvalidArgument, "1 validation error detected: Value '%d' at 'numberOfBytes' failed to satisfy constraint: Member must have value from 1 to %d", n, kms.MaxRandom)
	}
	return nil
}

// KMSGenerateDataKey makes up a data key, and encrypts it. The kinds of failure are those of
// KMSEncrypt.
func (se *Session) KMSGenerateDataKey(ctx context.Context, in KMSDataKey) (plaintext []byte, made *KMSEncrypted, err error) {
	return se.generate(ctx, "kms:GenerateDataKey", &in)
}

// KMSGenerateDataKeyWithoutPlaintext is KMSGenerateDataKey for who does not need the key yet.
func (se *Session) KMSGenerateDataKeyWithoutPlaintext(ctx context.Context, in KMSDataKey) (*KMSEncrypted, error) {
	plaintext, made, err := se.generate(ctx, "kms:GenerateDataKeyWithoutPlaintext", &in)
	clear(plaintext)
	return made, err
}

func (se *Session) generate(ctx context.Context, action string, in *KMSDataKey) ([]byte, *KMSEncrypted, error) {
	k, err := se.mayUse(ctx, &in.KMSUse, action)
	if err != nil {
		return nil, nil, err
	}
	n, err := in.size()
	if err != nil {
		return nil, nil, err
	}
	if err := in.dry(); err != nil {
		return nil, nil, err
	}
	plaintext := make([]byte, n)
	_, _ = rand.Read(plaintext) // never fails
	made, err := se.s.kmsEncrypt(ctx, k, plaintext, in.Context)
	if err != nil {
		return nil, nil, err
	}
	return plaintext, made, nil
}

// KMSGenerateRandom makes up 1 to 1024 random bytes. The kinds of failure: AccessDenied,
// InvalidArgument, NotSupported.
func (se *Session) KMSGenerateRandom(_ context.Context, n int, customStore string) ([]byte, error) {
	if _, err := se.mayKMS(kmsAsked{action: "kms:GenerateRandom", arn: "*"}); err != nil {
		return nil, err
	}
	if customStore = strings.TrimSpace(customStore); customStore != "" {
		return nil, fault.New(fault.NotSupported, "CustomKeyStoreId is not supported: there are no custom key stores")
	}
	if err := checkRandom(n); err != nil {
		return nil, err
	}
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b, nil
}
