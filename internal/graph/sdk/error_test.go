package sdk

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

func TestErrorAnswers(t *testing.T) {
	for _, test := range []struct {
		name, body string
		status     int
		want       graph.Error
		class      graph.Class
	}{
		{"handshake", `{"error":{"code":"ValidationError","message":"Subscription validation request failed. Notification endpoint must respond with 200 OK to validation request.","innerError":{"date":"2024-08-13T09:01:02","request-id":"r-1","client-request-id":"c"}}}`,
			400, graph.Error{Code: "ValidationError", RequestID: "r-1"}, graph.Transient},
		{"workload", `{"error":{"code":"ExtensionError","message":"Operation: Create; Exception: [Status Code: BadRequest; Reason: Unsupported workload.]"}}`,
			400, graph.Error{Code: "ExtensionError", RequestID: "from-header"}, graph.Invalid},
		{"token", `{"error":{"code":"InvalidAuthenticationToken","message":"Access token has expired or is not yet valid."}}`,
			401, graph.Error{Code: "InvalidAuthenticationToken", RequestID: "from-header"}, graph.Unauthorized},
		{"forbidden", `{"error":{"code":"ExtensionError","message":"Operation: Create; Exception: [Status Code: Forbidden; Reason: The request is not authorized for this user or application.]"}}`,
			403, graph.Error{Code: "ExtensionError", RequestID: "from-header"}, graph.Operator},
		{"conflict", `{"error":{"code":"ExtensionError","message":"Operation: Create; Exception: [Status Code: Conflict; Reason: A subscripton already exists. It must be deleted before a another can be made.]"}}`,
			409, graph.Error{Code: "ExtensionError", RequestID: "from-header"}, graph.Conflict},
		{"old inner error", `{"error":{"code":"Any","message":"text","innererror":{"code":"throttledRequest","request-id":"r-2","date":"2020-01-01 10:00:00"}}}`,
			500, graph.Error{Code: "Any", RequestID: "r-2"}, graph.Transient},
		{"no message", `{"error":{"code":"Only"}}`, 500, graph.Error{Code: "Only", RequestID: "from-header"}, graph.Transient},
		{"null members", `{"error":{"code":null,"message":null,"innerError":null}}`, 500, graph.Error{Code: "HTTP500", RequestID: "from-header"}, graph.Transient},
		{"no error", `{}`, 500, graph.Error{Code: "HTTP500", RequestID: "from-header"}, graph.Transient},
		{"string", `{"error":"nothing"}`, 400, graph.Error{Code: "HTTP400", RequestID: "from-header"}, graph.Invalid},
		{"array", `[]`, 410, graph.Error{Code: "HTTP410", RequestID: "from-header"}, graph.NotFound},
		{"proxy page", `<html>bad gateway</html>`, 502, graph.Error{Code: "HTTP502", RequestID: "from-header"}, graph.Transient},
		{"no body", ``, 500, graph.Error{Code: "HTTP500", RequestID: "from-header"}, graph.Transient},
		{"binary", "\xff\x00\xfe", 500, graph.Error{Code: "HTTP500", RequestID: "from-header"}, graph.Transient},
	} {
		for _, contentType := range []string{"application/json", "text/html; charset=utf-8", ""} {
			t.Run(test.name+" "+contentType, func(t *testing.T) {
				g := newGraph(t, func(w http.ResponseWriter, _ *http.Request) {
					w.Header()["Content-Type"] = nil
					if contentType != "" {
						w.Header().Set("Content-Type", contentType)
					}
					w.Header().Set("request-id", "from-header")
					w.WriteHeader(test.status)
					io.WriteString(w, test.body)
				})
				_, err := g.client(t).Subscriptions(t.Context())
				e, ok := errors.AsType[*graph.Error](err)
				if !ok {
					t.Fatalf("error %v is not a graph.Error", err)
				}
				if e.Status != test.status || e.Code != test.want.Code || e.RequestID != test.want.RequestID || e.Class() != test.class {
					t.Errorf("%+v, class %s, want %+v, class %s", e, e.Class(), test.want, test.class)
				}
				if e.Err == nil || e.Err.Error() != e.Message { // also: it does not panic
					t.Errorf("message %q, library error %v", e.Message, e.Err)
				}
			})
		}
	}
}

func TestRetryAfterReachesTheCaller(t *testing.T) {
	at := time.Now().Add(10 * time.Minute)
	for sent, want := range map[string]time.Duration{
		"315":                            315 * time.Second,
		at.UTC().Format(http.TimeFormat): 10 * time.Minute,
		"99999999999999999999":           1e6 * time.Second,
	} {
		g := newGraph(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", sent)
			w.WriteHeader(429)
			io.WriteString(w, `{"error":{"code":"activityLimitReached","message":"slow down","innerError":{"code":"throttledRequest"}}}`)
		})
		_, err := g.client(t).Presences(t.Context(), []string{agent(1)})
		if got := graph.RetryAfter(err); graph.Classify(err) != graph.Throttled || got > want || got < want-5*time.Second {
			t.Errorf("%q: %s, error %v", sent, got, err)
		}
		if n := len(g.seen()); n != 1 {
			t.Errorf("%q: %d requests", sent, n)
		}
	}
}

func TestRedirects(t *testing.T) {
	g := newGraph(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1.0/elsewhere" {
			io.WriteString(w, `{"value":[]}`)
			return
		}
		w.Header().Set("Location", "/v1.0/elsewhere")
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	c := g.client(t)
	if _, err := c.Subscriptions(t.Context()); err != nil {
		t.Errorf("a read was not redirected: %v", err)
	}
	if _, err := c.CreateSubscription(t.Context(), wanted()); err == nil || !strings.Contains(err.Error(), "redirects a POST") {
		t.Errorf("a create was redirected: %v", err)
	}
}

func TestTransportErrors(t *testing.T) {
	g := newGraph(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	_, err := g.client(t).Subscriptions(t.Context())
	if err == nil || graph.Classify(err) != graph.Transient {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = g.client(t).Subscriptions(ctx); !graph.Stopped(ctx, err) {
		t.Error(err)
	}
}

func FuzzPlainError(f *testing.F) {
	f.Add([]byte(`{"error":{"code":"A","message":"b","innerError":{"request-id":"c"}}}`))
	f.Add([]byte(`<html>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		res := &http.Response{StatusCode: 500, Header: http.Header{}}
		first := plainError(res, body)
		if again := plainError(res, first); string(again) != string(first) {
			t.Errorf("%q became %q", first, again)
		}
	})
}
