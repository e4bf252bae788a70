package handlers

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

// Person is somebody who is watched. Absent facts are left out.
type Person struct {
	ID                string   `json:"id"`
	UserPrincipalName string   `json:"userPrincipalName,omitempty"`
	Mail              string   `json:"mail,omitempty"`
	DisplayName       string   `json:"displayName,omitempty"`
	Phones            []string `json:"phones,omitempty"`
}

// PersonPresence is a watched person and their last state, with the members that
// the data of a user event has. While nothing is known about the state,
// everything after the person is left out.
type PersonPresence struct {
	TenantID string `json:"tenantId"`
	Tenant   string `json:"tenant"` // its name
	User     Person `json:"user"`

	Availability   string            `json:"availability,omitempty"`
	Activity       string            `json:"activity,omitempty"`
	OutOfOffice    *bool             `json:"outOfOffice,omitempty"`
	StatusMessage  *string           `json:"statusMessage,omitzero"`
	WorkLocation   *string           `json:"workLocation,omitzero"`
	SequenceNumber string            `json:"sequenceNumber,omitempty"`
	Previous       *PreviousPresence `json:"previous,omitempty"`
	Origin         string            `json:"origin,omitempty"`
	ObservedAt     time.Time         `json:"observedAt,omitzero"`
	PublishedAt    time.Time         `json:"publishedAt,omitzero"`
	Freshness      string            `json:"freshness,omitempty"`
}

// PreviousPresence is the state before.
type PreviousPresence struct {
	Availability string    `json:"availability"`
	Activity     string    `json:"activity"`
	ObservedAt   time.Time `json:"observedAt"`
}

// Presence tells the last state of people. An empty tenant id means every
// tenant. What it gives is the caller's, and sorted by the tenant's name and the
// person's id.
type Presence interface {
	Tenants() []Tenant
	// Ready is false until the last states are known for the first time.
	Ready() bool
	// Everybody who is watched.
	Everybody(tenantID string) []PersonPresence
	// ByMail finds people by e-mail address or user principal name, ByPhone by
	// number; each without regard to how it is written.
	ByMail(tenantID, address string) []PersonPresence
	ByPhone(tenantID, number string) []PersonPresence
	// ByID finds one by the object id, in lower case.
	ByID(userID string) (PersonPresence, bool)
}

// mostPeople on a page.
const mostPeople = 5000

// AddPresence adds the routes of /api/v1/presence to the operators' side.
func AddPresence(e *echo.Echo, p Presence) {
	ready := func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if !p.Ready() { // nobody's state is known, which must not look like an answer
				c.Response().Header().Set(echo.HeaderRetryAfter, retryAfter)
				return echo.NewHTTPError(http.StatusServiceUnavailable, "the last states were not read from NATS yet; try again, and see /readyz")
			}
			return next(c)
		}
	}
	e.GET("/api/v1/presence", func(c echo.Context) error { return listPresence(c, p) }, ready)
	e.GET("/api/v1/presence/:userId", func(c echo.Context) error {
		person, found := p.ByID(strings.ToLower(c.Param("userId")))
		if !found {
			return echo.NewHTTPError(http.StatusNotFound, "nobody who is watched has this id; GET /api/v1/presence finds people by mail, upn or phone")
		}
		return writeJSON(c, http.StatusOK, person)
	}, ready)
}

func listPresence(c echo.Context, p Presence) error {
	asked, err := pageAsked(c, mostPeople)
	if err != nil {
		return err
	}
	tenant, err := tenantAsked(c, p.Tenants())
	if err != nil {
		return err
	}
	list := lookUp(c, p, tenant)
	if state := c.QueryParam("state"); state != "" {
		list = slices.DeleteFunc(list, func(p PersonPresence) bool { return !p.isIn(state) })
	}
	var answer struct {
		People     []PersonPresence `json:"people"`
		NextCursor string           `json:"nextCursor,omitempty"`
	}
	answer.People, answer.NextCursor = pageOf(list, asked, PersonPresence.place)
	return writeJSON(c, http.StatusOK, answer)
}

// lookUp finds people the way an adapter does: by e-mail address, then by user
// principal name, then by number; the first that finds somebody counts.
func lookUp(c echo.Context, p Presence, tenant string) []PersonPresence {
	mail, upn, phone := c.QueryParam("mail"), c.QueryParam("upn"), c.QueryParam("phone")
	if mail == "" && upn == "" && phone == "" {
		return p.Everybody(tenant)
	}
	var found []PersonPresence
	if mail != "" {
		found = p.ByMail(tenant, mail)
	}
	if len(found) == 0 && upn != "" {
		found = slices.DeleteFunc(p.ByMail(tenant, upn), func(p PersonPresence) bool {
			return !strings.EqualFold(p.User.UserPrincipalName, strings.TrimSpace(upn))
		})
	}
	if len(found) == 0 && phone != "" {
		found = p.ByPhone(tenant, phone)
	}
	return found
}

// isIn reports whether a person is in one of the states, separated by commas:
// an availability or an activity in any case, "stale", or "unknown" for those of
// whom no state is known.
func (p PersonPresence) isIn(states string) bool {
	for state := range strings.SplitSeq(states, ",") {
		switch state = strings.TrimSpace(state); {
		case state == "":
		case strings.EqualFold(state, p.Availability), strings.EqualFold(state, p.Activity), strings.EqualFold(state, p.Freshness):
			return true
		case strings.EqualFold(state, "unknown") && p.Availability == "":
			return true
		}
	}
	return false
}

// place is where a row stands in the list. The names of tenants hold no blank.
func (p PersonPresence) place() string { return p.Tenant + " " + p.User.ID }
