package programs

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A tree is written as its entries, in the order of their paths:
//
//	d/ d/f=body d/g:600=body d/e/:700 l->target
//
// Parents are made if need be. Modes are those of the umask 022 unless they are given.

// makeTree makes a tree in a directory.
func makeTree(t *testing.T, dir, tree string) {
	t.Helper()
	for _, entry := range strings.Fields(tree) {
		if err := makeEntry(dir, entry); err != nil {
			t.Fatal(entry, err)
		}
	}
}

func makeEntry(dir, entry string) error {
	path, target, isLink := strings.Cut(entry, "->")
	path, body, isFile := strings.Cut(path, "=")
	path, mode, hasMode := strings.Cut(path, ":")
	path = filepath.Join(dir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	var err error
	switch {
	case isLink:
		err = os.Symlink(target, path)
	case isFile:
		err = os.WriteFile(path, []byte(body), 0o644)
	default:
		err = os.MkdirAll(path, 0o755)
	}
	if err == nil && hasMode {
		var perm uint32
		if _, err = fmt.Sscanf(mode, "%o", &perm); err == nil {
			err = os.Chmod(path, fs.FileMode(perm))
		}
	}
	return err
}

// readTree reads what makeTree makes, looking at each entry in every way.
func readTree(t *testing.T, dir string) string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		fi, err := os.Lstat(path)
		if err != nil {
			return err
		}
		if fi.Mode().Type() != d.Type() {
			return fmt.Errorf("%s is listed as %v and is %v", path, d.Type(), fi.Mode())
		}
		entry, err := readEntry(path, fi)
		all = append(all, strings.TrimPrefix(path, dir+"/")+entry)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func readEntry(path string, fi fs.FileInfo) (string, error) {
	mode := ""
	perm := fi.Mode().Perm()
	switch {
	case fi.Mode().Type() == fs.ModeSymlink:
		to, err := os.Readlink(path)
		return "->" + to, err
	case fi.IsDir():
		if perm != 0o755 {
			mode = fmt.Sprintf(":%o", perm)
		}
		return "/" + mode, nil
	}
	if perm != 0o644 {
		mode = fmt.Sprintf(":%o", perm)
	}
	body, err := os.ReadFile(path)
	return mode + "=" + string(body), err
}
