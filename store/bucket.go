package store

import (
	"context"
	"math"
	"sort"
	"time"

	"pail/store/fault"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// BucketOptions say how CreateBucket makes a bucket.
type BucketOptions struct {
	Region     string           // "": the store's
	Constraint string           // the Region as the request names it, which policies may ask for
	Versioning versioning.State // Unversioned or Enabled
	// Mkdir makes it as mkdir on a mount does: Versioning is as the store's setting
	// mkdir-versioning says.
	Mkdir bool
	// ObjectLock gives it Object Lock, and so versioning for good.
	ObjectLock bool
	// Ownership of its objects; "": OwnerEnforced.
	Ownership Ownership
	Tags      map[string]string
	ACL       ACLInput // of the bucket itself
}

// CreateBucket makes a bucket; its name must be free across all accounts. The kinds
// of failure: InvalidBucketName, BucketAlreadyOwnedByYou, BucketAlreadyExists, and what
// SetOwnership, SetBucketACL and SetBucketTags fail with. All of Block Public Access is on in
// it, unless Options.PublicByDefault says otherwise.
func (se *Session) CreateBucket(ctx context.Context, name string, o BucketOptions) (Bucket, error) {
	if err := se.authorizeCreate(name, o); err != nil {
		return Bucket{}, err
	}
	if o.ObjectLock {
		for _, act := range []action{actPutObjectLock, actPutBucketVersioning} {
			if err := se.authorize(act, name, ""); err != nil {
				return Bucket{}, err
			}
		}
	}
	if err := versioning.CheckBucketName(name); err != nil {
		return Bucket{}, fault.Wrap(fault.InvalidBucketName, err, "%q cannot name a bucket", name)
	}
	if o.Versioning == versioning.Suspended {
		return Bucket{}, fault.New(fault.InvalidArgument, "a new bucket cannot start suspended")
	}
	if o.Ownership != "" {
		if err := checkOwnership(o.Ownership); err != nil {
			return Bucket{}, configError(name, err)
		}
	}
	if err := labelError(name, "", versioning.CheckBucketTags(o.Tags)); err != nil {
		return Bucket{}, err
	}
	if o.ObjectLock {
		o.Versioning = versioning.Enabled
	}
	if o.Region == "" {
		o.Region = se.s.label.Region
	}
	if err := checkRegion(o.Region); err != nil {
		return Bucket{}, err
	}
	var made *record.Bucket
	var root *record.Dir
	_, err := se.s.update(ctx, se.author(), durable, func(t *txn) error {
		if err := t.nameIsFree(name, se.who.Account); err != nil {
			return err
		}
		state := o.Versioning
		if o.Mkdir && t.s.settings().mkdirVersioning() {
			state = versioning.Enabled
		}
		made = &record.Bucket{
			Schema: record.Schema, Id: t.tx.NextID(), Name: name, Account: se.who.Account, Region: o.Region,
			CreatedNs: t.now().UnixNano(), Versioning: uint32(state),
			EverVersioned: state == versioning.Enabled, Born: t.tx.Seq(), ObjectLock: o.ObjectLock,
			Tags: o.Tags,
		}
		if err := t.configureNew(made, o); err != nil {
			return err
		}
		if made.EverVersioned {
			made.Versioned = made.Born
		}
		root = t.newDir(nil)
		root.Explicit = true
		if err := t.put(table.Dir(made.Id, ""), root); err != nil {
			return err
		}
		t.changed(Change{Kind: BucketCreated, Bucket: name, Ino: root.Ino})
		return t.putBucket(made)
	})
	if err != nil {
		return Bucket{}, err
	}
	return toBucket(made, root), nil
}

// authorizeCreate decides over a new bucket: to choose who owns its objects, to give it an ACL
// or Object Lock are actions of their own ("CreateBucket" of the API Reference).
func (se *Session) authorizeCreate(name string, o BucketOptions) error {
	if se.unbound("") {
		return nil
	}
	say := func(a *asked) {
		p := a.puts()
		p.acl, p.region, p.ownership = &o.ACL, o.Constraint, string(o.Ownership)
		a.ownTags = o.Tags
	}
	acts := []action{actCreateBucket}
	if o.Ownership != "" {
		acts = append(acts, actPutOwnership)
	}
	if o.ACL.given() && o.ACL.Canned != "private" {
		acts = append(acts, actPutBucketACL)
	}
	if o.ObjectLock {
		acts = append(acts, actPutBucketVersioning, actPutObjectLock)
	}
	if len(o.Tags) > 0 {
		acts = append(acts, actPutBucketTagging)
	}
	for _, act := range acts {
		a := &asked{se: se, act: act, bucket: name, creates: true}
		say(a)
		if err := se.decide(a); err != nil {
			return err
		}
	}
	return nil
}

// configureNew gives a new bucket what says who may do what in it.
func (t *txn) configureNew(b *record.Bucket, o BucketOptions) error {
	if o.Ownership != "" {
		b.Ownership = fromOwnership(o.Ownership)
	}
	blocked := PublicAccess{}
	if !t.s.unblocked.Load() {
		blocked = blockAll
		b.Block = fromBlock(blockAll)
	}
	r := rulesOf(b)
	a, err := o.ACL.acl(t.s, r.owner.CanonicalID, r.owner.CanonicalID, true)
	if err != nil {
		return aclError(b.Name, "", err)
	}
	b.Acl = fromACL(a)
	if b.Acl != nil && r.ownership.ACLsDisabled() {
		return aclNotOwners(b.Name)
	}
	if err := blocked.Combine(t.s.accountBlock(b.Account)).CheckACL(a, r.ownership.ACLsDisabled()); err != nil {
		return fault.New(fault.PublicACLBlocked, "").At(b.Name, "")
	}
	return nil
}

// checkRegion refuses what no region is called: regions are DNS labels.
func checkRegion(region string) error {
	ok := len(region) <= 63
	for i, c := range []byte(region) {
		letter := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		ok = ok && (letter || c == '-' && i > 0 && i < len(region)-1)
	}
	if !ok {
		return fault.New(fault.InvalidArgument, "%q cannot name a region; it must be 1 to 63 lower-case letters, digits and hyphens, as us-east-1", region)
	}
	return nil
}

func (t *txn) nameIsFree(name, account string) error {
	old, err := t.bucket(name)
	switch {
	case fault.Is(err, fault.NoSuchBucket):
		return nil
	case err != nil:
		return err
	case old.Account == account:
		return fault.New(fault.BucketAlreadyOwnedByYou, "the bucket %q exists already", name)
	}
	return fault.New(fault.BucketAlreadyExists, "the name %q is taken by another account", name)
}

func toBucket(b *record.Bucket, root *record.Dir) Bucket {
	return Bucket{
		Name: b.Name, ID: b.Id, Account: b.Account, Region: b.Region,
		Created: time.Unix(0, b.CreatedNs).UTC(), Versioning: versioning.State(b.Versioning),
		Tags: b.Tags, RootIno: root.GetIno(), ObjectLock: b.ObjectLock,
	}
}

// Bucket returns what is known about a bucket.
func (se *Session) Bucket(ctx context.Context, name string) (Bucket, error) {
	if err := se.authorize(actListBucket, name, ""); err != nil {
		return Bucket{}, err
	}
	var out Bucket
	err := se.view(name, func(sn *snap, b *record.Bucket) error {
		root, err := sn.dir(b.Id, "")
		out = toBucket(b, root)
		return err
	})
	return out, err
}

// Buckets returns the caller's buckets in the order of their names.
func (se *Session) Buckets(ctx context.Context) ([]Bucket, error) {
	if err := se.authorize(actListBuckets, "", ""); err != nil {
		return nil, err
	}
	return se.listed(func(b *record.Bucket) (bool, error) { return b.Account == se.who.Account, nil })
}

// BucketsOwner is the canonical id of the account whose buckets Buckets returns.
func (se *Session) BucketsOwner(ctx context.Context) (string, error) {
	if err := se.authorize(actListBuckets, "", ""); err != nil {
		return "", err
	}
	return CanonicalID(se.who.Account), nil
}

// VisibleBuckets returns the buckets of the caller's account that it may enter, in the order of
// their names: what a mount shows as its root. As S3 lists one's own buckets alone (ListBuckets),
// those of other accounts are not among them, whatever they grant: they are found by name.
func (se *Session) VisibleBuckets(ctx context.Context) ([]Bucket, error) {
	if se.unbound("") && se.s.buckets.guarded.Load() == 0 {
		return se.Buckets(ctx)
	}
	if err := se.authorize(actListBuckets, "", ""); err != nil && !fault.Is(err, fault.AccessDenied) {
		return nil, err
	}
	seen := 0
	out, err := se.listed(func(b *record.Bucket) (bool, error) {
		if b.Account != se.who.Account {
			return false, nil
		}
		may, err := se.mayEnter(b.Name, "")
		if may {
			seen++
		}
		return may, err
	})
	if err != nil || seen > 0 {
		return out, err
	}
	return nil, se.authorize(actListBuckets, "", "") // who sees none may have to be told why
}

// listed are the buckets of which shows is true.
func (se *Session) listed(shows func(*record.Bucket) (bool, error)) ([]Bucket, error) {
	var out []Bucket
	err := se.s.view(func(sn *snap) error {
		for _, b := range sn.s.buckets.all("") {
			if ok, err := shows(b); err != nil {
				return err
			} else if !ok {
				continue
			}
			root, err := sn.dir(b.Id, "")
			if err != nil {
				return err
			}
			out = append(out, toBucket(b, root))
		}
		return nil
	})
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out, err
}

// DeleteBucket removes a bucket that holds nothing: no version, no delete marker, no
// directory that was made on purpose, no file that is being written, and that has no access
// points of its own account (AccessPointsAttached). One that is held (HoldBucket) is Busy. Unfinished uploads end with it, as on S3
// (https://github.com/ceph/ceph/pull/15630, https://github.com/scality/cloudserver/pull/1592).
func (se *Session) DeleteBucket(ctx context.Context, name string) error {
	if err := se.authorize(actDeleteBucket, name, ""); err != nil {
		return err
	}
	err := se.s.whenAtRest(ctx, func() error {
		for {
			more := false
			_, err := se.update(ctx, durable, name, func(t *txn, b *record.Bucket) (err error) {
				more, err = t.deleteBucket(b)
				return err
			})
			if err != nil || !more {
				return err
			}
		}
	})
	if err != nil {
		return err
	}
	return se.s.finishDrops(ctx)
}

// deleteBucket removes a bucket, or some of its uploads and says that there are more.
func (t *txn) deleteBucket(b *record.Bucket) (more bool, err error) {
	if err := t.s.holds.check(b.Id); err != nil {
		return false, err
	}
	if p := t.s.points.attached(b); p != nil {
		return false, fault.New(fault.AccessPointsAttached, "the bucket %q has access points, %s among them: delete them first", b.Name, p.rec.Name).At(b.Name, "")
	}
	if what, err := t.contents(b); err != nil {
		return false, err
	} else if what != "" {
		return false, fault.New(fault.BucketNotEmpty, "the bucket %q is not empty: it holds %s", b.Name, what)
	}
	if err := t.atRest(b.Id, ""); err != nil {
		return false, err // a rename of what was in it has not ended yet
	}
	if more, err = t.endUploads(b, restsPerUpdate); err != nil || more {
		return more, err
	}
	root, err := t.dir(b.Id, "")
	if err != nil {
		return false, err
	}
	if err := t.dropBucket(b); err != nil {
		return false, err
	}
	t.changed(Change{Kind: BucketDeleted, Bucket: b.Name, Ino: root.GetIno()})
	return false, nil
}

// contents says what keeps a bucket from being empty, "" if nothing does.
func (t *txn) contents(b *record.Bucket) (string, error) {
	for _, k := range []struct {
		prefix []byte
		what   string
	}{
		{table.Head(b.Id, ""), "objects"},
		{table.NoncurrentBelow(b.Id, ""), "old versions"},
	} {
		any, err := t.anyBelow(k.prefix, nil)
		if err != nil || any {
			return k.what, err
		}
	}
	markers, err := t.anyBelow(table.Dead(b.Id, ""), func(v []byte) (bool, error) {
		var d record.Version
		err := record.Unmarshal(v, &d)
		return !d.Bare, err
	})
	if err != nil || markers {
		return "delete markers", err
	}
	if t.s.files.writtenIn(b.Id) {
		return "files that are being written", nil
	}
	return "", nil
}

func (sn *snap) anyBelow(prefix []byte, counts func(value []byte) (bool, error)) (bool, error) {
	it := sn.r.Scan(meta.ScanOptions{Prefix: prefix, KeysOnly: counts == nil})
	defer it.Close()
	for it.Next() {
		if counts == nil {
			return true, nil
		}
		yes, err := counts(it.Value())
		if err != nil || yes {
			return yes, err
		}
	}
	return false, damaged(it.Err())
}

// dropBucket removes a bucket's own records. What else an empty bucket has (bare
// counters, directories, the lives of past ones) may be much; finishDrops removes it.
func (t *txn) dropBucket(b *record.Bucket) error {
	t.tx.Delete(table.Bucket(b.Name))
	t.tx.Delete(table.BucketID(b.Id))
	t.tx.Delete(usageKey(b.Id))
	t.noneComes(b.Id)
	t.onMerged(func() {
		t.s.buckets.drop(b)
		t.s.quotas.set(b.Id, nil)
		t.s.herald.tell(b.Id, nil)
		t.s.logs.use(b.Id, nil)
	})
	t.dropRest(b.Id)
	return t.dropConfigs(b.Id)
}

func bucketRests(id uint64) [][]byte {
	return [][]byte{table.Dir(id, ""), table.Dead(id, ""), table.PastDirsBelow(id, "")}
}

// restsPerUpdate bounds what one update removes.
const restsPerUpdate = 5000

// deleteSome deletes up to most records and says how many.
func (t *txn) deleteSome(prefix []byte, most int) (int, error) {
	it := t.r.Scan(meta.ScanOptions{Prefix: prefix, KeysOnly: true})
	defer it.Close()
	n := 0
	for n < most && it.Next() {
		t.tx.Delete(append([]byte(nil), it.Key()...))
		n++
	}
	return n, damaged(it.Err())
}

// A Usage is what a bucket holds.
type Usage struct {
	Objects         int64 // live keys
	Bytes           int64 // of live objects
	Versions        int64 // noncurrent ones
	NoncurrentBytes int64
	DeleteMarkers   int64
}

// BucketUsage counts what a bucket holds by reading all its records.
func (se *Session) BucketUsage(ctx context.Context, name string) (Usage, error) {
	if err := se.authorize(actListBucketVersions, name, ""); err != nil {
		return Usage{}, err
	}
	var u Usage
	err := se.view(name, func(sn *snap, b *record.Bucket) error {
		if sn.atRest(b.Id, "") != nil {
			return sn.usageMoving(ctx, b, &u)
		}
		for _, prefix := range [][]byte{table.Head(b.Id, ""), table.Dead(b.Id, ""), table.NoncurrentBelow(b.Id, "")} {
			live := prefix[0] == table.Head(0, "")[0]
			err := sn.eachVersion(ctx, prefix, func(v *record.Version) { u.count(v, live) })
			if err != nil {
				return err
			}
		}
		return nil
	})
	return u, err
}

// usageMoving counts key by key, which is slower, as renames on their way make them
// appear.
func (sn *snap) usageMoving(ctx context.Context, b *record.Bucket, u *Usage) error {
	k := sn.keys(b, "", "")
	defer k.Close()
	for k.Next() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		l, err := k.Line()
		if err != nil {
			return err
		}
		err = l.newest(math.MaxUint64, func(v *record.Version) (bool, error) {
			u.count(v, l.live && v == l.top)
			return true, nil
		})
		if err != nil {
			return err
		}
	}
	return k.Err()
}

func (u *Usage) count(v *record.Version, live bool) {
	switch {
	case v.Bare:
	case v.Marker:
		u.DeleteMarkers++
	case live:
		u.Objects++
		u.Bytes += v.Size
	default:
		u.Versions++
		u.NoncurrentBytes += v.Size
	}
}

// eachVersion calls fn with every version record below prefix. The record is only
// good until fn returns.
func (sn *snap) eachVersion(ctx context.Context, prefix []byte, fn func(*record.Version)) error {
	it := sn.r.Scan(meta.ScanOptions{Prefix: prefix})
	defer it.Close()
	var v record.Version
	for n := 0; it.Next(); n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := unmarshal(it.Key(), it.Value(), &v); err != nil {
			return err
		}
		fn(&v)
	}
	return damaged(it.Err())
}
