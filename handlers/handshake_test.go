package handlers

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestHandshake(t *testing.T) {
	busy := func(h *callback) {
		h.Ready = func() bool { return false }
		for range cap(h.slots) {
			h.slots <- struct{}{}
		}
	}
	s := newSide(t, busy)
	for query, want := range map[string]string{
		"validationToken=abc": "abc",
		"validationToken=Validation%3a+Testing+client+application+reachability+for+subscription+Request-Id%3a+6a1f"://
		"Validation: Testing client application reachability for subscription Request-Id: 6a1f",
		"x=1&validationToken=a%2Bb%20c":                "a+b c",
		"validationToken=%22quotes%22+%26+%27these%27": `"quotes" & 'these'`,
		"validationToken=gr%C3%BCn":                    "grün",
		"validationToken=%7B%7B.%7D%7D%24%7Bx%7D":      "{{.}}${x}",
		"validationToken=" + strings.Repeat("a", 2048): strings.Repeat("a", 2048),
	} {
		for _, path := range []string{NotificationsPath, LifecyclePath} {
			for _, body := range []io.Reader{nil, strings.NewReader("ignored")} {
				res := s.send(t, "POST", path+"?"+query, body, "Content-Type", "text/plain; charset=utf-8")
				got, err := io.ReadAll(res.Body)
				if err != nil || res.StatusCode != http.StatusOK || string(got) != want {
					t.Errorf("%.60s: status %d, body %.60q", query, res.StatusCode, got)
				}
				if ct := res.Header.Get("Content-Type"); ct != "text/plain; charset=utf-8" {
					t.Errorf("Content-Type %q", ct)
				}
				if h := res.Header.Get("X-Content-Type-Options"); h != "nosniff" {
					t.Errorf("X-Content-Type-Options %q", h)
				}
				if o := <-s.outcomes; !o.Handshake || o.Status != 200 || o.Cause != "" {
					t.Errorf("outcome %+v", o)
				}
			}
		}
	}
}

func TestHandshakeRefuses(t *testing.T) {
	s := newSide(t)
	for name, token := range map[string]string{
		"empty":           "",
		"script":          "<script>alert(1)</script>",
		"less":            "a<b",
		"greater":         "a>b",
		"new line":        "a\nb",
		"carriage return": "a\r\nX-Injected: 1",
		"null":            "a\x00b",
		"delete":          "a\x7fb",
		"C1":              "a\u0085b",
		"invalid UTF-8":   "a\xffb",
		"too long":        strings.Repeat("a", 2049),
		"too long wide":   strings.Repeat("ü", 2049),
	} {
		for _, path := range []string{NotificationsPath, LifecyclePath} {
			res := s.send(t, "POST", path+"?validationToken="+url.QueryEscape(token), nil)
			silent(t, res, http.StatusBadRequest)
			if o := <-s.outcomes; o.Cause != CauseHandshake {
				t.Errorf("%s: outcome %+v", name, o)
			}
		}
	}
}

// FuzzHandshake holds that a token comes back exactly or not at all, and that
// nothing comes back that a browser could take for anything but text.
func FuzzHandshake(f *testing.F) {
	e := NewCallback(CallbackOptions{Log: slog.New(slog.DiscardHandler)})
	for _, query := range []string{"validationToken=a+b%3a", "validationToken=%3Cscript%3E", "x=1&validationToken=%FF", "validationToken=a&validationToken=b", "validationToken"} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest(http.MethodPost, NotificationsPath, nil)
		r.URL.RawQuery = query
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		token := r.URL.Query().Get("validationToken")
		switch w.Code {
		case http.StatusOK:
			if w.Body.String() != token || token == "" || strings.ContainsAny(token, "<>\x00\r\n") || w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%q is answered with %q, %v", query, w.Body, w.Header())
			}
		case http.StatusBadRequest, http.StatusUnsupportedMediaType:
			if w.Body.Len() != 0 {
				t.Errorf("%q is refused with %q", query, w.Body)
			}
		default:
			t.Errorf("%q: status %d", query, w.Code)
		}
	})
}
