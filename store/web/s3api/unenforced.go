package s3api

import (
	"slices"
	"strings"

	"pail/store/web/apierror"
)

// What the store cannot enforce is not stored: a policy that is kept and not obeyed is
// worse than none. This file is the one table of it. An entry goes when its rule comes.

// unenforcedOperations cannot be done yet, and why.
var unenforcedOperations = map[string]string{
	"PutBucketAccelerateConfiguration":         "there is no acceleration: the server is where you are",
	"PutBucketAnalyticsConfiguration":          "there is no analytics",
	"PutBucketMetricsConfiguration":            "there are no metrics of buckets in CloudWatch; see --metrics",
	"PutBucketInventoryConfiguration":          "there is no inventory",
	"PutBucketIntelligentTieringConfiguration": "there is one tier of storage",
	"PutBucketReplication":                     "there is no replication; see pail backup",
	"GetObjectTorrent":                         "there are no torrents",
	"RestoreObject":                            "nothing is archived that could be restored",
	"SelectObjectContent":                      "objects are not searched; read them",
}

// An unenforcedHeader asks for something that the store does not do.
type unenforcedHeader struct {
	name    string   // in lower case
	except  []string // values that ask for what holds anyhow
	because string
}

var unenforcedHeaders = []unenforcedHeader{
	{"x-amz-object-lock-event-hold", []string{"OFF"}, "event holds are not enforced, and so cannot be set"},
	{"x-amz-object-lock-event-hold-duration-days", nil, "event holds are not enforced, and so cannot be set"},
	{"x-amz-object-lock-event-hold-duration-years", nil, "event holds are not enforced, and so cannot be set"},
	{"x-amz-if-match-size", nil, "conditions on sizes are for directory buckets, which there are none of"},
	{"x-amz-if-match-last-modified-time", nil, "deletes with conditions on times are for directory buckets, which there are none of"},
	{"x-amz-write-offset-bytes", nil, "appending is for directory buckets, which there are none of; append on a mount"},
}

// refuseUnenforced fails with NotImplemented if the call asks for what is not enforced.
func (c *call) refuseUnenforced() error {
	if why, ok := unenforcedOperations[c.op.name]; ok {
		return apierror.New(apierror.NotImplemented, "%s: %s.", c.op.name, why)
	}
	for _, u := range unenforcedHeaders {
		v := c.r.Header.Get(u.name)
		if v == "" || slices.ContainsFunc(u.except, func(ok string) bool { return strings.EqualFold(ok, v) }) {
			continue
		}
		return apierror.New(apierror.NotImplemented, "A header you provided implies functionality that is not implemented: %s: %s.", u.name, u.because).
			With("Header", u.name)
	}
	return nil
}
