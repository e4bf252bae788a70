package graphsim_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"jtel.de/presencebridge/internal/graphsim"
)

func TestDiscovery(t *testing.T) {
	b := start(t, graphsim.Options{})
	tenant := b.Tenant().ID
	for _, c := range []struct{ path, issuer, jwks string }{
		{"/" + tenant + "/v2.0/.well-known/openid-configuration", "https://login.microsoftonline.com/" + tenant + "/v2.0", "/" + tenant + "/discovery/v2.0/keys"},
		{"/common/v2.0/.well-known/openid-configuration", "https://login.microsoftonline.com/{tenantid}/v2.0", "/common/discovery/v2.0/keys"},
		{"/common/.well-known/openid-configuration", "https://sts.windows.net/{tenantid}/", "/common/discovery/keys"},
	} {
		a := b.get(c.path)
		if a.status != 200 || a.body["issuer"] != c.issuer || a.body["jwks_uri"] != b.AuthorityURL()+c.jwks {
			t.Errorf("%s: %d %s", c.path, a.status, a.raw)
		}
		if keys := b.get(c.jwks); keys.status != 200 || len(keys.body["keys"].([]any)) != 1 {
			t.Errorf("%s: %s", c.jwks, keys.raw)
		}
	}
	a := b.get("/11111111-1111-1111-1111-111111111111/v2.0/.well-known/openid-configuration")
	if a.status != 400 || a.code() != "invalid_tenant" {
		t.Errorf("unknown tenant: %d %s", a.status, a.raw)
	}
	if a := b.get("/common/UserRealm/" + b.Tenant().Accounts[0].Username + "?api-version=1.0"); a.body["account_type"] != "Managed" {
		t.Errorf("realm: %s", a.raw)
	}
	if a := b.get("/common/UserRealm/x@elsewhere.example?api-version=1.0"); a.body["account_type"] != "Unknown" {
		t.Errorf("realm: %s", a.raw)
	}
}

// jwks reads the published keys as a client would.
func (b *bench) jwks() map[string]*rsa.PublicKey {
	b.t.Helper()
	keys := map[string]*rsa.PublicKey{}
	for _, k := range b.get("/common/discovery/v2.0/keys").body["keys"].([]any) {
		k := k.(map[string]any)
		n, err1 := base64.RawURLEncoding.DecodeString(k["n"].(string))
		e, err2 := base64.RawURLEncoding.DecodeString(k["e"].(string))
		if err1 != nil || err2 != nil {
			b.t.Fatal(err1, err2)
		}
		keys[k["kid"].(string)] = &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	}
	return keys
}

// claims verifies a token by the published keys.
func (b *bench) claims(token string) jwt.MapClaims {
	b.t.Helper()
	c := jwt.MapClaims{}
	if _, err := jwt.ParseWithClaims(token, c, b.keyfunc(), jwt.WithValidMethods([]string{"RS256"})); err != nil {
		b.t.Fatal(err)
	}
	return c
}

func (b *bench) keyfunc() jwt.Keyfunc {
	keys := b.jwks()
	return func(t *jwt.Token) (any, error) {
		if k := keys[t.Header["kid"].(string)]; k != nil {
			return k, nil
		}
		return nil, jwt.ErrTokenUnverifiable
	}
}

func TestClientCredentials(t *testing.T) {
	b := start(t, graphsim.Options{})
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"https://graph.microsoft.com/.default"}}
	a := b.token(form)
	if a.status != 200 || a.body["refresh_token"] != nil || a.body["expires_in"].(float64) < 3590 {
		t.Fatalf("%d %s", a.status, a.raw)
	}
	c := b.claims(a.body["access_token"].(string))
	if c["aud"] != "https://graph.microsoft.com" || c["appid"] != b.Tenant().App.ID || c["upn"] != nil || len(c["roles"].([]any)) != len(graphsim.DefaultRoles) {
		t.Errorf("claims %v", c)
	}
}

func TestPasswordGrant(t *testing.T) {
	b := start(t, graphsim.Options{})
	account := b.Tenant().Accounts[0]
	a := b.token(b.password(0))
	if a.status != 200 {
		t.Fatalf("%d %s", a.status, a.raw)
	}
	access, id := b.claims(a.body["access_token"].(string)), b.claims(a.body["id_token"].(string))
	if access["upn"] != account.Username || access["oid"] != account.ID || access["scp"] != "Presence.Read.All" || access["tid"] != b.Tenant().ID {
		t.Errorf("access token %v", access)
	}
	if id["preferred_username"] != account.Username || id["aud"] != b.Tenant().App.ID {
		t.Errorf("id token %v", id)
	}
	info, err := base64.RawURLEncoding.DecodeString(a.body["client_info"].(string))
	var client map[string]string
	if err != nil || json.Unmarshal(info, &client) != nil || client["uid"] != account.ID || client["utid"] != b.Tenant().ID {
		t.Errorf("client_info %s", info)
	}

	first := a.body["refresh_token"].(string)
	refresh := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first}, "scope": {"https://graph.microsoft.com/Presence.Read.All offline_access"}}
	second := b.token(refresh)
	if second.status != 200 || second.body["refresh_token"] == first || second.body["id_token"] != nil {
		t.Errorf("refresh: %d %s", second.status, second.raw)
	}
	if again := b.token(refresh); again.status != 200 {
		t.Errorf("an old refresh token must stay good: %s", again.raw)
	}
	b.Revoke(account.Username)
	if a := b.token(refresh); !strings.HasPrefix(a.message(), "AADSTS50173") {
		t.Errorf("revoked: %s", a.raw)
	}
	if a := b.token(with2(refresh, "refresh_token", first[:len(first)-2])); !strings.HasPrefix(a.message(), "AADSTS70008") {
		t.Errorf("tampered: %s", a.raw)
	}
}

func with2(form url.Values, kv ...string) url.Values {
	c := url.Values{}
	for k, v := range form {
		c[k] = v
	}
	for i := 0; i < len(kv); i += 2 {
		c[kv[i]] = []string{kv[i+1]}
	}
	return c
}

func TestSignInErrors(t *testing.T) {
	b := start(t, graphsim.Options{})
	tenant := b.Tenant()
	app := url.Values{"grant_type": {"client_credentials"}, "scope": {"https://graph.microsoft.com/.default"}}
	user := b.password(0)
	account := func(change func(*graphsim.Account)) func() {
		return func() { b.SetAccount(tenant.Accounts[0].Username, change) }
	}
	registration := func(change func(*graphsim.App)) func() { return func() { b.SetApp(change) } }
	for _, c := range []struct {
		name   string
		set    func()
		form   url.Values
		path   string
		status int
		oauth  string
		code   float64
	}{
		{"wrong password", nil, with2(user, "password", "x"), "", 400, "invalid_grant", 50126},
		{"unknown user", nil, with2(user, "username", "x@"+tenant.Domain), "", 400, "invalid_grant", 50034},
		{"disabled", account(func(a *graphsim.Account) { a.Disabled = true }), user, "", 400, "invalid_grant", 50057},
		{"password expired", account(func(a *graphsim.Account) { a.PasswordExpired = true }), user, "", 400, "invalid_grant", 50055},
		{"mfa", account(func(a *graphsim.Account) { a.MFA = true }), user, "", 400, "invalid_grant", 50076},
		{"federated", account(func(a *graphsim.Account) { a.Federated = true }), user, "", 400, "invalid_grant", 50056},
		{"no consent", registration(func(a *graphsim.App) { a.Scopes = []string{} }), user, "", 400, "invalid_grant", 65001},
		{"scope not consented", nil, with2(user, "scope", "https://graph.microsoft.com/Mail.Read"), "", 400, "invalid_grant", 65001},
		{"no secret", nil, with2(user, "client_secret", ""), "", 401, "invalid_client", 7000218},
		{"no secret, app", nil, with2(app, "client_secret", ""), "", 401, "invalid_client", 7000218},
		{"wrong secret", nil, with2(app, "client_secret", "x"), "", 401, "invalid_client", 7000215},
		{"expired secret", registration(func(a *graphsim.App) { a.SecretExpired = true }), app, "", 401, "invalid_client", 7000222},
		{"app disabled", registration(func(a *graphsim.App) { a.Disabled = true }), app, "", 400, "unauthorized_client", 7000112},
		{"unknown app", nil, with2(app, "client_id", "11111111-1111-1111-1111-111111111111"), "", 400, "unauthorized_client", 700016},
		{"unknown tenant", nil, app, "/11111111-1111-1111-1111-111111111111", 400, "invalid_request", 90002},
		{"common", nil, user, "/common", 400, "invalid_request", 9001023},
		{"user scope for the app", nil, with2(app, "scope", "https://graph.microsoft.com/User.Read"), "", 400, "invalid_scope", 1002012},
		{"foreign resource", nil, with2(app, "scope", "https://vault.example/.default"), "", 400, "invalid_scope", 70011},
		{"unknown grant", nil, with2(app, "grant_type", "implicit"), "", 400, "unsupported_grant_type", 70003},
		{"no grant", nil, with2(app, "grant_type", ""), "", 400, "invalid_request", 900144},
		{"switched on for the user", func() {
			b.SetFaults(graphsim.Faults{SignIn: map[string]int{tenant.Accounts[0].Username: 53003}})
		}, user, "", 400, "invalid_grant", 53003},
		{"switched on for the app", func() { b.SetFaults(graphsim.Faults{SignIn: map[string]int{tenant.App.ID: 90033}}) }, app, "", 503, "temporarily_unavailable", 90033},
		{"switched on for all", func() { b.SetFaults(graphsim.Faults{SignIn: map[string]int{"*": 90055}}) }, user, "", 429, "invalid_request", 90055},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.set != nil {
				c.set()
			}
			defer func() {
				b.SetFaults(graphsim.Faults{})
				b.SetApp(func(a *graphsim.App) { *a = tenant.App })
				b.SetAccount(tenant.Accounts[0].Username, func(a *graphsim.Account) { *a = tenant.Accounts[0] })
			}()
			path := c.path
			if path == "" {
				path = "/" + tenant.ID
			}
			full := with2(url.Values{"client_id": {tenant.App.ID}, "client_secret": {tenant.App.Secret}})
			for k, v := range c.form {
				full[k] = v
			}
			a := b.post(path+"/oauth2/v2.0/token", full)
			if a.status != c.status || a.code() != c.oauth || a.body["error_codes"].([]any)[0] != c.code {
				t.Errorf("%d %s", a.status, a.raw)
			}
			if strings.Contains(a.raw, tenant.App.Secret) || strings.Contains(a.raw, tenant.Accounts[0].Password) {
				t.Error("an error tells a secret")
			}
		})
	}
	if a := b.token(app); a.status != 200 {
		t.Errorf("after all that: %s", a.raw)
	}
}

// Every row of the contract's table can be had by a switch.
func TestSignInTable(t *testing.T) {
	b := start(t, graphsim.Options{})
	for _, code := range []int{
		50126, 50034, 50055, 50053, 50056, 50057, 50144, 50076, 50079, 50074, 53003, 530035, 65001, 7000215, 7000222, 7000218, 700025, 700016, 7000112,
		90002, 9001023, 50105, 50173, 700082, 70008, 70043, 50196, 90055, 90033, 90024,
	} {
		b.SetFaults(graphsim.Faults{SignIn: map[string]int{b.Tenant().Accounts[0].Username: code}})
		a := b.token(b.password(0))
		if a.status < 400 || a.body["error_codes"].([]any)[0] != float64(code) || strings.Contains(a.message(), "The request was refused.") || !strings.Contains(a.message(), "Trace ID: ") {
			t.Errorf("%d: %d %s", code, a.status, a.raw)
		}
	}
}

func TestLockout(t *testing.T) {
	b := start(t, graphsim.Options{})
	wrong := with2(b.password(0), "password", "x")
	for range 10 {
		if a := b.token(wrong); !strings.HasPrefix(a.message(), "AADSTS50126") {
			t.Fatal(a.raw)
		}
	}
	if a := b.token(b.password(0)); !strings.HasPrefix(a.message(), "AADSTS50053") {
		t.Errorf("not locked: %s", a.raw)
	}
}

func TestClientAssertion(t *testing.T) {
	b := start(t, graphsim.Options{})
	key, other := receiverKey(), must(rsa.GenerateKey(rand.Reader, 2048))
	der := selfSigned(t, &key.PublicKey, key)
	cert := must(x509.ParseCertificate(der))
	b.SetApp(func(a *graphsim.App) { a.Certificate = cert })
	tenant := b.Tenant()
	assertion := func(k *rsa.PrivateKey, aud string, end time.Time) url.Values {
		j := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{"aud": aud, "iss": tenant.App.ID, "sub": tenant.App.ID, "jti": "1", "exp": end.Unix()})
		sum := sha1.Sum(der)
		j.Header["x5t"] = base64.RawURLEncoding.EncodeToString(sum[:])
		return url.Values{
			"client_id": {tenant.App.ID}, "grant_type": {"client_credentials"}, "scope": {"https://graph.microsoft.com/.default"},
			"client_assertion": {must(j.SignedString(k))}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		}
	}
	endpoint := b.AuthorityURL() + "/" + tenant.ID + "/oauth2/v2.0/token"
	for name, c := range map[string]struct {
		form url.Values
		want int
	}{
		"good":           {assertion(key, endpoint, time.Now().Add(time.Minute)), 200},
		"other key":      {assertion(other, endpoint, time.Now().Add(time.Minute)), 401},
		"other audience": {assertion(key, "https://elsewhere.example", time.Now().Add(time.Minute)), 401},
		"expired":        {assertion(key, endpoint, time.Now().Add(-time.Minute)), 401},
	} {
		if a := b.post("/"+tenant.ID+"/oauth2/v2.0/token", c.form); a.status != c.want {
			t.Errorf("%s: %d %s", name, a.status, a.raw)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestDeviceCode(t *testing.T) {
	b := start(t, graphsim.Options{})
	tenant := b.Tenant()
	begin := func() (device, user string) {
		a := b.post("/"+tenant.ID+"/oauth2/v2.0/devicecode", url.Values{"client_id": {tenant.App.ID}, "scope": {"https://graph.microsoft.com/Presence.Read.All offline_access openid"}})
		if a.status != 200 || a.body["interval"].(float64) != 5 || a.body["expires_in"].(float64) != 900 {
			t.Fatalf("%d %s", a.status, a.raw)
		}
		return a.body["device_code"].(string), a.body["user_code"].(string)
	}
	device, user := begin()
	poll := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {device}}
	if a := b.token(poll); a.code() != "authorization_pending" {
		t.Errorf("pending: %s", a.raw)
	}
	if a := b.token(with2(poll, "client_secret", "")); !strings.HasPrefix(a.message(), "AADSTS7000218") {
		t.Errorf("confidential client without secret: %s", a.raw)
	}
	b.SetAccount(tenant.Accounts[1].Username, func(a *graphsim.Account) { a.MFA = true }) // no obstacle here
	if b.ApproveDevice(user, "nobody@"+tenant.Domain) || !b.ApproveDevice(user, tenant.Accounts[1].Username) {
		t.Error("approval")
	}
	a := b.token(poll)
	if a.status != 200 || a.body["refresh_token"] == nil || b.claims(a.body["access_token"].(string))["upn"] != tenant.Accounts[1].Username {
		t.Errorf("approved: %s", a.raw)
	}
	if a := b.token(poll); a.code() != "bad_verification_code" {
		t.Errorf("used twice: %s", a.raw)
	}
	device, user = begin()
	if !b.DeclineDevice(user) {
		t.Error("decline")
	}
	if a := b.token(with2(poll, "device_code", device)); a.code() != "authorization_declined" {
		t.Errorf("declined: %s", a.raw)
	}
	b.SetApp(func(a *graphsim.App) { a.PublicClient = true })
	device, user = begin()
	b.ApproveDevice(user, tenant.Accounts[0].Username)
	if a := b.token(with2(poll, "device_code", device, "client_secret", "")); a.status != 200 {
		t.Errorf("public client: %s", a.raw)
	}
}
