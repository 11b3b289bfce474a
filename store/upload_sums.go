package store

import (
	"bytes"

	"pail/store/checksum"
	"pail/store/fault"
	"pail/store/internal/meta/record"
)

// Checksums of multipart uploads. Every part has one of the upload's algorithm, so that
// completing makes the object's of them and reads no byte. The messages are AWS's.

// chooseChecksum checks the checksum that an upload is begun with, and sets its type.
func (in *PutInput) chooseChecksum() error {
	a, t := in.Sums.Algorithm, in.ChecksumType
	switch {
	case a == checksum.None && t != checksum.Unknown:
		return fault.New(fault.InvalidRequest, "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
	case a == checksum.None:
	case t == checksum.Unknown:
		in.ChecksumType = a.DefaultType()
	case !a.Allows(t):
		return fault.New(fault.InvalidRequest, "The %v checksum type cannot be used with the %s checksum algorithm.", t, a.Lower())
	}
	return nil
}

// uploadChecksum is the algorithm that an upload was begun with, None if none was named,
// and the type of the object's checksum.
func uploadChecksum(u *record.Upload) (checksum.Algorithm, checksum.Type) {
	a, _ := checksum.Parse(u.Checksum)
	if u.Composite {
		return a, checksum.Composite
	}
	return a, checksum.FullObject
}

// checkPartChecksum refuses a part whose checksum is not one that the upload's can be made
// of.
func checkPartChecksum(u *record.Upload, named checksum.Algorithm) error {
	a, t := uploadChecksum(u)
	null := func(a checksum.Algorithm) string {
		if a == checksum.None {
			return "null"
		}
		return a.Lower()
	}
	switch {
	case named == a, named == checksum.None && t == checksum.FullObject, a == checksum.None && named.Implicit():
		return nil
	}
	return fault.New(fault.InvalidRequest, "Checksum Type mismatch occurred, expected checksum Type: %s, actual checksum Type: %s", null(a), null(named))
}

// partAlgorithms are those that are computed of a part: the upload's, and the one that was
// named with the part if that is another.
func partAlgorithms(u *record.Upload, named checksum.Algorithm) []checksum.Algorithm {
	a, _ := uploadChecksum(u)
	if a == checksum.None {
		a = checksum.Default
	}
	return []checksum.Algorithm{a, named}
}

// checkPart compares a part with what CompleteUpload is told of its checksum.
func (want CompletedPart) checkPart(u *record.Upload, p *record.Part) error {
	a, t := uploadChecksum(u)
	switch {
	case want.Value == nil && t == checksum.Composite:
		return fault.New(fault.InvalidRequest, "The upload was created using a %s checksum. The complete request must include the checksum for each part. It was missing for part %d in the request.", a.Lower(), want.Number)
	case want.Value == nil:
		return nil
	case a != checksum.None && want.Algorithm != a:
		return fault.New(fault.BadDigest, "The %s you specified for part %d did not match what we received.", want.Algorithm.Lower(), want.Number)
	}
	if c := findChecksum(p.Checksums, want.Algorithm); c == nil || !bytes.Equal(c.Value, want.Value) {
		return want.invalid(u)
	}
	return nil
}

// An objectSum makes the checksum of an object of those of the parts that are joined.
type objectSum struct {
	algorithm checksum.Algorithm
	t         checksum.Type
	parts     *checksum.Parts // nil: a part has none
	values    []byte          // of a Composite: those of the parts, one after another
}

func newObjectSum(u *record.Upload) *objectSum {
	s := &objectSum{}
	if s.algorithm, s.t = uploadChecksum(u); s.algorithm == checksum.None {
		s.algorithm = checksum.Default
	}
	s.parts = checksum.NewParts(s.algorithm, s.t)
	return s
}

// add adds the next part.
func (s *objectSum) add(p *record.Part) {
	c := findChecksum(p.Checksums, s.algorithm)
	if c == nil || s.parts == nil {
		s.parts, s.values = nil, nil // it was uploaded to a store that computed none
		return
	}
	s.parts.Add(c.Value, p.Size)
	if s.t == checksum.Composite {
		s.values = append(s.values, c.Value...)
	}
}

// records is the object's checksum.
func (s *objectSum) records() []*record.Checksum {
	if s.parts == nil {
		return nil
	}
	return []*record.Checksum{newChecksum(s.algorithm, s.parts.Sum(), s.t)}
}

// verify compares it with what CompleteUpload is told, and the size of the object too.
func (in CompleteInput) verify(u *record.Upload, s *objectSum, size int64) error {
	named, _ := uploadChecksum(u)
	if in.ChecksumType != checksum.Unknown && in.ChecksumType != s.t {
		return fault.New(fault.InvalidRequest, "The upload was created using the %v checksum mode. The complete request must use the same checksum mode.", s.t)
	}
	if in.Size != nil && *in.Size != size {
		return fault.New(fault.InvalidRequest, "The provided 'x-amz-mp-object-size' header value %d does not match what was computed: %d", *in.Size, size)
	}
	switch {
	case in.Value == nil, s.parts == nil:
		return nil
	case in.Algorithm == s.algorithm && bytes.Equal(in.Value, s.parts.Sum()) && (in.Parts == 0 || s.t == checksum.Composite && in.Parts == s.parts.Count()):
		return nil
	case in.Algorithm != s.algorithm && named == checksum.None && in.Algorithm.Implicit():
		return nil // taken and not compared, says the user guide
	case in.Algorithm != s.algorithm && named == checksum.None:
		return fault.New(fault.InvalidRequest, "The upload was created without a checksum algorithm. The complete request cannot have a %s checksum.", in.Algorithm.Lower())
	}
	return fault.New(fault.BadDigest, "The %s you specified did not match the calculated checksum.", in.Algorithm.Lower())
}
