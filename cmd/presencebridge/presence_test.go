package main

import (
	"strings"
	"testing"
	"time"
)

// On a terminal a change is coloured and fits; what a directory holds cannot
// write escape sequences of its own.
func TestWatchLine(t *testing.T) {
	at := time.Date(2026, 11, 23, 18, 0, 0, 300_000_000, time.Local)
	r := personRow{
		User: personInRow{DisplayName: "Agent \x1b[31m\u202eOne"}, Availability: "Busy", Activity: "InACall", Origin: "notification", ObservedAt: at,
		Previous: &previousInRow{"Available", "Available", at.Add(-12 * time.Minute)}, Freshness: "fresh",
	}
	w := &watch{colours: true, width: func() int { return 80 }}
	line := w.line(r)
	shown := line
	for _, code := range []string{dim, bold, plain, colour("Busy")} {
		shown = strings.ReplaceAll(shown, code, "")
	}
	if !strings.Contains(line, colour("Busy")+"● Busy / InACall") || strings.Contains(shown, "\x1b") || len([]rune(shown)) > 80 {
		t.Errorf("%q", line)
	}
	if !strings.HasSuffix(strings.TrimRight(shown, " "), "was Available for 12m") {
		t.Errorf("on 80 columns: %q", shown)
	}
	w = &watch{width: func() int { return 0 }}
	if line := w.line(r); line != "18:00:00.3  Agent \uFFFD[31m\uFFFDOne         ● Busy / InACall                  was Available for 12m, notification" {
		t.Errorf("%q", line)
	}
	r.Freshness = "stale"
	if line := w.line(r); !strings.HasSuffix(line, "could not be confirmed lately") {
		t.Errorf("%q", line)
	}
}

func TestStateWords(t *testing.T) {
	for want, state := range map[string][2]string{
		"not known yet": {}, "Available": {"Available", "available"}, "Busy / InACall": {"Busy", "InACall"}, "Away": {"Away", ""},
	} {
		if got := stateWords(state[0], state[1]); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
