package main

import (
	"slices"
	"strings"
	"testing"
)

func TestHelperArgs(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"pail ls b", "ls b"},
		{"pail", ""},
		{"pail /s /m -o rw,dev", "mount --background -o rw,dev --store /s -- /m"},
		{"/sbin/mount.pail s /m -n -o ro -t pail", "mount --background -o ro --store s -- /m"},
		{"/sbin/mount.pail s /m -sn -o ro -N /proc/1/ns/mnt", "mount --background -o ro --sloppy --store s -- /m"},
		{"mount.pail -vo ro s /m -o noexec", "mount --background -o ro -o noexec --store s -- /m"},
		{"mount.fuse.pail /s /m", "mount --background --store /s -- /m"},
		{"mount.pail /s /m -f", "mount --background --fake --store /s -- /m"},
		{"umount.fuse.pail /m -n", "umount -- /m"},
		{"umount.pail /m -flr -t fuse.pail", "umount --lazy -- /m"},
	} {
		got, by, err := helperArgs(strings.Fields(tt.line))
		if want := strings.Fields(tt.want); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %q (%v), want %q", tt.line, got, err, want)
		}
		if isHelper := strings.HasPrefix(tt.want, "mount") || strings.HasPrefix(tt.want, "umount"); (by == byMount) != isHelper {
			t.Errorf("%s: called by %v", tt.line, by)
		}
	}
	for _, line := range []string{"mount.pail", "mount.pail /s", "mount.pail /s /m /x", "umount.fuse.pail", "umount.fuse.pail /a /b"} {
		if _, by, err := helperArgs(strings.Fields(line)); exitCode(err) != exitUsage || by != byMount {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestSloppyLeavesOutWhatIsUnknown(t *testing.T) {
	o := mountOptions{options: []string{"ro,frobnicate,noexec,x=y,uid=5,nofail"}}
	if _, err := o.plan(&globals{store: "/s"}, []string{"/m"}); err != nil {
		t.Fatal(err) // what it is for the mount to refuse is not refused here
	}
	o.sloppy = true
	p, err := o.plan(&globals{store: "/s"}, []string{"/m"})
	if want := []string{"noexec", "nofail"}; err != nil || !slices.Equal(p.req.Options, want) || !p.req.ReadOnly || *p.req.UID != 5 {
		t.Errorf("%+v, %v", p.req, err)
	}
	o = mountOptions{options: []string{"remount,ro"}}
	if _, err := o.plan(&globals{store: "/s"}, []string{"/m"}); exitCode(err) != exitUsage {
		t.Errorf("remount: %v", err)
	}
}

func TestMountExitCodes(t *testing.T) {
	for code, want := range map[int]int{exitOK: 0, exitUsage: 1, exitDenied: 1, exitSignal: 8, exitNotFound: 32, exitBusy: 32, exitFailure: 32} {
		if got := mountExitCode(code); got != want {
			t.Errorf("%d: %d, want %d", code, got, want)
		}
	}
}
