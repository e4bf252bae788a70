package rules

import (
	"time"

	"jtel.de/presencebridge/events"
)

// By names the rule that decided.
type By struct {
	Rule string `json:"rule"`
	Line int    `json:"line"`
}

// Verdict is what the rules say about a state, whatever was decided before.
type Verdict struct {
	Then string // Reachable, Unreachable or Unchanged
	By   By
	Hold time.Duration // how long the person must have been free
	// Unknown lists the values that neither Microsoft's documentation at the time
	// of writing nor also_known names. They are judged like any other: by the
	// patterns that match them, or by otherwise.
	Unknown []string
}

// Judge finds the first rule that matches: those of the overrides that concern
// the person, from top to bottom, then the client's. A stale state is decided by
// the stale policy alone, since its availability cannot be believed.
func (c *Client) Judge(d *events.UserData) Verdict {
	applied := c.Applies(&d.User)
	v := Verdict{Hold: c.Hold, Unknown: c.known.unknown(d)}
	for i := len(applied) - 1; i >= 0; i-- {
		if applied[i].Hold != nil {
			v.Hold = *applied[i].Hold
		}
	}
	rule := c.decisive(d, applied)
	v.Then, v.By = rule.Then, By{rule.Name, rule.Line}
	return v
}

func (c *Client) decisive(d *events.UserData, applied []Applied) *Rule {
	if d.Freshness == events.Stale {
		for _, a := range applied {
			if a.Stale != nil {
				return a.Stale
			}
		}
		return &c.Stale
	}
	for rule := range c.inOrder(applied) {
		if rule.Misses(d) == "" {
			return rule
		}
	}
	return &c.Otherwise
}

// inOrder gives the rules for a person in the order in which they are tried.
func (c *Client) inOrder(applied []Applied) func(yield func(*Rule) bool) {
	return func(yield func(*Rule) bool) {
		for _, a := range applied {
			for i := range a.Rules {
				if !yield(&a.Rules[i]) {
					return
				}
			}
		}
		for i := range c.Rules {
			if !yield(&c.Rules[i]) {
				return
			}
		}
	}
}

// Step is one rule that was tried.
type Step struct {
	By     By     `json:"by"`
	Then   string `json:"then"`
	Misses string `json:"misses,omitempty"` // the first condition that did not hold; empty for the rule that decided
}

// Explain gives the rules that were tried, the one that decided last.
func (c *Client) Explain(d *events.UserData) []Step {
	applied := c.Applies(&d.User)
	var steps []Step
	decisive := c.decisive(d, applied)
	if d.Freshness != events.Stale {
		for rule := range c.inOrder(applied) {
			if rule == decisive {
				break
			}
			steps = append(steps, Step{By{rule.Name, rule.Line}, rule.Then, rule.Misses(d)})
		}
	}
	return append(steps, Step{By: By{decisive.Name, decisive.Line}, Then: decisive.Then})
}
