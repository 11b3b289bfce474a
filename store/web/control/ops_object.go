package control

import (
	"context"
	"maps"
	"slices"
	"strings"

	"pail/store"
	"pail/store/fault"
	"pail/versioning"
)

func versions(ctx context.Context, c *call, req ObjectRequest) error {
	se := c.session()
	in := store.KeyHistoryInput{Limit: pageSize}
	if req.At != nil {
		at, err := momentAt(ctx, se, req.Bucket, *req.At)
		if err != nil {
			return err
		}
		in.Behind = at.Seq + 1
	}
	for {
		page, more, err := se.KeyHistory(ctx, req.Bucket, req.Key, in)
		if err == nil && len(page) == 0 {
			err = fault.New(fault.NoSuchKey, "%s/%s had no version then that is kept", req.Bucket, req.Key)
		}
		if err != nil {
			return err
		}
		for _, v := range page {
			if err := c.out.item(objectOf(v)); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
		in.Behind = page[len(page)-1].Seq
	}
}

func stat(ctx context.Context, c *call, req ObjectRequest) error {
	se := c.session()
	o, err := objectAt(ctx, se, req)
	if err != nil {
		return err
	}
	w := objectOf(o)
	if !o.DeleteMarker {
		if w.Pieces, _, err = se.Pieces(ctx, req.Bucket, req.Key, o.VersionID); err != nil {
			return err
		}
	}
	xattrs, err := se.XattrsOf(ctx, store.Node{Bucket: req.Bucket, Key: req.Key, Version: o.VersionID})
	if err != nil {
		return err
	}
	for name, value := range xattrs {
		if w.Xattrs == nil {
			w.Xattrs = make(map[string]int, len(xattrs))
		}
		w.Xattrs[name] = len(value)
	}
	return c.out.item(w)
}

// objectAt is the version that a request means.
func objectAt(ctx context.Context, se *store.Session, req ObjectRequest) (store.Object, error) {
	if req.At == nil {
		return se.Head(ctx, req.Bucket, req.Key, req.Version)
	}
	at, err := momentAt(ctx, se, req.Bucket, *req.At)
	if err != nil {
		return store.Object{}, err
	}
	e, err := se.LookupAt(ctx, req.Bucket, "", req.Key, at)
	if err == nil && e.Object == nil || fault.Is(err, fault.NoSuchKey) {
		err = fault.New(fault.NoSuchKey, "there was no object %s/%s then, or what it held is kept no longer", req.Bucket, req.Key)
	}
	if err != nil {
		return store.Object{}, err
	}
	return *e.Object, nil
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
	d, err := se.Delete(ctx, req.Bucket, req.Key, store.DeleteOptions{Version: req.Version, MFA: store.NewMFA(req.MFA)})
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
	change := store.TextChange{Set: req.Set, Remove: req.Remove}
	var err error
	if req.Key == "" {
		err = se.ChangeBucketTags(ctx, req.Bucket, change)
	} else {
		err = se.ChangeTags(ctx, store.Node{Bucket: req.Bucket, Key: req.Key, Version: req.Version}, change)
	}
	have, readErr := readTags(ctx, se, req.ObjectRequest)
	switch {
	case fault.Is(err, fault.NoData) && readErr == nil:
		return noSuchTag(req, have)
	case err != nil:
		return err
	case readErr != nil:
		return readErr
	}
	return c.out.item(have)
}

// noSuchTag names the tags that were to be removed and are not there.
func noSuchTag(req TagsRequest, have map[string]string) error {
	missing := slices.DeleteFunc(slices.Clone(req.Remove), func(name string) bool { _, ok := have[name]; return ok })
	return fault.New(fault.NoSuchTagSet, "there is no tag %q", strings.Join(missing, `", "`)).At(req.Bucket, req.Key)
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
