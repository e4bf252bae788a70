package coverage

import (
	"crypto/rand"
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
	reasonSilent = "people changed and no notification came; the subscription is made anew, and its people are read meanwhile"
	reasonNone   = "there is no subscription yet"
	reasonPoll   = "nobody pushes in this tenant: mode is poll"
	reasonBeyond = "the service users cannot carry these people"
)

// statement is what a coverage event says.
type statement struct {
	state, reason string
	people        events.Covered
}

// statement of now; polled: the tenant has no accounts at all.
func (a *account) statement(polled bool) statement {
	s := statement{state: events.Healthy, people: a.people}
	switch {
	case a.record == nil && polled:
		s.state, s.reason = events.Polled, reasonPoll
	case a.record == nil:
		s.state, s.reason = events.Polled, reasonBeyond
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

// voice remembers what was said about an account and what is to be said.
type voice struct {
	said    statement
	certain bool // said is what the stream holds; not at first, nor after a failure

	next    statement
	id      string    // of the event that will say next
	since   time.Time // when next came true
	waiting time.Time // since when there is something to say; zero: there is not
}

// want takes the statement of now.
func (v *voice) want(s statement, now time.Time) {
	if v.certain && s == v.said {
		v.waiting = time.Time{}
		return
	}
	if v.waiting.IsZero() {
		v.waiting, v.id = now, ""
	}
	if v.id == "" || s != v.next {
		v.next, v.id, v.since = s, rand.Text(), now
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
func (v *voice) stored(err error) {
	v.certain = err == nil
	if err == nil {
		v.said, v.waiting = v.next, time.Time{}
	}
}
