package sweep

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

func TestStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, tt := run(t, 700, new(strings.Builder))
		expect := func(waiting int, read bool, trouble string) {
			t.Helper()
			if is := s.Status(); is.Waiting != waiting || is.ReadAt.IsZero() == read || is.Trouble != trouble {
				t.Errorf("status %+v", is)
			}
		}
		expect(0, false, "")
		tt.set(&graph.Error{Status: 503, Code: "serviceUnavailable", Message: "about agent1@contoso.com"}, nil)
		s.AskAll(graph.OriginSweep)
		expect(700, false, "")
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		expect(700, false, "graph answered 503 serviceUnavailable")
		tt.set(nil, nil)
		s.Retry()
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		expect(0, true, "")
	})
}

func TestTroubleNamesNobody(t *testing.T) {
	for want, err := range map[string]error{
		"sign-in of the app: the secret is wrong (AADSTS7000215)": &graph.SignInError{Who: "app x", AADSTS: 7000215, Meaning: "the secret is wrong"},
		"sign-in of the app: no answer":                           &graph.SignInError{Meaning: "no answer"},
		"no answer in time":                                       context.DeadlineExceeded,
		"connection refused":                                      &url.Error{Op: "Post", URL: "https://graph.example/agent1@contoso.com", Err: errors.New("connection refused")},
		"disk full":                                               errors.New("disk full"),
	} {
		if got := describe(errors.Join(err)); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}
