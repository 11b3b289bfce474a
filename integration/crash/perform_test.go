package crash

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"pail/store"
	"pail/store/checksum"
	"pail/store/iam"
	"pail/versioning"
)

// A performer calls the store.
type performer struct {
	s     *store.Store
	se    *store.Session
	files map[int]*store.File
	ids   map[int]upload         // of uploads that were begun
	etags map[int]map[int]string // of their parts
	marks map[int]store.Moment
}

func newPerformer(s *store.Store) *performer {
	return &performer{
		s: s, se: owner(s), files: map[int]*store.File{},
		ids: map[int]upload{}, etags: map[int]map[int]string{}, marks: map[int]store.Moment{},
	}
}

// perform does what an act says and returns the version that it made, if it tells.
func (p *performer) perform(ctx context.Context, a act) (o store.Object, err error) {
	from, to := store.Path{Bucket: a.Bucket, Key: a.Key}, store.Path{Bucket: a.Bucket, Key: a.To}
	switch a.Op {
	case opBucket:
		_, err = p.se.CreateBucket(ctx, a.Bucket, store.BucketOptions{Versioning: a.State})
	case opDrop:
		err = p.se.DeleteBucket(ctx, a.Bucket)
	case opState:
		err = p.se.SetVersioning(ctx, a.Bucket, a.State)
	case opSetting:
		err = p.se.SetSetting(ctx, a.Bucket, noHistory, a.Values)
	case opReset:
		err = p.se.ResetSetting(ctx, a.Bucket, noHistory)
	case opLabel:
		err = p.label(ctx, a)
	case opCORS, opNoCORS, opWebsite, opNoWebsite, opLifecycle, opNoLifecycle, opPolicy, opNoPolicy, opBlock, opNoBlock, opOwnership, opNoOwnership, opACL, opNoACL, opQuota, opNoQuota, opLock, opNotify:
		err = p.configure(ctx, a)
	case opAccessKey, opRootKey, opKeyActive, opDropKey, opUser, opTagUser, opDropUser, opHook, opUnhook:
		err = p.account(ctx, a)
	case opPut:
		in := putInput(a)
		in.Body, in.Size = &genReader{gen: a.Gen, n: a.Len}, a.Len
		o, err = p.se.Put(ctx, a.Bucket, a.Key, in)
	case opParts:
		o, err = p.upload(ctx, a)
	case opBegin, opPart, opPartCopy, opComplete, opAbort:
		return p.performUpload(ctx, a)
	case opMark:
		p.marks[a.N], err = p.se.Moment(ctx, a.Bucket, "now")
	case opGoBack:
		in := store.RestoreInput{At: p.marks[a.Handle]}
		err = p.se.RestoreAt(ctx, a.Bucket, a.Key, in, func(store.RestoreStep) error { return nil })
	case opCopy:
		o, err = p.se.Copy(ctx, store.Source{Bucket: a.Bucket, Key: a.Key, Version: a.Version}, a.Bucket, a.To, store.CopyInput{})
	case opRestore:
		o, err = p.se.Restore(ctx, a.Bucket, a.Key, a.Version)
	case opDelete, opForget:
		var r store.DeleteResult
		r, err = p.se.Delete(ctx, a.Bucket, a.Key, store.DeleteOptions{Version: a.Version, KeepDirs: a.Keep})
		o.VersionID = r.VersionID
	case opTags:
		err = p.tag(ctx, a)
	case opEncrypt:
		in := store.EncryptionUpdate{Encryption: store.EncryptionInput{Mode: store.ModeS3}}
		if a.Keep {
			in.Encryption.Mode = store.ModeKMS
		}
		_, err = p.se.UpdateEncryption(ctx, a.Bucket, a.Key, a.Version, in)
	case opMode, opOwner, opTimes, opOwn:
		err = p.setAttr(ctx, a)
	case opRetag, opDescribe, opXattr:
		err = p.relabel(ctx, a)
	case opMkdir:
		_, err = p.se.Mkdir(ctx, a.Bucket, a.Key, store.Attr{Mode: 0o755})
	case opRmdir:
		err = p.se.Rmdir(ctx, a.Bucket, a.Key)
	case opSymlink:
		o, err = p.se.Symlink(ctx, a.Bucket, a.Key, a.To, store.Attr{Mode: 0o777})
	case opUnlink:
		err = p.se.Unlink(ctx, a.Bucket, a.Key)
	case opRename:
		err = p.se.Rename(ctx, from, to, store.RenameFlags{})
	case opRekey:
		err = p.se.RenameObject(ctx, a.Bucket, a.Key, a.To, store.RenameInput{})
	case opExchange:
		err = p.se.Rename(ctx, from, to, store.RenameFlags{Exchange: true})
	case opSync:
		err = p.s.Sync(ctx)
	case opCompact:
		err = compact(ctx, p.s)
	default:
		return p.performFile(ctx, a)
	}
	return o, err
}

// noHistory is the setting that says which names have no history.
const noHistory = "no-history"

// label gives a bucket tags: all of them, or one more.
func (p *performer) label(ctx context.Context, a act) error {
	if a.Keep {
		return p.se.ChangeBucketTags(ctx, a.Bucket, store.TextChange{Set: a.Tags})
	}
	return p.se.SetBucketTags(ctx, a.Bucket, a.Tags)
}

// configure changes a configuration of a bucket.
func (p *performer) configure(ctx context.Context, a act) error {
	switch a.Op {
	case opCORS:
		return p.se.SetCORS(ctx, a.Bucket, corsOf(a.Gen))
	case opNoCORS:
		return p.se.DeleteCORS(ctx, a.Bucket)
	case opWebsite:
		return p.se.SetWebsite(ctx, a.Bucket, websiteOf(a.Gen))
	case opNoWebsite:
		return p.se.DeleteWebsite(ctx, a.Bucket)
	case opLifecycle:
		return p.se.SetLifecycle(ctx, a.Bucket, lifecycleOf(a.Gen))
	case opNoLifecycle:
		return p.se.DeleteLifecycle(ctx, a.Bucket)
	case opPolicy:
		return p.se.SetBucketPolicy(ctx, a.Bucket, policyOf(a.Bucket, a.Gen), false)
	case opNoPolicy:
		return p.se.DeleteBucketPolicy(ctx, a.Bucket)
	case opBlock:
		return p.se.SetPublicAccess(ctx, a.Bucket, blockOf(a.Gen))
	case opNoBlock:
		return p.se.DeletePublicAccess(ctx, a.Bucket)
	case opOwnership:
		return p.se.SetOwnership(ctx, a.Bucket, ownershipOf(a.Gen))
	case opNoOwnership:
		return p.se.DeleteOwnership(ctx, a.Bucket)
	case opACL:
		return p.se.SetBucketACL(ctx, a.Bucket, store.ACLInput{Canned: "log-delivery-write"})
	case opNoACL:
		return p.se.SetBucketACL(ctx, a.Bucket, store.ACLInput{Canned: "private"})
	case opQuota:
		return p.se.SetQuota(ctx, a.Bucket, quotaOf(a.Gen))
	case opNoQuota:
		return p.se.SetQuota(ctx, a.Bucket, store.Quota{})
	case opLock:
		return p.se.SetObjectLock(ctx, a.Bucket, versioning.DefaultRetention{})
	}
	return p.se.SetNotifications(ctx, a.Bucket, notificationsOf(a.Gen, a.Key))
}

// account changes access keys, users and webhooks.
func (p *performer) account(ctx context.Context, a act) (err error) {
	switch a.Op {
	case opAccessKey:
		_, err = p.se.CreateAccessKey(ctx, "", givenOf(a))
	case opRootKey:
		_, _, err = p.se.EnsureRootAccessKey(ctx, givenOf(a))
	case opKeyActive:
		err = p.se.SetAccessKeyActive(ctx, "", a.Key, a.Keep)
	case opDropKey:
		err = p.se.DeleteAccessKey(ctx, "", a.Key)
	case opUser:
		_, err = p.se.CreateUser(ctx, iam.NewUser{Name: a.Key, Tags: userTags(a)})
	case opTagUser:
		err = p.se.TagUser(ctx, a.Key, userTags(a))
	case opDropUser:
		err = p.se.DeleteUser(ctx, a.Key)
	case opHook:
		_, err = p.se.AddWebhook(ctx, a.Key, hookURL(a.Gen))
	case opUnhook:
		err = p.se.RemoveWebhook(ctx, a.Key)
	}
	return err
}

// tag replaces the tags of a version, in one of two ways.
func (p *performer) tag(ctx context.Context, a act) error {
	if a.Gen%2 == 0 {
		return p.se.SetTags(ctx, a.Bucket, a.Key, a.Version, a.Tags)
	}
	_, err := p.se.PutTagging(ctx, a.Bucket, a.Key, a.Version, a.Tags)
	return err
}

// setAttr changes attributes, of an open file if there is a handle.
func (p *performer) setAttr(ctx context.Context, a act) (err error) {
	var c store.AttrChange
	switch a.Op {
	case opOwner:
		id := uidOf(a.Gen)
		c.UID, c.GID, c.Mode = &id, &id, &a.Mode
	case opTimes:
		at := time.Unix(0, mtimeOf(a.Gen))
		c.Mtime = &at
	default:
		c.Mode = &a.Mode
	}
	switch {
	case a.Op == opOwn:
		_, err = p.se.SetOwnAttr(ctx, a.Bucket, a.Key, c)
	case a.Handle != 0:
		_, err = p.files[a.Handle].SetAttr(ctx, c)
	default:
		_, err = p.se.SetAttr(ctx, a.Bucket, a.Key, c)
	}
	return err
}

// relabel changes labels, of an open file if there is a handle.
func (p *performer) relabel(ctx context.Context, a act) error {
	nd := store.Node{Bucket: a.Bucket, Key: a.Key, Dir: isDir(a.Key), File: p.files[a.Handle]}
	switch a.Op {
	case opRetag:
		return p.se.ChangeTags(ctx, nd, store.TextChange{Set: tagsOf(a.Gen), All: true})
	case opDescribe:
		set := store.TextChange{Set: map[string]string{"gen": metaOf(a.Gen)}}
		return p.se.ChangeDescription(ctx, nd, store.DescriptionChange{Metadata: set})
	}
	return p.se.ChangeXattr(ctx, nd, store.XattrChange{Name: xattrName, Value: []byte(a.xattr()), Remove: a.Trunc})
}

// compact compacts all that is in pieces and waits until what that leaves is deleted.
func compact(ctx context.Context, s *store.Store) error {
	if err := s.Compact(ctx); err != nil {
		return err
	}
	for {
		busy := false
		for _, j := range s.Status().Jobs {
			busy = busy || j.Name == "settle" && (j.Running || j.Waiting)
		}
		if !busy || ctx.Err() != nil {
			return ctx.Err()
		}
		time.Sleep(200 * time.Microsecond)
	}
}

func putInput(a act) store.PutInput {
	return store.PutInput{Tags: a.Tags, Metadata: map[string]string{"gen": metaOf(a.Gen)}}
}

// upload is a multipart upload in up to four parts. Every other one has a checksum that is
// made of its parts', which are kept.
func (p *performer) upload(ctx context.Context, a act) (store.Object, error) {
	in, sum := putInput(a), checksum.None
	if a.Gen%2 == 0 {
		sum = checksum.SHA1
	}
	in.Sums.Algorithm = sum
	id, err := p.se.CreateUpload(ctx, a.Bucket, a.Key, in)
	if err != nil {
		return store.Object{}, err
	}
	var parts []store.CompletedPart
	for i, part := range partsOf(a) {
		body := &genReader{gen: a.Gen, at: part.from, n: part.to}
		done, err := p.se.UploadPart(ctx, a.Bucket, a.Key, id, i+1, store.PartInput{Body: body, Size: part.to - part.from, Sums: in.Sums})
		if err != nil {
			return store.Object{}, err
		}
		c := store.CompletedPart{Number: i + 1, ETag: done.ETag}
		if sum != checksum.None {
			c.Algorithm = sum
			if c.Value, err = sum.Decode(done.Checksums[sum.Lower()]); err != nil {
				return store.Object{}, err
			}
		}
		parts = append(parts, c)
	}
	return p.se.CompleteUpload(ctx, a.Bucket, a.Key, id, parts, store.CompleteInput{})
}

// performUpload is an act on an upload that goes on for several.
func (p *performer) performUpload(ctx context.Context, a act) (o store.Object, err error) {
	if a.Op == opBegin {
		id, err := p.se.CreateUpload(ctx, a.Bucket, a.Key, putInput(a))
		p.ids[a.N], p.etags[a.N] = upload{id: id, key: a.Key}, map[int]string{}
		o.VersionID = id
		return o, err
	}
	u, etags := p.ids[a.Handle], p.etags[a.Handle]
	var part store.Part
	switch a.Op {
	case opPart:
		part, err = p.se.UploadPart(ctx, a.Bucket, u.key, u.id, a.Part, store.PartInput{Body: &genReader{gen: a.Gen, n: a.Len}, Size: a.Len})
		etags[a.Part] = part.ETag
	case opPartCopy:
		src := store.Source{Bucket: a.Bucket, Key: a.Key, Version: a.Version}
		in := store.PartCopy{Range: &store.Range{Off: a.From, Len: a.Len}}
		part, err = p.se.UploadPartCopy(ctx, src, a.Bucket, u.key, u.id, a.Part, in)
		etags[a.Part] = part.ETag
	case opComplete:
		var parts []store.CompletedPart
		for _, n := range slices.Sorted(maps.Keys(etags)) {
			parts = append(parts, store.CompletedPart{Number: n, ETag: etags[n]})
		}
		o, err = p.se.CompleteUpload(ctx, a.Bucket, u.key, u.id, parts, store.CompleteInput{})
	case opAbort:
		err = p.se.AbortUpload(ctx, a.Bucket, u.key, u.id)
	}
	return o, err
}

func (p *performer) performFile(ctx context.Context, a act) (o store.Object, err error) {
	switch a.Op {
	case opSave:
		return p.save(ctx, a)
	case opTemp:
		return p.temp(ctx, a)
	case opOpen:
		f, err := p.openFile(ctx, a)
		p.files[a.N] = f
		return o, err
	}
	f := p.files[a.Handle]
	switch a.Op {
	case opWrite:
		err = writeGen(ctx, f, a)
	case opReopen:
		var again *store.File
		if again, err = p.se.Reopen(ctx, f, store.OpenFlags{Write: true, Truncate: true}); err == nil {
			err = again.Close(ctx)
		}
	case opTruncate:
		err = f.Truncate(ctx, a.Len)
	case opAllocate:
		err = f.Allocate(ctx, a.Off, a.Len, a.Keep)
	case opZero:
		err = f.ZeroRange(ctx, a.Off, a.Len, a.Keep)
	case opRange:
		err = p.copyRange(ctx, f, a)
	case opPunch:
		err = f.PunchHole(ctx, a.Off, a.Len)
	case opFsync:
		err = f.Sync(ctx)
	case opFlush:
		err = f.Flush(ctx)
	case opClose:
		err = f.Close(ctx)
	default:
		err = fmt.Errorf("no such act")
	}
	if a.Op == opFlush || a.Op == opClose {
		o = f.Object()
	}
	return o, err
}

func (p *performer) openFile(ctx context.Context, a act) (*store.File, error) {
	return p.se.OpenFile(ctx, a.Bucket, a.Key, store.OpenFlags{
		Write: true, Create: true, Truncate: a.Trunc, Attr: store.Attr{Mode: a.Mode},
	})
}

func (p *performer) save(ctx context.Context, a act) (store.Object, error) {
	a.Trunc = true
	f, err := p.openFile(ctx, a)
	if err != nil {
		return store.Object{}, err
	}
	if err := writeGen(ctx, f, a); err != nil {
		return store.Object{}, err
	}
	err = f.Close(ctx)
	return f.Object(), err
}

// temp makes a file that has no name until it is whole.
func (p *performer) temp(ctx context.Context, a act) (o store.Object, err error) {
	f, err := p.se.CreateTemp(ctx, a.Bucket, dirOf(a.Key), store.OpenFlags{Attr: store.Attr{Mode: a.Mode}})
	if err != nil {
		return o, err
	}
	if err := writeGen(ctx, f, a); err != nil {
		return o, err
	}
	if err := p.se.Link(ctx, f, a.Bucket, a.Key); err != nil {
		return o, err
	}
	o = f.Object()
	return o, f.Close(ctx)
}

// copyRange copies a range from an open file or from a version.
func (p *performer) copyRange(ctx context.Context, dst *store.File, a act) error {
	src := p.files[a.Source]
	if a.Source == 0 {
		f, err := p.se.OpenVersion(ctx, a.Bucket, a.Key, a.Version)
		if err != nil {
			return err
		}
		defer f.Close(ctx)
		src = f
	}
	n, err := src.CopyRange(ctx, dst, a.From, a.Off, a.Len)
	if err == nil && n != a.Len {
		err = fmt.Errorf("%d bytes were copied instead of %d", n, a.Len)
	}
	return err
}

// writeGen writes a range of a generation in pieces such as the kernel sends.
func writeGen(ctx context.Context, f *store.File, a act) error {
	buf := make([]byte, min(a.Len, 128<<10))
	for done := int64(0); done < a.Len; {
		part := buf[:min(int64(len(buf)), a.Len-done)]
		fillBytes(part, a.Gen, a.Off+done)
		if _, err := f.WriteAt(ctx, part, a.Off+done); err != nil {
			return err
		}
		done += int64(len(part))
	}
	return nil
}

// A genReader reads the bytes of a generation from at to n.
type genReader struct {
	gen   uint64
	at, n int64
}

func (r *genReader) Read(p []byte) (int, error) {
	if r.at >= r.n {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), r.n-r.at)]
	fillBytes(p, r.gen, r.at)
	r.at += int64(len(p))
	return len(p), nil
}
