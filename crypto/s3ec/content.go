package s3ec

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/binary"
	"io"
)

var (
	committingNonce = []byte{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}
	committingData  = []byte{0x00, 0x73} // the suite's number
)

// derive makes the key and the commitment of a data key.
func derive(key, messageID []byte) (derived, commitment []byte) {
	prk, err := hkdf.Extract(sha512.New, key, messageID)
	if err == nil {
		commitment, err = hkdf.Expand(sha512.New, prk, string(committingData)+"COMMITKEY", commitmentSize)
	}
	if err == nil {
		derived, err = hkdf.Expand(sha512.New, prk, string(committingData)+"DERIVEKEY", 32)
	}
	if err != nil {
		panic("s3ec: deriving a key: " + err.Error()) // lengths only, which are constants
	}
	return derived, commitment
}

// A Content encrypts and decrypts the bytes of one object. It may be used from many goroutines.
type Content struct {
	block cipher.Block
	nonce [nonceSize]byte
	data  []byte // associated
	hash  *hasher
}

// Open is what decrypts the object of an envelope, whose data key is key. ErrOpen: the commitment
// is to another.
func (e *Envelope) Open(key *[32]byte) (*Content, error) {
	if e.Suite == Plain {
		return newContent(key[:], e.salt, nil), nil
	}
	derived, commitment := derive(key[:], e.salt)
	if subtle.ConstantTimeCompare(commitment, e.commitment) != 1 {
		return nil, ErrOpen
	}
	return newContent(derived, committingNonce, committingData), nil
}

func newContent(key, nonce, data []byte) *Content {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("s3ec: AES: " + err.Error()) // the length only
	}
	c := &Content{block: block, data: data}
	copy(c.nonce[:], nonce)
	c.hash = newHasher(block)
	return c
}

// counter is the block that is encrypted for the n-th one of the text; 0 is the tag's.
func (c *Content) counter(n uint32) (b [aes.BlockSize]byte) {
	copy(b[:], c.nonce[:])
	binary.BigEndian.PutUint32(b[nonceSize:], n+1)
	return b
}

// XORAt encrypts or decrypts src into dst, which may be the same, as what stands at offset off of
// the plaintext. It authenticates nothing. off+len(src) is at most MaxPlain.
func (c *Content) XORAt(dst, src []byte, off int64) {
	at := c.counter(uint32(off/aes.BlockSize) + 1)
	stream := cipher.NewCTR(c.block, at[:])
	if skip := off % aes.BlockSize; skip > 0 {
		var none [aes.BlockSize]byte
		stream.XORKeyStream(none[:skip], none[:skip])
	}
	stream.XORKeyStream(dst[:len(src)], src)
}

// A Check computes the tag of a ciphertext that is written to it, in order.
type Check struct {
	c *Content
	h running
}

// Check begins the check of a ciphertext.
func (c *Content) Check() *Check {
	k := &Check{c: c, h: running{of: c.hash}}
	k.h.absorb(c.data)
	k.h.pad()
	return k
}

// Write takes more of the ciphertext, without the tag. It never fails.
func (k *Check) Write(p []byte) (int, error) {
	k.h.absorb(p)
	return len(p), nil
}

// Tag is that of all that was written. Nothing may be written after.
func (k *Check) Tag() (tag [TagSize]byte) {
	n := k.h.n - int64(len(k.c.data))
	k.h.pad()
	tag = k.h.sum(int64(len(k.c.data)), n)
	mask := k.c.counter(0)
	k.c.block.Encrypt(mask[:], mask[:])
	subtle.XORBytes(tag[:], tag[:], mask[:])
	return tag
}

// Verify says whether what was written has this tag: ErrOpen if not.
func (k *Check) Verify(tag []byte) error {
	have := k.Tag()
	if subtle.ConstantTimeCompare(have[:], tag) != 1 {
		return ErrOpen
	}
	return nil
}

// Encrypt returns the ciphertext of what r gives, and behind it the tag. It reads at most as many
// bytes as it is asked for, and keeps none.
func (c *Content) Encrypt(r io.Reader) io.Reader {
	return &sealing{r: r, c: c, check: c.Check()}
}

type sealing struct {
	r     io.Reader
	c     *Content
	check *Check
	off   int64
	tag   []byte // what is left of it, once r has ended
	ended bool
}

func (s *sealing) Read(p []byte) (int, error) {
	if !s.ended {
		n, err := s.r.Read(p)
		s.c.XORAt(p[:n], p[:n], s.off)
		_, _ = s.check.Write(p[:n])
		s.off += int64(n)
		if err != io.EOF {
			return n, err
		}
		tag := s.check.Tag()
		s.tag, s.ended = tag[:], true
		if n > 0 {
			return n, nil
		}
	}
	if len(s.tag) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.tag)
	s.tag = s.tag[n:]
	return n, nil
}
