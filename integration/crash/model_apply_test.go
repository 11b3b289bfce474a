package crash

// stepsOf says in how many steps an act happens, between each two of which the power may
// fail: an upload is begun, has its parts and is completed; going back in time first brings
// back and then takes away.
func stepsOf(a act) int {
	switch a.Op {
	case opParts:
		return len(partsOf(a)) + 2
	case opGoBack:
		return 2
	}
	return 1
}

// apply makes an act happen in the model. r is what the store answered; of an act that
// was not answered it is empty.
func (m *model) apply(a act, r ack) {
	for i := range stepsOf(a) {
		m.applyStep(a, r, i)
	}
}

// applyStep makes the i-th step of an act happen.
func (m *model) applyStep(a act, r ack, i int) {
	m.now = a.N
	b := m.buckets[a.Bucket]
	switch {
	case a.Op == opParts:
		m.applyParts(a, r, i)
	case a.Op == opGoBack && i == 0:
		m.bringBack(b, b.marks[a.Handle])
	case a.Op == opGoBack:
		m.takeAway(b, b.marks[a.Handle])
	default:
		m.applyWhole(a, r)
	}
}

// applyWhole is apply for an act of one step.
func (m *model) applyWhole(a act, r ack) {
	b := m.buckets[a.Bucket]
	switch a.Op {
	case opBucket:
		m.addBucket(a.Bucket, a.State)
	case opDrop:
		delete(m.buckets, a.Bucket)
	case opState:
		b.state = a.State
	case opSetting:
		b.passing = a.Values
	case opReset:
		b.passing = nil
	case opLabel:
		b.tags = a.Tags
	case opCORS, opNoCORS, opWebsite, opNoWebsite, opLifecycle, opNoLifecycle, opPolicy, opNoPolicy, opBlock, opNoBlock, opOwnership, opNoOwnership, opACL, opNoACL, opQuota, opNoQuota, opLock, opNotify:
		m.applyConfig(b, a)
	case opAccessKey, opRootKey, opKeyActive, opDropKey, opUser, opTagUser, opDropUser, opHook, opUnhook:
		m.applyAccount(a)
	case opPut:
		m.put(a, &version{id: r.ID, number: r.Number, body: whole(a.Gen, a.Len), labels: labels{meta: metaOf(a.Gen), tags: a.Tags}})
	case opBegin, opPart, opPartCopy, opComplete, opAbort:
		m.applyUpload(a, r)
	case opMark:
		b.mark(a.N)
	case opCopy, opRestore:
		m.copy(a, r)
	case opDelete:
		if v := b.remove(a.Key, m.now, !a.Keep); v != nil {
			v.id = r.ID
		}
	case opForget:
		b.forget(a.Key, a.Version)
	case opTags:
		m.setTags(b, a.Key, m.find(b, a.Key, a.Version), a.Tags)
	case opMode, opOwner, opTimes, opOwn, opRetag, opDescribe, opXattr:
		m.applyAttr(b, a)
	case opMkdir:
		b.dirs[a.Key] = newDir(true)
	case opRmdir:
		b.rmdir(a.Key)
	case opSymlink:
		b.put(a.Key, &version{order: m.now, id: r.ID, number: r.Number, body: linkTo(a.To), ino: &inode{}})
		b.keys[a.Key][0].pred = nil
	case opUnlink:
		head := b.live(a.Key)
		m.detach(a.Bucket, a.Key, head)
		if head != nil {
			b.remove(a.Key, m.now, false)
		} else {
			b.died(dirOf(a.Key), false)
		}
	case opRename:
		if isDir(a.Key) {
			m.renameDir(a.Bucket, a.Key, a.To)
		} else {
			m.rename(a.Bucket, a.Key, a.To, r)
		}
	case opRekey:
		m.rekey(a.Bucket, a.Key, a.To, r)
	case opExchange:
		if isDir(a.Key) {
			m.exchangeDirs(a.Bucket, a.Key, a.To)
		} else {
			m.exchange(a.Bucket, a.Key, a.To)
		}
	case opSync, opCompact, opEncrypt: // nothing that can be seen
	default:
		m.applyFile(a, r)
	}
}

// applyFile is apply for what is done to open files.
func (m *model) applyFile(a act, r ack) {
	switch a.Op {
	case opSave, opTemp:
		a.Trunc = true
		f := m.openFile(a)
		m.change(f, f.body.write(a.Gen, 0, a.Len))
		m.publish(f, r)
		delete(m.open, a.N)
		return
	case opOpen:
		m.openFile(a)
		return
	}
	f := m.open[a.Handle]
	switch a.Op {
	case opWrite:
		m.change(f, f.body.write(a.Gen, a.Off, a.Len))
	case opReopen:
		m.empty(f)
	case opTruncate:
		if a.Len == f.body.size {
			m.retime(f)
		} else {
			m.change(f, f.body.truncate(a.Len))
		}
	case opAllocate, opZero:
		c := f.body
		if end := a.Off + a.Len; end > c.size && !a.Keep {
			c = c.truncate(end)
		}
		if a.Op == opZero {
			c = c.punch(a.Off, a.Len)
		}
		m.change(f, c)
	case opPunch:
		m.change(f, f.body.punch(a.Off, a.Len))
	case opRange:
		m.change(f, f.body.copyFrom(m.source(a), a.From, a.Off, a.Len))
	case opFsync:
		m.fsync(f)
	case opFlush:
		if f.dirty {
			m.publish(f, r)
		}
	case opClose:
		if f.dirty || f.fresh {
			m.publish(f, r)
		}
		delete(m.open, a.Handle)
	}
}

// put makes v the newest version of a key, as S3 does.
func (m *model) put(a act, v *version) {
	v.order = m.now
	if v.ino == nil {
		v.ino = &inode{}
	}
	m.buckets[a.Bucket].put(a.Key, v)
	v.pred = nil
	if f := m.claimant(a.Bucket, a.Key); f != nil {
		f.claim = false
	}
}

func (m *model) find(b *bucket, key, id string) *version {
	for _, v := range b.keys[key] {
		if id == "" || v.name() == id {
			return v
		}
	}
	return nil
}

func (m *model) copy(a act, r ack) {
	b := m.buckets[a.Bucket]
	old := m.find(b, a.Key, a.Version)
	v := &version{id: r.ID, number: r.Number, body: old.body, labels: labels{meta: old.meta, tags: old.tags}}
	if a.Op == opRestore {
		if old == b.live(a.Key) {
			old.pending = false // it is durable then, if nothing else
			return
		}
		v.attr, v.xattr = old.attr, old.xattr
		a.To = a.Key
	}
	old.pending = false
	a.Key = a.To
	m.put(a, v)
}

// source is what a range is copied from: an open file, or a version.
func (m *model) source(a act) content {
	if a.Source != 0 {
		return m.open[a.Source].body
	}
	return m.find(m.buckets[a.Bucket], a.Key, a.Version).body
}

// applyAttr is apply for what stands beside the bytes.
func (m *model) applyAttr(b *bucket, a act) {
	switch {
	case a.Op == opOwn:
		b.setDir(a.Key, func(d *dir) { d.own = a.Mode | knownMode })
	case a.Op == opMode && isDir(a.Key):
		b.setDir(a.Key, func(d *dir) { d.mode = a.Mode | knownMode })
	case a.Op == opXattr && isDir(a.Key):
		value := a.xattr()
		b.setDir(a.Key, func(d *dir) { d.xattr = &value })
	case a.Op == opMode:
		m.setAttr(b, a, func(t *attr) { t.mode = a.Mode | knownMode })
	case a.Op == opOwner:
		m.setAttr(b, a, func(t *attr) { t.mode, t.uid = a.Mode|knownMode, uidOf(a.Gen) })
	case a.Op == opTimes:
		m.setAttr(b, a, func(t *attr) { t.mtime = mtimeOf(a.Gen) })
	case a.Op == opRetag:
		m.relabel(b, a, func(l *labels) { l.tags = tagsOf(a.Gen) })
	case a.Op == opDescribe:
		m.relabel(b, a, func(l *labels) { l.meta = metaOf(a.Gen) })
	case a.Op == opXattr:
		m.relabel(b, a, func(l *labels) { l.xattr = a.xattr() })
	}
}

// xattr is the value that an act gives; "": it removes the attribute.
func (a act) xattr() string {
	if a.Trunc {
		return ""
	}
	return metaOf(a.Gen)
}
