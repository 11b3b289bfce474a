package fs

import (
	"errors"
	"io"
	"strings"

	"github.com/hanwen/go-fuse/v2/fuse"

	"pail/fs/names"
	"pail/store"
	"pail/store/fault"
)

// locateNow is locate for who does not hold f.tree.
func (f *filesystem) locateNow(id uint64) (location, error) {
	f.tree.RLock()
	defer f.tree.RUnlock()
	return f.locate(id)
}

// unlinkOld removes a version for good, as its name among the versions of a key is
// unlinked; nothing else can be unlinked in history. The kernel is told of what that
// does to the present as of a change by somebody else, and knows it before this returns.
// That may take what other requests take, and so may a rename of a directory that has to
// come to rest, so the tree is not held.
func (f *filesystem) unlinkOld(h *fuse.InHeader, name string) error {
	loc, err := f.locateNow(h.NodeId)
	switch {
	case err != nil:
		return err
	case loc.kind != kindName:
		return readOnlyPast()
	}
	se := f.foreignSession(h)
	v, err := f.veilOf(se, loc)
	if err != nil {
		return err
	}
	o, err := f.version(se, loc, name)
	switch {
	case err != nil:
		return err
	case !v.lets(&o):
		return fault.New(fault.AccessDenied, "the version is of another directory, in which you could not remove it")
	}
	_, err = se.Delete(f.ctx, loc.bucket, loc.key(), store.DeleteOptions{Version: o.VersionID, KeepDirs: true})
	if err != nil {
		return err
	}
	if n, ok := f.nodes.removed(h.NodeId, name); ok {
		f.cursors.left(h.NodeId, &n)
	}
	if _, err := se.LookupHistory(f.ctx, loc.bucket, loc.place.Dir, loc.segment); isAbsent(err) {
		f.nodes.setEmptied(h.NodeId)
	}
	f.tellOwn()
	return nil
}

// rmdirOld lets the directory of a name in history go once its last version was removed
// through this mount, so that rm -r of it succeeds.
func (f *filesystem) rmdirOld(se *store.Session, parent uint64, loc location, name string) error {
	if loc.bucket == "" || loc.isPast() || loc.kind == kindName {
		return readOnlyPast()
	}
	t, err := loc.place.Resolve(name)
	if err != nil {
		return err
	}
	switch t.Kind {
	case names.Part:
		return f.checkEmptyPart(se, target{Target: t, dir: loc})
	case names.Name:
	default:
		return readOnlyPast()
	}
	_, err = se.LookupHistory(f.ctx, loc.bucket, loc.place.Dir, t.Segment)
	switch {
	case err == nil:
		return fault.New(fault.NotEmpty, "%s has history", name)
	case !isAbsent(err):
		return err
	}
	if n, ok := f.nodes.removed(parent, name); ok {
		f.cursors.left(parent, &n)
	}
	return nil
}

// forgetOld is Forget for nodes of history.
func (f *filesystem) forgetOld(id, count uint64) {
	n, _ := f.nodes.node(id)
	if !f.nodes.forget(id, count) || n.kind != kindPastDir {
		return
	}
	if name, _, isMoment := strings.Cut(n.name, "\x00"); isMoment {
		f.moments.forgotten(spot{n.parent, name}, id)
	}
}

// readOldLink reads where a symlink of history pointed.
func (f *filesystem) readOldLink(se *store.Session, loc location) ([]byte, error) {
	file, err := f.openOld(se, loc, store.OpenFlags{})
	if isAbsent(err) {
		err = fault.StaleHandle
	}
	if err != nil {
		return nil, err
	}
	to := make([]byte, file.Object().Size)
	_, err = file.ReadAt(f.ctx, to, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return to, errors.Join(err, file.Close(f.ctx))
}
