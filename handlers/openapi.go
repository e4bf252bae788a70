package handlers

import (
	_ "embed" // of the document
	"net/http"

	"github.com/labstack/echo/v4"
)

//go:embed openapi.json
var openAPI []byte

// AddOpenAPI adds the route of the document that describes the operators' side.
// Tests hold it against the routes and against what they answer.
func AddOpenAPI(e *echo.Echo) {
	e.GET("/api/v1/openapi.json", func(c echo.Context) error {
		return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, openAPI)
	})
}
