package events

import (
	"errors"
	"time"
)

// Values of [CoverageData].State.
const (
	Healthy = "healthy" // changes are pushed, and lately proved to be
	Silent  = "silent"  // the subscription exists but delivers nothing; its people are polled
	Lost    = "lost"    // there is no subscription; its people are polled until there is one
	Polled  = "polled"  // polled on purpose: the tenant's mode is "poll"
)

// Covered counts the people of one service user. Push + Poll + None = Assigned.
type Covered struct {
	Assigned int `json:"assigned"`
	Push     int `json:"push"`
	Poll     int `json:"poll"`
	None     int `json:"none"` // their state is not known and becomes stale
}

// CoverageData says how the people of one service user are covered.
type CoverageData struct {
	TenantID    string    `json:"tenantId"` // lower-case GUID
	Tenant      string    `json:"tenant"`
	Account     string    `json:"account"` // the account key, not a name
	State       string    `json:"state"`
	Reason      string    `json:"reason,omitempty"` // in plain words, without personal data
	People      Covered   `json:"people"`
	ObservedAt  time.Time `json:"observedAt"`
	PublishedAt time.Time `json:"publishedAt"`
}

func (d CoverageData) route() (route, error) {
	subject, err := CoverageSubject(d.TenantID, d.Account)
	if err != nil {
		return route{}, err
	}
	err = errors.Join(
		oneOf("state", d.State, Healthy, Silent, Lost, Polled),
		checkTime("observedAt", d.ObservedAt),
		checkTime("publishedAt", d.PublishedAt),
	)
	return route{"/tenants/" + d.TenantID, d.Account, subject, d.ObservedAt}, err
}
