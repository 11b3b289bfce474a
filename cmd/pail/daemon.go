package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	pailfs "pail/fs"
	"pail/store"
	"pail/store/fault"
	"pail/store/web/control"
)

// A daemon owns a store and serves its mounts. It is a control.Mounter. It ends when
// its last mount has ended, and cannot be started again.
type daemon struct {
	st    *store.Store
	log   *slog.Logger
	peers *pailfs.Peers

	mu       sync.Mutex // guards what follows
	mounts   map[string]*served
	stopping bool // no more mounts may come

	ended    chan struct{} // closed when no mount is left and none may come
	closed   chan struct{} // closed when the store is, after closeErr is set
	closeErr error
}

// A served is one mount, from the moment its place is taken.
type served struct {
	info control.Mount
	fs   *pailfs.Server // nil until it answers
	up   chan struct{}  // closed when fs is set or the mount has failed
	done chan struct{}
	err  error // for after done
}

func (s *served) Info() control.Mount   { return s.info }
func (s *served) Done() <-chan struct{} { return s.done }
func (s *served) Err() error            { return s.err }

// shutdownPatience is how long the daemon waits, when all is safe, for clients to
// read their answers.
const shutdownPatience = 10 * time.Second

// endGrace is how long a mount that failed to end may take to be gone all the same.
const endGrace = 2 * time.Second

// runDaemon serves the planned mount of an open store, and the mounts and requests
// that come over the socket, until the last mount has ended. It closes the store.
func runDaemon(ctx context.Context, st *store.Store, p *mountPlan, log *slog.Logger, ready readyFunc) error {
	safe := context.WithoutCancel(ctx) // for what a signal must not cut short
	heap, heapEnds := context.WithCancel(safe)
	var tending sync.WaitGroup
	tending.Go(func() { tendHeap(heap) })
	defer tending.Wait()
	defer heapEnds()
	d := &daemon{
		st: st, log: log, peers: pailfs.NewPeers(), mounts: map[string]*served{},
		ended: make(chan struct{}), closed: make(chan struct{}),
	}
	// The mount comes before the socket, so that a mount that fails takes nobody
	// else's down with it. Until then other commands wait for the lock.
	first, err := d.Mount(ctx, control.Self(), p.req)
	if err != nil {
		return errors.Join(err, st.Close(safe))
	}
	h := control.NewHandler(st, d, release(), log)
	srv, err := control.Listen(st.SocketPath(), h, log)
	if err == nil {
		err = ready(p, first.Info())
	}
	if err == nil {
		select {
		case <-ctx.Done():
		case <-d.ended:
		}
	}
	d.stop()
	if e := notify(notifyStopping); e != nil {
		log.Warn("end", "err", e)
	}
	// What was not published yet closing the store publishes.
	if _, e := d.endMounts(safe, ""); e != nil {
		err = errors.Join(err, e)
	}
	return errors.Join(err, d.close(safe, h, srv))
}

// close closes the store and then lets go of the clients that wait for it.
func (d *daemon) close(ctx context.Context, h *control.Handler, srv *control.Server) error {
	// Until everything is durable another pail umount finds the daemon and waits likewise.
	// Other commands are told to come back.
	var gone error
	if srv != nil {
		d.st.BeforeUnlock(func() { gone = srv.Close() })
	}
	h.Quiesce()
	d.closeErr = d.st.Close(ctx)
	close(d.closed)
	if d.closeErr != nil {
		d.log.Error("the store did not close cleanly", "err", d.closeErr)
	}
	err := errors.Join(gone, d.closeErr)
	if srv != nil {
		ctx, cancel := context.WithTimeout(ctx, shutdownPatience)
		defer cancel()
		if e := srv.Shutdown(ctx); e != nil {
			d.log.Warn("a client did not wait for its answer", "err", e)
		}
	}
	return err
}

// Mount makes one more mount.
func (d *daemon) Mount(ctx context.Context, p control.Peer, req control.MountRequest) (control.Mounted, error) {
	s, err := d.reserve(req)
	if err != nil {
		return nil, err
	}
	m, err := pailfs.Mount(ctx, d.options(p, req))
	if err != nil {
		s.err = err
		close(s.up)
		d.release(s)
		return nil, err
	}
	d.answers(s, m)
	d.watchOver(req)
	go d.serve(s)
	return s, nil
}

// watchOver has the store check its contents as a mount asks for.
func (d *daemon) watchOver(req control.MountRequest) {
	if req.VerifyReads {
		d.st.SetVerifyReads(true)
	}
	if req.ScrubEvery > 0 {
		d.st.SetScrubEvery(req.ScrubEvery)
	}
}

func (d *daemon) answers(s *served, m *pailfs.Server) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s.fs = m
	s.info.Mountpoint = m.Dir()
	if m.ReadOnly() && !s.info.ReadOnly {
		s.info.ReadOnly = true
		s.info.Notice = "the mount at " + m.Dir() + " is read-only, because it overlaps another mount of this store"
	}
	close(s.up)
}

// reserve takes the place of a mount.
func (d *daemon) reserve(req control.MountRequest) (*served, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopping {
		return nil, fault.New(fault.Shutdown, "")
	}
	if d.mounts[req.Mountpoint] != nil {
		return nil, fault.New(fault.Busy, "%s is a mount already; unmount it first or choose another place", req.Mountpoint)
	}
	s := &served{
		info: control.Mount{
			Mountpoint: req.Mountpoint, Bucket: req.Bucket, Prefix: req.Prefix,
			ReadOnly: req.ReadOnly, AllowOther: req.AllowOther, Since: time.Now(),
		},
		up: make(chan struct{}), done: make(chan struct{}),
	}
	d.mounts[req.Mountpoint] = s
	return s, nil
}

// release gives a mount's place back; with the last one the daemon ends.
func (d *daemon) release(s *served) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for at, m := range d.mounts {
		if m == s {
			delete(d.mounts, at)
		}
	}
	if len(d.mounts) == 0 {
		d.stopping = true
		close(d.ended) // once: no mount can come after this
	}
	close(s.done)
}

// stop lets no more mounts come.
func (d *daemon) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopping = true
}

// serve waits for a mount to end, whoever ends it.
func (d *daemon) serve(s *served) {
	s.fs.Wait()
	d.release(s)
}

func (d *daemon) options(p control.Peer, req control.MountRequest) pailfs.Options {
	o := pailfs.Options{
		Store: d.st, Principal: store.Owner(), Mountpoint: req.Mountpoint,
		Bucket: req.Bucket, Prefix: req.Prefix, ReadOnly: req.ReadOnly, AllowOther: req.AllowOther,
		UID: p.UID, GID: p.GID, Umask: 0o022, FsName: req.FsName, ExtraOptions: req.Options,
		Debug: req.Debug, Log: d.log, Peers: d.peers,
	}
	if req.UID != nil {
		o.UID = *req.UID
	}
	if req.GID != nil {
		o.GID = *req.GID
	}
	if req.Umask != nil {
		o.Umask = *req.Umask
	}
	return o
}

// Unmount ends one mount, or all of them; with the last one it waits for the store.
func (d *daemon) Unmount(ctx context.Context, mountpoint string) error {
	if mountpoint == "" {
		d.stop()
	}
	unpublished, attached := d.endMounts(ctx, mountpoint)
	select {
	case <-d.ended:
		// Closing the store tries once more to publish, with the reserve of the disk,
		// and is what counts.
		<-d.closed
		return d.closeErr
	default:
	}
	if mountpoint == "" {
		d.goOn()
	}
	return errors.Join(unpublished, attached)
}

// goOn lets mounts come again: not every mount could be ended.
func (d *daemon) goOn() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopping = len(d.mounts) == 0
}

// endMounts ends the mount at a place, or all of them, and says what could not be
// published and which mounts are still there.
func (d *daemon) endMounts(ctx context.Context, mountpoint string) (unpublished, attached error) {
	chosen := d.choose(mountpoint)
	if len(chosen) == 0 && mountpoint != "" {
		return nil, fault.New(fault.NoSuchMount, "%s is not a mount of this store", mountpoint)
	}
	for _, s := range chosen {
		<-s.up
		if s.fs == nil {
			continue // it never came up, and its own caller knows
		}
		gone, err := d.end(ctx, s)
		if gone {
			unpublished = errors.Join(unpublished, err)
		} else {
			attached = errors.Join(attached, err)
		}
	}
	return unpublished, attached
}

// end ends one mount. It may be gone although ending it failed: when a file could not
// be published.
func (d *daemon) end(ctx context.Context, s *served) (gone bool, err error) {
	err = s.fs.Unmount(ctx)
	if err == nil {
		<-s.done
		return true, nil
	}
	d.log.Error("a mount did not end cleanly", "mountpoint", s.info.Mountpoint, "err", err)
	select {
	case <-s.done:
		return true, err
	case <-time.After(endGrace):
		return false, err
	}
}

// choose returns the mounts at a place, or all of them.
func (d *daemon) choose(mountpoint string) []*served {
	d.mu.Lock()
	defer d.mu.Unlock()
	var chosen []*served
	for at, s := range d.mounts {
		if mountpoint == "" || at == mountpoint || s.info.Mountpoint == mountpoint {
			chosen = append(chosen, s)
		}
	}
	return chosen
}

// Settle returns when all mounts show what was changed before.
func (d *daemon) Settle(ctx context.Context) {
	for _, s := range d.choose("") {
		select {
		case <-s.up:
			if s.fs != nil {
				_ = s.fs.Settle(ctx) // that ctx has ended
			}
		default:
		}
	}
}

// Mounts returns the mounts that answer.
func (d *daemon) Mounts() []control.Mount {
	var out []control.Mount
	for _, s := range d.choose("") {
		select {
		case <-s.up:
			if s.fs != nil {
				out = append(out, s.info)
			}
		default:
		}
	}
	slices.SortFunc(out, func(a, b control.Mount) int { return cmp.Compare(a.Mountpoint, b.Mountpoint) })
	return out
}

// daemonLog writes to standard error, which in the background is the log file.
func daemonLog(cmd *cobra.Command, debug bool) *slog.Logger {
	level := slog.LevelInfo
	if debug {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
}
