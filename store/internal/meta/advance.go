package meta

import "context"

// Advance has the numbers of commits go on above seq, and those of NextID above id: for a
// database that has been given the records of another. It is durable when it returns.
func (db *DB) Advance(ctx context.Context, seq, id uint64) error {
	_, err := db.Update(ctx, UpdateOptions{Durable: true}, func(*Tx) error {
		c := db.committer
		next := c.at
		next.batch++
		next.seq = max(next.seq, seq)
		next.idLimit = max(next.idLimit, id)
		c.seq = max(c.seq, seq)
		if err := c.commit(newWrites(), next); err != nil {
			return err
		}
		if err := db.syncer.syncNow(); err != nil {
			return err
		}
		db.ids.limit.Store(next.idLimit)
		db.ids.last.Store(next.idLimit)
		return nil
	})
	return err
}
