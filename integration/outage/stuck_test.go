package outage

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"pail/store"
)

// stuckEnv names the store of a process that is to be its daemon and to get stuck, and in
// another line the mountpoint.
const stuckEnv = "PAIL_OUTAGE_STUCK"

// A silent filesystem has an empty root. When a name is looked up there it tells the kernel
// of another one, which waits for the answer to the first, and that does not come.
type silent struct {
	fuse.RawFileSystem
	asked chan struct{}
}

func (silent) GetAttr(_ <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	out.Attr.Ino, out.Attr.Nlink, out.Attr.Mode = in.NodeId, 2, fuse.S_IFDIR|0o755
	return fuse.OK
}

func (s silent) Lookup(_ <-chan struct{}, _ *fuse.InHeader, name string, _ *fuse.EntryOut) fuse.Status {
	if name == "name" {
		close(s.asked)
		select {}
	}
	return fuse.ENOENT
}

func stuckMain() {
	dir, root, ok := strings.Cut(os.Getenv(stuckEnv), "\n")
	if !ok {
		return
	}
	if err := getStuck(dir, root); err != nil {
		fmt.Fprintln(os.Stderr, "the stuck daemon:", err)
		os.Exit(1)
	}
}

// getStuck owns a store as a daemon does: by its lock, its socket and its mount.
func getStuck(dir, root string) error {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return err
	}
	if err := os.Remove(store.SocketPath(dir)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if _, err := net.Listen("unix", store.SocketPath(dir)); err != nil {
		return err
	}
	s := silent{fuse.NewDefaultRawFileSystem(), make(chan struct{})}
	server, err := fuse.NewServer(s, root, &fuse.MountOptions{FsName: dir, Name: "pail", DirectMount: true})
	if err != nil {
		return err
	}
	go server.Serve()
	if err := server.WaitMount(); err != nil {
		return err
	}
	fmt.Println("mounted")
	<-s.asked
	time.AfterFunc(100*time.Millisecond, func() { fmt.Println("stuck") }) // the kernel waits by then
	server.EntryNotify(fuse.FUSE_ROOT_ID, "other")
	return errors.New("the kernel did not wait")
}

// stick has a daemon of the store get stuck and kills it.
func (m *mount) stick() {
	m.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), stuckEnv+"="+m.store+"\n"+m.root)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	ended := make(chan struct{})
	m.t.Cleanup(func() {
		_ = unix.Unmount(m.root, unix.MNT_FORCE)
		<-ended
	})
	out := bufio.NewReader(pipe)
	says := func(want string) {
		m.t.Helper()
		if line, err := out.ReadString('\n'); err != nil || line != want+"\n" {
			m.t.Errorf("the daemon said %q, %v, not %s", line, err, want)
		}
	}
	says("mounted")
	go func() { _, _ = os.Lstat(filepath.Join(m.root, "name")) }()
	says("stuck")
	if err := cmd.Process.Kill(); err != nil {
		m.t.Error(err)
	}
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	if m.t.Failed() {
		m.t.FailNow()
	}
	select {
	case <-ended:
		m.t.Fatal("the daemon ended though it was stuck")
	case <-time.After(300 * time.Millisecond):
	}
}

// TestStuckDaemons have been killed while they told the kernel of a change and it waited for
// them: they never end by themselves, and keep the store and who uses the mount. Whatever
// is done with the store next ends them.
func TestStuckDaemons(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting without fusermount3 takes root")
	}
	for _, c := range []struct {
		name string
		do   func(m *mount) error
		left bool // the mount is there, dead or another one
	}{
		{"umount", func(m *mount) error { _, err := m.pail("umount", m.root); return err }, false},
		{"umount of all", func(m *mount) error { _, err := m.pail("umount"); return err }, false},
		{"mount", func(m *mount) error { return m.up() }, true},
		{"another command", func(m *mount) error { _, err := m.pail("bucket", "create", "bkt"); return err }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMount(t, filepath.Join(t.TempDir(), "store"))
			if _, err := m.pail("init"); err != nil {
				t.Fatal(err)
			}
			m.stick()
			done := make(chan error, 1)
			go func() { done <- c.do(m) }()
			select {
			case err := <-done:
				if err != nil {
					t.Fatal(err)
				}
			case <-time.After(patience):
				t.Fatal("it hangs")
			}
			if _, err := m.pail("ls"); err != nil {
				t.Errorf("the store is not free: %v", err)
			}
			if is := isMount(t, m.root); is != c.left {
				t.Errorf("something is mounted: %v, want %v", is, c.left)
			}
		})
	}
}

// isMount says whether something is mounted there, dead or not.
func isMount(t *testing.T, dir string) bool {
	t.Helper()
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(b), " "+dir+" ")
}
