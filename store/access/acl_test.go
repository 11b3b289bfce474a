package access

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// TestCannedACL has the table "Canned ACL" of "Access control list (ACL) overview" in the
// Amazon S3 User Guide.
func TestCannedACL(t *testing.T) {
	for _, c := range []struct {
		name   string
		bucket bool
		want   string // grants behind the owner's, or a part of the reason
	}{
		{"private", true, ""},
		{"private", false, ""},
		{"public-read", true, "READ AllUsers"},
		{"public-read", false, "READ AllUsers"},
		{"public-read-write", true, "READ AllUsers, WRITE AllUsers"},
		{"public-read-write", false, "READ AllUsers, WRITE AllUsers"},
		{"authenticated-read", true, "READ AuthenticatedUsers"},
		{"authenticated-read", false, "READ AuthenticatedUsers"},
		{"bucket-owner-read", true, ""},
		{"bucket-owner-read", false, "READ bucketowner"},
		{"bucket-owner-full-control", true, ""},
		{"bucket-owner-full-control", false, "FULL_CONTROL bucketowner"},
		{"log-delivery-write", true, "WRITE LogDelivery, READ_ACP LogDelivery"},
		{"log-delivery-write", false, "error: for buckets only"},
		{"aws-exec-read", true, "error: Amazon EC2"},
		{"Private", true, "error: there is no canned ACL"},
		{"", true, "error: there is no canned ACL"},
	} {
		a, err := CannedACL(c.name, "owner", "bucketowner", c.bucket)
		if reason, ok := strings.CutPrefix(c.want, "error: "); ok {
			if e := new(Error); !errors.As(err, &e) || e.Reason != BadACL || !strings.Contains(e.Text, reason) {
				t.Errorf("%s, bucket %v: %v, %v", c.name, c.bucket, a, err)
			}
			continue
		}
		if err != nil || a.Owner != "owner" || a.Grants[0] != (Grant{Grantee{CanonicalUser: "owner"}, FullControl}) {
			t.Errorf("%s, bucket %v: %v, %v", c.name, c.bucket, a, err)
			continue
		}
		var got []string
		for _, g := range a.Grants[1:] {
			who := g.Grantee.CanonicalUser
			if who == "" {
				who = g.Grantee.Group[strings.LastIndex(g.Grantee.Group, "/")+1:]
			}
			got = append(got, string(g.Permission)+" "+who)
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s, bucket %v: %s", c.name, c.bucket, got)
		}
		if public := strings.Contains(c.want, "AllUsers") || strings.Contains(c.want, "AuthenticatedUsers"); a.Public() != public {
			t.Errorf("%s is public: %v", c.name, a.Public())
		}
	}
	if a, err := CannedACL("bucket-owner-full-control", "same", "same", false); err != nil || len(a.Grants) != 1 {
		t.Errorf("of the bucket's owner: %v, %v", a, err)
	}
}

func TestCheckACL(t *testing.T) {
	known := func(id string) bool { return id == "known" }
	grants := func(n int) (list []Grant) {
		for range n {
			list = append(list, Grant{Grantee{CanonicalUser: "known"}, Read})
		}
		return list
	}
	one := func(g Grantee, p Permission) []Grant { return []Grant{{g, p}} }
	for _, c := range []struct {
		grants []Grant
		reason Reason // 0: accepted
		text   string
	}{
		{nil, 0, ""},
		{grants(100), 0, ""},
		{grants(101), BadACL, "100 grants"},
		{one(Grantee{CanonicalUser: "known"}, FullControl), 0, ""},
		{one(Grantee{CanonicalUser: "stranger"}, Read), BadACL, "Invalid id"},
		{one(Grantee{CanonicalUser: "known"}, "DELETE"), BadACL, "no permission"},
		{one(Grantee{Group: LogDelivery}, Write), 0, ""},
		{one(Grantee{Group: AllUsers + "2"}, Read), BadACL, "Invalid group uri"},
		{one(Grantee{Email: "a@example.com"}, Read), BadEmail, "email"},
		{one(Grantee{}, Read), BadACL, "one account or one group"},
		{one(Grantee{CanonicalUser: "known", Group: AllUsers}, Read), BadACL, "one account or one group"},
	} {
		err := (&ACL{Owner: "known", Grants: c.grants}).Check(known)
		var e *Error
		if c.reason == 0 {
			if err != nil {
				t.Errorf("%v: %v", c.grants, err)
			}
		} else if !errors.As(err, &e) || e.Reason != c.reason || !strings.Contains(e.Error(), c.text) {
			t.Errorf("%v: %v", c.grants, err)
		}
	}
}

// TestPutACL has BlockPublicAcls and disabled ACLs.
func TestPutACL(t *testing.T) {
	reason := func(err error) Reason {
		if e := new(Error); errors.As(err, &e) {
			return e.Reason
		}
		return 0
	}
	got := map[string]Reason{}
	for _, name := range []string{"private", "public-read", "authenticated-read", "bucket-owner-read"} {
		a, err := CannedACL(name, "owner", "bucketowner", false)
		if err != nil {
			t.Fatal(err)
		}
		got[name] = reason(PublicAccessBlock{}.CheckACL(a, false))
		got[name+" blocked"] = reason(PublicAccessBlock{BlockPublicAcls: true}.CheckACL(a, false))
		got[name+" disabled"] = reason(PublicAccessBlock{}.CheckACL(a, true))
	}
	want := map[string]Reason{"private": 0, "private blocked": 0, "private disabled": 0,
		"public-read": 0, "public-read blocked": PublicBlocked, "public-read disabled": ACLsDisabled,
		"authenticated-read": 0, "authenticated-read blocked": PublicBlocked, "authenticated-read disabled": ACLsDisabled,
		"bucket-owner-read": 0, "bucket-owner-read blocked": 0, "bucket-owner-read disabled": ACLsDisabled}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
}

// TestSizes has the limits of "IAM and AWS STS quotas" and of S3's and KMS's policies.
func TestSizes(t *testing.T) {
	limits := map[Kind]int{ManagedPolicy: 6144, UserPolicy: 2048, GroupPolicy: 5120, RolePolicy: 10240, Boundary: 6144, SessionPolicy: 2048,
		BucketPolicy: 20480, AccessPointPolicy: 20480, TrustPolicy: 2048, KeyPolicy: 32768}
	for kind := ManagedPolicy; kind <= KeyPolicy; kind++ {
		elements := map[Kind]string{TrustPolicy: `"Principal":"*","Action":"sts:AssumeRole"`, KeyPolicy: `"Principal":"*","Action":"kms:*","Resource":"*"`,
			BucketPolicy: `"Principal":"*","Action":"s3:*","Resource":"*"`, AccessPointPolicy: `"Principal":"*","Action":"s3:*","Resource":"*"`}[kind]
		if elements == "" {
			elements = `"Action":"s3:*","Resource":"*"`
		}
		text := func(n int) string {
			front := `{"Statement":{"Effect":"Allow",` + elements + `,"Sid":"`
			return front + strings.Repeat("x", n-len(front)-len(`"}}`)) + `"}}`
		}
		mustParse(t, kind, text(limits[kind]))
		_, err := Parse(kind, []byte(text(limits[kind]+1)), Options{})
		if e := new(Error); !errors.As(err, &e) || e.Reason != TooLarge {
			t.Errorf("%v of %d: %v", kind, limits[kind]+1, err)
		}
		spaced := strings.Replace(text(limits[kind]), ":{", ": {", 1)
		_, err = Parse(kind, []byte(spaced), Options{})
		if counted := kind == SessionPolicy || kind >= BucketPolicy && kind != TrustPolicy; counted != (err != nil) {
			t.Errorf("%v with white space: %v", kind, err)
		}
	}
	for _, kind := range []Kind{0, 11, 255} {
		if _, err := Parse(kind, []byte(`{}`), Options{}); err == nil {
			t.Errorf("kind %d has a policy", kind)
		}
	}
}

// TestRecreated shows that a policy means the user or role that there was when it was put, not
// a later one of the same name ("AWS JSON policy elements: Principal").
func TestRecreated(t *testing.T) {
	text := `{"Statement": {"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::111122223333:user/alice", "arn:aws:iam::111122223333:role/dev"]}, "Action": "s3:GetObject", "Resource": "*"}}`
	ids := map[string]string{"arn:aws:iam::111122223333:user/alice": "AIDAALICE", "arn:aws:iam::111122223333:role/dev": "AROADEV"}
	p, err := Parse(BucketPolicy, []byte(text), Options{Bucket: testBucket, Lookup: func(e Entity) (string, bool) { return ids[e.Value], true }})
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for _, e := range p.Entities() {
		kept = append(kept, fmt.Sprint(e.Type, " ", e.Value, " ", e.ID))
	}
	if want := []string{"AWS arn:aws:iam::111122223333:user/alice AIDAALICE", "AWS arn:aws:iam::111122223333:role/dev AROADEV"}; !reflect.DeepEqual(kept, want) {
		t.Errorf("kept %q", kept)
	}
	identity := mustParse(t, ManagedPolicy, `{"Statement": {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}}`)
	for _, c := range []struct {
		caller, id string
		allowed    bool
	}{{"user/alice", "AIDAALICE", true}, {"user/alice", "AIDALATER", false}, {"role/dev/one", "AROADEV:one", true}, {"role/dev/one", "AROALATER:one", false}} {
		r := Request{Identity: []*Policy{identity}, Action: "s3:GetObject", Resource: Resource{ARN: ObjectARN(testBucket, "k"), Owner: testAccount(ours), Policy: p}}
		if r.Principal, err = testPrincipal(c.caller); err != nil {
			t.Fatal(err)
		}
		r.Principal.ID = c.id
		if d := Decide(&r); d.Allowed != c.allowed {
			t.Errorf("%s with id %s: %s", c.caller, c.id, d)
		}
	}
}

// TestDecisionString reads the sentences that a person is shown.
func TestDecisionString(t *testing.T) {
	p := mustParse(t, BucketPolicy, `{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}, {"Sid": "No", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "*"}]}`)
	p.Name = "of bucket"
	a, err := CannedACL("public-read", "o", "o", true)
	if err != nil {
		t.Fatal(err)
	}
	for action, want := range map[string]string{
		"s3:GetObject":    "allowed: the resource policy allows it (statement 1 of the bucket policy of bucket)",
		"s3:PutObject":    `denied: an explicit deny (statement "No" of the bucket policy of bucket)`,
		"s3:DeleteObject": "denied: nothing allows it",
		"s3:ListBucket":   "allowed: an ACL allows it (READ of AllUsers)",
	} {
		r := Request{Action: action, Resource: Resource{ARN: ObjectARN(testBucket, "k"), Owner: testAccount(ours), Policy: p, BucketACL: a}}
		if got := Decide(&r).String(); got != want {
			t.Errorf("%s: %s", action, got)
		}
	}
}
