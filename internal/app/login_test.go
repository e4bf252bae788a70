package app_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"

	"jtel.de/presencebridge/internal/app"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/graphsim"
)

// byDeviceCode replaces the password in the configuration by sign_in.
func (b *bridge) byDeviceCode() app.DeviceUser {
	b.t.Helper()
	text, err := os.ReadFile(b.file)
	if err != nil {
		b.t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("password_file: service-password"), []byte("sign_in: device_code"), 1)
	if err := os.WriteFile(b.file, text, 0o600); err != nil {
		b.t.Fatal(err)
	}
	return app.DeviceUser{Tenant: "simulated", Username: b.sim.Tenant().Accounts[0].Username}
}

// login is the command: somebody enters the code in a browser as who.
func (b *bridge) login(user app.DeviceUser, who string) error {
	b.t.Helper()
	c, err := config.Load(b.file, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return app.Login(b.t.Context(), c, user, slog.New(slog.DiscardHandler), func(p app.Prompt) {
		if !b.sim.ApproveDevice(p.Code, who) {
			b.t.Errorf("no sign-in waits under %s", p.Code)
		}
	})
}

func TestAServiceUserSignsInByDeviceCode(t *testing.T) {
	b := newBridge(t, graphsim.Options{Speed: 10}, nil) // polls come ten times as fast
	user := b.byDeviceCode()
	// Whoever has to use MFA cannot sign in with a password.
	b.sim.SetAccount(user.Username, func(a *graphsim.Account) { a.MFA, a.Password = true, "" })
	b.start(false)
	again := app.LoginCommand(b.file, user.Tenant, user.Username)
	b.eventually("advice in the log", func() bool {
		return strings.Contains(b.log.all(), "nobody has signed this service user in yet") && strings.Contains(b.log.all(), again)
	})
	if err := b.login(user, user.Username); err != nil {
		t.Fatal(err)
	}
	b.eventually("a subscription", func() bool { return len(b.sim.Subscriptions()) == 1 }) // without a reload
	b.set(b.user(0), "Busy", "InACall")
	b.eventually("event", b.agrees)

	// An administrator resets the password: all sign-ins end.
	b.sim.Revoke(user.Username)
	subscription := b.sim.Subscriptions()[0].ID
	b.reload <- nil // else it is noticed within the half hour
	b.eventually("who must sign in again, and where", func() bool {
		b.renew(subscription)
		return strings.Contains(b.log.all(), "AADSTS50173") && strings.Count(b.log.all(), again) > 1
	})
	renewals := func() int {
		return b.requests(func(r graphsim.Request) bool { return r.Method == http.MethodPatch && r.Status == http.StatusOK })
	}
	before := renewals()
	if err := b.login(user, user.Username); err != nil {
		t.Fatal(err)
	}
	b.eventually("a renewal", func() bool { return renewals() > before })
	if now := b.sim.Subscriptions(); len(now) != 1 || now[0].ID != subscription {
		t.Errorf("subscriptions %s", pretty(now))
	}
	if text := b.log.all(); strings.Contains(text, "refresh_token") || strings.Contains(text, b.sim.Tenant().App.Secret) {
		t.Error("a secret is in the log")
	}
}

// renew asks the service as an operator does.
func (b *bridge) renew(subscription string) {
	b.t.Helper()
	res, err := http.Post("http://"+b.addresses.Admin+"/api/v1/subscriptions/"+subscription+"/renew", "", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusAccepted {
		b.t.Fatalf("renew: %s", res.Status)
	}
}

func TestSomebodyElseIsNotKept(t *testing.T) {
	b := newBridge(t, graphsim.Options{Speed: 10}, nil)
	user := b.byDeviceCode()
	other := b.sim.Tenant().Accounts[1].Username
	if err := b.login(user, other); err == nil || !strings.Contains(err.Error(), "signed "+other+" in, not "+user.Username) {
		t.Errorf("somebody else: %v", err)
	}
	b.start(false)
	b.eventually("nobody signed in", func() bool { return strings.Contains(b.log.all(), "nobody has signed this service user in yet") })
}

func TestDeviceUsers(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, nil)
	c, err := config.Load(b.file, nil)
	if err != nil {
		t.Fatal(err)
	}
	if users := app.DeviceUsers(c, "", ""); len(users) != 0 {
		t.Errorf("with a password: %v", users)
	}
	user := b.byDeviceCode()
	if c, err = config.Load(b.file, nil); err != nil {
		t.Fatal(err)
	}
	if users := app.DeviceUsers(c, "simulated", strings.ToUpper(user.Username)); len(users) != 1 || users[0] != user {
		t.Errorf("users %v", users)
	}
	if users := app.DeviceUsers(c, "elsewhere", ""); len(users) != 0 {
		t.Errorf("users of another tenant: %v", users)
	}
	if command := app.LoginCommand("/etc/my files/x.yaml", "contoso", "svc@contoso.com"); command != "presencebridge login --config '/etc/my files/x.yaml' --tenant contoso --account svc@contoso.com" {
		t.Error(command)
	}
}
