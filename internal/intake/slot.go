package intake

import (
	"crypto/rand"
	"slices"
	"strings"
	"time"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/graph"
)

// slot is what we keep of one person.
type slot struct {
	turn chan struct{} // guards the rest; see turn.go
	last last
	// draft is last plus what the batch in hand will make of it, if the bus takes it.
	draft last
	// What follows is about that batch, too: an event of this person is being
	// published; one could not be; so often another writer was faster.
	inTurn, failed bool
	conflicts      int
}

// last is the last state that the bus acknowledged.
type last struct {
	known      bool
	presence   graph.Presence
	origin     graph.Origin
	observedAt time.Time // when that state was first observed
	stale      bool      // published as a state that could not be confirmed
	// eventID is that of the last event; before the first one it is unique to
	// this life of the person here. Somebody who left, was purged and came back
	// with the same state must not be taken for a repeat by the stream.
	eventID string
	// sequence is the place of that event on the stream; zero when there is none.
	sequence uint64
	// unsure is the id of a later event that the bus may or may not have stored.
	// Until something is acknowledged again, no state counts as told already.
	unsure string
	// newest is the largest sequence number heard; the state may have come without one.
	newest string
	// notifiedAt is when a notification was last heard, also one that said
	// nothing new: a read that was sent off before it knows less.
	// unstampedAt is the same of notifications without a sequence number.
	notifiedAt, unstampedAt time.Time
	// heard are the keys of the latest notifications. Graph repeats a
	// notification for up to four hours, longer than the bus remembers ids.
	heard [8]string
}

// unknown is what we know of somebody new.
func unknown() last { return last{eventID: rand.Text()} }

type verdict int

const (
	fresh  verdict = iota // tells something new, if only that the state still holds: publish
	repeat                // tells nothing new, or was heard before
	older                 // older than what is known
)

// judge decides what a reading is worth.
func (l *last) judge(r graph.Reading) verdict {
	if !l.known {
		return fresh
	}
	if l.hasHeard(r) {
		return repeat
	}
	// With a version stamp on both sides there is no doubt about the order. But
	// notifications may have none while reads do: no stamp of a read tells whether
	// such a notification is newer.
	// Source: Graph, presence resource, sequenceNumber.
	notified, is := l.notifiedAt, r.Presence.SequenceNumber
	if l.newest != "" && is != "" {
		if is < l.newest {
			return older
		}
		notified = l.unstampedAt
	}
	if !r.AskedAt.IsZero() && notified.After(r.AskedAt) {
		return older
	}
	if !l.stale && l.unsure == "" && r.Presence.Confirms(l.presence) {
		return repeat
	}
	return fresh
}

// hasHeard reports whether this very notification was heard before.
func (l *last) hasHeard(r graph.Reading) bool {
	return r.NotificationKey != "" && slices.Contains(l.heard[:], r.NotificationKey)
}

// moved reports whether a reading tells another availability or activity: what
// Graph notifies of. Other facts may change without a notification.
func (l *last) moved(r graph.Reading) bool {
	return l.known && !(strings.EqualFold(r.Presence.Availability, l.presence.Availability) &&
		strings.EqualFold(r.Presence.Activity, l.presence.Activity))
}

// reading is the last state as it was read, to be told again.
func (l *last) reading(tenantID string) graph.Reading {
	return graph.Reading{TenantID: tenantID, Presence: l.presence, Origin: l.origin, ObservedAt: l.observedAt}
}

// note remembers that a reading was heard.
func (l *last) note(r graph.Reading) {
	if r.AskedAt.IsZero() {
		l.noteTime(r.ObservedAt, r.Presence.SequenceNumber)
	}
	l.newest = max(l.newest, r.Presence.SequenceNumber)
	if r.NotificationKey == "" || l.heard[0] == r.NotificationKey {
		return
	}
	copy(l.heard[1:], l.heard[:])
	l.heard[0] = r.NotificationKey
}

// noteTime remembers when a notification was heard.
func (l *last) noteTime(at time.Time, sequenceNumber string) {
	if at.After(l.notifiedAt) {
		l.notifiedAt = at
	}
	if sequenceNumber == "" && at.After(l.unstampedAt) {
		l.unstampedAt = at
	}
}

// with is the state after a reading.
func (l last) with(r graph.Reading, eventID string) last {
	next := l
	next.known = true
	next.presence = r.Presence
	next.origin = r.Origin
	next.observedAt = r.ObservedAt
	next.stale = false
	next.eventID = eventID
	next.unsure = ""
	next.note(r)
	return next
}

func (l *last) adoptIfUnknown(other last) {
	if !l.known {
		*l = other
	}
}

// restored is the state that an event on the bus tells.
func restored(e events.UserEvent) last {
	return last{
		known: true,
		presence: graph.Presence{
			UserID:         e.Data.User.ID,
			Availability:   e.Data.Availability,
			Activity:       e.Data.Activity,
			OutOfOffice:    e.Data.OutOfOffice,
			SequenceNumber: e.Data.SequenceNumber,
			StatusMessage:  e.Data.StatusMessage,
			WorkLocation:   e.Data.WorkLocation,
		},
		origin:     graph.Origin(e.Data.Origin),
		observedAt: e.Data.ObservedAt,
		newest:     e.Data.SequenceNumber,
		stale:      e.Data.Freshness == events.Stale,
		eventID:    e.ID,
		sequence:   e.Sequence,
	}
}

// after is what is known once the bus turns out to hold another last event than
// we thought: what it tells, and what we heard ourselves. No event at all means
// that the stream has forgotten it, or that the person was purged.
func (l last) after(e events.UserEvent, sequence uint64) last {
	if e.ID == "" {
		l.sequence = sequence
		return l
	}
	next := restored(e)
	next.heard, next.notifiedAt, next.unstampedAt = l.heard, l.notifiedAt, l.unstampedAt
	next.newest = max(next.newest, l.newest)
	if e.Data.Origin == events.OriginNotification {
		next.noteTime(e.Data.ObservedAt, e.Data.SequenceNumber)
	}
	return next
}
