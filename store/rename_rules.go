package store

import (
	"strings"

	"pail/store/access"
	"pail/store/fault"
	"pail/store/internal/meta/record"
)

// A treeNeed is an action that a rename of a directory amounts to for each key below it, and
// that rules may allow for some and not for others.
type treeNeed struct {
	act    action
	below  string // the keys
	as     string // what that prefix of them is called where the action is done
	bucket string
}

// authorizeRename decides over a rename, which reads and deletes what was and puts what is
// to be; an exchange is one both ways. A directory is decided over at once where the rules are
// the same for all keys below it; what is left is to be decided for each.
func (se *Session) authorizeRename(from, to Path, flags RenameFlags) (each []treeNeed, err error) {
	if se.unbound(from.Bucket) && se.unbound(to.Bucket) {
		return nil, nil
	}
	type need struct {
		act   action
		p     Path
		below string
	}
	needs := []need{{actGetObject, from, from.Key}, {actDeleteObject, from, from.Key}, {actPutObject, to, from.Key}}
	if flags.Exchange {
		needs = append(needs, need{actGetObject, to, to.Key}, need{actDeleteObject, to, to.Key}, need{actPutObject, from, to.Key})
	}
	for _, n := range needs {
		if !(Path{Key: n.below}).isDir() { // in an exchange with a directory its place has no slash
			if err := se.authorize(n.act, n.p.Bucket, strings.TrimSuffix(n.p.Key, "/")); err != nil {
				return nil, err
			}
			continue
		}
		if !n.p.isDir() {
			n.p.Key += "/"
		}
		u, err := (&asked{se: se, act: n.act, bucket: n.p.Bucket, key: n.p.Key}).uniform()
		switch {
		case err != nil:
			return nil, err
		case u == access.AllDenied:
			return nil, se.authorize(n.act, n.p.Bucket, n.p.Key)
		case u == access.AskEach:
			each = append(each, treeNeed{act: n.act, bucket: n.p.Bucket, below: n.below, as: n.p.Key})
		}
	}
	return each, nil
}

// eachKeys is for how many keys a rename of a directory decides one by one, in the update
// that renames, so that none gets past it. Beyond that it answers CrossDevice, upon which mv(1)
// and others move one file after another.
const eachKeys = 10_000

// authorizeEach decides over all keys below a directory, those of new files too.
func (t *txn) authorizeEach(se *Session, b *record.Bucket, each []treeNeed) error {
	for _, n := range each {
		ask := func(key string) error {
			return se.decide(&asked{se: se, sn: &t.snap, act: n.act, bucket: n.bucket, key: n.as + key[len(n.below):]})
		}
		count := 0
		h := t.heads(b.Id, n.below, n.below)
		for h.Next() {
			if count++; count > eachKeys {
				h.Close()
				return fault.New(fault.CrossDevice, "rules differ from key to key below %s/%s, which has more than %d of them; move what is in it", b.Name, n.below, eachKeys)
			}
			if err := ask(h.Key()); err != nil {
				h.Close()
				return err
			}
		}
		err := h.Err()
		h.Close()
		if err != nil {
			return err
		}
		for _, key := range t.s.files.keysBelow(b.Id, n.below) {
			if err := ask(key); err != nil {
				return err
			}
		}
	}
	return nil
}
