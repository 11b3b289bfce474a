package meta

import (
	"context"
	"errors"
	"os"

	"github.com/dgraph-io/badger/v4/table"
)

// VerifyTables reads every table and compares its checksums, as Open does: for finding
// damage that came since. The first damage found is returned as a *DamageError.
func (db *DB) VerifyTables(ctx context.Context) error {
	for _, t := range db.badger.Tables() {
		if err := ctx.Err(); err != nil {
			return err
		}
		path := table.NewFilename(t.ID, db.opts.Dir)
		_, err := checkTable(path, db.keys)
		if errors.Is(err, os.ErrNotExist) {
			if !db.hasTable(t.ID) {
				continue // a compaction replaced it
			}
			err = &DamageError{Path: path, Reason: "the file is gone; copy what can still be read to another store"}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (db *DB) hasTable(id uint64) bool {
	for _, t := range db.badger.Tables() {
		if t.ID == id {
			return true
		}
	}
	return false
}
