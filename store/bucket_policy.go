package store

import (
	"context"

	"pail/store/access"
	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/store/trail"
)

// A keptPolicy is a policy as it was put and as it is decided by: compiled once, when it is
// put or first asked for.
type keptPolicy struct {
	text     string
	compiled *access.Policy
	broken   error // why it cannot be compiled any more; compiled is nil then
}

// policyOf returns the policy of a bucket, nil if it has none.
func (s *Store) policyOf(id uint64, bucket string) (*keptPolicy, error) {
	return configOf(s, table.ConfigPolicy, id, new(record.Policy), func(r *record.Policy) *keptPolicy {
		return toBucketPolicy(bucket, r)
	})
}

// toPolicy compiles a policy that is kept: whom it names is whom it named when it was put.
func toPolicy(kind access.Kind, o access.Options, r *record.Policy) *keptPolicy {
	ids := map[access.Entity]string{}
	for _, e := range r.Entities {
		ids[access.Entity{Type: e.Type, Value: e.Value}] = e.Id
	}
	p := &keptPolicy{text: r.Text}
	o.Lookup = func(e access.Entity) (string, bool) { return ids[e], true }
	p.compiled, p.broken = access.Parse(kind, []byte(r.Text), o)
	return p
}

func toBucketPolicy(bucket string, r *record.Policy) *keptPolicy {
	return toPolicy(access.BucketPolicy, access.Options{Bucket: bucket}, r)
}

func fromPolicy(text string, p *access.Policy) *record.Policy {
	r := &record.Policy{Schema: record.Schema, Text: text}
	for _, e := range p.Entities() {
		r.Entities = append(r.Entities, &record.PolicyEntity{Type: e.Type, Value: e.Value, Id: e.ID})
	}
	return r
}

// authorizePolicy is authorize for an action on a bucket's policy, which is for the owner's account
// alone. OwnersOnly: the caller is of another one, whose policies allow it ("If you have the
// correct permissions, but you're not using an identity that belongs to the bucket owner's
// account, Amazon S3 returns a 405 Method Not Allowed error": GetBucketPolicy, PutBucketPolicy
// and DeleteBucketPolicy of the API Reference).
func (se *Session) authorizePolicy(act action, bucket string) error {
	denied := se.authorize(act, bucket, "")
	if !fault.Is(denied, fault.AccessDenied) {
		return denied
	}
	_, rules := se.s.buckets.ruled(bucket)
	if rules == nil || rules.owner.ID == se.who.Account || se.who == Anonymous() {
		return denied
	}
	if err := se.decide(&asked{se: se, act: act, bucket: bucket, quiet: true, creates: true}); err != nil {
		return denied
	}
	return fault.New(fault.OwnersOnly, "The specified method is not allowed against this resource.").At(bucket, "")
}

// BucketPolicy returns the policy of a bucket as it was put. NoSuchBucketPolicy: it has none;
// OwnersOnly: as authorizePolicy has it, of this and of what changes it.
func (se *Session) BucketPolicy(ctx context.Context, bucket string) (string, error) {
	if err := se.authorizePolicy(actGetPolicy, bucket); err != nil {
		return "", err
	}
	p, err := se.policyKept(bucket)
	if err != nil {
		return "", err
	}
	return p.text, nil
}

// BucketPolicyPublic says whether S3 would call a bucket public by its policy ("The meaning of
// public"). NoSuchBucketPolicy: it has none.
func (se *Session) BucketPolicyPublic(ctx context.Context, bucket string) (bool, error) {
	if err := se.authorize(actGetPolicyStatus, bucket, ""); err != nil {
		return false, err
	}
	p, err := se.policyKept(bucket)
	if err != nil {
		return false, err
	}
	return p.compiled != nil && p.compiled.Public(), nil
}

func (se *Session) policyKept(bucket string) (*keptPolicy, error) {
	return bucketConfig(se.s, table.ConfigPolicy, bucket, fault.NoSuchBucketPolicy, new(record.Policy), func(r *record.Policy) *keptPolicy {
		return toBucketPolicy(bucket, r)
	})
}

// SetBucketPolicy replaces the policy of a bucket. It is durable when it returns, and decides over
// what begins after it. selfRemoval says that the caller means it if the policy keeps the
// caller itself from changing the policy again. The kinds of failure: MalformedPolicy (the
// text is none, says what could not be enforced, or names nobody whom there is),
// PolicyTooLarge, AccessDenied (Block Public Access; or the caller would lock itself out).
func (se *Session) SetBucketPolicy(ctx context.Context, bucket, text string, selfRemoval bool) error {
	if err := se.authorizePolicy(actPutPolicy, bucket); err != nil {
		return err
	}
	if err := se.exists(bucket); err != nil {
		return err
	}
	p, err := access.Parse(access.BucketPolicy, []byte(text), access.Options{Bucket: bucket, Lookup: se.s.identities().Principal})
	if err != nil {
		return accessError(bucket, "", err)
	}
	if !selfRemoval {
		if err := se.locksOut(bucket, p); err != nil {
			return err
		}
	}
	_, err = se.update(ctx, durable, bucket, func(t *txn, b *record.Bucket) error {
		if err := t.blockOf(b).CheckPolicy(p, ""); err != nil {
			return accessError(bucket, "", err)
		}
		t.changed(bucketChange(bucket, "PutBucketPolicy", trail.Field{Name: "bucketPolicy", Value: text}))
		if err := t.writeConfig(table.ConfigPolicy, b.Id, fromPolicy(text, p)); err != nil {
			return err
		}
		return t.editBucket(b, func(b *record.Bucket) { b.Policied = true })
	})
	return err
}

// locksOut refuses a policy that would keep the caller from putting another one
// (x-amz-confirm-remove-self-bucket-access of "PutBucketPolicy").
func (se *Session) locksOut(bucket string, p *access.Policy) error {
	a := &asked{se: se, act: actPutPolicy, bucket: bucket}
	r, err := a.request()
	if err != nil {
		return err
	}
	if a.rec == nil {
		return nil // there is no such bucket, as will be said
	}
	r.Resource.Policy = p
	if d := access.Decide(&r); !d.Allowed {
		return fault.New(fault.MalformedPolicy, "The policy would keep you from changing it again; say that you mean it with x-amz-confirm-remove-self-bucket-access.").At(bucket, "")
	}
	return a.err
}

// DeleteBucketPolicy removes the policy of a bucket. That there is none is no failure. It is
// durable when it returns.
func (se *Session) DeleteBucketPolicy(ctx context.Context, bucket string) error {
	if err := se.authorizePolicy(actDeletePolicy, bucket); err != nil {
		return err
	}
	_, err := se.update(ctx, durableFreeing, bucket, func(t *txn, b *record.Bucket) error {
		if !b.Policied {
			return nil
		}
		t.changed(bucketChange(bucket, "DeleteBucketPolicy"))
		if err := t.writeConfig(table.ConfigPolicy, b.Id, nil); err != nil {
			return err
		}
		return t.editBucket(b, func(b *record.Bucket) { b.Policied = false })
	})
	return err
}
