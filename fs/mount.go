package fs

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"pail/fs/device"
	"pail/fs/names"
	"pail/store/fault"
)

const (
	// maxRequest is the size of the largest read and write, in bytes.
	maxRequest = 1 << 20
	// maxBackground is how many reads ahead and asynchronous requests may be under
	// way; the kernel's default of 12 starves a parallel reader.
	maxBackground = 128
	// readAhead is how far the kernel reads ahead, in KiB; its default is 128. More would
	// come in requests that are too large to be spliced.
	readAhead = device.MaxSplice >> 10
)

// A Server serves one mount. Its methods may be called from many goroutines.
type Server struct {
	fs     *filesystem
	device *device.Device
	dir    string
	stop   func() // ends Watch
	log    *slog.Logger

	mu       sync.Mutex    // held by Unmount
	ended    bool          // Unmount took the mount out of the tree; guarded by mu
	err      error         // what it said; guarded by mu
	detached chan struct{} // closed when the mount is no longer in the tree
	served   chan struct{} // closed when the last request was answered, after left is set
	left     error         // of files that were open at the end
}

// Mount mounts a store and returns once the mount answers. Each refusal is one
// sentence. ctx is for the mounting only; the mount lives until Unmount, or until
// somebody else unmounts it.
func Mount(ctx context.Context, o Options) (*Server, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	extra, err := parseMountOptions(o.ExtraOptions)
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	dir, err := checkMountpoint(o.Mountpoint, o.Store.Dir())
	if err != nil {
		return nil, err
	}
	f, err := newFilesystem(ctx, &o, extra)
	if err != nil {
		return nil, err
	}
	m := &Server{fs: f, dir: dir, log: o.Log, detached: make(chan struct{}), served: make(chan struct{})}
	if f.peers.join(f) {
		o.Log.Warn("mount: read-only, for another mount shows the same", "mountpoint", dir)
	}
	if err := m.start(&o, extra); err != nil {
		f.peers.leave(f)
		f.letRootGo()
		return nil, err
	}
	return m, nil
}

func newFilesystem(ctx context.Context, o *Options, extra mountOptions) (*filesystem, error) {
	var mark [8]byte
	if _, err := rand.Read(mark[:]); err != nil {
		return nil, fault.Wrap(fault.Internal, err, "random numbers")
	}
	f := &filesystem{
		RawFileSystem: fuse.NewDefaultRawFileSystem(),
		ctx:           context.WithoutCancel(ctx), store: o.Store, principal: o.Principal,
		uids:     o.UIDs,
		keys:     o.customerKeys(),
		origin:   binary.LittleEndian.Uint64(mark[:]) | 1,
		root:     rootPlace{bucket: o.Bucket, place: names.Root(o.Prefix)},
		readOnly: o.ReadOnly || extra.readOnly, others: o.AllowOther || extra.allowOther,
		uid: o.UID, gid: o.GID, umask: o.Umask, log: o.Log,
		handles: newHandleTable(), closing: newClosingTable(), relics: newRelicTable(), cursors: newCursorTable(), moments: newMomentTable(), notify: newNotifier(), notifyOld: newNotifier(), pruner: newPruner(),
		peers: o.Peers, clientKeys: o.ClientKeys, clientSuite: o.clientSuite(), clientPlain: o.ClientPlain, clients: newClientTable(),
	}
	f.nodes = newNodeTable(f.root.kind())
	f.nodes.crowd = f.pruner.crowded
	f.notify.translate = f.translate
	for _, n := range []*notifier{f.notify, f.notifyOld} {
		n.lists, n.parentOf = f.isDir, f.comesTo
	}
	if f.peers == nil {
		f.peers = NewPeers()
	}
	return f, f.holdRoot(ctx, o)
}

// holdRoot keeps the bucket that is the mount's root from being deleted.
func (f *filesystem) holdRoot(ctx context.Context, o *Options) error {
	f.letRootGo = func() {}
	if o.Bucket == "" {
		return nil
	}
	se := f.ownSession()
	release, err := se.HoldBucket(ctx, o.Bucket, "mounted at "+o.Mountpoint, "unmount it first: pail umount "+o.Mountpoint)
	if err != nil {
		return err
	}
	if _, err := se.StatDir(ctx, o.Bucket, o.Prefix); err != nil {
		release()
		if isAbsent(err) {
			return fault.New(fault.NoSuchKey, "there is nothing to mount: the bucket %q has no directory %s", o.Bucket, o.Prefix)
		}
		return err
	}
	f.letRootGo = release
	return nil
}

// start attaches the filesystem and begins to serve it.
func (m *Server) start(o *Options, extra mountOptions) error {
	a := attachment{
		dir: m.dir, fsName: o.FsName, readOnly: m.fs.readOnly,
		allowOther: m.fs.others, maxRead: maxRequest, extra: extra,
	}
	if a.fsName == "" {
		a.fsName = "pail"
	}
	if extra.fsName != "" {
		a.fsName = extra.fsName
	}
	fd, err := a.attach()
	if err != nil {
		return err
	}
	m.device, err = device.New(fd, m.fs, &fuse.MountOptions{
		MaxWrite: maxRequest, MaxReadAhead: maxRequest, MaxBackground: maxBackground,
		ExplicitDataCacheControl: true, EnableSymlinkCaching: !m.fs.limited(), DisableXAttrs: extra.noXattr,
		// READDIRPLUS only where the entries are asked after: a plain listing of
		// a million names should not make the kernel remember a million inodes.
		ExtraCapabilities: fuse.CAP_ATOMIC_O_TRUNC | fuse.CAP_HANDLE_KILLPRIV_V2 | fuse.CAP_READDIRPLUS_AUTO | fuse.CAP_NO_OPENDIR_SUPPORT,
		PanicHandler:      m.fs.onPanic,
		Debug:             o.Debug,
		Logger:            slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	})
	if err != nil {
		return errors.Join(fault.Wrap(fault.Internal, err, "the kernel and we do not understand each other"), detach(m.dir, true))
	}
	m.stop = m.fs.store.Watch(m.fs.observe)
	m.fs.notify.start(m.device)
	m.fs.notifyOld.start(m.device)
	go m.fs.pruner.run(m.fs, m.device)
	go m.serve()
	if err := firstPoll(m.dir); err != nil {
		return errors.Join(fault.Wrap(fault.Internal, err, "the mount at %s does not answer", m.dir), m.Unmount(m.fs.ctx))
	}
	raiseReadAhead(m.dir)
	return nil
}

// serve answers requests until the mount is gone, then publishes what was left open:
// the kernel drops RELEASEs that are on their way when it unmounts.
func (m *Server) serve() {
	m.device.Serve()
	m.stop()
	m.fs.notify.close()
	m.fs.notifyOld.close()
	m.fs.pruner.close()
	if err := m.device.Close(); err != nil {
		m.log.Warn("mount: close the device", "err", err)
	}
	m.fs.peers.leave(m.fs)
	m.fs.letRootGo()
	var left unpublished
	for _, fh := range m.fs.handles.all() {
		if h := m.fs.handles.file(fh); h != nil {
			left.add(h.file, m.fs.release(fh))
		}
	}
	for _, id := range m.fs.relics.all() {
		m.fs.forgetRelic(id)
	}
	m.left = left.err()
	close(m.served)
}

// Dir is where the store is mounted.
func (m *Server) Dir() string { return m.dir }

// ReadOnly says whether the mount refuses changes: because it was asked to or because
// it overlaps an earlier one.
func (m *Server) ReadOnly() bool { return m.fs.readOnly }

// Settle returns when the kernel knows of every change that was made before the call.
func (m *Server) Settle(ctx context.Context) error { return m.fs.settle(ctx) }

// AwaitCloses returns when what programs have closed on the mount before the call, of a key,
// of a bucket (key is empty) or of all (bucket, too), is published, but waits for a fraction
// of a second at most. Where close(2) is the end of a file
// to which nothing was written, or whose last descriptor another process had inherited, the
// kernel says so only when close(2) has returned already.
func (m *Server) AwaitCloses(ctx context.Context, bucket, key string) {
	m.fs.closing.wait(ctx, bucket, key)
}

// Wait returns when the mount is no longer in the tree: after Unmount, or when
// somebody else has unmounted it. The error, if there is one, is of a file that was
// still open then and could not be published.
func (m *Server) Wait() error {
	select {
	case <-m.served:
		return m.left
	case <-m.detached:
		return nil
	}
}

// Unmount publishes what open files hold and takes the mount out of the tree. If
// programs still use it, it is detached from under them: they keep what they have
// open for as long as the process and the store live, and what they write is still
// published at their close, or when the store is closed. An error says what could not be
// published, which does not keep the mount, or why the mount is still there. Once it is
// gone later calls return what that one returned.
func (m *Server) Unmount(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.ended {
		m.ended, m.err = m.unmount(ctx)
	}
	return m.err
}

func (m *Server) unmount(ctx context.Context) (ended bool, err error) {
	var left unpublished
	for _, fh := range m.fs.handles.all() {
		if h := m.fs.handles.file(fh); h != nil && h.writes {
			left.add(h.file, h.file.Flush(ctx))
		}
	}
	select {
	case <-m.served: // somebody else was first
		close(m.detached)
		return true, errors.Join(left.err(), m.left)
	default:
	}
	err = detach(m.dir, false)
	busy := errors.Is(err, errBusy)
	if busy {
		m.log.Warn("mount: in use, detached from under its users", "mountpoint", m.dir)
		err = detach(m.dir, true)
	}
	if err != nil {
		return false, errors.Join(left.err(), err)
	}
	close(m.detached)
	m.fs.letRootGo()
	if busy {
		return true, left.err()
	}
	<-m.served
	return true, m.left // who is not published by now is in there
}

// firstPoll has the kernel learn that files here are not polled. If the first to poll
// were this process, through the runtime's poller, it would wait for itself. The name
// is go-fuse's own and is answered there.
func firstPoll(dir string) error {
	fd, err := unix.Open(filepath.Join(dir, ".go-fuse-epoll-hack"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN | unix.POLLOUT}}, 0)
	return unix.Close(fd)
}

// raiseReadAhead asks for more read-ahead than FUSE starts with. It takes root; without
// it the mount only reads slower.
func raiseReadAhead(dir string) {
	e, err := mountAt(dir)
	if err != nil || e == nil {
		return
	}
	_ = os.WriteFile(filepath.Join("/sys/class/bdi", e.device, "read_ahead_kb"), []byte(strconv.Itoa(readAhead)), 0)
}

var _ kernel = (*device.Device)(nil)
