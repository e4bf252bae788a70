package handlers

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// Covered counts people by how their changes become known. Push + Poll + None = Assigned.
type Covered struct {
	Assigned int `json:"assigned"`
	Push     int `json:"push"`
	Poll     int `json:"poll"`
	None     int `json:"none"` // their state is not known, or becomes stale
}

// TenantCoverage is how the people of a tenant are covered, and why some of
// them are not pushed.
type TenantCoverage struct {
	Tenant   string            `json:"tenant"`
	TenantID string            `json:"tenantId"`
	Mode     string            `json:"mode"` // "push", or "poll": on purpose
	People   Covered           `json:"people"`
	Reasons  []CoverageReason  `json:"reasons"`
	Accounts []AccountCoverage `json:"accounts"`
	Sweep    SweepStatus       `json:"sweep"`
}

// CoverageReason is why people are not pushed, in plain words, and what an
// operator can do about it.
type CoverageReason struct {
	Reason string `json:"reason"`
	People int    `json:"people"`
	Advice string `json:"advice,omitempty"`
}

// AccountCoverage is how the people of a service user are covered, or those whom
// no account carries.
type AccountCoverage struct {
	Account  string            `json:"account"` // the account key, or "poll"
	Username string            `json:"username,omitempty"`
	State    SubscriptionState `json:"state"`
	Reason   string            `json:"reason,omitempty"`
	People   Covered           `json:"people"`
}

// SweepStatus is how the reads of a tenant do.
type SweepStatus struct {
	Waiting int       `json:"waiting"`         // people who are asked for and not read yet
	ReadAt  time.Time `json:"readAt,omitzero"` // when all who were asked for had been read
	Trouble string    `json:"trouble,omitempty"`
}

// Coverage tells how everybody is covered, and has them read.
type Coverage interface {
	Tenants() []Tenant
	// Coverage of every tenant, sorted by name.
	Coverage() []TenantCoverage
	// Sweep has everybody of a tenant read now, of every tenant for an empty id. It
	// gives how many people that are and does not wait for it.
	Sweep(tenantID string) int
}

// AddCoverage adds the routes of /api/v1/coverage and /api/v1/sweep to the
// operators' side.
func AddCoverage(e *echo.Echo, cov Coverage) {
	e.GET("/api/v1/coverage", func(c echo.Context) error {
		return writeJSON(c, http.StatusOK, struct {
			Tenants []TenantCoverage `json:"tenants"`
		}{cov.Coverage()})
	})
	e.POST("/api/v1/sweep", func(c echo.Context) error {
		tenant, err := tenantAsked(c, cov.Tenants())
		if err != nil {
			return err
		}
		return writeJSON(c, http.StatusAccepted, struct {
			Asked  string `json:"asked"`
			Note   string `json:"note"`
			People int    `json:"people"`
		}{"sweep", "they are read now; GET /api/v1/coverage shows in sweep how many are still waited for", cov.Sweep(tenant)})
	})
}
