package s3api

import (
	"strings"
	"testing"

	"pail/store"
)

func TestBuckets(t *testing.T) {
	r := newRig(t)
	r.refused(404, "NoSuchBucket", "HEAD", "/photos", "")
	r.must("PUT", "/photos", "")
	r.must("PUT", "/backups", `<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LocationConstraint>us-east-1</LocationConstraint></CreateBucketConfiguration>`)
	r.must("PUT", "/photos", "")
	r.refused(400, "InvalidBucketName", "PUT", "/Photos_1", "")
	r.refused(400, "MalformedXML", "PUT", "/other-bucket", "<CreateBucketConfiguration>")
	r.refused(400, "InvalidLocationConstraint", "PUT", "/other-bucket",
		"<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>")
	if h := r.must("HEAD", "/photos", "").Header; h.Get("x-amz-bucket-region") != "us-east-1" || h.Get("x-amz-request-id") == "" {
		t.Errorf("HEAD: %v", h)
	}
	all := r.must("GET", "/", "").body
	if strings.Count(all, "<Bucket>") != 2 || element(all, "Name") != "backups" || element(all, "BucketRegion") != "us-east-1" {
		t.Errorf("buckets: %s", all)
	}
	first := r.must("GET", "/?max-buckets=1", "").body
	token := element(first, "ContinuationToken")
	if element(first, "Name") != "backups" || token == "" {
		t.Errorf("the first page: %s", first)
	}
	if second := r.must("GET", "/?max-buckets=1&continuation-token="+token, "").body; element(second, "Name") != "photos" || element(second, "ContinuationToken") != "" {
		t.Errorf("the second page: %s", second)
	}
	if some := r.must("GET", "/?prefix=ph", "").body; strings.Count(some, "<Bucket>") != 1 || element(some, "Name") != "photos" {
		t.Errorf("those with a prefix: %s", some)
	}
	r.refused(400, "InvalidArgument", "GET", "/?max-buckets=0", "")
	if loc := r.must("GET", "/photos?location", "").body; !strings.Contains(loc, `<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></LocationConstraint>`) {
		t.Errorf("location: %s", loc)
	}
	r.must("DELETE", "/photos", "")
	r.refused(404, "NoSuchBucket", "DELETE", "/photos", "")
	r.refused(404, "NoSuchBucket", "GET", "/photos?location", "")
}

func TestExpectedBucketOwner(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/photos", "")
	r.must("GET", "/photos", "", "x-amz-expected-bucket-owner", "000000000000")
	r.refused(403, "AccessDenied", "GET", "/photos", "", "x-amz-expected-bucket-owner", "111111111111")
	r.refused(400, "InvalidArgument", "GET", "/photos", "", "x-amz-expected-bucket-owner", "somebody")
}

func TestVirtualHosts(t *testing.T) {
	r := newRig(t, func(_ *store.Options, o *Options) { o.Domains = []string{"s3.example.com", "example.com"} })
	r.must("PUT", "/", "", "Host", "photos.s3.example.com")
	r.must("PUT", "/a/b", "hello", "Host", "PHOTOS.s3.example.com:9000")
	for host, path := range map[string]string{
		"photos.s3.example.com": "/a/b", "photos.example.com": "/a/b", "s3.example.com": "/photos/a/b", "example.com:80": "/photos/a/b", "127.0.0.1": "/photos/a/b",
	} {
		if got := r.do("GET", path, "", "Host", host); got.body != "hello" {
			t.Errorf("%s%s: %s", host, path, got.body)
		}
	}
	if got := r.must("PUT", "/", "", "Host", "my.dotted.bucket.s3.example.com"); got.Header.Get("Location") != "/my.dotted.bucket" {
		t.Errorf("a name with dots: %v", got.Header)
	}
}

func TestVersioningConfiguration(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/photos", "")
	body := func(status string) string {
		return "<VersioningConfiguration><Status>" + status + "</Status></VersioningConfiguration>"
	}
	if got := r.must("GET", "/photos?versioning", "").body; strings.Contains(got, "Status") {
		t.Errorf("before: %s", got)
	}
	put := r.must("PUT", "/photos/a", "1")
	if v, ok := put.Header["X-Amz-Version-Id"]; ok {
		t.Errorf("an unversioned bucket answers a version: %v", v)
	}
	r.must("PUT", "/photos?versioning", body("Enabled"))
	if got := r.must("GET", "/photos?versioning", "").body; element(got, "Status") != "Enabled" {
		t.Errorf("enabled: %s", got)
	}
	id := r.must("PUT", "/photos/a", "2").Header.Get("x-amz-version-id")
	if id == "" || id == "null" {
		t.Errorf("version %q", id)
	}
	r.must("PUT", "/photos?versioning", body("Suspended"))
	if id := r.must("PUT", "/photos/a", "3").Header.Get("x-amz-version-id"); id != "null" {
		t.Errorf("a suspended bucket wrote version %q", id)
	}
	if got := r.must("GET", "/photos/a?versionId="+id, "").body; got != "2" {
		t.Errorf("version %s is %q", id, got)
	}
	del := r.must("DELETE", "/photos/a", "")
	if del.Header.Get("x-amz-delete-marker") != "true" || del.Header.Get("x-amz-version-id") != "null" {
		t.Errorf("delete: %v", del.Header)
	}
	r.refused(400, "MalformedXML", "PUT", "/photos?versioning", body("On"))
	r.refused(400, "IllegalVersioningConfigurationException", "PUT", "/photos?versioning", "<VersioningConfiguration/>")
	r.refused(400, "MissingRequestBodyError", "PUT", "/photos?versioning", "")
	r.refused(403, "AccessDenied", "PUT", "/photos?versioning",
		"<VersioningConfiguration><Status>Enabled</Status><MfaDelete>Enabled</MfaDelete></VersioningConfiguration>")
	r.refused(404, "NoSuchBucket", "PUT", "/nothing-here?versioning", body("Enabled"))
}

func TestBucketTagging(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/photos", "")
	r.refused(404, "NoSuchTagSet", "GET", "/photos?tagging", "")
	tags := "<Tagging><TagSet><Tag><Key>b</Key><Value>2 &amp; 3</Value></Tag><Tag><Key>a</Key><Value></Value></Tag></TagSet></Tagging>"
	r.refused(400, "InvalidTag", "PUT", "/photos?tagging", tags) // & is not allowed
	tags = strings.Replace(tags, " &amp; ", " + ", 1)
	r.must("PUT", "/photos?tagging", tags)
	if got := r.must("GET", "/photos?tagging", "").body; !strings.Contains(got, "<TagSet><Tag><Key>a</Key><Value></Value></Tag><Tag><Key>b</Key><Value>2 + 3</Value></Tag></TagSet>") {
		t.Errorf("tags: %s", got)
	}
	r.refused(400, "InvalidTag", "PUT", "/photos?tagging",
		"<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag><Tag><Key>a</Key><Value>2</Value></Tag></TagSet></Tagging>")
	r.refused(400, "MalformedXML", "PUT", "/photos?tagging", "<Tagging></Tagging>")
	r.refused(400, "BadDigest", "PUT", "/photos?tagging", tags, "Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==")
	r.refused(400, "InvalidDigest", "PUT", "/photos?tagging", tags, "Content-MD5", "nonsense")
	r.must("DELETE", "/photos?tagging", "")
	r.refused(404, "NoSuchTagSet", "GET", "/photos?tagging", "")
}

// TestUnsetConfigurations: what no bucket has answers as on AWS, and cannot be put.
func TestUnsetConfigurations(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/photos", "")
	codes := map[string]string{
		"policy": "NoSuchBucketPolicy", "policyStatus": "NoSuchBucketPolicy", "publicAccessBlock": "NoSuchPublicAccessBlockConfiguration",
		"replication": "ReplicationConfigurationNotFoundError",
	}
	for _, u := range unsets() {
		path := "/photos?" + u.query
		if code := codes[u.query]; code != "" {
			r.refused(404, code, "GET", path, "")
		} else if got := r.must("GET", path, "").body; !strings.Contains(got, "<"+u.root+" xmlns=") {
			t.Errorf("%s: %s", path, got)
		}
		r.refused(404, "NoSuchBucket", "GET", "/nothing-here?"+u.query, "")
		if u.put != "" {
			r.refused(501, "NotImplemented", "PUT", path, "<x/>")
		}
		if u.delete != "" {
			r.must("DELETE", path, "")
		}
	}
	for _, u := range numberedUnsets() {
		if got := r.must("GET", "/photos?"+u.query, "").body; element(got, "IsTruncated") != "false" {
			t.Errorf("%s: %s", u.query, got)
		}
		r.refused(404, "NoSuchConfiguration", "GET", "/photos?id=1&"+u.query, "")
		r.refused(404, "NoSuchConfiguration", "DELETE", "/photos?id=1&"+u.query, "")
		r.refused(501, "NotImplemented", "PUT", "/photos?id=1&"+u.query, "<x/>")
	}
	if got := r.must("GET", "/photos?acl", "").body; element(got, "Permission") != "FULL_CONTROL" {
		t.Errorf("acl: %s", got)
	}
}

func TestUnenforcedIsRefused(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/photos", "")
	for _, u := range unenforcedHeaders {
		r.refused(501, "NotImplemented", "PUT", "/photos/a", "x", u.name, "something")
		for _, ok := range u.except {
			r.must("PUT", "/photos/a", "x", u.name, ok)
		}
	}
	names := map[string]bool{}
	for _, op := range operations() {
		names[op.name] = true
	}
	for name := range unenforcedOperations {
		if strings.HasPrefix(name, "PutBucket") && !names[name] {
			t.Errorf("%s is in the table of what is not enforced, but is no operation", name)
		}
	}
}

// TestRefusalsSayWhy: who is refused what the store cannot do is told why, also where the store
// itself refuses it.
func TestRefusalsSayWhy(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/photos", "")
	for query, body := range map[string]string{
		"requestPayment": "<RequestPaymentConfiguration><Payer>Requester</Payer></RequestPaymentConfiguration>",
		"notification":   "<NotificationConfiguration><EventBridgeConfiguration></EventBridgeConfiguration></NotificationConfiguration>",
		"lifecycle": "<LifecycleConfiguration><Rule><Status>Enabled</Status><Filter></Filter>" +
			"<Transition><Days>1</Days><StorageClass>GLACIER</StorageClass></Transition></Rule></LifecycleConfiguration>",
		"accelerate": "<AccelerateConfiguration><Status>Enabled</Status></AccelerateConfiguration>", "replication": "<x></x>",
		"analytics&id=a": "<x></x>", "metrics&id=a": "<x></x>", "inventory&id=a": "<x></x>", "intelligent-tiering&id=a": "<x></x>",
	} {
		got := r.refused(501, "NotImplemented", "PUT", "/photos?"+query, body)
		if m := element(got.body, "Message"); strings.Count(m, " ") < 3 {
			t.Errorf("%s: %q is no sentence", query, m)
		}
	}
	for query, message := range map[string]string{
		"cors": "The CORS configuration does not exist", "website": "The specified bucket does not have a website configuration",
		"lifecycle": "The lifecycle configuration does not exist",
	} {
		if m := element(r.refused(404, map[string]string{"cors": "NoSuchCORSConfiguration", "website": "NoSuchWebsiteConfiguration",
			"lifecycle": "NoSuchLifecycleConfiguration"}[query], "GET", "/photos?"+query, "").body, "Message"); m != message {
			t.Errorf("%s: %q, want %q", query, m, message)
		}
	}
}

// TestOtherRegions: a bucket is made where the server is, and anywhere but in us-east-1 it
// is an error to make one's own again.
func TestOtherRegions(t *testing.T) {
	r := newRig(t, func(so *store.Options, o *Options) { so.Region, o.Region = "eu-west-1", "eu-west-1" })
	at := func(region string) string {
		return "<CreateBucketConfiguration><LocationConstraint>" + region + "</LocationConstraint></CreateBucketConfiguration>"
	}
	r.refused(400, "IllegalLocationConstraintException", "PUT", "/photos", "")
	r.refused(400, "IllegalLocationConstraintException", "PUT", "/photos", at("us-west-2"))
	r.must("PUT", "/photos", at("eu-west-1"))
	r.refused(409, "BucketAlreadyOwnedByYou", "PUT", "/photos", at("EU"))
	if got := r.must("GET", "/photos?location", "").body; element(strings.ReplaceAll(got, ` xmlns="`+namespace+`"`, ""), "LocationConstraint") != "eu-west-1" {
		t.Errorf("location: %s", got)
	}
}
