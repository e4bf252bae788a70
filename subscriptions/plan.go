package subscriptions

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

const (
	// Lifetime is what we ask for: Graph allows 60 minutes, one is for skewed clocks.
	Lifetime = 59 * time.Minute
	// renewBelow: an adopted subscription, whose granted life nobody knows any
	// more, is renewed once less than half of Graph's hour is left.
	renewBelow = 30 * time.Minute
	// tooShort is less than a renewal may take (it can hang for a minute), so
	// that adopting such a subscription would be a bet.
	tooShort = 2 * time.Minute
)

// Desired is what one account (service user) should carry.
type Desired struct {
	TenantID   string // lower-case GUID
	AccountKey string // graph.AccountKey of the service user
	// UserIDs are sorted, in lower case, at most graph.MaxPeople. Nobody means
	// that no subscription is wanted.
	UserIDs []string
	// Undecided: who is wanted depends on what the accounts have. The manager
	// says what there is and touches nothing.
	Undecided bool
	// Trial: the people are chosen to find out because of whom Graph refuses a
	// subscription. That it refuses them is an answer, so the pauses after
	// failures start anew with each trial.
	Trial bool
	// Reject is the id of a subscription that must go whatever it names: it
	// turned out not to deliver. Usually empty.
	Reject          string
	NotificationURL string
	LifecycleURL    string
	// Certificate is what new subscriptions are encrypted with, and old ones
	// from their next renewal on.
	Certificate graph.Certificate
	// KnownCertificates reports whether we still hold the key of a certificate id.
	KnownCertificates func(id string) bool
	ClientState       string
}

// Kind is what an action does.
type Kind int

// The kinds of action. A replacement is a Delete before a Create, because
// Graph allows one presence subscription per app and account.
const (
	Adopt  Kind = iota // take over what Graph has; no call
	Delete             // remove it from Graph
	Renew              // move the expiry of what was adopted
	Create             // make what is desired
)

func (k Kind) String() string {
	names := [...]string{"adopt", "delete", "renew", "create"}
	if k < 0 || int(k) >= len(names) {
		return fmt.Sprintf("kind %d", int(k))
	}
	return names[k]
}

// Action is one step of a plan.
type Action struct {
	Kind Kind
	// Subscription is the one to act on, or to create: then without id and expiry.
	Subscription graph.Subscription
	Reason       string // in plain words, for the log
}

// Plan tells how to get from what Graph lists for the account to what is
// desired. The actions are in a safe order: everything that must go is deleted
// before anything is created, and what is good is kept before that.
// Subscriptions to something other than presence, which name nobody, stay alone.
func Plan(d Desired, actual []graph.Subscription, now time.Time) []Action {
	actual = slices.DeleteFunc(slices.Clone(actual), func(s graph.Subscription) bool { return len(s.UserIDs) == 0 })
	keep, found := longest(actual, func(s graph.Subscription) bool { return misfit(d, s, now) == "" })
	var plan []Action
	if found {
		plan = append(plan, Action{Adopt, keep, "fits"})
	}
	for _, s := range actual {
		if found && s.ID == keep.ID {
			continue
		}
		reason := misfit(d, s, now)
		if reason == "" {
			reason = "another one fits, too"
		}
		plan = append(plan, Action{Delete, s, reason})
	}
	switch {
	case found && keep.ExpiresAt.Sub(now) < renewBelow:
		plan = append(plan, Action{Renew, keep, "less than half of an hour is left"})
	case !found && len(d.UserIDs) > 0:
		plan = append(plan, Action{Create, d.subscription(), "none fits"})
	}
	return plan
}

// longest is the one of those that fit that lives longest.
func longest(actual []graph.Subscription, fits func(graph.Subscription) bool) (graph.Subscription, bool) {
	fitting := slices.DeleteFunc(slices.Clone(actual), func(s graph.Subscription) bool { return !fits(s) })
	if len(fitting) == 0 {
		return graph.Subscription{}, false
	}
	return slices.MaxFunc(fitting, func(a, b graph.Subscription) int {
		return cmp.Or(a.ExpiresAt.Compare(b.ExpiresAt), cmp.Compare(a.ID, b.ID))
	}), true
}

// misfit tells why a listed subscription cannot be adopted, or nothing.
func misfit(d Desired, s graph.Subscription, now time.Time) string {
	if s.ExpiresAt.Sub(now) < tooShort {
		return "it is about to end"
	}
	return d.differs(s)
}

// differs tells why a subscription is not the desired one, or nothing.
func (d Desired) differs(s graph.Subscription) string {
	switch {
	case len(d.UserIDs) == 0:
		return "it is to carry nobody"
	case s.ID != "" && s.ID == d.Reject:
		return "it is to be made anew"
	case s.NotificationURL != d.NotificationURL || s.LifecycleURL != d.LifecycleURL:
		return "its URLs are others"
	case !slices.Equal(s.UserIDs, d.UserIDs):
		return "its people are others" // Graph cannot change them
	case s.Certificate.ID == "" || !d.KnownCertificates(s.Certificate.ID):
		// Listings hide the client state. A certificate of ours proves that we
		// made it, with our sealed secret; without one nothing could be decrypted.
		return "its certificate is not ours"
	}
	return ""
}

// subscription is what to create; the expiry is set when it is sent.
func (d Desired) subscription() graph.Subscription {
	return graph.Subscription{
		UserIDs:         d.UserIDs,
		NotificationURL: d.NotificationURL,
		LifecycleURL:    d.LifecycleURL,
		ClientState:     d.ClientState,
		Certificate:     d.Certificate,
	}
}
