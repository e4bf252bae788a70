package notification

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

const (
	tenant  = "84bd8158-6d4d-4958-8b9f-9d6445542f95"
	client  = "24d3b144-21ae-4080-943f-7067b395b913"
	user    = "b36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1"
	other   = "fc0eea34-31b1-43ef-9f2c-0f5b4b4cd3aa"
	slot    = "0123456789abcdef"
	subID   = "7f105c7d-2dc5-4530-97cd-4e7ae6534c07"
	certID  = "enc-2026-11"
	certID4 = "enc-4096"
	thumb   = "AB0123456789ABCDEF0123456789ABCDEF012345"
)

var (
	// at is within the life of the tokens in testdata.
	at     = time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	states = graph.NewClientStates([]byte("a secret of at least thirty-two bytes"))
	quiet  = slog.New(slog.DiscardHandler)
)

// rows reads a table of testdata: name -> the other columns.
func rows(tb testing.TB, file string) map[string][]string {
	tb.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err != nil {
		tb.Fatal(err)
	}
	table := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		columns := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		table[columns[0]] = columns[1:]
	}
	return table
}

func testToken(tb testing.TB, name string) string {
	tb.Helper()
	row := rows(tb, "tokens.tsv")[name]
	if len(row) != 1 {
		tb.Fatalf("no token %q", name)
	}
	return row[0]
}

func unbase64(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func envelope(tb testing.TB, name string) *Envelope {
	tb.Helper()
	row := rows(tb, "contents.tsv")[name]
	if len(row) != 3 {
		tb.Fatalf("no content %q", name)
	}
	return &Envelope{Key: unbase64(tb, row[0]), Signature: unbase64(tb, row[1]), Data: unbase64(tb, row[2])}
}

func testKey(tb testing.TB, name string) *rsa.PrivateKey {
	tb.Helper()
	text, err := os.ReadFile("testdata/" + name + "-key-test-only.b64")
	if err != nil {
		tb.Fatal(err)
	}
	key, err := x509.ParsePKCS1PrivateKey(unbase64(tb, string(bytes.ReplaceAll(text, []byte("\n"), nil))))
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// ring is a keyring: certificate id -> key, all with the same thumbprint.
type ring map[string]*rsa.PrivateKey

func (r ring) PrivateKey(certificateID, thumbprint string) (*rsa.PrivateKey, bool) {
	key, ok := r[certificateID]
	return key, ok && thumbprint == thumb
}

func jwk(kid string, key *rsa.PublicKey) map[string]any {
	return map[string]any{
		"kty": "RSA", "use": "sig", "kid": kid, "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0",
		"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
	}
}

// authority is a real TLS server with Entra ID's two documents per version.
type authority struct {
	*httptest.Server
	keys    atomic.Pointer[[]any] // what the key documents list
	status  atomic.Int32          // of every answer; 0 = 200
	jwksURI atomic.Value          // string: instead of the right one
	issuer  atomic.Value          // string: instead of the right one
	fetches atomic.Int32          // of key documents
	hold    chan struct{}         // key documents wait for it, if not nil
}

func newAuthority(tb testing.TB, keys ...any) *authority {
	tb.Helper()
	a := &authority{}
	a.keys.Store(&keys)
	mux := http.NewServeMux()
	config := func(path, issuer string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			uri := a.URL + path
			if s, ok := a.jwksURI.Load().(string); ok {
				uri = s
			}
			if s, ok := a.issuer.Load().(string); ok {
				issuer = s
			}
			a.answer(w, map[string]any{"jwks_uri": uri, "issuer": issuer})
		}
	}
	list := func(w http.ResponseWriter, r *http.Request) {
		a.fetches.Add(1)
		if a.hold != nil {
			select {
			case <-a.hold:
			case <-r.Context().Done():
			}
		}
		a.answer(w, map[string]any{"keys": *a.keys.Load()})
	}
	mux.HandleFunc("GET /common/v2.0/.well-known/openid-configuration", config("/common/discovery/v2.0/keys", "https://login.microsoftonline.com/{tenantid}/v2.0"))
	mux.HandleFunc("GET /common/.well-known/openid-configuration", config("/common/discovery/keys", "https://sts.windows.net/{tenantid}/"))
	mux.HandleFunc("GET /common/discovery/v2.0/keys", list)
	mux.HandleFunc("GET /common/discovery/keys", list)
	mux.HandleFunc("GET /away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, a.URL+"/common/discovery/v2.0/keys", http.StatusFound)
	})
	a.Server = httptest.NewUnstartedServer(mux)
	a.Config.ErrorLog = slog.NewLogLogger(quiet.Handler(), slog.LevelDebug)
	a.StartTLS()
	tb.Cleanup(a.Close)
	return a
}

func (a *authority) answer(w http.ResponseWriter, v any) {
	if s := a.status.Load(); s != 0 {
		w.WriteHeader(int(s))
		return
	}
	if err := json.NewEncoder(w).Encode(v); err != nil {
		panic(err)
	}
}

// clock is a time that tests move.
type clock struct{ atomic.Pointer[time.Time] }

func newClock() *clock { c := &clock{}; t := at; c.Store(&t); return c }

func (c *clock) now() time.Time          { return *c.Load() }
func (c *clock) advance(d time.Duration) { t := c.now().Add(d); c.Store(&t) }

func (a *authority) tokens(now func() time.Time) *Tokens {
	return NewTokens(TokensOptions{
		Authority: a.URL, HTTP: a.Client(), Now: now, Log: quiet,
	})
}

// warmOpener opens everything in testdata.
func warmOpener(tb testing.TB) *Opener {
	tb.Helper()
	a := newAuthority(tb, jwk("test-1", &testKey(tb, "signing").PublicKey))
	now := func() time.Time { return at }
	tokens := a.tokens(now)
	if err := tokens.Warm(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return NewOpener(Options{
		Tenants: map[string]string{strings.ToUpper(tenant): client}, ClientStates: states, Tokens: tokens, Now: now,
		Keys: ring{certID: testKey(tb, "encryption"), certID4: testKey(tb, "encryption4096")},
	})
}

// m is a JSON object under construction.
type m map[string]any

func (x m) with(key string, v any) m {
	y := m{}
	for k, old := range x {
		y[k] = old
	}
	y[key] = v
	return y
}

func basic() m {
	return m{
		"subscriptionId": subID, "clientState": states.Issue(tenant, slot), "changeType": "updated", "tenantId": tenant,
		"resource":                       "communications/presences('" + user + "')",
		"subscriptionExpirationDateTime": "2026-11-23T18:59:00Z",
		"resourceData": m{"@odata.type": "#Microsoft.Graph.presence", "id": user,
			"@odata.id": "communications/presences('" + user + "')"},
	}
}

func rich(tb testing.TB, content string) m {
	e := envelope(tb, content)
	return basic().with("encryptedContent", m{
		"data": e.Data, "dataSignature": e.Signature, "dataKey": e.Key,
		"encryptionCertificateId": certID, "encryptionCertificateThumbprint": strings.ToLower(thumb),
	})
}

func lifecycle() m {
	return m{"subscriptionId": subID, "subscriptionExpirationDateTime": "2026-11-23T18:59:00Z", "tenantId": tenant,
		"clientState": states.Issue(tenant, slot), "lifecycleEvent": "reauthorizationRequired"}
}

func body(tb testing.TB, tokens any, items ...m) []byte {
	tb.Helper()
	b, err := json.Marshal(m{"value": items, "validationTokens": tokens})
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func open(tb testing.TB, o *Opener, text []byte) Batch {
	tb.Helper()
	b, err := o.Open(context.WithoutCancel(tb.Context()), text)
	if err != nil {
		tb.Fatal(err)
	}
	total := len(b.Readings) + len(b.Unread) + len(b.Lifecycle) + b.Undecided
	for _, n := range b.Refused {
		total += n
	}
	if total != b.Items {
		tb.Fatalf("%d of %d items accounted for: %+v", total, b.Items, b)
	}
	return b
}
