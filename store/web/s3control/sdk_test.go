package s3control

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/s3control/types"
	"github.com/aws/smithy-go"

	"pail/store"
)

// code is the code of an error of AWS's client, "" of none.
func code(err error) string {
	var e smithy.APIError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.ErrorCode()
	}
	return err.Error()
}

// TestGoSDK has AWS's client call each operation, and use an access point by its ARN, of which
// it makes hosts below the endpoint's.
func TestGoSDK(t *testing.T) {
	r, ctx := newRig(t, "pail.test"), t.Context()
	r.bucket("photos")
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", r.host)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	client, keys := &http.Client{Transport: transport}, credentials.NewStaticCredentialsProvider(r.cred.AccessKey, r.cred.Secret, "")
	c := s3control.New(s3control.Options{
		BaseEndpoint: aws.String("http://pail.test"), Region: store.DefaultRegion, Credentials: keys, HTTPClient: client, Retryer: aws.NopRetryer{},
	})
	s := s3.New(s3.Options{
		BaseEndpoint: aws.String("http://pail.test"), Region: store.DefaultRegion, Credentials: keys, HTTPClient: client, Retryer: aws.NopRetryer{},
	})
	account, name := aws.String(store.Account), aws.String("way-in")
	is := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	made, err := c.CreateAccessPoint(ctx, &s3control.CreateAccessPointInput{AccountId: account, Name: name, Bucket: aws.String("photos")})
	if err != nil {
		t.Fatal(err)
	}
	is("ARN", *made.AccessPointArn, arn("way-in"))
	_, err = c.CreateAccessPoint(ctx, &s3control.CreateAccessPointInput{AccountId: account, Name: name, Bucket: aws.String("photos")})
	is("again", code(err), "AccessPointAlreadyOwnedByYou")
	_, err = c.CreateAccessPoint(ctx, &s3control.CreateAccessPointInput{
		AccountId: account, Name: aws.String("lab"), Bucket: aws.String("photos"), BucketAccountId: account,
		VpcConfiguration:               &types.VpcConfiguration{VpcId: aws.String("vpc-lab")},
		PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{BlockPublicPolicy: aws.Bool(true)},
	})
	is("of a network", code(err), "")
	lab, err := c.GetAccessPoint(ctx, &s3control.GetAccessPointInput{AccountId: account, Name: aws.String("lab")})
	if err != nil || lab.NetworkOrigin != types.NetworkOriginVpc || *lab.VpcConfiguration.VpcId != "vpc-lab" || *lab.PublicAccessBlockConfiguration.BlockPublicAcls ||
		!*lab.PublicAccessBlockConfiguration.BlockPublicPolicy || lab.Endpoints["ipv4"] != "s3-accesspoint.pail.test" || lab.CreationDate.IsZero() {
		t.Errorf("get: %+v, %v", lab, err)
	}
	pages := s3control.NewListAccessPointsPaginator(c, &s3control.ListAccessPointsInput{AccountId: account, MaxResults: 1})
	var names []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page.AccessPointList {
			names = append(names, *p.Name)
		}
	}
	is("list", strings.Join(names, " "), "lab way-in")
	_, err = c.GetAccessPointPolicy(ctx, &s3control.GetAccessPointPolicyInput{AccountId: account, Name: name})
	is("no policy", code(err), "NoSuchAccessPointPolicy")
	text := policyText("way-in", ours)
	_, err = c.PutAccessPointPolicy(ctx, &s3control.PutAccessPointPolicyInput{AccountId: account, Name: name, Policy: &text})
	is("put policy", code(err), "")
	policy, err := c.GetAccessPointPolicy(ctx, &s3control.GetAccessPointPolicyInput{AccountId: account, Name: name})
	if err != nil || *policy.Policy != text {
		t.Errorf("the policy is %+v, %v", policy, err)
	}
	status, err := c.GetAccessPointPolicyStatus(ctx, &s3control.GetAccessPointPolicyStatusInput{AccountId: account, Name: name})
	if err != nil || status.PolicyStatus.IsPublic {
		t.Errorf("the status is %+v, %v", status, err)
	}

	for _, bucket := range []string{*made.AccessPointArn, *made.Alias} {
		_, err := s.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("a/b"), Body: strings.NewReader("hello")})
		is("put", code(err), "")
		got, err := s.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("a/b")})
		if err != nil {
			t.Fatalf("get through %s: %v", bucket, err)
		}
		b, err := io.ReadAll(got.Body)
		if got.Body.Close(); err != nil || string(b) != "hello" {
			t.Errorf("through %s: %q, %v", bucket, b, err)
		}
		list, err := s.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &bucket})
		if err != nil || *list.Name != "photos" || len(list.Contents) != 1 {
			t.Errorf("list through %s: %+v, %v", bucket, list, err)
		}
		_, err = s.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &bucket, Key: aws.String("a/b"), CopySource: aws.String(*made.AccessPointArn + "/object/a/b"), MetadataDirective: "REPLACE"})
		is("copy", code(err), "")
	}
	_, err = s.GetObject(ctx, &s3.GetObjectInput{Bucket: lab.AccessPointArn, Key: aws.String("a/b")})
	is("through one of a network", code(err), "AccessDenied")
	_, err = s.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(arn("none-there")), Key: aws.String("a/b")})
	is("through none", code(err), "NoSuchBucket") // the host is a bucket's as well

	_, err = c.DeleteAccessPointPolicy(ctx, &s3control.DeleteAccessPointPolicyInput{AccountId: account, Name: name})
	is("delete policy", code(err), "")
	_, err = c.DeleteAccessPoint(ctx, &s3control.DeleteAccessPointInput{AccountId: account, Name: name})
	is("delete", code(err), "")
	_, err = c.DeleteAccessPoint(ctx, &s3control.DeleteAccessPointInput{AccountId: account, Name: name})
	is("delete again", code(err), "NoSuchAccessPoint")

	_, err = c.GetPublicAccessBlock(ctx, &s3control.GetPublicAccessBlockInput{AccountId: account})
	is("no block", code(err), "NoSuchPublicAccessBlockConfiguration")
	_, err = c.PutPublicAccessBlock(ctx, &s3control.PutPublicAccessBlockInput{AccountId: account, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{IgnorePublicAcls: aws.Bool(true)}})
	is("put block", code(err), "")
	got, err := c.GetPublicAccessBlock(ctx, &s3control.GetPublicAccessBlockInput{AccountId: account})
	if err != nil || !*got.PublicAccessBlockConfiguration.IgnorePublicAcls || *got.PublicAccessBlockConfiguration.BlockPublicAcls {
		t.Errorf("the block is %+v, %v", got, err)
	}
	_, err = c.DeletePublicAccessBlock(ctx, &s3control.DeletePublicAccessBlockInput{AccountId: account})
	is("delete block", code(err), "")
	_, err = c.GetPublicAccessBlock(ctx, &s3control.GetPublicAccessBlockInput{AccountId: aws.String("111122223333")})
	is("another account", code(err), "AccessDenied")
}
