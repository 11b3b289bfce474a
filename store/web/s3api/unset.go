package s3api

import (
	"net/http"

	"pail/store"
	"pail/store/web/apierror"
)

// Configurations of buckets of which the store has none. Asking for one, and deleting
// it, is answered as AWS answers for a bucket that was never given it: tools look at all
// of them whether they need them or not. Putting one is refused by unenforced.go.

// An unset is a kind of configuration that no bucket has.
type unset struct {
	query string // the subresource
	// get, put and delete are the names of the operations; empty: there is no such one.
	get, put, delete string
	// absent is what get answers; nil: an empty document of the name root.
	absent *apierror.Error
	root   string
	kind   store.Unset
}

func unsets() []unset {
	return []unset{
		{query: "replication", kind: store.UnsetReplication, get: "GetBucketReplication", put: "PutBucketReplication", delete: "DeleteBucketReplication",
			absent: apierror.New(apierror.NoReplication, "")},
		{query: "accelerate", kind: store.UnsetAccelerate, get: "GetBucketAccelerateConfiguration", put: "PutBucketAccelerateConfiguration", root: "AccelerateConfiguration"},
	}
}

// A numbered is a kind of configuration of which a bucket may have several, each with an
// id, and has none.
type numbered struct {
	kind                          store.Unset
	query, list, get, put, delete string
	root                          string
}

func numberedUnsets() []numbered {
	return []numbered{
		{store.UnsetAnalytics, "analytics", "ListBucketAnalyticsConfigurations", "GetBucketAnalyticsConfiguration", "PutBucketAnalyticsConfiguration",
			"DeleteBucketAnalyticsConfiguration", "ListBucketAnalyticsConfigurationsResult"},
		{store.UnsetMetrics, "metrics", "ListBucketMetricsConfigurations", "GetBucketMetricsConfiguration", "PutBucketMetricsConfiguration",
			"DeleteBucketMetricsConfiguration", "ListMetricsConfigurationsResult"},
		{store.UnsetInventory, "inventory", "ListBucketInventoryConfigurations", "GetBucketInventoryConfiguration", "PutBucketInventoryConfiguration",
			"DeleteBucketInventoryConfiguration", "ListInventoryConfigurationsResult"},
		{store.UnsetTiering, "intelligent-tiering", "ListBucketIntelligentTieringConfigurations", "GetBucketIntelligentTieringConfiguration",
			"PutBucketIntelligentTieringConfiguration", "DeleteBucketIntelligentTieringConfiguration", "ListBucketIntelligentTieringConfigurationsResult"},
	}
}

func unsetOperations() []operation {
	var ops []operation
	add := func(name, method string, query []string, run func(*call) error) {
		if name != "" {
			ops = append(ops, operation{name: name, method: method, level: bucket, query: query, run: run})
		}
	}
	for _, u := range unsets() {
		add(u.get, http.MethodGet, []string{u.query}, u.answerGet)
		add(u.put, http.MethodPut, []string{u.query}, refused)
		add(u.delete, http.MethodDelete, []string{u.query}, u.answerDelete)
	}
	for _, u := range numberedUnsets() {
		add(u.get, http.MethodGet, []string{u.query, "id"}, u.noSuchConfiguration)
		add(u.list, http.MethodGet, []string{u.query}, u.answerList)
		add(u.put, http.MethodPut, []string{u.query}, refused)
		add(u.delete, http.MethodDelete, []string{u.query}, u.noSuchConfiguration)
	}
	return ops
}

func (u unset) answerGet(c *call) error {
	if err := c.s.LookUnset(c.ctx, c.bucket, u.kind, false); err != nil {
		return err
	}
	if u.absent != nil {
		return u.absent.With("BucketName", c.bucket)
	}
	x := newXML(u.root)
	return c.xml(x, u.root)
}

func (u numbered) answerList(c *call) error {
	if err := c.s.LookUnset(c.ctx, c.bucket, u.kind, false); err != nil {
		return err
	}
	x := newXML(u.root)
	x.flag("IsTruncated", false)
	return c.xml(x, u.root)
}

// refused is reached by no request, as unenforced.go names the operation.
func refused(c *call) error {
	return apierror.New(apierror.NotImplemented, "%s is not implemented.", c.op.name)
}

// answerDelete succeeds, as S3's deletes do of what is not there.
func (u unset) answerDelete(c *call) error {
	if err := c.s.LookUnset(c.ctx, c.bucket, u.kind, true); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}

func (u numbered) noSuchConfiguration(c *call) error {
	if err := c.s.LookUnset(c.ctx, c.bucket, u.kind, c.r.Method == http.MethodDelete); err != nil {
		return err
	}
	return apierror.New(apierror.NoSuchConfiguration, "").With("BucketName", c.bucket)
}
