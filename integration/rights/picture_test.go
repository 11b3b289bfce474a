package rights

import (
	"fmt"
	"strings"

	"pail/store"
)

// picture is everything that the store holds, as text.
func (r *rig) picture() string {
	r.Helper()
	var b strings.Builder
	buckets, err := r.se.Buckets(r.ctx)
	r.ok(err)
	for _, bucket := range buckets {
		fmt.Fprintf(&b, "%s %v\n", bucket.Name, bucket.Versioning)
		page, err := r.se.ListVersions(r.ctx, bucket.Name, store.ListVersionsInput{Limit: 1000})
		r.ok(err)
		for _, v := range page.Versions {
			fmt.Fprintf(&b, "  %s %s %d %v %+v\n", v.Key, v.VersionID, v.Size, v.DeleteMarker, v.Attr)
		}
	}
	return b.String()
}
