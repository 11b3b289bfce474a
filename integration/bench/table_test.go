package main

import (
	"bytes"
	"strings"
	"testing"
)

// Three rounds on a machine that was half as fast in the second: values are medians,
// ratios those within a round.
func TestTableComparesWithinRounds(t *testing.T) {
	var all []sample
	for round, speed := range []float64{1, 0.5, 1} {
		for target, v := range map[string]float64{"disk": 4000, "loopback": 1000, "gocryptfs": 1200, "pail plain": 3000} {
			all = append(all, sample{target, "create_4k_fsync", "op/s", v * speed, round})
		}
		for target, v := range map[string]float64{"loopback": 8, "gocryptfs": 4, "pail plain": 3} {
			all = append(all, sample{target, "untar_4000_files", "s", v / speed, round})
		}
	}
	var out bytes.Buffer
	printTable(&out, all, []string{"disk", "loopback", "gocryptfs", "pail plain"})
	for _, want := range []string{
		// JuiceFS counts as 299/218 of the loopback, which is more than gocryptfs.
		"| create_4k_fsync | op/s | 4000 | 1000 | 1200 | 3000 | 0.5 disk: 0.750 [0.750..0.750]; 2 best: 2.19 [2.19..2.19] |",
		"| untar_4000_files | s |  | 8.00 | 4.00 | 3.00 | 2 best: 1.33 [1.33..1.33] (-) |",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("want the line\n%s\nin\n%s", want, out.String())
		}
	}
}

func TestTableMarksWhatIsBelowHalfAGoal(t *testing.T) {
	r := collect([]sample{
		{"disk", "stat_again", "op/s", 1000, 0}, {"loopback", "stat_again", "op/s", 50, 0}, {"pail versioned", "stat_again", "op/s", 240, 0},
	})
	got := r.against("stat_again", "pail versioned")
	if want := "0.5 disk: 0.240 [0.240..0.240] (!); 10 loopback: 4.80 [4.80..4.80] (!)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
