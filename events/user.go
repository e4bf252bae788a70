package events

import (
	"errors"
	"time"
)

// Values of [UserData].Origin: how the state became known.
const (
	OriginNotification = "notification" // Graph pushed it
	OriginSweep        = "sweep"        // the bridge read it, to prove or repair
	OriginStart        = "start"        // the bridge read it because it had just started
)

// Values of [UserData].Freshness.
const (
	Fresh = "fresh"
	// Stale: the state could not be confirmed for longer than the bridge's stale_after.
	Stale = "stale"
)

// User names a person as the directory does. Only ID is always there.
type User struct {
	ID                string   `json:"id"` // lower-case GUID
	UserPrincipalName string   `json:"userPrincipalName,omitempty"`
	Mail              string   `json:"mail,omitempty"`
	DisplayName       string   `json:"displayName,omitempty"`
	Phones            []string `json:"phones,omitempty"` // E.164 where the directory's number could be read
}

// Previous is the state that the event replaces.
type Previous struct {
	Availability string    `json:"availability"`
	Activity     string    `json:"activity"`
	ObservedAt   time.Time `json:"observedAt"`
}

// UserData is the state of one person. Availability and Activity are passed on
// as Graph sent them, unknown values included: compare them without regard to
// case. Facts that are not known are nil or empty and absent in JSON.
type UserData struct {
	TenantID string `json:"tenantId"` // lower-case GUID
	Tenant   string `json:"tenant"`   // the tenant's name in the bridge's configuration
	User     User   `json:"user"`

	Availability  string  `json:"availability"`
	Activity      string  `json:"activity"`
	OutOfOffice   *bool   `json:"outOfOffice,omitempty"`
	StatusMessage *string `json:"statusMessage,omitzero"`
	WorkLocation  *string `json:"workLocation,omitzero"`

	// SequenceNumber sorts as text; the larger one is the newer state. Empty if Graph sent none.
	SequenceNumber string    `json:"sequenceNumber,omitempty"`
	Previous       *Previous `json:"previous,omitzero"` // nil for the first state

	Origin      string    `json:"origin"`
	ObservedAt  time.Time `json:"observedAt"`  // when the bridge received it
	PublishedAt time.Time `json:"publishedAt"` // when the bridge published it
	Freshness   string    `json:"freshness"`
}

func (d UserData) route() (route, error) {
	subject, err := UserSubject(d.TenantID, d.User.ID)
	if err != nil {
		return route{}, err
	}
	err = errors.Join(
		oneOf("origin", d.Origin, OriginNotification, OriginSweep, OriginStart),
		oneOf("freshness", d.Freshness, Fresh, Stale),
		checkTime("observedAt", d.ObservedAt),
		checkTime("publishedAt", d.PublishedAt),
	)
	if d.Previous != nil {
		err = errors.Join(err, checkTime("previous.observedAt", d.Previous.ObservedAt))
	}
	return route{"/tenants/" + d.TenantID, d.User.ID, subject, d.ObservedAt}, err
}
