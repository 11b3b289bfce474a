package s3api

import (
	"net/http"
	"strings"
	"time"

	"pail/store/web/sigv4"
)

// everyones are the errors that AWS documents for all operations, for those on buckets, on
// objects, and with a body that is a document.
func everyones(op *operation, entry walk) []failure {
	if op.method == http.MethodOptions || op.name == "PostObject" {
		return nil // nobody signs them, or in another way
	}
	all := signatureFailures()
	if _, refused := unenforcedOperations[op.name]; refused {
		return all // what is refused is refused whatever it is about
	}
	all = append(all, failure{"AccessDenied", 403, "", errorList, func(s *stroll) reply {
		a := s.request
		a.unsigned = true
		return s.send(a)
	}, ""})
	if op.name != "PutObject" && op.name != "UploadPart" {
		// https://github.com/versity/versitygw/issues/1601 has S3's answer.
		all = append(all, fails(400, "InvalidRequest", "", func(s *stroll) reply {
			a := s.request.with("Content-Encoding", "aws-chunked", "X-Amz-Decoded-Content-Length", "0").saying("0\r\n\r\n")
			a.payload = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
			return s.send(a)
		}).on(authPage))
	}
	if op.level != service && op.name != "CreateBucket" {
		all = append(all, bucketFailures()...)
	}
	if op.level == object {
		all = append(all, fails(400, "KeyTooLongError", "Size=1025 MaxSizeAllowed=1024", func(s *stroll) reply {
			return s.send(s.request.of(strings.Repeat("k", 1025)))
		}))
	}
	if entry.document {
		all = append(all, documentFailures(op)...)
	}
	return all
}

// signatureFailures are those of who a request is from.
func signatureFailures() []failure {
	return []failure{
		fails(403, "InvalidAccessKeyId", "AWSAccessKeyId=NOBODY", func(s *stroll) reply {
			a := s.request
			a.cred = sigv4.Credential{AccessKey: "NOBODY", Secret: "secret"}
			return s.send(a)
		}),
		fails(403, "SignatureDoesNotMatch", "AWSAccessKeyId=* StringToSign=* SignatureProvided=* StringToSignBytes=* CanonicalRequest=* CanonicalRequestBytes=*", func(s *stroll) reply {
			a := s.request
			a.cred = s.w.cred
			a.cred.Secret += "x"
			return s.send(a)
		}),
		fails(403, "RequestTimeTooSkewed", "RequestTime=* ServerTime=* MaxAllowedSkewMilliseconds=900000", func(s *stroll) reply {
			a := s.request
			a.when = time.Now().Add(-16 * time.Minute)
			return s.send(a)
		}),
		fails(400, "AuthorizationHeaderMalformed", "Region=us-east-1", func(s *stroll) reply {
			a := s.request
			a.region = "eu-west-1"
			return s.send(a)
		}),
		fails(403, "AccessDenied", "HeadersNotSigned=x-amz-new", func(s *stroll) reply {
			return s.send(s.request, func(r *http.Request) { r.Header.Set("x-amz-new", "1") })
		}).on(authPage),
		fails(400, "InvalidToken", "Token-0=token", func(s *stroll) reply {
			return s.send(s.request.with("X-Amz-Security-Token", "token"))
		}),
		fails(400, "InvalidArgument", "ArgumentName=Authorization ArgumentValue=*", func(s *stroll) reply {
			return s.send(s.request, func(r *http.Request) { r.Header.Set("Authorization", "Basic abc") })
		}).on(authPage),
		fails(400, "InvalidArgument", "ArgumentName=x-amz-content-sha256 ArgumentValue=nonsense", func(s *stroll) reply {
			a := s.request
			a.payload = "nonsense"
			return s.send(a)
		}).on(authPage),
		never("ExpiredToken", "only after fifteen minutes at least: store/web, TestIdentify"),
		never("TokenRefreshRequired", "the token says when it expires"),
		never("InvalidSecurity", "security tokens of SOAP"),
		never("NotSignedUp", "nobody has to sign up"),
		never("AccountProblem", "accounts are not charged"),
		never("AllAccessDisabled", "buckets are not disabled"),
		never("SlowDown", "the listener throttles, not an operation: TestRates and TestGuessingAtAServer of store/web"),
		never("ServiceUnavailable", "only while the store is closing, which has tests in store/web"),
		never("InternalError", "only after a failure of the disk, which integration/failing provokes"),
		never("PermanentRedirect", "every bucket is here"),
		never("TemporaryRedirect", "every bucket is here"),
	}
}

// bucketFailures are those of all that is about a bucket.
func bucketFailures() []failure {
	return []failure{
		fails(404, "NoSuchBucket", "BucketName=nothing-here", func(s *stroll) reply { return s.send(s.request.in("nothing-here")) }),
		fails(403, "AccessDenied", "", func(s *stroll) reply {
			return s.send(s.request.with("x-amz-expected-bucket-owner", "111122223333"))
		}),
		fails(400, "InvalidArgument", "ArgumentName=x-amz-expected-bucket-owner ArgumentValue=me", func(s *stroll) reply {
			return s.send(s.request.with("x-amz-expected-bucket-owner", "me"))
		}),
	}
}

// documentFailures are those of a body that is a document.
func documentFailures(op *operation) []failure {
	all := []failure{
		fails(400, "MalformedXML", "", func(s *stroll) reply { return s.sendDocument("<Some><thing>") }),
		fails(400, "MalformedXML", "", func(s *stroll) reply { return s.sendDocument("<Other/>") }),
		fails(400, "IncompleteBody", "NumberBytesExpected=* NumberBytesProvided=*", func(s *stroll) reply { return s.cutShort(s.request) }),
		fails(400, "XAmzContentSHA256Mismatch", "ClientComputedContentSHA256=* S3ComputedContentSHA256=*", func(s *stroll) reply {
			a := s.request
			a.payload = strings.Repeat("0", 64)
			return s.send(a)
		}),
		fails(400, "MaxMessageLengthExceeded", "MaxMessageLengthBytes=*", func(s *stroll) reply {
			a := s.request.with("Expect", "100-continue")
			a.length = 64 << 20
			return s.send(a)
		}),
	}
	if op.name == "CompleteMultipartUpload" {
		return all // whose checksums are of the object
	}
	all = append(all,
		fails(400, "InvalidDigest", "Content-MD5=abc", func(s *stroll) reply { return s.send(s.request.with("Content-MD5", "abc")) }),
		fails(400, "BadDigest", "ExpectedDigest=5d41402abc4b2a76b9719d911017c592 CalculatedDigest=*", func(s *stroll) reply {
			return s.send(s.request.with("Content-MD5", md5Of("hello")))
		}),
		fails(400, "BadDigest", "", func(s *stroll) reply { return s.send(s.unsummed().with("x-amz-checksum-crc32", "AAAAAA==")) }).on(sumsPage),
		fails(400, "InvalidRequest", "", func(s *stroll) reply { return s.send(s.unsummed().with("x-amz-checksum-crc32", "AA==")) }).on(sumsPage),
		fails(400, "InvalidRequest", "", func(s *stroll) reply {
			return s.send(s.unsummed().with("x-amz-checksum-crc32", "AAAAAA==", "x-amz-checksum-sha1", "AAAA"))
		}).on(sumsPage),
		fails(400, "InvalidRequest", "", func(s *stroll) reply { return s.send(s.unsummed().with("x-amz-sdk-checksum-algorithm", "CRC32")) }).on(sumsPage),
	)
	switch op.name {
	case "CreateBucket", "DeleteObjects": // one needs no body, the other more than one
	case "PutObjectLockConfiguration", "PutObjectRetention", "PutObjectLegalHold":
		// https://github.com/localstack/localstack/blob/master/tests/aws/services/s3/test_s3.snapshot.json has S3's answer.
		all = append(all, fails(400, "MalformedXML", "", func(s *stroll) reply { return s.sendDocument("") }))
		all = append(all, fails(400, "InvalidRequest", "", func(s *stroll) reply { return s.send(s.unsummed()) }))
	default:
		all = append(all, fails(400, "MissingRequestBodyError", "", func(s *stroll) reply { return s.send(s.unsummed().saying("")) }))
	}
	return all
}

// unsummed is the stroll's request without a checksum of its body.
func (s *stroll) unsummed() ask {
	a := s.request.with()
	a.header.Del("Content-MD5")
	return a
}

// sendDocument sends the stroll's request with another body, and its checksum where one is
// demanded.
func (s *stroll) sendDocument(doc string) reply {
	s.t.Helper()
	a := s.request.saying(doc)
	if a.header.Get("Content-MD5") != "" {
		a = a.with("Content-MD5", md5Of(doc))
	}
	return s.send(a)
}
