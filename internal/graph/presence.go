package graph

import (
	"strings"
	"time"
)

// MaxPeople is how many people one subscription or one bulk read may name.
// Source: Graph, "change notifications for presence" and getPresencesByUserId.
const MaxPeople = 650

// Presence is one person's presence as Graph told it. Availability and Activity
// are open strings kept exactly as sent; compare them with [Presence.Confirms].
type Presence struct {
	UserID       string // directory object id, lower-case GUID
	Availability string
	Activity     string

	// OutOfOffice is nil when Graph did not say.
	OutOfOffice *bool
	// SequenceNumber sorts lexicographically: the larger one is the newer state.
	// Empty when Graph sent none.
	SequenceNumber string
	// StatusMessage and WorkLocation are nil when Graph did not send them.
	StatusMessage *string
	WorkLocation  *string
}

// Confirms reports whether p, known later than last, tells a consumer nothing
// that last did not: states without regard to case, and no fact that differs.
// A fact that p does not tell confirms; one that only p tells is news unless it
// says "not so", since notifications carry fewer facts than reads.
func (p Presence) Confirms(last Presence) bool {
	return strings.EqualFold(p.Availability, last.Availability) &&
		strings.EqualFold(p.Activity, last.Activity) &&
		confirms(p.OutOfOffice, last.OutOfOffice) &&
		confirms(p.StatusMessage, last.StatusMessage) &&
		confirms(p.WorkLocation, last.WorkLocation)
}

func confirms[T comparable](later, last *T) bool {
	if later == nil {
		return true
	}
	var none T
	if last == nil {
		return *later == none
	}
	return *later == *last
}

// Origin says how a state became known.
type Origin string

// The origins that an event can have.
const (
	OriginNotification Origin = "notification" // Graph pushed it
	OriginSweep        Origin = "sweep"        // we read it, to prove or repair
	OriginStart        Origin = "start"        // we read it because we had just started
)

// Reading is a presence together with how and when we came to know it.
type Reading struct {
	TenantID string // lower-case GUID
	Presence Presence
	Origin   Origin

	// ObservedAt is when the bridge received it.
	ObservedAt time.Time
	// AskedAt is when the read that gave it was sent off; zero for notifications.
	// A notification observed after AskedAt knows better than this reading.
	AskedAt time.Time
	// NotificationKey is the same for every delivery of the same notification
	// and differs between notifications; empty for reads, and for notifications
	// that cannot be told apart.
	NotificationKey string
}

// Person names somebody of a tenant.
type Person struct {
	TenantID string // lower-case GUID
	UserID   string // lower-case GUID
}
