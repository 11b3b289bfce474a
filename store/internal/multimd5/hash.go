package multimd5

import (
	"crypto/md5"
	"encoding/binary"
	"hash"
	"unsafe"
)

const blockSize = md5.BlockSize

// A digest is one stream's MD5 (RFC 1321).
type digest struct {
	g     *Group
	state [4]uint32
	size  uint64 // bytes written
	rest  [blockSize]byte
	job   job
}

// New returns a hash that computes an MD5 together with the others of g.
func (g *Group) New() hash.Hash {
	if g.kernel == 0 {
		return md5.New()
	}
	d := &digest{g: g}
	d.job.d = d
	d.Reset()
	return d
}

// Reset implements hash.Hash.
func (d *digest) Reset() {
	d.state = [4]uint32{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}
	d.size = 0
}

// Size implements hash.Hash.
func (d *digest) Size() int { return md5.Size }

// BlockSize implements hash.Hash.
func (d *digest) BlockSize() int { return blockSize }

// Write implements hash.Hash. It never fails.
func (d *digest) Write(p []byte) (int, error) {
	n := len(p)
	have := int(d.size % blockSize)
	d.size += uint64(n)
	if have > 0 {
		m := copy(d.rest[have:], p)
		if p = p[m:]; have+m < blockSize {
			return n, nil
		}
		d.alone(d.rest[:])
	}
	whole := len(p) &^ (blockSize - 1)
	switch {
	case whole >= worth:
		d.g.hash(&d.job, p[:whole])
	case whole > 0:
		d.alone(p[:whole])
	}
	copy(d.rest[:], p[whole:])
	return n, nil
}

// alone hashes whole blocks in one lane.
func (d *digest) alone(p []byte) {
	var s states
	var at pointers
	d.load(&s, 0)
	for i := range at {
		at[i] = unsafe.Pointer(unsafe.SliceData(p)) // each lane has to read something
	}
	d.g.kernel.hash(&s, &at, len(p)/blockSize)
	d.store(&s, 0)
}

func (d *digest) load(s *states, lane int) {
	for i, v := range d.state {
		s[i][lane] = v
	}
}

func (d *digest) store(s *states, lane int) {
	for i := range d.state {
		d.state[i] = s[i][lane]
	}
}

// Sum implements hash.Hash.
func (d *digest) Sum(b []byte) []byte {
	end := digest{g: d.g, state: d.state}
	var last [2 * blockSize]byte
	n := copy(last[:], d.rest[:d.size%blockSize])
	last[n] = 0x80
	n = (n + 1 + 8 + blockSize - 1) &^ (blockSize - 1)
	binary.LittleEndian.PutUint64(last[n-8:], d.size<<3)
	end.alone(last[:n])
	for _, v := range end.state {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}
