package handlers

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"

	"github.com/labstack/echo/v4"
)

// Cause says why a callback was not answered with 200 or 202. The values are
// stable: they are labels of metrics and stand in logs.
type Cause string

// The causes.
const (
	CauseHandshake Cause = "handshake"  // 400: a token that we do not repeat
	CauseMediaType Cause = "media_type" // 415
	CauseTooLarge  Cause = "too_large"  // 413
	CauseMalformed Cause = "malformed"  // 400: not a notification collection
	CauseCutBody   Cause = "cut_body"   // 400: it ended early
	CauseSlowBody  Cause = "slow_body"  // 503: it did not arrive in time
	CauseCrowded   Cause = "crowded"    // 503: too many bodies, or too much of them, arrive at the same time
	CauseBusAway   Cause = "bus_away"   // 503
	CauseFull      Cause = "full"       // 503: too many are being opened and stored
	CauseNotOpened Cause = "not_opened" // 503
	CauseNotStored Cause = "not_stored" // 503: also when storing took too long
	CauseUndecided Cause = "undecided"  // 503: some item cannot be judged yet
	CausePanic     Cause = "panic"      // 500
)

// refusal is an answer other than 200 and 202. Only the status leaves the house.
type refusal struct {
	status int
	cause  Cause
	err    error
}

func refuse(status int, cause Cause, err error) error { return &refusal{status, cause, err} }

func (r *refusal) Error() string {
	if r.err != nil {
		return fmt.Sprintf("%s: %v", r.cause, r.err)
	}
	return string(r.cause)
}

func (r *refusal) Unwrap() error { return r.err }

// writeStatus is the one place that answers with an error on the callback side:
// a status without a body.
func writeStatus(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	status := http.StatusInternalServerError
	if r, ok := errors.AsType[*refusal](err); ok {
		status = r.status
	} else if e, ok := errors.AsType[*echo.HTTPError](err); ok {
		status = e.Code
	}
	switch status {
	case http.StatusMethodNotAllowed:
		c.Response().Header().Set(echo.HeaderAllow, http.MethodPost)
	case http.StatusServiceUnavailable:
		c.Response().Header().Set(echo.HeaderRetryAfter, retryAfter)
	}
	_ = c.NoContent(status) // it only fails when the client has left
}

// guard calls f and turns a panic into an error. The log gets the text of
// runtime errors; other panics may carry anything, so only their type.
func guard(c echo.Context, log *slog.Logger, f func() error) (err error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if p == http.ErrAbortHandler { //nolint:errorlint // compared as net/http does
			panic(p)
		}
		text := fmt.Sprintf("%T", p)
		if e, ok := p.(runtime.Error); ok {
			text = e.Error()
		}
		log.ErrorContext(c.Request().Context(), "handler panicked", "route", c.Path(), "panic", text, "stack", string(debug.Stack()))
		err = refuse(http.StatusInternalServerError, CausePanic, nil)
	}()
	return f()
}
