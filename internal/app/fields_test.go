package app_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/graphsim"
)

// What stands about somebody in the directory and in Teams, as it would look on
// the wire.
var facts = map[string]string{
	"phones": "+4989777888", "display_name": "Quite Unmistakable", "status_message": "gone-fishing", "work_location": "remote-place",
}

// wire is everything that leaves the house about people: every message of stream
// and bucket, what the NATS service answers, and the trail.
func (b *bridge) wire() string {
	b.t.Helper()
	var all strings.Builder
	js := b.jetStream()
	for _, name := range []string{events.Stream, "KV_" + events.Bucket} {
		stream, err := js.Stream(b.t.Context(), name)
		if err != nil {
			b.t.Fatal(err)
		}
		state := stream.CachedInfo().State
		for sequence := state.FirstSeq; sequence <= state.LastSeq; sequence++ {
			if m, err := stream.GetMsg(b.t.Context(), sequence); err == nil {
				all.WriteString(m.Subject + string(m.Data) + "\n")
			}
		}
	}
	for _, request := range []string{events.RequestList, events.RequestCoverage} {
		m, err := js.Conn().Request(request, nil, nats.DefaultTimeout)
		if err != nil {
			b.t.Fatal(err)
		}
		all.Write(m.Data)
	}
	_, trail := b.admin("/api/v1/trail/" + b.user(0))
	return all.String() + trail
}

// Each switch of events.fields lets out its own fact, and nothing else does.
func TestFieldsOnTheWire(t *testing.T) {
	set := map[string]func(*config.Fields, bool){
		"phones":         func(f *config.Fields, on bool) { f.Phones = on },
		"display_name":   func(f *config.Fields, on bool) { f.DisplayName = on },
		"status_message": func(f *config.Fields, on bool) { f.StatusMessage = on },
		"work_location":  func(f *config.Fields, on bool) { f.WorkLocation = on },
	}
	if !slices.Equal(slices.Sorted(maps.Keys(set)), slices.Sorted(maps.Keys(facts))) {
		t.Fatal("a switch without a fact")
	}
	for on := range set {
		t.Run(on, func(t *testing.T) {
			b := newBridge(t, graphsim.Options{People: 1}, func(c *config.Config) {
				for name, set := range set {
					set(&c.Events.Fields, name == on)
				}
			})
			u := b.sim.Tenant().Users[0]
			u.BusinessPhones, u.MobilePhone, u.DisplayName = []string{facts["phones"]}, "", facts["display_name"]
			u.StatusMessage, u.WorkLocation = facts["status_message"], facts["work_location"]
			b.sim.PutUser(u)
			b.start(false)
			b.covered()
			b.eventually("an answer about the person", func() bool {
				p, err := events.List(t.Context(), b.jetStream().Conn(), events.ListRequest{})
				return err == nil && len(p.People) == 1
			})
			b.settled()
			b.set(u.ID, "Busy", "InACall")
			b.eventually("the change", b.agrees)
			wire := b.wire()
			if !strings.Contains(wire, "InACall") || !strings.Contains(wire, events.TypeDirectory) {
				t.Fatalf("not all that is on the wire:\n%s", wire)
			}
			for name, text := range facts {
				if told := strings.Contains(wire, text); told != (name == on) {
					t.Errorf("%s: told %t, while only %s is on\n%s", name, told, on, wire)
				}
			}
		})
	}
}
