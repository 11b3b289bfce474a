package fs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFilesAndDirectories(t *testing.T) {
	b := newBench(t)
	if err := os.MkdirAll(b.path("a/b/c"), 0o755); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, b.path("a/b/c/file"), "hello")
	wantContent(t, b.path("a/b/c/file"), "hello")
	if err := os.Rename(b.path("a/b"), b.path("a/x")); err != nil {
		t.Fatal(err)
	}
	wantContent(t, b.path("a/x/c/file"), "hello")
	if err := os.Remove(b.path("a/x/c")); err == nil {
		t.Fatal("a directory with a file in it was removed")
	}
	if err := os.Remove(b.path("a/x/c/file")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(b.path("a/x/c/file")); !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if err := os.RemoveAll(b.path("a")); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(b.mount.Dir())
	if err != nil || len(left) != 0 {
		t.Fatalf("%v left, %v", left, err)
	}
}

// TestPrograms uses the mount as people do, from a generated tree.
func TestPrograms(t *testing.T) {
	needs(t, "rsync", "git", "tar")
	b := newBench(t)
	src := t.TempDir()
	runIn(t, src, `
		mkdir -p tree/sub/deep tree/empty
		for i in $(seq 30); do head -c $((i * 977)) /dev/urandom > tree/sub/f$i; done
		echo text > tree/sub/deep/note; ln -s ../sub/f1 tree/empty/link
		chmod 750 tree/sub; chmod 4711 tree/sub/f2; chmod 400 tree/sub/f3
		touch -d '2001-02-03 04:05:06.789' tree/sub/f4 tree/sub
		truncate -s 3M tree/sparse
		git init -q repo && cd repo && cp -r ../tree . && git add -A && git commit -qm one`)
	for _, step := range []struct{ name, script string }{
		{"cp", `cp -a SRC/tree . && diff -r SRC/tree tree && [ -z "$(rsync -a --checksum --delete --itemize-changes SRC/tree/ tree/)" ]`},
		{"ls", `[ "$(ls -lR tree | grep -c '^-')" = 32 ] && [ "$(find tree | wc -l)" = "$(find SRC/tree | wc -l)" ]`},
		{"mv", `mv tree moved && diff -r SRC/tree moved && mv moved/sub/f1 moved/f1 && [ ! -e moved/sub/f1 ] && mv moved/f1 moved/sub/f1 && mv moved tree`},
		{"tar", `tar cf - tree | (mkdir out && tar xf - -C out) && diff -r SRC/tree out/tree`},
		{"rsync", `rsync -a SRC/tree/ synced/ && echo more >> synced/sub/f9 && [ -n "$(rsync -an --checksum --itemize-changes SRC/tree/ synced/)" ] && rsync -a --checksum --delete SRC/tree/ synced/ && diff -r SRC/tree synced`},
		{"git", `git clone -q SRC/repo repo && cd repo && echo x > new && git add new && git commit -qm two && git gc -q && git fsck --strict && [ -z "$(git status --porcelain)" ]`},
		{"editors", `echo one > e; sed -i s/one/two/ e; [ "$(cat e)" = two ]; dd if=/dev/zero of=e bs=1 count=1 seek=1 conv=notrunc 2>/dev/null; [ "$(stat -c %s e)" = 4 ]`},
		{"rm", `rm -r tree out synced repo e && [ -z "$(ls -A)" ]`},
	} {
		t.Run(step.name, func(t *testing.T) {
			runIn(t, b.mount.Dir(), strings.ReplaceAll(step.script, "SRC", src))
		})
	}
}

func TestAttributes(t *testing.T) {
	needsRoot(t, "to give files away")
	b := newBench(t)
	b.sh(`
		umask 027; echo x > f; mkdir d
		[ "$(stat -c %a f)" = 640 ]; [ "$(stat -c %a d)" = 750 ]
		chmod 4755 f; [ "$(stat -c %a f)" = 4755 ]
		chown 12:34 f; [ "$(stat -c %a:%u:%g f)" = 755:12:34 ]
		touch -d '1999-12-31 23:59:59.123456789 UTC' f; [ "$(TZ=UTC stat -c %y f)" = '1999-12-31 23:59:59.123456789 +0000' ]
		[ "$(stat -c %W f)" -gt 1600000000 ]
		truncate -s 100 f; [ "$(stat -c %s f)" = 100 ]
		fallocate -l 9000 f; [ "$(stat -c %s f)" = 9000 ]
		fallocate -p -o 4096 -l 4096 f; [ "$(stat -c %s f)" = 9000 ]
		chgrp 77 d; chmod g+s d; echo y > d/y; mkdir d/e; [ "$(stat -c %g d/y)" = 77 ]; [ "$(stat -c %a:%g d/e)" = 2750:77 ]
		chmod 644 f; [ ! -x f ]; [ -w f ]; chmod 711 f; [ -x f ]; cd d; cd ..
		! ln f g 2>/dev/null; ! mkfifo p 2>/dev/null; ! mknod c c 1 3 2>/dev/null
		[ "$(stat -f -c %T .)" = fuseblk -o "$(stat -f -c %T .)" = fuse ]
	`)
}

func TestPathsOfKeys(t *testing.T) {
	b := newBench(t)
	keys := map[string]string{
		"plain/file":              "plain/file",
		"both":                    "%pail-file-both",
		"both/below":              "both/below",
		"empty//segment":          "empty/%pail-dir-/segment",
		"dots/../x":               "dots/%pail-dir-../x",
		"nul\x00key":              "%pail-file-nul%0key",
		".versions":               "%pail-file-.versions",
		strings.Repeat("x", 300):  "%pail-part-" + strings.Repeat("x", 122) + "/%pail-file-" + strings.Repeat("x", 178),
		strings.Repeat("x", 299):  "%pail-part-" + strings.Repeat("x", 122) + "/%pail-file-" + strings.Repeat("x", 177),
		"body/":                   "body/%pail-file-",
		"body/a":                  "body/a",
		"deep/\u00e9\U0001f600/z": "deep/\u00e9\U0001f600/z",
	}
	for key := range keys {
		b.put(key, key)
	}
	b.settle()
	want := map[string]bool{}
	for key, path := range keys {
		wantContent(t, b.path(path), key)
		want[path] = true
	}
	got := 0
	err := filepath.WalkDir(b.mount.Dir(), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		got++
		if rel := strings.TrimPrefix(path, b.mount.Dir()+"/"); !want[rel] {
			t.Errorf("lists %q", rel)
		}
		return nil
	})
	if err != nil || got != len(keys) {
		t.Fatalf("%d files listed of %d: %v", got, len(keys), err)
	}
	if err := os.Mkdir(b.path(".versions"), 0o755); err == nil {
		t.Fatal("a directory .versions was made")
	}
	if err := os.WriteFile(b.path("%pail-nonsense"), nil, 0o644); err == nil {
		t.Fatal("a name that nothing is written as was made")
	}
	if err := os.WriteFile(b.path("\xff"), nil, 0o644); err == nil {
		t.Fatal("a name that is not UTF-8 was made")
	}
}
