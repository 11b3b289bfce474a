package control

import (
	"context"
	"os"
	"time"

	"pail/store"
)

func status(ctx context.Context, c *call) error {
	s := statusOf(c.store.Status())
	s.Release = c.release
	if c.mounts != nil {
		s.PID = os.Getpid()
		s.Mounts, s.Listeners = c.mounts.Mounts(), c.mounts.Listeners()
	}
	return c.out.item(s)
}

func settings(ctx context.Context, c *call, req SettingsRequest) error {
	all, err := c.session().Settings(ctx, req.Bucket)
	if err != nil {
		return err
	}
	for _, s := range all {
		w, err := settingOf(req.Bucket, s)
		if err != nil {
			return err
		}
		if err := c.out.item(w); err != nil {
			return err
		}
	}
	return nil
}

func setSetting(ctx context.Context, c *call, req SetSettingRequest) error {
	if req.Reset {
		return c.session().ResetSetting(ctx, req.Bucket, req.Name)
	}
	return c.session().SetSetting(ctx, req.Bucket, req.Name, req.Values)
}

func scrub(ctx context.Context, c *call, req ScrubRequest) error {
	last := time.Now()
	found, err := c.store.Scrub(ctx, store.ScrubOptions{Rate: req.Rate, Restart: req.Restart, Progress: func(done, total int64) {
		if time.Since(last) > 100*time.Millisecond {
			last = time.Now()
			_ = c.out.progress(Progress{Done: done, Total: total, What: "scrubbing"}) // as below
		}
	}})
	for _, d := range found {
		if err := c.out.item(damageOf(d)); err != nil {
			return err
		}
	}
	return err
}

func fsck(ctx context.Context, c *call, req FsckRequest) error {
	found, err := c.store.Check(ctx, store.FsckOptions{Deep: req.Deep, Progress: func(done, total int64, what string) {
		// A client that went away cancels ctx, which ends the check.
		_ = c.out.progress(Progress{Done: done, Total: total, What: what})
	}})
	for _, p := range found {
		if err := c.out.item(problemOf(p)); err != nil {
			return err
		}
	}
	return err
}
