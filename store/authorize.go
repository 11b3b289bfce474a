package store

import (
	"errors"

	"pail/store/access"
	"pail/store/fault"
	"pail/store/iam"
	"pail/store/internal/meta/record"
)

// Who may do what is decided here, for both doors: every session method asks, when it
// begins, with the action of S3 that it amounts to, and package access decides over the
// bucket's policy, its ACLs and Block Public Access as they are at that moment. A change of
// them takes effect for what begins after it, and not for an upload that is on its way: as
// with S3, which decides over a request when its headers are there. What is decided of a
// bucket holds for that bucket only: should it be deleted meanwhile and another one be made
// under its name, there is no such bucket for who asked.

// authorize decides whether the session may do act to a bucket or, if key is not empty and
// act is done to objects, to an object. Of an action on a bucket the key is what of the
// bucket is asked for, as the parameter prefix. The kinds of failure: AccessDenied, whose
// cause is a DeniedError if the caller is of the account whose bucket it is.
func (se *Session) authorize(act action, bucket, key string) error {
	if se.unbound(bucket) {
		return nil
	}
	return se.decide(&asked{se: se, act: act, bucket: bucket, key: key})
}

// authorizeFor is authorize for a request that says more, which policies may ask for: say
// fills it in if it comes to a decision.
func (se *Session) authorizeFor(act action, bucket, key string, say func(*asked)) error {
	if se.unbound(bucket) {
		return nil
	}
	a := &asked{se: se, act: act, bucket: bucket, key: key}
	say(a)
	return se.decide(a)
}

// authorizeVersion is authorize for one version of an object, the current one for "".
func (se *Session) authorizeVersion(act action, bucket, key, ref string) error {
	if se.unbound(bucket) {
		return nil
	}
	return se.decide(&asked{se: se, act: act, bucket: bucket, key: key, version: ref})
}

// unbound says that no rule can hold the session back in a bucket, or, for "", in what is no
// bucket's: it is the root of the first account and comes through no access point, and the bucket
// is that account's, has no policy, and no object in it is another account's.
func (se *Session) unbound(bucket string) bool {
	if se.who != homeRoot || se.way != nil {
		return false
	}
	bt := &se.s.buckets
	if bt.guarded.Load() != 0 && bucket != "" && bt.isGuarded(bucket) {
		return false
	}
	if se.bound.Load() {
		se.forgets(bucket) // what was decided was perhaps of another bucket of that name
	}
	return true
}

// A DeniedError is the cause of a denial: which rule denied, in AWS's words. Only callers of
// the account that the resource belongs to are told.
type DeniedError struct{ Sentence string }

// Error returns the sentence.
func (e *DeniedError) Error() string { return e.Sentence }

// decide is authorize where it takes a decision.
func (se *Session) decide(a *asked) error {
	d, r, err := a.judge()
	if d.Allowed && d.Grant != nil && !a.quiet {
		a.se.byACL.Store(true)
	}
	switch {
	case err != nil:
		return err
	case !d.Allowed:
		err := a.denied(&d, &r)
		if !a.quiet {
			a.se.denied(a.act, a.bucket, a.key, err)
		}
		return err
	}
	return nil
}

// denied is the failure of what was not allowed.
func (a *asked) denied(d *access.Decision, r *access.Request) error {
	key := a.key
	if !a.act.onObject() {
		key = ""
	}
	var e *fault.Error
	if home := r.Principal.Account.ID; home != "" && home == r.Resource.Owner.ID {
		e = fault.Wrap(fault.AccessDenied, &DeniedError{d.Denial(r)}, "")
	} else {
		e = fault.New(fault.AccessDenied, "")
	}
	if a.bucket == "" {
		return e
	}
	return e.At(a.bucket, key)
}

// onObject says whether the action is done to an object rather than to a bucket.
func (a action) onObject() bool { return access.OnObject(string(a)) }

// judge decides. An error is that the caller is nobody any more, or that what is to be
// consulted cannot be read.
func (a *asked) judge() (access.Decision, access.Request, error) {
	r, err := a.request()
	if err != nil {
		return access.Decision{}, r, err
	}
	d := access.Decide(&r)
	return d, r, a.err
}

// uniform is judge for all objects whose keys begin with the key.
func (a *asked) uniform() (access.Uniformity, error) {
	r, err := a.request()
	if err != nil {
		return access.AllDenied, err
	}
	u := access.Uniform(&r)
	return u, a.err
}

// request is what package access decides on.
func (a *asked) request() (access.Request, error) {
	c, err := a.se.s.caller(a.se.who)
	if err != nil {
		return access.Request{}, fault.Wrap(fault.AccessDenied, err, "")
	}
	a.caller = c
	r := access.Request{
		Principal: c.Principal, Identity: c.Identity, Boundary: c.Boundary, Session: c.Session,
		Action: string(a.act), Context: a,
	}
	err = a.resource(&r)
	return r, err
}

// resource fills in what the action is done to.
func (a *asked) resource(r *access.Request) error {
	res := &r.Resource
	res.Owner = r.Principal.Account
	if a.managed != nil {
		res.ARN, res.Managed = a.managed.ARN, a.managed
		return nil
	}
	if w := a.se.way; w != nil && a.bucket != w.bucket {
		return fault.New(fault.AccessDenied, "") // an access point leads into one bucket
	}
	if a.bucket == "" {
		res.ARN = "*"
		if !a.act.ofS3() {
			res.Owner = homeAccount // what is the whole store's
		}
		return nil
	}
	onObject := a.act.onObject()
	if onObject {
		res.ARN = access.ObjectARN(a.bucket, a.key)
	} else {
		res.ARN = access.BucketARN(a.bucket)
	}
	b, rules := a.se.s.buckets.ruled(a.bucket)
	if a.creates {
		res.ACLsDisabled = true
		return nil
	}
	if b == nil {
		// Names of buckets are no secrets: S3 answers 404 for those that there are not, and 403
		// for those that one may not enter (https://github.com/elastic/elasticsearch/pull/31782).
		return noSuchBucket(a.bucket)
	}
	a.rec, a.rules = b, rules
	a.se.met(b)
	res.Owner = rules.owner
	res.Block = rules.block.Combine(a.se.s.accountBlock(rules.owner.ID))
	res.BucketACL, res.ACLsDisabled = rules.acl, rules.ownership.ACLsDisabled()
	if a.se.way != nil {
		if err := a.through(r); err != nil {
			return err
		}
	}
	if onObject && !res.ACLsDisabled && access.NeedsObjectACL(r.Action) {
		v, err := a.object()
		if err != nil {
			return err
		}
		if v != nil && !v.Marker {
			res.ObjectACL = rules.aclOf(v)
		}
	}
	return a.policy(r)
}

// policy fills in the bucket's policy. One that cannot be read denies everything, but for
// replacing it.
func (a *asked) policy(r *access.Request) error {
	if !a.rec.Policied {
		return nil
	}
	p, err := a.se.s.policyOf(a.rec.Id, a.bucket)
	if err == nil && p != nil {
		if err = p.broken; err == nil {
			r.Resource.Policy = p.compiled
			return nil
		}
	}
	mends := a.act == actPutPolicy || a.act == actDeletePolicy || a.act == actGetPolicy
	if err == nil || mends && r.Principal.Kind == access.Root && r.Principal.Account == a.rules.owner {
		return nil
	}
	return fault.Wrap(fault.Damaged, err, "the policy of the bucket cannot be read, so that nobody may do anything in it; its owner may put or delete the policy").At(a.bucket, "")
}

// ofS3 says whether the action is one of S3.
func (a action) ofS3() bool { return len(a) > 3 && a[:3] == "s3:" }

// object returns the version that the request is about as it is before it; nil: there is
// none.
func (a *asked) object() (*record.Version, error) {
	if a.looked {
		return a.found, nil
	}
	a.looked = true
	look := func(sn *snap) error {
		b := sn.bucketByID(a.rec.Id)
		if b == nil {
			return nil
		}
		v, _, err := sn.find(b, a.key, a.version)
		switch fault.KindOf(err) {
		case fault.NoSuchKey, fault.NoSuchVersion, fault.InvalidVersionID:
			return nil
		}
		a.found = v
		return err
	}
	var err error
	if a.sn != nil {
		err = look(a.sn)
	} else {
		err = a.se.s.view(look)
	}
	return a.found, err
}

// withheld is the failure of looking for an object, or for a version of it, that is not
// there: who may not list the bucket is not told whether it is ("GetObject" of the API
// Reference).
func (se *Session) withheld(err error, bucket, ref string) error {
	if err == nil || se.unbound(bucket) {
		return err
	}
	act := actListBucket
	switch fault.KindOf(err) {
	case fault.NoSuchKey:
	case fault.NoSuchVersion:
		if ref != "" {
			act = actListBucketVersions
		}
	default:
		return err
	}
	if denied := se.authorize(act, bucket, ""); denied != nil {
		return denied
	}
	return err
}

// probe is authorize for what the session does not do: the answer is shown, as in mode bits.
func (se *Session) probe(act action, bucket, key string) error {
	if se.unbound(bucket) {
		return nil
	}
	return se.decide(&asked{se: se, act: act, bucket: bucket, key: key, quiet: true})
}

// authorizeMatch is for conditions that compare ETags: their answer says what a reader would
// learn, so it takes the right to read ("Conditional requests" of the Amazon S3 User Guide).
func (se *Session) authorizeMatch(bucket, key string, c Conditions) error {
	if c.IfMatch == "" || c.IfMatch == "*" {
		return nil
	}
	return se.authorize(actGetObject, bucket, key)
}

// may says whether the session may do act, and no more.
func (se *Session) may(act action, bucket, key string) (bool, error) {
	return isAllowed(se.probe(act, bucket, key))
}

// homeAccount is the account that a fresh store begins with, as package access names it.
var homeAccount = accountOf(Account)

// homeRoot is its root.
var homeRoot = Owner()

func accountOf(id string) access.Account {
	return access.Account{ID: id, CanonicalID: iam.CanonicalID(id)}
}

// accessError gives the refusal of a policy or an ACL its kind.
func accessError(bucket, key string, err error) error {
	var e *access.Error
	if !errors.As(err, &e) {
		return err
	}
	kind := fault.InvalidArgument
	switch e.Reason {
	case access.Malformed:
		kind = fault.MalformedPolicy
	case access.TooLarge:
		kind = fault.PolicyTooLarge
	case access.PublicBlocked:
		return fault.Wrap(fault.AccessDenied, &DeniedError{e.Error()}, "").At(bucket, key)
	case access.ACLsDisabled:
		kind = fault.ACLsDisabled
	case access.BadEmail:
		kind = fault.UnresolvableGrant
	case access.BadName:
		kind = fault.InvalidRequest
	}
	return fault.New(kind, "%s", e.Error()).At(bucket, key)
}

func callerName(p Principal) string {
	if p.ARN == "" {
		return "an anonymous caller"
	}
	return p.ARN
}
