package fs

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"pail/crypto/s3ec"
	"pail/fs/names"
	"pail/store"
	"pail/store/fault"
)

// cacheFor is how long the kernel may believe an entry or attributes: until we say
// otherwise (see notifier).
const cacheFor = 365 * 24 * time.Hour

// blockSize is st_blksize, in bytes: how much stdio and cp move at once. A request
// costs far more than the bytes in it.
const blockSize = 128 << 10

// A filesystem answers the kernel's requests. Each call runs on a goroutine of its own.
type filesystem struct {
	fuse.RawFileSystem // answers ENOSYS to what is not here; see raw.go

	ctx         context.Context
	store       *store.Store
	principal   store.Principal
	uids        map[uint32]store.Principal // whom they act for, unless for principal; never changed
	origin      uint64                     // marks the changes that this mount makes
	root        rootPlace
	readOnly    bool
	uid, gid    uint32 // of what came without an owner
	others      bool   // users other than the one who mounted are let in
	umask       uint32
	log         *slog.Logger
	keys        func(bucket, key string) *store.CustomerKey // of customers (SSE-C); nil: there are none
	clientKeys  []ClientKey                                 // never changed
	clientSuite s3ec.Suite
	clientPlain bool
	clients     *clientTable

	letRootGo func() // lets the root's bucket be deleted again; may be called more than once

	// tree is held for reading by every call that derives a path and uses it, and
	// for writing by RENAME: a path must not change between the two. The kernel
	// locks the directories of a call, not those above.
	tree      sync.RWMutex
	nodes     *nodeTable
	handles   *handleTable
	closing   *closingTable // handles whose RELEASE may be on its way
	relics    *relicTable
	contended contendedNames
	cursors   *cursorTable
	moments   *momentTable
	notify    *notifier
	notifyOld *notifier // of listings of versions: see telling.go
	pruner    *pruner
	peers     *Peers

	// lastProcess opened a file from a thread that is not its first: the next such
	// thread is most likely the same program's.
	lastProcess atomic.Int64
}

// A rootPlace is what the mount shows as its root.
type rootPlace struct {
	bucket string // "": the list of buckets
	place  names.Place
}

func (r rootPlace) kind() nodeKind {
	if r.bucket == "" {
		return kindRoot
	}
	return kindDir
}

// String names the filesystem in go-fuse's messages.
func (f *filesystem) String() string { return "pail" }

// session is the store as the caller of a request sees it.
func (f *filesystem) session(h *fuse.InHeader) *store.Session {
	return f.store.As(f.whose(h.Uid), store.RequestContext{
		Door: store.DoorMount, UID: h.Uid, GID: h.Gid, Origin: f.origin, Process: f.asker(h), CustomerKey: f.keys,
	})
}

// whose is whom a process of that uid acts for.
func (f *filesystem) whose(uid uint32) store.Principal {
	if p, ok := f.uids[uid]; ok {
		return p
	}
	return f.principal
}

// foreignSession is session for changes after which the kernel must be told what to
// forget, as if somebody else had made them.
func (f *filesystem) foreignSession(h *fuse.InHeader) *store.Session {
	return f.store.As(f.whose(h.Uid), store.RequestContext{Door: store.DoorMount, UID: h.Uid, GID: h.Gid, Process: f.asker(h), CustomerKey: f.keys})
}

// asker tells which program a request is of, for the audit trail; nil: there is none.
func (f *filesystem) asker(h *fuse.InHeader) func() store.Process {
	if !f.store.Audits() {
		return nil
	}
	tid, gid := h.Pid, h.Gid
	return func() store.Process {
		p := f.processOf(tid)
		return store.Process{PID: int(p), GID: gid, Comm: p.comm()}
	}
}

// ownSession is the store as the mount itself sees it.
func (f *filesystem) ownSession() *store.Session {
	return f.store.As(f.principal, store.RequestContext{Door: store.DoorMount, Origin: f.origin, CustomerKey: f.keys})
}

// status translates a failure. What nobody should meet is logged here, once.
func (f *filesystem) status(call string, err error) fuse.Status {
	switch {
	case err == nil:
		return fuse.OK
	case store.Told(err):
		return fuse.Status(fault.Errno(err))
	}
	switch fault.KindOf(err) {
	case fault.Internal, fault.IOFailed, fault.Damaged, fault.StoreFailed, fault.NewerFormat, fault.Exhausted:
		f.log.Error("mount", "call", call, "err", err)
	}
	return fuse.Status(fault.Errno(err))
}

// onPanic answers a request whose handler has panicked; the mount lives on.
func (f *filesystem) onPanic(v any) fuse.Status {
	f.log.Error("mount: panic in a handler", "panic", v, "stack", string(debug.Stack()))
	return fuse.EIO
}
