package app_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/graphsim"
)

// A token that leaked is replaced without a restart, and whoever follows the
// events with it is cut off.
func TestTheOperatorsTokenIsReplaced(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := newBridge(t, graphsim.Options{}, func(c *config.Config) { c.Listen.AdminToken = config.SecretFile(file) })
	b.start(false)
	ask := func(path, token string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+b.addresses.Admin+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = res.Body.Close() })
		return res
	}
	answers := func(token string, status int) bool { return ask("/api/v1/coverage", token).StatusCode == status }
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		b.reload <- nil
	}

	var events *http.Response
	b.eventually("a stream of events", func() bool {
		events = ask("/api/v1/events", "hunter2")
		return events.StatusCode == http.StatusOK
	})
	write("hunter3\n")
	b.eventually("the new token", func() bool { return answers("hunter3", http.StatusOK) })
	if !answers("hunter2", http.StatusUnauthorized) {
		t.Error("the old token is still accepted")
	}
	if _, err := io.Copy(io.Discard, events.Body); err != nil { // until it ends
		t.Error(err)
	}

	write(" \n")
	b.eventually("words about the empty file", func() bool {
		return strings.Contains(b.log.all(), "the operators' token stays as it was")
	})
	if !answers("hunter3", http.StatusOK) {
		t.Error("an empty file locks the operators out")
	}
	if strings.Contains(b.log.all(), "hunter3") || strings.Contains(b.log.all(), "hunter2") {
		t.Error("the log tells a token")
	}
}
