package graphsim_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"jtel.de/presencebridge/internal/graphsim"
)

func TestCreate(t *testing.T) {
	b := start(t, graphsim.Options{})
	token := b.userToken(0)
	a := b.graph(token, "POST", "/subscriptions", b.rich())
	if a.status != 201 {
		t.Fatalf("%d %s", a.status, a.raw)
	}
	tenant := b.Tenant()
	want := b.rich()
	for name, value := range map[string]any{
		"applicationId": tenant.App.ID, "creatorId": tenant.Accounts[0].ID, "clientState": "state-1", "resource": want["resource"],
		"includeResourceData": true, "encryptionCertificateId": "enc-1", "encryptionCertificate": nil, "latestSupportedTlsVersion": "v1_2",
		"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#subscriptions/$entity",
	} {
		if a.body[name] != value {
			t.Errorf("%s is %v", name, a.body[name])
		}
	}
	hands := b.kinds(graphsim.KindHandshake)
	if len(hands) != 2 || hands[0].Path != b.recv.url+"/notify" || hands[1].Path != b.recv.url+"/lifecycle" || hands[0].Status != 200 {
		t.Errorf("handshakes %+v", hands)
	}
	info := b.Subscriptions()
	if len(info) != 1 || info[0].Account != tenant.Accounts[0].Username || len(info[0].UserIDs) != 24 || !info[0].Rich {
		t.Errorf("%+v", info)
	}

	again := b.graph(token, "POST", "/subscriptions", b.rich())
	if again.status != 409 || again.code() != "ExtensionError" || again.message() != "Operation: Create; Exception: [Status Code: Conflict; Reason: A subscripton already exists. It must be deleted before a another can be made.]" {
		t.Errorf("second: %d %s", again.status, again.raw)
	}
	if other := b.graph(b.userToken(1), "POST", "/subscriptions", b.rich()); other.status != 201 {
		t.Errorf("another user: %s", other.raw)
	}
}

func guids(n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf("00000000-0000-4000-8000-%012d", i))
	}
	return list
}

func TestCreateRefusals(t *testing.T) {
	b := start(t, graphsim.Options{})
	token := b.userToken(0)
	cert := func(pub, priv any) string { return base64.StdEncoding.EncodeToString(selfSigned(t, pub, priv)) }
	ec := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	const unauthorized = "Operation: Create; Exception: [Status Code: Forbidden; Reason: The request is not authorized for this user or application.]"
	const unsupported = "Operation: Create; Exception: [Status Code: BadRequest; Reason: Unsupported workload.]"
	for _, c := range []struct {
		name    string
		token   string
		body    map[string]any
		status  int
		code    string
		message string // a part
	}{
		{"the app itself", b.appToken(), b.rich(), 403, "ExtensionError", unauthorized},
		{"no token", "", b.rich(), 401, "InvalidAuthenticationToken", "Access token is empty."},
		{"bad token", "a.b.c", b.rich(), 401, "InvalidAuthenticationToken", "CompactToken parsing failed"},
		{"forged token", token[:len(token)-6] + "AAAAAA", b.rich(), 401, "InvalidAuthenticationToken", "CompactToken validation failed with reason code: 80049228."},
		{"wrong resource", token, with(b.rich(), "resource", "/me/presence"), 400, "ExtensionError", unsupported},
		{"unquoted ids", token, with(b.rich(), "resource", "communications/presences?$filter=id in ("+guids(1)[0]+")"), 400, "ExtensionError", unsupported},
		{"select", token, with(b.rich(), "resource", "communications/presences/"+guids(1)[0]+"?$select=activity"), 400, "ExtensionError", unsupported},
		{"651 people", token, b.rich(guids(651)...), 400, "ExtensionError", "651"},
		{"wrong changeType", token, with(b.rich(), "changeType", "created,updated"), 400, "InvalidRequest", "changeType"},
		{"no resource", token, with(b.rich(), "resource", nil), 400, "InvalidRequest", "'resource'"},
		{"no expiry", token, with(b.rich(), "expirationDateTime", nil), 400, "InvalidRequest", "'expirationDateTime'"},
		{"bad expiry", token, with(b.rich(), "expirationDateTime", "tomorrow"), 400, "BadRequest", "Edm.DateTimeOffset"},
		{"too long", token, with(b.rich(), "expirationDateTime", in(61*time.Minute)), 400, "ExtensionError", "is beyond allowed max '01:00:00'.]"},
		{"http", token, with(b.rich(), "notificationUrl", "http://127.0.0.1/x"), 400, "ValidationError", "https"},
		{"rich without certificate", token, with(b.rich(), "encryptionCertificate", nil), 400, "InvalidRequest", "encryptionCertificate"},
		{"rich without certificate id", token, with(b.rich(), "encryptionCertificateId", nil), 400, "InvalidRequest", "encryptionCertificateId"},
		{"certificate in PEM", token, with(b.rich(), "encryptionCertificate", "-----BEGIN CERTIFICATE-----"), 400, "ValidationError", "DER"},
		{"certificate of 1024 bits", token, with(b.rich(), "encryptionCertificate", cert(&weakKey.PublicKey, weakKey)), 400, "ValidationError", "2048"},
		{"elliptic certificate", token, with(b.rich(), "encryptionCertificate", cert(&ec.PublicKey, ec)), 400, "ValidationError", "RSA"},
		{"long clientState", token, with(b.rich(), "clientState", strings.Repeat("x", 129)), 400, "InvalidRequest", "128"},
		{"web push", token, with(b.rich(), "vapidPublicKey", "x"), 400, "BadRequest", "vapidPublicKey"},
		{"bad tls version", token, with(b.rich(), "latestSupportedTlsVersion", "v2_0"), 400, "InvalidRequest", "latestSupportedTlsVersion"},
		{"nobody listens", token, with(b.rich(), "notificationUrl", "https://127.0.0.1:1/x"), 400, "ValidationError", "Subscription validation request failed. Notification endpoint must respond with 200 OK to validation request."},
	} {
		a := b.graph(c.token, "POST", "/subscriptions", c.body)
		if a.status != c.status || a.code() != c.code || !strings.Contains(a.message(), c.message) {
			t.Errorf("%s: %d %s", c.name, a.status, a.raw)
		}
		if a.header.Get("request-id") == "" {
			t.Errorf("%s: no request-id", c.name)
		}
	}
	if len(b.Subscriptions()) != 0 {
		t.Error("a refused create left a subscription")
	}
	if a := b.graph(token, "POST", "/subscriptions", "{"); a.status != 400 {
		t.Errorf("no JSON: %s", a.raw)
	}
	if a := b.graph(token, "POST", "/subscriptions", b.rich(guids(650)...)); a.status != 201 {
		t.Errorf("650 people: %s", a.raw)
	}
}

// weakKey is too short for Graph; made once, since Go itself frowns on it.
var weakKey = must(rsa.GenerateKey(rand.Reader, 1024))

func TestHandshakes(t *testing.T) {
	b := start(t, graphsim.Options{})
	token := b.userToken(0)
	answer := func(status int, contentType string, body func(string) string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			_, raw, _ := strings.Cut(r.URL.RawQuery, "validationToken=")
			io.WriteString(w, body(raw))
		}
	}
	decoded := func(raw string) string { return must(url.QueryUnescape(raw)) }
	const mustMatch = "Subscription validation request failed. Response must exactly match validationToken query parameter."
	const must200 = "Subscription validation request failed. Notification endpoint must respond with 200 OK to validation request."
	for name, c := range map[string]struct {
		handle  func(http.ResponseWriter, *http.Request)
		message string
	}{
		"still encoded": {answer(200, "text/plain", func(raw string) string { return raw }), mustMatch},
		"newline":       {answer(200, "text/plain", func(raw string) string { return decoded(raw) + "\n" }), mustMatch},
		"json":          {answer(200, "application/json", decoded), mustMatch},
		"202":           {answer(202, "text/plain", decoded), must200},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, must200},
		"hang up": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, must200},
		"good":    {answer(200, "text/plain", decoded), ""},
	} {
		b.recv.handshake = c.handle
		a := b.graph(token, "POST", "/subscriptions", with(b.rich(), "notificationUrl", b.recv.url+"/n?tenant=1"))
		if c.message == "" && a.status != 201 || c.message != "" && (a.status != 400 || a.code() != "ValidationError" || a.message() != c.message) {
			t.Errorf("%s: %d %s", name, a.status, a.raw)
		}
		for _, s := range b.Subscriptions() {
			b.Remove(s.ID)
		}
	}
}

func TestHandshakeForm(t *testing.T) {
	b := start(t, graphsim.Options{})
	var seen []*http.Request
	b.recv.handshake = func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r)
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, r.URL.Query().Get("validationToken"))
	}
	a := b.graph(b.userToken(0), "POST", "/subscriptions", with(b.rich(), "notificationUrl", b.recv.url+"/n?tenant=1", "lifecycleNotificationUrl", nil))
	if a.status != 201 || len(seen) != 1 {
		t.Fatalf("%d %s", a.status, a.raw)
	}
	r := seen[0]
	if r.Method != "POST" || !strings.HasPrefix(r.URL.RawQuery, "tenant=1&validationToken=Validation%3a+Testing+client+application+reachability+for+subscription+Request-Id%3a+") || r.Header.Get("Content-Type") != "text/plain; charset=utf-8" || r.ContentLength != 0 {
		t.Errorf("%s %s %v", r.Method, r.URL.RawQuery, r.Header)
	}
}

func TestExpiry(t *testing.T) {
	for name, c := range map[string]struct {
		speed       float64
		clamp       bool
		asked, want time.Duration
	}{
		"as asked":        {1, false, 59 * time.Minute, 59 * time.Minute},
		"raised to floor": {1, false, 10 * time.Minute, 45 * time.Minute},
		"past raised":     {1, false, -time.Hour, 45 * time.Minute},
		"clamped":         {1, true, 3 * time.Hour, 60 * time.Minute},
		"sixty times":     {60, false, 59 * time.Minute, 59 * time.Second},
	} {
		b := start(t, graphsim.Options{Speed: c.speed, Faults: graphsim.Faults{ClampExpiry: c.clamp}})
		token := b.userToken(0)
		asked := time.Now()
		a := b.graph(token, "POST", "/subscriptions", with(b.rich(), "expirationDateTime", in(c.asked)))
		if a.status != 201 {
			t.Errorf("%s: %s", name, a.raw)
			continue
		}
		got, err := time.Parse(time.RFC3339, a.body["expirationDateTime"].(string))
		if diff := got.Sub(asked.Add(c.want)); err != nil || diff < -time.Second || diff > 10*time.Second {
			t.Errorf("%s: %v off by %v", name, err, diff)
		}
		if !b.Subscriptions()[0].Expires.Equal(got) {
			t.Errorf("%s: the answer says %v, the end is %v", name, got, b.Subscriptions()[0].Expires)
		}
	}
}

func TestRenew(t *testing.T) {
	b := start(t, graphsim.Options{})
	id, token := b.subscribe(0)
	path := "/subscriptions/" + id
	a := b.graph(token, "PATCH", path, map[string]any{"expirationDateTime": in(50 * time.Minute)})
	if a.status != 200 || a.body["id"] != id || a.body["clientState"] != nil {
		t.Errorf("%d %s", a.status, a.raw)
	}
	const either = "Subscription must contain either the 'expirationDateTime' or 'notificationUrl' property and its value."
	other := b.userToken(1)
	for _, c := range []struct {
		name, token, method, path string
		body                      any
		status                    int
		code, message             string
	}{
		{"neither", token, "PATCH", path, map[string]any{"encryptionCertificateId": "x", "encryptionCertificate": b.recv.certBase64}, 400, "InvalidRequest", either},
		{"resource", token, "PATCH", path, map[string]any{"expirationDateTime": in(time.Hour), "resource": "x"}, 400, "BadRequest", "resource"},
		{"too long", token, "PATCH", path, map[string]any{"expirationDateTime": in(2 * time.Hour)}, 400, "ExtensionError", "Operation: Update;"},
		{"certificate alone", token, "PATCH", path, map[string]any{"expirationDateTime": in(50 * time.Minute), "encryptionCertificate": b.recv.certBase64}, 400, "InvalidRequest", "belong together"},
		{"certificate", token, "PATCH", path, map[string]any{"expirationDateTime": in(50 * time.Minute), "encryptionCertificate": b.recv.certBase64, "encryptionCertificateId": "enc-2"}, 200, "", ""},
		{"another user", other, "PATCH", path, map[string]any{"expirationDateTime": in(50 * time.Minute)}, 404, "ResourceNotFound", "The object was not found."},
		{"the app", b.appToken(), "PATCH", path, map[string]any{"expirationDateTime": in(50 * time.Minute)}, 403, "ExtensionError", "not authorized"},
		{"unknown", token, "PATCH", "/subscriptions/" + guids(1)[0], map[string]any{"expirationDateTime": in(50 * time.Minute)}, 404, "ResourceNotFound", "The object was not found."},
		{"get", token, "GET", path, nil, 200, "", ""},
		{"get of another user", other, "GET", path, nil, 404, "ResourceNotFound", ""},
		{"delete of another user", other, "DELETE", path, nil, 404, "ResourceNotFound", ""},
	} {
		a := b.graph(c.token, c.method, c.path, c.body)
		if a.status != c.status || c.code != "" && (a.code() != c.code || !strings.Contains(a.message(), c.message)) {
			t.Errorf("%s: %d %s", c.name, a.status, a.raw)
		}
	}
	if got := b.Subscriptions()[0].CertificateID; got != "enc-2" {
		t.Errorf("certificate %s", got)
	}

	if a := b.graph(token, "POST", path+"/reauthorize", nil); a.status != 204 {
		t.Errorf("reauthorize: %d %s", a.status, a.raw)
	}
	if l := b.History(); l[len(l)-1].Breach == "" {
		t.Error("the history tells no breach")
	}
	b.SetFaults(graphsim.Faults{StrictReauthorize: true, PatchCanceledEvery: 1})
	if a := b.graph(token, "POST", path+"/reauthorize", nil); a.status != 400 {
		t.Errorf("strict: %d %s", a.status, a.raw)
	}
	if a := b.graph(token, "PATCH", path, map[string]any{"expirationDateTime": in(50 * time.Minute)}); a.message() != "Operation: Update; Exception: [A task was canceled.]" {
		t.Errorf("canceled: %s", a.raw)
	}
	b.SetFaults(graphsim.Faults{})
	b.Expire(id)
	if a := b.graph(token, "PATCH", path, map[string]any{"expirationDateTime": in(50 * time.Minute)}); a.status != 404 || a.code() != "ResourceNotFound" {
		t.Errorf("ended: %d %s", a.status, a.raw)
	}
	if a := b.graph(token, "POST", "/subscriptions", b.rich()); a.status != 201 {
		t.Errorf("after the end: %s", a.raw)
	}
}

func TestListAndDelete(t *testing.T) {
	b := start(t, graphsim.Options{})
	id, token := b.subscribe(0)
	b.subscribe(1)
	a := b.graph(token, "GET", "/subscriptions", nil)
	if l := a.list(); len(l) != 1 || l[0]["id"] != id || l[0]["clientState"] != nil || l[0]["creatorId"] != b.Tenant().Accounts[0].ID {
		t.Errorf("list: %s", a.raw)
	}
	if a := b.graph(token, "DELETE", "/subscriptions/"+id, nil); a.status != 204 {
		t.Errorf("delete: %d", a.status)
	}
	if a := b.graph(token, "DELETE", "/subscriptions/"+id, nil); a.status != 404 || a.code() != "ResourceNotFound" {
		t.Errorf("delete again: %d %s", a.status, a.raw)
	}
	if a := b.graph(token, "GET", "/subscriptions", nil); len(a.list()) != 0 {
		t.Errorf("list: %s", a.raw)
	}
}

func TestCreateFaults(t *testing.T) {
	b := start(t, graphsim.Options{Faults: graphsim.Faults{GhostConflict: time.Hour, LostCreates: 1}})
	token := b.userToken(0)
	if a := b.graph(token, "POST", "/subscriptions", b.rich()); a.status != 504 {
		t.Errorf("lost: %d %s", a.status, a.raw)
	}
	list := b.graph(token, "GET", "/subscriptions", nil).list()
	if len(list) != 1 {
		t.Fatal("a lost create leaves a subscription")
	}
	b.graph(token, "DELETE", "/subscriptions/"+list[0]["id"].(string), nil)
	if a := b.graph(token, "POST", "/subscriptions", b.rich()); a.status != 409 {
		t.Errorf("ghost: %d %s", a.status, a.raw)
	}
	user := b.Tenant().Users[0].ID
	b.SetFaults(graphsim.Faults{BrokenUsers: []string{user}})
	if a := b.graph(b.userToken(1), "POST", "/subscriptions", b.rich()); a.status != 500 || a.code() != "ExtensionError" {
		t.Errorf("broken user: %d %s", a.status, a.raw)
	}
	b.SetFaults(graphsim.Faults{Refuse: []graphsim.Refusal{{Method: "POST", Path: "/subscriptions", Status: 429, Times: 2}}, RetryAfter: 7 * time.Second})
	for i, want := range []int{429, 429, 201} {
		a := b.graph(b.userToken(1), "POST", "/subscriptions", b.rich())
		if a.status != want || want == 429 && a.header.Get("Retry-After") != "7" {
			t.Errorf("try %d: %d %s", i, a.status, a.raw)
		}
	}
}
