package handlers

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// Expiry is something that the service needs and that ends.
type Expiry struct {
	// Kind is one of client_secret, client_certificate, password, refresh_token,
	// tls_certificate, encryption_key.
	Kind     string `json:"kind"`
	Tenant   string `json:"tenant,omitempty"` // empty for what belongs to the whole service
	TenantID string `json:"tenantId,omitempty"`
	Account  string `json:"account,omitempty"` // key of the service user; empty for what belongs to the app
	Username string `json:"username,omitempty"`

	State string    `json:"state"` // known, never (it does not end) or unknown
	Ends  time.Time `json:"ends,omitzero"`
	// Due: somebody has to do something about it by now.
	Due bool `json:"due"`
	// ByItself is what the service replaces by itself.
	ByItself bool   `json:"byItself"`
	Note     string `json:"note,omitempty"`   // how the end is known, or why it is not
	Advice   string `json:"advice,omitempty"` // what to do before the end, or to make it known
}

// Expiries gives what ends, what ends first in front.
type Expiries func() []Expiry

// AddExpiries adds the route of /api/v1/expiries to the operators' side.
func AddExpiries(e *echo.Echo, expiries Expiries) {
	e.GET("/api/v1/expiries", func(c echo.Context) error {
		return writeJSON(c, http.StatusOK, struct {
			Expiries []Expiry `json:"expiries"`
		}{expiries()})
	})
}
