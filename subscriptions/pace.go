package subscriptions

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"jtel.de/presencebridge/internal/graph"
)

// route is what Graph counts calls by.
type route int

const (
	listing route = iota
	writing       // POST, PATCH and DELETE
	routes
)

// pace keeps all accounts of a tenant together below Graph's limits, which are
// by app and tenant: 25 listings and 500 writes in any 20 s. When one account is
// throttled nevertheless, all wait: calls made meanwhile would count, too.
// Source: Graph, "throttling limits", subscriptions.
type pace struct {
	limits [routes]*rate.Limiter

	mu    sync.Mutex
	until [routes]time.Time
}

func newPace() *pace {
	return &pace{limits: [routes]*rate.Limiter{
		listing: rate.NewLimiter(1, 5),   // at most 25 in 20 s
		writing: rate.NewLimiter(20, 50), // at most 450
	}}
}

// call waits for its turn and then calls f within the time. A nil pace does not wait.
func (p *pace) call(ctx context.Context, r route, within time.Duration, f func(context.Context) error) error {
	if p == nil {
		return bounded(ctx, within, f)
	}
	if err := p.turn(ctx, r); err != nil {
		return err
	}
	err := bounded(ctx, within, f)
	if graph.Classify(err) == graph.Throttled {
		p.mu.Lock()
		if until := time.Now().Add(graph.RetryAfter(err)); until.After(p.until[r]) {
			p.until[r] = until
		}
		p.mu.Unlock()
	}
	return err
}

func (p *pace) turn(ctx context.Context, r route) error {
	for {
		if err := p.limits[r].Wait(ctx); err != nil {
			return err
		}
		p.mu.Lock()
		wait := time.Until(p.until[r])
		p.mu.Unlock()
		if wait <= 0 {
			return nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}
