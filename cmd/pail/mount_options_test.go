package main

import (
	"path/filepath"
	"slices"
	"testing"
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
