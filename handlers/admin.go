package handlers

import (
	"io"
	"log/slog"
	"net/http"

	"github.com/labstack/echo/v4"
)

// AdminOptions of [NewAdmin].
type AdminOptions struct {
	// Token is what operators present as a bearer token. Nil: none is asked
	// for, which suits a loopback address only.
	Token *Token
	// NotReady names each part that is not ready, and why; empty: all are.
	NotReady func() map[string]string
	// Behind names what is not as it should be although all parts are ready.
	Behind  func() map[string]string
	Metrics http.Handler // of GET /metrics; nil: no such route
	Log     *slog.Logger // nil: slog.Default
}

// NewAdmin makes the operators' side: health, readiness and metrics. Routes
// that are added to it stand behind the token and get its errors as well.
func NewAdmin(o AdminOptions) *echo.Echo {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	e := echo.New()
	e.Logger.SetOutput(io.Discard) // ours is o.Log
	e.IPExtractor = echo.ExtractIPDirect()
	e.HTTPErrorHandler = func(err error, c echo.Context) { writeProblem(err, c, o.Log) }
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			h := c.Response().Header()
			h.Set("Cache-Control", "no-store") // of now, and about people
			h.Set("X-Content-Type-Options", "nosniff")
			return guard(c, o.Log, func() error { return next(c) })
		}
	})
	if o.Token != nil {
		e.Use(bearer(o.Token))
	}
	e.Use(perimeter(o.Token == nil))
	e.GET("/healthz", func(c echo.Context) error {
		return writeJSON(c, http.StatusOK, map[string]string{"status": "ok"})
	})
	e.GET("/readyz", func(c echo.Context) error { return readiness(c, o) })
	if o.Metrics != nil {
		e.GET("/metrics", echo.WrapHandler(o.Metrics))
	}
	return e
}

func readiness(c echo.Context, o AdminOptions) error {
	status, answer := http.StatusOK, map[string]any{"status": "ready"}
	ask := func(name string, what func() map[string]string) bool {
		if what == nil {
			return false
		}
		found := what()
		if len(found) > 0 {
			answer[name] = found
		}
		return len(found) > 0
	}
	ask("behind", o.Behind)
	if ask("notReady", o.NotReady) {
		status, answer["status"] = http.StatusServiceUnavailable, "not ready"
	}
	return writeJSON(c, status, answer)
}
