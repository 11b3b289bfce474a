package store

import (
	"context"
	"strings"

	"pail/store/fault"
	"pail/store/internal/meta/record"
)

// maxPage is how many entries one page of a listing may have.
const maxPage = 1000

// A ListInput says what List lists.
type ListInput struct {
	Prefix     string // only keys that begin so
	Delimiter  string // keys that have it after the prefix are rolled up into prefixes
	StartAfter string // only keys, and prefixes, behind this
	Limit      int    // entries in the page; 0: 1000
	Asked      int    // how many the caller asked for, as policies may know it; 0: it did not say
}

// A ListPage is one page of live objects and rolled-up prefixes, both in byte order.
type ListPage struct {
	Objects   []Object
	Prefixes  []string
	Next      string // StartAfter of the next page
	Truncated bool   // there is a next page
}

// owned says in a listing whose a version is.
func (r *bucketRules) owned(o Object, v *record.Version) Object {
	o.Owner = r.ownerOf(v)
	return o
}

// List returns one page of a bucket's live objects in the byte order of their keys.
func (se *Session) List(ctx context.Context, bucket string, in ListInput) (ListPage, error) {
	err := se.authorizeFor(actListBucket, bucket, "", func(a *asked) { a.list = &listAsked{in.Prefix, in.Delimiter, in.Asked} })
	if err != nil {
		return ListPage{}, err
	}
	limit, err := pageLimit(in.Limit)
	if err != nil {
		return ListPage{}, err
	}
	var p ListPage
	err = se.view(bucket, func(sn *snap, b *record.Bucket) error {
		p, err = sn.list(b, in, limit)
		return err
	})
	return p, err
}

func pageLimit(n int) (int, error) {
	if n < 0 {
		return 0, fault.New(fault.InvalidArgument, "a page cannot have %d entries", n)
	}
	if n == 0 || n > maxPage {
		return maxPage, nil
	}
	return n, nil
}

func (sn *snap) list(b *record.Bucket, in ListInput, limit int) (ListPage, error) {
	var p ListPage
	rules := rulesOf(b)
	h := sn.heads(b.Id, in.Prefix, listStart(in.Prefix, in.Delimiter, in.StartAfter))
	defer h.Close()
	for h.Next() {
		if len(p.Objects)+len(p.Prefixes) == limit {
			p.Truncated = true
			return p, nil
		}
		key := h.Key()
		if group, ok := rollUp(in.Prefix, in.Delimiter, key); ok {
			p.Prefixes = append(p.Prefixes, group)
			p.Next = group
			next, ok := afterPrefix(group)
			if !ok {
				break
			}
			h.Seek(next)
			continue
		}
		p.Objects = append(p.Objects, rules.owned(toObject(b.Name, key, h.Version(), true), h.Version()))
		p.Next = key
	}
	p.Next = ""
	return p, h.Err()
}

// rollUp returns the common prefix that a key is rolled up into.
func rollUp(prefix, delimiter, key string) (group string, ok bool) {
	if delimiter == "" {
		return "", false
	}
	i := strings.Index(key[len(prefix):], delimiter)
	if i < 0 {
		return "", false
	}
	return key[:len(prefix)+i+len(delimiter)], true
}

// listStart is the first key that a page may hold: one behind startAfter, and behind
// all keys of the prefix that startAfter is or is rolled up into.
func listStart(prefix, delimiter, startAfter string) string {
	if startAfter == "" || startAfter < prefix {
		return prefix
	}
	if hasPrefix(startAfter, prefix) {
		if group, ok := rollUp(prefix, delimiter, startAfter); ok && group == startAfter {
			if next, ok := afterPrefix(group); ok {
				return next
			}
		}
	}
	return startAfter + "\x00"
}

// afterPrefix is the first string behind all that begin with p; ok is false if there
// is none.
func afterPrefix(p string) (string, bool) {
	b := []byte(p)
	for len(b) > 0 {
		if b[len(b)-1] < 0xff {
			b[len(b)-1]++
			return string(b), true
		}
		b = b[:len(b)-1]
	}
	return "", false
}
