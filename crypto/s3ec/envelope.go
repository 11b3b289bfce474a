package s3ec

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A Suite is how the bytes of an object are encrypted.
type Suite uint8

const (
	// Committing is AES-256-GCM with key commitment, suite 0x0073, in message format 3. Clients
	// read it from version 3.2 of the one for Go on, and write it from 4.0 on.
	Committing Suite = iota + 1
	// Plain is AES-256-GCM without, suite 0x0072, in message format 2. Every client from
	// version 2 on reads it.
	Plain
)

// String is the suite's name, as it stands in metadata and encryption contexts.
func (s Suite) String() string {
	if s == Committing {
		return "115"
	}
	return "AES/GCM/NoPadding"
}

// Format is the number of the message format in which the suite is written.
func (s Suite) Format() int {
	if s == Committing {
		return 3
	}
	return 2
}

// How data keys are wrapped.
const (
	WrapKMS = "kms+context" // by KMS, which the encryption context is given to
	WrapAES = "AES/GCM"     // by a raw AES key
)

const (
	nonceSize      = 12
	messageIDSize  = 28
	commitmentSize = 28

	// TagSize is by how many bytes a ciphertext is longer than its plaintext.
	TagSize = 16
	// MaxPlain is how many bytes one object can have: what GCM encrypts under one nonce.
	MaxPlain = 1<<36 - 32

	// contextSuite names the suite in an encryption context; only the client may set it.
	contextSuite = "aws:x-amz-cek-alg"
)

// The names of the user metadata, without x-amz-meta-.
const (
	nameKey1     = "x-amz-key"
	nameKey2     = "x-amz-key-v2"
	nameIV       = "x-amz-iv"
	nameMatDesc2 = "x-amz-matdesc"
	nameWrap2    = "x-amz-wrap-alg"
	nameSuite2   = "x-amz-cek-alg"
	nameTagLen   = "x-amz-tag-len"
	nameLength   = "x-amz-unencrypted-content-length"
	nameInstr    = "x-amz-crypto-instr-file"

	nameSuite3      = "x-amz-c"
	nameKey3        = "x-amz-3"
	nameMatDesc3    = "x-amz-m"
	nameContext3    = "x-amz-t"
	nameWrap3       = "x-amz-w"
	nameCommitment3 = "x-amz-d"
	nameMessageID3  = "x-amz-i"
)

var names = map[string]bool{
	nameKey1: true, nameKey2: true, nameIV: true, nameMatDesc2: true, nameWrap2: true, nameSuite2: true, nameTagLen: true,
	nameLength: true, nameInstr: true, nameSuite3: true, nameKey3: true, nameMatDesc3: true, nameContext3: true,
	nameWrap3: true, nameCommitment3: true, nameMessageID3: true,
}

// IsName says whether user metadata of that name belongs to the format, and so must not be
// changed by anybody else.
func IsName(name string) bool { return names[name] }

var (
	// ErrNone says that there is no envelope in the metadata: the object was not encrypted by a
	// client, or its envelope is in an instruction file.
	ErrNone = errors.New("the object is not encrypted by a client, or its envelope is in an instruction file, which is not read")
	// ErrUnsupported says that an envelope is of a kind that is not read. Errors that are it
	// say which in a sentence.
	ErrUnsupported = errors.New("the object is encrypted in a way that is not supported")
	// ErrMalformed says that an envelope is damaged. Errors that are it say where.
	ErrMalformed = errors.New("the envelope in the object's metadata is malformed")
	// ErrOpen says that the data key is not the one, or that somebody changed what it has
	// encrypted. More cannot be known.
	ErrOpen = errors.New("decryption failed: the key is another, or the object was changed")
)

// An Envelope is what the metadata of an object says of its encryption.
type Envelope struct {
	Suite   Suite
	Wrap    string            // WrapKMS or WrapAES
	Key     []byte            // the data key, wrapped
	Context map[string]string // the encryption context, of a raw key the description of it

	salt       []byte // the nonce, or the message id
	commitment []byte // nil without
}

// Encrypted says whether metadata is that of an object whose size is TagSize bytes more than its
// plaintext's. It is cheap, and does not say that the object can be read.
func Encrypted(metadata map[string]string) bool {
	if _, ok := metadata[nameKey3]; ok {
		return true
	}
	return metadata[nameKey2] != "" && metadata[nameSuite2] == Plain.String()
}

// Parse reads an envelope. The errors are ErrNone, ErrUnsupported and ErrMalformed.
func Parse(metadata map[string]string) (*Envelope, error) {
	has := func(name string) bool { _, ok := metadata[name]; return ok }
	kinds := 0
	for _, name := range []string{nameKey1, nameKey2, nameKey3} {
		if has(name) {
			kinds++
		}
	}
	switch {
	case kinds > 1:
		return nil, fmt.Errorf("%w: it is of several formats", ErrMalformed)
	case has(nameKey3):
		return parse3(metadata)
	case has(nameKey2):
		return parse2(metadata)
	case has(nameKey1):
		return nil, fmt.Errorf("%w: it is of format 1", ErrUnsupported)
	case has(nameSuite3) || has(nameCommitment3) || has(nameMessageID3):
		return nil, fmt.Errorf("%w: its data key is in an instruction file", ErrUnsupported)
	}
	return nil, ErrNone
}

func parse3(metadata map[string]string) (*Envelope, error) {
	if s := metadata[nameSuite3]; s != Committing.String() {
		return nil, fmt.Errorf("%w: content algorithm %q", ErrUnsupported, s)
	}
	e := &Envelope{Suite: Committing}
	description := metadata[nameContext3]
	switch w := metadata[nameWrap3]; w {
	case "12":
		e.Wrap = WrapKMS
	case "02":
		e.Wrap, description = WrapAES, metadata[nameMatDesc3]
	case "22":
		return nil, fmt.Errorf("%w: the data key is wrapped with RSA", ErrUnsupported)
	default:
		return nil, fmt.Errorf("%w: wrapping algorithm %q", ErrUnsupported, w)
	}
	var err error
	if e.commitment, err = field(metadata, nameCommitment3, commitmentSize); err != nil {
		return nil, err
	}
	return e, e.rest(metadata, nameKey3, nameMessageID3, messageIDSize, description)
}

func parse2(metadata map[string]string) (*Envelope, error) {
	if s := metadata[nameSuite2]; s != Plain.String() {
		return nil, fmt.Errorf("%w: content algorithm %q, which authenticates nothing or is unknown", ErrUnsupported, s)
	}
	e := &Envelope{Suite: Plain}
	switch w := metadata[nameWrap2]; w {
	case WrapKMS, WrapAES:
		e.Wrap = w
	default:
		return nil, fmt.Errorf("%w: wrapping algorithm %q", ErrUnsupported, w)
	}
	if n, ok := metadata[nameTagLen]; ok && n != strconv.Itoa(8*TagSize) {
		return nil, fmt.Errorf("%w: a tag of %q bits", ErrMalformed, n)
	}
	return e, e.rest(metadata, nameKey2, nameIV, nonceSize, metadata[nameMatDesc2])
}

// rest reads what both formats have, under different names.
func (e *Envelope) rest(metadata map[string]string, key, salt string, saltSize int, description string) (err error) {
	if e.Key, err = field(metadata, key, 0); err != nil {
		return err
	}
	if e.salt, err = field(metadata, salt, saltSize); err != nil {
		return err
	}
	e.Context, err = parseDescription(description)
	if err == nil && e.Wrap == WrapKMS && e.Context[contextSuite] != e.Suite.String() {
		err = fmt.Errorf("%w: its encryption context is that of another content algorithm", ErrMalformed)
	}
	return err
}

// field decodes what stands under a name; size 0: any but nothing.
func field(metadata map[string]string, name string, size int) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(metadata[name])
	if err != nil || len(b) == 0 || size > 0 && len(b) != size {
		return nil, fmt.Errorf("%w: %s", ErrMalformed, name)
	}
	return b, nil
}

func parseDescription(s string) (map[string]string, error) {
	m := map[string]string{}
	if s == "" {
		return m, nil
	}
	if err := json.Unmarshal([]byte(s), &m); err != nil || m == nil {
		return nil, fmt.Errorf("%w: its description is no object of strings", ErrMalformed)
	}
	return m, nil
}

// description is the JSON of a map: names in order, nothing escaped that need not be.
func description(m map[string]string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if m == nil {
		m = map[string]string{}
	}
	if err := enc.Encode(m); err != nil {
		panic("s3ec: strings as JSON: " + err.Error()) // strings always can be
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Context is the encryption context with which a data key for a suite is asked of KMS.
func Context(s Suite) map[string]string { return map[string]string{contextSuite: s.String()} }

// Metadata is the envelope as user metadata. length is the plaintext's, in bytes.
func (e *Envelope) Metadata(length int64) map[string]string {
	b64 := base64.StdEncoding.EncodeToString
	if e.Suite == Committing {
		m := map[string]string{
			nameSuite3: e.Suite.String(), nameKey3: b64(e.Key), nameCommitment3: b64(e.commitment), nameMessageID3: b64(e.salt),
		}
		if e.Wrap == WrapKMS {
			m[nameWrap3], m[nameContext3] = "12", description(e.Context)
		} else {
			m[nameWrap3], m[nameMatDesc3] = "02", description(e.Context)
		}
		return m
	}
	return map[string]string{
		nameSuite2: e.Suite.String(), nameKey2: b64(e.Key), nameIV: b64(e.salt), nameWrap2: e.Wrap,
		nameMatDesc2: description(e.Context), nameTagLen: strconv.Itoa(8 * TagSize), nameLength: strconv.FormatInt(length, 10),
	}
}

// String tells what a person wants to know of it, and nothing secret: "format 3, suite 115,
// kms+context".
func (e *Envelope) String() string {
	return fmt.Sprintf("format %d, suite %s, %s", e.Suite.Format(), e.Suite, e.Wrap)
}

// Seal makes the envelope of a new object, and what encrypts its bytes. key is a data key that was
// made for this object, and wrapped is what e.Key shall be.
func Seal(s Suite, key *[32]byte, wrap string, wrapped []byte, context map[string]string) (*Envelope, *Content) {
	e := &Envelope{Suite: s, Wrap: wrap, Key: wrapped, Context: context, salt: make([]byte, nonceSize)}
	if s == Committing {
		e.salt = make([]byte, messageIDSize)
	}
	_, _ = rand.Read(e.salt) // never fails
	return e, e.seal(key)
}

func (e *Envelope) seal(key *[32]byte) *Content {
	if e.Suite == Plain {
		return newContent(key[:], e.salt, nil)
	}
	derived, commitment := derive(key[:], e.salt)
	e.commitment = commitment
	return newContent(derived, committingNonce, committingData)
}
