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

func TestS3(t *testing.T) {
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
	id := &web.Identifier{Store: st, Verifier: &sigv4.Verifier{Region: "us-east-1", Lookup: web.LookupIn(st)}}
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
	storetest.Run(t, s3Door{newClient(srv.Addresses()[0].Endpoint(), key.ID, key.Secret)})
}
