package fs

import (
	"pail/fs/attrs"
	"pail/store"
	"pail/store/access"
	"pail/store/fault"
	"pail/store/trail"
)

// The attribute logging of a bucket: where its access log goes. It is not there if requests are
// not logged, and removing it ends that.

// loggingAttr reads it.
func (a *attributed) loggingAttr() ([]byte, error) {
	l, err := a.se.Logging(a.f.ctx, a.bucket)
	switch {
	case err != nil:
		return nil, err
	case l.Target == "":
		return nil, noAttribute()
	}
	return attrs.FormatLogging(toLoggingStatus(l)), nil
}

// changeLogging sets or removes it.
func (a *attributed) changeLogging(c xattrChange) error {
	if c.remove {
		if l, err := a.se.Logging(a.f.ctx, a.bucket); err == nil && l.Target == "" {
			return noAttribute()
		} else if err != nil && !fault.Is(err, fault.AccessDenied) {
			return err
		}
		return a.se.SetLogging(a.f.ctx, a.bucket, store.Logging{})
	}
	l, err := loggingOf(c.value)
	if err != nil {
		return fault.Wrap(fault.InvalidArgument, err, "%slogging", attrs.Prefix)
	}
	return a.se.SetLogging(a.f.ctx, a.bucket, l)
}

// The days by which keys of log objects are partitioned, by their names.
const (
	eventTime    = "EventTime"
	deliveryTime = "DeliveryTime"
)

func toLoggingStatus(l store.Logging) attrs.LoggingStatus {
	on := &attrs.LoggingEnabled{TargetBucket: l.Target, TargetPrefix: l.Prefix}
	for _, g := range l.Grants {
		on.TargetGrants = append(on.TargetGrants, toAccessGrant(g))
	}
	switch l.Partition {
	case trail.PrefixUnsaid:
	case trail.SimplePrefix:
		on.TargetObjectKeyFormat = &attrs.ObjectKeyFormat{SimplePrefix: &struct{}{}}
	default:
		p := &attrs.PartitionedPrefix{}
		switch l.Partition {
		case trail.PartitionEvent:
			p.PartitionDateSource = eventTime
		case trail.PartitionDelivery:
			p.PartitionDateSource = deliveryTime
		}
		on.TargetObjectKeyFormat = &attrs.ObjectKeyFormat{PartitionedPrefix: p}
	}
	return attrs.LoggingStatus{LoggingEnabled: on}
}

func loggingOf(value []byte) (store.Logging, error) {
	status, err := attrs.ParseLogging(value)
	on := status.LoggingEnabled
	if err != nil || on == nil {
		return store.Logging{}, err
	}
	l := store.Logging{Target: on.TargetBucket, Prefix: on.TargetPrefix}
	if l.Target == "" {
		return l, fault.New(fault.InvalidArgument, "a log needs a TargetBucket")
	}
	for _, g := range on.TargetGrants {
		who := access.Grantee{CanonicalUser: g.Grantee.ID, Group: g.Grantee.URI}
		l.Grants = append(l.Grants, access.Grant{Grantee: who, Permission: access.Permission(g.Permission)})
	}
	if f := on.TargetObjectKeyFormat; f != nil {
		if l.Partition = trail.SimplePrefix; f.PartitionedPrefix != nil {
			switch word := f.PartitionedPrefix.PartitionDateSource; word {
			case "":
				l.Partition = trail.PartitionUnsaid
			case eventTime:
				l.Partition = trail.PartitionEvent
			case deliveryTime:
				l.Partition = trail.PartitionDelivery
			default:
				return l, fault.New(fault.InvalidArgument, "keys are partitioned by %s or %s, not by %q", eventTime, deliveryTime, word)
			}
		}
	}
	return l, nil
}
