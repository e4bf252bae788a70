package intake

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/people"
)

// directoryBus keeps what a stream would, as bus does, of directory events.
type directoryBus struct {
	seen   map[string]bool
	last   map[string]events.DirectoryEvent // by user id
	view   map[string]events.User           // what a consumer believes
	told   []string                         // change and user id, in order
	refuse func(i int) bool
	lost   bool
}

func newDirectoryBus() *directoryBus {
	return &directoryBus{seen: map[string]bool{}, last: map[string]events.DirectoryEvent{}, view: map[string]events.User{}}
}

func (b *directoryBus) Publish(_ context.Context, messages []events.Message) []events.Ack {
	acks := make([]events.Ack, len(messages))
	for i, m := range messages {
		refused := b.refuse != nil && b.refuse(i)
		if refused {
			acks[i].Err = errAway
		}
		if acks[i].Duplicate = b.seen[m.ID]; acks[i].Duplicate || refused && !b.lost {
			continue
		}
		e, err := events.Decode[events.DirectoryData](m.Data)
		if err != nil {
			panic(err)
		}
		b.seen[m.ID], b.last[e.Data.User.ID] = true, e
		b.told = append(b.told, e.Data.Change+" "+e.Data.User.ID)
		if b.view[e.Data.User.ID] = e.Data.User; e.Data.Change == events.Removed {
			delete(b.view, e.Data.User.ID)
		}
	}
	return acks
}

func announcer(b *directoryBus, d *people.Directory, fields Fields) *Announcer {
	return NewAnnouncer(AnnouncerOptions{
		Bus: b, Lookup: d.Lookup, Known: func(id string) bool { return id == tenantID }, Fields: fields,
		Tenants: map[string]string{tenantID: "contoso"}, History: time.Hour, Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC) },
	})
}

var everything = Fields{Phones: true, DisplayName: true}

func TestAnnouncerTellsWhoCameChangedAndLeft(t *testing.T) {
	b, d := newDirectoryBus(), people.NewDirectory()
	a := announcer(b, d, everything)
	one := people.Person{ID: agent1, UserPrincipalName: "agent1@contoso.com", Mail: "agent.one@contoso.com", DisplayName: "Agent One", Phones: []string{"+4989123456"}}
	two := people.Person{ID: agent2, UserPrincipalName: "agent2@contoso.com"}
	step := func(want []string, roster ...people.Person) {
		t.Helper()
		b.told = nil
		a.Observe(d.Replace(tenantID, roster))
		if n, err := a.Tell(t.Context()); err != nil || n != len(want) {
			t.Errorf("told %d, %v", n, err)
		}
		if diff := cmp.Diff(want, b.told); diff != "" {
			t.Error(diff)
		}
	}
	step([]string{"added " + agent1, "added " + agent2}, one, two)
	step(nil, one, two)
	one.Phones, two.UserPrincipalName = []string{"+4989654321"}, "renamed@contoso.com"
	step([]string{"changed " + agent1, "changed " + agent2}, one, two)
	if e := b.last[agent1]; e.Data.Tenant != "contoso" || e.Data.User.DisplayName != "Agent One" || e.Data.User.Phones[0] != "+4989654321" || e.Data.ObservedAt.IsZero() {
		t.Errorf("told %+v", e.Data)
	}
	one.RawPhones = []string{"12"} // no consumer sees it
	step(nil, one, two)
	step([]string{"removed " + agent1}, two)
	if u := b.last[agent1].Data.User; u.ID != agent1 || u.UserPrincipalName != "" || u.Phones != nil {
		t.Errorf("who left is named by more than the id: %+v", u)
	}
	if p := (graph.Person{TenantID: tenantID, UserID: agent1}); a.Present(p) {
		t.Error("who left is still present")
	}
	step([]string{"added " + agent1}, one, two)
}

func TestAnnouncerHidesWhatMayNotLeave(t *testing.T) {
	b, d := newDirectoryBus(), people.NewDirectory()
	a := announcer(b, d, Fields{})
	p := people.Person{ID: agent1, UserPrincipalName: "agent1@contoso.com", DisplayName: "Agent One", Phones: []string{"+4989123456"}}
	for _, phone := range []string{"+4989123456", "+4989654321"} { // the second is no change
		p.Phones = []string{phone}
		a.Observe(d.Replace(tenantID, []people.Person{p}))
		if _, err := a.Tell(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if u := b.view[agent1]; len(b.told) != 1 || u.DisplayName != "" || u.Phones != nil {
		t.Errorf("told %v, %+v", b.told, u)
	}
}

func TestAnnouncerWaitsUntilPeopleAreKnown(t *testing.T) {
	b, d := newDirectoryBus(), people.NewDirectory()
	a := announcer(b, d, everything)
	a.Known = func(string) bool { return false }
	a.Restore(events.UserEvent{Data: events.UserData{TenantID: tenantID, User: events.User{ID: agent1}}})
	if n, err := a.Tell(t.Context()); n != 0 || err != nil {
		t.Errorf("told %d, %v before anybody was read", n, err)
	}
	a.Known = func(string) bool { return true }
	if n, err := a.Tell(t.Context()); n != 1 || err != nil || b.told[0] != "removed "+agent1 {
		t.Errorf("told %v, %v", b.told, err)
	}
}

func TestAnnouncerForgetsWhoLeftWhenTheStreamDoes(t *testing.T) {
	b, d := newDirectoryBus(), people.NewDirectory()
	a := announcer(b, d, everything)
	now := a.Now()
	a.Now = func() time.Time { return now }
	tell := func(roster ...people.Person) {
		t.Helper()
		a.Observe(d.Replace(tenantID, roster))
		if _, err := a.Tell(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(n int) {
		t.Helper()
		if len(a.told) != n || len(a.left) > n {
			t.Errorf("%d remembered, %d to be forgotten, want %d", len(a.told), len(a.left), n)
		}
	}
	one, two := people.Person{ID: agent1}, people.Person{ID: agent2}
	a.RestoreDirectory(events.DirectoryEvent{ID: "x", Data: events.DirectoryData{TenantID: tenantID, Change: events.Removed, User: events.User{ID: stranger}}})
	tell(one, two)
	expect(3)
	tell(two)
	now = now.Add(a.History / 2)
	tell(one, two) // back again: must stay
	tell(one)
	now = now.Add(a.History/2 + time.Second)
	tell(one)
	expect(2) // not the stranger
	now = now.Add(a.History)
	tell(one)
	expect(1)
	clear(b.seen) // as the stream does
	tell(one, two)
	expect(2)
	if got := b.told[len(b.told)-1]; got != "added "+agent2 {
		t.Errorf("told %q", got)
	}
}

// Whatever fails and whenever the service starts anew, the consumer ends up with
// what the directory says, nothing is told twice in a row, and nothing that had
// to be told is taken for a repeat.
func TestAnnouncerConverges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, d := newDirectoryBus(), people.NewDirectory()
		a := announcer(b, d, everything)
		bucket := map[string]events.User{} // of the last state of presence
		for range rapid.IntRange(1, 15).Draw(t, "steps") {
			var roster []people.Person
			for _, id := range []string{agent1, agent2, stranger} {
				if rapid.Bool().Draw(t, "watched") {
					roster = append(roster, people.Person{ID: id, UserPrincipalName: id, Mail: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "mail")})
				}
			}
			a.Observe(d.Replace(tenantID, roster))
			if b.refuse = nil; rapid.Bool().Draw(t, "outage") {
				b.refuse, b.lost = func(int) bool { return rapid.Bool().Draw(t, "refused") }, rapid.Bool().Draw(t, "stored all the same")
			}
			_, err := a.Tell(context.Background())
			if err != nil && !errors.Is(err, ErrNotStored) {
				t.Fatal(err)
			}
			if err == nil {
				want := map[string]events.User{}
				for _, p := range roster {
					want[p.ID] = everything.User(p)
				}
				if diff := cmp.Diff(want, b.view); diff != "" {
					t.Fatal(diff)
				}
				maps.DeleteFunc(bucket, func(id string, _ events.User) bool { _, watched := want[id]; return !watched })
				for id, u := range want {
					if rapid.Bool().Draw(t, "presence") {
						bucket[id] = u
					}
				}
			}
			if !rapid.Bool().Draw(t, "start anew") {
				continue
			}
			if err == nil && rapid.Bool().Draw(t, "after the history") {
				clear(b.seen)
				clear(b.last)
				b.view = maps.Clone(bucket) // all that there is to believe then
			}
			a = announcer(b, d, everything)
			for _, u := range bucket {
				a.Restore(events.UserEvent{Data: events.UserData{TenantID: tenantID, User: u}})
			}
			for _, e := range b.last {
				a.RestoreDirectory(e)
			}
			d.Replace(tenantID, nil)
			a.Observe(d.Replace(tenantID, roster))
		}
	})
}
