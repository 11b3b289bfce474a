package control

import (
	"context"
	"os"
	"time"
)

func status(ctx context.Context, c *call) error {
	s := statusOf(c.store.Status())
	s.Release = c.release
	if c.mounts != nil {
		s.PID = os.Getpid()
		s.Mounts = c.mounts.Mounts()
	}
	return c.out.item(s)
}

// progressEvery is how often progress is sent: as often as a person can read it,
// however often the store reports.
const progressEvery = 200 * time.Millisecond

func fsck(ctx context.Context, c *call) error {
	var last time.Time
	found, err := c.store.Fsck(ctx, func(done, total int64, what string) {
		if time.Since(last) < progressEvery {
			return
		}
		last = time.Now()
		// A client that went away cancels ctx, which ends the check.
		_ = c.out.progress(Progress{Done: done, Total: total, What: what})
	})
	for _, p := range found {
		if err := c.out.item(problemOf(p)); err != nil {
			return err
		}
	}
	return err
}
