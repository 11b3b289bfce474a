package store

import (
	"fmt"
	"maps"
	"slices"

	"pail/store/internal/blob"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// A remedy is what repair does about one problem, or what else helps against it.
type remedy struct {
	// does is what repair does, in words that follow "repair"; "": nothing.
	does string
	// fix does it. It goes by the records as they are when it runs: what was repaired
	// before may have changed them, or have done it.
	fix func(r *repairer) error
	// late says that it waits for recovery, and for the right counts of owners.
	late   bool
	advice string
}

// advise is the remedy that repair does not have.
func advise(what string) remedy { return remedy{advice: what} }

// lately makes a remedy wait for recovery.
func (m remedy) lately() remedy {
	m.late = true
	return m
}

// drop removes the record at k.
func drop(does string, k []byte) remedy {
	k = slices.Clone(k)
	return remedy{does: does, fix: func(r *repairer) error {
		return r.update(func(t *txn) error {
			t.tx.Delete(k)
			return nil
		})
	}}
}

// without removes a record that is of no use, and says what becomes of what it was about.
func (f *fsck) without(k []byte) remedy {
	t, ok := tableOf(k)
	if !ok {
		return advise(adviseNewer)
	}
	m := drop(t.without, k)
	if remove := m.fix; t.first == table.Drafts()[0] {
		m.fix = func(r *repairer) error {
			if err := r.loseDrafts(); err != nil {
				return err
			}
			return remove(r)
		}
	}
	return m
}

// amend changes the record at k, if it is still there.
func amend[T any, M interface {
	*T
	record.Record
}](does string, k []byte, fn func(t *txn, m M)) remedy {
	k = slices.Clone(k)
	return remedy{does: does, fix: func(r *repairer) error {
		return r.update(func(t *txn) error {
			m := M(new(T))
			ok, err := t.get(k, m)
			if err != nil || !ok {
				return ignoreUnreadable(err)
			}
			fn(t, m)
			return t.put(k, m)
		})
	}}
}

// ignoreUnreadable passes damage over that has its own problem and its own remedy.
func ignoreUnreadable(err error) error {
	if unreadable(err) {
		return nil
	}
	return err
}

// soundLabels removes the labels of a version that no rule allows.
func soundLabels(v *record.Version) {
	if checkRights(v) != "" {
		v.Owner, v.Acl = "", nil // it is the bucket's owner's alone
	}
	if v.Marker || v.Bare {
		v.Tags, v.Metadata, v.Headers, v.Xattrs = nil, nil, nil, nil
		return
	}
	v.Tags = allowed(v.Tags, versioning.CheckObjectTags)
	v.Metadata = allowed(v.Metadata, versioning.CheckMetadata)
	v.Xattrs = allowed(v.Xattrs, checkXattrs)
	if versioning.CheckHeaders(headerMap(v.Headers)) == nil {
		return
	}
	for _, h := range headerFields() {
		if field := h.of(v.Headers); versioning.CheckHeaders(map[string]string{h.name: *field}) != nil {
			*field = ""
		}
	}
	if versioning.CheckHeaders(headerMap(v.Headers)) != nil {
		v.Headers = nil
	}
}

// allowed returns the entries of m that a rule allows: those that it refuses by
// themselves go, and then as many as it takes.
func allowed[V any](m map[string]V, rule func(map[string]V) error) map[string]V {
	if rule(m) == nil {
		return m
	}
	out := map[string]V{}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out[name] = m[name]
		if rule(map[string]V{name: m[name]}) != nil || rule(out) != nil {
			delete(out, name)
		}
	}
	return out
}

// spans in words: "bytes 5-9, 20-30".
func spanText(spans []blob.Range) string {
	out := ""
	for _, s := range spans {
		if out != "" {
			out += ","
		}
		out += fmt.Sprintf("%d-%d", s.Lo, s.Hi-1)
	}
	return out
}
