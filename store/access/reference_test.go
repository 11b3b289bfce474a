package access

import (
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The reference is a slow evaluator that is written down as the pages of AWS read: it works
// on the JSON itself, with regular expressions, and shares nothing with the room but the
// types of a request.

type refPolicy struct {
	Version   string
	Statement []map[string]any
}

func refParse(text string) (p refPolicy) {
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		panic(err)
	}
	return p
}

// A refRequest is a request and its policies as text; "" is none.
type refRequest struct {
	r                             *Request
	identity, session             []string
	boundary, policy, pointPolicy string
}

// decide returns whether the request is allowed, and whether it is explicitly denied.
func (q *refRequest) decide() (allowed, denied bool) {
	r := q.r
	arns := []string{r.Resource.ARN}
	ap := r.Resource.AccessPoint
	pointARN := ""
	if ap != nil {
		pointARN = ap.ARN
		if i := strings.Index(r.Resource.ARN, "/"); i >= 0 {
			pointARN += "/object" + r.Resource.ARN[i:]
		}
		arns = append(arns, pointARN)
	}
	policyAction := slices.Contains([]string{"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"}, r.Action)
	inOwner := r.Principal.Account.ID == r.Resource.Owner.ID
	for _, arn := range arns {
		for _, text := range slices.Concat(q.identity, q.session, []string{q.boundary}) {
			if text != "" && q.applies(text, "Deny", arn) > 0 {
				return false, true
			}
		}
	}
	if q.policy != "" && q.applies(q.policy, "Deny", r.Resource.ARN) > 0 && !(policyAction && inOwner && r.Principal.Kind == Root) {
		return false, true
	}
	if ap != nil && q.pointPolicy != "" && q.applies(q.pointPolicy, "Deny", pointARN) > 0 {
		return false, true
	}
	if policyAction && !inOwner {
		return false, false
	}
	if ap != nil {
		if ap.VPC != "" {
			vs, _ := q.value("aws:SourceVpc")
			if len(vs) != 1 || vs[0] != ap.VPC {
				return false, false
			}
		}
		restricted := (ap.Block.RestrictPublicBuckets || r.Resource.Block.RestrictPublicBuckets) && ap.VPC == "" && q.pointPolicy != "" && ap.Policy.Public()
		if !q.side(pointARN, q.pointPolicy, r.Principal.Account.ID != "" && r.Principal.Account.ID == ap.Owner.ID, restricted, false) {
			return false, false
		}
	}
	policy, same := q.policy, r.Principal.Account.ID != "" && inOwner
	objectOnes := []string{"s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectAcl", "s3:GetObjectVersionAcl", "s3:PutObjectAcl", "s3:PutObjectVersionAcl",
		"s3:GetObjectAttributes", "s3:GetObjectTagging", "s3:PutObjectTagging", "s3:DeleteObjectTagging"}
	if o := r.Resource.ObjectACL; o != nil && !r.Resource.ACLsDisabled && o.Owner != r.Resource.Owner.CanonicalID && slices.Contains(objectOnes, r.Action) {
		policy, same = "", r.Principal.Account.CanonicalID == o.Owner
	}
	restricted := r.Resource.Block.RestrictPublicBuckets && q.policy != "" && r.Resource.Policy.Public()
	return q.side(r.Resource.ARN, policy, same, restricted, !r.Resource.ACLsDisabled), false
}

// side says whether the resource or the access point, and the caller's own account, let the
// request pass, explicit denies aside.
func (q *refRequest) side(arn, policy string, same, restricted, acls bool) bool {
	r := q.r
	given := 0 // 3: to the caller or everyone, 2: to the role behind, 1: to the account
	outsider := r.Principal.Account.ID != r.Resource.Owner.ID && !(r.Resource.AccessPoint != nil && r.Resource.AccessPoint.Owner.ID == r.Principal.Account.ID)
	if r.Principal.Account.ID == "" {
		outsider = true
	}
	if policy != "" && !(restricted && outsider && !same && r.Principal.Kind != Service) {
		given = q.applies(policy, "Allow", arn)
	}
	if acls {
		given = max(given, q.acl())
	}
	if r.Principal.Account.ID == "" {
		return given == 3
	}
	identity := r.Principal.Kind == Root || slices.ContainsFunc(q.identity, func(text string) bool { return q.applies(text, "Allow", arn) > 0 })
	limits := q.boundary == "" || q.applies(q.boundary, "Allow", arn) > 0
	if len(q.session) > 0 || r.Principal.Kind == FederatedUser {
		limits = limits && slices.ContainsFunc(q.session, func(text string) bool { return q.applies(text, "Allow", arn) > 0 })
	}
	if !same {
		return given > 0 && identity && limits
	}
	if given == 3 {
		return true
	}
	if r.Resource.MustAllow && arn == r.Resource.ARN && given == 0 {
		return false
	}
	return (identity || given == 2) && limits
}

func (q *refRequest) acl() int {
	r := q.r
	acl, perm := r.Resource.BucketACL, ""
	switch r.Action {
	case "s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads":
		perm = "READ"
	case "s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion":
		perm = "WRITE"
		isOwner := r.Principal.Account.ID == r.Resource.Owner.ID && r.Principal.Account.ID != ""
		object := r.Resource.ObjectACL
		ownsObject := object != nil && r.Principal.Account.ID != "" && object.Owner == r.Principal.Account.CanonicalID
		switch {
		case isOwner, r.Action != "s3:DeleteObjectVersion" && ownsObject, r.Action == "s3:PutObject" && object == nil:
		default:
			return 0
		}
	case "s3:GetBucketAcl":
		perm = "READ_ACP"
	case "s3:PutBucketAcl":
		perm = "WRITE_ACP"
	case "s3:GetObject", "s3:GetObjectVersion":
		acl, perm = r.Resource.ObjectACL, "READ"
	case "s3:GetObjectAcl", "s3:GetObjectVersionAcl":
		acl, perm = r.Resource.ObjectACL, "READ_ACP"
	case "s3:PutObjectAcl", "s3:PutObjectVersionAcl":
		acl, perm = r.Resource.ObjectACL, "WRITE_ACP"
	}
	if acl == nil || perm == "" {
		return 0
	}
	ignore := r.Resource.Block.IgnorePublicAcls || r.Resource.AccessPoint != nil && r.Resource.AccessPoint.Block.IgnorePublicAcls
	best := 0
	for _, g := range acl.Grants {
		if string(g.Permission) != perm && g.Permission != "FULL_CONTROL" {
			continue
		}
		switch {
		case g.Grantee.Group == AllUsers && !ignore, g.Grantee.Group == AuthenticatedUsers && !ignore && r.Principal.Account.ID != "",
			g.Grantee.Group == LogDelivery && r.Principal.Service == "logging.s3.amazonaws.com":
			best = 3
		case g.Grantee.CanonicalUser != "" && g.Grantee.CanonicalUser == r.Principal.Account.CanonicalID:
			if r.Principal.Kind == Root {
				best = 3
			}
			best = max(best, 1)
		}
	}
	return best
}

// applies returns how closely the statements with an effect that apply name the caller: 3 the
// caller or everyone or nobody in particular, 2 the role behind, 1 the account, 0 none.
func (q *refRequest) applies(text, effect, arn string) int {
	p := refParse(text)
	best := 0
	for _, s := range p.Statement {
		if s["Effect"] != effect || !q.action(s) || !q.resource(s, arn, p.Version) || !q.conditions(s, p.Version) {
			continue
		}
		best = max(best, q.principal(s))
	}
	return best
}

func refList(v any) (list []string) {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		for _, x := range v {
			list = append(list, x.(string))
		}
	}
	return list
}

func (q *refRequest) action(s map[string]any) bool {
	match := func(list []string) bool {
		return slices.ContainsFunc(list, func(p string) bool { return refLike(strings.ToLower(p), strings.ToLower(q.r.Action)) })
	}
	if v, ok := s["NotAction"]; ok {
		return !match(refList(v))
	}
	return match(refList(s["Action"]))
}

func (q *refRequest) resource(s map[string]any, arn, version string) bool {
	v, not := s["NotResource"]
	if !not {
		v = s["Resource"]
	}
	if v == nil {
		return true
	}
	hit := false
	for _, p := range refList(v) {
		re, ok := q.expand(p, version, true)
		if !ok {
			if not {
				return false
			}
			continue
		}
		hit = hit || re.MatchString(arn)
	}
	return hit != not
}

func (q *refRequest) principal(s map[string]any) int {
	v, not := s["NotPrincipal"]
	if !not {
		v = s["Principal"]
	}
	if m, ok := v.(map[string]any); v == nil || v == "*" || ok && slices.Contains(refList(m["AWS"]), "*") {
		if not {
			return 0
		}
		return 3
	}
	c := &q.r.Principal
	own, behind, acct := false, false, false
	for typ, values := range v.(map[string]any) {
		for _, x := range refList(values) {
			if typ == "AWS" && len(x) == 12 {
				x = "arn:aws:iam::" + x + ":root"
			}
			own = own || typ == "AWS" && c.ARN != "" && x == c.ARN || typ == "Service" && c.Kind == Service && x == c.Service
			behind = behind || typ == "AWS" && c.BehindARN != "" && x == c.BehindARN
			acct = acct || typ == "AWS" && c.Account.ID != "" && x == "arn:aws:iam::"+c.Account.ID+":root" || typ == "CanonicalUser" && x == c.Account.CanonicalID
			own = own || typ == "CanonicalUser" && x == c.Account.CanonicalID && c.Kind == Root
		}
	}
	if not {
		left := own
		if c.Kind == User {
			left = own && acct
		}
		if c.Kind == RoleSession || c.Kind == FederatedUser {
			left = own && behind && acct
		}
		if left {
			return 0
		}
		return 3
	}
	switch {
	case own:
		return 3
	case behind:
		return 2
	case acct:
		return 1
	}
	return 0
}

// refLike is a shell pattern without variables.
func refLike(pattern, s string) bool {
	re := regexp.QuoteMeta(pattern)
	re = strings.ReplaceAll(strings.ReplaceAll(re, `\*`, `(?s:.*)`), `\?`, `(?s:.)`)
	return regexp.MustCompile("^(?:" + re + ")$").MatchString(s)
}

var refVariable = regexp.MustCompile(`\$\{([^}]*)\}`)

// expand puts the request's values into a pattern; false: one has no value.
func (q *refRequest) expand(pattern, version string, wild bool) (*regexp.Regexp, bool) {
	var b strings.Builder
	b.WriteString("^(?:")
	text := func(s string) {
		s = regexp.QuoteMeta(s)
		if wild {
			s = strings.ReplaceAll(strings.ReplaceAll(s, `\*`, `(?s:.*)`), `\?`, `(?s:.)`)
		}
		b.WriteString(s)
	}
	if version == "2012-10-17" {
		for {
			at := refVariable.FindStringSubmatchIndex(pattern)
			if at == nil {
				break
			}
			text(pattern[:at[0]])
			inside := pattern[at[2]:at[3]]
			pattern = pattern[at[1]:]
			name, fallback, has := strings.Cut(inside, ",")
			vs, ok := []string{inside}, true
			if len(inside) != 1 {
				vs, ok = q.value(strings.TrimSpace(name))
			}
			switch {
			case ok && len(vs) == 1:
				b.WriteString(regexp.QuoteMeta(vs[0]))
			case has:
				b.WriteString(regexp.QuoteMeta(strings.Trim(strings.TrimSpace(fallback), "'")))
			default:
				return nil, false
			}
		}
	}
	text(pattern)
	b.WriteString(")$")
	return regexp.MustCompile(b.String()), true
}

// value knows the keys that the generated policies use.
func (q *refRequest) value(key string) ([]string, bool) {
	c := &q.r.Principal
	one := func(s string) ([]string, bool) { return []string{s}, s != "" }
	switch strings.ToLower(key) {
	case "aws:username":
		if c.Kind == User {
			return one(c.Name)
		}
		return nil, false
	case "aws:principalaccount":
		if c.Kind == Anonymous {
			return one("anonymous")
		}
		return one(c.Account.ID)
	case "aws:principalarn":
		if c.Kind == RoleSession {
			return one(c.BehindARN)
		}
		return one(c.ARN)
	}
	return q.r.Context.Values(key)
}

func (q *refRequest) conditions(s map[string]any, version string) bool {
	block, _ := s["Condition"].(map[string]any)
	all := true
	for op, keys := range block {
		for key, values := range keys.(map[string]any) {
			holds, void := q.condition(op, key, refList(values), version)
			if void {
				return false
			}
			all = all && holds
		}
	}
	return all
}

func (q *refRequest) condition(op, key string, values []string, version string) (holds, void bool) {
	have, exists := q.value(key)
	if len(have) == 0 {
		exists = false
	}
	if op == "Null" {
		return (values[0] == "true") == !exists, false
	}
	op, ifExists := strings.CutSuffix(op, "IfExists")
	set, plain, ok := strings.Cut(op, ":")
	if !ok {
		set, plain = "", op
	}
	negated := strings.Contains(plain, "Not")
	if !exists {
		switch {
		case ifExists, set == "ForAllValues":
			return true, false
		case set == "ForAnyValue":
			return false, false
		}
		return negated, false
	}
	if set != "" && strings.Join(have, "") == "" {
		return set == "ForAllValues", false
	}
	one := func(h string) bool {
		matched, unset := false, false
		for _, v := range values {
			m, u := q.compare(strings.Replace(plain, "Not", "", 1), v, h, version)
			matched, unset = matched || m, unset || u
		}
		void = void || negated && unset && !matched
		return matched != negated
	}
	results := []bool{}
	for _, h := range have {
		results = append(results, one(h))
	}
	if set == "ForAllValues" || set == "" && negated {
		return !slices.Contains(results, false), void
	}
	return slices.Contains(results, true), void
}

func (q *refRequest) compare(op, want, have, version string) (matched, unset bool) {
	switch op {
	case "StringEquals", "StringEqualsIgnoreCase", "StringLike":
		re, ok := q.expand(want, version, op == "StringLike")
		if !ok {
			return false, true
		}
		if op == "StringEqualsIgnoreCase" {
			re = regexp.MustCompile("(?i)" + re.String())
		}
		return re.MatchString(have), false
	case "ArnEquals", "ArnLike":
		w, h := strings.SplitN(want, ":", 6), strings.SplitN(have, ":", 6)
		if want == "*" {
			return true, false
		}
		matched = true
		for i := range w {
			re, ok := q.expand(w[i], version, true)
			if !ok {
				return false, true
			}
			matched = matched && len(h) == 6 && re.MatchString(h[i])
		}
		return matched, false
	case "Bool":
		return strings.EqualFold(want, have), false
	case "BinaryEquals":
		return base64.StdEncoding.EncodeToString([]byte(have)) == want, false
	case "IpAddress":
		a, err := netip.ParseAddr(have)
		if !strings.Contains(want, "/") {
			want += "/32"
		}
		return err == nil && netip.MustParsePrefix(want).Contains(a), false
	}
	var cmp int
	if rest, ok := strings.CutPrefix(op, "Date"); ok {
		w, _ := time.Parse(time.RFC3339, want)
		h, err := time.Parse(time.RFC3339, have)
		if err != nil {
			return false, false
		}
		op, cmp = rest, h.Compare(w)
	} else {
		w, _ := strconv.ParseFloat(want, 64)
		h, err := strconv.ParseFloat(have, 64)
		if err != nil {
			return false, false
		}
		op = strings.TrimPrefix(op, "Numeric")
		switch {
		case h < w:
			cmp = -1
		case h > w:
			cmp = 1
		}
	}
	switch op {
	case "LessThan":
		return cmp < 0, false
	case "LessThanEquals":
		return cmp <= 0, false
	case "GreaterThan":
		return cmp > 0, false
	case "GreaterThanEquals":
		return cmp >= 0, false
	}
	return cmp == 0, false
}
