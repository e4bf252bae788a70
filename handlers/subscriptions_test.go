package handlers

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// played are subscriptions that note what was asked.
type played struct {
	rows  []Subscription
	asked []string
	late  bool // the subscription is gone when it is asked about
}

func (p *played) List() []Subscription { return slices.Clone(p.rows) }

func (p *played) Ask(a SubscriptionAction, id string) bool {
	if p.late {
		return false
	}
	p.asked = append(p.asked, string(a)+" "+id)
	return true
}

const (
	subA = "7f105c7d-2dc5-4530-97cd-4e7ae6534c07"
	subB = "b36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1"
)

func somePlayed() *played {
	at := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	row := func(s Subscription) Subscription {
		s.Tenant, s.TenantID = "contoso", "84bd8158-6d4d-4958-8b9f-9d6445542f95"
		return s
	}
	return &played{rows: []Subscription{
		row(Subscription{Account: "poll", State: SubscriptionPolled, People: 3, Assigned: 3, Advice: "name more"}),
		row(Subscription{ID: subB, Account: "bb", Username: "svc2@contoso.com", State: SubscriptionHealthy, People: 3, ExpiresAt: at.Add(time.Hour)}),
		row(Subscription{Account: "cc", State: SubscriptionLost, Assigned: 9, Trouble: "graph answered 403", NextAttemptAt: at}),
		row(Subscription{ID: subA, Account: "aa", State: SubscriptionHealthy, People: 650, Assigned: 650, ExpiresAt: at.Add(time.Hour), RenewedAt: at, LastDeliveryAt: at}),
	}}
}

func TestSubscriptionRoutes(t *testing.T) {
	const (
		path      = "/api/v1/subscriptions"
		aa        = `{"id":"` + subA + `","tenant":"contoso","tenantId":"84bd8158-6d4d-4958-8b9f-9d6445542f95","account":"aa","state":"healthy","people":650,"assigned":650,"expiresAt":"2026-11-23T19:00:00Z","renewedAt":"2026-11-23T18:00:00Z","lastDeliveryAt":"2026-11-23T18:00:00Z"}`
		bb        = `{"id":"` + subB + `","tenant":"contoso","tenantId":"84bd8158-6d4d-4958-8b9f-9d6445542f95","account":"bb","username":"svc2@contoso.com","state":"healthy","people":3,"assigned":0,"expiresAt":"2026-11-23T19:00:00Z"}`
		cc        = `{"tenant":"contoso","tenantId":"84bd8158-6d4d-4958-8b9f-9d6445542f95","account":"cc","state":"lost","people":0,"assigned":9,"nextAttemptAt":"2026-11-23T18:00:00Z","trouble":"graph answered 403"}`
		rest      = `{"tenant":"contoso","tenantId":"84bd8158-6d4d-4958-8b9f-9d6445542f95","account":"poll","state":"polled","people":3,"assigned":3,"advice":"name more"}`
		afterBB   = "Y29udG9zbyBiYg"
		noSuch    = `{"type":"about:blank","title":"Not Found","status":404,"detail":"no subscription has this id; GET /api/v1/subscriptions lists those that there are"}`
		noLimit   = `{"type":"about:blank","title":"Bad Request","status":400,"detail":"limit must be a number from 1 to 1000"}`
		noCursor  = `{"type":"about:blank","title":"Bad Request","status":400,"detail":"cursor must be the nextCursor of another page"}`
		forbidden = `{"type":"about:blank","title":"Forbidden","status":403,"detail":"a page of another origin may not ask for this"}`
	)
	for _, tt := range []struct {
		method, path string
		status       int
		want         string
		asked        string
	}{
		{"GET", path, 200, `{"subscriptions":[` + aa + `,` + bb + `,` + cc + `,` + rest + `]}`, ""},
		{"GET", path + "?limit=2", 200, `{"subscriptions":[` + aa + `,` + bb + `],"nextCursor":"` + afterBB + `"}`, ""},
		{"GET", path + "?limit=2&cursor=" + afterBB, 200, `{"subscriptions":[` + cc + `,` + rest + `]}`, ""},
		{"GET", path + "?cursor=eg", 200, `{"subscriptions":[]}`, ""},
		{"GET", path + "?limit=0", 400, noLimit, ""},
		{"GET", path + "?limit=1001", 400, noLimit, ""},
		{"GET", path + "?limit=all", 400, noLimit, ""},
		{"GET", path + "?cursor=*", 400, noCursor, ""},
		{"POST", path + "/" + subA + "/renew", 202, `{"asked":"renew","note":"it is renewed now; if that fails it is tried again","subscription":` + aa + `}`, "renew " + subA},
		{"POST", path + "/" + strings.ToUpper(subA) + "/recreate", 202, `{"asked":"recreate","note":"it is made anew, on a spare account first if there is one","subscription":` + aa + `}`, "recreate " + subA},
		{"DELETE", path + "/" + subA, 202, `{"asked":"delete","note":"it is deleted; its people are still to be watched, so its account makes a new one at once","subscription":` + aa + `}`, "delete " + subA},
		{"DELETE", path + "/" + subB, 202, `{"asked":"delete","note":"it is deleted; its account is to carry nobody now","subscription":` + bb + `}`, "delete " + subB},
		{"POST", path + "/unknown/renew", 404, noSuch, ""},
		{"POST", path + "/unknown/recreate", 404, noSuch, ""},
		{"DELETE", path + "/unknown", 404, noSuch, ""},
		{"DELETE", path + "/%20", 404, noSuch, ""},
		{"POST late", path + "/" + subA + "/renew", 404, noSuch, ""},
		{"POST foreign", path + "/" + subA + "/renew", 403, forbidden, ""},
		{"DELETE foreign", path + "/" + subA, 403, forbidden, ""},
		{"POST stranger", path + "/" + subA + "/renew", 401, "", ""},
		{"GET stranger", path, 401, "", ""},
		{"GET", path + "/" + subA + "/renew", 405, "", ""},
		{"POST", path, 405, "", ""},
	} {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			p := somePlayed()
			e := NewAdmin(AdminOptions{Token: NewToken("token")})
			AddSubscriptions(e, p)
			server := httptest.NewServer(e)
			defer server.Close()
			method, how, _ := strings.Cut(tt.method, " ")
			p.late = how == "late"
			req, err := http.NewRequestWithContext(t.Context(), method, server.URL+tt.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if how != "stranger" {
				req.Header.Set("Authorization", "Bearer token")
			}
			if how == "foreign" {
				req.Header.Set("Origin", "https://evil.example")
			}
			res, err := server.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode != tt.status {
				t.Errorf("%d %s, %v; want %d", res.StatusCode, body, err, tt.status)
			}
			if diff := cmp.Diff(tt.want, strings.TrimSpace(string(body))); tt.want != "" && diff != "" {
				t.Error(diff)
			}
			if kind := res.Header.Get("Content-Type"); tt.status >= 400 && kind != "application/problem+json" {
				t.Errorf("an error as %s", kind)
			}
			if got := strings.Join(p.asked, ", "); got != tt.asked {
				t.Errorf("asked %q, want %q", got, tt.asked)
			}
		})
	}
}

// Pages of whatever size give every row once, and rows that go meanwhile hide no other.
func TestSubscriptionPages(t *testing.T) {
	p := &played{}
	e := NewAdmin(AdminOptions{})
	AddSubscriptions(e, p)
	rapid.Check(t, func(t *rapid.T) {
		p.rows = nil
		for _, n := range rapid.Permutation([]int{1, 2, 3, 4, 5, 6, 7, 8, 9}).Draw(t, "order") {
			p.rows = append(p.rows, Subscription{Tenant: fmt.Sprint("t", n%2), Account: fmt.Sprint(n)})
		}
		limit := rapid.IntRange(1, 10).Draw(t, "limit")
		seen, cursor := map[string]int{}, ""
		for range 12 {
			w := httptest.NewRecorder()
			e.ServeHTTP(w, httptest.NewRequest("GET", fmt.Sprintf("http://127.0.0.1/api/v1/subscriptions?limit=%d&cursor=%s", limit, cursor), nil))
			var page struct {
				Subscriptions []Subscription
				NextCursor    string
			}
			if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || len(page.Subscriptions) > limit {
				t.Fatalf("%s: %v", w.Body, err)
			}
			for _, s := range page.Subscriptions {
				seen[s.Account]++
			}
			if cursor = page.NextCursor; cursor == "" {
				break
			}
			gone := rapid.SampledFrom([]string{"1", "2", "none"}).Draw(t, "gone")
			p.rows = slices.DeleteFunc(p.rows, func(s Subscription) bool { return s.Account == gone })
		}
		for _, n := range []string{"3", "4", "5", "6", "7", "8", "9"} {
			if seen[n] != 1 {
				t.Fatalf("row %s is given %d times", n, seen[n])
			}
		}
	})
}
