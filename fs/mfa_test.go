package fs

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"golang.org/x/sys/unix"

	"pail/store"
	"pail/versioning"
)

// In a bucket with MFA delete rm in .versions is EPERM, and so is a change of versioning;
// nobody shows codes on a mount.
func TestMFADeleteOnTheMount(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	control := b.store.As(store.Owner(), store.RequestContext{Door: store.DoorControl})
	dev, err := control.CreateVirtualMFADevice(ctx, "phone", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	code := func(off time.Duration) string {
		t.Helper()
		c, err := totp.GenerateCode(dev.Base32(), time.Now().Add(off))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if err := control.EnableMFADevice(ctx, "", dev.Serial, code(-time.Minute), code(-30*time.Second)); err != nil {
		t.Fatal(err)
	}
	err = control.ChangeVersioning(ctx, "bkt", store.VersioningChange{
		State: versioning.Enabled, MFADelete: store.MFAEnabled, MFA: store.NewMFA(dev.Serial + " " + code(0)),
	})
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, b.path("f"), "one")
	mustWrite(t, b.path("f"), "two")
	old, err := filepath.Glob(b.path(".versions/f/*_*"))
	if err != nil || len(old) == 0 {
		t.Fatalf("%q, %v", old, err)
	}
	for _, v := range old {
		if err := os.Remove(v); !errors.Is(err, unix.EPERM) {
			t.Errorf("rm %s: %v", v, err)
		}
	}
	if err := unix.Setxattr(b.mount.Dir(), "user.s3.versioning", []byte("suspended"), 0); !errors.Is(err, unix.EPERM) {
		t.Errorf("suspend: %v", err)
	}
	if err := os.Remove(b.path("f")); err != nil {
		t.Errorf("rm of the file: %v", err)
	}
}
