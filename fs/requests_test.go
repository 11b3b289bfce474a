package fs

import (
	"context"
	"log/slog"
	"maps"
	"os"
	"regexp"
	"sync"
	"testing"
	"time"
)

// A tally counts requests by what the debug log says of them.
type tally struct {
	slog.Handler
	mu    sync.Mutex
	count map[string]int
}

var received = regexp.MustCompile(`^rx \d+: ([A-Z_]+) `)

func (c *tally) Enabled(context.Context, slog.Level) bool { return true }

func (c *tally) Handle(_ context.Context, r slog.Record) error {
	if m := received.FindStringSubmatch(r.Message); m != nil {
		c.mu.Lock()
		c.count[m[1]]++
		c.mu.Unlock()
	}
	return nil
}

// of returns how many requests of each kind fn makes. RELEASE comes when nobody waits any
// more, so it is waited for.
func (c *tally) of(fn func()) map[string]int {
	c.mu.Lock()
	clear(c.count)
	c.mu.Unlock()
	fn()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		c.mu.Lock()
		if c.count["RELEASE"] > 0 || time.Now().After(deadline) {
			break
		}
		c.mu.Unlock()
	}
	defer c.mu.Unlock()
	return maps.Clone(c.count)
}

// TestRequestsOfWriting counts what the kernel asks for: it must not ask for capabilities
// before each write (HANDLE_KILLPRIV_V2), only once for a file that it has just heard of,
// nor for a truncation beside the open that truncates (ATOMIC_O_TRUNC).
func TestRequestsOfWriting(t *testing.T) {
	st := openStore(t)
	c := &tally{Handler: slog.DiscardHandler, count: map[string]int{}}
	m := mountStore(t, st, Options{Debug: true, Log: slog.New(c)})
	dir := m.Dir() + "/bkt"
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	const writes = 10
	write := func(flags int) func() {
		return func() {
			f, err := os.OpenFile(dir+"/f", flags|os.O_WRONLY, 0o644)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			for i := range writes {
				if _, err := f.WriteAt([]byte("x"), int64(i)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for _, step := range []struct {
		name   string
		fn     func()
		asking int // requests that ask for attributes, at most
	}{
		{"a new file", write(os.O_CREATE), 1},
		{"one that is there", write(0), 0},
		{"truncated", write(os.O_TRUNC), 0},
		{"again", write(os.O_CREATE), 0},
	} {
		got := c.of(step.fn)
		if got["GETXATTR"] > step.asking || got["SETATTR"] > 0 || got["WRITE"] != writes || got["FLUSH"] != 1 {
			t.Errorf("%s: %v", step.name, got)
		}
	}
}
