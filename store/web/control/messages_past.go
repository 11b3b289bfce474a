package control

import "time"

// A RestoreAtRequest makes a key, or everything below a directory, what it was at a
// time. A dry run only says what would be done.
type RestoreAtRequest struct {
	Bucket  string    `json:"bucket"`
	Key     string    `json:"key,omitempty"` // empty or ending in "/": a directory
	At      time.Time `json:"at"`
	KeepNew bool      `json:"keep_new,omitempty"` // what was made since stays
	DryRun  bool      `json:"dry_run,omitempty"`
}

// The actions of a restore.
const (
	RestoredVersion = "restore"    // a new version is what the key held then
	RestoredDelete  = "delete"     // it was made since and gets a delete marker
	RestoredAttrs   = "attributes" // a directory gets the attributes that it had
	RestoredUnknown = "unknown"    // what it held is kept no longer; it is left alone
)

// A Restored is one step of a restore.
type Restored struct {
	Action  string  `json:"action"`
	Bucket  string  `json:"bucket"`
	Key     string  `json:"key"`
	Version string  `json:"version,omitempty"` // that was made; empty of a dry run
	Then    *Object `json:"then,omitempty"`    // what the key held
}

// A LogRequest asks for the changes of keys that begin with a prefix, newest first.
type LogRequest struct {
	Bucket string     `json:"bucket"`
	Prefix string     `json:"prefix,omitempty"`
	Since  *time.Time `json:"since,omitempty"` // only what happened after this time
	Until  *time.Time `json:"until,omitempty"` // only what had happened then
	Limit  int        `json:"limit,omitempty"` // 0: all
}

// What changes do to a key.
const (
	LogCreate    = "create"
	LogOverwrite = "overwrite"
	LogMetadata  = "metadata" // the same content under other headers or metadata
	LogRename    = "rename"
	LogDelete    = "delete"
)

// A LogEntry is one change: what it did, and the version or the delete marker that it
// made.
type LogEntry struct {
	What string `json:"what"`
	From string `json:"from,omitempty"` // of a rename
	To   string `json:"to,omitempty"`
	Object
}
