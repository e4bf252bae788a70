package handlers

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"

	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/graph/notification"
)

// The routes that Graph knows. A subscription may name either for both kinds.
const (
	NotificationsPath = "/graph/notifications"
	LifecyclePath     = "/graph/lifecycle"
)

// Graph wants an answer within 3 s. Source: Graph, "receive change
// notifications through webhooks".
const (
	answerWithin = 2700 * time.Millisecond // from the request's headers on
	bodyWithin   = 2 * time.Second         // of that for the body to arrive
	storeWithin  = 2 * time.Second         // of that for opening and storing what arrived
	retryAfter   = "5"                     // seconds
)

// CallbackOptions of [NewCallback]. Open and Accept are required.
type CallbackOptions struct {
	// Open decodes, verifies and decrypts a body, which is reused afterwards.
	Open func(ctx context.Context, body []byte) (notification.Batch, error)
	// Accept returns nil once all readings are stored or known repeats.
	Accept func(context.Context, []graph.Reading) error
	// Ready is false while the bus is known to be away: changes are then put
	// off at once. Handshakes and the lifecycle route do not need the bus.
	Ready func() bool
	// Read asks for people to be read. It must return at once.
	Read func([]graph.Person)
	// Lifecycle hands a lifecycle event on. It must return at once; the same
	// event comes again when the rest of its batch was put off.
	Lifecycle func(graph.Lifecycle)
	// MaxInFlight bounds the bodies that are opened and stored at the same time;
	// more are put off. At least 1. Those that still arrive do not count.
	MaxInFlight int
	// Proxies are believed about who asks; only the log tells it.
	Proxies []netip.Prefix
	// Observe gets one outcome per callback.
	Observe func(Outcome)
	// Tracer makes a span of each callback, its opening and its storing; the
	// context of the latter is what Accept gets. May be nil.
	Tracer trace.Tracer
	Log    *slog.Logger
}

// NewCallback makes the public side: two routes and nothing else.
func NewCallback(o CallbackOptions) *echo.Echo { return newCallback(o).echo() }

type callback struct {
	CallbackOptions
	answerWithin, bodyWithin, storeWithin time.Duration

	slots  chan struct{}
	budget *budget
	advice rate.Sometimes
}

func newCallback(o CallbackOptions) *callback {
	if o.Ready == nil {
		o.Ready = func() bool { return true }
	}
	if o.Read == nil {
		o.Read = func([]graph.Person) {}
	}
	if o.Lifecycle == nil {
		o.Lifecycle = func(graph.Lifecycle) {}
	}
	if o.Observe == nil {
		o.Observe = func(Outcome) {}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &callback{
		CallbackOptions: o,
		answerWithin:    answerWithin, bodyWithin: bodyWithin, storeWithin: storeWithin,
		slots:  make(chan struct{}, max(o.MaxInFlight, 1)),
		budget: newBudget(),
		advice: rate.Sometimes{First: 1, Interval: time.Minute},
	}
}

func (h *callback) echo() *echo.Echo {
	e := echo.New()
	e.Logger.SetOutput(io.Discard) // ours is h.Log
	e.IPExtractor = clientIP(h.Proxies)
	e.HTTPErrorHandler = writeStatus
	for _, path := range []string{NotificationsPath, LifecyclePath} {
		e.POST(path, h.serve)
		// Echo would answer these by itself, with a list of methods.
		e.OPTIONS(path, func(echo.Context) error { return echo.ErrMethodNotAllowed })
	}
	return e
}

func (h *callback) serve(c echo.Context) error {
	if h.Tracer != nil {
		h.traced(c)
	} else {
		h.answer(c)
	}
	return nil
}

// answer answers a callback, and then logs and reports it.
func (h *callback) answer(c echo.Context) Outcome {
	start := time.Now()
	o := Outcome{Route: c.Path()}
	limitReading(c, start.Add(h.bodyWithin))
	endAfterChunks(c)
	err := guard(c, h.Log, func() error {
		if token, ok := validationToken(c.Request()); ok {
			o.Handshake = true
			return answerHandshake(c, token)
		}
		return h.receive(c, &o, start)
	})
	if err != nil {
		c.Error(err)
	}
	o.Status = c.Response().Status
	o.Total = time.Since(start)
	if r, ok := errors.AsType[*refusal](err); ok {
		o.Cause = r.cause
	}
	h.report(c, &o, err)
	return o
}

// receive takes a notification collection in.
func (h *callback) receive(c echo.Context, o *Outcome, start time.Time) error {
	r := c.Request()
	if err := acceptable(r); err != nil {
		return err
	}
	if c.Path() == NotificationsPath && !h.Ready() {
		return refuse(http.StatusServiceUnavailable, CauseBusAway, nil)
	}
	body := buffer{budget: h.budget}
	defer body.release()
	err := readBody(c, &body)
	o.Bytes = len(body.text)
	o.Read = time.Since(start)
	if err != nil {
		return err
	}
	// Only now, so that a stranger who is slow takes no turn from Graph.
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	default:
		return refuse(http.StatusServiceUnavailable, CauseFull, nil)
	}

	opening := time.Now()
	until := start.Add(h.answerWithin)
	if store := opening.Add(h.storeWithin); store.Before(until) {
		until = store
	}
	ctx, cancel := context.WithDeadline(r.Context(), until)
	defer cancel()
	within, opened := h.step(ctx, "open", trace.SpanKindInternal)
	batch, err := h.Open(within, body.text)
	opened.end(err)
	o.Open = time.Since(opening)
	o.count(batch)
	switch {
	case errors.Is(err, notification.ErrMalformed):
		return refuse(http.StatusBadRequest, CauseMalformed, nil)
	case err != nil:
		return refuse(http.StatusServiceUnavailable, CauseNotOpened, err)
	}
	return h.accept(ctx, c, batch, o)
}

// accept hands on what a batch holds. Events and wishes to read go first: they
// do not need the bus, and coming again does no harm.
func (h *callback) accept(ctx context.Context, c echo.Context, batch notification.Batch, o *Outcome) error {
	for _, event := range batch.Lifecycle {
		h.Lifecycle(event)
	}
	if len(batch.Unread) > 0 {
		h.Read(batch.Unread)
	}
	if len(batch.Readings) > 0 {
		storing := time.Now()
		within, stored := h.step(ctx, "publish", trace.SpanKindProducer)
		err := h.Accept(within, batch.Readings)
		stored.end(err)
		o.Store = time.Since(storing)
		if err != nil {
			return refuse(http.StatusServiceUnavailable, CauseNotStored, err)
		}
		o.Accepted = len(batch.Readings)
	}
	if batch.Undecided > 0 {
		return refuse(http.StatusServiceUnavailable, CauseUndecided, nil)
	}
	return c.NoContent(http.StatusAccepted)
}
