package store

import (
	"bytes"
	"encoding/hex"
	"hash"
	"slices"

	"pail/store/checksum"
	"pail/store/fault"
	"pail/store/internal/meta/record"
)

// Sums are what a caller says of the bytes that it sends, and what is to be kept of them.
// Bytes that are not what it says are BadDigest, and nothing is stored.
type Sums struct {
	MD5 []byte // nil: not said
	// Algorithm is what is computed and kept. None: checksum.Default, as S3 does, or what
	// the multipart upload was begun with.
	Algorithm checksum.Algorithm
	Value     []byte // of the algorithm; nil: not known beforehand
	// Late, if it is not nil, is called once, when all bytes have come: it returns the
	// value that stands behind them, nil if there is none. Its error fails the call.
	Late func() ([]byte, error)
}

// said says whether the caller says anything of the bytes that they can be compared with.
func (s Sums) said() bool { return s.MD5 != nil || s.Algorithm != checksum.None }

// A digest computes the MD5 of bytes, which becomes an ETag, and checksums that are kept.
type digest struct {
	md5        hash.Hash
	algorithms []checksum.Algorithm
	sums       []hash.Hash // of each algorithm; of MD5 the one above
	slow       []hash.Hash // with quick, all that have to see the bytes
	quick      []hash.Hash
}

// newDigest computes algorithms besides MD5; None among them counts as none.
func (s *Store) newDigest(algorithms ...checksum.Algorithm) *digest {
	d := &digest{md5: s.md5s.New()}
	d.slow = append(make([]hash.Hash, 0, 2), d.md5)
	for _, a := range algorithms {
		if a == checksum.None || slices.Contains(d.algorithms, a) {
			continue
		}
		d.algorithms = append(d.algorithms, a)
		if a == checksum.MD5 {
			d.sums = append(d.sums, d.md5)
			continue
		}
		h := a.New()
		d.sums = append(d.sums, h)
		if a.Quick() {
			d.quick = append(d.quick, h)
		} else {
			d.slow = append(d.slow, h)
		}
	}
	return d
}

// write is for bytes that are few.
func (d *digest) write(p []byte) {
	d.quickly(p)
	for _, h := range d.slow {
		_, _ = h.Write(p) // never fails
	}
}

// join has a pipeline compute what takes its time; quickly is for the rest.
func (d *digest) join(l *pipeline) {
	for _, h := range d.slow {
		l.use(func(p []byte) { _, _ = h.Write(p) })
	}
}

// quickly computes what costs less than handing bytes on.
func (d *digest) quickly(p []byte) {
	for _, h := range d.quick {
		_, _ = h.Write(p)
	}
}

func (d *digest) etag() string { return hex.EncodeToString(d.md5.Sum(nil)) }

// value is the checksum of what was written, nil if it was not computed.
func (d *digest) value(a checksum.Algorithm) []byte {
	if i := slices.Index(d.algorithms, a); i >= 0 {
		return d.sums[i].Sum(nil)
	}
	return nil
}

// records are the checksums as records have them, of all bytes.
func (d *digest) records() []*record.Checksum {
	var out []*record.Checksum
	for _, a := range d.algorithms {
		out = append(out, newChecksum(a, d.value(a), checksum.FullObject))
	}
	return out
}

func newChecksum(a checksum.Algorithm, value []byte, t checksum.Type) *record.Checksum {
	return &record.Checksum{Algorithm: a.Lower(), Value: value, Composite: t == checksum.Composite}
}

// findChecksum returns the checksum of an algorithm, nil if there is none.
func findChecksum(sums []*record.Checksum, a checksum.Algorithm) *record.Checksum {
	for _, c := range sums {
		if c.Algorithm == a.Lower() {
			return c
		}
	}
	return nil
}

// verify compares what was computed with what the caller says. The messages are AWS's.
func (s Sums) verify(d *digest) error {
	if got := d.md5.Sum(nil); s.MD5 != nil && !bytes.Equal(s.MD5, got) {
		return BadMD5(s.MD5, got)
	}
	values := [][]byte{s.Value}
	if s.Late != nil {
		late, err := s.Late()
		if err != nil {
			return err
		}
		values = append(values, late)
	}
	for _, v := range values {
		if v != nil && !bytes.Equal(v, d.value(s.Algorithm)) {
			return fault.New(fault.BadDigest, "The %v you specified did not match the calculated checksum.", s.Algorithm)
		}
	}
	return nil
}

// BadMD5 is the failure of bytes whose MD5 is another than was said. S3 tells both, the
// first in hex and the second in base64 (https://github.com/versity/versitygw/issues/2034),
// and neither of other checksums.
func BadMD5(want, got []byte) error {
	return fault.New(fault.BadDigest, "The Content-MD5 you specified did not match what we received.").
		With("ExpectedDigest", hex.EncodeToString(want)).With("CalculatedDigest", checksum.Encode(got))
}

// toChecksums is what an object or a part with a number of parts shows of its checksums.
func toChecksums(sums []*record.Checksum, parts int) (values map[string]string, t checksum.Type) {
	if len(sums) == 0 {
		return nil, checksum.Unknown
	}
	values = make(map[string]string, len(sums))
	for _, c := range sums {
		t = checksum.FullObject
		if c.Composite {
			t = checksum.Composite
		}
		values[c.Algorithm] = checksum.EncodeType(c.Value, t, parts)
	}
	return values, t
}
