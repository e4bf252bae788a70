package app

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/handlers"
	"jtel.de/presencebridge/internal/board"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/intake"
	"jtel.de/presencebridge/internal/people"
)

// reception is where operators ask about people: the directory says who is
// watched, the board what state they are in.
type reception struct {
	tenants   map[string]*tenant // by tenant id
	directory *people.Directory
	board     *board.Board
	fields    intake.Fields
}

// Tenants are all, sorted by name.
func (r reception) Tenants() []handlers.Tenant {
	list := make([]handlers.Tenant, 0, len(r.tenants))
	for id, t := range r.tenants {
		list = append(list, handlers.Tenant{Name: t.name, ID: id})
	}
	slices.SortFunc(list, func(a, b handlers.Tenant) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Ready implements [handlers.Presence].
func (r reception) Ready() bool { return r.board.Ready() }

// chosen are the tenants that an id means.
func (r reception) chosen(tenantID string) []handlers.Tenant {
	return slices.DeleteFunc(r.Tenants(), func(t handlers.Tenant) bool { return tenantID != "" && t.ID != tenantID })
}

// Everybody implements [handlers.Presence].
func (r reception) Everybody(tenantID string) []handlers.PersonPresence {
	var all []handlers.PersonPresence
	for _, t := range r.chosen(tenantID) {
		if !r.tenants[t.ID].known() {
			all = append(all, r.remembered(t, func(events.User) bool { return true })...)
			continue
		}
		ids := r.directory.IDs(t.ID)
		all = slices.Grow(all, len(ids))
		for _, id := range ids {
			if p, watched := r.directory.Lookup(t.ID, id); watched {
				all = append(all, r.presence(t, p))
			}
		}
	}
	return all
}

// remembered are the people of a tenant as the bus has them, for as long as the
// directory was not read since the start.
func (r reception) remembered(t handlers.Tenant, match func(events.User) bool) []handlers.PersonPresence {
	var list []handlers.PersonPresence
	for _, e := range r.board.States(t.ID) {
		if match(e.Data.User) {
			list = append(list, withState(handlers.PersonPresence{TenantID: t.ID, Tenant: t.Name, User: personOf(e.Data.User)}, e.Data))
		}
	}
	slices.SortFunc(list, func(a, b handlers.PersonPresence) int { return strings.Compare(a.User.ID, b.User.ID) })
	return list
}

// ByMail implements [handlers.Presence].
func (r reception) ByMail(tenantID, address string) []handlers.PersonPresence {
	address = strings.TrimSpace(address)
	return r.find(tenantID, r.directory.FindByMail(tenantID, address), func(u events.User) bool {
		return strings.EqualFold(u.Mail, address) || strings.EqualFold(u.UserPrincipalName, address)
	})
}

// ByPhone implements [handlers.Presence].
func (r reception) ByPhone(tenantID, number string) []handlers.PersonPresence {
	key, ok := people.E164(number, "")
	if !ok {
		key = strings.TrimSpace(number)
	}
	return r.find(tenantID, r.directory.FindByPhone(tenantID, number), func(u events.User) bool { return slices.Contains(u.Phones, key) })
}

// find joins whom the directory has with whom the bus has of tenants whose
// people were not read yet.
func (r reception) find(tenantID string, found []people.Person, match func(events.User) bool) []handlers.PersonPresence {
	var list []handlers.PersonPresence
	for _, t := range r.chosen(tenantID) {
		if !r.tenants[t.ID].known() {
			list = append(list, r.remembered(t, match)...)
		}
	}
	for _, p := range found {
		if t := r.tenants[p.TenantID]; t != nil {
			list = append(list, r.presence(handlers.Tenant{Name: t.name, ID: p.TenantID}, p))
		}
	}
	slices.SortFunc(list, func(a, b handlers.PersonPresence) int {
		return cmp.Or(strings.Compare(a.Tenant, b.Tenant), strings.Compare(a.User.ID, b.User.ID))
	})
	return list
}

// ByID implements [handlers.Presence].
func (r reception) ByID(userID string) (handlers.PersonPresence, bool) {
	for _, t := range r.Tenants() {
		if p, watched := r.directory.Lookup(t.ID, userID); watched {
			return r.presence(t, p), true
		}
		if e, told := r.board.State(graph.Person{TenantID: t.ID, UserID: userID}); told && !r.tenants[t.ID].known() {
			return withState(handlers.PersonPresence{TenantID: t.ID, Tenant: t.Name, User: personOf(e.Data.User)}, e.Data), true
		}
	}
	return handlers.PersonPresence{}, false
}

func (r reception) presence(t handlers.Tenant, p people.Person) handlers.PersonPresence {
	out := handlers.PersonPresence{TenantID: t.ID, Tenant: t.Name, User: personOf(r.fields.User(p))}
	if e, told := r.board.State(graph.Person{TenantID: t.ID, UserID: p.ID}); told {
		out = withState(out, e.Data)
	}
	return out
}

// Findings implements [handlers.Identities]. What is told of a person is what
// the directory says, whatever may go onto the bus: it is about exactly that.
func (r reception) Findings(tenantID string) []handlers.Finding {
	var all []handlers.Finding
	for _, t := range r.chosen(tenantID) {
		watched := people.Resolution{Missed: r.tenants[t.ID].follower.Missed()}
		for _, id := range r.directory.IDs(t.ID) {
			if p, ok := r.directory.Lookup(t.ID, id); ok {
				watched.People = append(watched.People, p)
			}
		}
		for _, f := range people.Report(watched) {
			finding := handlers.Finding{
				Tenant: t.Name, TenantID: t.ID, Kind: string(f.Kind), Subject: f.Subject, Reason: f.Reason, People: []handlers.Person{}, Place: f.Place,
			}
			for _, p := range f.People {
				finding.People = append(finding.People, handlers.Person{
					ID: p.ID, UserPrincipalName: p.UserPrincipalName, Mail: p.Mail, DisplayName: p.DisplayName, Phones: p.Phones,
				})
			}
			all = append(all, finding)
		}
	}
	return all
}

func personOf(u events.User) handlers.Person {
	return handlers.Person{ID: u.ID, UserPrincipalName: u.UserPrincipalName, Mail: u.Mail, DisplayName: u.DisplayName, Phones: u.Phones}
}

func withState(out handlers.PersonPresence, d events.UserData) handlers.PersonPresence {
	out.Availability, out.Activity, out.OutOfOffice = d.Availability, d.Activity, d.OutOfOffice
	out.StatusMessage, out.WorkLocation, out.SequenceNumber = d.StatusMessage, d.WorkLocation, d.SequenceNumber
	out.Origin, out.ObservedAt, out.PublishedAt, out.Freshness = d.Origin, d.ObservedAt, d.PublishedAt, d.Freshness
	if p := d.Previous; p != nil {
		out.Previous = &handlers.PreviousPresence{Availability: p.Availability, Activity: p.Activity, ObservedAt: p.ObservedAt}
	}
	return out
}

// feeds give operators the events of the stream.
type feeds struct {
	reception
	bus *bus
}

// Open implements [handlers.Feeds].
func (f feeds) Open(ctx context.Context, q handlers.FeedQuery) (handlers.Feed, error) {
	feed, err := events.OpenFeed(ctx, f.bus.js, events.FeedOptions{Resume: q.Resume, After: q.After, Of: q.Stream, Users: f.board.At() + 1, Subjects: f.subjects(q)})
	if err != nil {
		return nil, err
	}
	return openFeed{feed}, nil
}

// subjects are those of the types that a client wants, of our own tenants:
// another bridge may use the same NATS. Decisions name no tenant.
func (f feeds) subjects(q handlers.FeedQuery) []string {
	all := map[string]string{
		events.TypeUser: events.UserSubjects, events.TypeDirectory: events.DirectorySubjects, events.TypeCoverage: events.CoverageSubjects,
	}
	var subjects []string
	for _, kind := range q.Types {
		if kind == events.TypeDecision {
			subjects = append(subjects, events.DecisionSubjects)
			continue
		}
		for _, t := range f.chosen(q.TenantID) {
			subjects = append(subjects, strings.TrimSuffix(all[kind], ">")+t.ID+".>")
		}
	}
	return subjects
}

type openFeed struct{ *events.Feed }

// Begin implements [handlers.Feed].
func (f openFeed) Begin() handlers.FeedBegin {
	return handlers.FeedBegin{After: f.After, Complete: f.Complete, Stream: f.Of}
}

// Next implements [handlers.Feed].
func (f openFeed) Next(ctx context.Context) (handlers.FeedEvent, error) {
	e, err := f.Feed.Next(ctx)
	return handlers.FeedEvent{Sequence: e.Sequence, Type: e.Type, Data: e.Data}, err
}
