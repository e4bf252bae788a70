package handlers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
)

// FeedEvent is an event as it stands on the stream.
type FeedEvent struct {
	Sequence uint64
	Type     string // of CloudEvents
	Data     []byte // the whole event in JSON
}

// Feed gives events in order.
type Feed interface {
	Begin() FeedBegin
	// Next waits for the next one. The context's error leaves the feed as it is.
	Next(context.Context) (FeedEvent, error)
	Close()
}

// FeedBegin is where a feed begins.
type FeedBegin struct {
	After    uint64
	Complete bool   // it holds all that came after what the client asked for
	Stream   string // to which the sequences belong; no blank and no line break
}

// FeedQuery is what a client wants.
type FeedQuery struct {
	Resume   bool // it has everything up to After
	After    uint64
	Stream   string   // to which After belongs; empty: not known
	Types    []string // of CloudEvents; none: all
	TenantID string   // empty: all
}

// Feeds opens one for each client.
type Feeds interface {
	Tenants() []Tenant
	Open(context.Context, FeedQuery) (Feed, error)
}

// FeedOptions of [AddFeed]; zero values mean what they say behind them.
type FeedOptions struct {
	Heartbeat time.Duration // 15 s: how often an idle client hears something
	// Write is how long a client may take to read what was written; 10 s.
	Write time.Duration
	Most  int // 64: clients at the same time
	// Stopping ends every feed when it ends; nil: only clients do.
	Stopping context.Context
}

// retryEvents is how long a client waits before it connects again.
const retryEvents = 2 * time.Second

// kinds are the names of the types of events in the parameter type.
var kinds = map[string]string{
	"user":      "presence.user.changed.v1",
	"directory": "presence.directory.changed.v1",
	"coverage":  "presence.coverage.changed.v1",
	"decision":  "presence.decision.changed.v1",
}

// AddFeed adds the route of /api/v1/events to the operators' side: server-sent
// events whose ids are the sequences of the stream, each with the stream's own mark:
// after a loss of the store the same number is another event.
func AddFeed(e *echo.Echo, feeds Feeds, o FeedOptions) {
	if o.Heartbeat == 0 {
		o.Heartbeat = 15 * time.Second
	}
	if o.Write == 0 {
		o.Write = 10 * time.Second
	}
	if o.Most == 0 {
		o.Most = 64
	}
	var clients atomic.Int64
	e.GET("/api/v1/events", func(c echo.Context) error {
		q, err := feedAsked(c, feeds.Tenants())
		if err != nil {
			return err
		}
		defer clients.Add(-1)
		if clients.Add(1) > int64(o.Most) {
			c.Response().Header().Set(echo.HeaderRetryAfter, retryAfter)
			return echo.NewHTTPError(http.StatusServiceUnavailable, fmt.Sprintf("%d clients follow the events already", o.Most))
		}
		ctx, cancel := context.WithCancel(c.Request().Context())
		defer cancel()
		if o.Stopping != nil {
			defer context.AfterFunc(o.Stopping, cancel)()
		}
		opening, opened := context.WithTimeout(ctx, o.Write)
		defer opened()
		feed, err := feeds.Open(opening, q)
		if err != nil {
			c.Response().Header().Set(echo.HeaderRetryAfter, retryAfter)
			return &echo.HTTPError{Code: http.StatusServiceUnavailable, Message: "the stream of events is away; try again", Internal: err}
		}
		defer feed.Close()
		return newStream(c, o).send(ctx, feed)
	})
}

// feedAsked reads what a client wants. Last-Event-ID is also a parameter, for
// clients that cannot set a header on the first connection.
func feedAsked(c echo.Context, tenants []Tenant) (FeedQuery, error) {
	var q FeedQuery
	var err error
	if q.TenantID, err = tenantAsked(c, tenants); err != nil {
		return q, err
	}
	last := c.Request().Header.Get("Last-Event-ID")
	if last == "" {
		last = c.QueryParam("lastEventId")
	}
	if last != "" {
		var number string
		number, q.Stream, _ = strings.Cut(last, "-")
		if q.After, err = strconv.ParseUint(number, 10, 64); err != nil {
			return q, echo.NewHTTPError(http.StatusBadRequest, "Last-Event-ID must be the id of an event, like 41-mijb2x7c")
		}
		q.Resume = true
	}
	names := c.QueryParam("type")
	if names == "" {
		names = "user,directory,coverage"
	}
	for name := range strings.SplitSeq(names, ",") {
		kind, known := kinds[strings.TrimSpace(name)]
		if !known {
			return q, echo.NewHTTPError(http.StatusBadRequest, "type must be one or several, separated by commas, of: user, directory, coverage, decision")
		}
		if q.Types = append(q.Types, kind); q.TenantID != "" && kind == kinds["decision"] {
			return q, echo.NewHTTPError(http.StatusBadRequest, "decisions are an adapter's and belong to no tenant; leave out tenant or type=decision")
		}
	}
	return q, nil
}

// stream is an answer that goes on.
type stream struct {
	c       echo.Context
	o       FeedOptions
	control *http.ResponseController
	mark    string // of the stream of events
	buffer  bytes.Buffer
}

func newStream(c echo.Context, o FeedOptions) *stream {
	return &stream{c: c, o: o, control: http.NewResponseController(c.Response())}
}

// send writes until the client, the feed or the service ends. A client that
// does not read in time is let go: it comes again with the last id it has. An
// answer that has begun cannot become an error.
func (s *stream) send(ctx context.Context, feed Feed) error {
	// The server's limits are for answers that end.
	if err := s.control.SetReadDeadline(time.Time{}); err != nil {
		return fmt.Errorf("stream events: %w", err)
	}
	h := s.c.Response().Header()
	h.Set(echo.HeaderContentType, "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // nginx would keep it back
	s.c.Response().WriteHeader(http.StatusOK)
	begin := feed.Begin()
	s.mark = begin.Stream
	fmt.Fprintf(&s.buffer, "retry: %d\nid: %d-%s\nevent: ready\ndata: {\"after\":%d,\"complete\":%t}\n\n",
		retryEvents.Milliseconds(), begin.After, s.mark, begin.After, begin.Complete)
	for s.flush() {
		e, err := s.next(ctx, feed)
		switch {
		case err == nil:
			s.event(e)
		case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
			s.buffer.WriteString(":\n\n")
		default:
			return nil
		}
	}
	return nil
}

// next waits for an event, no longer than to the next heartbeat.
func (s *stream) next(ctx context.Context, feed Feed) (FeedEvent, error) {
	ctx, cancel := context.WithTimeout(ctx, s.o.Heartbeat)
	defer cancel()
	return feed.Next(ctx)
}

func (s *stream) event(e FeedEvent) {
	fmt.Fprintf(&s.buffer, "id: %d-%s\nevent: %s\n", e.Sequence, s.mark, e.Type)
	// A line break in JSON is only ever between two values.
	s.buffer.WriteString("data: ")
	s.buffer.Write(bytes.Map(func(r rune) rune {
		if r == '\r' || r == '\n' {
			return ' '
		}
		return r
	}, e.Data))
	s.buffer.WriteString("\n\n")
}

// flush reports whether the client took everything in time.
func (s *stream) flush() bool {
	if s.control.SetWriteDeadline(time.Now().Add(s.o.Write)) != nil {
		return false
	}
	_, err := s.c.Response().Write(s.buffer.Bytes())
	s.buffer.Reset()
	return err == nil && s.control.Flush() == nil
}
