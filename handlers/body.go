package handlers

import (
	"bytes"
	"errors"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

const (
	maxBody   = 4 << 20   // bytes
	keepBelow = 256 << 10 // larger buffers are not kept for the next body
)

// acceptable checks what the headers tell of a body.
func acceptable(r *http.Request) error {
	if !isJSON(r.Header.Get(echo.HeaderContentType)) {
		return refuse(http.StatusUnsupportedMediaType, CauseMediaType, nil)
	}
	for _, encoding := range r.Header.Values(echo.HeaderContentEncoding) {
		if !strings.EqualFold(encoding, "identity") {
			return refuse(http.StatusUnsupportedMediaType, CauseMediaType, nil)
		}
	}
	if r.ContentLength > maxBody {
		return refuse(http.StatusRequestEntityTooLarge, CauseTooLarge, nil)
	}
	return nil
}

// isJSON allows any charset parameter: JSON is UTF-8 whatever it says.
func isJSON(contentType string) bool {
	if contentType == "application/json; charset=utf-8" { // what Graph sends
		return true
	}
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && media == echo.MIMEApplicationJSON
}

// readBody reads until a time, and never more than one byte beyond maxBody.
func readBody(c echo.Context, into *bytes.Buffer, until time.Time) error {
	r := c.Request()
	control := http.NewResponseController(c.Response().Writer)
	_ = control.SetReadDeadline(until) // where that is impossible, the server's own timeout stands
	// Grown by what arrives, not by what a stranger announces.
	into.Grow(int(min(max(r.ContentLength, 0), 64<<10)) + bytes.MinRead)
	_, err := into.ReadFrom(http.MaxBytesReader(c.Response().Writer, r.Body, maxBody))
	if err == nil {
		// The server goes on reading, to notice that the client left.
		_ = control.SetReadDeadline(time.Time{})
		return nil
	}
	// The rest of the body is of no use, and neither is the connection.
	c.Response().Header().Set(echo.HeaderConnection, "close")
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return refuse(http.StatusRequestEntityTooLarge, CauseTooLarge, nil)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return refuse(http.StatusServiceUnavailable, CauseSlowBody, nil)
	}
	return refuse(http.StatusBadRequest, CauseCutBody, nil)
}

func (h *callback) release(body *bytes.Buffer) {
	if body.Cap() <= keepBelow {
		body.Reset()
		h.buffers.Put(body)
	}
}
