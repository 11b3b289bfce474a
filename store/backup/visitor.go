package backup

import (
	"context"
	"encoding/binary"
	"time"

	"pail/store/fault"
)

// Format is the number of the layout that this program writes and reads, of directories
// and of streams.
const Format = 1

// A Head says of what a snapshot is.
type Head struct {
	Store       string    `json:"store"`        // the store's id
	StoreFormat int       `json:"store_format"` // of its layout and records
	Region      string    `json:"region"`
	Taken       time.Time `json:"taken"`
	Seq         uint64    `json:"seq"`     // the last commit in it
	LastID      uint64    `json:"last_id"` // the last number that was given out by then
	// Keys is the store's file of keys, sealed under a master key that no backup has; nil if
	// it has none.
	Keys []byte `json:"keys,omitempty"`
	// Sealed says that the records are encrypted: a chunk has no records but one without a
	// key, whose value is the chunk in an envelope under the records' key, which Keys has.
	Sealed bool `json:"sealed,omitempty"`
}

// A Content is a sealed content file.
type Content struct {
	ID     uint64
	Length int64  // bytes of data; the file has a trailer besides
	Sum    uint64 // of its seal, which tells all bytes of the file
}

// A Draft is the beginning of a content file that was being written.
type Draft struct {
	ID   uint64
	Size int64 // bytes
}

// Totals are what a snapshot holds.
type Totals struct {
	Records  int64 `json:"records"`
	Contents int64 `json:"contents"`
	Drafts   int64 `json:"drafts"`
	Bytes    int64 `json:"bytes"` // of records, contents and drafts
}

// A Visitor is shown a snapshot: Head first, End last, records before all else. The slices
// that it is given are its own until it returns only. An error of its own ends the visit.
type Visitor interface {
	Head(Head) error
	// Records is a chunk of records; see EachRecord.
	Records(chunk []byte) error
	// Draft begins a draft: Parts of it follow, and Finish.
	Draft(Draft) error
	// Content names a content, in the order of ids. In a visit that brings contents' bytes
	// Parts of it follow, the last of which ends the file, and Finish.
	Content(Content) error
	// Part is bytes of the file that has begun, in ascending order.
	Part(off int64, p []byte) error
	Finish() error
	End(Totals) error
}

// A Source is one state of a store.
type Source interface {
	// Walk shows the state to v, without contents' bytes.
	Walk(ctx context.Context, v Visitor) error
	// Fetch calls part with the file of a content that Walk has named, as Visitor.Part
	// is called. It may be called from many goroutines until v.End returns.
	Fetch(ctx context.Context, c Content, part func(off int64, p []byte) error) error
}

// EachRecord calls fn with the records of a chunk.
func EachRecord(chunk []byte, fn func(key, value []byte) error) error {
	for len(chunk) > 0 {
		key, rest, ok := cutBytes(chunk)
		if !ok {
			return malformed("a chunk of records")
		}
		value, rest, ok := cutBytes(rest)
		if !ok {
			return malformed("a chunk of records")
		}
		if err := fn(key, value); err != nil {
			return err
		}
		chunk = rest
	}
	return nil
}

func cutBytes(b []byte) (p, rest []byte, ok bool) {
	n, used := binary.Uvarint(b)
	if used <= 0 || n > uint64(len(b)-used) {
		return nil, nil, false
	}
	return b[used : used+int(n) : used+int(n)], b[used+int(n):], true
}

func malformed(what string) error {
	return fault.New(fault.Damaged, "%s makes no sense", what)
}
