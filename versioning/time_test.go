package versioning_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pail/versioning"
)

func TestParseTime(t *testing.T) {
	zone := time.FixedZone("here", 2*3600)
	now := time.Date(2026, 11, 25, 10, 30, 0, 500, zone)
	at := func(y int, m time.Month, d, h, min, s int, loc *time.Location) time.Time {
		return time.Date(y, m, d, h, min, s, 0, loc)
	}
	tests := []struct {
		expr     string
		want     time.Time
		relative bool
	}{
		{"2026-11-23T12:00:00Z", at(2026, 11, 23, 12, 0, 0, time.UTC), false},
		{"2026-11-23T12:00:00.5+05:30", at(2026, 11, 23, 6, 30, 0, time.UTC).Add(time.Second / 2), false},
		{"2026-11-23 12:00:00", at(2026, 11, 23, 12, 0, 0, zone), false},
		{"2026-11-23T12:00", at(2026, 11, 23, 12, 0, 0, zone), false},
		{"2026-11-23T12:00Z", at(2026, 11, 23, 12, 0, 0, time.UTC), false},
		{"2026-11-23", at(2026, 11, 23, 0, 0, 0, zone), false},
		{"now", now, true},
		{"today", at(2026, 11, 25, 0, 0, 0, zone), true},
		{"yesterday", at(2026, 11, 24, 0, 0, 0, zone), true},
		{"-90s", now.Add(-90 * time.Second), true},
		{"-2h", now.Add(-2 * time.Hour), true},
		{"-3d", now.Add(-72 * time.Hour), true},
		{"-1w", now.Add(-7 * 24 * time.Hour), true},
		{"-1d12h5m", now.Add(-36*time.Hour - 5*time.Minute), true},
		{"-0s", now, true},
	}
	for _, tt := range tests {
		got, err := versioning.ParseTime(tt.expr, now)
		if err != nil || !got.Time.Equal(tt.want) || got.Relative != tt.relative {
			t.Errorf("ParseTime(%q) = %v, %v, want %v", tt.expr, got, err, tt.want)
		}
	}
	for _, expr := range []string{
		"", "-", "2h", "+2h", "-h", "-2", "-2x", "-2h3d", "-2h2h", "--2h", "-2h ", "-1.5h", "-99999999999999w",
		"-9999999999999999999999s", "tomorrow", "Yesterday", "2026-13-01", "2026-11-31", "2026-11-23T", "2026-11-23T25:00:00Z",
		"11/23/2026", "2026-11-26", "2026-11-25T10:30:01+02:00", "2026-11-23T12:00:00Z\n",
	} {
		if got, err := versioning.ParseTime(expr, now); !errors.Is(err, versioning.RuleTime) {
			t.Errorf("ParseTime(%q) = %v, %v, want a violation", expr, got, err)
		}
	}
}

func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"-1d12h", "2026-11-23T12:00:00Z", "today"} {
		f.Add(s)
	}
	now := time.Date(2026, 11, 25, 10, 30, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		if m, err := versioning.ParseTime(s, now); err == nil && m.Time.After(now) {
			t.Errorf("%q is read as %v, after now", s, m.Time)
		}
	})
}

func TestLaterOf(t *testing.T) {
	early, late := time.Unix(1, 0), time.Unix(2, 0)
	if got := versioning.LaterOf(late, early); got != late {
		t.Error(got)
	}
	if got := versioning.LaterOf(early, late); got != late {
		t.Error(got)
	}
	if got := versioning.LaterOf(early, time.Time{}); got != early {
		t.Error(got)
	}
}

func TestAsOfAgainstScan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var list []versioning.Version // newest first
		seqs := rapid.SliceOfNDistinct(rapid.Uint64Range(1, 50), 0, 12, rapid.ID[uint64]).Draw(t, "seqs")
		for at := uint64(50); at > 0; at-- {
			for _, s := range seqs {
				if s == at {
					list = append(list, versioning.Version{Seq: s, Marker: s%3 == 0})
				}
			}
		}
		at := rapid.Uint64Range(0, 55).Draw(t, "at")
		var want versioning.Version
		for _, v := range list {
			if v.Seq <= at && v.Seq > want.Seq {
				want = v
			}
		}
		if got, ok := versioning.AsOf(list, at); got != want || ok != want.Exists() {
			t.Fatalf("AsOf(%v, %d) = %v, %v", list, at, got, ok)
		}
	})
}

// TestTurns follows a version through being covered and uncovered, and looks at each
// moment.
func TestTurns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var turns versioning.Turns
		current := map[uint64]bool{}
		now := true
		for seq := uint64(1); seq <= 40; seq++ {
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				before := slices.Clone(turns)
				turns = turns.Turn(seq)
				if rapid.Bool().Draw(t, "undone") {
					// The commit that covered it never happened after all.
					if turns = turns.Turn(seq); !slices.Equal(turns, before) {
						t.Fatalf("%v, turned and back, is %v", before, turns)
					}
				} else {
					now = !now
				}
			}
			current[seq] = now
		}
		for seq, want := range current {
			if got := turns.CurrentAt(seq); got != want {
				t.Fatalf("%v: current at %d is %v", turns, seq, got)
			}
		}
	})
}
