package meta

import (
	"context"
	"errors"
)

// copyBytes is about how much of the records one update of CopyTo writes, and copyCount how
// many of them.
const (
	copyBytes = 256 << 10
	copyCount = 1000
)

// CopyTo gives another database, which is empty, all records of this one, and has its numbers
// go on above those of this one: for a database that is to be encrypted. It is durable when it
// returns; if it fails the other one is good for nothing.
func (db *DB) CopyTo(ctx context.Context, to *DB) error {
	v := db.View()
	defer v.Close()
	it := v.Scan(ScanOptions{})
	defer it.Close()
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		var batch [][2][]byte
		size := 0
		for size < copyBytes && len(batch) < copyCount {
			if more = it.Next(); !more {
				break
			}
			kv := append(append(make([]byte, 0, len(it.Key())+len(it.Value())), it.Key()...), it.Value()...)
			batch = append(batch, [2][]byte{kv[:len(it.Key())], kv[len(it.Key()):]})
			size += len(kv)
		}
		if err := to.setAll(ctx, batch); err != nil {
			return err
		}
	}
	if err := it.Err(); err != nil {
		return err
	}
	return to.Advance(ctx, v.Seq(), db.LastID())
}

// setAll writes records, in as many updates as they take.
func (db *DB) setAll(ctx context.Context, batch [][2][]byte) error {
	if len(batch) == 0 {
		return nil
	}
	_, err := db.Update(ctx, UpdateOptions{}, func(tx *Tx) error {
		for _, kv := range batch {
			tx.Set(kv[0], kv[1])
		}
		return nil
	})
	if half := len(batch) / 2; errors.Is(err, ErrTooLarge) && half > 0 {
		if err = db.setAll(ctx, batch[:half]); err == nil {
			err = db.setAll(ctx, batch[half:])
		}
	}
	return err
}
