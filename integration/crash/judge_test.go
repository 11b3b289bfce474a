package crash

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"pail/versioning"
)

// A home is the part of the store that belongs to one worker: a bucket of its own, or
// a directory in a bucket that others use too.
type home struct {
	worker int
	bucket string
	prefix string // "" for a bucket of its own
	state  versioning.State
	kind   string // of load
}

// own says that the worker makes the bucket itself.
func (h home) own() bool { return h.prefix == "" }

// start is the model before the worker's first act.
func (h home) start(inlineMax int) *model {
	m := newModel(inlineMax)
	if !h.own() {
		m.addBucket(h.bucket, h.state)
	}
	return m
}

// A judge compares what was found with what one worker did.
type judge struct {
	page  page
	home  home
	sight *sight
	found *seenBucket // nil: the bucket is not there
	// later are the contents that each open file had, by handle.
	later map[int][]contentAt
	drops map[string]bool // memo of drafts judged
}

type contentAt struct {
	n int
	c content
}

// judgeWorker says after which of its worker's acts the cut was, as far as what was
// found tells: the first and the last possible. An error tells what fits none.
func judgeWorker(p page, h home, l *sight, inlineMax int) (first, last int, err error) {
	j := &judge{page: p, home: h, sight: l, later: map[int][]contentAt{}, drops: map[string]bool{}}
	if sb := l.buckets[h.bucket]; sb != nil {
		j.found = sb.below(h.prefix)
	}
	ds := p.acts[h.worker]
	j.foresee(ds, inlineMax)
	floor, settled := p.floor(h.worker)
	m := h.start(inlineMax)
	m.settled = settled
	first = -1
	var why []string
	for n := 0; ; n++ {
		if n >= floor {
			if err := j.compare(m); err == nil {
				if first < 0 {
					first = n
				}
				last = n
			} else {
				why = append(why, fmt.Sprintf("after act %d: %v", n, err))
			}
		}
		if n == len(ds) {
			break
		}
		for i := range stepsOf(ds[n].act) {
			m.applyStep(ds[n].act, ds[n].ack, i)
			if i+1 < stepsOf(ds[n].act) && n >= floor && j.compare(m) == nil {
				if first < 0 {
					first = n
				}
				last = n
			}
		}
	}
	if first < 0 {
		return 0, 0, j.explain(why)
	}
	return first, last, nil
}

// foresee learns what open files held later.
func (j *judge) foresee(ds []deed, inlineMax int) {
	m := j.home.start(inlineMax)
	m.changed = func(f *inode, c content) {
		j.later[f.handle] = append(j.later[f.handle], contentAt{m.now, c})
	}
	for _, d := range ds {
		m.apply(d.act, d.ack)
	}
}

// explain makes an error of why no state fits.
func (j *judge) explain(why []string) error {
	keys := map[string]bool{}
	for _, w := range why {
		if _, rest, ok := strings.Cut(w, "key "); ok {
			key, _, _ := strings.Cut(rest, ":")
			keys[strings.Trim(key, `"`)] = true
		}
	}
	opened := map[int]bool{}
	story := j.page.story(j.home.worker, func(a act) bool {
		about := len(keys) == 0 || a.Op == opState || opened[a.Handle]
		for key := range keys {
			about = about || key == a.Key || key == a.To || a.Op == opRename && strings.HasSuffix(a.Key, "/")
		}
		if about && a.Op == opOpen {
			opened[a.N] = true
		}
		return about
	})
	if len(why) > 4 {
		why = append(why[:2], append([]string{"..."}, why[len(why)-2:]...)...)
	}
	return fmt.Errorf("bucket %s %q: no moment fits what was found:\n%s\n%s", j.home.bucket, j.home.prefix, strings.Join(why, "\n"), story)
}

// compare says whether what was found is the model's state, give or take what is not
// promised.
func (j *judge) compare(m *model) error {
	b := m.buckets[j.home.bucket]
	if err := m.account.same(j.sight.account.of(j.home.worker)); err != nil {
		return err
	}
	switch {
	case b == nil && j.found == nil:
		return nil
	case b == nil:
		return fmt.Errorf("the bucket is there")
	case j.found == nil:
		return fmt.Errorf("the bucket is not there")
	case b.state != j.found.state:
		return fmt.Errorf("versioning is %v instead of %v", j.found.state, b.state)
	case !maps.Equal(b.tags, j.found.tags):
		return fmt.Errorf("the bucket's tags are %v instead of %v", j.found.tags, b.tags)
	case !slices.Equal(b.passing, j.found.passing):
		return fmt.Errorf("names without history are %q instead of %q", j.found.passing, b.passing)
	}
	if err := cmp.Or(b.sameConfigs(j.found.configs), j.compareUploads(b)); err != nil {
		return err
	}
	// Of two drafts with one name nobody says which is published first.
	handles := slices.Sorted(maps.Keys(m.open))
	err := j.compareKeys(m, j.recoverDrafts(m, b, handles))
	if err != nil {
		slices.Reverse(handles)
		if j.compareKeys(m, j.recoverDrafts(m, b, handles)) != nil {
			return err
		}
	}
	return j.compareDirs(b)
}

func (j *judge) compareKeys(m *model, expected map[string][]*version) error {
	names := maps.Clone(j.found.keys)
	for key := range expected {
		names[key] = j.found.keys[key]
	}
	for _, key := range slices.Sorted(maps.Keys(names)) {
		want := j.outcome(m, expected[key], names[key])
		if err := j.compareKey(want, names[key]); err != nil {
			return fmt.Errorf("key %q: %w", key, err)
		}
	}
	return nil
}

// recoverDrafts returns the chains with what recovery publishes of synced drafts, in
// this order of their handles.
func (j *judge) recoverDrafts(m *model, b *bucket, handles []int) map[string][]*version {
	keys := maps.Clone(b.keys)
	for _, handle := range handles {
		f := m.open[handle]
		if f.synced == nil || !f.linked || f.at != j.home.bucket {
			continue
		}
		tmp := &bucket{state: b.state, passing: b.passing, keys: map[string][]*version{f.key: keys[f.key]}}
		v := &version{order: 1 << 30, draft: f.synced, attr: f.synced.attr, ino: f}
		f.inherit(v, tmp.live(f.key), f.synced.labels, f.synced.own)
		tmp.stack(f.key, v)
		keys[f.key] = tmp.keys[f.key]
	}
	return keys
}

// outcome decides about pending versions by what was found: each is there, or what it
// replaced is.
func (j *judge) outcome(m *model, vs []*version, found []*seen) []*version {
	var out []*version
	for _, v := range vs {
		for v != nil && v.pending && v.order > m.settled && !j.page.kill && !j.kept(v, found) {
			v = v.pred
		}
		if v != nil {
			out = append(out, v)
		}
	}
	sort.SliceStable(out, func(i, k int) bool { return out[i].order > out[k].order })
	return out
}

func (j *judge) kept(v *version, found []*seen) bool {
	for _, s := range found {
		if j.same(v, s) == nil {
			return true
		}
	}
	return false
}

func (j *judge) compareKey(want []*version, found []*seen) error {
	for i := range max(len(want), len(found)) {
		switch {
		case i >= len(found):
			return fmt.Errorf("version %d of %d is missing: %v", i, len(want), want[i])
		case i >= len(want):
			return fmt.Errorf("%d versions instead of %d, too many: %v", len(found), len(want), found[i])
		}
		if err := j.same(want[i], found[i]); err != nil {
			return fmt.Errorf("version %d: %w", i, err)
		}
	}
	return nil
}

// same says why a version that was found is not v.
func (j *judge) same(v *version, s *seen) error {
	switch {
	case v.marker != s.DeleteMarker:
		return fmt.Errorf("found %v instead of %v", s, v)
	case v.null != (s.VersionID == "null"), v.id != "" && !v.null && v.id != s.VersionID:
		return fmt.Errorf("found id %s instead of %q", s.VersionID, v.name())
	case v.number != 0 && v.number != s.Number:
		return fmt.Errorf("found number %d instead of %d", s.Number, v.number)
	case v.marker:
		return nil
	}
	if err := cmp.Or(v.labels.same(s), v.attr.same(s)); err != nil {
		return err
	}
	switch {
	case v.draft != nil:
		return j.sameDraft(v.draft, s)
	case v.body.size != s.Size || j.page.sums.of(v.body) != s.sum:
		data, _ := j.sight.bytes(s.Object)
		return fmt.Errorf("found %s instead of %v", attribute(data), v.body)
	}
	return nil
}

// sameDraft demands of a recovered file the size that it was synced with, and of each
// byte that it is the synced one or one that was written over it later.
func (j *judge) sameDraft(d *draft, s *seen) error {
	if s.Size != d.body.size {
		return fmt.Errorf("found %d bytes, %v was synced", s.Size, d.body)
	}
	if s.sum == j.page.sums.of(d.body) {
		return nil
	}
	memo := fmt.Sprint(d.at, d.handle, s.VersionID, s.Key)
	if j.drops[memo] {
		return nil
	}
	data, err := j.sight.bytes(s.Object)
	if err != nil {
		return err
	}
	left := make([]byte, len(data)) // 1: not explained
	buf := make([]byte, len(data))
	explain := func(c content) {
		c.render(buf, 0)
		for i := range buf {
			if buf[i] == data[i] {
				left[i] = 0
			}
		}
	}
	for i := range left {
		left[i] = 1
	}
	explain(d.body)
	for _, l := range j.later[d.handle] {
		if l.n > d.at {
			explain(l.c)
		}
	}
	if i := bytes.IndexByte(left, 1); i >= 0 {
		return fmt.Errorf("byte %d was synced and is lost: found %s, %v was synced", i, attribute(data), d.body)
	}
	j.drops[memo] = true
	return nil
}

// compareDirs demands that what was made on purpose is there, and that nothing is that
// was removed or never made.
func (j *judge) compareDirs(b *bucket) error {
	may := map[string]bool{}
	for dir := range b.dirs {
		may[dir] = true
	}
	for key, vs := range j.found.keys {
		for dir := dirOf(key); dir != "" && !vs[0].DeleteMarker; dir = dirOf(strings.TrimSuffix(dir, "/")) {
			may[dir] = true
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(j.found.dirs)) {
		if _, ok := may[dir]; !ok {
			return fmt.Errorf("directory %q is there and should not be", dir)
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(b.dirs)) {
		d := b.dirs[dir]
		if !strings.HasPrefix(dir, j.home.prefix) || !d.explicit {
			continue
		}
		s, ok := j.found.dirs[dir]
		if !ok {
			return fmt.Errorf("directory %q is missing", dir)
		}
		if err := compareDirAttrs(dir, d, s); err != nil {
			return err
		}
	}
	return nil
}

func (v *version) String() string {
	switch {
	case v == nil:
		return "nothing"
	case v.marker:
		return fmt.Sprintf("marker %s by act %d", v.name(), v.order)
	case v.draft != nil:
		return fmt.Sprintf("the draft that act %d synced, %v", v.draft.at, v.draft.body)
	}
	return fmt.Sprintf("version %s by act %d, %v", v.name(), v.order, v.body)
}

func (s *seen) String() string {
	if s.DeleteMarker {
		return fmt.Sprintf("marker %s number %d", s.VersionID, s.Number)
	}
	return fmt.Sprintf("version %s number %d, %d bytes, meta %s", s.VersionID, s.Number, s.Size, s.Metadata["gen"])
}

// judgeAll judges every worker, and that the moments of all are one moment: what had
// happened before something that survived has survived too.
func judgeAll(p page, homes []home, l *sight, inlineMax int) error {
	type span struct{ first, last int }
	spans := map[int]span{}
	var errs []string
	for _, h := range homes {
		first, last, err := judgeWorker(p, h, l, inlineMax)
		if err != nil {
			errs = append(errs, err.Error())
			continue
		}
		spans[h.worker] = span{first, last}
	}
	if errs != nil {
		return fmt.Errorf("%s", strings.Join(errs, "\n"))
	}
	for w, s := range spans {
		if s.first == 0 {
			continue
		}
		d := p.acts[w][s.first-1]
		for v, t := range spans {
			if n := before(p.acts[v], d.begun); n > t.last {
				return fmt.Errorf("%v survived and %v, acknowledged before it began, did not", d.act, p.acts[v][n-1].act)
			}
		}
	}
	return nil
}
