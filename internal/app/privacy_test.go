package app_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"jtel.de/presencebridge/internal/graphsim"
)

// Whatever is posted, accepted or forged, the log tells one line for each callback
// and nobody's name, and neither do the metrics.
func TestCallbacksTellNothingPersonal(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, nil)
	b.start(false)
	b.covered()
	b.settled()
	before := strings.Count(b.log.all(), `msg=callback`)
	posts := 0
	for _, kind := range graphsim.ForgeKinds() {
		body, err := b.sim.Forge(kind, b.user(0), b.user(1))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.sim.Post(t.Context(), body); err != nil {
			t.Fatal(err)
		}
		posts++
	}
	client := b.sim.Subscriptions()[0].NotificationURL
	if status, err := b.sim.PostTo(t.Context(), client+"?validationToken=sesame", nil); err != nil || status != http.StatusOK {
		t.Errorf("handshake: %d, %v", status, err)
	}
	posts++
	b.eventually("lines in the log", func() bool { return strings.Count(b.log.all(), `msg=callback`) >= before+posts })
	log := b.log.all()
	if n := strings.Count(log, `msg=callback`) - before; n != posts {
		t.Errorf("%d lines for %d callbacks", n, posts)
	}
	_, metrics := b.admin("/metrics")
	b.halt()

	// The log of these tests is at debug, which may tell where a callback came from.
	var said strings.Builder
	for line := range strings.Lines(log) {
		if !strings.Contains(line, "level=DEBUG") {
			said.WriteString(line)
		}
	}
	lines := regexp.MustCompile(`(?m)^.*msg=callback.*$`).FindAllString(said.String(), -1)
	for _, line := range lines {
		for _, fact := range []string{"status=", "route=", "bytes=", "items=", "accepted=", "read_ms=", "open_ms=", "store_ms=", "total_ms="} {
			if !strings.Contains(line, fact) {
				t.Errorf("no %s in %s", fact, line)
			}
		}
	}
	tenant := b.sim.Tenant()
	for where, text := range map[string]string{"log": said.String(), "metrics": metrics} {
		for i, u := range tenant.Users {
			for what, personal := range map[string]string{"id": u.ID, "name": u.DisplayName, "mail": u.Mail, "user principal name": u.UserPrincipalName} {
				if personal != "" && strings.Contains(text, personal) {
					t.Errorf("the %s holds the %s of person %d", where, what, i)
				}
			}
		}
		for what, secret := range map[string]string{"validation token": "eyJ", "handshake": "sesame", "state": "UrgentInterruptionsOnly", "client secret": tenant.App.Secret} {
			if strings.Contains(text, secret) {
				t.Errorf("the %s holds the %s", where, what)
			}
		}
	}
}
