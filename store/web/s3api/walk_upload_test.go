package s3api

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

const noUpload = "00000000000000010000000000000001"

// uploadFailures are those of what names an upload.
func uploadFailures() []failure {
	return []failure{
		fails(404, "NoSuchUpload", "UploadId="+noUpload, func(s *stroll) reply { return s.send(s.request.where("uploadId", noUpload)) }).on(""),
		fails(404, "NoSuchUpload", "UploadId=nonsense", func(s *stroll) reply { return s.send(s.request.where("uploadId", "nonsense")) }),
		fails(404, "NoSuchUpload", "UploadId=*", func(s *stroll) reply { return s.send(s.request.of("other")) }),
	}
}

// partFailures are those of the number of a part.
func partFailures() []failure {
	return []failure{parameter("partNumber", "0"), parameter("partNumber", "10001"), parameter("partNumber", "+1"), parameter("partNumber", "one")}
}

func uploadWalks() map[string]walk {
	numbered := func(_ *stroll, a *ask) { a.query.Set("partNumber", "4") }
	return map[string]walk{
		"CreateMultipartUpload": {
			input: func(_ *stroll, in any) {
				in.(*s3.CreateMultipartUploadInput).ChecksumAlgorithm = types.ChecksumAlgorithmSha256
			},
			output: func(_ *stroll, out any) string {
				u := out.(*s3.CreateMultipartUploadOutput)
				return wrongUnless(*u.UploadId != "" && u.ChecksumType == types.ChecksumTypeComposite, u)
			},
			fails: join(putFailures(), headerTagFailures(), []failure{
				fails(400, "InvalidRequest", "", func(s *stroll) reply { return s.send(s.request.with("x-amz-checksum-algorithm", "MD17")) }).on(sumsPage),
				fails(400, "InvalidRequest", "", func(s *stroll) reply { return s.send(s.request.with("x-amz-checksum-type", "COMPOSITE")) }).on(sumsPage),
				fails(400, "InvalidRequest", "", func(s *stroll) reply {
					return s.send(s.request.with("x-amz-checksum-algorithm", "CRC64NVME", "x-amz-checksum-type", "COMPOSITE"))
				}).on(sumsPage),
				fails(400, "InvalidRequest", "", func(s *stroll) reply {
					return s.send(s.request.with("x-amz-checksum-algorithm", "SHA256", "x-amz-checksum-type", "FULL_OBJECT"))
				}).on(sumsPage),
			}),
		},
		"UploadPart": {
			ready: uploading(numbered, saying("hello")),
			input: func(_ *stroll, in any) {
				p := in.(*s3.UploadPartInput)
				p.PartNumber, p.Body = aws.Int32(4), strings.NewReader("hello")
			},
			output: func(_ *stroll, out any) string {
				return wrongUnless(*out.(*s3.UploadPartOutput).ETag == `"5d41402abc4b2a76b9719d911017c592"`, out)
			},
			fails: join(uploadFailures(), partFailures(), bodyFailures(), []failure{
				notOverTLS(),
				fails(400, "InvalidRequest", "", func(s *stroll) reply {
					id := element(s.send(s.creating("SHA256")).body, "UploadId")
					return s.send(s.request.where("uploadId", id).with("x-amz-checksum-crc32", "NhCmhg=="))
				}).on(sumsPage),
			}),
		},
		"UploadPartCopy": {
			ready: uploading(numbered),
			input: func(s *stroll, in any) {
				p := in.(*s3.UploadPartCopyInput)
				p.PartNumber, p.CopySource = aws.Int32(4), aws.String(s.bucket+"/source")
			},
			output: func(_ *stroll, out any) string {
				return wrongUnless(*out.(*s3.UploadPartCopyOutput).CopyPartResult.ETag == `"5d41402abc4b2a76b9719d911017c592"`, out)
			},
			fails: join(uploadFailures(), partFailures(), copySourceFailures(), []failure{
				invalid("x-amz-copy-source-range", "bytes=0-", func(s *stroll) reply { return s.send(s.request.with("x-amz-copy-source-range", "bytes=0-")) }),
				invalid("x-amz-copy-source-range", "bytes=0-5", func(s *stroll) reply { return s.send(s.request.with("x-amz-copy-source-range", "bytes=0-5")) }),
			}),
		},
		"CompleteMultipartUpload": {
			document: true,
			ready:    uploading(func(s *stroll, a *ask) { a.body = listed(s.parts) }),
			input: func(s *stroll, in any) {
				page, err := s.w.se.ListParts(s.t.Context(), s.bucket, s.key, s.upload, 0, 0)
				if err != nil {
					s.t.Fatal(err)
				}
				var parts []types.CompletedPart
				for _, p := range page.Parts {
					parts = append(parts, types.CompletedPart{PartNumber: aws.Int32(int32(p.Number)), ETag: aws.String(`"` + p.ETag + `"`)})
				}
				in.(*s3.CompleteMultipartUploadInput).MultipartUpload = &types.CompletedMultipartUpload{Parts: parts}
			},
			output: func(s *stroll, out any) string {
				o, err := s.w.se.Head(s.t.Context(), s.bucket, s.key, "")
				return wrongUnless(err == nil && o.Size == 11 && o.Parts == 3, fmt.Sprint(o, err, out))
			},
			fails: completeFailures(),
		},
		"AbortMultipartUpload": {ready: uploading(), fails: uploadFailures()},
		"ListParts": {
			ready:  uploading(),
			output: func(_ *stroll, out any) string { return wrongUnless(len(out.(*s3.ListPartsOutput).Parts) == 3, out) },
			fails: append(uploadFailures(),
				parameter("max-parts", "-1"), parameter("max-parts", "many"), parameter("max-parts", "+1"), parameter("max-parts", "2147483648"),
				parameter("part-number-marker", "-1"), parameter("part-number-marker", "one"), parameter("part-number-marker", "2147483648")),
		},
	}
}

// creating is the request that begins an upload with checksums of an algorithm.
func (s *stroll) creating(algorithm string) ask {
	a := ask{method: "POST", path: s.request.path, query: map[string][]string{"uploads": {""}}, header: map[string][]string{}}
	return a.with("x-amz-checksum-algorithm", algorithm)
}

// completeFailures are those of completing an upload. None of them ends it.
func completeFailures() []failure {
	const hello, world, mark = "5d41402abc4b2a76b9719d911017c592", "7d793037a0760186574b0282f2f435e7", "9033e0e305f247c0c3c80d0c7848c8b3"
	said := func(status int, code, details string, parts ...string) failure {
		return document(status, code, details, listed(parts...))
	}
	with := func(status int, code, details string, header ...string) failure {
		return fails(status, code, details, func(s *stroll) reply { return s.send(s.request.with(header...)) })
	}
	return join(uploadFailures(), []failure{
		said(400, "InvalidPart", "UploadId=* PartNumber=2 ETag="+hello, part(1, hello), part(2, hello)).on(""),
		said(400, "InvalidPart", "UploadId=* PartNumber=7 ETag="+hello, part(1, hello), part(7, hello)).on(""),
		said(400, "InvalidPart", "UploadId=* PartNumber=1 ETag="+hello, "<Part><PartNumber>1</PartNumber><ETag>"+hello+"</ETag><ChecksumCRC64NVME>AAAAAAAAAAA=</ChecksumCRC64NVME></Part>").on(sumsPage),
		said(400, "InvalidPartOrder", "UploadId=*", part(2, world), part(1, hello)).on(""),
		said(400, "InvalidPartOrder", "UploadId=*", part(1, hello), part(1, hello)).on(""),
		fails(400, "EntityTooSmall", "ProposedSize=1 MinSizeAllowed=5 PartNumber=3 ETag="+mark, func(s *stroll) reply {
			put := s.request.where("partNumber", "4").saying("hello")
			put.method = "PUT"
			if got := s.send(put); got.StatusCode != 200 {
				s.t.Fatal(got.body)
			}
			return s.sendDocument(listed(part(3, mark), part(4, hello)))
		}).on(""),
		said(400, "MalformedXML", ""),
		said(400, "MalformedXML", "", "<Part><PartNumber>1</PartNumber></Part>"),
		said(400, "MalformedXML", "", "<Part><ETag>x</ETag></Part>"),
		said(400, "MalformedXML", "", strings.Repeat(part(1, hello), 10_001)),
		said(400, "InvalidArgument", "ArgumentName=PartNumber ArgumentValue=0", part(0, hello)),
		said(400, "InvalidArgument", "ArgumentName=Checksum ArgumentValue=CRC32:x;", "<Part><PartNumber>1</PartNumber><ETag>x</ETag><ChecksumCRC32>x</ChecksumCRC32></Part>"),
		said(400, "InvalidArgument", "ArgumentName=Checksum ArgumentValue=CRC32:AAAAAA==;CRC32C:AAAAAA==;",
			"<Part><PartNumber>1</PartNumber><ETag>x</ETag><ChecksumCRC32>AAAAAA==</ChecksumCRC32><ChecksumCRC32C>AAAAAA==</ChecksumCRC32C></Part>"),
		fails(400, "InvalidRequest", "", func(s *stroll) reply { return s.send(s.request.saying("")) }),
		with(400, "InvalidRequest", "", "x-amz-mp-object-size", "12"),
		with(400, "InvalidRequest", "", "x-amz-mp-object-size", "-1"),
		with(400, "InvalidRequest", "", "x-amz-mp-object-size", "+11"),
		with(400, "InvalidRequest", "", "x-amz-mp-object-size", "x"),
		with(400, "InvalidRequest", "", "x-amz-checksum-type", "COMPOSITE").on(sumsPage),
		with(400, "BadDigest", "", "x-amz-checksum-crc64nvme", "AAAAAAAAAAA=").on(sumsPage),
		with(400, "InvalidRequest", "", "x-amz-checksum-crc64nvme", "AAAA").on(sumsPage),
		with(400, "InvalidRequest", "", "x-amz-checksum-sha512", strings.Repeat("A", 86)+"==").on(sumsPage),
		fails(400, "InvalidRequest", "", func(s *stroll) reply { // composite, and no checksums of the parts
			id := element(s.send(s.creating("CRC32")).body, "UploadId")
			put := s.request.where("uploadId", id, "partNumber", "1").saying("hello").with("x-amz-checksum-crc32", "NhCmhg==")
			put.method = "PUT"
			if got := s.send(put); got.StatusCode != 200 {
				s.t.Fatal(got.body)
			}
			return s.send(s.request.where("uploadId", id).saying(listed(part(1, hello))))
		}).on(sumsPage),
		fails(400, "InvalidPartOrder", "UploadId=*", func(s *stroll) reply { // composite, with a gap
			id := element(s.send(s.creating("CRC32")).body, "UploadId")
			put := s.request.where("uploadId", id, "partNumber", "2").saying("hello").with("x-amz-checksum-crc32", "NhCmhg==")
			put.method = "PUT"
			if got := s.send(put); got.StatusCode != 200 {
				s.t.Fatal(got.body)
			}
			return s.send(s.request.where("uploadId", id).saying(listed("<Part><PartNumber>2</PartNumber><ETag>" + hello + "</ETag><ChecksumCRC32>NhCmhg==</ChecksumCRC32></Part>")))
		}).on(""),
		fails(412, "PreconditionFailed", "Condition=If-None-Match", func(s *stroll) reply { return s.send(s.request.with("If-None-Match", "*")) }).on(condPage),
		fails(412, "PreconditionFailed", "Condition=If-Match", func(s *stroll) reply { return s.send(s.request.with("If-Match", `"other"`)) }).on(condPage),
		with(501, "NotImplemented", "Header=If-Match additionalMessage=*", "If-Match", "*"),
	})
}
