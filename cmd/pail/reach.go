package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	pailfs "pail/fs"
	"pail/store"
	"pail/store/fault"
	"pail/store/web/control"
	"pail/store/web/keyclient"
)

// patience is how long a command waits for a store that another command has open
// or that a daemon is just opening or closing.
const patience = 15 * time.Second

// withStore runs fn with a client of the store: of its daemon, or of this process,
// which then has the store open until fn returns.
func withStore(cmd *cobra.Command, g *globals, fn func(context.Context, *control.Client) error) error {
	dir, err := g.storeDir()
	if err != nil {
		return err
	}
	if err := g.unlock.prepare(cmd, dir); err != nil {
		return err
	}
	ctx := cmd.Context()
	deadline := time.Now().Add(patience)
	for {
		p := startProgress(cmd, "opening the store")
		r, err := reach(ctx, cmd, g, dir, deadline)
		p.stop()
		if err != nil {
			return err
		}
		err = errors.Join(fn(ctx, r.client), r.close(cmd))
		if !errors.Is(err, control.ErrNoDaemon) {
			return err
		}
		if time.Now().After(deadline) {
			return fault.New(fault.StoreLocked, "the daemon of the store at %s is ending; try again", dir)
		}
		if err := sleep(ctx, lookAgain); err != nil {
			return err
		}
	}
}

// A reached store is one that commands can be sent to.
type reached struct {
	client *control.Client
	store  *store.Store // nil when a daemon owns it
}

// dial connects to the daemon of the store at dir. One that was killed and cannot end, for
// the kernel waits in it for its own mount, is helped to: its mounts are dead then.
func dial(ctx context.Context, dir string) (*control.Client, error) {
	c, err := control.Dial(ctx, store.SocketPath(dir))
	var stuck *control.StuckError
	if errors.As(err, &stuck) {
		if err := pailfs.Abort(stuck.PID); err != nil {
			return nil, fault.Wrap(fault.KindOf(err), err, "the daemon of the store at %s (process %d) was killed and cannot end", dir, stuck.PID)
		}
	}
	return c, err
}

// reach connects to the store's daemon or opens the store.
func reach(ctx context.Context, cmd *cobra.Command, g *globals, dir string, deadline time.Time) (*reached, error) {
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, 200*time.Millisecond) {
		c, err := dial(ctx, dir)
		if err == nil {
			return &reached{client: c}, nil
		}
		if !errors.Is(err, control.ErrNoDaemon) {
			return nil, err
		}
		st, err := store.Open(ctx, storeOptions(cmd, g, dir))
		if err == nil {
			if why := st.Locked(); why != nil {
				fmt.Fprintf(cmd.ErrOrStderr(), "pail: %s; going on without it: what is encrypted is compared with its checksums and not opened\n", sentence(why))
			}
			return openedHere(ctx, st, cmd)
		}
		if !fault.Is(err, fault.StoreLocked) || time.Now().After(deadline) {
			return nil, err
		}
		if err := sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

func openedHere(ctx context.Context, st *store.Store, cmd *cobra.Command) (*reached, error) {
	st.SetKeyServices(keyclient.New(release()))
	h := control.NewHandler(st, nil, release(), stderrLog(cmd))
	c, err := control.Local(ctx, h)
	if err != nil {
		return nil, errors.Join(err, st.Close(context.WithoutCancel(ctx)))
	}
	return &reached{client: c, store: st}, nil
}

// close ends the connection, and the store if it is open here. A signal does not
// cut it short: what was done must be on disk.
func (r *reached) close(cmd *cobra.Command) error {
	err := r.client.Close()
	if r.store == nil {
		return err
	}
	p := startProgress(cmd, "closing the store")
	defer p.stop()
	return errors.Join(err, r.store.Close(context.WithoutCancel(cmd.Context())))
}

func storeOptions(cmd *cobra.Command, g *globals, dir string) store.Options {
	return store.Options{
		Dir: dir, AllowAnyFS: g.allowAnyFS, Log: stderrLog(cmd),
		MasterKey: g.unlock.opener(cmd.Context()), WithoutMasterKey: g.unlock.optional,
	}
}

// stderrLog tells of what a person should know.
func stderrLog(cmd *cobra.Command) *slog.Logger {
	return slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
