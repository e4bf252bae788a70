package app

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"time"

	"jtel.de/presencebridge/handlers"
	"jtel.de/presencebridge/internal/graph"
)

const (
	pointEvery = 10 * time.Second
	pointsKept = 90 // a quarter of an hour
	// Delays are counted in steps of a quarter, from 0.1 ms to half a minute.
	delayFirst, delayGrowth, delaySteps = 0.1, 1.25, 58
)

// activity remembers what lately happened, in a space that does not grow.
type activity struct {
	version string
	began   time.Time
	now     func() time.Time

	mu      sync.Mutex
	points  [pointsKept]point
	refused map[refusalKind]*refusals // few kinds, all of them ours
}

// point is one stretch of time, found by its number since 1970.
type point struct {
	number  int64
	changes int
	delays  [delaySteps]int
}

type refusalKind struct{ what, reason string }

type refusals struct {
	total  int
	last   time.Time
	recent [pointsKept]struct {
		number int64
		n      int
	}
}

func newActivity(version string, now func() time.Time) *activity {
	return &activity{version: version, began: now(), now: now, refused: map[refusalKind]*refusals{}}
}

func numberOf(t time.Time) int64 { return t.UnixNano() / int64(pointEvery) }

// stored counts a change that NATS has taken: not what was read at the start or
// merely could not be confirmed.
func (a *activity) stored(origin graph.Origin, stale bool, after time.Duration) {
	if stale || origin == graph.OriginStart {
		return
	}
	number := numberOf(a.now())
	a.mu.Lock()
	defer a.mu.Unlock()
	p := &a.points[number%pointsKept]
	if p.number != number {
		*p = point{number: number}
	}
	p.changes++
	p.delays[delayStep(after)]++
}

func delayStep(d time.Duration) int {
	ms := float64(d) / float64(time.Millisecond)
	if ms <= delayFirst {
		return 0
	}
	return min(int(math.Ceil(math.Log(ms/delayFirst)/math.Log(delayGrowth))), delaySteps-1)
}

// answered counts what a callback was refused for.
func (a *activity) answered(o handlers.Outcome) {
	if o.Cause == "" && len(o.Refused) == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for reason, n := range o.Refused {
		a.refuse(refusalKind{"item", string(reason)}, n)
	}
	if o.Cause != "" {
		a.refuse(refusalKind{"request", string(o.Cause)}, 1)
	}
}

// refuse needs the lock.
func (a *activity) refuse(kind refusalKind, n int) {
	r := a.refused[kind]
	if r == nil {
		r = &refusals{}
		a.refused[kind] = r
	}
	r.last = a.now()
	r.total += n
	number := numberOf(r.last)
	at := &r.recent[number%pointsKept]
	if at.number != number {
		at.number, at.n = number, 0
	}
	at.n += n
}

// recall gives what happened within the last points, the quiet ones included.
func (a *activity) recall() handlers.Activity {
	now := numberOf(a.now())
	a.mu.Lock()
	defer a.mu.Unlock()
	out := handlers.Activity{Version: a.version, StartedAt: a.began, Seconds: int(pointEvery / time.Second), Refused: []handlers.Refused{}}
	for number := now - pointsKept + 1; number <= now; number++ {
		p := handlers.ActivityPoint{At: time.Unix(0, number*int64(pointEvery)).UTC()}
		if kept := &a.points[number%pointsKept]; kept.number == number {
			p.Changes, p.P50, p.P99 = kept.changes, kept.quantile(0.5), kept.quantile(0.99)
		}
		out.Points = append(out.Points, p)
	}
	for kind, r := range a.refused {
		row := handlers.Refused{What: kind.what, Reason: kind.reason, Total: r.total, LastAt: r.last}
		for _, at := range r.recent {
			if at.number > now-pointsKept {
				row.Recent += at.n
			}
		}
		out.Refused = append(out.Refused, row)
	}
	slices.SortFunc(out.Refused, func(a, b handlers.Refused) int {
		return cmp.Or(b.LastAt.Compare(a.LastAt), cmp.Compare(a.Reason, b.Reason))
	})
	return out
}

// quantile is the upper end of the step that holds it, in milliseconds; zero
// when there were no delays.
func (p *point) quantile(q float64) float64 {
	all := 0
	for _, n := range p.delays {
		all += n
	}
	rank := int(math.Ceil(q * float64(all)))
	for step, n := range p.delays {
		if rank -= n; n > 0 && rank <= 0 {
			return math.Round(delayFirst*math.Pow(delayGrowth, float64(step))*100) / 100
		}
	}
	return 0
}
