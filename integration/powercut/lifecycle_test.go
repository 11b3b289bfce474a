package powercut

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestFreeze cuts a save after each of its steps and finds the old or the new content each
// time, though the program has long finished.
func TestFreeze(t *testing.T) {
	steps := uint64(0)
	for n := uint64(0); n <= steps; n++ {
		fs := startFS(t, Options{})
		if err := save(fs.Dir(), saveContent(1)); err != nil {
			t.Fatal(err)
		}
		before, err := fs.Steps()
		if err != nil {
			t.Fatal(err)
		}
		if err := fs.Freeze(before + n); err != nil {
			t.Fatal(err)
		}
		if err := save(fs.Dir(), saveContent(2)); err != nil {
			t.Fatal(err)
		}
		after, err := fs.Steps()
		if err != nil {
			t.Fatal(err)
		}
		steps = after - before
		for seed := range uint64(5) {
			dir, report := mustCut(t, fs, seed)
			if n == steps {
				if report.Pending.Total() != 0 {
					t.Errorf("after the last step: %+v", report)
				}
				err = checkSaved(dir, 2)
			} else {
				err = checkSaved(dir, 1)
			}
			if err != nil {
				t.Errorf("step %d, %+v: %v", n, report, err)
			}
		}
		if err := fs.Freeze(0); err != nil {
			t.Fatal(err)
		}
		if dir, _ := mustCut(t, fs, 0); checkSaved(dir, 2) != nil {
			t.Error("a cut of the present shows the past")
		}
	}
	if steps != 5 {
		t.Errorf("a save has %d steps: create, write, fsync, rename, fsync", steps)
	}
}

func TestFreezeErrors(t *testing.T) {
	fs := startFS(t, Options{})
	if err := save(fs.Dir(), "x"); err != nil {
		t.Fatal(err)
	}
	if err := fs.Freeze(1); err == nil {
		t.Error("froze a step that has passed")
	}
	if err := fs.Freeze(1000); err != nil {
		t.Fatal(err)
	}
	if _, _, err := fs.Cut(1); err == nil {
		t.Error("cut at a step that has not come")
	}
}

// TestFrom cuts what recovers from a cut.
func TestFrom(t *testing.T) {
	fs := startFS(t, Options{})
	if err := save(fs.Dir(), saveContent(1)); err != nil {
		t.Fatal(err)
	}
	for depth := range 3 {
		dir, _ := mustCut(t, fs, 5)
		fs = startFS(t, Options{From: dir})
		if err := os.Mkdir(filepath.Join(fs.Dir(), strconv.Itoa(depth)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	dir, report := mustCut(t, fs, 5)
	if err := checkSaved(dir, 1); err != nil || report.Pending.Names != 1 {
		t.Errorf("%+v: %v", report, err)
	}
}

func TestTrace(t *testing.T) {
	trace := filepath.Join(t.TempDir(), "trace")
	fs := startFS(t, Options{Trace: trace})
	if err := save(fs.Dir(), "x"); err != nil {
		t.Fatal(err)
	}
	if err := fs.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	want := `0 create "file.tmp" ok
1 write "file.tmp" ok
2 fsync "file.tmp" ok
3 rename "file" ok
4 fsyncdir "" ok
`
	if string(got) != want {
		t.Errorf("trace:\n%s", got)
	}
}

func isMounted(t *testing.T, dir string) bool {
	t.Helper()
	list, err := mounted()
	if err != nil {
		t.Fatal(err)
	}
	return slices.Contains(list, dir)
}

func TestCloseWhileBusy(t *testing.T) {
	fs := startFS(t, Options{})
	f, err := os.Create(filepath.Join(fs.Dir(), "open"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if !isMounted(t, fs.Dir()) {
		t.Fatal("not mounted")
	}
	if err := fs.Close(); err != nil {
		t.Fatal(err)
	}
	if isMounted(t, fs.Dir()) {
		t.Error("still mounted")
	}
	if _, err := os.Stat(fs.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the mountpoint remains: %v", err)
	}
	if _, err := f.WriteString("x"); err == nil {
		t.Error("a write after the end succeeded")
	}
	if err := fs.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
	if _, _, err := fs.Cut(1); err == nil {
		t.Error("cut after the end")
	}
}

// mountProgram starts a filesystem as a test would and waits to be killed.
func mountProgram(dir string, acknowledge func(string, ...any)) error {
	fs, err := Start(context.Background(), Options{Scratch: dir})
	if err != nil {
		return err
	}
	acknowledge("%s", fs.Dir())
	time.Sleep(time.Hour)
	return nil
}

// TestKilledTestLeavesNoMount kills the process that started a filesystem.
func TestKilledTestLeavesNoMount(t *testing.T) {
	c := startClient(t, "mount", t.TempDir())
	lines := c.read(1)
	if len(lines) != 1 {
		t.Fatal("the filesystem did not start")
	}
	if !isMounted(t, lines[0]) {
		t.Fatalf("%s is not mounted", lines[0])
	}
	c.kill()
	for isMounted(t, lines[0]) {
		time.Sleep(5 * time.Millisecond) // the test's own limit ends this
	}
}

// TestKilledServerIsSweptUp kills the server, which leaves a dead mount, and starts another.
func TestKilledServerIsSweptUp(t *testing.T) {
	dead := startFS(t, Options{})
	if err := dead.server.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := dead.server.Process.Wait(); err != nil {
		t.Fatal(err)
	}
	var st unix.Statfs_t
	if err := unix.Statfs(dead.Dir(), &st); err != unix.ENOTCONN {
		t.Fatalf("the mount is not dead: %v", err)
	}
	startFS(t, Options{})
	if isMounted(t, dead.Dir()) {
		t.Error("the dead mount is still there")
	}
	// Close reports that the server did not end well, and removes the mountpoint all the same.
	if err := dead.Close(); err == nil || strings.Contains(err.Error(), "remove") {
		t.Errorf("close: %v", err)
	}
}
