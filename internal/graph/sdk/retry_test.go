package sdk

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

// TestRetry tells for each kind of request at which answers it is sent again.
// A second request meets success.
func TestRetry(t *testing.T) {
	calls := map[string]func(context.Context, *Client) error{
		"create": func(ctx context.Context, c *Client) error { _, err := c.CreateSubscription(ctx, wanted()); return err },
		"renew": func(ctx context.Context, c *Client) error {
			_, err := c.RenewSubscription(ctx, "s", time.Now(), nil)
			return err
		},
		"list":      func(ctx context.Context, c *Client) error { _, err := c.Subscriptions(ctx); return err },
		"delete":    func(ctx context.Context, c *Client) error { return c.DeleteSubscription(ctx, "s") },
		"presences": func(ctx context.Context, c *Client) error { _, err := c.Presences(ctx, []string{agent(1)}); return err },
	}
	for _, test := range []struct {
		status     int
		retryAfter string
		again      string // who tries again
	}{
		{429, "0", "create renew list delete presences"},
		{429, "31", ""},
		{429, "30", ""}, // does not fit into the deadline of the call; a renewal has more time, see below
		{503, "0", "renew list delete presences"},
		{504, "0", "renew list delete presences"},
		{500, "0", ""},
		{502, "0", ""},
		{409, "0", ""},
	} {
		for name, call := range calls {
			if name == "renew" && test.retryAfter == "30" {
				continue // it would wait
			}
			t.Run(fmt.Sprintf("%d after %s %s", test.status, test.retryAfter, name), func(t *testing.T) {
				first := true
				g := newGraph(t, func(w http.ResponseWriter, r *http.Request) {
					if first {
						first = false
						w.Header().Set("Retry-After", test.retryAfter)
						w.WriteHeader(test.status)
						io.WriteString(w, `{"error":{"code":"c","message":"m"}}`)
						return
					}
					io.WriteString(w, `{"value":[],"id":"s","expirationDateTime":"2026-11-23T18:59:00Z"}`)
				})
				err := call(t.Context(), g.client(t))
				again := strings.Contains(test.again, name)
				r := g.seen()
				if (err == nil) != again || len(r) > 2 || (len(r) == 2) != again {
					t.Fatalf("%d requests, error %v", len(r), err)
				}
				if again && r[0].body != r[1].body {
					t.Fatalf("sent %q again as %q", r[0].body, r[1].body)
				}
			})
		}
	}
}

func TestCreateIsNotRepeatedWithoutRetryAfter(t *testing.T) {
	g := answer(t, 429, `{"error":{"code":"TooManyRequests","message":"m"}}`)
	_, err := g.client(t).CreateSubscription(t.Context(), wanted())
	if graph.Classify(err) != graph.Throttled || len(g.seen()) != 1 {
		t.Fatalf("%d requests, error %v", len(g.seen()), err)
	}
}

func TestCreateIsNotRepeatedAfterALostAnswer(t *testing.T) {
	g := newGraph(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	if _, err := g.client(t).CreateSubscription(t.Context(), wanted()); err == nil || len(g.seen()) != 1 {
		t.Fatalf("%d requests, error %v", len(g.seen()), err)
	}
}

func TestRepeatsKeepTheConnection(t *testing.T) {
	tries := 0
	g := newGraph(t, func(w http.ResponseWriter, _ *http.Request) {
		if tries++; tries < 4 {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(429)
			io.WriteString(w, `{"error":{"code":"c","message":"`+strings.Repeat("m", 20_000)+`"}}`)
			return
		}
		io.WriteString(w, `{"value":[]}`)
	})
	if _, err := g.client(t).Presences(t.Context(), []string{agent(1)}); err != nil {
		t.Fatal(err)
	}
	from := map[string]bool{}
	for _, r := range g.seen() {
		from[r.RemoteAddr] = true
	}
	if len(g.seen()) != 4 || len(from) != 1 {
		t.Fatalf("%d requests over %d connections", len(g.seen()), len(from))
	}
}

func TestRepeatsEnd(t *testing.T) {
	g := newGraph(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(503)
	})
	_, err := g.client(t).Subscriptions(t.Context())
	if graph.Classify(err) != graph.Transient || len(g.seen()) != 4 {
		t.Fatalf("%d requests, error %v", len(g.seen()), err)
	}
}
