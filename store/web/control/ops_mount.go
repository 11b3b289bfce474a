package control

import (
	"context"

	"pail/store/fault"
)

// A Mounter makes and ends the mounts and the S3 doors of a daemon.
type Mounter interface {
	// Mount mounts for a peer, opens the S3 door that the request asks for, and returns
	// once they answer.
	Mount(ctx context.Context, p Peer, req MountRequest) (Mounted, error)
	// Unmount ends the mount at an absolute mountpoint, or all of them if it is "".
	// If none is left it returns once the store is closed, with what that said.
	Unmount(ctx context.Context, mountpoint string) error
	// EndService ends an S3 door that stands for itself. If nothing else is left it returns
	// as Unmount does.
	EndService(ctx context.Context, id uint64) error
	// Stop ends everything, and returns as Unmount does.
	Stop(ctx context.Context) error
	// Listeners returns the addresses at which the daemon answers, in the order in which
	// they were opened.
	Listeners() []Listener
	// Mounts returns the mounts in the order of their mountpoints.
	Mounts() []Mount
	// Settle returns when all mounts show what was changed before the call, or when ctx
	// has ended.
	Settle(ctx context.Context)
	// AwaitCloses returns when what programs have closed on mounts is published, of a key, of
	// a bucket (key is empty) or of all (bucket, too), or when it was waited for long enough.
	AwaitCloses(ctx context.Context, bucket, key string)
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
		return end(context.WithoutCancel(ctx), c.mounts, m.Info())
	}
}

// end ends what a client has asked for.
func end(ctx context.Context, mounts Mounter, m Mount) error {
	if m.Mountpoint == "" && m.Service != nil {
		return mounts.EndService(ctx, m.Service.ID)
	}
	return mounts.Unmount(ctx, m.Mountpoint)
}

func unmount(ctx context.Context, c *call, req UnmountRequest) error {
	if c.mounts == nil {
		return noMounts()
	}
	// Half an unmount helps nobody, not even a client that has lost patience.
	return c.mounts.Unmount(context.WithoutCancel(ctx), req.Mountpoint)
}
