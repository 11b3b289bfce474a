package soak

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func s3Acts() []act {
	return []act{
		{"s3 put", 20, s3Put},
		{"s3 put conditional", 2, s3PutConditional},
		{"s3 put of what passes", 4, s3PutPassing},
		{"s3 get", 16, s3Get},
		{"s3 get range", 6, s3GetRange},
		{"s3 head", 6, s3Head},
		{"s3 copy", 4, s3Copy},
		{"s3 tags", 4, s3Tags},
		{"s3 delete", 6, s3Delete},
		{"s3 list", 4, s3List},
		{"s3 trim versions", 6, s3Trim},
		{"s3 multipart", 2, s3Multipart},
		{"s3 sweep uploads", 1, s3Sweep},
		{"s3 put broken off", 3, s3PutBrokenOff},
		{"s3 get broken off", 3, s3GetBrokenOff},
		{"s3 half a request", 2, s3HalfRequest},
		{"s3 forged", 2, s3Forged},
		{"s3 bucket", 1, s3Bucket},
	}
}

func s3Put(w *worker) error {
	n := w.take()
	defer n.Unlock()
	in := &s3.PutObjectInput{Bucket: &n.bucket, Key: &n.key, Body: bytes.NewReader(bytesAt(0, w.size()))}
	if w.IntN(4) == 0 {
		in.Metadata = map[string]string{"who": fmt.Sprint(w.id)}
		in.Tagging = aws.String("kind=soak")
		in.ChecksumAlgorithm = types.ChecksumAlgorithmSha256
	}
	_, err := w.s3.PutObject(context.Background(), in)
	return err
}

func s3PutConditional(w *worker) error {
	n := w.take()
	defer n.Unlock()
	_, err := w.s3.PutObject(context.Background(), &s3.PutObjectInput{
		Bucket: &n.bucket, Key: &n.key, Body: bytes.NewReader(bytesAt(0, w.size())), IfNoneMatch: aws.String("*"),
	})
	return err
}

func s3PutPassing(w *worker) error {
	_, err := w.s3.PutObject(context.Background(), &s3.PutObjectInput{
		Bucket: aws.String(passing), Key: aws.String(fmt.Sprintf("%d/%d", w.IntN(10), w.IntN(1_000_000))), Body: bytes.NewReader(bytesAt(0, w.size())),
	})
	return err
}

func s3Get(w *worker) error {
	n := w.take()
	defer n.Unlock()
	out, err := w.s3.GetObject(context.Background(), &s3.GetObjectInput{Bucket: &n.bucket, Key: &n.key})
	if err != nil {
		return err
	}
	got, err := check(out.Body, 0)
	if err == nil && got != *out.ContentLength {
		err = fmt.Errorf("%d bytes of %d", got, *out.ContentLength)
	}
	return errors.Join(err, out.Body.Close())
}

func s3GetRange(w *worker) error {
	n := w.take()
	defer n.Unlock()
	from := w.Int64N(64 << 10)
	out, err := w.s3.GetObject(context.Background(), &s3.GetObjectInput{
		Bucket: &n.bucket, Key: &n.key, Range: aws.String(fmt.Sprintf("bytes=%d-%d", from, from+w.Int64N(64<<10))),
	})
	if err != nil {
		return err
	}
	_, err = check(out.Body, from)
	return errors.Join(err, out.Body.Close())
}

func s3Head(w *worker) error {
	n := w.take()
	defer n.Unlock()
	_, err := w.s3.HeadObject(context.Background(), &s3.HeadObjectInput{Bucket: &n.bucket, Key: &n.key})
	return err
}

func s3Copy(w *worker) error {
	from, to := w.take(), w.take()
	defer from.Unlock()
	defer to.Unlock()
	_, err := w.s3.CopyObject(context.Background(), &s3.CopyObjectInput{Bucket: &to.bucket, Key: &to.key, CopySource: aws.String(from.bucket + "/" + from.key)})
	return err
}

func s3Tags(w *worker) error {
	n := w.take()
	defer n.Unlock()
	ctx := context.Background()
	if w.IntN(3) == 0 {
		_, err := w.s3.DeleteObjectTagging(ctx, &s3.DeleteObjectTaggingInput{Bucket: &n.bucket, Key: &n.key})
		return err
	}
	tag := types.Tag{Key: aws.String("round"), Value: aws.String(fmt.Sprint(w.IntN(100)))}
	_, err := w.s3.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{Bucket: &n.bucket, Key: &n.key, Tagging: &types.Tagging{TagSet: []types.Tag{tag}}})
	if err != nil {
		return err
	}
	_, err = w.s3.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: &n.bucket, Key: &n.key})
	return err
}

func s3Delete(w *worker) error {
	n := w.take()
	defer n.Unlock()
	_, err := w.s3.DeleteObject(context.Background(), &s3.DeleteObjectInput{Bucket: &n.bucket, Key: &n.key})
	return err
}

func s3List(w *worker) error {
	in := &s3.ListObjectsV2Input{Bucket: aws.String([]string{plain, past, passing}[w.IntN(3)]), MaxKeys: aws.Int32(int32(1 + w.IntN(1000)))}
	if w.IntN(2) == 0 {
		in.Delimiter = aws.String("/")
	}
	for range 5 {
		out, err := w.s3.ListObjectsV2(context.Background(), in)
		if err != nil || out.NextContinuationToken == nil {
			return err
		}
		in.ContinuationToken = out.NextContinuationToken
	}
	return nil
}

// s3Trim leaves three versions of each key below a prefix, and none of what is deleted.
func s3Trim(w *worker) error {
	ctx := context.Background()
	prefixes := []string{"tree-", "moved-", "odd-"}
	for i := range dirs {
		prefixes = append(prefixes, fmt.Sprintf("d%02d/", i))
	}
	type entry struct {
		id      string
		time    time.Time
		current bool
		marker  bool
	}
	all := map[string][]entry{}
	pages := s3.NewListObjectVersionsPaginator(w.s3, &s3.ListObjectVersionsInput{Bucket: aws.String(past), Prefix: &prefixes[w.IntN(len(prefixes))]})
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, v := range out.Versions {
			all[*v.Key] = append(all[*v.Key], entry{*v.VersionId, *v.LastModified, *v.IsLatest, false})
		}
		for _, v := range out.DeleteMarkers {
			all[*v.Key] = append(all[*v.Key], entry{*v.VersionId, *v.LastModified, *v.IsLatest, true})
		}
	}
	var gone []types.ObjectIdentifier
	for key, versions := range all {
		slices.SortStableFunc(versions, func(a, b entry) int {
			if a.current != b.current {
				if a.current {
					return -1
				}
				return 1
			}
			return b.time.Compare(a.time)
		})
		keep := 3
		if versions[0].marker && strings.Contains(key, "-") {
			keep = 0 // names of trees are made anew
		}
		for _, v := range versions[min(keep, len(versions)):] {
			gone = append(gone, types.ObjectIdentifier{Key: aws.String(key), VersionId: aws.String(v.id)})
		}
	}
	for part := range slices.Chunk(gone, 500) {
		out, err := w.s3.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: aws.String(past), Delete: &types.Delete{Objects: part, Quiet: aws.Bool(true)}})
		if err != nil {
			return err
		}
		for _, e := range out.Errors {
			return fmt.Errorf("%s: %s", *e.Key, *e.Code)
		}
	}
	return nil
}

// s3Multipart uploads parts, and completes them, or aborts, or goes away.
func s3Multipart(w *worker) error {
	w.uploads.RLock()
	defer w.uploads.RUnlock()
	n := w.take()
	defer n.Unlock()
	ctx := context.Background()
	up, err := w.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &n.bucket, Key: &n.key})
	if err != nil {
		return err
	}
	var parts []types.CompletedPart
	off := int64(0)
	for i := range int32(2) {
		size := 5 << 20
		if i == 1 {
			size = 1 + w.IntN(1<<20)
		}
		out, err := w.s3.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &n.bucket, Key: &n.key, UploadId: up.UploadId, PartNumber: aws.Int32(i + 1), Body: bytes.NewReader(bytesAt(off, size)),
		})
		if err != nil {
			return err
		}
		off += int64(size)
		parts = append(parts, types.CompletedPart{PartNumber: aws.Int32(i + 1), ETag: out.ETag, ChecksumCRC32: out.ChecksumCRC32})
	}
	switch w.IntN(4) {
	case 0:
		_, err = w.s3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &n.bucket, Key: &n.key, UploadId: up.UploadId})
	case 1: // left behind for s3Sweep
	default:
		_, err = w.s3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
			Bucket: &n.bucket, Key: &n.key, UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
		})
	}
	return err
}

// s3Sweep aborts what uploads were left behind.
func s3Sweep(w *worker) error {
	w.uploads.Lock()
	defer w.uploads.Unlock()
	ctx := context.Background()
	for _, bucket := range []string{plain, past} {
		out, err := w.s3.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &bucket})
		if err != nil {
			return err
		}
		for _, u := range out.Uploads {
			_, err := w.s3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: u.Key, UploadId: u.UploadId})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// dialFor connects to the listener for a request of a presigned URL, which is still to be sent.
func (w *worker) dialFor(signed string) (*net.TCPConn, *url.URL, error) {
	u, err := url.Parse(signed)
	if err != nil {
		return nil, nil, err
	}
	c, err := w.dial()
	return c, u, err
}

// s3PutBrokenOff sends half of a body and closes the connection, rudely half of the time.
func s3PutBrokenOff(w *worker) error {
	n := w.take()
	defer n.Unlock()
	signed, err := w.sign.PresignPutObject(context.Background(), &s3.PutObjectInput{Bucket: &n.bucket, Key: &n.key})
	if err != nil {
		return err
	}
	c, u, err := w.dialFor(signed.URL)
	if err != nil {
		return err
	}
	size := 1 + w.size()
	if w.IntN(2) == 0 {
		_ = c.SetLinger(0)
	}
	_, err = fmt.Fprintf(c, "PUT %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s", u.RequestURI(), u.Host, size, bytesAt(0, size/2))
	return errors.Join(err, c.Close())
}

// s3GetBrokenOff reads the beginning of an answer only.
func s3GetBrokenOff(w *worker) error {
	n := w.take()
	defer n.Unlock()
	signed, err := w.sign.PresignGetObject(context.Background(), &s3.GetObjectInput{Bucket: &n.bucket, Key: &n.key})
	if err != nil {
		return err
	}
	c, u, err := w.dialFor(signed.URL)
	if err != nil {
		return err
	}
	if _, err = fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", u.RequestURI(), u.Host); err == nil {
		_, err = io.ReadFull(c, make([]byte, 100))
	}
	if w.IntN(2) == 0 {
		return errors.Join(err, w.hold(c)) // with an answer that nobody takes
	}
	return errors.Join(err, c.Close())
}

// s3HalfRequest leaves a connection open on which half a request came.
func s3HalfRequest(w *worker) error {
	c, err := w.dial()
	if err != nil {
		return err
	}
	_, err = io.WriteString(c, "PUT /plain/half HTTP/1.1\r\nHo")
	return errors.Join(err, w.hold(c))
}

// s3Forged asks with a signature that does not fit.
func s3Forged(w *worker) error {
	n := w.take()
	defer n.Unlock()
	signed, err := w.sign.PresignGetObject(context.Background(), &s3.GetObjectInput{Bucket: &n.bucket, Key: &n.key})
	if err != nil {
		return err
	}
	r, err := w.http.Get(strings.Replace(signed.URL, "X-Amz-Signature=", "X-Amz-Signature=0", 1))
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return err
	}
	if r.StatusCode != http.StatusForbidden {
		return fmt.Errorf("a forged request is answered with %s", r.Status)
	}
	return nil
}

// s3Bucket makes a bucket, configures it and takes it away.
func s3Bucket(w *worker) error {
	ctx, bucket := context.Background(), aws.String(fmt.Sprintf("bucket-%d", w.id))
	if _, err := w.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket}); err != nil {
		return err
	}
	_, err := w.s3.PutBucketCors(ctx, &s3.PutBucketCorsInput{Bucket: bucket, CORSConfiguration: &types.CORSConfiguration{
		CORSRules: []types.CORSRule{{AllowedMethods: []string{"GET"}, AllowedOrigins: []string{"*"}}},
	}})
	if err == nil {
		_, err = w.s3.GetBucketCors(ctx, &s3.GetBucketCorsInput{Bucket: bucket})
	}
	_, gone := w.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: bucket})
	return errors.Join(err, gone)
}
