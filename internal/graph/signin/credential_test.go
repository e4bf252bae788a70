package signin

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"jtel.de/presencebridge/internal/graph"
)

var question = policy.TokenRequestOptions{Scopes: []string{defaultScope}, EnableCAE: true}

func newUser(t *testing.T, o Options) *Credential {
	t.Helper()
	c, err := NewUser(o, username, func() (string, error) { return password, nil })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newApp(t *testing.T, o Options) *Credential {
	t.Helper()
	c, err := NewApp(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustToken(t *testing.T, c *Credential, want string) {
	t.Helper()
	got, err := c.GetToken(t.Context(), question)
	if err != nil {
		t.Fatal(err)
	}
	if got.Token != want {
		t.Fatalf("token %q, want %q", got.Token, want)
	}
}

func refused(t *testing.T, c *Credential) *graph.SignInError {
	t.Helper()
	_, err := c.GetToken(t.Context(), question)
	s, ok := errors.AsType[*graph.SignInError](err)
	if !ok {
		t.Fatalf("error %v is not a SignInError", err)
	}
	return s
}

func grants(a *authority) string {
	var g []string
	for _, f := range a.asked() {
		g = append(g, f.Get("grant_type"))
	}
	return strings.Join(g, " ")
}

func TestAppSendsTheSecretAndKeepsTheToken(t *testing.T) {
	a := newAuthority(t)
	c := newApp(t, a.options())
	for range 3 {
		mustToken(t, c, "token-1")
	}
	f := a.asked()
	if len(f) != 1 || f[0].Get("client_secret") != secret || f[0].Get("client_id") != clientID || f[0].Get("scope") == "" {
		t.Fatalf("authority saw %v", f)
	}
	if err := c.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustToken(t, c, "token-2")
	if g := grants(a); g != "client_credentials client_credentials" {
		t.Fatalf("grants %q", g)
	}
}

// Every answer is told once; a token in hand is none.
func TestSignInsAreObserved(t *testing.T) {
	a := newAuthority(t)
	o, told := a.options(), []string{}
	o.Observe = func(failed *graph.SignInError) {
		if failed == nil {
			told = append(told, "ok")
		} else {
			told = append(told, Label(failed))
		}
	}
	c := newApp(t, o)
	mustToken(t, c, "token-1")
	mustToken(t, c, "token-1")
	a.refuse(7000222, "invalid_client")
	if c.Refresh(t.Context()) == nil {
		t.Fatal("not refused")
	}
	c.Refresh(t.Context()) // remembered: nobody is asked
	if got := strings.Join(told, " "); got != "ok AADSTS7000222" {
		t.Errorf("told: %s", got)
	}
}

func TestUserSendsTheSecretWithThePassword(t *testing.T) {
	a := newAuthority(t)
	c := newUser(t, a.options())
	mustToken(t, c, "token-1")
	f := a.asked()[0]
	if f.Get("grant_type") != "password" || f.Get("username") != username || f.Get("password") != password ||
		f.Get("client_secret") != secret || !strings.Contains(f.Get("scope"), "offline_access") {
		t.Fatalf("authority saw %v", f)
	}
}

func TestRefreshRedeemsTheNewestRefreshToken(t *testing.T) {
	a := newAuthority(t)
	c := newUser(t, a.options())
	mustToken(t, c, "token-1")
	for i := range 3 {
		if err := c.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		mustToken(t, c, fmt.Sprintf("token-%d", i+2))
	}
	for i, f := range a.asked()[1:] {
		if want := fmt.Sprintf("refresh-%d", i+1); f.Get("refresh_token") != want || f.Get("client_secret") != secret {
			t.Errorf("refresh %d: %v, want %s", i, f, want)
		}
	}
}

func TestRefreshBeforeTheFirstToken(t *testing.T) {
	a := newAuthority(t)
	c := newUser(t, a.options())
	if err := c.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustToken(t, c, "token-1")
}

func TestRefusedRefreshTokenGivesWayToThePassword(t *testing.T) {
	for _, test := range []struct {
		name, oauth, grants string
		status              int
		ok                  bool
	}{
		{"revoked", "invalid_grant", "password refresh_token password", 400, true},
		{"claims demanded", "interaction_required", "password refresh_token password", 400, true},
		{"app refused", "invalid_client", "password refresh_token", 401, false},
		{"outage", "temporarily_unavailable", "password refresh_token", 503, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := newAuthority(t)
			c := newUser(t, a.options())
			mustToken(t, c, "token-1")
			a.answerWith(func(f url.Values) (int, string) {
				if f.Get("grant_type") == "refresh_token" {
					return test.status, refusalBody(50173, test.oauth)
				}
				return 0, ""
			})
			err := c.Refresh(t.Context())
			if (err == nil) != test.ok || grants(a) != test.grants {
				t.Fatalf("error %v after grants %q", err, grants(a))
			}
			if !test.ok {
				mustToken(t, c, "token-1") // the token in hand stays
			}
		})
	}
}

func TestTokenIsReplacedFiveMinutesBeforeItsEnd(t *testing.T) {
	a := newAuthority(t)
	c := newUser(t, a.options())
	mustToken(t, c, "token-1")
	start := time.Now()
	c.now = func() time.Time { return start.Add(54 * time.Minute) }
	mustToken(t, c, "token-1")

	c.now = func() time.Time { return start.Add(56 * time.Minute) }
	a.answerWith(func(url.Values) (int, string) { return 503, "" })
	mustToken(t, c, "token-1") // an outage: four minutes are still good
	mustToken(t, c, "token-1")
	if n := len(a.asked()); n != 2 {
		t.Fatalf("%d requests, want 2: an early replacement is not repeated at once", n)
	}

	c.now = func() time.Time { return start.Add(57 * time.Minute) }
	a.answerWith(nil)
	mustToken(t, c, "token-3")

	c.now = func() time.Time { return start.Add(3 * time.Hour) }
	a.answerWith(func(url.Values) (int, string) { return 503, "" })
	if s := refused(t, c); s.Permanent {
		t.Fatalf("%v is permanent", s)
	}
}

func TestAnotherQuestionGetsAnotherToken(t *testing.T) {
	a := newAuthority(t)
	c := newUser(t, a.options())
	mustToken(t, c, "token-1")
	challenge := question
	challenge.Claims = `{"access_token":{"nbf":{"essential":true,"value":"1763920000"}}}`
	got, err := c.GetToken(t.Context(), challenge)
	if err != nil || got.Token != "token-2" {
		t.Fatalf("token %q, error %v", got.Token, err)
	}
	if f := a.asked()[1]; !strings.Contains(f.Get("claims"), "1763920000") {
		t.Fatalf("the claims were not sent: %v", f)
	}
	mustToken(t, c, "token-2") // the challenged token serves the plain question
}

func TestPermanentRefusalsAreAskedOnce(t *testing.T) {
	for _, test := range []struct {
		code  int
		oauth string
		keep  time.Duration
	}{
		{50126, "invalid_grant", time.Hour},
		{50053, "invalid_grant", time.Hour},
		{65001, "invalid_grant", 10 * time.Minute},
		{99999, "invalid_grant", 10 * time.Minute}, // not in the table, but a refusal
	} {
		t.Run(fmt.Sprint(test.code), func(t *testing.T) {
			a := newAuthority(t)
			a.refuse(test.code, test.oauth)
			c := newUser(t, a.options())
			start := time.Now()
			c.now = func() time.Time { return start }
			for range 5 {
				s := refused(t, c)
				if s.AADSTS != test.code || !s.Permanent || !strings.Contains(s.Advice, start.Add(test.keep).UTC().Format(time.RFC3339)) {
					t.Fatalf("%+v", s)
				}
			}
			if err := c.Refresh(t.Context()); err == nil {
				t.Fatal("refresh went through")
			}
			if n := len(a.asked()); n != 1 {
				t.Fatalf("asked %d times", n)
			}
			c.now = func() time.Time { return start.Add(test.keep - time.Second) }
			refused(t, c)
			if n := len(a.asked()); n != 1 {
				t.Fatalf("asked %d times before the time", n)
			}
			c.now = func() time.Time { return start.Add(test.keep) }
			refused(t, c)
			if n := len(a.asked()); n != 2 {
				t.Fatalf("asked %d times after the time", n)
			}
			a.answerWith(nil)
			c.Reset()
			mustToken(t, c, "token-3")
		})
	}
}

func TestResetDuringAnOutageKeepsTheToken(t *testing.T) {
	a := newAuthority(t)
	c := newUser(t, a.options())
	start := time.Now()
	c.now = func() time.Time { return start }
	mustToken(t, c, "token-1")
	a.answerWith(func(url.Values) (int, string) { return 503, "" })
	c.Reset()
	mustToken(t, c, "token-1")
	mustToken(t, c, "token-1")
	if n := len(a.asked()); n != 2 {
		t.Fatalf("%d requests, want 2: the reset asks once, and not again at once", n)
	}
	a.answerWith(nil)
	mustToken(t, c, "token-1")
	c.now = func() time.Time { return start.Add(pause) }
	mustToken(t, c, "token-3")
	mustToken(t, c, "token-3")

	a.refuse(7000215, "invalid_client")
	c.Reset()
	for range 2 { // what the operator changed is wrong: that must be seen
		if s := refused(t, c); s.AADSTS != 7000215 {
			t.Fatalf("%+v", s)
		}
	}
}

// Tokens end by the clock on the wall, also while the machine is suspended.
func TestTimesAreOfTheWall(t *testing.T) {
	c := newApp(t, newAuthority(t).options())
	if now := c.now().String(); strings.Contains(now, "m=") {
		t.Fatalf("now is %s", now)
	}
}

func TestPassingErrorsAreNotRemembered(t *testing.T) {
	for _, test := range []struct {
		name   string
		status int
		body   string
		code   int
	}{
		{"transient code", 400, refusalBody(90033, "temporarily_unavailable"), 90033},
		{"throttled", 429, refusalBody(90055, "invalid_request"), 90055},
		{"server error", 500, refusalBody(1, "invalid_grant"), 1},
		{"proxy page", 502, "<html>bad gateway</html>", 0},
		{"no body", 503, "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := newAuthority(t)
			a.answerWith(func(url.Values) (int, string) { return test.status, test.body })
			c := newApp(t, a.options())
			for range 3 {
				if s := refused(t, c); s.Permanent || s.AADSTS != test.code {
					t.Fatalf("%+v", s)
				}
			}
			if n := len(a.asked()); n != 3 {
				t.Fatalf("asked %d times, want 3: no hidden retries, nothing remembered", n)
			}
		})
	}
}

func TestSecretIsReadForEverySignIn(t *testing.T) {
	a := newAuthority(t)
	o := a.options()
	current := "old"
	o.Secret = func() (string, error) { return current, nil }
	c := newUser(t, o)
	mustToken(t, c, "token-1")
	current = "new"
	c.Reset()
	mustToken(t, c, "token-2")
	f := a.asked()
	if f[0].Get("client_secret") != "old" || f[1].Get("client_secret") != "new" {
		t.Fatalf("authority saw %v", f)
	}
	if f[1].Get("grant_type") != "refresh_token" {
		t.Fatalf("a reset threw the refresh token away: %v", f[1])
	}
}

func TestUnreadableSecret(t *testing.T) {
	a := newAuthority(t)
	o := a.options()
	cause := errors.New("open client-secret: no such file")
	o.Secret = func() (string, error) { return "", cause }
	c := newUser(t, o)
	s := refused(t, c)
	if !s.Permanent || !errors.Is(s, cause) || !strings.Contains(s.Error(), "client secret cannot be read") {
		t.Fatalf("%+v", s)
	}
	cause = nil
	o.Secret = func() (string, error) { return "", nil }
	if s := refused(t, newUser(t, o)); !strings.Contains(s.Unwrap().Error(), "empty") {
		t.Fatalf("%+v", s)
	}
	if n := len(a.asked()); n != 0 {
		t.Fatalf("asked %d times", n)
	}
}

func TestUnknownRealm(t *testing.T) {
	a := newAuthority(t)
	a.realm = "Unknown"
	s := refused(t, newUser(t, a.options()))
	if !s.Permanent || !strings.Contains(s.Meaning, "domain") {
		t.Fatalf("%+v", s)
	}
}

func TestUnknownTenant(t *testing.T) {
	a := newAuthority(t)
	a.tenant = false
	for _, c := range []*Credential{newUser(t, a.options()), newApp(t, a.options())} {
		for range 3 {
			if s := refused(t, c); s.AADSTS != 90002 || !s.Permanent {
				t.Fatalf("%+v", s)
			}
		}
	}
	if n := len(a.paths); n != 2 {
		t.Fatalf("%d requests, want one of each: %q", n, a.paths)
	}
}
