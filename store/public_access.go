package store

import (
	"context"
	"maps"

	"pail/store/access"
	"pail/store/fault"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// Block Public Access: of a bucket it stands in the bucket's record, of an account among the
// store's settings. Both are in memory, for each decision needs them.

// A PublicAccess says which of the four settings of Block Public Access are on.
type PublicAccess = access.PublicAccessBlock

// PublicAccess returns Block Public Access of a bucket. NoSuchPublicAccessBlock: none is
// configured.
func (se *Session) PublicAccess(ctx context.Context, bucket string) (PublicAccess, error) {
	if err := se.authorize(actGetBlock, bucket, ""); err != nil {
		return PublicAccess{}, err
	}
	var out PublicAccess
	err := se.view(bucket, func(_ *snap, b *record.Bucket) error {
		if b.Block == nil {
			return fault.New(fault.NoSuchPublicAccessBlock, "").At(bucket, "")
		}
		out = toBlock(b.Block)
		return nil
	})
	return out, err
}

// SetPublicAccess configures Block Public Access of a bucket. It is durable when it returns.
func (se *Session) SetPublicAccess(ctx context.Context, bucket string, p PublicAccess) error {
	return se.setPublicAccess(ctx, bucket, fromBlock(p))
}

// DeletePublicAccess takes that configuration away, so that only the account's holds. It is
// durable when it returns. That there is none is no failure.
func (se *Session) DeletePublicAccess(ctx context.Context, bucket string) error {
	return se.setPublicAccess(ctx, bucket, nil)
}

func (se *Session) setPublicAccess(ctx context.Context, bucket string, to *record.PublicAccessBlock) error {
	if err := se.authorize(actPutBlock, bucket, ""); err != nil {
		return err
	}
	change := bucketChange(bucket, "DeletePublicAccessBlock")
	if to != nil {
		change = bucketChange(bucket, "PutPublicAccessBlock", asJSON("PublicAccessBlockConfiguration", toBlock(to)))
	}
	_, err := se.update(ctx, durable, bucket, func(t *txn, b *record.Bucket) error {
		t.changed(change)
		return t.editBucket(b, func(b *record.Bucket) { b.Block = to })
	})
	return err
}

// blockOf is Block Public Access as it holds in a bucket for whoever makes the update: the
// bucket's, its account's and, through an access point, that one's together.
func (t *txn) blockOf(b *record.Bucket) PublicAccess {
	return toBlock(b.Block).Combine(t.s.accountBlock(b.Account)).Combine(t.who.block)
}

// accountBlock is Block Public Access of an account.
func (s *Store) accountBlock(account string) PublicAccess {
	if m := s.accountBlocks.Load(); m != nil {
		return (*m)[account]
	}
	return PublicAccess{}
}

// AccountPublicAccess returns Block Public Access of the caller's account.
// NoSuchPublicAccessBlock: none is configured.
func (se *Session) AccountPublicAccess(ctx context.Context) (PublicAccess, error) {
	if err := se.authorize(actGetAccountBlock, "", ""); err != nil {
		return PublicAccess{}, err
	}
	if m := se.s.accountBlocks.Load(); m != nil {
		if p, ok := (*m)[se.who.Account]; ok {
			return p, nil
		}
	}
	return PublicAccess{}, fault.New(fault.NoSuchPublicAccessBlock, "")
}

// SetAccountPublicAccess configures Block Public Access of the caller's account, for all its
// buckets. It is durable when it returns.
func (se *Session) SetAccountPublicAccess(ctx context.Context, p PublicAccess) error {
	return se.setAccountPublicAccess(ctx, &p)
}

// DeleteAccountPublicAccess takes that configuration away. It is durable when it returns.
// That there is none is no failure.
func (se *Session) DeleteAccountPublicAccess(ctx context.Context) error {
	return se.setAccountPublicAccess(ctx, nil)
}

func (se *Session) setAccountPublicAccess(ctx context.Context, p *PublicAccess) error {
	if err := se.authorize(actPutAccountBlock, "", ""); err != nil {
		return err
	}
	account := se.who.Account
	_, err := se.s.update(ctx, se.author(), durable, func(t *txn) error {
		t.onMerged(func() { t.s.keepAccountBlock(account, p) })
		t.ruled()
		if p == nil {
			t.tx.Delete(settingAccountBlock(account))
			return nil
		}
		r := fromBlock(*p)
		r.Schema = record.Schema
		return t.put(settingAccountBlock(account), r)
	})
	return err
}

// keepAccountBlock has memory follow the records; only one goroutine at a time does.
func (s *Store) keepAccountBlock(account string, p *PublicAccess) {
	next := map[string]PublicAccess{}
	if m := s.accountBlocks.Load(); m != nil {
		maps.Copy(next, *m)
	}
	if delete(next, account); p != nil {
		next[account] = *p
	}
	s.accountBlocks.Store(&next)
}

const accountBlockName = "public-access/"

func settingAccountBlock(account string) []byte { return table.Setting(accountBlockName + account) }

// loadAccountBlocks reads Block Public Access of all accounts. One that cannot be read is
// reported and counts as all on, so that damage never makes anything public.
func (s *Store) loadAccountBlocks(sn *snap) error {
	prefix := settingAccountBlock("")
	it := sn.r.Scan(meta.ScanOptions{Prefix: prefix})
	defer it.Close()
	for it.Next() {
		account := string(it.Key()[len(prefix):])
		var r record.PublicAccessBlock
		p := blockAll
		if err := unmarshal(it.Key(), it.Value(), &r); err == nil {
			p = toBlock(&r)
		} else {
			s.problem("Block Public Access of the account %s cannot be read, so that all of it holds; configure it again: %v", account, err)
		}
		s.keepAccountBlock(account, &p)
	}
	return damaged(it.Err())
}
