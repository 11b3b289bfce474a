package store

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"pail/store/access"
	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/versioning"
)

// Access points are further names of buckets, each with a policy, Block Public Access and a
// network of its own ("Managing access to shared datasets with access points" of the Amazon S3
// User Guide). An account has its own, also into buckets of others, whose policies have to let
// them in. The API to manage them is for the account's own only, as with AWS.

// MaxAccessPoints is how many access points an account may have.
const MaxAccessPoints = 10_000

// An AccessPoint is a way into a bucket.
type AccessPoint struct {
	Name    string
	Account string // whose it is
	ARN     string
	Alias   string // a name that is taken wherever that of a bucket is
	Bucket  string
	// BucketAccount is whose the bucket has to be: one that another account makes under its
	// name later is not meant.
	BucketAccount string
	VPC           string // the only network from which it may be used; "": the internet
	Block         PublicAccess
	Created       time.Time
}

func toAccessPoint(p *accessPoint) AccessPoint {
	r := p.rec
	return AccessPoint{
		Name: r.Name, Account: r.Account, ARN: p.arn, Alias: r.Alias, Bucket: r.Bucket, BucketAccount: r.BucketAccount,
		VPC: r.Vpc, Block: toBlock(r.Block), Created: toTime(r.CreatedNs),
	}
}

// NewAccessPoint says how CreateAccessPoint makes one.
type NewAccessPoint struct {
	Bucket        string
	BucketAccount string // whose it is; "": the caller's
	VPC           string // "": the internet
	// Block cannot be changed later. nil: all of it is on.
	Block *PublicAccess
	Tags  map[string]string
}

// authorizePoint decides over what is done to an access point of the caller's account rather
// than through it. vpc is its network, has are its tags, and given those of the request.
func (se *Session) authorizePoint(act action, name, vpc string, has, given map[string]string) error {
	if se.unbound("") {
		return nil
	}
	return se.decide(&asked{se: se, act: act, ownTags: given, managedTags: has, managed: &access.AccessPoint{
		ARN: se.s.AccessPointARN(se.who.Account, name), Owner: accountOf(se.who.Account), VPC: vpc,
	}})
}

// ownPoint is an access point of the caller's account, to which the caller may do act.
func (se *Session) ownPoint(act action, name string) (*accessPoint, error) {
	return se.ownPointGiven(act, name, nil)
}

// ownPointGiven is ownPoint for a request that gives tags, or takes those keys away.
func (se *Session) ownPointGiven(act action, name string, given map[string]string) (*accessPoint, error) {
	p := se.s.points.named(pointName{se.who.Account, name})
	var rec *record.AccessPoint
	if p != nil {
		rec = p.rec
	}
	if err := se.authorizePoint(act, name, rec.GetVpc(), rec.GetTags(), given); err != nil {
		return nil, err
	}
	if p == nil {
		return nil, noSuchAccessPoint(name)
	}
	return p, nil
}

func noSuchAccessPoint(name string) error {
	return fault.New(fault.NoSuchAccessPoint, "there is no access point %q", name).With("AccessPointName", name)
}

// accessPoint returns an access point of the session's account as an update finds it.
func (t *txn) accessPoint(se *Session, name string) (*accessPoint, error) {
	p := t.s.points.named(pointName{se.who.Account, name})
	if p == nil {
		return nil, noSuchAccessPoint(name)
	}
	return p, nil
}

// CreateAccessPoint makes an access point of the caller's account into a bucket. It is durable
// when it returns. The kinds of failure: AccessDenied, InvalidRequest (the name, the bucket or
// the network), AccessPointAlreadyOwnedByYou, TooManyAccessPoints, and those of tags: InvalidTag,
// TagTooLong, TooManyTags.
func (se *Session) CreateAccessPoint(ctx context.Context, name string, in NewAccessPoint) (AccessPoint, error) {
	if err := se.authorizePoint(actCreatePoint, name, in.VPC, nil, in.Tags); err != nil {
		return AccessPoint{}, err
	}
	if len(in.Tags) > 0 {
		if err := se.authorizePoint(actTagResource, name, in.VPC, nil, in.Tags); err != nil {
			return AccessPoint{}, err
		}
	}
	if in.Block != nil {
		if err := se.authorize(actPutPointBlock, "", ""); err != nil {
			return AccessPoint{}, err
		}
	}
	if err := access.CheckAccessPointName(name); err != nil {
		return AccessPoint{}, accessError("", "", err)
	}
	if err := checkVPC(in.VPC); err != nil {
		return AccessPoint{}, err
	}
	if err := labelError("", "", versioning.CheckBucketTags(in.Tags)); err != nil {
		return AccessPoint{}, err
	}
	if in.BucketAccount == "" {
		in.BucketAccount = se.who.Account
	}
	block := blockAll
	if in.Block != nil {
		block = *in.Block
	}
	var made *record.AccessPoint
	_, err := se.s.update(ctx, se.author(), durable, func(t *txn) error {
		if err := t.pointsInto(in.Bucket, in.BucketAccount); err != nil {
			return err
		}
		if t.s.points.named(pointName{se.who.Account, name}) != nil {
			return fault.New(fault.AccessPointAlreadyOwnedByYou, "the account has an access point %q already", name)
		}
		if t.s.points.count(se.who.Account) >= MaxAccessPoints {
			return fault.New(fault.TooManyAccessPoints, "an account may have %d access points", MaxAccessPoints)
		}
		made = &record.AccessPoint{
			Schema: record.Schema, Id: t.tx.NextID(), Name: name, Account: se.who.Account, Alias: t.newAlias(name),
			Bucket: in.Bucket, BucketAccount: in.BucketAccount, Vpc: in.VPC, Block: fromBlock(block), CreatedNs: t.now().UnixNano(),
			Tags: in.Tags,
		}
		return t.putAccessPoint(made)
	})
	if err != nil {
		return AccessPoint{}, err
	}
	return toAccessPoint(se.s.newAccessPoint(made)), nil
}

// pointsInto refuses a bucket that no access point can lead into: one that there is not, or
// that is not the account's that was named.
func (t *txn) pointsInto(bucket, account string) error {
	b, err := t.bucket(bucket)
	switch {
	case fault.Is(err, fault.NoSuchBucket):
		return fault.New(fault.InvalidRequest, "Amazon S3 AccessPoint can only be created for existing bucket")
	case err != nil:
		return err
	case b.Account != account:
		return fault.New(fault.InvalidRequest, "BucketAccountId parameter should be same as the AWS Account Id of bucket owner")
	}
	return nil
}

// checkVPC refuses what no endpoint can be of.
func checkVPC(vpc string) error {
	rest, ok := strings.CutPrefix(vpc, "vpc-")
	for _, c := range []byte(rest) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-')
	}
	if vpc != "" && (!ok || rest == "" || len(rest) > 64) {
		return fault.New(fault.InvalidRequest, "%q is no VPC: it is vpc-NAME, of small letters, digits and hyphens", vpc)
	}
	return nil
}

// newAlias makes up an alias that no access point has.
func (t *txn) newAlias(name string) string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	for {
		var b [access.AliasRandom]byte
		_, _ = rand.Read(b[:]) // never fails, says its documentation
		for i := range b {
			b[i] = letters[int(b[i])%len(letters)]
		}
		if alias := access.AccessPointAlias(name, string(b[:])); t.s.points.aliased(alias) == nil {
			return alias
		}
	}
}

// AccessPoint returns an access point of the caller's account. The kinds of failure:
// AccessDenied, NoSuchAccessPoint.
func (se *Session) AccessPoint(_ context.Context, name string) (AccessPoint, error) {
	p, err := se.ownPoint(actGetPoint, name)
	if err != nil {
		return AccessPoint{}, err
	}
	return toAccessPoint(p), nil
}

// An AccessPointPage says which access points ListAccessPoints returns.
type AccessPointPage struct {
	Bucket string // into which they lead; "": any
	After  string // the name behind which they begin
	Max    int    // how many at most; 0: all
}

// ListAccessPoints returns access points of the caller's account in the order of their names,
// and whether there are more. The kinds of failure: AccessDenied.
func (se *Session) ListAccessPoints(_ context.Context, page AccessPointPage) (list []AccessPoint, more bool, err error) {
	if err := se.authorize(actListPoints, "", ""); err != nil {
		return nil, false, err
	}
	for _, p := range se.s.points.of(se.who.Account, page.Bucket) {
		switch {
		case p.rec.Name <= page.After:
			continue
		case page.Max > 0 && len(list) == page.Max:
			return list, true, nil
		}
		list = append(list, toAccessPoint(p))
	}
	return list, false, nil
}

// DeleteAccessPoint removes an access point of the caller's account, with its policy. It is
// durable when it returns. The kinds of failure: AccessDenied, NoSuchAccessPoint.
func (se *Session) DeleteAccessPoint(ctx context.Context, name string) error {
	if _, err := se.ownPoint(actDeletePoint, name); err != nil {
		return err
	}
	_, err := se.s.update(ctx, se.author(), durableFreeing, func(t *txn) error {
		p, err := t.accessPoint(se, name)
		if err != nil {
			return err
		}
		return t.dropAccessPoint(p)
	})
	return err
}

// ExpectAccount fails with AccessDenied if the caller is not of an account: what is managed by
// the account is managed by those who belong to it only.
func (se *Session) ExpectAccount(_ context.Context, account string) error {
	if se.who.Account == "" || se.who.Account != account {
		return fault.New(fault.AccessDenied, "")
	}
	return nil
}
