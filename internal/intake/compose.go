package intake

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strconv"

	"go.opentelemetry.io/otel/trace"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/people"
)

// keep takes out what may not leave the house, before anything is compared or
// remembered: a hidden status message must not even cause an event.
func (f Fields) keep(p graph.Presence) graph.Presence {
	if !f.StatusMessage {
		p.StatusMessage = nil
	}
	if !f.WorkLocation {
		p.WorkLocation = nil
	}
	return p
}

// User is a person as consumers may see them.
func (f Fields) User(p people.Person) events.User {
	u := events.User{ID: p.ID, UserPrincipalName: p.UserPrincipalName, Mail: p.Mail}
	if f.DisplayName {
		u.DisplayName = p.DisplayName
	}
	if f.Phones {
		u.Phones = p.Phones
	}
	return u
}

// compose makes the message that tells a reading and whether it still holds.
func (in *Intake) compose(was last, person people.Person, r graph.Reading, freshness, trace string) (events.Message, error) {
	var id string
	if r.NotificationKey != "" {
		id = events.UserMessageID(r.TenantID, person.ID, r.NotificationKey)
	} else {
		id = events.ReadMessageID(r.TenantID, person.ID, was.eventID, append(stateOf(r.Presence), freshness)...)
	}
	e := events.UserEvent{ID: id, Data: events.UserData{
		TenantID:       r.TenantID,
		Tenant:         in.Tenants[r.TenantID],
		User:           in.Fields.User(person),
		Availability:   r.Presence.Availability,
		Activity:       r.Presence.Activity,
		OutOfOffice:    r.Presence.OutOfOffice,
		StatusMessage:  r.Presence.StatusMessage,
		WorkLocation:   r.Presence.WorkLocation,
		SequenceNumber: r.Presence.SequenceNumber,
		Origin:         string(r.Origin),
		ObservedAt:     r.ObservedAt,
		PublishedAt:    in.Now(),
		Freshness:      freshness,
	}}
	if was.known {
		e.Data.Previous = &events.Previous{
			Availability: was.presence.Availability,
			Activity:     was.presence.Activity,
			ObservedAt:   was.observedAt,
		}
	}
	m, err := events.NewMessage(e)
	if err != nil {
		return events.Message{}, fmt.Errorf("compose event of a person of tenant %s: %w", r.TenantID, err)
	}
	m.Traceparent = trace
	return m, nil
}

// traceparent is the W3C trace context that consumers go on with: that of the
// span in ctx, or else one of our own, so that a consumer can name what it
// received. The events of one batch share it.
func traceparent(ctx context.Context) string {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		return fmt.Sprintf("00-%s-%s-%s", span.TraceID(), span.SpanID(), span.TraceFlags())
	}
	var id [24]byte
	rand.Read(id[:]) // never fails
	b := append(make([]byte, 0, 55), "00-"...)
	b = hex.AppendEncode(b, id[:16])
	b = append(b, '-')
	b = hex.AppendEncode(b, id[16:])
	return string(append(b, "-00"...))
}

// stateOf lists everything a change of which makes a new event.
func stateOf(p graph.Presence) []string {
	facts := []string{p.Availability, p.Activity, p.SequenceNumber, "", "", ""}
	if p.OutOfOffice != nil {
		facts[3] = strconv.FormatBool(*p.OutOfOffice)
	}
	if p.StatusMessage != nil {
		facts[4] = *p.StatusMessage
	}
	if p.WorkLocation != nil {
		facts[5] = *p.WorkLocation
	}
	return facts
}
