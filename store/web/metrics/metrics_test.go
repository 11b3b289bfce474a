package metrics

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"pail/store"
	"pail/store/web"
	"pail/versioning"
)

func TestMetrics(t *testing.T) {
	ctx := context.Background()
	so := store.Options{Dir: t.TempDir() + "/store"}
	if err := store.Create(so); err != nil {
		t.Fatal(err)
	}
	m := New("v1")
	h := m.Handler()
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code, w.Body.String()
	}
	is := func(path string, status int, text string) {
		t.Helper()
		if got, body := get(path); got != status || !strings.Contains(body, text) {
			t.Errorf("%s: %d %q, want %d %q", path, got, body, status, text)
		}
	}
	is("/healthz", 200, "ok\n")
	is("/readyz", 503, "the store is being opened\n")
	is("/metrics", 200, "pail_ready 0\n")
	is("/", 404, "")

	st, err := store.Open(ctx, so)
	if err != nil {
		t.Fatal(err)
	}
	se := st.As(store.Owner(), store.RequestContext{Door: store.DoorS3})
	if _, err := se.CreateBucket(ctx, "secret-bucket", store.BucketOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := se.Put(ctx, "secret-bucket", "secret-key", store.PutInput{Body: strings.NewReader("x"), Size: 1}); err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{"y", "z"} { // the second in the first's place
		if _, err := se.Put(ctx, "secret-bucket", "other", store.PutInput{Body: strings.NewReader(body), Size: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := se.CreateBucket(ctx, "with-history", store.BucketOptions{Versioning: versioning.Enabled}); err != nil {
		t.Fatal(err)
	}
	if _, err := se.Delete(ctx, "with-history", "secret-key", store.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	m.Opened(st)
	m.Observe(web.Observation{Operation: "PutObject", Status: 200, In: 7, Out: 3, Took: 2 * time.Millisecond})
	m.Observe(web.Observation{Operation: "PutObject", Status: 412})
	m.Observe(web.Observation{Status: 405})
	is("/readyz", 200, "ok\n")
	_, text := get("/metrics")
	for _, want := range []string{
		`pail_ready 1`, `pail_store_buckets 2`, `pail_store_versions_made_total 4`, `pail_store_delete_markers_made_total 1`, `pail_store_versions_removed_total 1`, `pail_store_pending_versions 0`, `pail_store_stopped 0`,
		`pail_s3_requests_total{operation="PutObject",status="200"} 1`, `pail_s3_requests_total{operation="PutObject",status="412"} 1`,
		`pail_s3_requests_total{operation="none",status="405"} 1`, `pail_s3_received_bytes_total{operation="PutObject"} 7`,
		`pail_s3_sent_bytes_total{operation="PutObject"} 3`, `pail_s3_request_seconds_bucket{operation="PutObject",le="0.0025"} 2`,
		`pail_build_info{release="v1"} 1`,
	} {
		if !strings.Contains(text, "\n"+want+"\n") {
			t.Errorf("there is no %s", want)
		}
	}
	for _, want := range []string{`pail_disk_free_bytes [1-9]`, `pail_disk_reserve_bytes [1-9]`, `pail_job_running\{job="settle"\}`,
		`pail_cache_misses_total\{cache="records"\} [1-9]`, `pail_cache_entries\{cache="files"\} `, `process_open_fds [1-9]`, `go_goroutines [1-9]`, `go_gc_heap_live_bytes [1-9]`} {
		if !regexp.MustCompile("(?m)^" + want).MatchString(text) {
			t.Errorf("there is no %s", want)
		}
	}
	if strings.Contains(text, "secret") {
		t.Error("the metrics tell what is in the store")
	}
	m.Closing()
	is("/readyz", 503, "the store is closing\n")
	if err := st.Close(ctx); err != nil {
		t.Fatal(err)
	}
	is("/metrics", 200, "pail_ready 0\n")
	is("/healthz", 200, "ok\n")
}
