package failing

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"pail/integration/powercut"
	"pail/integration/trial"
	"pail/store"
	"pail/store/fault"
)

// A logBook keeps what a log was told.
type logBook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBook) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSpace(l.b.String()), "\n")
}

// TestFullDiskForLong has clients write again and again to a disk that is full: for seconds,
// or an hour (PAIL_SOAK=1). Then there is space: everything that was published is there,
// what was closed and could not be published is published, everybody can write, and the log
// has not been filled with the same line.
func TestFullDiskForLong(t *testing.T) {
	r := newRig(t)
	r.ok(r.s.Close(r.ctx))
	var book logBook
	o := options(r.fs.Dir())
	o.Log = slog.New(slog.NewTextHandler(&book, nil))
	o.SettleAfter, o.CompactAfter = 0, 0
	var err error
	r.s, err = store.Open(r.ctx, o)
	r.ok(err)
	r.se = r.s.As(store.Owner(), store.RequestContext{Door: store.DoorMount})

	const clients = 4
	before := make([][]byte, clients)
	for i := range before {
		before[i] = data(file, uint64(i))
		r.ok(put(before[i])(r, fmt.Sprintf("kept%d", i)))
	}
	// What is closed while there is no space for its publish waits for it.
	late, err := r.se.OpenFile(r.ctx, bucket, "late", store.OpenFlags{Create: true, Write: true})
	r.ok(err)
	_, err = late.WriteAt(r.ctx, data(file, 77), 0)
	r.ok(err)

	full := 4 * time.Second
	if trial.Soak() {
		full = time.Hour
	}
	var refused, taken atomic.Int64
	met := r.failing(powercut.Rule{Ops: []powercut.Op{powercut.OpWrite, powercut.OpAllocate, powercut.OpCreate}, Path: "^store/blobs/", Errno: syscall.ENOSPC}, func() {
		if err := late.Close(r.ctx); !fault.Is(err, fault.NoSpace) {
			t.Errorf("closing a file on a full disk: %v", err)
		}
		var wg sync.WaitGroup
		end := time.Now().Add(full)
		for i := range clients {
			wg.Go(func() {
				for n := 0; time.Now().Before(end); n++ {
					key := fmt.Sprintf("kept%d", i)
					err := write(data(large, uint64(n)), 0, store.OpenFlags{Create: true, Truncate: true}, n%2 == 0)(r, fmt.Sprintf("%s-%d", key, n%10))
					switch {
					case err == nil:
						taken.Add(1)
					case fault.Is(err, fault.NoSpace):
						refused.Add(1)
					default:
						t.Errorf("a write to a full disk: %v (%v)", err, fault.KindOf(err))
					}
					if got, err := published(r.ctx, r.se, key); err != nil || !bytes.Equal(got, before[i]) {
						t.Errorf("on a full disk %s reads as %s, %v", key, short(got), err)
					}
				}
			})
		}
		wg.Wait()
	})
	if !met || refused.Load() == 0 {
		t.Fatalf("the disk was not full: %d writes were refused", refused.Load())
	}
	t.Logf("%d writes were refused, %d taken", refused.Load(), taken.Load())
	if why := r.s.Status().Stopped; why != "" {
		t.Errorf("the store has stopped: %s", why)
	}
	r.settled()
	for i := range clients {
		key := fmt.Sprintf("kept%d", i)
		for n := range 10 {
			b := data(large, uint64(1000+n))
			r.ok(write(b, 0, store.OpenFlags{Create: true, Truncate: true}, false)(r, fmt.Sprintf("%s-%d", key, n)))
			r.want[fmt.Sprintf("%s-%d", key, n)] = want{all: [][]byte{b}}
		}
		r.want[key] = want{all: [][]byte{before[i]}}
	}
	r.want["late"] = want{all: [][]byte{data(file, 77)}}
	r.checkAll("with space again")
	r.ok(r.s.Sync(r.ctx))
	r.checkImage("with space again", r.seed)
	same := map[string]int{}
	for _, line := range book.lines() {
		_, what, _ := strings.Cut(line, "level=") // after the time
		what, _, _ = strings.Cut(what, "err=")
		same[what]++
	}
	for what, n := range same {
		if most := 1 + int(full/(5*time.Minute)); n > most {
			t.Errorf("the log tells %d times: %s", n, what)
		}
	}
	if found, err := r.s.Fsck(r.ctx, nil); err != nil || len(found) > 0 {
		t.Errorf("fsck finds %v, %v", found, err)
	}
}

// TestReadErrors: what the disk cannot read is EIO and names the object, never other bytes;
// what it can read again is read again, and a scrub says which it is.
func TestReadErrors(t *testing.T) {
	r := newRig(t)
	whole := data(large, 1)
	r.ok(put(whole)(r, "k"))
	scrub := func() []store.Damage {
		found, err := r.s.Scrub(r.ctx, store.ScrubOptions{}) // which leaves nothing in the page cache
		r.ok(err)
		return found
	}
	if found := scrub(); len(found) > 0 {
		t.Fatalf("a sound store: %v", found)
	}
	for n := range 4 {
		met := r.failing(powercut.Rule{Ops: []powercut.Op{powercut.OpRead}, Path: "^store/blobs/", Skip: n, Errno: syscall.EIO}, func() {
			v, err := r.se.Get(r.ctx, bucket, "k", "")
			if err != nil {
				if !fault.Is(err, fault.Damaged) {
					t.Errorf("open: %v (%v)", err, fault.KindOf(err))
				}
				return
			}
			defer v.Close()
			var got bytes.Buffer
			_, err = v.WriteTo(&got)
			if !bytes.HasPrefix(whole, got.Bytes()) {
				t.Errorf("read %d: %d bytes, not those of the object", n, got.Len())
			}
			if err == nil || (fault.Errno(err) != syscall.EIO || !strings.Contains(err.Error(), bucket+"/k ") || !store.Told(err)) {
				t.Errorf("read %d: %v", n, err)
			}
		})
		if !met {
			t.Errorf("read %d was not met", n)
		}
		scrub()
	}
	met := r.failing(powercut.Rule{Ops: []powercut.Op{powercut.OpRead}, Path: "^store/blobs/", Errno: syscall.EIO}, func() {
		if found := scrub(); len(found) != 1 || found[0].Key != "k" || found[0].Off != 0 || found[0].Len != large {
			t.Errorf("a scrub of a disk that cannot be read finds %v", found)
		}
		if why := r.s.Status().Stopped; why != "" {
			t.Errorf("the store has stopped: %s", why)
		}
	})
	if found := scrub(); !met || len(found) > 0 {
		t.Errorf("a scrub of a disk that can be read again finds %v", found)
	}
	r.want["k"] = want{all: [][]byte{whole}}
	r.checkAll("in the end")
}
