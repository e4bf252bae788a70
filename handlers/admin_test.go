package handlers

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
)

func TestAdmin(t *testing.T) {
	var log bytes.Buffer
	missing := map[string]string{"nats": "disconnected"}
	e := NewAdmin(AdminOptions{
		Token: NewToken("a long token\t"), NotReady: func() map[string]string { return missing },
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1") }),
		Log:     slog.New(slog.NewTextHandler(&log, nil)),
	})
	e.GET("/fails", func(echo.Context) error { return errors.New("internal fact") })
	e.GET("/panics", func(echo.Context) error { panic("internal fact") })
	e.GET("/refuses", func(echo.Context) error { return echo.NewHTTPError(http.StatusConflict, "renewed a moment ago") })
	server := httptest.NewServer(e)
	defer server.Close()

	const good = "Bearer a long token"
	for _, c := range []struct {
		method, path, auth string
		status             int
		want               string
	}{
		{"GET", "/healthz", "", 200, `{"status":"ok"}`},
		{"GET", "/readyz", "", 503, `{"notReady":{"nats":"disconnected"},"status":"not ready"}`},
		{"GET", "/metrics", good, 200, "up 1"},
		{"GET", "/metrics", "bearer a long token", 200, "up 1"},
		{"GET", "/metrics", "", 401, `{"type":"about:blank","title":"Unauthorized","status":401}`},
		{"GET", "/metrics", "Bearer", 401, ""},
		{"GET", "/metrics", "Bearer a long", 401, ""},
		{"GET", "/metrics", "Bearer a long token ", 200, "up 1"}, // net/http trims the field
		{"GET", "/metrics", "Basic a long token", 401, ""},
		{"GET", "/nowhere", "", 401, ""},
		{"GET", "/nowhere", good, 404, `{"type":"about:blank","title":"Not Found","status":404}`},
		{"GET", "/healthz/", "", 401, ""},
		{"DELETE", "/metrics", good, 405, `{"type":"about:blank","title":"Method Not Allowed","status":405}`},
		{"GET", "/fails", good, 500, `{"type":"about:blank","title":"Internal Server Error","status":500}`},
		{"GET", "/panics", good, 500, `{"type":"about:blank","title":"Internal Server Error","status":500}`},
		{"GET", "/refuses", good, 409, `{"type":"about:blank","title":"Conflict","status":409,"detail":"renewed a moment ago"}`},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, server.URL+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", c.auth)
		res, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != c.status || (c.want != "" && strings.TrimSpace(string(text)) != c.want) {
			t.Errorf("%s %s %q: %d %s, %v", c.method, c.path, c.auth, res.StatusCode, text, err)
		}
		if c.status >= 400 && c.path != "/readyz" {
			var p problem
			if err := json.Unmarshal(text, &p); err != nil || p.Status != c.status || res.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s: problem %+v as %s, %v", c.path, p, res.Header.Get("Content-Type"), err)
			}
		}
		if c.status == 405 && res.Header.Get("Allow") == "" {
			t.Error("405 without Allow")
		}
		if c.status == 401 && res.Header.Get("WWW-Authenticate") != "Bearer" {
			t.Error("401 without WWW-Authenticate")
		}
	}
	if n := strings.Count(log.String(), "internal fact"); n != 1 {
		t.Errorf("the error stands in the log %d times, the panic's text must not:\n%s", n, log.String())
	}
}

func TestAdminWithoutToken(t *testing.T) {
	server := httptest.NewServer(NewAdmin(AdminOptions{}))
	defer server.Close()
	for path, status := range map[string]int{"/healthz": 200, "/readyz": 200, "/metrics": 404} {
		res, err := server.Client().Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != status {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}
}
