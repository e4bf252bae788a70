package app_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"jtel.de/presencebridge/internal/graphsim"
)

// What an operator looks at is there in a service that runs, and names nobody.
func TestMetricsOfARunningService(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, nil)
	b.start(false)
	b.covered()
	b.settled()
	who := b.user(0)
	b.set(who, "Busy", "InACall")
	b.eventually("event", func() bool { return b.states()[who].Data.Activity == "InACall" })
	b.reload <- nil
	for _, series := range []string{
		`ready 1`,
		`nats_available 1`,
		`nats_connected 1`,
		`signing_keys_ready 1`,
		`encryption_keys 1`,
		`accounts_missing{tenant="simulated"} 0`,
		`config_reloads_total{outcome="ok"} 1`,
		`people{cover="push",tenant="simulated"} 5`,
		`subscription_state{account="[0-9a-f]{16}",state="healthy",tenant="simulated"} 1`,
		`subscription_people{account="[0-9a-f]{16}",tenant="simulated"} 5`,
		`subscription_expiry_timestamp_seconds{account="[0-9a-f]{16}",tenant="simulated"} \d`,
		`subscription_last_delivery_timestamp_seconds{account="[0-9a-f]{16}",tenant="simulated"} \d`,
		`sign_ins_total{account="app",tenant="simulated"} [1-9]`,
		`sign_in_failing{account="[0-9a-f]{16}",tenant="simulated"} 0`,
		`graph_requests_total{route="subscription_write",status="201",tenant="simulated"} 1`,
		`graph_requests_total{route="presence",status="200",tenant="simulated"} [1-9]`,
		`graph_request_duration_seconds_count{route="directory"} [1-9]`,
		`directory_refreshes_total{outcome="ok",tenant="simulated"} [1-9]`,
		`sweep_people_total{tenant="simulated"} [1-9]`,
		`sweep_succeeded_timestamp_seconds{tenant="simulated"} \d`,
		`events_published_total{freshness="fresh",origin="notification"} 1`,
		`event_delay_seconds_count{origin="notification"} 1`,
		`nats_messages_total{kind="coverage",outcome="stored"} [1-9]`,
		`nats_messages_total{kind="directory",outcome="stored"} 5`,
	} {
		line := regexp.MustCompile(`(?m)^presencebridge_` + series)
		b.eventually(series, func() bool { _, body := b.admin("/metrics"); return line.MatchString(body) })
	}
	_, body := b.admin("/metrics")
	tenant := b.sim.Tenant()
	for _, personal := range []string{who, tenant.Users[0].UserPrincipalName, tenant.Users[0].DisplayName, tenant.Accounts[0].Username} {
		if strings.Contains(body, personal) {
			t.Errorf("the metrics name %s", personal)
		}
	}
}

// What Entra ID refuses is counted by its code.
func TestMetricsOfARefusedSignIn(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, nil)
	b.sim.SetFaults(graphsim.Faults{SignIn: map[string]int{"*": 7000222}})
	b.start(false)
	for _, series := range []string{
		`ready 0`,
		`sign_in_failing{account="app",tenant="simulated"} 1`,
		`sign_in_failures_total{account="app",reason="AADSTS7000222",tenant="simulated"} [1-9]`,
		`directory_refreshes_total{outcome="failed",tenant="simulated"} [1-9]`,
	} {
		line := regexp.MustCompile(`(?m)^presencebridge_` + series)
		b.eventually(series, func() bool { _, body := b.admin("/metrics"); return line.MatchString(body) })
	}
	if status, body := b.admin("/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, "people of simulated") {
		t.Errorf("readyz %d %s", status, body)
	}
}
