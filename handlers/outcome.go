package handlers

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"jtel.de/presencebridge/internal/graph/notification"
)

// Outcome is what became of one callback: for metrics and for the log. Nothing
// in it is about a person.
type Outcome struct {
	Route     string // one of the two paths
	Handshake bool
	Status    int
	Cause     Cause // empty with 200 and 202

	Bytes     int
	Items     int // in the collection; each is in exactly one of the following
	Readings  int // worth storing
	Unread    int // basic items, to be read
	Lifecycle int
	Refused   map[notification.Reason]int // may be nil
	Undecided int

	Accepted int // readings stored or known as repeats: all or none

	Read, Open, Store, Total time.Duration
}

func (o *Outcome) count(b notification.Batch) {
	o.Items, o.Readings, o.Unread, o.Lifecycle = b.Items, len(b.Readings), len(b.Unread), len(b.Lifecycle)
	o.Refused, o.Undecided = b.Refused, b.Undecided
}

// report writes the one wide line of a callback and hands the outcome on.
func (h *callback) report(c echo.Context, o *Outcome, err error) {
	h.Observe(*o)
	ctx := c.Request().Context()
	if o.Refused[notification.ReasonTokenMissing] > 0 {
		h.advice.Do(func() {
			h.Log.WarnContext(ctx, "validation tokens missing", "advice", notification.AdviceTokenMissing)
		})
	}
	level := slog.LevelInfo
	switch o.Status {
	case http.StatusServiceUnavailable:
		level = slog.LevelWarn
	case http.StatusInternalServerError:
		level = slog.LevelError
	}
	if !h.Log.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 20)
	attrs = append(attrs,
		slog.String("route", o.Route), slog.Int("status", o.Status), slog.Bool("handshake", o.Handshake),
		slog.Int("bytes", o.Bytes), slog.Int("items", o.Items), slog.Int("readings", o.Readings),
		slog.Int("accepted", o.Accepted), slog.Int("unread", o.Unread), slog.Int("lifecycle", o.Lifecycle),
		slog.Int("undecided", o.Undecided),
		slog.Float64("read_ms", ms(o.Read)), slog.Float64("open_ms", ms(o.Open)),
		slog.Float64("store_ms", ms(o.Store)), slog.Float64("total_ms", ms(o.Total)),
	)
	if len(o.Refused) > 0 {
		attrs = append(attrs, slog.Any("refused", o.Refused))
	}
	if err != nil {
		attrs = append(attrs, slog.String("cause", string(o.Cause)), slog.Any("error", err))
	}
	if h.Log.Enabled(ctx, slog.LevelDebug) {
		attrs = append(attrs, slog.String("remote_ip", c.RealIP()))
	}
	h.Log.LogAttrs(ctx, level, "callback", attrs...)
}

// ms with three places, enough to see microseconds.
func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
