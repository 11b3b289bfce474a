package store_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pail/store"
	"pail/store/cors"
	"pail/store/event"
	"pail/store/fault"
	"pail/store/site"
	"pail/versioning"
)

func ptr[T any](v T) *T { return &v }

// aLifecycle has every shape that a rule can have.
func aLifecycle() versioning.Lifecycle {
	midnight := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	tags := []versioning.Tag{{Key: "k", Value: "v"}, {Key: "l", Value: ""}}
	return versioning.Lifecycle{Rules: []versioning.LifecycleRule{
		{ID: "all", Status: "Enabled", Filter: &versioning.LifecycleFilter{}, Expiration: &versioning.LifecycleExpiration{Days: ptr(int32(1))}},
		{ID: "prefix", Status: "Disabled", Filter: &versioning.LifecycleFilter{Prefix: ptr("")}, Expiration: &versioning.LifecycleExpiration{Date: &midnight}},
		{ID: "tag", Status: "Enabled", Filter: &versioning.LifecycleFilter{Tag: &tags[0]}, Noncurrent: &versioning.NoncurrentExpiration{Days: ptr(int32(3)), Newer: ptr(int32(2))}},
		{ID: "size", Status: "Enabled", Filter: &versioning.LifecycleFilter{SizeLess: ptr(int64(9))}, Noncurrent: &versioning.NoncurrentExpiration{Days: ptr(int32(3))}},
		{ID: "and", Status: "Enabled", Filter: &versioning.LifecycleFilter{And: &versioning.LifecycleAnd{Prefix: ptr("p"), Tags: tags, SizeGreater: ptr(int64(0)), SizeLess: ptr(int64(5))}}, Expiration: &versioning.LifecycleExpiration{Days: ptr(int32(7))}},
		{ID: "marker", Status: "Enabled", Filter: &versioning.LifecycleFilter{SizeGreater: nil}, Expiration: &versioning.LifecycleExpiration{ExpiredObjectDeleteMarker: ptr(false)}, AbortUploadsAfter: ptr(int32(2))},
	}}
}

func TestConfigurationsComeBackAsTheyWerePut(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket("conf", versioning.Unversioned)
	hook, err := r.se.AddWebhook(r.ctx, "hook", "http://127.0.0.1:1/")
	r.ok(err)

	wantCORS := cors.Config{Rules: []cors.Rule{
		{ID: "a", AllowedHeaders: []string{"X-*"}, AllowedMethods: []string{"GET", "PUT"}, AllowedOrigins: []string{"*", "http://a"}, ExposeHeaders: []string{"ETag"}, MaxAge: ptr(int32(0))},
		{AllowedMethods: []string{"HEAD"}, AllowedOrigins: []string{""}},
	}}
	wantSite := site.Config{Index: ptr("index.html"), Error: ptr("error.html"), Rules: []site.Rule{
		{Condition: &site.Condition{KeyPrefix: ptr(""), ErrorCode: 404}, Redirect: site.Redirect{Host: "h", Protocol: "https", Code: 302, WithKey: ptr("k")}},
		{Redirect: site.Redirect{WithPrefix: ptr("")}},
	}}
	wantLife := aLifecycle()
	wantEvents := event.Config{Targets: []event.Target{
		{ID: "q", Service: event.Queue, ARN: hook.ARN, Events: []string{"s3:ObjectCreated:*"}, Filters: []event.Filter{{Name: "Prefix", Value: "a"}, {Name: "Suffix", Value: ""}}},
		{ID: "t", Service: event.Topic, ARN: hook.Topic, Events: []string{event.RemovedDelete, event.TaggingPut}},
		{ID: "f", Service: event.Function, ARN: hook.Func, Events: []string{event.RemovedMarker}},
	}}

	_, err = r.se.CORS(r.ctx, "conf")
	r.kind(err, fault.NoSuchCORS)
	_, err = r.se.Website(r.ctx, "conf")
	r.kind(err, fault.NoSuchWebsite)
	_, err = r.se.Lifecycle(r.ctx, "conf")
	r.kind(err, fault.NoSuchLifecycle)
	r.ok(r.se.SetCORS(r.ctx, "conf", wantCORS))
	r.ok(r.se.SetWebsite(r.ctx, "conf", wantSite))
	r.ok(r.se.SetLifecycle(r.ctx, "conf", wantLife))
	r.ok(r.se.SetNotifications(r.ctx, "conf", wantEvents))
	check := func() {
		t.Helper()
		c, err := r.se.CORS(r.ctx, "conf")
		r.ok(err)
		w, err := r.se.Website(r.ctx, "conf")
		r.ok(err)
		l, err := r.se.Lifecycle(r.ctx, "conf")
		r.ok(err)
		n, err := r.se.Notifications(r.ctx, "conf")
		r.ok(err)
		if !reflect.DeepEqual(*c, wantCORS) || !reflect.DeepEqual(*w, wantSite) || !reflect.DeepEqual(l, wantLife) || !reflect.DeepEqual(*n, wantEvents) {
			t.Errorf("came back as\n%+v\n%+v\n%+v\n%+v", c, w, l, n)
		}
	}
	check()
	r.reopen()
	check()
	problems, err := r.s.Fsck(r.ctx, nil)
	r.ok(err)
	if len(problems) > 0 {
		t.Errorf("fsck: %v", problems)
	}

	wantCORS.Rules = wantCORS.Rules[1:]
	r.ok(r.se.SetCORS(r.ctx, "conf", wantCORS))
	check()
	r.ok(r.se.DeleteCORS(r.ctx, "conf"))
	r.ok(r.se.DeleteCORS(r.ctx, "conf"))
	r.ok(r.se.DeleteWebsite(r.ctx, "conf"))
	r.ok(r.se.DeleteLifecycle(r.ctx, "conf"))
	_, err = r.se.CORS(r.ctx, "conf")
	r.kind(err, fault.NoSuchCORS)
	_, err = r.se.Website(r.ctx, "conf")
	r.kind(err, fault.NoSuchWebsite)
	_, err = r.se.Lifecycle(r.ctx, "conf")
	r.kind(err, fault.NoSuchLifecycle)
	_, err = r.se.CORS(r.ctx, "nowhere")
	r.kind(err, fault.NoSuchBucket)
	r.kind(r.se.SetCORS(r.ctx, "nowhere", wantCORS), fault.NoSuchBucket)
	r.kind(r.se.SetCORS(r.ctx, "conf", cors.Config{}), fault.MalformedConfig)
	r.kind(r.se.SetWebsite(r.ctx, "conf", site.Config{}), fault.InvalidArgument)
	r.kind(r.se.SetLifecycle(r.ctx, "conf", versioning.Lifecycle{}), fault.MalformedConfig)
	with := aLifecycle()
	with.Rules[0].Transitions = true
	r.kind(r.se.SetLifecycle(r.ctx, "conf", with), fault.NotSupported)
}

// TestALargeConfigurationIsCutIntoPieces: more than fits one record, replaced by less.
func TestALargeConfigurationIsCutIntoPieces(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket("conf", versioning.Unversioned)
	var l versioning.Lifecycle
	for i := range versioning.MaxLifecycleRules {
		l.Rules = append(l.Rules, versioning.LifecycleRule{
			ID: fmt.Sprint(strings.Repeat("r", 200), i), Status: "Enabled", Filter: &versioning.LifecycleFilter{Prefix: ptr(fmt.Sprint(strings.Repeat("p", 200), i))},
			Expiration: &versioning.LifecycleExpiration{Days: ptr(int32(1))},
		})
	}
	for _, n := range []int{1000, 700, 1, 1000} {
		want := versioning.Lifecycle{Rules: l.Rules[:n]}
		r.ok(r.se.SetLifecycle(r.ctx, "conf", want))
		r.reopen()
		got, err := r.se.Lifecycle(r.ctx, "conf")
		r.ok(err)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%d rules came back as %d others", n, len(got.Rules))
		}
		problems, err := r.s.Fsck(r.ctx, nil)
		r.ok(err)
		if len(problems) > 0 {
			t.Fatalf("fsck: %v", problems)
		}
	}
}

func TestADeletedBucketLeavesNoConfiguration(t *testing.T) {
	r := newRig(t, store.Options{})
	rule := cors.Config{Rules: []cors.Rule{{AllowedMethods: []string{"GET"}, AllowedOrigins: []string{"*"}}}}
	r.bucket("conf", versioning.Unversioned)
	hook, err := r.se.AddWebhook(r.ctx, "hook", "http://127.0.0.1:1/")
	r.ok(err)
	r.ok(r.se.SetCORS(r.ctx, "conf", rule))
	r.ok(r.se.SetLifecycle(r.ctx, "conf", aLifecycle()))
	r.ok(r.se.SetNotifications(r.ctx, "conf", event.Config{Targets: []event.Target{{Service: event.Queue, ARN: hook.ARN, Events: []string{"s3:ObjectCreated:*"}}}}))
	r.kind(r.se.RemoveWebhook(r.ctx, "hook"), fault.Busy)
	r.ok(r.se.DeleteBucket(r.ctx, "conf"))
	r.ok(r.se.RemoveWebhook(r.ctx, "hook"))
	r.bucket("conf", versioning.Unversioned)
	_, err = r.se.CORS(r.ctx, "conf")
	r.kind(err, fault.NoSuchCORS)
	r.reopen()
	problems, err := r.s.Fsck(r.ctx, nil)
	r.ok(err)
	if len(problems) > 0 {
		t.Errorf("fsck: %v", problems)
	}
}

func TestConfigurationsAreToldAsChangesOfTheBucket(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket("conf", versioning.Unversioned)
	n := 0
	stop := r.s.Watch(func(c store.Change) {
		if c.Kind == store.BucketChanged && c.Bucket == "conf" && c.Principal == store.Owner().ARN {
			n++
		}
	})
	defer stop()
	for i, do := range []func() error{
		func() error {
			return r.se.SetCORS(r.ctx, "conf", cors.Config{Rules: []cors.Rule{{AllowedMethods: []string{"GET"}, AllowedOrigins: []string{"*"}}}})
		},
		func() error { return r.se.SetWebsite(r.ctx, "conf", site.Config{Index: ptr("i")}) },
		func() error { return r.se.SetLifecycle(r.ctx, "conf", aLifecycle()) },
		func() error { return r.se.SetNotifications(r.ctx, "conf", event.Config{}) },
		func() error { return r.se.DeleteCORS(r.ctx, "conf") },
		func() error { return r.se.DeleteWebsite(r.ctx, "conf") },
		func() error { return r.se.DeleteLifecycle(r.ctx, "conf") },
	} {
		r.ok(do())
		if n != i+1 {
			t.Errorf("change %d was told %d times", i, n-i)
		}
	}
}

func TestWhatHasOneAnswer(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket("conf", versioning.Unversioned)
	if p, err := r.se.RequestPayment(r.ctx, "conf"); err != nil || p != store.PayerOwner {
		t.Errorf("%q, %v", p, err)
	}
	r.ok(r.se.SetRequestPayment(r.ctx, "conf", store.PayerOwner))
	r.kind(r.se.SetRequestPayment(r.ctx, "conf", store.PayerRequester), fault.NotSupported)
	r.kind(r.se.SetRequestPayment(r.ctx, "conf", "Nobody"), fault.MalformedConfig)
}

func TestOwnershipComesBack(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket("conf", versioning.Unversioned)
	is := func(want store.Ownership) {
		t.Helper()
		if o, err := r.se.Ownership(r.ctx, "conf"); err != nil || o != want {
			t.Errorf("%q, %v; want %q", o, err, want)
		}
	}
	is(store.OwnerEnforced)
	for _, o := range []store.Ownership{store.OwnerWriter, store.OwnerEnforced, store.OwnerPreferred} {
		r.ok(r.se.SetOwnership(r.ctx, "conf", o))
		is(o)
	}
	r.reopen()
	is(store.OwnerPreferred)
	r.kind(r.se.SetOwnership(r.ctx, "conf", "Nobody"), fault.MalformedConfig)
	r.ok(r.se.DeleteOwnership(r.ctx, "conf"))
	_, err := r.se.Ownership(r.ctx, "conf")
	r.kind(err, fault.NoSuchOwnership)
	_, err = r.se.Ownership(r.ctx, "nowhere")
	r.kind(err, fault.NoSuchBucket)
	_, err = r.se.CreateBucket(r.ctx, "owned", store.BucketOptions{Ownership: store.OwnerWriter})
	r.ok(err)
}

func TestObjectLockKeepsABucketVersioned(t *testing.T) {
	r := newRig(t, store.Options{})
	b, err := r.se.CreateBucket(r.ctx, "locked", store.BucketOptions{ObjectLock: true})
	r.ok(err)
	if !b.ObjectLock || b.Versioning != versioning.Enabled {
		t.Fatalf("%+v", b)
	}
	r.bucket("open", versioning.Enabled)
	r.reopen()
	r.kind(r.se.SetVersioning(r.ctx, "locked", versioning.Suspended), fault.InvalidBucketState)
	r.ok(r.se.SetVersioning(r.ctx, "locked", versioning.Enabled))
	_, err = r.se.ObjectLock(r.ctx, "locked")
	r.ok(err)
	_, err = r.se.ObjectLock(r.ctx, "open")
	r.kind(err, fault.NoSuchObjectLock)
	// A name without history elsewhere has history here, on the mount too.
	for _, bucket := range []string{"locked", "open"} {
		r.save(bucket, ".file.swp", "one")
		r.save(bucket, ".file.swp", "two")
	}
	for bucket, want := range map[string]int{"locked": 2, "open": 1} {
		vs, err := r.se.Versions(r.ctx, bucket, ".file.swp")
		r.ok(err)
		if len(vs) != want {
			t.Errorf("%s has %d versions of a swap file, want %d", bucket, len(vs), want)
		}
	}
}

func TestWebhooks(t *testing.T) {
	r := newRig(t, store.Options{})
	r.bucket("conf", versioning.Unversioned)
	for _, address := range []string{"", "ftp://x/", "http://", "x", "://"} {
		_, err := r.se.AddWebhook(r.ctx, "hook", address)
		r.kind(err, fault.InvalidArgument)
	}
	for _, name := range []string{"", "a b", "a/b", strings.Repeat("x", 81)} {
		_, err := r.se.AddWebhook(r.ctx, name, "http://127.0.0.1:1/")
		r.kind(err, fault.InvalidArgument)
	}
	h, err := r.se.AddWebhook(r.ctx, "hook", "http://127.0.0.1:1/x")
	r.ok(err)
	if h.ARN != "arn:aws:sqs:us-east-1:000000000000:hook" {
		t.Errorf("ARN %s", h.ARN)
	}
	_, err = r.se.AddWebhook(r.ctx, "hook", "http://127.0.0.1:2/")
	r.kind(err, fault.Exists)
	r.kind(r.se.RemoveWebhook(r.ctx, "other"), fault.NoSuchEntity)
	to := func(arn string) event.Config {
		return event.Config{Targets: []event.Target{{Service: event.Queue, ARN: arn, Events: []string{"s3:ObjectCreated:*"}}}}
	}
	for _, arn := range []string{
		"arn:aws:sqs:us-east-1:000000000000:other", "arn:aws:sqs:us-east-1:111111111111:hook", "arn:aws:sqs:eu-west-1:000000000000:hook",
	} {
		err := r.se.SetNotifications(r.ctx, "conf", to(arn))
		r.kind(err, fault.InvalidArgument)
		if !strings.Contains(err.Error(), "Unable to validate the following destination configurations") {
			t.Errorf("%v", err)
		}
	}
	r.ok(r.se.SetNotifications(r.ctx, "conf", to(h.ARN)))
	r.reopen()
	ws, err := r.se.Webhooks(r.ctx)
	r.ok(err)
	if len(ws) != 1 || ws[0].Name != "hook" || ws[0].URL != "http://127.0.0.1:1/x" || ws[0].Waiting != 1 {
		t.Errorf("%+v", ws) // the test event waits
	}
	r.kind(r.se.RemoveWebhook(r.ctx, "hook"), fault.Busy)
	r.ok(r.se.SetNotifications(r.ctx, "conf", event.Config{}))
	r.ok(r.se.RemoveWebhook(r.ctx, "hook"))
	n, err := r.se.Notifications(r.ctx, "conf")
	r.ok(err)
	if len(n.Targets) != 0 {
		t.Errorf("%+v", n)
	}
}

func TestExpirationOfAnObject(t *testing.T) {
	now := time.Date(2026, 1, 15, 10, 30, 0, 0, time.UTC)
	r := newRig(t, store.Options{Now: func() time.Time { return now }})
	r.bucket("conf", versioning.Enabled)
	o := r.put("conf", "logs/a", "x")
	_, ok, err := r.se.Expiration(r.ctx, o)
	r.ok(err)
	if ok {
		t.Error("an object ends without a rule")
	}
	r.ok(r.se.SetLifecycle(r.ctx, "conf", versioning.Lifecycle{Rules: []versioning.LifecycleRule{
		{Status: "Enabled", Filter: &versioning.LifecycleFilter{Prefix: ptr("logs/")}, Expiration: &versioning.LifecycleExpiration{Days: ptr(int32(3))}, AbortUploadsAfter: ptr(int32(1))},
	}}))
	l, err := r.se.Lifecycle(r.ctx, "conf")
	r.ok(err)
	due, ok, err := r.se.Expiration(r.ctx, o)
	r.ok(err)
	if !ok || !due.At.Equal(time.Date(2026, 1, 19, 0, 0, 0, 0, time.UTC)) || due.Rule == "" || due.Rule != l.Rules[0].ID {
		t.Errorf("%+v, %v, %+v", due, ok, l)
	}
	if _, ok, err := r.se.Expiration(r.ctx, r.put("conf", "other", "x")); ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
	due, ok, err = r.se.UploadExpiration(r.ctx, "conf", "logs/u", now)
	r.ok(err)
	if !ok || !due.At.Equal(time.Date(2026, 1, 17, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v, %v", due, ok)
	}
}
