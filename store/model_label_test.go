package store_test

import (
	"bytes"
	"fmt"
	"maps"

	"pail/store"
	"pail/store/fault"
)

// Labels in the reference: what a version has, and what an open file has instead until
// its publish.

// refLabels are the labels of an open file that no version has.
type refLabels struct{ meta, tags, xattrs map[string]string }

func (v *refVersion) labels() refLabels {
	if v == nil {
		return refLabels{}
	}
	return refLabels{v.meta, v.tags, v.xattrs}
}

func (v *refVersion) setLabels(l refLabels) { v.meta, v.tags, v.xattrs = l.meta, l.tags, l.xattrs }

func (l refLabels) same(o refLabels) bool {
	return maps.Equal(l.meta, o.meta) && maps.Equal(l.tags, o.tags) && maps.Equal(l.xattrs, o.xattrs)
}

// recorded is the version that an open file is, nil if there is none by its name.
func (m *reference) recorded(n *refInode) *refVersion {
	if v := m.head(n.key); n.linked && v != nil && v.ino == n.ino && n.base != nil {
		return v
	}
	return nil
}

// seen are the labels that handles of a file show.
func (m *reference) seen(n *refInode) refLabels {
	v := m.recorded(n)
	if v == nil {
		if n.own != nil {
			return *n.own
		}
		return n.base.labels()
	}
	l := v.labels()
	if n.own != nil {
		l.meta = n.own.meta
	}
	return l
}

// A labelChange sets or removes one label of one kind.
type labelChange struct {
	kind, name, value string
	remove            bool
	when              store.Presence
}

func (c labelChange) of(l *refLabels) *map[string]string {
	return map[string]*map[string]string{"meta": &l.meta, "tag": &l.tags, "xattr": &l.xattrs}[c.kind]
}

// apply returns labels changed.
func (c labelChange) apply(l refLabels) (refLabels, fault.Kind) {
	m := c.of(&l)
	_, there := (*m)[c.name]
	switch {
	case c.remove && !there, c.when == store.Present && !there:
		return l, fault.NoData
	case !c.remove && c.when == store.Absent && there:
		return l, fault.Exists
	}
	*m = maps.Clone(*m)
	if *m == nil {
		*m = map[string]string{}
	}
	if c.remove {
		delete(*m, c.name)
	} else {
		(*m)[c.name] = c.value
	}
	return l, fault.None
}

// do changes a node of the store.
func (c labelChange) do(r *modelRun, se *store.Session, nd store.Node) error {
	t := store.TextChange{Set: map[string]string{c.name: c.value}, When: c.when}
	if c.remove {
		t = store.TextChange{Remove: []string{c.name}}
	}
	switch c.kind {
	case "tag":
		return se.ChangeTags(r.ctx, nd, t)
	case "meta":
		return se.ChangeDescription(r.ctx, nd, store.DescriptionChange{Metadata: t})
	}
	return se.ChangeXattr(r.ctx, nd, store.XattrChange{Name: c.name, Value: []byte(c.value), Remove: c.remove, When: c.when})
}

func (r *modelRun) labelChange() labelChange {
	c := labelChange{
		kind: []string{"meta", "tag", "xattr"}[r.rng.IntN(3)], name: []string{"k", "k", "l"}[r.rng.IntN(3)], value: fmt.Sprint(r.rng.IntN(2)),
		remove: r.rng.IntN(3) == 0,
	}
	if !c.remove {
		c.when = []store.Presence{store.Whichever, store.Whichever, store.Absent, store.Present}[r.rng.IntN(4)]
	}
	return c
}

// opLabel changes labels by a handle, by a name on the mount, or by a key over S3, where
// what a file has not published does not count; some of them of one file by turns.
func (r *modelRun) opLabel() {
	key := r.fileKey()
	i := r.handle()
	if i >= 0 && r.handles[i].past == nil {
		key = r.handles[i].n.key
	}
	for range 1 + r.rng.IntN(4) {
		if i >= 0 && r.rng.IntN(2) == 0 {
			r.labelHandle(i, r.labelChange())
		} else {
			r.labelName(key, r.labelChange(), r.rng.IntN(3) == 0)
		}
	}
}

func (r *modelRun) labelHandle(i int, c labelChange) {
	r.Helper()
	h := r.handles[i]
	r.note("label %+v of open %s", c, h)
	if h.past != nil {
		if c.kind != "tag" { // opTags does that
			r.want(c.do(r, r.se, store.Node{File: h.f}), fault.ReadOnly)
		}
		return
	}
	want := r.m.labelFile(h.n, c)
	r.want(c.do(r, r.se, store.Node{File: h.f}), want)
	r.checkLabels(i)
	r.check(h.n.key)
}

// labelName changes a label of what has a name, beside the mount or on it.
func (r *modelRun) labelName(key string, c labelChange, beside bool) {
	r.Helper()
	se := r.se
	if beside {
		se = r.s.As(store.Owner(), store.RequestContext{Door: store.DoorS3})
	}
	r.note("label %+v of %q beside the mount %v", c, key, beside)
	head, n := r.m.head(key), r.m.claims[key]
	if n == nil && head != nil {
		n = r.m.opened(head.ino)
	}
	want := fault.NoSuchKey
	switch {
	case n != nil && !beside:
		want = r.m.labelFile(n, c)
	case head != nil:
		want = r.m.labelKey(key, c)
		if o := r.m.opened(head.ino); want == fault.None && o != nil && o.own != nil && c.kind == "meta" {
			if l, kind := c.apply(*o.own); kind == fault.None {
				o.own.meta = l.meta
			}
		}
	}
	r.want(c.do(r, se, store.Node{Bucket: modelBucket, Key: key}), want)
	r.check(key)
}

// labelFile changes a label of an open file: in its version, unless that has none, or the
// change comes with what will be published.
func (m *reference) labelFile(n *refInode, c labelChange) fault.Kind {
	v := m.recorded(n)
	if v != nil && !(c.kind == "meta" && n.draft && (n.dirty || n.fresh)) {
		return m.labelKey(n.key, c)
	}
	var l refLabels
	switch {
	case n.own != nil:
		l = *n.own
	case v != nil:
		l = v.labels()
	default:
		l = n.base.labels()
	}
	l, kind := c.apply(l)
	if kind == fault.None {
		n.own = &l
	}
	return kind
}

// labelKey changes a label of what stands at a key: metadata by a new version.
func (m *reference) labelKey(key string, c labelChange) fault.Kind {
	v := m.head(key)
	l, kind := c.apply(v.labels())
	if kind != fault.None {
		return kind
	}
	if c.kind == "meta" && !l.same(v.labels()) {
		v = v.renamed()
		m.push(key, v, true)
	}
	v.setLabels(l)
	if n := m.opened(v.ino); n != nil && n.base != nil {
		base := *v
		n.base = &base
		if n.own != nil {
			n.own.tags, n.own.xattrs = v.tags, v.xattrs
		}
	}
	return fault.None
}

// checkLabels compares what a handle shows of labels.
func (r *modelRun) checkLabels(i int) {
	r.Helper()
	h := r.handles[i]
	if h.past == nil {
		r.sameLabels(store.Node{File: h.f}, r.m.seen(h.n))
	}
}

func (r *modelRun) sameLabels(nd store.Node, want refLabels) {
	r.Helper()
	o, err := r.se.Describe(r.ctx, nd)
	r.ok(err)
	tags, err := r.se.TagsOf(r.ctx, nd)
	r.ok(err)
	xattrs, err := r.se.XattrsOf(r.ctx, nd)
	r.ok(err)
	same := maps.EqualFunc(xattrs, want.xattrs, func(a []byte, b string) bool { return bytes.Equal(a, []byte(b)) })
	if !maps.Equal(o.Metadata, want.meta) || !maps.Equal(tags, want.tags) || !same {
		r.Fatalf("labels of %s %q %s are %v %v %q, want %+v", o.Key, nd.Key, nd.Version, o.Metadata, tags, xattrs, want)
	}
}
