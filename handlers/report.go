package handlers

import (
	"net/http"
	"slices"
	"strconv"

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
}

// Identities tells what keeps people from being found.
type Identities interface {
	Tenants() []Tenant
	// Findings of a tenant, of every one for an empty id, sorted by the tenant's
	// name and then by kind.
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
		// Rows have no names of their own, but for their number in the list. It
		// changes with the directory, rarely.
		rows := make([]numbered, len(list))
		for n, f := range list {
			rows[n] = numbered{f, n}
		}
		var answer struct {
			Findings   []numbered `json:"findings"`
			NextCursor string     `json:"nextCursor,omitempty"`
		}
		answer.Findings, answer.NextCursor = pageOf(rows, asked, numbered.place)
		return writeJSON(c, http.StatusOK, answer)
	})
}

type numbered struct {
	Finding
	n int
}

// place sorts as text the way the numbers do.
func (r numbered) place() string { return strconv.FormatInt(int64(1e9+r.n), 10) }
