package s3api

import (
	"net/http"
	"slices"

	"pail/store/web/apierror"
)

// A level is what an address names.
type level uint8

const (
	service level = iota
	bucket
	object
)

func (l level) String() string { return [...]string{"SERVICE", "BUCKET", "OBJECT"}[l] }

// An operation is one operation of the S3 API, under the name that AWS gives it.
type operation struct {
	name   string
	method string
	level  level
	// query are the parameters that must be there, whatever their value, and header the
	// header: they tell the operation from others of the same method and level. Of
	// several that fit, the first in the list of operations is meant.
	query  []string
	header string
	// chunks says that the body is bytes to keep, which may come in unsigned chunks.
	chunks bool
	run    func(*call) error
}

// routes are operations by method and level.
type routes map[route][]*operation

type route struct {
	method string
	level  level
}

func newRoutes(ops []operation) routes {
	rs := routes{}
	for i := range ops {
		r := route{ops[i].method, ops[i].level}
		rs[r] = append(rs[r], &ops[i])
	}
	return rs
}

// level is what the address of a request names.
func (a address) level() level {
	switch {
	case a.bucket == "":
		return service
	case a.key == "":
		return bucket
	}
	return object
}

// find returns the operation that a request asks for.
func (rs routes) find(c *call) (*operation, error) {
	for _, op := range rs[route{c.r.Method, c.level()}] {
		if op.fits(c) {
			return op, nil
		}
	}
	return nil, apierror.New(apierror.MethodNotAllowed, "").
		With("Method", c.r.Method).With("ResourceType", c.level().String())
}

func (op *operation) fits(c *call) bool {
	if op.header != "" && c.r.Header[op.header] == nil {
		return false
	}
	for name := range c.q {
		if subresources[name] && !slices.Contains(op.query, name) {
			return false
		}
	}
	return !slices.ContainsFunc(op.query, func(name string) bool { return !c.q.Has(name) })
}

// subresources are the parameters that make a request one for something else than the
// bucket or the object itself. An operation that does not name such a parameter is never
// meant by a request that has it: DELETE /BUCKET?policy must not delete the bucket,
// whether or not there is an operation for it.
var subresources = set(
	"abac", "accelerate", "acl", "analytics", "attributes", "cors", "delete", "encryption", "intelligent-tiering", "inventory",
	"legal-hold", "lifecycle", "location", "logging", "metadataConfiguration", "metadataInventoryTable",
	"metadataJournalTable", "metadataTable", "metrics", "notification",
	"object-lock", "ownershipControls", "policy", "policyStatus", "publicAccessBlock", "renameObject",
	"replication", "requestPayment", "restore", "retention", "select", "session", "tagging", "torrent", "uploadId",
	"uploads", "versioning", "versions", "website",
)

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

// operations are all that there are; of those that fit a request the first is meant.
func operations() []operation {
	return slices.Concat(serviceOperations(), bucketOperations(), configOperations(), unsetOperations(), uploadOperations(), objectOperations())
}

func serviceOperations() []operation {
	return []operation{
		{name: "ListBuckets", method: http.MethodGet, level: service, run: (*call).listBuckets},
	}
}
