package rules

import "time"

// State is what is decided about one person for one client, and all that has to
// be kept. The zero value is somebody about whom nothing is decided yet.
type State struct {
	Decision string    `json:"decision,omitempty"` // Reachable, Unreachable, or empty
	By       By        `json:"by,omitzero"`        // the rule that made the decision
	Since    time.Time `json:"since,omitzero"`     // when it was made
	Hold     *Hold     `json:"hold,omitempty"`     // nil while nothing is on hold
}

// Hold is a decision for Reachable that is put off.
type Hold struct {
	Until time.Time `json:"until"`
	By    By        `json:"by"` // the rule that says that the person is free
}

// Apply gives the state after a verdict about what was observed at a time.
//
// Unreachable takes effect at once and ends a hold. Reachable takes effect when
// the person has been free for the verdict's hold, so that somebody who flaps
// stays unreachable; other free states and unchanged ones leave a running hold
// alone. The hold counts from the observation, but not from the future, should
// the observer's clock be ahead of ours. It is never over within Apply: more may
// be known by then, so [State.Settle] ends it.
func (s State) Apply(v Verdict, observed, now time.Time) State {
	switch {
	case v.Then == Unreachable && s.Decision != Unreachable,
		v.Then == Reachable && s.Decision != Reachable && v.Hold <= 0:
		return State{Decision: v.Then, By: v.By, Since: now}
	case v.Then == Unreachable:
		s.Hold = nil
	case v.Then == Reachable && s.Decision != Reachable && s.Hold == nil:
		if observed.After(now) {
			observed = now
		}
		s.Hold = &Hold{Until: observed.Add(v.Hold), By: v.By}
	}
	return s
}

// Due reports whether there is a hold that is over.
func (s State) Due(now time.Time) bool { return s.Hold != nil && !now.Before(s.Hold.Until) }

// Settle gives the state after a hold that is over, otherwise the state itself.
func (s State) Settle(now time.Time) State {
	if !s.Due(now) {
		return s
	}
	return State{Decision: Reachable, By: s.Hold.By, Since: now}
}
