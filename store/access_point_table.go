package store

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"

	"pail/store/access"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// accessPoints hold the records of all access points in memory, for requests name them. They
// are loaded at open and follow the records as updates are merged, as buckets do. What they
// return is shared and must not be changed.
type accessPoints struct {
	mu      sync.RWMutex // guards what follows
	byName  map[pointName]*accessPoint
	byAlias map[string]*accessPoint
	counts  map[string]int      // by account
	own     map[string][]string // names of those of a bucket's own account, by the bucket
}

// A pointName names an access point: what accounts call theirs is no matter of others.
type pointName struct{ account, name string }

// An accessPoint is one of them, with what package access decides by.
type accessPoint struct {
	rec   *record.AccessPoint
	owner access.Account
	arn   string
}

func (p *accessPoint) name() pointName { return pointName{p.rec.Account, p.rec.Name} }

func (s *Store) newAccessPoint(rec *record.AccessPoint) *accessPoint {
	return &accessPoint{rec: rec, owner: accountOf(rec.Account), arn: s.AccessPointARN(rec.Account, rec.Name)}
}

// AccessPointARN is the ARN that an access point of that name has, whether there is one or not.
func (s *Store) AccessPointARN(account, name string) string {
	return access.AccessPointARN(s.label.Region, account, name)
}

// loadAccessPoints reads all access points. One that cannot be read is reported, and leads
// nowhere.
func (s *Store) loadAccessPoints(sn *snap) error {
	ps := &s.points
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.byName, ps.byAlias = map[pointName]*accessPoint{}, map[string]*accessPoint{}
	ps.counts, ps.own = map[string]int{}, map[string][]string{}
	it := sn.r.Scan(meta.ScanOptions{Prefix: table.AccessPoints()})
	defer it.Close()
	for it.Next() {
		rec := new(record.AccessPoint)
		if err := unmarshal(it.Key(), it.Value(), rec); err != nil {
			s.problem("An access point cannot be read, so that nobody gets in through it: %v", err)
			continue
		}
		ps.enter(s.newAccessPoint(rec))
	}
	return damaged(it.Err())
}

// enter adds an access point, in place of the one of its name. mu is held.
func (ps *accessPoints) enter(p *accessPoint) {
	ps.leave(p.name())
	ps.byName[p.name()], ps.byAlias[p.rec.Alias] = p, p
	ps.counts[p.rec.Account]++
	if p.rec.Account == p.rec.BucketAccount {
		ps.own[p.rec.Bucket] = append(ps.own[p.rec.Bucket], p.rec.Name)
	}
}

// leave takes an access point out. mu is held.
func (ps *accessPoints) leave(name pointName) {
	p := ps.byName[name]
	if p == nil {
		return
	}
	delete(ps.byName, name)
	delete(ps.byAlias, p.rec.Alias)
	if ps.counts[name.account]--; ps.counts[name.account] == 0 {
		delete(ps.counts, name.account)
	}
	if p.rec.Account != p.rec.BucketAccount {
		return
	}
	left := slices.DeleteFunc(slices.Clone(ps.own[p.rec.Bucket]), func(n string) bool { return n == p.rec.Name })
	if ps.own[p.rec.Bucket] = left; len(left) == 0 {
		delete(ps.own, p.rec.Bucket)
	}
}

// named returns the access point of that name, nil if there is none.
func (ps *accessPoints) named(name pointName) *accessPoint {
	ps.mu.RLock()
	defer ps.mu.RUnlock()
	return ps.byName[name]
}

// aliased returns the access point of that alias, nil if there is none.
func (ps *accessPoints) aliased(alias string) *accessPoint {
	ps.mu.RLock()
	defer ps.mu.RUnlock()
	return ps.byAlias[alias]
}

// count is how many access points an account has.
func (ps *accessPoints) count(account string) int {
	ps.mu.RLock()
	defer ps.mu.RUnlock()
	return ps.counts[account]
}

// attached returns an access point of the bucket's own account that leads into it, nil if there
// is none.
func (ps *accessPoints) attached(b *record.Bucket) *accessPoint {
	ps.mu.RLock()
	defer ps.mu.RUnlock()
	for _, name := range ps.own[b.Name] {
		if p := ps.byName[pointName{b.Account, name}]; p != nil {
			return p
		}
	}
	return nil
}

// firstOf returns the first access point of an account, nil if it has none.
func (ps *accessPoints) firstOf(account string) *accessPoint {
	all := ps.of(account, "")
	if len(all) == 0 {
		return nil
	}
	return all[0]
}

// of returns the access points of an account in the order of their names: those that lead into
// a bucket, or all for "".
func (ps *accessPoints) of(account, bucket string) []*accessPoint {
	ps.mu.RLock()
	defer ps.mu.RUnlock()
	var out []*accessPoint
	for p := range maps.Values(ps.byName) {
		if p.rec.Account == account && (bucket == "" || p.rec.Bucket == bucket) {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b *accessPoint) int { return cmp.Compare(a.rec.Name, b.rec.Name) })
	return out
}

// putAccessPoint writes the record of an access point.
func (t *txn) putAccessPoint(rec *record.AccessPoint) error {
	p := t.s.newAccessPoint(proto.CloneOf(rec))
	t.onMerged(func() {
		ps := &t.s.points
		ps.mu.Lock()
		defer ps.mu.Unlock()
		ps.enter(p)
	})
	t.ruled()
	return t.put(table.AccessPoint(rec.Account, rec.Name), rec)
}

// dropAccessPoint removes an access point and its policy.
func (t *txn) dropAccessPoint(p *accessPoint) error {
	name := p.name()
	t.onMerged(func() {
		ps := &t.s.points
		ps.mu.Lock()
		defer ps.mu.Unlock()
		ps.leave(name)
	})
	t.ruled()
	t.tx.Delete(table.AccessPoint(name.account, name.name))
	return t.writeConfig(table.ConfigPointPolicy, p.rec.Id, nil)
}

// editAccessPoint changes the record of an access point.
func (t *txn) editAccessPoint(p *accessPoint, fn func(*record.AccessPoint)) error {
	changed := proto.CloneOf(p.rec)
	fn(changed)
	return t.putAccessPoint(changed)
}
