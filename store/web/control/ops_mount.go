package control

import (
	"context"

	"pail/store/fault"
)

// A Mounter makes and ends the mounts of a daemon.
type Mounter interface {
	// Mount mounts for a peer and returns once the mount answers.
	Mount(ctx context.Context, p Peer, req MountRequest) (Mounted, error)
	// Unmount ends the mount at an absolute mountpoint, or all of them if it is "".
	// If none is left it returns once the store is closed, with what that said.
	Unmount(ctx context.Context, mountpoint string) error
	// Mounts returns the mounts in the order of their mountpoints.
	Mounts() []Mount
	// Settle returns when all mounts show what was changed before the call, or when ctx
	// has ended.
	Settle(ctx context.Context)
}

// Mounted is a mount that the daemon made.
type Mounted interface {
	Info() Mount
	// Done is closed when the mount has ended, whoever ended it, and what was
	// written through it is published.
	Done() <-chan struct{}
	// Err is what ending it said; for after Done.
	Err() error
}

// noMounts is for a handler that serves a single command.
func noMounts() error { return fault.New(fault.Unavailable, "no daemon owns this store") }

func mount(ctx context.Context, c *call, req MountRequest) error {
	if c.mounts == nil {
		return noMounts()
	}
	m, err := c.mounts.Mount(ctx, c.peer, req)
	if err != nil {
		return err
	}
	sent := c.out.item(m.Info())
	if sent == nil {
		sent = c.out.flush()
	}
	if req.Detached && sent == nil {
		return nil
	}
	select {
	case <-m.Done():
		return m.Err()
	case <-ctx.Done():
		// The client went away without unmounting, as a killed one does.
		return c.mounts.Unmount(context.WithoutCancel(ctx), m.Info().Mountpoint)
	}
}

func unmount(ctx context.Context, c *call, req UnmountRequest) error {
	if c.mounts == nil {
		return noMounts()
	}
	// Half an unmount helps nobody, not even a client that has lost patience.
	return c.mounts.Unmount(context.WithoutCancel(ctx), req.Mountpoint)
}
