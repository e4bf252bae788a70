package handlers

import (
	"strings"
	"testing"
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
		"":                                {"no_match", "shared_number", "no_mail"},
		"?kind=no_mail":                   {"no_mail"},
		"?kind=no_mail&tenant=contoso":    {},
		"?tenant=contoso":                 {"no_match", "shared_number"},
		"?limit=1":                        {"no_match"},
		"?limit=1&cursor=MTAwMDAwMDAwMA":  {"shared_number"},
		"?limit=10&cursor=MTAwMDAwMDAwMA": {"shared_number", "no_mail"},
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
	if _, body := ask(t, server, "GET", "/api/v1/people/report?limit=1"); !strings.Contains(body, `"nextCursor":"MTAwMDAwMDAwMA"`) {
		t.Error(body)
	}
}
