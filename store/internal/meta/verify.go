package meta

import "context"

// VerifyTables reads every table and compares its checksums.
func (db *DB) VerifyTables(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return db.badger.VerifyChecksum()
}
