package expiry

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

const (
	// readEvery is how often the directory is asked: ends move in days.
	readEvery = 6 * time.Hour
	// judgeEvery is how often what is known is compared with the clock.
	judgeEvery = 10 * time.Minute
	// readTime bounds one reading.
	readTime = 2 * time.Minute
)

// Options of a Watch; all but Changed, File and Now are required.
type Options struct {
	// Read tells everything that ends.
	Read func(ctx context.Context) []Item
	// Changed is told that what [Watch.Warnings] gives may differ. It must not wait.
	Changed func()
	// File remembers over a restart what was warned of; empty: nothing does.
	File string
	Now  func() time.Time
	Log  *slog.Logger
}

// Watch keeps an eye on what ends. Its methods may be called from anywhere at
// any time; Run must run once at a time.
type Watch struct {
	Options
	wake chan struct{}

	mu    sync.Mutex
	items []Item

	said warned // Run's own
}

// New starts nothing.
func New(o Options) *Watch {
	if o.Changed == nil {
		o.Changed = func() {}
	}
	if o.Now == nil {
		// Without the monotonic reading, which stands still while the machine sleeps.
		o.Now = func() time.Time { return time.Now().Round(0) }
	}
	return &Watch{Options: o, wake: make(chan struct{}, 1), said: warned{}}
}

// Run reads at once, then every six hours and on [Watch.Refresh], and warns
// until ctx ends; then it returns nil.
func (w *Watch) Run(ctx context.Context) error {
	if w.File != "" {
		var err error
		if w.said, err = recall(w.File); err != nil {
			w.Log.Warn("it is not known what was warned of before", "error", err)
		}
	}
	var last time.Time
	for {
		if now := w.Now(); last.IsZero() || now.Sub(last) >= readEvery || w.eager(now) {
			last = now
			w.read(ctx)
		}
		if ctx.Err() != nil {
			return nil
		}
		w.warn()
		timer := time.NewTimer(judgeEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-w.wake:
			timer.Stop()
			last = time.Time{}
		case <-timer.C:
		}
	}
}

// Refresh asks for a reading now: something was replaced. It never waits.
func (w *Watch) Refresh() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Items is everything that ends, what ends first in front.
func (w *Watch) Items() []Item {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.items)
}

// Warnings are the items that somebody has to do something about by now, of one
// service user of a tenant and of what all of them need: the app and the
// whole service.
func (w *Watch) Warnings(tenantID, account string) []Item {
	now := w.Now()
	return slices.DeleteFunc(w.Items(), func(i Item) bool {
		_, reached := i.Within(now)
		return !reached || i.TenantID != "" && i.TenantID != tenantID || i.Account != "" && i.Account != account
	})
}

// eager reports whether to ask at every look: something could not be read that
// can be again, or is to be replaced by now.
func (w *Watch) eager(now time.Time) bool {
	return slices.ContainsFunc(w.Items(), func(i Item) bool {
		_, reached := i.Within(now)
		return i.passing || reached
	})
}

func (w *Watch) read(ctx context.Context) {
	within, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	items := w.Read(within)
	if ctx.Err() != nil {
		return // half of it says nothing
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for n, i := range items {
		// What was known stays known while it cannot be asked for.
		if before := slices.IndexFunc(w.items, func(b Item) bool { return b.id() == i.id() }); i.passing && before >= 0 && w.items[before].State != Unknown {
			items[n] = w.items[before]
			items[n].passing = true
		}
	}
	sortItems(items)
	w.items = items
}

func (w *Watch) warn() {
	now := w.Now()
	due := w.said.due(w.Items(), now)
	for _, i := range due {
		about := []any{"what", i.Kind.String(), "ends", i.Ends, "advice", i.Advice}
		if i.Tenant != "" {
			about = append(about, "tenant", i.TenantID)
		}
		if i.Account != "" {
			about = append(about, "account", i.Account)
		}
		days, _ := i.Within(now)
		if days == 0 && i.Left(now) <= 0 {
			w.Log.Error("something has ended that the service needs", about...)
			continue
		}
		w.Log.Warn("something ends soon that the service needs", append(about, "within_days", days)...)
	}
	if w.File != "" && len(due) > 0 {
		if err := w.said.keep(w.File); err != nil {
			w.Log.Warn("a restart will warn again", "error", err)
		}
	}
	w.Changed()
}
