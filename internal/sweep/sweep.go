// Package sweep is the slow pull beside the push: it reads people's presence at
// start, after gaps, when a notification carried no values, and every interval
// to prove that what was delivered is the whole truth. Those whose changes
// nobody is trusted to push are read every fast interval.
//
// It decides nothing about states: whatever it reads goes through the same
// intake as a notification. One Sweeper serves one tenant; internal/app runs it.
package sweep

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

const (
	readDeadline   = 30 * time.Second
	acceptDeadline = 10 * time.Second
	// gather lets people who are asked for one by one share a read.
	gather = 50 * time.Millisecond
	// pace is between two reads: at most 1,200 in 30 s. Graph allows 1,500 per app
	// and tenant; the rest is for repeated requests. Source: getPresencesByUserId.
	pace = 25 * time.Millisecond

	firstPause    = time.Second
	longestPause  = time.Minute
	operatorPause = 10 * time.Minute // nothing helps until somebody changes the set-up
)

// Reader reads presences in bulk, at most graph.MaxPeople at once.
type Reader interface {
	Presences(ctx context.Context, userIDs []string) ([]graph.Presence, error)
}

// Options are all required, but for Untrusted with FastInterval, Rounds, Observe and Now.
type Options struct {
	TenantID string
	Reader   Reader
	People   func() []string // everybody who is watched
	Accept   func(context.Context, []graph.Reading) error
	Interval time.Duration
	// Untrusted are read every FastInterval, but for those whom Graph left out
	// of a read, or could not read: these wait for the interval.
	Untrusted    func() []string
	FastInterval time.Duration
	// Rounds is false while somebody else reads everybody every interval: then
	// only those are read who are asked for. Nil means never.
	Rounds  func() bool
	Observe func(Round) // told what became of each round
	Now     func() time.Time
	Log     *slog.Logger
}

// Round is one pass over the people who were asked for: for metrics.
type Round struct {
	Took time.Duration
	Read int   // people whose presence was read and stored
	Err  error // it ended early, and whoever was not reached is asked for again
}

// Sweeper reads the people of one tenant.
type Sweeper struct {
	Options
	wake  chan struct{}
	retry chan struct{}

	lastRead time.Time       // by Run alone, like
	stored   int             // how many were read in this round,
	broken   int             // how many could not be read, as last logged
	leftOut  map[string]bool // since the last interval

	mu      sync.Mutex
	asked   map[string]graph.Origin // bounded by the number of people
	reading int                     // taken from asked and not read yet
	readAt  time.Time
	trouble string
}

// New starts nothing.
func New(o Options) *Sweeper {
	if o.Untrusted == nil {
		o.Untrusted, o.FastInterval = func() []string { return nil }, o.Interval
	}
	if o.Rounds == nil {
		o.Rounds = func() bool { return true }
	}
	if o.Observe == nil {
		o.Observe = func(Round) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Sweeper{Options: o, wake: make(chan struct{}, 1), retry: make(chan struct{}, 1), asked: map[string]graph.Origin{}, leftOut: map[string]bool{}}
}

// Ask wants these people read soon. It never waits. An origin of start wins over
// sweep, for whoever is asked for twice before it is read.
func (s *Sweeper) Ask(origin graph.Origin, userIDs ...string) {
	s.mu.Lock()
	for _, id := range userIDs {
		if s.asked[id] != graph.OriginStart {
			s.asked[id] = origin
		}
	}
	s.mu.Unlock()
	signal(s.wake)
}

// AskAll wants everybody read soon.
func (s *Sweeper) AskAll(origin graph.Origin) { s.Ask(origin, s.People()...) }

// Retry ends the pause after a failure: somebody mended something.
func (s *Sweeper) Retry() { signal(s.retry) }

// Run reads until ctx ends. What could not be read or stored stays asked for.
func (s *Sweeper) Run(ctx context.Context) error {
	interval := time.NewTicker(s.Interval)
	defer interval.Stop()
	fast := time.NewTicker(s.FastInterval)
	defer fast.Stop()
	var trouble trouble
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-interval.C:
			clear(s.leftOut)
			if s.Rounds() {
				s.AskAll(graph.OriginSweep)
			}
			continue
		case <-fast.C:
			if !s.Rounds() {
				continue
			}
			ids := slices.DeleteFunc(s.Untrusted(), func(id string) bool { return s.leftOut[id] })
			if len(ids) > 0 {
				s.Ask(graph.OriginSweep, ids...)
			}
			continue
		case <-s.wake:
		}
		if !s.pause(ctx, gather) {
			return nil
		}
		began := s.Now()
		s.stored = 0
		err := s.round(ctx)
		s.note(err)
		if graph.Stopped(ctx, err) {
			return nil
		}
		s.Observe(Round{Took: s.Now().Sub(began), Read: s.stored, Err: err})
		if wait := trouble.after(err, s.Log); err != nil {
			if !s.pause(ctx, wait) {
				return nil
			}
			s.Ask(graph.OriginSweep) // what is left
		}
	}
}

func (s *Sweeper) read(ctx context.Context, ids []string, origins map[string]graph.Origin) error {
	if early := pace - s.Now().Sub(s.lastRead); early > 0 && !s.wait(ctx, early, nil) {
		return ctx.Err()
	}
	s.lastRead = s.Now()
	reading, cancel := context.WithTimeout(ctx, readDeadline)
	defer cancel()
	askedAt := s.Now()
	presences, err := s.Reader.Presences(reading, ids)
	if err != nil {
		return fmt.Errorf("read %d presences: %w", len(ids), err)
	}
	observedAt := s.Now()
	readings := make([]graph.Reading, 0, len(presences))
	for _, p := range presences {
		origin, wanted := origins[p.UserID]
		if !wanted {
			continue
		}
		readings = append(readings, graph.Reading{
			TenantID: s.TenantID, Presence: p, Origin: origin, ObservedAt: observedAt, AskedAt: askedAt,
		})
	}
	if missing := len(ids) - len(readings); missing > 0 {
		s.leaveOut(ids, readings)
		s.Log.Debug("graph left people out of a read", "asked", len(ids), "missing", missing)
	}
	storing, cancel := context.WithTimeout(ctx, acceptDeadline)
	defer cancel()
	if err := s.Accept(storing, readings); err != nil {
		return err
	}
	s.stored += len(readings)
	return nil
}

// leaveOut notes who was asked for and is not in the answer.
func (s *Sweeper) leaveOut(ids []string, answer []graph.Reading) {
	for _, id := range ids {
		s.leftOut[id] = true
	}
	for _, r := range answer {
		delete(s.leftOut, r.Presence.UserID)
	}
}

func (s *Sweeper) take() map[string]graph.Origin {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked, s.reading = make(map[string]graph.Origin, len(asked)), len(asked)
	return asked
}

func (s *Sweeper) giveBack(asked map[string]graph.Origin, ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		if s.asked[id] != graph.OriginStart {
			s.asked[id] = asked[id]
		}
	}
}

// pause waits for d or a Retry; false means that ctx ended first.
func (s *Sweeper) pause(ctx context.Context, d time.Duration) bool {
	return s.wait(ctx, d, s.retry)
}

func (s *Sweeper) wait(ctx context.Context, d time.Duration, or <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-or:
	case <-timer.C:
	}
	return true
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
