package s3api

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"pail/store"
	"pail/store/kms"
	"pail/versioning"
)

// lockWalk is that of an operation on the lock of an object, with the body that it takes.
func lockWalk(body string, w walk) walk {
	w.document = body != ""
	w.ready = func(s *stroll, a *ask) {
		s.bucket += "-locked"
		if _, err := s.w.se.CreateBucket(s.t.Context(), s.bucket, store.BucketOptions{ObjectLock: true}); err != nil {
			s.t.Fatal(err)
		}
		s.put(s.key, "hello")
		nd := store.Node{Bucket: s.bucket, Key: s.key}
		soon := versioning.Retention{Mode: versioning.Governance, Until: time.Now().Add(time.Minute)}
		if err := errors.Join(s.w.se.SetRetention(s.t.Context(), nd, soon, false), s.w.se.SetLegalHold(s.t.Context(), nd, true)); err != nil {
			s.t.Fatal(err)
		}
		a.path, a.body = "/"+s.bucket+"/"+s.key, body
		if body != "" {
			a.header.Set("Content-MD5", md5Of(body))
		}
	}
	w.fails = join(readFailures(), w.fails, []failure{
		fails(400, "InvalidRequest", "", func(s *stroll) reply {
			return s.send(s.request.in(strings.TrimSuffix(s.bucket, "-locked")))
		}).on(""),
	})
	if body == "" {
		w.fails = append(w.fails, fails(404, "NoSuchObjectLockConfiguration", "", func(s *stroll) reply {
			s.put("open", "hello")
			return s.send(s.request.of("open"))
		}))
	}
	return w
}

// updateEncryptionWalk is that of UpdateObjectEncryption, of an object that a key of the store encrypts.
func updateEncryptionWalk() walk {
	asks := func(of string) string { return "<ObjectEncryption>" + of + "</ObjectEncryption>" }
	kmsOf := func(key, more string) string {
		return asks("<SSE-KMS><KMSKeyArn>" + key + "</KMSKeyArn>" + more + "</SSE-KMS>")
	}
	key := func(s *stroll) string {
		s.t.Helper()
		k, err := s.w.se.KMSCreateKey(s.t.Context(), kms.NewKey{})
		if err != nil {
			s.t.Fatal(err)
		}
		return k.ARN()
	}
	const some = "arn:aws:kms:us-east-1:" + store.Account + ":key/"
	made := func(s *stroll, name string, in store.PutInput) {
		s.t.Helper()
		in.Body, in.Size = strings.NewReader("hello"), 5
		if _, err := s.w.se.Put(s.t.Context(), s.bucket, name, in); err != nil {
			s.t.Fatal(err)
		}
	}
	encrypted := store.PutInput{Encryption: store.EncryptionInput{Mode: store.ModeS3}}
	var arn string
	return walk{
		document: true,
		ready: func(s *stroll, a *ask) {
			made(s, s.key, encrypted)
			arn = key(s)
			a.body = kmsOf(arn, "<BucketKeyEnabled>true</BucketKeyEnabled>")
		},
		input: func(_ *stroll, in any) {
			in.(*s3.UpdateObjectEncryptionInput).ObjectEncryption = &types.ObjectEncryptionMemberSSEKMS{Value: types.SSEKMSEncryption{KMSKeyArn: &arn}}
		},
		output: func(s *stroll, out any) string {
			o, err := s.w.se.Head(s.t.Context(), s.bucket, s.key, "")
			return wrongUnless(err == nil && o.Encryption.Mode == store.ModeKMS && o.Encryption.KMSKey == arn, o)
		},
		fails: join(readFailures(), []failure{
			document(400, "InvalidRequest", "", asks("<DSSE-KMS/>")),
			document(400, "InvalidRequest", "", asks("<SSE-C/>")),
			document(400, "InvalidRequest", "", asks("<SSE-S3/>")),
			document(400, "InvalidRequest", "", asks("")),
			document(400, "InvalidRequest", "", kmsOf("", "")),
			document(400, "InvalidRequest", "", kmsOf("alias/some", "")),
			document(400, "InvalidRequest", "", kmsOf(some+"x", "<BucketKeyEnabled>on</BucketKeyEnabled>")),
			document(403, "AccessDenied", "", kmsOf("arn:aws:kms:us-east-1:999999999999:key/x", "")),
			document(400, "KMS.NotFoundException", "", kmsOf(some+"00000000-0000-0000-0000-000000000000", "")).on(kmsPage),
			fails(400, "InvalidRequest", "", func(s *stroll) reply {
				made(s, "plain", store.PutInput{})
				return s.send(s.request.of("plain"))
			}),
			fails(400, "InvalidRequest", "", func(s *stroll) reply {
				k, err := store.NewCustomerKey(make([]byte, 32))
				if err != nil {
					s.t.Fatal(err)
				}
				made(s, "mine", store.PutInput{Encryption: store.EncryptionInput{Customer: k}})
				return s.send(s.request.of("mine"))
			}),
			fails(403, "AccessDenied", "", func(s *stroll) reply {
				bucket := s.bucket + "-wall"
				if _, err := s.w.se.CreateBucket(s.t.Context(), bucket, store.BucketOptions{ObjectLock: true}); err != nil {
					s.t.Fatal(err)
				}
				in := encrypted
				in.Body, in.Size, in.Lock = strings.NewReader("hello"), 5, versioning.Lock{Hold: versioning.Held}
				if _, err := s.w.se.Put(s.t.Context(), bucket, s.key, in); err != nil {
					s.t.Fatal(err)
				}
				return s.send(s.request.in(bucket))
			}),
		}),
	}
}

func retentionDocument(mode, until string) string {
	return "<Retention><Mode>" + mode + "</Mode><RetainUntilDate>" + until + "</RetainUntilDate></Retention>"
}

func objectConfigWalks() map[string]walk {
	return map[string]walk{
		"GetObjectAttributes": {
			ready: func(_ *stroll, a *ask) { a.header.Set("x-amz-object-attributes", "ETag,ObjectSize") },
			input: func(_ *stroll, in any) {
				in.(*s3.GetObjectAttributesInput).ObjectAttributes = types.ObjectAttributes("").Values()
			},
			output: func(_ *stroll, out any) string {
				a := out.(*s3.GetObjectAttributesOutput)
				return wrongUnless(*a.ObjectSize == 5 && *a.ETag == "5d41402abc4b2a76b9719d911017c592" && a.Checksum.ChecksumType == types.ChecksumTypeFullObject, a)
			},
			fails: append(readFailures(),
				fails(400, "InvalidRequest", "", func(s *stroll) reply { return s.send(s.request.with("x-amz-object-attributes", "")) }),
				invalid("x-amz-object-attributes", "Colour", func(s *stroll) reply { return s.send(s.request.with("x-amz-object-attributes", "Colour")) }),
				invalid("x-amz-max-parts", "-1", func(s *stroll) reply { return s.send(s.request.with("x-amz-max-parts", "-1")) }),
				invalid("x-amz-max-parts", "+1", func(s *stroll) reply { return s.send(s.request.with("x-amz-max-parts", "+1")) }),
				invalid("x-amz-part-number-marker", "-1", func(s *stroll) reply { return s.send(s.request.with("x-amz-part-number-marker", "-1")) }),
			),
		},
		"GetObjectTagging": {
			ready: after(tagsDocument("a", "1")),
			output: func(_ *stroll, out any) string {
				return wrongUnless(len(out.(*s3.GetObjectTaggingOutput).TagSet) == 1, out)
			},
			fails: readFailures(),
		},
		"PutObjectTagging": {
			document: true, ready: saying(tagsDocument("a", "1")),
			input: func(_ *stroll, in any) {
				in.(*s3.PutObjectTaggingInput).Tagging = &types.Tagging{TagSet: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}}}
			},
			fails: join(readFailures(), tagFailures(versioning.MaxObjectTags), []failure{
				never("OperationAborted", "operations on an object wait for each other").on(""),
			}),
		},
		"DeleteObjectTagging": {fails: readFailures()},
		"GetObjectAcl": {
			output: func(_ *stroll, out any) string {
				return wrongUnless(len(out.(*s3.GetObjectAclOutput).Grants) == 1, out)
			},
			fails: readFailures(),
		},
		"GetObjectRetention": lockWalk("", walk{output: func(_ *stroll, out any) string {
			r := out.(*s3.GetObjectRetentionOutput).Retention
			return wrongUnless(r.Mode == types.ObjectLockRetentionModeGovernance && r.RetainUntilDate.After(time.Now()), r)
		}}),
		"GetObjectLegalHold": lockWalk("", walk{output: func(_ *stroll, out any) string {
			h := out.(*s3.GetObjectLegalHoldOutput).LegalHold
			return wrongUnless(h.Status == types.ObjectLockLegalHoldStatusOn, h)
		}}),
		"PutObjectAcl": {
			ready: func(s *stroll, a *ask) {
				s.withACLs(true)
				a.body = s.aclDocument(grantee("CanonicalUser", "ID", store.CanonicalID(store.Account)))
			},
			input: func(_ *stroll, in any) { in.(*s3.PutObjectAclInput).ACL = types.ObjectCannedACLPublicRead },
			fails: append([]failure{fails(404, "NoSuchKey", "Key=none", func(s *stroll) reply { return s.send(s.request.of("none")) }).on("")}, aclFailures()...),
		},
		"PutObjectRetention": lockWalk(retentionDocument("GOVERNANCE", "2100-01-01T00:00:00Z"), walk{
			input: func(_ *stroll, in any) {
				in.(*s3.PutObjectRetentionInput).Retention = &types.ObjectLockRetention{Mode: types.ObjectLockRetentionModeGovernance, RetainUntilDate: aws.Time(time.Now().Add(time.Hour))}
			},
			fails: []failure{
				document(400, "MalformedXML", "", "<Retention><Mode>GOVERNANCE</Mode></Retention>"),
				document(400, "MalformedXML", "", "<Retention><RetainUntilDate>2100-01-01T00:00:00Z</RetainUntilDate></Retention>"),
				document(400, "MalformedXML", "", retentionDocument("governance", "2100-01-01T00:00:00Z")),
				document(400, "MalformedXML", "", retentionDocument("GOVERNANCE", "tomorrow")),
				document(400, "InvalidArgument", "ArgumentName=RetainUntilDate ArgumentValue=2020-01-01T00:00:00Z", retentionDocument("GOVERNANCE", "2020-01-01T00:00:00Z")),
				document(501, "NotImplemented", "", "<Retention><Mode>GOVERNANCE</Mode><EventHold>ON</EventHold></Retention>"),
				document(403, "AccessDenied", "", retentionDocument("COMPLIANCE", "2100-01-01T00:00:00Z")),
				document(403, "AccessDenied", "", "<Retention/>"),
			},
		}),
		"UpdateObjectEncryption": updateEncryptionWalk(),
		"PutObjectLegalHold": lockWalk("<LegalHold><Status>ON</Status></LegalHold>", walk{
			input: func(_ *stroll, in any) {
				in.(*s3.PutObjectLegalHoldInput).LegalHold = &types.ObjectLockLegalHold{Status: types.ObjectLockLegalHoldStatusOn}
			},
			fails: []failure{
				document(400, "MalformedXML", "", "<LegalHold><Status>on</Status></LegalHold>"),
				document(400, "MalformedXML", "", "<LegalHold/>"),
			},
		}),
	}
}

// begin begins an upload of a key.
func (s *stroll) begin(key string) {
	s.t.Helper()
	id, err := s.w.se.CreateUpload(s.t.Context(), s.bucket, key, store.PutInput{})
	if err != nil {
		s.t.Fatal(err)
	}
	s.upload = id
}

// ready begins an upload of the stroll's key and has it in the request. It has parts 1 and
// 2 of five bytes each, and part 3 of one.
func uploading(more ...func(s *stroll, a *ask)) func(s *stroll, a *ask) {
	return func(s *stroll, a *ask) {
		s.begin(s.key)
		s.parts = ""
		for i, body := range []string{"hello", "world", "!"} {
			p, err := s.w.se.UploadPart(s.t.Context(), s.bucket, s.key, s.upload, i+1, store.PartInput{Body: strings.NewReader(body), Size: int64(len(body))})
			if err != nil {
				s.t.Fatal(err)
			}
			s.parts += part(i+1, p.ETag)
		}
		a.query.Set("uploadId", s.upload)
		for _, f := range more {
			f(s, a)
		}
	}
}

// part is the element of a part.
func part(number int, etag string) string {
	return fmt.Sprintf("<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", number, etag)
}
