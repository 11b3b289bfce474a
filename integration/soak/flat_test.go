package soak

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// A line is what became of one measure under load.
type line struct {
	measure
	early, late float64 // medians of the second and the last quarter
	slope       float64 // for each hour since the second quarter began
}

// lines are those of all measures; there are at least eight samples.
func lines(all []sample) (out []line) {
	n := len(all)
	for i, m := range measures() {
		values := func(of []sample) (v []float64) {
			for _, s := range of {
				v = append(v, s.values[i])
			}
			return v
		}
		out = append(out, line{m, median(values(all[n/4 : n/2])), median(values(all[n*3/4:])), slope(all[n/4:], i)})
	}
	return out
}

// grown says whether there is more at the end than chance explains.
func (l line) grown() bool { return l.late-l.early > max(l.number, l.part*l.early) }

func median(v []float64) float64 {
	slices.Sort(v)
	n := len(v)
	return (v[(n-1)/2] + v[n/2]) / 2
}

// slope is how much a measure rises in an hour: the median of the slopes between pairs of
// samples (Theil and Sen), which a few that stand out do not move.
func slope(all []sample, i int) float64 {
	var s []float64
	step := 1 + len(all)/100
	for a := 0; a < len(all); a += step {
		for b := a + step; b < len(all); b += step {
			if dt := (all[b].at - all[a].at).Hours(); dt > 0 {
				s = append(s, (all[b].values[i]-all[a].values[i])/dt)
			}
		}
	}
	if len(s) == 0 {
		return 0
	}
	return median(s)
}

// table is the medians of 24 stretches of the load, and what became of each measure.
func table(all []sample) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%8s %8s %6s", "time", "acts", "cpu %")
	for _, m := range measures() {
		fmt.Fprintf(&b, " %10s", m.name)
	}
	b.WriteByte('\n')
	rows := min(24, len(all))
	for r := range rows {
		part := all[r*len(all)/rows : (r+1)*len(all)/rows]
		first, last := part[0], part[len(part)-1]
		if r > 0 {
			first = all[r*len(all)/rows-1]
		}
		cpu := 0.0
		if last.at > first.at {
			cpu = 100 * (last.cpu - first.cpu).Seconds() / (last.at - first.at).Seconds()
		}
		fmt.Fprintf(&b, "%8s %8d %6.1f", last.at.Round(time.Second), last.acts, cpu)
		for i, m := range measures() {
			var v []float64
			for _, s := range part {
				v = append(v, s.values[i])
			}
			fmt.Fprintf(&b, " %10.1f", median(v)/m.unit)
		}
		b.WriteByte('\n')
	}
	row := func(name string, of func(line) float64) {
		fmt.Fprintf(&b, "%24s", name)
		for _, l := range lines(all) {
			fmt.Fprintf(&b, " %10.1f", of(l)/l.unit)
		}
		b.WriteByte('\n')
	}
	row("second quarter", func(l line) float64 { return l.early })
	row("last quarter", func(l line) float64 { return l.late })
	row("may be more", func(l line) float64 { return max(l.number, l.part*l.early) })
	row("rises in an hour", func(l line) float64 { return l.slope })
	return b.String()
}

// TestGrowthIsSeen has lines that rise, among noise, tell themselves from those that do not.
func TestGrowthIsSeen(t *testing.T) {
	made := func(of func(i int) float64) line {
		var all []sample
		for i := range 720 {
			s := sample{at: time.Duration(i) * 10 * time.Second}
			s.values[anon] = of(i)
			all = append(all, s)
		}
		return lines(all)[anon]
	}
	noise := func(i int) float64 { return float64(i*7919%48) * mib }
	for name, c := range map[string]struct {
		of    func(i int) float64
		grown bool
	}{
		"flat":                     {func(i int) float64 { return 100*mib + noise(i) }, false},
		"sinking":                  {func(i int) float64 { return 200*mib - float64(i)*mib/8 + noise(i) }, false},
		"filling at the beginning": {func(i int) float64 { return 100*mib + float64(min(i, 150))*mib + noise(i) }, false},
		"a spike of a tenth":       {func(i int) float64 { return 100*mib + float64(i/648)*500*mib + noise(i) }, false},
		"200 bytes in each act":    {func(i int) float64 { return 100*mib + float64(i)*10*rate*200 + noise(i) }, true},
		"a step in the middle":     {func(i int) float64 { return 100*mib + float64(i/360)*30*mib + noise(i) }, true},
	} {
		if l := made(c.of); l.grown() != c.grown {
			t.Errorf("%s: grown is %v, from %.1f to %.1f MiB, %.1f in an hour", name, l.grown(), l.early/mib, l.late/mib, l.slope/mib)
		}
	}
	if l := made(func(i int) float64 { return float64(i) * mib }); l.slope != 360*mib {
		t.Errorf("a rise of 360 MiB in an hour is taken for %v", l.slope/mib)
	}
}
