package doors

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"pail/store/fault"
	"pail/store/storetest"
	"pail/versioning"
)

// An s3Door is the listener, by AWS's own client.
type s3Door struct{ c *s3.Client }

// newClient is AWS's client of a listener of ours.
func newClient(endpoint, accessKey, secret string, more ...func(*s3.Options)) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(endpoint), Region: "us-east-1", UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, secret, ""),
		Retryer:     aws.NopRetryer{},
	}, more...)
}

// s3Kinds are the kinds that S3's codes stand for, as far as the suite asks for them.
var s3Kinds = map[string]fault.Kind{
	"NoSuchKey": fault.NoSuchKey, "NotFound": fault.NoSuchKey, "NoSuchBucket": fault.NoSuchBucket, "NoSuchVersion": fault.NoSuchVersion,
	"InvalidArgument": fault.InvalidVersionID, "PreconditionFailed": fault.PreconditionFailed,
	"ConditionalRequestConflict": fault.ConditionalRequestConflict, "BucketAlreadyOwnedByYou": fault.BucketAlreadyOwnedByYou,
	"InvalidBucketName": fault.InvalidBucketName, "BucketNotEmpty": fault.BucketNotEmpty, "InvalidTag": fault.InvalidTag,
	"BadRequest": fault.TooManyTags, "KeyTooLongError": fault.KeyTooLong, "InvalidURI": fault.InvalidKey,
}

func (d s3Door) Kind(err error) fault.Kind {
	var e smithy.APIError
	if errors.As(err, &e) {
		if k, ok := s3Kinds[e.ErrorCode()]; ok {
			return k
		}
	}
	return fault.Internal
}

// Remakes: S3 answers 200 to who makes his own bucket again in us-east-1.
func (d s3Door) Remakes() bool { return true }

func (d s3Door) Lacks() map[string]string { return nil }

func (d s3Door) CreateBucket(ctx context.Context, name string) error {
	_, err := d.c.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name})
	return err
}

func (d s3Door) DeleteBucket(ctx context.Context, name string) error {
	_, err := d.c.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &name})
	return err
}

func (d s3Door) Buckets(ctx context.Context) ([]string, error) {
	out, err := d.c.ListBuckets(ctx, &s3.ListBucketsInput{})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, b := range out.Buckets {
		names = append(names, *b.Name)
	}
	return names, nil
}

func (d s3Door) SetVersioning(ctx context.Context, bucket string, to versioning.State) error {
	status := types.BucketVersioningStatusEnabled
	if to == versioning.Suspended {
		status = types.BucketVersioningStatusSuspended
	}
	_, err := d.c.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
		Bucket: &bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: status},
	})
	return err
}

func (d s3Door) Versioning(ctx context.Context, bucket string) (versioning.State, error) {
	out, err := d.c.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &bucket})
	if err != nil {
		return 0, err
	}
	switch out.Status {
	case types.BucketVersioningStatusEnabled:
		return versioning.Enabled, nil
	case types.BucketVersioningStatusSuspended:
		return versioning.Suspended, nil
	}
	return versioning.Unversioned, nil
}

func (d s3Door) Put(ctx context.Context, bucket, key, body string, o storetest.PutOptions) error {
	in := &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(body), Metadata: o.Metadata}
	if o.ContentType != "" {
		in.ContentType = &o.ContentType
	}
	if len(o.Tags) > 0 {
		q := url.Values{}
		for k, v := range o.Tags {
			q.Set(k, v)
		}
		in.Tagging = aws.String(q.Encode())
	}
	if o.IfNoneMatch {
		in.IfNoneMatch = aws.String("*")
	}
	if o.IfMatch != "" {
		in.IfMatch = aws.String(`"` + o.IfMatch + `"`)
	}
	_, err := d.c.PutObject(ctx, in)
	return err
}

func (d s3Door) Get(ctx context.Context, bucket, key, version string) (o storetest.Object, err error) {
	in := &s3.GetObjectInput{Bucket: &bucket, Key: &key, ChecksumMode: types.ChecksumModeEnabled}
	if version != "" {
		in.VersionId = &version
	}
	out, err := d.c.GetObject(ctx, in)
	if err != nil {
		return o, err
	}
	defer out.Body.Close()
	b, err := io.ReadAll(out.Body)
	if err != nil {
		return o, err
	}
	o = storetest.Object{Body: string(b), ETag: strings.Trim(*out.ETag, `"`), ContentType: *out.ContentType, Metadata: map[string]string{}}
	for k, v := range out.Metadata { // S3 answers what is not ASCII as RFC 2047 has it
		if o.Metadata[k], err = new(mime.WordDecoder).DecodeHeader(v); err != nil {
			return o, err
		}
	}
	tags, err := d.c.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: &bucket, Key: &key, VersionId: in.VersionId})
	if err != nil {
		return o, err
	}
	o.Tags = map[string]string{}
	for _, t := range tags.TagSet {
		o.Tags[*t.Key] = *t.Value
	}
	return o, nil
}

func (d s3Door) ReadRange(ctx context.Context, bucket, key string, off, n int64) (string, error) {
	out, err := d.c.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key, Range: aws.String(fmt.Sprintf("bytes=%d-%d", off, off+n-1))})
	if err != nil {
		return "", err
	}
	defer out.Body.Close()
	b, err := io.ReadAll(out.Body)
	return string(b), err
}

func (d s3Door) Delete(ctx context.Context, bucket, key, version string) error {
	in := &s3.DeleteObjectInput{Bucket: &bucket, Key: &key}
	if version != "" {
		in.VersionId = &version
	}
	_, err := d.c.DeleteObject(ctx, in)
	return err
}

func (d s3Door) List(ctx context.Context, bucket, prefix string, deep bool) (keys, prefixes []string, err error) {
	in := &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix, EncodingType: types.EncodingTypeUrl}
	if !deep {
		in.Delimiter = aws.String("/")
	}
	decode := func(s string) string {
		d, e := url.QueryUnescape(s)
		err = errors.Join(err, e)
		return d
	}
	for p := s3.NewListObjectsV2Paginator(d.c, in); p.HasMorePages(); {
		out, e := p.NextPage(ctx)
		if e != nil {
			return nil, nil, e
		}
		for _, o := range out.Contents {
			keys = append(keys, decode(*o.Key))
		}
		for _, c := range out.CommonPrefixes {
			prefixes = append(prefixes, decode(*c.Prefix))
		}
	}
	return keys, prefixes, err
}

func (d s3Door) Versions(ctx context.Context, bucket, key string) ([]storetest.Version, error) {
	out, err := d.c.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &bucket, Prefix: &key})
	if err != nil {
		return nil, err
	}
	// AWS's client sorts versions and markers apart; a key's newest is the latest, and
	// between the others the suite asks for at most one marker.
	var vs []storetest.Version
	for _, m := range out.DeleteMarkers {
		if *m.Key == key && *m.IsLatest {
			vs = append(vs, storetest.Version{ID: *m.VersionId, DeleteMarker: true})
		}
	}
	for _, v := range out.Versions {
		if *v.Key == key {
			vs = append(vs, storetest.Version{ID: *v.VersionId, Size: *v.Size})
		}
	}
	for _, m := range out.DeleteMarkers {
		if *m.Key == key && !*m.IsLatest {
			vs = append(vs, storetest.Version{ID: *m.VersionId, DeleteMarker: true})
		}
	}
	return vs, nil
}

func (d s3Door) Copy(ctx context.Context, bucket, from, version, to string) error {
	src := url.PathEscape(bucket) + "/" + strings.ReplaceAll(url.PathEscape(from), "%2F", "/")
	if version != "" {
		src += "?versionId=" + version
	}
	_, err := d.c.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &bucket, Key: &to, CopySource: &src})
	return err
}

func (d s3Door) Rename(ctx context.Context, bucket, from, to string) error {
	_, err := d.c.RenameObject(ctx, &s3.RenameObjectInput{Bucket: &bucket, Key: &to, RenameSource: aws.String(url.PathEscape(from))})
	return err
}

func (d s3Door) SetTags(ctx context.Context, bucket, key string, tags map[string]string) error {
	var set []types.Tag
	for k, v := range tags {
		set = append(set, types.Tag{Key: &k, Value: &v})
	}
	_, err := d.c.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{Bucket: &bucket, Key: &key, Tagging: &types.Tagging{TagSet: set}})
	return err
}
