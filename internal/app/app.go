// Package app puts the rooms together: it wires, starts, waits and stops. It is
// the only room of the service with go statements; everything else blocks in a
// Run that this package waits for.
//
// It is not a command: flags, environment and signals belong to cmd. It decides
// nothing about presence, subscriptions or answers.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"syscall"
	"time"

	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"jtel.de/presencebridge/internal/config"
)

// drain is how long a stop waits for what is in flight on all sides together.
const drain = 10 * time.Second

// Options of a run. Config and Log are required.
type Options struct {
	Config  *config.Config
	Log     *slog.Logger
	Version string

	// DeleteSubscriptions takes the subscriptions away at a clean stop. Without
	// it they stay, and the next start adopts them.
	DeleteSubscriptions bool
	// Reload asks, with each value, to take up the configuration anew, read
	// secrets anew and try again at once whatever waits for an operator. So does
	// a change of File. Load gives the configuration of now; Level is set to its
	// log level. All of them may be left out.
	Reload <-chan os.Signal
	File   string
	Load   func() (*config.Config, error)
	Level  *slog.LevelVar
	// Callback is listened on instead of the configured address, for callers
	// that must know the port beforehand.
	Callback net.Listener
	// Started is told the addresses once everything listens.
	Started func(Addresses)
	// Latency is how long Graph's notifications may take before a subscription
	// is doubted; zero means what Microsoft documents. For simulated tenants.
	Latency time.Duration
	// Tracer makes spans of what is taken in and published; nil makes none.
	Tracer trace.Tracer
}

// Addresses are where the running service listens, host:port. Callback is empty
// if every tenant is only polled. NATS is the embedded server's URL, empty with
// an external one.
type Addresses struct{ Callback, Admin, NATS string }

// Run is the service: it returns nil after ctx ended and everything stopped,
// or an error that kept it from starting.
func Run(ctx context.Context, o Options) error {
	s, err := build(ctx, o)
	if err != nil && ctx.Err() != nil {
		return nil // stopped while it waited for NATS
	}
	if err == nil {
		err = errors.Join(s.run(ctx), s.close())
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		err = fmt.Errorf("%w; free some space on the disk of data_dir %s", err, o.Config.DataDir)
	}
	return err
}

// run starts everything in the order in which one needs the other: the
// listeners first, because Graph calls back while a subscription is being made.
func (s *service) run(ctx context.Context) error {
	servers, err := s.listen()
	if err != nil {
		return err
	}
	// When a server fails, the workers must stop, and the other way round.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	var serving errgroup.Group
	for _, server := range servers {
		serving.Go(func() error {
			err := server.serve()
			cancel(err)
			return err
		})
	}
	a := s.addresses(servers)
	s.Log.Info("started", "version", s.Version, "tenants", len(s.tenants),
		"public_url", s.Config.PublicURL, "callback", a.Callback, "admin", a.Admin, "nats", a.NATS)
	if s.Started != nil {
		s.Started(a)
	}

	workers, working := errgroup.WithContext(ctx)
	workers.Go(func() error { return s.bus.run(working, s) })
	if s.acme != nil {
		workers.Go(func() error { return s.acme.Run(working) })
	}
	if s.forwarding != nil {
		workers.Go(func() error { return s.forward(working) })
	}
	if s.Config.Pushes() {
		workers.Go(func() error { return s.warmTokens(working) })
	}
	workers.Go(func() error { return s.followBoard(working) })
	workers.Go(func() error { return s.listenToPeers(working) })
	workers.Go(func() error { return s.answerRequests(working) })
	workers.Go(func() error { return s.vault.Follow(working) })
	workers.Go(func() error { return s.housekeep(working) })
	workers.Go(func() error { return s.forgetNotes(working) })
	workers.Go(func() error { return s.reload(working) })
	workers.Go(func() error { return s.expiry.Run(working) })
	for _, t := range s.tenants {
		workers.Go(func() error { return s.runTenant(working, t) })
	}

	<-working.Done()
	return s.stop(servers, &serving, workers)
}

// stop ends in the order in which nothing is lost: readiness first, then no new
// callbacks, while those in flight are stored and answered; the operators' side,
// which tells of all this, goes last. The bus is closed after that.
func (s *service) stop(servers []*server, serving, workers *errgroup.Group) error {
	s.Log.Info("stopping")
	s.stopping.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	var err error
	for _, server := range slices.Backward(servers) {
		err = errors.Join(err, server.stop(ctx))
	}
	failed := workers.Wait()
	if s.DeleteSubscriptions && failed == nil {
		failed = s.deleteSubscriptions()
	}
	err = errors.Join(failed, err, serving.Wait())
	s.Log.Info("stopped")
	return err
}

// deleteSubscriptions is for a single instance; others do it within their term.
func (s *service) deleteSubscriptions() error {
	var errs []error
	for _, t := range s.tenants {
		if t.lease == nil {
			// The caller's context has ended; this is the last thing done for it.
			errs = append(errs, s.deleteOf(context.Background(), t))
		}
	}
	return errors.Join(errs...)
}

func (s *service) deleteOf(ctx context.Context, t *tenant) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := t.push().Delete(ctx); err != nil {
		return fmt.Errorf("tenant %s: %w", t.name, err)
	}
	return nil
}
