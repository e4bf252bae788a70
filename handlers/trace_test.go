package handlers

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/graph/notification"
)

// The parts of a callback are spans below one of its own, whatever the sender says.
func TestCallbacksAreTraced(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	var within trace.SpanContext
	var fails error
	e := NewCallback(CallbackOptions{
		Tracer: sdk.NewTracerProvider(sdk.WithSpanProcessor(spans)).Tracer("test"),
		Open: func(context.Context, []byte) (notification.Batch, error) {
			return notification.Batch{Items: 1, Readings: make([]graph.Reading, 1)}, nil
		},
		Accept: func(ctx context.Context, _ []graph.Reading) error {
			within = trace.SpanContextFromContext(ctx)
			return fails
		},
		Log: slog.New(slog.DiscardHandler),
	})
	const foreign = "4bf92f3577b34da6a3ce929d0e0e4736"
	for _, fails = range []error{nil, errors.New("somebody@example.com")} {
		spans.Reset()
		r := httptest.NewRequest(http.MethodPost, NotificationsPath, strings.NewReader(`{"value":[]}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("traceparent", "00-"+foreign+"-00f067aa0ba902b7-01")
		e.ServeHTTP(httptest.NewRecorder(), r)
		ended := spans.Ended()
		if len(ended) != 3 {
			t.Fatalf("%d spans", len(ended))
		}
		open, publish, request := ended[0], ended[1], ended[2]
		if open.Name() != "open" || publish.Name() != "publish" || request.Name() != "POST "+NotificationsPath {
			t.Errorf("spans %s, %s, %s", open.Name(), publish.Name(), request.Name())
		}
		if request.Parent().IsValid() || request.SpanContext().TraceID().String() == foreign {
			t.Error("a stranger's trace is gone on with")
		}
		if id := request.SpanContext().SpanID(); open.Parent().SpanID() != id || publish.Parent().SpanID() != id {
			t.Error("the parts do not belong to the request")
		}
		if !within.Equal(publish.SpanContext()) {
			t.Error("the message does not go on from the span that publishes it")
		}
		want := sdk.Status{}
		if fails != nil {
			want = sdk.Status{Code: codes.Error, Description: string(CauseNotStored)}
		}
		if request.Status() != want || (publish.Status().Code == codes.Error) != (fails != nil) || publish.Status().Description != "" {
			t.Errorf("statuses %+v, %+v with %v", request.Status(), publish.Status(), fails)
		}
	}
}

// Without a tracer a callback pays nothing for it.
func TestNoTracerCostsNothing(t *testing.T) {
	h := newCallback(CallbackOptions{})
	ctx := t.Context()
	if n := testing.AllocsPerRun(1000, func() {
		_, s := h.step(ctx, "open", trace.SpanKindInternal)
		s.end(nil)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
