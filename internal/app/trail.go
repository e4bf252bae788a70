package app

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/handlers"
	"jtel.de/presencebridge/internal/coverage"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/people"
)

// historyWithin bounds reading what the stream has about one person.
const historyWithin = 3 * time.Second

// trailOf implements [handlers.Trails].
func (s *service) trailOf(ctx context.Context, q handlers.TrailQuery) (any, int) {
	found := s.named(q.Person, q.Tenant)
	if len(found) != 1 {
		return nil, len(found)
	}
	person := found[0]
	p := graph.Person{TenantID: person.TenantID, UserID: person.ID}
	past, incomplete := s.past(ctx, p)
	var last *events.UserEvent
	if e, known := s.board.State(p); known {
		last = &e
	}
	t := s.notes.Tell(p, past, last, q.At)
	t.Tenant, t.UserPrincipalName, t.Mail = s.tenants[p.TenantID].name, person.UserPrincipalName, person.Mail
	t.Incomplete = incomplete
	return t, 1
}

// named finds watched people by id, address or number, in this order.
func (s *service) named(who, tenant string) []people.Person {
	var found []people.Person
	for id := range s.tenants {
		if p, known := s.directory.Lookup(id, strings.ToLower(who)); known {
			found = append(found, p)
		}
	}
	for _, find := range []func(string, string) []people.Person{s.directory.FindByMail, s.directory.FindByPhone} {
		if len(found) == 0 {
			found = find("", who)
		}
	}
	return slices.DeleteFunc(found, func(p people.Person) bool {
		return tenant != "" && !strings.EqualFold(tenant, p.TenantID) && !strings.EqualFold(tenant, s.tenants[p.TenantID].name)
	})
}

// past is what the stream has about a person and the account that carries them,
// and why something may be missing.
func (s *service) past(ctx context.Context, p graph.Person) (past []events.Past, incomplete string) {
	ctx, cancel := context.WithTimeout(ctx, historyWithin)
	defer cancel()
	subjects, err := events.SubjectsAbout(p.TenantID, p.UserID)
	if err == nil {
		var account string
		account, err = events.CoverageSubject(p.TenantID, s.tenants[p.TenantID].accountOf(p.UserID))
		subjects = append(subjects, account)
	}
	if err == nil {
		past, err = history(ctx, s.bus.js, subjects...)
	}
	if err != nil {
		s.Log.WarnContext(ctx, "stream not read for a trail", "error", err)
		return past, "what was published and decided could not be read from NATS"
	}
	if s.forwarding == nil {
		return past, ""
	}
	// Adapters decide where the events go. What they decide comes back from there alone.
	decided, err := history(ctx, s.forwarding.js, events.DecisionsAbout(p.UserID))
	if err != nil {
		s.Log.DebugContext(ctx, "central stream not read for a trail", "error", err)
		return past, "what adapters decided could not be read from the central NATS server"
	}
	return append(past, decided...), ""
}

// history is what a stream has on these subjects; what is no event is passed over.
func history(ctx context.Context, js jetstream.JetStream, subjects ...string) (past []events.Past, err error) {
	for m, err := range events.History(ctx, js, subjects...) {
		switch {
		case errors.Is(err, events.ErrMalformed):
		case err != nil:
			return past, err
		default:
			past = append(past, m)
		}
	}
	return past, nil
}

// accountOf is the key of the account that carries a person, or is to.
func (t *tenant) accountOf(userID string) string {
	accounts := t.push().Coverage().Accounts
	for _, a := range accounts {
		if slices.Contains(a.UserIDs, userID) {
			return a.AccountKey
		}
	}
	for _, a := range accounts {
		if slices.Contains(a.Assigned, userID) {
			return a.AccountKey
		}
	}
	return coverage.RestKey
}

// forgetNotes drops what is older than the history, and who left.
func (s *service) forgetNotes(ctx context.Context) error {
	for sleep(ctx, min(max(s.Config.Events.History/8, time.Second), 5*time.Minute)) {
		s.notes.Forget(s.remembered)
	}
	return nil
}

// remembered reports whether anything about a person may be kept: also while it
// is not told yet that they left.
func (s *service) remembered(p graph.Person) bool { return s.watched(p) || s.announcer.Present(p) }
