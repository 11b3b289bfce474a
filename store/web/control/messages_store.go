package control

import (
	"encoding/json"
	"fmt"
	"time"

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

	Listeners []Listener `json:"listeners"` // where the daemon answers S3, and tells of itself

	ID        string    `json:"id"`
	MasterKey string    `json:"master_key,omitempty"` // what it is made from: beside, passphrase, key; "" if there is none yet
	Buckets   int       `json:"buckets"`
	Free      int64     `json:"free"`              // bytes free on the disk
	Reserve   int64     `json:"reserve"`           // bytes of them that only deletes may use
	Stopped   string    `json:"stopped,omitempty"` // why the store no longer writes
	OpenFiles int       `json:"open_files"`
	Drafts    int       `json:"drafts"`  // open files with unpublished changes
	Pending   int       `json:"pending"` // versions whose bytes are not yet known to be on disk
	Moves     int       `json:"moves"`   // renames of directories on their way
	Dead      int64     `json:"dead"`    // bytes of content files that nothing uses, beside others that are in use
	Jobs      []Job     `json:"jobs"`
	Scrub     Scrub     `json:"scrub"`
	Lifecycle Lifecycle `json:"lifecycle"`
	Recovery  Recovery  `json:"recovery"`

	Encrypting *Encrypting `json:"encrypting,omitempty"` // the last pail encrypt, if there was one
}

// A Scrub is what the reading of all contents has found, and how far it is.
type Scrub struct {
	EverySeconds int64      `json:"every_seconds,omitempty"` // how long after one the next begins by itself; 0: none does
	Running      bool       `json:"running"`
	Started      *time.Time `json:"started,omitempty"` // when the one began that has not ended, if there is one
	Bytes        int64      `json:"bytes"`             // that it has read
	Total        int64      `json:"total"`             // of how many, about
	Ended        *time.Time `json:"ended,omitempty"`   // when the last whole one ended, if there was one
	Read         int64      `json:"read"`              // bytes that it read
	Damage       []Damage   `json:"damage"`            // what is known to be damaged
	More         int        `json:"more,omitempty"`    // how many more there are than are listed
}

// A Damage is a range of bytes that a version, or something that is to become one, has lost.
type Damage struct {
	Bucket  string    `json:"bucket"`
	Key     string    `json:"key"`
	Version string    `json:"version,omitempty"`
	Number  uint64    `json:"number,omitempty"`
	Offset  int64     `json:"offset"`
	Length  int64     `json:"length"`
	What    string    `json:"what,omitempty"` // what has lost them if it is no version
	Why     string    `json:"why"`
	Found   time.Time `json:"found"`
}

// A Recovery is what was found and done when the store was opened.
type Recovery struct {
	Unclean   bool     `json:"unclean"`              // its last owner did not close it
	Kept      int      `json:"kept"`                 // pending versions whose bytes had reached the disk
	Undone    int      `json:"undone"`               // those whose bytes had not: what they replaced is back
	UndoneKey []string `json:"undone_key,omitempty"` // BUCKET/KEY of the first hundred of them
	Drafts    int      `json:"drafts"`               // synced files that were being written, now published
	Orphans   int      `json:"orphans"`              // contents of nobody, deleted
	Moves     int      `json:"moves"`                // renames of directories that went on
	Problems  []string `json:"problems,omitempty"`   // what could not be dealt with
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

// A Setting is something that the store's owner may choose.
type Setting struct {
	Name   string          `json:"name"`
	Value  json.RawMessage `json:"value"`            // a bool, a number or a list of strings
	From   string          `json:"from"`             // "default", "store" or "bucket": who chose it
	Bucket string          `json:"bucket,omitempty"` // empty: of the whole store
	About  string          `json:"about"`
}

func settingOf(bucket string, s store.Setting) (Setting, error) {
	if list, ok := s.Value.([]string); ok && list == nil {
		s.Value = []string{}
	}
	value, err := marshal(s.Value)
	return Setting{Name: s.Name, Value: value, From: string(s.From), Bucket: bucket, About: s.About}, err
}

func statusOf(s store.Status) Status {
	r := s.Recovered
	w := Status{
		Store: s.Dir, ID: s.ID, Format: s.Format, Region: s.Region, Mounts: []Mount{}, Listeners: []Listener{}, Jobs: []Job{},
		Buckets: s.Buckets, Free: s.Free, Reserve: s.Reserve, Stopped: s.Stopped, MasterKey: s.MasterKey,
		OpenFiles: s.OpenFiles, Drafts: s.Drafts, Pending: s.Pending, Moves: s.Moves, Dead: s.Dead,
		Scrub: scrubOf(s.Scrub), Lifecycle: lifecycleOf(s.Lifecycle), Encrypting: encryptingOf(s.Encrypt),
		Recovery: Recovery{
			Unclean: r.Unclean, Kept: r.Kept, Undone: r.Undone, UndoneKey: r.UndoneKey,
			Drafts: r.Drafts, Orphans: r.Orphans, Moves: r.Moves, Problems: r.Problems,
		},
	}
	for _, j := range s.Jobs {
		job := Job{Name: j.Name, Running: j.Running, Waiting: j.Waiting, Done: j.Done, Total: j.Total}
		if j.Failed != nil {
			job.Failed = j.Failed.Error()
		}
		w.Jobs = append(w.Jobs, job)
	}
	return w
}

func scrubOf(s store.ScrubStatus) Scrub {
	w := Scrub{
		EverySeconds: int64(s.Every / time.Second), Running: s.Running, Bytes: s.Bytes, Total: s.Total,
		Read: s.Read, Damage: []Damage{}, More: s.More,
	}
	if !s.Started.IsZero() {
		w.Started = &s.Started
	}
	if !s.Ended.IsZero() {
		w.Ended = &s.Ended
	}
	for _, d := range s.Damage {
		w.Damage = append(w.Damage, damageOf(d))
	}
	return w
}

func damageOf(d store.Damage) Damage {
	return Damage{
		Bucket: d.Bucket, Key: d.Key, Version: d.Version, Number: d.Number,
		Offset: d.Off, Length: d.Len, What: d.What, Why: d.Why, Found: d.Found,
	}
}

func problemOf(p store.Problem) Problem {
	return Problem{Kind: fmt.Sprint(p.Kind), Where: p.Where, What: p.What, Repair: p.Repair, Advice: p.Advice}
}

// Problems are problems of a store as commands and clients tell them.
func Problems(found []store.Problem) []Problem {
	var out []Problem
	for _, p := range found {
		out = append(out, problemOf(p))
	}
	return out
}
