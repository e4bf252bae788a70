package graphsim

import (
	"context"
	"time"
)

// Change is one person's step from one presence to another.
type Change struct {
	UserID, Availability, Activity string
	At                             time.Time
}

// mood is availability and activity; step is where one may lead, and how likely.
type mood struct{ availability, activity string }
type step struct {
	to     mood
	weight int
}

var (
	available  = mood{"Available", "Available"}
	inCall     = mood{"Busy", "InACall"}
	inMeeting  = mood{"Busy", "InAMeeting"}
	conference = mood{"Busy", "InAConferenceCall"}
	busy       = mood{"Busy", "Busy"}
	presenting = mood{"DoNotDisturb", "Presenting"}
	disturbed  = mood{"DoNotDisturb", "DoNotDisturb"}
	away       = mood{"Away", "Away"}
	rightBack  = mood{"BeRightBack", "BeRightBack"}
	offline    = mood{"Offline", "Offline"}
	offWork    = mood{"Offline", "OffWork"}
	onLeave    = mood{"Offline", "OutOfOffice"}
	unheardOf  = mood{"Focusing", "InAHologram"}
)

// day is a working day: where people go from where they are.
var day = map[mood][]step{
	available:  {{inCall, 50}, {inMeeting, 20}, {away, 10}, {rightBack, 6}, {disturbed, 5}, {busy, 5}, {offWork, 2}, {onLeave, 1}},
	inCall:     {{available, 80}, {conference, 8}, {away, 6}, {inMeeting, 6}},
	conference: {{available, 70}, {inCall, 15}, {presenting, 15}},
	inMeeting:  {{available, 60}, {presenting, 25}, {inCall, 15}},
	presenting: {{inMeeting, 70}, {available, 30}},
	busy:       {{available, 80}, {inCall, 20}},
	disturbed:  {{available, 90}, {inCall, 10}},
	away:       {{available, 85}, {offline, 10}, {rightBack, 5}},
	rightBack:  {{available, 90}, {away, 10}},
	offline:    {{available, 100}},
	offWork:    {{available, 100}},
	onLeave:    {{available, 100}},
	unheardOf:  {{available, 100}},
}

// Life makes the tenant's people live a working day until ctx ends: about rate
// changes a second in sum, at random moments, each a real change. ch, which may be
// nil, is called for every change before the next one is made. With the same seed
// and nobody else changing presences, the changes are the same and in the same order.
func (s *Simulator) Life(ctx context.Context, rate float64, ch func(Change)) {
	if rate <= 0 {
		<-ctx.Done()
		return
	}
	next := time.Now()
	for {
		next = next.Add(time.Duration(s.life.exp() / rate * float64(time.Second)))
		if d := time.Until(next); d > 0 {
			if wait(ctx, d) != nil {
				return
			}
		}
		if ctx.Err() != nil || s.ctx.Err() != nil {
			return
		}
		id, m, ok := s.nextStep()
		at := time.Now() // whoever is told of it may be faster than ch
		if ok && s.SetPresence(id, m.availability, m.activity) && ch != nil {
			ch(Change{id, m.availability, m.activity, at})
		}
	}
}

// nextStep draws a person and where it goes.
func (s *Simulator) nextStep() (id string, to mood, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	users := s.tenant.Users
	if len(users) == 0 {
		return "", to, false
	}
	id = users[s.life.intn(len(users))].ID
	p, ok := s.presences[id]
	if !ok {
		return "", to, false // without Teams
	}
	now := mood{p.availability, p.activity}
	if s.faults.UnknownValues && now != unheardOf && s.life.chance(0.05) {
		return id, unheardOf, true
	}
	steps := day[now]
	if steps == nil { // a state that somebody set by hand
		return id, available, true
	}
	sum := 0
	for _, st := range steps {
		sum += st.weight
	}
	n := s.life.intn(sum)
	for _, st := range steps {
		if n -= st.weight; n < 0 {
			return id, st.to, true
		}
	}
	return id, available, true
}
