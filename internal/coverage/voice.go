package coverage

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"jtel.de/presencebridge/events"
)

// RestKey stands for the account in coverage events about people whom no
// account carries: everybody of a tenant that is only polled, or those beyond
// what the accounts can carry.
const RestKey = "poll"

// settle gathers changes, so that a start or an outage, which moves everybody
// one by one, is told in a few events.
const settle = time.Second

// Reasons in coverage events.
const (
	reasonSilent      = "people changed and no notification came; the subscription is made anew, and its people are read meanwhile"
	reasonNone        = "there is no subscription yet"
	reasonPoll        = "nobody pushes in this tenant: mode is poll"
	reasonBeyond      = "the service users cannot carry everybody; more of them are needed: %d"
	reasonQuarantined = "graph refused a subscription because of some of these people; it is tried again later"
	reasonJoining     = "changes of who is watched are gathered before subscriptions are made anew"
	reasonNobody      = "a subscription is there, or on its way, for everybody"
)

// statement is what a coverage event says.
type statement struct {
	state, reason string
	people        events.Covered
	expiring      []events.Expiring
}

func (s statement) equal(o statement) bool {
	return s.state == o.state && s.reason == o.reason && s.people == o.people && slices.Equal(s.expiring, o.expiring)
}

// statement of now.
func (a *account) statement(plan Plan) statement {
	s := statement{state: events.Healthy, people: a.people, expiring: a.expiring}
	switch {
	case a.record == nil:
		s.state, s.reason = events.Polled, polledBecause(a.people.Assigned, plan)
	case a.SubscriptionID == "" && (a.people.Assigned > 0 || a.Trouble != ""):
		s.state, s.reason = events.Lost, a.Trouble
		if s.reason == "" {
			s.reason = reasonNone
		}
	case a.record.silent:
		s.state, s.reason = events.Silent, reasonSilent
	}
	return s
}

// polledBecause says why so many people belong to no account.
func polledBecause(people int, plan Plan) string {
	switch {
	case len(plan.Accounts) == 0:
		return reasonPoll
	case people == 0:
		return reasonNobody
	}
	var reasons []string
	if plan.Unplaced > 0 {
		reasons = append(reasons, fmt.Sprintf(reasonBeyond, plan.Missing))
	}
	if plan.Quarantined > 0 {
		reasons = append(reasons, reasonQuarantined)
	}
	if people > plan.Unplaced+plan.Quarantined {
		reasons = append(reasons, reasonJoining)
	}
	return strings.Join(reasons, "; ")
}

// voice remembers what was said about an account and what is to be said.
type voice struct {
	said    statement
	certain bool // said is what the stream holds; not at first, nor after a failure
	// saidAt is when that was said last, and saidSince since when it is true.
	saidAt, saidSince time.Time

	next    statement
	id      string    // of the event that will say next
	since   time.Time // when next came true
	waiting time.Time // since when there is something to say; zero: there is not
}

// want takes the statement of now. What was said already is said again after a
// while, so that the stream always holds it.
func (v *voice) want(s statement, now time.Time, repeat time.Duration) {
	same := v.certain && s.equal(v.said)
	if same && now.Before(v.saidAt.Add(repeat)) {
		v.waiting = time.Time{}
		return
	}
	if v.waiting.IsZero() {
		v.waiting, v.id = now, ""
	}
	if v.id == "" || !s.equal(v.next) {
		v.next, v.id, v.since = s, rand.Text(), now
		if same {
			v.since = v.saidSince
		}
	}
}

// due is when next is to be said; zero: never.
func (v *voice) due() time.Time {
	if v.waiting.IsZero() {
		return time.Time{}
	}
	return v.waiting.Add(settle)
}

// stored notes what became of the attempt to say next.
func (v *voice) stored(err error, now time.Time) {
	v.certain = err == nil
	if err == nil {
		v.said, v.saidSince, v.saidAt, v.waiting = v.next, v.since, now, time.Time{}
	}
}
