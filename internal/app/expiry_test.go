package app_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/app"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/expiry"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/graphsim"
)

// coverageOf is the last coverage event about an account.
func (b *bridge) coverageOf(account string) (e events.CoverageEvent) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	stream, err := b.jetStream().Stream(ctx, events.Stream)
	if err != nil {
		return e
	}
	m, err := stream.GetLastMsgForSubject(ctx, "presence.v1.coverage."+b.sim.Tenant().ID+"."+account)
	if err != nil {
		return e
	}
	if e, err = events.Decode[events.CoverageData](m.Data); err != nil {
		b.t.Fatal(err)
	}
	return e
}

func TestASecretThatEndsSoonIsToldEverywhere(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, nil)
	tenant := b.sim.Tenant()
	account := graph.AccountKey(tenant.ID, tenant.Accounts[0].Username)
	ends := time.Now().Add(10 * 24 * time.Hour).Truncate(time.Second)
	b.sim.SetApp(func(a *graphsim.App) { a.SecretExpires = ends })
	b.start(false)
	b.covered()

	b.eventually("warning", func() bool { return strings.Contains(b.log.all(), "something ends soon that the service needs") })
	if n := strings.Count(b.log.all(), "something ends soon"); n != 1 || !strings.Contains(b.log.all(), "within_days=14") {
		t.Errorf("%d warnings:\n%s", n, b.log.all())
	}
	b.eventually("coverage event", func() bool { return len(b.coverageOf(account).Data.Expiring) == 1 })
	e := b.coverageOf(account).Data
	if x := e.Expiring[0]; x.Kind != "client_secret" || x.WithinDays != 14 || !x.EndsAt.Equal(ends) || e.State != events.Healthy {
		t.Errorf("coverage %s", pretty(e))
	}
	_, metrics := b.admin("/metrics")
	for _, want := range []string{
		`presencebridge_expiry_timestamp_seconds{account="",kind="client_secret",tenant="simulated"} 1.`,
		`presencebridge_expiry_timestamp_seconds{account="",kind="tls_certificate",tenant=""}`,
		`presencebridge_expiry_timestamp_seconds{account="",kind="encryption_key",tenant=""}`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("metrics do not show %s", want)
		}
	}
	if strings.Contains(metrics, "svc-presence") {
		t.Error("metrics name a service user")
	}

	// The new secret stands beside the old one; no restart, and no signal.
	const replacement = "new~secret-of-the-app"
	b.sim.SetApp(func(a *graphsim.App) { a.Secret, a.SecretExpires = replacement, time.Now().AddDate(0, 6, 0) })
	if err := os.WriteFile(filepath.Join(filepath.Dir(b.file), "client-secret"), []byte(replacement), 0o600); err != nil {
		t.Fatal(err)
	}
	b.eventually("end of the warning", func() bool { return len(b.coverageOf(account).Data.Expiring) == 0 })
	b.set(b.user(0), "Busy", "InACall")
	b.eventually("event", b.agrees)
	if text := b.log.all(); strings.Contains(text, replacement) {
		t.Error("the secret is in the log")
	}
}

func TestExpiriesOfAConfiguration(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, nil)
	c, err := config.Load(b.file, nil)
	if err != nil {
		t.Fatal(err)
	}
	read := func() map[expiry.Kind]expiry.Item {
		t.Helper()
		items, err := app.Expiries(t.Context(), c, "", slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		all := map[expiry.Kind]expiry.Item{}
		for _, i := range items {
			all[i.Kind] = i
		}
		return all
	}
	all := read()
	if len(all) != 3 || all[expiry.ClientSecret].State != expiry.Known || all[expiry.Password].State != expiry.Never || all[expiry.TLSCertificate].State != expiry.Known {
		t.Errorf("items %s", pretty(all))
	}

	// Without the optional permissions nobody can tell, and nothing fails.
	user := b.sim.Tenant().Accounts[0].Username
	changed := time.Now().Add(-80 * 24 * time.Hour).Truncate(time.Second)
	b.sim.SetAccount(user, func(a *graphsim.Account) { a.PasswordPolicies, a.PasswordChanged = "", changed })
	if p := read()[expiry.Password]; p.State != expiry.Known || !p.Ends.Equal(changed.Add(90*24*time.Hour)) {
		t.Errorf("password %s", pretty(p))
	}
	b.sim.SetApp(func(a *graphsim.App) { a.Roles = []string{"User.Read.All", "Presence.Read.All"} })
	all = read()
	for kind, permission := range map[expiry.Kind]string{expiry.ClientSecret: "Application.Read.All", expiry.Password: "Domain.Read.All"} {
		if i := all[kind]; i.State != expiry.Unknown || !strings.Contains(i.Note, "permission missing: "+permission) {
			t.Errorf("%s without %s: %s", kind, permission, pretty(i))
		}
	}
	if all[expiry.TLSCertificate].State != expiry.Known {
		t.Error("the certificate needs no permission")
	}
}
