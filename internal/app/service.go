package app

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"jtel.de/presencebridge/handlers"
	"jtel.de/presencebridge/internal/acme"
	"jtel.de/presencebridge/internal/board"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/expiry"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/graph/notification"
	"jtel.de/presencebridge/internal/intake"
	"jtel.de/presencebridge/internal/people"
	"jtel.de/presencebridge/internal/trail"
	"jtel.de/presencebridge/internal/vault"
)

// service is everything that one run holds. Built, nothing moves yet.
type service struct {
	Options
	files      *vault.Dir
	vault      *vault.Vault
	logins     *vault.Logins
	keys       *keyring
	bus        *bus
	instances  *instances // nil for a single one
	board      *board.Board
	directory  *people.Directory
	intake     *intake.Intake
	notes      *trail.Notes
	announcer  *intake.Announcer
	tokens     *notification.Tokens
	opener     *notification.Opener
	wipeRSA    func()             // nil until the keys may be copied
	tenants    map[string]*tenant // by tenant id
	metrics    *metrics
	forwarding *forwarding   // nil if nothing is forwarded
	acme       *acme.Manager // nil unless the certificate comes from an authority
	clock      *clock
	expiry     *expiry.Watch
	activity   *activity
	adminToken *handlers.Token // nil: none is asked for

	// untidy asks housekeep to look at once.
	untidy   chan struct{}
	stopping atomic.Bool
}

func build(ctx context.Context, o Options) (_ *service, err error) {
	s := &service{
		Options:   o,
		directory: people.NewDirectory(),
		tenants:   map[string]*tenant{},
		metrics:   newMetrics(o.Version),
		activity:  newActivity(o.Version, time.Now),
		untidy:    make(chan struct{}, 1),
		clock:     &clock{log: o.Log},
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if err := os.MkdirAll(o.Config.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("make data_dir: %w; make a directory that the service's user may write to, and name it as data_dir", err)
	}
	if s.files, err = vault.OpenDir(o.Config.DataDir); err != nil {
		return nil, err
	}
	if s.bus, err = openBus(o.Config, s.metrics.offered, o.Log); err != nil {
		return nil, err
	}
	store, err := s.openStore(ctx)
	if err != nil {
		return nil, err
	}
	if s.vault, err = vault.Open(ctx, store, o.Config.SealKeyFile, o.Log); err != nil {
		return nil, err
	}
	s.logins = s.vault.Logins()
	s.keys = newKeyring(s.vault)
	s.board = board.New(o.Log)
	s.notes = trail.New(o.Config.Events.History, time.Now)
	if s.forwarding, err = s.openForward(o.Config.NATS); err != nil {
		return nil, fmt.Errorf("nats.forward: %w", err)
	}
	roots, err := trustRoots(o.Config.Graph.CAFile)
	if err != nil {
		return nil, err
	}

	names, clients := map[string]string{}, map[string]string{}
	for _, t := range o.Config.Tenants {
		names[t.ID], clients[t.ID] = t.Name, t.ClientID
	}
	states := graph.NewClientStates(s.vault.ClientStateSecret())
	s.tokens = notification.NewTokens(notification.TokensOptions{
		Authority: o.Config.Graph.Authority, HTTP: s.clock.client(roots), Log: o.Log,
	})
	decrypt, wipe, err := openDecrypt(o.Config.RSA, s.vault.Current().Private, o.Log)
	if err != nil {
		return nil, err
	}
	s.wipeRSA = wipe
	s.opener = notification.NewOpener(notification.Options{
		Tenants: clients, ClientStates: states, Keys: s.keys, Tokens: s.tokens, Decrypt: decrypt,
	})
	s.announcer = intake.NewAnnouncer(intake.AnnouncerOptions{
		Bus:     s.bus,
		Lookup:  s.directory.Lookup,
		Known:   s.announces,
		Tenants: names,
		Fields:  intakeFields(o.Config.Events.Fields),
		History: o.Config.Events.History,
		Log:     o.Log,
	})
	s.intake = intake.New(intake.Options{
		Bus:     s.bus,
		Lookup:  s.directory.Lookup,
		Known:   s.peopleRead,
		Tenants: names,
		Fields:  intakeFields(o.Config.Events.Fields),
		Shared:  o.Config.NATS.URL != "", // nobody else publishes to the embedded server
		Told: func(p graph.Person) string {
			e, _ := s.board.State(p)
			return e.ID
		},
		Gap:     s.read,
		Doubt:   s.announced, // what the read finds then was no missed notification
		Seen:    s.seen,
		Trace:   s.notes.Note,
		Observe: s.metrics.intake,
		Stored: func(origin graph.Origin, stale bool, after time.Duration) {
			s.metrics.stored(origin, stale, after)
			s.activity.stored(origin, stale, after)
		},
		Log: o.Log,
	})
	s.watchExpiry()
	for _, t := range o.Config.Tenants {
		if s.tenants[t.ID], err = s.buildTenant(t, roots, states); err != nil {
			return nil, fmt.Errorf("tenant %s: %w", t.Name, err)
		}
	}
	s.watchState()
	if s.instances != nil {
		s.bus.also = s.reopen
	}
	return s, nil
}

func (s *service) close() error {
	if s.forwarding != nil {
		s.forwarding.conn.Close()
	}
	if s.acme != nil {
		s.acme.Close()
	}
	if s.bus != nil {
		s.bus.close()
	}
	if s.wipeRSA != nil {
		s.wipeRSA()
	}
	if s.files != nil {
		return s.files.Close()
	}
	return nil
}

// read asks the sweeps for these people. It never waits.
func (s *service) read(who []graph.Person) {
	for _, p := range who {
		if t := s.tenants[p.TenantID]; t != nil {
			t.sweeper.Ask(graph.OriginSweep, p.UserID)
		}
	}
}

// lifecycle hands an event to the subscription that it is about.
func (s *service) lifecycle(l graph.Lifecycle) {
	if t := s.tenants[l.TenantID]; t != nil {
		if !t.holds() {
			s.tell(t, word{Do: wordLifecycle, Lifecycle: l})
			return
		}
		t.push().Lifecycle(l)
	}
}

// watched reports whether we may hold anything about a person. While a tenant's
// people are not read yet, everybody of it stays.
func (s *service) watched(p graph.Person) bool {
	_, found := s.directory.Lookup(p.TenantID, p.UserID)
	return found || !s.peopleRead(p.TenantID)
}

// tidySoon asks for a look at who came, changed and left.
func (s *service) tidySoon() {
	select {
	case s.untidy <- struct{}{}:
	default:
	}
}

// housekeep tells changes of the directory, purges people who left from stream,
// bucket and memory, and looks after the keys. What fails is tried again every
// minute, and every hour anything else is looked for.
func (s *service) housekeep(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-s.bus.ready:
	}
	wait := time.Duration(0)
	for {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-s.untidy:
			timer.Stop()
		case <-timer.C:
		}
		wait = time.Hour
		if err := s.tidy(ctx); err != nil && ctx.Err() == nil {
			s.Log.Warn("housekeeping failed, it is tried again", "error", err)
			wait = time.Minute
		}
	}
}

// warmTokens fetches Microsoft's signing keys before the first notification
// needs them, and keeps trying: without them everything is answered 503.
func (s *service) warmTokens(ctx context.Context) error {
	wait := time.Second
	for {
		err := s.tokens.Warm(ctx)
		if err == nil {
			wait = time.Hour
		} else {
			wait = min(2*wait, time.Minute)
		}
		if !sleep(ctx, wait) {
			return nil
		}
	}
}

func intakeFields(f config.Fields) intake.Fields {
	return intake.Fields{Phones: f.Phones, DisplayName: f.DisplayName, StatusMessage: f.StatusMessage, WorkLocation: f.WorkLocation}
}

// trustRoots are those of graph.ca_file.
func trustRoots(file string) (*x509.CertPool, error) { return rootsOf("graph.ca_file", file) }

// rootsOf are the system's and, if named, those of a file. Nil are the system's.
func rootsOf(key, file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s %s holds no certificate in PEM form", key, file)
	}
	return roots, nil
}
