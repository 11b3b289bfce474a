package store

import (
	"slices"

	"pail/store/internal/meta"
	"pail/store/internal/meta/table"
)

// Times of commits rise but where a setback of the clock stands, and only there they
// fall: the search for a moment relies on both.

func (f *fsck) checkMoments() error {
	f.begin("times of commits", 0)
	backs := f.sn.r.Scan(meta.ScanOptions{Prefix: table.Setbacks()})
	defer backs.Close()
	more := backs.Next()
	first, last := true, int64(0)
	err := f.scan(table.Times(), func(k, v []byte) error {
		for more && string(backs.Key()[1:]) < string(k[1:]) {
			if err := f.wrong(backs.Key(), drop("removes it", backs.Key()), "nothing says when that commit was"); err != nil {
				return err
			}
			more = backs.Next()
		}
		back := more && string(backs.Key()[1:]) == string(k[1:])
		if back && string(backs.Value()) != string(v) {
			if err := f.wrong(backs.Key(), putTime(backs.Key(), v), "it says another time than the commit has"); err != nil {
				return err
			}
		}
		if back {
			more = backs.Next()
		}
		ms := msOf(v)
		if !first && back != (ms < last) {
			if err := f.wrong(k, setBack(k, v, ms < last), "whether the clock was set back before it is recorded as %t and is %t", back, ms < last); err != nil {
				return err
			}
		}
		first, last = false, ms
		return nil
	})
	if err != nil {
		return err
	}
	for ; more; more = backs.Next() {
		if err := f.wrong(backs.Key(), drop("removes it", backs.Key()), "nothing says when that commit was"); err != nil {
			return err
		}
	}
	if err := damaged(backs.Err()); err != nil && !unreadable(err) {
		return err
	}
	return nil
}

// putTime gives a setback the time of its commit.
func putTime(k, v []byte) remedy {
	k, v = slices.Clone(k), slices.Clone(v)
	return remedy{does: "goes by the commit", fix: func(r *repairer) error {
		return r.update(func(t *txn) error {
			t.tx.Set(k, v)
			return nil
		})
	}}
}

// setBack records whether the clock was set back before the commit whose time stands at
// k, as the times around it say.
func setBack(k, v []byte, back bool) remedy {
	setback := append(table.Setbacks(), k[1:]...)
	if !back {
		return drop("goes by the times", setback)
	}
	m := putTime(setback, v)
	m.does = "goes by the times"
	return m
}
