package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pail/store/fault"
)

func TestSplitOptions(t *testing.T) {
	got := splitOptions([]string{"rw,,noatime", `bucket=a\,b, user`, ""})
	want := []string{"rw", "noatime", "bucket=a,b", "user"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestMountPlan(t *testing.T) {
	opts := &mountOptions{
		bucket:  "photos/2026",
		options: []string{"ro,uid=7,gid=root,umask=027,x-systemd.automount,_netdev", "noexec,log=/l,store=/s"},
	}
	p, err := opts.plan(&globals{store: "/other"}, []string{"/m/"})
	if err != nil {
		t.Fatal(err)
	}
	r := p.req
	if p.store != "/s" || p.log != "/l" || p.mountpoint != "/m" || p.byDefault {
		t.Errorf("places: %+v", p)
	}
	if r.Bucket != "photos" || r.Prefix != "2026/" || !r.ReadOnly || r.AllowOther || r.FsName != "/s" {
		t.Errorf("request: %+v", r)
	}
	if r.UID == nil || *r.UID != 7 || r.GID == nil || *r.GID != 0 || r.Umask == nil || *r.Umask != 0o27 {
		t.Errorf("owner: %+v", r)
	}
	if want := []string{"x-systemd.automount", "_netdev", "noexec"}; !slices.Equal(r.Options, want) {
		t.Errorf("options %q, want %q", r.Options, want)
	}
}

func TestMountPlanRefuses(t *testing.T) {
	for _, o := range []mountOptions{
		{bucket: "Not_A_Bucket"},
		{bucket: "/x"},
		{options: []string{"umask=9"}},
		{options: []string{"umask=1777"}},
		{options: []string{"uid=no-such-user-here"}},
	} {
		if _, err := o.plan(&globals{store: "/s"}, []string{"/m"}); exitCode(err) != exitUsage {
			t.Errorf("%+v: %v (exit %d)", o, err, exitCode(err))
		}
	}
}

func TestHelperArgs(t *testing.T) {
	mount := []string{"mount", "--background", "--store", "/s"}
	tests := []struct{ args, want []string }{
		{[]string{"pail", "ls", "b"}, []string{"ls", "b"}},
		{[]string{"pail"}, []string{}},
		{[]string{"pail", "/s", "/m", "-o", "rw,dev"}, append(slices.Clone(mount), "-o", "rw,dev", "--", "/m")},
		{[]string{"/sbin/mount.pail", "s", "/m", "-n", "-o", "ro", "-t", "pail"},
			[]string{"mount", "--background", "--store", "s", "-o", "ro", "--", "/m"}},
		{[]string{"mount.fuse.pail", "/s", "/m"}, append(slices.Clone(mount), "--", "/m")},
		{[]string{"mount.pail", "/s", "/m", "-f"}, append(slices.Clone(mount), "-f", "--", "/m")},
	}
	for _, tt := range tests {
		if got := helperArgs(tt.args); !slices.Equal(got, tt.want) {
			t.Errorf("%q: got %q, want %q", tt.args, got, tt.want)
		}
	}
}

func TestResolvedLeavesTheLastComponent(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := resolved(dir+"/missing/also"), dir+"/missing/also"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := resolved("/"); got != "/" {
		t.Errorf("root: %s", got)
	}
}

func TestEveryFailureHasItsExitCode(t *testing.T) {
	codes := map[fault.Kind]int{}
	for code, kinds := range exitCodes() {
		for _, kind := range kinds {
			if other, twice := codes[kind]; twice {
				t.Errorf("%v has exit codes %d and %d", kind, code, other)
			}
			codes[kind] = code
		}
	}
	kinds := fault.Kinds()
	if len(kinds) < 50 {
		t.Fatalf("only %d kinds", len(kinds))
	}
	for _, kind := range kinds {
		code, decided := codes[kind]
		if !decided {
			t.Errorf("nobody has decided on the exit code of %v", kind)
		}
		if got := exitCode(fmt.Errorf("x: %w", kind)); got != code {
			t.Errorf("%v exits with %d, not %d", kind, got, code)
		}
		if !strings.Contains(exitHelp, fmt.Sprintf("\n  %d  ", code)) {
			t.Errorf("the help does not tell of exit code %d", code)
		}
	}
	for err, want := range map[error]int{
		os.ErrPermission: exitDenied, os.ErrNotExist: exitNotFound, context.Canceled: exitSignal, unix.ENOSPC: exitNoSpace,
	} {
		if got := exitCode(&os.PathError{Op: "open", Path: "/x", Err: err}); got != want {
			t.Errorf("%v: %d", err, got)
		}
	}
	if got := exitCode(fault.New(fault.NoSuchKey, "").At("b", "k")); got != exitNotFound {
		t.Errorf("NoSuchKey: %d", got)
	}
}
