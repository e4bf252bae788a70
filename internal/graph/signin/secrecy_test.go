package signin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"jtel.de/presencebridge/internal/graph"
)

// TestNothingSecretInErrorsAndLogs looks into every text that an error can
// become, along its whole chain, for every way in which a sign-in can fail.
func TestNothingSecretInErrorsAndLogs(t *testing.T) {
	const leaked = "token-of-a-broken-answer"
	failures := map[string]func(*authority){
		"wrong password": func(a *authority) { a.refuse(50126, "invalid_grant") },
		"wrong secret":   func(a *authority) { a.refuse(7000215, "invalid_client") },
		"outage":         func(a *authority) { a.answerWith(func(url.Values) (int, string) { return 503, "" }) },
		"echoing page": func(a *authority) {
			a.answerWith(func(f url.Values) (int, string) { return 500, "you sent " + f.Encode() })
		},
		"echoing refusal": func(a *authority) {
			a.answerWith(func(f url.Values) (int, string) {
				return 400, `{"error":"invalid_grant","error_description":"AADSTS1234: ` + f.Encode() + `"}`
			})
		},
		"broken answer": func(a *authority) {
			a.answerWith(func(url.Values) (int, string) { return 200, `{"access_token":"` + leaked })
		},
		"answer without a token": func(a *authority) {
			a.answerWith(func(url.Values) (int, string) { return 200, `{"refresh_token":"` + leaked + `"}` })
		},
		"gone":   func(a *authority) { a.CloseClientConnections(); a.Close() },
		"closed": func(a *authority) { a.Config.Handler = http.HandlerFunc(hangUp) },
	}
	for name, fail := range failures {
		for _, kind := range []string{"user", "app", "device"} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				var log bytes.Buffer
				a := newAuthority(t)
				o := a.options()
				o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
				c := newApp(t, o)
				switch kind {
				case "user":
					c = newUser(t, o)
				case "device":
					c = newDevice(t, o, &drawer{token: leaked})
				}
				fail(a)
				_, err := c.GetToken(t.Context(), question)
				if _, ok := errors.AsType[*graph.SignInError](err); !ok {
					t.Fatalf("error %v is not a SignInError", err)
				}
				slog.New(slog.NewJSONHandler(&log, nil)).Error("for the test", "error", err)
				text := log.String() + fmt.Sprintf("%v %+v %#v", err, err, err)
				for e := errors.Unwrap(err); e != nil; e = errors.Unwrap(e) {
					text += fmt.Sprintf("\n%v %+v %#v", e, e, e)
					if strings.Contains(e.Error(), username) {
						t.Errorf("the user's name is in %q", e)
					}
				}
				for _, hidden := range []string{secret, password, url.QueryEscape(secret), url.QueryEscape(password), leaked} {
					if strings.Contains(text, hidden) {
						t.Errorf("%q is in %s", hidden, text)
					}
				}
			})
		}
	}
}

func hangUp(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }

func TestSuccessLogsNothingPersonal(t *testing.T) {
	var log bytes.Buffer
	a := newAuthority(t)
	o := a.options()
	o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	mustToken(t, newUser(t, o), "token-1")
	for _, hidden := range []string{secret, password, username, "token-1", "refresh-1"} {
		if strings.Contains(log.String(), hidden) {
			t.Errorf("%q is in the log: %s", hidden, log.String())
		}
	}
}

func TestCauseKeepsItsIdentity(t *testing.T) {
	a := newAuthority(t)
	a.answerWith(func(url.Values) (int, string) { return 0, "" })
	for _, c := range []*Credential{newUser(t, a.options()), newApp(t, a.options())} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.GetToken(ctx, question); !graph.Stopped(ctx, err) {
			t.Errorf("error %v (%v) does not say that we stop", err, errors.Unwrap(err))
		}
	}
}
