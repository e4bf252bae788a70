package app

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

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
		for m, oneErr := range events.History(ctx, s.bus.js, subjects...) {
			switch {
			case errors.Is(oneErr, events.ErrMalformed): // not ours
			case oneErr != nil:
				err = oneErr
			default:
				past = append(past, m)
			}
		}
	}
	switch {
	case err != nil:
		s.Log.WarnContext(ctx, "stream not read for a trail", "error", err)
		return past, "what was published and decided could not be read from NATS"
	case s.forwarding != nil:
		return past, "decisions that adapters publish on the central NATS server are not told"
	}
	return past, ""
}

// accountOf is the key of the account that carries a person, or is to.
func (t *tenant) accountOf(userID string) string {
	accounts := t.push.Coverage().Accounts
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
