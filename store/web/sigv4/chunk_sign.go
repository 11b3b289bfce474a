package sigv4

import (
	"crypto/sha256"
	"crypto/subtle"
	"hash"
)

// A seed is the verified signature that those of the chunks begin with.
type seed struct {
	key  *signingKey
	auth *auth
}

// A chunkSigner verifies the signatures of chunks, each over the one before.
type chunkSigner struct {
	key       *signingKey
	accessKey string
	head      string    // time and scope, as they stand in each string to sign
	previous  []byte    // signature
	given     []byte    // signature of the present chunk
	hash      hash.Hash // of its data
	text      []byte    // the string to sign
}

func newChunkSigner(sd *seed) *chunkSigner {
	head := append([]byte("\n"), sd.auth.stamp...)
	head = append(head, '\n')
	head = append(sd.auth.appendScope(head), '\n')
	return &chunkSigner{
		key: sd.key, accessKey: sd.auth.accessKey, head: string(head),
		previous: []byte(sd.auth.signature), hash: sha256.New(),
	}
}

// begin begins a chunk.
func (s *chunkSigner) begin(signature []byte) {
	s.given = append(s.given[:0], signature...)
	s.hash.Reset()
}

// verify verifies the present chunk, whose data went through the hash.
func (s *chunkSigner) verify() error {
	b := s.start(algorithm + "-PAYLOAD")
	b = append(b, emptySHA256+"\n"...)
	var sum [sha256.Size]byte
	s.text = appendHex(b, s.hash.Sum(sum[:0]))
	return s.compare()
}

// verifyTrailers verifies what follows the last chunk.
func (s *chunkSigner) verifyTrailers(trailers []byte, signature string) error {
	s.given = append(s.given[:0], signature...)
	sum := sha256.Sum256(trailers)
	s.text = appendHex(s.start(algorithm+"-TRAILER"), sum[:])
	return s.compare()
}

func (s *chunkSigner) start(what string) []byte {
	b := append(s.text[:0], what...)
	b = append(b, s.head...)
	b = append(b, s.previous...)
	return append(b, '\n')
}

func (s *chunkSigner) compare() error {
	var sig [2 * sha256.Size]byte
	if subtle.ConstantTimeCompare(s.key.sign(sig[:0], s.text), s.given) != 1 {
		return signatureMismatch(s.accessKey, string(s.given), s.text)
	}
	s.previous = append(s.previous[:0], s.given...)
	return nil
}
