package fs

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"pail/crypto/s3ec"
	"pail/store"
	"pail/store/fault"
)

// An openFile is a file as a handle has it: the store's own, or one of a client.
type openFile interface {
	Ino() uint64
	Name() (bucket, key string, linked bool)
	Object() store.Object
	Sized(size int64) bool
	ReadAt(ctx context.Context, p []byte, off int64) (int, error)
	Extent(off int64, n int) (fd uintptr, fdOff int64, length int, release func(), ok bool)
	WriteAt(ctx context.Context, p []byte, off int64) (int, error)
	WriteBack(ctx context.Context, p []byte, off int64) (int, error)
	Truncate(ctx context.Context, size int64) error
	Allocate(ctx context.Context, off, n int64, keepSize bool) error
	ZeroRange(ctx context.Context, off, n int64, keepSize bool) error
	PunchHole(ctx context.Context, off, n int64) error
	Seek(ctx context.Context, off int64, whence uint32) (int64, error)
	SetAttr(ctx context.Context, c store.AttrChange) (store.Attr, error)
	Sync(ctx context.Context) error
	Flush(ctx context.Context) error
	Close(ctx context.Context) error
	Changed() bool
	Unpublished() bool
}

var (
	_ openFile = (*store.File)(nil)
	_ openFile = (*clientFile)(nil)
)

// stored is the store's file below a handle's.
func stored(file openFile) *store.File {
	if c, ok := file.(*clientFile); ok {
		return c.File
	}
	return file.(*store.File)
}

// A clientFile is one open handle of a file that is encrypted for the store. What it has no method
// for is the store's file's: the ciphertext's.
type clientFile struct {
	*store.File
	n       *clientNode
	se      *store.Session
	writes  bool
	appends bool
	alone   bool // a version of the past, which has no inode to share
	ended   sync.Once
}

// A clientNode is what the handles of one inode share. Once somebody writes, its content is a
// working copy, until the last handle is closed; before that it is what the store has, decrypted
// where it is read.
type clientNode struct {
	fs  *filesystem
	key *ClientKey

	uses, writers int // guarded by the table's mu

	sealing sync.Mutex // held while the store's file is given another ciphertext; taken first

	mu   sync.RWMutex   // guards what follows; held for reading while it is read or encrypted
	work *store.Scratch // the working copy; nil: there is none
	view *clientView    // nil: nothing was read yet

	state   sync.Mutex    // guards what follows; taken last, and never held while anything is read
	working bool          // there is a working copy
	length  int64         // of it
	edits   uint64        // changes of the data since there is a working copy
	sealed  uint64        // how many of them the store's file has
	public  uint64        // how many of them are published
	unlike  bool          // the store's file has not even what the working copy began with
	fresh   bool          // it was made or emptied, and is to be published though no data changed
	changed time.Time     // when the data was changed last, if the store does not know; else zero
	next    *dataKey      // for the next sealing; nil: one has to be made
	makers  []*clientFile // the handles that write
}

// openFile opens an object, or makes one, as a client if the mount is one for it.
func (f *filesystem) openFile(se *store.Session, bucket, key string, flags store.OpenFlags) (openFile, error) {
	k := f.clientKey(bucket, key)
	if k == nil {
		return asOpen(se.OpenFile(f.ctx, bucket, key, flags))
	}
	below := flags
	// The store's file is emptied by replacing what it has, and read unless that is never needed.
	below.Truncate, below.Append = false, false
	below.WriteOnly = flags.Write && (flags.Truncate || flags.Create && flags.Exclusive)
	return f.keyed(se, k, bucket, key, flags, func() (*store.File, error) { return se.OpenFile(f.ctx, bucket, key, below) })
}

// keyed opens a file as a client. Who writes has a data key before there is a file, so that none
// is made that could not be encrypted.
func (f *filesystem) keyed(se *store.Session, k *ClientKey, bucket, key string, flags store.OpenFlags, open func() (*store.File, error)) (openFile, error) {
	var next *dataKey
	if flags.Write {
		var err error
		if next, err = f.newDataKey(se, k); err != nil {
			return nil, f.asClient("open", bucket, key, err)
		}
	}
	file, err := open()
	if err != nil {
		return nil, err
	}
	return f.asClientFile(se, k, file, flags, next)
}

// asOpen keeps a nil pointer from becoming an interface that is not nil.
func asOpen(file *store.File, err error) (openFile, error) {
	if err != nil {
		return nil, err
	}
	return file, nil
}

// reopen opens an open file once more.
func (f *filesystem) reopen(se *store.Session, open openFile, flags store.OpenFlags) (openFile, error) {
	c, ok := open.(*clientFile)
	if !ok {
		return asOpen(se.Reopen(f.ctx, stored(open), flags))
	}
	below := flags
	below.Truncate, below.Append = false, false
	below.WriteOnly = flags.Write && flags.Truncate
	bucket, key, _ := open.Name()
	return f.keyed(se, c.n.key, bucket, key, flags, func() (*store.File, error) { return se.Reopen(f.ctx, c.File, below) })
}

// asClientFile makes a client's file of one that was opened as flags say, but not emptied. next is
// what it will be encrypted with first.
func (f *filesystem) asClientFile(se *store.Session, k *ClientKey, file *store.File, flags store.OpenFlags, next *dataKey) (openFile, error) {
	o := file.Object()
	if kind := o.Attr.Mode & unix.S_IFMT; kind != 0 && kind != unix.S_IFREG {
		return file, nil // a symlink, which nobody encrypts
	}
	c := &clientFile{File: file, se: se, writes: flags.Write, appends: flags.Append}
	c.n = f.clients.attach(f, file.Ino(), k, c.writes)
	if err := c.ready(flags, o.Seq == 0, next); err != nil {
		_ = c.close(f.ctx, false)
		return nil, f.asClient("open", o.Bucket, o.Key, err)
	}
	return c, nil
}

// asOldFile makes a client's file of a version of the past.
func (f *filesystem) asOldFile(se *store.Session, file *store.File) (openFile, error) {
	o := file.Object()
	k := f.clientKey(o.Bucket, o.Key)
	if kind := o.Attr.Mode & unix.S_IFMT; k == nil || o.DeleteMarker || kind != 0 && kind != unix.S_IFREG {
		return file, nil
	}
	c := &clientFile{File: file, se: se, alone: true, n: &clientNode{fs: f, key: k, uses: 1}}
	if err := c.n.seen(c); err != nil {
		_ = c.close(f.ctx, false)
		return nil, f.asClient("open", o.Bucket, o.Key, err)
	}
	return c, nil
}

// openedOld is asOldFile of what was opened, or was not.
func (f *filesystem) openedOld(se *store.Session) func(*store.File, error) (openFile, error) {
	return func(file *store.File, err error) (openFile, error) {
		if err != nil {
			return nil, err
		}
		return f.asOldFile(se, file)
	}
}

// createTemp makes a file without a name. Which client's key it will have its directory says.
func (f *filesystem) createTemp(se *store.Session, bucket, dir string, flags store.OpenFlags) (openFile, error) {
	k := f.clientKey(bucket, dir)
	below := flags
	if k == nil {
		return asOpen(se.CreateTemp(f.ctx, bucket, dir, below))
	}
	below.Append, flags.Write = false, true
	return f.keyed(se, k, bucket, dir, flags, func() (*store.File, error) { return se.CreateTemp(f.ctx, bucket, dir, below) })
}

// link gives a file of createTemp its name.
func (f *filesystem) link(se *store.Session, file openFile, bucket, key string) error {
	c, client := file.(*clientFile)
	if !client {
		if f.clientKey(bucket, key) != nil {
			return fault.New(fault.CrossDevice, "the file was made where the mount does not encrypt")
		}
		return se.Link(f.ctx, stored(file), bucket, key)
	}
	if f.clientKey(bucket, key) != c.n.key {
		return fault.New(fault.CrossDevice, "the file was made under another client's key")
	}
	if err := c.n.sealAs(c); err != nil {
		return err
	}
	if err := se.Link(f.ctx, c.File, bucket, key); err != nil {
		return err
	}
	c.n.published(c.n.has())
	return nil
}

// sharing are the store's files below two handles if bytes can be shared between them.
func sharing(src, dst openFile) (from, to *store.File, ok bool) {
	from, plain := src.(*store.File)
	to, ok = dst.(*store.File)
	return from, to, ok && plain
}

// ready sees to it that who opened the file can have the key that it takes to read it, so that
// open(2) says so and not read(2), and empties it if it was opened for that.
func (c *clientFile) ready(flags store.OpenFlags, made bool, next *dataKey) error {
	if !c.writes {
		return c.n.seen(c)
	}
	c.n.state.Lock()
	c.n.next = next
	c.n.makers = append(c.n.makers, c)
	c.n.state.Unlock()
	if made {
		if began, err := c.make(); began || err != nil {
			return err
		}
	}
	if flags.Truncate {
		return c.empty()
	}
	return c.n.seen(c)
}

// make begins a new file, unless another handle has. The store has it be encrypted from the first
// moment on, so that no failure later can leave one in the clear, not even an empty one.
func (c *clientFile) make() (began bool, err error) {
	n := c.n
	n.mu.Lock()
	if n.work != nil {
		n.mu.Unlock()
		return false, nil
	}
	n.work = n.fs.store.NewScratch()
	n.state.Lock()
	n.working, n.fresh, n.unlike = true, true, true
	again := n.next.clone()
	n.state.Unlock()
	n.mu.Unlock()
	if err = n.seal(c); err != nil {
		return true, errors.Join(err, c.File.GiveUp(n.fs.ctx))
	}
	// What it has encrypted is nothing, and in most cases nobody will see that: the same data key
	// does, under another nonce, for what is written, and closing the file takes no other one.
	n.state.Lock()
	defer n.state.Unlock()
	n.next = again
	return true, nil
}

// empty is O_TRUNC. What is empty already only gets another time, as a plain file does.
func (c *clientFile) empty() error {
	n := c.n
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.work == nil {
		o := c.File.Object()
		if s3ec.Encrypted(o.Metadata) && o.Size == s3ec.TagSize && !c.File.Unpublished() {
			now := time.Now()
			_, err := c.File.SetAttr(n.fs.ctx, store.AttrChange{Mtime: &now, Ctime: &now})
			return err
		}
		n.work, n.view = n.fs.store.NewScratch(), nil
	} else if err := n.work.Truncate(0); err != nil {
		return err
	}
	n.state.Lock()
	defer n.state.Unlock()
	n.working, n.length = true, 0
	n.fresh, n.unlike, n.changed = true, true, time.Now()
	return nil
}

// size is the plaintext's. A file that was not read yet is believed to be what its envelope says.
func (c *clientFile) size() int64 {
	o := c.File.Object()
	c.n.overlay(&o)
	return o.Size
}

// plainSize is what an object has in the clear.
func plainSize(o *store.Object) int64 {
	if s3ec.Encrypted(o.Metadata) && o.Size >= s3ec.TagSize {
		return o.Size - s3ec.TagSize
	}
	return o.Size
}

// Object is the file as its handles see it: size and times of the plaintext, and no envelope.
func (c *clientFile) Object() store.Object {
	o := c.File.Object()
	c.n.overlay(&o)
	return o
}

// overlay shows an object as it is in the clear. It waits for nobody who reads or encrypts.
func (n *clientNode) overlay(o *store.Object) {
	n.state.Lock()
	defer n.state.Unlock()
	if n.working {
		o.Size = n.length
	} else {
		o.Size = plainSize(o)
	}
	o.Metadata = withoutEnvelope(o.Metadata)
	if !n.changed.IsZero() {
		o.Attr.Mtime = n.changed
		if o.Attr.Ctime.Before(n.changed) {
			o.Attr.Ctime = n.changed
		}
	}
}

// shown is an object of a listing as it is in the clear. past: it is not the file of its inode as it
// is now.
func (f *filesystem) shown(o *store.Object, past bool) *store.Object {
	if len(f.clientKeys) == 0 || f.clientKey(o.Bucket, o.Key) == nil {
		return o
	}
	clear := *o
	if n := f.clients.node(o.Ino); n != nil && !past {
		n.overlay(&clear)
	} else {
		clear.Size = plainSize(o)
	}
	return &clear
}

// withoutEnvelope is user metadata without what belongs to the envelope.
func withoutEnvelope(m map[string]string) map[string]string {
	out := maps.Clone(m)
	maps.DeleteFunc(out, func(name, _ string) bool { return s3ec.IsName(name) })
	return out
}

// Sized says whether the file has so many bytes now.
func (c *clientFile) Sized(size int64) bool { return !c.alone && c.size() == size }

// Extent has none: what the content file has is not what is read.
func (c *clientFile) Extent(int64, int) (uintptr, int64, int, func(), bool) {
	return 0, 0, 0, nil, false
}

// Seek finds no holes: in a ciphertext there are none.
func (c *clientFile) Seek(_ context.Context, off int64, whence uint32) (int64, error) {
	size := c.size()
	switch {
	case off < 0 || off >= size:
		return 0, fault.New(fault.NoMoreData, "no more data")
	case whence == unix.SEEK_HOLE:
		return size, nil
	}
	return off, nil
}

// SetAttr changes attributes. An mtime that is set stays, whenever the store is given what was
// written before.
func (c *clientFile) SetAttr(ctx context.Context, change store.AttrChange) (store.Attr, error) {
	a, err := c.File.SetAttr(ctx, change)
	if err != nil {
		return a, err
	}
	n := c.n
	n.state.Lock()
	defer n.state.Unlock()
	if change.Mtime != nil {
		n.changed = time.Time{}
	}
	if !n.changed.IsZero() {
		a.Mtime = n.changed
	}
	return a, nil
}

// Changed says whether data changed since the last publish.
func (c *clientFile) Changed() bool {
	c.n.state.Lock()
	defer c.n.state.Unlock()
	return c.n.edits != c.n.public
}

// Unpublished says whether closing the last handle would publish something.
func (c *clientFile) Unpublished() bool {
	if c.alone {
		return false
	}
	c.n.state.Lock()
	defer c.n.state.Unlock()
	return c.n.edits != c.n.public || c.n.fresh
}

// Sync makes the file durable as it is.
func (c *clientFile) Sync(ctx context.Context) error {
	if err := c.n.seal(c); err != nil {
		return err
	}
	return c.File.Sync(ctx)
}

// Flush publishes the file if its data changed since the last publish.
func (c *clientFile) Flush(ctx context.Context) error {
	if !c.writes || !c.Changed() {
		return nil
	}
	if err := c.n.seal(c); err != nil {
		return err
	}
	has := c.n.has()
	if err := c.File.Flush(ctx); err != nil {
		return err
	}
	c.n.published(has)
	return nil
}

// unmake forgets a handle that writes.
func (n *clientNode) unmake(c *clientFile) {
	n.state.Lock()
	defer n.state.Unlock()
	n.makers = slices.DeleteFunc(n.makers, func(m *clientFile) bool { return m == c })
}

// has is how many edits the store's file has.
func (n *clientNode) has() uint64 {
	n.state.Lock()
	defer n.state.Unlock()
	return n.sealed
}

// published notes that so many edits were published.
func (n *clientNode) published(edits uint64) {
	n.state.Lock()
	defer n.state.Unlock()
	n.public, n.fresh = max(n.public, edits), false
}

// Close ends the use of the handle, and with the last one that writes publishes what is left.
func (c *clientFile) Close(ctx context.Context) error { return c.close(ctx, true) }

func (c *clientFile) close(ctx context.Context, publishes bool) (err error) {
	c.ended.Do(func() {
		n := c.n
		lastWriter := c.writes && n.fs.clients.wrote(n)
		if lastWriter && publishes {
			err = n.seal(c)
		}
		has := n.has()
		n.unmake(c)
		err = errors.Join(err, c.File.Close(ctx))
		last := c.alone
		if !c.alone {
			last = n.fs.clients.detach(c.File.Ino(), n)
		}
		if lastWriter && err == nil {
			n.published(has)
		}
		if last {
			err = errors.Join(err, n.forget())
		}
	})
	return err
}

// forget lets go of what a node has in memory and of its working copy.
func (n *clientNode) forget() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.next != nil {
		clear(n.next.plain[:])
	}
	if n.work == nil {
		return nil
	}
	return n.work.Close()
}

// ReadAt fills p from off on; fewer bytes come with io.EOF, at the end only.
func (c *clientFile) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	for {
		n, again, err := c.n.readAt(c, p, off)
		if !again {
			if err != nil && !errors.Is(err, io.EOF) {
				bucket, key, _ := c.Name()
				err = c.n.fs.asClient("read", bucket, key, err)
			}
			return n, err
		}
		if err := ctx.Err(); err != nil {
			return 0, err
		}
	}
}
