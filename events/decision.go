package events

import (
	"errors"
	"time"
)

// Values of [DecisionData].Decision.
const (
	Reachable   = "reachable"
	Unreachable = "unreachable"
)

// DecisionData says whether a person may get a call of one client. The bridge
// never publishes it: adapters do, after their own rules.
type DecisionData struct {
	Client     string    `json:"client"`   // the adapter's name for its client
	TenantID   string    `json:"tenantId"` // lower-case GUID
	UserID     string    `json:"userId"`   // lower-case GUID
	Decision   string    `json:"decision"`
	Rule       string    `json:"rule"`              // the rule that decided
	RuleLine   int       `json:"ruleLine,omitzero"` // where it stands in the rules file, from 1
	EventID    string    `json:"eventId,omitempty"` // the user event that it decided about
	ObservedAt time.Time `json:"observedAt"`        // when the decision was made
}

func (d DecisionData) route() (route, error) {
	if _, err := guid("tenant id", d.TenantID); err != nil {
		return route{}, err
	}
	subject, err := DecisionSubject(d.Client, d.UserID)
	if err != nil {
		return route{}, err
	}
	err = errors.Join(
		oneOf("decision", d.Decision, Reachable, Unreachable),
		checkTime("observedAt", d.ObservedAt),
	)
	return route{"/clients/" + d.Client, d.UserID, subject, d.ObservedAt}, err
}
