package app_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	traces "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/graphsim"
	"jtel.de/presencebridge/internal/tracing"
)

// collected are the spans that a collector was sent.
type collected struct {
	mu    sync.Mutex
	spans []*traces.Span
}

func (c *collected) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var request collector.ExportTraceServiceRequest
	if body, err := io.ReadAll(r.Body); err != nil || proto.Unmarshal(body, &request) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range request.ResourceSpans {
		for _, s := range r.ScopeSpans {
			c.spans = append(c.spans, s.Spans...)
		}
	}
}

// find gives the span of this id, nil if it has not come yet.
func (c *collected) find(id []byte) *traces.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if string(s.SpanId) == string(id) {
			return s
		}
	}
	return nil
}

func (c *collected) all() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprint(c.spans)
}

// A change can be followed from Graph's POST to the header of the message on
// NATS, and what a collector is sent names nobody.
func TestAChangeIsTraced(t *testing.T) {
	var c collected
	server := httptest.NewServer(&c)
	defer server.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
	tracer, stop, err := tracing.Start(t.Context(), os.Getenv, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer stop()

	b := newBridge(t, graphsim.Options{}, nil)
	b.tracer = tracer
	b.start(false)
	b.covered()
	b.settled()
	read := b.traceparentOf(b.user(1))
	b.set(b.user(0), "Busy", "InACall")
	b.eventually("event", func() bool { return b.states()[b.user(0)].Data.Activity == "InACall" })
	pushed := b.traceparentOf(b.user(0))

	publish := c.wait(b, pushed)
	request := c.wait(b, fmt.Sprintf("00-%x-%x-01", publish.TraceId, publish.ParentSpanId))
	if publish.Name != "publish" || publish.Kind != traces.Span_SPAN_KIND_PRODUCER {
		t.Errorf("the message goes on from %s", publish)
	}
	if request.Name != "POST /graph/notifications" || request.Kind != traces.Span_SPAN_KIND_SERVER || len(request.ParentSpanId) != 0 {
		t.Errorf("it began with %s", request)
	}
	if text := request.String(); !strings.Contains(text, "202") || !strings.Contains(c.all(), `name:"open"`) {
		t.Errorf("the request says %s", text)
	}
	if s := c.wait(b, read); s.Name != "publish what was read" {
		t.Errorf("what was read goes on from %s", s)
	}
	u := b.sim.Tenant().Users[0]
	for _, personal := range []string{u.ID, u.UserPrincipalName, u.Mail, u.DisplayName, "InACall"} {
		if strings.Contains(c.all(), personal) {
			t.Errorf("the collector was sent %q", personal)
		}
	}
}

// wait gives the span that a traceparent names.
func (c *collected) wait(b *bridge, traceparent string) (s *traces.Span) {
	b.t.Helper()
	parts := strings.Split(traceparent, "-")
	if len(parts) != 4 || parts[3] != "01" {
		b.t.Fatalf("traceparent %q", traceparent)
	}
	id, err := hex.DecodeString(parts[2])
	if err != nil {
		b.t.Fatal(err)
	}
	b.eventually("span "+traceparent, func() bool { s = c.find(id); return s != nil })
	if hex.EncodeToString(s.TraceId) != parts[1] {
		b.t.Errorf("span %s is of another trace than %s", s, traceparent)
	}
	return s
}

// traceparentOf is the header of the last message about somebody.
func (b *bridge) traceparentOf(userID string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	stream, err := b.jetStream().Stream(ctx, events.Stream)
	if err != nil {
		b.t.Fatal(err)
	}
	var m *jetstream.RawStreamMsg
	if m, err = stream.GetLastMsgForSubject(ctx, "presence.v1.user."+b.sim.Tenant().ID+"."+userID); err != nil {
		b.t.Fatal(err)
	}
	return strings.Join(m.Header["traceparent"], " ")
}
