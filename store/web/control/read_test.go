package control

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"pail/store"
	"pail/store/fault"
)

// TestReadOfWhatWasReplaced asks for an object as it was listed: what has its null version's
// id now is not read in its place.
func TestReadOfWhatWasReplaced(t *testing.T) {
	o := store.Options{Dir: t.TempDir() + "/store"}
	if err := store.Create(o); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close(context.Background())
	c, err := Local(t.Context(), NewHandler(st, nil, "test", quiet()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	se := st.As(store.Owner(), store.RequestContext{})
	if _, err := se.CreateBucket(t.Context(), "plain", store.BucketOptions{}); err != nil {
		t.Fatal(err)
	}
	put := func(body string) {
		t.Helper()
		if _, err := se.Put(t.Context(), "plain", "k", store.PutInput{Body: strings.NewReader(body), Size: int64(len(body))}); err != nil {
			t.Fatal(err)
		}
	}
	read := func(o Object) (string, error) {
		var out bytes.Buffer
		err := c.Read(t.Context(), ObjectRequest{Bucket: o.Bucket, Key: o.Key, Version: o.Version, Modified: &o.Modified}, &out)
		return out.String(), err
	}
	put("old")
	var listed Object
	err = c.List(t.Context(), ListRequest{Bucket: "plain"}, func(l ListEntry) error {
		listed = *l.Object
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := read(listed); got != "old" || err != nil {
		t.Fatalf("%q, %v", got, err)
	}
	put("new")
	if got, err := read(listed); got != "" || !fault.Is(err, fault.NoSuchVersion) {
		t.Errorf("what was replaced reads as %q, %v", got, err)
	}
}
