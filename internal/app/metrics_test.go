package app

import (
	"errors"
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
	"jtel.de/presencebridge/internal/graph/sdk"
	"jtel.de/presencebridge/internal/intake"
	"jtel.de/presencebridge/internal/sweep"
	"jtel.de/presencebridge/internal/vault"
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
		{"graph", func(m *metrics) {
			m.graphCall("contoso", sdk.Call{Route: "presence", Status: 200, Waited: time.Second, Took: time.Second})
			m.graphCall("contoso", sdk.Call{Route: "presence", Status: 429, Stop: time.Minute})
			m.graphCall("contoso", sdk.Call{Route: "directory", HeldBack: true})
			m.graphCall("contoso", sdk.Call{Route: "directory"})
		}, []string{
			`graph_request_duration_seconds_count{route="presence"} 2`,
			`graph_requests_total{route="directory",status="held_back",tenant="contoso"} 1`,
			`graph_requests_total{route="directory",status="none",tenant="contoso"} 1`,
			`graph_requests_total{route="presence",status="200",tenant="contoso"} 1`,
			`graph_requests_total{route="presence",status="429",tenant="contoso"} 1`,
			`graph_throttled_seconds_total{route="directory",tenant="contoso"} 0`,
			`graph_throttled_seconds_total{route="presence",tenant="contoso"} 60`,
			`graph_wait_seconds_total{route="directory",tenant="contoso"} 0`,
			`graph_wait_seconds_total{route="presence",tenant="contoso"} 1`,
		}},
		{"sign-ins", func(m *metrics) {
			m.signIn("contoso", "app", &graph.SignInError{AADSTS: 7000222, OAuth: "invalid_client"})
			m.signIn("contoso", "app", nil)
			m.signIn("contoso", "a", &graph.SignInError{AADSTS: 99999})
			m.signIn("contoso", "a", &graph.SignInError{})
			m.signIn("contoso", "a", &graph.SignInError{Permanent: true})
		}, []string{
			`sign_in_failing{account="a",tenant="contoso"} 1`,
			`sign_in_failing{account="app",tenant="contoso"} 0`,
			`sign_in_failures_total{account="a",reason="no_answer",tenant="contoso"} 1`,
			`sign_in_failures_total{account="a",reason="other",tenant="contoso"} 1`,
			`sign_in_failures_total{account="a",reason="set_up",tenant="contoso"} 1`,
			`sign_in_failures_total{account="app",reason="AADSTS7000222",tenant="contoso"} 1`,
			`sign_ins_total{account="app",tenant="contoso"} 1`,
		}},
		{"sweeps", func(m *metrics) {
			m.sweep("contoso", sweep.Round{Took: time.Second, Read: 650, Err: &graph.Error{Status: 403}})
			m.found("contoso")
		}, []string{
			`sweep_differences_total{tenant="contoso"} 1`,
			`sweep_duration_seconds_count{tenant="contoso"} 1`,
			`sweep_failures_total{class="operator",tenant="contoso"} 1`,
			`sweep_people_total{tenant="contoso"} 650`,
		}},
		{"directory", func(m *metrics) { m.refresh("contoso", errors.New("away")) }, []string{
			`directory_refreshes_total{outcome="failed",tenant="contoso"} 1`,
		}},
		{"events", func(m *metrics) {
			m.stored(graph.OriginNotification, false, time.Millisecond)
			m.stored(graph.OriginSweep, true, time.Hour)
		}, []string{
			`event_delay_seconds_count{origin="notification"} 1`,
			`events_published_total{freshness="fresh",origin="notification"} 1`,
			`events_published_total{freshness="stale",origin="sweep"} 1`,
		}},
		{"messages", func(m *metrics) {
			m.offered([]events.Message{{Subject: "presence.v1.user.t.u"}, {Subject: "presence.v1.coverage.t.a"}, {Subject: "elsewhere"}},
				[]events.Ack{{Sequence: 1}, {Duplicate: true}, {Err: errors.New("away")}}, time.Second)
		}, []string{
			`nats_messages_total{kind="coverage",outcome="duplicate"} 1`,
			`nats_messages_total{kind="other",outcome="failed"} 1`,
			`nats_messages_total{kind="user",outcome="stored"} 1`,
			`nats_publish_duration_seconds_count 1`,
		}},
		{"reloads", func(m *metrics) { m.reloaded(nil); m.reloaded(errors.New("a mistake")) }, []string{
			`config_last_reload_successful 0`,
			`config_reloads_total{outcome="failed"} 1`,
			`config_reloads_total{outcome="ok"} 1`,
		}},
		{"state", func(m *metrics) { m.registry.MustRegister(someState()) }, []string{
			`accounts_missing{tenant="contoso"} 1`,
			`encryption_key_created_timestamp_seconds 1000`,
			`encryption_keys 2`,
			`lease_held{tenant="contoso"} 1`,
			`lease_held{tenant="other"} 0`,
			`nats_available 0`,
			`nats_connected 1`,
			`nats_reconnects_total 7`,
			`ready 0`,
			`signing_keys_ready 1`,
			`subscription_assigned_people{account="a",tenant="contoso"} 650`,
			`subscription_expiry_timestamp_seconds{account="a",tenant="contoso"} 2000.5`,
			`subscription_people{account="a",tenant="contoso"} 649`,
			`subscription_state{account="a",state="failing",tenant="contoso"} 0`,
			`subscription_state{account="a",state="healthy",tenant="contoso"} 0`,
			`subscription_state{account="a",state="idle",tenant="contoso"} 0`,
			`subscription_state{account="a",state="lost",tenant="contoso"} 0`,
			`subscription_state{account="a",state="silent",tenant="contoso"} 1`,
			`subscription_state{account="a",state="starting",tenant="contoso"} 0`,
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

// someState is a service with one account and a row of people whom none carries.
func someState() stateMetrics {
	return stateMetrics{
		subscriptions: func() []handlers.Subscription {
			return []handlers.Subscription{
				{Tenant: "contoso", Account: "a", Username: "svc@contoso.com", State: handlers.SubscriptionSilent,
					People: 649, Assigned: 650, ExpiresAt: time.UnixMilli(2_000_500)},
				{Tenant: "contoso", Account: "poll", State: handlers.SubscriptionPolled, People: 3},
			}
		},
		missing: func() map[string]int { return map[string]int{"contoso": 1} },
		held:    func() map[string]bool { return map[string]bool{"contoso": true, "other": false} },
		keys: func() []vault.EncryptionKey {
			return []vault.EncryptionKey{{Created: time.Unix(1000, 0)}, {Created: time.Unix(1, 0)}}
		},
		ready: func() bool { return false }, available: func() bool { return false }, connected: func() bool { return true },
		reconnects: func() uint64 { return 7 }, signingKeys: func() bool { return true },
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
