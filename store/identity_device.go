package store

import (
	"context"
	"strings"
	"time"

	"pail/store/fault"
	"pail/store/iam"
)

// CreateVirtualMFADevice makes a virtual MFA device that nobody has yet; path "" is "/". Its
// seed is told here and never again. The kinds of failure: AccessDenied, InvalidArgument,
// EntityAlreadyExists.
func (se *Session) CreateVirtualMFADevice(ctx context.Context, name, path string, tags []iam.Tag) (*iam.Device, error) {
	q := identityAsked{action: "iam:CreateVirtualMFADevice", arn: ownARN(se.who.Account, "mfa", path, name), tags: tags}
	if _, err := se.mayIdentity(q); err != nil {
		return nil, err
	}
	return changeOne(se, ctx, func(d *iam.Directory, now time.Time) (*iam.Device, error) {
		return d.CreateDevice(se.who.Account, name, path, tags, now)
	})
}

// askedOfDevice is what a caller asks to do to an MFA device.
func (se *Session) askedOfDevice(action, serial string) identityAsked {
	q := identityAsked{action: action, arn: serial}
	if dev := se.s.identities().Device(se.who.Account, serial); dev != nil {
		q.tagged = dev.Tags
	}
	return q
}

// DeleteVirtualMFADevice takes a device away that nobody has. The kinds of failure:
// AccessDenied, NoSuchEntity, DeleteConflict.
func (se *Session) DeleteVirtualMFADevice(ctx context.Context, serial string) error {
	if _, err := se.mayIdentity(se.askedOfDevice("iam:DeleteVirtualMFADevice", serial)); err != nil {
		return err
	}
	return dropOne(se, ctx, func(d *iam.Directory) (*iam.Device, error) { return d.DeleteDevice(se.who.Account, serial) })
}

// mayDevice decides over an action on who has or is to have an MFA device: a user, or the
// caller for "". It returns the unique id of the user, or the account's number of its root.
func (se *Session) mayDevice(action, user string) (holder string, err error) {
	_, id, err := se.mayKeys(action, user)
	if err == nil && id == "" {
		id = se.who.Account
	}
	return id, err
}

// EnableMFADevice gives a device to a user, or to the caller for "", by two codes that it
// shows one after the other. The kinds of failure: AccessDenied, NoSuchEntity,
// InvalidArgument, EntityAlreadyExists, LimitExceeded, InvalidMFACode.
func (se *Session) EnableMFADevice(ctx context.Context, user, serial, first, second string) error {
	holder, err := se.mayDevice("iam:EnableMFADevice", user)
	if err != nil {
		return err
	}
	return se.tryCode(serial, func() error {
		_, err := changeOne(se, ctx, func(d *iam.Directory, now time.Time) (*iam.Device, error) {
			return d.Enable(se.who.Account, holder, serial, first, second, now)
		})
		return err
	})
}

// ResyncMFADevice finds out again by how much the clock of a device of a user, or of the
// caller for "", is wrong. The kinds of failure: AccessDenied, NoSuchEntity, InvalidArgument,
// InvalidMFACode.
func (se *Session) ResyncMFADevice(ctx context.Context, user, serial, first, second string) error {
	holder, err := se.mayDevice("iam:ResyncMFADevice", user)
	if err != nil {
		return err
	}
	return se.tryCode(serial, func() error {
		_, err := changeOne(se, ctx, func(d *iam.Directory, now time.Time) (*iam.Device, error) {
			return d.Resync(se.who.Account, holder, serial, first, second, now)
		})
		return err
	})
}

// DeactivateMFADevice takes a device from a user, or from the caller for "". The kinds of
// failure: AccessDenied, NoSuchEntity.
func (se *Session) DeactivateMFADevice(ctx context.Context, user, serial string) error {
	holder, err := se.mayDevice("iam:DeactivateMFADevice", user)
	if err != nil {
		return err
	}
	_, err = changeOne(se, ctx, func(d *iam.Directory, _ time.Time) (*iam.Device, error) {
		return d.Deactivate(se.who.Account, holder, serial)
	})
	return err
}

// ListMFADevices returns the devices of a user, or of the caller for "", and the user's
// name. Their seeds are not told. The kinds of failure: AccessDenied, NoSuchEntity,
// InvalidArgument.
func (se *Session) ListMFADevices(_ context.Context, user string, p iam.Page) (iam.Listing[*iam.Device], string, error) {
	name, id, err := se.mayKeys("iam:ListMFADevices", user)
	if err != nil {
		return iam.Listing[*iam.Device]{}, "", err
	}
	l, err := iam.Paged(se.s.identities().DevicesOf(se.who.Account, or(id, se.who.Account)), func(dev *iam.Device) string { return dev.Serial }, p)
	return seedless(l), name, err
}

// ListVirtualMFADevices returns the devices of the account, without their seeds: assigned is
// Assigned, Unassigned or Any (or ""). The kinds of failure: AccessDenied, InvalidArgument.
func (se *Session) ListVirtualMFADevices(_ context.Context, assigned string, p iam.Page) (iam.Listing[*iam.Device], error) {
	if _, err := se.mayIdentity(identityAsked{action: "iam:ListVirtualMFADevices", arn: "*"}); err != nil {
		return iam.Listing[*iam.Device]{}, err
	}
	l, err := se.s.identities().Devices(se.who.Account, assigned, p)
	return seedless(l), err
}

// GetMFADevice returns a device without its seed, and the name of the user that has it, ""
// of the root. The kinds of failure: AccessDenied, NoSuchEntity.
func (se *Session) GetMFADevice(_ context.Context, serial string) (*iam.Device, string, error) {
	q := se.askedOfDevice("iam:GetMFADevice", serial)
	d := se.s.identities()
	dev := d.Device(se.who.Account, serial)
	name := ""
	if dev != nil {
		if u := d.UserByID(se.who.Account, dev.Holder); u != nil {
			name, q.arn = u.Name, u.ARN()
		}
	}
	if _, err := se.mayIdentity(q); err != nil {
		return nil, "", err
	}
	if dev == nil {
		return nil, "", fault.New(fault.NoSuchEntity, "VirtualMFADevice with serial number %s doesn't exist.", serial)
	}
	return dev.WithoutSeed(), name, nil
}

func seedless(l iam.Listing[*iam.Device]) iam.Listing[*iam.Device] {
	for i, dev := range l.Items {
		l.Items[i] = dev.WithoutSeed()
	}
	return l
}

// TagMFADevice gives a device tags, in place of those of the same keys. The kinds of
// failure: AccessDenied, NoSuchEntity, InvalidArgument, LimitExceeded.
func (se *Session) TagMFADevice(ctx context.Context, serial string, tags []iam.Tag) error {
	q := se.askedOfDevice("iam:TagMFADevice", serial)
	q.tags = tags
	return se.tagDevice(ctx, q, func(old []iam.Tag) ([]iam.Tag, error) { return iam.Tagged(old, tags) })
}

// UntagMFADevice takes tags from a device by their keys. The kinds of failure: AccessDenied,
// NoSuchEntity, InvalidArgument.
func (se *Session) UntagMFADevice(ctx context.Context, serial string, keys []string) error {
	q := se.askedOfDevice("iam:UntagMFADevice", serial)
	q.tagKeys = keys
	return se.tagDevice(ctx, q, func(old []iam.Tag) ([]iam.Tag, error) { return iam.Untagged(old, keys) })
}

func (se *Session) tagDevice(ctx context.Context, q identityAsked, change func([]iam.Tag) ([]iam.Tag, error)) error {
	if _, err := se.mayIdentity(q); err != nil {
		return err
	}
	_, err := changeOne(se, ctx, func(d *iam.Directory, _ time.Time) (*iam.Device, error) {
		dev, err := d.FindDevice(se.who.Account, q.arn)
		if err != nil {
			return nil, err
		}
		next := *dev
		next.Tags, err = change(dev.Tags)
		return &next, err
	})
	return err
}

// ListMFADeviceTags returns the tags of a device in the order of their keys. The kinds of
// failure: AccessDenied, NoSuchEntity, InvalidArgument.
func (se *Session) ListMFADeviceTags(_ context.Context, serial string, p iam.Page) (iam.Listing[iam.Tag], error) {
	var none iam.Listing[iam.Tag]
	if _, err := se.mayIdentity(se.askedOfDevice("iam:ListMFADeviceTags", serial)); err != nil {
		return none, err
	}
	dev, err := se.s.identities().FindDevice(se.who.Account, serial)
	if err != nil {
		return none, err
	}
	return tagPage(dev.Tags, p)
}

// spendMFA accepts a code of a device of the caller's, once: neither it nor one before it is
// accepted any more, even if what it was given for fails. It is durable when it returns. The
// kinds of failure: InvalidMFACode, Unavailable (too many wrong codes).
func (se *Session) spendMFA(ctx context.Context, serial, code string) error {
	holder := or(se.who.ID, se.who.Account)
	return se.tryCode(serial, func() error {
		_, err := changeOne(se, ctx, func(d *iam.Directory, now time.Time) (*iam.Device, error) {
			return d.Spend(se.who.Account, holder, serial, code, now)
		})
		return err
	})
}

// spendMFAHeader is spendMFA of what the header x-amz-mfa has: a serial, a space and a code.
func (se *Session) spendMFAHeader(ctx context.Context, header string) error {
	serial, code, ok := strings.Cut(header, " ")
	if !ok {
		return fault.New(fault.InvalidMFACode, "the MFA serial and its code are separated by a space")
	}
	return se.spendMFA(ctx, serial, code)
}

// tryCode tries a code of a device, unless wrong ones were tried too often lately: six digits
// are guessed otherwise.
func (se *Session) tryCode(serial string, try func() error) error {
	if !se.s.guesses.May(serial, se.s.now()) {
		return fault.New(fault.Unavailable, "too many wrong codes were given for the MFA device %s; wait for some minutes", serial)
	}
	err := try()
	switch fault.KindOf(err) {
	case fault.InvalidMFACode:
		se.s.guesses.Wrong(serial, se.s.now())
	case fault.None:
		se.s.guesses.Right(serial)
	}
	return err
}
