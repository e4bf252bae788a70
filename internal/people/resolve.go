package people

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"jtel.de/presencebridge/internal/graph"
)

// Graph is what reads the directory of one tenant. The sequences end after
// their first error.
type Graph interface {
	Users(ctx context.Context) iter.Seq2[graph.User, error]
	// User finds one by object id, user principal name or mail address.
	User(ctx context.Context, key string) (graph.User, error)
	// Group finds one by object id or display name.
	Group(ctx context.Context, key string) (graph.Group, error)
	// GroupMembers gives the users in a group, also those in groups within it.
	GroupMembers(ctx context.Context, groupID string) iter.Seq2[graph.User, error]
	// UserChanges tells whom a delta query names since link, and the link for the
	// next time; without a link nobody and the link of now. A link that Graph
	// does not take any more is an error of class NotFound or Invalid.
	UserChanges(ctx context.Context, link string) ([]graph.UserChange, string, error)
}

// Selection is who shall be watched, as the configuration says it.
type Selection struct {
	Groups []string // object ids or names
	Users  []string // object ids, user principal names or mail addresses
	All    bool
	// Exclude wins over everything else: object ids, user principal names or mail addresses.
	Exclude []string
}

// Resolution is what a selection comes to.
type Resolution struct {
	People []Person // sorted by id, each once, tenant not filled in
	Groups []string // the entries that name a group, in the selection's order
	// Missed are the entries of the selection that mean no one, in its order.
	Missed []Miss
}

// Miss is an entry of a selection that does not name somebody.
type Miss struct {
	Entry string
	// Reason is empty when the directory simply has nothing of this name.
	Reason  string
	Several bool // the directory has several of this name
	Exclude bool // it stands among those to be left out: nobody is missing
}

func (m Miss) String() string {
	if m.Reason == "" {
		return m.Entry
	}
	return m.Entry + ": " + m.Reason
}

// Resolve reads who a selection names. Users that it names one by one are
// watched as they are; from groups and from "all" only enabled accounts of
// members, because Graph refuses subscriptions over broken accounts and
// presence of guests is told in their own tenant only.
//
// An entry that matches nobody is reported and does not fail the rest. Every
// other error fails the whole, so that a half-read page never makes the set of
// watched people smaller.
func Resolve(ctx context.Context, g Graph, s Selection) (Resolution, error) {
	c := newChoice(s.Exclude)
	if s.All {
		if _, err := c.addEach(g.Users(ctx)); err != nil {
			return Resolution{}, fmt.Errorf("list users: %w", err)
		}
	}
	for _, key := range s.Groups {
		group, err := g.Group(ctx, key)
		if namesNobody(err) {
			c.miss(key, err)
			continue
		} else if err != nil {
			return Resolution{}, fmt.Errorf("find group %s: %w", key, err)
		}
		c.groups = append(c.groups, key)
		n, err := c.addEach(g.GroupMembers(ctx, group.ID))
		if err != nil {
			return Resolution{}, fmt.Errorf("list members of group %s: %w", group.ID, err)
		}
		if n == 0 {
			c.missed = append(c.missed, Miss{Entry: key, Reason: "the group has no members"})
		}
	}
	for _, key := range s.Users {
		u, err := g.User(ctx, key)
		if namesNobody(err) {
			c.miss(key, err)
		} else if err != nil {
			return Resolution{}, fmt.Errorf("find user %s: %w", key, err)
		} else {
			c.add(u)
		}
	}
	return c.resolution(s.Exclude), nil
}

// choice collects users and who must not be among them.
type choice struct {
	users   map[string]Person
	exclude map[string]bool // lower-case entry -> has it met somebody
	groups  []string
	missed  []Miss
}

func newChoice(exclude []string) *choice {
	c := &choice{users: map[string]Person{}, exclude: map[string]bool{}}
	for _, entry := range exclude {
		c.exclude[mailKey(entry)] = false
	}
	return c
}

// addEach adds the members with an enabled account and counts whom it saw.
func (c *choice) addEach(users iter.Seq2[graph.User, error]) (seen int, err error) {
	for u, err := range users {
		if err != nil {
			return seen, err
		}
		seen++
		guest := strings.EqualFold(u.UserType, "Guest")
		disabled := u.AccountEnabled != nil && !*u.AccountEnabled
		if guest || disabled {
			c.excluded(u) // so that its entry does not look like a mistake
			continue
		}
		c.add(u)
	}
	return seen, nil
}

func (c *choice) add(u graph.User) {
	if u.ID != "" && !c.excluded(u) {
		p := newPerson(u)
		c.users[p.ID] = p
	}
}

func (c *choice) excluded(u graph.User) bool {
	out := false
	for _, key := range keysOf(u) {
		if _, named := c.exclude[key]; named {
			c.exclude[key], out = true, true
		}
	}
	return out
}

// namesNobody: the directory answered, and the answer is that this entry means
// no one object. An entry that it cannot read as an id is such a one, any other
// refusal is not: that is about the request, and says nothing of the entry.
func namesNobody(err error) bool {
	if errors.Is(err, graph.ErrAmbiguous) {
		return true
	}
	g, ok := errors.AsType[*graph.Error](err)
	return ok && (g.Status == 404 || g.Status == 400 && strings.Contains(strings.ToLower(g.Message), "object identifier"))
}

func (c *choice) miss(key string, err error) {
	m := Miss{Entry: key, Several: errors.Is(err, graph.ErrAmbiguous)}
	if graph.Classify(err) != graph.NotFound {
		m.Reason = err.Error()
		if g, ok := errors.AsType[*graph.Error](err); ok {
			m.Reason = g.Message
		}
	}
	c.missed = append(c.missed, m)
}

func (c *choice) resolution(exclude []string) Resolution {
	for _, entry := range exclude {
		if !c.exclude[mailKey(entry)] {
			c.missed = append(c.missed, Miss{Entry: entry, Reason: "excludes nobody", Exclude: true})
		}
	}
	return Resolution{People: slices.SortedFunc(maps.Values(c.users), byID), Groups: c.groups, Missed: c.missed}
}
