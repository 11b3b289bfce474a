package store

import (
	"time"

	"pail/store/internal/meta"
	"pail/store/internal/meta/table"
)

// MoveSlowly has every rename of a directory leave its records to a move, which begins
// after a delay and takes a few of them at a time.
func MoveSlowly(o *Options, delay time.Duration, perUpdate int) {
	o.tuning = tuning{moveDelay: delay, movesPerUpdate: perUpdate, movedInline: -1}
}

// CompactEagerly has compaction move whatever it can, in small steps.
func CompactEagerly(o *Options) {
	o.CompactPieces = 1
	o.tuning.sparseMin, o.tuning.stretchMax = 1, 1000
}

// Patches counts the patches of drafts in the records.
func Patches(s *Store) int {
	v := s.db.View()
	defer v.Close()
	it := v.Scan(meta.ScanOptions{Prefix: table.Patches(), KeysOnly: true})
	defer it.Close()
	n := 0
	for it.Next() {
		n++
	}
	return n
}

// LogInPasses has a log take so many bytes of names at a time.
func LogInPasses(in *LogInput, budget int) { in.budget = budget }
