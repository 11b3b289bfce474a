package store

import (
	"context"
	"time"

	"pail/store/internal/blob"
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

// ListsAhead has lists of more than n extents written ahead.
func ListsAhead(o *Options, n int) { o.tuning.aheadExtents = n }

// BeginList writes a list of n extents ahead that nobody will own.
func BeginList(ctx context.Context, s *Store, n int) error {
	_, err := s.beginList(ctx, make(blob.Extents, n))
	return err
}

// ListRecords counts the chunks of lists in the records.
func ListRecords(s *Store) int { return count(s, table.ExtentLists()) }

// Patches counts the patches of drafts in the records.
func Patches(s *Store) int { return count(s, table.Patches()) }

func count(s *Store, prefix []byte) int {
	v := s.db.View()
	defer v.Close()
	it := v.Scan(meta.ScanOptions{Prefix: prefix, KeysOnly: true})
	defer it.Close()
	n := 0
	for it.Next() {
		n++
	}
	return n
}

// LogInPasses has a log take so many bytes of names at a time.
func LogInPasses(in *LogInput, budget int) { in.budget = budget }

// EncryptAll has every bucket ask for encryption.
var EncryptAll = &encryptAll
