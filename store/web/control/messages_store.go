package control

import (
	"fmt"

	"pail/store"
)

// A Status is how a store is doing.
type Status struct {
	Store   string  `json:"store"` // its directory
	Format  int     `json:"format"`
	Region  string  `json:"region"`
	Release string  `json:"release"`       // of the program that owns it
	PID     int     `json:"pid,omitempty"` // of the daemon; 0 if there is none
	Mounts  []Mount `json:"mounts"`

	Buckets  int64  `json:"buckets"`
	Free     int64  `json:"free"`                // bytes that can still be written
	Reserve  int64  `json:"reserve"`             // bytes of the disk that are kept free
	ReadOnly string `json:"read_only,omitempty"` // why the store takes no writes
	Pending  int64  `json:"pending"`             // versions whose bytes are not yet known to be on disk
	Drafts   int64  `json:"drafts"`              // files that are being written
	Jobs     []Job  `json:"jobs"`
	Recovery string `json:"recovery,omitempty"` // what was done when the store was opened
}

// A Job is a background job of the store.
type Job struct {
	Name    string `json:"name"`
	Running bool   `json:"running"`
	Waiting bool   `json:"waiting"` // it has more to do
	Done    int64  `json:"done"`
	Total   int64  `json:"total"`
	Failed  string `json:"failed,omitempty"` // how its last run ended, if badly
}

func statusOf(s store.Status) Status {
	return Status{
		Store: s.Dir, Format: s.Format, Region: s.Region, Mounts: []Mount{}, Jobs: []Job{},
		Buckets: int64(s.Buckets), Free: int64(s.Free), Reserve: int64(s.Reserve),
		Pending: int64(s.Pending), Drafts: int64(s.Drafts),
		ReadOnly: fmt.Sprint(s.ReadOnly), Recovery: fmt.Sprint(s.Recovered),
	}
}

func problemOf(p store.Problem) Problem {
	return Problem{Kind: fmt.Sprint(p.Kind), Where: p.Where, What: p.What, Advice: p.Advice}
}
