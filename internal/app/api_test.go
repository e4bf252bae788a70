package app_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/graphsim"
)

// api asks the operators' side with a token, holds the answer against the
// OpenAPI document that the service gives, and reads it into v.
func (b *bridge) api(method, path, query string, v any) int {
	b.t.Helper()
	status, body := b.ask(method, path+query)
	_, text := b.ask("GET", "/api/v1/openapi.json")
	raw, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		b.t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("doc:openapi", raw); err != nil {
		b.t.Fatal(err)
	}
	for _, template := range []string{"presence", "sweep", "subscriptions"} {
		if rest, ok := strings.CutPrefix(path, "/api/v1/"+template+"/"); ok {
			path = "/api/v1/" + template + "/{userId}"
			if id, action, more := strings.Cut(rest, "/"); more && id != "" {
				path = "/api/v1/" + template + "/{id}/" + action
			}
		}
	}
	if status < 300 {
		schema, err := c.Compile(fmt.Sprintf("doc:openapi#/paths/%s/%s/responses/%d/content/application~1json/schema",
			strings.ReplaceAll(path, "/", "~1"), strings.ToLower(method), status))
		if err != nil {
			b.t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
		if err != nil {
			b.t.Fatal(err)
		}
		if err := schema.Validate(value); err != nil {
			b.t.Errorf("%s %s: %s\n%v", method, path, body, err)
		}
	}
	if err := json.Unmarshal([]byte(body), v); err != nil {
		b.t.Fatalf("%s %s: %d %s: %v", method, path, status, body, err)
	}
	return status
}

const apiToken = "the operators' token"

func (b *bridge) request(ctx context.Context, method, path string) *http.Response {
	b.t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+b.addresses.Admin+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+apiToken)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

func (b *bridge) ask(method, path string) (int, string) {
	b.t.Helper()
	res := b.request(b.t.Context(), method, path)
	defer res.Body.Close()
	var body strings.Builder
	if _, err := bufio.NewReader(res.Body).WriteTo(&body); err != nil {
		b.t.Fatal(err)
	}
	return res.StatusCode, body.String()
}

type personRow struct {
	Tenant       string
	User         struct{ ID, Mail, DisplayName string }
	Availability string
	Activity     string
	Origin       string
	Freshness    string
}

type peoplePage struct {
	People     []personRow
	NextCursor string
}

// withToken gives the operators' side a token.
func withToken(t *testing.T) func(*config.Config) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(apiToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(c *config.Config) { c.Listen.AdminToken = config.SecretFile(file) }
}

func TestOperatorsAPI(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, withToken(t))
	b.start(false)
	b.covered()
	b.settled()
	if res, err := http.Get("http://" + b.addresses.Admin + "/api/v1/presence"); err != nil || res.StatusCode != http.StatusUnauthorized {
		t.Fatalf("without the token: %v, %v", res, err)
	}

	users := b.sim.Tenant().Users
	var all peoplePage
	b.eventually("everybody in the list", func() bool {
		b.api("GET", "/api/v1/presence", "", &all)
		return len(all.People) == len(users) && all.People[0].Availability != ""
	})
	b.set(users[1].ID, "Busy", "InACall")
	var one personRow
	b.eventually("the change", func() bool {
		b.api("GET", "/api/v1/presence/"+strings.ToUpper(users[1].ID), "", &one)
		return one.Activity == "InACall"
	})
	if one.Tenant != "simulated" || one.User.Mail != users[1].Mail || one.Origin != events.OriginNotification || one.Freshness != events.Fresh {
		t.Errorf("got %s", pretty(one))
	}
	for query, want := range map[string]int{
		"?mail=" + url.QueryEscape(strings.ToUpper(users[2].Mail)):          1,
		"?upn=" + url.QueryEscape(users[2].UserPrincipalName):               1,
		"?mail=nobody@nowhere&phone=" + url.QueryEscape(phone(users[2])):    1,
		"?state=inacall&tenant=simulated&limit=1":                           1,
		"?mail=" + url.QueryEscape(users[2].Mail) + "&state=nothing-at-all": 0,
	} {
		var page peoplePage
		if status := b.api("GET", "/api/v1/presence", query, &page); status != http.StatusOK || len(page.People) < want || want == 0 && len(page.People) > 0 {
			t.Errorf("%s: %d %s", query, status, pretty(page))
		}
	}

	var coverage struct {
		Tenants []struct {
			Mode   string
			People struct{ Assigned, Push, Poll, None int }
			Sweep  struct {
				Waiting int
				ReadAt  string
			}
		}
	}
	b.eventually("everybody pushed", func() bool {
		b.api("GET", "/api/v1/coverage", "", &coverage)
		p := coverage.Tenants[0].People
		return p.Assigned == len(users) && p.Push == len(users)
	})
	before := coverage.Tenants[0].Sweep.ReadAt
	var asked struct{ People int }
	if status := b.api("POST", "/api/v1/sweep", "?tenant=simulated", &asked); status != http.StatusAccepted || asked.People != len(users) {
		t.Errorf("sweep: %d %+v", status, asked)
	}
	b.eventually("the sweep", func() bool {
		b.api("GET", "/api/v1/coverage", "", &coverage)
		s := coverage.Tenants[0].Sweep
		return s.Waiting == 0 && s.ReadAt > before
	})

	var report struct {
		Findings []struct{ Kind, Subject string }
	}
	b.api("GET", "/api/v1/people/report", "", &report)
	var subscriptions struct{ Subscriptions []struct{ ID, State string } }
	b.api("GET", "/api/v1/subscriptions", "", &subscriptions)
	if list := subscriptions.Subscriptions; len(list) != 1 || list[0].State != "healthy" {
		t.Errorf("subscriptions %s", pretty(list))
	}
	var renewed struct{ Asked string }
	if status := b.api("POST", "/api/v1/subscriptions/"+subscriptions.Subscriptions[0].ID+"/renew", "", &renewed); status != http.StatusAccepted || renewed.Asked != "renew" {
		t.Errorf("renew: %d %+v", status, renewed)
	}
}

// known counts the people of whom the list tells a state.
func (b *bridge) known() (n int) {
	var page peoplePage
	b.api("GET", "/api/v1/presence", "", &page)
	for _, p := range page.People {
		if p.Availability != "" {
			n++
		}
	}
	return n
}

// Who comes back with the last id misses nothing, and the stop of the service
// does not wait for whoever listens.
func TestEventsSurviveAReconnect(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, withToken(t))
	b.start(false)
	b.covered()
	b.settled()
	// Until then the feed tells again what the lists lack.
	b.eventually("everybody's state in the list", func() bool { return b.known() == len(b.sim.Tenant().Users) })
	ctx, cancel := context.WithCancel(t.Context())
	stream := listen(b.request(ctx, "GET", "/api/v1/events?type=user"))
	if first := stream(t); first.name != "ready" || !strings.Contains(first.data, `"complete":true`) {
		t.Fatalf("first %+v", first)
	}
	// Another bridge on the same NATS is none of our business.
	foreign := b.states()[b.user(0)]
	foreign.ID, foreign.Data.TenantID = "foreign", "0d2a1b76-30c1-4d0d-9a0c-63e5b0b7f7c1"
	m, err := events.NewMessage(foreign)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.jetStream().Publish(ctx, m.Subject, m.Data); err != nil {
		t.Fatal(err)
	}
	b.set(b.user(0), "Busy", "InACall")
	seen := stream(t)
	if e := decodeUser(t, seen.data); seen.name != events.TypeUser || e.Data.User.ID != b.user(0) || e.Data.Activity != "InACall" {
		t.Errorf("got %+v", seen)
	}
	cancel()

	b.set(b.user(0), "Away", "Away")
	b.eventually("event", b.agrees)
	again := listen(b.request(t.Context(), "GET", "/api/v1/events?type=user&lastEventId="+seen.id))
	if first := again(t); !strings.Contains(first.data, `"complete":true`) || first.id != seen.id {
		t.Errorf("first %+v", first)
	}
	if e := decodeUser(t, again(t).data); e.Data.Activity != "Away" {
		t.Errorf("got %s", pretty(e))
	}
	if first := listen(b.request(t.Context(), "GET", "/api/v1/events?lastEventId=1000000"))(t); !strings.Contains(first.data, `"complete":false`) {
		t.Errorf("from another stream: %+v", first)
	}
	b.halt()
}

func decodeUser(t *testing.T, data string) events.UserEvent {
	t.Helper()
	e, err := events.Decode[events.UserData]([]byte(data))
	if err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return e
}

type sentEvent struct{ id, name, data string }

// listen reads server-sent events, one a call.
func listen(res *http.Response) func(*testing.T) sentEvent {
	lines := bufio.NewScanner(res.Body)
	return func(t *testing.T) (e sentEvent) {
		t.Helper()
		for lines.Scan() {
			field, value, _ := strings.Cut(lines.Text(), ": ")
			switch field {
			case "id":
				e.id = value
			case "event":
				e.name = value
			case "data":
				e.data = value
			case "":
				if e.name != "" {
					return e
				}
			}
		}
		t.Fatalf("the stream ended: %v", lines.Err())
		return e
	}
}

func phone(u graphsim.User) string { return append(u.BusinessPhones, u.MobilePhone)[0] }
