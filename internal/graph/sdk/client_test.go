package sdk

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"jtel.de/presencebridge/internal/graph"
)

func TestOptionsAreChecked(t *testing.T) {
	for want, o := range map[string]Options{
		"not an https address": {BaseURL: "http://graph.example/v1.0", Credential: token("t")},
		"needs a credential":   {BaseURL: "https://graph.example/v1.0"},
	} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestRequestsCarryTheTokenOverHTTP2(t *testing.T) {
	g := answer(t, 200, `{"value":[]}`)
	var asked policy.TokenRequestOptions
	c := g.client(t, func(o *Options) {
		o.Credential = credential(func(q policy.TokenRequestOptions) (string, error) { asked = q; return "secret-token", nil })
	})
	if _, err := c.Presences(t.Context(), []string{agent(1)}); err != nil {
		t.Fatal(err)
	}
	r := g.seen()[0]
	if r.Header.Get("Authorization") != "Bearer secret-token" || r.ProtoMajor != 2 || r.ContentLength != int64(len(r.body)) ||
		r.Header.Get("Content-Encoding") != "" || r.Header.Get("client-request-id") == "" {
		t.Errorf("%s, length %d, header %v", r.Proto, r.ContentLength, r.Header)
	}
	if len(asked.Scopes) != 1 || asked.Scopes[0] != "https://graph.microsoft.com/.default" || !asked.EnableCAE {
		t.Errorf("asked for %+v", asked)
	}
}

func TestScopeFollowsTheCloud(t *testing.T) {
	for host, want := range map[string]string{
		"graph.microsoft.com":             "https://graph.microsoft.com/.default",
		"dod-graph.microsoft.us":          "https://dod-graph.microsoft.us/.default",
		"microsoftgraph.chinacloudapi.cn": "https://microsoftgraph.chinacloudapi.cn/.default",
		"127.0.0.1":                       "https://graph.microsoft.com/.default",
	} {
		if got := Scope("https://" + host + "/v1.0"); got != want {
			t.Errorf("%s: %s, want %s", host, got, want)
		}
	}
}

func TestNoTokenForAnotherHost(t *testing.T) {
	stranger := answer(t, 200, `{"value":[]}`)
	g := newGraph(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"value":[{"id":"%s"}],"@odata.nextLink":"%s/v1.0/users?$skiptoken=x"}`, agent(1), stranger.URL)
	})
	var last error
	for _, err := range g.client(t).Users(t.Context()) {
		last = err
	}
	if last == nil || !strings.Contains(last.Error(), "no token is sent to") || len(stranger.seen()) != 0 {
		t.Fatalf("error %v, the stranger saw %d requests", last, len(stranger.seen()))
	}
}

func TestSignInErrorsPassThrough(t *testing.T) {
	g := answer(t, 200, `{"value":[]}`)
	refusal := &graph.SignInError{Who: "app x", AADSTS: 7000222, Permanent: true}
	c := g.client(t, func(o *Options) {
		o.Credential = credential(func(policy.TokenRequestOptions) (string, error) { return "", refusal })
	})
	calls := map[string]func() error{
		"list":   func() error { _, err := c.Subscriptions(t.Context()); return err },
		"delete": func() error { return c.DeleteSubscription(t.Context(), "s") },
		"read":   func() error { _, err := c.Presences(t.Context(), []string{agent(1)}); return err },
		"find":   func() error { _, err := c.User(t.Context(), "a@b.example"); return err },
	}
	for name, call := range calls {
		err := call()
		if s, ok := errors.AsType[*graph.SignInError](err); !ok || s != refusal || graph.Classify(err) != graph.Operator {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(g.seen()); n != 0 {
		t.Errorf("%d requests without a token", n)
	}
}

func TestClaimsChallengeIsAnsweredOnce(t *testing.T) {
	claims := `{"access_token":{"nbf":{"essential":true,"value":"1763920000"}}}`
	challenge := `Bearer realm="", error="insufficient_claims", claims="` + base64.StdEncoding.EncodeToString([]byte(claims)) + `"`
	g := newGraph(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer challenged" {
			w.Header().Set("WWW-Authenticate", challenge)
			w.WriteHeader(http.StatusUnauthorized)
			io.WriteString(w, `{"error":{"code":"InvalidAuthenticationToken","message":"Continuous access evaluation"}}`)
			return
		}
		io.WriteString(w, `{"value":[]}`)
	})
	c := g.client(t, func(o *Options) {
		o.Credential = credential(func(q policy.TokenRequestOptions) (string, error) {
			if q.Claims == claims {
				return "challenged", nil
			}
			return "plain", nil
		})
	})
	if _, err := c.Presences(t.Context(), []string{agent(1)}); err != nil {
		t.Fatal(err)
	}
	if r := g.seen(); len(r) != 2 || r[0].body != r[1].body {
		t.Fatalf("%d requests", len(r))
	}
}

func TestUnquotedClaimsDoNotPanic(t *testing.T) {
	g := newGraph(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", "Bearer claims=abc")
		w.WriteHeader(http.StatusUnauthorized)
	})
	if _, err := g.client(t).Subscriptions(t.Context()); graph.Classify(err) != graph.Unauthorized {
		t.Fatal(err)
	}
}

// TestNoSecretLeaves looks for the token and for personal data where they must not be.
func TestNoSecretLeaves(t *testing.T) {
	var log bytes.Buffer
	const mail = "agent.one@contoso.example"
	for name, g := range map[string]*fakeGraph{
		"refused": answer(t, 403, `{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges to complete the operation."}}`),
		"unknown": answer(t, 404, `{"error":{"code":"Request_ResourceNotFound","message":"Resource '`+mail+`' does not exist"}}`),
		"broken":  answer(t, 200, `{"id":"`+mail+`",`),
		"empty":   answer(t, 200, ``),
		"gone":    answer(t, 200, ``),
	} {
		if name == "gone" {
			g.Close()
		}
		c := g.client(t, func(o *Options) {
			o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		})
		_, err := c.User(t.Context(), mail)
		if err == nil {
			t.Fatalf("%s: no error", name)
		}
		for e := err; e != nil; e = errors.Unwrap(e) {
			if text := e.Error() + log.String(); strings.Contains(text, "secret-token") || strings.Contains(text, mail) {
				t.Errorf("%s: %s", name, text)
			}
		}
	}
}
