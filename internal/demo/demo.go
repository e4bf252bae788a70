// Package demo shows the whole bridge in one process, with nothing configured
// and nothing on the network: a simulated Microsoft tenant whose people live a
// working day, the real service with its real HTTPS callback and embedded NATS,
// and a consumer of its own that checks what arrives.
//
// It is not a test double: the service runs from a configuration file that the
// demo writes, exactly as it would for a real tenant. cmd/presencebridge shows
// what Observe tells.
package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"jtel.de/presencebridge/internal/app"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/graphsim"
)

const (
	startWithin = time.Minute
	// drainWithin is how long changes under way are waited for at the end.
	drainWithin = 15 * time.Second
)

// Options of a demo. The functions may be nil and are called one at a time.
type Options struct {
	People int
	Rate   float64       // changes per second, all people together
	Seed   uint64        // 0: a random one
	For    time.Duration // 0: until ctx ends
	// Started is told once everybody is covered, before the first change.
	Started func(Started)
	// Observe is told every event that the consumer receives.
	Observe func(Observation)
	// Tick is called a few times a second.
	Tick func(Totals)
	Log  *slog.Logger
}

// Started says where things are.
type Started struct {
	Seed                  uint64
	Callback, NATS, Admin string
	People                []Person // in the order of the directory
}

// Person is somebody of the simulated tenant.
type Person struct{ ID, Name string }

// Observation is an event as the consumer received it.
type Observation struct {
	UserID, Name                   string
	Availability, Activity, Origin string
	At                             time.Time
	Delay                          time.Duration // since the change in the tenant
	Paired                         bool          // false: a first reading or a correction
}

// Summary is what a demo ends with.
type Summary struct {
	Totals
	Seed    uint64        `json:"seed"`
	Elapsed time.Duration `json:"elapsed"`
}

// Run shows the demo until ctx ends or Options.For is over, then waits for what
// is under way. An error means that the demo itself failed; changes that did
// not arrive are in the summary.
func Run(ctx context.Context, o Options) (Summary, error) {
	var turn sync.Mutex
	o.Started, o.Observe, o.Tick = inTurn(&turn, o.Started), inTurn(&turn, o.Observe), inTurn(&turn, o.Tick)
	dir, err := os.MkdirTemp("", "presencebridge-demo-")
	if err != nil {
		return Summary{}, fmt.Errorf("make a folder for the demo: %w", err)
	}
	summary, err := run(ctx, o, dir)
	return summary, errors.Join(err, os.RemoveAll(dir))
}

// inTurn makes calls of f wait for their turn; a nil f does nothing.
func inTurn[T any](turn *sync.Mutex, f func(T)) func(T) {
	if f == nil {
		return func(T) {}
	}
	return func(v T) {
		turn.Lock()
		defer turn.Unlock()
		f(v)
	}
}

func run(ctx context.Context, o Options, dir string) (Summary, error) {
	site, err := NewSite(dir)
	if err != nil {
		return Summary{}, err
	}
	sim := graphsim.New(graphsim.Options{
		Seed: o.Seed, People: o.People, Roots: site.Roots, Faults: graphsim.DefaultFaults(), Log: o.Log,
	})
	if err := sim.Start(); err != nil {
		return Summary{}, err
	}
	defer sim.Close()

	callback, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return Summary{}, fmt.Errorf("listen for the callback: %w", err)
	}
	const anyPort = "127.0.0.1:0"
	file, err := site.Write(sim, Addresses{Callback: callback.Addr().String(), Admin: anyPort, NATS: anyPort})
	if err != nil {
		return Summary{}, err
	}
	c, err := config.Load(file, nil)
	if err != nil {
		return Summary{}, fmt.Errorf("load the demo's own configuration: %w", err)
	}

	// The service outlives ctx: what is under way at the end must still arrive.
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	started := make(chan app.Addresses, 1)
	var service errgroup.Group
	service.Go(func() error {
		defer stop()
		return app.Run(serving, app.Options{
			Config: c, Log: o.Log, Version: "demo", Callback: callback,
			Started: func(a app.Addresses) { started <- a },
		})
	})
	summary, err := live(ctx, serving, o, sim, started)
	stop()
	if ended := service.Wait(); ctx.Err() == nil || !errors.Is(ended, context.Canceled) { // else it was stopped while it started
		err = errors.Join(err, ended)
	}
	return summary, err
}

// live waits until everybody is covered, lets the people live, and waits for
// their last changes.
func live(ctx, serving context.Context, o Options, sim *graphsim.Simulator, started <-chan app.Addresses) (Summary, error) {
	starting, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	var addresses app.Addresses
	select {
	case addresses = <-started:
	case <-serving.Done():
		return Summary{}, errors.New("the service ended before it started")
	case <-starting.Done():
		return Summary{}, late(ctx, "the service did not start in time")
	}
	book := newLedger()
	consumer, err := dial(addresses.NATS)
	if err != nil {
		return Summary{}, err
	}
	defer consumer.close()
	consuming, stopConsumer := context.WithCancel(serving)
	var watching errgroup.Group
	defer watching.Wait()
	defer stopConsumer()
	covered := make(chan struct{})
	watching.Go(func() error {
		return consumer.run(consuming, book.listen(o.People, covered, o.Observe), func() { o.Tick(book.totals()) })
	})
	if what := awaitCover(starting, sim, covered); what != "" {
		return Summary{}, late(ctx, what)
	}

	o.Started(Started{
		Seed: sim.Seed(), Callback: addresses.Callback, NATS: addresses.NATS, Admin: addresses.Admin, People: persons(sim),
	})
	begin := time.Now()
	living := ctx
	if o.For > 0 {
		var cancel context.CancelFunc
		living, cancel = context.WithTimeout(ctx, o.For)
		defer cancel()
	}
	sim.Life(living, o.Rate, func(c graphsim.Change) {
		book.make(c.UserID, change{c.Availability, c.Activity, c.At})
	})
	err = arrive(serving, book)
	return Summary{Totals: book.totals(), Seed: sim.Seed(), Elapsed: time.Since(begin)}, err
}

// listen gives what the consumer does with an event; covered is closed once
// everybody has been heard of.
func (l *ledger) listen(people int, covered chan struct{}, observe func(Observation)) func(event) {
	seen := map[string]bool{}
	return func(e event) {
		who := e.Data.User
		delay, paired := l.receive(who.ID, change{e.Data.Availability, e.Data.Activity, e.at})
		if !seen[who.ID] {
			if seen[who.ID] = true; len(seen) == people {
				close(covered)
			}
		}
		observe(Observation{
			UserID: who.ID, Name: who.DisplayName,
			Availability: e.Data.Availability, Activity: e.Data.Activity, Origin: e.Data.Origin,
			At: e.at, Delay: delay, Paired: paired,
		})
	}
}

// awaitCover waits for the subscription and for a first state of everybody, and
// says what did not come in time.
func awaitCover(ctx context.Context, sim *graphsim.Simulator, covered <-chan struct{}) string {
	for len(sim.Subscriptions()) == 0 {
		if !sleep(ctx, 20*time.Millisecond) {
			return "no subscription was made in time"
		}
	}
	select {
	case <-covered:
		return ""
	case <-ctx.Done():
		return "not everybody's presence was read in time"
	}
}

// late is the error of a start that ended early, unless it is ctx that ended it.
func late(ctx context.Context, what string) error {
	if ctx.Err() != nil {
		return errors.New("stopped before everybody was covered, so nothing was measured")
	}
	return fmt.Errorf("%s; repeat with --verbose to see why", what)
}

// arrive waits until nothing is missing, for as long as is reasonable.
func arrive(ctx context.Context, book *ledger) error {
	ctx, cancel := context.WithTimeout(ctx, drainWithin)
	defer cancel()
	for book.totals().Missing > 0 {
		if !sleep(ctx, 20*time.Millisecond) {
			return nil // the summary tells
		}
	}
	return nil
}

func persons(sim *graphsim.Simulator) []Person {
	var all []Person
	for _, u := range sim.Tenant().Users {
		all = append(all, Person{u.ID, u.DisplayName})
	}
	return all
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
