package subscriptions

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

// Graph is what acts on one account's subscriptions, with its service user's token.
type Graph interface {
	// Subscriptions lists the presence subscriptions of this app and account.
	Subscriptions(ctx context.Context) ([]graph.Subscription, error)
	// CreateSubscription returns after the handshake, which the receiver must answer meanwhile.
	CreateSubscription(ctx context.Context, s graph.Subscription) (graph.Subscription, error)
	// RenewSubscription moves the expiry and, unless cert is nil, the certificate.
	RenewSubscription(ctx context.Context, id string, expires time.Time, cert *graph.Certificate) (graph.Subscription, error)
	DeleteSubscription(ctx context.Context, id string) error
	// Refresh gets a freshly issued token: delivery pauses when the token ends
	// that a subscription was last renewed with.
	Refresh(ctx context.Context) error
}

// The reasons that Options.Gap is given.
const (
	GapCreated      = "created anew"
	GapAdopted      = "adopted after a failure"
	GapLate         = "renewed late"
	GapReauthorized = "reauthorized"
	GapMissed       = "graph missed to send"
)

// Options of a manager. Graph, Desired, Gap and Log are required.
type Options struct {
	Graph Graph
	// Desired is the wish of now; nobody to watch means that nothing is wanted.
	Desired func() Desired
	// Gap names people whose changes may have been missed. It is called from
	// the goroutine of Run and must be cheap.
	Gap func(reason string, userIDs []string)
	// Changed is told every new status, from the goroutine of Run. May be nil.
	Changed func(Status)
	// Surveyed is told, while the wish is undecided, whom the account's
	// subscription names; nobody if there is none. May be nil.
	Surveyed func(userIDs []string)
	// Refused is told of a create that Graph refused in a way that may be due to
	// one of the people; certain if trying again would not help. May be nil.
	Refused func(userIDs []string, certain bool)
	Log     *slog.Logger
	// Jitter gives numbers from [0, 1); nil means at random.
	Jitter func() float64
}

// Manager keeps one account's subscription as desired. Its methods may be
// called from anywhere; Run must run once at a time.
type Manager struct {
	o    Options
	wake chan struct{} // holds at most one signal

	mu      sync.Mutex // guards these four
	poked   bool
	events  events
	status  Status
	covered []string // whom the subscription of status names

	// Only Run's goroutine touches the rest.
	wish        Desired
	held        *held
	gone        string // a subscription that Graph called gone: a listing that still has it is not believed
	unwanted    string // a subscription that an operator wants deleted
	established bool   // there has been a subscription since the start
	listedEmpty bool   // Graph has none, and none was wanted when it said so
	survey      survey
	startedAt   time.Time
	refreshedAt time.Time

	failures, refusals int // in a row: that pass by themselves, that do not
	retryAt            time.Time
	throttled          bool
	lastError, advice  string
	class              graph.Class // of the last error
}

// New starts nothing: call Run.
func New(o Options) *Manager {
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
	return &Manager{o: o, wake: make(chan struct{}, 1), status: Status{State: Starting}}
}

// Poke says that the wish may have changed. It ends a wait after a failure,
// too, unless Graph itself demanded that wait.
func (m *Manager) Poke() {
	m.mu.Lock()
	m.poked = true
	m.mu.Unlock()
	m.signal()
}

func (m *Manager) signal() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// Run keeps the subscription as desired until ctx ends; then it returns nil.
// Errors of Graph never end it. What exists at Graph stays: see Delete.
func (m *Manager) Run(ctx context.Context) error {
	m.startedAt = clock()
	for ctx.Err() == nil {
		m.takeSignals(ctx)
		if !clock().Before(m.retryAt) {
			if err := m.round(ctx); err == nil {
				m.succeeded(ctx)
			} else if ctx.Err() == nil {
				m.failed(ctx, err)
			}
		}
		m.publish()
		waitFor(ctx, m.wake, m.next(), clock)
	}
	return nil
}

// round does what is due now and returns the first error.
func (m *Manager) round(ctx context.Context) error {
	before := m.wish.UserIDs
	m.wish = m.o.Desired()
	if m.wish.Trial && !slices.Equal(before, m.wish.UserIDs) {
		m.failures = min(m.failures, 1)
	}
	if m.wish.Undecided {
		return m.look(ctx)
	}
	now := clock()
	if m.held != nil && !now.Before(m.held.ExpiresAt) {
		m.lose(ctx, "it expired")
	}
	if m.held != nil && m.held.ID == m.unwanted {
		if err := m.discard(ctx); err != nil {
			return err
		}
	}
	if m.held != nil && !m.survey.doubles && m.wish.differs(m.held.Subscription) == "" {
		if now.Before(m.held.renewAt) {
			return nil
		}
		if err := m.renew(ctx); err == nil || m.held != nil {
			return err
		}
	}
	if m.held == nil && len(m.wish.UserIDs) == 0 && m.listedEmpty {
		return nil
	}
	return m.reconcile(ctx)
}

// reconcile asks Graph what there is and acts on the plan. A create is thus
// never sent without looking first: an earlier one may have succeeded although
// its answer was lost.
func (m *Manager) reconcile(ctx context.Context) error {
	m.listedEmpty = false
	actual, err := m.surveyed(ctx)
	if err != nil {
		return err
	}
	for _, a := range Plan(m.wish, actual, clock()) {
		if err := m.act(ctx, a); err != nil {
			return err
		}
	}
	m.survey.doubles = false
	if m.listedEmpty = len(m.wish.UserIDs) == 0; m.listedEmpty {
		m.established = true // whatever comes next comes after a time without
	}
	return nil
}

// next is when Graph will be asked next; zero: only after a signal.
func (m *Manager) next() time.Time {
	switch {
	case !m.retryAt.IsZero():
		return m.retryAt
	case m.held != nil && !m.wish.Undecided:
		return m.held.renewAt
	}
	return time.Time{}
}

// log adds whom it is about: the account's key and the subscription, never a name.
func (m *Manager) log(ctx context.Context, level slog.Level, msg string, facts ...any) {
	id := ""
	if m.held != nil {
		id = m.held.ID
	}
	m.o.Log.Log(ctx, level, msg, append([]any{"tenant", m.wish.TenantID, "account", m.wish.AccountKey, "subscription", id}, facts...)...)
}
