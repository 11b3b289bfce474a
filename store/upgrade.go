package store

import (
	"context"
	"errors"

	"pail/store/fault"
	"pail/store/internal/meta"
	"pail/store/internal/meta/table"
)

// A store of an older format is brought to the present one when it is opened, before
// anything else looks at its records: format by format, each in as many updates as it
// takes. Before the first of them the label names the new format, so that no older program
// opens what is half one and half the other; what has been done stands in the records, in
// the update that did it. So an upgrade that was interrupted goes on with the next open.
// New fields of records and tables need no upgrade: what is missing reads as zero.

// An upgrade brings records from one format to the next.
type upgrade struct {
	what string // for the log
	// some does a part of it, in an update that may run again, and returns from where to
	// go on: nil when it is done. The first part is called with nil.
	some func(t *txn, from []byte) (next []byte, err error)
}

// upgrades are, in order, those from format 1 to 2, from 2 to 3, and so on to Format.
var upgrades [Format - 1]upgrade

// settingUpgraded is the format that the records have reached, while the label says that
// they are being upgraded; settingUpgrade is from where the upgrade to the next goes on.
func settingUpgraded() []byte { return table.Setting("upgraded") }
func settingUpgrade() []byte  { return table.Setting("upgrade") }

// upgrade brings the store's records to the newest format.
func (s *Store) upgrade(ctx context.Context) error {
	newest := s.opts.tuning.format
	if s.label.Format < newest {
		if s.label.From == 0 {
			s.label.From = s.label.Format
		}
		s.label.Format = newest
		if err := putLabel(s.opts.Dir, s.label); err != nil {
			return err
		}
	}
	if s.label.From == 0 {
		return nil
	}
	reached, err := s.upgraded()
	if err != nil {
		return err
	}
	for ; reached < newest; reached++ {
		u := s.opts.tuning.upgrades[reached-1]
		s.log.Info("upgrading the store", "to format", reached+1, "what", u.what)
		if err := s.upgradeOnce(ctx, u, reached+1); err != nil {
			return err
		}
	}
	if err := engineError(s.db.Sync(ctx)); err != nil {
		return err
	}
	s.label.From = 0
	if err := putLabel(s.opts.Dir, s.label); err != nil {
		return err
	}
	return s.forgetUpgrade(ctx)
}

// upgraded returns the format that the records have reached.
func (s *Store) upgraded() (format int, err error) {
	format = s.label.From
	err = s.view(func(sn *snap) error {
		b, err := sn.r.Get(settingUpgraded())
		if errors.Is(err, meta.ErrNotFound) {
			return nil
		}
		if err == nil {
			format = max(format, int(beUint64(b)))
		}
		return damaged(err)
	})
	if err == nil && format > s.opts.tuning.format {
		err = fault.New(fault.NewerFormat, "the records of the store at %s have format %d and this program knows %d; use a newer pail", s.opts.Dir, format, s.opts.tuning.format)
	}
	return format, err
}

// upgradeOnce goes on with one upgrade until it is done.
func (s *Store) upgradeOnce(ctx context.Context, u upgrade, to int) error {
	for done := false; !done; {
		if err := ctx.Err(); err != nil {
			return err
		}
		_, err := s.update(ctx, author{}, freeing, func(t *txn) error {
			from, err := t.r.Get(settingUpgrade())
			if err != nil && !errors.Is(err, meta.ErrNotFound) {
				return damaged(err)
			}
			next, err := u.some(t, from)
			if err != nil {
				return err
			}
			if done = next == nil; done {
				t.tx.Delete(settingUpgrade())
				t.tx.Set(settingUpgraded(), beBytes(uint64(to)))
				return nil
			}
			t.tx.Set(settingUpgrade(), next)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// forgetUpgrade removes what tells how far an upgrade is, once the label says that it is
// done.
func (s *Store) forgetUpgrade(ctx context.Context) error {
	_, err := s.update(ctx, author{}, freeing, func(t *txn) error {
		t.tx.Delete(settingUpgraded())
		return nil
	})
	return err
}
