package app

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestJudgeClock(t *testing.T) {
	now := time.Date(2026, 11, 23, 18, 0, 0, 500e6, time.UTC)
	says := func(at time.Time) *http.Response {
		return &http.Response{Header: http.Header{"Date": {at.UTC().Format(http.TimeFormat)}}}
	}
	expired := fmt.Errorf("get: %w", x509.CertificateInvalidError{Reason: x509.Expired})
	for _, c := range []struct {
		name  string
		res   *http.Response
		err   error
		took  time.Duration
		want  string
		known bool
	}{
		{"right", says(now), nil, time.Second, "", true},
		{"a slow answer", says(now.Add(30 * time.Second)), nil, 30 * time.Second, "", true},
		{"tolerated", says(now.Add(-tolerated)), nil, time.Second, "", true},
		{"ahead", says(now.Add(-3 * time.Hour)), nil, time.Second, "3h0m1s ahead of Microsoft's; set it", true},
		{"behind", says(now.Add(3 * time.Hour)), nil, 0, "3h0m0s behind Microsoft's; set it", true},
		{"far off", nil, expired, 0, "it shows 2026-11-23T18:00:00Z, when a certificate of Microsoft's is not valid", true},
		{"another error", nil, errors.New("away"), 0, "", false},
		{"an unknown authority", nil, x509.UnknownAuthorityError{}, 0, "", false},
		{"no time", &http.Response{}, nil, 0, "", false},
	} {
		got, known := judgeClock(c.res, c.err, now, now.Add(c.took))
		if known != c.known || !strings.Contains(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%s: %q, %t", c.name, got, known)
		}
	}
}

func TestAWrongClockIsSaidOnce(t *testing.T) {
	ahead := 3 * time.Hour
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
	}))
	defer server.Close()
	var log bytes.Buffer
	s := &service{clock: &clock{log: slog.New(slog.NewTextHandler(&log, nil))}}
	client := s.clock.client(nil)
	for range 3 {
		res, err := client.Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	if n := strings.Count(log.String(), "behind Microsoft's"); n != 1 || !strings.Contains(s.behind()["clock"], "timedatectl set-ntp true") {
		t.Errorf("said %d times, %v", n, s.behind())
	}
	ahead = 0
	res, err := client.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if len(s.behind()) != 0 {
		t.Errorf("still %v", s.behind())
	}
	client.CloseIdleConnections()
}
