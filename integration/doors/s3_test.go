package doors

import (
	"context"
	"testing"

	"pail/store"
	"pail/store/iam"
	"pail/store/storetest"
	"pail/store/web"
	"pail/store/web/s3api"
	"pail/store/web/sigv4"
)

// TestS3 runs the suite over HTTP.
func TestS3(t *testing.T) {
	l := newListener(t)
	storetest.Run(t, s3Door{newClient(l.endpoint, l.key.ID, l.key.Secret)})
}

// A listener is a store behind S3, in this process.
type listener struct {
	endpoint string
	key      iam.AccessKey
}

// newListener listens until the test ends; hosts are names that it is known by.
func newListener(t *testing.T, hosts ...string) listener {
	t.Helper()
	so := store.Options{Dir: t.TempDir() + "/store"}
	if err := store.Create(so); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), so)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	key, _, err := st.As(store.Owner(), store.RequestContext{}).EnsureRootAccessKey(t.Context(), iam.Given{})
	if err != nil {
		t.Fatal(err)
	}
	at, err := web.ParseAddress("127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	id := &web.Identifier{Store: st, Verifier: &sigv4.Verifier{Region: "us-east-1", Hosts: hosts, Lookup: web.LookupIn(st), Temporary: web.TemporaryIn(st)}}
	srv, err := web.Listen(web.Options{
		Addresses: []web.Address{at}, Identify: id.Identify, Protocol: s3api.New(s3api.Options{Region: "us-east-1"}),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return listener{srv.Addresses()[0].Endpoint(), key}
}
