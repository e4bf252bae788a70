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
	early    map[string][]change // received, but nobody made them, the latest few of a person
	made     int
	received int
	extra    int // events that answer no change: corrections, repeats
	delays   delays
}

type change struct {
	availability, activity string
	at                     time.Time
}

func (c change) same(other change) bool {
	return strings.EqualFold(c.availability, other.availability) && strings.EqualFold(c.activity, other.activity)
}

// keepEarly is how many events of a person that answer no change are kept.
const keepEarly = 8

func newLedger() *ledger {
	return &ledger{open: map[string][]change{}, early: map[string][]change{}, delays: delays{}}
}

// make notes a change of the tenant's. On a busy machine its event may have been
// received already, since whoever made it comes here only after that.
func (l *ledger) make(userID string, c change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.made++
	i := slices.IndexFunc(l.early[userID], func(e change) bool { return e.same(c) && !e.at.Before(c.at) })
	if i < 0 {
		l.open[userID] = append(l.open[userID], c)
	} else {
		l.extra--
		l.pair(l.early[userID][i].at.Sub(c.at))
	}
	delete(l.early, userID)
}

// receive notes an event and pairs it with the person's oldest open change to
// that state. It returns how long the change was on its way.
func (l *ledger) receive(userID string, e change) (delay time.Duration, paired bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	open := l.open[userID]
	i := slices.IndexFunc(open, e.same)
	if i < 0 {
		l.extra++
		early := append(l.early[userID], e)
		l.early[userID] = early[max(len(early)-keepEarly, 0):]
		return 0, false
	}
	delay = e.at.Sub(open[i].at)
	l.open[userID] = slices.Delete(open, i, i+1)
	l.pair(delay)
	return delay, true
}

func (l *ledger) pair(delay time.Duration) {
	l.received++
	l.delays.add(delay)
}

// totals are the figures so far.
func (l *ledger) totals() Totals {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Totals{
		Made:     l.made,
		Received: l.received,
		Missing:  l.made - l.received,
		Extra:    l.extra,
		P50:      l.delays.quantile(0.50),
		P99:      l.delays.quantile(0.99),
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
