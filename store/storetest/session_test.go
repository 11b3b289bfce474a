package storetest_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"pail/store"
	"pail/store/fault"
	"pail/store/storetest"
	"pail/versioning"
)

// A sessionDoor is the store itself.
type sessionDoor struct{ se *store.Session }

func TestSession(t *testing.T) {
	so := store.Options{Dir: t.TempDir() + "/store"}
	if err := store.Create(so); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), so)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if problems, err := st.Check(context.Background(), store.FsckOptions{Deep: true}); err != nil || len(problems) > 0 {
			t.Errorf("fsck: %v %v", problems, err)
		}
		if err := st.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	storetest.Run(t, sessionDoor{st.As(store.Owner(), store.RequestContext{Door: store.DoorS3})})
}

func (d sessionDoor) Kind(err error) fault.Kind { return fault.KindOf(err) }

func (d sessionDoor) Lacks() map[string]string { return nil }

func (d sessionDoor) CreateBucket(ctx context.Context, name string) error {
	_, err := d.se.CreateBucket(ctx, name, store.BucketOptions{})
	return err
}

func (d sessionDoor) DeleteBucket(ctx context.Context, name string) error {
	return d.se.DeleteBucket(ctx, name)
}

func (d sessionDoor) Buckets(ctx context.Context) ([]string, error) {
	bs, err := d.se.Buckets(ctx)
	var names []string
	for _, b := range bs {
		names = append(names, b.Name)
	}
	return names, err
}

func (d sessionDoor) SetVersioning(ctx context.Context, bucket string, to versioning.State) error {
	return d.se.SetVersioning(ctx, bucket, to)
}

func (d sessionDoor) Versioning(ctx context.Context, bucket string) (versioning.State, error) {
	return d.se.Versioning(ctx, bucket)
}

func (d sessionDoor) Put(ctx context.Context, bucket, key, body string, o storetest.PutOptions) error {
	in := store.PutInput{
		Body: strings.NewReader(body), Size: int64(len(body)), Headers: store.Headers{ContentType: o.ContentType},
		Metadata: o.Metadata, Tags: o.Tags, Conditions: store.Conditions{IfMatch: o.IfMatch},
	}
	if o.IfNoneMatch {
		in.Conditions.IfNoneMatch = "*"
	}
	_, err := d.se.Put(ctx, bucket, key, in)
	return err
}

func (d sessionDoor) Get(ctx context.Context, bucket, key, version string) (storetest.Object, error) {
	r, err := d.se.Get(ctx, bucket, key, version)
	if err != nil {
		return storetest.Object{}, err
	}
	defer r.Close()
	var b strings.Builder
	_, err = r.WriteTo(&b)
	o := r.Object()
	return storetest.Object{Body: b.String(), ETag: o.ETag, ContentType: o.Headers.ContentType, Metadata: o.Metadata, Tags: o.Tags}, err
}

func (d sessionDoor) ReadRange(ctx context.Context, bucket, key string, off, n int64) (string, error) {
	r, err := d.se.Get(ctx, bucket, key, "")
	if err != nil {
		return "", err
	}
	defer r.Close()
	p := make([]byte, n)
	if m, err := r.ReadAt(p, off); int64(m) < n {
		return "", err
	}
	var b strings.Builder
	if _, err := r.WriteRange(&b, store.Range{Off: off, Len: n}); err != nil {
		return "", err
	}
	if b.String() != string(p) {
		return "", io.ErrUnexpectedEOF
	}
	return b.String(), nil
}

func (d sessionDoor) Delete(ctx context.Context, bucket, key, version string) error {
	_, err := d.se.Delete(ctx, bucket, key, store.DeleteOptions{Version: version})
	return err
}

func (d sessionDoor) List(ctx context.Context, bucket, prefix string, deep bool) (keys, prefixes []string, err error) {
	in := store.ListInput{Prefix: prefix}
	if !deep {
		in.Delimiter = "/"
	}
	for {
		p, err := d.se.List(ctx, bucket, in)
		if err != nil {
			return nil, nil, err
		}
		for _, o := range p.Objects {
			keys = append(keys, o.Key)
		}
		prefixes = append(prefixes, p.Prefixes...)
		if !p.Truncated {
			return keys, prefixes, nil
		}
		in.StartAfter = p.Next
	}
}

func (d sessionDoor) Versions(ctx context.Context, bucket, key string) ([]storetest.Version, error) {
	vs, err := d.se.Versions(ctx, bucket, key)
	var out []storetest.Version
	for _, v := range vs {
		out = append(out, storetest.Version{ID: v.VersionID, DeleteMarker: v.DeleteMarker, Size: v.Size})
	}
	return out, err
}

func (d sessionDoor) Copy(ctx context.Context, bucket, from, version, to string) error {
	_, err := d.se.Copy(ctx, store.Source{Bucket: bucket, Key: from, Version: version}, bucket, to, store.CopyInput{})
	return err
}

func (d sessionDoor) Rename(ctx context.Context, bucket, from, to string) error {
	return d.se.Rename(ctx, store.Path{Bucket: bucket, Key: from}, store.Path{Bucket: bucket, Key: to}, store.RenameFlags{})
}

func (d sessionDoor) SetTags(ctx context.Context, bucket, key string, tags map[string]string) error {
	return d.se.SetTags(ctx, bucket, key, "", tags)
}
