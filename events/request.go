package events

import "github.com/go-json-experiment/json/jsontext"

// Service is the name of the NATS service that answers questions about presence,
// by the micro convention; a bridge runs it. Its subjects:
const (
	Service         = "presence"
	RequestGet      = "presence.v1.api.get"
	RequestFind     = "presence.v1.api.find"
	RequestList     = "presence.v1.api.list"
	RequestCoverage = "presence.v1.api.coverage"
	RequestRefresh  = "presence.v1.api.refresh"
)

// Codes of the errors that the service answers with.
const (
	CodeInvalid     = 400 // the request cannot be understood; the text says why
	CodeNotFound    = 404 // nobody who is watched is meant
	CodeUnavailable = 503 // not now: ask again
)

// GetRequest asks for the last event about one person.
type GetRequest struct {
	UserID   string `json:"userId"`             // GUID
	TenantID string `json:"tenantId,omitempty"` // GUID; needed only if the id is known in two tenants
}

// FindRequest asks who has an address or a number. What is given first of UserID,
// Mail and Phone that somebody has is what counts: numbers are shared and move on.
type FindRequest struct {
	Tenant string `json:"tenant,omitempty"` // name or id; empty: every tenant
	UserID string `json:"userId,omitempty"` // GUID
	Mail   string `json:"mail,omitempty"`   // e-mail address or user principal name
	// Phone is a number in international form (+49 89 123456), or a national one
	// (089 123456) together with the Region in which it is read, like "DE".
	Phone  string `json:"phone,omitempty"`
	Region string `json:"region,omitempty"`
}

// ListRequest asks for a page of everybody, sorted by tenant and user id.
type ListRequest struct {
	Tenant string `json:"tenant,omitempty"` // name or id; empty: every tenant
	State  string `json:"state,omitempty"`  // only this availability or activity, in any case
	Limit  int    `json:"limit,omitempty"`  // 1 to 1000 people; 0: 100. A page may hold fewer
	Cursor string `json:"cursor,omitempty"` // NextCursor of the page before
}

// CoverageRequest asks how everybody is covered.
type CoverageRequest struct {
	Tenant string `json:"tenant,omitempty"` // name or id; empty: every tenant
}

// RefreshRequest asks to read people at Microsoft now: those whom it names as
// [FindRequest] does, else everybody of the tenant, else everybody.
type RefreshRequest = FindRequest

// People are the last events about people.
type People struct {
	People     []UserEvent
	NextCursor string // empty on the last page, and of what is not paged
}

// Coverage is the last thing said about each service user.
type Coverage struct{ Coverage []CoverageEvent }

// Refreshed says how many people are read now. What differs comes as events.
type Refreshed struct {
	Asked int `json:"asked"`
}

// peopleAnswer and coverageAnswer are People and Coverage in JSON.
type peopleAnswer struct {
	People     []jsontext.Value `json:"people"`
	NextCursor string           `json:"nextCursor,omitempty"`
}

type coverageAnswer struct {
	Coverage []jsontext.Value `json:"coverage"`
}
