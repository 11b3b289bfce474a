package store

import (
	"context"

	"pail/store/event"
	"pail/store/internal/meta/record"
)

// exchange makes two files, two directories or one of each change places.
func (se *Session) exchange(ctx context.Context, from, to Path, each []treeNeed) error {
	switch {
	case from.isDir() && to.isDir():
		return se.exchangeDirs(ctx, from, to, each)
	case from.isDir():
		return se.exchangeWithDir(ctx, to, from, each)
	case to.isDir():
		return se.exchangeWithDir(ctx, from, to, each)
	}
	_, err := se.update(ctx, visible, from.Bucket, func(t *txn, b *record.Bucket) error {
		return t.exchangeFiles(b, [2]string{from.Key, to.Key})
	})
	return err
}

// A swapped is a file that changes places with another.
type swapped struct {
	ino   uint64
	live  *record.Version // as published; nil if the file is new
	claim bool
}

// exchangeFiles is the update of an exchange. Of a new file only the claim changes
// places; what is published goes to the other key as a version of its own.
func (t *txn) exchangeFiles(b *record.Bucket, keys [2]string) error {
	var files [2]swapped
	for i, key := range keys {
		f, err := t.swappable(b, key)
		if err != nil {
			return err
		}
		files[i] = f
	}
	var vs [2]*record.Version // what is to stand at a key
	for i, f := range files {
		if f.claim {
			continue
		}
		v := t.renamed(f.live, keys[i])
		if err := t.share(v.Content); err != nil {
			return err
		}
		vs[1-i] = v
	}
	t.makes = event.CreatedCopy
	for i, key := range keys {
		var err error
		switch {
		case vs[i] != nil:
			_, err = t.putVersion(b, key, vs[i])
		case !files[i].claim: // a new file comes, and what was here goes
			_, _, err = t.takeAway(b, key, keepEmpty, keys[1-i])
		}
		if err == nil {
			err = t.rekeyDraft(files[1-i].ino, key)
		}
		if err != nil {
			return err
		}
	}
	inos := [2]uint64{files[0].ino, files[1].ino}
	t.onNames(func() { t.s.files.exchange(b.Id, keys, inos, t.now()) })
	t.changed(Change{Kind: ObjectsExchanged, Bucket: b.Name, Key: keys[0], ToBucket: b.Name, To: keys[1], Ino: inos[1], ToIno: inos[0]})
	return nil
}

// swappable returns the file of a name as the mount sees it.
func (t *txn) swappable(b *record.Bucket, key string) (swapped, error) {
	c, err := t.chain(b, key)
	if err != nil {
		return swapped{}, err
	}
	if ino := t.s.files.claimIno(b.Id, key); ino != 0 {
		return swapped{ino: ino, claim: true}, nil
	}
	if c.live == nil {
		return swapped{}, noSuchKey(b.Name, key)
	}
	return swapped{ino: c.live.Ino, live: c.live}, t.settled(c.live)
}
