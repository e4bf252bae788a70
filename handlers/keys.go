package handlers

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// Key is a certificate that Graph encrypts notifications with. Absent facts are
// left out.
type Key struct {
	ID         string    `json:"id"`
	Thumbprint string    `json:"thumbprint"` // SHA-1 of the certificate, as Graph sends it
	Current    bool      `json:"current"`    // new and renewed subscriptions take it
	CreatedAt  time.Time `json:"createdAt"`
	RetiredAt  time.Time `json:"retiredAt,omitzero"`
	// SeenAt is when a subscription or a notification last referred to it, since
	// the service began.
	SeenAt time.Time `json:"seenAt,omitzero"`
	// ForgottenAt is when a retired one is forgotten unless it is seen again.
	ForgottenAt time.Time `json:"forgottenAt,omitzero"`
}

// Keys are those of the service.
type Keys interface {
	// List gives the current one first.
	List() []Key
	// Rotate makes a new current one and has the subscriptions take it soon. It
	// may say instead why that must not be done now.
	Rotate(context.Context) (whyNot string, err error)
}

const noteRotated = "subscriptions are renewed with the new key now; the old one is forgotten six hours after it was last needed"

// AddKeys adds the routes of /api/v1/keys to the operators' side.
func AddKeys(e *echo.Echo, k Keys) {
	e.GET("/api/v1/keys", func(c echo.Context) error {
		return writeJSON(c, http.StatusOK, map[string]any{"keys": append([]Key{}, k.List()...)})
	})
	e.POST("/api/v1/keys/rotate", func(c echo.Context) error {
		switch whyNot, err := k.Rotate(c.Request().Context()); {
		case err != nil:
			return err
		case whyNot != "":
			return echo.NewHTTPError(http.StatusConflict, whyNot)
		}
		return writeJSON(c, http.StatusOK, map[string]any{"note": noteRotated, "keys": k.List()})
	})
}
