package metrics

import (
	"regexp"
	"strconv"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"pail/store"
	"pail/store/web"
)

// Metrics count what happens. They are safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry

	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	in, out  *prometheus.CounterVec

	mu    sync.Mutex // guards what follows
	state string     // why it is not ready; "": it is, unless the store says otherwise
	store *store.Store
}

// New returns metrics of a program that is just opening its store. Release is the
// program's.
func New(release string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(), state: "the store is being opened",
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pail_s3_requests_total", Help: "S3 requests that were answered; of status 0: whose clients went away before.",
		}, []string{"operation", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "pail_s3_request_seconds", Help: "How long answering S3 requests took, bodies included.",
			// From a read of memory to the upload of a large part over a slow line.
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300},
		}, []string{"operation"}),
		in: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pail_s3_received_bytes_total", Help: "Bytes of bodies that S3 requests brought.",
		}, []string{"operation"}),
		out: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pail_s3_sent_bytes_total", Help: "Bytes of bodies that answers to S3 requests brought.",
		}, []string{"operation"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "pail_build_info", Help: "Always 1; the label says which release this is.",
		ConstLabels: prometheus.Labels{"release": release},
	})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.seconds, m.in, m.out, build, stateCollector{m},
		collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(liveHeap)),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// liveHeap is what the last collection left of the heap: what the daemon needs, without what
// it has dropped since. It has the name go_gc_heap_live_bytes.
var liveHeap = collectors.GoRuntimeMetricsRule{Matcher: regexp.MustCompile("^/gc/heap/live:bytes$")}

// Observe counts a request that was answered: the Observe of a web.Server.
func (m *Metrics) Observe(o web.Observation) {
	op := o.Operation
	if op == "" {
		op = "none"
	}
	m.requests.WithLabelValues(op, strconv.Itoa(o.Status)).Inc()
	m.seconds.WithLabelValues(op).Observe(o.Took.Seconds())
	m.in.WithLabelValues(op).Add(float64(o.In))
	m.out.WithLabelValues(op).Add(float64(o.Out))
}

// Opened says that the store answers from now on.
func (m *Metrics) Opened(st *store.Store) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.store, m.state = st, ""
}

// Closing says that the store is being closed: it must not be asked any more when the call
// returns.
func (m *Metrics) Closing() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.store, m.state = nil, "the store is closing"
}

// Ready is why the program is not ready, "" if it is.
func (m *Metrics) Ready() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.state == "" {
		if why := m.store.Stopped(); why != nil {
			return "the store no longer writes: " + why.Error()
		}
	}
	return m.state
}

// status returns the store's, if it is open.
func (m *Metrics) status() (s store.Status, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.store == nil {
		return s, false
	}
	return m.store.Status(), true
}
