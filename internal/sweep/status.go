package sweep

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

// Status is what operators want to know of the reads.
type Status struct {
	Waiting int       // people who are asked for and not read yet
	ReadAt  time.Time // when a round last read all that it was asked for
	// Trouble is why the last round failed, in plain words and without anything
	// personal; empty after a success.
	Trouble string
}

// Status of now. It may be asked from anywhere.
func (s *Sweeper) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Status{Waiting: len(s.asked) + s.reading, ReadAt: s.readAt, Trouble: s.trouble}
}

// note remembers how a round ended. What it did not reach was given back.
func (s *Sweeper) note(err error) {
	trouble := ""
	if err != nil {
		trouble = describe(err)
	}
	now := s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reading, s.trouble = 0, trouble
	if err == nil {
		s.readAt = now
	}
}

// describe tells an error without what may name a person: Graph's own message,
// which differs, stays in the log.
func describe(err error) string {
	if s, ok := errors.AsType[*graph.SignInError](err); ok {
		cause := "sign-in of the app: " + s.Meaning
		if s.AADSTS != 0 {
			cause += fmt.Sprintf(" (AADSTS%d)", s.AADSTS)
		}
		return cause
	}
	if g, ok := errors.AsType[*graph.Error](err); ok {
		return fmt.Sprintf("graph answered %d %s", g.Status, g.Code)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err.Error()
	}
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err.Error()
}
