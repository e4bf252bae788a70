package people

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"jtel.de/presencebridge/internal/graph"
)

// manyChanges: beyond it, reading everybody by pages is cheaper than those who
// changed one by one.
const manyChanges = 500

// errManyChanges is a reason to read everything.
var errManyChanges = errors.New("too many changes to follow")

// mirror is a Graph that remembers the users it has read. What changed of them
// is learnt by a delta query, so that a resolution need not read them again. It
// is not safe for concurrent use.
//
// A delta query only tells who changed; the person is then read in the ordinary
// way. So it does not matter which members a change comes with.
type mirror struct {
	Graph
	link  string                // empty: changes cannot be told
	all   bool                  // users are everybody
	users map[string]graph.User // by id
	named map[string]string     // lower-case key of a look-up -> id
}

// newMirror begins before anything is read, so that no change falls in between.
// It can be used, as an empty one, also when there is an error.
func newMirror(ctx context.Context, g Graph, s Selection) (*mirror, error) {
	m := &mirror{Graph: g, users: map[string]graph.User{}, named: map[string]string{}}
	if !s.All && len(s.Users) == 0 {
		return m, nil // groups alone are read anyway, with their members
	}
	var err error
	_, m.link, err = g.UserChanges(ctx, "")
	return m, err
}

// resolve catches up with the directory and resolves from what is known then.
func (m *mirror) resolve(ctx context.Context, s Selection) (Resolution, error) {
	if err := m.catchUp(ctx); err != nil {
		return Resolution{}, fmt.Errorf("follow changes of users: %w", err)
	}
	return Resolve(ctx, m, s)
}

// catchUp takes over what changed, wholly or not at all.
func (m *mirror) catchUp(ctx context.Context) error {
	changes, link, err := m.UserChanges(ctx, m.link)
	if err != nil {
		return err
	}
	var read []graph.User
	for _, c := range changes {
		if _, known := m.users[c.ID]; c.Removed || !known && !m.all {
			continue
		}
		if len(read) == manyChanges {
			return errManyChanges
		}
		// Somebody who is not there any more, although the change does not say so,
		// is an error on purpose: a full read settles it.
		u, err := m.Graph.User(ctx, c.ID)
		if err != nil {
			return err
		}
		read = append(read, u)
	}
	for _, c := range changes {
		if c.Removed {
			delete(m.users, c.ID)
		}
	}
	for _, u := range read {
		m.users[u.ID] = u
	}
	m.link = link
	return nil
}

// startOver reports whether an error means that changes cannot be told from
// here on, while everything can still be read.
func startOver(err error) bool {
	switch graph.Classify(err) {
	case graph.NotFound, graph.Invalid:
		return true
	}
	return errors.Is(err, errManyChanges)
}

// Users gives everybody, read once.
func (m *mirror) Users(ctx context.Context) iter.Seq2[graph.User, error] {
	return func(yield func(graph.User, error) bool) {
		if m.all {
			for _, u := range m.users {
				if !yield(u, nil) {
					return
				}
			}
			return
		}
		for u, err := range m.Graph.Users(ctx) {
			if err == nil {
				m.users[u.ID] = u
			}
			if !yield(u, err) || err != nil {
				return
			}
		}
		m.all = true
	}
}

// User gives somebody who was looked up before, while the key still names them.
func (m *mirror) User(ctx context.Context, key string) (graph.User, error) {
	at := mailKey(key)
	if u, known := m.users[m.named[at]]; known && slices.Contains(keysOf(u), at) {
		return u, nil
	}
	u, err := m.Graph.User(ctx, key)
	if err == nil {
		m.users[u.ID], m.named[at] = u, u.ID
	}
	return u, err
}

// keysOf are the keys by which a configuration may name a user, in lower case.
func keysOf(u graph.User) []string {
	return []string{mailKey(u.ID), mailKey(u.UserPrincipalName), mailKey(u.Mail)}
}

// empty reports whether a selection names nobody on purpose.
func (s Selection) empty() bool { return !s.All && len(s.Groups)+len(s.Users) == 0 }

// same reports whether two selections are the same entries in the same order.
func (s Selection) same(t Selection) bool {
	return s.All == t.All && slices.Equal(s.Groups, t.Groups) && slices.Equal(s.Users, t.Users) && slices.Equal(s.Exclude, t.Exclude)
}
