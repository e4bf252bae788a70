package subscriptions

import (
	"context"
	"time"
)

// longestSleep bounds how long an expiry can pass unseen after the machine was
// suspended or moved: timers stand still meanwhile.
const longestSleep = time.Minute

// clock is the time on the wall. It has no monotonic reading, which stands still
// while the machine is suspended, whereas Graph's expiries do not.
func clock() time.Time { return time.Now().Round(0) }

// waitFor waits for a signal, for the time (zero: there is none) or for ctx to
// end. It looks at the clock now and then.
func waitFor(ctx context.Context, wake <-chan struct{}, next time.Time, clock func() time.Time) {
	for {
		sleep := longestSleep
		if !next.IsZero() {
			sleep = min(sleep, next.Sub(clock()))
		}
		if sleep <= 0 {
			return
		}
		timer := time.NewTimer(sleep)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-wake:
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}
