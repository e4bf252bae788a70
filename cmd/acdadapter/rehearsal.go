package main

import (
	"cmp"
	"slices"
	"time"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/rules"
)

// row is one line of a rehearsal: what the rules say about an event, or that a
// hold is over, and what is decided from then on.
type row struct {
	Time         time.Time  `json:"time"`
	Client       string     `json:"client"`
	UserID       string     `json:"userId"`
	Person       string     `json:"person"`
	Availability string     `json:"availability,omitempty"`
	Activity     string     `json:"activity,omitempty"`
	Stale        bool       `json:"stale,omitempty"`
	Unknown      []string   `json:"unknown,omitempty"`
	Says         string     `json:"says"`
	Decision     string     `json:"decision,omitempty"`
	Changed      bool       `json:"changed"`
	HoldUntil    *time.Time `json:"holdUntil,omitempty"`
	Rule         string     `json:"rule"`
	Line         int        `json:"line"`
}

// rehearsal runs rules over recorded events by the recording's clock.
type rehearsal struct {
	rules  *rules.Set
	states map[actor]rules.State
	people map[string]string // what to call them
	rows   []row
}

type actor struct{ client, userID string }

func newRehearsal(set *rules.Set) *rehearsal {
	return &rehearsal{rules: set, states: map[actor]rules.State{}, people: map[string]string{}}
}

// play gives the rows in the order of their times; the last holds run out.
func (r *rehearsal) play(recording []events.UserEvent) []row {
	var now time.Time
	for _, e := range recording {
		if e.Data.ObservedAt.After(now) { // the clock of a recording never goes back
			now = e.Data.ObservedAt
		}
		r.settle(now)
		r.people[e.Data.User.ID] = cmp.Or(e.Data.User.UserPrincipalName, e.Data.User.Mail, e.Data.User.ID)
		for _, c := range r.rules.Clients {
			if c.Listens(&e.Data) {
				r.judge(c, &e.Data, now)
			}
		}
	}
	r.settle(now.Add(365 * 24 * time.Hour))
	return r.rows
}

func (r *rehearsal) judge(c *rules.Client, d *events.UserData, now time.Time) {
	who := actor{c.Name, d.User.ID}
	before, verdict := r.states[who], c.Judge(d)
	after := before.Apply(verdict, d.ObservedAt, now)
	if after.Due(now) {
		after = after.Settle(now)
	}
	r.states[who] = after
	one := row{
		Time: now, Availability: d.Availability, Activity: d.Activity, Stale: d.Freshness == events.Stale,
		Unknown: verdict.Unknown, Says: verdict.Then, Rule: verdict.By.Rule, Line: verdict.By.Line,
	}
	r.add(who, one, before, after)
}

// settle ends the holds that are over, in the order in which they are.
func (r *rehearsal) settle(now time.Time) {
	var due []actor
	for who, s := range r.states {
		if s.Due(now) {
			due = append(due, who)
		}
	}
	slices.SortFunc(due, func(a, b actor) int {
		return cmp.Or(r.states[a].Hold.Until.Compare(r.states[b].Hold.Until), cmp.Compare(a.client, b.client), cmp.Compare(a.userID, b.userID))
	})
	for _, who := range due {
		before := r.states[who]
		after := before.Settle(before.Hold.Until)
		r.states[who] = after
		r.add(who, row{Time: after.Since, Says: rules.Reachable, Rule: after.By.Rule, Line: after.By.Line}, before, after)
	}
}

func (r *rehearsal) add(who actor, one row, before, after rules.State) {
	one.Client, one.UserID, one.Person = who.client, who.userID, r.people[who.userID]
	one.Decision, one.Changed = after.Decision, after.Decision != before.Decision
	if after.Hold != nil {
		one.HoldUntil = &after.Hold.Until
	}
	r.rows = append(r.rows, one)
}
