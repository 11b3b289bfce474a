package store

import (
	"sync"

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
}

// load reads all buckets.
func (bt *bucketTable) load(sn *snap) error {
	bt.mu.Lock()
	defer bt.mu.Unlock()
	bt.byName, bt.byID = map[string]*record.Bucket{}, map[uint64]*record.Bucket{}
	it := sn.r.Scan(meta.ScanOptions{Prefix: table.Buckets()})
	defer it.Close()
	for it.Next() {
		b := new(record.Bucket)
		if err := unmarshal(it.Key(), it.Value(), b); err != nil {
			return err
		}
		bt.byName[b.Name], bt.byID[b.Id] = b, b
	}
	return damaged(it.Err())
}

func (bt *bucketTable) set(b *record.Bucket) {
	bt.mu.Lock()
	defer bt.mu.Unlock()
	bt.byName[b.Name], bt.byID[b.Id] = b, b
}

func (bt *bucketTable) drop(b *record.Bucket) {
	bt.mu.Lock()
	defer bt.mu.Unlock()
	delete(bt.byID, b.Id)
	if cur := bt.byName[b.Name]; cur != nil && cur.Id == b.Id {
		delete(bt.byName, b.Name)
	}
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
		return nil, fault.New(fault.NoSuchBucket, "there is no bucket %q", name).At(name, "")
	}
	return b, nil
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
	return t.putBucket(changed)
}
