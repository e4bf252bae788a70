package handlers

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// traced answers a callback within a span of its own. What a stranger sends as a
// trace context is not taken over: anybody could make us sample everything.
func (h *callback) traced(c echo.Context) {
	r := c.Request()
	ctx, span := h.Tracer.Start(r.Context(), http.MethodPost+" "+c.Path(), trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.request.method", http.MethodPost), attribute.String("http.route", c.Path())))
	defer span.End()
	c.SetRequest(r.WithContext(ctx))
	o := h.answer(c)
	refused := 0
	for _, n := range o.Refused {
		refused += n
	}
	span.SetAttributes(
		attribute.Int("http.response.status_code", o.Status), attribute.Int("http.request.body.size", o.Bytes),
		attribute.Bool("presencebridge.handshake", o.Handshake), attribute.Int("presencebridge.items", o.Items),
		attribute.Int("presencebridge.accepted", o.Accepted), attribute.Int("presencebridge.refused", refused),
		attribute.Int("presencebridge.undecided", o.Undecided),
	)
	if o.Status >= http.StatusInternalServerError {
		span.SetAttributes(attribute.String("error.type", string(o.Cause)))
		span.SetStatus(codes.Error, string(o.Cause))
	}
}

// step is a part of a callback, in a span if there is a tracer. Without one it
// costs nothing.
type step struct{ span trace.Span }

func (h *callback) step(ctx context.Context, name string, kind trace.SpanKind) (context.Context, step) {
	if h.Tracer == nil {
		return ctx, step{}
	}
	ctx, span := h.Tracer.Start(ctx, name, trace.WithSpanKind(kind))
	return ctx, step{span}
}

// end says whether it went well; why it did not is for the log.
func (s step) end(err error) {
	if s.span == nil {
		return
	}
	if err != nil {
		s.span.SetStatus(codes.Error, "")
	}
	s.span.End()
}
