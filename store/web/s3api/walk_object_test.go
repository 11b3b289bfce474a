package s3api

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"pail/store"
	"pail/store/access"
	"pail/store/web/sigv4"
	"pail/versioning"
)

// versionFailures are those of what names a version of an object.
func versionFailures() []failure {
	return []failure{
		invalid("versionId", "nonsense", func(s *stroll) reply { return s.send(s.request.where("versionId", "nonsense")) }),
		invalid("versionId", "", func(s *stroll) reply { return s.send(s.request.where("versionId", "")) }),
	}
}

// readFailures are those of what reads something of an object that is there.
func readFailures() []failure {
	return append(versionFailures(),
		fails(404, "NoSuchKey", "Key=nothing", func(s *stroll) reply { return s.send(s.request.of("nothing")) }).on(""),
		fails(404, "NoSuchVersion", "Key=gone VersionId=*", func(s *stroll) reply {
			s.keepVersions()
			o := s.put("gone", "hello")
			if _, err := s.w.se.Delete(s.t.Context(), s.bucket, "gone", store.DeleteOptions{Version: o.VersionID}); err != nil {
				s.t.Fatal(err)
			}
			return s.send(s.request.of("gone").where("versionId", o.VersionID))
		}),
		fails(405, "MethodNotAllowed", "Method=* ResourceType=DeleteMarker", func(s *stroll) reply {
			return s.send(s.request.of("marked").where("versionId", s.marker("marked")))
		}),
	)
}

// keepVersions makes the stroll's bucket versioned.
func (s *stroll) keepVersions() {
	s.t.Helper()
	if err := s.w.se.SetVersioning(s.t.Context(), s.bucket, versioning.Enabled); err != nil {
		s.t.Fatal(err)
	}
}

// locked makes a bucket with Object Lock, and in it an object that nobody can remove.
func (s *stroll) locked(key string) (bucket, version string) {
	s.t.Helper()
	bucket = s.bucket + "-locked"
	if _, err := s.w.se.CreateBucket(s.t.Context(), bucket, store.BucketOptions{ObjectLock: true}); err != nil {
		s.t.Fatal(err)
	}
	o, err := s.w.se.Put(s.t.Context(), bucket, key, store.PutInput{Lock: versioning.Lock{Hold: versioning.Held}})
	if err != nil {
		s.t.Fatal(err)
	}
	return bucket, o.VersionID
}

// marker puts a delete marker on a key and returns its version.
func (s *stroll) marker(key string) string {
	s.t.Helper()
	s.keepVersions()
	res, err := s.w.se.Delete(s.t.Context(), s.bucket, key, store.DeleteOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	return res.VersionID
}

// claim opens a new file of a mount, which has its name before it is an object.
func (s *stroll) claim(key string) {
	s.t.Helper()
	f, err := s.w.se.OpenFile(s.t.Context(), s.bucket, key, store.OpenFlags{Write: true, Create: true})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = f.Close(s.t.Context()) })
}

// conditionFailures are those of If-Match and If-None-Match on what writes the key.
func conditionFailures() []failure {
	all := []failure{
		fails(412, "PreconditionFailed", "Condition=If-None-Match", func(s *stroll) reply { return s.send(s.request.of("source").with("If-None-Match", "*")) }),
		fails(412, "PreconditionFailed", "Condition=If-Match", func(s *stroll) reply { return s.send(s.request.of("source").with("If-Match", `"other"`)) }),
		fails(404, "NoSuchKey", "Key=nothing", func(s *stroll) reply { return s.send(s.request.of("nothing").with("If-Match", `"other"`)) }),
		fails(409, "ConditionalRequestConflict", "", func(s *stroll) reply {
			s.claim("claimed")
			return s.send(s.request.of("claimed").with("If-None-Match", "*"))
		}),
	}
	for i := range all {
		all[i] = all[i].on(condPage)
	}
	return append(all,
		fails(501, "NotImplemented", "Header=If-None-Match additionalMessage=*", func(s *stroll) reply { return s.send(s.request.with("If-None-Match", `"other"`)) }),
		fails(501, "NotImplemented", "Header=If-Match additionalMessage=*", func(s *stroll) reply { return s.send(s.request.with("If-Match", "*")) }))
}

// putFailures are those of the headers that are kept with an object.
func putFailures() []failure {
	return []failure{
		fails(400, "InvalidStorageClass", "StorageClassRequested=COLD", func(s *stroll) reply { return s.send(s.request.with("x-amz-storage-class", "COLD")) }),
		fails(400, "MetadataTooLarge", "Size=2049 MaxSizeAllowed=2048", func(s *stroll) reply {
			return s.send(s.request.with("x-amz-meta-abcdefgh", strings.Repeat("x", 2041), "x-amz-metadata-directive", "REPLACE"))
		}),
		fails(400, "InvalidRedirectLocation", "", func(s *stroll) reply { return s.send(s.request.with("x-amz-website-redirect-location", "elsewhere")) }),
		fails(501, "NotImplemented", "", func(s *stroll) reply { return s.send(s.request.with("x-amz-server-side-encryption", "aws:kms:dsse")) }),
		fails(400, "KMS.NotFoundException", "", func(s *stroll) reply {
			return s.send(s.request.with("x-amz-server-side-encryption", "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id", "alias/none"))
		}).on(kmsPage),
		invalid("x-amz-server-side-encryption", "AES128", func(s *stroll) reply {
			return s.send(s.request.with("x-amz-server-side-encryption", "AES128"))
		}),
		invalid("x-amz-server-side-encryption", "", func(s *stroll) reply {
			return s.send(s.request.with("x-amz-server-side-encryption-aws-kms-key-id", "alias/x"))
		}).on(kmsPage),
		notOverTLS(),
		fails(400, "InvalidRequest", "", func(s *stroll) reply { return s.send(s.request.with(lockHoldHeader, "ON")) }).on(""),
		fails(400, "InvalidRequest", "", func(s *stroll) reply {
			return s.send(s.request.with(lockModeHeader, "COMPLIANCE", lockUntilHeader, "2100-01-01T00:00:00Z"))
		}).on(""),
		invalid(lockHoldHeader, "wrong", func(s *stroll) reply { return s.send(s.request.with(lockHoldHeader, "wrong")) }),
		invalid(lockUntilHeader, "", func(s *stroll) reply { return s.send(s.request.with(lockModeHeader, "GOVERNANCE")) }),
		invalid(lockModeHeader, "", func(s *stroll) reply { return s.send(s.request.with(lockUntilHeader, "2100-01-01T00:00:00Z")) }),
		invalid(lockModeHeader, "BAD", func(s *stroll) reply {
			return s.send(s.request.with(lockModeHeader, "BAD", lockUntilHeader, "2100-01-01T00:00:00Z"))
		}),
		invalid(lockUntilHeader, "abc", func(s *stroll) reply {
			return s.send(s.request.with(lockModeHeader, "GOVERNANCE", lockUntilHeader, "abc"))
		}),
		invalid(lockUntilHeader, "2020-01-01T00:00:00Z", func(s *stroll) reply {
			return s.send(s.request.with(lockModeHeader, "GOVERNANCE", lockUntilHeader, "2020-01-01T00:00:00Z"))
		}),
		refusedHeader("x-amz-object-lock-event-hold", "ON"),
		fails(400, "AccessControlListNotSupported", "", func(s *stroll) reply { return s.send(s.request.with("x-amz-acl", "public-read")) }).on(ownershipPage),
		fails(400, "InvalidRequest", "", func(s *stroll) reply {
			return s.send(s.request.with("x-amz-acl", "private", "x-amz-grant-read", "uri="+access.AllUsers))
		}),
		fails(400, "InvalidArgument", "ArgumentName=x-amz-grant-read ArgumentValue=everyone", func(s *stroll) reply {
			return s.send(s.request.with("x-amz-grant-read", "everyone"))
		}),
		fails(400, "UnresolvableGrantByEmailAddress", "", func(s *stroll) reply {
			return s.send(s.request.with("x-amz-grant-read", `emailAddress="me@example.com"`))
		}),
		never("InvalidEncryptionAlgorithmError", "S3 answers InvalidArgument; keys of customers are not taken yet"),
		never("InvalidObjectState", "nothing is archived"),
		never("CredentialsNotSupported", "requests by SOAP"),
		never("InlineDataTooLarge", "requests by SOAP"),
	}
}

// headerTagFailures are those of tags in a header.
func headerTagFailures() []failure {
	return []failure{
		fails(400, "InvalidTag", "TagKey=aws:x", func(s *stroll) reply { return s.send(s.request.with("x-amz-tagging", "aws%3Ax=1")) }),
		fails(400, "BadRequest", "", func(s *stroll) reply {
			return s.send(s.request.with("x-amz-tagging", "a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1&i=1&j=1&k=1"))
		}),
		invalid("x-amz-tagging", "a=1&a=2", func(s *stroll) reply { return s.send(s.request.with("x-amz-tagging", "a=1&a=2")) }),
	}
}

// bodyFailures are those of a body that is kept as it is.
func bodyFailures() []failure {
	return []failure{
		fails(400, "InvalidDigest", "Content-MD5=abc", func(s *stroll) reply { return s.send(s.request.with("Content-MD5", "abc")) }),
		fails(400, "BadDigest", "ExpectedDigest=7d793037a0760186574b0282f2f435e7 CalculatedDigest="+md5Of("hello"), func(s *stroll) reply {
			return s.send(s.request.with("Content-MD5", md5Of("world")))
		}),
		fails(400, "BadDigest", "", func(s *stroll) reply { return s.send(s.request.with("x-amz-checksum-crc32", "AAAAAA==")) }).on(sumsPage),
		fails(400, "InvalidRequest", "", func(s *stroll) reply { return s.send(s.request.with("x-amz-checksum-crc32", "AA==")) }).on(sumsPage),
		fails(400, "InvalidRequest", "", func(s *stroll) reply { return s.send(s.request.with("x-amz-checksum-md17", "AA==")) }).on(sumsPage),
		fails(400, "InvalidRequest", "", func(s *stroll) reply {
			return s.send(s.request.with("x-amz-checksum-crc32", "NhCmhg==", "x-amz-checksum-crc32c", "AAAAAA=="))
		}).on(sumsPage),
		fails(400, "InvalidRequest", "", func(s *stroll) reply { return s.send(s.request.with("x-amz-sdk-checksum-algorithm", "CRC32")) }).on(sumsPage),
		fails(400, "InvalidRequest", "", func(s *stroll) reply { return s.trailed("x-amz-checksum-md17", "x-amz-checksum-md17:AA==\r\n") }).on(sumsPage),
		fails(400, "InvalidRequest", "", func(s *stroll) reply { return s.trailed("x-amz-other", "x-amz-other:AA==\r\n") }).on(sumsPage),
		fails(400, "MalformedTrailerError", "", func(s *stroll) reply { return s.trailed("x-amz-checksum-crc32", "") }).on(authPage),
		fails(400, "BadDigest", "", func(s *stroll) reply { return s.trailed("x-amz-checksum-crc32", "x-amz-checksum-crc32:AAAAAA==\r\n") }).on(sumsPage),
		fails(400, "IncompleteBody", "NumberBytesExpected=6 NumberBytesProvided=5", func(s *stroll) reply { return s.cutShort(s.request) }),
		fails(411, "MissingContentLength", "", func(s *stroll) reply {
			a := s.request
			a.chunked, a.payload = true, "UNSIGNED-PAYLOAD"
			return s.send(a)
		}),
		fails(400, "XAmzContentSHA256Mismatch", "ClientComputedContentSHA256=* S3ComputedContentSHA256=*", func(s *stroll) reply {
			a := s.request
			a.payload = strings.Repeat("0", 64)
			return s.send(a)
		}),
		fails(400, "EntityTooLarge", "ProposedSize=5368709121 MaxSizeAllowed=5368709120", func(s *stroll) reply {
			a := s.request.with("Expect", "100-continue")
			a.length = 5<<30 + 1
			return s.send(a)
		}),
		fails(403, "InvalidChunkSizeError", "Chunk=2 BadChunkSize=1", func(s *stroll) reply {
			a := s.request.with("Content-Encoding", "aws-chunked", "X-Amz-Decoded-Content-Length", "2").saying("1\r\na\r\n1\r\nb\r\n0\r\n\r\n")
			a.payload = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
			return s.send(a)
		}),
		never("RequestTimeout", "takes a client that stops sending for as long as it may: store/web has one"),
	}
}

// trailed sends the stroll's body in chunks, with an announced trailer behind it.
func (s *stroll) trailed(announced, trailers string) reply {
	s.t.Helper()
	a := s.request.with("Content-Encoding", "aws-chunked", "X-Amz-Decoded-Content-Length", "5", "X-Amz-Trailer", announced).saying("5\r\nhello\r\n0\r\n" + trailers + "\r\n")
	a.payload = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	return s.send(a)
}

func objectWalks() map[string]walk {
	return map[string]walk{
		"GetObject": {
			output: func(_ *stroll, out any) string {
				b, err := io.ReadAll(out.(*s3.GetObjectOutput).Body)
				return wrongUnless(err == nil && string(b) == "hello", string(b))
			},
			fails: append(getFailures(),
				fails(404, "NoSuchKey", "Key=marked", func(s *stroll) reply {
					s.marker("marked")
					return s.send(s.request.of("marked"))
				}).on(""),
				never("InvalidObjectState", "nothing is archived").on("")),
		},
		"HeadObject": {
			output: func(_ *stroll, out any) string {
				return wrongUnless(*out.(*s3.HeadObjectOutput).ContentLength == 5, out)
			},
			fails: append(getFailures(), never("NotFound", "what its client makes of NoSuchKey, whose answer to HEAD has no body")),
		},
		"PutObject": {
			ready: saying("hello"),
			input: func(_ *stroll, in any) {
				p := in.(*s3.PutObjectInput)
				p.Body, p.Tagging, p.Metadata, p.ContentType = strings.NewReader("hello"), aws.String("a=1"), map[string]string{"who": "me"}, aws.String("text/plain")
			},
			output: func(_ *stroll, out any) string {
				return wrongUnless(*out.(*s3.PutObjectOutput).ETag == `"5d41402abc4b2a76b9719d911017c592"`, out)
			},
			fails: join(bodyFailures(), putFailures(), headerTagFailures(), conditionFailures(), []failure{
				invalid("versionId", "null", func(s *stroll) reply { return s.send(s.request.where("versionId", "null")) }),
				invalid("partNumber", "1", func(s *stroll) reply { return s.send(s.request.where("partNumber", "1")) }),
				refusedHeader("x-amz-write-offset-bytes", "5"),
				never("EncryptionTypeMismatch", "appending is for directory buckets").on(""),
				never("InvalidWriteOffset", "appending is for directory buckets").on(""),
				never("TooManyParts", "appending is for directory buckets").on(""),
			}),
		},
		"CopyObject": {
			input: func(s *stroll, in any) { in.(*s3.CopyObjectInput).CopySource = aws.String(s.bucket + "/source") },
			output: func(_ *stroll, out any) string {
				return wrongUnless(*out.(*s3.CopyObjectOutput).CopyObjectResult.ETag == `"5d41402abc4b2a76b9719d911017c592"`, out)
			},
			fails: join(copySourceFailures(), putFailures(), conditionsOn("key"), []failure{
				fails(400, "InvalidRequest", "", func(s *stroll) reply { return s.send(s.request.of("source")) }).on(""),
				invalid("x-amz-metadata-directive", "KEEP", func(s *stroll) reply { return s.send(s.request.with("x-amz-metadata-directive", "KEEP")) }),
				invalid("x-amz-tagging-directive", "KEEP", func(s *stroll) reply { return s.send(s.request.with("x-amz-tagging-directive", "KEEP")) }),
				fails(400, "InvalidRequest", "", func(s *stroll) reply { return s.send(s.request.with("x-amz-checksum-algorithm", "MD17")) }).on(sumsPage),
				fails(400, "InvalidTag", "TagKey=aws:x", func(s *stroll) reply {
					return s.send(s.request.with("x-amz-tagging-directive", "REPLACE", "x-amz-tagging", "aws%3Ax=1"))
				}),
				invalid("versionId", "null", func(s *stroll) reply { return s.send(s.request.where("versionId", "null")) }),
				never("ObjectNotInActiveTierError", "nothing is archived").on(""),
			}),
		},
		"RenameObject": {
			ready: func(_ *stroll, a *ask) { a.header.Set("x-amz-rename-source", "source") },
			input: func(_ *stroll, in any) { in.(*s3.RenameObjectInput).RenameSource = aws.String("source") },
			fails: join(conditionsOn("key"), []failure{
				fails(404, "NoSuchKey", "Key=nothing", func(s *stroll) reply { return s.send(s.request.with("x-amz-rename-source", "nothing")) }),
				fails(400, "InvalidRequest", "", func(s *stroll) reply { return s.send(s.request.with("x-amz-rename-source", "")) }),
				fails(400, "InvalidRequest", "", func(s *stroll) reply { return s.send(s.request.with("x-amz-rename-source", "dir/")) }),
				invalid("x-amz-rename-source", "%zz", func(s *stroll) reply { return s.send(s.request.with("x-amz-rename-source", "%zz")) }),
				fails(412, "PreconditionFailed", "Condition=x-amz-rename-source-If-Match", func(s *stroll) reply { return s.send(s.request.with("x-amz-rename-source-if-match", `"other"`)) }),
				never("IdempotencyParameterMismatch", "a rename that is asked for again finds nothing to rename, whatever its token").on(""),
			}),
		},
		"DeleteObject": {
			fails: append(versionFailures(),
				invalid(bypassHeader, "true", func(s *stroll) reply { return s.send(s.request.with(bypassHeader, "true")) }),
				invalid(bypassHeader, "false", func(s *stroll) reply { return s.send(s.request.with(bypassHeader, "false")) }),
				fails(403, "AccessDenied", "", func(s *stroll) reply {
					bucket, version := s.locked("kept")
					return s.send(s.request.in(bucket).of("kept").where("versionId", version))
				}).on("https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html"),
				fails(412, "PreconditionFailed", "Condition=If-Match", func(s *stroll) reply { return s.send(s.request.with("If-Match", `"other"`)) }),
				fails(404, "NoSuchKey", "Key=nothing", func(s *stroll) reply { return s.send(s.request.of("nothing").with("If-Match", `"other"`)) }),
				// https://github.com/localstack/localstack/issues/13894 has S3's answer.
				fails(501, "NotImplemented", "Header=If-Match", func(s *stroll) reply {
					return s.send(s.request.where("versionId", "null").with("If-Match", `"5d41402abc4b2a76b9719d911017c592"`))
				}),
				refusedHeader("If-None-Match", `"other"`), refusedHeader("If-Modified-Since", "Mon, 02 Jan 2006 15:04:05 GMT"),
				refusedHeader("If-Unmodified-Since", "Mon, 02 Jan 2006 15:04:05 GMT"),
				refusedHeader("x-amz-if-match-size", "5"),
			),
		},
		"DeleteObjects": {
			document: true,
			ready: func(s *stroll, a *ask) {
				s.put("key", "hello")
				a.body = "<Delete>" + named("key") + "</Delete>"
				a.header.Set("Content-MD5", md5Of(a.body))
			},
			input: func(s *stroll, in any) {
				in.(*s3.DeleteObjectsInput).Delete = &types.Delete{Objects: []types.ObjectIdentifier{{Key: &s.key}, {Key: aws.String("other"), VersionId: aws.String("nonsense")}}}
			},
			output: func(_ *stroll, out any) string {
				d := out.(*s3.DeleteObjectsOutput)
				return wrongUnless(len(d.Deleted) == 1 && len(d.Errors) == 1 && *d.Errors[0].Code == "NoSuchVersion", d)
			},
			fails: []failure{
				fails(400, "InvalidRequest", "", func(s *stroll) reply { return s.send(s.unsummed()) }).on(""),
				document(400, "MalformedXML", "", "<Delete/>"),
				invalid(bypassHeader, "true", func(s *stroll) reply { return s.send(s.request.with(bypassHeader, "true")) }),
				document(400, "MalformedXML", "", "<Delete>"+strings.Repeat("<Object><Key>a</Key></Object>", 1001)+"</Delete>"),
			},
		},
		"PostObject": postWalk(),
		"RestoreObject": {
			input: func(_ *stroll, in any) {
				in.(*s3.RestoreObjectInput).RestoreRequest = &types.RestoreRequest{Days: aws.Int32(1)}
			},
			fails: []failure{never("ObjectAlreadyInActiveTierError", "nothing is archived").on(""), never("RestoreAlreadyInProgress", "nothing is archived"), never("GlacierExpeditedRetrievalNotAvailable", "nothing is archived").on("")},
		},
		"SelectObjectContent": {
			input: func(_ *stroll, in any) {
				q := in.(*s3.SelectObjectContentInput)
				q.Expression, q.ExpressionType = aws.String("SELECT 1"), types.ExpressionTypeSql
				q.InputSerialization, q.OutputSerialization = &types.InputSerialization{CSV: &types.CSVInput{}}, &types.OutputSerialization{CSV: &types.CSVOutput{}}
			},
		},
		"GetObjectTorrent": {},
	}
}

// formFields are the fields of a form, and then its file's key.
func formFields(values map[string]string) []sigv4.Field {
	fields := make([]sigv4.Field, 0, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		fields = append(fields, sigv4.Field{Name: name, Value: values[name]})
	}
	return fields
}

// getFailures are those of GetObject and HeadObject.
func getFailures() []failure {
	return append(readFailures(),
		fails(416, "InvalidRange", "RangeRequested=bytes=5- ActualObjectSize=5", func(s *stroll) reply { return s.send(s.request.with("Range", "bytes=5-")) }),
		fails(416, "InvalidPartNumber", "ActualPartCount=1 PartNumberRequested=2", func(s *stroll) reply { return s.send(s.request.where("partNumber", "2")) }),
		parameter("partNumber", "0"), parameter("partNumber", "10001"), parameter("partNumber", "+1"), parameter("partNumber", "one"),
		fails(400, "InvalidRequest", "", func(s *stroll) reply { return s.send(s.request.where("partNumber", "1").with("Range", "bytes=0-1")) }),
		fails(412, "PreconditionFailed", "Condition=If-Match", func(s *stroll) reply { return s.send(s.request.with("If-Match", `"other"`)) }),
		fails(412, "PreconditionFailed", "Condition=If-Unmodified-Since", func(s *stroll) reply {
			return s.send(s.request.with("If-Unmodified-Since", "Mon, 02 Jan 2006 15:04:05 GMT"))
		}),
		failure{"NotModified", http.StatusNotModified, "", "", func(s *stroll) reply {
			return s.send(s.request.with("If-None-Match", `"5d41402abc4b2a76b9719d911017c592"`))
		}, ""},
		notOverTLS(),
		invalid("x-amz-server-side-encryption", "AES256", func(s *stroll) reply {
			return s.send(s.request.with("x-amz-server-side-encryption", "AES256"))
		}),
	)
}

// copySourceFailures are those of x-amz-copy-source and its conditions.
func copySourceFailures() []failure {
	source := func(v string) failure {
		return invalid("x-amz-copy-source", v, func(s *stroll) reply { return s.send(s.request.with("x-amz-copy-source", v)) })
	}
	return []failure{
		source("bucket"), source("Bad_Bucket/source"), source("bucket/%zz"), source("bucket/source?versionId=nonsense"), source("bucket/source?x=1"),
		fails(404, "NoSuchBucket", "BucketName=nothing-here", func(s *stroll) reply { return s.send(s.request.with("x-amz-copy-source", "nothing-here/source")) }),
		fails(404, "NoSuchKey", "Key=nothing", func(s *stroll) reply { return s.send(s.request.with("x-amz-copy-source", s.bucket+"/nothing")) }),
		fails(400, "InvalidRequest", "", func(s *stroll) reply {
			id := s.marker("marked")
			return s.send(s.request.with("x-amz-copy-source", s.bucket+"/marked?versionId="+id))
		}),
		fails(403, "AccessDenied", "", func(s *stroll) reply {
			return s.send(s.request.with("x-amz-source-expected-bucket-owner", "111122223333"))
		}),
		fails(412, "PreconditionFailed", "Condition=x-amz-copy-source-If-Match", func(s *stroll) reply {
			return s.send(s.request.with("x-amz-copy-source-if-match", `"other"`))
		}),
		fails(412, "PreconditionFailed", "Condition=x-amz-copy-source-If-Modified-Since", func(s *stroll) reply {
			return s.send(s.request.with("x-amz-copy-source-if-modified-since", time.Now().UTC().Format(http.TimeFormat)))
		}),
		fails(400, "InvalidRequest", "", func(s *stroll) reply {
			return s.send(s.request.with("x-amz-copy-source", s.huge()))
		}),
	}
}

// huge makes an object that is larger than one copy may be, and takes no room.
func (s *stroll) huge() string {
	s.t.Helper()
	f, err := s.w.se.OpenFile(s.t.Context(), s.bucket, "huge", store.OpenFlags{Write: true, Create: true})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := f.Truncate(s.t.Context(), maxCopy+1); err != nil {
		s.t.Fatal(err)
	}
	if err := f.Close(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	return s.bucket + "/huge"
}

// conditionsOn is conditionFailures for an operation whose source is an object of the same
// bucket, which is written to a key.
func conditionsOn(key string) []failure {
	return []failure{
		fails(412, "PreconditionFailed", "Condition=If-None-Match", func(s *stroll) reply {
			s.put(key, "hello")
			return s.send(s.request.with("If-None-Match", "*"))
		}).on(condPage),
		fails(412, "PreconditionFailed", "Condition=If-Match", func(s *stroll) reply { return s.send(s.request.with("If-Match", `"other"`)) }).on(condPage),
		fails(404, "NoSuchKey", "Key=nothing", func(s *stroll) reply { return s.send(s.request.of("nothing").with("If-Match", `"other"`)) }).on(condPage),
		fails(409, "ConditionalRequestConflict", "", func(s *stroll) reply {
			s.claim("claimed")
			return s.send(s.request.of("claimed").with("If-None-Match", "*"))
		}).on(condPage),
	}
}

// join joins lists of failures.
func join(lists ...[]failure) (all []failure) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// postWalk posts a form that AWS's client has signed.
func postWalk() walk {
	signed := func(s *stroll, conditions ...any) *s3.PresignedPostRequest {
		p, err := s3.NewPresignClient(s.w.client).PresignPostObject(s.t.Context(), &s3.PutObjectInput{Bucket: &s.bucket, Key: &s.key}, func(o *s3.PresignPostOptions) { o.Conditions = conditions })
		if err != nil {
			s.t.Fatal(err)
		}
		return p
	}
	post := func(s *stroll, values map[string]string, files ...file) reply {
		body, contentType := form(formFields(values), files...)
		a := ask{method: http.MethodPost, path: "/" + s.bucket, header: http.Header{"Content-Type": {contentType}}, body: body, unsigned: true}
		return s.send(a)
	}
	// changed is a form as signed, with one field more or another.
	changed := func(status int, code, details, name, value string, conditions ...any) failure {
		return fails(status, code, details, func(s *stroll) reply {
			values := signed(s, conditions...).Values
			values[name] = value
			return post(s, values, file{"a", "hello"})
		})
	}
	return walk{
		raw: "AWS's client signs the form, and a browser sends it",
		ready: func(s *stroll, a *ask) {
			s.key = "key"
			body, contentType := form(formFields(signed(s).Values), file{"a", "hello"})
			a.header.Set("Content-Type", contentType)
			a.body, a.unsigned = body, true
		},
		fails: []failure{
			changed(403, "SignatureDoesNotMatch", "AWSAccessKeyId=* StringToSign=* SignatureProvided=* StringToSignBytes=*", "X-Amz-Signature", strings.Repeat("0", 64)).on(""),
			changed(403, "AccessDenied", "", "key", "other").on(""),
			changed(403, "AccessDenied", "", "acl", "private").on(""),
			fails(400, "InvalidPolicyDocument", "", func(s *stroll) reply {
				fields := append(formFields(map[string]string{"key": "key"}), sigv4.SignPost([]byte("{}"), s.w.cred, store.DefaultRegion, time.Now())...)
				body, contentType := form(fields, file{"a", "hello"})
				return s.send(s.request.with("Content-Type", contentType).saying(body))
			}).on(""),
			changed(400, "EntityTooLarge", "ProposedSize=* MaxSizeAllowed=3", "x-ignore-a", "", []any{"content-length-range", 1, 3}),
			changed(400, "EntityTooSmall", "ProposedSize=5 MinSizeAllowed=10", "x-ignore-a", "", []any{"content-length-range", 10, 20}),
			changed(400, "MaxPostPreDataLengthExceededError", "", "x-ignore-a", strings.Repeat("x", 21<<10)),
			fails(400, "InvalidArgument", "ArgumentName=file ArgumentValue=0", func(s *stroll) reply { return post(s, signed(s).Values) }),
			invalid("key", "", func(s *stroll) reply {
				body, contentType := form(nil, file{"a", "hello"})
				return s.send(s.request.with("Content-Type", contentType).saying(body))
			}),
			never("UserKeyMustBeSpecified", "S3 itself answers InvalidArgument"),
			fails(400, "MalformedPOSTRequest", "", func(s *stroll) reply { return s.send(s.request.saying("--nothing")) }),
			fails(412, "PreconditionFailed", "Condition=*", func(s *stroll) reply { return s.send(s.request.with("Content-Type", "text/plain")) }),
			fails(411, "MissingContentLength", "", func(s *stroll) reply {
				a := s.request
				a.chunked = true
				return s.send(a)
			}),
			fails(404, "NoSuchBucket", "BucketName=nothing-here", func(s *stroll) reply {
				other := *s
				other.bucket = "nothing-here"
				return post(&other, signed(&other).Values, file{"a", "hello"})
			}),
			never("IncorrectNumberOfFilesInPostRequest", "S3 itself answers InvalidArgument"),
			never("RequestIsNotMultiPartContent", "S3 itself answers PreconditionFailed"),
			never("ExpiredToken", "only after fifteen minutes at least: store/web, TestIdentify"),
		},
	}
}
