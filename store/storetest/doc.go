// Package storetest is the one suite of how a store behaves, for every door: a session, the
// S3 listener with a client of AWS's, and a mount.
//
// A door's test is a [Door] and a call of [Run]. What a door has no way to express it names
// in [Door.Lacks], by the name of the case, with the reason; a name that is no case fails,
// so the list cannot outlive what it excuses. A case is a function in case_*.go and an entry
// of cases; it makes buckets of its own, and may run beside others.
package storetest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"pail/store/fault"
	"pail/versioning"
)

// A Door is one way to the objects of a store. Errors may be of any type: Kind tells what
// they mean.
type Door interface {
	CreateBucket(ctx context.Context, name string) error
	DeleteBucket(ctx context.Context, name string) error
	Buckets(ctx context.Context) ([]string, error)
	SetVersioning(ctx context.Context, bucket string, to versioning.State) error
	Versioning(ctx context.Context, bucket string) (versioning.State, error)

	// Put makes a new version of key, all at once as far as others can see.
	Put(ctx context.Context, bucket, key, body string, o PutOptions) error
	// Get reads a version; "" is the current one.
	Get(ctx context.Context, bucket, key, version string) (Object, error)
	// ReadRange reads n bytes at off of the current version.
	ReadRange(ctx context.Context, bucket, key string, off, n int64) (string, error)
	// Delete deletes the key, or a version for good.
	Delete(ctx context.Context, bucket, key, version string) error
	// List lists live keys that begin with prefix, in order, and with delimiter "/" the
	// common prefixes.
	List(ctx context.Context, bucket, prefix string, deep bool) (keys, prefixes []string, err error)
	// Versions lists the versions and delete markers of a key, newest first.
	Versions(ctx context.Context, bucket, key string) ([]Version, error)
	// Copy makes a new version of to out of a version of from.
	Copy(ctx context.Context, bucket, from, version, to string) error
	Rename(ctx context.Context, bucket, from, to string) error
	SetTags(ctx context.Context, bucket, key string, tags map[string]string) error

	// Kind is what an error of this door means; of a code that stands for several kinds,
	// the one that the suite demands.
	Kind(err error) fault.Kind
	// Lacks are the cases that this door cannot express, and why.
	Lacks() map[string]string
}

// PutOptions are what Put may be asked for besides.
type PutOptions struct {
	ContentType string
	Metadata    map[string]string
	Tags        map[string]string
	IfNoneMatch bool   // only if the key does not exist
	IfMatch     string // only if it has this ETag
}

// An Object is a version that was read.
type Object struct {
	Body        string
	ETag        string // without quotes
	ContentType string
	Metadata    map[string]string
	Tags        map[string]string
}

// A Version is a line of a key's history.
type Version struct {
	ID           string
	DeleteMarker bool
	Size         int64
}

// A testCase is one thing that must hold.
type testCase struct {
	name string
	run  func(*suite)
}

// A suite is a case on a door.
type suite struct {
	*testing.T
	door   Door
	ctx    context.Context
	bucket string // fresh, and the case's own
}

func cases() []testCase {
	return slices.Concat(objectCases(), listCases(), versionCases(), nameCases())
}

// Run runs every case that the door does not lack.
func Run(t *testing.T, d Door) {
	lacks := maps.Clone(d.Lacks())
	for _, c := range cases() {
		why, lacking := lacks[c.name]
		delete(lacks, c.name)
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			if lacking {
				t.Logf("this door has no way to do so: %s", why)
				return
			}
			s := &suite{T: t, door: d, ctx: t.Context(), bucket: bucketName(c.name)}
			s.ok(d.CreateBucket(s.ctx, s.bucket))
			c.run(s)
		})
	}
	for name := range lacks {
		t.Errorf("the door lacks %q, which is no case", name)
	}
}

// bucketName makes the name of a bucket of a case's.
func bucketName(name string) string {
	b := []byte("case-" + strings.ToLower(name))
	for i, c := range b {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9') {
			b[i] = '-'
		}
	}
	return strings.Trim(string(b[:min(len(b), 60)]), "-")
}

func (s *suite) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatalf("%v", err)
	}
}

// fails demands a failure of one of these kinds.
func (s *suite) fails(err error, kinds ...fault.Kind) {
	s.Helper()
	if err == nil {
		s.Fatalf("it succeeded and should be %v", kinds)
	}
	if got := s.door.Kind(err); !slices.Contains(kinds, got) {
		s.Fatalf("%v is %v and should be %v", err, got, kinds)
	}
}

func (s *suite) put(key, body string) {
	s.Helper()
	s.ok(s.door.Put(s.ctx, s.bucket, key, body, PutOptions{}))
}

func (s *suite) has(key, body string) Object {
	s.Helper()
	o, err := s.door.Get(s.ctx, s.bucket, key, "")
	s.ok(err)
	if o.Body != body {
		s.Fatalf("%q has %d bytes, %.60q; want %d, %.60q", key, len(o.Body), o.Body, len(body), body)
	}
	return o
}

func (s *suite) hasNot(key string) {
	s.Helper()
	_, err := s.door.Get(s.ctx, s.bucket, key, "")
	s.fails(err, fault.NoSuchKey)
}

// lists demands the keys and prefixes of a listing.
func (s *suite) lists(prefix string, deep bool, keys, prefixes []string) {
	s.Helper()
	ks, ps, err := s.door.List(s.ctx, s.bucket, prefix, deep)
	s.ok(err)
	if !slices.Equal(ks, keys) || !slices.Equal(ps, prefixes) {
		s.Fatalf("prefix %q lists %q and %q; want %q and %q", prefix, ks, ps, keys, prefixes)
	}
}

func (s *suite) versions(key string) []Version {
	s.Helper()
	vs, err := s.door.Versions(s.ctx, s.bucket, key)
	s.ok(err)
	return vs
}

func (s *suite) enableVersioning() {
	s.Helper()
	s.ok(s.door.SetVersioning(s.ctx, s.bucket, versioning.Enabled))
}
