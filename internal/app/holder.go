package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/coverage"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/lease"
	"jtel.de/presencebridge/internal/vault"
	"jtel.de/presencebridge/subscriptions"
)

// instances is what several instances have between them; nil for a single one.
type instances struct {
	name   string // of this one, different for every process
	bucket jetstream.KeyValue
}

// openInstances makes the bucket of the leases.
func (s *service) openInstances(ctx context.Context) (*instances, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	i := &instances{name: fmt.Sprintf("%s-%d-%x", host, os.Getpid(), time.Now().UnixNano()&0xffffff)}
	kv, err := lease.Open(ctx, s.bus.js, s.Config.NATS.Replicas)
	if err != nil {
		return nil, err
	}
	i.bucket = kv
	return i, nil
}

func (i *instances) lease(key string, log *slog.Logger) *lease.Lease {
	return lease.New(lease.Options{Bucket: i.bucket, Key: key, Holder: i.name, Log: log})
}

// reopen makes the buckets anew where the server has lost them: the keys are
// in the memory of every instance.
func (s *service) reopen(ctx context.Context) error {
	if _, err := lease.Open(ctx, s.bus.js, s.Config.NATS.Replicas); err != nil {
		return err
	}
	if _, err := vault.OpenBucket(ctx, s.bus.js, s.Config.NATS.Replicas); err != nil {
		return err
	}
	return s.vault.Refresh(ctx)
}

// holds reports whether this instance acts for the tenant: it keeps its
// subscriptions, reads everybody now and then, and tells of its directory.
func (t *tenant) holds() bool { return t.lease == nil || t.lease.Held() }

// fence is asked before every call that two instances must not make.
func (t *tenant) fence() func() error {
	if t.lease == nil {
		return nil
	}
	return t.lease.Check
}

// push is what keeps the subscriptions, for the term in hand or the next one.
func (t *tenant) push() *subscriptions.Coordinator { return t.pushing.Load() }

// coverage is how far what they deliver is trusted, likewise.
func (t *tenant) coverage() *coverage.Tracker { return t.trusting.Load() }

// renewTerm forgets what was known: another instance has acted, or will.
func (t *tenant) renewTerm() {
	t.pushing.Store(t.newPush())
	t.trusting.Store(t.newCoverage())
}

// terms acts for the tenant whenever this instance holds its lease.
func (s *service) terms(ctx context.Context, t *tenant) error {
	origin := graph.OriginStart
	for t.lease.Acquire(ctx) {
		if err := s.term(ctx, t, origin); err != nil {
			return err
		}
		origin = graph.OriginSweep
	}
	return nil
}

// during calls f with a context that ends with ctx or with the lease. The lease
// is kept until f returns, and then given back.
func during(ctx context.Context, l *lease.Lease, f func(context.Context) error) error {
	keeping, enough := context.WithCancel(context.WithoutCancel(ctx))
	acting, lost := context.WithCancel(ctx)
	defer lost()
	var g errgroup.Group
	g.Go(func() error {
		defer lost()
		l.Keep(keeping)
		return nil
	})
	g.Go(func() error {
		defer enough()
		return f(acting)
	})
	err := g.Wait()
	l.Release(context.WithoutCancel(ctx))
	return err
}

// term lasts until ctx ends or the lease is lost.
func (s *service) term(ctx context.Context, t *tenant, origin graph.Origin) error {
	err := during(ctx, t.lease, func(acting context.Context) error {
		s.takeOver(acting, t)
		t.sweeper.AskAll(origin)
		err := t.act(acting)
		if s.DeleteSubscriptions && ctx.Err() != nil && err == nil {
			err = s.deleteOf(context.WithoutCancel(ctx), t)
		}
		return err
	})
	s.metrics.people.DeletePartialMatch(map[string]string{"tenant": t.name})
	t.renewTerm()
	return err
}

// takeOver learns what the instance before has told of the directory.
func (s *service) takeOver(ctx context.Context, t *tenant) {
	for ctx.Err() == nil {
		err := s.bus.directory(ctx, func(e events.DirectoryEvent) {
			if s.tenants[e.Data.TenantID] == t {
				s.announcer.RestoreDirectory(e)
			}
		})
		if err == nil {
			break
		}
		s.Log.WarnContext(ctx, "what was told of the directory is not known yet, trying again", "tenant", t.name, "error", err)
		sleep(ctx, time.Second)
	}
	s.tidySoon()
}

// act does what only one instance may do for a tenant.
func (t *tenant) act(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	tracker := t.coverage()
	g.Go(func() error { return tracker.Run(ctx) })
	for _, run := range t.push().Runs() {
		g.Go(func() error { return run(ctx) })
	}
	return g.Wait()
}

// announces reports whether this instance may tell of a tenant's directory.
func (s *service) announces(tenantID string) bool {
	t := s.tenants[tenantID]
	return s.peopleRead(tenantID) && (t == nil || t.holds())
}

// stays reports whether nothing of a person may be purged by this instance.
func (s *service) stays(p graph.Person) bool {
	t := s.tenants[p.TenantID]
	return s.remembered(p) || t != nil && !t.holds()
}

// errNoHolder means that nobody can be asked who acts for a tenant.
var errNoHolder = errors.New("the instance that acts for the tenant did not answer")
