package kms

import (
	"time"

	"pail/store/fault"
)

// rotates says why a key's rotation may not be changed now. The kinds of failure:
// KMSDisabled, KMSInvalidState, NotSupported.
func (k *Key) rotates() error {
	if err := k.Usable(); err != nil {
		return err
	}
	switch {
	case k.AWS:
		return fault.New(fault.NotSupported, "%s is managed by S3, which rotates it every year", k.ARN())
	case k.External != (External{}):
		return fault.New(fault.NotSupported, "%s is kept outside: rotate it there", k.ARN())
	}
	return nil
}

// EnableRotation has a key get new material every so many days, 365 for 0. The kinds of
// failure: KMSNotFound, KMSDisabled, KMSInvalidState, NotSupported, InvalidArgument.
func (ks *Keys) EnableRotation(id string, period int, now time.Time) (*Key, error) {
	if period == 0 {
		period = defaultRotation
	}
	if period < minRotation || period > maxRotation {
		return nil, invalid("RotationPeriodInDays must be between %d and %d, inclusive", minRotation, maxRotation)
	}
	k, err := ks.Find(id)
	if err != nil {
		return nil, err
	}
	if err := k.rotates(); err != nil {
		return nil, err
	}
	k = k.clone()
	k.Rotation = Rotation{On: true, Days: period, Next: now.Add(days(period))}
	return k, nil
}

// DisableRotation has a key keep its material. The kinds of failure are those of
// EnableRotation.
func (ks *Keys) DisableRotation(id string) (*Key, error) {
	k, err := ks.Find(id)
	if err != nil {
		return nil, err
	}
	if err := k.rotates(); err != nil {
		return nil, err
	}
	k = k.clone()
	k.Rotation = Rotation{}
	return k, nil
}

// RotateOnDemand gives a key new material at once, whatever its rotation; that goes on as it
// was. The kinds of failure are those of EnableRotation, LimitExceeded and those of the
// Sealer.
func (ks *Keys) RotateOnDemand(id string, s Sealer, now time.Time) (*Key, error) {
	k, err := ks.Find(id)
	if err != nil {
		return nil, err
	}
	if err := k.rotates(); err != nil {
		return nil, err
	}
	n := 0
	for _, m := range k.Materials {
		if m.Cause == OnDemand {
			n++
		}
	}
	if n >= maxOnDemand {
		return nil, exceeded("rotations on demand of a key", maxOnDemand)
	}
	return k.renewed(s, OnDemand, now)
}

// renewed is a key with one more material.
func (k *Key) renewed(s Sealer, cause Cause, now time.Time) (*Key, error) {
	raw, ok := parseID(k.ID)
	if !ok {
		return nil, fault.New(fault.Damaged, "the key %q has no id", k.ID)
	}
	m, err := newMaterial(s, raw, k.Current().Number+1, cause, now)
	if err != nil {
		return nil, err
	}
	next := k.clone()
	next.Materials = append(next.Materials, m)
	return next, nil
}

// RotationDue says whether a key is to get new material now. One that is disabled waits.
func (k *Key) RotationDue(now time.Time) bool {
	return k.Rotation.On && k.State == Enabled && !now.Before(k.Rotation.Next)
}

// RotateAutomatically gives a key the material that is due. The next is due a period after it
// should have been, or after now if that is over, too.
func (k *Key) RotateAutomatically(s Sealer, now time.Time) (*Key, error) {
	next, err := k.renewed(s, Automatic, now)
	if err != nil {
		return nil, err
	}
	period := days(k.Rotation.Days)
	if next.Rotation.Next = k.Rotation.Next.Add(period); !now.Before(next.Rotation.Next) {
		next.Rotation.Next = now.Add(period)
	}
	return next, nil
}

// DeletionDue says whether a key's time has come.
func (k *Key) DeletionDue(now time.Time) bool {
	return k.State == PendingDeletion && !now.Before(k.Deletion)
}

// Due is when something is to be done about a key by itself; zero: never.
func (k *Key) Due() time.Time {
	switch {
	case k.State == PendingDeletion:
		return k.Deletion
	case k.State == Enabled && k.Rotation.On:
		return k.Rotation.Next
	}
	return time.Time{}
}
