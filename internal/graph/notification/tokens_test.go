package notification

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var tenants = map[string]string{tenant: client}

func signingKey1(tb testing.TB) any { return jwk("test-1", &testKey(tb, "signing").PublicKey) }
func signingKey2(tb testing.TB) any { return jwk("test-2", &testKey(tb, "signing").PublicKey) }

// say names a verdict: "good", "undecided" or the reason.
func say(v verdict) string {
	switch {
	case v.undecided:
		return "undecided"
	case v.refused != "":
		return string(v.refused)
	}
	return "good"
}

func TestTokensTime(t *testing.T) {
	a := newAuthority(t, signingKey1(t))
	// Issued at 17:00 for 24 hours.
	issued := time.Date(2026, 11, 23, 17, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		at   time.Time
		want string
	}{
		{issued.Add(-5*time.Minute - time.Second), "token_not_yet_valid"},
		{issued.Add(-5 * time.Minute), "good"},
		{issued.Add(24*time.Hour + 5*time.Minute - time.Second), "good"},
		{issued.Add(24*time.Hour + 5*time.Minute), "token_expired"},
		{issued.Add(10 * 365 * 24 * time.Hour), "token_expired"},
	} {
		k := newClock()
		k.Store(&c.at)
		tokens := a.tokens(k.now)
		for range 2 { // the second time from memory
			if got := say(tokens.verify(t.Context(), testToken(t, "v2"), tenants)); got != c.want {
				t.Errorf("at %s: %s, want %s", c.at, got, c.want)
			}
		}
	}
}

// A good verdict is forgotten when the token expires, and holds for its tenant only.
func TestTokensRemember(t *testing.T) {
	a, k := newAuthority(t, signingKey1(t)), newClock()
	tokens := a.tokens(k.now)
	token := testToken(t, "v2")
	if got := say(tokens.verify(t.Context(), token, tenants)); got != "good" {
		t.Fatal(got)
	}
	a.Close() // from here on, memory must do
	if got := say(tokens.verify(t.Context(), token, tenants)); got != "good" {
		t.Error(got)
	}
	if got := say(tokens.verify(t.Context(), token, map[string]string{tenant: other})); got != "token_audience" {
		t.Error(got)
	}
	if got := say(tokens.verify(t.Context(), token, map[string]string{other: client})); got != "token_tenant" {
		t.Error(got)
	}
	k.advance(24 * time.Hour)
	if got := say(tokens.verify(t.Context(), token, tenants)); got != "token_expired" {
		t.Error(got)
	}
}

func TestTokensBadOnesAreNotRemembered(t *testing.T) {
	a := newAuthority(t, signingKey1(t))
	tokens := a.tokens(newClock().now)
	for _, name := range []string{"wrong_key", "unknown_kid", "wrong_aud", "expired", "alg_none"} {
		tokens.verify(t.Context(), testToken(t, name), tenants)
	}
	if n := len(tokens.verdicts.good); n != 0 {
		t.Errorf("%d verdicts remembered", n)
	}
	tokens.verify(t.Context(), testToken(t, "v2"), tenants)
	if n := len(tokens.verdicts.good); n != 1 {
		t.Errorf("%d verdicts remembered, want 1", n)
	}
}

func TestVerdictsAreBounded(t *testing.T) {
	c := verdicts{good: map[[32]byte]verdict{}}
	for i := range maxVerdicts {
		c.put(fmt.Sprint("old", i), verdict{expires: at}, at.Add(-time.Hour))
	}
	c.put("new", verdict{expires: at.Add(time.Hour)}, at)
	if len(c.good) != 1 {
		t.Errorf("%d left after the old ones expired, want 1", len(c.good))
	}
	for i := range 2 * maxVerdicts {
		c.put(fmt.Sprint(i), verdict{expires: at.Add(time.Hour)}, at)
	}
	if len(c.good) != maxVerdicts {
		t.Errorf("%d verdicts", len(c.good))
	}
}

// The life of an unknown key id: undecided until the authority was asked after
// it was first seen, refused then, and asked about once a minute at most.
func TestTokensUnknownKey(t *testing.T) {
	a, k := newAuthority(t, signingKey1(t)), newClock()
	tokens := a.tokens(k.now)
	check := func(step, token, want string, fetches int32) {
		t.Helper()
		got := say(tokens.verify(t.Context(), testToken(t, token), tenants))
		if got != want || a.fetches.Load() != fetches {
			t.Errorf("%s: %s after %d fetches, want %s after %d", step, got, a.fetches.Load(), want, fetches)
		}
	}
	check("first token", "v2", "good", 1)
	k.advance(time.Second)
	check("too early to ask", "unknown_kid", "undecided", 1)
	k.advance(time.Minute)
	check("asked", "unknown_kid", "token_unknown_kid", 2)
	check("not asked again", "unknown_kid", "token_unknown_kid", 2)
	k.advance(time.Minute)
	a.keys.Store(&[]any{signingKey1(t), signingKey2(t)})
	check("rolled over", "unknown_kid", "good", 3)
	check("the old key still", "wrong_key", "token_signature", 3)
}

func TestTokensRefreshAfterADay(t *testing.T) {
	a, k := newAuthority(t, signingKey1(t)), newClock()
	tokens := a.tokens(k.now)
	warm := func(fetches int32) {
		t.Helper()
		if err := tokens.Warm(t.Context()); err != nil || a.fetches.Load() != fetches {
			t.Errorf("error %v, %d fetches, want %d", err, a.fetches.Load(), fetches)
		}
	}
	warm(2) // one of each version
	k.advance(24*time.Hour - time.Second)
	warm(2)
	k.advance(time.Second)
	warm(4)

	// A day later the authority is away: the old keys go on serving.
	k.advance(24 * time.Hour)
	a.status.Store(503)
	if err := tokens.Warm(t.Context()); err == nil {
		t.Error("no error although the authority is away")
	}
	if key, decided := tokens.keys["2.0"].find(t.Context(), "test-1"); key == nil || !decided || !tokens.Ready() {
		t.Error("the old key is gone")
	}
}

func TestTokensWithoutKeysAreUndecided(t *testing.T) {
	key := signingKey1(t)
	for name, fault := range map[string]func(*authority){
		"error status":       func(a *authority) { a.status.Store(500) },
		"redirect":           func(a *authority) { a.jwksURI.Store(a.URL + "/away") },
		"keys over http":     func(a *authority) { a.jwksURI.Store("http" + a.URL[len("https"):] + "/common/discovery/keys") },
		"keys on other host": func(a *authority) { a.jwksURI.Store("https://keys.example.com/common/discovery/keys") },
		"no jwks_uri":        func(a *authority) { a.jwksURI.Store("") },
		"issuer of one":      func(a *authority) { a.issuer.Store("https://login.microsoftonline.com/x/v2.0") },
		"no keys":            func(a *authority) { a.keys.Store(&[]any{}) },
		"useless keys": func(a *authority) {
			a.keys.Store(&[]any{5, nil, map[string]any{"kty": 1}, map[string]any{"kty": "EC", "kid": "test-1"},
				map[string]any{"kty": "RSA", "kid": "test-1", "n": "AQAB", "e": "AQAB"}, map[string]any{"kty": "RSA", "kid": "test-1"}})
		},
		"huge document": func(a *authority) { a.jwksURI.Store(a.URL + "/" + string(make([]byte, maxKeyBytes))) },
		"away":          func(a *authority) { a.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			a, k := newAuthority(t, key), newClock()
			fault(a)
			tokens := a.tokens(k.now)
			for range 2 {
				if got := say(tokens.verify(t.Context(), testToken(t, "v2"), tenants)); got != "undecided" {
					t.Error(got)
				}
			}
			if err := tokens.Warm(t.Context()); err == nil || tokens.Ready() {
				t.Errorf("warm with error %v, ready %t", err, tokens.Ready())
			}
			// Claims that are wrong need no keys to be refused.
			if got := say(tokens.verify(t.Context(), testToken(t, "wrong_azp"), tenants)); got != "token_publisher" {
				t.Error(got)
			}
		})
	}
}

// Useless keys beside a good one do no harm.
func TestTokensUselessKeysBesideAGoodOne(t *testing.T) {
	a := newAuthority(t, nil, 7, map[string]any{"kty": "EC", "kid": "x"}, signingKey1(t))
	if got := say(a.tokens(newClock().now).verify(t.Context(), testToken(t, "v1"), tenants)); got != "good" {
		t.Error(got)
	}
}

func TestTokensRecoverAfterFailure(t *testing.T) {
	a, k := newAuthority(t, signingKey1(t)), newClock()
	tokens := a.tokens(k.now)
	a.status.Store(503)
	if got := say(tokens.verify(t.Context(), testToken(t, "v2"), tenants)); got != "undecided" {
		t.Error(got)
	}
	a.status.Store(0)
	if got := say(tokens.verify(t.Context(), testToken(t, "v2"), tenants)); got != "undecided" {
		t.Errorf("%s: asked again at once", got)
	}
	k.advance(retryEvery)
	if got := say(tokens.verify(t.Context(), testToken(t, "v2"), tenants)); got != "good" {
		t.Error(got)
	}
}

func TestTokensShareOneFetch(t *testing.T) {
	a := newAuthority(t, signingKey1(t))
	a.hold = make(chan struct{})
	tokens := a.tokens(newClock().now)
	var wg sync.WaitGroup
	results := make(chan string, 16)
	for range cap(results) {
		wg.Go(func() { results <- say(tokens.verify(t.Context(), testToken(t, "v2"), tenants)) })
	}
	close(a.hold)
	wg.Wait()
	close(results)
	for got := range results {
		if got != "good" {
			t.Error(got)
		}
	}
	if n := a.fetches.Load(); n != 1 {
		t.Errorf("%d fetches", n)
	}
}

// A caller who leaves gets no verdict, and does not spoil the fetch for others.
func TestTokensCallerLeaves(t *testing.T) {
	a := newAuthority(t, signingKey1(t))
	a.hold = make(chan struct{})
	tokens := a.tokens(newClock().now)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := say(tokens.verify(ctx, testToken(t, "v2"), tenants)); got != "undecided" {
		t.Error(got)
	}
	close(a.hold)
	if got := say(tokens.verify(t.Context(), testToken(t, "v2"), tenants)); got != "good" {
		t.Error(got)
	}
	if n := a.fetches.Load(); n != 1 {
		t.Errorf("%d fetches", n)
	}
}

func TestUnknownKeysAreBounded(t *testing.T) {
	a := newAuthority(t, signingKey1(t))
	tokens := a.tokens(newClock().now)
	if err := tokens.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	set := tokens.keys["2.0"]
	for i := range 2 * maxUnknown {
		set.find(t.Context(), fmt.Sprint("kid", i))
	}
	if len(set.unknown) > maxUnknown || a.fetches.Load() != 2 {
		t.Errorf("%d key ids remembered, %d fetches", len(set.unknown), a.fetches.Load())
	}
}
