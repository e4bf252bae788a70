package graphsim_test

import (
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"jtel.de/presencebridge/internal/graphsim"
)

func (b *bench) control(method, path, body string) (int, map[string]any) {
	b.t.Helper()
	r := must(http.NewRequest(method, b.ControlURL()+path, strings.NewReader(body)))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := b.http.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	raw := must(io.ReadAll(res.Body))
	var o map[string]any
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") && json.Unmarshal(raw, &o) != nil {
		b.t.Errorf("%s %s: %s", method, path, raw)
	}
	return res.StatusCode, o
}

func TestControl(t *testing.T) {
	b := start(t, graphsim.Options{Faults: graphsim.Faults{Latency: time.Millisecond}})
	tenant := b.Tenant()
	id, _ := b.subscribe(0)
	user := tenant.Users[0].ID
	device := func() string {
		t.Helper()
		r := b.post("/"+tenant.ID+"/oauth2/v2.0/devicecode", map[string][]string{"client_id": {tenant.App.ID}, "scope": {"https://graph.microsoft.com/.default"}})
		return r.body["user_code"].(string)
	}
	for _, c := range []struct {
		method, path, body string
		status             int
		check              func(map[string]any) bool
	}{
		{"GET", "/status", "", 200, func(o map[string]any) bool {
			return o["graph"] == b.GraphURL() && o["seed"] == "7" && o["ca"] == string(b.CA())
		}},
		{"GET", "/tenant", "", 200, func(o map[string]any) bool { return o["ID"] == tenant.ID && len(o["Users"].([]any)) == 24 }},
		{"PUT", "/presences/" + user, `{"availability":"Busy","activity":"InACall"}`, 200, func(o map[string]any) bool { return o["changed"] == true }},
		{"PUT", "/presences/" + guids(1)[0], `{"availability":"Busy","activity":"InACall"}`, 404, nil},
		{"PUT", "/presences/" + user, `{"mood":"good"}`, 400, nil},
		{"GET", "/presences", "", 200, func(o map[string]any) bool { return o["value"].([]any)[0].(map[string]any)["activity"] == "InACall" }},
		{"GET", "/subscriptions", "", 200, func(o map[string]any) bool { return o["value"].([]any)[0].(map[string]any)["id"] == id }},
		{"GET", "/history?kind=handshake&limit=1", "", 200, func(o map[string]any) bool { return len(o["value"].([]any)) == 1 }},
		{"GET", "/history?limit=x", "", 400, nil},
		{"PATCH", "/faults", `{"throttle":0.5,"signIn":{"*":90033},"retryAfter":"2s"}`, 204, func(map[string]any) bool {
			f := b.Faults()
			return f.Throttle == 0.5 && f.Latency == time.Millisecond && f.SignIn["*"] == 90033 && f.RetryAfter == 2*time.Second
		}},
		{"GET", "/faults", "", 200, func(o map[string]any) bool { return o["Latency"] == "1ms" && o["Throttle"] == 0.5 }},
		{"PUT", "/faults", `{"duplicates":1}`, 204, func(map[string]any) bool {
			return reflect.DeepEqual(b.Faults(), graphsim.Faults{Duplicates: 1})
		}},
		{"PUT", "/faults", `{"surprise":1}`, 400, nil},
		{"PUT", "/faults", `{}`, 204, nil},
		{"POST", "/keys/roll", "", 204, func(map[string]any) bool { return len(b.jwks()) == 2 }},
		{"PUT", "/secret", `{"secret":"new"}`, 204, func(map[string]any) bool { return b.Tenant().App.Secret == "new" }},
		{"PUT", "/secret", `{"expired":true}`, 204, func(map[string]any) bool { return b.Tenant().App.SecretExpired && b.Tenant().App.Secret == "new" }},
		{"PUT", "/deliveries", `{"paused":true}`, 204, nil},
		{"PUT", "/deliveries", `{"paused":false}`, 204, nil},
		{"GET", "/forgeries", "", 200, func(o map[string]any) bool { return len(o["value"].([]any)) == len(graphsim.ForgeKinds()) }},
		{"POST", "/forgeries", `{"kind":"genuine","userIds":["` + user + `"]}`, 200, func(o map[string]any) bool { return o["status"] == 202.0 }},
		{"POST", "/forgeries", `{"kind":"nonsense"}`, 400, nil},
		{"POST", "/subscriptions/" + id + "/lifecycle", `{"event":"missed"}`, 204, nil},
		{"POST", "/subscriptions/x/lifecycle", `{"event":"missed"}`, 404, nil},
		{"POST", "/subscriptions/" + id + "/expire", "", 204, func(map[string]any) bool { return len(b.Subscriptions()) == 0 }},
		{"DELETE", "/subscriptions/x", "", 404, nil},
		{"PUT", "/users/" + guids(1)[0], `{"userPrincipalName":"new@contoso.com"}`, 204, func(map[string]any) bool { return len(b.Tenant().Users) == 25 }},
		{"PUT", "/users/x", `{}`, 400, nil},
		{"DELETE", "/users/" + guids(1)[0], "", 204, func(map[string]any) bool { return len(b.Tenant().Users) == 24 }},
		{"DELETE", "/users/" + guids(1)[0], "", 404, nil},
		{"POST", "/accounts/" + tenant.Accounts[0].Username + "/revoke", "", 204, nil},
		{"POST", "/devices/" + device() + "/approve", `{"username":"` + tenant.Accounts[0].Username + `"}`, 204, nil},
		{"POST", "/devices/" + device() + "/decline", "", 204, nil},
		{"GET", "/devices", "", 200, func(o map[string]any) bool { return len(o["value"].([]any)) == 2 }},
		{"GET", "/nothing", "", 404, nil},
	} {
		status, o := b.control(c.method, c.path, c.body)
		if status != c.status || c.check != nil && !c.check(o) {
			t.Errorf("%s %s: %d %v", c.method, c.path, status, o)
		}
	}
}

func TestControlRefusesWebPages(t *testing.T) {
	b := start(t, graphsim.Options{})
	r := must(http.NewRequest("PUT", b.ControlURL()+"/secret", strings.NewReader(`{"secret":"x"}`)))
	r.Header.Set("Content-Type", "text/plain")
	if a := b.do(r); a.status != http.StatusUnsupportedMediaType {
		t.Errorf("a form of another page: %d", a.status)
	}
	r = must(http.NewRequest("GET", b.ControlURL()+"/tenant", nil))
	r.Host = "attacker.example"
	if a := b.do(r); a.status != http.StatusForbidden {
		t.Errorf("another host: %d", a.status)
	}
}
