package fs

import (
	"context"
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestBodyOfADirectory moves the content of a directory's own key away, as mv does: by
// copying, for the key is the directory's. What is left is the directory.
func TestBodyOfADirectory(t *testing.T) {
	needs(t, "mv", "cp")
	b := newBench(t)
	for _, dir := range []string{"full", "bare"} {
		b.put(dir+"/", "body of "+dir)
	}
	b.put("full/f", "file")
	b.settle()
	for name, err := range map[string]error{
		"away":         os.Rename(b.path("full/%pail-file-"), b.path("x")),
		"onto a file":  os.Rename(b.path("full/%pail-file-"), b.path("full/f")),
		"another body": os.Rename(b.path("full/%pail-file-"), b.path("bare/%pail-file-")),
		"in its place": os.Rename(b.path("full/f"), b.path("bare/%pail-file-")),
		"exchange":     unix.Renameat2(unix.AT_FDCWD, b.path("full/%pail-file-"), unix.AT_FDCWD, b.path("full/f"), unix.RENAME_EXCHANGE),
		"exchanged":    unix.Renameat2(unix.AT_FDCWD, b.path("full/f"), unix.AT_FDCWD, b.path("bare/%pail-file-"), unix.RENAME_EXCHANGE),
		"noreplace":    unix.Renameat2(unix.AT_FDCWD, b.path("full/%pail-file-"), unix.AT_FDCWD, b.path("new"), unix.RENAME_NOREPLACE),
	} {
		if !errors.Is(err, unix.EXDEV) {
			t.Errorf("%s: %v, want EXDEV", name, err)
		}
	}
	wantContent(t, b.path("full/%pail-file-"), "body of full")
	b.sh(`
		mv full/%pail-file- x; [ "$(cat x)" = 'body of full' ]; [ "$(ls -A full)" = f ]; [ ! -e full/%pail-file- ]
		mv bare/%pail-file- y; [ "$(cat y)" = 'body of bare' ]; [ -z "$(ls -A bare)" ]; [ -d bare ]
		mv x full/%pail-file-; [ "$(cat full/%pail-file-)" = 'body of full' ]; [ ! -e x ]; [ "$(ls -A full | paste -sd' ')" = '%pail-file- f' ]
		cp -p full/%pail-file- bare/%pail-file-; [ "$(cat bare/%pail-file-)" = 'body of full' ]
		mv full moved; [ "$(cat moved/%pail-file-)" = 'body of full' ]; [ "$(cat moved/f)" = file ]; [ ! -e full ]
		rm moved/%pail-file-; [ -d moved ]; rm -r moved bare y; [ -z "$(ls -A)" ]
		mkdir d; (umask 077; echo body > d/%pail-file-); [ "$(stat -c %a d/%pail-file-)" = 600 ]; [ "$(stat -c %a d)" = 755 ]; rm -r d`)
	for _, key := range []string{"full/", "moved/", "bare/"} {
		if _, err := b.se.Own(context.Background(), "bkt", key); !isAbsent(err) {
			t.Errorf("%s is there: %v", key, err)
		}
	}
}

// TestModeOfABody changes attributes of a directory's content and of the directory: they
// are two inodes to whoever looks, and what is done to one is not done to the other.
func TestModeOfABody(t *testing.T) {
	needsRoot(t, "to give files away")
	b := newBench(t)
	b.put("d/", "body")
	b.put("d/f", "file")
	b.settle()
	b.sh(`
		chmod 750 d; before=$(stat -c '%a %u:%g %Y %i' d)
		chmod 604 d/%pail-file-; chown 12:34 d/%pail-file-; touch -d @5 d/%pail-file-; setfattr -n user.x -v body d/%pail-file-
		[ "$(stat -c '%a %u:%g %Y' d/%pail-file-)" = '604 12:34 5' ]; [ "$(stat -c '%a %u:%g %Y %i' d)" = "$before" ]
		[ "$(getfattr --only-values -n user.x d/%pail-file-)" = body ]
		chmod 711 d; chown 56:78 d; touch -d @9 d; [ "$(stat -c '%a %u:%g %Y' d)" = '711 56:78 9' ]; [ "$(stat -c '%a %u:%g %Y' d/%pail-file-)" = '604 12:34 5' ]
		exec 3>> d/%pail-file-; chmod 640 d/%pail-file-; echo more >&3; exec 3>&-; [ "$(stat -c '%a %u:%g' d/%pail-file-)" = '640 12:34' ]; [ "$(stat -c %a d)" = 711 ]`)
	if fi, err := os.Stat(b.path("d")); err != nil || fi.Mode().Perm() != 0o711 {
		t.Fatal(fi, err)
	}
}
