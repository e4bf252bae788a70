package handlers

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strings"

	"github.com/labstack/echo/v4"
)

// The page is plain files: whoever changes it needs an editor and a restart.
//
//go:embed page
var pageFiles embed.FS

// pagePolicy lets the page load what comes from here and nothing else: no inline
// script or style, no frame around it, no form that goes anywhere.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

var pageTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

// AddPage adds the status page at / to the operators' side. Its files hold
// nothing secret, so they are given without the token: the page asks for it and
// then calls the API as anybody does.
func AddPage(e *echo.Echo) {
	e.GET(pageRoot, func(c echo.Context) error { return pageFile(c, "index.html") })
	e.GET(pagePath, func(c echo.Context) error { return pageFile(c, c.Param("file")) })
}

const (
	pageRoot = "/"
	pagePath = "/page/:file"
)

func pageFile(c echo.Context, name string) error {
	kind := pageTypes[path.Ext(name)]
	content, err := pageFiles.ReadFile("page/" + name)
	if err != nil || kind == "" || strings.Contains(name, "/") {
		return echo.ErrNotFound
	}
	sum := sha256.Sum256(content)
	tag := `"` + hex.EncodeToString(sum[:12]) + `"`
	h := c.Response().Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Cache-Control", "no-cache") // kept, but asked about: the files of two versions do not mix
	h.Set("ETag", tag)
	if c.Request().Header.Get("If-None-Match") == tag {
		return c.NoContent(http.StatusNotModified)
	}
	return c.Blob(http.StatusOK, kind, content)
}
