package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	pailfs "pail/fs"
	"pail/store"
	"pail/store/fault"
	"pail/store/web/control"
	"pail/store/web/metrics"
)

func newMountCommand(g *globals) *cobra.Command {
	opts := &mountOptions{}
	cmd := &cobra.Command{
		Use:   "mount [MOUNTPOINT]",
		Short: "Mount a store, which is made if there is none",
		Long: `Mount a store, or a bucket of it, on an empty directory, and serve the mount until
it is unmounted (pail umount, umount, fusermount3 -u) or a SIGTERM or SIGINT comes:
then open files are published, the mount is detached and the program ends.

Without MOUNTPOINT it is ` + defaultMountpointHelp + `, made if missing. If the
store has a daemon already, that one serves this mount too. A mount that overlaps
another of the same store is read-only.

With --s3 the same store answers S3 at an address, until the mount ends: HOST:PORT,
:PORT, [IPV6]:PORT or unix:PATH, with http:// or https:// before it where both are
served. See pail serve for the rest of it.

With --client-key BUCKET/PREFIX/=KEY the mount is a client that encrypts: files below it
are shown decrypted, and what is written is encrypted before the store has it, in the
format of Amazon's S3 Encryption Client. KEY is a key of the store's key service, used
in the name of whoever opens a file, or file:PATH with 32 bytes that nobody else can
read. All else (S3, restore, export, backup, mounts without the key) sees
ciphertext. A file is encrypted as a whole: each fsync and close writes all of it anew,
and its first read reads all of it.

With --sse-c-key BUCKET/PREFIX=FILE what customers have encrypted there with a key of
their own (SSE-C) can be read, and what is written there is encrypted with it. The
store keeps no such key: without the file nobody reads it again.

With --scrub-every the daemon reads all contents in the background, so long after the
last time, and compares their checksums (see pail scrub); with --verify-reads it does so
for whatever is read, which makes reading large files slower. In fstab:

  /var/lib/pail  /mnt/pail  fuse.pail  allow_other,nofail  0 0`,
		Example: `  pail mount --background
  pail mount --store ~/data --bucket photos/2026 ~/photos
  pail mount --background --s3 127.0.0.1:9000`,
		Args: takes(0, 1),

		ValidArgsFunction: directories,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runMount(cmd, g, opts, args)
		},
	}
	opts.addFlags(cmd, g)
	return cmd
}

func runMount(cmd *cobra.Command, g *globals, opts *mountOptions, args []string) error {
	plan, err := opts.plan(g, args)
	if err != nil || opts.fake {
		return err
	}
	return runPlan(cmd, g, plan, opts.background)
}

// runPlan mounts, opens an S3 door, or both, here or in the background.
func runPlan(cmd *cobra.Command, g *globals, plan *mountPlan, background bool) error {
	r := announcer(cmd, g.json)
	plan.unlock = plan.unlock.or(g.unlock)
	if err := plan.unlock.prepare(cmd, plan.store); err != nil {
		return err
	}
	if plan.unlock.named() && !store.IsStore(plan.store) {
		return fault.New(fault.NoSuchStore, "there is no store at %s that a passphrase or a master key could open; pail init --encrypt makes one", plan.store)
	}
	if err := plan.readClientKeys(); err != nil {
		return err
	}
	if err := plan.readCustomerKeys(); err != nil {
		return err
	}
	if background {
		if child, err := backgroundChild(); err != nil {
			return err
		} else if child == nil {
			return startBackground(cmd, plan, r)
		} else {
			plan.req.Detached = true
			r = child
		}
	}
	err := plan.run(cmd, notifying(r))
	if cmd.Context().Err() != nil && errors.Is(err, context.Canceled) {
		return nil // it was asked to end, and has
	}
	return err
}

// A readyFunc is called once when all that was asked for answers. Plan.log is where a
// daemon in the background goes on to log.
type readyFunc func(p *mountPlan, m control.Mount) error

// announcer prints what answers now.
func announcer(cmd *cobra.Command, asJSON bool) readyFunc {
	return func(p *mountPlan, m control.Mount) error {
		notices := []string{m.Notice}
		if m.Service != nil {
			notices = append(notices, m.Service.Notices...)
		}
		for _, n := range notices {
			if n != "" {
				fmt.Fprintf(cmd.ErrOrStderr(), "pail: %s\n", n)
			}
		}
		if asJSON {
			return announceJSON(cmd.OutOrStdout(), p.store, m)
		}
		_, err := io.WriteString(cmd.OutOrStdout(), announcement(p.store, m))
		return err
	}
}

func announceJSON(out io.Writer, dir string, m control.Mount) error {
	if m.Mountpoint == "" {
		return printJSON(out, struct {
			Store string `json:"store"`
			*control.Service
		}{dir, m.Service})
	}
	return printJSON(out, struct {
		Store string `json:"store"`
		control.Mount
	}{dir, m})
}

// announcement says what answers now, and shows what is shown only once.
func announcement(dir string, m control.Mount) string {
	var b strings.Builder
	if m.Mountpoint != "" {
		fmt.Fprintf(&b, "the store %s is mounted at %s\n", dir, m.Mountpoint)
	}
	if m.Service == nil {
		return b.String()
	}
	for _, l := range m.Service.Listeners {
		what := "S3"
		if l.Protocol != "s3" {
			what = l.Protocol
		}
		fmt.Fprintf(&b, "%s of the store %s at %s\n", what, dir, l.Address)
	}
	b.WriteString(serviceText(m.Service))
	return b.String()
}

// notifying also tells a service manager that all of it answers.
func notifying(ready readyFunc) readyFunc {
	return func(p *mountPlan, m control.Mount) error {
		var answers []string
		if m.Mountpoint != "" {
			answers = append(answers, "is mounted at "+m.Mountpoint)
		}
		if m.Service != nil {
			for _, l := range m.Service.Listeners {
				if l.Protocol == "s3" {
					answers = append(answers, "answers S3 at "+l.Address)
				}
			}
		}
		return errors.Join(ready(p, m), notify(notifyReady+"\nSTATUS="+p.store+" "+strings.Join(answers, ", ")))
	}
}

// run mounts and serves: as the store's daemon, or by asking the one there is.
func (p *mountPlan) run(cmd *cobra.Command, ready readyFunc) error {
	ctx := cmd.Context()
	if err := p.check(cmd); err != nil {
		return err
	}
	deadline := time.Now().Add(patience)
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, 200*time.Millisecond) {
		err := p.attempt(ctx, cmd, ready)
		again := errors.Is(err, control.ErrNoDaemon) || fault.Is(err, fault.StoreLocked)
		if !again || time.Now().After(deadline) {
			return err
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// check looks at the options and the mountpoint before anything is made elsewhere.
func (p *mountPlan) check(cmd *cobra.Command) error {
	if p.mountpoint == "" {
		return nil
	}
	o := pailfs.Options{
		Store:      new(store.Store), // not opened yet; the other options are what is in question
		Mountpoint: p.mountpoint, Bucket: p.req.Bucket, Prefix: p.req.Prefix, ExtraOptions: p.req.Options,
	}
	if err := o.Validate(); err != nil {
		return err
	}
	if err := p.makeDefaultMountpoint(); err != nil {
		return err
	}
	p.awaitEnd(cmd.Context())
	if pailfs.Dead(p.mountpoint) {
		if err := pailfs.Detach(p.mountpoint); err != nil {
			return fmt.Errorf("the mount at %s has lost its daemon and cannot be detached: %w", p.mountpoint, err)
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "pail: the mount at %s had lost its daemon and is replaced\n", p.mountpoint)
	}
	return pailfs.CheckMountpoint(p.mountpoint, p.store)
}

// awaitEnd waits for the death of a mount of the store whose daemon is just being
// killed, so that it can be replaced. What it is in the end the checks say.
func (p *mountPlan) awaitEnd(ctx context.Context) {
	for deadline := time.Now().Add(endWithin); time.Now().Before(deadline); {
		source, ours, err := pailfs.Source(p.mountpoint)
		if err != nil || !ours || !pailfs.SameSource(source, p.store) {
			return
		}
		c, err := dial(ctx, p.store)
		if err == nil {
			_ = c.Close()
			return // it lives
		}
		// Only now: it is not before the daemon's end that the mount answers anybody.
		if !errors.Is(err, control.ErrNoDaemon) || pailfs.Dead(p.mountpoint) || sleep(ctx, lookAgain) != nil {
			return
		}
	}
}

// makeDefaultMountpoint makes the default mountpoint if it is missing.
func (p *mountPlan) makeDefaultMountpoint() error {
	if !p.byDefault {
		return nil
	}
	err := os.Mkdir(p.mountpoint, 0o755)
	switch {
	case err == nil:
		return os.Chmod(p.mountpoint, 0o755) // whatever the umask has left
	case errors.Is(err, os.ErrExist):
		return nil // to be looked at by what follows, also if it is a dead mount
	case errors.Is(err, os.ErrPermission):
		return fault.New(fault.AccessDenied, "no permission to make the default mountpoint %s; name another: pail mount MOUNTPOINT", p.mountpoint)
	case errors.Is(err, os.ErrNotExist):
		return fault.New(fault.NoSuchMount, "the default mountpoint %s cannot be made, for %s does not exist; name another: pail mount MOUNTPOINT", p.mountpoint, filepath.Dir(p.mountpoint))
	}
	return fault.Wrap(fault.InvalidArgument, cause(err), "the default mountpoint %s cannot be made; name another: pail mount MOUNTPOINT", p.mountpoint)
}

// attempt fails with ErrNoDaemon or StoreLocked if a daemon is just coming or going.
func (p *mountPlan) attempt(ctx context.Context, cmd *cobra.Command, ready readyFunc) error {
	c, err := dial(ctx, p.store)
	if err == nil {
		defer c.Close()
		return p.join(ctx, c, ready)
	}
	if !errors.Is(err, control.ErrNoDaemon) {
		return err
	}
	log := p.daemonLog(cmd, p.req.Debug)
	d := &daemon{
		log: log, peers: pailfs.NewPeers(), metrics: metrics.New(release()),
		ended: make(chan struct{}), closed: make(chan struct{}),
	}
	if p.req.S3 != nil {
		// Before the store, so that whoever asks hears that it is being opened.
		if d.early, err = openMetrics(d.metrics, *p.req.S3, log); err != nil {
			return err
		}
	}
	if d.st, err = p.openStore(ctx, cmd); err != nil {
		if d.early != nil {
			err = errors.Join(err, d.early.Shutdown(context.WithoutCancel(ctx)))
		}
		return err
	}
	return runDaemon(ctx, d, p, ready)
}

func (p *mountPlan) openStore(ctx context.Context, cmd *cobra.Command) (*store.Store, error) {
	if p.req.Bucket != "" && !store.IsStore(p.store) {
		return nil, fault.New(fault.NoSuchStore, "there is no store at %s and so no bucket %q; run pail init and pail bucket create first", p.store, p.req.Bucket)
	}
	so := store.Options{Dir: p.store, AllowAnyFS: p.anyFS, Log: p.daemonLog(cmd, false), MasterKey: p.unlock.opener(ctx)}
	if p.req.S3 != nil {
		so.Region = p.req.S3.Region // of a store that is made now; of another the door checks it
	}
	if !store.IsStore(p.store) {
		// Somebody else may be making it at this moment; that one then exists.
		if err := store.Create(so); err != nil && !fault.Is(err, fault.Exists) {
			return nil, err
		}
	}
	pr := startProgress(cmd, "opening the store")
	defer pr.stop()
	return store.Open(ctx, so)
}

// end has the daemon end what was asked for: a mount, or a door of that number.
func (p *mountPlan) end(ctx context.Context, c *control.Client, door uint64) error {
	if p.mountpoint == "" {
		return c.EndService(ctx, control.EndServiceRequest{ID: door})
	}
	return c.Unmount(ctx, control.UnmountRequest{Mountpoint: p.req.Mountpoint})
}

// join has the daemon mount, and stays until that mount ends. A signal ends this
// mount and no other.
func (p *mountPlan) join(ctx context.Context, c *control.Client, ready readyFunc) error {
	mountCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	ended := make(chan error, 1)
	var opened atomic.Uint64
	go func() {
		ended <- c.Mount(mountCtx, p.req, func(m control.Mount) error {
			if m.Service != nil {
				opened.Store(m.Service.ID)
			}
			return ready(p, m)
		})
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	if err := p.end(mountCtx, c, opened.Load()); err != nil {
		cancel() // it was not there yet; the daemon ends it when the connection goes
		<-ended
		return err
	}
	return <-ended
}
