package store

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/hotp"

	"pail/store/fault"
	"pail/versioning"
)

// A testDevice is the MFA device of the root of a store under test.
type testDevice struct {
	t      *testing.T
	clock  *testClock
	serial string
	seed   string
}

// newTestDevice gives the root of the account an MFA device.
func newTestDevice(t *testing.T, se *Session, clock *testClock) *testDevice {
	t.Helper()
	ctx := context.Background()
	dev, err := se.CreateVirtualMFADevice(ctx, "phone", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	d := &testDevice{t, clock, dev.Serial, dev.Base32()}
	first := d.code()
	clock.pass(30 * time.Second)
	if err := se.EnableMFADevice(ctx, "", d.serial, first, d.code()); err != nil {
		t.Fatal(err)
	}
	return d
}

// code is what the device shows now.
func (d *testDevice) code() string {
	d.t.Helper()
	code, err := hotp.GenerateCode(d.seed, uint64(d.clock.now().Unix()/30))
	if err != nil {
		d.t.Fatal(err)
	}
	return code
}

// next is what a request shows of the device half a minute later: a code that was not used.
func (d *testDevice) next() *MFA {
	d.clock.pass(30 * time.Second)
	return NewMFA(d.serial + " " + d.code())
}

func TestMFADelete(t *testing.T) {
	ctx := context.Background()
	clock := newTestClock()
	s, control := openTest(t, Options{Now: clock.now})
	control = s.As(Owner(), RequestContext{Door: DoorControl})
	dev := newTestDevice(t, control, clock)
	secure := s.As(Owner(), RequestContext{Door: DoorS3, Secure: true})
	plain := s.As(Owner(), RequestContext{Door: DoorS3})
	mount := s.As(Owner(), RequestContext{Door: DoorMount})
	mustBucket(t, control, "safe", versioning.Enabled)
	for _, body := range []string{"one", "two", "three"} {
		put(t, control, "safe", "a", body)
	}
	on := func(se *Session, m *MFA) error {
		return se.ChangeVersioning(ctx, "safe", VersioningChange{State: versioning.Enabled, MFADelete: MFAEnabled, MFA: m})
	}
	wantFault(t, on(secure, nil), fault.MFARequired, "without a code")
	wantFault(t, on(secure, NewMFA(dev.serial+" 000000")), fault.MFARequired, "with a wrong code")
	wantFault(t, on(secure, NewMFA("nonsense")), fault.MFARequired, "with nonsense")
	wantFault(t, on(plain, dev.next()), fault.InvalidRequest, "over plain HTTP")
	wantFault(t, on(mount, dev.next()), fault.MFARequired, "on a mount")
	days := func(r *versioning.LifecycleRule) { r.Expiration = &versioning.LifecycleExpiration{Days: p(int32(1))} }
	setLifecycle(t, control, "safe", lifecycleRule(versioning.LifecycleFilter{}, days))
	wantFault(t, on(secure, dev.next()), fault.InvalidBucketState, "with a lifecycle")
	wantFault(t, control.DeleteLifecycle(ctx, "safe"), fault.None, "without")
	code := dev.next()
	wantFault(t, on(secure, code), fault.None, "on")
	if got, err := control.MFADelete(ctx, "safe"); got != MFAEnabled || err != nil {
		t.Fatal(got, err)
	}
	l := versioning.Lifecycle{Rules: []versioning.LifecycleRule{lifecycleRule(versioning.LifecycleFilter{}, days)}}
	wantFault(t, control.SetLifecycle(ctx, "safe", l), fault.InvalidBucketState, "a lifecycle")
	rm := func(se *Session, version string, m *MFA) error {
		_, err := se.Delete(ctx, "safe", "a", DeleteOptions{Version: version, MFA: m})
		return err
	}
	// The code that turned it on was used.
	again := NewMFA(strings.Clone(code.text))
	wantFault(t, rm(secure, "1", again), fault.MFARequired, "with a code that was used")
	for _, se := range []*Session{secure, plain, mount, control} {
		wantFault(t, rm(se, "1", nil), fault.MFARequired, "without a code")
	}
	wantFault(t, rm(mount, "1", dev.next()), fault.MFARequired, "on a mount")
	wantFault(t, rm(plain, "1", dev.next()), fault.InvalidRequest, "over plain HTTP")
	wantFault(t, rm(secure, "nonsense", nil), fault.MFARequired, "of what is not there")
	if got := readAll(t, control, "safe", "a", "1"); got != "one" {
		t.Fatalf("%q", got)
	}
	// What removes nothing for good takes no code.
	if _, err := mount.Delete(ctx, "safe", "a", DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	wantFault(t, rm(secure, "4", nil), fault.MFARequired, "a marker")
	// One code serves one request, whatever that removes, and no other.
	m := dev.next()
	wantFault(t, secure.ConfirmMFA(ctx, "safe", "a", m), fault.None, "confirm")
	wantFault(t, rm(secure, "1", m), fault.None, "with a code")
	wantFault(t, rm(secure, "2", m), fault.None, "of the same request")
	wantFault(t, rm(secure, "3", NewMFA(m.text)), fault.MFARequired, "of another request")
	wantFault(t, rm(control, "3", dev.next()), fault.None, "by the command line")
	// Nobody else's code, nor one of nobody's device.
	other, err := control.CreateVirtualMFADevice(ctx, "other", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	theirs := &testDevice{t, clock, other.Serial, other.Base32()}
	wantFault(t, rm(secure, "4", theirs.next()), fault.MFARequired, "a device that nobody has")
	// Neither may versioning change, nor MFA delete be turned off.
	wantFault(t, control.SetVersioning(ctx, "safe", versioning.Suspended), fault.MFARequired, "suspend")
	wantFault(t, mount.SetVersioning(ctx, "safe", versioning.Enabled), fault.MFARequired, "as it is, on a mount")
	off := VersioningChange{State: versioning.Suspended, MFADelete: MFADisabled}
	wantFault(t, secure.ChangeVersioning(ctx, "safe", off), fault.MFARequired, "off")
	off.MFA = dev.next()
	wantFault(t, secure.ChangeVersioning(ctx, "safe", off), fault.None, "off")
	if got, err := control.MFADelete(ctx, "safe"); got != MFADisabled || err != nil {
		t.Fatal(got, err)
	}
	wantFault(t, rm(plain, "4", nil), fault.None, "when it is off")
	// To say that it is off where it is takes nothing.
	wantFault(t, plain.ChangeVersioning(ctx, "safe", VersioningChange{State: versioning.Enabled, MFADelete: MFADisabled}), fault.None, "off again")
	checked(t, s)
}
