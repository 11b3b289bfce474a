package fs

import (
	"errors"
	"io"

	"pail/crypto/s3ec"
	"pail/store"
	"pail/store/fault"
)

// A clientView is how what the store has of a file is read, as of one edition of it.
type clientView struct {
	edition uint64
	seq     uint64        // of the published version that it is; 0: of what is not published
	content *s3ec.Content // nil: it is not encrypted, and is read as it is
	size    int64         // of the plaintext
	proof   *proof        // nil: it was not authenticated yet
}

// seen makes sure that there is a view or a working copy: that the key can be had.
func (n *clientNode) seen(c *clientFile) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	// Each who opens it has to have the key by himself, whoever has it already.
	if n.work != nil {
		return n.allowed(c)
	}
	n.view = nil
	_, err := n.look(c)
	return err
}

// allowed asks for the key of a file of which there is a working copy, and so no need of it.
func (n *clientNode) allowed(c *clientFile) error {
	described, err := c.se.Describe(n.fs.ctx, store.Node{File: c.File})
	if err != nil {
		return err
	}
	e, err := s3ec.Parse(described.Metadata)
	if err != nil {
		return nil // it was in the clear, or has no name and no envelope yet
	}
	key, err := n.fs.openDataKey(c.se, n.key, e)
	if err == nil {
		clear(key[:])
	}
	return err
}

// look returns the view of the store's file as it is now. mu is held for writing.
func (n *clientNode) look(c *clientFile) (*clientView, error) {
	if n.view != nil && n.view.edition == c.File.Edition() {
		return n.view, nil
	}
	v, o, err := n.edition(c)
	if err != nil {
		return nil, err
	}
	e, err := s3ec.Parse(o.Metadata)
	switch {
	case errors.Is(err, s3ec.ErrNone) && n.fs.clientPlain:
		n.view = v
		return v, nil
	case errors.Is(err, s3ec.ErrMalformed):
		return nil, fault.Wrap(fault.Damaged, err, "")
	case err != nil:
		return nil, fault.Wrap(fault.AccessDenied, err, "the mount reads only what a client has encrypted")
	case o.Size < s3ec.TagSize:
		return nil, fault.New(fault.Damaged, "it is shorter than a tag")
	}
	key, err := n.fs.openDataKey(c.se, n.key, e)
	if err != nil {
		return nil, err
	}
	defer clear(key[:])
	if v.content, err = e.Open(key); err != nil {
		return nil, fault.Wrap(fault.Damaged, err, "the data key")
	}
	v.size -= s3ec.TagSize
	if v.seq != 0 {
		if p := n.fs.clients.proof(v.seq); p != nil && p.size == v.size {
			v.proof = p
		}
	}
	n.view = v
	return v, nil
}

// edition begins a view of the store's file, with the object that it is: the bytes, the envelope
// and the version's number have to be of one moment, and another mount may be writing it. Each
// change of the bytes has another edition, and each publish another number.
func (n *clientNode) edition(c *clientFile) (*clientView, *store.Object, error) {
	for {
		v := &clientView{edition: c.File.Edition()}
		unpublished := c.File.Unpublished()
		o := c.File.Object()
		seq := o.Seq
		if v.seq = seq; unpublished { // what it will be published with is not what it was
			described, err := c.se.Describe(n.fs.ctx, store.Node{File: c.File})
			if err != nil {
				return nil, nil, err
			}
			o.Metadata, v.seq = described.Metadata, 0
		}
		v.size = o.Size
		if now := c.File.Object(); now.Seq == seq && c.File.Unpublished() == unpublished && c.File.Edition() == v.edition {
			return v, &o, nil
		}
	}
}

// readAt reads what handles see. again: the store's file has become another meanwhile.
func (n *clientNode) readAt(c *clientFile, p []byte, off int64) (done int, again bool, err error) {
	n.mu.RLock()
	if n.work != nil {
		defer n.mu.RUnlock()
		done, err = n.work.ReadAt(p, off)
		return done, false, err
	}
	if v := n.view; v != nil && v.usable() && v.edition == c.File.Edition() {
		defer n.mu.RUnlock()
		return v.readAt(c, p, off)
	}
	n.mu.RUnlock()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.work != nil {
		return 0, true, nil
	}
	_, err = n.authentic(c)
	return 0, err == nil, err
}

// authentic returns a view that may be read. mu is held for writing.
func (n *clientNode) authentic(c *clientFile) (*clientView, error) {
	for {
		v, err := n.look(c)
		if err != nil || v.usable() {
			return v, err
		}
		if v.proof, err = v.verify(c); err == nil {
			if v.seq != 0 {
				n.fs.clients.keep(v.seq, v.proof)
			}
			return v, nil
		}
		if c.File.Edition() == v.edition {
			return nil, err
		}
	}
}

// usable says whether bytes may be given.
func (v *clientView) usable() bool { return v.content == nil || v.proof != nil }

// verify reads all of a ciphertext once: no byte of it is given to anybody before.
func (v *clientView) verify(c *clientFile) (*proof, error) {
	p := newProof(v.size)
	check := v.content.Check()
	buf := make([]byte, 16*pieceSize)
	for off := int64(0); off < v.size; {
		part := buf[:min(int64(len(buf)), v.size-off)]
		if err := readWhole(c.File, c.n.fs, part, off); err != nil {
			return nil, err
		}
		_, _ = check.Write(part)
		off += int64(len(part))
		for len(part) > 0 {
			piece := part[:min(pieceSize, len(part))]
			p.note(piece)
			part = part[len(piece):]
		}
	}
	var tag [s3ec.TagSize]byte
	if err := readWhole(c.File, c.n.fs, tag[:], v.size); err != nil {
		return nil, err
	}
	if err := check.Verify(tag[:]); err != nil {
		return nil, fault.Wrap(fault.Damaged, err, "")
	}
	return p, nil
}

// readWhole reads bytes that have to be there.
func readWhole(file *store.File, f *filesystem, p []byte, off int64) error {
	n, err := file.ReadAt(f.ctx, p, off)
	switch {
	case n == len(p):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return fault.New(fault.Damaged, "it ends early")
	}
	return err
}

// readAt reads from the store's file, piece by piece, each of which has to be one of those that
// were authenticated together.
func (v *clientView) readAt(c *clientFile, p []byte, off int64) (done int, again bool, err error) {
	if v.content == nil {
		done, err = c.File.ReadAt(c.n.fs.ctx, p, off)
		return done, false, err
	}
	if off < 0 || off >= v.size {
		return 0, false, io.EOF
	}
	want := len(p)
	p = p[:min(int64(len(p)), v.size-off)]
	from := off - off%pieceSize
	to := min((off+int64(len(p))+pieceSize-1)/pieceSize*pieceSize, v.size)
	buf := p
	if from != off || to != off+int64(len(p)) {
		buf = make([]byte, to-from)
	}
	err = readWhole(c.File, c.n.fs, buf, from)
	for at := 0; err == nil && at < len(buf); at += pieceSize {
		err = v.proof.check(buf[at:min(at+pieceSize, len(buf))], int(from/pieceSize)+at/pieceSize)
	}
	if err != nil {
		clear(p)
		return 0, c.File.Edition() != v.edition, err
	}
	v.content.XORAt(p, buf[off-from:][:len(p)], off)
	if len(p) < want {
		err = io.EOF
	}
	return len(p), false, err
}
