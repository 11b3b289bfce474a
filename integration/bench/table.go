package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// A sample is one measurement.
type sample struct {
	Target string  `json:"target"`
	Metric string  `json:"metric"`
	Unit   string  `json:"unit"`
	Value  float64 `json:"value"`
	Round  int     `json:"round"`
}

// speed is how fast it was: the larger the better, whatever the unit.
func (s sample) speed() float64 {
	if s.Unit == "s" {
		return 1 / max(s.Value, 1e-6)
	}
	return s.Value
}

// A goal is a ratio that Pail is to reach, to each of the things that it names.
type goal struct {
	disk, loopback, best float64 // 0: no goal
}

// goals are those of the design.
var goals = map[string]goal{
	"seq_read_1m_cold": {disk: 0.9}, "seq_read_1m_warm": {disk: 0.9}, "rand_read_4k_warm": {disk: 0.9},
	"seq_write_1m": {loopback: 1}, "rand_write_4k": {loopback: 1},
	// "warm" is what was looked at before: the kernel forgets the size and the times of a
	// file that is written.
	"stat_again": {disk: 0.5, loopback: 10}, "readdir_again": {disk: 0.5, loopback: 10},
	"find_stat_again": {disk: 0.5, loopback: 10}, "git_status_4000": {disk: 0.5, loopback: 10},
	"create_4k": {best: 2}, "open_read_4k": {best: 2}, "rename": {best: 2}, "unlink": {best: 2},
	"untar_4000_files": {best: 2}, "git_add_commit_4000": {best: 2},
	"create_4k_fsync": {best: 2, disk: 0.5}, "sqlite_commits": {best: 2, disk: 0.5},
}

// juicefs is how fast JuiceFS 1.3.3 (badger and files) was, relative to the loopback
// in the same sitting.
var juicefs = map[string]float64{
	"create_4k": 111. / 1144, "create_4k_fsync": 299. / 218, "open_read_4k": 256. / 4305,
	"rename": 370. / 4687, "unlink": 1683. / 8209, "untar_4000_files": 5.3 / 7.9,
	"git_add_commit_4000": 31.8 / 17.7, "sqlite_commits": 138. / 94,
}

// A results holds the samples by metric and target.
type results struct {
	metrics []string // in the order in which they were measured
	units   map[string]string
	by      map[[2]string]map[int]sample // metric and target, by round
}

func collect(all []sample) results {
	r := results{units: map[string]string{}, by: map[[2]string]map[int]sample{}}
	for _, s := range all {
		if r.units[s.Metric] == "" {
			r.metrics = append(r.metrics, s.Metric)
			r.units[s.Metric] = s.Unit
		}
		k := [2]string{s.Metric, s.Target}
		if r.by[k] == nil {
			r.by[k] = map[int]sample{}
		}
		r.by[k][s.Round] = s
	}
	return r
}

// median is the middle value of a metric, NaN if there is none.
func (r results) median(metric, target string) float64 {
	var values []float64
	for _, s := range r.by[[2]string{metric, target}] {
		values = append(values, s.Value)
	}
	return middle(values)
}

// ratios are how much faster one target was than others, in each round: than the
// fastest of them, each of which counts as much as its weight says.
func (r results) ratios(metric, target string, others map[string]float64) (out []float64) {
	for round, s := range r.by[[2]string{metric, target}] {
		best := 0.0
		for other, weight := range others {
			if o, ok := r.by[[2]string{metric, other}][round]; ok {
				best = max(best, o.speed()*weight)
			}
		}
		if best > 0 {
			out = append(out, s.speed()/best)
		}
	}
	return out
}

func middle(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

// printTable writes a table in Markdown: values, and how each Pail stands to its goals.
func printTable(w io.Writer, all []sample, names []string) {
	r := collect(all)
	head, line := []string{"", "unit"}, []string{"---", "---"}
	for _, n := range names {
		head, line = append(head, n), append(line, "--:")
		if isPail(n) {
			head, line = append(head, "goal: reached"), append(line, "---")
		}
	}
	printRow(w, head)
	printRow(w, line)
	for _, m := range r.metrics {
		row := []string{m, r.units[m]}
		for _, n := range names {
			row = append(row, number(r.median(m, n)))
			if isPail(n) {
				row = append(row, r.against(m, n))
			}
		}
		printRow(w, row)
	}
}

func printRow(w io.Writer, cells []string) {
	fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
}

func isPail(target string) bool {
	return strings.HasSuffix(target, " plain") || strings.HasSuffix(target, " versioned") || isEncrypted(target)
}

func isEncrypted(target string) bool { return strings.HasSuffix(target, " encrypted") }

// encryptedGoal is how often as fast as gocryptfs an encrypted bucket is to be, in each row.
const encryptedGoal = 1.5

// against says how a target stands to the goals of a metric, with the least and the
// most of all rounds. Below half a goal it is marked.
func (r results) against(metric, target string) string {
	g := goals[metric]
	best := map[string]float64{"loopback": max(1, juicefs[metric]), "gocryptfs": 1}
	var cells []string
	for _, one := range []struct {
		want float64
		of   string
		to   map[string]float64
	}{
		{g.disk, "disk", map[string]float64{"disk": 1}},
		{g.loopback, "loopback", map[string]float64{"loopback": 1}},
		{g.best, "best", best},
		{encryptedGoal, "gocryptfs", map[string]float64{"gocryptfs": 1}},
	} {
		if isEncrypted(target) != (one.of == "gocryptfs") {
			continue
		}
		got := r.ratios(metric, target, one.to)
		if one.want == 0 || len(got) == 0 {
			continue
		}
		have, mark := middle(got), ""
		switch {
		case have < one.want/2:
			mark = " (!)"
		case have < one.want:
			mark = " (-)"
		}
		cells = append(cells, fmt.Sprintf("%g %s: %s [%s..%s]%s", one.want, one.of, number(have), number(got[0]), number(got[len(got)-1]), mark))
	}
	return strings.Join(cells, "; ")
}

// number prints three digits; a busy machine cannot tell more.
func number(x float64) string {
	switch {
	case math.IsNaN(x):
		return ""
	case x < 1:
		return fmt.Sprintf("%.3f", x)
	case x < 10:
		return fmt.Sprintf("%.2f", x)
	case x < 100:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.0f", x)
}
