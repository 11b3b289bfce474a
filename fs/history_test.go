package fs

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pail/store"
	"pail/versioning"
)

// A pastBench is a bench whose clock the test sets.
type pastBench struct {
	*bench
	ns atomic.Int64
}

func newPastBench(t *testing.T, state versioning.State) *pastBench {
	t.Helper()
	b := &pastBench{}
	b.ns.Store(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).UnixNano())
	o := store.Options{Dir: filepath.Join(t.TempDir(), "store"), AllowAnyFS: true, ReserveBytes: 1 << 20, Now: b.now}
	if err := store.Create(o); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(context.Background()); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	se := beside(st)
	if _, err := se.CreateBucket(context.Background(), "bkt", store.BucketOptions{Versioning: state}); err != nil {
		t.Fatal(err)
	}
	b.bench = &bench{t: t, store: st, se: se, mount: mountStore(t, st, Options{Bucket: "bkt"})}
	return b
}

func (b *pastBench) now() time.Time { return time.Unix(0, b.ns.Load()).UTC() }

// tick lets time pass and returns what it is then, as it follows "@".
func (b *pastBench) tick(by time.Duration) string {
	b.ns.Add(int64(by))
	return b.now().Format(time.RFC3339Nano)
}

// quiet waits until the mount has published all that was closed.
func (b *bench) quiet() {
	b.t.Helper()
	for end := time.Now().Add(time.Minute); b.store.Status().OpenFiles > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatal("a file stays open")
		}
	}
}

// tree is all there is below a directory: files by what they hold, directories as "/".
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		switch {
		case d.IsDir():
			out[rel] = "/"
		case d.Type()&os.ModeSymlink != 0:
			to, err := os.Readlink(path)
			out[rel] = "->" + to
			return err
		default:
			body, err := os.ReadFile(path)
			out[rel] = string(body)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func listDir(t *testing.T, dir string) []string {
	t.Helper()
	es, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range es {
		out = append(out, e.Name())
	}
	return out
}

// TestHistoryOfAFile looks at the versions of a file, brings one back by cp, and removes
// some for good.
func TestHistoryOfAFile(t *testing.T) {
	b := newPastBench(t, versioning.Enabled)
	if err := os.Mkdir(b.path("d"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{"one", "two, longer", "three"} {
		b.tick(time.Minute)
		mustWrite(t, b.path("d/report.txt"), body)
		b.quiet()
	}
	b.tick(time.Minute)
	if err := os.Remove(b.path("d/report.txt")); err != nil {
		t.Fatal(err)
	}
	old := b.path("d/.versions/report.txt")
	names := listDir(t, old)
	if len(names) != 4 || !slices.IsSorted(names) || !strings.HasPrefix(names[0], "2026-11-23T12:01:00.000000000Z_") || !strings.HasSuffix(names[3], ".deleted") {
		t.Fatalf("versions %q", names)
	}
	for i, want := range []string{"one", "two, longer", "three", ""} {
		fi, err := os.Stat(filepath.Join(old, names[i]))
		if err != nil || fi.Size() != int64(len(want)) {
			t.Fatalf("%s: %v, %v", names[i], fi, err)
		}
		if at := time.Date(2026, 11, 23, 12, 1+i, 0, 0, time.UTC); i == 3 && !fi.ModTime().Equal(at) {
			t.Fatalf("%s was changed at %v", names[i], fi.ModTime())
		}
		wantContent(t, filepath.Join(old, names[i]), want)
	}
	if got := listDir(t, b.path("d/.versions")); !slices.Equal(got, []string{"report.txt"}) {
		t.Fatalf("names with history: %q", got)
	}
	if got := listDir(t, b.path("d")); len(got) != 0 {
		t.Fatalf("the directory shows %q", got)
	}
	b.tick(time.Minute)
	b.sh("cp d/.versions/report.txt/*Z_" + strings.SplitN(names[1], "_", 2)[1] + " d/report.txt")
	wantContent(t, b.path("d/report.txt"), "two, longer")
	b.quiet()
	if got := listDir(t, old); len(got) != 5 {
		t.Fatalf("after cp: %q", got)
	}
	// Removing the newest makes the marker the current one, removing that the third.
	now := listDir(t, old)
	for _, step := range []struct{ name, shows string }{{now[4], ""}, {now[3], "three"}, {now[2], "two, longer"}} {
		if err := os.Remove(filepath.Join(old, step.name)); err != nil {
			t.Fatal(err)
		}
		b.settle()
		if step.shows == "" {
			if _, err := os.Stat(b.path("d/report.txt")); !os.IsNotExist(err) {
				t.Fatalf("after removing %s: %v", step.name, err)
			}
			continue
		}
		wantContent(t, b.path("d/report.txt"), step.shows)
	}
	if got := listDir(t, old); !slices.Equal(got, names[:2]) {
		t.Fatalf("left are %q, want %q", got, names[:2])
	}
	b.sh("rm -r d/.versions/report.txt")
	b.settle()
	if got := listDir(t, b.path("d/.versions")); len(got) != 0 {
		t.Fatalf("names with history: %q", got)
	}
	if _, err := os.Stat(b.path("d")); err != nil {
		t.Fatalf("the directory went with its last version: %v", err)
	}
}

// TestHistoryIsReadOnly tries every call that changes something, in every kind of place
// in history.
func TestHistoryIsReadOnly(t *testing.T) {
	b := newPastBench(t, versioning.Enabled)
	b.put("d/f", "f")
	b.put("d/sub/g", "g")
	b.put("other", "o")
	b.put("dir/o", "o")
	at := b.tick(time.Second)
	version := listDir(t, b.path("d/.versions/f"))[0]
	past := "d/.versions/@" + at
	keys := func() string {
		p, err := b.se.ListVersions(context.Background(), "bkt", store.ListVersionsInput{})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(p.Versions)
	}
	before := keys()
	dirs := []string{"d/.versions", "d/.versions/f", "d/.versions/sub", "d/.versions/sub/.versions", past, past + "/sub"}
	files := []string{"d/.versions/f/" + version, past + "/f", past + "/sub/g"}
	refused := func(what string, err error) {
		t.Helper()
		if err == nil {
			t.Errorf("%s was not refused", what)
			return
		}
		for _, fine := range []unix.Errno{unix.EROFS, unix.EPERM, unix.EEXIST, unix.EISDIR, unix.ENOTDIR, unix.ENOTEMPTY} {
			if strings.HasSuffix(err.Error(), fine.Error()) {
				return
			}
		}
		t.Errorf("%s: %v", what, err)
	}
	for _, dir := range dirs {
		p := b.path(dir)
		fd, err := unix.Open(p+"/new", unix.O_CREAT|unix.O_WRONLY, 0o644)
		refused("create in "+dir, err)
		if err == nil {
			unix.Close(fd)
		}
		_, err = unix.Open(p, unix.O_TMPFILE|unix.O_WRONLY, 0o644)
		refused("O_TMPFILE in "+dir, err)
		refused("mkdir in "+dir, unix.Mkdir(p+"/new", 0o755))
		refused("mknod in "+dir, unix.Mknod(p+"/new", unix.S_IFREG|0o644, 0))
		refused("symlink in "+dir, unix.Symlink("x", p+"/new"))
		refused("link into "+dir, unix.Link(b.path("other"), p+"/new"))
		refused("rename into "+dir, unix.Rename(b.path("other"), p+"/new"))
		refused("rename of "+dir, unix.Rename(p, b.path("elsewhere")))
		refused("exchange with "+dir, unix.Renameat2(unix.AT_FDCWD, b.path("dir"), unix.AT_FDCWD, p, unix.RENAME_EXCHANGE))
		refused("rmdir of "+dir, unix.Rmdir(p))
		refused("chmod of "+dir, unix.Chmod(p, 0o700))
		refused("chown of "+dir, unix.Chown(p, 1, 1))
		refused("utimes of "+dir, unix.UtimesNanoAt(unix.AT_FDCWD, p, []unix.Timespec{{Sec: 1}, {Sec: 1}}, 0))
	}
	for _, file := range files {
		p := b.path(file)
		for _, flags := range []int{unix.O_WRONLY, unix.O_RDWR, unix.O_RDONLY | unix.O_TRUNC, unix.O_WRONLY | unix.O_APPEND, unix.O_CREAT | unix.O_WRONLY} {
			_, err := unix.Open(p, flags, 0o644)
			refused(fmt.Sprintf("open of %s with %#x", file, flags), err)
		}
		refused("truncate of "+file, unix.Truncate(p, 0))
		refused("chmod of "+file, unix.Chmod(p, 0o600))
		refused("utimes of "+file, unix.UtimesNanoAt(unix.AT_FDCWD, p, []unix.Timespec{{Sec: 1}, {Sec: 1}}, 0))
		refused("rename of "+file, unix.Rename(p, b.path("elsewhere")))
		refused("rename over "+file, unix.Rename(b.path("other"), p))
		refused("link of "+file, unix.Link(p, b.path("elsewhere")))
		if !strings.HasSuffix(file, version) {
			refused("unlink of "+file, unix.Unlink(p))
		}
	}
	for _, name := range []string{".versions", "d/.versions", "d/sub/.versions"} {
		p := b.path(name)
		refused("mkdir "+name, unix.Mkdir(p, 0o755))
		_, err := unix.Open(p, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY, 0o644)
		refused("create "+name, err)
		refused("mknod "+name, unix.Mknod(p, unix.S_IFREG|0o644, 0))
		refused("symlink "+name, unix.Symlink("x", p))
		refused("link to "+name, unix.Link(b.path("other"), p))
		refused("rename of a file to "+name, unix.Rename(b.path("other"), p))
		refused("rename of a directory to "+name, unix.Rename(b.path("dir"), p))
		refused("exchange of a directory with "+name, unix.Renameat2(unix.AT_FDCWD, b.path("dir"), unix.AT_FDCWD, p, unix.RENAME_EXCHANGE))
		refused("rename of "+name, unix.Rename(p, b.path("elsewhere")))
		refused("unlink of "+name, unix.Unlink(p))
		refused("rmdir of "+name, unix.Rmdir(p))
	}
	if after := keys(); after != before {
		t.Fatalf("there was\n%s\nand is\n%s", before, after)
	}
	for _, dir := range []string{"", "d", "d/sub"} {
		if slices.Contains(listDir(t, b.path(dir)), ".versions") {
			t.Errorf(".versions shows in %q", dir)
		}
	}
}
