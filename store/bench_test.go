package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"pail/store/checksum"
	"pail/store/internal/multimd5"
	"pail/versioning"
)

func benchStore(b *testing.B, state versioning.State) (*Store, *Session) {
	b.Helper()
	o := Options{Dir: b.TempDir() + "/store"}
	if err := Create(o); err != nil {
		b.Fatal(err)
	}
	s, err := Open(context.Background(), o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close(context.Background()) })
	se := s.As(Owner(), RequestContext{Door: DoorMount})
	if _, err := se.CreateBucket(context.Background(), "bench", BucketOptions{Versioning: state}); err != nil {
		b.Fatal(err)
	}
	return s, se
}

// BenchmarkCreate4K is what the store does for creating, writing and closing a file.
func BenchmarkCreate4K(b *testing.B) {
	for _, state := range []versioning.State{versioning.Unversioned, versioning.Enabled} {
		b.Run(state.String(), func(b *testing.B) {
			_, se := benchStore(b, state)
			ctx := context.Background()
			body := []byte(strings.Repeat("x", 4096))
			b.ResetTimer()
			for i := range b.N {
				f, err := se.OpenFile(ctx, "bench", fmt.Sprintf("f%09d", i), OpenFlags{Write: true, Create: true, Exclusive: true})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := f.WriteAt(ctx, body, 0); err != nil {
					b.Fatal(err)
				}
				if err := f.Close(ctx); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRename is the renaming of small files within a directory, BenchmarkUnlink their
// unlinking.
func BenchmarkRename(b *testing.B) {
	benchSmall(b, func(ctx context.Context, se *Session, key string) error {
		return se.Rename(ctx, Path{Bucket: "bench", Key: key}, Path{Bucket: "bench", Key: "g" + key[1:]}, RenameFlags{})
	})
}

func BenchmarkUnlink(b *testing.B) {
	benchSmall(b, func(ctx context.Context, se *Session, key string) error { return se.Unlink(ctx, "bench", key) })
}

// benchSmall does something to each of many small files.
func benchSmall(b *testing.B, do func(ctx context.Context, se *Session, key string) error) {
	for _, state := range []versioning.State{versioning.Unversioned, versioning.Enabled} {
		b.Run(state.String(), func(b *testing.B) {
			_, se := benchStore(b, state)
			ctx := context.Background()
			key := func(i int) string { return fmt.Sprintf("f%09d", i) }
			for i := range b.N {
				f, err := se.OpenFile(ctx, "bench", key(i), OpenFlags{Write: true, Create: true})
				if err == nil {
					_, err = f.WriteAt(ctx, make([]byte, 4096), 0)
				}
				if err = errors.Join(err, f.Close(ctx)); err != nil {
					b.Fatal(err)
				}
			}
			b.ResetTimer()
			for i := range b.N {
				if err := do(ctx, se, key(i)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPut4K64 is 64 callers that put durable objects.
func BenchmarkPut4K64(b *testing.B) {
	_, se := benchStore(b, versioning.Unversioned)
	ctx := context.Background()
	body := strings.Repeat("x", 4096)
	var n atomic.Int64
	b.SetParallelism(32)
	defer reportCPU(b)()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			key := fmt.Sprintf("k%09d", n.Add(1))
			if _, err := se.Put(ctx, "bench", key, PutInput{Body: strings.NewReader(body), Size: 4096}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkLookupOpenRead is what a mount asks for one small file.
func BenchmarkLookupOpenRead(b *testing.B) {
	_, se := benchStore(b, versioning.Unversioned)
	ctx := context.Background()
	for i := range 1000 {
		if _, err := se.Put(ctx, "bench", fmt.Sprintf("d/f%04d", i), PutInput{Body: strings.NewReader(strings.Repeat("x", 4096)), Size: 4096}); err != nil {
			b.Fatal(err)
		}
	}
	buf := make([]byte, 8192)
	b.ResetTimer()
	for i := range b.N {
		key := fmt.Sprintf("f%04d", i%1000)
		if _, err := se.Lookup(ctx, "bench", "d/", key); err != nil {
			b.Fatal(err)
		}
		f, err := se.OpenFile(ctx, "bench", "d/"+key, OpenFlags{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := f.ReadAt(ctx, buf, 0); err == nil {
			b.Fatal("no end of file")
		}
		if err := f.Close(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

// reportCPU adds what an operation takes of the processors, which a busy machine does not
// change as it does the time: call it before what is measured and the result after it.
func reportCPU(b *testing.B) (end func()) {
	used := func() int64 {
		var u unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	before := used()
	return func() { b.ReportMetric(float64(used()-before)/float64(b.N), "cpu-ns/op") }
}

// BenchmarkDigest is what the hashes of a body cost: the MD5 of its ETag alone, with the
// checksum that is kept where nobody names one, and with one that a client may name. The
// ratios to the first are what counts.
func BenchmarkDigest(b *testing.B) {
	for _, size := range []int{4 << 10, 10 << 20} {
		body := make([]byte, size)
		for name, a := range map[string]checksum.Algorithm{"MD5": checksum.None, "MD5+CRC64NVME": checksum.CRC64NVME, "MD5+CRC32": checksum.CRC32, "MD5+SHA256": checksum.SHA256} {
			b.Run(fmt.Sprintf("%d/%s", size, name), func(b *testing.B) {
				b.SetBytes(int64(size))
				s := &Store{md5s: multimd5.NewGroup()}
				defer reportCPU(b)()
				for range b.N {
					d := s.newDigest(a)
					d.write(body)
					_ = d.etag()
					_ = d.records()
				}
			})
		}
	}
}

// BenchmarkPut10M is durable objects of 10 MiB from one caller and from 16, beside what the
// disk takes for the same files without Pail. The ratio of the two is what counts.
func BenchmarkPut10M(b *testing.B) {
	body := make([]byte, 10<<20)
	for i := range body {
		body[i] = byte(i * i >> 7)
	}
	callers := func(b *testing.B, n int, put func(name string) error) {
		b.SetBytes(int64(len(body)))
		var wg sync.WaitGroup
		var next atomic.Int64
		b.ResetTimer()
		defer reportCPU(b)()
		for range n {
			wg.Go(func() {
				for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
					if err := put(fmt.Sprintf("k%02d", i%64)); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
	}
	for _, n := range []int{1, 16} {
		b.Run(fmt.Sprintf("disk/%d", n), func(b *testing.B) {
			dir := b.TempDir()
			callers(b, n, func(name string) error {
				f, err := os.Create(dir + "/" + name)
				if err != nil {
					return err
				}
				_, err = f.Write(body)
				return errors.Join(err, f.Sync(), f.Close())
			})
		})
		b.Run(fmt.Sprintf("put/%d", n), func(b *testing.B) {
			_, se := benchStore(b, versioning.Unversioned)
			callers(b, n, func(name string) error {
				_, err := se.Put(context.Background(), "bench", name, PutInput{Body: bytes.NewReader(body), Size: int64(len(body))})
				return err
			})
		})
	}
}
