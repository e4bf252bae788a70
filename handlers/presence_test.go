package handlers

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// names are the people of an answer, tenant and number.
func names(t *testing.T, body string) (list []string, next string) {
	t.Helper()
	var page struct {
		People     []PersonPresence
		NextCursor string
	}
	if err := json.Unmarshal([]byte(body), &page); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	for _, p := range page.People {
		list = append(list, p.Tenant+p.User.ID[35:])
	}
	return list, page.NextCursor
}

func TestPresenceList(t *testing.T) {
	server := someOffice().serve(t, "", FeedOptions{})
	for query, want := range map[string]string{
		"":                              "contoso0 contoso1 contoso2 contoso3 fabrikam8 fabrikam9",
		"?tenant=contoso":               "contoso0 contoso1 contoso2 contoso3",
		"?tenant=" + fabrikamID:         "fabrikam8 fabrikam9",
		"?state=busy":                   "contoso0 contoso3 fabrikam8 fabrikam9",
		"?state=inacall&tenant=contoso": "contoso0 contoso3",
		"?state=Away,%20unknown":        "contoso1 contoso2",
		"?state=stale":                  "contoso1",
		"?state=,":                      "",
		"?mail=AGENT.1@contoso.com":     "contoso1",
		"?mail=agent1@contoso.com":      "contoso1",
		"?upn=agent1@contoso.com":       "contoso1",
		"?upn=agent.1@contoso.com":      "", // an e-mail address is no user name
		"?phone=%2B498912340003":        "contoso3 fabrikam8",
		"?mail=agent.1@contoso.com&phone=%2B498912340003":                   "contoso1", // the first that finds somebody
		"?mail=nobody@contoso.com&phone=%2B498912340003":                    "contoso3 fabrikam8",
		"?mail=nobody@contoso.com&upn=agent0@contoso.com&phone=%2B49891234": "contoso0",
		"?mail=nobody@contoso.com&phone=%2B498912340003&tenant=fabrikam":    "fabrikam8",
		"?mail=agent.1@contoso.com&state=Busy":                              "",
	} {
		res, body := ask(t, server, "GET", "/api/v1/presence"+query)
		if got, _ := names(t, body); res.StatusCode != 200 || strings.Join(got, " ") != want {
			t.Errorf("%s: %d %v, want %s", query, res.StatusCode, got, want)
		}
	}
	for query, detail := range map[string]string{
		"?limit=5001":     "limit must be a number from 1 to 5000",
		"?cursor=*":       "cursor must be the nextCursor of another page",
		"?tenant=unknown": "tenant must be the name or the id of one of: contoso, fabrikam",
	} {
		if res, body := ask(t, server, "GET", "/api/v1/presence"+query); res.StatusCode != 400 || !strings.Contains(body, detail) {
			t.Errorf("%s: %d %s", query, res.StatusCode, body)
		}
	}
	var seen []string
	for cursor := ""; ; {
		_, body := ask(t, server, "GET", "/api/v1/presence?limit=2&cursor="+cursor)
		got, next := names(t, body)
		seen = append(seen, got...)
		if cursor = next; cursor == "" {
			break
		}
	}
	if diff := cmp.Diff("contoso0 contoso1 contoso2 contoso3 fabrikam8 fabrikam9", strings.Join(seen, " ")); diff != "" {
		t.Error(diff)
	}
}

// What is told of a person is what a user event tells, and nothing is invented.
func TestPresenceOfOne(t *testing.T) {
	server := someOffice().serve(t, "", FeedOptions{})
	for path, want := range map[string]string{
		"/" + personID(0): `{"tenantId":"84bd8158-6d4d-4958-8b9f-9d6445542f95","tenant":"contoso","user":{"id":"00000000-0000-4000-8000-000000000000","userPrincipalName":"agent0@contoso.com","mail":"agent.0@contoso.com","displayName":"Agent 0","phones":["+498912340000"]},"availability":"Busy","activity":"InACall","outOfOffice":false,"statusMessage":"back at three","workLocation":"office","sequenceNumber":"A0129311063","previous":{"availability":"Available","activity":"Available","observedAt":"2026-11-23T17:00:00Z"},"origin":"notification","observedAt":"2026-11-23T18:00:00Z","publishedAt":"2026-11-23T18:00:00.003Z","freshness":"fresh"}`,
		"/" + personID(2): `{"tenantId":"84bd8158-6d4d-4958-8b9f-9d6445542f95","tenant":"contoso","user":{"id":"00000000-0000-4000-8000-000000000002","userPrincipalName":"agent2@contoso.com","mail":"agent.2@contoso.com","displayName":"Agent 2","phones":["+498912340002"]}}`,
		"/" + strings.ToUpper("0000000a-0000-4000-8000-000000000002"): `{"type":"about:blank","title":"Not Found","status":404,"detail":"nobody who is watched has this id; GET /api/v1/presence finds people by mail, upn or phone"}`,
	} {
		if _, body := ask(t, server, "GET", "/api/v1/presence"+path); body != want {
			t.Errorf("%s:\n%s\nwant\n%s", path, body, want)
		}
	}
}

// Five thousand people must be listed in less than 50 ms: see docs/performance.md.
func BenchmarkFiveThousandPeople(b *testing.B) {
	o := &office{played: somePlayed(), feed: &playedFeed{}}
	for n := range 5000 {
		o.people = append(o.people, somePresence("contoso", n))
		o.people[n].Previous = &PreviousPresence{"Available", "Available", sixOClock}
	}
	e := NewAdmin(AdminOptions{Log: slog.New(slog.DiscardHandler)})
	AddPresence(e, o)
	for name, query := range map[string]string{"all": "?limit=5000", "state": "?limit=5000&state=Away", "hundred": "", "mail": "?mail=agent.4999@contoso.com"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				e.ServeHTTP(w, httptest.NewRequest("GET", "http://127.0.0.1/api/v1/presence"+query, nil))
				if w.Code != 200 {
					b.Fatal(fmt.Sprint(w.Code, w.Body))
				}
			}
		})
	}
}
