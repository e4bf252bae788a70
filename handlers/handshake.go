package handlers

import (
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"
)

const maxValidationToken = 2048 // characters

// validationToken gives the decoded token of a handshake: + is a space. A
// request that has the parameter is a handshake, whatever its body.
func validationToken(r *http.Request) (token string, ok bool) {
	if r.URL.RawQuery == "" {
		return "", false
	}
	values, ok := r.URL.Query()["validationToken"]
	if !ok {
		return "", false
	}
	return values[0], true
}

// answerHandshake gives the token back as plain text. The token is the only
// thing that a stranger can make us say, hence what it must not hold.
// Source: Graph, "receive change notifications through webhooks".
func answerHandshake(c echo.Context, token string) error {
	if token == "" || !utf8.ValidString(token) || utf8.RuneCountInString(token) > maxValidationToken ||
		strings.ContainsAny(token, "<>") || strings.ContainsFunc(token, unicode.IsControl) {
		return refuse(http.StatusBadRequest, CauseHandshake, nil)
	}
	c.Response().Header().Set(echo.HeaderXContentTypeOptions, "nosniff")
	return c.Blob(http.StatusOK, "text/plain; charset=utf-8", []byte(token))
}
