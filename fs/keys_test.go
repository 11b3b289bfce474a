package fs

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"pail/fs/names"
	"pail/integration/trial"
	"pail/store"
)

// TestEveryKeyIsThereOnce puts random keys through the store, walks the mount and demands
// that each is found once, where package names says, with what was put; again after others
// were put and many were deleted, so that directories came and went under shadowed objects;
// and then that the mount's own changes reach the keys that the paths stand for.
func TestEveryKeyIsThereOnce(t *testing.T) {
	seed, rounds := trial.Seed(t), 2
	if trial.Soak() {
		rounds = 200
	}
	k := &keyTree{bench: newBench(t), rng: rand.New(rand.NewPCG(seed, 0)), bodies: map[string]string{}}
	for _, key := range hardKeys() {
		k.putNew(key)
	}
	k.walkAndCompare()
	for key := range maps.Clone(k.bodies) {
		if strings.Count(key, "/") > 50 {
			k.remove(key) // a thousand directories take a while
		}
	}
	for range rounds {
		for range 60 {
			k.putNew(k.key())
		}
		k.walkAndCompare()
		then, was := k.moment(), maps.Clone(k.bodies)
		for key := range was {
			if k.rng.IntN(2) == 0 {
				k.remove(key)
			}
		}
		k.walkAndCompare()
		k.compare(names.Versions+"/@"+then, was)
	}
	k.changeThroughTheMount()
	k.walkAndCompare()
}

// A keyTree is a bucket, its mount and what should be in them.
type keyTree struct {
	*bench
	rng    *rand.Rand
	bodies map[string]string // by key
	count  int
}

// hardKeys are keys of every kind that POSIX has trouble with.
func hardKeys() []string {
	long := strings.Repeat("x", 255)
	keys := []string{
		"/", "//", "a", "a/", "a//", "a//b", "a/b", "/a", "/a/", ".", "..", "./", "../", "a/.", "a/..", "a/../b", "./.", "../..", "...",
		".versions", ".versions/", ".versions/a", "a/.versions", "a/.versions/b/.versions", "@", "@now", "@2026-11-23", "a/@-2h/b",
		"\x00", "\x00/\x00", "a\x00b", "\x01\x1b[2J\n\r\t\x7f", "%", "%%", "%0", "%00", "%pail-", "%pail", "%pail-file-", "%pail-file-a", "%pail-dir-",
		"%pail-dir-/a", "%pail-part-x", "%pail-name-@", "%pail-file-%%pail-file-a", "%pail-file-a/b", "%%pail-file-a", "a/%pail-file-", "a/%pail-file-b",
		"caf\u00e9", "cafe\u0301", "\u212b", "\u00c5", "A\u030a", "\u202etxt", "\ufeffbom", "\U0001f469\u200d\U0001f680", "\u0000\u0301",
		" ", " a", "a ", "a/ /b", "-rf", "*", "a:b", `a\b`, "~", "\xef\xbf\xbd", "\U0010ffff", "CON", "Caf\u00c9", "I", "i", "\u0130", "\u0131",
		long, long + "x", long + "/", long + "/b", long + "x/b", strings.Repeat("\u20ac", 85), strings.Repeat("\u20ac", 86), "w" + strings.Repeat("\u00e9", 127) + "w",
		strings.Repeat("%", 255), strings.Repeat("\x00", 255), strings.Repeat("%", 300) + "/", "%pail-file-" + long, strings.Repeat("x", 122), strings.Repeat("x", 123),
		strings.Repeat("x", 1024), strings.Repeat("y", 1023) + "/", strings.Repeat("/", 1024), strings.Repeat("a/", 512), strings.Repeat("\x00", 1024),
		strings.Repeat("%", 1024), strings.Repeat("\U0001f600", 256), strings.Repeat("../", 341) + ".", strings.Repeat(".versions/", 102), strings.Repeat("z", 512) + "/" + strings.Repeat("z", 511),
	}
	return keys
}

// key makes a random key, most of segments that are there already.
func (k *keyTree) key() string {
	known := slices.Sorted(maps.Keys(k.bodies))
	for {
		var segments []string
		for range 1 + k.rng.IntN(4) {
			segments = append(segments, k.segment(known))
		}
		key := strings.Join(segments, "/")
		if k.rng.IntN(3) == 0 && len(known) > 0 { // beside, below or above one that is there
			key = known[k.rng.IntN(len(known))]
			switch k.rng.IntN(3) {
			case 0:
				key += "/" + segments[0]
			case 1:
				key = key[:strings.LastIndexByte(strings.TrimRight(key, "/"), '/')+1] + segments[0]
			default:
				key = strings.TrimRight(key, "/")
			}
		}
		if key != "" && len(key) <= 1024 {
			return key
		}
	}
}

func (k *keyTree) segment(known []string) string {
	switch k.rng.IntN(6) {
	case 0:
		return []string{"", ".", "..", ".versions", "@x", "a", "b", "%", "\x00", "%pail-file-a", "%pail-dir-", "%pail-"}[k.rng.IntN(12)]
	case 1:
		if len(known) > 0 {
			all := strings.Split(known[k.rng.IntN(len(known))], "/")
			return all[k.rng.IntN(len(all))]
		}
	case 2: // about as long as a name may be, whole or in parts, and sharing them
		unit := []string{"x", "\u00e9", "\u20ac", "\U0001f600", "%", "\x00"}[k.rng.IntN(6)]
		s := strings.Repeat("x", 115+k.rng.IntN(10)) + strings.Repeat(unit, k.rng.IntN(300/len(unit)))
		return s
	}
	var b strings.Builder
	for range k.rng.IntN(12) {
		r := rune(k.rng.IntN(0x250))
		switch k.rng.IntN(10) {
		case 0:
			r = rune(k.rng.IntN(utf8.MaxRune + 1))
		case 1:
			r = 0x300 + rune(k.rng.IntN(0x70)) // combining
		}
		if r != '/' {
			b.WriteRune(r) // a surrogate becomes U+FFFD
		}
	}
	return b.String()
}

// putNew puts a key with a body of its own. Directories have none here and there.
func (k *keyTree) putNew(key string) {
	k.t.Helper()
	body := ""
	if k.count++; !strings.HasSuffix(key, "/") || k.count%3 > 0 {
		body = fmt.Sprintf("%d %q", k.count, key)
	}
	k.put(key, body)
	k.bodies[key] = body
}

func (k *keyTree) remove(key string) {
	k.t.Helper()
	if _, err := k.se.Delete(context.Background(), "bkt", key, store.DeleteOptions{}); err != nil {
		k.t.Fatalf("%q: %v", key, err)
	}
	delete(k.bodies, key)
}

// moment is a time after all that was done and before all that will be.
func (k *keyTree) moment() string {
	const tick = 3 * time.Millisecond // longer than commits of one time are apart
	time.Sleep(tick)
	defer time.Sleep(tick)
	return time.Now().UTC().Format(time.RFC3339Nano)
}

// directories are those that keys imply, by their keys.
func directories(bodies map[string]string) map[string]bool {
	all := map[string]bool{}
	for key := range bodies {
		for i := range len(key) {
			if key[i] == '/' {
				all[key[:i+1]] = true
			}
		}
	}
	return all
}

// paths are those that there should be of files, each with its key. An empty directory's
// body is no file.
func (k *keyTree) paths(bodies map[string]string) map[string]string {
	dirs, want := directories(bodies), map[string]string{}
	for key, body := range bodies {
		if strings.HasSuffix(key, "/") && body == "" {
			continue
		}
		path := strings.Join(names.Path(key, dirs[key+"/"]), "/")
		if other, taken := want[path]; taken {
			k.t.Fatalf("%q and %q have one path, %q", key, other, path)
		}
		want[path] = key
	}
	return want
}

// walkAndCompare walks the mount and compares it with what should be there.
func (k *keyTree) walkAndCompare() {
	k.t.Helper()
	k.settle()
	k.compare("", k.bodies)
}

// compare walks a directory of the mount that shows what was in the bucket once.
func (k *keyTree) compare(top string, bodies map[string]string) {
	k.t.Helper()
	want := k.paths(bodies)
	dirs := map[string]bool{}
	for dir := range directories(bodies) {
		path := ""
		for _, name := range names.DirPath(dir) {
			path += name + "/"
			dirs[path] = true
		}
	}
	for path := range want { // parts that hold nothing but a file
		for i := range len(path) {
			if path[i] == '/' {
				dirs[path[:i+1]] = true
			}
		}
	}
	root, err := os.Open(k.path(top))
	if err != nil {
		k.t.Fatal(err)
	}
	k.walk(root, "", func(path string, f *os.File) {
		key, ok := want[path]
		if !ok {
			k.t.Fatalf("%q is in the mount and stands for no key", path)
		}
		delete(want, path)
		got, err := io.ReadAll(f)
		if err != nil || string(got) != bodies[key] {
			k.t.Fatalf("%q at %q: %.80q, %v, want %.80q", key, top+path, got, err, bodies[key])
		}
		value := make([]byte, 2048)
		n, err := unix.Fgetxattr(int(f.Fd()), "user.s3.key", value)
		if err != nil || string(value[:n]) != key {
			k.t.Fatalf("%q says its key is %.80q, %v", path, value[:max(n, 0)], err)
		}
	}, func(path string) {
		if !dirs[path] {
			k.t.Fatalf("the directory %q is in the mount and stands for nothing", path)
		}
		delete(dirs, path)
	})
	for path, key := range want {
		k.t.Errorf("%q is not in the mount, nothing is at %q", key, path)
	}
	for path := range dirs {
		k.t.Errorf("the directory %q is not in the mount", path)
	}
}

// walk goes by descriptors, for the paths of keys may be longer than a path can be. It
// closes dir.
func (k *keyTree) walk(dir *os.File, path string, file func(path string, f *os.File), directory func(path string)) {
	defer dir.Close()
	all, err := dir.ReadDir(-1)
	if err != nil {
		k.t.Fatalf("%q: %v", path, err)
	}
	for _, e := range all {
		flags := unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_CLOEXEC
		fd, err := unix.Openat(int(dir.Fd()), e.Name(), flags, 0)
		if err != nil {
			k.t.Fatalf("%q is listed in %q: %v", e.Name(), path, err)
		}
		f := os.NewFile(uintptr(fd), e.Name())
		if e.IsDir() {
			directory(path + e.Name() + "/")
			k.walk(f, path+e.Name()+"/", file, directory)
			continue
		}
		file(path+e.Name(), f)
		f.Close()
	}
}

// open opens a path by its components.
func (k *keyTree) open(path []string, flags int) (*os.File, error) {
	at, err := unix.Open(k.mount.Dir(), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	for i, name := range path {
		how := unix.O_RDONLY | unix.O_DIRECTORY
		if i == len(path)-1 {
			how = flags
		}
		fd, err := unix.Openat(at, name, how|unix.O_CLOEXEC, 0o644)
		unix.Close(at)
		if err != nil {
			return nil, err
		}
		at = fd
	}
	return os.NewFile(uintptr(at), path[len(path)-1]), nil
}

// changeThroughTheMount writes to each file by its path, and removes some.
func (k *keyTree) changeThroughTheMount() {
	dirs := directories(k.bodies)
	for key, body := range k.bodies {
		if strings.HasSuffix(key, "/") && body == "" {
			continue
		}
		path := names.Path(key, dirs[key+"/"])
		f, err := k.open(path, unix.O_WRONLY|unix.O_TRUNC)
		if err != nil {
			k.t.Fatalf("%q: %v", key, err)
		}
		_, err = f.WriteString("new " + body)
		if cerr := f.Close(); err != nil || cerr != nil {
			k.t.Fatalf("%q: %v %v", key, err, cerr)
		}
		k.bodies[key] = "new " + body
		r, err := k.se.Get(context.Background(), "bkt", key, "")
		if err != nil {
			k.t.Fatalf("%q: %v", key, err)
		}
		got := make([]byte, r.Object().Size)
		if _, err := r.ReadAt(got, 0); err != nil && err != io.EOF || string(got) != k.bodies[key] {
			k.t.Fatalf("%q: %.80q, %v, want %.80q", key, got, err, k.bodies[key])
		}
		r.Close()
	}
}
