package app_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/app"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/graphsim"
)

func TestAChangeBecomesAnEvent(t *testing.T) {
	b := newBridge(t, graphsim.Options{Faults: graphsim.DefaultFaults()}, nil)
	b.start(false)
	b.covered()

	for _, e := range b.states() {
		if e.Data.Origin != events.OriginStart || e.Data.Previous != nil {
			t.Errorf("first state %s", pretty(e))
		}
	}
	b.settled()
	who := b.user(0)
	before, _ := b.sim.Presence(who)
	b.set(who, "Busy", "InACall")
	b.eventually("event", func() bool { return b.states()[who].Data.Activity == "InACall" })

	e := b.states()[who]
	u := b.sim.Tenant().Users[0]
	if e.Data.Origin != events.OriginNotification || e.Data.Freshness != events.Fresh || e.Data.Availability != "Busy" || e.Data.Tenant != "simulated" {
		t.Errorf("event %s", pretty(e))
	}
	if e.Data.Previous == nil || e.Data.Previous.Availability != before {
		t.Errorf("previous of %s", pretty(e))
	}
	if e.Data.User.UserPrincipalName != u.UserPrincipalName || e.Data.User.Mail != u.Mail || e.Data.User.DisplayName != u.DisplayName {
		t.Errorf("person %s, want %s", pretty(e.Data.User), pretty(u))
	}
	if status, body := b.admin("/readyz"); status != http.StatusOK {
		t.Errorf("readyz: %d %s", status, body)
	}
	if _, body := b.admin("/metrics"); !strings.Contains(body, `presencebridge_readings_total{outcome="published"}`) {
		t.Error("metrics do not count what was published")
	}
}

func TestARestartAdoptsAndLosesNothing(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, nil)
	b.start(false)
	b.covered()
	b.set(b.user(0), "Busy", "InACall")
	b.eventually("event", b.agrees)
	before := b.sim.Subscriptions()
	b.halt()

	b.set(b.user(0), "Available", "Available")
	b.set(b.user(1), "DoNotDisturb", "Presenting")
	b.start(false)
	b.eventually("agreement after the restart", b.agrees)
	b.set(b.user(2), "Away", "Away")
	b.eventually("agreement after another change", b.agrees)

	after := b.sim.Subscriptions()
	if len(before) != 1 || len(after) != 1 || after[0].ID != before[0].ID || b.requests(creates) != 1 {
		t.Errorf("subscription not adopted: before %s, after %s", pretty(before), pretty(after))
	}
	if p := b.states()[b.user(1)].Data.Previous; p == nil {
		t.Error("the last state from before the restart is not remembered")
	}
	seen := map[string]bool{}
	for _, e := range b.history() {
		if seen[e.ID] {
			t.Errorf("event %s is on the stream twice", e.ID)
		}
		seen[e.ID] = true
	}
}

func TestACleanStopDeletesOnlyWhenAsked(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, nil)
	b.start(true)
	b.covered()
	b.halt()
	if left := b.sim.Subscriptions(); len(left) != 0 {
		t.Errorf("left at Graph: %s", pretty(left))
	}
}

func TestForgedBatchesPublishNothing(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, nil)
	b.start(false)
	b.covered()
	before := len(b.history())

	for _, kind := range graphsim.ForgeKinds() {
		// These two are not forged for us: whoever knows the client state and
		// has Microsoft's token and our key is Microsoft, speaking for a
		// subscription that we replaced.
		if kind == "genuine" || kind == "unknown-subscription" {
			continue
		}
		body, err := b.sim.Forge(kind, b.user(0))
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		status, err := b.sim.Post(t.Context(), body)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		switch {
		case kind == "truncated-body" && status == http.StatusBadRequest:
		// A key that we do not know yet may be new: nothing is believed, but
		// Microsoft is asked to send it again.
		case kind == "unknown-kid" && status == http.StatusServiceUnavailable:
		case status != http.StatusAccepted:
			t.Errorf("%s: status %d", kind, status)
		}
	}
	b.set(b.user(1), "Busy", "InAMeeting") // proves that the road is open
	b.eventually("event", b.agrees)
	history := b.history()
	if len(history) != before+1 {
		t.Errorf("%d events came of it: %s", len(history)-before-1, pretty(history[before:]))
	}
	_, metrics := b.admin("/metrics")
	for _, reason := range []string{"client_state", "token_audience", "token_publisher", "token_issuer", "token_expired", "token_algorithm",
		"token_missing", "token_signature", "content", "id_mismatch", "unknown_certificate", "unknown_tenant"} {
		if !strings.Contains(metrics, `presencebridge_notifications_refused_total{reason="`+reason+`"}`) {
			t.Errorf("nothing counted under %s", reason)
		}
	}

	body, err := b.sim.Forge("genuine", b.user(0))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if status, err := b.sim.Post(t.Context(), body); err != nil || status != http.StatusAccepted {
			t.Fatalf("genuine: %d, %v", status, err)
		}
	}
	if n := b.count(b.user(0), "UrgentInterruptionsOnly"); n != 1 {
		t.Errorf("a genuine batch, delivered twice, made %d events, want 1", n)
	}
}

// What Graph repeats after an outage, or a start, may be long out of date: then a
// read puts it right at once, not the next sweep.
func TestALateNotificationIsCorrectedAtOnce(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, func(c *config.Config) { c.Tenants[0].Sweep.Interval = time.Hour })
	b.start(false)
	b.covered()
	b.settled()
	late, err := b.sim.Forge("genuine", b.user(0))
	if err != nil {
		t.Fatal(err)
	}
	if status, err := b.sim.Post(t.Context(), late); err != nil || status != http.StatusAccepted {
		t.Fatalf("%d, %v", status, err)
	}
	if !b.has(b.user(0), "UrgentInterruptionsOnly") {
		t.Fatal("it was not believed")
	}
	b.eventually("correction", b.agrees)
}

func TestNATSAwayMeans503AndExactlyOnceLater(t *testing.T) {
	server := newExternalNATS(t)
	// Retries come ten times as fast as Microsoft's.
	b := newBridge(t, graphsim.Options{Speed: 10}, nil)
	server.use(b)
	b.start(false)
	b.addresses.NATS = server.url()
	b.covered()

	server.server.Close()
	b.eventually("notice of the outage", func() bool { status, _ := b.admin("/readyz"); return status == http.StatusServiceUnavailable })
	refused := func(r graphsim.Request) bool {
		return r.Kind == graphsim.KindDelivery && r.Status == http.StatusServiceUnavailable
	}
	b.set(b.user(0), "Busy", "InACall")
	b.eventually("503", func() bool { return b.requests(refused) > 0 })
	b.set(b.user(0), "Away", "Away") // a read alone would only find this

	server.start()
	b.eventually("repeated delivery", func() bool { return b.has(b.user(0), "InACall") && b.has(b.user(0), "Away") })
	b.eventually("end of the deliveries", func() bool { return b.sim.Pending() == 0 })
	n := 0
	for _, e := range b.history() {
		if e.Data.User.ID == b.user(0) && e.Data.Activity == "InACall" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("the change is on the stream %d times", n)
	}
}

func TestBasicItemsAreRead(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, nil)
	b.start(false)
	b.covered()
	// The simulator keeps its notification back: only the forged one comes,
	// which names a person and no values.
	body, err := b.sim.Forge("no-content", b.user(0))
	if err != nil {
		t.Fatal(err)
	}
	b.sim.Pause(true)
	b.set(b.user(0), "Busy", "InACall")
	if status, err := b.sim.Post(t.Context(), body); err != nil || status != http.StatusAccepted {
		t.Fatalf("status %d, %v", status, err)
	}
	b.eventually("reading", b.agrees)
	if e := b.states()[b.user(0)]; e.Data.Origin != events.OriginSweep {
		t.Errorf("event %s", pretty(e))
	}
}

func TestWhoLeavesIsPurged(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, nil)
	b.start(false)
	b.covered()
	leaver := b.user(0)
	b.sim.RemoveUser(leaver)
	b.reload <- nil
	b.eventually("purge", func() bool { _, there := b.states()[leaver]; return !there })
	for _, e := range b.history() {
		if e.Data.User.ID == leaver {
			t.Errorf("still on the stream: %s", pretty(e))
		}
	}
	// The subscription still names them until changes have been gathered.
	if body, err := b.sim.Forge("genuine", leaver, b.user(0)); err != nil {
		t.Fatal(err)
	} else if status, err := b.sim.Post(t.Context(), body); err != nil || status != http.StatusAccepted {
		t.Fatalf("status %d, %v", status, err)
	}
	if _, back := b.states()[leaver]; back {
		t.Error("a notification brought somebody back who left")
	}
}

func TestAWrongPasswordIsTriedOnceUntilReload(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, nil)
	account := b.sim.Tenant().Accounts[0]
	b.sim.SetAccount(account.Username, func(a *graphsim.Account) { a.Password = "changed by somebody" })
	b.start(false)
	wrong := func(r graphsim.Request) bool { return r.Code == "AADSTS50126" }
	b.eventually("refusal", func() bool { return b.requests(wrong) == 1 })
	b.eventually("advice in the log", func() bool { return strings.Contains(b.log.all(), "AADSTS50126") })
	b.eventually("state of everybody without a subscription", b.agrees)
	time.Sleep(3 * time.Second) // long enough for several tries, if there were any
	if n := b.requests(wrong); n != 1 {
		t.Errorf("the wrong password was tried %d times", n)
	}
	b.sim.SetAccount(account.Username, func(a *graphsim.Account) { a.Password = account.Password })
	b.reload <- nil
	b.covered()
}

func TestNoSecretReachesTheLog(t *testing.T) {
	b := newBridge(t, graphsim.Options{Faults: graphsim.DefaultFaults()}, nil)
	b.start(false)
	b.covered()
	tenant := b.sim.Tenant()
	b.sim.SetFaults(graphsim.Faults{SignIn: map[string]int{"*": 7000215}})
	b.reload <- nil
	b.eventually("refusal in the log", func() bool { return strings.Contains(b.log.all(), "AADSTS7000215") })
	b.halt()
	log := b.log.all()
	for what, secret := range map[string]string{
		"client secret": tenant.App.Secret, "password": tenant.Accounts[0].Password, "token": "eyJ", "key": "AGE-SECRET-KEY", "service user": tenant.Accounts[0].Username,
		"mail": tenant.Users[0].Mail, "display name": tenant.Users[0].DisplayName,
	} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds the %s", what)
		}
	}
}

func TestThePublicSideTellsNothing(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, nil)
	b.start(false)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	for _, path := range []string{"/", "/healthz", "/metrics", "/graph", "/graph/notifications/"} {
		res, err := client.Get("https://" + b.callback + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != http.StatusNotFound || len(body) != 0 || res.Header.Get("Server") != "" {
			t.Errorf("%s: %s %q %v %v", path, res.Status, body, res.Header, err)
		}
	}
	res, err := client.Post("https://"+b.callback+"/graph/notifications?validationToken=Validation%3a+Testing", "text/plain", bytes.NewReader(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK || string(body) != "Validation: Testing" {
		t.Errorf("handshake: %s %q %v", res.Status, body, err)
	}
}

func TestStartFailuresSayWhatToDo(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, tt := range map[string]struct {
		change func(*config.Config)
		want   []string
	}{
		"callback port taken":   {func(c *config.Config) { c.Listen.Callback = taken.Addr().String() }, []string{"listen.callback", "address already in use", "stop what uses"}},
		"admin port taken":      {func(c *config.Config) { c.Listen.Admin = taken.Addr().String() }, []string{"listen.admin", "address already in use"}},
		"nats port taken":       {func(c *config.Config) { c.NATS.Embedded.Listen = taken.Addr().String() }, []string{"nats.embedded.listen"}},
		"data_dir not a folder": {func(c *config.Config) { c.DataDir = filepath.Join(c.TLS.CertFile, "data") }, []string{"data_dir"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBridge(t, graphsim.Options{}, tt.change)
			c, err := config.Load(b.file, nil)
			if err != nil {
				t.Fatal(err)
			}
			tt.change(c)
			err = app.Run(t.Context(), app.Options{Config: c, Log: slog.New(slog.DiscardHandler)})
			if err == nil {
				t.Fatal("it started")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func TestTwoOnOneDataDir(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, nil)
	b.start(false)
	c, err := config.Load(b.file, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = app.Run(t.Context(), app.Options{Config: c, Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "data_dir") {
		t.Errorf("a second service on the same data_dir: %v", err)
	}
}
