package storetest

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"pail/store/fault"
)

func objectCases() []testCase {
	return []testCase{
		{"what was put comes back", putAndGet},
		{"ranges", ranges},
		{"overwriting", overwriting},
		{"deleting", deleting},
		{"only if it does not exist", ifNoneMatch},
		{"only if it is unchanged", ifMatch},
		{"one winner of many", oneWinner},
		{"content type and metadata", describing},
		{"tags", tagging},
		{"copies", copying},
		{"renames", renaming},
		{"buckets", buckets},
		{"missing things", missing},
	}
}

// sizes are around the thresholds of inlining, of a request of the kernel, and of buffers.
var sizes = []int{0, 1, 4095, 4096, 16 << 10, 16<<10 + 1, 128 << 10, 1<<20 - 1, 1 << 20, 5<<20 + 7}

// pattern is n bytes of which no two stretches are alike.
func pattern(n int) string {
	var b strings.Builder
	b.Grow(n + 8)
	for i := uint64(1); b.Len() < n; i++ {
		x := i * 0x9e3779b97f4a7c15
		for range 8 {
			b.WriteByte(byte(x))
			x >>= 8
		}
	}
	return b.String()[:n]
}

func putAndGet(s *suite) {
	for _, n := range sizes {
		body := pattern(n)
		s.put("file", body)
		s.has("file", body)
	}
}

func ranges(s *suite) {
	body := pattern(1 << 20)
	s.put("file", body)
	for _, r := range [][2]int64{{0, 1}, {1, 4096}, {4095, 2}, {1<<20 - 10, 10}, {0, 1 << 20}, {100_000, 500_000}} {
		got, err := s.door.ReadRange(s.ctx, s.bucket, "file", r[0], r[1])
		s.ok(err)
		if got != body[r[0]:r[0]+r[1]] {
			s.Fatalf("%d bytes at %d are wrong", r[1], r[0])
		}
	}
}

func overwriting(s *suite) {
	etags := map[string]bool{}
	for _, body := range []string{"one", pattern(100_000), "", "another"} {
		s.put("file", body)
		etags[s.has("file", body).ETag] = true
	}
	if len(etags) != 4 {
		s.Fatalf("four contents have %d ETags", len(etags))
	}
	s.lists("", true, []string{"file"}, nil)
}

func deleting(s *suite) {
	s.put("a", "1")
	s.put("b", "2")
	s.ok(s.door.Delete(s.ctx, s.bucket, "a", ""))
	s.hasNot("a")
	s.has("b", "2")
	s.lists("", true, []string{"b"}, nil)
	s.put("a", "3")
	s.has("a", "3")
}

func ifNoneMatch(s *suite) {
	s.ok(s.door.Put(s.ctx, s.bucket, "a", "first", PutOptions{IfNoneMatch: true}))
	s.fails(s.door.Put(s.ctx, s.bucket, "a", "second", PutOptions{IfNoneMatch: true}), fault.PreconditionFailed, fault.Exists)
	s.has("a", "first")
	s.ok(s.door.Delete(s.ctx, s.bucket, "a", ""))
	s.ok(s.door.Put(s.ctx, s.bucket, "a", "third", PutOptions{IfNoneMatch: true}))
	s.has("a", "third")
}

func ifMatch(s *suite) {
	s.put("a", "first")
	tag := s.has("a", "first").ETag
	s.ok(s.door.Put(s.ctx, s.bucket, "a", "second", PutOptions{IfMatch: tag}))
	s.fails(s.door.Put(s.ctx, s.bucket, "a", "third", PutOptions{IfMatch: tag}), fault.PreconditionFailed)
	s.fails(s.door.Put(s.ctx, s.bucket, "b", "third", PutOptions{IfMatch: tag}), fault.NoSuchKey)
	s.has("a", "second")
	s.hasNot("b")
}

// oneWinner: of 32 that race for a name exactly one makes it.
func oneWinner(s *suite) {
	for round := range 5 {
		key := "key" + string(rune('a'+round))
		var won atomic.Int32
		var winner atomic.Value
		var all sync.WaitGroup
		start := make(chan struct{})
		for i := range 32 {
			all.Go(func() {
				<-start
				body := string(rune('A' + i))
				switch err := s.door.Put(s.ctx, s.bucket, key, body, PutOptions{IfNoneMatch: true}); {
				case err == nil:
					won.Add(1)
					winner.Store(body)
				case !slices.Contains([]fault.Kind{fault.PreconditionFailed, fault.ConditionalRequestConflict, fault.Exists}, s.door.Kind(err)):
					s.Errorf("a loser gets %v", err)
				}
			})
		}
		close(start)
		all.Wait()
		if won.Load() != 1 {
			s.Fatalf("%d of 32 have won", won.Load())
		}
		s.has(key, winner.Load().(string))
	}
}

func describing(s *suite) {
	o := PutOptions{ContentType: "text/x-pail", Metadata: map[string]string{"who": "me", "what": "jürgen & söhne"}}
	s.ok(s.door.Put(s.ctx, s.bucket, "a", "x", o))
	got := s.has("a", "x")
	if got.ContentType != o.ContentType || got.Metadata["who"] != "me" || got.Metadata["what"] != o.Metadata["what"] {
		s.Fatalf("%q %q", got.ContentType, got.Metadata)
	}
	s.put("a", "y")
	if got := s.has("a", "y"); got.Metadata["who"] != "" && !s.keepsLabels() {
		s.Fatalf("a new object has the metadata of the old: %q", got.Metadata)
	}
}

// remakes says that making one's own bucket again succeeds, as over S3 in us-east-1.
func (s *suite) remakes() bool {
	r, ok := s.door.(interface{ Remakes() bool })
	return ok && r.Remakes()
}

// keepsLabels says that this door overwrites as a file is overwritten: what describes it
// stays. See fs/doc.go.
func (s *suite) keepsLabels() bool {
	k, ok := s.door.(interface{ KeepsLabels() bool })
	return ok && k.KeepsLabels()
}

func tagging(s *suite) {
	s.ok(s.door.Put(s.ctx, s.bucket, "a", "x", PutOptions{Tags: map[string]string{"year": "2026"}}))
	if got := s.has("a", "x").Tags; len(got) != 1 || got["year"] != "2026" {
		s.Fatalf("tags %q", got)
	}
	before := len(s.versions("a"))
	s.ok(s.door.SetTags(s.ctx, s.bucket, "a", map[string]string{"team": "ops", "x": ""}))
	if got := s.has("a", "x").Tags; len(got) != 2 || got["team"] != "ops" {
		s.Fatalf("tags %q", got)
	}
	if after := len(s.versions("a")); after != before {
		s.Fatalf("setting tags has made %d versions of %d", after, before)
	}
	many := map[string]string{}
	for i := range 11 {
		many[string(rune('a'+i))] = "1"
	}
	s.fails(s.door.SetTags(s.ctx, s.bucket, "a", many), fault.TooManyTags)
	s.fails(s.door.SetTags(s.ctx, s.bucket, "a", map[string]string{"aws:x": "1"}), fault.InvalidTag)
}

func copying(s *suite) {
	body := pattern(300_000)
	s.put("a", body)
	s.ok(s.door.Copy(s.ctx, s.bucket, "a", "", "dir/b"))
	s.has("dir/b", body)
	s.put("a", "other")
	s.has("dir/b", body)
	s.fails(s.door.Copy(s.ctx, s.bucket, "missing", "", "c"), fault.NoSuchKey)
	s.lists("", true, []string{"a", "dir/b"}, nil)
}

func renaming(s *suite) {
	s.put("a", "1")
	s.put("b", "2")
	s.ok(s.door.Rename(s.ctx, s.bucket, "a", "c"))
	s.hasNot("a")
	s.has("c", "1")
	s.fails(s.door.Rename(s.ctx, s.bucket, "missing", "d"), fault.NoSuchKey)
	s.lists("", true, []string{"b", "c"}, nil)
}

func buckets(s *suite) {
	names, err := s.door.Buckets(s.ctx)
	s.ok(err)
	if !slices.Contains(names, s.bucket) || !slices.IsSorted(names) {
		s.Fatalf("buckets %q", names)
	}
	if again := s.door.CreateBucket(s.ctx, s.bucket); !s.remakes() {
		s.fails(again, fault.BucketAlreadyOwnedByYou, fault.Exists)
	}
	for _, bad := range []string{"A-b", "ab", "a..b", "192.168.1.1", strings.Repeat("x", 64), "xn--a", "under_score"} {
		s.fails(s.door.CreateBucket(s.ctx, bad), fault.InvalidBucketName)
	}
	s.put("dir/a", "1")
	s.fails(s.door.DeleteBucket(s.ctx, s.bucket), fault.BucketNotEmpty, fault.NotEmpty)
	s.ok(s.door.Delete(s.ctx, s.bucket, "dir/a", ""))
	if d, ok := s.door.(interface {
		RemoveEmpty(bucket, dir string) error
	}); ok {
		s.ok(d.RemoveEmpty(s.bucket, "dir/")) // an unlink keeps its directory
	}
	s.ok(s.door.DeleteBucket(s.ctx, s.bucket))
	s.fails(s.door.DeleteBucket(s.ctx, s.bucket), fault.NoSuchBucket)
	s.fails(s.door.Put(s.ctx, s.bucket, "a", "x", PutOptions{}), fault.NoSuchBucket)
	s.ok(s.door.CreateBucket(s.ctx, s.bucket))
	s.lists("", true, nil, nil)
}

func missing(s *suite) {
	s.hasNot("nothing")
	s.hasNot("nothing/below")
	_, _, err := s.door.List(s.ctx, "no-such-bucket-here", "", true)
	s.fails(err, fault.NoSuchBucket)
	_, err = s.door.Get(s.ctx, "no-such-bucket-here", "a", "")
	s.fails(err, fault.NoSuchBucket, fault.NoSuchKey)
	s.put("file", "x")
	s.hasNot("file/below")
}
