package versioning

import (
	"errors"
	"math"
	"testing"
	"time"
)

var lockNow = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestRemovable(t *testing.T) {
	past, future := lockNow.Add(-time.Hour), lockNow.Add(time.Hour)
	for name, c := range map[string]struct {
		lock           Lock
		plain, byforce bool // whether it goes, without and with the bypass
	}{
		"no lock":                         {Lock{}, true, true},
		"governance":                      {Lock{Retention: Retention{Governance, future}}, false, true},
		"compliance":                      {Lock{Retention: Retention{Compliance, future}}, false, false},
		"governance that ended":           {Lock{Retention: Retention{Governance, past}}, true, true},
		"compliance that ended":           {Lock{Retention: Retention{Compliance, past}}, true, true},
		"compliance that ends now":        {Lock{Retention: Retention{Compliance, lockNow}}, true, true},
		"a nanosecond of compliance":      {Lock{Retention: Retention{Compliance, lockNow.Add(1)}}, false, false},
		"held":                            {Lock{Hold: Held}, false, false},
		"released":                        {Lock{Hold: Released}, true, true},
		"held, and governance":            {Lock{Retention{Governance, future}, Held}, false, false},
		"held, and governance that ended": {Lock{Retention{Governance, past}, Held}, false, false},
		"released, and compliance":        {Lock{Retention{Compliance, future}, Released}, false, false},
		"a mode of a later program":       {Lock{Retention: Retention{7, future}}, false, false},
		"a hold of a later program":       {Lock{Hold: 9}, false, false},
	} {
		for bypass, want := range map[bool]bool{false: c.plain, true: c.byforce} {
			err := c.lock.Removable(lockNow, bypass)
			if (err == nil) != want || err != nil && !errors.Is(err, RuleLock) {
				t.Errorf("%s, bypass %v: %v", name, bypass, err)
			}
		}
	}
}

func TestRetain(t *testing.T) {
	const soon, later = time.Hour, 2 * time.Hour
	at := func(m LockMode, d time.Duration) Retention { return Retention{m, lockNow.Add(d)} }
	none := Retention{}
	for _, c := range []struct {
		from, to       Retention
		plain, byforce bool
	}{
		{none, at(Governance, soon), true, true},
		{none, at(Compliance, soon), true, true},
		{none, none, true, true},
		{at(Governance, soon), at(Governance, soon), true, true},
		{at(Governance, soon), at(Governance, later), true, true},
		{at(Governance, later), at(Governance, soon), false, true},
		{at(Governance, soon), at(Compliance, later), false, true},
		{at(Governance, soon), none, false, true},
		{at(Compliance, soon), at(Compliance, soon), true, true},
		{at(Compliance, soon), at(Compliance, later), true, true},
		{at(Compliance, later), at(Compliance, soon), false, false},
		{at(Compliance, soon), at(Governance, later), false, false},
		{at(Compliance, soon), none, false, false},
		{at(Compliance, -soon), none, true, true},
		{at(Compliance, -soon), at(Governance, soon), true, true},
		{at(Governance, -soon), none, true, true},
	} {
		for bypass, want := range map[bool]bool{false: c.plain, true: c.byforce} {
			err := c.from.Retain(c.to, lockNow, bypass)
			if (err == nil) != want || err != nil && !errors.Is(err, RuleLock) {
				t.Errorf("%v to %v, bypass %v: %v", c.from, c.to, bypass, err)
			}
		}
	}
}

// What cannot be removed now can only be after somebody ended the lock or its time came:
// whatever retention may replace a lock that holds keeps the version at least as long.
func FuzzRetain(f *testing.F) {
	f.Add(uint8(1), int64(5), uint8(2), int64(7), int64(3))
	f.Add(uint8(2), int64(5), uint8(0), int64(0), int64(3))
	f.Fuzz(func(t *testing.T, m1 uint8, u1 int64, m2 uint8, u2, now int64) {
		at := func(ns int64) time.Time { return time.Unix(0, ns) }
		from, to := Retention{LockMode(m1 % 3), at(u1)}, Retention{LockMode(m2 % 3), at(u2)}
		if from.Retain(to, at(now), false) != nil {
			if !from.Active(at(now)) {
				t.Fatalf("%v does not hold and cannot be replaced", from)
			}
			return
		}
		for _, then := range []int64{now, u1 - 1, u1} {
			if then < now {
				continue
			}
			if (Lock{Retention: from}).Removable(at(then), false) != nil && (Lock{Retention: to}).Removable(at(then), false) == nil {
				t.Fatalf("%v became %v at %d, which lets go at %d", from, to, now, then)
			}
		}
	})
}

func TestCheckRetention(t *testing.T) {
	future := lockNow.Add(time.Hour)
	for _, c := range []struct {
		r    Retention
		want error
	}{
		{Retention{}, nil},
		{Retention{Governance, future}, nil},
		{Retention{Compliance, maxRetention()}, nil},
		{Retention{Compliance, maxRetention().Add(1)}, RuleRetention},
		{Retention{Mode: Governance}, RuleRetention},
		{Retention{Until: future}, RuleRetention},
		{Retention{3, future}, RuleRetention},
		{Retention{Governance, lockNow}, RuleRetentionPast},
	} {
		if err := CheckRetention(c.r, lockNow); !errors.Is(err, c.want) || (c.want == nil) != (err == nil) {
			t.Errorf("%v: %v", c.r, err)
		}
	}
}

func TestDefaultRetention(t *testing.T) {
	for _, c := range []struct {
		d    DefaultRetention
		want error
		days int
	}{
		{DefaultRetention{}, nil, 0},
		{DefaultRetention{Governance, 1, 0}, nil, 1},
		{DefaultRetention{Compliance, 0, 2}, nil, 730},
		{DefaultRetention{Compliance, 36500, 0}, nil, 36500},
		{DefaultRetention{Compliance, 0, 100}, nil, 36500},
		{DefaultRetention{Compliance, 36501, 0}, RuleRetentionPeriod, 0},
		{DefaultRetention{Compliance, 0, 101}, RuleRetentionPeriod, 0},
		{DefaultRetention{Compliance, math.MaxInt32, 0}, RuleRetentionPeriod, 0},
		{DefaultRetention{Compliance, 0, -1}, RuleRetentionPeriod, 0},
		{DefaultRetention{Compliance, 0, 0}, RuleRetentionPeriod, 0},
		{DefaultRetention{Compliance, 1, 1}, RuleRetention, 0},
		{DefaultRetention{0, 1, 0}, RuleRetention, 0},
		{DefaultRetention{3, 1, 0}, RuleRetention, 0},
	} {
		err := CheckDefaultRetention(c.d)
		if !errors.Is(err, c.want) || (c.want == nil) != (err == nil) {
			t.Errorf("%v: %v", c.d, err)
		}
		if err != nil {
			continue
		}
		r := c.d.Of(lockNow)
		if r.Mode != c.d.Mode || c.days > 0 && !r.Until.Equal(lockNow.Add(time.Duration(c.days)*24*time.Hour)) {
			t.Errorf("%v gives %v", c.d, r)
		}
	}
	made := lockNow.Add(1)
	if r := (DefaultRetention{Governance, 1, 0}).Of(made); r.Until.Before(made.Add(24*time.Hour)) || r.Until.Sub(made) > 24*time.Hour+time.Millisecond {
		t.Errorf("made at %v it ends at %v", made, r.Until)
	}
}

func TestLockNames(t *testing.T) {
	for _, m := range []LockMode{Governance, Compliance} {
		if got, ok := ParseLockMode(m.String()); got != m || !ok {
			t.Errorf("%v is read as %v", m, got)
		}
	}
	for _, bad := range []string{"", "governance", "COMPLIANCE "} {
		if m, ok := ParseLockMode(bad); ok {
			t.Errorf("%q is read as %v", bad, m)
		}
	}
	if NeverHeld.String() != "" || Held.String() != "ON" || Released.String() != "OFF" || Unretained.String() != "" {
		t.Error("names")
	}
}
