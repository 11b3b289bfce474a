package fs

import (
	"context"
	"errors"
	"time"
)

// Who waits until the kernel was told of a change, and of what. Why it ends is said in the
// package's doc, under "Telling before answering".

// knotAfter is for how long a handler waits. Telling takes what requests under way in a
// directory take; if it takes longer, it probably waits for this handler's own request.
const knotAfter = time.Second

// noteOld queues that versions came or went in a directory of history. Its listing is
// another one for whoever comes by path, now (see turned), and for whoever has it open,
// when the kernel was told.
func (f *filesystem) noteOld(id uint64) {
	f.nodes.turn(id)
	f.notify.count.Add(1)
	f.notifyOld.content(id)
}

// tellOwn waits until this mount's kernel knows of all changes, but for listings of
// history.
func (f *filesystem) tellOwn() {
	ctx, cancel := context.WithTimeout(f.ctx, knotAfter)
	defer cancel()
	if f.notify.settle(ctx) != nil {
		f.log.Debug("mount: answered before the kernel was told of all changes")
	}
}

// tellPeers waits until the kernels of the mounts that can only look at what f changes
// know of it. Every request that changes something ends with it.
func (f *filesystem) tellPeers() {
	for _, other := range f.peers.others(f) {
		if !other.readOnly || !other.root.overlaps(f.root) {
			continue
		}
		ctx, cancel := context.WithTimeout(f.ctx, knotAfter)
		if other.settle(ctx) != nil {
			f.log.Debug("mount: answered before another mount was told of all changes")
		}
		cancel()
	}
}

// settle waits until the kernel knows of all changes.
func (f *filesystem) settle(ctx context.Context) error {
	return errors.Join(f.notify.settle(ctx), f.notifyOld.settle(ctx))
}

// isDir says whether an inode is a directory that the kernel knows.
func (f *filesystem) isDir(id uint64) bool {
	n, known := f.nodes.node(id)
	return known && n.kind.isDir()
}

// comesTo is where an inode that the kernel does not know yet may be about to appear.
func (f *filesystem) comesTo(id uint64) (spot, bool) {
	at, _, known := f.nodes.standing(id)
	return at, known && id != rootID
}
