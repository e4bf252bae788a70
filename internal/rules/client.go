package rules

import (
	"strings"
	"time"

	"jtel.de/presencebridge/events"
)

// Values of [Rule].Then, and of the keys stale and otherwise.
const (
	Reachable   = events.Reachable
	Unreachable = events.Unreachable
	Unchanged   = "unchanged" // as if the state had not come
)

// DefaultHold is how long somebody must have been free before a call may come,
// unless the file says otherwise.
const DefaultHold = 10 * time.Second

// Set is what a rules file says.
type Set struct {
	// Fingerprint changes whenever the text of the file does.
	Fingerprint string
	Clients     []*Client
	known       vocabulary
}

// Client is one Mandant of the ACD: which people it asks about and how it decides.
type Client struct {
	Name      string // one token, lower case: part of the subject of its decisions
	Tenants   []string
	Region    string // country by which national phone numbers are read, like "DE"
	People    *Who   // nil: everybody of the tenants
	Overrides []Override
	Rules     []Rule
	Hold      time.Duration
	Stale     Rule // decides about every stale state
	Otherwise Rule // decides when no rule does
	known     *vocabulary
}

// Override is what differs for some people: its rules come before the client's.
type Override struct {
	Name   string
	Line   int
	People Who
	Rules  []Rule
	Hold   *time.Duration // nil: as without the override
	Stale  *Rule          // nil: as without the override
}

// Rule maps states to a result. Every condition that is given must hold; within
// a condition one pattern is enough.
type Rule struct {
	Name         string
	Line         int // in the file, from 1
	Availability []pattern
	Activity     []pattern
	OutOfOffice  *bool
	Then         string
}

// Misses names the first condition that a state does not meet, as the key in the
// file; empty when the rule matches. Whether somebody is out of office is not
// always known, and then neither true nor false is met.
func (r *Rule) Misses(d *events.UserData) string {
	switch {
	case len(r.Availability) > 0 && !anyMatches(r.Availability, d.Availability):
		return "availability"
	case len(r.Activity) > 0 && !anyMatches(r.Activity, d.Activity):
		return "activity"
	case r.OutOfOffice != nil && (d.OutOfOffice == nil || *d.OutOfOffice != *r.OutOfOffice):
		return "out_of_office"
	}
	return ""
}

// Listens reports whether the client asks about this person.
func (c *Client) Listens(d *events.UserData) bool {
	for _, t := range c.Tenants {
		if strings.EqualFold(t, d.TenantID) || matches(pattern(t), d.Tenant) {
			return c.People == nil || c.People.Names(&d.User, c.Region) != ""
		}
	}
	return false
}
