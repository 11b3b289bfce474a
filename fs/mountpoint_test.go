package fs

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"pail/integration/leak"
	"pail/store"
)

// Tests of what must happen in another process run this binary again: page faults on
// one's own mount can hang a Go program, and a daemon that is killed takes its tests
// along.
const childEnv = "PAIL_FS_TEST_CHILD"

func TestMain(m *testing.M) {
	if what, arg, ok := strings.Cut(os.Getenv(childEnv), " "); ok {
		os.Exit(child(what, arg))
	}
	os.Exit(leak.Run(m))
}

func child(what, arg string) int {
	var err error
	switch what {
	case "serve":
		err = serveUntilStdinEnds(arg)
	case "stuck":
		err = serveUntilStuck(arg)
	case "act":
		err = actAs(arg)
	case "mmap":
		err = useMmap(arg)
	case "world":
		err = usePrograms(arg)
	case "linear":
		err = useLinear()
	default:
		err = fmt.Errorf("no such child: %s", what)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func childCommand(what, arg string) *exec.Cmd { return childOf(os.Args[0], what, arg) }

func childOf(binary, what, arg string) *exec.Cmd {
	cmd := exec.Command(binary)
	cmd.Env = append(os.Environ(), childEnv+"="+what+" "+arg)
	return cmd
}

// serveUntilStdinEnds mounts dir/store, which it makes, on dir/mnt.
func serveUntilStdinEnds(dir string) error {
	ctx := context.Background()
	o := store.Options{Dir: filepath.Join(dir, "store"), AllowAnyFS: true, ReserveBytes: 1 << 20}
	if !store.IsStore(o.Dir) {
		if err := store.Create(o); err != nil {
			return err
		}
	}
	st, err := store.Open(ctx, o)
	if err != nil {
		return err
	}
	m, err := Mount(ctx, Options{
		Store: st, Principal: store.Owner(), Mountpoint: filepath.Join(dir, "mnt"),
		ClientKeys: []ClientKey{{Bucket: "sealed", Raw: rawKey}}, // of which most know nothing
	})
	if err != nil {
		return err
	}
	fmt.Println("mounted")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	if err := m.Unmount(ctx); err != nil {
		return err
	}
	return st.Close(ctx)
}

// startServer runs the serve child and returns once it has mounted.
func startServer(t *testing.T, binary, dir string, as *syscall.Credential) (cmd *exec.Cmd, end func() error) {
	t.Helper()
	cmd = childOf(binary, "serve", dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as, Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = testLog{t}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if Dead(filepath.Join(dir, "mnt")) {
			_ = Detach(filepath.Join(dir, "mnt"))
		}
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "mounted\n" {
		t.Fatalf("the child said %q, %v", line, err)
	}
	return cmd, func() error {
		in.Close()
		return cmd.Wait()
	}
}

func TestDeadMountIsFoundAndDetached(t *testing.T) {
	dir := t.TempDir()
	mnt := filepath.Join(dir, "mnt")
	if err := os.Mkdir(mnt, 0o755); err != nil {
		t.Fatal(err)
	}
	if Dead(mnt) {
		t.Fatal("an ordinary directory is no dead mount")
	}
	cmd, _ := startServer(t, os.Args[0], dir, nil)
	runIn(t, mnt, `mkdir bkt; echo kept > bkt/f; sleep 1`)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if !Dead(mnt) {
		t.Fatal("a mount whose daemon was killed is not found dead")
	}
	if err := CheckMountpoint(mnt, filepath.Join(dir, "store")); err == nil || !strings.Contains(err.Error(), "dead mount") {
		t.Fatalf("mounting over it says %v", err)
	}
	if err := Detach(mnt); err != nil {
		t.Fatal(err)
	}
	_, end := startServer(t, os.Args[0], dir, nil)
	wantContent(t, filepath.Join(mnt, "bkt/f"), "kept\n")
	if err := end(); err != nil {
		t.Fatal(err)
	}
}

// TestOrdinaryUser mounts by way of fusermount3, as somebody without privileges.
func TestOrdinaryUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become somebody else; as an ordinary user every test here is this one")
	}
	needs(t, "fusermount3")
	const nobody = 65534
	dir, err := os.MkdirTemp("", "pail")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	mnt := filepath.Join(dir, "mnt")
	if err := os.Mkdir(mnt, 0o755); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "fs.test") // where nobody can run it
	runIn(t, "/", fmt.Sprintf("cp %s %s && chmod 755 %[2]s", os.Args[0], binary))
	for _, d := range []string{dir, mnt} {
		if err := os.Chown(d, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	who := &syscall.Credential{Uid: nobody, Gid: nobody}
	_, end := startServer(t, binary, dir, who)
	cmd := exec.Command("bash", "-ec", `mkdir bkt; cd bkt; echo a > f; chmod 400 f; ! echo b > f; [ "$(cat f)" = a ]; chmod 4755 f; [ "$(stat -c %a:%u f)" = 4755:65534 ]; echo c > f; [ "$(stat -c %a f)" = 755 ]; rm f; cd ..; rmdir bkt`)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	// Another user is kept out, root too: cd happens in the child, as nobody.
	cmd.Dir, cmd.Args[2] = "/", "cd "+mnt+"; "+cmd.Args[2]
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := os.ReadDir(mnt); err == nil {
		t.Error("root sees what an ordinary user has mounted without allow_other")
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
}

// useMmap writes through one shared mapping and reads through another.
func useMmap(path string) error {
	const size = 3 << 20
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	if err := f.Truncate(size); err != nil {
		return err
	}
	w, err := syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return err
	}
	for i := range w {
		w[i] = byte(i % 251)
	}
	if _, err := f.WriteAt([]byte("written"), 1<<20); err != nil {
		return err
	}
	if got := string(w[1<<20 : 1<<20+7]); got != "written" {
		return fmt.Errorf("the mapping shows %q", got)
	}
	if err := f.Close(); err != nil { // before the mapping goes
		return err
	}
	copy(w[2<<20:], "after close")
	if err := syscall.Munmap(w); err != nil {
		return err
	}
	r, err := os.Open(path)
	if err != nil {
		return err
	}
	defer r.Close()
	m, err := syscall.Mmap(int(r.Fd()), 0, size, syscall.PROT_READ, syscall.MAP_PRIVATE)
	if err != nil {
		return err
	}
	for i, c := range m[:1<<20] {
		if c != byte(i%251) {
			return fmt.Errorf("byte %d is %d", i, c)
		}
	}
	if got := string(m[2<<20 : 2<<20+11]); got != "after close" {
		return fmt.Errorf("what was written after close reads %q", got)
	}
	return nil
}

func TestMmap(t *testing.T) {
	b := newBench(t)
	cmd := childCommand("mmap", b.path("mapped"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	_ = b.versions("mapped", 1) // everything is published
	o, err := b.se.Get(context.Background(), "bkt", "mapped", "")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	got := make([]byte, 11)
	if _, err := o.ReadAt(got, 2<<20); err != nil || string(got) != "after close" {
		t.Fatalf("published: %q %v", got, err)
	}
}

func TestMountpointsThatCannotBe(t *testing.T) {
	st := openStore(t)
	m := mountStore(t, st, Options{})
	full := t.TempDir()
	mustWrite(t, filepath.Join(full, "file"), "")
	inside := filepath.Join(st.Dir(), "mnt")
	if err := os.Mkdir(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ dir, says string }{
		{filepath.Join(full, "missing"), "does not exist"},
		{filepath.Join(full, "file"), "not a directory"},
		{full, "not empty"},
		{m.Dir(), "is a mount already"},
		{inside, "inside the store"},
		{filepath.Dir(st.Dir()), "contains the store"},
	} {
		_, err := Mount(context.Background(), Options{Store: st, Principal: store.Owner(), Mountpoint: c.dir})
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one sentence with %q", c.dir, err, c.says)
		}
	}
	for _, o := range []Options{
		{Bucket: "nosuch"}, {Bucket: "nosuch", Prefix: "p"}, {Prefix: "p/"}, {ExtraOptions: []string{"bogus"}}, {Umask: 0o1000},
	} {
		o.Store, o.Principal, o.Mountpoint = st, store.Owner(), t.TempDir()
		if s, err := Mount(context.Background(), o); err == nil {
			unmount(t, s)
			t.Errorf("%+v was mounted", o)
		}
	}
}

func TestMountOptions(t *testing.T) {
	st := openStore(t)
	m := mountStore(t, st, Options{ExtraOptions: []string{"noexec", "fsname=source", "x-systemd.automount", "_netdev", "ro"}})
	out := runIn(t, "/", "grep -F ' "+m.Dir()+" ' /proc/mounts")
	for _, want := range []string{"source ", " fuse.pail ", "ro,nosuid,nodev,noexec", "max_read="} {
		if !strings.Contains(out, want) {
			t.Errorf("%q lacks %q", out, want)
		}
	}
	if os.Geteuid() == 0 && strings.Contains(out, "default_permissions") {
		t.Errorf("%q: root alone needs no checks", out)
	}
	if err := os.Mkdir(filepath.Join(m.Dir(), "bkt"), 0o755); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Fatal(err)
	}
	needsRoot(t, "to let others in without leave in /etc/fuse.conf")
	other := mountStore(t, st, Options{ExtraOptions: []string{"allow_other"}})
	if out := runIn(t, "/", "grep -F ' "+other.Dir()+" ' /proc/mounts"); !strings.Contains(out, "default_permissions,allow_other") {
		t.Errorf("%q lets others in without checks", out)
	}
}

func TestBucketsAreDirectories(t *testing.T) {
	st := openStore(t)
	m := mountStore(t, st, Options{})
	runIn(t, m.Dir(), `
		mkdir one two; [ "$(ls | tr '\n' ' ')" = 'one two ' ]
		mkdir one/d; echo x > one/d/f; ! rmdir one 2>/dev/null; rm -r one/d; rmdir one; [ "$(ls)" = two ]
		! mkdir Invalid_Name 2>/dev/null; ! mkdir two 2>/dev/null
		! echo x > file 2>/dev/null; ! ln -s x link 2>/dev/null
		echo y > two/f; ! mv two/f . 2>/dev/null; mkdir three; mv two/f three/f; [ "$(cat three/f)" = y ]
		[ "$(stat -c %F .)" = directory ]`)
	if _, err := beside(st).CreateBucket(context.Background(), "four", store.BucketOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := m.Settle(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := runIn(t, m.Dir(), "ls -x | xargs"); got != "four three two\n" {
		t.Fatal(got)
	}
	if err := m.Unmount(context.Background()); err != nil {
		t.Fatal(err)
	}
	prefix := mountStore(t, st, Options{Bucket: "three"})
	wantContent(t, filepath.Join(prefix.Dir(), "f"), "y\n")
}

// TestBusyMountIsDetached unmounts while a program is inside.
func TestBusyMountIsDetached(t *testing.T) {
	b := newBench(t)
	mustWrite(t, b.path("f"), "")
	cmd := exec.Command("bash", "-c", `cd "$0" && exec 3>> f; echo ready; read; echo late >&3`, b.mount.Dir())
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if err := b.mount.Unmount(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := b.mount.Wait(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		o, err := b.se.Head(context.Background(), "bkt", "f", "")
		if err == nil && o.Size == 5 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("what was written after detaching is lost: %d bytes, %v", o.Size, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
