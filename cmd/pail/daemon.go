package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	pailfs "pail/fs"
	"pail/store"
	"pail/store/fault"
	"pail/store/web"
	"pail/store/web/control"
	"pail/store/web/keyclient"
	"pail/store/web/metrics"
	"pail/store/web/webhook"
)

// A daemon owns a store and serves its mounts and S3 doors. It is a control.Mounter. It ends
// when the last of them has ended, and cannot be started again.
type daemon struct {
	st      *store.Store
	log     *slog.Logger
	peers   *pailfs.Peers
	metrics *metrics.Metrics
	early   *web.Server // opened before the store, for the first door; then nil
	started bool        // what it was started for is served; set before anybody else can ask

	mu       sync.Mutex // guards what follows
	units    []*served  // in the order in which they were asked for
	services uint64     // how many doors were opened
	stopping bool       // no more may come

	ended    chan struct{} // closed when nothing is left and nothing may come
	closed   chan struct{} // closed when the store is, after closeErr is set
	closeErr error
}

// A served is what one command has asked for, from the moment its place is taken: a mount,
// a door, or a mount with a door that ends with it.
type served struct {
	info  control.Mount   // without what is told only once
	told  control.Service // what is
	asked string          // the mountpoint, as it was asked for
	door  *door           // nil: there is none
	fs    *pailfs.Server  // nil until it answers, and of a door that stands for itself
	up    chan struct{}   // closed when it answers or has failed
	live  bool            // for after up: it answers
	done  chan struct{}
	once  sync.Once // ends a door that stands for itself
	err   error     // for after done
}

// Info is what whoever asked is told, this once.
func (s *served) Info() control.Mount {
	m := s.info
	if s.door != nil {
		told := s.told
		told.ID, told.Listeners = s.info.Service.ID, s.info.Service.Listeners
		m.Service = &told
	}
	return m
}
func (s *served) Done() <-chan struct{} { return s.done }
func (s *served) Err() error            { return s.err }

// isMount says whether it is a mount, with or without a door.
func (s *served) isMount() bool { return s.info.Mountpoint != "" }

// shutdownPatience is how long the daemon waits, when all is safe, for clients to
// read their answers.
const shutdownPatience = 10 * time.Second

// endGrace is how long a mount that failed to end may take to be gone all the same.
const endGrace = 2 * time.Second

// runDaemon serves what is planned of an open store, and the mounts, doors and requests
// that come over the socket, until the last has ended. It closes the store.
func runDaemon(ctx context.Context, d *daemon, p *mountPlan, ready readyFunc) error {
	safe := context.WithoutCancel(ctx) // for what a signal must not cut short
	heap, heapEnds := context.WithCancel(safe)
	var tending sync.WaitGroup
	tending.Go(func() { tendHeap(heap) })
	defer tending.Wait()
	defer heapEnds()
	// Mount and door come before the socket, so that one that fails takes nobody
	// else's down with it. Until then other commands wait for the lock.
	d.metrics.Opened(d.st)
	keys := keyclient.New(release())
	defer keys.Close()
	d.st.SetKeyServices(keys) // before anybody reads what is encrypted
	first, err := d.Mount(ctx, control.Self(), p.req)
	if err != nil {
		d.metrics.Closing()
		return errors.Join(err, d.st.Close(safe))
	}
	d.started = true
	sender := webhook.New(release())
	defer sender.Close()
	d.st.SetPoster(sender.Post)
	d.st.SetLifecycles(true)
	h := control.NewHandler(d.st, d, release(), d.log)
	srv, err := control.Listen(d.st.SocketPath(), h, d.log)
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
		d.log.Warn("end", "err", e)
	}
	// Doors first, so that clients have their answers; the program is told of to its end.
	told := d.closeDoors(safe)
	// What was not published yet closing the store publishes.
	if _, e := d.endMounts(safe, ""); e != nil {
		err = errors.Join(err, e)
	}
	err = errors.Join(err, d.close(safe, h, srv))
	for _, door := range told {
		door.closeMetrics(safe)
	}
	return err
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
	d.metrics.Closing()
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

// Mount makes one more mount, opens one more door, or both.
func (d *daemon) Mount(ctx context.Context, p control.Peer, req control.MountRequest) (control.Mounted, error) {
	s, err := d.reserve(req)
	if err != nil {
		return nil, err
	}
	if err := d.begin(ctx, s, p, req); err != nil {
		s.err = err
		close(s.up)
		d.release(s)
		return nil, err
	}
	close(s.up)
	d.watchOver(req)
	if s.fs != nil {
		go d.serve(s)
	}
	return s, nil
}

// begin opens the door, which fails more often than a mount, and then mounts.
func (d *daemon) begin(ctx context.Context, s *served, p control.Peer, req control.MountRequest) error {
	o, err := d.options(p, req)
	if err != nil {
		return err
	}
	if req.S3 != nil {
		if err := d.makePublic(*req.S3); err != nil {
			return err
		}
		if err := d.openDoor(ctx, s, *req.S3); err != nil {
			return err
		}
	}
	if s.isMount() {
		m, err := pailfs.Mount(ctx, o)
		if err != nil {
			if s.door != nil {
				s.door.close(ctx, d.log)
			}
			return err
		}
		d.answers(s, m)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	s.live = true
	return nil
}

// makePublic has new buckets be without Block Public Access, if that is asked for. It holds for
// every door and mount, so only whoever starts the daemon may: nobody else's buckets become
// what their owners did not ask for.
func (d *daemon) makePublic(req control.ServeRequest) error {
	switch {
	case !req.PublicByDefault:
	case !d.started:
		d.st.SetPublicByDefault(true)
	case !d.st.PublicByDefault():
		return fault.New(fault.InvalidArgument, "the daemon of this store was started without --public-by-default, which would hold for all its doors and mounts; run pail stop, and start it with that")
	}
	return nil
}

// openDoor opens a door of its own or one that ends with a mount.
func (d *daemon) openDoor(ctx context.Context, s *served, req control.ServeRequest) error {
	dm := &doorman{st: d.st, log: d.log, metrics: d.metrics, settle: d.Settle, closes: d.AwaitCloses}
	early := d.early
	d.early = nil
	door, told, err := dm.open(ctx, req, early)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.services++
	door.service.ID = d.services
	for i := range door.service.Listeners {
		door.service.Listeners[i].Mountpoint = s.info.Mountpoint
	}
	s.door, s.told, s.info.Service = door, told, &door.service
	return nil
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
}

// reserve takes the place of a mount, or of a door.
func (d *daemon) reserve(req control.MountRequest) (*served, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopping {
		return nil, fault.New(fault.Shutdown, "")
	}
	if req.Mountpoint == "" && req.S3 == nil {
		return nil, fault.New(fault.InvalidRequest, "neither a mount nor an S3 door was asked for")
	}
	for _, s := range d.units {
		if s.isMount() && (s.info.Mountpoint == req.Mountpoint || s.asked == req.Mountpoint) {
			return nil, fault.New(fault.Busy, "%s is a mount already; unmount it first or choose another place", req.Mountpoint)
		}
	}
	s := &served{
		asked: req.Mountpoint,
		info: control.Mount{
			Mountpoint: req.Mountpoint, Bucket: req.Bucket, Prefix: req.Prefix,
			ReadOnly: req.ReadOnly, AllowOther: req.AllowOther, Since: time.Now(),
		},
		up: make(chan struct{}), done: make(chan struct{}),
	}
	d.units = append(d.units, s)
	return s, nil
}

// release gives a place back; with the last one the daemon ends.
func (d *daemon) release(s *served) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.units = slices.DeleteFunc(d.units, func(u *served) bool { return u == s })
	if len(d.units) == 0 {
		d.stopping = true
		close(d.ended) // once: nothing can come after this
	}
	close(s.done)
}

// stop lets nothing more come.
func (d *daemon) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopping = true
}

// serve waits for a mount to end, whoever ends it, and ends the door that came with it.
func (d *daemon) serve(s *served) {
	s.fs.Wait()
	if s.door != nil {
		s.door.closeS3(context.Background(), d.log)
		if !d.isStopping() {
			s.door.closeMetrics(context.Background())
		}
	}
	d.release(s)
}

func (d *daemon) isStopping() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stopping
}

func (d *daemon) options(p control.Peer, req control.MountRequest) (pailfs.Options, error) {
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
	if err := clientsOf(&o, &req); err != nil {
		return o, err
	}
	for _, k := range req.CustomerKeys {
		key, err := store.NewCustomerKey(k.Key)
		if err != nil {
			return o, err
		}
		o.CustomerKeys = append(o.CustomerKeys, pailfs.CustomerKey{Bucket: k.Bucket, Prefix: k.Prefix, Key: key})
	}
	return o, d.identities(&o, req)
}

// identities finds for whom the mount acts.
func (d *daemon) identities(o *pailfs.Options, req control.MountRequest) (err error) {
	if req.As != "" {
		if o.Principal, err = d.principal(req.As); err != nil {
			return err
		}
	}
	for uid, name := range req.MapUID {
		if o.UIDs == nil {
			o.UIDs = map[uint32]store.Principal{}
		}
		if o.UIDs[uid], err = d.principal(name); err != nil {
			return err
		}
	}
	return nil
}

// principal is the user of a name, USER or ACCOUNT/USER.
func (d *daemon) principal(name string) (store.Principal, error) {
	account, user := store.Account, name
	if in, of, ok := strings.Cut(name, "/"); ok {
		a, err := d.st.FindAccount(in)
		if err != nil {
			return store.Principal{}, err
		}
		account, user = a.ID, of
	}
	u, err := d.st.FindUser(account, user)
	if err != nil {
		return store.Principal{}, err
	}
	return store.UserPrincipal(u), nil
}

// Unmount ends one mount, or all of them; with the last of what is served it waits for the
// store.
func (d *daemon) Unmount(ctx context.Context, mountpoint string) error {
	if mountpoint == "" && !d.hasDoors() {
		d.stop()
		defer d.goOn()
	}
	unpublished, attached := d.endMounts(ctx, mountpoint)
	return d.awaitEnd(errors.Join(unpublished, attached))
}

// awaitEnd returns what closing the store says if the daemon ends, and err if it does not.
func (d *daemon) awaitEnd(err error) error {
	select {
	case <-d.ended:
		// Closing the store tries once more to publish, with the reserve of the disk,
		// and is what counts.
		<-d.closed
		return d.closeErr
	default:
		return err
	}
}

// goOn lets mounts and doors come again: not all of them could be ended.
func (d *daemon) goOn() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopping = len(d.units) == 0
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
	for _, s := range d.units {
		if s.isMount() && (mountpoint == "" || s.asked == mountpoint || s.info.Mountpoint == mountpoint) {
			chosen = append(chosen, s)
		}
	}
	return chosen
}

// Settle returns when all mounts show what was changed before.
func (d *daemon) Settle(ctx context.Context) {
	d.eachMount(func(m *pailfs.Server) { _ = m.Settle(ctx) }) // that ctx has ended
}

// AwaitCloses returns when what was closed on a mount is published, of a key, of a bucket or
// of all.
func (d *daemon) AwaitCloses(ctx context.Context, bucket, key string) {
	d.eachMount(func(m *pailfs.Server) { m.AwaitCloses(ctx, bucket, key) })
}

// eachMount calls fn with each mount that answers.
func (d *daemon) eachMount(fn func(*pailfs.Server)) {
	for _, s := range d.choose("") {
		select {
		case <-s.up:
			if s.fs != nil {
				fn(s.fs)
			}
		default:
		}
	}
}

// Mounts returns the mounts that answer.
func (d *daemon) Mounts() []control.Mount {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := []control.Mount{}
	for _, s := range d.units {
		if s.live && s.isMount() {
			out = append(out, s.info)
		}
	}
	slices.SortFunc(out, func(a, b control.Mount) int { return cmp.Compare(a.Mountpoint, b.Mountpoint) })
	return out
}

// daemonLog writes to standard error, which in the background is the log file of the plan.
func (p *mountPlan) daemonLog(cmd *cobra.Command, debug bool) *slog.Logger {
	level := slog.LevelInfo
	if debug {
		level = slog.LevelDebug
	}
	return slog.New(discreet{slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}), &p.discreet})
}
