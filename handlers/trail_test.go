package handlers

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"jtel.de/presencebridge/internal/trail"
)

func TestTrailRoute(t *testing.T) {
	var asked TrailQuery
	people := 1
	e := NewAdmin(AdminOptions{})
	AddTrail(e, func(_ context.Context, q TrailQuery) (any, int) {
		asked = q
		return map[string]string{"userId": "b36a"}, people
	})
	get := func(path string) (int, string, string) {
		t.Helper()
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost/api/v1/trail/"+path, nil))
		return w.Code, w.Header().Get("Content-Type"), w.Body.String()
	}
	status, _, body := get("%2B49%2089%20123?at=2026-11-23T10:42:00%2B01:00&tenant=contoso")
	if status != http.StatusOK || !strings.Contains(body, `"b36a"`) {
		t.Errorf("status %d: %s", status, body)
	}
	if asked.Person != "+49 89 123" || asked.Tenant != "contoso" || !asked.At.Equal(time.Date(2026, 11, 23, 9, 42, 0, 0, time.UTC)) {
		t.Errorf("asked %+v", asked)
	}
	if get("a@b%2Fc"); asked.Person != "a@b/c" || time.Since(asked.At) > time.Hour {
		t.Errorf("asked %+v", asked)
	}
	for _, tt := range []struct {
		people int
		path   string
		status int
		detail string
	}{
		{0, "x", http.StatusNotFound, "nobody who is watched"},
		{2, "x", http.StatusConflict, "several people"},
		{1, "x?at=10:42", http.StatusBadRequest, "at must be a time"},
	} {
		people = tt.people
		status, kind, body := get(tt.path)
		if status != tt.status || kind != "application/problem+json" || !strings.Contains(body, tt.detail) {
			t.Errorf("%s: %d %s %s", tt.path, status, kind, body)
		}
	}
}

// Trail answers about everybody as about somebody who was busy.
func (o *office) Trail(_ context.Context, q TrailQuery) (any, int) {
	switch q.Person {
	case "nobody":
		return nil, 0
	case "several":
		return nil, 2
	}
	busy := trail.Entry{
		At: sixOClock, Kind: trail.KindState, Origin: "notification", Availability: "Busy", Activity: "InACall", OutOfOffice: new(false),
		SequenceNumber: "A1", Freshness: "fresh", Became: "published", EventID: "e1", StoredAt: sixOClock, StoredMs: new(2.5),
	}
	covered := trail.Entry{At: sixOClock, Kind: trail.KindCoverage, Account: "aa", State: "silent", Reason: "it tells nothing"}
	decided := trail.Entry{At: sixOClock, Kind: trail.KindDecision, Client: "sales", Decision: "unreachable", Rule: "busy", RuleLine: 8, EventID: "e1", DecidedMs: new(11.0)}
	return trail.Trail{
		TenantID: contosoID, Tenant: "contoso", UserID: personID(0), UserPrincipalName: "agent0@contoso.com", Mail: "agent.0@contoso.com",
		At: q.At, State: &busy, Coverage: &covered, Decisions: []trail.Entry{decided}, History: "1h0m0s", Since: sixOClock,
		Incomplete: "NATS is away", Truncated: true, Entries: []trail.Entry{
			busy, covered, decided, {At: sixOClock, Kind: trail.KindDirectory, Change: "added"},
			{At: sixOClock, Kind: trail.KindState, Origin: "sweep", Availability: "Away", Activity: "Away", Became: "repeated", Times: 2, LastAt: sixOClock},
		},
	}, 1
}
