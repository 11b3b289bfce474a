package access

import (
	"encoding/json"
	"math/rand"
	"os"
	"slices"
	"strconv"
	"testing"
)

// A maker makes random policies and requests out of few words, so that they meet.
type maker struct{ *rand.Rand }

func pick[T any](m maker, list ...T) T { return list[m.Intn(len(list))] }

// some returns one to three of the list.
func (m maker) some(list ...string) any {
	if m.Intn(2) == 0 {
		return pick(m, list...)
	}
	out := []string{}
	for range 1 + m.Intn(3) {
		out = append(out, pick(m, list...))
	}
	return out
}

func (m maker) action() string {
	return pick(m, "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:ListBucket", "s3:GetObjectAcl", "s3:PutBucketAcl",
		"s3:GetBucketPolicy", "s3:GetObjectTagging", "iam:CreateAccessKey", "sts:AssumeRole")
}

var (
	testUsers    = []string{"user/alice", "user/*", "root", "role/dev/one", "federated/fay"}
	testCallers  = append([]string{theirs + ":user/alice", theirs + ":root", theirs + ":role/dev/one", "anonymous", "service/logging.s3.amazonaws.com"}, testUsers...)
	testNames    = []string{"a", "b", "alice", "*", "é", "\xff*"}
	testPrefixes = []string{"", "a", "a/", "alice/", "b/a"}
)

func (m maker) condition(perKey bool) map[string]any {
	type key struct {
		name   string
		ops    []string
		values []string
	}
	strs := []string{"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike"}
	arns := []string{"ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"}
	keys := []key{
		{"aws:UserAgent", append([]string{"BinaryEquals"}, strs...), []string{"a", "A", "b*", "?", "${aws:username}", "x${AWS:UserName, 'a'}*", "${*}"}},
		{"aws:TagKeys", strs, []string{"a", "b", "*", "${aws:username}"}},
		{"aws:username", strs, []string{"alice", "al*", "Alice"}},
		{"aws:MultiFactorAuthAge", []string{"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals"}, []string{"1", "2", "2.5"}},
		{"aws:CurrentTime", []string{"DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals"}, []string{"2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"}},
		{"aws:SecureTransport", []string{"Bool"}, []string{"true", "false"}},
		{"aws:SourceIp", []string{"IpAddress", "NotIpAddress"}, []string{"10.0.0.0/8", "10.0.0.1", "192.0.2.0/24"}},
		{"aws:SourceArn", arns, []string{"arn:aws:s3:::a", "arn:aws:*:*:*:a*", "arn:aws:s3:::${aws:username}"}},
		{"aws:PrincipalArn", arns, []string{"arn:aws:iam::111122223333:user/alice", "arn:aws:iam::*:role/dev", "*"}},
		{"aws:TokenIssueTime", []string{"Null"}, []string{"true", "false"}},
		{"s3:ExistingObjectTag/t", strs, []string{"a", "b"}},
	}
	if !perKey {
		keys = keys[:len(keys)-1]
	}
	block := map[string]any{}
	for range m.Intn(3) {
		k := pick(m, keys...)
		op := pick(m, k.ops...)
		values := m.some(k.values...)
		switch op {
		case "Null":
			values = pick(m, k.values...)
		case "BinaryEquals":
			values = "YQ==" // a
			op = pick(m, "", "ForAllValues:") + op
		default:
			op = pick(m, "", "", "ForAllValues:", "ForAnyValue:") + op + pick(m, "", "", "IfExists")
		}
		block[op] = map[string]any{k.name: values}
	}
	return block
}

func (m maker) statement(principal bool) map[string]any {
	s := map[string]any{"Effect": pick(m, "Allow", "Allow", "Deny")}
	if principal {
		element := "Principal"
		if s["Effect"] == "Deny" && m.Intn(4) == 0 {
			element = "NotPrincipal"
		}
		who := []string{"*", ours, theirs, "arn:aws:iam::" + ours + ":user/alice", "arn:aws:iam::" + ours + ":role/dev", "arn:aws:sts::" + ours + ":assumed-role/dev/one",
			"arn:aws:sts::" + ours + ":federated-user/fay", "arn:aws:iam::" + theirs + ":user/alice", "arn:aws:iam::" + theirs + ":root"}
		s[element] = pick[any](m, "*", map[string]any{"AWS": m.some(who[1:]...)}, map[string]any{"AWS": m.some(who...)},
			map[string]any{"Service": "logging.s3.amazonaws.com"}, map[string]any{"CanonicalUser": testAccount(pick(m, ours, theirs)).CanonicalID})
	}
	s[pick(m, "Action", "Action", "Action", "NotAction")] = m.some("*", "s3:*", "s3:Get*", "s3:GetObject", "s3:putobject", "s3:?????bucket", "s3:DeleteObject*", "iam:*", "sts:AssumeRole", m.action())
	s[pick(m, "Resource", "Resource", "Resource", "NotResource")] = m.some("*", "arn:aws:s3:::bucket", "arn:aws:s3:::bucket*", "arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket/a*",
		"arn:aws:s3:::bucket/${aws:username}/*", "arn:aws:s3:::bucket/?", "arn:aws:s3:::bucket/*/a", "arn:aws:s3:::bucket/a/b",
		"arn:aws:s3:*:111122223333:accesspoint/point/object/*", "arn:aws:s3:us-east-1:*:accesspoint/p*")
	if c := m.condition(true); len(c) > 0 {
		s["Condition"] = c
	}
	return s
}

// policy makes a policy that is compiled without the checks of what goes together, so that
// more meets, and its text.
func (m maker) policy(t testing.TB, kind Kind) (*Policy, string) {
	t.Helper()
	doc := map[string]any{"Version": pick(m, version2012, version2012, version2012, version2008)}
	list := []any{}
	for range 1 + m.Intn(3) {
		list = append(list, m.statement(kind.row().principal))
	}
	doc["Statement"] = list
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return parseLoosely(t, kind, string(text)), string(text)
}

// parseLoosely compiles a policy as an identity policy, which may name what does not go
// together, adds its principals, and calls it kind.
func parseLoosely(t testing.TB, kind Kind, text string) *Policy {
	t.Helper()
	n, err := parseJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	p := &Policy{Kind: ManagedPolicy}
	principals := []*entities{}
	for i := range n.members {
		m := &n.members[i]
		if m.name != "Statement" {
			p.Version = m.value.text
			continue
		}
		for j := range m.value.items {
			s := &m.value.items[j]
			var es *entities
			s.members = slices.DeleteFunc(s.members, func(e member) bool {
				if e.name != "Principal" && e.name != "NotPrincipal" {
					return false
				}
				list, err := parsePrincipal(e.value, e.name != "Principal", e.name, &Options{})
				if err != nil {
					t.Fatal(err)
				}
				es = &list
				return true
			})
			principals = append(principals, es)
		}
	}
	for i := range n.members {
		if n.members[i].name == "Statement" {
			if err := p.parseStatements(&n.members[i].value, &Options{}); err != nil {
				t.Fatalf("%v: %s", err, text)
			}
		}
	}
	for i := range p.statements {
		p.statements[i].principal = principals[i]
	}
	p.Kind = kind
	p.seal()
	return p
}

func (m maker) request(t testing.TB) (*Request, *refRequest) {
	t.Helper()
	p, err := testPrincipal(pick(m, testCallers...))
	if err != nil {
		t.Fatal(err)
	}
	r := &Request{Principal: p, Action: m.action()}
	q := &refRequest{r: r}
	res := &r.Resource
	res.ARN = "arn:aws:s3:::bucket"
	if m.Intn(3) > 0 {
		res.ARN += "/" + m.key()
	}
	res.Owner = testAccount(ours)
	if p.Account.ID != "" {
		for range m.Intn(3) {
			policy, text := m.policy(t, ManagedPolicy)
			r.Identity, q.identity = append(r.Identity, policy), append(q.identity, text)
		}
		if m.Intn(4) == 0 {
			r.Boundary, q.boundary = m.policy(t, Boundary)
		}
		if m.Intn(4) == 0 && (p.Kind == RoleSession || p.Kind == FederatedUser) {
			policy, text := m.policy(t, SessionPolicy)
			r.Session, q.session = append(r.Session, policy), append(q.session, text)
		}
	}
	if m.Intn(3) > 0 {
		res.Policy, q.policy = m.policy(t, BucketPolicy)
	}
	res.MustAllow = m.Intn(8) == 0
	res.ACLsDisabled = m.Intn(2) == 0
	res.BucketACL, res.ObjectACL = m.acl(), m.acl()
	res.Block = PublicAccessBlock{IgnorePublicAcls: m.Intn(4) == 0, RestrictPublicBuckets: m.Intn(4) == 0}
	if m.Intn(4) == 0 {
		ap := &AccessPoint{ARN: testPoint, Owner: testAccount(pick(m, ours, theirs)), VPC: pick(m, "", "", "vpc-1")}
		ap.Block = PublicAccessBlock{IgnorePublicAcls: m.Intn(4) == 0, RestrictPublicBuckets: m.Intn(4) == 0}
		ap.Policy, q.pointPolicy = m.policy(t, AccessPointPolicy)
		res.AccessPoint = ap
	}
	c := ContextMap{}
	values := map[string][]string{"aws:UserAgent": {"a", "b", "bb", "alice", "xalice", "*", ""}, "aws:TagKeys": {"a", "b", "alice", ""}, "aws:MultiFactorAuthAge": {"1", "2", "3", "x"},
		"aws:CurrentTime": {"2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z"}, "aws:SecureTransport": {"true", "false"}, "aws:SourceIp": {"10.0.0.1", "10.9.0.1", "192.0.2.7", "::1"},
		"aws:SourceArn": {"arn:aws:s3:::a", "arn:aws:s3:::alice", "arn:aws:sns:r:1:ab"}, "aws:TokenIssueTime": {"2026-01-01T00:00:00Z"}, "aws:SourceVpc": {"vpc-1"},
		"s3:ExistingObjectTag/t": {"a", "b"}}
	for k, vs := range values {
		if m.Intn(2) == 0 {
			c[k] = []string{pick(m, vs...)}
			if k == "aws:TagKeys" {
				for range m.Intn(3) {
					c[k] = append(c[k], pick(m, vs...))
				}
			}
		}
	}
	r.Context = c
	return r, q
}

func (m maker) key() string {
	key := pick(m, testPrefixes...) + pick(m, testNames[:5]...)
	for m.Intn(3) == 0 {
		key += "/" + pick(m, testNames[:5]...)
	}
	return key
}

func (m maker) acl() *ACL {
	if m.Intn(2) == 0 {
		return nil
	}
	a := &ACL{Owner: testAccount(pick(m, ours, theirs)).CanonicalID}
	for range m.Intn(4) {
		g := pick(m, Grantee{CanonicalUser: testAccount(ours).CanonicalID}, Grantee{CanonicalUser: testAccount(theirs).CanonicalID},
			Grantee{Group: AllUsers}, Grantee{Group: AuthenticatedUsers}, Grantee{Group: LogDelivery})
		a.Grants = append(a.Grants, Grant{g, pick(m, Read, Write, ReadACP, WriteACP, FullControl)})
	}
	return a
}

// rounds returns how often to try, and the random numbers to try with.
func rounds(t *testing.T, short, long int) (int, maker) {
	t.Helper()
	seed := int64(1)
	n := short
	if os.Getenv("PAIL_SOAK") == "1" {
		seed, n = rand.Int63(), long
	}
	if s := os.Getenv("PAIL_SEED"); s != "" {
		v, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = v
	}
	t.Logf("PAIL_SEED=%d", seed)
	return n, maker{rand.New(rand.NewSource(seed))}
}

// TestReference compares decisions with those of the reference.
func TestReference(t *testing.T) {
	n, m := rounds(t, 3000, 300_000)
	var allowed, denied int
	for i := range n {
		r, q := m.request(t)
		d := Decide(r)
		allow, deny := q.decide()
		if d.Allowed != allow || (d.Step == ExplicitDeny) != deny {
			text, _ := json.MarshalIndent(map[string]any{"caller": r.Principal, "action": r.Action, "arn": r.Resource.ARN, "context": r.Context, "identity": q.identity,
				"session": q.session, "boundary": q.boundary, "bucket": q.policy, "point": q.pointPolicy, "resource": r.Resource}, "", " ")
			t.Fatalf("round %d: %s; the reference: allowed %v, explicitly denied %v\n%s", i, d, allow, deny, text)
		}
		if allow {
			allowed++
		}
		if deny {
			denied++
		}
	}
	if allowed < n/20 || denied < n/20 {
		t.Errorf("of %d requests %d were allowed and %d explicitly denied: too few to mean anything", n, allowed, denied)
	}
}

// TestUniform asks for keys below a prefix one by one whether what Uniform said of all of them
// is true.
func TestUniform(t *testing.T) {
	n, m := rounds(t, 3000, 300_000)
	said := map[Uniformity]int{}
	for i := range n {
		r, _ := m.request(t)
		r.Resource.ARN = "arn:aws:s3:::bucket/" + pick(m, testPrefixes...)
		u := Uniform(r)
		said[u]++
		if u == AskEach {
			continue
		}
		for range 20 {
			one := *r
			one.Resource.ARN += m.key()
			if m.Intn(8) == 0 {
				one.Resource.ARN = r.Resource.ARN
			}
			one.Resource.ObjectACL = m.acl()
			c := ContextMap{}
			for k, v := range r.Context.(ContextMap) {
				c[k] = v
			}
			if delete(c, "s3:ExistingObjectTag/t"); m.Intn(2) == 0 {
				c["s3:ExistingObjectTag/t"] = []string{pick(m, "a", "b", "c")}
			}
			one.Context = c
			if d := Decide(&one); d.Allowed != (u == AllAllowed) {
				t.Fatalf("round %d: below %s Uniform said %d, but %s of %s is %s", i, r.Resource.ARN, u, r.Action, one.Resource.ARN, d)
			}
		}
	}
	for _, u := range []Uniformity{AskEach, AllAllowed, AllDenied} {
		if said[u] < n/50 {
			t.Errorf("of %d prefixes %d were answered %d: too few to mean anything", n, said[u], u)
		}
	}
}
