package handlers

import (
	"errors"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

const maxBody = 4 << 20 // bytes

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

// endAfterChunks lets no request follow one whose length only its chunks tell: a
// proxy before us may have gone by another length, which net/http has dropped,
// and take for the next request what we do not. Source: RFC 9112, 6.1.
func endAfterChunks(c echo.Context) {
	if len(c.Request().TransferEncoding) > 0 {
		c.Response().Header().Set(echo.HeaderConnection, "close")
	}
}

// isJSON allows any charset parameter: JSON is UTF-8 whatever it says.
func isJSON(contentType string) bool {
	if contentType == "application/json; charset=utf-8" { // what Graph sends
		return true
	}
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && media == echo.MIMEApplicationJSON
}

// limitReading sets when the body must have arrived. That counts for bodies that
// nobody wants, too: the server reads what is left of them.
func limitReading(c echo.Context, until time.Time) {
	// Where that is impossible, the server's own timeout stands.
	_ = http.NewResponseController(c.Response().Writer).SetReadDeadline(until)
}

// readBody reads until the limit, and never more than one byte beyond maxBody.
func readBody(c echo.Context, into *buffer) error {
	select {
	case into.reading <- struct{}{}:
		defer func() { <-into.reading }()
	default:
		return dropBody(c, http.StatusServiceUnavailable, CauseCrowded)
	}
	err := into.readFrom(http.MaxBytesReader(c.Response().Writer, c.Request().Body, maxBody))
	if err == nil {
		// The server goes on reading, to notice that the client left.
		limitReading(c, time.Time{})
		return nil
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return dropBody(c, http.StatusRequestEntityTooLarge, CauseTooLarge)
	}
	if errors.Is(err, errNoRoom) {
		return dropBody(c, http.StatusServiceUnavailable, CauseCrowded)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return dropBody(c, http.StatusServiceUnavailable, CauseSlowBody)
	}
	return dropBody(c, http.StatusBadRequest, CauseCutBody)
}

// dropBody refuses at once: the rest of the body is of no use, and neither is
// the connection.
func dropBody(c echo.Context, status int, cause Cause) error {
	c.Response().Header().Set(echo.HeaderConnection, "close")
	return refuse(status, cause, nil)
}
