package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"jtel.de/presencebridge/events"
)

const secretText = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func secretFile(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func hook(t testing.TB, url string) *webhook {
	t.Helper()
	key, err := readSecret(secretFile(t, secretText+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := newWebhook(url, key, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.client.CloseIdleConnections)
	return w
}

func decision() events.DecisionEvent {
	at := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	return events.DecisionEvent{ID: "decision-1", Time: at, Data: events.DecisionData{
		Client: "sales", TenantID: tenant, UserID: agent1, Decision: events.Unreachable, Rule: "busy", RuleLine: 9, ObservedAt: at,
	}}
}

// The example of the specification: key, id, timestamp and body give this
// signature. Source: the Standard Webhooks reference libraries' tests.
func TestSignature(t *testing.T) {
	key, err := readSecret(secretFile(t, secretText))
	if err != nil {
		t.Fatal(err)
	}
	got := sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
	if want := "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
}

func TestPost(t *testing.T) {
	var request *http.Request
	var body []byte
	acd := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		request = r
		body, _ = io.ReadAll(r.Body)
	}))
	defer acd.Close()
	w := hook(t, acd.URL+"/presence?token=hunter2")
	w.now = func() time.Time { return time.Unix(1614265330, 999) }
	if err := w.Send(t.Context(), decision()); err != nil {
		t.Fatal(err)
	}
	want, err := events.Encode(decision())
	if err != nil {
		t.Fatal(err)
	}
	h := request.Header
	if string(body) != string(want) || request.Method != http.MethodPost || h.Get("Content-Type") != "application/cloudevents+json" ||
		h.Get("webhook-id") != "decision-1" || h.Get("webhook-timestamp") != "1614265330" ||
		h.Get("webhook-signature") != "v1,"+sign(w.key, "decision-1", "1614265330", want) {
		t.Errorf("request %v with %s", h, body)
	}

	acd.Close()
	if err := w.Send(t.Context(), decision()); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("nobody there: %v", err)
	}
}

func TestPostStatus(t *testing.T) {
	for status, want := range map[int]string{
		200: "taken", 202: "taken", 204: "taken",
		400: "refused", 409: "refused", 422: "refused",
		301: "again", 307: "again", 401: "again", 403: "again", 404: "again", 408: "again", 413: "again", 429: "again", 500: "again", 503: "again",
	} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			acd := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/elsewhere" {
					t.Error("followed a redirect")
				}
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(status)
			}))
			defer acd.Close()
			err := hook(t, acd.URL).Send(t.Context(), decision())
			got := "again"
			if err == nil {
				got = "taken"
			} else if errors.Is(err, errRefused) {
				got = "refused"
			}
			if got != want {
				t.Errorf("%s: %v", got, err)
			}
		})
	}
}

// A receiver that says nothing does not hold the adapter for ever.
func TestPostDeadline(t *testing.T) {
	release := make(chan struct{})
	acd := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer acd.Close()
	defer close(release)
	w := hook(t, acd.URL)
	w.client.Timeout = 10 * time.Millisecond
	if err := w.Send(t.Context(), decision()); err == nil || errors.Is(err, errRefused) {
		t.Errorf("error is %v", err)
	}
}

// An ACD that is away for a while gets every decision, in order.
func TestPostAtLeastOnce(t *testing.T) {
	s := newStage(t)
	var mu sync.Mutex
	var taken []string
	attempts := 0
	acd := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if attempts++; attempts%2 == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		e, err := events.Decode[events.DecisionData](body)
		if err != nil {
			t.Error(err)
		}
		taken = append(taken, e.Data.Decision)
	}))
	defer acd.Close()
	s.start(parse(t, strings.Replace(rulesText, "1h", "0s", 1)), 0, hook(t, acd.URL))
	for _, availability := range []string{"Busy", "Available", "Busy"} {
		s.says(agent1, availability)
		s.caughtUp("sales", agent1)
	}
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(taken, " "); got != "unreachable reachable unreachable" {
		t.Errorf("taken %s", got)
	}
}

func TestSecrets(t *testing.T) {
	for _, text := range []string{"", "hunter2hunter2hunter2hunter2", "whsec_", "whsec_hunter2!", "whsec_aHVudGVyMg==",
		"whsec_" + strings.Repeat("aHVudGVy", 11)} {
		_, err := readSecret(secretFile(t, text))
		if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "aHVudGVy") {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, url := range []string{"", "acd", "ftp://acd.example.com", "http://acd.example.com/", "https://user:hunter2@acd.example.com", "https://hunter2 hunter2/"} {
		if _, err := newWebhook(url, nil, time.Second); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", url, err)
		}
	}
	if _, err := newWebhook("https://acd.example.com/", nil, 0); err == nil {
		t.Error("an attempt to post may take for ever")
	}
}
