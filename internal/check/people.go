package check

import (
	"context"
	"strings"
	"time"

	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/people"
)

// people finds whom the configuration names and reads their presence. It returns
// the ids, those with a presence first.
func (c *checker) people(ctx context.Context, s *subject, t config.Tenant, reach Tenant) (ids []string) {
	var found people.Resolution
	const long = 5 * time.Minute // of a large directory
	c.take(ctx, s, step{id: "people.found", anchor: "people", within: long, needs: []string{"app.sign-in", "app.permission.User.Read.All", "app.permission.GroupMember.Read.All"}, do: func(ctx context.Context) outcome {
		r, err := people.Resolve(ctx, reach.Graph, people.Selection{Groups: t.People.Groups, Users: t.People.Users, All: t.People.All, Exclude: t.People.Exclude})
		if err != nil {
			return c.graphOutcome(err, fail("people.denied"))
		}
		found = r
		return c.foundPeople(r)
	}})
	if len(found.People) > 0 {
		c.take(ctx, s, step{id: "people.identities", anchor: "people", do: func(context.Context) outcome { return c.identities(found) }})
		if t.Mode != config.ModePoll {
			c.take(ctx, s, step{id: "people.carried", anchor: "service-users", do: func(context.Context) outcome {
				if most := len(t.Accounts) * graph.MaxPeople; len(found.People) > most {
					return warn("people.too-many", len(found.People), len(t.Accounts), most, (len(found.People)+graph.MaxPeople-1)/graph.MaxPeople)
				}
				return fine()
			}})
		}
	}
	states := map[string]string{}
	c.take(ctx, s, step{id: "people.presence", anchor: "permissions", within: long, needs: []string{"app.sign-in", "app.permission.Presence.Read.All", "people.found"}, do: func(ctx context.Context) outcome {
		for first := 0; first < len(found.People); first += graph.MaxPeople {
			var batch []string
			for _, p := range found.People[first:min(first+graph.MaxPeople, len(found.People))] {
				batch = append(batch, p.ID)
			}
			read, err := reach.Graph.Presences(ctx, batch)
			if err != nil {
				return c.graphOutcome(err, fail("people.presence-denied"))
			}
			for _, p := range read {
				states[p.UserID] = p.Availability
			}
		}
		return fine()
	}})
	var without []people.Person
	for _, p := range found.People {
		if state := states[p.ID]; state == "" || strings.EqualFold(state, "PresenceUnknown") {
			without = append(without, p)
		} else {
			ids = append(ids, p.ID)
		}
	}
	c.take(ctx, s, step{id: "people.licences", anchor: "licences", needs: []string{"people.found", "people.presence"}, do: func(context.Context) outcome {
		if len(without) > 0 {
			return warn("people.no-presence", len(without), len(found.People), names(without))
		}
		return fine()
	}})
	for _, p := range without {
		ids = append(ids, p.ID)
	}
	return ids
}

func (c *checker) foundPeople(r people.Resolution) outcome {
	var missed, excludes []string
	for _, m := range r.Missed {
		if m.Exclude {
			excludes = append(excludes, m.Entry)
		} else {
			missed = append(missed, m.String())
		}
	}
	switch {
	case len(r.People) == 0 && len(missed) == 0:
		return fail("people.nobody")
	case len(missed) > 0:
		return fail("people.missed", len(r.People), strings.Join(missed, "; "))
	case len(excludes) > 0:
		return warn("people.excludes-nobody", len(r.People), strings.Join(excludes, "; "))
	}
	o := fine()
	o.note = c.text("people.count", len(r.People))
	return o
}

// identities warns about people whom a contact centre would confuse or not find.
func (c *checker) identities(r people.Resolution) outcome {
	var subjects []string
	for _, f := range people.Report(r) {
		switch f.Kind {
		case people.SharedAddress, people.SharedNumber, people.UnreadableNumber:
			subjects = append(subjects, f.Subject)
		}
	}
	if len(subjects) > 0 {
		return warn("people.confused", few(subjects))
	}
	return fine()
}

// named is how many are named before the rest is counted.
const named = 5

func names(list []people.Person) string {
	var all []string
	for _, p := range list {
		all = append(all, p.UserPrincipalName)
	}
	return few(all)
}

func few(list []string) string {
	if len(list) > named {
		return strings.Join(list[:named], ", ") + ", …"
	}
	return strings.Join(list, ", ")
}
