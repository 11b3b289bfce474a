package crash

import (
	"fmt"
	"strings"

	"pail/versioning"
)

// An op is what an act does.
type op string

const (
	opBucket   op = "bucket" // make it
	opState    op = "state"  // of versioning
	opPut      op = "put"
	opParts    op = "parts" // a multipart upload from beginning to end
	opCopy     op = "copy"
	opRestore  op = "restore"
	opDelete   op = "delete"
	opForget   op = "forget" // delete one version for good
	opTags     op = "tags"
	opSave     op = "save" // open, truncated or new, write, close
	opOpen     op = "open"
	opWrite    op = "write"
	opTruncate op = "truncate"
	opPunch    op = "punch"
	opFsync    op = "fsync"
	opFlush    op = "flush"
	opClose    op = "close"
	opMode     op = "mode"
	opMkdir    op = "mkdir"
	opRmdir    op = "rmdir"
	opUnlink   op = "unlink"
	opRename   op = "rename"
	opExchange op = "exchange"
	opSync     op = "sync"    // the whole store
	opCompact  op = "compact" // all that is in pieces, and what it leaves is deleted
)

// durable says that what the act did is promised to survive once it is acknowledged.
func (o op) durable() bool {
	switch o {
	case opBucket, opState, opPut, opParts, opCopy, opRestore, opDelete, opForget, opTags, opFsync, opSync:
		return true
	}
	return false
}

// An act is one call of the store by one worker. A worker's acts happen one after
// another; keys belong to one worker each.
type act struct {
	W, N     int // the worker, and its how manieth act, from 1
	Op       op
	Bucket   string            `json:",omitempty"`
	Key      string            `json:",omitempty"`
	To       string            `json:",omitempty"` // the other key of copy, rename, exchange
	Version  string            `json:",omitempty"`
	Handle   int               `json:",omitempty"` // N of the open
	Off, Len int64             `json:",omitempty"`
	Gen      uint64            `json:",omitempty"`
	Mode     uint32            `json:",omitempty"`
	Trunc    bool              `json:",omitempty"`
	Tags     map[string]string `json:",omitempty"`
	State    versioning.State  `json:",omitempty"`
}

func (a act) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d.%d %s", a.W, a.N, a.Op)
	for _, f := range []struct {
		name  string
		value any
		zero  bool
	}{
		{"", a.Key, a.Key == ""}, {"to ", a.To, a.To == ""}, {"version ", a.Version, a.Version == ""},
		{"handle ", a.Handle, a.Handle == 0}, {"at ", a.Off, a.Off == 0}, {"len ", a.Len, a.Len == 0},
		{"tags ", a.Tags, a.Tags == nil}, {"", "truncated", !a.Trunc}, {"", a.State, a.Op != opState},
	} {
		if !f.zero {
			fmt.Fprintf(&b, " %s%v", f.name, f.value)
		}
	}
	fmt.Fprintf(&b, " (g%x)", a.Gen)
	return b.String()
}

// An ack says how an act ended.
type ack struct {
	W, N   int
	Err    string `json:",omitempty"`
	ID     string `json:",omitempty"` // of the version it made
	Number uint64 `json:",omitempty"`
}

// An event is one line of the ledger: the beginning of an act or its end, or a word of
// the writer's own.
type event struct {
	Begin     *act   `json:",omitempty"`
	End       *ack   `json:",omitempty"`
	Word      string `json:",omitempty"`
	Compacted int64  `json:",omitempty"` // with a word: bytes that compaction has moved so far
}

// gen is the generation of what an act writes: no two acts have the same.
func genOf(worker, n int) uint64 { return uint64(worker+1)<<32 | uint64(n) }
