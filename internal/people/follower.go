package people

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

const (
	// resolveWithin is the deadline of one resolution, all its pages together.
	resolveWithin = 10 * time.Minute
	// fullEvery is how long the changes that Graph tells are believed before
	// everything is read again: a delta query may leave out what a replica of the
	// directory did not know yet. Graph keeps its links for seven days.
	fullEvery = 6 * time.Hour
)

// Options of a follower. Changed and Observe may be nil; the rest is required.
type Options struct {
	TenantID  string // lower-case GUID
	Graph     Graph
	Selection func() Selection // asked before every resolution
	Directory *Directory
	Every     time.Duration // between two resolutions, shortened at random by up to a tenth
	// Changed is told after the directory was replaced, only if something
	// changed, from the goroutine of Run.
	Changed func(Diff)
	// Observe is told how each resolution went, from the goroutine of Run.
	Observe func(error)
	Log     *slog.Logger
}

// Follower keeps the people of one tenant in the directory up to date.
type Follower struct {
	o       Options
	ready   chan struct{}
	once    sync.Once
	refresh chan struct{}

	// Only Run's goroutine touches these.
	failures int    // in a row
	told     string // the failure that the log has seen last
	missed   []Miss // the entries that the log has seen last

	groups map[string]bool // the entries that have named a group
	asIs   bool            // a reload: the next resolution is believed whatever it says

	mirror   *mirror // nil: the next resolution reads everything
	fullAt   time.Time
	selected Selection // what mirror was made for

	last atomic.Pointer[[]Miss] // the entries of the last resolution
}

// NewFollower starts nothing: call Run.
func NewFollower(o Options) *Follower {
	if o.Observe == nil {
		o.Observe = func(error) {}
	}
	return &Follower{o: o, ready: make(chan struct{}), refresh: make(chan struct{}, 1)}
}

// Ready is closed after the first resolution that succeeded.
func (f *Follower) Ready() <-chan struct{} { return f.ready }

// Missed are the entries of the selection that meant no one when they were last
// resolved. It may be asked from anywhere; the slice must not be changed.
func (f *Follower) Missed() []Miss {
	if m := f.last.Load(); m != nil {
		return *m
	}
	return nil
}

// Refresh asks for a resolution now that reads everything, and that is believed
// even where it loses a group or everybody: it is what an operator's reload
// calls. It does not wait; asking twice while one is waiting asks once. While
// Graph throttles us it takes effect afterwards.
func (f *Follower) Refresh() {
	select {
	case f.refresh <- struct{}{}:
	default:
	}
}

// Run resolves at once, then every Options.Every, until ctx ends; then it
// returns nil. A resolution that fails leaves the directory as it is and is
// tried again; so is one that has lost a group or everybody at once, until a
// Refresh. At start, every six hours, after a change of the selection and
// whenever changes cannot be followed, everything is read; in between, users
// only as far as Graph tells that they changed. Groups are always read.
func (f *Follower) Run(ctx context.Context) error {
	for {
		refresh := f.refresh
		wait := f.o.Every - rand.N(f.o.Every/10+1)
		err := f.resolve(ctx)
		if ctx.Err() == nil {
			f.o.Observe(err)
		}
		if err != nil && ctx.Err() == nil {
			wait = f.failed(ctx, err)
			if graph.Classify(err) == graph.Throttled {
				refresh = nil
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-refresh:
			timer.Stop()
			f.mirror, f.asIs = nil, true
		case <-timer.C:
		}
	}
}

func (f *Follower) resolve(ctx context.Context) error {
	deadline, cancel := context.WithTimeout(ctx, resolveWithin)
	defer cancel()
	s := f.o.Selection()
	r, err := f.read(deadline, s)
	if err == nil && !f.asIs {
		err = f.lost(s, r)
	}
	if err != nil {
		f.mirror = nil
		return err
	}
	f.asIs, f.groups = false, map[string]bool{}
	for _, entry := range r.Groups {
		f.groups[entry] = true
	}
	diff := f.o.Directory.Replace(f.o.TenantID, r.People)
	f.last.Store(&r.Missed)
	f.succeeded(ctx, r, diff)
	if f.o.Changed != nil && !diff.Empty() {
		f.o.Changed(diff)
	}
	f.once.Do(func() { close(f.ready) })
	return nil
}

// lost tells what a resolution must not take away by itself: a renamed group or
// a mistake in the directory would else wipe out whoever is watched. First ones
// lose nothing.
func (f *Follower) lost(s Selection, r Resolution) error {
	for _, entry := range s.Groups {
		if f.groups[entry] && !slices.Contains(r.Groups, entry) {
			return &lostError{group: entry}
		}
	}
	if len(r.People) == 0 && !s.empty() && len(f.o.Directory.IDs(f.o.TenantID)) > 0 {
		return &lostError{}
	}
	return nil
}

// read resolves by what has changed since the last time, if it can be told,
// else by reading everything. After any failure everything is read next.
func (f *Follower) read(ctx context.Context, s Selection) (Resolution, error) {
	now := time.Now().Round(0) // no monotonic reading: that stands still in a suspended machine
	m := f.mirror
	f.mirror = nil
	if m != nil && now.Before(f.fullAt) && f.selected.same(s) {
		r, err := m.resolve(ctx, s)
		if err == nil {
			f.mirror = m
			return r, nil
		}
		if !startOver(err) {
			return Resolution{}, err
		}
		f.o.Log.InfoContext(ctx, "changes of the directory cannot be followed, everything is read", "tenant", f.o.TenantID, "cause", causeOf(err))
	}
	m, err := newMirror(ctx, f.o.Graph, s)
	if err != nil { // it is only slower without
		f.o.Log.DebugContext(ctx, "graph does not tell changes of the directory", "tenant", f.o.TenantID, "cause", causeOf(err))
	}
	r, err := Resolve(ctx, m, s)
	if err == nil && m.link != "" {
		f.mirror, f.fullAt, f.selected = m, now.Add(fullEvery), s
	}
	return r, err
}

func (f *Follower) succeeded(ctx context.Context, r Resolution, d Diff) {
	if f.failures > 0 || !d.Empty() {
		f.o.Log.InfoContext(ctx, "watched people read", "tenant", f.o.TenantID, "people", len(r.People),
			"added", len(d.Added), "changed", len(d.Changed), "removed", len(d.Removed))
	}
	f.failures, f.told = 0, ""
	if !slices.Equal(f.missed, r.Missed) {
		f.missed = r.Missed
		if len(r.Missed) > 0 {
			f.o.Log.WarnContext(ctx, "some entries of the people configuration match nobody", "tenant", f.o.TenantID, "entries", len(r.Missed),
				"advice", "presencebridge users report names them")
		}
		for _, m := range r.Missed { // may name a person, hence debug
			f.o.Log.DebugContext(ctx, "entry matches nobody", "tenant", f.o.TenantID, "entry", m.String())
		}
	}
}

// failed logs a failure, at full level only when it is a new one, and tells how
// long to wait.
func (f *Follower) failed(ctx context.Context, err error) time.Duration {
	f.failures++
	class := graph.Classify(err)
	level, first, most := slog.LevelError, time.Minute, 10*time.Minute
	if _, lost := errors.AsType[*lostError](err); lost {
		class = graph.Operator
	}
	if class == graph.Transient || class == graph.Throttled {
		level, first, most = slog.LevelWarn, time.Second, time.Minute
	}
	wait := min(first<<min(f.failures-1, 10), most)
	wait = max(wait/2+rand.N(wait/2), graph.RetryAfter(err))

	cause := causeOf(err)
	if cause == f.told {
		level = slog.LevelDebug
	}
	f.told = cause
	msg := "watched people could not be read, the known ones stay"
	if f.last.Load() == nil {
		msg = "watched people could not be read, nobody is watched until they can"
	}
	f.o.Log.Log(ctx, level, msg, "tenant", f.o.TenantID,
		"class", class.String(), "cause", cause, "advice", adviceOn(err), "request_id", requestID(err), "next", wait.Round(100*time.Millisecond).String())
	return wait
}
