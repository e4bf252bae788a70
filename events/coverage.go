package events

import (
	"errors"
	"fmt"
	"regexp"
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
	TenantID string  `json:"tenantId"` // lower-case GUID
	Tenant   string  `json:"tenant"`
	Account  string  `json:"account"` // the account key, not a name
	State    string  `json:"state"`
	Reason   string  `json:"reason,omitempty"` // in plain words, without personal data
	People   Covered `json:"people"`
	// Expiring is what ends soon that this service user needs, its own and what
	// all have in common; absent if nothing does.
	Expiring    []Expiring `json:"expiring,omitempty"`
	ObservedAt  time.Time  `json:"observedAt"`
	PublishedAt time.Time  `json:"publishedAt"`
}

// Expiring is something that somebody has to replace before it ends.
type Expiring struct {
	// Kind is client_secret, client_certificate, password, refresh_token,
	// tls_certificate or encryption_key; later versions may know more.
	Kind string `json:"kind"`
	// WithinDays is the step that was reached: 30, 14, 3, 1, or 0 at the end itself.
	WithinDays int       `json:"withinDays"`
	EndsAt     time.Time `json:"endsAt"`
}

func (d CoverageData) route() (route, error) {
	subject, err := CoverageSubject(d.TenantID, d.Account)
	if err != nil {
		return route{}, err
	}
	for _, e := range d.Expiring {
		err = errors.Join(err, checkExpiring(e))
	}
	err = errors.Join(
		err,
		oneOf("state", d.State, Healthy, Silent, Lost, Polled),
		checkTime("observedAt", d.ObservedAt),
		checkTime("publishedAt", d.PublishedAt),
	)
	return route{"/tenants/" + d.TenantID, d.Account, subject, d.ObservedAt}, err
}

func checkExpiring(e Expiring) error {
	if !kindForm.MatchString(e.Kind) || e.WithinDays < 0 {
		return fmt.Errorf("expiring: kind %q within %d days", e.Kind, e.WithinDays)
	}
	return checkTime("endsAt", e.EndsAt)
}

var kindForm = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)
