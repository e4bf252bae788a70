package app

import (
	"net/http"
	"path"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/handlers"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/intake"
)

// metrics are what /metrics shows. Labels are kinds, tenants and accounts, never
// people. docs/metrics.md lists them; a test compares.
type metrics struct {
	registry  *prometheus.Registry
	requests  *prometheus.CounterVec
	duration  *prometheus.HistogramVec
	stages    *prometheus.HistogramVec
	dropped   *prometheus.CounterVec
	refused   *prometheus.CounterVec
	undecided prometheus.Counter
	events    *prometheus.CounterVec
	readings  *prometheus.CounterVec
	people    *prometheus.GaugeVec
	callMetrics
	busMetrics
}

func newMetrics(version string) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "presencebridge_callback_requests_total",
			Help: "Requests that Graph, or whoever, made to the public side; cause says why one was not accepted.",
		}, []string{"kind", "status", "cause"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "presencebridge_callback_duration_seconds",
			Help:    "Time from a request's first byte to its answer; Graph calls an endpoint slow beyond 3 s.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2, 3},
		}, []string{"kind"}),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "presencebridge_callback_stage_seconds",
			Help: "Time that one stage of a notification took: read (the body arrives), open (decoding, checks and " +
				"decryption), store (until NATS has acknowledged).",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2},
		}, []string{"stage"}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "presencebridge_callback_connections_dropped_total",
			Help: "Connections to the public side that came to nothing: silent (no request, or no TLS), not_http " +
				"(a request that is none, or too slow), crowded (closed to make room).",
		}, []string{"reason"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "presencebridge_notifications_refused_total",
			Help: "Items of notifications that were not believed, by reason.",
		}, []string{"reason"}),
		undecided: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "presencebridge_notifications_undecided_total",
			Help: "Items of notifications that could not be judged yet; Graph sends them again.",
		}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "presencebridge_lifecycle_events_total",
			Help: "Lifecycle events that were handed on, repeats included, by name; other are unknown ones.",
		}, []string{"event"}),
		readings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "presencebridge_readings_total",
			Help: "What became of presence readings, pushed or read.",
		}, []string{"outcome"}),
		people: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "presencebridge_people",
			Help: "Watched people by how they are covered: push, poll or none.",
		}, []string{"tenant", "cover"}),
	}
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "presencebridge_build_info", Help: "Always 1; the version is a label.",
	}, []string{"version"})
	info.WithLabelValues(version).Set(1)
	m.callMetrics, m.busMetrics = newCallMetrics(), newBusMetrics()
	m.registry.MustRegister(m.requests, m.duration, m.stages, m.dropped, m.refused, m.undecided, m.events, m.readings, m.people, info,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.registry.MustRegister(m.callMetrics.all()...)
	m.registry.MustRegister(m.busMetrics.all()...)
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

func (m *metrics) callback(o handlers.Outcome) {
	kind := kindOf(o)
	m.requests.WithLabelValues(kind, strconv.Itoa(o.Status), string(o.Cause)).Inc()
	m.duration.WithLabelValues(kind).Observe(o.Total.Seconds())
	m.stage("read", o.Read)
	m.stage("open", o.Open)
	m.stage("store", o.Store)
	for reason, n := range o.Refused {
		m.refused.WithLabelValues(string(reason)).Add(float64(n))
	}
	m.undecided.Add(float64(o.Undecided))
}

// stage passes over a stage that was not reached: it took no time.
func (m *metrics) stage(name string, took time.Duration) {
	if took > 0 {
		m.stages.WithLabelValues(name).Observe(took.Seconds())
	}
}

func (m *metrics) drop(d handlers.Drop) { m.dropped.WithLabelValues(string(d)).Inc() }

func (m *metrics) lifecycle(l graph.Lifecycle) {
	event := l.Event
	switch event {
	case "reauthorizationRequired", "subscriptionRemoved", "missed":
	default:
		event = "other"
	}
	m.events.WithLabelValues(event).Inc()
}

// kindOf keeps the label's values few, whatever strangers ask for.
func kindOf(o handlers.Outcome) string {
	if o.Handshake {
		return "handshake"
	}
	return path.Base(o.Route)
}

func (m *metrics) intake(o intake.Outcome) {
	m.reading("published", o.Published)
	m.reading("stale", o.Stale)
	m.reading("repeated", o.Repeated)
	m.reading("older", o.Older)
	m.reading("unwatched", o.Unwatched)
	m.reading("failed", o.Failed)
}

func (m *metrics) reading(outcome string, n int) {
	if n > 0 {
		m.readings.WithLabelValues(outcome).Add(float64(n))
	}
}

func (m *metrics) coverage(tenant string, people events.Covered) {
	for cover, n := range map[string]int{"push": people.Push, "poll": people.Poll, "none": people.None} {
		m.people.WithLabelValues(tenant, cover).Set(float64(n))
	}
}
