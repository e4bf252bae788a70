package handlers

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"
)

// Finding is something by which a contact centre, which looks for people by
// e-mail and then by number, finds nobody or the wrong one.
type Finding struct {
	Tenant   string `json:"tenant"`
	TenantID string `json:"tenantId"`
	// Kind is one of no_match, matched_twice, shared_address, shared_number,
	// unreadable_number, national_number, no_mail, mail_differs.
	Kind    string   `json:"kind"`
	Subject string   `json:"subject"` // the entry, address or number
	Reason  string   `json:"reason,omitempty"`
	People  []Person `json:"people"` // whom it concerns; nobody for an entry
	// Place is where it stands among those of its tenant, whatever else is found:
	// so that somebody who comes or goes between two pages hides no finding.
	Place string `json:"-"`
}

// place in the list of all. The names of tenants hold no blank.
func (f Finding) place() string { return f.Tenant + " " + f.Place }

// Identities tells what keeps people from being found.
type Identities interface {
	Tenants() []Tenant
	// Findings of a tenant, of every one for an empty id, sorted by the tenant's
	// name and then by place.
	Findings(tenantID string) []Finding
}

// AddReport adds the route of /api/v1/people/report to the operators' side.
func AddReport(e *echo.Echo, i Identities) {
	e.GET("/api/v1/people/report", func(c echo.Context) error {
		asked, err := pageAsked(c, 1000)
		if err != nil {
			return err
		}
		tenant, err := tenantAsked(c, i.Tenants())
		if err != nil {
			return err
		}
		list := i.Findings(tenant)
		if kind := c.QueryParam("kind"); kind != "" {
			list = slices.DeleteFunc(list, func(f Finding) bool { return f.Kind != kind })
		}
		var answer struct {
			Findings   []Finding `json:"findings"`
			NextCursor string    `json:"nextCursor,omitempty"`
		}
		answer.Findings, answer.NextCursor = pageOf(list, asked, Finding.place)
		return writeJSON(c, http.StatusOK, answer)
	})
}
