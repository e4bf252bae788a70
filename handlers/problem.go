package handlers

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/labstack/echo/v4"
)

// problem is the body of an error on the operators' side (RFC 9457).
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
}

// writeProblem is the one place that answers with an error on the operators'
// side. An error that no handler gave a status is a 500; its text goes to the
// log only.
func writeProblem(err error, c echo.Context, log *slog.Logger) {
	if c.Response().Committed {
		return
	}
	p := problem{Type: "about:blank", Status: http.StatusInternalServerError}
	if r, ok := errors.AsType[*refusal](err); ok {
		p.Status = r.status
	} else if e, ok := errors.AsType[*echo.HTTPError](err); ok {
		p.Status = e.Code
		p.Detail, _ = e.Message.(string)
	}
	if p.Status >= http.StatusInternalServerError {
		log.ErrorContext(c.Request().Context(), "request failed", "route", c.Path(), "status", p.Status, "error", err)
	}
	p.Title = http.StatusText(p.Status)
	if p.Detail == p.Title {
		p.Detail = ""
	}
	body, err := json.Marshal(p)
	if err != nil {
		panic(err) // three strings and a number
	}
	_ = c.Blob(p.Status, "application/problem+json", body) // it only fails when the client has left
}
