package sdk

import (
	"context"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

const ownApp = "24d3b144-21ae-4080-943f-7067b395b913"

// seen is one request as Graph got it.
type seen struct {
	*http.Request
	body string
}

// fakeGraph is a TLS server that notes requests and answers by handler.
type fakeGraph struct {
	*httptest.Server
	mu       sync.Mutex
	requests []seen
}

func newGraph(t testing.TB, handler http.HandlerFunc) *fakeGraph {
	t.Helper()
	g := &fakeGraph{}
	g.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		g.mu.Lock()
		g.requests = append(g.requests, seen{r, string(body)})
		g.mu.Unlock()
		w.Header().Set("Content-Type", "application/json;odata.metadata=minimal;charset=utf-8")
		handler(w, r)
	}))
	g.EnableHTTP2 = true
	g.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	g.StartTLS()
	t.Cleanup(g.Close)
	return g
}

// answer is a Graph that always says the same.
func answer(t testing.TB, status int, body string) *fakeGraph {
	return newGraph(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	})
}

func (g *fakeGraph) seen() []seen {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]seen(nil), g.requests...)
}

func (g *fakeGraph) client(t testing.TB, change ...func(*Options)) *Client {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(g.Certificate())
	o := Options{BaseURL: g.URL + "/v1.0", Credential: token("secret-token"), Roots: roots, ClientID: ownApp}
	for _, f := range change {
		f(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// credential is an azcore.TokenCredential made of a function.
type credential func(policy.TokenRequestOptions) (string, error)

func (c credential) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	t, err := c(o)
	return azcore.AccessToken{Token: t, ExpiresOn: time.Now().Add(time.Hour)}, err
}

func token(t string) credential {
	return func(policy.TokenRequestOptions) (string, error) { return t, nil }
}
