package access

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// The accounts of the golden cases: the bucket's owner and a stranger.
const (
	ours   = "111122223333"
	theirs = "444455556666"
)

func testAccount(id string) Account {
	return Account{ID: id, CanonicalID: strings.Repeat(id, 6)[:64]}
}

// testPrincipal reads the caller of a case: root, user/NAME, role/NAME/SESSION,
// federated/NAME, service/NAME, web/PROVIDER or anonymous, with "<account>:" before it if
// the account is not ours, and "{tag:value,...}" behind it.
func testPrincipal(text string) (p Principal, err error) {
	text, tags, _ := strings.Cut(strings.TrimSuffix(text, "}"), "{")
	id := ours
	if before, after, ok := strings.Cut(text, ":"); ok {
		id, text = before, after
	}
	p.Account = testAccount(id)
	kind, name, _ := strings.Cut(text, "/")
	switch kind {
	case "root":
		p.Kind, p.ARN, p.ID = Root, rootARN(id), id
	case "user":
		p.Kind, p.ARN, p.ID, p.Name = User, "arn:aws:iam::"+id+":user/"+name, "AIDA"+strings.ToUpper(name), name
	case "role":
		role, session, _ := strings.Cut(name, "/")
		p.Kind, p.ARN, p.BehindARN = RoleSession, "arn:aws:sts::"+id+":assumed-role/"+name, "arn:aws:iam::"+id+":role/"+role
		p.ID = "AROA" + strings.ToUpper(role) + ":" + session
	case "federated":
		p.Kind, p.ARN, p.BehindARN, p.ID = FederatedUser, "arn:aws:sts::"+id+":federated-user/"+name, "arn:aws:iam::"+id+":user/alice", id+":"+name
	case "service":
		p = Principal{Kind: Service, Service: name}
	case "web":
		p = Principal{Kind: WebIdentity, Provider: name}
	case "anonymous":
		p = Principal{}
	default:
		return p, fmt.Errorf("no caller %q", text)
	}
	for _, t := range strings.Split(tags, ",") {
		if k, v, ok := strings.Cut(t, ":"); ok {
			if p.Tags == nil {
				p.Tags = map[string]string{}
			}
			p.Tags[k] = v
		}
	}
	return p, nil
}

// A golden is one file of cases.
type golden struct {
	name, source string
	policies     []*Policy
	request      Request // what all cases share
	refusals     []refusal
	cases        []goldenCase
}

// A refusal is a policy that must not be put, with a part of the reason.
type refusal struct {
	name, reason string
	err          error
}

type goldenCase struct {
	line    string
	want    string // allow, deny, none or a Uniformity
	by      string // Sid or Step, "" any
	request Request
}

const (
	testBucket = "bucket"
	testPoint  = "arn:aws:s3:us-east-1:111122223333:accesspoint/point"
)

var testKinds = map[string]Kind{
	"identity": ManagedPolicy, "user": UserPolicy, "group": GroupPolicy, "role": RolePolicy, "boundary": Boundary, "session": SessionPolicy,
	"bucket": BucketPolicy, "accesspoint": AccessPointPolicy, "trust": TrustPolicy, "key": KeyPolicy,
}

// readGolden reads a file of testdata. Its comment ends in "Source:" and the title of the
// page of AWS that says so. Its parts are policies (identity.json, bucket-2.json: the kind,
// and a number), refused ones (refused-bucket-NAME.json, whose first line is "// " and a
// part of the reason), ACLs (bucket.acl, object.acl), settings and cases.
func readGolden(t *testing.T, path string) *golden {
	t.Helper()
	ar, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	g := &golden{name: strings.TrimSuffix(filepath.Base(path), ".txtar")}
	_, g.source, _ = strings.Cut(string(ar.Comment), "Source:")
	g.source = strings.TrimSpace(g.source)
	if g.source == "" {
		t.Errorf("%s names no page of AWS", path)
	}
	g.request.Resource.Owner = testAccount(ours)
	g.request.Resource.ACLsDisabled = true
	for _, f := range ar.Files {
		g.read(t, f.Name, string(f.Data))
	}
	return g
}

func (g *golden) read(t *testing.T, name, data string) {
	t.Helper()
	r := &g.request
	base, ext, _ := strings.Cut(name, ".")
	kind, _, _ := strings.Cut(base, "-")
	o := Options{Bucket: testBucket, AccessPoint: testPoint, Lookup: testLookup}
	switch {
	case kind == "refused":
		_, kind, _ = strings.Cut(base, "-")
		kind, _, _ = strings.Cut(kind, "-")
		first, text, _ := strings.Cut(data, "\n")
		_, err := Parse(testKinds[kind], []byte(text), o)
		g.refusals = append(g.refusals, refusal{base, strings.TrimPrefix(first, "// "), err})
	case ext == "json":
		p, err := Parse(testKinds[kind], []byte(data), o)
		if err != nil {
			t.Fatalf("%s: %s: %v", g.name, name, err)
		}
		g.policies = append(g.policies, p)
		switch p.Kind {
		case Boundary:
			r.Boundary = p
		case SessionPolicy:
			r.Session = append(r.Session, p)
		case BucketPolicy:
			r.Resource.Policy = p
		case TrustPolicy, KeyPolicy:
			r.Resource.Policy, r.Resource.MustAllow = p, true
		case AccessPointPolicy:
			if r.Resource.AccessPoint == nil {
				r.Resource.AccessPoint = &AccessPoint{ARN: testPoint, Owner: testAccount(ours)}
			}
			r.Resource.AccessPoint.Policy = p
		default:
			r.Identity = append(r.Identity, p)
		}
	case ext == "acl":
		acl := testACL(t, data)
		if base == "bucket" {
			r.Resource.BucketACL = acl
		} else {
			r.Resource.ObjectACL = acl
		}
	case name == "grants":
		for i, line := range strings.Split(strings.TrimSpace(data), "\n") {
			r.Resource.Grants = append(r.Resource.Grants, testGrant(t, i, line))
		}
	case name == "settings":
		for _, s := range strings.Fields(data) {
			g.set(t, s)
		}
	case name == "cases":
		for _, line := range strings.Split(data, "\n") {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				g.cases = append(g.cases, g.parseCase(t, line))
			}
		}
	default:
		t.Fatalf("%s: there is no part %q", g.name, name)
	}
}

// testLookup knows all accounts and names but those of "nobody".
func testLookup(e Entity) (string, bool) { return "", !strings.Contains(e.Value, "nobody") }

// testACL reads "owner ACCOUNT" and lines of a permission and an account or a group.
func testACL(t *testing.T, data string) *ACL {
	t.Helper()
	a := &ACL{}
	groups := map[string]string{"AllUsers": AllUsers, "AuthenticatedUsers": AuthenticatedUsers, "LogDelivery": LogDelivery}
	for _, line := range strings.Split(strings.TrimSpace(data), "\n") {
		f := strings.Fields(line)
		if f[0] == "owner" {
			a.Owner = testAccount(f[1]).CanonicalID
			continue
		}
		g := Grantee{Group: groups[f[1]]}
		if g.Group == "" {
			g.CanonicalUser = testAccount(f[1]).CanonicalID
		}
		a.Grants = append(a.Grants, Grant{g, Permission(f[0])})
	}
	if err := a.Check(nil); err != nil {
		t.Fatal(err)
	}
	return a
}

// testGrant reads "GRANTEE ACTION[,ACTION...] [subset|equals KEY=VALUE...]".
func testGrant(t *testing.T, i int, line string) *KeyGrant {
	t.Helper()
	f := strings.Fields(line)
	e, err := ParseAWS(f[0])
	if err != nil {
		t.Fatal(err)
	}
	g := &KeyGrant{ID: strconv.Itoa(i), Grantee: e, Actions: strings.Split(f[1], ",")}
	if len(f) < 3 {
		return g
	}
	pairs := map[string]string{}
	for _, kv := range f[3:] {
		k, v, _ := strings.Cut(kv, "=")
		pairs[k] = v
	}
	if f[2] == "equals" {
		g.Equals = pairs
	} else {
		g.Subset = pairs
	}
	return g
}

func (g *golden) set(t *testing.T, s string) {
	t.Helper()
	res := &g.request.Resource
	k, v, _ := strings.Cut(s, "=")
	if res.AccessPoint == nil && strings.HasPrefix(k, "point") {
		res.AccessPoint = &AccessPoint{ARN: testPoint, Owner: testAccount(ours)}
	}
	switch k {
	case "acls":
		res.ACLsDisabled = v == "disabled"
	case "restrict":
		res.Block.RestrictPublicBuckets = true
	case "ignore":
		res.Block.IgnorePublicAcls = true
	case "point":
	case "pointvpc":
		res.AccessPoint.VPC = v
	case "pointrestrict":
		res.AccessPoint.Block.RestrictPublicBuckets = true
	case "pointignore":
		res.AccessPoint.Block.IgnorePublicAcls = true
	case "pointowner":
		res.AccessPoint.Owner = testAccount(v)
	default:
		t.Fatalf("%s: there is no setting %q", g.name, k)
	}
}

// parseCase reads "WANT[/BY] CALLER ACTION RESOURCE [KEY=VALUE[|VALUE]...]"; a field may be
// in double quotes as in Go.
func (g *golden) parseCase(t *testing.T, line string) goldenCase {
	t.Helper()
	f := splitFields(t, line)
	if len(f) < 4 {
		t.Fatalf("%s: %q has %d fields", g.name, line, len(f))
	}
	c := goldenCase{line: line, request: g.request}
	c.want, c.by, _ = strings.Cut(f[0], "/")
	p, err := testPrincipal(f[1])
	if err != nil {
		t.Fatalf("%s: %q: %v", g.name, line, err)
	}
	c.request.Principal, c.request.Action = p, f[2]
	c.request.Resource.ARN = f[3]
	if !strings.HasPrefix(f[3], "arn:") && f[3] != "*" {
		c.request.Resource.ARN = BucketARN(f[3])
	}
	values := ContextMap{}
	for _, kv := range f[4:] {
		k, v, ok := strings.Cut(kv, "=")
		if !ok {
			t.Fatalf("%s: %q: no value in %q", g.name, line, kv)
		}
		if v == "[]" {
			values[k] = []string{}
		} else {
			values[k] = strings.Split(v, "|")
		}
		if of, ok := strings.CutPrefix(k, "kms:EncryptionContext:"); ok {
			if c.request.EncryptionContext == nil {
				c.request.EncryptionContext = map[string]string{}
			}
			c.request.EncryptionContext[of] = v
		}
	}
	c.request.Context = values
	return c
}

func splitFields(t *testing.T, line string) (list []string) {
	t.Helper()
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		if line[0] != '"' {
			f, rest, _ := strings.Cut(line, " ")
			list, line = append(list, f), rest
			continue
		}
		q, err := strconv.QuotedPrefix(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		f, err := strconv.Unquote(q)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		list, line = append(list, f), line[len(q):]
	}
	return list
}

func goldens(t *testing.T) []*golden {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden cases: %v", err)
	}
	var list []*golden
	for _, path := range paths {
		list = append(list, readGolden(t, path))
	}
	return list
}

var stepNames = map[string]Step{
	"Nothing": Nothing, "ExplicitDeny": ExplicitDeny, "WrongNetwork": WrongNetwork, "OwnersOnly": OwnersOnly, "PublicRestricted": PublicRestricted,
	"ResourceSilent": ResourceSilent, "IdentitySilent": IdentitySilent, "BoundarySilent": BoundarySilent, "SessionSilent": SessionSilent,
	"PointSilent": PointSilent, "AllowedRoot": AllowedRoot, "AllowedIdentity": AllowedIdentity, "AllowedResource": AllowedResource,
	"AllowedACL": AllowedACL, "AllowedBoth": AllowedBoth, "AllowedGrant": AllowedGrant,
}

// run says how a case went wrong, "" if it went right.
func (c *goldenCase) run() (Decision, string) {
	switch c.want {
	case "AllAllowed", "AllDenied", "AskEach":
		if got := Uniform(&c.request); got != map[string]Uniformity{"AllAllowed": AllAllowed, "AllDenied": AllDenied, "AskEach": AskEach}[c.want] {
			return Decision{}, fmt.Sprintf("Uniform is %d", got)
		}
		return Decision{}, ""
	}
	d := Decide(&c.request)
	got := "none"
	switch {
	case d.Allowed:
		got = "allow"
	case d.Step == ExplicitDeny:
		got = "deny"
	}
	if got != c.want {
		return d, fmt.Sprintf("%s: %s", got, d)
	}
	if step, ok := stepNames[c.by]; ok && d.Step != step {
		return d, fmt.Sprintf("the step is another: %s", d)
	} else if !ok && c.by != "" && (d.Statement == nil || d.Statement.Sid != c.by) {
		return d, fmt.Sprintf("the statement is another: %s", d)
	}
	return d, ""
}

func TestGolden(t *testing.T) {
	for _, g := range goldens(t) {
		t.Run(g.name, func(t *testing.T) {
			for i := range g.cases {
				if _, wrong := g.cases[i].run(); wrong != "" {
					t.Errorf("%s\n\t%s", g.cases[i].line, wrong)
				}
			}
			for _, r := range g.refusals {
				if r.err == nil {
					t.Errorf("%s is accepted", r.name)
				} else if !strings.Contains(r.err.Error(), r.reason) {
					t.Errorf("%s is refused, but not because of %q: %v", r.name, r.reason, r.err)
				}
			}
		})
	}
}

// TestGoldenFails shows that a case can fail: each one, asked for something else.
func TestGoldenFails(t *testing.T) {
	other := map[string]string{"allow": "deny", "deny": "none", "none": "allow", "AllAllowed": "AskEach", "AllDenied": "AllAllowed", "AskEach": "AllDenied"}
	for _, g := range goldens(t) {
		for _, c := range g.cases {
			c.want = other[c.want]
			if _, wrong := c.run(); wrong == "" {
				t.Errorf("%s: %s is also %s", g.name, c.line, c.want)
			}
		}
	}
}
