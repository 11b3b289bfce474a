package store

import (
	"fmt"
	"slices"

	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// Remedies for records that can be read and say what cannot be.

// soundLabelsAt removes labels that no rule allows: of a version, a draft or an upload.
func (f *fsck) soundLabelsAt(k []byte) remedy {
	const does = "removes the labels that are not allowed"
	switch k[0] {
	case table.Drafts()[0]:
		return amend(does, k, func(_ *txn, d *record.Draft) { soundLabels(d.Version) })
	case table.AllUploads()[0]:
		return amend(does, k, func(_ *txn, u *record.Upload) { soundLabels(u.Version) })
	}
	return amend(does, k, func(_ *txn, v *record.Version) { soundLabels(v) })
}

// newInode gives a file another number.
func (f *fsck) newInode(k []byte) remedy {
	return amend("gives it a new inode number", k, func(t *txn, v *record.Version) { v.Ino = t.tx.NextID() })
}

// newSeq makes a version as new as can be. A noncurrent one has a place that goes by its
// sequence, which is lost.
func (f *fsck) newSeq(k []byte) remedy {
	if k[0] == table.NoncurrentBelow(0, "")[0] {
		return f.exile("keeps it in "+LostFound, k)
	}
	return amend("makes it the newest of its key", k, func(t *txn, v *record.Version) { v.Seq, v.Turns = t.tx.Seq(), nil })
}

// restoreLive makes what has content a version again. In the table of what is dead it
// cannot be one: its bytes are kept.
func (f *fsck) restoreLive(k []byte) remedy {
	if k[0] == table.Dead(0, "")[0] {
		return amend("keeps its bytes in "+LostFound, k, func(_ *txn, v *record.Version) { v.Content = nil })
	}
	return amend("takes it for a version", k, func(t *txn, v *record.Version) {
		v.Marker, v.Bare = false, false
		if v.Ino == 0 {
			v.Ino = t.tx.NextID()
		}
	})
}

// moveToDead removes a head that is none. If it was one, and had content, the counts say so.
func (f *fsck) moveToDead(k []byte) remedy {
	return drop("lets the key read as deleted", k)
}

// makeMarker makes what is dead a delete marker. What content it has is kept.
func (f *fsck) makeMarker(k []byte) remedy {
	return amend("takes it for a delete marker", k, func(_ *txn, v *record.Version) {
		v.Marker, v.Bare, v.Content = true, false, nil
	})
}

// soundDir gives a directory what it must have.
func (f *fsck) soundDir(k []byte) remedy {
	past := k[0] == table.PastDirsBelow(0, "")[0]
	return amend("gives it what is missing", k, func(t *txn, d *record.Dir) {
		fresh := t.newDir(nil)
		if d.Ino == 0 || d.Ino > f.lastID {
			d.Ino = fresh.Ino
		}
		if d.Attr == nil {
			d.Attr = fresh.Attr
		}
		d.Xattrs = allowed(d.Xattrs, checkXattrs)
		switch {
		case past:
			d.Born = min(d.Born, d.Died)
		default:
			d.Died = 0
			if d.Born > f.seq {
				d.Born = t.tx.Seq()
			}
		}
	})
}

// soundBucket gives a bucket what it must have, and removes what it cannot have.
func (f *fsck) soundBucket(k []byte) remedy {
	name := string(k[1:])
	return amend("removes what cannot be", k, func(t *txn, b *record.Bucket) {
		b.Name = name
		if b.Id == 0 {
			b.Id = f.numberOf(name)
		}
		if b.Id == 0 {
			b.Id = t.tx.NextID()
		}
		if versioning.State(b.Versioning) > versioning.Suspended {
			b.Versioning = uint32(versioning.Suspended)
		}
		if b.ObjectLock {
			b.Versioning = uint32(versioning.Enabled)
		}
		b.EverVersioned = b.EverVersioned || b.Versioning != 0
		if b.Born > f.seq {
			b.Born = 1
		}
		switch {
		case !b.EverVersioned:
			b.Versioned = 0
		case b.Versioned < b.Born || b.Versioned > f.seq:
			b.Versioned = b.Born
		}
		if checkSettings(b.GetSettings()) != "" {
			b.Settings = nil
		}
		if b.MfaDelete > uint32(MFADisabled) {
			b.MfaDelete = uint32(MFAEnabled)
		}
		if q := b.Quota; q != nil && (q.Bytes < 0 || q.Objects < 0) {
			b.Quota = nil
		}
		if d := b.DefaultRetention; d != nil {
			if d.Mode = min(d.Mode, uint32(versioning.Compliance)); !b.ObjectLock || versioning.CheckDefaultRetention(toDefaultRetention(d)) != nil {
				b.DefaultRetention = nil
			}
		}
		b.Tags = allowed(b.Tags, versioning.CheckBucketTags)
		if int(b.Ownership) >= len(ownerships) {
			b.Ownership = 0
		}
		if checkACLRecord(b.Acl) != "" {
			b.Acl = nil
		}
		if checkBucketEncryption(b.Encryption) != "" {
			b.Encryption.Mode = encryptedS3
		}
	})
}

// numberOf is the number that leads to a bucket of that name, 0 if none does.
func (f *fsck) numberOf(name string) (id uint64) {
	_ = f.scan(table.BucketID(0)[:1], func(k, v []byte) error {
		if string(v) == name && len(k) == 9 {
			id = table.SplitBucket(k)
		}
		return nil
	})
	return id
}

// makeBucket makes a bucket for records that have none, one problem for all of them.
func (f *fsck) makeBucket(id uint64) remedy {
	f.buckets[id] = &record.Bucket{Id: id, Name: fmt.Sprintf("(bucket %d)", id), EverVersioned: true}
	return remedy{
		does: fmt.Sprintf("makes it again, under its name if that is known and else as %s", lostBucket(id)),
		fix:  func(r *repairer) error { return r.update(func(t *txn) error { return t.makeBucket(id) }) },
	}
}

// lostBucket is the name of a bucket of which only the number is known.
func lostBucket(id uint64) string { return fmt.Sprintf("%s-%d", LostFound, id) }

// numberBucket deals with a number that leads to a bucket that is not there.
func (f *fsck) numberBucket(id uint64) remedy {
	return remedy{does: "makes the bucket again if anything is left of it", fix: func(r *repairer) error {
		return r.update(func(t *txn) error {
			used, err := t.anyOf(id)
			if err != nil {
				return err
			}
			if !used {
				t.tx.Delete(table.BucketID(id))
				return nil
			}
			return t.makeBucket(id)
		})
	}}
}

// leadTo has a bucket found by its number.
func (f *fsck) leadTo(b *record.Bucket) remedy {
	return remedy{does: "has it lead there", fix: func(r *repairer) error {
		return r.update(func(t *txn) error {
			t.tx.Set(table.BucketID(b.Id), []byte(b.Name))
			return nil
		})
	}}
}

// anyOf says whether there is any record of a bucket's.
func (t *txn) anyOf(bucket uint64) (bool, error) {
	for _, prefix := range [][]byte{
		table.Dir(bucket, ""), table.Head(bucket, ""), table.NoncurrentBelow(bucket, ""), table.Dead(bucket, ""), table.UploadsBelow(bucket, ""),
	} {
		if any, err := t.anyBelow(prefix, nil); any || err != nil {
			return any, err
		}
	}
	return false, nil
}

// makeBucket makes the record of a bucket again: under the name that its number leads to
// if no other bucket has that by right.
func (t *txn) makeBucket(id uint64) error {
	name := lostBucket(id)
	if b, err := t.r.Get(table.BucketID(id)); err == nil && versioning.CheckBucketName(string(b)) == nil {
		name = string(b)
	}
	b := new(record.Bucket)
	ok, err := t.get(table.Bucket(name), b)
	if err := ignoreUnreadable(err); err != nil {
		return err
	}
	if ok && err == nil {
		if b.Id == id {
			return nil
		}
		used, err := t.anyOf(b.Id)
		if err != nil {
			return err
		}
		if !used { // its number is wrong, and this is it
			b.Id = id
			return t.putBucketAgain(b)
		}
		name = lostBucket(id)
	}
	b = &record.Bucket{
		Schema: record.Schema, Id: id, Name: name, Account: Account, Region: t.s.label.Region,
		CreatedNs: t.now().UnixNano(), Born: 1, Block: fromBlock(blockAll),
	}
	if b.Policied, err = t.anyBelow(table.ConfigOf(table.ConfigPolicy, id), nil); err != nil {
		return err
	}
	for _, prefix := range [][]byte{table.NoncurrentBelow(id, ""), table.Dead(id, "")} {
		history, err := t.anyBelow(prefix, nil)
		if err != nil {
			return err
		}
		if history {
			b.Versioning, b.EverVersioned, b.Versioned = uint32(versioning.Enabled), true, 1
		}
	}
	for _, prefix := range [][]byte{table.Head(id, ""), table.NoncurrentBelow(id, "")} {
		locks, err := t.anyBelow(prefix, hasLock)
		if err := ignoreUnreadable(err); err != nil {
			return err
		}
		if locks {
			b.ObjectLock, b.Versioning, b.EverVersioned, b.Versioned = true, uint32(versioning.Enabled), true, 1
		}
	}
	return t.putBucketAgain(b)
}

// hasLock says whether the record of a version has a lock. What cannot be read has a remedy
// of its own.
func hasLock(value []byte) (bool, error) {
	var v record.Version
	if record.Unmarshal(value, &v) != nil {
		return false, nil
	}
	return v.Lock != nil, nil
}

// putBucketAgain writes the record of a bucket while it is not known yet which there are.
func (t *txn) putBucketAgain(b *record.Bucket) error {
	t.tx.Set(table.BucketID(b.Id), []byte(b.Name))
	return t.put(table.Bucket(b.Name), b)
}

// keepHistory makes a bucket one that has been versioned, because there is history in it.
func (r *repairer) keepHistory(bucket uint64) error {
	return r.update(func(t *txn) error {
		b := t.bucketByID(bucket)
		if b == nil || b.EverVersioned {
			return nil
		}
		return t.editBucket(b, func(b *record.Bucket) {
			b.EverVersioned, b.Versioned, b.Versioning = true, max(1, b.Born), uint32(versioning.Suspended)
		})
	})
}

// exile takes a version out of its key and keeps it.
func (f *fsck) exile(does string, k []byte) remedy {
	k = slices.Clone(k)
	return remedy{does: does, late: true, fix: func(r *repairer) error { return r.exile(k) }}
}
