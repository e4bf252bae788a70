package intake

import (
	"fmt"
	"testing"

	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/people"
)

// What the road costs in allocations: a batch pays once for what its items share.
func TestAcceptAllocates(t *testing.T) {
	f := setUp(t, Fields{Phones: true, DisplayName: true})
	f.Options.Bus = nowhere{}
	f.Options.Lookup = func(_, userID string) (people.Person, bool) {
		return people.Person{ID: userID, UserPrincipalName: "agent@contoso.com", Mail: "agent@contoso.com", DisplayName: "Agent", Phones: []string{"+4989123456"}}, true
	}
	for _, c := range []struct {
		items int
		most  float64 // an item
	}{{1, 15}, {50, 8}} {
		readings := make([]graph.Reading, c.items)
		n := 0
		count := testing.AllocsPerRun(200, func() {
			for i := range readings {
				state := [...]string{"Busy", "Available"}[n%2]
				readings[i] = graph.Reading{
					TenantID: tenantID, Origin: graph.OriginNotification, ObservedAt: f.now, NotificationKey: keys[n%len(keys)],
					Presence: graph.Presence{UserID: people50[i], Availability: state, Activity: state},
				}
			}
			n++
			if err := f.Accept(t.Context(), readings); err != nil {
				t.Fatal(err)
			}
		})
		if each := count / float64(c.items); each > c.most {
			t.Errorf("batches of %d: %v allocations an item, want at most %v", c.items, each, c.most)
		}
	}
}

var people50 = func() (ids []string) {
	for i := range 50 {
		ids = append(ids, fmt.Sprintf("%08d-0000-4000-8000-000000000000", i))
	}
	return ids
}()
