package fs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pail/fs/names"
	"pail/store"
)

// TestNamesThatAreNotKeys asks for names that no key is written as, and tries to make them.
func TestNamesThatAreNotKeys(t *testing.T) {
	b := newBench(t)
	x := strings.Repeat("x", 300)
	b.put("a", "object")
	b.put("a/b", "below")
	b.put("dir/f", "")
	b.put(x, "long")
	deep := strings.Repeat(strings.Repeat("d", 250)+"/", 4)
	b.put(deep+"x", "")
	b.settle()
	for _, c := range []struct {
		name      string
		look, new error // of stat, and of making a file, a directory or a symlink; nil: that is not tried
	}{
		{"bad\xff", unix.EILSEQ, unix.EILSEQ},
		{"\xed\xa0\x80", unix.EILSEQ, unix.EILSEQ}, // a surrogate
		{"\xc0\xaf", unix.EILSEQ, unix.EILSEQ},     // a slash, too long
		{"dir/\x80", unix.EILSEQ, unix.EILSEQ},
		{x[:256], unix.ENAMETOOLONG, unix.ENAMETOOLONG},
		{"%pail-file-" + x[:245], unix.ENAMETOOLONG, unix.ENAMETOOLONG},
		{strings.Repeat("\u20ac", 86), unix.ENAMETOOLONG, unix.ENAMETOOLONG},
		{deep + x[:21], unix.ENAMETOOLONG, unix.ENAMETOOLONG}, // the key has 1025 bytes
		{deep + x[:20], unix.ENOENT, nil},
		{"%pail-", unix.ENOENT, unix.EINVAL},
		{"%pail-x", unix.ENOENT, unix.EINVAL},
		{"%pail-file-", unix.ENOENT, unix.EINVAL},
		{"%pail-file-dir", unix.ENOENT, nil}, // no object is shadowed there, but one could be
		{"%pail-file-nothing", unix.ENOENT, unix.EINVAL},
		{"%pail-dir-a", unix.ENOENT, unix.EINVAL},
		{"%pail-name-a", unix.ENOENT, unix.EINVAL},
		{"%pail-file-a%", unix.ENOENT, unix.EINVAL},
		{"%pail-file-%2e", unix.ENOENT, unix.EINVAL},
		{"%pail-file-" + x[:200], unix.ENOENT, unix.EINVAL},
		{"%pail-part-" + x[:100], unix.ENOENT, unix.EINVAL},
		{"%pail-part-" + x[:122] + "/plain", unix.ENOENT, unix.EINVAL},
		{"%pail-part-" + x[:122] + "/%pail-file-x", unix.ENOENT, unix.EINVAL},
		{"%pail-part-" + x[:122] + "/.versions", unix.ENOENT, nil},
	} {
		path := b.path(c.name)
		if _, err := os.Lstat(path); !errors.Is(err, c.look) {
			t.Errorf("stat %.60q: %v, want %v", c.name, err, c.look)
		}
		if c.new == nil {
			continue
		}
		for what, err := range map[string]error{
			"creat": os.WriteFile(path, nil, 0o644), "mkdir": os.Mkdir(path, 0o755), "symlink": os.Symlink("x", path),
			"rename": os.Rename(b.path("dir/f"), path), "rename of a directory": os.Rename(b.path("dir"), path),
		} {
			if what == "rename of a directory" && strings.HasPrefix(c.name, "dir/") {
				continue // into itself
			}
			if !errors.Is(err, c.new) {
				t.Errorf("%s %.60q: %v, want %v", what, c.name, err, c.new)
			}
		}
	}
	wantContent(t, b.path("%pail-file-a"), "object")
	wantContent(t, b.path("%pail-part-"+x[:122]+"/%pail-file-"+x[122:]), "long")
}

// TestDirectoryLeavesAnObjectsName takes directories away, on the mount and beside it, that
// had the plain names of objects: those have them then, and only those.
func TestDirectoryLeavesAnObjectsName(t *testing.T) {
	b := newBench(t)
	for _, segment := range []string{"short", strings.Repeat("long", 62) + "n", strings.Repeat("%", 255)} {
		for how, leave := range map[string]func(dir, key string) error{
			"rmdir":  func(dir, _ string) error { return os.Remove(dir) },
			"rename": func(dir, _ string) error { return os.Rename(dir, b.path("elsewhere")) },
			"exchange": func(dir, _ string) error {
				if err := os.WriteFile(b.path("other"), []byte("other"), 0o644); err != nil {
					return err
				}
				err := unix.Renameat2(unix.AT_FDCWD, dir, unix.AT_FDCWD, b.path("other"), unix.RENAME_EXCHANGE)
				if !errors.Is(err, unix.EEXIST) {
					return fmt.Errorf("of a file with a directory that has an object's name: %v", err)
				}
				return os.Remove(dir)
			},
			"store": func(_, key string) error {
				_, err := b.se.Delete(context.Background(), "bkt", key+"/", store.DeleteOptions{})
				return err
			},
		} {
			t.Run(fmt.Sprintf("%.8s %s", segment, how), func(t *testing.T) {
				b.put(segment, "object")
				b.put(segment+"/", "")
				b.settle()
				shadowed := b.path(strings.Join(names.Path(segment, true), "/"))
				wantContent(t, shadowed, "object")
				if fi, err := os.Stat(b.path(segment)); err != nil || !fi.IsDir() {
					t.Fatal(fi, err)
				}
				if n := files(t, b.mount.Dir()); !slices.Equal(n, []string{shadowed}) {
					t.Fatalf("%q", n)
				}
				if err := leave(b.path(segment), segment); err != nil {
					t.Fatal(err)
				}
				b.settle()
				wantContent(t, b.path(segment), "object")
				if _, err := os.Stat(shadowed); !errors.Is(err, unix.ENOENT) {
					t.Errorf("its name beside the directory: %v", err)
				}
				_ = os.RemoveAll(b.path("elsewhere"))
				_ = os.Remove(b.path("other"))
				if n := files(t, b.mount.Dir()); !slices.Equal(n, []string{b.path(segment)}) {
					t.Errorf("listed: %q", n)
				}
				if err := os.Remove(b.path(segment)); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

// files walks a tree.
func files(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range entries {
		if n.IsDir() {
			all = append(all, files(t, dir+"/"+n.Name())...)
		} else {
			all = append(all, dir+"/"+n.Name())
		}
	}
	return all
}

// TestPartsAmongNames lists names that share a part with such as need none, in pages of
// every size, and each comes once.
func TestPartsAmongNames(t *testing.T) {
	b := newBench(t)
	stem := strings.Repeat("s", 122)
	var want []string
	for i := range 300 {
		key := fmt.Sprintf("%s%03d", stem, i)
		if i%7 == 3 {
			key += strings.Repeat("l", 200)
		} else {
			want = append(want, key)
		}
		b.put(key, key)
	}
	want = append(want, "%pail-part-"+stem)
	slices.Sort(want)
	b.settle()
	for _, size := range []int{300, 1000, 4096, 1 << 16} {
		b.put(stem+"000", "again") // what the kernel has kept of the listing goes
		b.settle()
		got := list(t, b.mount.Dir(), size)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("with %d bytes at once: %d names, want %d", size, len(got), len(want))
		}
	}
	if n := files(t, b.path("%pail-part-"+stem)); len(n) != 43 {
		t.Errorf("%d files in the part", len(n))
	}
}

// list lists a directory with a buffer of so many bytes.
func list(t *testing.T, dir string, size int) (all []string) {
	t.Helper()
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	buf := make([]byte, size)
	for {
		n, err := unix.ReadDirent(fd, buf)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return all
		}
		_, _, all = unix.ParseDirent(buf[:n], -1, all)
		if len(all) > 10000 {
			t.Fatalf("%d names and no end", len(all))
		}
	}
}
