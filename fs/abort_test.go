package fs

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pail/store"
)

// serveUntilStuck mounts dir/store, which it makes, on dir/mnt. Once a line comes it
// answers no more, and when somebody looks up a name in the bucket bkt it tells the kernel
// of one there, which waits for the other.
func serveUntilStuck(dir string) error {
	ctx := context.Background()
	o := store.Options{Dir: filepath.Join(dir, "store"), AllowAnyFS: true, ReserveBytes: 1 << 20}
	if err := store.Create(o); err != nil {
		return err
	}
	st, err := store.Open(ctx, o)
	if err != nil {
		return err
	}
	m, err := Mount(ctx, Options{Store: st, Principal: store.Owner(), Mountpoint: filepath.Join(dir, "mnt")})
	if err != nil {
		return err
	}
	fmt.Println("mounted")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return errors.Join(err, m.Unmount(ctx), st.Close(ctx))
	}
	bkt, _ := m.fs.nodes.child(rootID, "bkt")
	m.fs.tree.Lock()
	fmt.Println("silent")
	awaitFrame("fs.(*filesystem).Lookup")
	m.fs.notify.name(spot{bkt.id, "other"})
	awaitFrame("device.(*Device).EntryNotify")
	time.Sleep(100 * time.Millisecond) // for the kernel to be waiting
	fmt.Println("stuck")
	select {}
}

// awaitFrame waits until some goroutine is in a function.
func awaitFrame(function string) {
	buf := make([]byte, 1<<20)
	for !strings.Contains(string(buf[:runtime.Stack(buf, true)]), function+"(") {
		time.Sleep(time.Millisecond)
	}
}

// TestAbortOfAKilledDaemon kills a daemon while the kernel waits for it, and it for the
// kernel: it does not end before its connection does.
func TestAbortOfAKilledDaemon(t *testing.T) {
	dir := t.TempDir()
	mnt := filepath.Join(dir, "mnt")
	if err := os.Mkdir(mnt, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := childOf(os.Args[0], "stuck", dir)
	cmd.Stderr = testLog{t}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = Abort(cmd.Process.Pid)
		_ = Detach(mnt)
	})
	out := bufio.NewReader(pipe)
	says := func(want string) {
		t.Helper()
		if line, err := out.ReadString('\n'); err != nil || line != want+"\n" {
			t.Fatalf("the child said %q, %v, not %s", line, err, want)
		}
	}
	says("mounted")
	if err := os.Mkdir(filepath.Join(mnt, "bkt"), 0o755); err != nil {
		t.Fatal(err)
	}
	bkt, err := os.Open(filepath.Join(mnt, "bkt"))
	if err != nil {
		t.Fatal(err)
	}
	defer bkt.Close()
	if _, err := io.WriteString(in, "go\n"); err != nil {
		t.Fatal(err)
	}
	says("silent")
	looked := make(chan error, 1)
	go func() {
		looked <- unix.Fstatat(int(bkt.Fd()), "name", &unix.Stat_t{}, 0)
	}()
	says("stuck")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		t.Fatal("it ended by itself")
	case <-time.After(500 * time.Millisecond):
	}
	if err := Abort(cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	if err := <-looked; !errors.Is(err, unix.ECONNABORTED) && !errors.Is(err, unix.ENOTCONN) {
		t.Errorf("who waited for it is told %v", err)
	}
	<-ended
	if !Dead(mnt) {
		t.Error("the mount is not dead")
	}
	if err := Abort(cmd.Process.Pid); err != nil {
		t.Errorf("of a process that is gone: %v", err)
	}
}
