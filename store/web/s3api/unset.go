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
	body   func(*call, *xmlWriter) // what stands in the document
}

func unsets() []unset {
	return []unset{
		{query: "policyStatus", get: "GetBucketPolicyStatus", absent: apierror.New(apierror.NoSuchBucketPolicy, "")},
		{query: "policy", get: "GetBucketPolicy", put: "PutBucketPolicy", delete: "DeleteBucketPolicy",
			absent: apierror.New(apierror.NoSuchBucketPolicy, "")},
		{query: "publicAccessBlock", get: "GetPublicAccessBlock", put: "PutPublicAccessBlock", delete: "DeletePublicAccessBlock",
			absent: apierror.New(apierror.NoSuchPublicAccessBlock, "")},
		{query: "encryption", get: "GetBucketEncryption", put: "PutBucketEncryption", delete: "DeleteBucketEncryption",
			absent: apierror.New(apierror.NoEncryption, "")},
		{query: "replication", get: "GetBucketReplication", put: "PutBucketReplication", delete: "DeleteBucketReplication",
			absent: apierror.New(apierror.NoReplication, "")},
		{query: "logging", get: "GetBucketLogging", put: "PutBucketLogging", root: "BucketLoggingStatus"},
		{query: "accelerate", get: "GetBucketAccelerateConfiguration", put: "PutBucketAccelerateConfiguration", root: "AccelerateConfiguration"},
		{query: "acl", get: "GetBucketAcl", put: "PutBucketAcl", root: "AccessControlPolicy", body: (*call).ownersACL},
	}
}

// A numbered is a kind of configuration of which a bucket may have several, each with an
// id, and has none.
type numbered struct {
	query, list, get, put, delete string
	root                          string
}

func numberedUnsets() []numbered {
	return []numbered{
		{"analytics", "ListBucketAnalyticsConfigurations", "GetBucketAnalyticsConfiguration", "PutBucketAnalyticsConfiguration",
			"DeleteBucketAnalyticsConfiguration", "ListBucketAnalyticsConfigurationsResult"},
		{"metrics", "ListBucketMetricsConfigurations", "GetBucketMetricsConfiguration", "PutBucketMetricsConfiguration",
			"DeleteBucketMetricsConfiguration", "ListMetricsConfigurationsResult"},
		{"inventory", "ListBucketInventoryConfigurations", "GetBucketInventoryConfiguration", "PutBucketInventoryConfiguration",
			"DeleteBucketInventoryConfiguration", "ListInventoryConfigurationsResult"},
		{"intelligent-tiering", "ListBucketIntelligentTieringConfigurations", "GetBucketIntelligentTieringConfiguration",
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
		add(u.delete, http.MethodDelete, []string{u.query}, deleteNothing)
	}
	for _, u := range numberedUnsets() {
		add(u.get, http.MethodGet, []string{u.query, "id"}, noSuchConfiguration)
		add(u.list, http.MethodGet, []string{u.query}, u.answerList)
		add(u.put, http.MethodPut, []string{u.query}, refused)
		add(u.delete, http.MethodDelete, []string{u.query}, noSuchConfiguration)
	}
	return ops
}

func (u unset) answerGet(c *call) error {
	if _, err := c.s.Bucket(c.ctx, c.bucket); err != nil {
		return err
	}
	if u.absent != nil {
		return u.absent.With("BucketName", c.bucket)
	}
	x := newXML(u.root)
	if u.body != nil {
		u.body(c, x)
	}
	return c.xml(x, u.root)
}

func (u numbered) answerList(c *call) error {
	if _, err := c.s.Bucket(c.ctx, c.bucket); err != nil {
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

// deleteNothing succeeds, as S3's deletes do of what is not there.
func deleteNothing(c *call) error {
	if _, err := c.s.Bucket(c.ctx, c.bucket); err != nil {
		return err
	}
	return c.empty(http.StatusNoContent)
}

func noSuchConfiguration(c *call) error {
	if _, err := c.s.Bucket(c.ctx, c.bucket); err != nil {
		return err
	}
	return apierror.New(apierror.NoSuchConfiguration, "").With("BucketName", c.bucket)
}

// ownersACL is the ACL of everything: its owner may do all, nobody else anything.
func (c *call) ownersACL(x *xmlWriter) {
	c.owner(x, "Owner", store.Account)
	x.open("AccessControlList")
	x.open("Grant")
	x.b = append(x.b, `<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser">`...)
	x.text("ID", store.CanonicalID(store.Account))
	x.text("DisplayName", store.Account)
	x.close("Grantee")
	x.text("Permission", "FULL_CONTROL")
	x.close("Grant")
	x.close("AccessControlList")
}
