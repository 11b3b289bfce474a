package s3api

import (
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"pail/store"
)

// invalid is an argument that is refused, with what AWS's answer says of it.
func invalid(name, value string, do func(s *stroll) reply) failure {
	return fails(400, "InvalidArgument", "ArgumentName="+name+" ArgumentValue="+value, do)
}

// parameter is a parameter with a value that is refused.
func parameter(name, value string) failure {
	return invalid(name, value, func(s *stroll) reply { return s.send(s.request.where(name, value)) })
}

// listFailures are those of what all listings of keys can be asked for.
func listFailures(limit string) []failure {
	return []failure{
		parameter(limit, "-1"), parameter(limit, "many"), parameter(limit, "+1"), parameter(limit, "2147483648"),
		parameter("encoding-type", "base64"),
	}
}

func bucketWalks() map[string]walk {
	return map[string]walk{
		"ListBuckets": {
			output: func(s *stroll, out any) string {
				for _, b := range out.(*s3.ListBucketsOutput).Buckets {
					if *b.Name == s.bucket {
						return ""
					}
				}
				return "the bucket is not listed"
			},
			fails: []failure{
				parameter("max-buckets", "0"), parameter("max-buckets", "10001"), parameter("max-buckets", "+1"),
				parameter("continuation-token", "?").on(""),
			},
		},
		"CreateBucket": {
			document: true,
			ready: func(s *stroll, a *ask) {
				a.path += "-new"
				a.body = "<CreateBucketConfiguration><LocationConstraint>us-east-1</LocationConstraint></CreateBucketConfiguration>"
			},
			input: func(s *stroll, in any) {
				c := in.(*s3.CreateBucketInput)
				c.ObjectOwnership = types.ObjectOwnershipBucketOwnerEnforced
				c.CreateBucketConfiguration = &types.CreateBucketConfiguration{Tags: []types.Tag{{Key: aws.String("who"), Value: aws.String("me")}}}
				c.Bucket = aws.String(s.bucket + "-client")
				s.bucket += "-client"
			},
			output: func(s *stroll, out any) string {
				b, err := s.w.se.Bucket(s.t.Context(), s.bucket)
				if err != nil || b.Tags["who"] != "me" || *out.(*s3.CreateBucketOutput).Location != "/"+s.bucket {
					return fmt.Sprintf("the bucket is %+v, %v", b, err)
				}
				return ""
			},
			fails: []failure{
				never("BucketAlreadyExists", "there is one account, whose own every bucket is").on(""),
				fails(409, "BucketAlreadyOwnedByYou", "BucketName=photos", func(s *stroll) reply {
					e := elsewhere(s)
					s.t.Helper()
					return e.send(e.request)
				}).on(""),
				fails(400, "IllegalLocationConstraintException", "", func(s *stroll) reply {
					e := elsewhere(s)
					return e.send(e.request.saying(""))
				}),
				fails(400, "InvalidLocationConstraint", "LocationConstraint=eu-west-1", func(s *stroll) reply {
					return s.send(s.request.saying("<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>"))
				}),
				fails(400, "InvalidBucketName", "BucketName=Photos_1", func(s *stroll) reply { return s.send(s.request.in("Photos_1")) }),
				fails(400, "InvalidBucketName", "BucketName=192.168.5.4", func(s *stroll) reply { return s.send(s.request.in("192.168.5.4")) }),
				// https://github.com/versity/versitygw, s3err/invalid-argument.go, has S3's answer.
				fails(400, "InvalidArgument", "ArgumentName=x-amz-object-ownership", func(s *stroll) reply {
					return s.send(s.request.with("x-amz-object-ownership", "mine"))
				}),
				fails(400, "InvalidTag", "TagKey=aws:x", func(s *stroll) reply {
					return s.send(s.request.saying("<CreateBucketConfiguration><Tags><Tag><Key>aws:x</Key><Value>1</Value></Tag></Tags></CreateBucketConfiguration>"))
				}),
				fails(400, "InvalidBucketAclWithObjectOwnership", "", func(s *stroll) reply {
					return s.send(s.request.with("x-amz-acl", "public-read"))
				}).on(ownershipPage),
				fails(400, "InvalidBucketAclWithBlockPublicAccessError", "", func(s *stroll) reply {
					return s.send(s.request.with("x-amz-acl", "public-read", "x-amz-object-ownership", "ObjectWriter"))
				}).on(ownershipPage),
				fails(400, "InvalidArgument", "", func(s *stroll) reply {
					return s.send(s.request.with("x-amz-grant-read", "id=1"))
				}),
				never("TooManyBuckets", "there may be as many as the disk holds"),
				never("OperationAborted", "operations on a bucket wait for each other"),
			},
		},
		"HeadBucket": {
			output: func(s *stroll, out any) string {
				if r := out.(*s3.HeadBucketOutput).BucketRegion; r == nil || *r != store.DefaultRegion {
					return "no region"
				}
				return ""
			},
			fails: []failure{never("NotFound", "what its client makes of NoSuchBucket, whose answer to HEAD has no body")},
		},
		"DeleteBucket": {
			ready: func(s *stroll, _ *ask) { s.begin("unfinished") }, // which does not count
			fails: []failure{
				fails(409, "BucketNotEmpty", "BucketName=*", func(s *stroll) reply {
					s.put("there", "hello")
					return s.send(s.request)
				}),
				never("OperationAborted", "operations on a bucket wait for each other"),
			},
		},
		"GetBucketLocation": {},
		"ListObjects": {
			ready: func(s *stroll, _ *ask) { s.put("listed", "hello") },
			output: func(s *stroll, out any) string {
				return listedOnce(out.(*s3.ListObjectsOutput).Contents)
			},
			fails: listFailures("max-keys"),
		},
		"ListObjectsV2": {
			ready: func(s *stroll, a *ask) {
				s.put("listed", "hello")
				a.query.Set("list-type", "2")
			},
			output: func(s *stroll, out any) string { return listedOnce(out.(*s3.ListObjectsV2Output).Contents) },
			fails:  append(listFailures("max-keys"), parameter("continuation-token", "?")),
		},
		"ListObjectVersions": {
			ready: func(s *stroll, _ *ask) { s.put("listed", "hello") },
			output: func(s *stroll, out any) string {
				all := out.(*s3.ListObjectVersionsOutput).Versions
				if len(all) != 1 || *all[0].VersionId != "null" || !*all[0].IsLatest || len(all[0].ChecksumAlgorithm) != 1 || all[0].ChecksumType != types.ChecksumTypeFullObject {
					return fmt.Sprintf("%+v", all)
				}
				return ""
			},
			fails: append(listFailures("max-keys"),
				invalid("version-id-marker", "null", func(s *stroll) reply { return s.send(s.request.where("version-id-marker", "null")) }),
				invalid("version-id-marker", "", func(s *stroll) reply {
					return s.send(s.request.where("version-id-marker", "", "key-marker", "a"))
				}),
				invalid("version-id-marker", "nonsense", func(s *stroll) reply {
					return s.send(s.request.where("version-id-marker", "nonsense", "key-marker", "a"))
				})),
		},
		"ListMultipartUploads": {
			ready: func(s *stroll, _ *ask) { s.begin("listed") },
			output: func(s *stroll, out any) string {
				if all := out.(*s3.ListMultipartUploadsOutput).Uploads; len(all) != 1 || *all[0].UploadId != s.upload {
					return fmt.Sprintf("%+v", all)
				}
				return ""
			},
			fails: append(listFailures("max-uploads"),
				// https://github.com/versity/versitygw, s3err/invalid-argument.go, has S3's answer.
				invalid("upload-id-marker", "nonsense", func(s *stroll) reply {
					return s.send(s.request.where("upload-id-marker", "nonsense", "key-marker", "a"))
				})),
		},
	}
}

// listedOnce says what is wrong with a list that should have one object of five bytes.
func listedOnce(all []types.Object) string {
	if len(all) != 1 || *all[0].Key != "listed" || *all[0].Size != 5 || len(all[0].ChecksumAlgorithm) != 1 ||
		all[0].ChecksumAlgorithm[0] != types.ChecksumAlgorithmCrc64nvme || all[0].ChecksumType != types.ChecksumTypeFullObject {
		return fmt.Sprintf("%+v", all)
	}
	return ""
}

// elsewhere is a stroll that makes the bucket "photos", which is there, in a store of
// another region.
func elsewhere(s *stroll) *stroll {
	s.t.Helper()
	w := newWorld(s.t, func(o *store.Options) { o.Region = "eu-west-1" })
	if _, err := w.se.CreateBucket(s.t.Context(), "photos", store.BucketOptions{}); err != nil {
		s.t.Fatal(err)
	}
	return &stroll{t: s.t, w: w, op: s.op, bucket: "photos", request: ask{
		method: http.MethodPut, path: "/photos", header: http.Header{},
		body: "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>",
	}}
}

// refusedHeader is a header that asks for what there is not yet.
// notOverTLS is a customer's key that comes over plain HTTP.
func notOverTLS() failure {
	const name = "x-amz-server-side-encryption-customer-algorithm"
	return invalid(name, "AES256", func(s *stroll) reply { return s.send(s.request.with(name, "AES256")) }).on(customerKeyPage)
}

func refusedHeader(name, value string) failure {
	return fails(501, "NotImplemented", "Header="+name, func(s *stroll) reply { return s.send(s.request.with(name, value)) })
}
