package main

import (
	"context"
	"log/slog"
	"testing"

	pailfs "pail/fs"
	"pail/store"
	"pail/store/web/control"
	"pail/store/web/metrics"
)

// An observedMounter tells when somebody asks it to unmount.
type observedMounter struct {
	*daemon
	asked chan struct{}
}

func (m observedMounter) Unmount(ctx context.Context, at string) error {
	m.asked <- struct{}{}
	return m.daemon.Unmount(ctx, at)
}

// A pail umount that comes when the last mount has gone and the store is being closed
// waits for that and ends like the first.
func TestUnmountDuringTheEnd(t *testing.T) {
	ctx := t.Context()
	log := slog.New(slog.DiscardHandler)
	so := store.Options{Dir: t.TempDir() + "/store", AllowAnyFS: true}
	if err := store.Create(so); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(ctx, so)
	if err != nil {
		t.Fatal(err)
	}
	closing, goOn := make(chan struct{}), make(chan struct{})
	st.BeforeUnlock(func() { close(closing); <-goOn })

	d := &daemon{
		st: st, log: log, peers: pailfs.NewPeers(), metrics: metrics.New("test"), stopping: true,
		ended: make(chan struct{}), closed: make(chan struct{}),
	}
	close(d.ended)
	m := observedMounter{d, make(chan struct{}, 1)}
	h := control.NewHandler(st, m, "test", log)
	srv, err := control.Listen(st.SocketPath(), h, log)
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	go func() { closed <- d.close(ctx, h, srv) }()
	<-closing

	unmounted := make(chan error, 1)
	c, err := control.Dial(ctx, st.SocketPath())
	if err != nil {
		close(goOn)
		t.Fatalf("the daemon that is closing its store is not found: %v", err)
	}
	defer c.Close()
	go func() { unmounted <- c.Unmount(ctx, control.UnmountRequest{}) }()
	<-m.asked
	select {
	case err := <-unmounted:
		t.Errorf("it did not wait: %v", err)
	default:
	}
	close(goOn)
	if err := <-unmounted; err != nil {
		t.Error(err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}
