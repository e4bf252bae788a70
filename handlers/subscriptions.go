package handlers

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

// SubscriptionState is how the people of an account are covered.
type SubscriptionState string

// The states.
const (
	SubscriptionHealthy  SubscriptionState = "healthy"
	SubscriptionSilent   SubscriptionState = "silent"   // it exists and delivers nothing; its people are read meanwhile
	SubscriptionFailing  SubscriptionState = "failing"  // the last call failed; what exists may deliver all the same
	SubscriptionLost     SubscriptionState = "lost"     // there is none; its people are read until there is
	SubscriptionStarting SubscriptionState = "starting" // Graph has not told yet what there is
	SubscriptionIdle     SubscriptionState = "idle"     // the account is a spare one, it is to carry nobody
	SubscriptionPolled   SubscriptionState = "polled"   // people whom no account carries
)

// Subscription is a service user's account and the subscription that it has, or
// a tenant's people whom no account carries. Absent facts are left out.
type Subscription struct {
	ID       string            `json:"id,omitempty"` // while there is one
	Tenant   string            `json:"tenant"`       // its name
	TenantID string            `json:"tenantId"`
	Account  string            `json:"account"` // the account key, or "poll"
	Username string            `json:"username,omitempty"`
	State    SubscriptionState `json:"state"`
	People   int               `json:"people"`   // whom the subscription names
	Assigned int               `json:"assigned"` // whom the account is to carry

	ExpiresAt      time.Time `json:"expiresAt,omitzero"`
	RenewedAt      time.Time `json:"renewedAt,omitzero"`      // or created; unknown of one that was adopted
	LastDeliveryAt time.Time `json:"lastDeliveryAt,omitzero"` // of a notification, since it or the service began
	NextAttemptAt  time.Time `json:"nextAttemptAt,omitzero"`  // when Graph will be called next

	Trouble string `json:"trouble,omitempty"` // in plain words
	Advice  string `json:"advice,omitempty"`  // what an operator must do
}

// SubscriptionAction is what operators may ask for.
type SubscriptionAction string

// The actions.
const (
	RenewSubscription    SubscriptionAction = "renew"
	RecreateSubscription SubscriptionAction = "recreate"
	DeleteSubscription   SubscriptionAction = "delete"
)

// Subscriptions are those of every tenant.
type Subscriptions interface {
	// List gives each account once.
	List() []Subscription
	// Ask wants something done about a subscription and does not wait for it. It
	// reports whether there is one of this id.
	Ask(a SubscriptionAction, id string) bool
}

// AddSubscriptions adds the routes of /api/v1/subscriptions to the operators' side.
func AddSubscriptions(e *echo.Echo, s Subscriptions) {
	e.GET("/api/v1/subscriptions", func(c echo.Context) error { return listSubscriptions(c, s) })
	for _, route := range []struct {
		method, path string
		action       SubscriptionAction
	}{
		{http.MethodPost, "/renew", RenewSubscription},
		{http.MethodPost, "/recreate", RecreateSubscription},
		{http.MethodDelete, "", DeleteSubscription},
	} {
		e.Add(route.method, "/api/v1/subscriptions/:id"+route.path, func(c echo.Context) error {
			return askSubscription(c, s, route.action)
		})
	}
}

// asked is the answer to an action. Subscription is as it was before.
type asked struct {
	Asked        SubscriptionAction `json:"asked"`
	Note         string             `json:"note"`
	Subscription Subscription       `json:"subscription"`
}

// What happens next, in plain words.
var notes = map[SubscriptionAction]string{
	RenewSubscription:    "it is renewed now; if that fails it is tried again",
	RecreateSubscription: "it is made anew, on a spare account first if there is one",
	DeleteSubscription:   "it is deleted; its people are still to be watched, so its account makes a new one at once",
}

const noteIdle = "it is deleted; its account is to carry nobody now"

// askSubscription answers 202: whoever keeps the account's subscription acts.
func askSubscription(c echo.Context, s Subscriptions, a SubscriptionAction) error {
	id := strings.ToLower(c.Param("id"))
	list := s.List()
	i := slices.IndexFunc(list, func(l Subscription) bool { return l.ID != "" && l.ID == id })
	if i < 0 || !s.Ask(a, id) {
		return echo.NewHTTPError(http.StatusNotFound, "no subscription has this id; GET /api/v1/subscriptions lists those that there are")
	}
	note := notes[a]
	if a == DeleteSubscription && list[i].Assigned == 0 {
		note = noteIdle
	}
	return writeJSON(c, http.StatusAccepted, asked{a, note, list[i]})
}

// listSubscriptions answers a page, sorted by tenant and account.
func listSubscriptions(c echo.Context, s Subscriptions) error {
	p, err := pageAsked(c, 1000)
	if err != nil {
		return err
	}
	list := s.List()
	slices.SortFunc(list, func(a, b Subscription) int { return strings.Compare(a.place(), b.place()) })
	var page struct {
		Subscriptions []Subscription `json:"subscriptions"`
		NextCursor    string         `json:"nextCursor,omitempty"`
	}
	page.Subscriptions, page.NextCursor = pageOf(list, p, Subscription.place)
	return writeJSON(c, http.StatusOK, page)
}

// place is where a row stands in the list. The names of tenants hold no blank.
func (s Subscription) place() string { return s.Tenant + " " + s.Account }
