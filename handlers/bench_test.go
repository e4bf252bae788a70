package handlers

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/graph/notification"
)

// answerOnly takes an answer without keeping it.
type answerOnly struct {
	header http.Header
	status int
}

func (a *answerOnly) Header() http.Header             { return a.header }
func (a *answerOnly) WriteHeader(status int)          { a.status = status }
func (a *answerOnly) Write(p []byte) (int, error)     { return len(p), nil }
func (a *answerOnly) SetReadDeadline(time.Time) error { return nil }

type noClose struct{ *bytes.Reader }

func (noClose) Close() error { return nil }

// oneCallback gives a function that serves one callback of 3 KB, with nothing
// but its own work between the server and the opener.
func oneCallback(tb testing.TB, log *slog.Logger) func() {
	e := NewCallback(CallbackOptions{
		Open: func(context.Context, []byte) (notification.Batch, error) {
			return notification.Batch{Items: 1, Readings: make([]graph.Reading, 1)}, nil
		},
		Accept: func(context.Context, []graph.Reading) error { return nil },
		Log:    log,
	})
	text := bytes.Repeat([]byte(" "), 3000)
	body := noClose{bytes.NewReader(text)}
	r := httptest.NewRequest(http.MethodPost, NotificationsPath, nil)
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.ContentLength = int64(len(text))
	w := &answerOnly{header: http.Header{}}
	return func() {
		body.Reset(text)
		r.Body = body
		e.ServeHTTP(w, r)
		if w.status != http.StatusAccepted {
			tb.Fatal(w.status)
		}
	}
}

// BenchmarkCallback has the log written to nowhere and switched off.
func BenchmarkCallback(b *testing.B) {
	for name, log := range map[string]*slog.Logger{
		"logged": slog.New(slog.NewJSONHandler(discard{}, nil)), "unlogged": slog.New(slog.DiscardHandler),
	} {
		b.Run(name, func(b *testing.B) {
			serve := oneCallback(b, log)
			b.ReportAllocs()
			for b.Loop() {
				serve()
			}
		})
	}
}

func TestCallbackAllocates(t *testing.T) {
	serve := oneCallback(t, slog.New(slog.NewJSONHandler(discard{}, nil)))
	// It is seven; under the race detector pools forget now and then.
	if n := testing.AllocsPerRun(100, serve); n > 24 {
		t.Errorf("a callback costs %v allocations", n)
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
