package app

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/graph/sdk"
	"jtel.de/presencebridge/internal/graph/signin"
	"jtel.de/presencebridge/internal/sweep"
)

// appAccount stands for the app itself where a label names an account.
const appAccount = "app"

// callMetrics are about what we ask of Microsoft.
type callMetrics struct {
	graphCalls     *prometheus.CounterVec
	graphDuration  *prometheus.HistogramVec
	graphWait      *prometheus.CounterVec
	graphStop      *prometheus.CounterVec
	signIns        *prometheus.CounterVec
	signInFailures *prometheus.CounterVec
	signInFailing  *prometheus.GaugeVec
	refreshes      *prometheus.CounterVec
	refreshed      *prometheus.GaugeVec
	sweepDuration  *prometheus.HistogramVec
	sweepPeople    *prometheus.CounterVec
	sweepFailures  *prometheus.CounterVec
	sweepFound     *prometheus.CounterVec
	swept          *prometheus.GaugeVec
}

func newCallMetrics() callMetrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "presencebridge_" + name, Help: help}, labels)
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "presencebridge_" + name, Help: help}, labels)
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "presencebridge_" + name, Help: help, Buckets: buckets}, labels)
	}
	return callMetrics{
		graphCalls: counter("graph_requests_total",
			"Requests to Graph, repeats included, by route and HTTP status; none: no answer came; held_back: no turn came in time, Graph was not asked.", "tenant", "route", "status"),
		graphDuration: histogram("graph_request_duration_seconds",
			"Time until Graph answered a request.", []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}, "route"),
		graphWait: counter("graph_wait_seconds_total",
			"Time that requests waited for their turn: our own pace below Graph's limits, or a Retry-After.", "tenant", "route"),
		graphStop: counter("graph_throttled_seconds_total",
			"Time that Graph asked us to wait for, with status 429.", "tenant", "route"),
		signIns: counter("sign_ins_total",
			"Sign-ins at Entra ID that succeeded; account is an account key or app.", "tenant", "account"),
		signInFailures: counter("sign_in_failures_total",
			"Sign-ins at Entra ID that failed; reason is an AADSTS code that we know, set_up, no_answer or other.", "tenant", "account", "reason"),
		signInFailing: gauge("sign_in_failing",
			"1 while the last sign-in has failed.", "tenant", "account"),
		refreshes: counter("directory_refreshes_total",
			"Readings of who is to be watched, by outcome: ok or failed.", "tenant", "outcome"),
		refreshed: gauge("directory_refreshed_timestamp_seconds",
			"When it was last read who is to be watched.", "tenant"),
		sweepDuration: histogram("sweep_duration_seconds",
			"Duration of rounds of reading.", []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}, "tenant"),
		sweepPeople: counter("sweep_people_total",
			"People whose presence was read.", "tenant"),
		sweepFailures: counter("sweep_failures_total",
			"Rounds that ended early, by what is to be done about it.", "tenant", "class"),
		sweepFound: counter("sweep_differences_total",
			"Changes of availability or activity that a read was the first to tell.", "tenant"),
		swept: gauge("sweep_succeeded_timestamp_seconds",
			"When a round last succeeded.", "tenant"),
	}
}

func (m callMetrics) all() []prometheus.Collector {
	return []prometheus.Collector{
		m.graphCalls, m.graphDuration, m.graphWait, m.graphStop, m.signIns, m.signInFailures, m.signInFailing,
		m.refreshes, m.refreshed, m.sweepDuration, m.sweepPeople, m.sweepFailures, m.sweepFound, m.swept,
	}
}

// begin lets counters start at zero: of one that starts at its first failure
// Prometheus sees no increase.
func (m callMetrics) begin(tenant string) {
	for _, outcome := range []string{"ok", "failed"} {
		m.refreshes.WithLabelValues(tenant, outcome)
	}
	m.sweepFound.WithLabelValues(tenant)
	m.sweepPeople.WithLabelValues(tenant)
}

// graphCall is told by the clients of a tenant.
func (m callMetrics) graphCall(tenant string, c sdk.Call) {
	status := "none"
	switch {
	case c.HeldBack:
		status = "held_back"
	case c.Status != 0:
		status = strconv.Itoa(c.Status)
		m.graphDuration.WithLabelValues(c.Route).Observe(c.Took.Seconds())
	}
	m.graphCalls.WithLabelValues(tenant, c.Route, status).Inc()
	m.graphWait.WithLabelValues(tenant, c.Route).Add(c.Waited.Seconds())
	m.graphStop.WithLabelValues(tenant, c.Route).Add(c.Stop.Seconds())
}

func (m callMetrics) signIn(tenant, account string, failed *graph.SignInError) {
	failing := m.signInFailing.WithLabelValues(tenant, account)
	if failed == nil {
		m.signIns.WithLabelValues(tenant, account).Inc()
		failing.Set(0)
		return
	}
	m.signInFailures.WithLabelValues(tenant, account, signin.Label(failed)).Inc()
	failing.Set(1)
}

func (m callMetrics) refresh(tenant string, err error) {
	if err != nil {
		m.refreshes.WithLabelValues(tenant, "failed").Inc()
		return
	}
	m.refreshes.WithLabelValues(tenant, "ok").Inc()
	m.refreshed.WithLabelValues(tenant).Set(seconds(time.Now()))
}

func (m callMetrics) sweep(tenant string, r sweep.Round) {
	m.sweepDuration.WithLabelValues(tenant).Observe(r.Took.Seconds())
	m.sweepPeople.WithLabelValues(tenant).Add(float64(r.Read))
	if r.Err != nil {
		m.sweepFailures.WithLabelValues(tenant, graph.Classify(r.Err).String()).Inc()
		return
	}
	m.swept.WithLabelValues(tenant).Set(seconds(time.Now()))
}

// found counts what only a read told.
func (m callMetrics) found(tenant string) { m.sweepFound.WithLabelValues(tenant).Inc() }

// seconds since 1970, as Prometheus has times.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
