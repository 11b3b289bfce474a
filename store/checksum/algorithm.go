package checksum

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"hash/crc32"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/minio/crc64nvme"
	"github.com/zeebo/xxh3"
)

// An Algorithm is one of those that S3 knows. The zero Algorithm, None, is none.
type Algorithm uint8

// The algorithms, in the order of AWS's lists.
const (
	None Algorithm = iota
	CRC32
	CRC32C
	CRC64NVME
	SHA1
	SHA256
	SHA512
	MD5
	XXHASH64
	XXHASH3 // of 64 bits
	XXHASH128

	count
)

// Default is what S3 computes where nobody names an algorithm.
const Default = CRC64NVME

// A row is what there is to know of an algorithm.
type row struct {
	name       string
	lower      string // the name
	size       int    // bytes of a value
	full       bool
	composite  bool
	makes      func() hash.Hash
	polynomial polynomial // of a CRC, whose values can be combined
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var rows = [count]row{
	CRC32:     {"CRC32", "crc32", 4, true, true, func() hash.Hash { return crc32.NewIEEE() }, newPolynomial(crc32.IEEE, 32)},
	CRC32C:    {"CRC32C", "crc32c", 4, true, true, func() hash.Hash { return crc32.New(castagnoli) }, newPolynomial(crc32.Castagnoli, 32)},
	CRC64NVME: {"CRC64NVME", "crc64nvme", 8, true, false, func() hash.Hash { return crc64nvme.New() }, newPolynomial(0x9a6c9329ac4bc9b5, 64)},
	SHA1:      {"SHA1", "sha1", sha1.Size, false, true, sha1.New, polynomial{}},
	SHA256:    {"SHA256", "sha256", sha256.Size, false, true, sha256.New, polynomial{}},
	SHA512:    {"SHA512", "sha512", sha512.Size, false, true, sha512.New, polynomial{}},
	MD5:       {"MD5", "md5", md5.Size, false, true, md5.New, polynomial{}},
	XXHASH64:  {"XXHASH64", "xxhash64", 8, false, true, func() hash.Hash { return xxhash.New() }, polynomial{}},
	XXHASH3:   {"XXHASH3", "xxhash3", 8, false, true, func() hash.Hash { return xxh3.New() }, polynomial{}},
	XXHASH128: {"XXHASH128", "xxhash128", 16, false, true, func() hash.Hash { return xxh128{xxh3.New()} }, polynomial{}},
}

// xxh128 is the hash of 128 bits of what is written.
type xxh128 struct{ *xxh3.Hasher }

func (x xxh128) Size() int { return 16 }

func (x xxh128) Sum(b []byte) []byte {
	sum := x.Sum128().Bytes()
	return append(b, sum[:]...)
}

// Algorithms returns all algorithms, in the order of AWS's lists.
func Algorithms() []Algorithm {
	all := make([]Algorithm, 0, count-1)
	for a := None + 1; a < count; a++ {
		all = append(all, a)
	}
	return all
}

// Parse returns the algorithm of a name as String gives it, in any case.
func Parse(name string) (Algorithm, bool) {
	for a := None + 1; a < count; a++ {
		if strings.EqualFold(rows[a].name, name) {
			return a, true
		}
	}
	return None, false
}

// headerPrefix begins the names of the headers that values stand in.
const headerPrefix = "x-amz-checksum-"

// ParseHeader returns the algorithm whose values stand in a header, or a trailer, of a name.
func ParseHeader(header string) (Algorithm, bool) {
	if len(header) < len(headerPrefix) || !strings.EqualFold(header[:len(headerPrefix)], headerPrefix) {
		return None, false
	}
	return Parse(header[len(headerPrefix):])
}

// String is the algorithm's name in S3's requests: "CRC32".
func (a Algorithm) String() string { return rows[a].name }

// Lower is the name in lower case, as records, headers and messages have it.
func (a Algorithm) Lower() string { return rows[a].lower }

// Header is the name of the header that a value stands in: "x-amz-checksum-crc32".
func (a Algorithm) Header() string { return headerPrefix + a.Lower() }

// Element is the name of the XML element that a value stands in: "ChecksumCRC32".
func (a Algorithm) Element() string { return "Checksum" + rows[a].name }

// Size is how many bytes a value has.
func (a Algorithm) Size() int { return rows[a].size }

// Quick says that the algorithm is computed about as fast as memory is read.
func (a Algorithm) Quick() bool {
	switch a {
	case SHA1, SHA256, SHA512, MD5:
		return false
	}
	return true
}

// New returns a hash that computes the algorithm. None has none.
func (a Algorithm) New() hash.Hash { return rows[a].makes() }

// Sum computes the checksum of data.
func (a Algorithm) Sum(data []byte) []byte {
	h := a.New()
	_, _ = h.Write(data)
	return h.Sum(nil)
}

// A Type is what the checksum of an object is of. The zero Type, Unknown, is none.
type Type uint8

// The types.
const (
	Unknown    Type = iota
	FullObject      // of all bytes
	Composite       // of the checksums of its parts
)

// ParseType returns the type of a name as String gives it.
func ParseType(name string) (Type, bool) {
	switch name {
	case "FULL_OBJECT":
		return FullObject, true
	case "COMPOSITE":
		return Composite, true
	}
	return Unknown, false
}

// String is the type's name in S3's requests.
func (t Type) String() string { return [...]string{"", "FULL_OBJECT", "COMPOSITE"}[t] }

// Allows says whether a multipart upload may have checksums of a type.
func (a Algorithm) Allows(t Type) bool {
	return t == FullObject && rows[a].full || t == Composite && rows[a].composite
}

// Implicit says whether parts may have checksums of the algorithm in a multipart upload that
// was begun without naming one. S3 refuses those that came in 2026.
func (a Algorithm) Implicit() bool { return a >= CRC32 && a <= SHA256 }

// DefaultType is the type that a multipart upload has if nobody says which.
func (a Algorithm) DefaultType() Type {
	if rows[a].composite {
		return Composite
	}
	return FullObject
}
