package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	pailfs "pail/fs"
	"pail/store/web/control"
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
	opts = &mountOptions{client: clientOptions{keys: []string{"abc=alias/k", "bcd/p=file:/k", "bcd/p/q/=file:/k"}, format: "2", plain: true}}
	if p, err = opts.plan(&globals{store: "/s"}, []string{"/m"}); err != nil {
		t.Fatal(err)
	}
	want := []clientKey{{"abc", "", "alias/k", ""}, {"bcd", "p/", "", "/k"}, {"bcd", "p/q/", "", "/k"}}
	if !slices.Equal(p.clients, want) || p.req.ClientFormat != 2 || !p.req.ClientPlain {
		t.Errorf("clients: %+v of %+v", p.clients, p.req)
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
		{client: clientOptions{keys: []string{"bucket"}}},
		{client: clientOptions{keys: []string{"bucket="}}},
		{client: clientOptions{keys: []string{"=alias/k"}}},
		{client: clientOptions{keys: []string{"bucket=file:"}}},
		{client: clientOptions{keys: []string{"Not_A_Bucket=alias/k"}}},
		{client: clientOptions{keys: []string{"bucket/p=alias/k", "bucket/p/=alias/l"}}},
		{client: clientOptions{format: "1"}},
	} {
		if _, err := o.plan(&globals{store: "/s"}, []string{"/m"}); exitCode(err) != exitUsage {
			t.Errorf("%+v: %v (exit %d)", o, err, exitCode(err))
		}
	}
}

// TestRawKeysAreNobodyElses: a key that others can read is refused with a sentence.
func TestRawKeysAreNobodyElses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, bytes.Repeat([]byte{7}, 32), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &mountPlan{clients: []clientKey{{bucket: "b", path: path}, {bucket: "c", kms: "alias/k"}}}
	if err := p.readClientKeys(); err != nil || !bytes.Equal(p.req.ClientKeys[0].Raw, bytes.Repeat([]byte{7}, 32)) || p.req.ClientKeys[1].KMS != "alias/k" {
		t.Fatalf("%+v, %v", p.req.ClientKeys, err)
	}
	var o pailfs.Options
	if err := clientsOf(&o, &p.req); err != nil || o.ClientKeys[0].Raw[31] != 7 || o.ClientKeys[1].Raw != nil {
		t.Errorf("%+v, %v", o.ClientKeys, err)
	}
	if err := os.Chmod(path, 0o604); err != nil {
		t.Fatal(err)
	}
	if err := p.readClientKeys(); err == nil || !strings.Contains(err.Error(), "chmod 600 "+path) {
		t.Errorf("others can read it: %v", err)
	}
	if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, []byte("short"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := p.readClientKeys(); exitCode(err) != exitUsage {
		t.Errorf("a key that is none: %v", err)
	}
	if err := clientsOf(&o, &control.MountRequest{ClientKeys: []control.ClientKey{{Bucket: "b", Raw: []byte("short")}}}); err == nil {
		t.Error("a short key is taken")
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
