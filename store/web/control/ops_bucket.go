package control

import (
	"context"

	"pail/store"
	"pail/store/fault"
	"pail/store/trail"
	"pail/versioning"
)

func buckets(ctx context.Context, c *call) error {
	all, err := c.session().Buckets(ctx)
	if err != nil {
		return err
	}
	for _, b := range all {
		if err := c.out.item(bucketOf(b)); err != nil {
			return err
		}
	}
	return nil
}

func createBucket(ctx context.Context, c *call, req CreateBucketRequest) error {
	b, err := c.session().CreateBucket(ctx, req.Name, store.BucketOptions{
		Region: req.Region, Versioning: req.Versioning, ObjectLock: req.ObjectLock,
	})
	if err != nil {
		return err
	}
	return c.out.item(bucketOf(b))
}

func bucketInfo(ctx context.Context, c *call, req BucketRequest) error {
	se := c.session()
	b, err := se.Bucket(ctx, req.Name)
	if err != nil {
		return err
	}
	u, err := se.BucketUsage(ctx, req.Name)
	if err != nil {
		return err
	}
	return c.out.item(BucketInfo{
		Bucket: bucketOf(b), Objects: u.Objects, Bytes: u.Bytes, Versions: u.Versions,
		NoncurrentBytes: u.NoncurrentBytes, DeleteMarkers: u.DeleteMarkers,
	})
}

func deleteBucket(ctx context.Context, c *call, req BucketRequest) error {
	return c.session().DeleteBucket(ctx, req.Name)
}

func lock(ctx context.Context, c *call, req LockRequest) error {
	se := c.session()
	if req.Set {
		d := versioning.DefaultRetention{Days: req.Days, Years: req.Years}
		if req.Mode != "" {
			ok := false
			if d.Mode, ok = versioning.ParseLockMode(req.Mode); !ok {
				return fault.New(fault.InvalidArgument, "%q is no mode of retention; there are GOVERNANCE and COMPLIANCE", req.Mode)
			}
		}
		if err := se.SetObjectLock(ctx, req.Name, d); err != nil {
			return err
		}
	}
	d, err := se.ObjectLock(ctx, req.Name)
	if err != nil {
		return err
	}
	return c.out.item(Lock{Name: req.Name, Mode: d.Mode.String(), Days: d.Days, Years: d.Years})
}

func logging(ctx context.Context, c *call, req LoggingRequest) error {
	se := c.session()
	if req.Set {
		to := store.Logging{Target: req.Target, Prefix: req.Prefix}
		var ok bool
		if to.Partition, ok = partitions[req.Partition]; !ok {
			return fault.New(fault.InvalidArgument, "keys are partitioned by EventTime or DeliveryTime, not by %q", req.Partition)
		}
		if err := se.SetLogging(ctx, req.Name, to); err != nil {
			return err
		}
	}
	status := se.LogStatus
	if req.Deliver {
		status = se.DeliverLog
	}
	st, err := status(ctx, req.Name)
	if err != nil {
		return err
	}
	out := Logging{Name: req.Name, Target: st.Target, Prefix: st.Prefix, Grants: len(st.Grants), Waiting: st.Waiting, Records: st.Records}
	switch {
	case st.Partition == trail.PartitionDelivery:
		out.Partition = "DeliveryTime"
	case st.Partition.ByEvent():
		out.Partition = "EventTime"
	}
	if !st.Delivered.IsZero() {
		out.Delivered = &st.Delivered
	}
	if st.Failed != nil {
		out.Failed, out.Since = st.Failed.Error(), &st.Since
	}
	return c.out.item(out)
}

// partitions are the ways of making keys of log objects, by their names in requests.
var partitions = map[string]trail.Partition{
	"": trail.PrefixUnsaid, "EventTime": trail.PartitionEvent, "DeliveryTime": trail.PartitionDelivery,
}

func quota(ctx context.Context, c *call, req QuotaRequest) error {
	se := c.session()
	q, err := se.Quota(ctx, req.Name)
	if err != nil {
		return err
	}
	if req.Bytes != nil || req.Objects != nil {
		to := q.Quota
		if req.Bytes != nil {
			to.Bytes = *req.Bytes
		}
		if req.Objects != nil {
			to.Objects = *req.Objects
		}
		if err := se.SetQuota(ctx, req.Name, to); err != nil {
			return err
		}
		if q, err = se.Quota(ctx, req.Name); err != nil {
			return err
		}
	}
	return c.out.item(Quota{
		Name: req.Name, Bytes: q.Bytes, Objects: q.Objects,
		UsedBytes: q.Used.Bytes, UsedObjects: q.Used.Objects, Counted: q.Counted,
	})
}

func setVersioning(ctx context.Context, c *call, req VersioningRequest) error {
	ch := store.VersioningChange{State: req.Versioning, MFA: store.NewMFA(req.MFA)}
	switch {
	case req.MFADelete == nil:
	case *req.MFADelete:
		ch.MFADelete = store.MFAEnabled
	default:
		ch.MFADelete = store.MFADisabled
	}
	return c.session().ChangeVersioning(ctx, req.Name, ch)
}
