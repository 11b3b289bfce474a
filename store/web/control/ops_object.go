package control

import (
	"context"
	"maps"

	"pail/store"
	"pail/store/fault"
	"pail/versioning"
)

func versions(ctx context.Context, c *call, req ObjectRequest) error {
	all, err := c.session().Versions(ctx, req.Bucket, req.Key)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return fault.New(fault.NoSuchKey, "the key has no versions").At(req.Bucket, req.Key)
	}
	for _, v := range all {
		if err := c.out.item(objectOf(v)); err != nil {
			return err
		}
	}
	return nil
}

func stat(ctx context.Context, c *call, req ObjectRequest) error {
	o, err := c.session().Head(ctx, req.Bucket, req.Key, req.Version)
	if err != nil {
		return err
	}
	out := objectOf(o)
	if !o.DeleteMarker {
		if out.Pieces, _, err = c.session().Pieces(ctx, req.Bucket, req.Key, o.VersionID); err != nil {
			return err
		}
	}
	return c.out.item(out)
}

func restore(ctx context.Context, c *call, req ObjectRequest) error {
	if err := keepsCurrent(ctx, c.session(), req); err != nil {
		return err
	}
	o, err := c.session().Restore(ctx, req.Bucket, req.Key, req.Version)
	if err != nil {
		return err
	}
	return c.out.item(objectOf(o))
}

// deleteObject refuses to delete what is not there: S3 answers success, but a
// person who mistypes a key or a version should hear of it.
func deleteObject(ctx context.Context, c *call, req ObjectRequest) error {
	se := c.session()
	if _, err := se.Head(ctx, req.Bucket, req.Key, req.Version); err != nil {
		return err
	}
	d, err := se.Delete(ctx, req.Bucket, req.Key, store.DeleteOptions{Version: req.Version})
	if err != nil {
		return err
	}
	return c.out.item(Deleted{Bucket: req.Bucket, Key: req.Key, Version: d.VersionID, DeleteMarker: d.DeleteMarker})
}

// keepsCurrent refuses a restore that would destroy what is current: a null version that
// the restored one, a null version too, would replace.
func keepsCurrent(ctx context.Context, se *store.Session, req ObjectRequest) error {
	b, err := se.Bucket(ctx, req.Bucket)
	if err != nil || b.Versioning != versioning.Suspended {
		return err
	}
	cur, err := se.Head(ctx, req.Bucket, req.Key, "")
	if fault.Is(err, fault.NoSuchKey) {
		return nil
	}
	if err != nil {
		return err
	}
	old, err := se.Head(ctx, req.Bucket, req.Key, req.Version)
	if err != nil || old.Seq == cur.Seq || cur.VersionID != store.NullVersion {
		return err
	}
	return fault.New(fault.InvalidBucketState, "versioning of %s is suspended, so restoring would replace what is current now; first run: pail bucket versioning %s enable", req.Bucket, req.Bucket)
}

func tags(ctx context.Context, c *call, req ObjectRequest) error {
	have, err := readTags(ctx, c.session(), req)
	if err != nil {
		return err
	}
	return c.out.item(have)
}

func changeTags(ctx context.Context, c *call, req TagsRequest) error {
	se := c.session()
	have, err := readTags(ctx, se, req.ObjectRequest)
	if err != nil {
		return err
	}
	for _, name := range req.Remove {
		if _, ok := have[name]; !ok {
			return fault.New(fault.NoSuchTagSet, "there is no tag %q", name).At(req.Bucket, req.Key)
		}
		delete(have, name)
	}
	maps.Copy(have, req.Set)
	if req.Key == "" {
		err = se.SetBucketTags(ctx, req.Bucket, have)
	} else {
		err = se.SetTags(ctx, req.Bucket, req.Key, req.Version, have)
	}
	if err != nil {
		return err
	}
	return c.out.item(have)
}

// readTags returns a map of the caller's own, never nil.
func readTags(ctx context.Context, se *store.Session, req ObjectRequest) (map[string]string, error) {
	if req.Key == "" {
		b, err := se.Bucket(ctx, req.Bucket)
		return cloned(b.Tags), err
	}
	have, err := se.Tags(ctx, req.Bucket, req.Key, req.Version)
	if err != nil && !fault.Is(err, fault.NoSuchTagSet) {
		return nil, err
	}
	return cloned(have), nil
}

func cloned(m map[string]string) map[string]string {
	out := make(map[string]string, len(m))
	maps.Copy(out, m)
	return out
}
