package s3api

import (
	"strings"
	"testing"

	"pail/store"
)

// What does not fit into a bucket's quota is 403 QuotaExceeded, as Ceph answers
// (https://docs.ceph.com/en/latest/radosgw/admin/#quota-management).
func TestQuotaExceeded(t *testing.T) {
	r := smallParts(t)
	if err := r.se.SetQuota(t.Context(), "photos", store.Quota{Bytes: 20, Objects: 3}); err != nil {
		t.Fatal(err)
	}
	r.must("PUT", "/photos/a", strings.Repeat("x", 15))
	r.refused(403, "QuotaExceeded", "PUT", "/photos/b", strings.Repeat("x", 6))
	r.refused(403, "QuotaExceeded", "PUT", "/photos/b", "", "x-amz-copy-source", "/photos/a")
	id := r.upload("/photos/u")
	r.refused(403, "QuotaExceeded", "PUT", "/photos/u?partNumber=1&uploadId="+id, strings.Repeat("x", 6))
	one, two := r.part("/photos/u", id, 1, "12345"), r.part("/photos/u", id, 2, "1")
	r.refused(403, "QuotaExceeded", "POST", "/photos/u?uploadId="+id, listed(one, two))
	r.must("DELETE", "/photos/a", "")
	r.must("POST", "/photos/u?uploadId="+id, listed(one, two))
	for _, key := range []string{"b", "c"} {
		r.must("PUT", "/photos/"+key, "x")
	}
	r.refused(403, "QuotaExceeded", "PUT", "/photos/d", "")
	r.must("PUT", "/photos/c", "yy")
}
