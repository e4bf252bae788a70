package handlers

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
)

const (
	contosoID  = "84bd8158-6d4d-4958-8b9f-9d6445542f95"
	fabrikamID = "0d2a1b76-30c1-4d0d-9a0c-63e5b0b7f7c1"
)

var sixOClock = time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)

// office is what the operators' side asks, played: two tenants, whoever is in
// people, and what was asked for.
type office struct {
	*played
	people []PersonPresence // sorted
	read   []string         // tenants that were to be read
	feed   *playedFeed
	keys   someKeys
	more   *Finding // in front of the others; may be nil
}

func personID(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012x", n) }

func somePresence(tenant string, n int) PersonPresence {
	out := false
	p := PersonPresence{
		Tenant: tenant, TenantID: contosoID,
		User: Person{
			ID: personID(n), UserPrincipalName: fmt.Sprintf("agent%d@%s.com", n, tenant), Mail: fmt.Sprintf("agent.%d@%s.com", n, tenant),
			DisplayName: fmt.Sprint("Agent ", n), Phones: []string{fmt.Sprintf("+49891234%04d", n)},
		},
		Availability: "Busy", Activity: "InACall", OutOfOffice: &out,
		Origin: "notification", ObservedAt: sixOClock, PublishedAt: sixOClock.Add(3 * time.Millisecond), Freshness: "fresh",
	}
	if tenant == "fabrikam" {
		p.TenantID = fabrikamID
	}
	return p
}

func someOffice() *office {
	o := &office{played: somePlayed(), feed: &playedFeed{}, keys: oneKey()}
	for n := range 4 {
		o.people = append(o.people, somePresence("contoso", n))
	}
	message, place := "back at three", "office"
	o.people[0].StatusMessage, o.people[0].WorkLocation, o.people[0].SequenceNumber = &message, &place, "A0129311063"
	o.people[0].Previous = &PreviousPresence{"Available", "Available", sixOClock.Add(-time.Hour)}
	o.people[1].Availability, o.people[1].Activity, o.people[1].Freshness = "Away", "Away", "stale"
	o.people[2] = PersonPresence{Tenant: "contoso", TenantID: contosoID, User: o.people[2].User}
	o.people = append(o.people, somePresence("fabrikam", 3), somePresence("fabrikam", 9))
	o.people[4].User.ID = personID(8)
	return o
}

func (o *office) Tenants() []Tenant {
	return []Tenant{{"contoso", contosoID}, {"fabrikam", fabrikamID}}
}

func (o *office) Ready() bool { return !o.late }

func (o *office) Everybody(tenantID string) []PersonPresence {
	if tenantID == "" {
		return slices.Clone(o.people)
	}
	return o.where(func(p PersonPresence) bool { return tenantID == "" || p.TenantID == tenantID })
}

func (o *office) where(match func(PersonPresence) bool) []PersonPresence {
	var list []PersonPresence
	for _, p := range o.people {
		if match(p) {
			list = append(list, p)
		}
	}
	return list
}

func (o *office) ByMail(tenantID, address string) []PersonPresence {
	return slices.DeleteFunc(o.Everybody(tenantID), func(p PersonPresence) bool {
		return !strings.EqualFold(p.User.Mail, address) && !strings.EqualFold(p.User.UserPrincipalName, address)
	})
}

func (o *office) ByPhone(tenantID, number string) []PersonPresence {
	return slices.DeleteFunc(o.Everybody(tenantID), func(p PersonPresence) bool { return !slices.Contains(p.User.Phones, number) })
}

func (o *office) ByID(id string) (PersonPresence, bool) {
	for _, p := range o.people {
		if p.User.ID == id {
			return p, true
		}
	}
	return PersonPresence{}, false
}

func (o *office) Coverage() []TenantCoverage {
	return []TenantCoverage{
		{
			Tenant: "contoso", TenantID: contosoID, Mode: "push", People: Covered{4, 2, 1, 1},
			Reasons: []CoverageReason{{"the service users carry as many as they can", 1, "name more"}, {Reason: "not read yet", People: 1}},
			Accounts: []AccountCoverage{
				{Account: "aa", Username: "svc@contoso.com", State: SubscriptionHealthy, People: Covered{3, 2, 0, 1}},
				{Account: "poll", State: SubscriptionPolled, Reason: "no place", People: Covered{1, 0, 1, 0}},
			},
			Sweep: SweepStatus{3, sixOClock, "graph answered 503 serviceUnavailable"},
		},
		{Tenant: "fabrikam", TenantID: fabrikamID, Mode: "poll", Reasons: []CoverageReason{}, Accounts: []AccountCoverage{}},
	}
}

func (o *office) Sweep(tenantID string) int {
	o.read = append(o.read, tenantID)
	return len(o.Everybody(tenantID))
}

func (o *office) Findings(tenantID string) []Finding {
	all := []Finding{
		{Tenant: "contoso", TenantID: contosoID, Kind: "no_match", Subject: "Contact centre", Reason: "the group has no members", People: []Person{}, Place: "0 contact centre"},
		{Tenant: "contoso", TenantID: contosoID, Kind: "shared_number", Subject: "+49891234", People: []Person{o.people[0].User, o.people[1].User}, Place: "3 +49891234"},
		{Tenant: "fabrikam", TenantID: fabrikamID, Kind: "no_mail", Subject: "agent9@fabrikam.com", People: []Person{o.people[5].User}, Place: "6 agent9@fabrikam.com"},
	}
	if o.more != nil {
		all = append([]Finding{*o.more}, all...)
	}
	return slices.DeleteFunc(all, func(f Finding) bool { return tenantID != "" && f.TenantID != tenantID })
}

// serve runs the whole operators' side.
func (o *office) serve(t testing.TB, token string, feeds FeedOptions) *httptest.Server {
	t.Helper()
	var asked *Token
	if token != "" {
		asked = NewToken(token)
	}
	e := NewAdmin(AdminOptions{
		Token: asked, Log: slog.New(slog.DiscardHandler),
		NotReady: func() map[string]string {
			if o.late {
				return map[string]string{"nats": "away"}
			}
			return nil
		},
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1") }),
	})
	o.add(e, feeds)
	server := httptest.NewUnstartedServer(nil)
	server.Config = NewServer(e, nil, slog.New(slog.DiscardHandler))
	server.Start()
	t.Cleanup(server.Close)
	return server
}

func (o *office) add(e *echo.Echo, feeds FeedOptions) {
	AddSubscriptions(e, o)
	AddPresence(e, o)
	AddCoverage(e, o)
	AddReport(e, o)
	AddKeys(e, &o.keys)
	AddTrail(e, o.Trail)
	AddFeed(e, o.feed, feeds)
	AddExpiries(e, func() []Expiry {
		return []Expiry{
			{Kind: "client_secret", Tenant: "contoso", TenantID: contosoID, State: "known", Ends: sixOClock, Due: true, Note: "n", Advice: "a"},
			{Kind: "password", Tenant: "contoso", TenantID: contosoID, Account: "aa", Username: "svc@contoso.com", State: "unknown"},
			{Kind: "encryption_key", State: "known", Ends: sixOClock, ByItself: true},
		}
	})
	AddActivity(e, func() Activity {
		return Activity{
			Version: "1.0", NotReady: map[string]string{"nats": "away"}, Behind: map[string]string{"forward": "away"}, StartedAt: sixOClock, Seconds: 10, Points: []ActivityPoint{{sixOClock, 0, 0, 0}, {sixOClock, 3, 1.5, 20}},
			Refused: []Refused{{"item", "client_state", 1, 2, sixOClock}},
		}
	})
	AddOpenAPI(e)
	AddPage(e)
}

// ask makes a request. Pairs are header fields.
func ask(t testing.TB, server *httptest.Server, method, path string, pairs ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		req.Header.Set(pairs[i], pairs[i+1])
		if pairs[i] == "Host" {
			req.Host = pairs[i+1]
		}
	}
	res, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}
