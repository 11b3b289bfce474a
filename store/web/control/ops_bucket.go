package control

import (
	"context"

	"pail/store"
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
		Region: req.Region, Versioning: req.Versioning,
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

func setVersioning(ctx context.Context, c *call, req VersioningRequest) error {
	return c.session().SetVersioning(ctx, req.Name, req.Versioning)
}
