package sdk

import (
	"context"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"jtel.de/presencebridge/internal/graph"
)

// allowed is how many units Graph takes of each class within its span, per app
// and tenant; the directory's is that of the smallest tenants.
// Source: Graph, "throttling limits"; presence: "getPresencesByUserId".
var allowed = [classes]struct {
	units int
	span  time.Duration
}{
	presences: {1500, 30 * time.Second},
	writes:    {500, 20 * time.Second},
	listings:  {25, 20 * time.Second},
	single:    {500, 20 * time.Second},
	lookups:   {3500, 10 * time.Second},
}

// longestStop bounds what one answer can do to everybody else: Graph was seen
// to ask for up to 315 seconds.
const longestStop = 15 * time.Minute

// Limiter keeps the calls of one app in one tenant below Graph's limits. One
// value is given to every Client of the tenant, so that they share what Graph
// counts together, and so that all of them stop when Graph asks one to.
type Limiter struct{ of [classes]gate }

// NewLimiter gives one with nothing used yet.
//
// A fifth of what Graph allows may go out at once and seven tenths are spread
// over the span: nine tenths in any window, since commands of an operator
// count as the same app.
func NewLimiter() *Limiter {
	l := &Limiter{}
	for class, a := range allowed {
		perSecond := 0.7 * float64(a.units) / a.span.Seconds()
		l.of[class].bucket = rate.NewLimiter(rate.Limit(perSecond), a.units/5)
	}
	return l
}

// gate is what one class of calls waits at.
type gate struct {
	bucket *rate.Limiter
	mu     sync.Mutex
	until  time.Time // Graph asked for no call before
}

// pass waits for units of this class and for the end of a stop. What does not
// fit into the deadline of ctx is refused at once, as Graph would do it.
func (g *gate) pass(ctx context.Context, units int) error {
	if err := g.sitOut(ctx); err != nil {
		return err
	}
	now := time.Now()
	turn := g.bucket.ReserveN(now, units)
	if err := pause(ctx, turn.DelayFrom(now), "the bridge holds back: the limit for such calls is used up"); err != nil {
		turn.Cancel()
		return err
	}
	return g.sitOut(ctx) // a stop may have come meanwhile
}

func (g *gate) sitOut(ctx context.Context) error {
	for {
		g.mu.Lock()
		wait := time.Until(g.until)
		g.mu.Unlock()
		if wait <= 0 {
			return nil
		}
		if err := pause(ctx, wait, "another call was told to wait"); err != nil {
			return err
		}
	}
}

// stop keeps everybody out for as long as Graph asked.
func (g *gate) stop(wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if until := time.Now().Add(min(wait, longestStop)); until.After(g.until) {
		g.until = until
	}
}

// pause waits, or tells at once that the deadline comes first.
func pause(ctx context.Context, wait time.Duration, why string) error {
	if wait <= 0 || ctx.Err() != nil {
		return ctx.Err()
	}
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= wait {
		return &graph.Error{Status: http.StatusTooManyRequests, Code: graph.CodeHeldBack, Message: why, RetryAfter: wait}
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
