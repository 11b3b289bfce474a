package s3api

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"pail/store"
	"pail/store/access"
	"pail/versioning"
)

// Documents of configurations that are taken.
const (
	corsDocument      = "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>https://example.com</AllowedOrigin></CORSRule></CORSConfiguration>"
	websiteDocument   = "<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument></WebsiteConfiguration>"
	lifecycleDocument = "<LifecycleConfiguration><Rule><ID>one</ID><Filter><Prefix></Prefix></Filter><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>"
	paymentDocument   = "<RequestPaymentConfiguration><Payer>BucketOwner</Payer></RequestPaymentConfiguration>"
	ownershipDocument = "<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>"
	hookARN           = "arn:aws:sqs:us-east-1:000000000000:walk"
)

func encryptionDocument(algorithm, more string) string {
	return "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>" + algorithm +
		"</SSEAlgorithm></ApplyServerSideEncryptionByDefault>" + more + "</Rule></ServerSideEncryptionConfiguration>"
}

func loggingDocument(target, elements string) string {
	return "<BucketLoggingStatus><LoggingEnabled><TargetBucket>" + target + "</TargetBucket>" + elements + "<TargetPrefix>log/</TargetPrefix></LoggingEnabled></BucketLoggingStatus>"
}

func versioningDocument(elements string) string {
	return "<VersioningConfiguration>" + elements + "</VersioningConfiguration>"
}

func notificationDocument(arn, event string) string {
	return "<NotificationConfiguration><QueueConfiguration><Queue>" + arn + "</Queue><Event>" + event + "</Event></QueueConfiguration></NotificationConfiguration>"
}

// tagsDocument is a document of tags: key and value in turns.
func tagsDocument(tags ...string) string {
	var b strings.Builder
	for i := 0; i < len(tags); i += 2 {
		fmt.Fprintf(&b, "<Tag><Key>%s</Key><Value>%s</Value></Tag>", tags[i], tags[i+1])
	}
	return "<Tagging><TagSet>" + b.String() + "</TagSet></Tagging>"
}

// saying is the request with a document.
func saying(doc string) func(s *stroll, a *ask) {
	return func(_ *stroll, a *ask) { a.body = doc }
}

// after puts a document with the same address by the same chain before the operation is
// asked for.
func after(doc string) func(s *stroll, a *ask) {
	return func(s *stroll, a *ask) {
		put := *a
		put.method, put.body = http.MethodPut, doc
		if got := s.send(put); got.StatusCode >= 300 {
			s.t.Fatalf("%s", got.body)
		}
	}
}

// document is a document that is refused.
func document(status int, code, details, doc string) failure {
	return fails(status, code, details, func(s *stroll) reply { return s.sendDocument(doc) })
}

// notSet is what a bucket answers that does not have the configuration that is asked for.
func notSet(code string) failure {
	return fails(404, code, "BucketName=*", func(s *stroll) reply {
		s.w.mu.Lock()
		s.w.buckets++
		name := fmt.Sprintf("unset-%d", s.w.buckets)
		s.w.mu.Unlock()
		if _, err := s.w.se.CreateBucket(s.t.Context(), name, store.BucketOptions{}); err != nil {
			s.t.Fatal(err)
		}
		return s.send(s.request.in(name))
	})
}

// tagFailures are those of tags that cannot be.
func tagFailures(most int) []failure {
	many := make([]string, 0, 2*most+2)
	for i := range most + 1 {
		many = append(many, fmt.Sprint("tag", i), "x")
	}
	return []failure{
		document(400, "InvalidTag", "TagKey=aws:x", tagsDocument("aws:x", "1")),
		document(400, "InvalidTag", "TagKey=a TagValue=*", tagsDocument("a", "&amp;")),
		document(400, "InvalidTag", "TagKey=a", tagsDocument("a", "1", "a", "2")),
		document(400, "InvalidTag", "TagKey=*", tagsDocument(strings.Repeat("k", 129), "1")),
		document(400, "InvalidTag", "TagKey=k TagValue=*", tagsDocument("k", strings.Repeat("v", 257))),
		document(400, "BadRequest", "", tagsDocument(many...)),
	}
}

func configWalks() map[string]walk {
	return map[string]walk{
		"GetBucketVersioning": {
			ready: after(versioningDocument("<Status>Enabled</Status>")),
			output: func(_ *stroll, out any) string {
				return wrongUnless(out.(*s3.GetBucketVersioningOutput).Status == types.BucketVersioningStatusEnabled, out)
			},
		},
		"PutBucketVersioning": {
			document: true, ready: saying(versioningDocument("<Status>Enabled</Status>")),
			input: func(_ *stroll, in any) {
				in.(*s3.PutBucketVersioningInput).VersioningConfiguration = &types.VersioningConfiguration{Status: types.BucketVersioningStatusSuspended}
			},
			fails: []failure{
				document(400, "IllegalVersioningConfigurationException", "", versioningDocument("")),
				document(400, "MalformedXML", "", versioningDocument("<Status>On</Status>")),
				document(400, "MalformedXML", "", versioningDocument("<Status>Enabled</Status><Status>Suspended</Status>")),
				document(403, "AccessDenied", "", versioningDocument("<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>")),
				document(400, "MalformedXML", "", versioningDocument("<Status>Enabled</Status><MfaDelete>On</MfaDelete>")),
				fails(400, "InvalidRequest", "", func(s *stroll) reply { // over plain HTTP
					return s.send(s.request.saying(versioningDocument("<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>")).with("x-amz-mfa", "serial 123456"))
				}).on(""),
				fails(409, "InvalidBucketState", "", func(s *stroll) reply {
					name := s.bucket + "-locked"
					if _, err := s.w.se.CreateBucket(s.t.Context(), name, store.BucketOptions{ObjectLock: true}); err != nil {
						s.t.Fatal(err)
					}
					return s.send(s.request.in(name).saying(versioningDocument("<Status>Suspended</Status>")))
				}),
			},
		},
		"GetBucketLogging": {
			ready: func(s *stroll, a *ask) { after(loggingDocument(s.bucket, ""))(s, a) },
			output: func(s *stroll, out any) string {
				l := out.(*s3.GetBucketLoggingOutput).LoggingEnabled
				return wrongUnless(l != nil && *l.TargetBucket == s.bucket && l.TargetObjectKeyFormat == nil, out)
			},
		},
		"PutBucketLogging": {
			document: true, ready: func(s *stroll, a *ask) { a.body = loggingDocument(s.bucket, "") },
			input: func(s *stroll, in any) {
				in.(*s3.PutBucketLoggingInput).BucketLoggingStatus = &types.BucketLoggingStatus{LoggingEnabled: &types.LoggingEnabled{
					TargetBucket: &s.bucket, TargetPrefix: aws.String("log/"),
					TargetObjectKeyFormat: &types.TargetObjectKeyFormat{PartitionedPrefix: &types.PartitionedPrefix{PartitionDateSource: types.PartitionDateSourceEventTime}},
				}}
			},
			fails: []failure{
				document(400, "InvalidTargetBucketForLogging", "TargetBucket=nothing-here", loggingDocument("nothing-here", "")),
				fails(400, "InvalidTargetBucketForLogging", "TargetBucket=*", func(s *stroll) reply {
					name := s.bucket + "-locked"
					if _, err := s.w.se.CreateBucket(s.t.Context(), name, store.BucketOptions{ObjectLock: true}); err != nil {
						s.t.Fatal(err)
					}
					return s.sendDocument(loggingDocument(name, ""))
				}),
				fails(403, "CrossLocationLoggingProhibitted", "TargetBucketLocation=eu-west-1", func(s *stroll) reply {
					name := s.bucket + "-far"
					if _, err := s.w.se.CreateBucket(s.t.Context(), name, store.BucketOptions{Region: "eu-west-1"}); err != nil {
						s.t.Fatal(err)
					}
					return s.sendDocument(loggingDocument(name, ""))
				}),
				fails(400, "AccessControlListNotSupported", "", func(s *stroll) reply {
					return s.sendDocument(loggingDocument(s.bucket, `<TargetGrants><Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group">`+
						"<URI>"+access.AllUsers+"</URI></Grantee><Permission>READ</Permission></Grant></TargetGrants>"))
				}),
				document(400, "MalformedXML", "", loggingDocument("", "")),
			},
		},
		"GetBucketTagging": {
			ready: after(tagsDocument("a", "1")),
			output: func(_ *stroll, out any) string {
				return wrongUnless(len(out.(*s3.GetBucketTaggingOutput).TagSet) == 1, out)
			},
			fails: []failure{notSet("NoSuchTagSet").on("")},
		},
		"PutBucketTagging": {
			document: true, ready: saying(tagsDocument("a", "1")),
			input: func(_ *stroll, in any) {
				in.(*s3.PutBucketTaggingInput).Tagging = &types.Tagging{TagSet: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}}}
			},
			fails: append(tagFailures(versioning.MaxBucketTags), never("OperationAborted", "operations on a bucket wait for each other"), never("InternalError", "only after a failure of the disk")),
		},
		"DeleteBucketTagging": {},
		"GetBucketCors": {
			ready: after(corsDocument),
			output: func(_ *stroll, out any) string {
				return wrongUnless(len(out.(*s3.GetBucketCorsOutput).CORSRules) == 1, out)
			},
			fails: []failure{notSet("NoSuchCORSConfiguration")},
		},
		"PutBucketCors": {
			document: true, ready: saying(corsDocument),
			input: func(_ *stroll, in any) {
				in.(*s3.PutBucketCorsInput).CORSConfiguration = &types.CORSConfiguration{CORSRules: []types.CORSRule{{AllowedMethods: []string{"GET"}, AllowedOrigins: []string{"*"}}}}
			},
			fails: []failure{
				document(400, "MalformedXML", "", "<CORSConfiguration/>"),
				document(400, "InvalidRequest", "", strings.Replace(corsDocument, "GET", "PATCH", 1)),
				document(400, "InvalidRequest", "", strings.Replace(corsDocument, "https://example.com", "https://*.*", 1)),
			},
		},
		"DeleteBucketCors": {},
		"GetBucketWebsite": {
			ready: after(websiteDocument),
			output: func(_ *stroll, out any) string {
				return wrongUnless(*out.(*s3.GetBucketWebsiteOutput).IndexDocument.Suffix == "index.html", out)
			},
			fails: []failure{notSet("NoSuchWebsiteConfiguration")},
		},
		"PutBucketWebsite": {
			document: true, ready: saying(websiteDocument),
			input: func(_ *stroll, in any) {
				in.(*s3.PutBucketWebsiteInput).WebsiteConfiguration = &types.WebsiteConfiguration{IndexDocument: &types.IndexDocument{Suffix: aws.String("index.html")}}
			},
			fails: []failure{
				document(400, "InvalidArgument", "ArgumentName=IndexDocument", "<WebsiteConfiguration/>"),
				document(400, "InvalidArgument", "ArgumentName=IndexDocument ArgumentValue=a/b", strings.Replace(websiteDocument, "index.html", "a/b", 1)),
				document(400, "MalformedXML", "", strings.Replace(websiteDocument, "</Web", "<RoutingRules><RoutingRule/></RoutingRules></Web", 1)),
			},
		},
		"DeleteBucketWebsite": {},
		"GetBucketLifecycleConfiguration": {
			ready: after(lifecycleDocument),
			output: func(_ *stroll, out any) string {
				return wrongUnless(len(out.(*s3.GetBucketLifecycleConfigurationOutput).Rules) == 1, out)
			},
			fails: []failure{notSet("NoSuchLifecycleConfiguration").on("")},
		},
		"PutBucketLifecycleConfiguration": {
			document: true, ready: saying(lifecycleDocument),
			input: func(_ *stroll, in any) {
				in.(*s3.PutBucketLifecycleConfigurationInput).LifecycleConfiguration = &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{{
					Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("logs/")}, Expiration: &types.LifecycleExpiration{Days: aws.Int32(3)},
				}}}
			},
			fails: []failure{
				document(400, "MalformedXML", "", strings.Replace(lifecycleDocument, "Enabled", "On", 1)),
				document(400, "InvalidArgument", "", strings.Replace(lifecycleDocument, "<Days>1", "<Days>0", 1)),
				document(400, "InvalidRequest", "", strings.Replace(lifecycleDocument, "<Expiration><Days>1</Days></Expiration>", "", 1)),
				document(501, "NotImplemented", "", strings.Replace(lifecycleDocument, "</Rule>", "<Transition><Days>1</Days><StorageClass>GLACIER</StorageClass></Transition></Rule>", 1)),
			},
		},
		"DeleteBucketLifecycle": {},
		"GetBucketNotificationConfiguration": {
			ready: func(s *stroll, a *ask) {
				s.hook()
				after(notificationDocument(hookARN, "s3:ObjectCreated:*"))(s, a)
			},
			output: func(_ *stroll, out any) string {
				return wrongUnless(len(out.(*s3.GetBucketNotificationConfigurationOutput).QueueConfigurations) == 1, out)
			},
		},
		"PutBucketNotificationConfiguration": {
			document: true,
			ready: func(s *stroll, a *ask) {
				s.hook()
				a.body = notificationDocument(hookARN, "s3:ObjectCreated:*")
			},
			input: func(_ *stroll, in any) {
				in.(*s3.PutBucketNotificationConfigurationInput).NotificationConfiguration = &types.NotificationConfiguration{QueueConfigurations: []types.QueueConfiguration{{
					QueueArn: aws.String(hookARN), Events: []types.Event{"s3:ObjectRemoved:*"},
				}}}
			},
			fails: []failure{
				// As LocalStack has recorded S3's answers: tests/aws/services/s3/test_s3_notifications_sqs.snapshot.json.
				document(400, "InvalidArgument", "ArgumentName1=arn:aws:sqs:us-east-1:000000000000:nobody ArgumentValue1=*", notificationDocument("arn:aws:sqs:us-east-1:000000000000:nobody", "s3:ObjectCreated:*")),
				document(400, "InvalidArgument", "ArgumentName=Queue ArgumentValue=nonsense", notificationDocument("nonsense", "s3:ObjectCreated:*")),
				document(400, "InvalidArgument", "ArgumentName=FilterRule.Name ArgumentValue=INVALID", strings.Replace(notificationDocument(hookARN, "s3:ObjectCreated:*"), "</Queue><",
					"</Queue><Filter><S3Key><FilterRule><Name>INVALID</Name><Value>x</Value></FilterRule></S3Key></Filter><", 1)),
				document(400, "InvalidArgument", "", notificationDocument(hookARN, "s3:Nothing")),
				document(400, "MalformedXML", "", "<NotificationConfiguration><QueueConfiguration/></NotificationConfiguration>"),
			},
		},
		"GetBucketRequestPayment": {
			output: func(_ *stroll, out any) string {
				return wrongUnless(out.(*s3.GetBucketRequestPaymentOutput).Payer == types.PayerBucketOwner, out)
			},
		},
		"PutBucketRequestPayment": {
			document: true, ready: saying(paymentDocument),
			input: func(_ *stroll, in any) {
				in.(*s3.PutBucketRequestPaymentInput).RequestPaymentConfiguration = &types.RequestPaymentConfiguration{Payer: types.PayerBucketOwner}
			},
			fails: []failure{
				document(400, "MalformedXML", "", strings.Replace(paymentDocument, "BucketOwner", "Nobody", 1)),
				document(501, "NotImplemented", "", strings.Replace(paymentDocument, "BucketOwner", "Requester", 1)),
				never("InvalidPayer", "payers are not disabled"),
			},
		},
		"GetBucketOwnershipControls": {
			output: func(_ *stroll, out any) string {
				return wrongUnless(len(out.(*s3.GetBucketOwnershipControlsOutput).OwnershipControls.Rules) == 1, out)
			},
			fails: []failure{fails(404, "OwnershipControlsNotFoundError", "BucketName=*", func(s *stroll) reply {
				if err := s.w.se.DeleteOwnership(s.t.Context(), s.bucket); err != nil {
					s.t.Fatal(err)
				}
				return s.send(s.request)
			})},
		},
		"PutBucketOwnershipControls": {
			document: true, ready: saying(ownershipDocument),
			input: func(_ *stroll, in any) {
				in.(*s3.PutBucketOwnershipControlsInput).OwnershipControls = &types.OwnershipControls{Rules: []types.OwnershipControlsRule{{ObjectOwnership: types.ObjectOwnershipBucketOwnerEnforced}}}
			},
			fails: []failure{
				document(400, "MalformedXML", "", "<OwnershipControls/>"),
				fails(400, "InvalidBucketAclWithObjectOwnership", "", func(s *stroll) reply {
					s.withACLs(true)
					if err := s.w.se.SetBucketACL(s.t.Context(), s.bucket, store.ACLInput{Canned: "public-read"}); err != nil {
						s.t.Fatal(err)
					}
					return s.sendDocument(ownershipDocument)
				}).on(ownershipPage),
			},
		},
		"DeleteBucketOwnershipControls": {},
		"GetBucketEncryption": {
			ready: after(encryptionDocument("AES256", "")),
			output: func(_ *stroll, out any) string {
				rules := out.(*s3.GetBucketEncryptionOutput).ServerSideEncryptionConfiguration.Rules
				return wrongUnless(len(rules) == 1 && rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm == types.ServerSideEncryptionAes256 &&
					!*rules[0].BucketKeyEnabled && rules[0].BlockedEncryptionTypes.EncryptionType[0] == types.EncryptionTypeNone, out)
			},
			fails: []failure{notSet("ServerSideEncryptionConfigurationNotFoundError")},
		},
		"PutBucketEncryption": {
			document: true, ready: saying(encryptionDocument("AES256", "")),
			input: func(_ *stroll, in any) {
				in.(*s3.PutBucketEncryptionInput).ServerSideEncryptionConfiguration = &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{
					ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAes256}, BucketKeyEnabled: aws.Bool(true),
					BlockedEncryptionTypes: &types.BlockedEncryptionTypes{EncryptionType: []types.EncryptionType{types.EncryptionTypeSseC}},
				}}}
			},
			fails: []failure{
				document(400, "MalformedXML", "", "<ServerSideEncryptionConfiguration/>"),
				document(400, "MalformedXML", "", "<ServerSideEncryptionConfiguration><Rule/></ServerSideEncryptionConfiguration>"),
				document(400, "MalformedXML", "", strings.Replace(encryptionDocument("AES256", ""), "</Rule>", "</Rule><Rule/>", 1)),
				document(400, "MalformedXML", "", encryptionDocument("ROT13", "")),
				document(400, "MalformedXML", "", encryptionDocument("AES256", "<BlockedEncryptionTypes><EncryptionType>SSE-KMS</EncryptionType></BlockedEncryptionTypes>")),
				document(400, "InvalidArgument", "ArgumentName=ApplyServerSideEncryptionByDefault", strings.Replace(encryptionDocument("AES256", ""), "<SSE", "<KMSMasterKeyID>x</KMSMasterKeyID><SSE", 1)),
				document(501, "NotImplemented", "", encryptionDocument("aws:kms:dsse", "")),
			},
		},
		"DeleteBucketEncryption": {},
		"GetObjectLockConfiguration": {
			ready: func(s *stroll, a *ask) {
				s.bucket += "-locked"
				a.path += "-locked"
				if _, err := s.w.se.CreateBucket(s.t.Context(), s.bucket, store.BucketOptions{ObjectLock: true}); err != nil {
					s.t.Fatal(err)
				}
			},
			fails: []failure{notSet("ObjectLockConfigurationNotFoundError")},
		},
		"PutObjectLockConfiguration": {
			document: true,
			ready: func(s *stroll, a *ask) {
				s.keepVersions()
				a.body = lockDocument("<Days>1</Days>")
				a.header.Set("Content-MD5", md5Of(a.body))
			},
			input: func(_ *stroll, in any) {
				in.(*s3.PutObjectLockConfigurationInput).ObjectLockConfiguration = &types.ObjectLockConfiguration{
					ObjectLockEnabled: types.ObjectLockEnabledEnabled,
					Rule:              &types.ObjectLockRule{DefaultRetention: &types.DefaultRetention{Mode: types.ObjectLockRetentionModeGovernance, Years: aws.Int32(1)}},
				}
			},
			fails: []failure{
				document(400, "MalformedXML", "", "<ObjectLockConfiguration/>"),
				document(400, "MalformedXML", "", "<ObjectLockConfiguration><ObjectLockEnabled>Disabled</ObjectLockEnabled></ObjectLockConfiguration>"),
				document(400, "MalformedXML", "", "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule/></ObjectLockConfiguration>"),
				document(400, "MalformedXML", "", lockDocument("")),
				document(400, "MalformedXML", "", lockDocument("<Days>1</Days><Years>1</Years>")),
				document(400, "MalformedXML", "", strings.Replace(lockDocument("<Days>1</Days>"), "GOVERNANCE", "governance", 1)),
				document(400, "InvalidArgument", "ArgumentName=Days ArgumentValue=0", lockDocument("<Days>0</Days>")),
				document(400, "InvalidArgument", "ArgumentName=Years ArgumentValue=-1", lockDocument("<Years>-1</Years>")),
				document(400, "InvalidArgument", "ArgumentName=Days ArgumentValue=999999999", lockDocument("<Days>999999999</Days>")),
				document(501, "NotImplemented", "", lockDocument("<DefaultEventHold><Days>1</Days></DefaultEventHold>")),
				fails(409, "InvalidBucketState", "", func(s *stroll) reply {
					name := s.bucket + "-plain"
					if _, err := s.w.se.CreateBucket(s.t.Context(), name, store.BucketOptions{}); err != nil {
						s.t.Fatal(err)
					}
					return s.send(s.request.in(name))
				}),
			},
		},
		"PreflightBucket": preflightWalk(),
		"PreflightObject": preflightWalk(),
	}
}

func lockDocument(period string) string {
	return "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>GOVERNANCE</Mode>" + period +
		"</DefaultRetention></Rule></ObjectLockConfiguration>"
}

// hook makes the webhook that a notification names, once.
func (s *stroll) hook() {
	_, _ = s.w.se.AddWebhook(s.t.Context(), "walk", "http://127.0.0.1:9/") // which fails where it is there
}

// preflightWalk is what a browser asks before it lets a page do something.
func preflightWalk() walk {
	return walk{
		raw: "browsers send it; integration/clients has one",
		ready: func(s *stroll, a *ask) {
			put := ask{method: http.MethodPut, path: "/" + s.bucket, query: map[string][]string{"cors": {""}}, header: http.Header{}, body: corsDocument}
			if got := s.send(put); got.StatusCode >= 300 {
				s.t.Fatalf("%s", got.body)
			}
			a.unsigned = true
			a.header.Set("Origin", "https://example.com")
			a.header.Set("Access-Control-Request-Method", "GET")
		},
		fails: []failure{
			fails(403, "AccessForbidden", "Method=PUT ResourceType=*", func(s *stroll) reply { return s.send(s.request.with("Access-Control-Request-Method", "PUT")) }).on(""),
			fails(403, "AccessForbidden", "Method=GET ResourceType=*", func(s *stroll) reply { return s.send(s.request.with("Origin", "https://example.org")) }).on(""),
			fails(400, "BadRequest", "", func(s *stroll) reply { return s.send(s.request.with("Origin", "")) }).on(""),
			fails(400, "BadRequest", "", func(s *stroll) reply { return s.send(s.request.with("Access-Control-Request-Method", "")) }).on(""),
			fails(404, "NoSuchBucket", "BucketName=nothing-here", func(s *stroll) reply { return s.send(s.request.in("nothing-here")) }),
		},
	}
}

// wrongUnless says what a client got, unless that is right.
func wrongUnless(right bool, got any) string {
	if right {
		return ""
	}
	return fmt.Sprintf("%+v", got)
}
