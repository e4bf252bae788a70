package demo

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// ledger holds what the tenant changed against what a consumer received. The
// two sides know nothing of each other; it pairs them.
type ledger struct {
	mu       sync.Mutex
	open     map[string][]change // by person, in the order made
	made     int
	received int
	extra    int             // events that answer no change: corrections, repeats
	delays   []time.Duration // from change to receipt
}

type change struct {
	availability, activity string
	at                     time.Time
}

func newLedger() *ledger { return &ledger{open: map[string][]change{}} }

// make notes a change of the tenant's.
func (l *ledger) make(userID string, c change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.made++
	l.open[userID] = append(l.open[userID], c)
}

// receive notes an event and pairs it with the person's oldest open change to
// that state. It returns how long the change was on its way.
func (l *ledger) receive(userID, availability, activity string, at time.Time) (delay time.Duration, paired bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	open := l.open[userID]
	i := slices.IndexFunc(open, func(c change) bool {
		return strings.EqualFold(c.availability, availability) && strings.EqualFold(c.activity, activity)
	})
	if i < 0 {
		l.extra++
		return 0, false
	}
	delay = at.Sub(open[i].at)
	l.open[userID] = slices.Delete(open, i, i+1)
	l.received++
	l.delays = append(l.delays, delay)
	return delay, true
}

// totals are the figures so far.
func (l *ledger) totals() Totals {
	l.mu.Lock()
	defer l.mu.Unlock()
	sorted := slices.Sorted(slices.Values(l.delays))
	return Totals{
		Made:     l.made,
		Received: l.received,
		Missing:  l.made - l.received,
		Extra:    l.extra,
		P50:      quantile(sorted, 0.50),
		P99:      quantile(sorted, 0.99),
	}
}

// Totals are the figures of a demo.
type Totals struct {
	Made     int           `json:"changesMade"`
	Received int           `json:"changesReceived"`
	Missing  int           `json:"changesMissing"`
	Extra    int           `json:"extraEvents"` // corrections and first readings
	P50      time.Duration `json:"latencyP50"`  // from the change in the tenant to the consumer's receipt
	P99      time.Duration `json:"latencyP99"`
}

// quantile of sorted values: the smallest that q of them do not exceed.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	i := int(float64(len(sorted))*q+0.999999) - 1
	return sorted[min(max(i, 0), len(sorted)-1)]
}
