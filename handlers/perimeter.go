package handlers

import (
	"net"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

// perimeter keeps out what other web pages make a browser on this machine send.
// On a loopback address there may be no token, so the browser's address is all
// that such a page needs.
//
//   - Without a token, the host must be a loopback one: a name of the page's own
//     that it lets resolve to 127.0.0.1 (DNS rebinding) would make the answers
//     readable for it. With a token there is nothing to read without it.
//   - Whatever changes something must not come from another origin, and the API
//     and the stream of events are not called from one.
func perimeter(loopbackOnly bool) echo.MiddlewareFunc {
	crossOrigin := http.NewCrossOriginProtection()
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			if loopbackOnly && !loopback(r.Host) {
				return echo.NewHTTPError(http.StatusForbidden,
					"without a token only localhost, 127.0.0.1 and [::1] are answered to; to use another name, set listen.admin_token_file")
			}
			foreign := strings.HasPrefix(c.Path(), "/api/") && r.Header.Get("Sec-Fetch-Site") == "cross-site"
			if foreign || crossOrigin.Check(r) != nil {
				return echo.NewHTTPError(http.StatusForbidden, "a page of another origin may not ask for this")
			}
			return next(c)
		}
	}
}

// loopback reports whether a Host header names this machine by its loopback.
func loopback(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	if strings.EqualFold(name, "localhost") {
		return true
	}
	ip := net.ParseIP(name)
	return ip != nil && ip.IsLoopback()
}
