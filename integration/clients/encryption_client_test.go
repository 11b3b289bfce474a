package clients

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	s3ec "github.com/aws/amazon-s3-encryption-client-go/v3/client"
	"github.com/aws/amazon-s3-encryption-client-go/v3/materials"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"pail/integration/program"
)

// encryptionClient is Amazon's S3 Encryption Client, whose KMS is the listener's.
func (r *rig) encryptionClient(key string) *s3ec.S3EncryptionClientV3 {
	r.t.Helper()
	keys := kms.New(kms.Options{
		BaseEndpoint: aws.String(r.endpoint), Region: "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, secretKey, ""),
	})
	cmm, err := materials.NewCryptographicMaterialsManager(materials.NewKmsKeyring(keys, key))
	if err != nil {
		r.t.Fatal(err)
	}
	c, err := s3ec.New(r.sdk(), cmm)
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// mount mounts the rig's store as its daemon, until the test ends.
func (r *rig) mount(args ...string) (dir string) {
	r.t.Helper()
	dir = r.t.TempDir()
	cmd := program.Command(append([]string{"--store", r.store, "mount", dir, "--background"}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("pail mount: %v\n%s", err, out)
	}
	r.t.Cleanup(func() {
		if out, err := program.Command("umount", dir).CombinedOutput(); err != nil {
			r.t.Errorf("pail umount: %v\n%s", err, out)
		}
	})
	return dir
}

func (r *rig) pail(args ...string) string {
	r.t.Helper()
	out, err := program.Command(append([]string{"--store", r.store}, args...)...).CombinedOutput()
	if err != nil {
		r.t.Fatalf("pail %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestEncryptionClient has Amazon's client and mounts write for each other, in both message
// formats, and everybody else see ciphertext: in ranges, copies and versions.
func TestEncryptionClient(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	plain := r.sdk()
	bucket := aws.String("sealed")
	if _, err := plain.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket}); err != nil {
		t.Fatal(err)
	}
	_, err := plain.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
		Bucket: bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.pail("kms", "create", "--alias", "alias/sealed")
	client := r.encryptionClient("alias/sealed")
	get := func(key, version string) []byte {
		t.Helper()
		in := &s3.GetObjectInput{Bucket: bucket, Key: aws.String(key)}
		if version != "" {
			in.VersionId = aws.String(version)
		}
		out, err := client.GetObject(ctx, in)
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		b, err := io.ReadAll(out.Body)
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		return b
	}
	raw := func(key, ranged string) ([]byte, map[string]string) {
		t.Helper()
		in := &s3.GetObjectInput{Bucket: bucket, Key: aws.String(key)}
		if ranged != "" {
			in.Range = aws.String(ranged)
		}
		out, err := plain.GetObject(ctx, in)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(out.Body)
		if err != nil {
			t.Fatal(err)
		}
		return b, out.Metadata
	}
	texts := map[string][]byte{"empty": {}, "small": []byte("what the client encrypts"), "big": []byte(noise(3<<20 + 7))}
	for name, text := range texts {
		_, err := client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: bucket, Key: aws.String("in/" + name), Body: bytes.NewReader(text), Metadata: map[string]string{"mine": "1"},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"two/", "three/"} {
		if _, err := plain.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String(dir)}); err != nil {
			t.Fatal(err)
		}
	}
	key := []string{"--client-key", "sealed=alias/sealed"}
	three := r.mount(append([]string{"--bucket", "sealed/three"}, key...)...)
	two := r.mount(append([]string{"--bucket", "sealed/two", "--client-format", "2"}, key...)...)
	all := r.mount(append([]string{"--bucket", "sealed", "--read-only"}, key...)...)

	for name, text := range texts {
		// What the client wrote, on the mount; its ciphertext everywhere else.
		is(t, filepath.Join(all, "in", name), text)
		sealed, meta := raw("in/"+name, "")
		if len(sealed) != len(text)+16 || meta["x-amz-wrap-alg"] != "kms+context" || meta["mine"] != "1" {
			t.Errorf("%s: %d bytes with %v", name, len(sealed), meta)
		}
		if len(sealed) > 100 {
			if part, _ := raw("in/"+name, "bytes=17-99"); !bytes.Equal(part, sealed[17:100]) {
				t.Errorf("%s: a range of it is something else", name)
			}
		}
		// A copy over S3 has its envelope, and is opened by both.
		_, err := plain.CopyObject(ctx, &s3.CopyObjectInput{Bucket: bucket, Key: aws.String("three/copy-" + name), CopySource: aws.String("sealed/in/" + name)})
		if err != nil {
			t.Fatal(err)
		}
		if got := get("three/copy-"+name, ""); !bytes.Equal(got, text) {
			t.Errorf("a copy of %s has %d bytes", name, len(got))
		}
		is(t, filepath.Join(three, "copy-"+name), text)

		// What the mounts wrote, by the client.
		for dir, at := range map[string]string{"three": three, "two": two} {
			if err := os.WriteFile(filepath.Join(at, name), text, 0o644); err != nil {
				t.Fatal(err)
			}
			r.published(plain, bucket, dir+"/"+name, 1)
			if got := get(dir+"/"+name, ""); !bytes.Equal(got, text) {
				t.Errorf("%s/%s: the client reads %d bytes", dir, name, len(got))
			}
			is(t, filepath.Join(all, dir, name), text)
		}
	}
	for dir, want := range map[string]string{"three": "x-amz-3", "two": "x-amz-key-v2"} {
		if _, meta := raw(dir+"/small", ""); meta[want] == "" {
			t.Errorf("%s was written with %v", dir, meta)
		}
	}

	// Versions: each opens with its own envelope.
	for i := range 3 {
		if err := os.WriteFile(filepath.Join(three, "often"), fmt.Appendf(nil, "edition %d", i), 0o644); err != nil {
			t.Fatal(err)
		}
		r.published(plain, bucket, "three/often", i+1)
	}
	_, err = client.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("three/often"), Body: strings.NewReader("edition 3")})
	if err != nil {
		t.Fatal(err)
	}
	list, err := plain.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: bucket, Prefix: aws.String("three/often")})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range list.Versions {
		want := fmt.Sprint("edition ", 3-i)
		if got := get("three/often", *v.VersionId); string(got) != want {
			t.Errorf("version %d is %q, not %q", i, got, want)
		}
	}
	old, err := filepath.Glob(filepath.Join(three, ".versions/often/*"))
	if err != nil || len(old) != 4 {
		t.Fatalf("%d versions on the mount, %v", len(old), err)
	}
	for i, path := range old {
		is(t, path, fmt.Appendf(nil, "edition %d", i))
	}

	// Without the key there is nothing to be had.
	r.pail("kms", "disable", "alias/sealed")
	if _, err := os.ReadFile(filepath.Join(all, "in", "small")); !os.IsPermission(err) {
		t.Errorf("read with a disabled key: %v", err)
	}
	if _, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("three/small")}); err == nil {
		t.Error("the client reads with a disabled key")
	}
	r.pail("kms", "enable", "alias/sealed")
	is(t, filepath.Join(all, "in", "small"), texts["small"])
}

// published waits until a key has so many versions: a close(2) may return before its RELEASE.
func (r *rig) published(c *s3.Client, bucket *string, key string, want int) {
	r.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		out, err := c.ListObjectVersions(r.t.Context(), &s3.ListObjectVersionsInput{Bucket: bucket, Prefix: aws.String(key)})
		if err != nil {
			r.t.Fatal(err)
		}
		if len(out.Versions) >= want {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("%s has %d versions, not %d", key, len(out.Versions), want)
		}
	}
}

// is demands the content of a file.
func is(t *testing.T, path string, want []byte) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s has %d bytes, want %d; %v", path, len(got), len(want), err)
	}
}
