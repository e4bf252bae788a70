package handlers

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSweepRoute(t *testing.T) {
	o := someOffice()
	server := o.serve(t, "", FeedOptions{})
	for path, want := range map[string]string{
		"/api/v1/sweep":                      `"people":6}`,
		"/api/v1/sweep?tenant=fabrikam":      `"people":2}`,
		"/api/v1/sweep?tenant=" + contosoID:  `"people":4}`,
		"/api/v1/sweep?tenant=somebody-else": `"status":400,"detail":"tenant must be the name or the id of one of: contoso, fabrikam"}`,
	} {
		if _, body := ask(t, server, "POST", path); !strings.HasSuffix(body, want) {
			t.Errorf("%s: %s", path, body)
		}
	}
	if len(o.read) != 3 {
		t.Errorf("asked to read %v", o.read)
	}
	if res, _ := ask(t, server, "GET", "/api/v1/sweep"); res.StatusCode != 405 {
		t.Errorf("GET: %d", res.StatusCode)
	}
}

func TestReportRoute(t *testing.T) {
	server := someOffice().serve(t, "", FeedOptions{})
	for query, want := range map[string][]string{
		"":                             {"no_match", "shared_number", "no_mail"},
		"?kind=no_mail":                {"no_mail"},
		"?kind=no_mail&tenant=contoso": {},
		"?tenant=contoso":              {"no_match", "shared_number"},
		"?limit=1":                     {"no_match"},
	} {
		res, body := ask(t, server, "GET", "/api/v1/people/report"+query)
		if res.StatusCode != 200 || strings.Count(body, `"kind"`) != len(want) {
			t.Errorf("%s: %d %s", query, res.StatusCode, body)
		}
		for _, kind := range want {
			if !strings.Contains(body, `"kind":"`+kind+`"`) {
				t.Errorf("%s: no %s in %s", query, kind, body)
			}
		}
	}
}

// A finding that comes or goes between two pages hides and repeats no other.
func TestReportPages(t *testing.T) {
	o := someOffice()
	server := o.serve(t, "", FeedOptions{})
	var seen []string
	for cursor, pages := "", 0; pages == 0 || cursor != ""; pages++ {
		_, body := ask(t, server, "GET", "/api/v1/people/report?limit=1&cursor="+cursor)
		var page struct {
			Findings   []Finding
			NextCursor string
		}
		if err := json.Unmarshal([]byte(body), &page); err != nil {
			t.Fatal(err)
		}
		for _, f := range page.Findings {
			seen = append(seen, f.Kind)
		}
		cursor = page.NextCursor
		o.more = &Finding{Tenant: "contoso", TenantID: contosoID, Kind: "no_match", Subject: "A", Place: "0 a"} // before what was seen
		if pages == 1 {
			o.more = nil
		}
	}
	if diff := cmp.Diff([]string{"no_match", "shared_number", "no_mail"}, seen); diff != "" {
		t.Error(diff)
	}
}
