package intake

import (
	"context"
	"errors"
	"fmt"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/people"
)

// draft is an event on its way to the bus.
type draft struct {
	slot    *slot
	person  people.Person
	reading graph.Reading
	message events.Message
	stale   bool // tells only that the state could not be confirmed
}

// write composes the message of a draft that follows a state. What cannot be
// written (text of the directory that is not UTF-8) never will be: it is told and
// counted, but does not spoil its batch, which Graph would repeat for hours.
func (in *Intake) write(d *draft, was last, trace string, outcome *Outcome) bool {
	freshness := events.Fresh
	if d.stale {
		freshness = events.Stale
	}
	m, err := in.compose(was, d.person, d.reading, freshness, trace)
	if err != nil {
		in.Log.Error("event not composed", "error", err)
		outcome.Failed++
		in.tell(d.reading, Failed, "")
		return false
	}
	d.message = m
	return true
}

// store publishes and lets only what was acknowledged become the last state.
// Events of one person go one after the other, and none after one that failed:
// what Graph repeats then finds them in the same order again.
func (in *Intake) store(ctx context.Context, drafts []draft, trace string, outcome *Outcome) error {
	all := len(drafts)
	var failed, doubted []graph.Person
	var cause error
	for len(drafts) > 0 {
		turn, rest := split(drafts)
		messages := make([]events.Message, len(turn))
		for i := range turn {
			turn[i].message.Conditional, turn[i].message.After = in.Shared, turn[i].slot.last.sequence
			messages[i] = turn[i].message
		}
		var again []draft
		for i, ack := range in.Bus.Publish(ctx, messages) {
			d := turn[i]
			if errors.Is(ack.Err, events.ErrConflict) {
				if ack.Err = in.catchUp(ctx, &d); ack.Err == nil {
					again = append(again, d)
					continue
				}
			}
			if ack.Err != nil {
				cause = ack.Err
				failed = append(failed, personOf(d.reading))
			} else if !ack.Duplicate && in.doubtful(d) {
				doubted = append(doubted, personOf(d.reading))
			}
			in.settle(d, ack, outcome)
		}
		drafts = in.remaining(append(again, rest...), trace, outcome)
	}
	if len(doubted) > 0 {
		in.Doubt(doubted)
	}
	if len(failed) == 0 {
		return nil
	}
	in.Gap(failed)
	return fmt.Errorf("publish %d events, %d people failed: %w: %w", all, len(failed), ErrNotStored, cause)
}

// maxConflicts is how often in one batch another writer may be faster about the
// same person.
const maxConflicts = 4

// catchUp learns what another writer has told of the person meanwhile.
func (in *Intake) catchUp(ctx context.Context, d *draft) error {
	s := d.slot
	if s.conflicts++; s.conflicts > maxConflicts {
		return events.ErrConflict
	}
	e, sequence, err := in.Bus.Last(ctx, d.reading.TenantID, d.reading.Presence.UserID)
	if err != nil {
		return err
	}
	s.last = s.last.after(e, sequence)
	return nil
}

// remaining are the drafts that are still to be published. After a conflict the
// drafts of a person are judged and written anew, after the state of now.
func (in *Intake) remaining(drafts []draft, trace string, outcome *Outcome) []draft {
	for _, d := range drafts {
		d.slot.draft = d.slot.last
	}
	left := drafts[:0]
	for _, d := range drafts {
		s := d.slot
		switch {
		case s.failed:
			outcome.Failed++
			in.tell(d.reading, Failed, "")
			continue
		case s.conflicts == 0:
		case d.stale:
			continue // it was confirmed, or somebody else has told it
		default:
			if v := s.draft.judge(d.reading); v != fresh {
				if v == older {
					outcome.Older++
					in.tell(d.reading, Older, "")
				} else {
					outcome.Repeated++
					s.last.note(d.reading)
					in.tell(d.reading, Repeated, "")
				}
				continue
			}
			if !in.write(&d, s.draft, trace, outcome) {
				continue
			}
			s.draft = s.draft.with(d.reading, d.message.ID)
		}
		left = append(left, d)
	}
	return left
}

// split takes the first draft of each person.
func split(drafts []draft) (first, rest []draft) {
	first = make([]draft, 0, len(drafts))
	for _, d := range drafts {
		if d.slot.inTurn {
			rest = append(rest, d)
		} else {
			d.slot.inTurn = true
			first = append(first, d)
		}
	}
	for _, d := range first {
		d.slot.inTurn = false
	}
	return first, rest
}

// settle notes what became of one event.
func (in *Intake) settle(d draft, ack events.Ack, outcome *Outcome) {
	last := &d.slot.last
	switch {
	case ack.Err != nil:
		outcome.Failed++
		d.slot.failed = true
		last.unsure = d.message.ID
		in.tell(d.reading, Failed, d.message.ID)
	case d.stale:
		outcome.Stale++
		in.Stored(d.reading.Origin, true, 0)
		last.stale, last.eventID, last.sequence, last.unsure = true, d.message.ID, ack.Sequence, ""
		now := d.reading
		now.ObservedAt = in.Now() // that it could not be confirmed, not the state
		in.tell(now, Stale, d.message.ID)
	case ack.Duplicate && last.known && last.unsure != d.message.ID:
		// The bus had it before: what became known since then stands.
		outcome.Repeated++
		in.Seen(d.reading, false)
		last.note(d.reading)
		in.tell(d.reading, Repeated, "")
	default:
		outcome.Published++
		in.Stored(d.reading.Origin, false, in.Now().Sub(d.reading.ObservedAt))
		in.Seen(d.reading, last.moved(d.reading))
		*last = last.with(d.reading, d.message.ID)
		last.sequence = ack.Sequence
		in.tell(d.reading, Published, d.message.ID)
	}
}
