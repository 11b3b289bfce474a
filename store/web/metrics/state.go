package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"pail/store"
)

// A stateCollector tells the state of the store at the moment of a scrape.
type stateCollector struct{ m *Metrics }

// A gauge is one number of the store's state.
type gauge struct {
	name, help string
	kind       prometheus.ValueType
	of         func(store.Status) float64
}

func gauges() []gauge {
	g, c := prometheus.GaugeValue, prometheus.CounterValue
	b2f := func(b bool) float64 {
		if b {
			return 1
		}
		return 0
	}
	return []gauge{
		{"pail_store_stopped", "1 if the store no longer writes, since a sync has failed.", g, func(s store.Status) float64 { return b2f(s.Stopped != "") }},
		{"pail_store_buckets", "Buckets.", g, func(s store.Status) float64 { return float64(s.Buckets) }},
		{"pail_store_commits_total", "Commits since the store was made.", c, func(s store.Status) float64 { return float64(s.LastSeq) }},
		{"pail_store_versions_made_total", "Versions made since the store was opened, delete markers among them.", c, func(s store.Status) float64 { return float64(s.Versions.Made) }},
		{"pail_store_delete_markers_made_total", "Delete markers made since the store was opened.", c, func(s store.Status) float64 { return float64(s.Versions.Markers) }},
		{"pail_store_versions_removed_total", "Versions that went since the store was opened: overwritten without history, deleted for good or expired.", c, func(s store.Status) float64 { return float64(s.Versions.Gone) }},
		{"pail_store_pending_versions", "Published versions whose bytes are not known to be on disk.", g, func(s store.Status) float64 { return float64(s.Pending) }},
		{"pail_store_open_files", "Files that are open on mounts.", g, func(s store.Status) float64 { return float64(s.OpenFiles) }},
		{"pail_store_drafts", "Open files with unpublished changes.", g, func(s store.Status) float64 { return float64(s.Drafts) }},
		{"pail_store_moves", "Renames of directories on their way.", g, func(s store.Status) float64 { return float64(s.Moves) }},
		{"pail_store_dead_bytes", "Bytes of contents that nothing refers to, to be moved together.", g, func(s store.Status) float64 { return float64(s.Dead) }},
		{"pail_store_compacted_bytes_total", "Bytes that compaction has moved since the store was opened.", c, func(s store.Status) float64 { return float64(s.Compacted) }},
		{"pail_store_damaged", "Damage that is known of.", g, func(s store.Status) float64 { return float64(len(s.Scrub.Damage) + s.Scrub.More) }},
		{"pail_access_log_buckets", "Buckets whose requests are logged.", g, func(s store.Status) float64 { return float64(s.Logs.Buckets) }},
		{"pail_access_log_waiting_bytes", "Bytes of access logs that are not delivered yet.", g, func(s store.Status) float64 { return float64(s.Logs.Waiting) }},
		{"pail_access_log_failing", "Destinations of access logs to which the last delivery has failed; it is tried again.", g, func(s store.Status) float64 { return float64(s.Logs.Failing) }},
		{"pail_disk_free_bytes", "Bytes free on the store's disk.", g, func(s store.Status) float64 { return float64(s.Free) }},
		{"pail_disk_reserve_bytes", "Bytes of them that only deletes may use.", g, func(s store.Status) float64 { return float64(s.Reserve) }},
	}
}

// Jobs and caches come by their names.
var (
	jobRunning   = prometheus.NewDesc("pail_job_running", "1 if a background job is running.", []string{"job"}, nil)
	jobFailed    = prometheus.NewDesc("pail_job_failed", "1 if the last run of a background job has failed; it is tried again.", []string{"job"}, nil)
	cacheEntries = prometheus.NewDesc("pail_cache_entries", "Entries of a cache.", []string{"cache"}, nil)
	cacheHits    = prometheus.NewDesc("pail_cache_hits_total", "What was found in a cache.", []string{"cache"}, nil)
	cacheMisses  = prometheus.NewDesc("pail_cache_misses_total", "What was not.", []string{"cache"}, nil)
	ready        = prometheus.NewDesc("pail_ready", "1 if requests are answered and writes are possible.", nil, nil)
)

func (g gauge) desc() *prometheus.Desc { return prometheus.NewDesc(g.name, g.help, nil, nil) }

// Describe implements prometheus.Collector.
func (c stateCollector) Describe(out chan<- *prometheus.Desc) {
	for _, g := range gauges() {
		out <- g.desc()
	}
	for _, d := range []*prometheus.Desc{jobRunning, jobFailed, cacheEntries, cacheHits, cacheMisses, ready} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c stateCollector) Collect(out chan<- prometheus.Metric) {
	put := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	yes := func(d *prometheus.Desc, is bool, labels ...string) {
		v := 0.0
		if is {
			v = 1
		}
		put(d, prometheus.GaugeValue, v, labels...)
	}
	yes(ready, c.m.Ready() == "")
	s, ok := c.m.status()
	if !ok {
		return
	}
	for _, g := range gauges() {
		put(g.desc(), g.kind, g.of(s))
	}
	for _, j := range s.Jobs {
		yes(jobRunning, j.Running, j.Name)
		yes(jobFailed, j.Failed != nil, j.Name)
	}
	for name, cache := range map[string]store.CacheStatus{"records": s.Records, "files": s.Files} {
		put(cacheEntries, prometheus.GaugeValue, float64(cache.Entries), name)
		put(cacheHits, prometheus.CounterValue, float64(cache.Hits), name)
		put(cacheMisses, prometheus.CounterValue, float64(cache.Misses), name)
	}
}
