package fs

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/hanwen/go-fuse/v2/fuse"

	"pail/fs/names"
	"pail/store"
)

// A kernel is told what it must no longer believe; device.Device is one.
type kernel interface {
	EntryNotify(parent uint64, name string) fuse.Status
	DeleteNotify(parent, child uint64, name string) fuse.Status
	InodeNotify(node uint64, off, length int64) fuse.Status
}

// A note is one thing that the kernel is to be told. Equal notes are told once.
type note struct {
	kind  noteKind
	id    uint64 // the inode; of noteName: the directory
	child uint64 // noteName: the inode that died with the name, 0 if none did
	name  string // noteName
}

// The kinds of note, in the order in which those of one batch are told.
type noteKind uint8

const (
	noteName    noteKind = iota // a name in a directory
	noteAttr                    // an inode's attributes
	noteContent                 // an inode's attributes and cached pages, or its cached listing
	noteKinds
)

// A notifier tells the kernel what others changed. Nothing waits for its worker but
// those who ask to (settle): telling takes locks in the kernel that a request may
// hold while it waits for us. Who may ask says the package's doc, and telling.go does.
//
// That nothing stale stays cached rests on four things. A change is queued here before
// the call that made it returns, and says by number in which directory it happened, so
// that it is told of the right one wherever that is by then. The kernel makes EntryNotify
// wait for requests under way in that directory, so an answer given before cannot arrive
// behind it; for inodes it discards answers to requests older than InodeNotify. Answers
// on whose way the store changed are not cached at all (see tell). And requests in a
// directory are answered from where it is: the table of nodes follows what others do to
// directories in the order of commits (see follow), and a directory that was looked up
// before they did is looked up again.
type notifier struct {
	count atomic.Uint64 // changes by others until now

	mu      sync.Mutex // guards what follows
	changes []store.Change
	notes   []note
	taken   uint64        // batches begun by the worker
	done    uint64        // batches finished
	idle    chan struct{} // closed and replaced when a batch is finished
	closed  bool

	wake   chan struct{} // buffered: there is something in queue
	ended  chan struct{} // closed when the worker has returned
	kernel kernel
	// translate says what the kernel must be told about changes, by way of add.
	translate func(c []store.Change, add func(note))
	// lists says whether an inode is a directory that the kernel knows.
	lists func(id uint64) bool
	// parentOf is where an inode that the kernel does not know yet may be about to
	// appear.
	parentOf func(id uint64) (spot, bool)
}

func newNotifier() *notifier {
	return &notifier{
		idle: make(chan struct{}), wake: make(chan struct{}, 1), ended: make(chan struct{}),
	}
}

// start begins to tell k.
func (n *notifier) start(k kernel) {
	n.kernel = k
	go n.work()
}

// close ends the worker and waits for it. The kernel must not hold it up any more.
func (n *notifier) close() {
	n.mu.Lock()
	n.closed = true
	n.mu.Unlock()
	n.poke()
	<-n.ended
}

// foreign counts the changes by others until now. If it has not grown, what was read
// from the store in between is still so or will be taken back.
func (n *notifier) foreign() uint64 { return n.count.Load() }

// changed queues a change that somebody else made. It never blocks.
func (n *notifier) changed(c store.Change) {
	n.count.Add(1)
	n.recheck(c)
}

// recheck queues a change of our own after which the kernel may believe wrong things.
func (n *notifier) recheck(c store.Change) {
	n.mu.Lock()
	if !n.closed {
		n.changes = append(n.changes, c)
	}
	n.mu.Unlock()
	n.poke()
}

// content queues that somebody else changed an inode's bytes or attributes.
func (n *notifier) content(id uint64) { n.add(note{kind: noteContent, id: id}) }

// attr queues that an inode's attributes changed without a request for it.
func (n *notifier) attr(id uint64) { n.add(note{kind: noteAttr, id: id}) }

// name queues that a name means something else.
func (n *notifier) name(at spot) { n.add(note{kind: noteName, id: at.parent, name: at.name}) }

func (n *notifier) add(x note) {
	n.count.Add(1)
	n.mu.Lock()
	if last := len(n.notes) - 1; !n.closed && (last < 0 || n.notes[last] != x) {
		n.notes = append(n.notes, x)
	}
	n.mu.Unlock()
	n.poke()
}

func (n *notifier) poke() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

func (n *notifier) work() {
	defer close(n.ended)
	for range n.wake {
		for {
			changes, notes, closed := n.take()
			if closed {
				return
			}
			if len(changes)+len(notes) == 0 {
				break
			}
			n.tellAll(changes, notes)
			n.finish()
		}
	}
}

// take empties the queue.
func (n *notifier) take() (changes []store.Change, notes []note, closed bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	changes, n.changes = n.changes, nil
	notes, n.notes = n.notes, nil
	if len(changes)+len(notes) > 0 {
		n.taken++
	}
	return changes, notes, n.closed
}

// tellAll tells a batch, each note once: names first, for directories are touched by
// them and told last.
func (n *notifier) tellAll(changes []store.Change, notes []note) {
	known := map[note]struct{}{}
	var sorted [noteKinds][]note
	add := func(x note) {
		if _, dup := known[x]; !dup {
			known[x] = struct{}{}
			sorted[x.kind] = append(sorted[x.kind], x)
		}
	}
	if len(changes) > 0 {
		n.translate(changes, add)
	}
	for _, x := range notes {
		add(x)
	}
	waited := map[uint64]struct{}{}
	for _, some := range sorted {
		for _, x := range some {
			_, has := waited[x.id]
			if x.kind == noteContent && !has && n.lists(x.id) {
				n.kernel.EntryNotify(x.id, noName)
			}
			if n.tell(x); x.kind == noteName {
				waited[x.id] = struct{}{}
			}
		}
	}
}

// noName is in no directory: it begins like an escaped name and is none.
const noName = names.Prefix + "-"

func (n *notifier) finish() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.done = n.taken
	close(n.idle)
	n.idle = make(chan struct{})
}

// tell brings one note to the kernel. What the kernel does not know it need not
// forget, so refusals mean nothing.
func (n *notifier) tell(x note) {
	switch x.kind {
	case noteName:
		if x.child == 0 || n.kernel.DeleteNotify(x.id, x.child, x.name) != fuse.OK {
			n.kernel.EntryNotify(x.id, x.name)
		}
	case noteAttr:
		n.inode(x.id, -1)
	case noteContent:
		n.inode(x.id, 0)
	}
}

// inode takes back an inode's attributes and, from off 0 on, its pages. An inode that
// the kernel does not know may be in an answer on its way; asking for its name waits
// until that has arrived.
func (n *notifier) inode(id uint64, off int64) {
	if n.kernel.InodeNotify(id, off, 0) != fuse.ENOENT {
		return
	}
	if at, ok := n.parentOf(id); ok {
		n.kernel.EntryNotify(at.parent, at.name)
		n.kernel.InodeNotify(id, off, 0)
	}
}

// settle returns when the kernel has been told of everything that was queued before
// the call.
func (n *notifier) settle(ctx context.Context) error {
	n.mu.Lock()
	target := n.taken
	if len(n.changes)+len(n.notes) > 0 {
		target++
	}
	for n.done < target && !n.closed {
		idle := n.idle
		n.mu.Unlock()
		select {
		case <-idle:
		case <-n.ended:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
		n.mu.Lock()
	}
	n.mu.Unlock()
	return nil
}
