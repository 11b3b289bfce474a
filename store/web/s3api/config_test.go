package s3api

import (
	"net/http"
	"strings"
	"testing"

	"pail/store"
)

// TestConfigurationsComeBack: what was put is given back, as it came, and goes again.
func TestConfigurationsComeBack(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/photos", "")
	r.must("PUT", "/acls", "", "x-amz-object-ownership", "ObjectWriter")
	if _, err := r.se.AddWebhook(t.Context(), "hook", "http://127.0.0.1:9/"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ query, root, absent, body string }{
		{"cors", "CORSConfiguration", "NoSuchCORSConfiguration",
			"<CORSRule><ID>one</ID><AllowedHeader>*</AllowedHeader><AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT</AllowedMethod>" +
				"<AllowedOrigin>https://example.com</AllowedOrigin><ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>600</MaxAgeSeconds></CORSRule>" +
				"<CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule>"},
		{"website", "WebsiteConfiguration", "NoSuchWebsiteConfiguration",
			"<IndexDocument><Suffix>index.html</Suffix></IndexDocument><ErrorDocument><Key>error.html</Key></ErrorDocument>" +
				"<RoutingRules><RoutingRule><Condition><HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals><KeyPrefixEquals>docs/</KeyPrefixEquals></Condition>" +
				"<Redirect><HostName>example.com</HostName><HttpRedirectCode>302</HttpRedirectCode><Protocol>https</Protocol><ReplaceKeyPrefixWith>d/</ReplaceKeyPrefixWith></Redirect></RoutingRule></RoutingRules>"},
		{"website", "WebsiteConfiguration", "NoSuchWebsiteConfiguration",
			"<RedirectAllRequestsTo><HostName>example.com</HostName><Protocol>https</Protocol></RedirectAllRequestsTo>"},
		{"lifecycle", "LifecycleConfiguration", "NoSuchLifecycleConfiguration",
			"<Rule><ID>old</ID><Filter><And><Prefix>logs/</Prefix><Tag><Key>a</Key><Value>1</Value></Tag><ObjectSizeGreaterThan>10</ObjectSizeGreaterThan></And></Filter>" +
				"<Status>Enabled</Status><Expiration><Days>30</Days></Expiration></Rule>" +
				"<Rule><ID>versions</ID><Filter><Prefix></Prefix></Filter><Status>Disabled</Status><Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>" +
				"<NoncurrentVersionExpiration><NoncurrentDays>7</NoncurrentDays><NewerNoncurrentVersions>3</NewerNoncurrentVersions></NoncurrentVersionExpiration>" +
				"<AbortIncompleteMultipartUpload><DaysAfterInitiation>2</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>"},
		{"lifecycle", "LifecycleConfiguration", "NoSuchLifecycleConfiguration",
			"<Rule><ID>date</ID><Prefix>tmp/</Prefix><Status>Enabled</Status><Expiration><Date>2030-01-01T00:00:00.000Z</Date></Expiration></Rule>"},
		{"notification", "NotificationConfiguration", "",
			"<QueueConfiguration><Id>q</Id><Queue>arn:aws:sqs:us-east-1:000000000000:hook</Queue><Event>s3:ObjectCreated:*</Event>" +
				"<Filter><S3Key><FilterRule><Name>Prefix</Name><Value>in/</Value></FilterRule><FilterRule><Name>Suffix</Name><Value>.jpg</Value></FilterRule></S3Key></Filter></QueueConfiguration>"},
		{"logging", "BucketLoggingStatus", "", "<LoggingEnabled><TargetBucket>photos</TargetBucket><TargetPrefix>log-&amp;</TargetPrefix></LoggingEnabled>"},
		{"logging", "BucketLoggingStatus", "", "<LoggingEnabled><TargetBucket>photos</TargetBucket><TargetObjectKeyFormat><SimplePrefix></SimplePrefix></TargetObjectKeyFormat><TargetPrefix></TargetPrefix></LoggingEnabled>"},
		{"logging", "BucketLoggingStatus", "", "<LoggingEnabled><TargetBucket>photos</TargetBucket><TargetObjectKeyFormat><PartitionedPrefix></PartitionedPrefix></TargetObjectKeyFormat><TargetPrefix></TargetPrefix></LoggingEnabled>"},
		{"logging", "BucketLoggingStatus", "", "<LoggingEnabled><TargetBucket>photos</TargetBucket><TargetObjectKeyFormat><PartitionedPrefix><PartitionDateSource>DeliveryTime</PartitionDateSource></PartitionedPrefix></TargetObjectKeyFormat><TargetPrefix></TargetPrefix></LoggingEnabled>"},
		{"logging", "BucketLoggingStatus", "", "<LoggingEnabled><TargetBucket>acls</TargetBucket>" +
			`<TargetGrants><Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group"><URI>http://acs.amazonaws.com/groups/global/AuthenticatedUsers</URI></Grantee><Permission>READ</Permission></Grant></TargetGrants>` +
			"<TargetObjectKeyFormat><PartitionedPrefix><PartitionDateSource>EventTime</PartitionDateSource></PartitionedPrefix></TargetObjectKeyFormat><TargetPrefix>p</TargetPrefix></LoggingEnabled>"},
	} {
		path := "/photos?" + c.query
		empty := `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<` + c.root + ` xmlns="` + namespace + `"></` + c.root + `>`
		if c.absent != "" {
			r.refused(404, c.absent, "GET", path, "")
		} else if got := r.must("GET", path, "").body; got != empty {
			t.Errorf("%s before: %s", path, got)
		}
		doc := strings.Replace(empty, "></", ">"+c.body+"</", 1)
		r.must("PUT", path, doc)
		if got := r.must("GET", path, "").body; got != doc {
			t.Errorf("%s:\n%s\ncame back as\n%s", path, doc, got)
		}
		r.refused(400, "MalformedXML", "PUT", path, "<"+c.root+"><oops>")
		r.refused(400, "MalformedXML", "PUT", path, "<Other/>")
		r.refused(404, "NoSuchBucket", "PUT", "/nothing-here?"+c.query, doc)
		if c.absent == "" {
			r.must("PUT", path, empty)
			continue
		}
		r.must("DELETE", path, "")
		r.must("DELETE", path, "")
		r.refused(404, c.absent, "GET", path, "")
	}
}

func TestConfigurationsAreChecked(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/photos", "")
	for _, c := range []struct{ code, query, body string }{
		{"InvalidRequest", "cors", "<CORSConfiguration><CORSRule><AllowedMethod>PATCH</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>"},
		{"MalformedXML", "cors", "<CORSConfiguration></CORSConfiguration>"},
		{"InvalidArgument", "website", "<WebsiteConfiguration><IndexDocument><Suffix></Suffix></IndexDocument></WebsiteConfiguration>"},
		{"MalformedXML", "lifecycle", "<LifecycleConfiguration><Rule><Filter/><Status>On</Status><Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>"},
		{"InvalidArgument", "lifecycle", "<LifecycleConfiguration><Rule><Filter/><Status>Enabled</Status><Expiration><Days>0</Days></Expiration></Rule></LifecycleConfiguration>"},
		{"InvalidArgument", "notification", "<NotificationConfiguration><QueueConfiguration><Queue>arn:aws:sqs:us-east-1:000000000000:nobody</Queue><Event>s3:ObjectCreated:*</Event></QueueConfiguration></NotificationConfiguration>"},
		{"MalformedXML", "requestPayment", "<RequestPaymentConfiguration><Payer>Me</Payer></RequestPaymentConfiguration>"},
		{"MalformedXML", "ownershipControls", "<OwnershipControls></OwnershipControls>"},
		{"MalformedXML", "logging", "<BucketLoggingStatus><LoggingEnabled></LoggingEnabled></BucketLoggingStatus>"},
		{"MalformedXML", "logging", "<BucketLoggingStatus><LoggingEnabled><TargetBucket>photos</TargetBucket><TargetObjectKeyFormat/></LoggingEnabled></BucketLoggingStatus>"},
		{"MalformedXML", "logging", "<BucketLoggingStatus><LoggingEnabled><TargetBucket>photos</TargetBucket><TargetObjectKeyFormat><PartitionedPrefix><PartitionDateSource>Never</PartitionDateSource></PartitionedPrefix></TargetObjectKeyFormat></LoggingEnabled></BucketLoggingStatus>"},
		{"MalformedXML", "logging", "<BucketLoggingStatus><LoggingEnabled><TargetBucket>photos</TargetBucket><TargetGrants><Grant><Permission>READ</Permission></Grant></TargetGrants></LoggingEnabled></BucketLoggingStatus>"},
		{"InvalidTargetBucketForLogging", "logging", "<BucketLoggingStatus><LoggingEnabled><TargetBucket>nothing-here</TargetBucket><TargetPrefix></TargetPrefix></LoggingEnabled></BucketLoggingStatus>"},
		{"AccessControlListNotSupported", "logging", `<BucketLoggingStatus><LoggingEnabled><TargetBucket>photos</TargetBucket><TargetGrants><Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group"><URI>http://acs.amazonaws.com/groups/global/AllUsers</URI></Grantee><Permission>READ</Permission></Grant></TargetGrants></LoggingEnabled></BucketLoggingStatus>`},
	} {
		r.refused(400, c.code, "PUT", "/photos?"+c.query, c.body)
	}
	if _, err := r.se.CreateBucket(t.Context(), "far", store.BucketOptions{Region: "eu-west-1"}); err != nil {
		t.Fatal(err)
	}
	const far = "<BucketLoggingStatus><LoggingEnabled><TargetBucket>far</TargetBucket><TargetPrefix></TargetPrefix></LoggingEnabled></BucketLoggingStatus>"
	if got := r.refused(403, "CrossLocationLoggingProhibitted", "PUT", "/photos?logging", far); element(got.body, "TargetBucketLocation") != "eu-west-1" {
		t.Errorf("%s", got.body)
	}
	for query, body := range map[string]string{
		"lifecycle":      "<LifecycleConfiguration><Rule><Filter/><Status>Enabled</Status><Transition><Days>1</Days><StorageClass>GLACIER</StorageClass></Transition></Rule></LifecycleConfiguration>",
		"requestPayment": "<RequestPaymentConfiguration><Payer>Requester</Payer></RequestPaymentConfiguration>",
		"notification":   "<NotificationConfiguration><EventBridgeConfiguration/></NotificationConfiguration>",
	} {
		r.refused(501, "NotImplemented", "PUT", "/photos?"+query, body)
	}
	r.must("PUT", "/photos?requestPayment", "<RequestPaymentConfiguration><Payer>BucketOwner</Payer></RequestPaymentConfiguration>")
	r.must("PUT", "/photos?ownershipControls", "<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>")
	if got := r.must("GET", "/photos?ownershipControls", "").body; element(got, "ObjectOwnership") != "BucketOwnerEnforced" {
		t.Errorf("ownership: %s", got)
	}
	r.refused(404, "ObjectLockConfigurationNotFoundError", "GET", "/photos?object-lock", "")
	r.must("PUT", "/locked", "", "x-amz-bucket-object-lock-enabled", "true")
	if got := r.must("GET", "/locked?object-lock", "").body; element(got, "ObjectLockEnabled") != "Enabled" {
		t.Errorf("object lock: %s", got)
	}
	r.refused(409, "InvalidBucketState", "PUT", "/locked?versioning", "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>")
}

func TestPagesOfOtherOrigins(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/photos", "")
	r.must("PUT", "/photos/a", "hello")
	ask := func(origin, method string, header ...string) reply {
		return r.do(http.MethodOptions, "/photos/a", "", append([]string{"Origin", origin, "Access-Control-Request-Method", method}, header...)...)
	}
	if got := ask("https://example.com", "GET"); got.StatusCode != 403 || element(got.body, "Code") != "AccessForbidden" {
		t.Errorf("without rules: %d %s", got.StatusCode, got.body)
	}
	r.must("PUT", "/photos?cors", "<CORSConfiguration><CORSRule><AllowedHeader>x-amz-*</AllowedHeader><AllowedMethod>PUT</AllowedMethod><AllowedMethod>GET</AllowedMethod>"+
		"<AllowedOrigin>https://*.example.com</AllowedOrigin><ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>60</MaxAgeSeconds></CORSRule></CORSConfiguration>")
	got := ask("https://www.example.com", "PUT", "Access-Control-Request-Headers", "X-Amz-Meta-Who, x-amz-date")
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin": "https://www.example.com", "Access-Control-Allow-Methods": "PUT, GET", "Access-Control-Max-Age": "60",
		"Access-Control-Allow-Headers": "x-amz-meta-who, x-amz-date", "Access-Control-Expose-Headers": "ETag", "Access-Control-Allow-Credentials": "true",
	} {
		if got.StatusCode != 200 || got.Header.Get(name) != want {
			t.Errorf("preflight: %d, %s is %q, want %q", got.StatusCode, name, got.Header.Get(name), want)
		}
	}
	for _, refused := range []reply{
		ask("https://example.org", "GET"), ask("https://www.example.com", "DELETE"),
		ask("https://www.example.com", "PUT", "Access-Control-Request-Headers", "Authorization"),
	} {
		if refused.StatusCode != 403 || refused.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%d %v", refused.StatusCode, refused.Header)
		}
	}
	for path, status := range map[string]int{"/photos/a": 200, "/photos/nothing": 404} {
		got := r.do("GET", path, "", "Origin", "https://www.example.com")
		if got.StatusCode != status || got.Header.Get("Access-Control-Allow-Origin") != "https://www.example.com" || !strings.Contains(got.Header.Get("Vary"), "Origin") {
			t.Errorf("%s: %d %v", path, got.StatusCode, got.Header)
		}
	}
	if got := r.must("GET", "/photos/a", "", "Origin", "https://example.org"); got.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another origin: %v", got.Header)
	}
	r.refused(400, "BadRequest", "OPTIONS", "/photos/a", "")
	r.refused(400, "BadRequest", "OPTIONS", "/photos/a", "", "Origin", "https://www.example.com")
}

// TestEndsAreTold: whoever writes or reads an object or begins an upload hears when the
// bucket's lifecycle ends it.
func TestEndsAreTold(t *testing.T) {
	r := newRig(t)
	r.must("PUT", "/photos", "")
	if got := r.must("PUT", "/photos/tmp/a", "x").Header.Get("x-amz-expiration"); got != "" {
		t.Errorf("without rules: %q", got)
	}
	r.must("PUT", "/photos?lifecycle", "<LifecycleConfiguration><Rule><ID>old ones</ID><Filter><Prefix>tmp/</Prefix></Filter><Status>Enabled</Status>"+
		"<Expiration><Days>3</Days></Expiration><AbortIncompleteMultipartUpload><DaysAfterInitiation>2</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule></LifecycleConfiguration>")
	for _, rep := range []reply{r.must("PUT", "/photos/tmp/b", "x"), r.must("GET", "/photos/tmp/a", ""), r.must("HEAD", "/photos/tmp/a", "")} {
		got := rep.Header.Get("x-amz-expiration")
		if !strings.HasPrefix(got, `expiry-date="`) || !strings.HasSuffix(got, ` 00:00:00 GMT", rule-id="old+ones"`) {
			t.Errorf("%s: %q", rep.Request.Method, got)
		}
	}
	if got := r.must("PUT", "/photos/b", "x").Header.Get("x-amz-expiration"); got != "" {
		t.Errorf("another key: %q", got)
	}
	up := r.must("POST", "/photos/tmp/u?uploads", "")
	list := r.must("GET", "/photos/tmp/u?uploadId="+element(up.body, "UploadId"), "")
	for _, rep := range []reply{up, list} {
		if !strings.HasSuffix(rep.Header.Get("x-amz-abort-date"), " 00:00:00 GMT") || rep.Header.Get("x-amz-abort-rule-id") != "old+ones" {
			t.Errorf("%s: %v", rep.Request.Method, rep.Header)
		}
	}
}
