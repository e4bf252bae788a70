package intake

import (
	"cmp"
	"context"
	"slices"

	"jtel.de/presencebridge/internal/graph"
)

// A slot's turn is a channel that holds one element, because whoever waits for
// it must be able to leave: the bus may take its time with somebody else's
// event, and Graph wants an answer.

func newSlot() *slot { return &slot{turn: make(chan struct{}, 1), last: unknown()} }

func (s *slot) lock()   { s.turn <- struct{}{} }
func (s *slot) unlock() { <-s.turn }

// held are the slots of one batch, locked.
type held map[graph.Person]*slot

// hold locks the slots of everybody named, in one order for all callers, so
// that two batches never wait for each other in a ring. It gives up with ctx.
func (in *Intake) hold(ctx context.Context, n int, person func(i int) graph.Person) (held, error) {
	named := make(held, n)
	order := make([]graph.Person, 0, n)
	for i := range n {
		p := person(i)
		if _, ok := named[p]; !ok {
			// Strangers get no slot: what Graph sends about them must not grow us.
			if _, watched := in.Lookup(p.TenantID, p.UserID); !watched {
				continue
			}
			named[p] = in.slot(p)
			order = append(order, p)
		}
	}
	slices.SortFunc(order, func(a, b graph.Person) int {
		return cmp.Or(cmp.Compare(a.UserID, b.UserID), cmp.Compare(a.TenantID, b.TenantID))
	})
	for i, p := range order {
		s := named[p]
		err := ctx.Err()
		if err == nil {
			select {
			case s.turn <- struct{}{}:
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		if err != nil {
			for _, p := range order[:i] {
				named[p].unlock()
			}
			return nil, err
		}
		s.draft, s.failed, s.conflicts = s.last, false, 0
	}
	return named, nil
}

func (h held) release() {
	for _, s := range h {
		s.unlock()
	}
}

func (in *Intake) slot(p graph.Person) *slot {
	in.mu.RLock()
	s := in.slots[p]
	in.mu.RUnlock()
	if s != nil {
		return s
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if s = in.slots[p]; s == nil {
		s = newSlot()
		in.slots[p] = s
	}
	return s
}
