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
		if err := db.verifyTable(ctx, t.ID); err != nil {
			return err
		}
	}
	return nil
}

// verifyTable checks one table. One that a compaction replaces meanwhile, for which badger
// empties the file and then removes it, has no damage.
func (db *DB) verifyTable(ctx context.Context, id uint64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	path := table.NewFilename(id, db.opts.Dir)
	_, err := checkTable(path, db.keys)
	if err == nil || !db.hasTable(id) {
		return nil
	}
	if errors.Is(err, os.ErrNotExist) {
		err = &DamageError{Path: path, Reason: "the file is gone; copy what can still be read to another store"}
	}
	return err
}

func (db *DB) hasTable(id uint64) bool {
	for _, t := range db.badger.Tables() {
		if t.ID == id {
			return true
		}
	}
	return false
}
