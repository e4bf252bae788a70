package signin

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	tenantID = "11111111-2222-3333-4444-555555555555"
	clientID = "24d3b144-21ae-4080-943f-7067b395b913"
	username = "svc-presence-1@contoso.example"
	secret   = "s3cret~distinctive-value"
	password = "p4ss~distinctive-value"
)

// authority stands in for Entra ID over real TLS. It notes every request for a
// token and answers with answer, if that is set and says so.
type authority struct {
	*httptest.Server
	mu     sync.Mutex
	tokens []url.Values
	paths  []string
	answer func(form url.Values) (status int, body string)
	realm  string
	tenant bool // does it exist
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{realm: "Managed", tenant: true}
	a.Server = httptest.NewTLSServer(a)
	t.Cleanup(a.Close)
	return a
}

func (a *authority) options() Options {
	roots := x509.NewCertPool()
	roots.AddCert(a.Certificate())
	return Options{
		PollEvery: time.Millisecond,
		Authority: a.URL, TenantID: tenantID, ClientID: clientID, HTTP: NewHTTP(roots),
		Secret: func() (string, error) { return secret, nil },
	}
}

func (a *authority) asked() []url.Values {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]url.Values(nil), a.tokens...)
}

func (a *authority) refuse(code int, oauth string) {
	a.answerWith(func(url.Values) (int, string) { return 400, refusalBody(code, oauth) })
}

func (a *authority) answerWith(f func(url.Values) (int, string)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answer = f
}

// refusalBody repeats what it must not: names that have to stay out of errors.
func refusalBody(code int, oauth string) string {
	b, _ := json.Marshal(map[string]any{
		"error": oauth, "error_codes": []int{code}, "trace_id": "3f1c", "correlation_id": "77aa",
		"error_description": fmt.Sprintf("AADSTS%d: Told for %s. Trace ID: 3f1c", code, username),
	})
	return string(b)
}

func (a *authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.ParseForm()
	a.mu.Lock()
	a.paths = append(a.paths, r.Method+" "+r.URL.Path)
	answer, number := a.answer, len(a.tokens)+1
	if r.Method == http.MethodPost {
		a.tokens = append(a.tokens, r.PostForm)
	}
	realm, tenant := a.realm, a.tenant
	a.mu.Unlock()

	w.Header().Set("Content-Type", "application/json")
	issuer := a.URL + "/" + tenantID
	switch {
	case !tenant:
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, refusalBody(90002, "invalid_tenant"))
		return
	case strings.HasSuffix(r.URL.Path, "/openid-configuration"):
		json.NewEncoder(w).Encode(map[string]string{
			"issuer": issuer + "/v2.0", "token_endpoint": issuer + "/oauth2/v2.0/token",
			"authorization_endpoint": issuer + "/oauth2/v2.0/authorize",
		})
		return
	case strings.Contains(r.URL.Path, "/UserRealm/"):
		json.NewEncoder(w).Encode(map[string]string{
			"ver": "1.0", "account_type": realm, "domain_name": "contoso.example",
			"cloud_instance_name": "x", "cloud_audience_urn": "urn:federation:MicrosoftOnline",
		})
		return
	case strings.HasSuffix(r.URL.Path, "/oauth2/v2.0/devicecode"):
		json.NewEncoder(w).Encode(map[string]any{
			"device_code": "device-1", "user_code": "ABCD1234", "verification_uri": "https://microsoft.com/devicelogin",
			"expires_in": 900, "interval": 1,
		})
		return
	case !strings.HasSuffix(r.URL.Path, "/oauth2/v2.0/token"):
		http.NotFound(w, r)
		return
	}
	if answer != nil {
		if status, body := answer(r.PostForm); status != 0 {
			w.WriteHeader(status)
			io.WriteString(w, body)
			return
		}
	}
	if r.PostForm.Get("client_secret") == "" && r.PostForm.Get("client_assertion") == "" {
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, refusalBody(7000218, "invalid_client"))
		return
	}
	token := map[string]any{
		"token_type": "Bearer", "expires_in": 3600, "access_token": fmt.Sprintf("token-%d", number),
	}
	if r.PostForm.Get("grant_type") != "client_credentials" {
		token["refresh_token"] = fmt.Sprintf("refresh-%d", number)
		token["client_info"] = encode(map[string]string{"uid": "oid", "utid": tenantID})
		token["id_token"] = encode(map[string]string{"alg": "none"}) + "." + encode(map[string]string{
			"oid": "oid", "tid": tenantID, "preferred_username": username, "aud": clientID, "iss": issuer,
		}) + ".x"
	}
	json.NewEncoder(w).Encode(token)
}

func encode(v any) string {
	b, _ := json.Marshal(v)
	return base64.RawURLEncoding.EncodeToString(b)
}
