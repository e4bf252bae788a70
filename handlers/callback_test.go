package handlers

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/graph/notification"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// record is a log that tests read.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// side is the callback side under test: real TLS, doubles behind it.
type side struct {
	*httptest.Server
	callback *callback
	log      *record
	outcomes chan Outcome
	drops    chan Drop

	mu        sync.Mutex
	accepted  []graph.Reading
	read      []graph.Person
	lifecycle []graph.Lifecycle
}

var usual = notification.Batch{
	Items:     4,
	Readings:  []graph.Reading{{TenantID: "t", Presence: graph.Presence{UserID: "somebody@example.com", Availability: "Busy"}}},
	Unread:    []graph.Person{{TenantID: "t", UserID: "u"}},
	Lifecycle: []graph.Lifecycle{{TenantID: "t", SubscriptionID: "s", Event: "missed"}},
	Refused:   map[notification.Reason]int{notification.ReasonClientState: 1},
}

// newSide starts a server whose callback was changed by the given functions.
func newSide(t *testing.T, change ...func(*callback)) *side {
	t.Helper()
	s := &side{log: &record{}, outcomes: make(chan Outcome, 64), drops: make(chan Drop, 4096)}
	log := slog.New(slog.NewJSONHandler(s.log, nil))
	s.callback = newCallback(CallbackOptions{
		Open: func(context.Context, []byte) (notification.Batch, error) { return usual, nil },
		Accept: func(_ context.Context, r []graph.Reading) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.accepted = append(s.accepted, r...)
			return nil
		},
		Read: func(p []graph.Person) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.read = append(s.read, p...)
		},
		Lifecycle: func(l graph.Lifecycle) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.lifecycle = append(s.lifecycle, l)
		},
		MaxInFlight: 4,
		Observe:     func(o Outcome) { s.outcomes <- o },
		Log:         log,
	})
	for _, f := range change {
		f(s.callback)
	}
	s.start(t, true)
	return s
}

// start serves clients that would rather speak HTTP/2, or not; a server that ran
// before is left alone.
func (s *side) start(t *testing.T, http2 bool) {
	t.Helper()
	s.serve(t, func(*http.Server) {})
	s.Client().Transport.(*http.Transport).ForceAttemptHTTP2 = http2
}

// serve starts another server, changed by a function.
func (s *side) serve(t *testing.T, change func(*http.Server)) {
	t.Helper()
	s.Server = httptest.NewUnstartedServer(nil)
	s.Config = NewServer(s.callback.echo(), func(d Drop) { s.drops <- d }, s.callback.Log)
	change(s.Config)
	s.StartTLS()
	t.Cleanup(s.Close)
}

func (s *side) send(t *testing.T, method, path string, body io.Reader, header ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	for i := 0; i < len(header); i += 2 {
		if req.Header.Del(header[i]); header[i+1] != "" {
			req.Header.Set(header[i], header[i+1])
		}
	}
	res, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

// silent checks that an answer has this status and tells nothing else.
func silent(t *testing.T, res *http.Response, status int) {
	t.Helper()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != status || len(body) != 0 {
		t.Errorf("status %d, want %d; body %q", res.StatusCode, status, body)
	}
	allowed := map[string]bool{"Date": true, "Content-Length": true, "Connection": true,
		"Retry-After": status == 503, "Allow": status == 405}
	for name := range res.Header {
		if !allowed[name] {
			t.Errorf("status %d with header %s: %s", status, name, res.Header.Get(name))
		}
	}
	if (res.Header.Get("Retry-After") != "") != (status == 503) {
		t.Errorf("status %d with Retry-After %q", status, res.Header.Get("Retry-After"))
	}
}

func body(n int) io.Reader { return strings.NewReader(strings.Repeat(" ", n)) }

func TestCallbackAccepts(t *testing.T) {
	for _, path := range []string{NotificationsPath, LifecyclePath} {
		s := newSide(t)
		silent(t, s.send(t, "POST", path, body(100)), http.StatusAccepted)
		if diff := cmp.Diff(usual.Readings, s.accepted); diff != "" {
			t.Errorf("accepted: -want +got\n%s", diff)
		}
		if diff := cmp.Diff(usual.Unread, s.read); diff != "" {
			t.Errorf("to be read: -want +got\n%s", diff)
		}
		if diff := cmp.Diff(usual.Lifecycle, s.lifecycle); diff != "" {
			t.Errorf("lifecycle: -want +got\n%s", diff)
		}
		o := <-s.outcomes
		o.Read, o.Open, o.Store, o.Total = 0, 0, 0, 0
		want := Outcome{Route: path, Status: 202, Bytes: 100, Items: 4, Readings: 1, Unread: 1, Lifecycle: 1, Accepted: 1,
			Refused: usual.Refused}
		if diff := cmp.Diff(want, o); diff != "" {
			t.Errorf("outcome: -want +got\n%s", diff)
		}
	}
}

func opens(b notification.Batch, err error) func(*callback) {
	return func(h *callback) {
		h.Open = func(context.Context, []byte) (notification.Batch, error) { return b, err }
	}
}

func TestCallbackStatuses(t *testing.T) {
	undecided := usual
	undecided.Undecided = 1
	full := func(h *callback) {
		for range cap(h.slots) {
			h.slots <- struct{}{}
		}
	}
	away := func(h *callback) { h.Ready = func() bool { return false } }
	fails := func(h *callback) {
		h.Accept = func(context.Context, []graph.Reading) error { return errors.New("no stream") }
	}
	slow := func(h *callback) {
		h.storeWithin = 10 * time.Millisecond
		h.Accept = func(ctx context.Context, _ []graph.Reading) error { <-ctx.Done(); return ctx.Err() }
	}
	usualType := []string(nil)
	for _, c := range []struct {
		name   string
		change func(*callback)
		path   string
		size   int // negative: chunked
		header []string
		status int
		cause  Cause
	}{
		{"nothing inside", opens(notification.Batch{}, nil), NotificationsPath, 2, usualType, 202, ""},
		{"all forged", opens(notification.Batch{Items: 1, Refused: usual.Refused}, nil), NotificationsPath, 2, usualType, 202, ""},
		{"malformed", opens(notification.Batch{}, notification.ErrMalformed), NotificationsPath, 2, usualType, 400, CauseMalformed},
		{"cannot open", opens(notification.Batch{}, errors.New("x")), NotificationsPath, 2, usualType, 503, CauseNotOpened},
		{"undecided", opens(undecided, nil), NotificationsPath, 2, usualType, 503, CauseUndecided},
		{"bus away", away, NotificationsPath, 2, usualType, 503, CauseBusAway},
		{"bus away, lifecycle", away, LifecyclePath, 2, usualType, 202, ""},
		{"full", full, NotificationsPath, 2, usualType, 503, CauseFull},
		{"not stored", fails, NotificationsPath, 2, usualType, 503, CauseNotStored},
		{"not stored in time", slow, NotificationsPath, 2, usualType, 503, CauseNotStored},
		{"panic", func(h *callback) { h.Accept = nil }, NotificationsPath, 2, usualType, 500, CausePanic},
		{"4 MiB", nil, NotificationsPath, maxBody, usualType, 202, ""},
		{"announced 4 MiB + 1", nil, NotificationsPath, maxBody + 1, usualType, 413, CauseTooLarge},
		{"chunked 4 MiB", nil, NotificationsPath, -maxBody, usualType, 202, ""},
		{"chunked 5 MiB", nil, NotificationsPath, -5 << 20, usualType, 413, CauseTooLarge},
		{"no content type", nil, NotificationsPath, 2, []string{"Content-Type", ""}, 415, CauseMediaType},
		{"text", nil, NotificationsPath, 2, []string{"Content-Type", "text/plain"}, 415, CauseMediaType},
		{"problem", nil, NotificationsPath, 2, []string{"Content-Type", "application/problem+json"}, 415, CauseMediaType},
		{"broken type", nil, NotificationsPath, 2, []string{"Content-Type", "application/json; charset"}, 415, CauseMediaType},
		{"plain json", nil, NotificationsPath, 2, []string{"Content-Type", "application/json"}, 202, ""},
		{"other charset", nil, NotificationsPath, 2, []string{"Content-Type", "Application/JSON; Charset=\"UTF-16\""}, 202, ""},
		{"gzip", nil, NotificationsPath, 2, []string{"Content-Encoding", "gzip"}, 415, CauseMediaType},
		{"identity", nil, NotificationsPath, 2, []string{"Content-Encoding", "Identity"}, 202, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.change == nil {
				c.change = func(*callback) {}
			}
			s := newSide(t, c.change)
			for _, http2 := range []bool{false, true} {
				s.start(t, http2)
				content := body(max(c.size, -c.size))
				if c.size < 0 {
					content = io.MultiReader(content) // of unknown length
				}
				res := s.send(t, "POST", c.path, content, c.header...)
				silent(t, res, c.status)
				if res.ProtoMajor != 1 {
					t.Error(res.Proto)
				}
				if o := <-s.outcomes; o.Status != c.status || o.Cause != c.cause || o.Bytes > maxBody {
					t.Errorf("outcome %+v", o)
				}
			}
			if n := s.callback.budget.grown.Load(); n != 0 || len(s.callback.budget.reading) != 0 {
				t.Errorf("%d bytes and %d bodies are still counted", n, len(s.callback.budget.reading))
			}
			if c.name == "undecided" && len(s.accepted) != 2 {
				t.Error("the readings beside an undecided item were not accepted")
			}
		})
	}
}

func TestCallbackRoutes(t *testing.T) {
	s := newSide(t)
	for _, path := range []string{"/", "/graph", "/graph/", "/graph/notifications/", "/graph/Notifications", "/graph/notifications/x",
		"/healthz", "/metrics", "/favicon.ico", "/graph//notifications"} {
		for _, method := range []string{"GET", "POST", "OPTIONS", "HEAD"} {
			silent(t, s.send(t, method, path, nil), http.StatusNotFound)
		}
	}
	for _, path := range []string{NotificationsPath, LifecyclePath, NotificationsPath + "?validationToken=x"} {
		for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "XYZ"} {
			res := s.send(t, method, path, nil)
			silent(t, res, http.StatusMethodNotAllowed)
			if allow := res.Header.Values("Allow"); len(allow) != 1 || allow[0] != "POST" {
				t.Errorf("%s %s: Allow %q", method, path, allow)
			}
		}
	}
}

func TestCallbackLeavesTheSlot(t *testing.T) {
	s := newSide(t, func(h *callback) { h.slots = make(chan struct{}, 1) })
	for range 3 {
		silent(t, s.send(t, "POST", NotificationsPath, body(2)), http.StatusAccepted)
	}
	s.callback.Accept = func(context.Context, []graph.Reading) error { panic("x") }
	for range 3 {
		silent(t, s.send(t, "POST", NotificationsPath, body(2)), http.StatusInternalServerError)
	}
}

// The bodies of one request never show in another, although buffers are reused.
func TestCallbackBuffers(t *testing.T) {
	var got string
	s := newSide(t, func(h *callback) {
		h.Open = func(_ context.Context, b []byte) (notification.Batch, error) {
			got = string(b)
			return notification.Batch{}, nil
		}
	})
	for _, text := range []string{"a long first body", "short", "", strings.Repeat("x", firstBuffer), strings.Repeat("z", firstBuffer+1), "y"} {
		silent(t, s.send(t, "POST", NotificationsPath, strings.NewReader(text)), http.StatusAccepted)
		if got != text {
			t.Errorf("opened %.20q, sent %.20q", got, text)
		}
	}
}

func TestCallbackLog(t *testing.T) {
	missing := notification.Batch{Items: 1, Refused: map[notification.Reason]int{notification.ReasonTokenMissing: 1}}
	s := newSide(t, opens(missing, nil))
	for range 3 {
		silent(t, s.send(t, "POST", NotificationsPath, body(2)), http.StatusAccepted)
	}
	text := s.log.String()
	if n := strings.Count(text, `"msg":"callback"`); n != 3 {
		t.Errorf("%d lines for 3 callbacks:\n%s", n, text)
	}
	if n := strings.Count(text, "appRoleAssignmentRequired"); n != 1 {
		t.Errorf("%d pieces of advice, want 1:\n%s", n, text)
	}
	for _, want := range []string{`"refused":{"token_missing":1}`, `"status":202`, `"total_ms":`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}

	s = newSide(t, func(h *callback) {
		h.Accept = func(context.Context, []graph.Reading) error { panic("somebody@example.com") }
	})
	silent(t, s.send(t, "POST", NotificationsPath, strings.NewReader("secret body")), http.StatusInternalServerError)
	silent(t, s.send(t, "POST", NotificationsPath+"?validationToken=%3Csecret%3E", nil), http.StatusBadRequest)
	text = s.log.String()
	for _, leak := range []string{"example.com", "secret", "127.0.0.1"} {
		if strings.Contains(text, leak) {
			t.Errorf("%q in the log:\n%s", leak, text)
		}
	}
	if !strings.Contains(text, "handler panicked") {
		t.Errorf("no word of the panic in\n%s", text)
	}
}
