package sdk

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jtel.de/presencebridge/internal/graph"
)

func agent(i int) string { return fmt.Sprintf("%08x-1111-2222-3333-444444444444", i) }

func agents(n int) []string {
	var ids []string
	for i := range n {
		ids = append(ids, agent(i))
	}
	return ids
}

func wanted() graph.Subscription {
	return graph.Subscription{
		UserIDs:         agents(2),
		NotificationURL: "https://receiver.example.com/graph/notifications",
		LifecycleURL:    "https://receiver.example.com/graph/lifecycle",
		ClientState:     "slot.mac",
		ExpiresAt:       time.Date(2026, 11, 23, 19, 59, 0, 0, time.FixedZone("CET", 3600)),
		Certificate:     graph.Certificate{ID: "enc-2026-11", DER: []byte("certificate")},
	}
}

func decode(t *testing.T, body string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// created is the answer of the contract, with another expiry than asked for.
const created = `{ "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#subscriptions/$entity",
  "id": "7F105C7D-2dc5-4530-97cd-4e7ae6534c07", "changeType": "updated",
  "resource": "/communications/presences?$filter=id in ('00000001-1111-2222-3333-444444444444','00000000-1111-2222-3333-444444444444')",
  "applicationId": "24D3B144-21ae-4080-943f-7067b395b913", "creatorId": "8ee44408-0679-472c-bc2a-692812af3437",
  "clientState": null, "expirationDateTime": "2026-11-23T19:44:00.1234567+00:00",
  "notificationUrl": "https://receiver.example.com/graph/notifications",
  "lifecycleNotificationUrl": "https://receiver.example.com/graph/lifecycle",
  "includeResourceData": true, "encryptionCertificate": null, "encryptionCertificateId": "enc-2026-11",
  "notificationQueryOptions": null, "latestSupportedTlsVersion": "v1_2", "notificationUrlAppId": null, "someNewMember": {"a": [1]} }`

func TestCreateSubscription(t *testing.T) {
	g := answer(t, 201, created)
	got, err := g.client(t).CreateSubscription(t.Context(), wanted())
	if err != nil {
		t.Fatal(err)
	}
	want := wanted()
	want.ID = "7f105c7d-2dc5-4530-97cd-4e7ae6534c07"
	want.ApplicationID, want.CreatorID = ownApp, "8ee44408-0679-472c-bc2a-692812af3437"
	want.ExpiresAt = time.Date(2026, 11, 23, 19, 44, 0, 123456700, time.UTC)
	want.Certificate.DER = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	r := g.seen()[0]
	if r.Method != "POST" || r.URL.Path != "/v1.0/subscriptions" || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
	}
	if diff := cmp.Diff(map[string]any{
		"changeType":                "updated",
		"resource":                  "/communications/presences?$filter=id in ('" + agent(0) + "','" + agent(1) + "')",
		"notificationUrl":           "https://receiver.example.com/graph/notifications",
		"lifecycleNotificationUrl":  "https://receiver.example.com/graph/lifecycle",
		"clientState":               "slot.mac",
		"expirationDateTime":        "2026-11-23T18:59:00Z",
		"includeResourceData":       true,
		"latestSupportedTlsVersion": "v1_2",
		"encryptionCertificate":     base64.StdEncoding.EncodeToString([]byte("certificate")),
		"encryptionCertificateId":   "enc-2026-11",
	}, decode(t, r.body)); diff != "" {
		t.Error(diff)
	}
}

func TestCreateSubscriptionOfManyPeople(t *testing.T) {
	g := newGraph(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(201)
		io.WriteString(w, created)
	})
	want := wanted()
	want.UserIDs = agents(graph.MaxPeople)
	if _, err := g.client(t).CreateSubscription(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	ids, err := graph.PresenceUserIDs(decode(t, g.seen()[0].body)["resource"].(string))
	if err != nil || !slices.Equal(ids, want.UserIDs) {
		t.Fatalf("%d people went out, %v", len(ids), err)
	}
}

func TestCreateSubscriptionRefusesWhatGraphWould(t *testing.T) {
	g := answer(t, 201, created)
	for name, change := range map[string]func(*graph.Subscription){
		"nobody":         func(s *graph.Subscription) { s.UserIDs = nil },
		"too many":       func(s *graph.Subscription) { s.UserIDs = agents(graph.MaxPeople + 1) },
		"no certificate": func(s *graph.Subscription) { s.Certificate.DER = nil },
		"no key id":      func(s *graph.Subscription) { s.Certificate.ID = "" },
	} {
		s := wanted()
		change(&s)
		if _, err := g.client(t).CreateSubscription(t.Context(), s); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if n := len(g.seen()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestUselessAnswersAreErrors(t *testing.T) {
	for _, body := range []string{``, `null`, `{}`, `[]`, `<html>`, `{"id":"s"}`, `{"id":null,"expirationDateTime":"2026-11-23T18:59:00Z"}`, `{"id":"s","expirationDateTime":"soon"}`} {
		g := answer(t, 200, body)
		if _, err := g.client(t).CreateSubscription(t.Context(), wanted()); err == nil {
			t.Errorf("create took %s", body)
		}
		if _, err := g.client(t).RenewSubscription(t.Context(), "s", time.Now(), nil); err == nil {
			t.Errorf("renew took %s", body)
		}
	}
}

func TestTimesOfAllShapes(t *testing.T) {
	for sent, want := range map[string]time.Time{
		"2026-02-28T23:59:59Z":              time.Date(2026, 2, 28, 23, 59, 59, 0, time.UTC),
		"2026-02-28T23:59:59.1Z":            time.Date(2026, 2, 28, 23, 59, 59, 100e6, time.UTC),
		"2020-07-11T20:04:40.9743268+00:00": time.Date(2020, 7, 11, 20, 4, 40, 974326800, time.UTC),
		"2020-07-11T20:04:40+00:00":         time.Date(2020, 7, 11, 20, 4, 40, 0, time.UTC),
		"2026-02-28T23:59:59.123456Z":       time.Date(2026, 2, 28, 23, 59, 59, 123456e3, time.UTC),
		"2026-02-28T23:59:59.0000000Z":      time.Date(2026, 2, 28, 23, 59, 59, 0, time.UTC),
	} {
		g := answer(t, 200, `{"id":"s","expirationDateTime":"`+sent+`"}`)
		got, err := g.client(t).RenewSubscription(t.Context(), "s", time.Now(), nil)
		if err != nil || !got.ExpiresAt.Equal(want) || got.ExpiresAt.Location() != time.UTC {
			t.Errorf("%s: %s, %v", sent, got.ExpiresAt, err)
		}
	}
}

func TestRenewSendsOnlyWhatChanges(t *testing.T) {
	expires := time.Date(2026, 11, 23, 19, 59, 0, 999, time.UTC)
	for name, test := range map[string]struct {
		cert *graph.Certificate
		want map[string]any
	}{
		"time": {nil, map[string]any{"expirationDateTime": "2026-11-23T19:59:00Z"}},
		"certificate": {&graph.Certificate{ID: "new", DER: []byte("der")}, map[string]any{
			"expirationDateTime": "2026-11-23T19:59:00Z", "encryptionCertificateId": "new",
			"encryptionCertificate": base64.StdEncoding.EncodeToString([]byte("der")),
		}},
	} {
		g := answer(t, 200, created)
		got, err := g.client(t).RenewSubscription(t.Context(), "7f105c7d-2dc5-4530-97cd-4e7ae6534c07", expires, test.cert)
		if err != nil || got.ClientState != "" || len(got.UserIDs) != 2 {
			t.Fatalf("%+v, %v", got, err)
		}
		r := g.seen()[0]
		if r.Method != "PATCH" || r.URL.Path != "/v1.0/subscriptions/7f105c7d-2dc5-4530-97cd-4e7ae6534c07" {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		if diff := cmp.Diff(test.want, decode(t, r.body)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestRenewingWhatIsGone(t *testing.T) {
	g := answer(t, 404, `{"error":{"code":"ResourceNotFound","message":"The object was not found.","innerError":{"request-id":"r"}}}`)
	_, err := g.client(t).RenewSubscription(t.Context(), "s-1", time.Now(), nil)
	if graph.Classify(err) != graph.NotFound || !strings.Contains(err.Error(), "renew subscription s-1: ") {
		t.Fatal(err)
	}
}

func TestSubscriptionsListsAllPages(t *testing.T) {
	var g *fakeGraph
	g = newGraph(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("$skiptoken") {
		case "":
			fmt.Fprintf(w, `{"value":[%s,{"id":"of-another-app","applicationId":"ffffffff-0000-0000-0000-000000000000"}],"@odata.nextLink":"%s/v1.0/subscriptions?$skiptoken=a%%2Fb"}`, created, g.URL)
		case "a/b":
			fmt.Fprintf(w, `{"value":[],"@odata.nextLink":"%s/v1.0/subscriptions?$skiptoken=c"}`, g.URL)
		default:
			io.WriteString(w, `{"value":[{"id":"MAIL","resource":"me/messages","expirationDateTime":null},{"resource":"no id"}]}`)
		}
	})
	got, err := g.client(t).Subscriptions(t.Context())
	if err != nil || len(got) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	if len(got[0].UserIDs) != 2 || got[0].UserIDs[0] != agent(0) || got[0].ClientState != "" || got[0].ApplicationID != ownApp {
		t.Errorf("%+v", got[0])
	}
	if got[1].ID != "mail" || got[1].UserIDs != nil || !got[1].ExpiresAt.IsZero() {
		t.Errorf("%+v", got[1])
	}
	if r := g.seen(); len(r) != 3 || r[1].URL.RawQuery != "$skiptoken=a%2Fb" {
		t.Errorf("%d requests, second %s", len(r), r[1].URL)
	}
}

func TestNoListIsNoEmptyList(t *testing.T) {
	for _, body := range []string{``, `null`, `{}`, `[]`, `{"value":null}`, `<html>`} {
		c := answer(t, 200, body).client(t)
		if got, err := c.Subscriptions(t.Context()); err == nil {
			t.Errorf("%q is a list of %d subscriptions", body, len(got))
		}
		users := 0
		var last error
		for _, err := range c.Users(t.Context()) {
			users, last = users+1, err
		}
		if users != 1 || last == nil {
			t.Errorf("%q is a list of %d users, error %v", body, users, last)
		}
	}
	c := answer(t, 200, `{"value":[]}`).client(t)
	if got, err := c.Subscriptions(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
	for u, err := range c.Users(t.Context()) {
		t.Errorf("%v, %v", u, err)
	}
}

func TestDelete(t *testing.T) {
	for _, test := range []struct {
		name, body string
		status     int
		deleted    bool
	}{
		{"done", ``, 204, true},
		{"not found", `{"error":{"code":"ResourceNotFound","message":"The object was not found."}}`, 404, true},
		{"gone", `{}`, 410, true},
		{"teams, 404", `{"error":{"code":"ExtensionError","message":"Operation: Delete; Exception: [Status Code: NotFound; Reason: Not Found]"}}`, 404, true},
		{"teams, 400", `{"error":{"code":"ExtensionError","message":"Operation: Delete; Exception: [Status Code: NotFound; Reason: Not Found]"}}`, 400, true},
		{"teams, 500", `{"error":{"code":"ExtensionError","message":"Operation: Delete; Exception: [Status Code: NotFound; Reason: Not Found]"}}`, 500, true},
		{"forbidden", `{"error":{"code":"Forbidden","message":"no"}}`, 403, false},
		{"server", ``, 500, false},
	} {
		g := answer(t, test.status, test.body)
		if err := g.client(t).DeleteSubscription(t.Context(), "s"); (err == nil) != test.deleted {
			t.Errorf("%s: %v", test.name, err)
		}
		if r := g.seen(); r[0].Method+r[0].URL.Path != "DELETE/v1.0/subscriptions/s" {
			t.Errorf("%s %s", r[0].Method, r[0].URL)
		}
	}
}

func TestEmptyIDIsNoListing(t *testing.T) {
	g := answer(t, 200, created)
	c := g.client(t)
	_, renew := c.RenewSubscription(t.Context(), "", time.Now(), nil)
	if err := errors.Join(renew, c.DeleteSubscription(t.Context(), "")); strings.Count(err.Error(), "the id is empty") != 2 {
		t.Error(err)
	}
	if n := len(g.seen()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestConcurrentCalls(t *testing.T) {
	g := newGraph(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"id":%q,"expirationDateTime":"2026-11-23T18:59:00Z"}`, r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:])
	})
	c := g.client(t)
	errs := make(chan error, 20)
	for i := range cap(errs) {
		go func() {
			id := agent(i)
			got, err := c.RenewSubscription(t.Context(), id, time.Now(), nil)
			if err == nil && got.ID != id {
				err = fmt.Errorf("renewed %s instead of %s", got.ID, id)
			}
			errs <- err
		}()
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}
