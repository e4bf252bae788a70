package subscriptions

import (
	"context"
	"slices"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

// surveyHolds is how long a first look at Graph may stand for another one.
const surveyHolds = time.Minute

// survey is the first look at what the account has, taken while nobody has
// decided yet whom it shall carry.
type survey struct {
	done    bool
	at      time.Time
	actual  []graph.Subscription // for the first plan
	doubles bool                 // there is more than the adopted one
}

// look takes the survey, once, and counts on what fits but for its people: they
// stay as they are until somebody decides.
func (m *Manager) look(ctx context.Context) error {
	if m.survey.done {
		return nil
	}
	actual, err := m.list(ctx)
	if err != nil {
		return err
	}
	ours := slices.DeleteFunc(slices.Clone(actual), func(s graph.Subscription) bool { return len(s.UserIDs) == 0 })
	m.survey = survey{done: true, at: clock(), actual: actual, doubles: len(ours) > 1}
	keep, found := longest(ours, func(s graph.Subscription) bool {
		d := m.wish
		d.UserIDs = s.UserIDs
		return misfit(d, s, clock()) == ""
	})
	if found {
		m.adopt(ctx, keep)
	} else {
		keep, _ = longest(ours, func(graph.Subscription) bool { return true })
	}
	m.publish() // whoever decides on the survey must know what was adopted
	if m.o.Surveyed != nil {
		m.o.Surveyed(keep.UserIDs)
	}
	return nil
}

// surveyed is what Graph has, from the survey if that was just taken and nothing
// was lost since.
func (m *Manager) surveyed(ctx context.Context) ([]graph.Subscription, error) {
	taken := m.survey
	m.survey.actual, m.survey.at = nil, time.Time{}
	if time.Since(taken.at) < surveyHolds && !m.failing() && m.gone == "" {
		return taken.actual, nil
	}
	return m.list(ctx)
}
