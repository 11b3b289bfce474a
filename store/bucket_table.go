package store

import (
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"pail/store/fault"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// A bucketTable holds the records of all buckets in memory, because every request
// begins with one. It is loaded at open and follows the records as updates are merged,
// so an update sees it exactly as the records are; a snapshot may see a bucket as it is
// a moment later. What it returns is shared and must not be changed.
type bucketTable struct {
	mu     sync.RWMutex // guards what follows
	byName map[string]*record.Bucket
	byID   map[uint64]*record.Bucket
	rules  map[string]*bucketRules

	guarded atomic.Int64 // how many buckets isGuarded is true of
}

// load reads all buckets.
func (bt *bucketTable) load(sn *snap) error {
	bt.mu.Lock()
	defer bt.mu.Unlock()
	bt.byName, bt.byID, bt.rules = map[string]*record.Bucket{}, map[uint64]*record.Bucket{}, map[string]*bucketRules{}
	bt.guarded.Store(0)
	it := sn.r.Scan(meta.ScanOptions{Prefix: table.Buckets()})
	defer it.Close()
	for it.Next() {
		b := new(record.Bucket)
		if err := unmarshal(it.Key(), it.Value(), b); err != nil {
			return err
		}
		bt.enter(b)
	}
	return damaged(it.Err())
}

func (bt *bucketTable) set(b *record.Bucket) {
	bt.mu.Lock()
	defer bt.mu.Unlock()
	bt.enter(b)
}

// enter puts a record and its rules into the table. mu is held.
func (bt *bucketTable) enter(b *record.Bucket) {
	bt.byName[b.Name], bt.byID[b.Id] = b, b
	bt.forgetRules(b.Name)
	r := rulesOf(b)
	bt.rules[b.Name] = r
	if r.guarded {
		bt.guarded.Add(1)
	}
}

// forgetRules takes the rules of a bucket out. mu is held.
func (bt *bucketTable) forgetRules(name string) {
	if r := bt.rules[name]; r != nil && r.guarded {
		bt.guarded.Add(-1)
	}
	delete(bt.rules, name)
}

func (bt *bucketTable) drop(b *record.Bucket) {
	bt.mu.Lock()
	defer bt.mu.Unlock()
	delete(bt.byID, b.Id)
	if cur := bt.byName[b.Name]; cur != nil && cur.Id == b.Id {
		delete(bt.byName, b.Name)
		bt.forgetRules(b.Name)
	}
}

// isGuarded says whether rules may hold in a bucket even for the root of the first account.
func (bt *bucketTable) isGuarded(name string) bool {
	bt.mu.RLock()
	defer bt.mu.RUnlock()
	r := bt.rules[name]
	return r != nil && r.guarded
}

// ruled returns the record of a bucket and its rules, nil if there is none. Neither must be
// changed.
func (bt *bucketTable) ruled(name string) (*record.Bucket, *bucketRules) {
	bt.mu.RLock()
	defer bt.mu.RUnlock()
	return bt.byName[name], bt.rules[name]
}

// all returns the buckets of an account, or of all accounts for "".
func (bt *bucketTable) all(account string) []*record.Bucket {
	bt.mu.RLock()
	defer bt.mu.RUnlock()
	var out []*record.Bucket
	for _, b := range bt.byName {
		if account == "" || b.Account == account {
			out = append(out, b)
		}
	}
	return out
}

// bucket returns the record of a bucket by its name. It must not be changed.
func (sn *snap) bucket(name string) (*record.Bucket, error) {
	bt := &sn.s.buckets
	bt.mu.RLock()
	defer bt.mu.RUnlock()
	b := bt.byName[name]
	if b == nil {
		return nil, noSuchBucket(name)
	}
	return b, nil
}

func noSuchBucket(name string) error {
	return fault.New(fault.NoSuchBucket, "there is no bucket %q", name).At(name, "")
}

// bucketByID returns the record of a bucket by its id, nil if it is gone. It must not
// be changed.
func (sn *snap) bucketByID(id uint64) *record.Bucket {
	bt := &sn.s.buckets
	bt.mu.RLock()
	defer bt.mu.RUnlock()
	return bt.byID[id]
}

// putBucket writes the record of a bucket.
func (t *txn) putBucket(b *record.Bucket) error {
	kept := proto.CloneOf(b)
	t.onMerged(func() { t.s.buckets.set(kept) })
	t.tx.Set(table.BucketID(b.Id), []byte(b.Name))
	return t.put(table.Bucket(b.Name), b)
}

// editBucket changes the record of a bucket.
func (t *txn) editBucket(b *record.Bucket, fn func(*record.Bucket)) error {
	changed := proto.CloneOf(b)
	fn(changed)
	t.ruled()
	return t.putBucket(changed)
}
