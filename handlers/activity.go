package handlers

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// Activity is what lately happened, for a look at it without a monitoring
// system. It is forgotten with the process.
type Activity struct {
	Version string `json:"version"`
	// NotReady and Behind are those of /readyz.
	NotReady map[string]string `json:"notReady,omitempty"`
	Behind   map[string]string `json:"behind,omitempty"`

	StartedAt time.Time `json:"startedAt"`
	Seconds   int       `json:"seconds"` // that a point stands for
	// Points are in order; the last one is still counting.
	Points  []ActivityPoint `json:"points"`
	Refused []Refused       `json:"refused"` // most recent first
}

// ActivityPoint counts changes that were published, without the first readings
// after a start, and how long they took from the bridge's receipt to the
// acknowledgement of NATS.
type ActivityPoint struct {
	At      time.Time `json:"at"` // its beginning
	Changes int       `json:"changes"`
	P50     float64   `json:"p50,omitzero"` // milliseconds; left out when there were none
	P99     float64   `json:"p99,omitzero"`
}

// Refused counts what was not believed or not taken. What is "item" for an item
// of a notification, "request" for a whole request; the reasons are those of
// the metrics.
type Refused struct {
	What   string    `json:"what"`
	Reason string    `json:"reason"`
	Recent int       `json:"recent"` // within the time of the points
	Total  int       `json:"total"`  // since the start
	LastAt time.Time `json:"lastAt"`
}

// AddActivity adds the route of /api/v1/activity to the operators' side.
func AddActivity(e *echo.Echo, activity func() Activity) {
	e.GET("/api/v1/activity", func(c echo.Context) error { return writeJSON(c, http.StatusOK, activity()) })
}
