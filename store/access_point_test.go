package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pail/store/access"
	"pail/store/fault"
	"pail/versioning"
)

// pointARN is the ARN of an access point of the first account, and of what is reached through
// it.
func pointARN(name string) string { return access.AccessPointARN(DefaultRegion, Account, name) }

// pointPolicy lets the first account do something to all objects through an access point.
func pointPolicy(name, actions string) string {
	return statements(grants("Allow", `{"AWS":"`+Account+`"}`, actions, pointARN(name)+"/object/*", ""))
}

func mustPoint(t testing.TB, se *Session, name string, in NewAccessPoint) AccessPoint {
	t.Helper()
	p, err := se.CreateAccessPoint(context.Background(), name, in)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestAccessPointsAreKept: what is made is there, also when the store is opened again, until it
// is deleted.
func TestAccessPointsAreKept(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	s, owner := openTest(t, Options{Dir: dir})
	mustBucket(t, owner, "bkt", versioning.Enabled)
	made := mustPoint(t, owner, "way-in", NewAccessPoint{Bucket: "bkt", VPC: "vpc-lab", Block: &PublicAccess{BlockPublicAcls: true}})
	if made.ARN != "arn:aws:s3:us-east-1:000000000000:accesspoint/way-in" || made.BucketAccount != Account || made.Created.IsZero() {
		t.Errorf("made: %+v", made)
	}
	if versioning.CheckBucketName(made.Alias) == nil || len(made.Alias) > 63 || !strings.HasPrefix(made.Alias, "way-in-") || !strings.HasSuffix(made.Alias, "-s3alias") {
		t.Errorf("the alias is %q", made.Alias)
	}
	if plain := mustPoint(t, owner, "another", NewAccessPoint{Bucket: "bkt"}); plain.Block != blockAll {
		t.Errorf("by default %+v is on", plain.Block)
	}
	policy := pointPolicy("way-in", "s3:GetObject")
	is(t, "put a policy", owner.SetAccessPointPolicy(ctx, "way-in", policy), fault.None)
	is(t, "another of that name", second(owner.CreateAccessPoint(ctx, "way-in", NewAccessPoint{Bucket: "bkt"})), fault.AccessPointAlreadyOwnedByYou)
	fsckClean(t, s, true)
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}

	s, owner = openTest(t, Options{Dir: dir})
	got, err := owner.AccessPoint(ctx, "way-in")
	if err != nil || got != made {
		t.Errorf("after a restart: %+v, %v; want %+v", got, err, made)
	}
	if text, err := owner.AccessPointPolicy(ctx, "way-in"); err != nil || text != policy {
		t.Errorf("after a restart the policy is %q, %v", text, err)
	}
	for _, name := range []string{made.Alias, made.ARN, strings.Replace(made.ARN, "point/", "point:", 1)} {
		if p, ok := s.FindAccessPoint(name); !ok || p != made {
			t.Errorf("%s is %+v, %v", name, p, ok)
		}
	}
	for _, name := range []string{"way-in", "bkt", made.ARN + "x", strings.Replace(made.ARN, "us-east-1", "eu-west-1", 1), "x" + made.Alias} {
		if p, ok := s.FindAccessPoint(name); ok {
			t.Errorf("%s is %+v", name, p)
		}
	}
	is(t, "a bucket with access points", owner.DeleteBucket(ctx, "bkt"), fault.AccessPointsAttached)
	is(t, "delete", owner.DeleteAccessPoint(ctx, "way-in"), fault.None)
	is(t, "deleted", second(owner.AccessPoint(ctx, "way-in")), fault.NoSuchAccessPoint)
	is(t, "policy of what is deleted", second(owner.AccessPointPolicy(ctx, "way-in")), fault.NoSuchAccessPoint)
	is(t, "delete again", owner.DeleteAccessPoint(ctx, "way-in"), fault.NoSuchAccessPoint)
	if _, ok := s.FindAccessPoint(made.Alias); ok {
		t.Error("the alias outlives its access point")
	}
	again := mustPoint(t, owner, "way-in", NewAccessPoint{Bucket: "bkt"})
	if again.Alias == made.Alias {
		t.Error("another access point has the same alias")
	}
	is(t, "the policy of the one before", second(owner.AccessPointPolicy(ctx, "way-in")), fault.NoSuchAccessPointPolicy)
	for _, name := range []string{"way-in", "another"} {
		is(t, "delete "+name, owner.DeleteAccessPoint(ctx, name), fault.None)
	}
	is(t, "a bucket without any more", owner.DeleteBucket(ctx, "bkt"), fault.None)
	fsckClean(t, s, true)
}

// TestAccessPointsAreChecked: what AWS refuses to make.
func TestAccessPointsAreChecked(t *testing.T) {
	ctx := context.Background()
	s, owner := openTest(t, Options{})
	mustBucket(t, owner, "bkt", versioning.Unversioned)
	foreign := s.As(anAccount(t, s, other), RequestContext{Door: DoorS3})
	mustBucket(t, foreign, "theirs", versioning.Unversioned)
	for _, c := range []struct {
		name string
		in   NewAccessPoint
		want fault.Kind
	}{
		{"ab", NewAccessPoint{Bucket: "bkt"}, fault.InvalidRequest},
		{strings.Repeat("a", 51), NewAccessPoint{Bucket: "bkt"}, fault.InvalidRequest},
		{"Upper", NewAccessPoint{Bucket: "bkt"}, fault.InvalidRequest},
		{"dot.ted", NewAccessPoint{Bucket: "bkt"}, fault.InvalidRequest},
		{"under_score", NewAccessPoint{Bucket: "bkt"}, fault.InvalidRequest},
		{"-front", NewAccessPoint{Bucket: "bkt"}, fault.InvalidRequest},
		{"back-", NewAccessPoint{Bucket: "bkt"}, fault.InvalidRequest},
		{"any-s3alias", NewAccessPoint{Bucket: "bkt"}, fault.InvalidRequest},
		{"nowhere", NewAccessPoint{Bucket: "missing"}, fault.InvalidRequest},
		{"nowhere", NewAccessPoint{Bucket: "theirs"}, fault.InvalidRequest},
		{"nowhere", NewAccessPoint{Bucket: "bkt", BucketAccount: other}, fault.InvalidRequest},
		{"nowhere", NewAccessPoint{Bucket: "bkt", VPC: "lab"}, fault.InvalidRequest},
		{"theirs", NewAccessPoint{Bucket: "theirs", BucketAccount: other}, fault.None},
		{"ours", NewAccessPoint{Bucket: "bkt", BucketAccount: Account, VPC: "vpc-1"}, fault.None},
		{strings.Repeat("a", 50), NewAccessPoint{Bucket: "bkt"}, fault.None},
	} {
		is(t, c.name, second(owner.CreateAccessPoint(ctx, c.name, c.in)), c.want)
	}
	if p, err := owner.AccessPoint(ctx, strings.Repeat("a", 50)); err != nil || len(p.Alias) != 63 {
		t.Errorf("the alias of the longest name: %+v, %v", p, err)
	}
	// Names are of an account: the other one may use them, too.
	mustPoint(t, foreign, "ours", NewAccessPoint{Bucket: "theirs"})
	// What somebody else has made into a bucket does not hold its owner up.
	is(t, "an access point of the account", foreign.DeleteBucket(ctx, "theirs"), fault.AccessPointsAttached)
	is(t, "delete it", foreign.DeleteAccessPoint(ctx, "ours"), fault.None)
	is(t, "an access point of another account", foreign.DeleteBucket(ctx, "theirs"), fault.None)
	is(t, "an account with access points", owner.DeleteAccount(ctx, other), fault.None)
	fsckClean(t, s, true)

	s.points.mu.Lock()
	s.points.counts[Account] = MaxAccessPoints
	s.points.mu.Unlock()
	is(t, "one too many", second(owner.CreateAccessPoint(ctx, "many", NewAccessPoint{Bucket: "bkt"})), fault.TooManyAccessPoints)
}

// TestAccessPointsAreListed in the order of their names, in pages and by bucket.
func TestAccessPointsAreListed(t *testing.T) {
	ctx := context.Background()
	_, owner := openTest(t, Options{})
	mustBucket(t, owner, "one", versioning.Unversioned)
	mustBucket(t, owner, "two", versioning.Unversioned)
	var want []string
	for i := range 7 {
		name := fmt.Sprintf("point-%d", 6-i)
		bucket := "one"
		if i%3 == 0 {
			bucket = "two"
		}
		mustPoint(t, owner, name, NewAccessPoint{Bucket: bucket})
		want = append(want, name)
	}
	slices.Sort(want)
	for size := range 9 {
		var got []string
		page := AccessPointPage{Max: size}
		for {
			list, more, err := owner.ListAccessPoints(ctx, page)
			if err != nil || size > 0 && len(list) > size {
				t.Fatalf("%d of at most %d, %v", len(list), size, err)
			}
			for _, p := range list {
				got = append(got, p.Name)
			}
			if !more {
				break
			}
			page.After = list[len(list)-1].Name
		}
		if !slices.Equal(got, want) {
			t.Errorf("in pages of %d: %q", size, got)
		}
	}
	list, _, err := owner.ListAccessPoints(ctx, AccessPointPage{Bucket: "two"})
	if err != nil || len(list) != 3 || list[0].Name != "point-0" {
		t.Errorf("those of one bucket: %+v, %v", list, err)
	}
}

// TestAccessPointsDecide is a table of what may be done through access points, by whom.
func TestAccessPointsDecide(t *testing.T) {
	ctx := context.Background()
	s, owner := openTest(t, Options{})
	mustBucket(t, owner, "bkt", versioning.Enabled)
	put(t, owner, "bkt", "a/1", "one")
	foreignRoot := anAccount(t, s, other)
	foreign := s.As(foreignRoot, RequestContext{Door: DoorS3})
	all := allows("s3:*", "*")
	callers := map[string]Principal{
		"root":   Owner(),
		"all":    aUser(t, s, Account, "all", statements(all)),
		"bucket": aUser(t, s, Account, "bucket", statements(allows("s3:*", "arn:aws:s3:::bkt arn:aws:s3:::bkt/*"))),
		"point":  aUser(t, s, Account, "point", statements(allows("s3:*", pointARN("open")+" "+pointARN("open")+"/object/*"))),
		"none":   aUser(t, s, Account, "none"),
		"guest":  aUser(t, s, other, "guest", statements(all)),
		"nobody": Anonymous(),
	}
	points := map[string]AccessPoint{
		"open":   mustPoint(t, owner, "open", NewAccessPoint{Bucket: "bkt"}),
		"named":  mustPoint(t, owner, "named", NewAccessPoint{Bucket: "bkt"}),
		"vpc":    mustPoint(t, owner, "vpc", NewAccessPoint{Bucket: "bkt", VPC: "vpc-lab"}),
		"theirs": mustPoint(t, foreign, "theirs", NewAccessPoint{Bucket: "bkt", BucketAccount: Account}),
	}
	is(t, "named", owner.SetAccessPointPolicy(ctx, "named", statements(
		grants("Allow", `{"AWS":"`+callers["none"].ARN+`"}`, "s3:GetObject s3:PutObject", pointARN("named")+"/object/*", ""),
		grants("Deny", `"*"`, "s3:PutObject", pointARN("named")+"/object/*", ""))), fault.None)
	// The bucket delegates to the access points of its account, and of the other one what lies
	// below b/.
	mustPolicy(t, owner, "bkt",
		grants("Allow", `{"AWS":"*"}`, "s3:GetObject s3:ListBucket", "arn:aws:s3:::bkt arn:aws:s3:::bkt/*", `{"StringEquals":{"s3:DataAccessPointAccount":"`+Account+`"}}`),
		grants("Allow", `{"AWS":"*"}`, "s3:GetObject", "arn:aws:s3:::bkt/b/*", `{"StringEquals":{"s3:DataAccessPointAccount":"`+other+`"}}`))
	put(t, owner, "bkt", "b/1", "one")

	for _, c := range []struct {
		point, do, vpc string
		want           string // of each caller: + allowed, - denied
	}{
		{"open", "get a/1", "", "root+ all+ bucket- point+ none- guest- nobody-"},
		{"open", "list", "", "root+ all+ bucket- point+ none- guest- nobody-"},
		// The bucket says nothing of writing: that takes an identity policy for the bucket, too.
		{"open", "put c", "", "root+ all+ bucket- point- none- guest- nobody-"},
		{"named", "get a/1", "", "root+ all+ bucket- point- none+ guest- nobody-"},
		{"named", "put c", "", "root- all- none- guest-"},
		{"vpc", "get a/1", "vpc-lab", "root+ all+ none- guest- nobody-"},
		{"vpc", "get a/1", "vpc-other", "root- all- none-"},
		{"vpc", "get a/1", "", "root- all-"},
		{"theirs", "get b/1", "", "guest+ root- all- none- nobody-"},
		{"theirs", "get a/1", "", "guest-"},
		{"theirs", "put b/2", "", "guest-"},
	} {
		for _, one := range strings.Fields(c.want) {
			who, want := one[:len(one)-1], one[len(one)-1] == '+'
			se := Through(s.As(callers[who], RequestContext{Door: DoorS3, VPC: c.vpc}), points[c.point])
			what, key, _ := strings.Cut(c.do, " ")
			var err error
			switch what {
			case "get":
				var r *Reader
				if r, err = se.Get(ctx, "bkt", key, ""); err == nil {
					err = r.Close()
				}
			case "list":
				_, err = se.List(ctx, "bkt", ListInput{})
			case "put":
				_, err = se.Put(ctx, "bkt", key, PutInput{Body: strings.NewReader("x"), Size: 1})
			}
			kind := fault.None
			if !want {
				kind = fault.AccessDenied
			}
			is(t, fmt.Sprintf("%s: %s through %s from %q", who, c.do, c.point, c.vpc), err, kind)
		}
	}

	// What a session through an access point is decided by is what there is now.
	se := Through(owner, points["open"])
	is(t, "head", second(se.Head(ctx, "bkt", "a/1", "")), fault.None)
	is(t, "another bucket", second(se.Bucket(ctx, "other")), fault.AccessDenied)
	is(t, "all buckets", second(se.Buckets(ctx)), fault.AccessDenied)
	is(t, "deny", owner.SetAccessPointPolicy(ctx, "open", statements(grants("Deny", `"*"`, "s3:GetObject", pointARN("open")+"/object/*", ""))), fault.None)
	is(t, "head when it denies", second(se.Head(ctx, "bkt", "a/1", "")), fault.AccessDenied)
	is(t, "directly", second(owner.Head(ctx, "bkt", "a/1", "")), fault.None)
	is(t, "undeny", owner.DeleteAccessPointPolicy(ctx, "open"), fault.None)
	is(t, "undeny again", owner.DeleteAccessPointPolicy(ctx, "open"), fault.NoSuchAccessPointPolicy)
	is(t, "head when nothing denies", second(se.Head(ctx, "bkt", "a/1", "")), fault.None)
	is(t, "delete", owner.DeleteAccessPoint(ctx, "open"), fault.None)
	is(t, "head when it is gone", second(se.Head(ctx, "bkt", "a/1", "")), fault.NoSuchAccessPoint)
	mustPoint(t, owner, "open", NewAccessPoint{Bucket: "bkt"})
	is(t, "head through what was not meant", second(se.Head(ctx, "bkt", "a/1", "")), fault.NoSuchAccessPoint)
}

// TestAccessPointsMeanTheirBucket: not one that another account has under its name later.
func TestAccessPointsMeanTheirBucket(t *testing.T) {
	ctx := context.Background()
	s, owner := openTest(t, Options{})
	foreign := s.As(anAccount(t, s, other), RequestContext{Door: DoorS3})
	mustBucket(t, foreign, "bkt", versioning.Unversioned)
	p := mustPoint(t, owner, "way-in", NewAccessPoint{Bucket: "bkt", BucketAccount: other})
	is(t, "its owner deletes the bucket", foreign.DeleteBucket(ctx, "bkt"), fault.None)
	se := Through(owner, p)
	is(t, "no bucket", second(se.Bucket(ctx, "bkt")), fault.NoSuchBucket)
	mustBucket(t, owner, "bkt", versioning.Unversioned)
	is(t, "another's bucket", second(se.Bucket(ctx, "bkt")), fault.AccessDenied)
	fsckClean(t, s, true)
}

// TestManagingAccessPointsIsAllowed by policies, with the keys that they have for it.
func TestManagingAccessPointsIsAllowed(t *testing.T) {
	ctx := context.Background()
	s, owner := openTest(t, Options{})
	mustBucket(t, owner, "bkt", versioning.Unversioned)
	who := aUser(t, s, Account, "keeper", statements(
		`{"Effect":"Allow","Action":["s3:CreateAccessPoint","s3:GetAccessPoint","s3:DeleteAccessPoint","s3:PutAccessPointPolicy"],"Resource":"`+pointARN("team-*")+`","Condition":{"StringEquals":{"s3:AccessPointNetworkOrigin":"vpc"}}}`))
	se := s.As(who, RequestContext{Door: DoorS3})
	vpc := NewAccessPoint{Bucket: "bkt", VPC: "vpc-lab"}
	is(t, "of the network", second(se.CreateAccessPoint(ctx, "team-a", vpc)), fault.None)
	is(t, "of the internet", second(se.CreateAccessPoint(ctx, "team-b", NewAccessPoint{Bucket: "bkt"})), fault.AccessDenied)
	is(t, "of another name", second(se.CreateAccessPoint(ctx, "other", vpc)), fault.AccessDenied)
	vpc.Block = &PublicAccess{}
	is(t, "with a block of its own", second(se.CreateAccessPoint(ctx, "team-c", vpc)), fault.AccessDenied)
	is(t, "get", second(se.AccessPoint(ctx, "team-a")), fault.None)
	is(t, "what there is not", second(se.AccessPoint(ctx, "team-z")), fault.AccessDenied)
	is(t, "put a policy", se.SetAccessPointPolicy(ctx, "team-a", pointPolicy("team-a", "s3:GetObject")), fault.None)
	is(t, "read it", second(se.AccessPointPolicy(ctx, "team-a")), fault.AccessDenied)
	_, _, err := se.ListAccessPoints(ctx, AccessPointPage{})
	is(t, "list", err, fault.AccessDenied)
	is(t, "delete", se.DeleteAccessPoint(ctx, "team-a"), fault.None)
	is(t, "of the account", owner.ExpectAccount(ctx, Account), fault.None)
	is(t, "of another", owner.ExpectAccount(ctx, other), fault.AccessDenied)
	is(t, "nobody's", s.As(Anonymous(), RequestContext{}).ExpectAccount(ctx, ""), fault.AccessDenied)
}

// TestAccessPointPoliciesAreChecked when they are put: what they say, and what Block Public
// Access of access point, bucket and account lets them say.
func TestAccessPointPoliciesAreChecked(t *testing.T) {
	ctx := context.Background()
	_, owner := openTest(t, Options{})
	mustBucket(t, owner, "bkt", versioning.Unversioned)
	mustPoint(t, owner, "closed", NewAccessPoint{Bucket: "bkt"})
	mustPoint(t, owner, "open", NewAccessPoint{Bucket: "bkt", Block: &PublicAccess{}})
	mustPoint(t, owner, "inside", NewAccessPoint{Bucket: "bkt", VPC: "vpc-lab"})
	public := func(name string) string {
		return statements(grants("Allow", `"*"`, "s3:GetObject", pointARN(name)+"/object/*", ""))
	}
	set := func(what, name, text string, want fault.Kind) {
		t.Helper()
		is(t, what, owner.SetAccessPointPolicy(ctx, name, text), want)
	}
	set("no policy", "open", "{}", fault.MalformedPolicy)
	set("of another access point", "open", pointPolicy("closed", "s3:GetObject"), fault.MalformedPolicy)
	set("of the bucket", "open", statements(grants("Allow", `"*"`, "s3:GetObject", "arn:aws:s3:::bkt/*", "")), fault.MalformedPolicy)
	set("of nobody", "open", statements(grants("Allow", `{"AWS":"arn:aws:iam::000000000000:user/nobody"}`, "s3:GetObject", pointARN("open")+"/object/*", "")), fault.MalformedPolicy)
	set("too long", "open", pointPolicy("open", "s3:GetObject")+strings.Repeat(" ", 20<<10), fault.PolicyTooLarge)
	set("of no access point", "none", pointPolicy("none", "s3:GetObject"), fault.NoSuchAccessPoint)
	set("public, and the access point blocks it", "closed", public("closed"), fault.AccessDenied)
	set("public, and the bucket blocks it", "open", public("open"), fault.AccessDenied)
	set("of a network, which is never public", "inside", public("inside"), fault.None)
	mustUnblock(t, owner, "bkt")
	set("public, and nothing blocks it", "open", public("open"), fault.None)
	set("public, and the access point blocks it still", "closed", public("closed"), fault.AccessDenied)
	is(t, "block the account", owner.SetAccountPublicAccess(ctx, PublicAccess{BlockPublicPolicy: true}), fault.None)
	set("public, and the account blocks it", "open", public("open"), fault.AccessDenied)
	for name, want := range map[string]bool{"open": true, "inside": false} {
		if yes, err := owner.AccessPointPolicyPublic(ctx, name); err != nil || yes != want {
			t.Errorf("%s is public: %v, %v", name, yes, err)
		}
	}
	is(t, "without a policy", second(owner.AccessPointPolicyPublic(ctx, "closed")), fault.NoSuchAccessPointPolicy)
}

// TestAccessPointsBlockPublicACLs: the block of the access point holds for what is put through
// it.
func TestAccessPointsBlockPublicACLs(t *testing.T) {
	ctx := context.Background()
	_, owner := openTest(t, Options{})
	mustBucket(t, owner, "bkt", versioning.Unversioned)
	mustUnblock(t, owner, "bkt")
	is(t, "with ACLs", owner.SetOwnership(ctx, "bkt", OwnerWriter), fault.None)
	closed := Through(owner, mustPoint(t, owner, "closed", NewAccessPoint{Bucket: "bkt"}))
	open := Through(owner, mustPoint(t, owner, "open", NewAccessPoint{Bucket: "bkt", Block: &PublicAccess{}}))
	public := func(se *Session) error {
		return second(se.Put(ctx, "bkt", "k", PutInput{Body: strings.NewReader("x"), Size: 1, ACL: ACLInput{Canned: "public-read"}}))
	}
	is(t, "through what blocks it", public(closed), fault.AccessDenied)
	is(t, "through what does not", public(open), fault.None)
	is(t, "directly", public(owner), fault.None)
}

// TestCopiesThroughAccessPoints: source and destination are decided each by its own.
func TestCopiesThroughAccessPoints(t *testing.T) {
	ctx := context.Background()
	s, owner := openTest(t, Options{MinPartSize: -1})
	mustBucket(t, owner, "from", versioning.Enabled)
	mustBucket(t, owner, "dest", versioning.Enabled)
	put(t, owner, "from", "k", "hello")
	in := mustPoint(t, owner, "inn", NewAccessPoint{Bucket: "from"})
	out := mustPoint(t, owner, "out", NewAccessPoint{Bucket: "dest"})
	who := aUser(t, s, Account, "copier", statements(
		allows("s3:*", pointARN("out")+"/object/* arn:aws:s3:::dest/*"),
		allows("s3:GetObject s3:GetObjectTagging", pointARN("inn")+"/object/* arn:aws:s3:::from/*")))
	is(t, "the policy of the source", owner.SetAccessPointPolicy(ctx, "inn", statements(
		grants("Deny", `"*"`, "s3:GetObject", pointARN("inn")+"/object/secret", ""))), fault.None)
	put(t, owner, "from", "secret", "hush")
	se := Through(s.As(who, RequestContext{Door: DoorS3}), out)
	through := func(key string) Source { return Source{Bucket: "from", Key: key, AccessPoint: in.ARN} }
	is(t, "copy", second(se.Copy(ctx, through("k"), "dest", "k", CopyInput{})), fault.None)
	is(t, "copy what its access point denies", second(se.Copy(ctx, through("secret"), "dest", "k", CopyInput{})), fault.AccessDenied)
	is(t, "without it", second(se.Copy(ctx, Source{Bucket: "from", Key: "secret"}, "dest", "k", CopyInput{})), fault.None)
	is(t, "a source of another bucket", second(se.Copy(ctx, Source{Bucket: "dest", Key: "k", AccessPoint: in.ARN}, "dest", "k2", CopyInput{})), fault.AccessDenied)
	is(t, "a source through nothing", second(se.Copy(ctx, Source{Bucket: "from", Key: "k", AccessPoint: in.ARN + "x"}, "dest", "k2", CopyInput{})), fault.NoSuchAccessPoint)
	id, err := se.CreateUpload(ctx, "dest", "large", PutInput{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := se.UploadPartCopy(ctx, through("k"), "dest", "large", id, 1, PartCopy{})
	is(t, "a part", err, fault.None)
	is(t, "a part that is denied", second(se.UploadPartCopy(ctx, through("secret"), "dest", "large", id, 2, PartCopy{})), fault.AccessDenied)
	is(t, "complete", second(se.CompleteUpload(ctx, "dest", "large", id, []CompletedPart{{Number: 1, ETag: p.ETag}}, CompleteInput{})), fault.None)
	if got := readAll(t, owner, "dest", "large", ""); got != "hello" {
		t.Errorf("the copied part is %q", got)
	}
	fsckClean(t, s, true)
}

// TestAccessPointsHaveTags, by which who manages them may be told.
func TestAccessPointsHaveTags(t *testing.T) {
	ctx := context.Background()
	s, owner := openTest(t, Options{})
	mustBucket(t, owner, "bkt", versioning.Unversioned)
	mustPoint(t, owner, "way-in", NewAccessPoint{Bucket: "bkt", Tags: map[string]string{"team": "ops", "old": "1"}})
	is(t, "tag", owner.TagAccessPoint(ctx, "way-in", map[string]string{"old": "2", "new": ""}), fault.None)
	is(t, "untag", owner.UntagAccessPoint(ctx, "way-in", []string{"old", "none"}), fault.None)
	if tags, err := owner.AccessPointTags(ctx, "way-in"); err != nil || len(tags) != 2 || tags["team"] != "ops" || tags["new"] != "" {
		t.Errorf("the tags are %v, %v", tags, err)
	}
	is(t, "a tag of AWS", owner.TagAccessPoint(ctx, "way-in", map[string]string{"aws:x": ""}), fault.InvalidTag)
	many := map[string]string{}
	for i := range 51 {
		many[fmt.Sprint(i)] = ""
	}
	is(t, "too many", owner.TagAccessPoint(ctx, "way-in", many), fault.TooManyTags)
	is(t, "made with a tag of AWS", second(owner.CreateAccessPoint(ctx, "other", NewAccessPoint{Bucket: "bkt", Tags: map[string]string{"aws:x": ""}})), fault.InvalidTag)
	is(t, "of none", owner.TagAccessPoint(ctx, "none", nil), fault.NoSuchAccessPoint)
	is(t, "of none", second(owner.AccessPointTags(ctx, "none")), fault.NoSuchAccessPoint)
	who := s.As(aUser(t, s, Account, "ops", statements(
		`{"Effect":"Allow","Action":["s3:GetAccessPoint","s3:DeleteAccessPoint"],"Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"ops"}}}`,
		`{"Effect":"Allow","Action":["s3:TagResource","s3:CreateAccessPoint"],"Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}}`)), RequestContext{Door: DoorS3})
	mustPoint(t, owner, "plain", NewAccessPoint{Bucket: "bkt"})
	is(t, "of the team", second(who.AccessPoint(ctx, "way-in")), fault.None)
	is(t, "of no team", second(who.AccessPoint(ctx, "plain")), fault.AccessDenied)
	is(t, "another tag", who.TagAccessPoint(ctx, "way-in", map[string]string{"x": ""}), fault.AccessDenied)
	is(t, "that tag", who.TagAccessPoint(ctx, "plain", map[string]string{"team": "ops"}), fault.None)
	is(t, "made with another tag", second(who.CreateAccessPoint(ctx, "mine", NewAccessPoint{Bucket: "bkt", Tags: map[string]string{"x": ""}})), fault.AccessDenied)
	fsckClean(t, s, false)
}

// TestAccountsKeepTheirAccessPoints: an account that has some is not taken away.
func TestAccountsKeepTheirAccessPoints(t *testing.T) {
	ctx := context.Background()
	s, owner := openTest(t, Options{})
	mustBucket(t, owner, "bkt", versioning.Unversioned)
	if _, err := owner.CreateAccount(ctx, "partner", other); err != nil {
		t.Fatal(err)
	}
	foreign := s.As(RootPrincipal(other), RequestContext{Door: DoorS3})
	mustPoint(t, foreign, "way-in", NewAccessPoint{Bucket: "bkt", BucketAccount: Account})
	is(t, "with an access point", owner.DeleteAccount(ctx, "partner"), fault.DeleteConflict)
	is(t, "delete it", foreign.DeleteAccessPoint(ctx, "way-in"), fault.None)
	is(t, "without", owner.DeleteAccount(ctx, "partner"), fault.None)
}
