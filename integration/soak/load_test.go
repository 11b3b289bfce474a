package soak

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"golang.org/x/sys/unix"
)

// The buckets of the load: one without history, one with, and one whose objects a lifecycle
// ends as soon as it is carried out.
const (
	plain   = "plain"
	past    = "past"
	passing = "passing"
)

// The live set: so many directories of so many names in each of the two buckets.
const (
	dirs  = 8
	names = 24
)

// rate is how many acts are done in a second, by so many workers in turns.
const (
	rate    = 40
	workers = 8
)

// A name is a key that one worker at a time does something with, so that it can know what
// is there. What others may meanwhile do goes by prefixes.
type name struct {
	sync.Mutex
	bucket, key string
}

// A load does things to a daemon through both doors.
type load struct {
	*daemon
	s3   *s3.Client
	sign *s3.PresignClient
	http *http.Client
	hook *hook

	names   []*name
	uploads sync.RWMutex // whoever is in the middle of an upload reads it

	done   atomic.Int64
	counts map[string]*atomic.Int64 // by act
	failed atomic.Int64

	mu   sync.Mutex // guards held
	held []io.Closer
}

// A worker does one act after another.
type worker struct {
	*load
	*rand.Rand
	id int
}

// An act is something that users do, and how often among the others.
type act struct {
	name   string
	weight int
	do     func(w *worker) error
}

func newLoad(d *daemon) *load {
	transport := &http.Transport{MaxIdleConnsPerHost: workers, IdleConnTimeout: 20 * time.Second}
	l := &load{
		daemon: d, http: &http.Client{Transport: transport, Timeout: patience},
		counts: map[string]*atomic.Int64{},
	}
	l.s3 = s3.New(s3.Options{
		BaseEndpoint: aws.String(d.endpoint), Region: "us-east-1", UsePathStyle: true, HTTPClient: l.http,
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, secretKey, ""), RetryMaxAttempts: 1,
	})
	l.sign = s3.NewPresignClient(l.s3)
	for _, bucket := range []string{plain, past} {
		for i := range dirs * names {
			l.names = append(l.names, &name{bucket: bucket, key: fmt.Sprintf("d%02d/n%02d", i/names, i%names)})
		}
	}
	for _, a := range slices.Concat(s3Acts(), mountActs(), otherActs()) {
		l.counts[a.name] = &atomic.Int64{}
	}
	l.prepare()
	return l
}

// run does acts at the load's rate until ctx is done, and then waits for those under way.
func (l *load) run(ctx context.Context, seed uint64) {
	ticks := make(chan struct{})
	var all sync.WaitGroup
	acts := slices.Concat(s3Acts(), mountActs())
	total := 0
	for _, a := range acts {
		total += a.weight
	}
	for i := range workers {
		w := &worker{load: l, Rand: rand.New(rand.NewPCG(seed, uint64(i))), id: i}
		all.Go(func() {
			for range ticks {
				n := w.IntN(total)
				for _, a := range acts {
					if n -= a.weight; n < 0 {
						l.try(w, a)
						break
					}
				}
			}
		})
	}
	all.Go(func() { l.others(ctx, &worker{load: l, Rand: rand.New(rand.NewPCG(seed, workers)), id: workers}) })
	tick := time.NewTicker(time.Second / rate)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			select {
			case ticks <- struct{}{}:
			case <-ctx.Done():
			}
		}
	}
	close(ticks)
	all.Wait()
	l.releaseAll()
	l.http.CloseIdleConnections()
}

// try does an act. What others are allowed to have done meanwhile is no failure.
func (l *load) try(w *worker, a act) {
	err := a.do(w)
	l.done.Add(1)
	l.counts[a.name].Add(1)
	if err == nil || expected(err) {
		return
	}
	if l.failed.Add(1) <= 50 {
		l.Errorf("after %d acts: %s: %v", l.done.Load(), a.name, err)
	}
}

// expected says whether an error only tells that something is not there, or there already.
func expected(err error) bool {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
		return true
	}
	for _, e := range []error{unix.ENODATA, unix.ENOTEMPTY, unix.EBUSY} {
		if errors.Is(err, e) {
			return true
		}
	}
	var api smithy.APIError
	return errors.As(err, &api) && slices.Contains([]string{
		"NoSuchKey", "NotFound", "NoSuchVersion", "NoSuchUpload", "PreconditionFailed", "ConditionalRequestConflict", "InvalidRange",
	}, api.ErrorCode())
}

// path is where a key is on the mount.
func (l *load) path(bucket, key string) string { return filepath.Join(l.root, bucket, key) }

// path is where a name is on the mount.
func (w *worker) at(n *name) string { return w.path(n.bucket, n.key) }

// take locks a name that nobody else has.
func (w *worker) take() *name {
	for {
		if n := w.names[w.IntN(len(w.names))]; n.TryLock() {
			return n
		}
	}
}

// size is mostly small, and seldom some megabytes.
func (w *worker) size() int {
	switch n := w.IntN(100); {
	case n < 70:
		return w.IntN(8 << 10)
	case n < 93:
		return w.IntN(256 << 10)
	default:
		return w.IntN(2 << 20)
	}
}

// hold keeps something open for a while: until so many others have been held after it.
func (l *load) hold(c io.Closer) error {
	l.mu.Lock()
	l.held = append(l.held, c)
	var old io.Closer
	if len(l.held) > 12 {
		old, l.held = l.held[0], l.held[1:]
	}
	l.mu.Unlock()
	if old == nil {
		return nil
	}
	return old.Close()
}

func (l *load) releaseAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.held {
		if err := c.Close(); err != nil {
			l.Errorf("closing what was held: %v", err)
		}
	}
	l.held = nil
}

// The byte at an offset is the same in whatever holds one, so that every read can be
// compared.
var pattern = func() []byte {
	b := make([]byte, 1_000_003) // a prime: no block begins like another
	r := rand.NewChaCha8([32]byte{7})
	_, _ = r.Read(b)
	return b
}()

// bytesAt are n bytes of the pattern from an offset on.
func bytesAt(off int64, n int) []byte {
	b := make([]byte, n)
	for i := 0; i < n; {
		i += copy(b[i:], pattern[(off+int64(i))%int64(len(pattern)):])
	}
	return b
}

// A checker is an io.Writer that compares.
type checker struct{ off int64 }

func (c *checker) Write(b []byte) (int, error) {
	for i := 0; i < len(b); {
		p := pattern[c.off%int64(len(pattern)):]
		n := min(len(p), len(b)-i)
		if !bytes.Equal(p[:n], b[i:i+n]) {
			for j := range n {
				if p[j] != b[i+j] {
					return i + j, fmt.Errorf("the byte at %d is %#x and not %#x", c.off+int64(j), b[i+j], p[j])
				}
			}
		}
		i, c.off = i+n, c.off+int64(n)
	}
	return len(b), nil
}

// check reads r to its end, from an offset on, and returns how many bytes there were.
func check(r io.Reader, off int64) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{&checker{off}}, struct{ io.Reader }{r}, make([]byte, 64<<10))
}

// dial connects to the listener as a client that will not behave.
func (l *load) dial() (*net.TCPConn, error) {
	c, err := net.Dial("tcp", strings.TrimPrefix(l.endpoint, "http://"))
	if err != nil {
		return nil, err
	}
	return c.(*net.TCPConn), nil
}

// closing joins an error with that of closing a file.
func closing(f *os.File, err error) error { return errors.Join(err, f.Close()) }
