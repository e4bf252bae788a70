package app

import (
	"context"
	"crypto"
	"crypto/x509"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/graph/sdk"
	"jtel.de/presencebridge/internal/graph/signin"
	"jtel.de/presencebridge/internal/people"
	"jtel.de/presencebridge/internal/sweep"
	"jtel.de/presencebridge/subscriptions"
)

// tenant is one watched organisation: who is watched, what reads them, and the
// accounts whose subscriptions push.
type tenant struct {
	name     string
	app      *signin.Credential
	follower *people.Follower
	sweeper  *sweep.Sweeper
	users    []*signin.Credential // of the service users
	coverage *subscriptions.Coordinator
}

func (s *service) buildTenant(c config.Tenant, roots *x509.CertPool, states graph.ClientStates) (*tenant, error) {
	log := s.Log.With("tenant", c.ID)
	signIn := signin.Options{
		Authority: s.Config.Graph.Authority, TenantID: c.ID, ClientID: c.ClientID,
		HTTP: signin.NewHTTP(roots), Log: log,
	}
	if c.ClientSecret.IsSet() {
		signIn.Secret = c.ClientSecret.Read
	} else {
		signIn.Certificate = func() ([]*x509.Certificate, crypto.PrivateKey, error) {
			pem, err := c.ClientCertificate.ReadBytes()
			if err != nil {
				return nil, nil, err
			}
			return signin.ParseCertificate(pem, nil)
		}
	}
	client := func(credential *signin.Credential, log *slog.Logger) (*sdk.Client, error) {
		return sdk.New(sdk.Options{
			BaseURL: s.Config.Graph.BaseURL, Credential: credential, Roots: roots, ClientID: c.ClientID, Log: log,
		})
	}

	t := &tenant{name: c.Name}
	var err error
	if t.app, err = signin.NewApp(signIn); err != nil {
		return nil, err
	}
	reader, err := client(t.app, log)
	if err != nil {
		return nil, err
	}
	everybody := func() []string { return s.directory.IDs(c.ID) }
	t.sweeper = sweep.New(sweep.Options{
		TenantID: c.ID, Reader: reader, People: everybody, Accept: s.intake.Accept,
		Interval: c.Sweep.Interval, Log: log,
	})
	t.follower = people.NewFollower(people.Options{
		TenantID:  c.ID,
		Graph:     reader,
		Selection: func() people.Selection { return selection(c.People) },
		Directory: s.directory,
		Every:     c.People.Refresh,
		Changed:   func(d people.Diff) { s.peopleChanged(t, d) },
		Log:       s.Log,
	})
	var accounts []subscriptions.Account
	for _, a := range c.Accounts {
		key := graph.AccountKey(c.ID, a.Username)
		user, err := signin.NewUser(signIn, a.Username, a.Password.Read)
		if err != nil {
			return nil, err
		}
		client, err := client(user, log.With("account", key))
		if err != nil {
			return nil, err
		}
		t.users = append(t.users, user)
		accounts = append(accounts, subscriptions.Account{Key: key, Graph: accountGraph{client, user}})
	}
	t.coverage = subscriptions.NewCoordinator(subscriptions.CoordinatorOptions{
		TenantID: c.ID,
		Accounts: accounts,
		People:   everybody,
		Desired: func(account string) subscriptions.Desired {
			key := s.vault.Current()
			return subscriptions.Desired{
				TenantID:          c.ID,
				AccountKey:        account,
				NotificationURL:   s.Config.CallbackURL(),
				LifecycleURL:      s.Config.LifecycleURL(),
				Certificate:       graph.Certificate{ID: key.ID, DER: key.Certificate},
				KnownCertificates: s.holdsCertificate,
				ClientState:       states.Issue(c.ID, account),
			}
		},
		Gap: func(account, reason string, userIDs []string) {
			log.Info("reading people whose changes may have been missed", "account", account, "reason", reason, "people", len(userIDs))
			t.sweeper.Ask(graph.OriginSweep, userIDs...)
		},
		Log: s.Log,
	})
	return t, nil
}

// accountGraph is Graph as a service user: the calls, and a freshly issued token.
type accountGraph struct {
	*sdk.Client
	*signin.Credential
}

func (s *service) holdsCertificate(id string) bool {
	_, held := s.vault.PrivateKey(id, "")
	return held
}

// run follows the tenant's people at once, and reads and subscribes to them
// as soon as they are known and the bus is there to take what comes. It calls
// ready then.
func (t *tenant) run(ctx context.Context, busReady <-chan struct{}, ready func()) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return t.follower.Run(ctx) })
	g.Go(func() error {
		for _, c := range []<-chan struct{}{busReady, t.follower.Ready()} {
			select {
			case <-ctx.Done():
				return nil
			case <-c:
			}
		}
		ready()
		t.sweeper.AskAll(graph.OriginStart)
		g.Go(func() error { return t.sweeper.Run(ctx) })
		for _, run := range t.coverage.Runs() {
			g.Go(func() error { return run(ctx) })
		}
		return nil
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
	if t.known() { // the first time everybody is read anyway
		for _, p := range d.Added {
			t.sweeper.Ask(graph.OriginSweep, p.ID)
		}
	}
	if len(d.Added)+len(d.Removed) > 0 {
		t.coverage.Poke()
	}
	s.purgeLeavers()
}

// reload forgets refusals and cached secrets, and tries again what waits.
func (t *tenant) reload() {
	t.app.Reset()
	t.follower.Refresh()
	t.sweeper.Retry()
	for _, user := range t.users {
		user.Reset()
	}
	t.coverage.Poke()
}

func selection(c config.People) people.Selection {
	return people.Selection{Groups: c.Groups, Users: c.Users, All: c.All, Exclude: c.Exclude}
}
