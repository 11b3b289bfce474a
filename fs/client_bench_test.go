package fs

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"pail/store"
)

// BenchmarkClient compares reading and writing 64 MiB in sequence with and without encryption on
// one mount.
func BenchmarkClient(b *testing.B) {
	dir := b.TempDir()
	o := store.Options{Dir: filepath.Join(dir, "store"), AllowAnyFS: true}
	if err := store.Create(o); err != nil {
		b.Fatal(err)
	}
	st, err := store.Open(context.Background(), o)
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close(context.Background())
	if _, err := beside(st).CreateBucket(context.Background(), "bkt", store.BucketOptions{}); err != nil {
		b.Fatal(err)
	}
	mnt := filepath.Join(dir, "mnt")
	if err := os.Mkdir(mnt, 0o755); err != nil {
		b.Fatal(err)
	}
	m, err := Mount(context.Background(), Options{
		Store: st, Principal: store.Owner(), Mountpoint: mnt, Bucket: "bkt", ClientKeys: []ClientKey{{Bucket: "bkt", Prefix: "sec/", Raw: rawKey}},
	})
	if err != nil {
		b.Fatal(err)
	}
	defer m.Unmount(context.Background())
	const size = 64 << 20
	buf := bytes.Repeat([]byte("0123456789abcdef"), 64<<10)
	for _, d := range []string{"open", "sec"} {
		if err := os.Mkdir(mnt+"/"+d, 0o755); err != nil {
			b.Fatal(err)
		}
		name := mnt + "/" + d + "/f"
		b.Run("write/"+d, func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				f, err := os.Create(name)
				if err != nil {
					b.Fatal(err)
				}
				for range size / len(buf) {
					if _, err := f.Write(buf); err != nil {
						b.Fatal(err)
					}
				}
				if err := f.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("read/"+d, func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				f, err := os.Open(name)
				if err != nil {
					b.Fatal(err)
				}
				_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
				if _, err := io.Copy(io.Discard, struct{ io.Reader }{f}); err != nil {
					b.Fatal(err)
				}
				_ = f.Close()
			}
		})
	}
}
