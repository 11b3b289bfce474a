package store

import (
	"sync"

	"google.golang.org/protobuf/proto"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// A Quota is what a bucket may hold; 0: as much as there is room for.
//
// All versions count, noncurrent ones too, because they take space until they are removed for
// good; each with its size, holes and what it shares with others included. Delete markers,
// directories that are only implied, parts of unfinished uploads and files that are not
// published yet do not count. So a delete never fails for a quota, and what is over one goes
// away when versions do.
type Quota struct {
	Bytes   int64
	Objects int64 // versions, in whatever state they are
}

// Quotas are kept by counting: a bucket that has one has a record of what it holds, which every
// update changes together with the versions that it makes and removes (tally), so that it is
// exact whoever writes at the same time, and after any crash. Buckets without a quota are not
// counted and cost nothing.
//
// What a bucket holds when it gets its quota is counted key by key in updates of their own
// (quota_count.go), from the first key to the last. The record says how far that is: updates
// count what they do to keys until there, and leave the others to the counting.
//
// Who makes more than there may be fails with QuotaExceeded, at the end of the update, when it
// is known what it removes, too. A rename adds to a bucket that keeps history what it leaves
// there, and is refused like a put; that of a directory whose records are moved behind it takes
// all of that at once (quota_moves.go). What repairs and jobs do is counted and never refused:
// nothing may stay half done. Recovery publishes drafts within the quota; what does not fit waits
// as it did before (stuck.go).

// settingUsage is where it stands by a bucket's number what it holds.
func settingUsage() []byte { return table.Setting("usage/") }

func usageKey(bucket uint64) []byte { return noteKey(settingUsage(), bucket) }

// quotasInMemory is what the buckets with quotas hold, for those who ask before they begin.
type quotasInMemory struct {
	mu     sync.RWMutex // guards what follows
	by     map[uint64]*record.Usage
	coming map[uint64]*record.Usage // what renames on their way will add to it
}

// of returns what a bucket holds, nil if nobody counts it. It must not be changed.
func (q *quotasInMemory) of(bucket uint64) *record.Usage {
	q.mu.RLock()
	defer q.mu.RUnlock()
	return q.by[bucket]
}

func (q *quotasInMemory) set(bucket uint64, u *record.Usage) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.by == nil {
		q.by = map[uint64]*record.Usage{}
	}
	if u == nil {
		delete(q.by, bucket)
		return
	}
	q.by[bucket] = u
}

// any says whether any bucket is counted.
func (q *quotasInMemory) any() bool {
	q.mu.RLock()
	defer q.mu.RUnlock()
	return len(q.by) > 0
}

// load reads what buckets hold, once it is known which there are. A record that is missing or
// cannot be read is as if nothing had been counted; the counting begins again.
func (q *quotasInMemory) load(sn *snap) error {
	for _, b := range sn.s.buckets.all("") {
		if b.Quota == nil {
			continue
		}
		u, err := sn.usage(b.Id)
		if err != nil {
			return err
		}
		q.set(b.Id, u)
		coming := new(record.Usage)
		if ok, err := sn.get(comingKey(b.Id), coming); ignoreUnreadable(err) != nil {
			return err
		} else if ok && err == nil {
			q.setComing(b.Id, coming)
		}
	}
	return nil
}

// usage reads what a bucket holds.
func (sn *snap) usage(bucket uint64) (*record.Usage, error) {
	u := new(record.Usage)
	_, err := sn.get(usageKey(bucket), u)
	if unreadable(err) {
		return &record.Usage{Schema: record.Schema}, nil
	}
	u.Schema = record.Schema
	return u, err
}

// counted says whether a key is counted already.
func counted(u *record.Usage, key string) bool { return u.Done || key <= u.Upto }

// A tallied is what an update does to what a bucket holds.
type tallied struct {
	b              *record.Bucket
	u              *record.Usage // as it will be
	bytes, objects int64         // what is added
	coming         *record.Usage // what renames on their way will add, as it will be
	comes          bool          // that has changed
}

// tally counts a version that this update adds to a key (sign 1) or takes away from it (-1).
func (t *txn) tally(b *record.Bucket, key string, v *record.Version, sign int64) error {
	if b.Quota == nil || v.Marker || v.Bare {
		return nil
	}
	c, err := t.tallied(b)
	if err != nil {
		return err
	}
	c.bytes += sign * v.Size
	c.objects += sign
	if counted(c.u, key) {
		c.u.Bytes += sign * v.Size
		c.u.Objects += sign
	}
	return nil
}

// tallied is what this update does to what a bucket with a quota holds.
func (t *txn) tallied(b *record.Bucket) (*tallied, error) {
	if c := t.usages[b.Id]; c != nil {
		return c, nil
	}
	u, err := t.usage(b.Id)
	if err != nil {
		return nil, err
	}
	if t.usages == nil {
		t.usages = map[uint64]*tallied{}
	}
	c := &tallied{b: b, u: u, coming: proto.CloneOf(t.s.quotas.comingTo(b.Id))}
	t.usages[b.Id] = c
	return c, nil
}

// settleUsage writes what this update makes of what buckets hold, and refuses more than there
// may be.
func (t *txn) settleUsage() error {
	for id, c := range t.usages {
		if !t.unlimited && (t.s.ready || t.publishes) {
			if err := c.within(); err != nil {
				return err
			}
		}
		if c.comes {
			if err := t.putComing(id, c.coming); err != nil {
				return err
			}
		}
		if c.bytes < 0 || c.objects < 0 {
			t.onMerged(t.s.publishStuck) // there is room again
		}
		if err := t.putUsage(id, c.u); err != nil {
			return err
		}
	}
	return nil
}

func (t *txn) putUsage(bucket uint64, u *record.Usage) error {
	t.onMerged(func() { t.s.quotas.set(bucket, u) })
	return t.put(usageKey(bucket), u)
}

// within refuses what adds to a bucket that holds more then than it may.
func (c *tallied) within() error {
	q := toQuota(c.b.Quota)
	bytes, objects := c.u.Bytes+c.coming.GetBytes(), c.u.Objects+c.coming.GetObjects()
	switch {
	case q.Bytes > 0 && c.bytes > 0 && bytes > q.Bytes:
		return overQuota(c.b, q.Bytes, bytes-c.bytes, "bytes")
	case q.Objects > 0 && c.objects > 0 && objects > q.Objects:
		return overQuota(c.b, q.Objects, objects-c.objects, "versions of objects")
	}
	return nil
}

func overQuota(b *record.Bucket, most, has int64, what string) error {
	return fault.New(fault.QuotaExceeded, "the bucket %q may hold %d %s and holds %d; remove versions for good, or change its quota", b.Name, most, what, max(has, 0)).At(b.Name, "")
}

func toQuota(q *record.Quota) Quota { return Quota{Bytes: q.GetBytes(), Objects: q.GetObjects()} }

func fromQuota(q Quota) *record.Quota {
	if q == (Quota{}) {
		return nil
	}
	return &record.Quota{Bytes: q.Bytes, Objects: q.Objects}
}

// hasRoom refuses early what would make a bucket hold more than it may: size bytes at a key,
// in place of what stands there as far as that will go. Whether it is so is known when the
// version is made.
func (s *Store) hasRoom(b *record.Bucket, key string, cur *record.Version, size int64) error {
	u := s.quotas.of(b.Id)
	if b.Quota == nil || u == nil {
		return nil
	}
	more := tallied{b: b, bytes: size, objects: 1, coming: s.quotas.comingTo(b.Id)}
	if cur != nil && s.replaces(b, key, cur) {
		more.bytes -= cur.Size
		more.objects = 0
	}
	more.u = &record.Usage{Bytes: u.Bytes + more.bytes, Objects: u.Objects + more.objects}
	return more.within()
}

// replaces says whether a new version of a key takes the place of the current one. What a
// mount writes without history counts as if it did.
func (s *Store) replaces(b *record.Bucket, key string, cur *record.Version) bool {
	return cur.Null && (versioning.State(b.Versioning) != versioning.Enabled || s.withoutHistory(b, key))
}

// mayGrow is hasRoom for an open file that is to have size bytes. mu is held.
func (n *inode) mayGrow(size int64) error {
	if !n.s.quotas.any() {
		return nil
	}
	bucket, _, key, linked := n.s.files.name(n)
	if !linked {
		return nil
	}
	b := (&snap{s: n.s}).bucketByID(bucket)
	if b == nil || b.Quota == nil {
		return nil
	}
	return n.s.hasRoom(b, key, n.base, size)
}
