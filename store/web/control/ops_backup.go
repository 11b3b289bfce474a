package control

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"io"
	"sync"

	"pail/store"
	"pail/store/backup"
	"pail/store/fault"
)

// A backup is one request that shows a cut of the store, without contents' bytes, and
// keeps it until the client goes away; and for each content that the client lacks one
// that names the cut by what stands in the first one's header.

// cutHeader names the cut in the answer to opBackup.
const cutHeader = "Pail-Cut"

// A ContentRequest asks for the bytes of a content of a cut.
type ContentRequest struct {
	Cut    string `json:"cut"`
	ID     uint64 `json:"id"`
	Length int64  `json:"length"`
	Sum    uint64 `json:"sum"`
}

// cuts are those that clients have now.
type cuts struct {
	mu  sync.Mutex // guards all
	all map[string]*openCut
}

type openCut struct {
	cut   *store.Cut
	users sync.WaitGroup // Add only under cuts.mu, while it is in all
}

func (cs *cuts) add(name string, c *store.Cut) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.all == nil {
		cs.all = map[string]*openCut{}
	}
	cs.all[name] = &openCut{cut: c}
}

// use returns a cut that stays open until done is called.
func (cs *cuts) use(name string) (c *store.Cut, done func(), err error) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	o := cs.all[name]
	if o == nil {
		return nil, nil, fault.New(fault.StaleHandle, "the backup has ended")
	}
	o.users.Add(1)
	return o.cut, o.users.Done, nil
}

// end closes a cut when nobody uses it any more.
func (cs *cuts) end(name string) error {
	cs.mu.Lock()
	o := cs.all[name]
	delete(cs.all, name)
	cs.mu.Unlock()
	o.users.Wait()
	return o.cut.Close()
}

// A byteOperation answers with bytes.
type byteOperation func(context.Context, *call, *byteWriter) error

func byteOperations() map[string]byteOperation {
	return map[string]byteOperation{opBackup: backupStore, opBackupContent: backupContent, opRead: readObject}
}

func backupStore(ctx context.Context, c *call, out *byteWriter) error {
	name := rand.Text()
	out.w.Header().Set(cutHeader, name)
	cut, err := c.store.Cut(ctx)
	if err != nil {
		return err
	}
	c.cuts.add(name, cut)
	defer func() { _ = c.cuts.end(name) }()
	if err := out.flush(); err != nil { // so that contents can be asked for
		return err
	}
	if err := cut.Walk(ctx, flushing{backup.NewEncoder(out), out}); err != nil {
		return err
	}
	if err := out.flush(); err != nil {
		return err
	}
	<-ctx.Done() // the client may still want contents
	return nil
}

// flushing sends contents' names before they are many: the client is busy with them.
type flushing struct {
	*backup.Encoder
	out *byteWriter
}

// Content implements backup.Visitor.
func (f flushing) Content(c backup.Content) error {
	if err := f.Encoder.Content(c); err != nil {
		return err
	}
	if len(f.out.buf) < 4<<10 {
		return nil
	}
	return f.out.flush()
}

func backupContent(ctx context.Context, c *call, out *byteWriter) error {
	var req ContentRequest
	if err := json.Unmarshal(c.body, &req); err != nil {
		return fault.Wrap(fault.InvalidRequest, err, "the request makes no sense")
	}
	cut, done, err := c.cuts.use(req.Cut)
	if err != nil {
		return err
	}
	defer done()
	return cut.Fetch(ctx, backup.Content{ID: req.ID, Length: req.Length, Sum: req.Sum}, func(off int64, p []byte) error {
		head := binary.BigEndian.AppendUint64(nil, uint64(off))
		if _, err := out.Write(binary.BigEndian.AppendUint32(head, uint32(len(p)))); err != nil {
			return err
		}
		_, err := out.Write(p)
		return err
	})
}

// readObject sends the bytes of one version.
func readObject(ctx context.Context, c *call, out *byteWriter) error {
	var req ObjectRequest
	if err := json.Unmarshal(c.body, &req); err != nil {
		return fault.Wrap(fault.InvalidRequest, err, "the request makes no sense")
	}
	r, err := c.session().Get(ctx, req.Bucket, req.Key, req.Version)
	if err != nil {
		return err
	}
	defer r.Close()
	if req.Modified != nil && !r.Object().Modified.Equal(*req.Modified) {
		return fault.New(fault.NoSuchVersion, "%s/%s is no longer what it was", req.Bucket, req.Key)
	}
	buf := make([]byte, bytesPiece)
	for off, size := int64(0), r.Object().Size; off < size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		p := buf[:min(int64(len(buf)), size-off)]
		if n, err := r.ReadAt(p, off); n < len(p) {
			return err
		}
		if _, err := out.Write(p); err != nil {
			return err
		}
		off += int64(len(p))
	}
	return nil
}

// A BackupSource is a cut of the store: a backup.Source. Close ends it.
type BackupSource struct {
	c    *Client
	in   *byteReader
	name string
}

// Backup takes a cut of the store.
func (c *Client) Backup(ctx context.Context) (*BackupSource, error) {
	in, header, err := c.askBytes(ctx, opBackup, nil)
	if err != nil {
		return nil, err
	}
	return &BackupSource{c: c, in: in, name: header.Get(cutHeader)}, nil
}

// Walk implements backup.Source; it can be called once.
func (s *BackupSource) Walk(ctx context.Context, v backup.Visitor) error {
	stop := context.AfterFunc(ctx, func() { _ = s.in.Close() })
	defer stop()
	err := backup.DecodeListing(ctx, s.in, "what the store says of itself", v)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// maxPart bounds what is taken for a part, in bytes.
const maxPart = 64 << 20

// Fetch implements backup.Source.
func (s *BackupSource) Fetch(ctx context.Context, c backup.Content, part func(off int64, p []byte) error) error {
	in, _, err := s.c.askBytes(ctx, opBackupContent, ContentRequest{Cut: s.name, ID: c.ID, Length: c.Length, Sum: c.Sum})
	if err != nil {
		return err
	}
	defer in.Close()
	return readParts(in, part)
}

// readParts reads what backupContent sends.
func readParts(in io.Reader, part func(off int64, p []byte) error) error {
	var buf []byte
	for {
		var head [12]byte
		switch _, err := io.ReadFull(in, head[:]); {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		n := binary.BigEndian.Uint32(head[8:])
		if n > maxPart {
			return fault.New(fault.Internal, "the daemon's answer makes no sense")
		}
		if cap(buf) < int(n) {
			buf = make([]byte, n)
		}
		if _, err := io.ReadFull(in, buf[:n]); err != nil {
			return err
		}
		if err := part(int64(binary.BigEndian.Uint64(head[:])), buf[:n]); err != nil {
			return err
		}
	}
}

// Close lets the cut go.
func (s *BackupSource) Close() error { return s.in.Close() }

// Read writes the bytes of one version to w.
func (c *Client) Read(ctx context.Context, req ObjectRequest, w io.Writer) error {
	in, _, err := c.askBytes(ctx, opRead, req)
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = io.Copy(w, in)
	return err
}
