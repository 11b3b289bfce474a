package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pail/store/fault"
)

func TestFailuresSurviveTheSocket(t *testing.T) {
	for _, err := range []error{
		fault.New(fault.NoSuchKey, "").At("b", "k"),
		fault.New(fault.NoSuchKey, "100 %%s"),
		fault.Wrap(fault.Damaged, errors.New("crc"), "blob %d", 7).At("b", "k"),
		fmt.Errorf("around: %w", fault.New(fault.NoSpace, "full")),
		errors.New("plain"),
		context.Canceled,
	} {
		got := failureOf(err).err()
		if got.Error() != err.Error() || fault.KindOf(got) != fault.KindOf(err) {
			t.Errorf("%v (%v) became %v (%v)", err, fault.KindOf(err), got, fault.KindOf(got))
		}
	}
	if got := (&failure{Kind: "OfALaterRelease", Message: "m"}).err(); !fault.Is(got, fault.Internal) || got.Error() != "m" {
		t.Errorf("an unknown kind: %v", got)
	}
}

func TestReadFrames(t *testing.T) {
	tests := []struct {
		in    string
		items int
		kind  fault.Kind
	}{
		{`{"done":true}`, 0, fault.None},
		{`{"item":1}` + "\n" + `{"progress":{"done":1,"total":2,"what":"x"}}` + "\n" + `{"item":{}}{"done":true}`, 2, fault.None},
		{`{"item":1}{"error":{"kind":"NoSuchKey","message":"m"}}`, 1, fault.NoSuchKey},
		{`{"item":1}`, 1, fault.Unavailable},
		{`{"item":1`, 0, fault.Unavailable},
		{``, 0, fault.Unavailable},
		{`{}`, 0, fault.Internal},
	}
	for _, tt := range tests {
		n := 0
		err := readFrames(strings.NewReader(tt.in), func(json.RawMessage) error { n++; return nil }, nil)
		if n != tt.items || fault.KindOf(err) != tt.kind {
			t.Errorf("%s: %d items, %v", tt.in, n, err)
		}
	}
}

// both runs a test over the socket and within the process.
func both(t *testing.T, test func(t *testing.T, c *Client, h *Handler, m *fakeMounter)) {
	t.Run("socket", func(t *testing.T) {
		m := &fakeMounter{}
		path, h, _ := listen(t, t.TempDir(), m)
		c, err := Dial(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		test(t, c, h, m)
	})
	t.Run("local", func(t *testing.T) {
		m := &fakeMounter{}
		h := NewHandler(nil, m, "test", quiet())
		c, err := Local(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		test(t, c, h, m)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestMountEndsWithUnmount(t *testing.T) {
	both(t, func(t *testing.T, c *Client, _ *Handler, m *fakeMounter) {
		ready := make(chan Mount, 1)
		ended := make(chan error, 1)
		go func() {
			ended <- c.Mount(t.Context(), MountRequest{Mountpoint: "/m"}, func(m Mount) error { ready <- m; return nil })
		}()
		if got := <-ready; got.Mountpoint != "/m" {
			t.Errorf("mounted %+v", got)
		}
		if err := c.Unmount(t.Context(), UnmountRequest{Mountpoint: "/m"}); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestMountEndsWithItsClient(t *testing.T) {
	both(t, func(t *testing.T, c *Client, _ *Handler, m *fakeMounter) {
		ctx, cancel := context.WithCancel(t.Context())
		err := c.Mount(ctx, MountRequest{Mountpoint: "/m"}, func(Mount) error { cancel(); return nil })
		if !fault.Is(err, fault.Canceled) {
			t.Errorf("mount: %v", err)
		}
		for m.count() > 0 { // the test's own deadline ends this
			time.Sleep(time.Millisecond)
		}
	})
}

func TestFailuresAndPanics(t *testing.T) {
	both(t, func(t *testing.T, c *Client, _ *Handler, m *fakeMounter) {
		detached := func(at string) error {
			return c.Mount(t.Context(), MountRequest{Mountpoint: at, Detached: true}, func(Mount) error { return nil })
		}
		if err := detached("/m"); err != nil {
			t.Error(err)
		}
		if m.settled.Load() == 0 {
			t.Error("it answered before the mounts showed what it did")
		}
		if err := detached("/m"); !fault.Is(err, fault.Busy) || err.Error() != "b/k: taken" {
			t.Errorf("twice: %v", err)
		}
		if err := detached("/panic"); !fault.Is(err, fault.Internal) {
			t.Errorf("a panic: %v", err)
		}
		if err := none(t.Context(), c, "no-such-operation", nil); !fault.Is(err, fault.NotSupported) {
			t.Errorf("an unknown operation: %v", err)
		}
		if err := none(t.Context(), c, opMount, []int{1}); !fault.Is(err, fault.InvalidRequest) {
			t.Errorf("a request that makes no sense: %v", err)
		}
	})
}

func TestQuiesce(t *testing.T) {
	both(t, func(t *testing.T, c *Client, h *Handler, _ *fakeMounter) {
		begun := make(chan struct{})
		h.ops["hang"] = func(ctx context.Context, _ *call) error {
			close(begun)
			<-ctx.Done()
			return ctx.Err()
		}
		ended := make(chan error, 1)
		go func() { ended <- none(t.Context(), c, "hang", nil) }()
		<-begun
		h.Quiesce()
		want := func(what string, err error) {
			t.Helper()
			if c.Daemon() && !errors.Is(err, ErrNoDaemon) || !c.Daemon() && !fault.Is(err, fault.Shutdown) {
				t.Errorf("%s: %v", what, err)
			}
		}
		want("running", <-ended)
		want("later", none(t.Context(), c, opStatus, nil))
	})
}
