package trail

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// A LogFile is what a digest says of one file of records.
type LogFile struct {
	Bucket    string     `json:"s3Bucket"`
	Object    string     `json:"s3Object"`
	Hash      string     `json:"hashValue"` // of what is packed in it, in hexadecimal
	Algorithm string     `json:"hashAlgorithm"`
	Newest    *time.Time `json:"newestEventTime"`
	Oldest    *time.Time `json:"oldestEventTime"`
	// Records are the short hashes of the records, see Shorts. CloudTrail has no like.
	Records string `json:"recordHashes,omitempty"`
	// Offset and Size say which bytes of a file on disk it is about. CloudTrail has no like.
	Offset int64 `json:"offset,omitempty"`
	Size   int64 `json:"size,omitempty"`
}

// A Digest is the contents of a digest file.
type Digest struct {
	Account           string     `json:"awsAccountId"`
	Start             time.Time  `json:"digestStartTime"`
	End               time.Time  `json:"digestEndTime"`
	Bucket            string     `json:"digestS3Bucket"`
	Object            string     `json:"digestS3Object"`
	Fingerprint       string     `json:"digestPublicKeyFingerprint"`
	Signature         string     `json:"digestSignatureAlgorithm"`
	Newest            *time.Time `json:"newestEventTime"`
	Oldest            *time.Time `json:"oldestEventTime"`
	PreviousBucket    *string    `json:"previousDigestS3Bucket"`
	PreviousObject    *string    `json:"previousDigestS3Object"`
	PreviousHash      *string    `json:"previousDigestHashValue"`
	PreviousAlgorithm *string    `json:"previousDigestHashAlgorithm"`
	PreviousSignature *string    `json:"previousDigestSignature"`
	LogFiles          []LogFile  `json:"logFiles"`
}

// HashAlgorithm and SignatureAlgorithm name what hashes and signs digests.
const (
	HashAlgorithm      = "SHA-256"
	SignatureAlgorithm = "SHA256withRSA"
)

// keyBits is the size of a signing key.
const keyBits = 2048

// NewKey makes a signing key and returns it as PKCS #8.
func NewKey() ([]byte, error) {
	k, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, err
	}
	return x509.MarshalPKCS8PrivateKey(k)
}

// A Signer signs digests.
type Signer struct{ key *rsa.PrivateKey }

// ParseKey reads what NewKey has made.
func ParseKey(der []byte) (*Signer, error) {
	k, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	r, ok := k.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("the key is none of RSA")
	}
	return &Signer{r}, nil
}

// Public is the public key in the form in which CloudTrail tells its own: PKCS #1, DER.
func (s *Signer) Public() []byte { return x509.MarshalPKCS1PublicKey(&s.key.PublicKey) }

// Fingerprint names a public key: the first 16 bytes of the SHA-256 of its DER, in
// hexadecimal.
func Fingerprint(public []byte) string {
	sum := sha256.Sum256(public)
	return hex.EncodeToString(sum[:16])
}

// Marshal returns the bytes of a digest file as they are hashed and signed.
func (d *Digest) Marshal() ([]byte, error) {
	if d.LogFiles == nil {
		d.LogFiles = []LogFile{} // CloudTrail writes an empty list
	}
	return json.Marshal(d)
}

// ParseDigest reads what Marshal has written.
func ParseDigest(b []byte) (*Digest, error) {
	d := new(Digest)
	if err := json.Unmarshal(b, d); err != nil {
		return nil, fmt.Errorf("this is no digest: %w", err)
	}
	return d, nil
}

// Hash is the SHA-256 of b in hexadecimal.
func Hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// toSign is what is signed of a digest whose bytes have a hash.
func (d *Digest) toSign(hash string) []byte {
	previous := "null"
	if d.PreviousSignature != nil {
		previous = *d.PreviousSignature
	}
	return fmt.Appendf(nil, "%s\n%s/%s\n%s\n%s", d.End.UTC().Format(TimeFormat), d.Bucket, d.Object, hash, previous)
}

// Sign signs a digest whose bytes are b, in hexadecimal.
func (s *Signer) Sign(d *Digest, b []byte) (string, error) {
	sum := sha256.Sum256(d.toSign(Hash(b)))
	sig, err := rsa.SignPKCS1v15(nil, s.key, crypto.SHA256, sum[:])
	return hex.EncodeToString(sig), err
}

// Verify says whether the holder of the key whose public half is given has signed a digest
// whose bytes are b.
func (d *Digest) Verify(public, b []byte, signature string) error {
	key, err := x509.ParsePKCS1PublicKey(public)
	if err != nil {
		return fmt.Errorf("the public key cannot be read: %w", err)
	}
	sig, err := hex.DecodeString(signature)
	if err != nil {
		return errors.New("the signature is not hexadecimal")
	}
	sum := sha256.Sum256(d.toSign(Hash(b)))
	if rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], sig) != nil {
		return errors.New("the signature is wrong")
	}
	return nil
}

// shortSize is the size of a short hash of a record, in bytes: enough to tell records of one
// file apart. That nobody forges one is the work of the hash of the whole file.
const shortSize = 8

// Shorts are the short hashes of records in their order, for LogFile.Records.
func Shorts(records [][]byte) string {
	b := make([]byte, 0, shortSize*len(records))
	for _, r := range records {
		sum := sha256.Sum256(r)
		b = append(b, sum[:shortSize]...)
	}
	return base64.StdEncoding.EncodeToString(b)
}

// Join joins the short hashes of several files; "" if one of them is none.
func Join(shorts []string) string {
	var all []byte
	for _, s := range shorts {
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return ""
		}
		all = append(all, b...)
	}
	return base64.StdEncoding.EncodeToString(all)
}
