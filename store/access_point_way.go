package store

import (
	"strings"

	"pail/store/access"
	"pail/store/fault"
)

// A way is the access point that the requests of a session come through. What that says is
// looked up when a request is decided: it may have changed, or be gone.
type way struct {
	name   pointName
	id     uint64 // of the one that was meant; 0: there was none
	bucket string
	block  PublicAccess // as it was when the session began
}

// FindAccessPoint finds an access point by its alias or its ARN, for doors, which are asked for
// what it leads to by whoever knows its name: they decide nothing by it. ok is false if there
// is none.
func (s *Store) FindAccessPoint(name string) (p AccessPoint, ok bool) {
	found := s.accessPointCalled(name)
	if found == nil {
		return AccessPoint{}, false
	}
	return toAccessPoint(found), true
}

// HasBucket says whether there is a bucket of that name, of whatever account, for doors that
// have to tell what a name is of: they decide nothing by it.
func (s *Store) HasBucket(name string) bool {
	b, _ := s.buckets.ruled(name)
	return b != nil
}

func (s *Store) accessPointCalled(name string) *accessPoint {
	if !strings.HasPrefix(name, "arn:") {
		return s.points.aliased(name)
	}
	region, account, short, ok := access.ParseAccessPointARN(name)
	if !ok || region != s.label.Region {
		return nil
	}
	return s.points.named(pointName{account, short})
}

// Through is a session of the same caller whose requests come through an access point. It has
// the access point's bucket only, and may do there what the access point and the bucket both
// allow. Source names the access point that a copy reads through.
func Through(se *Session, p AccessPoint) *Session {
	return &Session{s: se.s, who: se.who, rc: se.rc, way: se.s.wayOf(p.ARN, p.Bucket)}
}

// wayOf is the way through an access point, which leads nowhere if there is none.
func (s *Store) wayOf(arn, bucket string) *way {
	p := s.accessPointCalled(arn)
	if p == nil {
		return &way{bucket: bucket}
	}
	return &way{name: p.name(), id: p.rec.Id, bucket: p.rec.Bucket, block: s.blockThrough(p)}
}

// blockThrough is Block Public Access of an access point and its account together.
func (s *Store) blockThrough(p *accessPoint) PublicAccess {
	return toBlock(p.rec.Block).Combine(s.accountBlock(p.rec.Account))
}

// through fills in the access point that a request to its bucket comes through. The kinds of
// failure: NoSuchAccessPoint, AccessDenied (nobody in particular may use access points; the
// bucket is another account's than the one that was meant), Damaged (its policy cannot be
// read).
func (a *asked) through(r *access.Request) error {
	w := a.se.way
	p := a.se.s.points.named(w.name)
	switch {
	case p == nil || p.rec.Id != w.id:
		return noSuchAccessPoint(w.name.name)
	case r.Principal.Kind == access.Anonymous, p.rec.BucketAccount != a.rules.owner.ID:
		return fault.New(fault.AccessDenied, "").At(a.bucket, "")
	}
	ap := &access.AccessPoint{ARN: p.arn, Owner: p.owner, VPC: p.rec.Vpc, Block: a.se.s.blockThrough(p)}
	policy, err := a.se.s.policyOfPoint(p)
	if err == nil && policy != nil {
		ap.Policy, err = policy.compiled, policy.broken
	}
	if err != nil {
		return fault.Wrap(fault.Damaged, err, "the policy of the access point %q cannot be read, so that nobody gets in through it; its account may put or delete the policy", p.rec.Name)
	}
	r.Resource.AccessPoint = ap
	return nil
}
