package access

import "strings"

// BucketARN, ObjectARN and AccessPointARN name the resources of S3 ("Resource types defined
// by Amazon S3").
func BucketARN(bucket string) string { return "arn:aws:s3:::" + bucket }

// ObjectARN names an object.
func ObjectARN(bucket, key string) string { return "arn:aws:s3:::" + bucket + "/" + key }

// AccessPointARN names an access point; with "/object/" and a key behind it, an object
// through it.
func AccessPointARN(region, account, name string) string {
	return "arn:aws:s3:" + region + ":" + account + ":accesspoint/" + name
}

// A resourcePattern is one string of a Resource or NotResource element: "*", or an ARN
// whose six parts may have wildcards. One in the first five parts stays in its part.
type resourcePattern struct {
	text string
	all  bool
	head string   // "arn:aws:s3:::" where the first five parts have no wildcards
	five []glob   // the first five parts otherwise
	rest template // the sixth part
	lead string   // what every ARN that matches begins with: tells most patterns apart at once
}

func parseResources(n node, variables bool, at string) ([]resourcePattern, error) {
	list, err := n.stringList(at)
	if err != nil {
		return nil, err
	}
	rs := make([]resourcePattern, 0, len(list))
	for _, text := range list {
		r, err := parseResource(text, variables, at)
		if err != nil {
			return nil, err
		}
		rs = append(rs, r)
	}
	return rs, nil
}

func parseResource(text string, variables bool, at string) (r resourcePattern, err error) {
	r.text = text
	if text == "*" {
		r.all = true
		return r, nil
	}
	parts := strings.SplitN(text, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return r, malformed(at, "Resource %s must be in ARN format or \"*\".", text)
	}
	if r.rest, err = parseTemplate(parts[5], variables, true, at); err != nil {
		return r, err
	}
	head := strings.Join(parts[:5], ":") + ":"
	if strings.Contains(head, "${") {
		return r, malformed(at, "Resource %s has a variable before the fifth colon", text)
	}
	if strings.ContainsAny(parts[2], "*?") {
		return r, malformed(at, "Resource %s has a wildcard for the service", text)
	}
	if !strings.ContainsAny(head, "*?") {
		r.head, r.lead = head, head+r.rest.lead()
		return r, nil
	}
	for _, p := range parts[:5] {
		r.five = append(r.five, toGlob(p))
	}
	return r, nil
}

// match tells whether the pattern stands for an ARN.
func (r *resourcePattern) match(e *eval, arn string) tri {
	if r.all {
		return yes
	}
	if !e.below && !strings.HasPrefix(arn, r.lead) {
		return no
	}
	rest, ok := strings.CutPrefix(arn, r.head)
	if !ok {
		return no
	}
	for i := range r.five {
		var part string
		if part, rest, ok = strings.Cut(rest, ":"); !ok || !r.five[i].match(part) {
			return no
		}
	}
	var buf [256]byte
	g, known := r.rest.fill(e, buf[:])
	if known != yes {
		return known
	}
	if e.below {
		return g.matchBelow(rest)
	}
	return triOf(g.match(rest))
}

// types returns which kinds of resource of S3 the pattern can stand for.
func (r *resourcePattern) types() resourceType {
	if r.all {
		return onBucket | onObject | onAccessPoint | onPointObject | onOther
	}
	parts := strings.SplitN(r.text, ":", 6)
	if parts[2] != "s3" {
		return onNothing
	}
	rest, wild := parts[5], strings.ContainsAny(parts[5], "*?$")
	if parts[3] == "" && parts[4] == "" {
		switch {
		case strings.Contains(rest, "/"):
			return onObject
		case wild:
			return onBucket | onObject
		}
		return onBucket
	}
	name, ok := strings.CutPrefix(rest, "accesspoint/")
	switch {
	case ok && strings.Contains(name, "/object/"):
		return onPointObject
	case ok && wild:
		return onAccessPoint | onPointObject
	case ok:
		return onAccessPoint
	case wild:
		return onAccessPoint | onPointObject | onOther
	}
	return onOther
}

// belongs tells whether the pattern can stand for a bucket or an object in it, or for an
// access point or an object through it, and for nothing besides that the policy's owner
// does not mean.
func (r *resourcePattern) belongs(kind Kind, o *Options) bool {
	if r.all || kind != BucketPolicy && kind != AccessPointPolicy {
		return true
	}
	own := BucketARN(o.Bucket)
	if kind == AccessPointPolicy {
		own = o.AccessPoint
	}
	parts, mine := strings.SplitN(r.text, ":", 6), strings.SplitN(own, ":", 6)
	for i := range 5 {
		if len(mine) != 6 || !toGlob(parts[i]).match(mine[i]) {
			return false
		}
	}
	name := parts[5]
	if kind == AccessPointPolicy {
		before, after, cut := strings.Cut(name, "/object/")
		return toGlob(before).match(mine[5]) && (!cut || after != "")
	}
	name, _, _ = strings.Cut(name, "/")
	return toGlob(name).match(mine[5])
}
