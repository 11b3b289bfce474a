package crash

import (
	"fmt"
	"strings"

	"pail/versioning"
)

// An op is what an act does.
type op string

const (
	opBucket  op = "bucket" // make it
	opDrop    op = "drop"   // delete it
	opState   op = "state"  // of versioning
	opSetting op = "setting"
	opReset   op = "reset" // a setting
	opLabel   op = "label" // the bucket: its tags

	opCORS        op = "cors" // of the bucket, as the next ones
	opNoCORS      op = "no-cors"
	opWebsite     op = "website"
	opNoWebsite   op = "no-website"
	opLifecycle   op = "lifecycle"
	opNoLifecycle op = "no-lifecycle"
	opPolicy      op = "policy"
	opNoPolicy    op = "no-policy"
	opBlock       op = "block" // Block Public Access
	opNoBlock     op = "no-block"
	opOwnership   op = "ownership"
	opNoOwnership op = "no-ownership"
	opACL         op = "acl" // of the bucket
	opNoACL       op = "no-acl"
	opQuota       op = "quota" // which nothing comes to, but all is counted
	opNoQuota     op = "no-quota"
	opLock        op = "lock"   // Object Lock, for good
	opNotify      op = "notify" // a webhook, or nobody
	opHook        op = "hook"   // a webhook is made
	opUnhook      op = "unhook"

	opAccessKey op = "access-key" // is made
	opRootKey   op = "root-key"   // there is one, and a new one takes the old one's place
	opKeyActive op = "key-active" // or not
	opDropKey   op = "drop-key"

	opUser     op = "user" // is made
	opTagUser  op = "tag-user"
	opDropUser op = "drop-user"

	opPut      op = "put"
	opParts    op = "parts" // a multipart upload from beginning to end
	opBegin    op = "begin" // a multipart upload, and the acts that go on with it
	opPart     op = "part"
	opPartCopy op = "part-copy"
	opComplete op = "complete"
	opAbort    op = "abort"
	opCopy     op = "copy"
	opRestore  op = "restore"
	opMark     op = "mark" // the moment to which goes back
	opGoBack   op = "go-back"
	opDelete   op = "delete"
	opForget   op = "forget" // delete one version or marker for good
	opTags     op = "tags"
	opRekey    op = "rekey"   // a rename over S3
	opEncrypt  op = "encrypt" // a version that there is, by a key of the store or of the key management service

	opSave     op = "save" // open, truncated or new, write, close
	opTemp     op = "temp" // the same without a name, which it gets before it is closed
	opOpen     op = "open"
	opReopen   op = "reopen" // an open file, truncated
	opWrite    op = "write"
	opTruncate op = "truncate"
	opAllocate op = "allocate"
	opZero     op = "zero"
	opPunch    op = "punch"
	opRange    op = "range" // copied into an open file
	opFsync    op = "fsync"
	opFlush    op = "flush"
	opClose    op = "close"

	opMode     op = "mode"  // of a file or a directory
	opOwner    op = "owner" // and mode
	opTimes    op = "times"
	opOwn      op = "own" // the mode of a directory's own key
	opRetag    op = "retag"
	opDescribe op = "describe" // user metadata
	opXattr    op = "xattr"    // of a file or a directory
	opMkdir    op = "mkdir"
	opRmdir    op = "rmdir"
	opSymlink  op = "symlink"
	opUnlink   op = "unlink"
	opRename   op = "rename"
	opExchange op = "exchange" // two files or two directories

	opSync    op = "sync"    // the whole store
	opCompact op = "compact" // all that is in pieces, and what it leaves is deleted
)

// durable says that what the act did is promised to survive once it is acknowledged. What opEncrypt
// did is too, but the model does not see it: it sees that nothing is lost by it.
func (o op) durable() bool {
	switch o {
	case opBucket, opDrop, opState, opSetting, opReset, opLabel,
		opCORS, opNoCORS, opWebsite, opNoWebsite, opLifecycle, opNoLifecycle, opPolicy, opNoPolicy, opBlock, opNoBlock, opOwnership, opNoOwnership, opACL, opNoACL, opQuota, opNoQuota, opLock, opNotify, opHook, opUnhook,
		opAccessKey, opRootKey, opKeyActive, opDropKey, opUser, opTagUser, opDropUser,
		opPut, opParts, opBegin, opPart, opPartCopy, opComplete, opAbort,
		opCopy, opRestore, opGoBack, opDelete, opForget, opTags, opRekey, opFsync, opSync:
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
	Key      string            `json:",omitempty"` // or the name of an access key or a webhook
	To       string            `json:",omitempty"` // the other key of copy, rename, exchange; a link's target
	Version  string            `json:",omitempty"`
	Handle   int               `json:",omitempty"` // N of the open; of the begin of an upload; of a mark
	Source   int               `json:",omitempty"` // N of the open from which a range is copied
	From     int64             `json:",omitempty"` // where a range is copied from
	Part     int               `json:",omitempty"`
	Off, Len int64             `json:",omitempty"`
	Gen      uint64            `json:",omitempty"`
	Mode     uint32            `json:",omitempty"`
	Trunc    bool              `json:",omitempty"`
	Keep     bool              `json:",omitempty"` // the size; directories that become empty; an access key active; a key of the key management service
	Tags     map[string]string `json:",omitempty"`
	State    versioning.State  `json:",omitempty"`
	Values   []string          `json:",omitempty"` // of a setting
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
		{"handle ", a.Handle, a.Handle == 0}, {"source ", a.Source, a.Source == 0},
		{"from ", a.From, a.From == 0}, {"part ", a.Part, a.Part == 0}, {"values ", a.Values, a.Values == nil},
		{"at ", a.Off, a.Off == 0}, {"len ", a.Len, a.Len == 0},
		{"tags ", a.Tags, a.Tags == nil}, {"", "truncated", !a.Trunc}, {"", "keeping", !a.Keep}, {"", a.State, a.Op != opState},
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
