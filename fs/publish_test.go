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
)

// TestOneActOneVersion counts the versions that an act of a program makes.
func TestOneActOneVersion(t *testing.T) {
	needs(t, "python3")
	b := newBench(t)
	b.sh(`head -c 300000 /dev/urandom > .src; printf 'all: a b c\na b c:\n\t@echo $@\n' > .mk`)
	for _, act := range []struct {
		name, script string
		want         int
	}{
		{"echo", `echo hi > f`, 1},
		{"subshell", `(echo a; /bin/echo b) > f`, 1},
		{"make", `make -f .mk > f`, 1},
		{"cp", `cp .src f`, 1},
		{"touch", `touch f`, 1},
		{"empty", `: > f`, 1},
		{"cat", `cat .src > f`, 1},
		{"dd", `dd if=.src of=f bs=4k 2>/dev/null`, 1},
		{"append", `echo a > f; sleep 0.05; echo b >> f`, 2},
		{"overwrite", `echo a > f; sleep 0.05; echo b > f`, 2},
		{"truncate", `echo abc > f; sleep 0.05; truncate -s 1 f`, 2},
		{"truncating nothing", `echo a > f; sleep 0.05; : > f`, 2},
		{"chmod and touch", `echo a > f; sleep 0.05; chmod 600 f; touch -d 2001-01-01 f; chown 1 f`, 1},
		{"fsync", `python3 -c '
import os
f = open("f", "w")
for i in range(100): f.write("x" * 1000); f.flush(); os.fsync(f.fileno())'`, 1},
		{"child", `python3 -c '
import os, subprocess
f = open("f", "w"); os.set_inheritable(f.fileno(), True)
for i in range(3): f.write("x" * 9000); f.flush(); subprocess.run(["true"], close_fds=False)'`, 1},
		{"threads", `python3 -c '
import threading
f = open("f", "w")
def w():
    f.write("x" * 9000); f.close()
t = threading.Thread(target=w); t.start(); t.join()'`, 1},
		{"two handles", `exec 3> f; exec 4>> f; echo a >&3; exec 3>&-; exec 4>&-`, 1},
		{"install", `install -m 600 .src f`, 1},
		{"editor", `python3 -c '
import os
open("f.tmp", "w").write("new"); os.rename("f.tmp", "f")'`, 1},
	} {
		t.Run(act.name, func(t *testing.T) {
			b := &bench{t: t, store: b.store, mount: b.mount, se: b.se}
			dir := fmt.Sprintf("d%s", act.name)
			b.sh(fmt.Sprintf(`mkdir "%[1]s" && cp .mk .src "%[1]s" && cd "%[1]s" && %[2]s`, dir, act.script))
			if got := b.versions(dir+"/f", act.want); got != act.want {
				t.Errorf("%d versions, want %d", got, act.want)
			}
		})
	}
}

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
