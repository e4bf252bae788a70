package app

import (
	"context"
	"crypto/x509"
	"fmt"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/coverage"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/graph/sdk"
	"jtel.de/presencebridge/internal/graph/signin"
	"jtel.de/presencebridge/internal/lease"
	"jtel.de/presencebridge/internal/people"
	"jtel.de/presencebridge/internal/sweep"
	"jtel.de/presencebridge/subscriptions"
)

// tenant is one watched organisation: who is watched, what reads them, the
// accounts whose subscriptions push, and how far those are trusted.
type tenant struct {
	name     string
	config   atomic.Pointer[config.Tenant] // of now: a reload replaces it
	app      *signin.Credential
	reader   *sdk.Client // as the app
	follower *people.Follower
	sweeper  *sweep.Sweeper
	users    []*signin.Credential // of the service users
	lease    *lease.Lease         // nil in a single instance

	// The coordinator has no accounts when the tenant is only polled. Each term
	// of the lease has a new one, and a new tracker.
	pushing     atomic.Pointer[subscriptions.Coordinator]
	trusting    atomic.Pointer[coverage.Tracker]
	newPush     func() *subscriptions.Coordinator
	newCoverage func() *coverage.Tracker
}

func (s *service) buildTenant(c config.Tenant, roots *x509.CertPool, states graph.ClientStates) (*tenant, error) {
	log := s.Log.With("tenant", c.ID)
	t := &tenant{name: c.Name}
	t.config.Store(&c)
	if i := s.instances; i != nil {
		t.lease = i.lease(c.ID, s.Log)
	}
	now := func() config.Tenant { return *t.config.Load() }
	connection := newConnection(s.Config.Graph, now, roots, log)
	connection.signIn.HTTP = s.clock.client(roots)
	s.metrics.begin(c.Name)
	connection.observe = func(call sdk.Call) { s.metrics.graphCall(c.Name, call) }
	connection.signedIn = func(account string, failed *graph.SignInError) { s.metrics.signIn(c.Name, account, failed) }
	var err error
	var reader *sdk.Client
	if t.app, reader, err = connection.app(log); err != nil {
		return nil, err
	}
	t.reader = reader
	everybody := func() []string { return s.directory.IDs(c.ID) }
	t.sweeper = sweep.New(sweep.Options{
		TenantID: c.ID, Reader: reader, People: everybody, Accept: s.acceptRead,
		Interval: c.Sweep.Interval, Log: log,
		Untrusted: func() []string { return t.coverage().Untrusted() }, FastInterval: c.Sweep.FastInterval,
		Rounds:  t.holds,
		Observe: func(r sweep.Round) { s.metrics.sweep(c.Name, r) },
	})
	t.newCoverage = func() *coverage.Tracker { return s.buildCoverage(c, t, log) }
	t.follower = people.NewFollower(people.Options{
		TenantID:  c.ID,
		Graph:     reader,
		Selection: func() people.Selection { return selection(now().People) },
		Directory: s.directory,
		Every:     c.People.Refresh,
		Changed:   func(d people.Diff) { s.peopleChanged(t, d) },
		Observe:   func(err error) { s.metrics.refresh(c.Name, err) },
		Log:       s.Log,
	})
	pushed := everybody
	if c.Mode == config.ModePoll {
		pushed, c.Accounts = func() []string { return nil }, nil
	}
	var accounts []subscriptions.Account
	for _, a := range c.Accounts {
		key := graph.AccountKey(c.ID, a.Username)
		user, err := connection.user(now, a, s.logins, s.File)
		if err != nil {
			return nil, err
		}
		as := connection
		as.fence = t.fence()
		client, err := as.client(user, log.With("account", key))
		if err != nil {
			return nil, err
		}
		t.users = append(t.users, user)
		accounts = append(accounts, subscriptions.Account{Key: key, Graph: accountGraph{client, user}})
	}
	options := subscriptions.CoordinatorOptions{
		TenantID: c.ID,
		Accounts: accounts,
		People:   pushed,
		Desired: func(account string) subscriptions.Desired {
			key := s.vault.Current()
			return subscriptions.Desired{
				TenantID:          c.ID,
				AccountKey:        account,
				NotificationURL:   s.Config.CallbackURL(),
				LifecycleURL:      s.Config.LifecycleURL(),
				Certificate:       graph.Certificate{ID: key.ID, DER: key.Certificate},
				KnownCertificates: s.keys.holds,
				ClientState:       states.Issue(c.ID, account),
			}
		},
		Gap: func(account, reason string, userIDs []string) {
			log.Info("reading people whose changes may have been missed", "account", account, "reason", reason, "people", len(userIDs))
			t.coverage().Gap(account)
			t.sweeper.Ask(graph.OriginSweep, userIDs...)
		},
		Changed: func() { t.coverage().Update() },
		Log:     s.Log,
	}
	t.newPush = func() *subscriptions.Coordinator { return subscriptions.NewCoordinator(options) }
	t.renewTerm()
	return t, nil
}

// acceptRead takes in what a sweep has read, within a span of its own.
func (s *service) acceptRead(ctx context.Context, readings []graph.Reading) error {
	if s.Tracer == nil {
		return s.intake.Accept(ctx, readings)
	}
	ctx, span := s.Tracer.Start(ctx, "publish what was read", trace.WithSpanKind(trace.SpanKindProducer),
		trace.WithAttributes(attribute.Int("presencebridge.readings", len(readings))))
	defer span.End()
	err := s.intake.Accept(ctx, readings)
	if err != nil {
		span.SetStatus(codes.Error, "")
	}
	return err
}

// accountGraph is Graph as a service user: the calls, and a freshly issued token.
type accountGraph struct {
	*sdk.Client
	*signin.Credential
}

// run follows the tenant's people at once, and reads and subscribes to them
// as soon as they are known and the bus is there to take what comes. It calls
// tidySoon then.
func (s *service) runTenant(ctx context.Context, t *tenant) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return t.follower.Run(ctx) })
	g.Go(func() error {
		for _, c := range []<-chan struct{}{s.bus.ready, t.follower.Ready()} {
			select {
			case <-ctx.Done():
				return nil
			case <-c:
			}
		}
		s.tidySoon()
		if t.lease != nil {
			g.Go(func() error { return t.sweeper.Run(ctx) })
			return s.terms(ctx, t)
		}
		t.sweeper.AskAll(graph.OriginStart)
		g.Go(func() error { return t.sweeper.Run(ctx) })
		return t.act(ctx)
	})
	return g.Wait()
}

// known reports whether the tenant's people have been read once.
func (t *tenant) known() bool {
	select {
	case <-t.follower.Ready():
		return true
	default:
		return false
	}
}

// peopleChanged passes on who came and who left.
func (s *service) peopleChanged(t *tenant, d people.Diff) {
	s.announcer.Observe(d)
	if t.known() { // the first time everybody is read anyway
		for _, p := range d.Added {
			t.sweeper.Ask(graph.OriginSweep, p.ID)
		}
	}
	if len(d.Added)+len(d.Removed) > 0 {
		t.coverage().Update()
		t.push().Poke()
	}
	s.tidySoon()
}

// reload forgets refusals and cached secrets, and tries again what waits.
func (t *tenant) reload() {
	t.app.Reset()
	t.follower.Refresh()
	t.sweeper.Retry()
	for _, user := range t.users {
		user.Reset()
	}
	t.push().Poke()
}

// password is that of a service user.
func password(c config.Tenant, username string) (string, error) {
	for _, a := range c.Accounts {
		if a.Username == username {
			return a.Password.Read()
		}
	}
	return "", fmt.Errorf("the configuration names the service user of account %s no more", graph.AccountKey(c.ID, username))
}

func selection(c config.People) people.Selection {
	return people.Selection{Groups: c.Groups, Users: c.Users, All: c.All, Exclude: c.Exclude}
}
