package fs

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"pail/store"
)

func TestOpenFilesOutliveTheirNames(t *testing.T) {
	b := newBench(t)
	mustWrite(t, b.path("gone"), "old content")
	f, err := os.OpenFile(b.path("gone"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Remove(b.path("gone")); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("new"), 0); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 11)
	if _, err := f.ReadAt(got, 0); err != nil || string(got) != "new content" {
		t.Fatalf("%q %v", got, err)
	}
	var st syscall.Stat_t
	if err := syscall.Fstat(int(f.Fd()), &st); err != nil || st.Nlink != 0 || st.Size != 11 {
		t.Fatalf("nlink %d size %d %v", st.Nlink, st.Size, err)
	}
	if err := f.Chmod(0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(3); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if _, err := os.Stat(b.path("gone")); !os.IsNotExist(err) {
		t.Fatalf("it came back: %v", err)
	}
}

func TestOpenFilesFollowRenames(t *testing.T) {
	b := newBench(t)
	if err := os.MkdirAll(b.path("d/e"), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(b.path("d/e/f"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, "one"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(b.path("d/e/f"), b.path("d/e/g")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(b.path("d"), b.path("D")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, " two"); err != nil {
		t.Fatal(err)
	}
	wantContent(t, b.path("D/e/g"), "one two")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if n := b.versions("D/e/g", 1); n != 1 {
		t.Fatalf("%d versions at the new name", n)
	}
	if n := b.versions("d/e/f", 0); n != 0 {
		t.Fatalf("%d versions at the old name", n)
	}
	wantContent(t, b.path("D/e/g"), "one two")
}

func TestExclusiveCreateHasOneWinner(t *testing.T) {
	b := newBench(t)
	for round := range 20 {
		var won atomic.Int32
		var wg sync.WaitGroup
		start := make(chan struct{})
		for range 32 {
			wg.Go(func() {
				<-start
				f, err := os.OpenFile(b.path(fmt.Sprint("f", round)), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
				if err == nil {
					won.Add(1)
					f.Close()
				}
			})
		}
		close(start)
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d winners", won.Load())
		}
	}
}

func TestAppendersLoseNothing(t *testing.T) {
	b := newBench(t)
	b.sh(`for i in $(seq 8); do (for j in $(seq 50); do echo $i-$j >> log; done) & done; wait`)
	if got := b.sh(`sort -u log | wc -l`); got != "400\n" {
		t.Fatalf("%s lines", got)
	}
}

// TestUnmountPublishes leaves files open and unmounts.
func TestUnmountPublishes(t *testing.T) {
	b := newBench(t)
	f, err := os.Create(b.path("draft"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.WriteString(f, "unfinished"); err != nil {
		t.Fatal(err)
	}
	if err := b.mount.Unmount(context.Background()); err != nil {
		t.Fatal(err)
	}
	o, err := b.se.Head(context.Background(), "bkt", "draft", "")
	if err != nil || o.Size != 10 {
		t.Fatalf("%d bytes, %v", o.Size, err)
	}
	if m, err := mountAt(b.mount.Dir()); m != nil || err != nil {
		t.Fatalf("%v %v", m, err)
	}
}

// TestPublishAfterItsObjectWent: a file whose object S3 deletes while it is being written is
// back with its publish, for whoever had looked in between and cached that it was gone.
func TestPublishAfterItsObjectWent(t *testing.T) {
	for name, look := range map[string]func(b *bench){
		"nobody looked": func(*bench) {},
		"stat":          func(b *bench) { _, _ = os.Stat(b.path("f")) },
		"readdir":       func(b *bench) { _, _ = os.ReadDir(b.path("")) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			mustWrite(t, b.path("f"), "old")
			f, err := os.OpenFile(b.path("f"), os.O_WRONLY|os.O_TRUNC, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteString("new"); err != nil {
				t.Fatal(err)
			}
			if _, err := b.se.Delete(context.Background(), "bkt", "f", store.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			b.settle()
			look(b)
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			b.settle()
			wantContent(t, b.path("f"), "new")
			if es, err := os.ReadDir(b.path("")); err != nil || len(es) != 1 {
				t.Fatalf("%v is listed, %v", es, err)
			}
		})
	}
}
