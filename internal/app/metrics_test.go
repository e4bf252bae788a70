package app

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/handlers"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/graph/notification"
	"jtel.de/presencebridge/internal/intake"
)

// What is counted stands in the text that Prometheus reads, and nothing else.
func TestMetrics(t *testing.T) {
	const notifications, lifecycle = handlers.NotificationsPath, handlers.LifecyclePath
	for _, c := range []struct {
		name   string
		count  func(*metrics)
		series []string // beside what is always there; without the prefix
	}{
		{"nothing", func(*metrics) {}, nil},
		{"accepted", func(m *metrics) {
			m.callback(handlers.Outcome{Route: notifications, Status: 202, Total: time.Hour})
			m.callback(handlers.Outcome{Route: notifications, Status: 202, Total: time.Hour})
		}, []string{
			`callback_duration_seconds_count{kind="notifications"} 2`,
			`callback_requests_total{cause="",kind="notifications",status="202"} 2`,
		}},
		{"stages", func(m *metrics) {
			m.callback(handlers.Outcome{Route: notifications, Status: 202, Read: time.Hour, Open: time.Hour})
			m.callback(handlers.Outcome{Route: notifications, Status: 202, Open: time.Hour, Store: time.Hour})
		}, []string{
			`callback_duration_seconds_count{kind="notifications"} 2`,
			`callback_requests_total{cause="",kind="notifications",status="202"} 2`,
			`callback_stage_seconds_count{stage="open"} 2`,
			`callback_stage_seconds_count{stage="read"} 1`,
			`callback_stage_seconds_count{stage="store"} 1`,
		}},
		{"connections", func(m *metrics) { m.drop(handlers.DropNotHTTP); m.drop(handlers.DropCrowded) }, []string{
			`callback_connections_dropped_total{reason="crowded"} 1`,
			`callback_connections_dropped_total{reason="not_http"} 1`,
		}},
		{"put off", func(m *metrics) {
			m.callback(handlers.Outcome{Route: notifications, Status: 503, Cause: handlers.CauseCrowded})
			m.callback(handlers.Outcome{Route: notifications, Status: 503, Cause: handlers.CauseUndecided, Undecided: 3})
			m.callback(handlers.Outcome{Route: lifecycle, Status: 503, Cause: handlers.CauseFull})
		}, []string{
			`callback_duration_seconds_count{kind="lifecycle"} 1`,
			`callback_duration_seconds_count{kind="notifications"} 2`,
			`callback_requests_total{cause="crowded",kind="notifications",status="503"} 1`,
			`callback_requests_total{cause="full",kind="lifecycle",status="503"} 1`,
			`callback_requests_total{cause="undecided",kind="notifications",status="503"} 1`,
			`notifications_undecided_total 3`,
		}},
		{"handshakes", func(m *metrics) {
			m.callback(handlers.Outcome{Route: notifications, Handshake: true, Status: 200})
			m.callback(handlers.Outcome{Route: lifecycle, Handshake: true, Status: 400, Cause: handlers.CauseHandshake})
		}, []string{
			`callback_duration_seconds_count{kind="handshake"} 2`,
			`callback_requests_total{cause="",kind="handshake",status="200"} 1`,
			`callback_requests_total{cause="handshake",kind="handshake",status="400"} 1`,
		}},
		{"forged", func(m *metrics) {
			m.callback(handlers.Outcome{Route: lifecycle, Status: 202,
				Refused: map[notification.Reason]int{notification.ReasonClientState: 2}})
		}, []string{
			`callback_duration_seconds_count{kind="lifecycle"} 1`,
			`callback_requests_total{cause="",kind="lifecycle",status="202"} 1`,
			`notifications_refused_total{reason="client_state"} 2`,
		}},
		{"lifecycle events", func(m *metrics) {
			for _, event := range []string{"missed", "missed", "subscriptionRemoved", "reauthorizationRequired", "new", "", "somebody@example.com"} {
				m.lifecycle(graph.Lifecycle{Event: event})
			}
		}, []string{
			`lifecycle_events_total{event="missed"} 2`,
			`lifecycle_events_total{event="other"} 3`,
			`lifecycle_events_total{event="reauthorizationRequired"} 1`,
			`lifecycle_events_total{event="subscriptionRemoved"} 1`,
		}},
		{"readings", func(m *metrics) { m.intake(intake.Outcome{Published: 2, Older: 1}) }, []string{
			`readings_total{outcome="older"} 1`,
			`readings_total{outcome="published"} 2`,
		}},
		{"coverage", func(m *metrics) { m.coverage("contoso", events.Covered{Push: 2, Poll: 1}) }, []string{
			`people{cover="none",tenant="contoso"} 0`,
			`people{cover="poll",tenant="contoso"} 1`,
			`people{cover="push",tenant="contoso"} 2`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMetrics("1.2.3")
			before := scrape(t, m)
			if want := `build_info{version="1.2.3"} 1`; !before[want] {
				t.Errorf("no %s in %v", want, before)
			}
			c.count(m)
			got, want := map[string]bool{}, map[string]bool{}
			for series := range scrape(t, m) {
				// Buckets and sums are the library's business.
				if !before[series] && !strings.Contains(series, "_seconds_bucket") && !strings.Contains(series, "_seconds_sum") {
					got[series] = true
				}
			}
			for _, series := range c.series {
				want[series] = true
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// scrape gives our series with their values, without our prefix.
func scrape(t *testing.T, m *metrics) map[string]bool {
	t.Helper()
	w := httptest.NewRecorder()
	m.handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	series := map[string]bool{}
	for line := range strings.Lines(w.Body.String()) {
		if s, ours := strings.CutPrefix(strings.TrimSpace(line), "presencebridge_"); ours {
			series[s] = true
		}
	}
	return series
}
