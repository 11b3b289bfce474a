package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"pail/store/fault"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// The first reading: every record there is, each by itself. What cannot be read is
// noted, so that the readings after this one pass it over.

// A tableCheck is how the records of one table are checked one by one.
type tableCheck struct {
	first byte
	what  string // a record of the table, for people
	title func(f *fsck, k []byte) string
	check func(f *fsck, k, v []byte) error
	// without says what repair does where a record of the table cannot be read: it takes
	// it away, and the checks after this one make good what is missing then.
	without string
}

// tableChecks are all tables.
func tableChecks() []tableCheck {
	id := table.Number
	split := func(k []byte) (uint64, error) {
		if len(k) != 13 {
			return 0, table.ErrMalformed
		}
		return table.SplitBucket(k), nil
	}
	return []tableCheck{
		{table.Buckets()[0], "bucket", titleName, (*fsck).checkBucket, "makes the bucket again from what is in it, with default settings and no tags"},
		{table.BucketID(0)[0], "bucket number", titleNumber, (*fsck).checkBucketID, "makes it again from the bucket"},
		{table.Head(0, "")[0], "current version", titleKey, (*fsck).checkHead, "keeps its bytes in " + LostFound + ", and the key reads as deleted"},
		{table.Dead(0, "")[0], "delete marker", titleKey, (*fsck).checkDead, "makes the marker again if the key has a history"},
		{table.NoncurrentBelow(0, "")[0], "old version", titleSplit(dropNumber(table.SplitNoncurrent)), (*fsck).checkNoncurrent, "keeps its bytes in " + LostFound + ""},
		{table.Dir(0, "")[0], "directory", titleSplit(table.SplitDir), (*fsck).checkDir, "makes it again from what is in it, with default attributes"},
		{table.PastDirsBelow(0, "")[0], "past directory", titleSplit(dropNumber(table.SplitPastDir)), (*fsck).checkPastDir, "removes it: views of the past no longer show the attributes that the directory had"},
		{table.Inlines()[0], "inlined content", titleNumber, func(f *fsck, k, v []byte) error { return firstError(id(k)) }, "removes it, and keeps in " + LostFound + " what is known of the versions that need it"},
		{table.Blobs()[0], "content", titleNumber, func(f *fsck, k, v []byte) error {
			return errors.Join(firstError(id(k)), unmarshal(k, v, new(record.Blob)))
		}, "makes it again from the content file and from those who need it"},
		{table.ExtentLists()[0], "extent list", titleNumber, func(f *fsck, k, v []byte) error {
			return errors.Join(firstError(split(k)), unmarshal(k, v, new(record.ExtentList)))
		}, "keeps the versions that need it in " + LostFound + ", with the bytes that are left"},
		{table.Garbages()[0], "garbage", titleNumber, func(f *fsck, k, v []byte) error { return firstError(id(k)) }, "removes it"},
		{table.Pendings()[0], "pending publish", titleNumber, (*fsck).checkPending, "lets the publish stand and keeps in " + LostFound + " what it replaced"},
		{table.Drafts()[0], "draft", titleNumber, func(f *fsck, k, v []byte) error {
			var d record.Draft
			if err := errors.Join(firstError(id(k)), unmarshal(k, v, &d)); err != nil {
				return err
			}
			return f.checkLabels(k, d.Version)
		}, "keeps its content file in " + LostFound},
		{table.Patches()[0], "patch of a draft", titleNumber, func(f *fsck, k, v []byte) error {
			return errors.Join(firstError(split(k)), unmarshal(k, v, new(record.Patch)))
		}, "removes it: the draft has what was synced before"},
		{table.AllUploads()[0], "upload", titleSplit(dropNumber(table.SplitUpload)), (*fsck).checkUpload, "keeps its parts in " + LostFound},
		{table.AllParts()[0], "part of upload", titleNumber, (*fsck).checkPart, "keeps its bytes in " + LostFound},
		{table.Moves()[0], "rename", titleNumber, func(f *fsck, k, v []byte) error {
			return errors.Join(firstError(id(k)), unmarshal(k, v, new(record.Move)))
		}, "leaves each file where it has come by now"},
		{table.Feeds()[0], "change", titleNumber, (*fsck).checkFeed, "removes it"},
		{table.Cursors()[0], "cursor", titleName, (*fsck).checkCursor, "removes it: its reader begins anew"},
		{table.Times()[0], "time of commit", titleNumber, (*fsck).checkTime, "removes it: the commit counts as of the time before"},
		{table.Setbacks()[0], "setback of the clock", titleNumber, (*fsck).checkTime, "makes it again from the times of commits"},
		{table.Identities()[0], "identity", titleIdentity, (*fsck).checkIdentity, "removes it: make another (an access key with pail key create)"},
		{table.AllKms()[0], "key management", titleKMS, (*fsck).checkKMS, "removes it: what was encrypted with a key that is gone stays so"},
		{table.Configs()[0], "configuration of a bucket", titleConfig, (*fsck).checkConfig, "removes it: the bucket is without that configuration"},
		{table.Events()[0], "event for a webhook", titleNumber, (*fsck).checkEvent, "removes it: the webhook is not told of it"},
		{table.Trails()[0], "record of the audit trail", titleNumber, func(f *fsck, k, v []byte) error {
			return errors.Join(firstError(id(k)), unmarshal(k, v, new(record.TrailEvent)))
		}, "removes it: the audit trail is without it"},
		{table.AccessPoints()[0], "access point", titleAccessPoint, (*fsck).checkAccessPoint, "removes it: nobody gets in through it; make another"},
		{table.Setting("")[0], "setting", titleName, (*fsck).checkSetting, "removes it, and the defaults hold"},
	}
}

func firstError(_ uint64, err error) error { return err }

func tableOf(k []byte) (tableCheck, bool) {
	for _, t := range tableChecks() {
		if len(k) > 0 && k[0] == t.first {
			return t, true
		}
	}
	return tableCheck{}, false
}

// checkRecords reads every record.
func (f *fsck) checkRecords() error {
	f.begin("records", 0)
	var checks [256]*tableCheck
	for _, t := range tableChecks() {
		checks[t.first] = &t
	}
	var start, last []byte
	for {
		it := f.sn.r.(*tolerantReader).r.Scan(meta.ScanOptions{Start: start})
		last = append(last[:0], start...)
		for it.Next() {
			if err := f.step(); err != nil {
				it.Close()
				return err
			}
			last = append(last[:0], it.Key()...)
			if err := f.checkRecord(checks[last[0]], last, it.Value()); err != nil {
				it.Close()
				return err
			}
		}
		err := it.Err()
		next, more := behindDamage(it, last)
		it.Close()
		var d *meta.DamageError
		if err == nil || !errors.As(err, &d) {
			return damaged(err)
		}
		if !more {
			return f.add(ProblemRecord, f.recordTitle(last), "nothing behind this record can be read: "+d.Reason, advise(adviseCopy))
		}
		if err := f.badRecord(next[:len(next)-1], d); err != nil {
			return err
		}
		start = next
	}
}

func (f *fsck) checkRecord(t *tableCheck, k, v []byte) error {
	if t == nil {
		return f.add(ProblemRecordUnknown, fmt.Sprintf("record %q", k), "it is of no table that this program knows", advise(adviseNewer))
	}
	err := t.check(f, k, v)
	if err == nil || errors.Is(err, errTooMany) {
		return err
	}
	if isRecordError(err) {
		return f.badRecord(k, err)
	}
	return err
}

// isRecordError says whether err is about the record itself, and not about a repair.
func isRecordError(err error) bool {
	var d *meta.DamageError
	return unreadable(err) || errors.As(err, &d) || errors.Is(err, table.ErrMalformed)
}

// badRecord reports a record that cannot be read, and has it passed over from now on.
func (f *fsck) badRecord(k []byte, err error) error {
	f.bad[string(k)] = true
	var d *meta.DamageError
	switch {
	case errors.As(err, &d):
		return f.add(ProblemRecord, f.recordTitle(k), "its checksum is wrong", f.without(k))
	case fault.Is(err, fault.NewerFormat):
		return f.add(ProblemRecordNewer, f.recordTitle(k), "a newer program wrote it", advise(adviseNewer))
	case errors.Is(err, table.ErrMalformed):
		return f.add(ProblemRecord, f.recordTitle(k), "its key is malformed", f.without(k))
	}
	return f.add(ProblemRecord, f.recordTitle(k), "its bytes are no such record", f.without(k))
}

// wrong reports a record that contradicts itself, its place or the rest.
func (f *fsck) wrong(k []byte, rem remedy, format string, args ...any) error {
	return f.add(ProblemRecordWrong, f.recordTitle(k), fmt.Sprintf(format, args...), rem)
}

// checkNumbers reports a sequence that is still to come or an id that was never given
// out: what comes under that number would take this for its own.
func (f *fsck) checkNumbers(k []byte, seq, id uint64, rem remedy) error {
	if seq > f.seq {
		return f.wrong(k, rem, "it is of commit %d, and the last one was %d", seq, f.seq)
	}
	if id > f.lastID {
		return f.wrong(k, rem, "it has the number %d, and the last one given out was %d", id, f.lastID)
	}
	return nil
}

// checkOwner reports a record of a bucket that does not exist.
func (f *fsck) checkOwner(k []byte, bucket uint64) error {
	if f.buckets[bucket] == nil && !f.dropped[bucket] {
		return f.wrong(k, f.makeBucket(bucket), "there is no bucket %d", bucket)
	}
	return nil
}

func (f *fsck) checkBucket(k, v []byte) error {
	var b record.Bucket
	if err := unmarshal(k, v, &b); err != nil {
		return err
	}
	sound := f.soundBucket(k)
	switch {
	case b.Id == 0 || b.Name != string(k[1:]):
		return f.wrong(k, sound, "it says that it is bucket %q with number %d", b.Name, b.Id)
	case versioning.State(b.Versioning) > versioning.Suspended:
		return f.wrong(k, sound, "%d is no state of versioning", b.Versioning)
	case b.Versioning != 0 && !b.EverVersioned:
		return f.wrong(k, sound, "it is versioned and says that it never was")
	case b.ObjectLock && versioning.State(b.Versioning) != versioning.Enabled:
		return f.wrong(k, sound, "it has Object Lock and is not versioned")
	case b.Versioned != 0 && (!b.EverVersioned || b.Versioned < b.Born || b.Versioned > f.seq):
		return f.wrong(k, sound, "it says that its history begins at commit %d", b.Versioned)
	}
	if bad := checkSettings(b.GetSettings()); bad != "" {
		return f.wrong(k, sound, "%s", bad)
	}
	if b.MfaDelete > uint32(MFADisabled) {
		return f.wrong(k, sound, "%d is no state of MFA delete", b.MfaDelete)
	}
	if q := b.Quota; q != nil && (q.Bytes < 0 || q.Objects < 0) {
		return f.wrong(k, sound, "its quota is none that a bucket can have")
	}
	if d := b.DefaultRetention; d != nil && (!b.ObjectLock || d.Mode > uint32(versioning.Compliance) || versioning.CheckDefaultRetention(toDefaultRetention(d)) != nil) {
		return f.wrong(k, sound, "its default retention is none that a bucket can have")
	}
	if err := versioning.CheckBucketTags(b.Tags); err != nil {
		return f.wrong(k, sound, "%v", err)
	}
	if bad := cmp.Or(checkBucketAccess(&b), checkBucketEncryption(b.Encryption)); bad != "" {
		return f.wrong(k, sound, "%s", bad)
	}
	return f.checkNumbers(k, b.Born, b.Id, sound)
}

// checkSetting checks what was chosen for the store. The other records of its table are
// notes from one owner of the store to the next, whose keys say all.
func (f *fsck) checkSetting(k, v []byte) error {
	switch {
	case string(k) == string(settingScrub()):
		return unmarshal(k, v, new(record.Scrub))
	case bytes.HasPrefix(k, settingUsage()), bytes.HasPrefix(k, settingComing()):
		return unmarshal(k, v, new(record.Usage))
	case string(k) == string(settingEncrypting()):
		return unmarshal(k, v, new(record.Encrypting))
	case string(k) == string(settingExpiry()):
		return unmarshal(k, v, new(record.Expiry))
	case string(k) == string(settingTrail()):
		return f.checkTrail(k, v)
	case string(k) == string(settingTrailState()):
		return unmarshal(k, v, new(record.TrailState))
	case bytes.HasPrefix(k, settingDamage()):
		return unmarshal(k, v, new(record.Damage))
	case bytes.HasPrefix(k, settingAccountBlock("")):
		return f.checkAccountBlock(k, v)
	case bytes.HasPrefix(k, settingWebhook()):
		return f.checkWebhook(k, v)
	case bytes.HasPrefix(k, settingLogQueues()):
		return f.checkLogQueue(k, v)
	case string(k) != string(settingStore()):
		return nil
	}
	var c record.Settings
	if err := unmarshal(k, v, &c); err != nil {
		return err
	}
	if bad := checkSettings(&c); bad != "" {
		return f.wrong(k, f.without(k), "%s", bad)
	}
	return nil
}

func (f *fsck) checkBucketID(k, v []byte) error {
	id, err := table.Number(k)
	if err != nil {
		return err
	}
	if b := f.buckets[id]; b == nil || b.Name != string(v) {
		return f.add(ProblemBucket, fmt.Sprintf("bucket %q", v), fmt.Sprintf("number %d is said to be this bucket, which has another number or does not exist", id), f.numberBucket(id))
	}
	return nil
}

// versionOf parses a version and checks what all of them have in common.
func (f *fsck) versionOf(k, b []byte) (*record.Version, error) {
	if len(k) < 9 {
		return nil, table.ErrMalformed
	}
	v := new(record.Version)
	if err := unmarshal(k, b, v); err != nil {
		return nil, err
	}
	if err := f.checkOwner(k, table.SplitBucket(k)); err != nil {
		return nil, err
	}
	live := !v.Marker && !v.Bare
	switch {
	case v.Size < 0:
		return v, f.wrong(k, amend("makes it the size of its content", k, func(_ *txn, v *record.Version) { v.Size = 0 }), "its size is %d", v.Size)
	case live && v.Ino == 0:
		return v, f.wrong(k, f.newInode(k), "it has no inode number")
	case !live && v.Content != nil:
		return v, f.wrong(k, f.restoreLive(k), "it has content and should have none")
	case !live && v.Lock != nil:
		return v, f.wrong(k, amend("removes the lock", k, func(_ *txn, v *record.Version) { v.Lock = nil }), "it is no version and has a lock")
	case v.Lock.GetMode() > uint32(versioning.Compliance) || v.Lock.GetHold() > uint32(versioning.Released):
		return v, f.wrong(k, amend("takes it for the strictest", k, func(_ *txn, v *record.Version) {
			v.Lock.Mode = min(v.Lock.Mode, uint32(versioning.Compliance))
			if v.Lock.Hold > uint32(versioning.Released) {
				v.Lock.Hold = uint32(versioning.Held)
			}
		}), "its lock is of a kind that there is not")
	}
	if err := f.checkLabels(k, v); err != nil {
		return v, err
	}
	if err := f.checkNumbers(k, v.Seq, 0, f.newSeq(k)); err != nil {
		return v, err
	}
	return v, f.checkNumbers(k, 0, v.Ino, f.newInode(k))
}

func (f *fsck) checkHead(k, b []byte) error {
	v, err := f.versionOf(k, b)
	if err == nil && (v.Marker || v.Bare) && v.Content == nil {
		err = f.wrong(k, f.moveToDead(k), "a key that does not exist is recorded as one that does")
	}
	return err
}

func (f *fsck) checkDead(k, b []byte) error {
	v, err := f.versionOf(k, b)
	if err == nil && v.Marker == v.Bare {
		err = f.wrong(k, f.makeMarker(k), "it is no delete marker")
	}
	return err
}

func (f *fsck) checkNoncurrent(k, b []byte) error {
	v, err := f.versionOf(k, b)
	if err != nil {
		return err
	}
	_, seq, err := table.SplitNoncurrent(k)
	switch {
	case err != nil:
		return err
	case v.Bare:
		return f.wrong(k, drop("removes it", k), "it is no version")
	case seq != v.Seq:
		return f.wrong(k, amend("goes by where it stands", k, func(_ *txn, v *record.Version) { v.Seq = seq }), "it says that it is of commit %d and stands under %d", v.Seq, seq)
	case v.NextNumber != 0 || v.NullSeq != 0 || v.Noncurrent != 0:
		return f.wrong(k, amend("removes that", k, func(_ *txn, v *record.Version) { v.NextNumber, v.NullSeq, v.Noncurrent = 0, 0, 0 }),
			"it says what only a current version may say")
	}
	return nil
}

// dirOf parses a directory and checks what all of them have in common.
func (f *fsck) dirOf(k, b []byte) (*record.Dir, error) {
	if len(k) < 9 {
		return nil, table.ErrMalformed
	}
	d := new(record.Dir)
	if err := unmarshal(k, b, d); err != nil {
		return nil, err
	}
	if err := f.checkOwner(k, table.SplitBucket(k)); err != nil {
		return nil, err
	}
	sound := f.soundDir(k)
	if d.Ino == 0 || d.Attr == nil {
		return d, f.wrong(k, sound, "it has no inode number or no attributes")
	}
	if err := checkXattrs(d.Xattrs); err != nil {
		return d, f.wrong(k, sound, "%v", err)
	}
	return d, f.checkNumbers(k, d.Born, d.Ino, sound)
}

func (f *fsck) checkDir(k, b []byte) error {
	d, err := f.dirOf(k, b)
	if err == nil && d.Died != 0 {
		err = f.wrong(k, f.soundDir(k), "it says that it is gone")
	}
	if err != nil {
		return err
	}
	_, err = table.SplitDir(k)
	return err
}

func (f *fsck) checkPastDir(k, b []byte) error {
	d, err := f.dirOf(k, b)
	if err != nil {
		return err
	}
	_, died, err := table.SplitPastDir(k)
	switch {
	case err != nil:
		return err
	case d.Died != died || died < d.Born:
		return f.wrong(k, f.without(k), "it lived from commit %d to %d and stands under %d", d.Born, d.Died, died)
	}
	return f.checkNumbers(k, died, 0, f.without(k))
}

func (f *fsck) checkPending(k, v []byte) error {
	seq, err := table.Number(k)
	if err != nil {
		return err
	}
	if err := unmarshal(k, v, new(record.Pending)); err != nil {
		return err
	}
	return f.checkNumbers(k, seq, 0, f.without(k))
}

func (f *fsck) checkUpload(k, v []byte) error {
	if len(k) < 9 {
		return table.ErrMalformed
	}
	var u record.Upload
	if err := unmarshal(k, v, &u); err != nil {
		return err
	}
	_, number, err := table.SplitUpload(k)
	switch {
	case err != nil:
		return err
	case number != u.Number:
		return f.wrong(k, amend("goes by where it stands", k, func(_ *txn, u *record.Upload) { u.Number = number }), "it says that it is upload %d and stands under %d", u.Number, number)
	case u.Version.GetContent() != nil:
		return f.wrong(k, amend("removes that", k, func(_ *txn, u *record.Upload) { u.Version.Content = nil }), "it has content before it is complete")
	}
	if err := f.checkOwner(k, table.SplitBucket(k)); err != nil {
		return err
	}
	if err := f.checkLabels(k, u.Version); err != nil {
		return err
	}
	return f.checkNumbers(k, 0, number, f.without(k))
}

func (f *fsck) checkPart(k, v []byte) error {
	if len(k) != 13 {
		return table.ErrMalformed
	}
	var p record.Part
	if err := unmarshal(k, v, &p); err != nil {
		return err
	}
	if want := table.Part(table.SplitBucket(k), p.Number); string(want) != string(k) {
		number := binary.BigEndian.Uint32(k[9:])
		return f.wrong(k, amend("goes by where it stands", k, func(_ *txn, p *record.Part) { p.Number = number }), "it says that it is part %d and stands under another number", p.Number)
	}
	return nil
}

func (f *fsck) checkFeed(k, v []byte) error {
	if len(k) != 13 {
		return table.ErrMalformed
	}
	if err := unmarshal(k, v, new(record.Change)); err != nil {
		return err
	}
	seq, _ := table.SplitFeed(k)
	return f.checkNumbers(k, seq, 0, f.without(k))
}

func (f *fsck) checkCursor(k, v []byte) error {
	var c record.Cursor
	if err := unmarshal(k, v, &c); err != nil {
		return err
	}
	if name := string(k[1:]); c.Name != name {
		return f.wrong(k, amend("goes by where it stands", k, func(_ *txn, c *record.Cursor) { c.Name = name }), "it says that its name is %q", c.Name)
	}
	return f.checkNumbers(k, c.Seq, 0, f.without(k))
}

func (f *fsck) checkTime(k, v []byte) error {
	seq, err := table.Number(k)
	if err != nil {
		return err
	}
	if len(v) != 8 {
		return f.wrong(k, f.without(k), "it is no time")
	}
	return f.checkNumbers(k, seq, 0, f.without(k))
}

// checkBuckets checks that each bucket is found by its number.
func (f *fsck) checkBuckets() error {
	for id, b := range f.buckets {
		name, err := f.sn.r.Get(table.BucketID(id))
		if errors.Is(err, meta.ErrNotFound) {
			err = nil
		}
		if err == nil && string(name) != b.Name {
			err = f.add(ProblemBucket, b.Name, fmt.Sprintf("its number %d does not lead to it", id), f.leadTo(b))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkMoves checks the renames on their way.
func (f *fsck) checkMoves() error {
	for i, m := range f.sn.moves {
		k := table.Move(m.Id)
		isDir := strings.HasSuffix(m.From, "/") && strings.HasSuffix(m.To, "/")
		if f.buckets[m.Bucket] == nil || !isDir || overlap(m.From, m.To) {
			if err := f.wrong(k, f.without(k), "it renames %q to %q in bucket %d, which cannot be", m.From, m.To, m.Bucket); err != nil {
				return err
			}
		}
		for _, o := range f.sn.moves[:i] {
			if m.Id == o.Id {
				continue // the two halves of an exchange
			}
			if m.Bucket == o.Bucket && (overlap(m.From, o.From) || overlap(m.From, o.To) || overlap(m.To, o.From) || overlap(m.To, o.To)) {
				if err := f.wrong(k, f.without(k), "it overlaps with another rename, of %q to %q", o.From, o.To); err != nil {
					return err
				}
			}
		}
		if err := f.checkNumbers(k, m.Seq, m.Id, f.without(k)); err != nil {
			return err
		}
	}
	return nil
}
