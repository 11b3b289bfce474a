package store

import (
	"context"
	"strings"

	"google.golang.org/protobuf/proto"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/versioning"
)

// An exchange of two directories is one Move, for readers two: each takes what is older
// than it, so what has already come from the other side stays. What has the same name
// below both is moved both ways in one update, so that neither can be in the other's
// way.

// halves are the moves that readers see for a record: of an exchange also the one that
// leads back.
func halves(m *record.Move) []*record.Move {
	if !m.Exchange {
		return []*record.Move{m}
	}
	back := proto.CloneOf(m)
	back.From, back.To = m.To, m.From
	return []*record.Move{m, back}
}

// exchangeDirs makes two directories change places with everything below them.
func (se *Session) exchangeDirs(ctx context.Context, from, to Path, each []treeNeed) error {
	if overlap(from.Key, to.Key) {
		return fault.New(fault.SubdirOfItself, "%s and %s are in each other", from.Key, to.Key)
	}
	return se.renameTree(ctx, from, to, each, func(t *txn, b *record.Bucket, inline int, counts []*reachCount) (bool, error) {
		return t.exchangeDirs(b, from.Key, to.Key, inline, counts)
	})
}

func (t *txn) exchangeDirs(b *record.Bucket, from, to string, inline int, counts []*reachCount) (begun bool, err error) {
	m := t.newMove(b, from, to)
	m.Exchange = true
	t.forgets = t.forgets || versioning.State(b.Versioning) != versioning.Enabled
	dirs := [2]string{from, to}
	var ds [2]*record.Dir
	for i, dir := range dirs {
		if ds[i], err = t.dir(b.Id, dir); err != nil {
			return false, err
		}
		if ds[i] == nil {
			return false, noSuchKey(b.Name, dir)
		}
		if err := t.settledBelow(b.Id, dir); err != nil {
			return false, err
		}
		if err := t.fits(b, dir, dirs[1-i], ds[i], counts); err != nil {
			return false, err
		}
	}
	for i, dir := range dirs {
		ds[i].Attr.CtimeNs = m.TimeNs
		if err := t.put(table.Dir(b.Id, dir), ds[i]); err != nil {
			return false, err
		}
	}
	if err := t.swapDir(m, ""); err != nil {
		return false, err
	}
	if err := t.swapHead(b, m, ""); err != nil {
		return false, err
	}
	for i, dir := range dirs {
		if err := t.replaceChild(b, dir, ds[1-i]); err != nil {
			return false, err
		}
		if err := t.rekeyDraftsBelow(b.Id, dir, dirs[1-i]); err != nil {
			return false, err
		}
	}
	if err := t.rekeyHeld(m); err != nil {
		return false, err
	}
	if begun, err = t.moveBelow(b, m, inline); err != nil {
		return false, err
	}
	t.onMove(m, begun, func() { t.s.files.exchangeBelow(b.Id, from, to) })
	t.changed(Change{Kind: ObjectsExchanged, Bucket: b.Name, Key: from, ToBucket: b.Name, To: to, Ino: ds[1].Ino, ToIno: ds[0].Ino})
	return begun, nil
}

// replaceChild notes in the directory above that dir, whose record is d, came in
// another one's place.
func (t *txn) replaceChild(b *record.Bucket, dir string, d *record.Dir) error {
	parent, _, _ := table.ParentDir(dir)
	p, err := t.dirForWrite(b, parent)
	if err != nil {
		return err
	}
	if p == nil {
		return fault.New(fault.Damaged, "directory %q of %s has no record; run pail fsck", parent, b.Name)
	}
	t.touchDir(p)
	if err := t.reachesAs(b, dir, d, p); err != nil {
		return err
	}
	return t.put(table.Dir(b.Id, parent), p)
}

// swapHead really moves the live heads of a name below both directories of an exchange,
// of which there may be one, to each other's keys.
func (t *txn) swapHead(b *record.Bucket, m *record.Move, rest string) error {
	keys := [2]string{m.From + rest, m.To + rest}
	var old [2]*record.Version
	for i, key := range keys {
		v, err := t.versionAt(table.Head(b.Id, key))
		if err != nil {
			return err
		}
		if v == nil || !takes(m, v.Seq) {
			continue
		}
		if err := t.settled(v); err != nil {
			return err
		}
		if err := t.moved(b, m, v); err != nil {
			return err
		}
		old[i] = v
	}
	ways := halves(m) // ways[i] leads from keys[i]
	for i, key := range keys {
		var err error
		switch mine, other := old[i], old[1-i]; {
		case other != nil:
			err = t.bringHead(b, ways[1-i], key, mine, other)
		case mine != nil:
			err = t.takeHead(b, ways[i], key, mine)
		}
		if err == nil && (old[0] != nil || old[1] != nil) {
			err = t.notifyStands(b, key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bringHead puts the head other to key, on top of mine, which goes the other way, or of
// what is dead there.
func (t *txn) bringHead(b *record.Bucket, m *record.Move, key string, mine, other *record.Version) error {
	state := versioning.State(m.Versioning)
	c := chain{live: mine}
	if mine == nil && state != versioning.Unversioned {
		var err error
		if c.dead, err = t.dead(b.Id, key); err != nil {
			return err
		}
	}
	v := movedOver(m, key, other, c.top())
	n := len(t.discarded)
	if err := t.stack(b, key, c, v, c.rules().Put(state, m.Seq)); err != nil {
		return err
	}
	if mine != nil {
		if err := t.handOver(n, mine); err != nil {
			return err
		}
	}
	if c.dead != nil {
		t.tx.Delete(table.Dead(b.Id, key))
	}
	if err := t.tally(b, key, v, 1); err != nil {
		return err
	}
	return t.put(table.Head(b.Id, key), v)
}

// takeHead takes the head mine from key; nothing comes in its place.
func (t *txn) takeHead(b *record.Bucket, m *record.Move, key string, mine *record.Version) error {
	return t.leave(b, m, key, mine, versioning.State(m.Versioning))
}

// swapDir is swapHead for the records of directories.
func (t *txn) swapDir(m *record.Move, rest string) error {
	dirs := [2]string{m.From + rest, m.To + rest}
	var old [2]*record.Dir
	for i, dir := range dirs {
		d, err := t.dirAt(m.Bucket, dir)
		if err != nil {
			return err
		}
		if d != nil && takes(m, d.Born) {
			old[i] = d
		}
	}
	for i, dir := range dirs {
		if old[i] != nil {
			if err := t.takeDir(m, dir, old[i]); err != nil {
				return err
			}
		}
	}
	for i, dir := range dirs {
		if d := old[1-i]; d != nil {
			d.Born = m.Seq
			if err := t.put(table.Dir(m.Bucket, dir), d); err != nil {
				return err
			}
		}
	}
	return nil
}

// exchangeWithDir makes a file and a directory change places.
func (se *Session) exchangeWithDir(ctx context.Context, file, dir Path, each []treeNeed) error {
	if strings.HasPrefix(file.Key, dir.Key) {
		return fault.New(fault.SubdirOfItself, "%s is in %s", file.Key, dir.Key)
	}
	to := Path{dir.Bucket, strings.TrimSuffix(dir.Key, "/")}
	if err := versioning.CheckKey(file.Key + "/"); err != nil {
		return keyError(file.Bucket, file.Key+"/", err)
	}
	if err := versioning.CheckKey(to.Key); err != nil {
		return keyError(to.Bucket, to.Key, err)
	}
	return se.renameTree(ctx, dir, Path{file.Bucket, file.Key + "/"}, each, func(t *txn, b *record.Bucket, inline int, counts []*reachCount) (bool, error) {
		return t.exchangeWithDir(b, file.Key, to.Key, inline, counts)
	})
}

// exchangeWithDir gives the file the name name, which is the directory's.
func (t *txn) exchangeWithDir(b *record.Bucket, file, name string, inline int, counts []*reachCount) (begun bool, err error) {
	c, err := t.chain(b, name)
	if err != nil {
		return false, err
	}
	if c.live != nil || t.s.files.claimed(b.Id, name) {
		return false, fault.New(fault.Exists, "there is an object %s/%s beside the directory", b.Name, name).At(b.Name, name)
	}
	if err := t.renameOver(b, file, name, asIs); err != nil {
		return false, err
	}
	return t.renameDir(b, name+"/", file+"/", RenameFlags{NoReplace: true}, inline, counts)
}
