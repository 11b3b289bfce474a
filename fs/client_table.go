package fs

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"sync"

	"pail/store/fault"
)

func isOf(err, kind error) bool { return errors.Is(err, kind) }

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// A clientTable knows the files that are open as those of a client, by their inodes, and which
// contents were found to be what was encrypted. Its methods are safe for concurrent use.
type clientTable struct {
	mu     sync.Mutex // guards what follows, and uses and writers of the nodes
	open   map[uint64]*clientNode
	proofs map[uint64]*proof // by the versions' sequence numbers
	pieces int               // of all proofs
}

func newClientTable() *clientTable {
	return &clientTable{open: map[uint64]*clientNode{}, proofs: map[uint64]*proof{}}
}

// attach counts one more handle of a file in.
func (t *clientTable) attach(f *filesystem, ino uint64, k *ClientKey, writes bool) *clientNode {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.open[ino]
	if n == nil {
		n = &clientNode{fs: f, key: k}
		t.open[ino] = n
	}
	n.uses++
	if writes {
		n.writers++
	}
	return n
}

// wrote counts a handle out as one that writes, and says whether it was the last.
func (t *clientTable) wrote(n *clientNode) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	n.writers--
	return n.writers == 0
}

// detach counts a handle out, and says whether it was the last.
func (t *clientTable) detach(ino uint64, n *clientNode) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	n.uses--
	if n.uses == 0 && t.open[ino] == n {
		delete(t.open, ino)
	}
	return n.uses == 0
}

// node is the open file of an inode, nil if there is none.
func (t *clientTable) node(ino uint64) *clientNode {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.open[ino]
}

const (
	// pieceSize is what of a content is checked at once when it is read, in bytes: less would be
	// more to remember, more is read for 4 KiB.
	pieceSize = 64 << 10
	// mostPieces is of how many pieces all proofs together know, at 16 bytes each: those of 64 GiB.
	mostPieces = 1 << 20
)

// A proof remembers that a content was authenticated as a whole, so that a piece of it that is
// read later is known to be the one that was: by a code of each piece under a key of the proof's
// own (GMAC, the piece's number for a nonce). It does not help to decrypt.
type proof struct {
	size  int64 // of the ciphertext, without its tag
	code  cipher.AEAD
	codes [][16]byte
}

func newProof(size int64) *proof {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic("mount: AES: " + err.Error()) // the length only
	}
	code, err := cipher.NewGCM(block)
	if err != nil {
		panic("mount: GCM: " + err.Error())
	}
	return &proof{size: size, code: code, codes: make([][16]byte, 0, (size+pieceSize-1)/pieceSize)}
}

func (p *proof) of(piece []byte, number int) (code [16]byte) {
	var nonce [12]byte
	binary.BigEndian.PutUint64(nonce[4:], uint64(number))
	p.code.Seal(code[:0], nonce[:], nil, piece)
	return code
}

// note remembers the next piece.
func (p *proof) note(piece []byte) { p.codes = append(p.codes, p.of(piece, len(p.codes))) }

// check says whether a piece is the one that was noted under its number.
func (p *proof) check(piece []byte, number int) error {
	if number >= len(p.codes) || p.of(piece, number) != p.codes[number] {
		return fault.New(fault.Damaged, "its bytes are others than those that were authenticated")
	}
	return nil
}

// keep remembers the proof of a version's content. If it would be too many, others are forgotten:
// their contents are read once more as wholes.
func (t *clientTable) keep(seq uint64, p *proof) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(p.codes) > mostPieces || t.proofs[seq] != nil {
		return
	}
	for other, old := range t.proofs {
		if t.pieces+len(p.codes)+1 <= mostPieces {
			break
		}
		t.pieces -= len(old.codes) + 1
		delete(t.proofs, other)
	}
	t.proofs[seq] = p
	t.pieces += len(p.codes) + 1
}

// proof is what is remembered of a version's content, nil if nothing is.
func (t *clientTable) proof(seq uint64) *proof {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.proofs[seq]
}
