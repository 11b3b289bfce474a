package sigv4

import (
	"net/http"
	"strings"

	"pail/store/web/apierror"
)

// The values of x-amz-content-sha256 that are no hash.
const (
	unsignedPayload        = "UNSIGNED-PAYLOAD"
	streamingSigned        = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	streamingSignedTrailer = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
	streamingTrailer       = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

	streamingECDSA        = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"
	streamingECDSATrailer = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER"
)

// emptySHA256 is the hash of no bytes.
const emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// contentSHA256 returns x-amz-content-sha256, which a presigned URL may have in its query.
func contentSHA256(r *http.Request, q *queryAuth) string {
	if q != nil && q.contentSHA256 != "" {
		return q.contentSHA256
	}
	return r.Header.Get("X-Amz-Content-Sha256")
}

// checkPayload refuses what is neither a hash nor one of the words.
func checkPayload(payload string) error {
	switch payload {
	case unsignedPayload, streamingSigned, streamingSignedTrailer, streamingTrailer:
		return nil
	case streamingECDSA, streamingECDSATrailer:
		return noECDSA()
	}
	if isSHA256(payload) {
		return nil
	}
	return apierror.New(apierror.InvalidArgument, "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 value.").
		With("ArgumentName", "x-amz-content-sha256").With("ArgumentValue", payload)
}

func isSHA256(s string) bool {
	if len(s) != 64 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if _, ok := unhex(s[i]); !ok {
			return false
		}
	}
	return true
}

// open returns the result with its body, by what x-amz-content-sha256 says of that. A request
// without a signature of version 4 has no seed, and may leave the header out.
func (res Result) open(r *http.Request, payload string, sd *seed) (Result, error) {
	if payload != "" {
		if err := checkPayload(payload); err != nil {
			return Result{}, err
		}
	}
	var err error
	switch payload {
	case streamingSigned, streamingSignedTrailer:
		if sd == nil {
			return Result{}, apierror.New(apierror.InvalidRequest, "The value of x-amz-content-sha256 header is invalid.")
		}
		err = res.openChunks(r, newChunkSigner(sd), payload == streamingSignedTrailer)
	case streamingTrailer:
		err = res.openChunks(r, nil, true)
	case "", unsignedPayload:
		err = res.openPlain(r)
	default:
		res.PayloadSHA256 = strings.ToLower(payload)
		err = res.openPlain(r)
	}
	if err != nil {
		return Result{}, err
	}
	return res, nil
}

// CleanContentEncoding returns the value of Content-Encoding without aws-chunked, which says
// how a body travelled and not what it is: that is what is stored. "" is no encoding at all.
func CleanContentEncoding(value string) string {
	if !strings.Contains(strings.ToLower(value), "aws-chunked") {
		return value
	}
	var kept []string
	for part := range strings.SplitSeq(value, ",") {
		if part = strings.TrimSpace(part); part != "" && !strings.EqualFold(part, "aws-chunked") {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, ",")
}
