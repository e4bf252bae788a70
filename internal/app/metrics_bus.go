package app

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/graph"
)

// busMetrics are about what was put on NATS, and about reloads.
type busMetrics struct {
	published *prometheus.CounterVec
	delay     *prometheus.HistogramVec
	messages  *prometheus.CounterVec
	storing   prometheus.Histogram
	reloads   *prometheus.CounterVec
	taken     prometheus.Gauge
}

func newBusMetrics() busMetrics {
	m := busMetrics{
		published: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "presencebridge_events_published_total",
			Help: "User events that NATS stored, by where the state came from and whether it was said to be fresh or stale.",
		}, []string{"origin", "freshness"}),
		delay: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "presencebridge_event_delay_seconds",
			Help:    "Time from when the bridge had a changed state in hand until NATS had stored the event.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		}, []string{"origin"}),
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "presencebridge_nats_messages_total",
			Help: "Messages offered to NATS by kind (user, directory, coverage) and outcome: stored, duplicate (it was there already) or failed.",
		}, []string{"kind", "outcome"}),
		storing: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "presencebridge_nats_publish_duration_seconds",
			Help:    "Time until NATS had acknowledged what was offered at the same time, or had failed to.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "presencebridge_config_reloads_total",
			Help: "Reloads of the configuration by outcome: ok, or failed because the file has mistakes.",
		}, []string{"outcome"}),
		taken: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "presencebridge_config_last_reload_successful",
			Help: "0 while the configuration file has mistakes and the one before counts, else 1.",
		}),
	}
	m.taken.Set(1)
	return m
}

func (m busMetrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.published, m.delay, m.messages, m.storing, m.reloads, m.taken}
}

// stored counts an event about a person. A stale one tells nothing that was
// under way, so it has no delay.
func (m busMetrics) stored(origin graph.Origin, stale bool, after time.Duration) {
	if stale {
		m.published.WithLabelValues(string(origin), events.Stale).Inc()
		return
	}
	m.published.WithLabelValues(string(origin), events.Fresh).Inc()
	m.delay.WithLabelValues(string(origin)).Observe(after.Seconds())
}

// offered counts what was published together and how it went.
func (m busMetrics) offered(messages []events.Message, acks []events.Ack, took time.Duration) {
	m.storing.Observe(took.Seconds())
	for i, ack := range acks {
		outcome := "stored"
		switch {
		case ack.Err != nil:
			outcome = "failed"
		case ack.Duplicate:
			outcome = "duplicate"
		}
		m.messages.WithLabelValues(kindOfSubject(messages[i].Subject), outcome).Inc()
	}
}

// kindOfSubject is user, directory or coverage.
func kindOfSubject(subject string) string {
	// presence.v1.<kind>.…
	rest, ours := strings.CutPrefix(subject, "presence.v1.")
	if kind, _, more := strings.Cut(rest, "."); ours && more {
		return kind
	}
	return "other"
}

func (m busMetrics) reloaded(err error) {
	if err != nil {
		m.reloads.WithLabelValues("failed").Inc()
		m.taken.Set(0)
		return
	}
	m.reloads.WithLabelValues("ok").Inc()
	m.taken.Set(1)
}
