package fs

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"pail/store"
	"pail/versioning"
)

// A shared is a versioned bucket in which everybody may make things, mounted for all.
type shared struct {
	t   *testing.T
	se  *store.Session
	dir string
}

func newShared(t *testing.T) *shared {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	needs(t, "setpriv")
	dir, err := os.MkdirTemp("", "pail-veil-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := errors.Join(os.Chmod(dir, 0o755), os.Mkdir(dir+"/mnt", 0o755)); err != nil {
		t.Fatal(err)
	}
	st := openStore(t)
	se := beside(st)
	if _, err := se.CreateBucket(context.Background(), "bkt", store.BucketOptions{Versioning: versioning.Enabled}); err != nil {
		t.Fatal(err)
	}
	mountStore(t, st, Options{Mountpoint: dir + "/mnt", AllowOther: true})
	if err := os.Chmod(dir+"/mnt/bkt", 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	return &shared{t, se, dir + "/mnt/bkt"}
}

// as runs a script in the bucket as some user and returns what it says.
func (s *shared) as(uid, script string) string {
	s.t.Helper()
	cmd := exec.Command("setpriv", "--reuid", uid, "--regid", uid, "--clear-groups", "sh", "-c", script)
	cmd.Dir = s.dir
	out, _ := cmd.CombinedOutput()
	return strings.TrimSpace(string(out))
}

// want demands what a script says.
func (s *shared) want(uid, script, want string) {
	s.t.Helper()
	if got := s.as(uid, script); got != want {
		s.t.Errorf("%s: %s\nsays %q, want %q", uid, script, got, want)
	}
}

// hides demands that a user finds neither what a private directory held nor its names, and
// that he cannot take it away.
func (s *shared) hides(uid string, names ...string) {
	s.t.Helper()
	words := []string{"secret", "deep", "Z_", "seen"}
	for _, name := range names {
		words = append(words, " "+name+"\n")
	}
	for _, script := range []string{
		"cat priv/.versions/f/* priv/.versions/sub/.versions/g/*",
		"cat .versions/priv/.versions/f/* .versions/priv/.versions/sub/.versions/g/*",
		"ls -lR priv/.versions .versions/priv/.versions",
		"for d in f sub/.versions/g; do ls -l priv/.versions/$d .versions/priv/.versions/$d; done",
		"cat priv/.versions/@$(cat before)/f priv/.versions/sub/.versions/@$(cat before)/g",
		"cat priv/sub/.versions/@$(cat before)/g priv/sub/.versions/g/*",
		"for v in $(cat known); do cat priv/.versions/$v; stat priv/.versions/$v && echo seen; rm -f priv/.versions/$v; done 2>/dev/null",
	} {
		for _, word := range words {
			if got := s.as(uid, script) + "\n"; strings.Contains(got, word) {
				s.t.Errorf("%s: %s\ntells %q:\n%s", uid, script, word, got)
			}
		}
	}
}

const (
	ann = "65534"
	ben = "1234"
)

// makePrivate has ann make a private directory, and notes where its history will stand
// and a moment at which it stood.
func (s *shared) makePrivate(after string) {
	s.t.Helper()
	s.as(ann, "mkdir -m 700 priv; mkdir priv/sub; echo secret > priv/f; echo deep > priv/sub/g; sleep 0.02")
	s.as("0", "date -u +%Y-%m-%dT%H:%M:%S.%NZ > note-before; sleep 0.02")
	s.as("0", "cd priv/.versions && ls -d f/* sub/.versions/g/* > ../../note-known")
	s.as(ann, after)
	for _, name := range []string{"before", "known"} {
		b, err := os.ReadFile(s.dir + "/note-" + name)
		if err != nil || len(b) == 0 {
			s.t.Fatal(string(b), err)
		}
		// Beside the bucket there is room for what the scripts read.
		if err := os.WriteFile(s.dir+"/note", b, 0o644); err != nil {
			s.t.Fatal(err)
		}
		s.as("0", "mv note '"+name+"'")
	}
}

// TestHistoryOfAPrivateDirectoryStaysPrivate has somebody else make a directory anew that
// was private.
func TestHistoryOfAPrivateDirectoryStaysPrivate(t *testing.T) {
	for name, c := range map[string]struct {
		away, again string
		names       []string // that are not told either
	}{
		"removed":              {"rm -r priv", "mkdir -p -m 777 priv/sub", []string{"f"}},
		"renamed":              {"mv priv elsewhere", "mkdir -p -m 777 priv/sub", []string{"f"}},
		"not made again below": {"rm -r priv", "mkdir -m 777 priv", []string{"f", "sub"}},
		"another open life":    {"rm -r priv; mkdir -m 777 priv; rmdir priv", "true", []string{"f", "sub"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShared(t)
			s.makePrivate(c.away)
			s.as(ben, c.again)
			s.hides(ben, c.names...)
			// Whose it was, and root, are as before.
			for _, who := range []string{ann, "0"} {
				s.want(who, "cat .versions/priv/.versions/f/*0Z_* .versions/priv/.versions/f/*_* 2>/dev/null | sort -u", "secret")
				s.want(who, "ls .versions/priv/.versions", "f\nsub")
				s.want(who, "cat .versions/priv/.versions/sub/.versions/g/*_*", "deep")
			}
			s.as(ann, "rm -f .versions/priv/.versions/f/*")
			s.want("0", "ls .versions/priv/.versions", "sub")
		})
	}
}

// TestHistoryOfTheNewDirectory looks at that of a directory where a private one was: it
// has one of its own.
func TestHistoryOfTheNewDirectory(t *testing.T) {
	s := newShared(t)
	s.makePrivate("rm -r priv")
	s.as(ben, "mkdir priv; echo mine > priv/f; echo more > priv/f; echo other > priv/h")
	s.want(ben, "cat priv/.versions/f/*", "mine\nmore")
	s.want(ben, "ls priv/.versions", "f\nh")
	s.want(ann, "cat priv/.versions/f/* | sort", "mine\nmore\nsecret")
	s.want("4321", "cat priv/.versions/f/*", "mine\nmore")
	s.want("4321", "rm -f priv/.versions/f/* 2>/dev/null || echo no", "no")
	s.want(ben, "rm priv/.versions/h/*; ls priv/.versions", "f")
	s.want(ann, "rm -f priv/.versions/f/* 2>/dev/null; cat priv/.versions/f/* priv/f", "mine\nmore\nmore")
	s.as(ben, "rm -r priv")
	s.want(ben, "cat .versions/priv/.versions/f/*_*[a-zA-Z0-9]", "mine\nmore")
}

// TestOldNodesSeeNothingNew keeps a history open in which one might look, while its
// directory becomes somebody else's and private.
func TestOldNodesSeeNothingNew(t *testing.T) {
	s := newShared(t)
	s.as(ben, "mkdir -m 777 priv; echo old > priv/f")
	cmd := exec.Command("setpriv", "--reuid", ben, "--regid", ben, "--clear-groups", "sh", "-c",
		"cd priv/.versions; ls > /dev/null; echo in; read x; cat f/* x/* 2>&1; ls -l . f 2>&1; true")
	cmd.Dir = s.dir
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
	buf := make([]byte, 3)
	if _, err := out.Read(buf); err != nil {
		t.Fatal(err)
	}
	s.as(ben, "rm -r priv")
	s.as(ann, "mkdir -m 700 priv; echo secret > priv/x; echo secret > priv/f; rm -r priv")
	s.as(ben, "mkdir -m 777 priv")
	_ = in.Close()
	var got strings.Builder
	for {
		b := make([]byte, 4096)
		n, err := out.Read(b)
		got.Write(b[:n])
		if err != nil {
			break
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(got.String(), "secret") || strings.Contains(got.String(), " x\n") {
		t.Errorf("who was there before reads\n%s", got.String())
	}
}

// TestRestoringAFileBringsItsDirectoryBack restores a file whose directories are gone.
func TestRestoringAFileBringsItsDirectoryBack(t *testing.T) {
	ctx := context.Background()
	for _, how := range []string{"restored", "marker removed"} {
		s := newShared(t)
		s.as(ann, "mkdir -m 700 priv; mkdir -m 750 priv/sub; echo secret > priv/sub/g; rm -r priv")
		vs, err := s.se.Versions(ctx, "bkt", "priv/sub/g")
		if err != nil {
			t.Fatal(err)
		}
		if how == "restored" {
			_, err = s.se.Restore(ctx, "bkt", "priv/sub/g", "1")
		} else {
			_, err = s.se.Delete(ctx, "bkt", "priv/sub/g", store.DeleteOptions{Version: vs[0].VersionID})
		}
		if err != nil {
			t.Fatal(err)
		}
		s.want(ann, "cat priv/sub/g; stat -c '%a %u %g' priv priv/sub", "secret\n700 65534 65534\n750 65534 65534")
		s.want(ben, "cat priv/sub/g 2>/dev/null", "")
	}
}
