package main

import (
	"context"
	"errors"
	"slices"

	"pail/store/fault"
	"pail/store/web/control"
)

// The doors of a daemon: those that end with a mount, and those that stand for themselves.

// hasDoors says whether a door stands for itself.
func (d *daemon) hasDoors() bool { return len(d.doors()) > 0 }

// doors returns those that stand for themselves.
func (d *daemon) doors() []*served {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []*served
	for _, s := range d.units {
		if !s.isMount() {
			out = append(out, s)
		}
	}
	return out
}

// EndService ends a door that stands for itself; with the last of what is served it waits
// for the store.
func (d *daemon) EndService(ctx context.Context, id uint64) error {
	for _, s := range d.doors() {
		<-s.up
		if s.door != nil && s.door.service.ID == id {
			d.endDoor(ctx, s)
			return d.awaitEnd(nil)
		}
	}
	return fault.New(fault.NoSuchMount, "there is no such S3 door of this store")
}

// endDoor ends a door that stands for itself.
func (d *daemon) endDoor(ctx context.Context, s *served) {
	s.once.Do(func() {
		s.door.closeS3(ctx, d.log)
		s.door.closeMetrics(ctx)
		d.release(s)
	})
	<-s.done
}

// Stop ends all mounts and doors, and waits for the store.
func (d *daemon) Stop(ctx context.Context) error {
	d.stop()
	defer d.goOn()
	unpublished, attached := d.endMounts(ctx, "")
	if attached == nil {
		for _, s := range d.doors() {
			<-s.up
			if s.door != nil {
				d.endDoor(ctx, s)
			}
		}
	}
	return d.awaitEnd(errors.Join(unpublished, attached))
}

// closeDoors closes all doors to S3 at the end of the daemon, all at once, and returns them:
// what tells of the program goes on.
func (d *daemon) closeDoors(ctx context.Context) []*door {
	d.mu.Lock()
	units := slices.Clone(d.units)
	d.mu.Unlock()
	var out []*door
	ended := make(chan struct{})
	for _, s := range units {
		<-s.up
		if s.door == nil {
			continue
		}
		out = append(out, s.door)
		go func() {
			s.door.closeS3(ctx, d.log)
			ended <- struct{}{}
		}()
	}
	for range out {
		<-ended
	}
	return out
}

// Listeners returns the addresses at which the daemon answers.
func (d *daemon) Listeners() []control.Listener {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := []control.Listener{}
	for _, s := range d.units {
		if s.live && s.door != nil {
			out = append(out, s.door.service.Listeners...)
		}
	}
	return out
}
