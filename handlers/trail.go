package handlers

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"
)

// TrailQuery asks why somebody was what they were.
type TrailQuery struct {
	Person string // directory id, e-mail address, user principal name or phone number
	Tenant string // id or name; empty: any
	At     time.Time
}

// Trails answers with the trail of the person who is meant, as it is to be
// written in JSON, and how many people are meant: without exactly one there is
// no trail.
type Trails func(ctx context.Context, q TrailQuery) (trail any, people int)

// plainParam is a part of the path as it was meant. The router leaves it escaped
// if the path holds an escape that it need not have, like %2B.
func plainParam(c echo.Context, name string) string {
	text := c.Param(name)
	if c.Request().URL.RawPath != "" {
		if plain, err := url.PathUnescape(text); err == nil {
			return plain
		}
	}
	return text
}

// AddTrail adds the route of /api/v1/trail to the operators' side.
func AddTrail(e *echo.Echo, trails Trails) {
	e.GET("/api/v1/trail/:userId", func(c echo.Context) error {
		q := TrailQuery{Person: plainParam(c, "userId"), Tenant: c.QueryParam("tenant"), At: time.Now().UTC()}
		if text := c.QueryParam("at"); text != "" {
			var err error
			if q.At, err = time.Parse(time.RFC3339, text); err != nil {
				return echo.NewHTTPError(http.StatusBadRequest, "at must be a time like 2026-11-23T10:42:00Z")
			}
		}
		trail, people := trails(c.Request().Context(), q)
		switch {
		case people == 0:
			return echo.NewHTTPError(http.StatusNotFound, "nobody who is watched has this id, address or number; whoever left is forgotten")
		case people > 1:
			return echo.NewHTTPError(http.StatusConflict, "several people have this address or number; name one by id or user name, or the tenant")
		}
		return writeJSON(c, http.StatusOK, trail)
	})
}
