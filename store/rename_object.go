package store

import (
	"context"
	"strings"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/versioning"
)

// A RenameInput is what RenameObject demands.
type RenameInput struct {
	Conditions Conditions // on the new key
	SourceIf   Conditions // on the object
}

// RenameObject gives an object another key of its bucket, as one step for every reader, and
// replaces what had that. Keys are what it knows, and no directories: those that the new key
// implies come into being, and those that the old one leaves empty go. The object stays the
// same file for whoever has it open, and its bytes do not move; history is what Rename makes
// of it. It is durable when it returns. The kinds of failure: NoSuchKey, PreconditionFailed,
// ConditionalRequestConflict, InvalidRequest (a key that ends in a slash: Rename is for
// directories), KeyTooLong, InvalidKey, QuotaExceeded.
func (se *Session) RenameObject(ctx context.Context, bucket, from, to string, in RenameInput) error {
	if _, err := se.authorizeRename(Path{bucket, from}, Path{bucket, to}, RenameFlags{}); err != nil {
		return err
	}
	if err := se.authorizeMatch(bucket, to, in.Conditions); err != nil {
		return err
	}
	if err := versioning.CheckKey(to); err != nil {
		return keyError(bucket, to, err)
	}
	if strings.HasSuffix(from, "/") || strings.HasSuffix(to, "/") {
		return fault.New(fault.InvalidRequest, "directories are not objects that could be renamed")
	}
	_, err := se.update(ctx, durable, bucket, func(t *txn, b *record.Bucket) error {
		c, err := t.chain(b, from)
		if err != nil {
			return err
		}
		if c.live == nil {
			return t.noObject(b, from)
		}
		if err := (Source{Bucket: bucket, Key: from}).check(c.live, in.SourceIf, t.now()); err != nil {
			return err
		}
		if err := t.check(b, to, in.Conditions); err != nil || from == to {
			return err
		}
		if err := t.settled(c.live); err != nil {
			return err // it will be: what is promised here is more than a mount's rename does
		}
		return t.renamePublished(b, from, to, c.live, pruneEmpty)
	})
	return err
}
