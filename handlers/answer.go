package handlers

import (
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"
)

// writeJSON answers with a value. Text that is not UTF-8, which a directory may
// hold, is mended instead of failing the answer.
func writeJSON(c echo.Context, status int, v any) error {
	body, err := json.Marshal(v, jsontext.AllowInvalidUTF8(true), json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("encode an answer of %T: %w", v, err)
	}
	return c.Blob(status, echo.MIMEApplicationJSON, body)
}
